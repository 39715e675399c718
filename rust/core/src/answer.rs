//! The provider's answer to a bulk send, item by item, or the precise reason why its positions cannot be trusted. It
//! decides nothing: what follows from a reason is the caller's business.
//!
//! An element with an id was taken; one with an error and no id was refused. An error that says nothing (null, false, 0,
//! empty) is none: `refused` is final and gives the credits back, so it must have been said.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::loose::{Members, error_text, string};
use crate::text::is_id;

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
    pub ids: Vec<String>,
    /// Positions with an error and no id, and what the error says.
    pub refused: Vec<(usize, String)>,
}

/// Reads the answer to a request of `expected` messages.
#[must_use]
pub fn read_bulk_answer(body: &[u8], expected: usize) -> BulkAnswer {
    let mut answer = BulkAnswer::default();
    let members = std::str::from_utf8(body).map(Members::read);
    let Ok(members @ Members(Some(_))) = members else {
        answer.reason = Some(Distrust::NotJson);
        return answer;
    };
    let bulk_id = members.get("bulkId").and_then(string);
    answer.bulk_id = bulk_id.filter(|id| is_id(id)).map(std::borrow::Cow::into_owned);
    let elements: Option<Vec<&RawValue>> =
        members.get("messages").and_then(|list| serde_json::from_str(list.get()).ok());
    answer.reason = match elements {
        Some(elements) => answer.read_elements(&elements, expected),
        None => Some(Distrust::NoMessages),
    };
    answer
}

impl BulkAnswer {
    fn read_elements(&mut self, elements: &[&RawValue], expected: usize) -> Option<Distrust> {
        let mut is_id_missing = false;
        for (position, element) in elements.iter().take(expected).enumerate() {
            let members = Members::read(element.get());
            let id = members.get("messageId").and_then(string).filter(|id| is_id(id));
            if let Some(id) = id {
                self.positions.push(position);
                self.ids.push(id.into_owned());
                continue;
            }
            let error = ["error", "errors"].iter().find_map(|name| members.get(name).and_then(error_text));
            match error {
                Some(text) => self.refused.push((position, text)),
                None => is_id_missing = true,
            }
        }
        let is_repeated = || self.ids.iter().collect::<HashSet<_>>().len() < self.ids.len();
        if elements.len() != expected {
            Some(Distrust::Length)
        } else if is_id_missing {
            Some(Distrust::MissingId)
        } else if is_repeated() {
            Some(Distrust::RepeatedId)
        } else {
            None
        }
    }
}
