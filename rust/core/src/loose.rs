//! Foreign JSON values as texts, without believing their shape: any value may stand anywhere.

use std::borrow::Cow;

use crate::bounds::MAX_ERROR_CHARS;
use crate::scan::{Json, Scanner};
use crate::text::clean;

/// A text, or a number or boolean as it is written.
pub(crate) fn scalar(json: Json<'_>) -> Option<Cow<'_, str>> {
    match json.first() {
        b'"' => json.text(),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(json.as_str())),
    }
}

/// What an error member says, or `None` when it says that there is none: null, false, 0 or anything empty.
///
/// Of an object its `message`, else its `code`; of a list its first item.
pub(crate) fn error_text(json: Json<'_>) -> Option<String> {
    let json = if json.first() == b'[' { Scanner::innermost_first(json)? } else { json };
    if json.first() == b'{' { error_of_object(json) } else { plain_error(json) }
}

fn error_of_object(json: Json<'_>) -> Option<String> {
    let mut said = [None; 2];
    let mut is_empty = true;
    let walked = Scanner::new(json.as_str()).members(|scanner, name| {
        is_empty = false;
        let value = scanner.value()?;
        match name {
            "message" => said[0] = Some(value),
            "code" => said[1] = Some(value),
            _ => {}
        }
        Ok(())
    });
    if walked.is_err() || is_empty {
        return None;
    }
    let said = said.into_iter().flatten().find_map(plain_error);
    Some(said.unwrap_or_else(|| clean(json.as_str(), MAX_ERROR_CHARS).into_owned()))
}

fn plain_error(json: Json<'_>) -> Option<String> {
    let said = scalar(json)?;
    let text = clean(&said, MAX_ERROR_CHARS);
    let says_nothing = text.is_empty() || text == "0" || json.as_str() == "false";
    (!says_nothing).then(|| text.into_owned())
}
