//! A strict reader of foreign JSON that builds nothing: every value is a slice of the text, nothing recurses, and each byte is
//! looked at once. It does not know what the values mean.
//!
//! The callers walk objects and lists with [`Scanner::members`] and [`Scanner::items`]; each member and each item must be
//! consumed, by walking on or by [`Scanner::value`], which passes over a value of any shape.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::bounds::MAX_DEPTH;

/// The text is no JSON, or is nested too deep, from this byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) usize);

/// A whole value as it stands in the text, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    /// The byte that says what kind of value it is.
    pub(crate) fn first(self) -> u8 {
        self.0.as_bytes().first().copied().unwrap_or_default()
    }

    /// A JSON text, unescaped; `None` for any other value or a text with a lone surrogate.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        let has_escapes = || memchr(b'\\', self.0.as_bytes()).is_some();
        if self.first() == b'"' { unquote(self.0, has_escapes()) } else { None }
    }
}

/// A place in a JSON text.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    /// Whether white space was passed over since [`Self::start`].
    has_blanks: bool,
    /// Whether there is a control character anywhere: if not, and in a compact text there is none, no string can hold one.
    has_controls: bool,
    /// Whether the string passed last has escapes.
    has_escapes: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            has_blanks: false,
            has_controls: has_controls(text.as_bytes()),
            has_escapes: false,
        }
    }

    /// The byte with which the next value or sign begins.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => {
                    self.has_blanks = true;
                    self.at += 1;
                }
                found => return found.copied(),
            }
        }
    }

    /// Where the next value begins; [`Self::since`] gives it back once it is consumed.
    pub(crate) fn start(&mut self) -> usize {
        self.peek();
        self.has_blanks = false;
        self.at
    }

    /// The value that began at `start`, and whether there is white space between its parts.
    pub(crate) fn since(&self, start: usize) -> (Json<'a>, bool) {
        (Json(&self.text[start..self.at]), self.has_blanks)
    }

    /// Fails unless nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        if self.peek().is_none() { Ok(()) } else { self.fail() }
    }

    /// Walks an object: `each` is given a member's name and must consume its value. A name with a lone surrogate, which
    /// nobody can have asked for, is given as a replacement character.
    pub(crate) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'{')?;
        if self.peek() != Some(b'}') {
            loop {
                let name = self.name()?;
                if self.has_escapes {
                    each(self, unquote(name, true).as_deref().unwrap_or("\u{fffd}"))?;
                } else {
                    each(self, &name[1..name.len() - 1])?;
                }
                if !self.take(b',') {
                    break;
                }
            }
        }
        self.close(b'}')
    }

    /// Walks a list: `each` must consume one item.
    pub(crate) fn items(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.open(b'[')?;
        if self.peek() != Some(b']') {
            loop {
                each(self)?;
                if !self.take(b',') {
                    break;
                }
            }
        }
        self.close(b']')
    }

    /// Consumes one value of any shape.
    pub(crate) fn value(&mut self) -> Result<Json<'a>, Malformed> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => return self.string().map(Json),
            Some(b'{' | b'[') => self.nested()?,
            _ => self.plain()?,
        }
        Ok(Json(&self.text[start..self.at]))
    }

    /// Consumes `before`, the inside of a string without escapes, and `after`, which begins with the quote behind it.
    /// Consumes nothing and gives `None` where something else stands, or an inside that is not `accepted`.
    pub(crate) fn between(&mut self, before: &str, after: &str, accepted: impl Fn(&str) -> bool) -> Option<&'a str> {
        let rest = self.text[self.at..].strip_prefix(before)?;
        let (inside, rest) = rest.split_at(memchr2(b'"', b'\\', rest.as_bytes())?);
        if self.has_controls || !rest.starts_with(after) || !accepted(inside) {
            return None;
        }
        self.at += before.len() + inside.len() + after.len();
        Some(inside)
    }

    /// The first value in a list that is no list itself, with which the first list begins; `None` when there is none.
    pub(crate) fn innermost_first(list: Json<'a>) -> Option<Json<'a>> {
        let mut scanner = Self::new(list.0);
        while scanner.take(b'[') {}
        if scanner.peek() == Some(b']') { None } else { scanner.value().ok() }
    }

    fn fail<Value>(&self) -> Result<Value, Malformed> {
        Err(Malformed(self.at))
    }

    fn take(&mut self, sign: u8) -> bool {
        let is_there = self.peek() == Some(sign);
        self.at += usize::from(is_there);
        is_there
    }

    fn open(&mut self, sign: u8) -> Result<(), Malformed> {
        if self.depth == MAX_DEPTH || !self.take(sign) {
            return self.fail();
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, sign: u8) -> Result<(), Malformed> {
        if !self.take(sign) {
            return self.fail();
        }
        self.depth -= 1;
        Ok(())
    }

    /// A member's name and the colon behind it.
    fn name(&mut self) -> Result<&'a str, Malformed> {
        if self.peek() != Some(b'"') {
            return self.fail();
        }
        let name = self.string()?;
        if self.take(b':') { Ok(name) } else { self.fail() }
    }

    /// An object or a list with all that is in it. The lowest bit of `objects` says whether the innermost open one is an
    /// object, the bits above it the same of those around it.
    fn nested(&mut self) -> Result<(), Malformed> {
        let outside = self.depth;
        let mut objects = 0_u128;
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.open(b'{')?;
                    objects = objects << 1 | 1;
                    if self.peek() != Some(b'}') {
                        self.name()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.open(b'[')?;
                    objects <<= 1;
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b'"') => {
                    self.string()?;
                }
                _ => self.plain()?,
            }
            // A value has ended, or the object or list just opened is empty.
            while !self.take(b',') {
                self.close(if objects & 1 == 1 { b'}' } else { b']' })?;
                objects >>= 1;
                if self.depth == outside {
                    return Ok(());
                }
            }
            if objects & 1 == 1 {
                self.name()?;
            }
        }
    }

    /// A string that is there, with its quotes. Nearly all end at the first quote or backslash in them.
    fn string(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let length = memchr2(b'"', b'\\', &bytes[start + 1..]);
        match length.map(|length| start + 1 + length) {
            Some(end) if bytes[end] == b'"' && !self.has_controls => {
                self.at = end + 1;
                self.has_escapes = false;
                Ok(&self.text[start..=end])
            }
            _ => self.uncommon_string(),
        }
    }

    #[cold]
    fn uncommon_string(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.has_escapes = false;
        self.at += 1;
        loop {
            let from = self.at;
            let Some(length) = memchr2(b'"', b'\\', &bytes[from..]) else { return self.fail() };
            self.at += length;
            if has_controls(&bytes[from..self.at]) {
                return self.fail();
            }
            match bytes[self.at..] {
                [b'"', ..] => break,
                [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
                [_, b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(u8::is_ascii_hexdigit) => self.at += 6,
                _ => return self.fail(),
            }
            self.has_escapes = true;
        }
        self.at += 1;
        Ok(&self.text[start..self.at])
    }

    /// A number, `true`, `false` or `null`.
    fn plain(&mut self) -> Result<(), Malformed> {
        let rest = &self.text.as_bytes()[self.at..];
        for word in ["true", "false", "null"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        self.at += usize::from(rest.first() == Some(&b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { self.fail() }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// What a JSON text says; `None` with a lone surrogate.
fn unquote(json: &str, has_escapes: bool) -> Option<Cow<'_, str>> {
    if has_escapes {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(&json[1..json.len() - 1]))
    }
}

/// Whether any byte is below 0x20. Without an early end inside a block the compiler uses vector instructions.
fn has_controls(bytes: &[u8]) -> bool {
    let is_control = |byte: u8| byte < 0x20;
    bytes.chunks(256).any(|block| block.iter().fold(false, |any, &byte| any | is_control(byte)))
}

#[cfg(test)]
mod tests;
