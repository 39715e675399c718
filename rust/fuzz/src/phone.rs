//! Phone numbers: the fast way is the library's way, and a number that was read is read again.

use std::cell::OnceCell;

use penstock_core::phone::PhoneReader;

use super::choices::{Choices, text};

const REGIONS: [Option<&str>; 8] =
    [None, Some("DE"), Some("US"), Some("IT"), Some("SG"), Some("AR"), Some("GR"), Some("GB")];

thread_local! {
    static READERS: OnceCell<Vec<PhoneReader>> = const { OnceCell::new() };
}

pub fn check(data: &[u8]) {
    READERS.with(|readers| {
        let readers = readers.get_or_init(|| {
            let countries = ["DE".to_owned(), "CA".to_owned()];
            REGIONS.iter().map(|region| PhoneReader::new(*region, Some(&countries)).expect("a region")).collect()
        });
        let mut choices = Choices(data);
        let reader = &readers[choices.below(readers.len())];
        let text = text(choices.0);
        let found = reader.read(text);
        assert_eq!(found, reader.read_slow(text.trim()));
        let Some(number) = found else { return };
        assert!((1..1_000_000_000_000_000).contains(&number));
        let strict = format!("+{number}");
        let again = readers[0].read(&strict);
        assert!(readers.iter().all(|reader| reader.read(&strict) == again), "{strict}");
        assert!(again == Some(number) || has_leading_zero(&strict), "{strict} {again:?}");
        if reader.is_in_countries(number) {
            assert!(strict.starts_with("+49") || strict.starts_with("+1"), "{strict}");
        }
    });
}

/// A zero behind the calling code is read as a national prefix again, with what may follow it. No such number is in use but
/// where there is no such prefix, as in Italy.
fn has_leading_zero(strict: &str) -> bool {
    strict.bytes().skip(2).take(3).any(|digit| digit == b'0')
}
