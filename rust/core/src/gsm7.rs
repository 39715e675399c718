//! The alphabets of 3GPP TS 23.038 as a table: how many septets a character takes. No national shift tables,
//! because the provider announces none.

/// The default alphabet in code order. Position 0x1B is the escape itself, which no text can contain.
const DEFAULT_ALPHABET: [char; 127] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table; each of these travels as an escape and a second septet.
const EXTENSION: [char; 9] = ['\u{c}', '^', '{', '}', '\\', '[', '~', ']', '|'];

/// The one extension character beyond the table's range.
const EURO: char = '€';

/// All characters of both alphabets but the euro sign lie below this code point (the highest is Ω, U+03A9).
const TABLE_SIZE: usize = 0x400;

static SEPTETS: [u8; TABLE_SIZE] = table();

const fn table() -> [u8; TABLE_SIZE] {
    let mut table = [0; TABLE_SIZE];
    let mut index = 0;
    while index < DEFAULT_ALPHABET.len() {
        table[DEFAULT_ALPHABET[index] as usize] = 1;
        index += 1;
    }
    index = 0;
    while index < EXTENSION.len() {
        table[EXTENSION[index] as usize] = 2;
        index += 1;
    }
    table
}

/// Septets that `character` takes: 1, 2, or 0 when neither alphabet has it.
#[inline]
#[must_use]
pub fn septets(character: char) -> u8 {
    match SEPTETS.get(character as usize) {
        Some(&septets) => septets,
        None if character == EURO => 2,
        None => 0,
    }
}

/// Septets of the characters of UTF-8 text beyond ASCII, or `None` when one of them is in neither alphabet. They are found
/// eight bytes at a time by the two high bits of their first byte.
pub(crate) fn septets_beyond_ascii(bytes: &[u8]) -> Option<usize> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let mut found = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let mut firsts = word & (word << 1) & HIGH_BITS;
        while firsts != 0 {
            found += first_septets(&bytes[index * 8 + firsts.trailing_zeros() as usize / 8..])?;
            firsts &= firsts - 1;
        }
    }
    for at in bytes.len() - rest.len()..bytes.len() {
        if bytes[at] >= 0xc0 {
            found += first_septets(&bytes[at..])?;
        }
    }
    Some(found)
}

/// Septets of the first character of `bytes`, which is not ASCII.
#[inline]
fn first_septets(bytes: &[u8]) -> Option<usize> {
    let found = match *bytes {
        [0xe2, 0x82, 0xac, ..] => 2, // the euro sign
        [first @ 0xc0..0xe0, second, ..] => {
            let code = (usize::from(first & 0x1f) << 6) | usize::from(second & 0x3f);
            SEPTETS.get(code).copied().unwrap_or_default()
        }
        _ => 0,
    };
    (found != 0).then_some(usize::from(found))
}

/// Septets of a character of the alphabets, by the first byte of its UTF-8.
pub(crate) const fn septets_by_first_byte(byte: u8) -> u8 {
    match byte {
        0..0x80 => SEPTETS[byte as usize],
        0xe2 => 2, // the euro sign; the others take two bytes
        _ => 1,
    }
}
