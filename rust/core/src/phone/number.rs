//! What the numbering metadata knows of one number. Everything is looked up when asked: most numbers are only stored.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberType, Region};

use super::codes::calling_code;
use super::time_zones::{ZoneSet, zones_of};

/// A number as E.164 has it. Its first digits are a calling code that the metadata knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    digits: i64,
    calling_code: u16,
    /// How many of the digits are behind the calling code.
    national_digits: u32,
}

const INDONESIA: i32 = 62;

/// What a number is for, as its range says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(PhoneNumberType);

impl Kind {
    /// The name shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            PhoneNumberType::FixedLine => "fixed_line",
            PhoneNumberType::Mobile => "mobile",
            PhoneNumberType::FixedLineOrMobile => "fixed_line_or_mobile",
            PhoneNumberType::TollFree => "toll_free",
            PhoneNumberType::PremiumRate => "premium_rate",
            PhoneNumberType::SharedCost => "shared_cost",
            PhoneNumberType::VoIP => "voip",
            PhoneNumberType::PersonalNumber => "personal_number",
            PhoneNumberType::Pager => "pager",
            PhoneNumberType::UAN => "uan",
            PhoneNumberType::VoiceMail => "voicemail",
            PhoneNumberType::Unknown => "unknown",
        }
    }

    /// Is the number in a range that the metadata knows?
    #[must_use]
    pub fn is_known(self) -> bool {
        self.0 != PhoneNumberType::Unknown
    }
}

impl Number {
    /// The number of these digits, or `None` when they are too many or begin with no calling code.
    #[must_use]
    pub fn new(digits: i64) -> Option<Self> {
        let text = (1..10_i64.pow(15)).contains(&digits).then(|| digits.to_string())?;
        let (calling_code, length) = calling_code(text.as_bytes())?;
        let national_digits = u32::try_from(text.len() - length).ok()?;
        Some(Self { digits, calling_code: u16::try_from(calling_code).ok()?, national_digits })
    }

    /// The digits as one integer.
    #[must_use]
    pub const fn digits(self) -> i64 {
        self.digits
    }

    /// The country calling code.
    #[must_use]
    pub const fn calling_code(self) -> u16 {
        self.calling_code
    }

    /// Two letters of ISO 3166. `None` for a calling code of no country, or where the metadata cannot tell which of the
    /// countries that share the code has the number.
    #[must_use]
    pub fn region(self) -> Option<String> {
        let region = PHONE_NUMBER_UTIL.get_region_for_number(&self.parsed());
        region.filter(|region| *region != Region::World).map(|region| region.to_string())
    }

    /// What the number is for.
    #[must_use]
    pub fn kind(self) -> Kind {
        Kind(PHONE_NUMBER_UTIL.get_number_type(&self.parsed()))
    }

    /// Where the number may be.
    #[must_use]
    pub fn time_zones(self) -> ZoneSet {
        zones_of(self)
    }

    /// The number's region, or the main one of its calling code when the metadata cannot place it.
    pub(super) fn nearest_region(self) -> Option<Region> {
        let placed = PHONE_NUMBER_UTIL.get_region_for_number(&self.parsed());
        placed.or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(i32::from(self.calling_code)))
    }

    /// Is the number tied to a place, so that its first digits say where? A number in no known range counts as such, and
    /// an Indonesian mobile number does not: the library thinks so for the sake of a few ranges, and the map has put all of
    /// them to Jakarta.
    pub(super) fn is_geographical(self) -> bool {
        let kind = self.kind();
        let code = i32::from(self.calling_code);
        let is_placed = PHONE_NUMBER_UTIL.is_number_geographical_by_country_code_and_type(kind.0, code);
        let is_indonesian_mobile = code == INDONESIA && kind.0 == PhoneNumberType::Mobile;
        !kind.is_known() || is_placed && !is_indonesian_mobile
    }

    /// The number as the library has it. Zeros at the beginning of a national number, as in Italy, are counted apart.
    fn parsed(self) -> PhoneNumber {
        let national_number = self.digits.unsigned_abs() % 10_u64.pow(self.national_digits);
        let mut number =
            PhoneNumber { country_code: i32::from(self.calling_code), national_number, ..PhoneNumber::default() };
        let zeros = self.national_digits - national_number.checked_ilog10().map_or(1, |log| log + 1);
        if zeros > 0 {
            number.italian_leading_zero = Some(true);
            number.number_of_leading_zeros = i32::try_from(zeros).ok().filter(|zeros| *zeros > 1);
        }
        number
    }
}
