//! The vectors that these tests share with the Python ones.

use std::path::Path;

use penstock_core::phone::PhoneReader;
use penstock_core::template::Template;
use penstock_core::{answer, canonical, fingerprint, report, segment};
use serde_json::{Value, json};

fn cases(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(format!("{name}.json"));
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    let document: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    document["cases"].as_array().expect("the vectors have cases").clone()
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().expect("a text")
}

fn expected(case: &Value) -> usize {
    usize::try_from(case["expected"].as_u64().expect("a number")).expect("a small number")
}

/// Texts travel as the vectors say.
#[test]
fn segments_are_counted() {
    for case in cases("segments") {
        let times = usize::try_from(case["times"].as_u64().expect("a number")).expect("a small number");
        let text = text(&case, "text").repeat(times) + text(&case, "tail");
        let found = segment::segments(&text);
        assert_eq!(
            json!([found.encoding.name(), found.units, found.parts]),
            json!([case["encoding"], case["units"], case["parts"]]),
            "{case}"
        );
    }
}

/// Numbers are read as the vectors say.
#[test]
fn numbers_are_read() {
    for case in cases("numbers") {
        let reader = PhoneReader::new(case["region"].as_str(), None).expect("a region");
        assert_eq!(json!(reader.read(text(&case, "text"))), case["number"], "{case}");
    }
}

/// Templates compile, render or are refused as the vectors say.
#[test]
fn templates_are_compiled() {
    for case in cases("template") {
        let template = Template::new(text(&case, "text"));
        let Some(names) = case["names"].as_array() else {
            assert!(template.is_err(), "{case}");
            continue;
        };
        let template = template.expect("a template");
        let values: Vec<&str> = case["values"].as_array().expect("values").iter().filter_map(Value::as_str).collect();
        assert_eq!(&json!(template.names()), &json!(names), "{case}");
        assert_eq!(template.render(&values).as_deref(), Ok(text(&case, "rendered")), "{case}");
    }
}

/// Answers are trusted or not as the vectors say.
#[test]
fn bulk_answers_are_read() {
    for case in cases("bulk_answer") {
        let found = answer::read_bulk_answer(text(&case, "body").as_bytes(), expected(&case));
        let said =
            json!([found.reason.map(answer::Distrust::name), found.bulk_id, found.positions, found.ids, found.refused]);
        let expected = json!([case["reason"], case["bulk_id"], case["positions"], case["ids"], case["refused"]]);
        assert_eq!(said, expected, "{case}");
    }
}

/// Reports are read as the vectors say, and again from their lines.
#[test]
fn reports_are_read() {
    for case in cases("reports") {
        let found = report::read_reports(text(&case, "body").as_bytes(), text(&case, "content_type"));
        if case["ids"].is_null() {
            assert!(found.is_err(), "{case}");
            continue;
        }
        let found = found.expect("reports");
        let said = json!([found.ids, found.statuses, found.times_us, found.errors, found.unreadable]);
        let expected = json!([case["ids"], case["statuses"], case["times_us"], case["errors"], case["unreadable"]]);
        assert_eq!(said, expected, "{case}");
        assert_eq!(report::read_reports(&found.lines, "application/x-ndjson").as_ref(), Ok(&found), "{case}");
    }
}

/// JSON bodies have the canonical forms of the vectors, or none.
#[test]
fn bodies_are_made_canonical() {
    for case in cases("canonical") {
        let body = match case["body_hex"].as_str() {
            Some(digits) => bytes_of(digits),
            None => text(&case, "body").as_bytes().to_vec(),
        };
        let found = canonical::canonical_json(&body).ok();
        assert_eq!(found.as_deref(), case["canonical"].as_str().map(str::as_bytes), "{case}");
    }
}

/// Requests have the fingerprints of the vectors, or none.
#[test]
fn fingerprints_are_fixed() {
    for case in cases("fingerprint") {
        let [method, path, content_type, body] =
            ["method", "path", "content_type", "body"].map(|name| text(&case, name));
        let found = fingerprint::fingerprint(method, path, content_type, body.as_bytes()).ok();
        assert_eq!(found.map(Vec::from), case["sha256"].as_str().map(bytes_of), "{case}");
    }
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("a byte")).collect()
}
