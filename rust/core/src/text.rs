//! Foreign texts made fit for storing: trimmed, cut, and without NUL, which no PostgreSQL text can hold.

use std::borrow::Cow;

use memchr::memchr;

use crate::bounds::MAX_ID_CHARS;

/// The text without the white space around it. Most texts have none, and most of those are seen at once to have none.
#[must_use]
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

/// At most `limit` characters of the trimmed text.
#[must_use]
pub(crate) fn clean(text: &str, limit: usize) -> Cow<'_, str> {
    let text = trim(text);
    if text.len() <= limit && memchr(0, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().take(limit);
    shown.map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character }).collect()
}

/// Whether a foreign text can serve as a message's id.
#[must_use]
pub(crate) fn is_id(text: &str) -> bool {
    let is_short = || text.len() <= MAX_ID_CHARS || text.chars().nth(MAX_ID_CHARS).is_none();
    !text.is_empty() && is_short() && memchr(0, text.as_bytes()).is_none()
}
