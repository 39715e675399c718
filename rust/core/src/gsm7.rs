//! The alphabets of 3GPP TS 23.038 as a table: how many septets a character takes. No national shift tables, because the
//! provider announces none.

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

/// [`septets`] of the ASCII characters by their code; 0 also for all other bytes.
pub(crate) static ASCII_SEPTETS: [u8; 256] = ascii_table();

const fn ascii_table() -> [u8; 256] {
    let whole = table();
    let mut table = [0; 256];
    let mut index = 0;
    while index < 0x80 {
        table[index] = whole[index];
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
