//! Redaction: twice is once, a document stays the document it was, and a planted secret is gone wherever it stood.

use penstock_core::redact::Redactor;
use serde_json::value::RawValue;

use super::choices::{Choices, text};

const PLANTED: [&str; 4] =
    [" +4915100000021 ", " pk_planted0123456789abcdef ", " ada.planted@example.org ", " Bearer planted.token-0 "];
const LEFT: [&str; 4] = ["15100000021", "planted0123456789", "ada.planted", "planted.token"];

pub fn check(data: &[u8]) {
    let redactor = Redactor::new(["Tax-Id"]);
    let text = text(data);
    let once = redactor.text(text);
    assert_eq!(redactor.text(&once), once, "masked again, a text changes");
    check_json(&redactor, data);
    check_planted(&redactor, data);
}

/// What is JSON stays JSON, and what is none does not become any.
fn check_json(redactor: &Redactor, data: &[u8]) {
    let is_json = |bytes: &[u8]| serde_json::from_slice::<&RawValue>(bytes).is_ok();
    let once = redactor.json(data);
    if is_json(data) {
        assert!(is_json(&once), "a document is broken");
    }
    assert_eq!(redactor.json(&once), once, "masked again, a document changes");
}

fn check_planted(redactor: &Redactor, data: &[u8]) {
    let mut choices = Choices(data);
    let which = choices.below(PLANTED.len());
    let around = [choices.text(60), choices.text(60)];
    let planted = around.join(PLANTED[which]);
    let is_gone = |masked: &str| !masked.contains(LEFT[which]) || around.iter().any(|part| part.contains(LEFT[which]));
    assert!(is_gone(&redactor.text(&planted)), "{planted:?}");
    let document = serde_json::to_vec(&[&planted]).expect("JSON");
    // Read back: in the document itself an escape before digits (`\u00115100…`) can look like what was planted.
    let [masked]: [String; 1] = serde_json::from_slice(&redactor.json(&document)).expect("a document is broken");
    assert!(is_gone(&masked), "{planted:?}");
}
