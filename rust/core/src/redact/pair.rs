//! `name=value`, `name: value`, `'name': 'value'`, `?name=value&…` with a private name: where the value lies.
//!
//! Prose has colons too (“the field text: too long”), so a colon behind a bare name counts only before a quoted value or
//! where the name is one of a credential.

use super::card::card;
use super::classes::{CLASSES, URL_RUN, WIDE, WORD, class, run_end};
use super::names::{Kind, Names};
use super::number;
use super::secret::credential;

const LONGEST_NAME: usize = 64;
/// Blanks on either side of the sign, at most.
const BLANKS: usize = 3;
/// Backslashes before a quote, at most: JSON within JSON within JSON.
const BACKSLASHES: usize = 7;

/// The value of the pair whose `=` or `:` stands at `sign`; its name does not begin before `fresh`.
pub(super) fn private_value(names: &Names, text: &[u8], fresh: usize, sign: usize) -> Option<(usize, usize)> {
    let (name, is_quoted) = name_before(text, fresh, sign)?;
    let kind = names.kind(name)?;
    let after = sign_end(text, sign)?;
    let blanks = text[after..].iter().take(BLANKS).take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    let start = after + blanks;
    let is_prose = text[after - 1] == b':' && !is_quoted && matches!(kind, Kind::Plain | Kind::Content);
    let (start, end) = match quote_at(text, start) {
        Some(quote) => (quote.end, quoted_end(text, &quote)),
        None if is_prose => return None,
        None => bare_value(text, start, kind, is_quoted),
    };
    (start < end).then_some((start, end))
}

/// Where `=`, `==`, `=>`, `:` or `:=` ends; `::` is a path.
fn sign_end(text: &[u8], sign: usize) -> Option<usize> {
    let more = |most: usize, signs: &[u8]| {
        let rest = &text[sign + 1..];
        sign + 1 + rest.iter().take(most).take_while(|byte| signs.contains(byte)).count()
    };
    match text[sign] {
        b'=' => Some(more(2, b"=>")),
        _ if text.get(sign + 1) == Some(&b':') => None,
        _ => Some(more(1, b"=")),
    }
}

/// The name that ends before the sign, and whether it stands in quotes.
fn name_before(text: &[u8], fresh: usize, sign: usize) -> Option<(&str, bool)> {
    let before = &text[fresh..sign];
    let before = strip_end(before, BLANKS, |byte| matches!(byte, b' ' | b'\t'));
    let closer = before.last().copied().filter(|byte| matches!(byte, b'"' | b'\'' | b')' | b']'));
    let before = match closer {
        Some(_) => strip_end(&before[..before.len() - 1], BACKSLASHES, |byte| byte == b'\\'),
        None => before,
    };
    let name_start = strip_end(before, LONGEST_NAME, |byte| CLASSES[usize::from(byte)] & URL_RUN != 0).len();
    let name = &before[name_start..];
    if name.is_empty() { None } else { Some((str::from_utf8(name).ok()?, matches!(closer, Some(b'"' | b'\'')))) }
}

/// The text without the last bytes of a kind, at most so many.
fn strip_end(text: &[u8], most: usize, is_one: impl Fn(u8) -> bool) -> &[u8] {
    let len = text.iter().rev().take(most).take_while(|&&byte| is_one(byte)).count();
    &text[..text.len() - len]
}

/// An opening quote and the backslashes before it.
struct Quote {
    end: usize,
    byte: u8,
    backslashes: usize,
}

/// The quote at a place, perhaps with the letters of a Python literal before it.
fn quote_at(text: &[u8], start: usize) -> Option<Quote> {
    let letters = text[start..].iter().take(2).take_while(|byte| b"bBrRuUfF".contains(byte)).count();
    let from = start + letters;
    let backslashes = text[from..].iter().take(BACKSLASHES).take_while(|&&byte| byte == b'\\').count();
    let place = from + backslashes;
    let byte = text.get(place).copied().filter(|byte| matches!(byte, b'"' | b'\''))?;
    Some(Quote { end: place + 1, byte, backslashes })
}

/// Where the quoted value ends: before the same quote with no more backslashes than the first had, else with the text.
fn quoted_end(text: &[u8], quote: &Quote) -> usize {
    let mut run = 0;
    for (place, &byte) in text.iter().enumerate().skip(quote.end) {
        // Without backslashes before the first quote they escape one another in pairs.
        let is_closing = if quote.backslashes == 0 { run % 2 == 0 } else { run <= quote.backslashes };
        if byte == quote.byte && is_closing {
            return place - run;
        }
        run = if byte == b'\\' { run + 1 } else { 0 };
    }
    text.len()
}

fn bare_value(text: &[u8], start: usize, kind: Kind, is_name_quoted: bool) -> (usize, usize) {
    if matches!(text.get(start), Some(b'[' | b'{' | b'(')) {
        return (start + 1, bracket_end(text, start));
    }
    let end = match kind {
        Kind::Header => line_end(text, start),
        Kind::Content if !is_name_quoted => next_pair(text, start),
        _ => word_end(text, start, shape_end(text, start)),
    };
    (start, end)
}

/// Where the bracket at `open` is closed, else the end of the text. Brackets in quotes do not count.
fn bracket_end(text: &[u8], open: usize) -> usize {
    let mut depth = 0;
    let mut quote = None;
    let mut is_escaped = false;
    for (place, &byte) in text.iter().enumerate().skip(open) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            _ if quote.is_some() => quote = quote.filter(|&opening| byte != opening),
            b'"' | b'\'' => quote = Some(byte),
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    text.len()
}

fn line_end(text: &[u8], start: usize) -> usize {
    let end = text[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(text.len(), |len| start + len);
    trim(text, start, end, b" \t")
}

/// The end of a number, a card or a credential that has blanks within, or `start`.
fn shape_end(text: &[u8], start: usize) -> usize {
    let card_end = text.get(start).is_some_and(u8::is_ascii_digit).then(|| card(text, start, start)).flatten();
    let scheme_end = run_end(text, start, WORD);
    let credential_end = credential(text, start, scheme_end).map(|(_, end)| end);
    [number::any(text, start, start), card_end, credential_end].into_iter().flatten().max().unwrap_or(start)
}

/// Up to a blank, `&` or a quote at `least` or behind it, without the punctuation at the end.
fn word_end(text: &[u8], start: usize, least: usize) -> usize {
    let ends = |byte: &u8| is_space(*byte) || matches!(byte, b'&' | b'"' | b'\'');
    let end = text[least..].iter().position(ends).map_or(text.len(), |len| least + len);
    trim(text, start, end, br",;.)}]>\")
}

/// Up to ` name=`, `,name=`, `;name=` or `&name=`, else the end of the text. The name may be masked already.
fn next_pair(text: &[u8], start: usize) -> usize {
    // Where the blank or sign before the present word stands, if it can be a name.
    let mut parting = None;
    for (place, &byte) in text.iter().enumerate().skip(start) {
        let is_part = is_space(byte) || matches!(byte, b',' | b';' | b'&');
        let is_of_name = class(text, place) & (URL_RUN | WIDE) != 0 || matches!(byte, b'.' | b'*');
        if let (b'=', Some(end)) = (byte, parting.filter(|&parting| parting + 1 < place)) {
            return trim(text, start, end, b" \t\n\r\x0b\x0c,;&");
        }
        parting = if is_part { Some(place) } else { parting.filter(|_| is_of_name) };
    }
    trim(text, start, text.len(), b" \t\n\r\x0b\x0c")
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn trim(text: &[u8], start: usize, end: usize, what: &[u8]) -> usize {
    end - text[start..end].iter().rev().take_while(|byte| what.contains(byte)).count()
}
