//! Which countries a campaign may send to.

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

use super::codes::calling_code;
use super::number::Number;
use super::region_of;
use crate::error::Error;

/// The countries that numbers are held against.
pub(super) struct Countries {
    wanted: Vec<Region>,
    /// For each calling code: are all, none or some of its regions wanted?
    codes: Vec<Allowed>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    All,
    None,
    Some,
}

impl Countries {
    pub(super) fn new(codes: &[String]) -> Result<Self, Error> {
        let wanted = codes.iter().map(|code| region_of(code)).collect::<Result<Vec<_>, _>>()?;
        let codes = codes_allowed(&wanted);
        Ok(Self { wanted, codes })
    }

    /// Is the number's country among them? A number that the metadata cannot place counts for the main region of its code.
    pub(super) fn contain(&self, number: i64) -> bool {
        let digits = number.to_string();
        let Some((code, _)) = calling_code(digits.as_bytes()) else { return false };
        match self.codes[code] {
            Allowed::All => true,
            Allowed::None => false,
            Allowed::Some => {
                let region = Number::new(number).and_then(Number::nearest_region);
                region.is_some_and(|region| self.wanted.contains(&region))
            }
        }
    }
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
