//! E-mail addresses, of which the first letter and the domain stay, and user and password in URLs.

use memchr::{memchr2, memmem, memrchr};

use super::MASK;
use super::classes::{CLASSES, DOMAIN, LOWER, UPPER, URL_RUN, WIDE, class, run_end};
use super::number::ELLIPSIS;

/// An address: its local part is `start..at`.
#[derive(Clone, Copy)]
pub(super) struct Email {
    pub(super) start: usize,
    pub(super) at: usize,
}

/// No address in sight.
pub(super) const NO_EMAIL: Email = Email { start: usize::MAX, at: usize::MAX };

/// The first address at or behind `from`, none of which lies before it.
///
/// Local parts end at `@` and domains hold no `@`, so that no byte is looked at twice however many there are.
pub(super) fn next_email(text: &[u8], from: usize) -> Email {
    let mut place = from;
    while let Some(found) = memchr2(b'@', b'%', &text[place..]) {
        let at = place + found;
        place = at + 1;
        let len = if text[at] == b'@' { 1 } else { 3 };
        if (len == 1 || text[at..].starts_with(b"%40")) && is_domain(text, at + len) {
            let start = local_start(text, from, at);
            if start < at {
                return Email { start, at };
            }
        }
    }
    NO_EMAIL
}

/// An ellipsis is no part of an address: it is the middle of a masked number.
fn local_start(text: &[u8], from: usize, at: usize) -> usize {
    let len = text[from..at].iter().rev().take_while(|&&byte| is_local(byte)).count();
    let local = &text[at - len..at];
    at - memmem::rfind(local, ELLIPSIS).map_or(len, |place| len - place - ELLIPSIS.len())
}

fn is_local(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & (URL_RUN | WIDE) != 0 || matches!(byte, b'.' | b'+' | b'%')
}

/// Something with a dot and a letter behind it, all before the next masked number.
fn is_domain(text: &[u8], start: usize) -> bool {
    let end = run_end(text, start.min(text.len()), DOMAIN);
    let domain = &text[start.min(end)..end];
    let domain = &domain[..memmem::find(domain, ELLIPSIS).unwrap_or(domain.len())];
    let is_label = |pair: &[u8]| pair[0] == b'.' && class(pair, 1) & (LOWER | UPPER | WIDE) != 0;
    domain.first().is_some_and(|&byte| byte != b'.') && domain[1..].windows(2).any(is_label)
}

/// Where what is shown of a local part ends: behind its first character, unless that is a digit, which would join the digits
/// before it and could make a number of them.
pub(super) fn shown_end(text: &[u8], start: usize) -> usize {
    if matches!(text[start], b'0'..=b'9' | b'*') {
        return start;
    }
    let rest = text[start + 1..].iter().take_while(|&&byte| byte & 0xC0 == 0x80).count();
    start + 1 + rest
}

/// User and password behind `://`, from behind the slashes to the last `@` of the authority.
///
/// What is masked already ends an authority: it may stand for something with blanks, which did.
pub(super) fn userinfo(text: &[u8], colon: usize) -> Option<(usize, usize)> {
    let start = matches!(text[colon..], [b':', b'/', b'/', ..]).then_some(colon + 3)?;
    let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0B || br#"/?#\<>"'"#.contains(byte);
    let authority = text[start..].iter().position(ends).map_or(&text[start..], |len| &text[start..start + len]);
    let masks = [MASK.as_bytes(), ELLIPSIS].map(|mask| memmem::find(authority, mask));
    let authority = &authority[..masks.into_iter().flatten().min().unwrap_or(authority.len())];
    let len = memrchr(b'@', authority)?;
    (len > 0).then_some((start, start + len))
}
