//! The scanner against `serde_json`, and its depth.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

fn is_json(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.value().and_then(|_| scanner.end()).is_ok()
}

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\t",
        "\u{b}",
        "\"",
        "\"a\"",
        "\"\"",
        "\"\\n\"",
        "\"\\u00e9\"",
        "\"\\ud800\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\u{1f}\"",
        "\"é\"",
        "0",
        "-1",
        "01",
        "1.",
        "1.5e+3",
        "-",
        "1e",
        "true",
        "null",
        "nul",
        "falsey",
        "{\"a\":",
        "[1,",
        "\"b\":",
        "[]",
        "{}",
    ])
}

proptest! {
    /// What is JSON and what is none is what `serde_json` says.
    #[test]
    fn it_accepts_json_and_nothing_else(tokens in prop::collection::vec(token(), 0..12)) {
        let text = tokens.concat();
        prop_assert_eq!(is_json(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
    }

    /// Values come back as they were written, and names as they were meant.
    #[test]
    fn it_gives_back_what_was_written(members in prop::collection::vec(any::<(String, String)>(), 0..5), indent in any::<bool>()) {
        let object: Vec<String> = members.iter().map(|(name, value)| {
            let between = if indent { "\n : " } else { ":" };
            format!("{}{between}{}", serde_json::json!(name), serde_json::json!([value]))
        }).collect();
        let text = format!("{{{}}}", object.join(if indent { " ,\r\n" } else { "," }));
        let mut found = Vec::new();
        let mut scanner = Scanner::new(&text);
        let walked = scanner.members(|scanner, name| {
            let first = Scanner::innermost_first(scanner.value()?);
            found.push((name.to_owned(), first.and_then(Json::text).unwrap_or_default().into_owned()));
            Ok(())
        });
        prop_assert_eq!(walked.and_then(|()| scanner.end()), Ok(()));
        prop_assert_eq!(found, members);
    }
}

/// So many levels are walked and passed over, and not one more.
#[test]
fn depth_is_bounded() {
    let depth = MAX_DEPTH as usize;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let tower = |levels: usize| format!("{}0{}", open.repeat(levels), close.repeat(levels));
        assert!(is_json(&tower(depth)) && !is_json(&tower(depth + 1)));
        let within = format!("[{}]", tower(depth - 1));
        let beyond = format!("[{}]", tower(depth));
        let walk = |text: &str| Scanner::new(text).items(|scanner| scanner.value().map(|_| ())).is_ok();
        assert!(walk(&within) && !walk(&beyond));
    }
}
