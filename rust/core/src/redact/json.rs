//! JSON read strictly (RFC 8259) and redacted on the way: names and strings as texts, private fields as a whole.
//!
//! Nothing recurses and nothing is built. Strings with escapes are read unescaped, because `\u002b` is a plus too, and are
//! written anew only if something in them was masked.

use super::MASK;
use super::classes::{AT, BLANK, CLASSES, DASH, DIGIT, LINK, MARK, STOP, UPPER};
use super::edits::Edits;
use super::names::Names;
use super::scan::Scanner;
use crate::json_text::write_escaped;

/// The redacted document, `Some(None)` if there was nothing to mask, `None` if this is no JSON.
#[expect(clippy::option_option, reason = "no JSON, or JSON in which nothing changed")]
pub(super) fn redact(names: &Names, json: &[u8]) -> Option<Option<Vec<u8>>> {
    str::from_utf8(json).ok()?;
    let mut walk = Walk { names, json, place: 0, open: Vec::new(), private: None, edits: Edits::new(json) };
    walk.document()?;
    Some(walk.edits.finish())
}

/// What may stand here.
#[derive(Clone, Copy, PartialEq)]
enum Want {
    Value,
    FirstItem,
    FirstName,
    Name,
    /// A comma or what closes the innermost value, or at the outermost level the end.
    Next,
}

struct Walk<'json> {
    names: &'json Names,
    json: &'json [u8],
    place: usize,
    /// The values around: whether each is an object.
    open: Vec<bool>,
    /// The start of a private value that is being read, and how many values are around it.
    private: Option<(usize, usize)>,
    edits: Edits<'json>,
}

/// A string between its quotes.
struct Inside {
    start: usize,
    end: usize,
    classes: u16,
    has_escapes: bool,
}

impl Walk<'_> {
    fn document(&mut self) -> Option<()> {
        let mut want = Want::Value;
        loop {
            self.skip_space();
            let Some(&byte) = self.json.get(self.place) else {
                return (want == Want::Next && self.open.is_empty()).then_some(());
            };
            want = match want {
                Want::FirstItem if byte == b']' => self.close(),
                Want::FirstItem | Want::Value => self.value(byte)?,
                Want::FirstName if byte == b'}' => self.close(),
                Want::FirstName | Want::Name => self.name()?,
                Want::Next => self.next(byte)?,
            };
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.json.get(self.place), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.place += 1;
        }
    }

    fn value(&mut self, byte: u8) -> Option<Want> {
        match byte {
            b'{' | b'[' => {
                self.place += 1;
                self.open.push(byte == b'{');
                return Some(if byte == b'{' { Want::FirstName } else { Want::FirstItem });
            }
            b'"' => {
                let inside = self.string()?;
                if self.private.is_none() {
                    self.redact_string(&inside)?;
                }
            }
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(self.end_value())
    }

    fn close(&mut self) -> Want {
        self.place += 1;
        self.open.pop();
        self.end_value()
    }

    /// A value ended here: if it was a private one, it is masked now.
    fn end_value(&mut self) -> Want {
        if let Some((start, depth)) = self.private
            && depth == self.open.len()
        {
            self.private = None;
            self.edits.replace(start, self.place, br#""***""#);
        }
        Want::Next
    }

    fn next(&mut self, byte: u8) -> Option<Want> {
        let is_object = *self.open.last()?;
        match byte {
            b',' => {
                self.place += 1;
                Some(if is_object { Want::Name } else { Want::Value })
            }
            b'}' if is_object => Some(self.close()),
            b']' if !is_object => Some(self.close()),
            _ => None,
        }
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Option<Want> {
        let inside = self.string()?;
        self.skip_space();
        if self.json.get(self.place) != Some(&b':') {
            return None;
        }
        self.place += 1;
        self.skip_space();
        if self.private.is_none() {
            if self.is_private(&inside)? {
                self.private = Some((self.place, self.open.len()));
            }
            self.redact_string(&inside)?;
        }
        Some(Want::Value)
    }

    fn is_private(&self, name: &Inside) -> Option<bool> {
        let bytes = &self.json[name.start..name.end];
        let kind = if name.has_escapes {
            self.names.kind(&unescape(bytes)?)
        } else {
            self.names.kind(str::from_utf8(bytes).ok()?)
        };
        Some(kind.is_some())
    }

    fn redact_string(&mut self, inside: &Inside) -> Option<()> {
        let Inside { start, end, classes, has_escapes } = *inside;
        if has_escapes {
            let text = unescape(&self.json[start..end])?;
            let mut edits = Edits::new(text.as_bytes());
            Scanner::new(self.names, text.as_bytes(), 0, true).scan(&mut edits);
            if let Some(redacted) = edits.finish() {
                let mut escaped = Vec::with_capacity(end - start);
                write_escaped(str::from_utf8(&redacted).unwrap_or(MASK), &mut escaped);
                self.edits.replace(start, end, &escaped);
            }
        } else if may_hide(end - start, classes) {
            let may_have_emails = classes & (AT | MARK) != 0;
            Scanner::new(self.names, &self.json[start..end], start, may_have_emails).scan(&mut self.edits);
        }
        Some(())
    }

    /// A string, checked but not read.
    fn string(&mut self) -> Option<Inside> {
        if self.json.get(self.place) != Some(&b'"') {
            return None;
        }
        let start = self.place + 1;
        let mut inside = Inside { start, end: start, classes: 0, has_escapes: false };
        loop {
            let byte = *self.json.get(inside.end)?;
            let class = CLASSES[usize::from(byte)];
            inside.classes |= class;
            if class & STOP == 0 {
                inside.end += 1;
                continue;
            }
            match byte {
                b'"' => break,
                b'\\' => inside.end += escape_len(&self.json[inside.end..])?,
                _ => return None,
            }
            inside.has_escapes = true;
        }
        self.place = inside.end + 1;
        Some(inside)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_there = self.json[self.place..].starts_with(word);
        self.place += word.len();
        is_there.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let first = self.place + usize::from(self.json[self.place] == b'-');
        let mut end = self.digits(first)?;
        if self.json[first] == b'0' && end > first + 1 {
            return None;
        }
        if self.json.get(end) == Some(&b'.') {
            end = self.digits(end + 1)?;
        }
        if matches!(self.json.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.json.get(end + 1), Some(b'+' | b'-')));
            end = self.digits(end + 1 + sign)?;
        }
        self.place = end;
        Some(())
    }

    /// One digit or more.
    fn digits(&self, start: usize) -> Option<usize> {
        let len = self.json.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (len > 0).then_some(start + len)
    }
}

/// Whether any shape fits into a string of that length with characters of these classes.
fn may_hide(len: usize, classes: u16) -> bool {
    match classes {
        _ if len >= 32 => true,
        _ if classes & (AT | MARK) != 0 => len > 3,
        _ if classes & (DIGIT | LINK | DASH | UPPER | BLANK) != 0 => len > 7,
        _ => false,
    }
}

/// Bytes of the escape at the start of `json`, if it is one.
fn escape_len(json: &[u8]) -> Option<usize> {
    match json.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => json.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// The text of a checked string; lone surrogates become replacement characters.
fn unescape(json: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'\\' {
            text.push(byte);
            rest = after;
            continue;
        }
        let (char, len) = escaped_char(rest)?;
        text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[len..];
    }
    String::from_utf8(text).ok()
}

/// The character of the escape at the start of `json`, and its bytes there.
fn escaped_char(json: &[u8]) -> Option<(char, usize)> {
    let char = match json.get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = unit(json)?;
            let low = if (0xD800..0xDC00).contains(&high) { unit(&json[6..]) } else { None };
            return match low.map(|low| char::decode_utf16([high, low]).next()) {
                Some(Some(Ok(char))) => Some((char, 12)),
                _ => Some((char::from_u32(u32::from(high)).unwrap_or(char::REPLACEMENT_CHARACTER), 6)),
            };
        }
        &byte => char::from(byte),
    };
    Some((char, 2))
}

/// The UTF-16 unit of a `\uXXXX`.
fn unit(json: &[u8]) -> Option<u16> {
    let digits = json.get(..6)?.strip_prefix(br"\u")?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}
