//! The fast path of strict numbers, `+` and digits, and what it knows of each calling code.
//!
//! For these the library's parser can only do two things: find the calling code, and strip a national prefix that does not
//! belong there. Possible lengths per calling code are asked from the library itself, once. A national prefix begins with
//! `0`, or with a digit listed in [`PREFIX_DIGITS`]; numbers with such a digit after the calling code go the slow way. A test
//! compares both ways over all codes, leading digits and lengths, so another version of the metadata cannot drift from the
//! table unseen.

use std::sync::LazyLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};

use super::{MAX_DIGITS, is_possible};

const MIN_FAST_DIGITS: usize = 7;

/// Digits other than 0 with which the national prefix of a calling code's main region can begin.
const PREFIX_DIGITS: [(usize, &str); 18] = [
    (1, "1"),
    (7, "8"),
    (44, "1"),
    (54, "123"),
    (55, "9"),
    (61, "1"),
    (86, "1"),
    (261, "2456789"),
    (298, "1"),
    (352, "1"),
    (370, "8"),
    (375, "8"),
    (378, "89"),
    (423, "1"),
    (506, "1"),
    (672, "1258"),
    (692, "1"),
    (993, "8"),
];

/// What the fast path knows of one calling code.
#[derive(Clone, Copy, Default)]
struct CallingCode {
    /// Bit n: a national number of n digits is possible. Zero: there is no such code.
    lengths: u32,
    /// Bit d: a national number beginning with digit d needs the library.
    slow_digits: u16,
}

/// Built once from the library's own answers; never changed afterwards.
static CALLING_CODES: LazyLock<Vec<CallingCode>> = LazyLock::new(calling_codes);

fn calling_codes() -> Vec<CallingCode> {
    let mut codes = vec![CallingCode::default(); 1000];
    for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
        let Ok(index) = usize::try_from(code) else { continue };
        let Some(entry) = codes.get_mut(index) else { continue };
        entry.slow_digits = 1;
        for length in 2..=MAX_DIGITS {
            let national_number = 10_u64.pow(u32::try_from(length).unwrap_or_default() - 1);
            let number = PhoneNumber { country_code: code, national_number, ..PhoneNumber::default() };
            if is_possible(&number) {
                entry.lengths |= 1 << length;
            }
        }
    }
    for (code, digits) in PREFIX_DIGITS {
        for digit in digits.bytes() {
            codes[code].slow_digits |= 1 << (digit - b'0');
        }
    }
    codes
}

/// The digits of a text that is `+` and 7 to 15 ASCII digits.
pub(super) fn strict_digits(text: &str) -> Option<&[u8]> {
    let digits = text.strip_prefix('+')?.as_bytes();
    let is_strict = (MIN_FAST_DIGITS..=MAX_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_strict.then_some(digits)
}

/// The library's verdict where the fast path is sure of it.
pub(super) enum Fast {
    Number(i64),
    NoNumber,
    Unsure,
}

pub(super) fn read_fast(digits: &[u8]) -> Fast {
    let Some((code, length)) = calling_code(digits) else { return Fast::Unsure };
    let national = &digits[length..];
    let known = CALLING_CODES[code];
    if known.slow_digits & (1 << (national[0] - b'0')) != 0 {
        return Fast::Unsure;
    }
    if known.lengths & (1 << national.len()) == 0 {
        return Fast::NoNumber;
    }
    Fast::Number(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// The calling code at the start of the digits, and its length. No code is the beginning of another.
pub(super) fn calling_code(digits: &[u8]) -> Option<(usize, usize)> {
    if digits.first() == Some(&b'0') {
        return None;
    }
    let mut code = 0;
    for (index, digit) in digits.iter().take(3).enumerate() {
        code = code * 10 + usize::from(digit - b'0');
        if CALLING_CODES[code].slow_digits != 0 {
            return Some((code, index + 1));
        }
    }
    None
}
