//! Everything the core refuses, as one enum whose texts are whole sentences for the person who sent the input.

use std::fmt;

/// Why the core refused an input. The binding turns each variant into one Python exception class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A setting or a number of values that the function cannot work with.
    Argument(String),
    /// A template that cannot be compiled.
    Template(String),
    /// A recipients file or a report that cannot be read at all.
    Format(String),
    /// A resumed upload whose first bytes are not those that were committed.
    PrefixChanged(String),
    /// A packed payload that is damaged, of another version, or too short for the range asked for.
    Payload(String),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Argument(text)
        | Self::Template(text)
        | Self::Format(text)
        | Self::PrefixChanged(text)
        | Self::Payload(text)) = self;
        formatter.write_str(text)
    }
}

impl std::error::Error for Error {}
