//! A form or a query string as a JSON object of texts. It knows no names.

use crate::json_text::write_string;

/// The object, or `None` for a form of nothing.
pub(crate) fn form_object(form: &[u8]) -> Option<String> {
    let form = form.trim_ascii();
    if form.is_empty() {
        return None;
    }
    let mut object = vec![b'{'];
    for pair in form.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match memchr::memchr(b'=', pair) {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (pair, &[][..]),
        };
        if object.len() > 1 {
            object.push(b',');
        }
        write_string(&decode(name), &mut object);
        object.push(b':');
        write_string(&decode(value), &mut object);
    }
    object.push(b'}');
    String::from_utf8(object).ok()
}

/// Percent and plus decoding; a percent sign without two hexadecimal digits stands for itself.
fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = if byte == b'%' { behind.first_chunk().copied().and_then(hexadecimal) } else { None };
        rest = if escaped.is_some() { &behind[2..] } else { behind };
        bytes.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal([high, low]: [u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(high)? * 16 + value(low)?).ok()
}
