//! What holds for every number, read or given.

use penstock_core::phone::{Number, PhoneReader, group_by_zones};
use proptest::prelude::*;

proptest! {
    /// Whatever is read has at most 15 digits and a calling code, and everything can be asked of it.
    #[test]
    fn what_is_read_is_a_number(text in "\\PC{0,20}|[+0]{0,2}[0-9 ().-]{0,20}", with_region in any::<bool>()) {
        let reader = PhoneReader::new(with_region.then_some("AU"), None).expect("a reader");
        if let Some(digits) = reader.read(&text) {
            let number = Number::new(digits).expect("a number");
            prop_assert!((1..10_i64.pow(15)).contains(&number.digits()));
            prop_assert!(digits.to_string().starts_with(&number.calling_code().to_string()));
            prop_assert_eq!(number.kind().is_known(), number.kind().name() != "unknown");
            prop_assert!(number.region().is_none_or(|region| region.len() == 2));
        }
    }

    /// Every position is in one group, in order, and a group's zones are those of its numbers, by name and without repeats.
    #[test]
    fn groups_part_the_positions(numbers in prop::collection::vec(prop_oneof![any::<i64>(), 1..10_i64.pow(15)], 0..100)) {
        let mut seen = Vec::new();
        for (zones, positions) in group_by_zones(&numbers) {
            prop_assert!(zones.names().is_sorted_by(|one, other| one < other));
            prop_assert!(positions.is_sorted());
            for position in positions {
                let expected = Number::new(numbers[position]).map(Number::time_zones);
                prop_assert!(expected.map_or(zones.names().is_empty(), |expected| expected == zones));
                seen.push(position);
            }
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..numbers.len()).collect::<Vec<_>>());
    }
}
