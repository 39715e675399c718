//! Encoding and number of parts of a text, by 3GPP TS 23.038 and 23.040. It counts; it does not encode.
//!
//! A text travels as GSM 03.38 when both alphabets together have all its characters, else as UCS-2. One message holds 160
//! septets or 70 units; a longer text is split into parts of 153 or 67, the rest being the header that joins them. A part
//! never ends between an escape and its character, nor between two surrogates, so a part may stay one unit short.

use crate::gsm7;
use crate::survey::Survey;

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
    let survey = Survey::of(text);
    let (encoding, units) = match septets(text, &survey) {
        Some(septets) => (Encoding::Gsm7, septets),
        None => (Encoding::Ucs2, survey.characters + survey.pairs),
    };
    let (single, each) = encoding.limits();
    let parts = if units <= single {
        1
    } else if units == survey.characters {
        units.div_ceil(each)
    } else {
        fill(text, encoding, each)
    };
    Segments { encoding, units, parts }
}

/// How many characters of one text are named at most, so that an answer stays short.
pub const MOST_NAMED: usize = 20;

/// The first distinct characters of `text` that are in neither alphabet, in order of appearance: what makes it UCS-2.
#[must_use]
pub fn forcing(text: &str) -> Vec<char> {
    let mut found = Vec::new();
    for character in text.chars().filter(|character| gsm7::septets(*character) == 0) {
        if found.len() == MOST_NAMED {
            break;
        }
        if !found.contains(&character) {
            found.push(character);
        }
    }
    found
}

/// Septets of the text, or `None` when a character is in neither alphabet.
fn septets(text: &str, survey: &Survey) -> Option<usize> {
    let ascii = survey.ascii + survey.escapes;
    if survey.has_foreign_ascii {
        None
    } else if survey.ascii == text.len() {
        Some(ascii)
    } else {
        gsm7::septets_beyond_ascii(text.as_bytes()).map(|others| ascii + others)
    }
}

/// Parts of `each` units when pairs must stay together: first come, first placed.
fn fill(text: &str, encoding: Encoding, each: usize) -> usize {
    let costs = match encoding {
        Encoding::Gsm7 => &GSM7_COSTS,
        Encoding::Ucs2 => &UCS2_COSTS,
    };
    let mut parts = 1;
    let mut room = each;
    for byte in text.bytes() {
        let cost = usize::from(costs[usize::from(byte)]);
        if cost > room {
            parts += 1;
            room = each;
        }
        room -= cost;
    }
    parts
}

/// Units of a character by the first byte of its UTF-8; the bytes that follow cost nothing.
static GSM7_COSTS: [u8; 256] = costs(Encoding::Gsm7);
static UCS2_COSTS: [u8; 256] = costs(Encoding::Ucs2);

const fn costs(encoding: Encoding) -> [u8; 256] {
    let mut costs = [0; 256];
    let mut byte = 0_u8;
    loop {
        costs[byte as usize] = match (encoding, byte) {
            (_, 0x80..0xc0) => 0,
            (Encoding::Gsm7, _) => gsm7::septets_by_first_byte(byte),
            (Encoding::Ucs2, 0xf0..) => 2,
            (Encoding::Ucs2, _) => 1,
        };
        if byte == u8::MAX {
            return costs;
        }
        byte += 1;
    }
}
