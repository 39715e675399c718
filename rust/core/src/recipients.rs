//! A recipients file, fed in pieces of any size, to chunks ready to store.
//!
//! The result does not depend on how the file was cut into pieces, and an upload that was cut off goes on from any chunk's
//! checkpoint: the same bytes are fed again from the start, those before the checkpoint are only hashed, and the hash must
//! be the one that was committed. What is held in memory is one row (64 KiB) and one chunk, or one JSON body (10 MB), and
//! the numbers seen.

use std::collections::HashMap;
use std::str::FromStr;

use crate::audience::{Audience, ChunkBuilder, ChunkLimits};
use crate::batch::Envelope;
use crate::bounds::{MAX_BODY_BYTES, MAX_PARTS, MAX_SEQ};
use crate::chunk::{Checkpoint, Chunk};
use crate::columns::Wanted;
use crate::dedupe::NumberSet;
use crate::error::Error;
use crate::intake::{Intake, Progress};
use crate::objects::body_items;
use crate::phone::PhoneReader;
use crate::skip::Skip;
use crate::source::{Cells, Source};
use crate::template::Template;
use crate::zone_groups::ZoneGroups;

/// What a recipients file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A header and rows.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// One body `{"recipients":[…]}`.
    Json,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            "json" => Ok(Self::Json),
            _ => Err(Error::Argument(format!("'{name}' is no format; recipients come as csv, ndjson or json."))),
        }
    }
}

/// All that a parser needs to know beforehand.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file's format.
    pub format: Format,
    /// The campaign's text.
    pub template: Template,
    /// Goes into every message of the body; needed for its exact size.
    pub traffic_account_id: String,
    /// The same.
    pub sender: String,
    /// Region of national numbers.
    pub region: Option<String>,
    /// Name of the number column, when it is none of the usual ones.
    pub phone_column: Option<String>,
    /// Where it matters what time it is for a recipient: every time zone that a row may name, and the one that stands for
    /// all whose clocks are alike.
    pub time_zones: Option<HashMap<String, String>>,
    /// Name of the column of the recipient's time zone, when it is none of the usual ones.
    pub zone_column: Option<String>,
    /// Countries accepted, or any.
    pub countries: Option<Vec<String>>,
    /// Most segments of one message, 1 to 255.
    pub max_parts: u32,
    /// Most messages in a chunk.
    pub chunk_messages: usize,
    /// Most bytes of a chunk's bulk body.
    pub chunk_bytes: usize,
    /// Sequence number of the first message.
    pub first_seq: u32,
    /// Where an earlier upload of the same bytes ended.
    pub resume: Option<Checkpoint>,
}

/// The parser.
pub struct RecipientParser {
    source: Source,
    intake: Intake,
    /// A resumed upload's checkpoint, until its bytes have come again.
    prefix: Option<Checkpoint>,
    carry: Vec<u8>,
    failure: Option<Error>,
}

impl RecipientParser {
    /// A parser at the start of a file, or at a checkpoint of it.
    ///
    /// # Errors
    /// [`Error::Argument`] for a setting out of range, [`Error::PrefixChanged`] for a checkpoint of another format.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        check_settings(&settings)?;
        let mut wanted = Wanted::new(&settings.template, settings.phone_column.as_deref());
        let zones = settings.time_zones.as_ref().map(ZoneGroups::new).transpose()?;
        if zones.is_some() {
            wanted = wanted.with_zone(settings.zone_column.as_deref());
        }
        let resume = settings.resume.filter(|checkpoint| checkpoint.offset > 0);
        let header = resume.as_ref().map(|checkpoint| checkpoint.header.as_str());
        let source = Source::new(settings.format, wanted, header)?;
        let limits = ChunkLimits { messages: settings.chunk_messages, body_bytes: settings.chunk_bytes };
        let builder = ChunkBuilder::new(limits, settings.template.names().len(), settings.first_seq);
        let audience = Audience {
            envelope: Envelope::new(&settings.traffic_account_id, &settings.sender),
            phones: PhoneReader::new(settings.region.as_deref(), settings.countries.as_deref())?,
            template: settings.template,
            max_parts: settings.max_parts,
            accepted: NumberSet::default(),
            opted_out: NumberSet::default(),
            text: String::new(),
            zones,
        };
        let intake = Intake {
            audience,
            builder,
            progress: Progress::default(),
            header: String::new(),
            chunks: Vec::new(),
            closed_at: 0,
        };
        Ok(Self { source, intake, prefix: resume, carry: Vec::new(), failure: None })
    }

    /// Numbers the campaign already has: later rows with them are duplicates.
    pub fn remember(&mut self, numbers: impl Iterator<Item = i64>) {
        for number in numbers {
            self.intake.audience.accepted.insert(number);
        }
    }

    /// Numbers that opted out.
    pub fn exclude(&mut self, numbers: impl Iterator<Item = i64>) {
        for number in numbers {
            self.intake.audience.opted_out.insert(number);
        }
    }

    /// Takes the next bytes and returns the chunks they completed.
    ///
    /// # Errors
    /// [`Error::Format`] when the file cannot be read, [`Error::PrefixChanged`] when a resumed upload is another one. The
    /// parser is of no use afterwards.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Chunk>, Error> {
        self.guard(|parser| parser.take(bytes))
    }

    /// Ends the input and returns the last chunk, if anything was consumed since the one before.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn finish(&mut self) -> Result<Vec<Chunk>, Error> {
        self.guard(Self::end)
    }

    fn guard(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<Vec<Chunk>, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let result = work(self);
        self.failure = result.as_ref().err().cloned();
        result.map(|()| std::mem::take(&mut self.intake.chunks))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if matches!(self.source, Source::Json { .. }) {
            return self.hold(bytes);
        }
        let bytes = self.pass_prefix(bytes)?;
        if self.carry.is_empty() {
            let consumed = self.intake.consume(&mut self.source, bytes, false)?;
            self.carry.extend_from_slice(&bytes[consumed..]);
        } else {
            self.carry.extend_from_slice(bytes);
            let consumed = self.intake.consume(&mut self.source, &self.carry, false)?;
            self.carry.drain(..consumed);
        }
        Ok(())
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.carry.len() + bytes.len() > MAX_BODY_BYTES {
            return Err(Error::Format(format!(
                "A JSON body holds at most {MAX_BODY_BYTES} bytes; send more recipients as CSV or NDJSON."
            )));
        }
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    /// Hashes bytes that were committed before; returns those behind them.
    fn pass_prefix<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let Some(checkpoint) = &self.prefix else { return Ok(bytes) };
        let missing = checkpoint.offset - self.intake.progress.offset;
        let length = usize::try_from(missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
        let (known, rest) = bytes.split_at(length);
        self.intake.progress.advance(known);
        if self.intake.progress.offset == checkpoint.offset {
            self.intake.resume_at(checkpoint)?;
            self.prefix = None;
        }
        Ok(rest)
    }

    fn end(&mut self) -> Result<(), Error> {
        if matches!(self.source, Source::Json { .. }) {
            return self.end_json();
        }
        if let Some(checkpoint) = &self.prefix {
            return Err(Error::PrefixChanged(format!(
                "The upload ended after {} bytes, but {} of it were stored before.",
                self.intake.progress.offset, checkpoint.offset
            )));
        }
        let carry = std::mem::take(&mut self.carry);
        self.intake.consume(&mut self.source, &carry, true)?;
        if matches!(&self.source, Source::Csv(reader) if !reader.has_header()) {
            return Err(Error::Format("The file is empty: a CSV file begins with a header.".into()));
        }
        self.intake.close_if_moved(&self.source);
        Ok(())
    }

    /// All chunks of a JSON body carry the whole body's length and hash; the item is what tells them apart.
    fn end_json(&mut self) -> Result<(), Error> {
        let body = std::mem::take(&mut self.carry);
        self.intake.progress.advance(&body);
        if let Some(checkpoint) = self.prefix.take() {
            self.intake.resume_at(&checkpoint)?;
        }
        self.intake.header = self.source.header();
        let done = usize::try_from(self.intake.progress.line).unwrap_or(usize::MAX);
        for item in body_items(&body)?.into_iter().skip(done) {
            let line = self.intake.progress.line + 1;
            let intake = &mut self.intake;
            let take = |cells: Cells<'_>| intake.row(line, cells, &mut &[][..]);
            if let Err(what) = self.source.read(item.as_str().as_bytes(), take) {
                self.intake.builder.skip(line, Skip::Malformed, what);
            }
            self.intake.progress.line = line;
            if self.intake.end_row()? {
                self.intake.close(&[]);
            }
        }
        self.intake.close_if_moved(&self.source);
        Ok(())
    }
}

fn check_settings(settings: &Settings) -> Result<(), Error> {
    let wrong = |what: &str| Err(Error::Argument(what.to_owned()));
    if !(1..=MAX_PARTS).contains(&settings.max_parts) {
        return wrong("max_parts is a number from 1 to 255.");
    }
    if settings.chunk_messages == 0 || settings.chunk_bytes == 0 {
        return wrong("chunk_messages and chunk_bytes are at least 1.");
    }
    if u64::from(settings.first_seq) > MAX_SEQ {
        return wrong("first_seq is a number from 0 to 2147483647.");
    }
    Ok(())
}
