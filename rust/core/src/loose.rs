//! Foreign JSON read without believing its shape: any value may stand anywhere, nothing recurses, and what is not wanted
//! is skipped without being built.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::text::clean;

/// Most characters of an error's text.
const MAX_ERROR_CHARS: usize = 200;

/// The members of an object, later ones of the same name last; `None` for any other value.
pub(crate) struct Members<'de>(pub(crate) Option<Vec<(Cow<'de, str>, &'de RawValue)>>);

impl<'de> Members<'de> {
    /// The members of the object that `json` is.
    pub(crate) fn read(json: &'de str) -> Self {
        if json.trim_start().starts_with('{') { serde_json::from_str(json).unwrap_or(Self(None)) } else { Self(None) }
    }

    /// The last member of that very name.
    pub(crate) fn get(&self, name: &str) -> Option<&'de RawValue> {
        let members = self.0.as_deref().unwrap_or_default();
        members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// The last member of that name whatever its case.
    pub(crate) fn get_any_case(&self, name: &str) -> Option<&'de RawValue> {
        let members = self.0.as_deref().unwrap_or_default();
        members.iter().rev().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(MembersVisitor).map(|members| Self(Some(members)))
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = source.next_key()? {
            members.push((name, source.next_value()?));
        }
        Ok(members)
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// A JSON text, unescaped; `None` for any other value or a text with a lone surrogate.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let json = raw.get();
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(json).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// A text, or a number or boolean as it is written.
pub(crate) fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first() {
        Some(b'"') => string(raw),
        None | Some(b'{' | b'[' | b'n') => None,
        Some(_) => Some(Cow::Borrowed(raw.get())),
    }
}

/// What an error member says, or `None` when it says that there is none: null, false, 0 or anything empty.
///
/// Of an object its `message`, else its `code`; of a list its first item.
pub(crate) fn error_text(raw: &RawValue) -> Option<String> {
    let mut json = raw;
    // A list in a list in a list is not followed for ever.
    for _ in 0..4 {
        match json.get().as_bytes().first() {
            Some(b'[') => json = first_item(json.get())?,
            Some(b'{') => return error_of_object(json),
            _ => return plain_error(json),
        }
    }
    Some(clean(raw.get(), MAX_ERROR_CHARS))
}

fn error_of_object(json: &RawValue) -> Option<String> {
    let members = Members::read(json.get());
    if members.0.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    let said = ["message", "code"].iter().find_map(|name| members.get(name).and_then(plain_error));
    Some(said.unwrap_or_else(|| clean(json.get(), MAX_ERROR_CHARS)))
}

fn plain_error(json: &RawValue) -> Option<String> {
    let text = clean(&scalar(json)?, MAX_ERROR_CHARS);
    let says_nothing = text.is_empty() || text == "0" || json.get() == "false";
    (!says_nothing).then_some(text)
}

fn first_item(json: &str) -> Option<&RawValue> {
    serde_json::from_str::<First<'_>>(json).ok()?.0
}

struct First<'de>(Option<&'de RawValue>);

impl<'de> Deserialize<'de> for First<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_seq(FirstVisitor)
    }
}

struct FirstVisitor;

impl<'de> Visitor<'de> for FirstVisitor {
    type Value = First<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let first = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}
