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

/// Most texts need none. Without the table and without an early end inside a block the compiler uses vector instructions.
fn needs_escapes(text: &str) -> bool {
    let is_special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    text.as_bytes().chunks(64).any(|block| block.iter().fold(false, |any, &byte| any | is_special(byte)))
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
