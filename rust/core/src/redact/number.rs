//! Phone numbers as people and programs write them, told from dates, addresses, prices and counters by their grouping.
//!
//! A number is shown by its first two digits (three where it has no `+` or bracket) and its last two: `+30…21`.

use super::classes::{WORD, class, digits_end, is_behind_word};

pub(super) const ELLIPSIS: &[u8] = "…".as_bytes();
/// Blanks and hyphens that formatters like: no-break, thin and narrow blank; hyphen, no-break hyphen, figure and en dash.
const WIDE_BLANKS: [&[u8]; 3] = ["\u{a0}".as_bytes(), "\u{2009}".as_bytes(), "\u{202f}".as_bytes()];
const WIDE_DASHES: [&[u8]; 4] =
    ["\u{2010}".as_bytes(), "\u{2011}".as_bytes(), "\u{2012}".as_bytes(), "\u{2013}".as_bytes()];
/// With so many digits a number may be whole.
const WHOLE: usize = 10;
/// E.164 allows no more.
const MOST_DIGITS: usize = 15;

/// The end of a number of any form that begins at `start`; what lies before `fresh` does not count.
pub(super) fn any(text: &[u8], start: usize, fresh: usize) -> Option<usize> {
    match text.get(start)? {
        b'+' | b'%' => with_plus(text, start),
        b'(' => with_bracket(text, start),
        b'0'..=b'9' => without_plus(text, start, fresh),
        _ => None,
    }
}

/// `+49 151 …`, `%2B49151…`: the end of the number whose sign stands at `sign`.
fn with_plus(text: &[u8], sign: usize) -> Option<usize> {
    let start = sign + sign_len(&text[sign..]);
    if start == sign || !matches!(text.get(start), Some(b'1'..=b'9')) {
        return None;
    }
    let groups = follow(text, start, true);
    (groups.digits >= 7).then_some(groups.end)
}

/// `(650) 555-0100`, `(0151) 000 …`: the end of the number whose opening bracket stands at `open`.
fn with_bracket(text: &[u8], open: usize) -> Option<usize> {
    let start = open + 1;
    let end = digits_end(text, start);
    let has_trunk = text.get(start) == Some(&b'0');
    let lens = if has_trunk { 2..=5 } else { 2..=4 };
    if !lens.contains(&(end - start)) || text.get(end) != Some(&b')') {
        return None;
    }
    let groups = follow(text, start, false);
    let least = if has_trunk { 9 } else { WHOLE };
    (groups.count > 1 && groups.digits >= least && class(text, groups.end) & WORD == 0).then_some(groups.end)
}

/// A number without a sign before it, whose first digit stands at `start`, the beginning of a word.
fn without_plus(text: &[u8], start: usize, fresh: usize) -> Option<usize> {
    if !may_begin(text, start, fresh) {
        return None;
    }
    let first_end = digits_end(text, start);
    // All of these have a separator behind their first group.
    separator(text, first_end)?;
    with_trunk(text, start, first_end)
        .or_else(|| three_three_four(text, start))
        .or_else(|| with_hyphens(text, start, first_end))
}

/// Not within a word, a version, a chain of hyphens or a time of day; what lies before `fresh` does not count.
fn may_begin(text: &[u8], start: usize, fresh: usize) -> bool {
    let before = &text[fresh..start];
    let is_in_chain = matches!(before.last(), Some(b'-' | b'.'));
    let is_in_time = matches!(before, [.., b'0'..=b'9', b':']);
    !is_behind_word(before, before.len()) && !is_in_chain && !is_in_time
}

/// `0151 000…`, `0049-151-…`.
fn with_trunk(text: &[u8], start: usize, first_end: usize) -> Option<usize> {
    let zeros = text[start..first_end].iter().take_while(|&&byte| byte == b'0').count();
    let is_trunk = (zeros == 1 || zeros == 2) && (zeros + 1..=8).contains(&(first_end - start));
    if !is_trunk || is_date(text, start, [2, 2, 4]) || is_version(text, start) {
        return None;
    }
    let groups = follow(text, start, false);
    (groups.count > 1 && groups.digits >= 9 && class(text, groups.end) & WORD == 0).then_some(groups.end)
}

/// `650-555-0100`, `1 650 555 0100`: the plan of North America.
fn three_three_four(text: &[u8], start: usize) -> Option<usize> {
    let is_sep = |place: usize| matches!(text.get(place), Some(b' ' | b'.' | b'-'));
    let area = if text[start] == b'1' && is_sep(start + 1) { start + 2 } else { start };
    let is_group = |place: usize, len: usize| {
        text.get(place..place + len).is_some_and(|group| group.iter().all(u8::is_ascii_digit))
    };
    let is_area = |place: usize| is_group(place, 3) && text[place] >= b'2';
    let fits = is_area(area)
        && is_sep(area + 3)
        && is_area(area + 4)
        && text.get(area + 7) == text.get(area + 3)
        && is_group(area + 8, 4)
        && class(text, area + 12) & WORD == 0;
    fits.then_some(area + 12)
}

/// `49-151-00000000`: three to five groups with hyphens, ten to fifteen digits, no date.
fn with_hyphens(text: &[u8], start: usize, first_end: usize) -> Option<usize> {
    let is_day = matches!(&text[start..start + 2], b"19" | b"20") && is_date(text, start, [4, 2, 2]);
    if first_end - start > 4 || is_day {
        return None;
    }
    let (mut end, mut digits, mut last, mut count) = (first_end, first_end - start, 0, 1);
    while text.get(end) == Some(&b'-') && text.get(end + 1).is_some_and(u8::is_ascii_digit) {
        last = digits_end(text, end + 1) - (end + 1);
        (end, digits, count) = (end + 1 + last, digits + last, count + 1);
        if last > 8 || count > 5 {
            return None;
        }
    }
    let is_number = count > 2 && (WHOLE..=MOST_DIGITS).contains(&digits) && last > 2;
    (is_number && text.get(end) != Some(&b'-') && class(text, end) & WORD == 0).then_some(end)
}

/// Groups of digits that may belong to one number.
struct Groups {
    end: usize,
    digits: usize,
    count: usize,
}

/// The groups from `start` on: more while the number cannot be whole, then no more than fit and may belong to it.
fn follow(text: &[u8], start: usize, has_plus: bool) -> Groups {
    let is_american = has_plus && text[start] == b'1';
    let mut groups = Groups { end: start, digits: 0, count: 0 };
    let mut place = start;
    loop {
        groups.end = digits_end(text, place);
        groups.digits += groups.end - place;
        groups.count += 1;
        let Some(next) = separator(text, groups.end) else { return groups };
        let is_long = groups.end - place >= 7;
        let is_whole = groups.digits >= WHOLE;
        if (next.has_slash && !has_plus && groups.count > 1)
            || (next.has_blank && is_moment(text, next.end))
            || (is_american && groups.digits >= 11)
            || (!has_plus && class(text, digits_end(text, next.end)) & WORD != 0)
            || (is_whole
                && (next.has_blank && is_long || !fits(text, next.end, MOST_DIGITS.saturating_sub(groups.digits))))
        {
            return groups;
        }
        place = next.end;
    }
}

/// Whether the digits at a place are at most so many.
fn fits(text: &[u8], place: usize, most: usize) -> bool {
    text[place..].iter().take(most + 1).take_while(|byte| byte.is_ascii_digit()).count() <= most
}

/// What parts two groups.
struct Separator {
    end: usize,
    has_blank: bool,
    has_slash: bool,
}

/// One to three separating characters with a digit behind them, but not the end of a sentence.
fn separator(text: &[u8], start: usize) -> Option<Separator> {
    let mut found = Separator { end: start, has_blank: false, has_slash: false };
    let mut is_behind_dot = false;
    for _ in 0..3 {
        let rest = &text[found.end..];
        let wide = |known: &[&[u8]]| known.iter().find(|one| rest.starts_with(one)).map(|one| one.len());
        let (len, is_blank) = match rest.first()? {
            b' ' => (1, true),
            b'-' | b'.' | b'/' | b'(' | b')' => (1, false),
            0x80.. => match (wide(&WIDE_BLANKS), wide(&WIDE_DASHES)) {
                (Some(len), _) => (len, true),
                (None, Some(len)) => (len, false),
                (None, None) => break,
            },
            _ => break,
        };
        if is_behind_dot && is_blank {
            return None;
        }
        is_behind_dot = rest[0] == b'.';
        found.has_slash |= rest[0] == b'/';
        found.has_blank |= is_blank;
        found.end += len;
    }
    (found.end > start && text.get(found.end).is_some_and(u8::is_ascii_digit)).then_some(found)
}

/// Whether a date or a time of day begins here, whose last digits are not the first of something longer.
fn is_moment(text: &[u8], start: usize) -> bool {
    let end = start + text[start..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let is_digit = |place: usize| text.get(place).is_some_and(u8::is_ascii_digit);
    let is_cut = |end: usize| text.get(end).is_none_or(|byte| !byte.is_ascii_hexdigit());
    let is_time = end - start <= 2 && text.get(end) == Some(&b':') && is_digit(end + 1) && is_digit(end + 2);
    let is_day = is_date(text, start, [4, 2, 2]) && text[start + 4] == b'-';
    (is_time && is_cut(end + 3)) || (is_day && is_cut(start + 10))
}

/// Three groups of exactly these lengths, twice parted by the same of `-`, `.` and `/`.
fn is_date(text: &[u8], start: usize, lens: [usize; 3]) -> bool {
    let mut place = start;
    let mut parting = None;
    for (index, len) in lens.into_iter().enumerate() {
        if index > 0 {
            let byte = text.get(place).copied();
            if !matches!(byte, Some(b'-' | b'.' | b'/')) || parting.is_some_and(|known| byte != Some(known)) {
                return false;
            }
            parting = byte;
            place += 1;
        }
        let Some(group) = text.get(place..place + len) else { return false };
        if !group.iter().all(u8::is_ascii_digit) {
            return false;
        }
        place += len;
    }
    true
}

/// Three or four groups of up to three digits with dots: a version or an IP address, padded with zeros.
fn is_version(text: &[u8], start: usize) -> bool {
    let (mut place, mut count) = (start, 0);
    while count < 4 {
        let len = text[place..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=3).contains(&len) {
            return false;
        }
        (place, count) = (place + len, count + 1);
        if !matches!(text[place..], [b'.', b'0'..=b'9', ..]) {
            return count > 2;
        }
        place += 1;
    }
    false
}

/// A number that is masked already, sign or bracket first if it has one: `+30…21`, `(65…00`, `015…00`.
pub(super) fn masked(text: &[u8], start: usize, fresh: usize) -> Option<usize> {
    let first = start + sign_len(&text[start..]);
    let end = if first > start { first + 2 } else { start + 3 };
    if text.get(end) != Some(&ELLIPSIS[0]) {
        return None;
    }
    let is_digits = |from: usize, to: usize| text.get(from..to).is_some_and(|some| some.iter().all(u8::is_ascii_digit));
    let fits = is_digits(first, end) && text[end..].starts_with(ELLIPSIS) && is_digits(end + 3, end + 5);
    (fits && (first > start || may_begin(text, start, fresh))).then_some(end + 5)
}

/// Bytes of the sign, perhaps escaped for a URL, or of the bracket at the start of a number.
fn sign_len(text: &[u8]) -> usize {
    match text {
        [b'+' | b'(', ..] => 1,
        [b'%', b'2', b'B' | b'b', ..] => 3,
        _ => 0,
    }
}

/// How the number in `text` is shown.
pub(super) fn shown(number: &[u8]) -> Vec<u8> {
    let (sign, rest) = number.split_at(sign_len(number));
    let digits: Vec<u8> = rest.iter().copied().filter(u8::is_ascii_digit).collect();
    let first = if sign.is_empty() { 3 } else { 2 };
    [sign, &digits[..first], ELLIPSIS, &digits[digits.len() - 2..]].concat()
}
