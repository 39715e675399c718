//! The vectors that these tests share with the Python ones.

use std::path::Path;

use penstock_core::batch::{Bounds, Envelope, encode_batch};
use penstock_core::payload::{Payload, PayloadWriter};
use penstock_core::phone::{Number, PhoneReader};
use penstock_core::redact::Redactor;
use penstock_core::template::Template;
use penstock_core::text_list::TextList;
use penstock_core::transliterate::transliterate;
use penstock_core::{CODEC_VERSION, answer, canonical, fingerprint, report, segment};
use serde_json::{Value, json};

fn document(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(format!("{name}.json"));
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    serde_json::from_str(&text).expect("the vectors are JSON")
}

fn cases(name: &str) -> Vec<Value> {
    document(name)["cases"].as_array().expect("the vectors have cases").clone()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().expect("a text")
}

fn list(texts: &TextList) -> Vec<&str> {
    texts.iter().collect()
}

fn usize_of(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("a small number")
}

fn times(case: &Value) -> usize {
    usize_of(&case["times"])
}

/// Texts travel as the vectors say.
#[test]
fn segments_are_counted() {
    for case in cases("segments") {
        let text = text(&case, "text").repeat(times(&case)) + text(&case, "tail");
        let found = segment::segments(&text);
        assert_eq!(
            json!([found.encoding.name(), found.units, found.parts, segment::forcing(&text)]),
            json!([case["encoding"], case["units"], case["parts"], case["forcing"]]),
            "{case}"
        );
    }
}

/// Texts are rewritten, or left, as the vectors say.
#[test]
fn texts_are_transliterated() {
    for case in cases("transliterate") {
        let found = transliterate(&text(&case, "text").repeat(times(&case)));
        let changes: Vec<_> =
            found.changes.iter().map(|change| json!([change.from, change.to, change.count])).collect();
        let said = json!([found.text, found.outcome.name(), changes, found.left]);
        let expected = text(&case, "written").repeat(times(&case));
        assert_eq!(said, json!([expected, case["outcome"], case["changes"], case["left"]]), "{case}");
        assert_eq!(found.before.parts - found.after.parts, usize_of(&case["parts_saved"]), "{case}");
    }
}

/// Numbers are read, and known, as the vectors say.
#[test]
fn numbers_are_read() {
    for case in cases("numbers") {
        let reader = PhoneReader::new(case["region"].as_str(), None).expect("a region");
        let found = reader.read(text(&case, "text"));
        assert_eq!(json!(found), case["number"], "{case}");
        if let Some(number) = found.and_then(Number::new) {
            let zones = number.time_zones().names();
            let kind = number.kind();
            let said = json!([number.region(), number.calling_code(), kind.name(), kind.is_known(), zones]);
            assert_eq!(said, case["facts"], "{case}");
        }
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
        let found = answer::read_bulk_answer(text(&case, "body").as_bytes(), usize_of(&case["expected"]));
        let reason = found.reason.map(answer::Distrust::name);
        let said = json!([reason, found.bulk_id, found.positions, list(&found.ids), found.refused]);
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
        let texts = json!([list(&found.ids), list(&found.statuses)]);
        let said = json!([texts[0], texts[1], found.times_us, found.errors, found.unreadable]);
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
            Some(digits) => unhex(digits),
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
        assert_eq!(found.map(Vec::from), case["sha256"].as_str().map(unhex), "{case}");
    }
}

/// The payload of version 1 reads, renders and, while that is this version, is written as the vector says.
#[test]
fn payloads_of_version_1_are_read() {
    let golden = document("payload_v1");
    let bytes = unhex(text(&golden, "payload"));
    let payload = Payload::open(&bytes).expect("a payload");
    let mut writer = PayloadWriter::default();
    for (index, message) in golden["messages"].as_array().expect("messages").iter().enumerate() {
        let mut values = Vec::new();
        payload.values(index, &mut values).expect("values");
        let (number, segments) = payload.message(index);
        assert_eq!(json!({"number": number, "segments": segments, "values": values}), *message);
        writer.push(number, segments, &values);
    }
    let first_seq = payload.first_seq();
    assert_eq!(json!([first_seq, CODEC_VERSION]), json!([golden["first_seq"], 1]));
    assert_eq!(writer.pack(first_seq, payload.values_per_message()), bytes);
    let template = Template::new(text(&golden, "template")).expect("a template");
    let envelope = Envelope::new(text(&golden, "traffic_account_id"), text(&golden, "sender"));
    let bounds = Bounds { messages: usize::MAX, segments: usize::MAX, bytes: usize::MAX };
    let last_seq = first_seq + u32::try_from(payload.len()).expect("few") - 1;
    let batch = encode_batch(&bytes, &template, &envelope, (first_seq, last_seq), None, bounds).expect("a batch");
    assert_eq!(String::from_utf8(batch.body).as_deref(), Ok(text(&golden, "body")));
    assert_eq!(batch.digest.to_vec(), unhex(text(&golden, "digest")));
}

/// A payload of a later version is refused by what it is.
#[test]
fn payloads_of_a_later_version_are_refused() {
    let later = unhex(text(&document("payload_v1"), "of_a_later_version"));
    let error = Payload::open(&later).expect_err("a refusal").to_string();
    assert!(error.contains("version 2, which a later release wrote"), "{error}");
}

/// Texts and JSON are redacted as the vectors say, and redacted texts stay as they are.
#[test]
fn private_data_is_redacted() {
    let document = document("redaction");
    let extra = document["extra_fields"].as_array().expect("names");
    let redactor = Redactor::new(extra.iter().filter_map(Value::as_str));
    for case in document["cases"].as_array().expect("the vectors have cases") {
        let redacted = text(case, "redacted");
        if let Some(json) = case["json"].as_str() {
            assert_eq!(String::from_utf8_lossy(&redactor.json(json.as_bytes())), redacted, "{case}");
            continue;
        }
        assert_eq!(redactor.text(text(case, "text")), redacted, "{case}");
        assert_eq!(redactor.text(redacted), redacted, "{case}");
    }
}
