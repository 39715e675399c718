//! Phone numbers as people write them, to E.164. Only this module knows the library behind it.
//!
//! **What is accepted.** A number of a known country calling code whose length is possible there, and no more: carriers
//! open ranges faster than the numbering metadata is released, and the provider judges at the price of one refusal, while
//! a rule too strict loses a customer's message silently. Lengths that only work inside one area are refused. So are more
//! than 15 digits (E.164), national numbers of zeros, letters (vanity numbers, extensions), and numbers without `+` or `00`
//! when no region is given, because `6505550100` could be the United States or Singapore.
//!
//! Most files hold strict `+` and digits, for which [`codes`] knows a fast path. [`number`] tells what the metadata knows of
//! a number that was read, [`time_zones`] where it may be, [`countries`] whether a campaign may send to it.

mod codes;
mod countries;
mod number;
mod time_zones;

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};

use self::codes::{Fast, read_fast, strict_digits};
use self::countries::Countries;
pub use self::number::{Kind, Number};
pub use self::time_zones::{ZoneSet, group_by_zones};
use crate::error::Error;

/// The release of libphonenumber whose numbering metadata this is. It moves with the pinned version of the library, whose
/// readme names it; a test compares it with the release that the reference carries.
pub const METADATA_VERSION: &str = "9.0.42";

/// Longer cells are no phone numbers, and bounding them bounds the patterns' work.
const MAX_TEXT_BYTES: usize = 64;
const MAX_DIGITS: usize = 15;

/// Reads numbers, with or without a region for the national ones, and holds them against a list of countries.
pub struct PhoneReader {
    region: Option<Region>,
    countries: Option<Countries>,
}

impl PhoneReader {
    /// A reader for national numbers of `region`, accepting `countries` (ISO 3166 codes) or any.
    ///
    /// # Errors
    /// [`Error::Argument`] for a code that is no region of the numbering metadata.
    pub fn new(region: Option<&str>, countries: Option<&[String]>) -> Result<Self, Error> {
        let region = region.map(region_of).transpose()?;
        Ok(Self { region, countries: countries.map(Countries::new).transpose()? })
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
        self.countries.as_ref().is_none_or(|countries| countries.contain(number))
    }
}

fn region_of(code: &str) -> Result<Region, Error> {
    let unknown = || Error::Argument(format!("'{code}' is not a region; use two letters of ISO 3166, such as 'DE'."));
    let region = Region::from_code(&code.to_ascii_uppercase()).map_err(|_| unknown())?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region).ok_or_else(unknown)
}

/// The number that `text` is when its writer only left out the plus. In a few plans (Germany, Sweden, Indonesia) a calling
/// code and a whole mobile number behind it also make a land line's number, which is how the library reads it; a text
/// message is meant for the mobile. It is read with a plus also if the national number is in no known range.
fn without_plus(text: &str, read: &PhoneNumber) -> Option<PhoneNumber> {
    // Most numbers are told by their first digit, which is cheaper than any other question.
    let first = read.country_code.to_string().chars().next()?;
    if !text.starts_with(first) || is_mobile(read) {
        return None;
    }
    let number = PHONE_NUMBER_UTIL.parse(format!("+{text}"), None).ok()?;
    let is_meant = is_mobile(&number) || !PHONE_NUMBER_UTIL.is_valid_number(read);
    (number.country_code == read.country_code && is_possible(&number) && is_meant).then_some(number)
}

fn is_possible(number: &PhoneNumber) -> bool {
    matches!(PHONE_NUMBER_UTIL.is_possible_number_with_reason(number), Ok(NumberLengthType::IsPossible))
}

fn is_mobile(number: &PhoneNumber) -> bool {
    let kind = PHONE_NUMBER_UTIL.get_number_type(number);
    matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile)
}
