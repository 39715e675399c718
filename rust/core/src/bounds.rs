//! Every bound on foreign input, in one place. What goes past one is refused or cut as `_core.pyi` says, at a cost that does
//! not grow with what is beyond.

/// Most bytes of a row of a recipients file, its line end included, and of an item of a JSON body. It bounds the cells and
/// values in it too. A row over it is malformed: an unclosed quote must not swallow the rest of the file.
pub const MAX_ROW_BYTES: usize = 65_536;

/// Most columns of a CSV file, and most members of an NDJSON or JSON item.
pub const MAX_COLUMNS: usize = 200;

/// Most bytes of a JSON body, which is held whole until its end.
pub const MAX_BODY_BYTES: usize = 10_000_000;

/// Most rows of a chunk, so that a file of opted-out numbers still moves its checkpoint.
pub const MAX_CHUNK_ROWS: u64 = 50_000;

/// Last sequence number: they are `int4` in the store.
pub const MAX_SEQ: u64 = i32::MAX as u64;

/// Most characters of a skipped row's detail.
pub const MAX_DETAIL_CHARS: usize = 64;

/// Most bytes of a template, and so of all its literals and placeholders.
pub const MAX_TEMPLATE_BYTES: usize = 65_536;

/// Most distinct names in one template.
pub const MAX_NAMES: usize = 32;

/// Most characters of a name.
pub const MAX_NAME_CHARS: usize = 64;

/// Most parts of a message, by the protocol.
pub const MAX_PARTS: u32 = 255;

/// No text of more bytes fits [`MAX_PARTS`]: a part holds 153 septets of at most two bytes of UTF-8 each, or 67 units of at
/// most three. Longer ones are not even rendered, for a short template can repeat a long value thousands of times.
pub const MAX_TEXT_BYTES: usize = MAX_PARTS as usize * 153 * 2;

/// Most JSON objects and lists inside one another. The open ones are the bits of one integer, so depth costs no memory.
pub const MAX_DEPTH: u32 = u128::BITS;

/// Most characters of a provider's id. Longer ones, and ones with NUL, could not be stored and indexed.
pub const MAX_ID_CHARS: usize = 200;

/// Most characters kept of a report's status.
pub const MAX_STATUS_CHARS: usize = 64;

/// Most characters kept of an error's text.
pub const MAX_ERROR_CHARS: usize = 200;
