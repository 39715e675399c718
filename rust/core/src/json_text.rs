//! JSON strings written and measured without building them: quotes, backslashes and control characters are escaped, all
//! else goes through as UTF-8.

/// How a byte below 0x20, a quote or a backslash is written: the letter after the backslash, `u` for `\u00XX`, 0 for as is.
static ESCAPES: [u8; 256] = escapes();

const HEX: &[u8; 16] = b"0123456789abcdef";

const fn escapes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0A] = b'n';
    table[0x0C] = b'f';
    table[0x0D] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
}

/// Bytes that [`write_escaped`] appends for `text`.
#[must_use]
pub fn escaped_len(text: &str) -> usize {
    if !needs_escapes(text) {
        return text.len();
    }
    let extra: usize = text
        .bytes()
        .map(|byte| match ESCAPES[usize::from(byte)] {
            0 => 0,
            b'u' => 5,
            _ => 1,
        })
        .sum();
    text.len() + extra
}

/// Most texts need none, and most values are short: eight bytes are looked at together, the rest as if blanks followed it.
fn needs_escapes(text: &str) -> bool {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).fold(0, |found, word| found | special_bytes(u64::from_le_bytes(*word))) != 0
}

/// The top bit of some byte is set if and only if one of the eight is below 0x20, a quote or a backslash.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Borrowing from a byte that is too small may mark its neighbour as well, never a word that holds none.
    const fn below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(ONES * limit) & !word
    }
    let quote = below(word ^ (ONES * b'"' as u64), 1);
    let backslash = below(word ^ (ONES * b'\\' as u64), 1);
    (below(word, 0x20) | quote | backslash) & (ONES << 7)
}

/// Appends `text` as the inside of a JSON string.
pub fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if !needs_escapes(text) {
        out.extend_from_slice(bytes);
        return;
    }
    let mut written = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[written..index]);
        written = index + 1;
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xF)]];
            out.extend_from_slice(b"00");
            out.extend_from_slice(&digits);
        }
    }
    out.extend_from_slice(&bytes[written..]);
}

/// Appends `text` as a JSON string with its quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Appends a whole JSON value without the white space between its parts.
pub(crate) fn write_compact(json: &str, out: &mut Vec<u8>) {
    let mut is_text = false;
    let mut is_escaped = false;
    out.extend(json.bytes().filter(|&byte| {
        if is_text {
            is_text = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            return true;
        }
        is_text = byte == b'"';
        !byte.is_ascii_whitespace()
    }));
}

#[cfg(test)]
mod tests {
    use super::{escaped_len, write_escaped};

    #[test]
    fn every_byte_at_every_place_is_escaped_as_json_demands() {
        for byte in 0..=0x7F_u8 {
            for place in 0..20 {
                let mut bytes = vec![b'x'; 20];
                bytes[place] = byte;
                let text = String::from_utf8(bytes).expect("ASCII");
                let mut written = Vec::new();
                write_escaped(&text, &mut written);
                let json = serde_json::to_vec(&text).expect("a string");
                assert_eq!(written, json[1..json.len() - 1], "{byte:#04x} at {place}");
                assert_eq!(escaped_len(&text), written.len());
            }
        }
    }

    #[test]
    fn letters_beyond_ascii_go_through_as_they_are() {
        for text in ["", "é", "Ελένη", "😀😀😀", "a\u{7f}\u{80}b", "Ελένη \"quoted\" und so weiter"] {
            let mut written = Vec::new();
            write_escaped(text, &mut written);
            let json = serde_json::to_vec(text).expect("a string");
            assert_eq!(written, json[1..json.len() - 1]);
            assert_eq!(escaped_len(text), written.len());
        }
    }
}
