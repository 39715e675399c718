//! Recipients as JSON: one object a line, or one body with a list. An item is an object or a bare number as a string.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::columns::Wanted;
use crate::error::Error;
use crate::rows;
use crate::template::MAX_NAMES;

/// A JSON body is held whole until its end; this is its bound.
pub(crate) const MAX_BODY_BYTES: usize = 10_000_000;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Hands the number and the values of one item to `take`, or says what is wrong with it.
pub(crate) fn read_item<Taken>(
    wanted: &Wanted,
    item: &[u8],
    take: impl FnOnce(&str, &[&str]) -> Taken,
) -> Result<Taken, &'static str> {
    let item = rows::text(item)?.trim_start_matches('\u{feff}').trim();
    if item.starts_with('"') {
        let number: String = serde_json::from_str(item).map_err(|_| "not a JSON object")?;
        return Ok(take(number.trim(), &[""; MAX_NAMES][..wanted.values()]));
    }
    let mut source = serde_json::Deserializer::from_str(item);
    let found = wanted.deserialize(&mut source).map_err(|_| "not a JSON object")?;
    source.end().map_err(|_| "not a JSON object")?;
    let number = found.numbers.into_iter().flatten().map(scalar).find_map(Result::transpose);
    let number = number.ok_or("no number")??;
    let mut texts = [const { Cow::Borrowed("") }; MAX_NAMES];
    for (text, raw) in texts.iter_mut().zip(found.values) {
        if let Some(value) = raw.map(scalar).transpose()?.flatten() {
            *text = value;
        }
    }
    let values = std::array::from_fn::<&str, MAX_NAMES, _>(|index| texts[index].trim());
    Ok(take(number.trim(), &values[..wanted.values()]))
}

/// A value as text: strings unescaped, numbers and booleans as written, `None` for null.
fn scalar(raw: &RawValue) -> Result<Option<Cow<'_, str>>, &'static str> {
    let raw = raw.get();
    let text = match raw.as_bytes().first() {
        Some(b'"') if !raw.contains('\\') => Cow::Borrowed(&raw[1..raw.len() - 1]),
        Some(b'"') => Cow::Owned(serde_json::from_str(raw).map_err(|_| "not a JSON text")?),
        Some(b'n') => return Ok(None),
        Some(b'{' | b'[') | None => return Err("a value is a list or an object"),
        Some(_) => Cow::Borrowed(raw),
    };
    if text.contains('\0') { Err("NUL character") } else { Ok(Some(text)) }
}

/// The wanted members of an object; the number under each of its possible names.
pub(crate) struct Found<'de> {
    numbers: [Option<&'de RawValue>; 5],
    values: [Option<&'de RawValue>; MAX_NAMES],
}

impl<'de> DeserializeSeed<'de> for &Wanted {
    type Value = Found<'de>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Found<'de>, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Wanted {
    type Value = Found<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found { numbers: [None; 5], values: [None; MAX_NAMES] };
        while let Some((rank, index)) = members.next_key_seed(Key(self))? {
            if rank.is_none() && index.is_none() {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = members.next_value::<&RawValue>()?;
            if let Some(slot) = rank.and_then(|rank| found.numbers.get_mut(rank)) {
                *slot = Some(value);
            }
            if let Some(slot) = index.and_then(|index| found.values.get_mut(index)) {
                *slot = Some(value);
            }
        }
        Ok(found)
    }
}

struct Key<'a>(&'a Wanted);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = (Option<usize>, Option<usize>);

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = (Option<usize>, Option<usize>);

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.find(name))
    }
}

/// The items of a body `{"recipients":[…]}`.
pub(crate) fn body_items(body: &[u8]) -> Result<Vec<&RawValue>, Error> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let refuse = |what: &str| Error::Format(format!("The body is not {{\"recipients\":[…]}}: {what}."));
    let text = std::str::from_utf8(body).map_err(|_| refuse("it is not UTF-8"))?;
    let mut source = serde_json::Deserializer::from_str(text);
    let items = source.deserialize_map(Body).map_err(|error| refuse(&error.to_string()))?;
    source.end().map_err(|error| refuse(&error.to_string()))?;
    Ok(items)
}

struct Body;

impl<'de> Visitor<'de> for Body {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut items = None;
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            if name != "recipients" {
                members.next_value::<IgnoredAny>()?;
            } else if items.replace(members.next_value::<Vec<&RawValue>>()?).is_some() {
                return Err(A::Error::custom("\"recipients\" is there twice"));
            }
        }
        items.ok_or_else(|| A::Error::custom("\"recipients\" is missing"))
    }
}
