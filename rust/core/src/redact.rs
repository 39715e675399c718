//! Private data taken out of texts, JSON and headers, in one pass whose work is bounded for every byte.
//!
//! From left to right, the first shape that fits at a place is masked and the reading goes on behind it as if a text began
//! there. So a masked text stays as it is when it is masked again. What has a shape:
//!
//! * phone numbers with `+` or `%2B`, with `(area)`, with `0` or `00` and separators, as 3-3-4 digits, or as three to five
//!   groups with hyphens; bare runs of digits stay, and so do groups parted by blanks alone ([`number`]);
//! * card numbers of 13 to 19 digits that pass Luhn's check ([`card`]);
//! * e-mail addresses and what stands before `@` in a URL ([`address`]);
//! * keys, tokens, credentials, long hexadecimal and long mixed runs ([`secret`]);
//! * the value of `name=value` and `name: value` with a private name ([`pair`], [`names`]).
//!
//! Never here: deciding by meaning. A person's name in a sentence stays.

mod address;
mod card;
mod classes;
mod edits;
mod json;
mod names;
mod number;
mod pair;
mod scan;
mod secret;

use std::borrow::Cow;

use self::edits::Edits;
use self::names::Names;
use self::scan::Scanner;

/// What stands where something was.
pub const MASK: &str = "***";

/// Takes private data out of what is to be shown.
pub struct Redactor {
    names: Names,
}

impl Redactor {
    /// With private field names beside the usual ones; case, `-`, `_` and blanks in names do not matter.
    pub fn new<Name: AsRef<str>>(extra_fields: impl IntoIterator<Item = Name>) -> Self {
        Self { names: Names::new(extra_fields) }
    }

    /// The names of the fields that are private as a whole, as they are compared: lower case, letters and digits.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        self.names.all()
    }

    /// Whether a field of that name is private as a whole.
    #[must_use]
    pub fn is_private(&self, name: &str) -> bool {
        self.names.kind(name).is_some()
    }

    /// The text with everything private masked; the same text if there is nothing.
    #[must_use]
    pub fn text<'text>(&self, text: &'text str) -> Cow<'text, str> {
        let mut edits = Edits::new(text.as_bytes());
        Scanner::new(&self.names, text.as_bytes(), 0, true).scan(&mut edits);
        match edits.finish() {
            None => Cow::Borrowed(text),
            Some(bytes) => Cow::Owned(into_text(bytes)),
        }
    }

    /// A JSON document with private fields masked whole, and every other string and name masked like a text.
    ///
    /// What is no JSON is masked as a text. But where that could hide something, because it has escapes, or would turn it
    /// into JSON, nothing but the mask is left.
    #[must_use]
    pub fn json<'json>(&self, json: &'json [u8]) -> Cow<'json, [u8]> {
        match json::redact(&self.names, json) {
            Some(None) => Cow::Borrowed(json),
            Some(Some(redacted)) => Cow::Owned(redacted),
            None => self.no_json(json),
        }
    }

    fn no_json<'json>(&self, json: &'json [u8]) -> Cow<'json, [u8]> {
        let has_escapes = json.windows(2).any(|pair| pair == br"\u" || pair == br"\/");
        let text = String::from_utf8_lossy(json);
        let redacted = self.text(&text);
        if has_escapes || json::redact(&self.names, redacted.as_bytes()).is_some() {
            return Cow::Owned(MASK.into());
        }
        if *redacted.as_bytes() == *json { Cow::Borrowed(json) } else { Cow::Owned(redacted.into_owned().into_bytes()) }
    }
}

/// Masks are UTF-8 and are put between whole characters, so nothing is ever replaced here.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
