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
        assert!(again == Some(number) || is_zero_dropped(&strict, again), "{strict} {again:?}");
        if reader.is_in_countries(number) {
            assert!(strict.starts_with("+49") || strict.starts_with("+1"), "{strict}");
        }
    });
}

/// Where the national prefix is a zero, one behind the calling code is taken for it. No such number is in use.
fn is_zero_dropped(strict: &str, again: Option<i64>) -> bool {
    (2..5).any(|place| {
        let (code, national) = strict.split_at(place.min(strict.len()));
        let dropped = national.strip_prefix('0').map(|rest| format!("{}{rest}", &code[1..]));
        dropped.is_some_and(|digits| again.is_none_or(|again| again.to_string() == digits))
    })
}
