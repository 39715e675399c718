//! Why a row is not a message, and the list of such rows. The order of the reasons is the order of the checks.

use crate::bounds::MAX_DETAIL_CHARS;

/// The reason a row was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Not a row of this file: bad quoting, bad UTF-8, too many cells, too long.
    Malformed,
    /// The number is none, or none that could be.
    InvalidNumber,
    /// A number outside the campaign's countries.
    Country,
    /// The number is already a message of this campaign.
    Duplicate,
    /// The number's owner does not want messages.
    OptedOut,
    /// The time zone that the row names is none.
    InvalidZone,
    /// A value that the template names is absent or empty.
    MissingValue,
    /// The rendered text takes more parts than allowed.
    TooLong,
}

impl Skip {
    /// The name under which it is counted and stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::InvalidNumber => "invalid_number",
            Self::Country => "country",
            Self::Duplicate => "duplicate",
            Self::OptedOut => "opted_out",
            Self::InvalidZone => "invalid_zone",
            Self::MissingValue => "missing_value",
            Self::TooLong => "too_long",
        }
    }
}

/// Skipped rows in order, their details in one text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skipped {
    rows: Vec<(u64, Skip, usize)>,
    details: String,
}

impl Skipped {
    /// Adds a row. The detail is cut, and NUL, which no PostgreSQL text can hold, is replaced.
    pub(crate) fn push(&mut self, line: u64, reason: Skip, detail: &str) {
        let shown = detail.chars().take(MAX_DETAIL_CHARS);
        self.details
            .extend(shown.map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character }));
        self.rows.push((line, reason, self.details.len()));
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Skip, &str)> {
        let mut start = 0;
        self.rows.iter().map(move |&(line, reason, end)| {
            let detail = &self.details[start..end];
            start = end;
            (line, reason, detail)
        })
    }
}
