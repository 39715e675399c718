//! Phone numbers as people write them, to E.164. Only this module knows the library behind it.
//!
//! **What is accepted.** A number of a known country calling code whose length is possible there, and no more: carriers
//! open ranges faster than the numbering metadata is released, and the provider judges at the price of one refusal, while
//! a rule too strict loses a customer's message silently. Lengths that only work inside one area are refused. So are more
//! than 15 digits (E.164), national numbers of zeros, letters (vanity numbers, extensions), and numbers without `+` or `00` when no region is given,
//! because `6505550100` could be the United States or Singapore.
//!
//! **The fast path.** Most files hold strict `+` and digits. For these the library's parser can only do two things: find
//! the calling code, and strip a national prefix that does not belong there. Possible lengths per calling code are asked
//! from the library itself, once. A national prefix begins with `0`, or with a digit listed in [`PREFIX_DIGITS`]; numbers
//! with such a digit after the calling code go the slow way. A test compares both ways over all codes, leading digits and
//! lengths, so another version of the metadata cannot drift from the table unseen.

use std::sync::LazyLock;

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};

use crate::error::Error;

/// Longer cells are no phone numbers, and bounding them bounds the patterns' work.
const MAX_TEXT_BYTES: usize = 64;
const MAX_DIGITS: usize = 15;
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

fn is_possible(number: &PhoneNumber) -> bool {
    matches!(PHONE_NUMBER_UTIL.is_possible_number_with_reason(number), Ok(NumberLengthType::IsPossible))
}

/// Reads numbers, with or without a region for the national ones, and holds them against a list of countries.
pub struct PhoneReader {
    region: Option<Region>,
    countries: Option<Vec<Region>>,
    /// For each calling code: are all, none or some of its regions among the countries?
    codes_allowed: Vec<Allowed>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    All,
    None,
    Some,
}

impl PhoneReader {
    /// A reader for national numbers of `region`, accepting `countries` (ISO 3166 codes) or any.
    ///
    /// # Errors
    /// [`Error::Argument`] for a code that is no region of the numbering metadata.
    pub fn new(region: Option<&str>, countries: Option<&[String]>) -> Result<Self, Error> {
        let region = region.map(region_of).transpose()?;
        let countries: Option<Vec<Region>> =
            countries.map(|codes| codes.iter().map(|code| region_of(code)).collect()).transpose()?;
        let codes_allowed = countries.as_deref().map(codes_allowed).unwrap_or_default();
        Ok(Self { region, countries, codes_allowed })
    }

    /// The number's digits as one integer, or `None` when it is no possible number.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        match strict_digits(text) {
            Some(digits) => match read_fast(digits) {
                Fast::Number(number) => Some(number),
                Fast::NoNumber => None,
                Fast::Unsure => self.read_slow(text),
            },
            None => self.read_slow(text),
        }
    }

    /// The library's verdict, without the fast path.
    #[must_use]
    pub fn read_slow(&self, text: &str) -> Option<i64> {
        if text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_alphabetic) {
            return None;
        }
        let with_plus;
        let text = match (self.region, text.strip_prefix("00")) {
            (None, Some(rest)) => {
                with_plus = format!("+{rest}");
                with_plus.as_str()
            }
            _ => text,
        };
        let number = PHONE_NUMBER_UTIL.parse(text, self.region).ok()?;
        let number = without_plus(text, &number).unwrap_or(number);
        // The library drops leading zeros beyond ten; what has that many is no number.
        let is_zeros = number.national_number == 0 || number.number_of_leading_zeros() >= 10;
        if number.extension.is_some() || is_zeros || !is_possible(&number) {
            return None;
        }
        let formatted = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
        let digits = formatted.strip_prefix('+')?;
        if digits.len() > MAX_DIGITS { None } else { digits.parse().ok() }
    }

    /// Whether the number's country is among the accepted ones. A number that the metadata cannot place counts for the
    /// main region of its calling code.
    #[must_use]
    pub fn is_in_countries(&self, number: i64) -> bool {
        let Some(countries) = &self.countries else { return true };
        let digits = number.to_string();
        let Some((code, _)) = calling_code(digits.as_bytes()) else { return false };
        match self.codes_allowed[code] {
            Allowed::All => true,
            Allowed::None => false,
            Allowed::Some => {
                let Ok(parsed) = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None) else { return false };
                let placed = PHONE_NUMBER_UTIL.get_region_for_number(&parsed);
                let region = placed.or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(parsed.country_code));
                region.is_some_and(|region| countries.contains(&region))
            }
        }
    }
}

fn region_of(code: &str) -> Result<Region, Error> {
    let unknown = || Error::Argument(format!("'{code}' is not a region; use two letters of ISO 3166, such as 'DE'."));
    let region = Region::from_code(&code.to_ascii_uppercase()).map_err(|_| unknown())?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region).ok_or_else(unknown)
}

fn codes_allowed(countries: &[Region]) -> Vec<Allowed> {
    let mut allowed = vec![Allowed::None; 1000];
    for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
        let Some(entry) = usize::try_from(code).ok().and_then(|index| allowed.get_mut(index)) else { continue };
        let mut known = 0;
        let mut wanted = 0;
        for region in PHONE_NUMBER_UTIL.get_regions_for_country_calling_code(code).into_iter().flatten() {
            known += 1;
            wanted += usize::from(countries.contains(&region));
        }
        *entry = match wanted {
            0 => Allowed::None,
            _ if wanted == known => Allowed::All,
            _ => Allowed::Some,
        };
    }
    allowed
}

/// The number that `text` is when its writer only left out the plus. In a few plans (Germany, Sweden, Indonesia) a calling
/// code and a whole mobile number behind it also make a land line's number, which is how the library reads it; a text
/// message is meant for the mobile. It is read with a plus also if the national number is in no known range.
fn without_plus(text: &str, read: &PhoneNumber) -> Option<PhoneNumber> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) || is_mobile(read) {
        return None;
    }
    let number = PHONE_NUMBER_UTIL.parse(format!("+{text}"), None).ok()?;
    let is_meant = is_mobile(&number) || !PHONE_NUMBER_UTIL.is_valid_number(read);
    (number.country_code == read.country_code && is_possible(&number) && is_meant).then_some(number)
}

fn is_mobile(number: &PhoneNumber) -> bool {
    let kind = PHONE_NUMBER_UTIL.get_number_type(number);
    matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile)
}

/// The digits of a text that is `+` and 7 to 15 ASCII digits.
fn strict_digits(text: &str) -> Option<&[u8]> {
    let digits = text.strip_prefix('+')?.as_bytes();
    let is_strict = (MIN_FAST_DIGITS..=MAX_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_strict.then_some(digits)
}

/// The library's verdict where the fast path is sure of it.
enum Fast {
    Number(i64),
    NoNumber,
    Unsure,
}

fn read_fast(digits: &[u8]) -> Fast {
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
fn calling_code(digits: &[u8]) -> Option<(usize, usize)> {
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
