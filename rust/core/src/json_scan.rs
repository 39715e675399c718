//! The small steps of reading JSON: each looks at the bytes from one place on and says how many of them belong together.

use crate::flaw::Flaw;

/// The byte of a `"` or `\` repeated eight times, for looking at eight bytes at once.
const QUOTES: u64 = 0x2222_2222_2222_2222;
const BACKSLASHES: u64 = 0x5C5C_5C5C_5C5C_5C5C;
const SPACES: u64 = 0x2020_2020_2020_2020;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Bytes until the first quote, backslash or control character.
///
/// Eight bytes a step: the strings of a request have 5 to 200 bytes, where calling a vector routine costs more than it saves.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return bytes.len() - rest.len() + marks.trailing_zeros() as usize / 8;
        }
        rest = behind;
    }
    let is_special = |byte: &u8| *byte < 0x20 || matches!(*byte, b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// The high bit of each special byte. Above the lowest mark there may be false ones, for a borrow runs upwards.
const fn marks(word: u64) -> u64 {
    let quotes = word ^ QUOTES;
    let backslashes = word ^ BACKSLASHES;
    let controls = word.wrapping_sub(SPACES) & !word;
    (controls | quotes.wrapping_sub(ONES) & !quotes | backslashes.wrapping_sub(ONES) & !backslashes) & HIGH_BITS
}

/// Bytes of white space.
pub(crate) fn white_space_len(bytes: &[u8]) -> usize {
    let is_text = |byte: &u8| !matches!(*byte, b' ' | b'\n' | b'\r' | b'\t');
    bytes.iter().position(is_text).unwrap_or(bytes.len())
}

/// Bytes of the number that begins here, or `None` when it is none by the grammar of JSON.
pub(crate) fn number_len(bytes: &[u8]) -> Option<usize> {
    let mut length = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(&bytes[length..]);
    if whole == 0 || (whole > 1 && bytes[length] == b'0') {
        return None;
    }
    length += whole;
    if bytes.get(length) == Some(&b'.') {
        length += 1 + some(digits(&bytes[length + 1..]))?;
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        length += 1 + usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        length += some(digits(&bytes[length..]))?;
    }
    Some(length)
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

fn some(length: usize) -> Option<usize> {
    (length > 0).then_some(length)
}

/// The character that the escape beginning here stands for and the escape's length, or why it stands for none.
pub(crate) fn read_escape(bytes: &[u8]) -> Result<(char, usize), Flaw> {
    let character = match bytes.get(1) {
        Some(b'u') => return read_unit(bytes),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        _ => return Err(Flaw::BadEscape),
    };
    Ok((character, 2))
}

/// `\uXXXX`, or two of them for a character outside the basic plane.
fn read_unit(bytes: &[u8]) -> Result<(char, usize), Flaw> {
    let high = hexadecimal(bytes).ok_or(Flaw::BadEscape)?;
    if let Some(character) = char::from_u32(high) {
        return Ok((character, 6));
    }
    let low = bytes.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(hexadecimal);
    match low {
        Some(low @ 0xDC00..=0xDFFF) if high < 0xDC00 => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            Ok((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12))
        }
        _ => Err(Flaw::HalfPair),
    }
}

/// The four digits behind `\u`.
fn hexadecimal(bytes: &[u8]) -> Option<u32> {
    let digits: &[u8; 4] = bytes.get(2..)?.first_chunk()?;
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte value at each place of a word is found or passed over, whatever follows it.
    #[test]
    fn special_bytes_are_found_anywhere() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut bytes = [b'x'; 20];
                bytes[place] = byte;
                let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(plain_len(&bytes), if is_special { place } else { 20 }, "{byte} at {place}");
                bytes[place..].fill(byte);
                assert_eq!(plain_len(&bytes), if is_special { place } else { 20 }, "{byte} from {place}");
            }
        }
    }

    /// Exactly the numbers of JSON are numbers.
    #[test]
    fn numbers_follow_the_grammar() {
        for text in ["0", "-0", "1", "10", "-1.0", "1e0", "1E+05", "0.00", "9e-99", "123456789012345678901234567890"] {
            assert_eq!(number_len(text.as_bytes()), Some(text.len()), "{text}");
        }
        for text in ["", "-", "00", "01", "-01", "1.", "1.e1", "1e", "1e+", ".5", "+1", "-x", "e1"] {
            assert_eq!(number_len(text.as_bytes()), None, "{text}");
        }
    }
}
