//! What holds for every text: the counting by blocks and by table, and the gain of a rewriting.

use penstock_core::gsm7;
use penstock_core::segment::{Encoding, segments};
use penstock_core::transliterate::{Outcome, transliterate};
use proptest::prelude::*;

/// Texts with everything that is counted in a special way, long enough for several blocks.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z€ä\\[|Ω\u{c}\n]{0,400}", "[a-z`😀ж“\u{301}Αé]{0,200}"]
}

proptest! {
    /// Units are the sum of what the characters take one by one, in the alphabet that has them all.
    #[test]
    fn units_are_those_of_the_characters(text in text()) {
        let found = segments(&text);
        let septets: Vec<u8> = text.chars().map(gsm7::septets).collect();
        let (encoding, units) = if septets.contains(&0) {
            (Encoding::Ucs2, text.encode_utf16().count())
        } else {
            (Encoding::Gsm7, septets.iter().map(|septets| usize::from(*septets)).sum())
        };
        prop_assert_eq!((found.encoding, found.units), (encoding, units));
    }

    /// A text changes only when it becomes GSM-7 in no more parts, and then for good.
    #[test]
    fn a_change_is_a_gain(text in text()) {
        let found = transliterate(&text);
        prop_assert_eq!((found.before, found.after), (segments(&text), segments(&found.text)));
        prop_assert!(found.after.parts <= found.before.parts);
        prop_assert_eq!(found.text != text, found.outcome == Outcome::Replaced);
        prop_assert_eq!(found.changes.is_empty(), found.outcome != Outcome::Replaced);
        prop_assert_eq!(found.left.is_empty(), found.outcome != Outcome::Impossible);
        prop_assert!(found.outcome != Outcome::Replaced || found.after.encoding == Encoding::Gsm7);
        prop_assert_eq!(transliterate(&found.text).text, found.text);
    }
}
