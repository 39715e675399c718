//! What kind of character a byte is, as bits: one look-up a byte tells whether anything can begin there.

pub(super) const LOWER: u16 = 1;
pub(super) const UPPER: u16 = 1 << 1;
pub(super) const DIGIT: u16 = 1 << 2;
/// `_`
pub(super) const LINK: u16 = 1 << 3;
/// `-`
pub(super) const DASH: u16 = 1 << 4;
/// `+` and `/`
pub(super) const SIGN: u16 = 1 << 5;
/// `=`, `:`, `(` and `%`: a pair, an area code, an escaped sign may begin.
pub(super) const MARK: u16 = 1 << 6;
pub(super) const AT: u16 = 1 << 7;
/// Blank and tab.
pub(super) const BLANK: u16 = 1 << 8;
/// What a JSON string cannot contain as it is: quote, backslash, control characters.
pub(super) const STOP: u16 = 1 << 9;
/// A byte of a character outside ASCII.
pub(super) const WIDE: u16 = 1 << 10;
const DOT: u16 = 1 << 11;

/// A word: what must not stand right before or behind a shape.
pub(super) const WORD: u16 = LOWER | UPPER | DIGIT | LINK;
/// A run of the alphabet of base64url.
pub(super) const URL_RUN: u16 = WORD | DASH;
/// A run of either alphabet of base64.
pub(super) const RUN: u16 = URL_RUN | SIGN;
/// The first labels of a domain.
pub(super) const DOMAIN: u16 = LOWER | UPPER | DIGIT | DASH | WIDE | DOT;

pub(super) static CLASSES: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class_of(byte);
        byte += 1;
    }
    table
}

const fn class_of(byte: usize) -> u16 {
    if byte >= 0x80 {
        return WIDE;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 128")]
    match byte as u8 {
        b'a'..=b'z' => LOWER,
        b'A'..=b'Z' => UPPER,
        b'0'..=b'9' => DIGIT,
        b'_' => LINK,
        b'-' => DASH,
        b'+' | b'/' => SIGN,
        b'=' | b':' | b'(' | b'%' => MARK,
        b'@' => AT,
        b'.' => DOT,
        b' ' => BLANK,
        b'\t' => BLANK | STOP,
        b'"' | b'\\' | 0..0x20 => STOP,
        _ => 0,
    }
}

/// The class of the byte at a place, none behind the end.
pub(super) fn class(text: &[u8], place: usize) -> u16 {
    text.get(place).map_or(0, |&byte| CLASSES[usize::from(byte)])
}

/// Whether a word character stands right before the place.
pub(super) fn is_behind_word(text: &[u8], place: usize) -> bool {
    place > 0 && class(text, place - 1) & WORD != 0
}

/// The end of the run of bytes of these classes that begins at a place.
pub(super) fn run_end(text: &[u8], place: usize, classes: u16) -> usize {
    text[place..]
        .iter()
        .position(|&byte| CLASSES[usize::from(byte)] & classes == 0)
        .map_or(text.len(), |len| place + len)
}

/// The same, looking no further than `most` bytes.
pub(super) fn short_run_end(text: &[u8], place: usize, classes: u16, most: usize) -> usize {
    let window = &text[..text.len().min(place + most)];
    run_end(window, place, classes)
}

/// The end of the digits at a place.
pub(super) fn digits_end(text: &[u8], place: usize) -> usize {
    run_end(text, place, DIGIT)
}
