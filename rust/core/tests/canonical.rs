//! Canonical JSON against a slow writer over serde_json's values, and what holds for every input.

use std::collections::BTreeMap;

use penstock_core::canonical::canonical_json;
use penstock_core::fingerprint::fingerprint;
use penstock_core::json_text::write_string;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// A JSON value that knows how it is to be written in the body.
#[derive(Debug, Clone)]
enum Value {
    Word(&'static str),
    Number(String),
    Text(String),
    List(Vec<Value>),
    /// Distinct keys, each with its value.
    Members(Vec<(String, Value)>),
}

fn text() -> impl Strategy<Value = String> {
    let character = prop::sample::select(vec![
        'a', 'b', '"', '\\', '/', '\n', '\0', '\u{7f}', 'é', '€', '\u{e000}', '\u{ffff}', '😀',
    ]);
    let short = prop::collection::vec(character, 0..4).prop_map(String::from_iter);
    prop_oneof![short, any::<String>(), "abcdefg[hi]{1,3}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["true", "false", "null"]).prop_map(Value::Word),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?".prop_map(Value::Number),
        text().prop_map(Value::Text),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List);
        let members = prop::collection::hash_map(text(), inner, 0..7);
        prop_oneof![list, members.prop_map(|members| Value::Members(members.into_iter().collect()))]
    })
}

/// Writes a value by the rules, slowly.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Word(text) => out.extend_from_slice(text.as_bytes()),
        Value::Number(text) => out.extend_from_slice(text.as_bytes()),
        Value::Text(text) => write_string(text, out),
        Value::List(values) => separated(*b"[]", values, out, write_canonical),
        Value::Members(members) => {
            let ordered: BTreeMap<Vec<u16>, &(String, Value)> =
                members.iter().map(|member| (member.0.encode_utf16().collect(), member)).collect();
            separated(*b"{}", ordered.into_values(), out, |(key, value), out| {
                write_string(key, out);
                out.push(b':');
                write_canonical(value, out);
            });
        }
    }
}

/// Writes a value in the order it has, with white space and escapes as `dice` falls.
fn write_wildly(value: &Value, dice: &mut impl FnMut(usize) -> usize, out: &mut Vec<u8>) {
    out.extend_from_slice([&b""[..], b" ", b"\n\t", b"\r\n    "][dice(4)]);
    match value {
        Value::Word(_) | Value::Number(_) => write_canonical(value, out),
        Value::Text(text) => write_text_wildly(text, dice, out),
        Value::List(values) => separated(*b"[]", values, out, |value, out| write_wildly(value, dice, out)),
        Value::Members(members) => separated(*b"{}", members, out, |(key, value), out| {
            write_text_wildly(key, dice, out);
            out.extend_from_slice([&b":"[..], b" :"][dice(2)]);
            write_wildly(value, dice, out);
        }),
    }
    out.extend_from_slice([&b""[..], b" "][dice(2)]);
}

fn write_text_wildly(text: &str, dice: &mut impl FnMut(usize) -> usize, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        if dice(3) > 0 {
            let mut string = Vec::new();
            write_string(character.encode_utf8(&mut [0; 4]), &mut string);
            out.extend_from_slice(&string[1..string.len() - 1]);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let escape = if dice(2) == 0 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                out.extend_from_slice(escape.as_bytes());
            }
        }
    }
    out.push(b'"');
}

fn separated<Item>(
    brackets: [u8; 2],
    items: impl IntoIterator<Item = Item>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(Item, &mut Vec<u8>),
) {
    out.push(brackets[0]);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(brackets[1]);
}

proptest! {
    /// However a value is written, its form is the one that the slow writer gives.
    #[test]
    fn form_is_that_of_the_value(value in value(), seed in prop::collection::vec(any::<u8>(), 1..50)) {
        let (mut body, mut expected) = (Vec::new(), Vec::new());
        let mut throws = seed.iter().cycle();
        write_wildly(&value, &mut |sides| throws.next().map_or(0, |&byte| usize::from(byte) % sides), &mut body);
        write_canonical(&value, &mut expected);
        let form = canonical_json(&body).expect("a form");
        prop_assert_eq!(String::from_utf8_lossy(&form), String::from_utf8_lossy(&expected));
        prop_assert!(form.len() <= body.len());
        prop_assert_eq!(&canonical_json(&form).expect("a form"), &form);
    }

    /// Any bytes have a form that is its own form, or none; a fingerprint is the hash of just that form.
    #[test]
    fn any_bytes_are_judged(body in "[\\[\\]{},:\"\\\\a1u0 \\.e-]{0,24}|\\PC{0,12}") {
        let found = fingerprint("post", "/x", "application/json", body.as_bytes());
        let Ok(form) = canonical_json(body.as_bytes()) else {
            prop_assert!(found.is_err());
            return Ok(());
        };
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok());
        let mut framed = b"penstock request fingerprint 1\n".to_vec();
        for part in [&b"POST"[..], b"/x", b"application/json", &form] {
            framed.extend_from_slice(&(part.len() as u64).to_be_bytes());
            framed.extend_from_slice(part);
        }
        prop_assert_eq!(found, Ok(Sha256::digest(&framed).into()));
    }
}

/// A megabyte of brackets ends at the 65th, with the smallest stack a thread may have.
#[test]
fn towers_take_no_stack() {
    let refused = std::thread::Builder::new().stack_size(256 * 1024).spawn(|| {
        [&b"["[..], b"{\"a\":", b"[{\"a\":"]
            .map(|piece| canonical_json(&piece.repeat(1_000_000 / piece.len())).is_err())
    });
    assert_eq!(refused.expect("a thread").join().expect("no overflow"), [true; 3]);
}
