//! Canonical JSON: exactly what a slow writer over `serde_json` gives, and its own form.

use std::collections::BTreeMap;
use std::fmt;

use penstock_core::Error;
use penstock_core::canonical::{MAX_DEPTH, canonical_json};
use penstock_core::fingerprint::fingerprint;
use penstock_core::json_text::write_string;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub fn check(data: &[u8]) {
    let found = canonical_json(data);
    let printed = fingerprint("POST", "/", "application/json", data);
    let slow = std::str::from_utf8(data).ok().and_then(|text| {
        let mut out = Vec::new();
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        write_slowly(raw.get(), 0, &mut out).map(|()| out)
    });
    match found {
        Ok(form) => {
            assert_eq!(slow.as_deref(), Some(&form[..]));
            assert!(form.len() <= data.len());
            assert_eq!(canonical_json(&form).as_deref(), Ok(&form[..]));
            assert_eq!(printed, fingerprint("post", "/", "Application/JSON;x", &form));
        }
        Err(Error::Format(_)) => assert!(slow.is_none() && printed.is_err()),
        Err(other) => panic!("{other:?}"),
    }
}

/// Reads each value again inside each of its holders.
fn write_slowly(text: &str, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let first = *text.as_bytes().first()?;
    if matches!(first, b'[' | b'{') && depth == MAX_DEPTH {
        return None;
    }
    match first {
        b'"' => write_string(&serde_json::from_str::<String>(text).ok()?, out),
        b'[' => {
            let values: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            separated(b'[', values, b']', out, |value, out| write_slowly(value.get(), depth + 1, out))?;
        }
        b'{' => {
            let members = serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()?;
            let ordered: BTreeMap<Vec<u16>, (&String, &RawValue)> =
                members.iter().map(|(key, value)| (key.encode_utf16().collect(), (key, *value))).collect();
            if ordered.len() != members.len() {
                return None;
            }
            separated(b'{', ordered.into_values(), b'}', out, |(key, value), out| {
                write_string(key, out);
                out.push(b':');
                write_slowly(value.get(), depth + 1, out)
            })?;
        }
        _ => out.extend_from_slice(text.as_bytes()),
    }
    Some(())
}

fn separated<Item>(
    opening: u8,
    items: impl IntoIterator<Item = Item>,
    closing: u8,
    out: &mut Vec<u8>,
    mut write: impl FnMut(Item, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    out.push(opening);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(closing);
    Some(())
}

/// All members as written, repeated ones too.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
