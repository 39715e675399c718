//! Is this row a message? The checks in their fixed order, and the growing chunk. It knows nothing of file formats.

use crate::batch::{Envelope, body_len};
use crate::bounds::{MAX_CHUNK_ROWS, MAX_PARTS, MAX_TEXT_BYTES};
use crate::chunk::{Checkpoint, Chunk};
use crate::dedupe::NumberSet;
use crate::payload::PayloadWriter;
use crate::phone::PhoneReader;
use crate::segment::segments;
use crate::skip::{Skip, Skipped};
use crate::source::Cells;
use crate::template::Template;
use crate::zone_groups::{ZoneGroup, ZoneGroups, group_messages};

/// A row that becomes a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    number: i64,
    segments: u8,
    element_len: usize,
    group: Option<ZoneGroup>,
}

/// Judges rows.
pub(crate) struct Audience {
    pub(crate) template: Template,
    pub(crate) envelope: Envelope,
    pub(crate) phones: PhoneReader,
    pub(crate) max_parts: u32,
    pub(crate) accepted: NumberSet,
    pub(crate) opted_out: NumberSet,
    pub(crate) text: String,
    /// Where it matters what time it is for a recipient.
    pub(crate) zones: Option<ZoneGroups>,
}

impl Audience {
    /// Only accepted numbers are remembered for the duplicate check: a row that was skipped reserves nothing.
    pub(crate) fn judge(&mut self, cells: Cells<'_>) -> Result<Accepted, (Skip, String)> {
        let Cells { number: cell, values, zone } = cells;
        let number = self.phones.read(cell).ok_or_else(|| (Skip::InvalidNumber, cell.to_owned()))?;
        if !self.phones.is_in_countries(number) {
            return Err((Skip::Country, cell.to_owned()));
        }
        if self.accepted.contains(number) {
            return Err((Skip::Duplicate, cell.to_owned()));
        }
        if self.opted_out.contains(number) {
            return Err((Skip::OptedOut, cell.to_owned()));
        }
        let group = match &mut self.zones {
            Some(zones) => Some(zones.find(number, zone).ok_or_else(|| (Skip::InvalidZone, zone.to_owned()))?),
            None => None,
        };
        if let Some(missing) = values.iter().position(|value| value.is_empty()) {
            return Err((Skip::MissingValue, self.template.names()[missing].clone()));
        }
        if self.template.rendered_len(|index| values[index].len()) > MAX_TEXT_BYTES {
            return Err((Skip::TooLong, format!("over {MAX_PARTS} segments")));
        }
        self.text.clear();
        self.template.render_into(|index| values[index], &mut self.text);
        let parts = segments(&self.text).parts;
        let allowed = u8::try_from(parts).ok().filter(|&parts| u32::from(parts) <= self.max_parts);
        let segments = allowed.ok_or_else(|| (Skip::TooLong, format!("{parts} segments")))?;
        self.accepted.insert(number);
        Ok(Accepted { number, segments, element_len: self.envelope.element_len(number, &self.text), group })
    }
}

/// How big a chunk may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkLimits {
    pub(crate) messages: usize,
    pub(crate) body_bytes: usize,
}

/// The chunk being filled.
#[derive(Debug)]
pub(crate) struct ChunkBuilder {
    limits: ChunkLimits,
    values_per_message: usize,
    first_seq: u32,
    rows: u64,
    segments: u64,
    elements_len: usize,
    messages: PayloadWriter,
    /// Of every message, or empty.
    groups: Vec<ZoneGroup>,
    skipped: Skipped,
}

impl ChunkBuilder {
    pub(crate) fn new(limits: ChunkLimits, values_per_message: usize, first_seq: u32) -> Self {
        Self {
            limits,
            values_per_message,
            first_seq,
            rows: 0,
            segments: 0,
            elements_len: 0,
            messages: PayloadWriter::default(),
            groups: Vec::new(),
            skipped: Skipped::default(),
        }
    }

    /// Whether the message can join without the body outgrowing its bound; the first one always can.
    pub(crate) fn fits(&self, accepted: Accepted) -> bool {
        let size = body_len(self.messages.len() + 1, self.elements_len + accepted.element_len);
        self.messages.is_empty() || size <= self.limits.body_bytes
    }

    pub(crate) fn push(&mut self, accepted: Accepted, values: &[&str]) {
        self.rows += 1;
        self.segments += u64::from(accepted.segments);
        self.elements_len += accepted.element_len;
        self.messages.push(accepted.number, accepted.segments, values);
        self.groups.extend(accepted.group);
    }

    pub(crate) fn skip(&mut self, line: u64, reason: Skip, detail: &str) {
        self.rows += 1;
        self.skipped.push(line, reason, detail);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= self.limits.messages || self.rows >= MAX_CHUNK_ROWS
    }

    pub(crate) fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// The sequence number behind the last message.
    pub(crate) fn next_seq(&self) -> u64 {
        u64::from(self.first_seq) + self.messages.len() as u64
    }

    /// The chunk so far; the builder goes on with the next one.
    pub(crate) fn take(&mut self, end: Checkpoint, zones: Option<&ZoneGroups>) -> Chunk {
        let next_seq = u32::try_from(self.next_seq()).unwrap_or(u32::MAX);
        let done = std::mem::replace(self, Self::new(self.limits, self.values_per_message, next_seq));
        let (messages, groups) = match zones {
            Some(zones) => group_messages(done.messages, &done.groups, done.first_seq, zones),
            None => (done.messages, Vec::new()),
        };
        Chunk {
            first_seq: done.first_seq,
            rows: done.rows,
            segments: done.segments,
            end,
            messages,
            groups,
            skipped: done.skipped,
            values_per_message: done.values_per_message,
        }
    }
}
