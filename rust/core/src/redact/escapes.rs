//! What the escapes of JSON strings stand for.

/// Bytes of the escape at the start of `json`, if it is one.
pub(super) fn escape_len(json: &[u8]) -> Option<usize> {
    match json.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => json.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// The text of a checked string; lone surrogates become replacement characters.
pub(super) fn unescape(json: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'\\' {
            text.push(byte);
            rest = after;
            continue;
        }
        let (char, len) = escaped_char(rest)?;
        text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[len..];
    }
    String::from_utf8(text).ok()
}

/// The character of the escape at the start of `json`, and its bytes there.
fn escaped_char(json: &[u8]) -> Option<(char, usize)> {
    let char = match json.get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = unit(json)?;
            let low = if (0xD800..0xDC00).contains(&high) { unit(&json[6..]) } else { None };
            return match low.map(|low| char::decode_utf16([high, low]).next()) {
                Some(Some(Ok(char))) => Some((char, 12)),
                _ => Some((char::from_u32(u32::from(high)).unwrap_or(char::REPLACEMENT_CHARACTER), 6)),
            };
        }
        &byte => char::from(byte),
    };
    Some((char, 2))
}

/// The UTF-16 unit of a `\uXXXX`.
fn unit(json: &[u8]) -> Option<u16> {
    let digits = json.get(..6)?.strip_prefix(br"\u")?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}
