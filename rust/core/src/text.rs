//! Foreign texts made fit for storing: trimmed, cut, and without NUL, which no PostgreSQL text can hold.

/// At most `limit` characters of the trimmed text.
#[must_use]
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let shown = text.trim().chars().take(limit);
    shown.map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character }).collect()
}

/// Most characters of a provider's id. Longer ones, and ones with NUL, could not be stored and indexed.
const MAX_ID_CHARS: usize = 200;

/// Whether a foreign text can serve as a message's id.
#[must_use]
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0') && text.chars().take(MAX_ID_CHARS + 1).count() <= MAX_ID_CHARS
}
