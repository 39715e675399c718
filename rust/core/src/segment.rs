//! Encoding and number of parts of a text, by 3GPP TS 23.038 and 23.040. It counts; it does not encode.
//!
//! A text travels as GSM 03.38 when both alphabets together have all its characters, else as UCS-2. One message holds 160
//! septets or 70 units; a longer text is split into parts of 153 or 67, the rest being the header that joins them. A part
//! never ends between an escape and its character, nor between two surrogates, so a part may stay one unit short.

use crate::gsm7;

/// How a text is encoded on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet with its extension table.
    Gsm7,
    /// UTF-16 code units.
    Ucs2,
}

impl Encoding {
    /// The name shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    const fn limits(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }
}

/// How a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// The alphabet.
    pub encoding: Encoding,
    /// Septets or UTF-16 code units.
    pub units: usize,
    /// Messages on the air; an empty text is one.
    pub parts: usize,
}

/// Encoding, units and parts of `text`.
#[must_use]
pub fn segments(text: &str) -> Segments {
    if let Some(units) = ascii_septets(text).or_else(|| septets(text)) {
        let has_pairs = units != text.chars().count();
        return split(text, Encoding::Gsm7, units, has_pairs);
    }
    let units = text.chars().map(char::len_utf16).sum();
    let has_pairs = text.chars().any(|character| character.len_utf16() == 2);
    split(text, Encoding::Ucs2, units, has_pairs)
}

/// Septets of a text of nothing but ASCII characters of the alphabets: a table look-up per byte, no branch.
fn ascii_septets(text: &str) -> Option<usize> {
    let mut units = 0;
    let mut is_ours = true;
    for &byte in text.as_bytes() {
        let own = gsm7::ASCII_SEPTETS[usize::from(byte)];
        units += usize::from(own);
        is_ours &= own != 0;
    }
    is_ours.then_some(units)
}

/// Septets of a text, or `None` when a character is in neither alphabet.
fn septets(text: &str) -> Option<usize> {
    text.chars().try_fold(0, |units, character| match gsm7::septets(character) {
        0 => None,
        own => Some(units + usize::from(own)),
    })
}

fn split(text: &str, encoding: Encoding, units: usize, has_pairs: bool) -> Segments {
    let (single, each) = encoding.limits();
    let parts = if units <= single {
        1
    } else if has_pairs {
        fill(text, encoding, each)
    } else {
        units.div_ceil(each)
    };
    Segments { encoding, units, parts }
}

/// Parts of `each` units when pairs must stay together: first come, first placed.
fn fill(text: &str, encoding: Encoding, each: usize) -> usize {
    let mut parts = 1;
    let mut room = each;
    for character in text.chars() {
        let cost = match encoding {
            Encoding::Gsm7 => usize::from(gsm7::septets(character)),
            Encoding::Ucs2 => character.len_utf16(),
        };
        if cost > room {
            parts += 1;
            room = each;
        }
        room -= cost;
    }
    parts
}
