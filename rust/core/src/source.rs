//! The three file formats behind one face: the next row, and what is in it.

use memchr::memchr;

use crate::columns::Wanted;
use crate::csv::CsvReader;
use crate::error::Error;
use crate::objects::read_item;
use crate::recipients::Format;
use crate::rows::{Found, RowCutter, Step};

pub(crate) const NDJSON_HEADER: &str = "ndjson";
pub(crate) const JSON_HEADER: &str = "json";

/// What is wanted of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells<'a> {
    pub(crate) number: &'a str,
    /// In the order of the template's names.
    pub(crate) values: &'a [&'a str],
    /// Empty where the row says none.
    pub(crate) zone: &'a str,
}

/// A reader of one format.
pub(crate) enum Source {
    Csv(CsvReader),
    Ndjson { wanted: Wanted, cutter: RowCutter },
    Json { wanted: Wanted },
}

impl Source {
    pub(crate) fn new(format: Format, wanted: Wanted, header: Option<&str>) -> Result<Self, Error> {
        let other_format = || {
            Error::PrefixChanged("The upload was begun in another format or for another template than this one.".into())
        };
        match (format, header) {
            (Format::Csv, None) => Ok(Self::Csv(CsvReader::new(wanted))),
            (Format::Csv, Some(header)) => CsvReader::resume(wanted, header).map(Self::Csv).ok_or_else(other_format),
            (Format::Ndjson, None | Some(NDJSON_HEADER)) => Ok(Self::Ndjson { wanted, cutter: RowCutter::default() }),
            (Format::Json, None | Some(JSON_HEADER)) => Ok(Self::Json { wanted }),
            _ => Err(other_format()),
        }
    }

    pub(crate) fn header(&self) -> String {
        match self {
            Self::Csv(reader) => reader.checkpoint_header(),
            Self::Ndjson { .. } => NDJSON_HEADER.into(),
            Self::Json { .. } => JSON_HEADER.into(),
        }
    }

    pub(crate) fn next(&mut self, bytes: &[u8], is_last: bool) -> Result<Step, Error> {
        match self {
            Self::Csv(reader) => reader.next(bytes, is_last),
            Self::Ndjson { cutter, .. } => Ok(cutter
                .next(bytes, is_last, |window| memchr(b'\n', window).map_or(Found::Open, |end| Found::End(end + 1)))),
            Self::Json { .. } => Ok(Step::More),
        }
    }

    pub(crate) fn read<Taken>(
        &mut self,
        row: &[u8],
        take: impl FnOnce(Cells<'_>) -> Taken,
    ) -> Result<Taken, &'static str> {
        match self {
            Self::Csv(reader) => reader.read(row, take),
            Self::Ndjson { wanted, .. } | Self::Json { wanted } => read_item(wanted, row, take),
        }
    }
}
