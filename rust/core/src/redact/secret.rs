//! Secrets by their looks: JSON web tokens, keys with known prefixes, credentials, long hexadecimal and base64.

use super::classes::{CLASSES, DIGIT, LOWER, RUN, UPPER, URL_RUN, WORD, class, run_end, short_run_end};

/// The prefixes of keys by their first letter.
const PREFIXES: [(u8, &[&[u8]]); 6] = [
    (b'p', &[b"pk_"]),
    (b's', &[b"sk_", b"shpat_", b"shpss_"]),
    (b'r', &[b"rk_"]),
    (b'w', &[b"whsec_"]),
    (b'g', &[b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"]),
    (b'x', &[b"xoxa-", b"xoxb-", b"xoxp-", b"xoxr-", b"xoxs-"]),
];
/// Characters behind a prefix or a scheme, at least.
const LEAST: usize = 8;
/// Characters of an access key's id with its prefix, at least.
const LEAST_ACCESS_KEY: usize = 20;
/// A credential is judged by so many bytes, so that the work stays bounded.
const JUDGED: usize = 128;
/// Characters of a mixed secret, at least. A run is judged by so many and no more: what is masked behind them, and is not
/// there the next time, must not change the verdict.
pub(super) const LEAST_MIXED: usize = 40;
/// Digits of a hexadecimal secret, at least: 128 bits.
pub(super) const LEAST_HEX: usize = 32;

/// A key with a known prefix.
pub(super) fn key(text: &[u8], start: usize) -> Option<usize> {
    let rest = &text[start..];
    let (_, prefixes) = PREFIXES.iter().find(|(first, _)| rest[0] == *first)?;
    let prefix = prefixes.iter().find(|prefix| rest.starts_with(prefix))?;
    let body = start + prefix.len();
    let is_key = short_run_end(text, body, URL_RUN, LEAST) - body == LEAST;
    is_key.then(|| run_end(text, body, URL_RUN))
}

/// The id of an access key of AWS: `AKIA` or `ASIA` and sixteen more. With what else is written onto it, capitals and digits,
/// so that it is one whatever else is masked behind it.
pub(super) fn access_key(text: &[u8], start: usize) -> Option<usize> {
    let has_prefix = matches!(text[start..], [b'A', b'K' | b'S', b'I', b'A', ..]);
    let end = if has_prefix { run_end(text, start, UPPER | DIGIT) } else { return None };
    (end - start >= LEAST_ACCESS_KEY).then_some(end)
}

/// Where the last run that began with `eyJ` lies and whether a token ended in it: tokens can begin behind every hyphen of a
/// run, and looking ahead anew from each would take time in its square.
#[derive(Default)]
pub(super) struct LastToken {
    run_end: usize,
    token_end: Option<usize>,
}

/// A JSON web token: three parts of base64url, the last may be empty.
pub(super) fn web_token(text: &[u8], start: usize, last: &mut LastToken) -> Option<usize> {
    if !matches!(text[start..], [b'e', b'y', b'J', ..]) {
        return None;
    }
    if start >= last.run_end {
        last.run_end = run_end(text, start, URL_RUN);
        last.token_end = two_more_parts(text, last.run_end);
    }
    last.token_end
}

fn two_more_parts(text: &[u8], first_end: usize) -> Option<usize> {
    let is_dot = |place: usize| text.get(place) == Some(&b'.');
    let second_end = if is_dot(first_end) { run_end(text, first_end + 1, URL_RUN) } else { return None };
    (second_end > first_end + 1 && is_dot(second_end)).then(|| run_end(text, second_end + 1, URL_RUN))
}

/// What follows the word `Bearer` or `Basic` at `start..end` and looks like a credential.
pub(super) fn credential(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let word = &text[start..end];
    let is_bearer = word.eq_ignore_ascii_case(b"bearer");
    if !is_bearer && !word.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let blanks = text[end..].iter().take(9).take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    let from = end + blanks;
    let len = text[from..].iter().take_while(|&&byte| is_credential(byte)).count();
    let judged = &text[from..from + len.min(JUDGED)];
    let is_one = (1..=8).contains(&blanks) && len >= LEAST && (is_bearer || is_encoded(judged));
    is_one.then_some((from, from + len))
}

fn is_credential(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & RUN != 0 || matches!(byte, b'.' | b'~' | b'=')
}

/// Whether this is no plain word, as in “basic authentication”.
fn is_encoded(word: &[u8]) -> bool {
    let has_capital = word[1..].iter().any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase);
    has_capital || word.iter().any(|&byte| byte.is_ascii_digit() || byte == b'=' || byte == b'+')
}

/// The first whole run of hexadecimal digits in `start..end` that is long enough to be a secret.
pub(super) fn hexadecimal(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let mut from = start;
    while end - from >= LEAST_HEX {
        let len = text[from..end].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if len >= LEAST_HEX {
            return Some((from, from + len));
        }
        from += len + 1;
    }
    None
}

/// Forty or more characters of base64 in which capitals, small letters and digits change often.
///
/// In random base64 the class changes at 64 of 100 characters; in paths and names of many words, at under 40. What begins
/// like a path must change at every other.
pub(super) fn mixed(text: &[u8], start: usize, alphabet: u16) -> Option<usize> {
    let judged = &text[start..short_run_end(text, start, alphabet, LEAST_MIXED)];
    if judged.len() < LEAST_MIXED {
        return None;
    }
    let (mut uppers, mut lowers, mut digits, mut changes, mut last) = (0, 0, 0, 0, 0);
    for &byte in judged {
        let class = CLASSES[usize::from(byte)] & (UPPER | LOWER | DIGIT);
        if class == 0 {
            continue;
        }
        uppers += usize::from(class == UPPER);
        lowers += usize::from(class == LOWER);
        digits += usize::from(class == DIGIT);
        changes += usize::from(last != 0 && class != last);
        last = class;
    }
    let letters = uppers + lowers + digits;
    let is_varied = if judged[0] == b'/' { changes * 2 >= letters } else { changes * 5 >= letters * 2 };
    if uppers < 3 || lowers < 3 || digits < 1 || !is_varied {
        return None;
    }
    let end = run_end(text, start, alphabet);
    let padding = text[end..].iter().take(2).take_while(|&&byte| byte == b'=').count();
    Some(end + padding)
}

/// What looks like a secret but is an id: a UUID with its hyphens, or the id of one of our messages.
///
/// The latter is the hexadecimal UUID (version 7) of a campaign, a hyphen and a number.
pub(super) fn id(text: &[u8], start: usize, word_end: usize) -> Option<usize> {
    match word_end - start {
        8 => uuid(text, start),
        32 => message_id(text, start),
        _ => None,
    }
}

fn uuid(text: &[u8], start: usize) -> Option<usize> {
    let end = start + 36;
    let found = text.get(start..end).filter(|_| text[start + 8] == b'-')?;
    let fits = |(index, byte): (usize, &u8)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    (found.iter().enumerate().all(fits) && class(text, end) & WORD == 0).then_some(end)
}

fn message_id(text: &[u8], start: usize) -> Option<usize> {
    let end = start + 32;
    let found = text.get(start..end).filter(|_| text.get(end) == Some(&b'-'))?;
    let is_hex = found.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_version_7 = found.starts_with(b"01") && found[12] == b'7' && matches!(found[16], b'8'..=b'9' | b'a'..=b'b');
    let number_end = short_run_end(text, end + 1, DIGIT, 10);
    let is_number = (1..=9).contains(&(number_end - end - 1)) && class(text, number_end) & WORD == 0;
    (is_hex && is_version_7 && is_number).then_some(number_end)
}
