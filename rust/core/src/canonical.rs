//! The canonical form of a JSON text: two bodies have the same one exactly when they say the same.
//!
//! It is that of RFC 8785 (no white space, keys by their UTF-16 code units, shortest escapes) but for numbers, which keep
//! their exact text: whether `1` and `1.0` are the same is for the reader of the body to say. Refused is what two readers
//! could understand differently: keys that stand twice, bad UTF-8, halves of surrogate pairs, a byte order mark.
//!
//! One pass, no tree. The canonical form is never longer than the text, and most of it is the text: runs of it are copied
//! only where white space or an escape ends them, and a body that has neither is read in place. What changes the order of
//! members is noted beside it ([`KeyOrder`]) and done while the form is written out.

use std::borrow::Cow;

use crate::error::Error;
use crate::flaw::Flaw;
use crate::json_scan::{number_len, plain_len, read_escape, white_space_len};
use crate::json_text::write_escaped;
use crate::key_order::{KeyOrder, Open};

/// Deepest nesting of arrays and objects: bounds the stack, and no request of this gateway comes near.
pub const MAX_DEPTH: usize = 64;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The canonical form; borrowed when `body` is it already.
///
/// # Errors
/// [`Error::Format`] when `body` is no JSON or could be read in two ways. The text says why and where, and quotes nothing.
pub fn canonical_json(body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let Canonical { compact, order } = Canonical::read(body)?;
    if order.is_given() {
        return Ok(compact);
    }
    let mut ordered = Vec::with_capacity(compact.len());
    order.write(&compact, &mut |part| ordered.extend_from_slice(part));
    Ok(Cow::Owned(ordered))
}

/// A text that was read: all but the order of its members is canonical.
pub(crate) struct Canonical<'a> {
    compact: Cow<'a, [u8]>,
    order: KeyOrder<'a>,
}

impl<'a> Canonical<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(body).map_err(|error| refuse(Flaw::NotUtf8, error.valid_up_to()))?;
        if text.starts_with(BYTE_ORDER_MARK) {
            return Err(refuse(Flaw::ByteOrderMark, 0));
        }
        if u32::try_from(text.len()).is_err() {
            return Err(refuse(Flaw::TooLong, text.len()));
        }
        let mut reader = Reader::new(text);
        match reader.read_text() {
            Ok(()) => Ok(reader.into_canonical()),
            Err(flaw) => Err(refuse(flaw, reader.at)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.compact.len()
    }

    /// Hands the canonical form to `sink`, part by part.
    pub(crate) fn write(&self, sink: &mut impl FnMut(&[u8])) {
        if self.order.is_given() {
            sink(&self.compact);
        } else {
            self.order.write(&self.compact, sink);
        }
    }
}

fn refuse(flaw: Flaw, at: usize) -> Error {
    Error::Format(format!("The JSON body cannot be used: {}, at byte {at}.", flaw.text()))
}

type Step<Value = ()> = Result<Value, Flaw>;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The canonical form of the text before `copied`, but for the order of members.
    compact: Vec<u8>,
    copied: usize,
    order: KeyOrder<'a>,
    /// Whether any character of the text lies beyond the basic plane.
    has_pairs: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, compact: Vec::new(), copied: 0, order: KeyOrder::new(text), has_pairs: has_pairs(text) }
    }

    fn into_canonical(mut self) -> Canonical<'a> {
        let compact = if self.copied == 0 {
            Cow::Borrowed(self.text.as_bytes())
        } else {
            self.compact.extend_from_slice(&self.text.as_bytes()[self.copied..]);
            Cow::Owned(self.compact)
        };
        Canonical { compact, order: self.order }
    }

    fn read_text(&mut self) -> Step {
        self.skip_white_space();
        self.read_value(0)?;
        self.skip_white_space();
        if self.at == self.text.len() { Ok(()) } else { Err(Flaw::Trailing) }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured: a call for every value costs a tenth of the time")]
    fn read_value(&mut self, depth: usize) -> Step {
        match self.peek() {
            Some(b'"') => self.read_string().map(|_| ()),
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(Flaw::TooDeep),
            Some(b'{') => self.read_object(depth + 1),
            Some(b'[') => self.read_array(depth + 1),
            Some(b'-' | b'0'..=b'9') => {
                self.at += number_len(self.rest()).ok_or(Flaw::BadNumber)?;
                Ok(())
            }
            Some(b't') => self.read_word(b"true"),
            Some(b'f') => self.read_word(b"false"),
            Some(b'n') => self.read_word(b"null"),
            Some(_) => Err(Flaw::NoValue),
            None => Err(Flaw::Ends),
        }
    }

    fn read_word(&mut self, word: &[u8]) -> Step {
        if !self.rest().starts_with(word) {
            return Err(Flaw::NoValue);
        }
        self.at += word.len();
        Ok(())
    }

    #[inline(never)]
    fn read_array(&mut self, depth: usize) -> Step {
        self.at += 1;
        self.skip_white_space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.read_value(depth)?;
            self.skip_white_space();
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', Flaw::NoComma)?;
        }
    }

    #[inline(never)]
    fn read_object(&mut self, depth: usize) -> Step {
        self.at += 1;
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(());
        }
        let mut open = self.order.open(self.place());
        loop {
            self.read_key(&mut open)?;
            self.read_value(depth)?;
            self.order.end_member(self.place());
            self.skip_white_space();
            if self.peek() == Some(b'}') {
                break;
            }
            self.expect(b',', Flaw::NoComma)?;
        }
        self.order.close(&open, self.place())?;
        self.at += 1;
        Ok(())
    }

    /// The key and its colon.
    fn read_key(&mut self, open: &mut Open) -> Step {
        if self.peek() != Some(b'"') {
            return Err(if self.at == self.text.len() { Flaw::Ends } else { Flaw::NoKey });
        }
        let (start, place) = (self.at, self.place());
        let has_escapes = self.read_string()?;
        let key = (start + 1, self.at - 1);
        let is_as_written = !(has_escapes || self.has_pairs && has_pairs(&self.text[key.0..key.1]));
        self.order.begin_member(open, place, key, is_as_written)?;
        self.skip_white_space();
        self.expect(b':', Flaw::NoColon)
    }

    /// Returns whether there were escapes in it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured, as above")]
    fn read_string(&mut self) -> Step<bool> {
        self.at += 1;
        self.at += plain_len(self.rest());
        if self.take(b'"') { Ok(false) } else { self.read_escapes() }
    }

    /// The rest of a string from its first escape on.
    #[inline(never)]
    fn read_escapes(&mut self) -> Step<bool> {
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.read_escape()?,
                Some(_) => return Err(Flaw::Control),
                None => return Err(Flaw::Ends),
            }
            self.at += plain_len(self.rest());
        }
        self.at += 1;
        Ok(true)
    }

    /// Escapes that are the shortest for their character stay in the run; the others are written anew.
    fn read_escape(&mut self) -> Step {
        let (character, length) = read_escape(self.rest())?;
        if length == 2 && character != '/' {
            self.at += length;
            return Ok(());
        }
        self.drop_bytes(length);
        let mut buffer = [0; 4];
        write_escaped(character.encode_utf8(&mut buffer), &mut self.compact);
        Ok(())
    }

    /// Takes one byte and the white space behind it.
    fn expect(&mut self, byte: u8, otherwise: Flaw) -> Step {
        if !self.take(byte) {
            return Err(if self.at == self.text.len() { Flaw::Ends } else { otherwise });
        }
        self.skip_white_space();
        Ok(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_white_space(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.drop_bytes(white_space_len(self.rest()));
        }
    }

    /// Ends the run: copies it, and leaves out the next bytes.
    fn drop_bytes(&mut self, length: usize) {
        if self.compact.capacity() == 0 {
            self.compact.reserve_exact(self.text.len());
        }
        self.compact.extend_from_slice(&self.text.as_bytes()[self.copied..self.at]);
        self.at += length;
        self.copied = self.at;
    }

    /// Where the byte at hand stands in the compact text.
    fn place(&self) -> usize {
        self.compact.len() + (self.at - self.copied)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }
}

/// Whether a character takes two UTF-16 code units: then its UTF-8 begins with 0xF0 or more.
fn has_pairs(text: &str) -> bool {
    text.bytes().max().is_some_and(|byte| byte >= 0xF0)
}
