//! The provider's answer to a bulk send, item by item, or the precise reason why its positions cannot be trusted. It
//! decides nothing: what follows from a reason is the caller's business.
//!
//! An element with an id was taken; one with an error and no id was refused. An error that says nothing (null, false, 0,
//! empty) is none: `refused` is final and gives the credits back, so it must have been said.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::loose::error_text;
use crate::scan::{Json, Malformed, Scanner};
use crate::text::is_id;
use crate::text_list::TextList;

/// Why the positions of an answer cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// The body is no JSON object.
    NotJson,
    /// It has no list of messages.
    NoMessages,
    /// The list has another length than the request.
    Length,
    /// An element has neither an id nor an error.
    MissingId,
    /// Two elements have the same id.
    RepeatedId,
}

impl Distrust {
    /// The name under which it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NoMessages => "no_messages",
            Self::Length => "length",
            Self::MissingId => "missing_id",
            Self::RepeatedId => "repeated_id",
        }
    }
}

/// The answer. Positions beyond the request's length are not recorded, for they belong to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BulkAnswer {
    /// `None` when every position is accounted for.
    pub reason: Option<Distrust>,
    /// The provider's name for the whole request.
    pub bulk_id: Option<String>,
    /// Zero-based positions with an id.
    pub positions: Vec<usize>,
    /// The ids at those positions.
    pub ids: TextList,
    /// Positions with an error and no id, and what the error says.
    pub refused: Vec<(usize, String)>,
}

/// Reads the answer to a request of `expected` messages.
#[must_use]
pub fn read_bulk_answer(body: &[u8], expected: usize) -> BulkAnswer {
    let read = std::str::from_utf8(body).ok().and_then(|text| read_answer(text, expected).ok());
    read.unwrap_or_else(|| BulkAnswer { reason: Some(Distrust::NotJson), ..BulkAnswer::default() })
}

fn read_answer(text: &str, expected: usize) -> Result<BulkAnswer, Malformed> {
    let mut scanner = Scanner::new(text);
    let mut bulk_id = None;
    let mut elements = None;
    scanner.members(|scanner, name| {
        match name {
            "messages" if scanner.peek() == Some(b'[') => elements = Some(Elements::read(scanner, expected)?),
            "messages" => {
                elements = None;
                scanner.value()?;
            }
            "bulkId" => bulk_id = id(scanner.value()?),
            _ => {
                scanner.value()?;
            }
        }
        Ok(())
    })?;
    scanner.end()?;
    let answer = elements.map(|elements| elements.judge(expected));
    let answer = answer.unwrap_or_else(|| BulkAnswer { reason: Some(Distrust::NoMessages), ..BulkAnswer::default() });
    Ok(BulkAnswer { bulk_id: bulk_id.map(Cow::into_owned), ..answer })
}

fn id(json: Json<'_>) -> Option<Cow<'_, str>> {
    json.text().filter(|id| is_id(id))
}

/// The list of messages, while it is read.
#[derive(Default)]
struct Elements<'a> {
    count: usize,
    is_id_missing: bool,
    positions: Vec<usize>,
    ids: TextList,
    refused: Vec<(usize, String)>,
    /// What stands around the id in the last element that has one. Elements usually differ in nothing but the id, and one
    /// that begins and ends with the same bytes is the same JSON with another id: comparing takes a third of reading.
    around_id: Option<(&'a str, &'a str)>,
}

impl<'a> Elements<'a> {
    fn read(scanner: &mut Scanner<'a>, expected: usize) -> Result<Self, Malformed> {
        let mut elements = Self::default();
        scanner.items(|scanner| {
            let position = elements.count;
            elements.count += 1;
            if position >= expected || scanner.peek() != Some(b'{') {
                elements.is_id_missing = true;
                return scanner.value().map(|_| ());
            }
            let alike = elements.around_id.and_then(|(before, after)| scanner.between(before, after, is_id));
            match alike {
                Some(id) => elements.push(position, id),
                None => elements.read_one(position, scanner)?,
            }
            Ok(())
        })?;
        Ok(elements)
    }

    fn push(&mut self, position: usize, id: &str) {
        self.positions.push(position);
        self.ids.push(id);
    }

    fn read_one(&mut self, position: usize, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        let mut found = None;
        let mut errors = [None; 2];
        let start = scanner.start();
        scanner.members(|scanner, name| {
            let value_start = scanner.start();
            let value = scanner.value()?;
            match name {
                "messageId" => found = Some((value_start - start, value)),
                "error" => errors[0] = Some(value),
                "errors" => errors[1] = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        let element = scanner.since(start).0.as_str();
        if let Some((at, json, id)) = found.and_then(|(at, json)| Some((at, json.as_str(), id(json)?))) {
            self.push(position, &id);
            self.around_id = Some((&element[..=at], &element[at + json.len() - 1..]));
        } else if let Some(text) = errors.into_iter().flatten().find_map(error_text) {
            self.refused.push((position, text));
        } else {
            self.is_id_missing = true;
        }
        Ok(())
    }

    fn judge(self, expected: usize) -> BulkAnswer {
        let reason = if self.count != expected {
            Some(Distrust::Length)
        } else if self.is_id_missing {
            Some(Distrust::MissingId)
        } else if is_any_repeated(&self.ids) {
            Some(Distrust::RepeatedId)
        } else {
            None
        };
        BulkAnswer { reason, bulk_id: None, positions: self.positions, ids: self.ids, refused: self.refused }
    }
}

/// The set hashes with random keys: the provider cannot choose ids that make it slow.
fn is_any_repeated(ids: &TextList) -> bool {
    let mut seen = HashSet::with_capacity(ids.len());
    !ids.iter().all(|id| seen.insert(id))
}
