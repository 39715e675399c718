//! What holds for the redaction of every input: nothing breaks, JSON stays JSON, masked stays masked.

use std::borrow::Cow;

use penstock_core::redact::Redactor;
use proptest::prelude::*;
use serde_json::Value;

/// Texts of pieces with which shapes begin, go on and end.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("+49151000000"),
        Just("0151 "),
        Just("(650) 555-0100"),
        Just("4111 1111 1111 1111"),
        Just("jane@example.org"),
        Just("%40"),
        Just("%2B49"),
        Just("://user:hush@"),
        Just("Bearer hush-hush-hush"),
        Just("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln"),
        Just("deadbeefdeadbeefdeadbeefdeadbeef"),
        Just("Zx9Qa7Lm2Tk8Wp4Rv6Yb1Nc5Hd3Jf0GseUiXoAqMw"),
        Just("token="),
        Just("'text': '"),
        Just("to=["),
        Just("+49…21"),
        Just("***"),
        Just("…"),
        Just("é"),
    ];
    prop::collection::vec(prop_oneof![piece.prop_map(str::to_owned), "[ -~]{1,3}", "\\PC{0,2}"], 0..12)
        .prop_map(|pieces| pieces.concat())
}

/// JSON documents of such texts, written with many escapes.
fn documents() -> impl Strategy<Value = String> {
    let string = (pieces(), any::<u64>()).prop_map(|(text, escaped)| {
        let chars = text.chars().enumerate().map(|(place, char)| match char {
            _ if escaped >> (place % 64) & 1 == 1 => {
                let units: Vec<String> =
                    char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
                units.concat()
            }
            '"' | '\\' => format!("\\{char}"),
            _ if char.is_control() => format!("\\u{:04x}", u32::from(char)),
            _ => char.to_string(),
        });
        format!("\"{}\"", chars.collect::<String>())
    });
    let string = string.boxed();
    let leaf = prop_oneof![
        string.clone(),
        "-?[1-9][0-9]{0,9}(\\.[0-9]{1,3})?(e[0-9])?",
        Just("null".into()),
        Just(" true".into())
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let name = prop_oneof![string.clone(), Just("\"a\"".to_owned()), Just("\"api_key\"".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((name, inner), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// Whether two documents have the same shape, but for what is masked as a whole.
fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (_, Value::String(text)) if text == "***" => true,
        (Value::String(_), Value::String(_)) => true,
        (Value::Array(some), Value::Array(others)) => {
            some.len() == others.len() && some.iter().zip(others).all(|(one, other)| is_alike(one, other))
        }
        (Value::Object(some), Value::Object(others)) => others.len() <= some.len(),
        _ => one == other,
    }
}

proptest! {
    /// A masked text is masked already.
    #[test]
    fn twice_is_once(text in pieces()) {
        let redactor = Redactor::new(["iban"]);
        let once = redactor.text(&text).into_owned();
        prop_assert!(matches!(redactor.text(&once), Cow::Borrowed(_)), "{} became {}", once, redactor.text(&once));
    }

    /// A document stays a document of the same shape, also when it is redacted again.
    #[test]
    fn documents_stay_documents(document in documents()) {
        let redactor = Redactor::new(["iban"]);
        let once = redactor.json(document.as_bytes()).into_owned();
        let before: Value = serde_json::from_str(&document).expect("JSON");
        let after: Value = serde_json::from_slice(&once).expect("still JSON");
        prop_assert!(is_alike(&before, &after), "{document}");
        prop_assert_eq!(&*redactor.json(&once), &*once);
    }

    /// What is no JSON does not become any, and a document cut short is no exception.
    #[test]
    fn other_bytes_stay_other_bytes(document in documents(), cut in any::<prop::sample::Index>(), bytes in any::<[u8; 4]>()) {
        let redactor = Redactor::new(["iban"]);
        let cut = &document.as_bytes()[..cut.index(document.len() + 1)];
        for input in [cut.to_vec(), [cut, &bytes].concat(), [&bytes, cut].concat()] {
            let redacted = redactor.json(&input);
            // The parser does not look at the bytes of strings that it ignores; JSON is UTF-8.
            let is_json = |text: &[u8]| {
                std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
            };
            prop_assert_eq!(is_json(&input), is_json(&redacted));
            prop_assert!(std::str::from_utf8(&redacted).is_ok());
        }
    }
}
