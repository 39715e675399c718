//! What one ingest transaction stores: accepted messages, skipped rows, and where the file stands afterwards.

use std::collections::BTreeMap;

use crate::copy::CopyStream;
use crate::payload::PayloadWriter;
use crate::skip::{Skip, Skipped};
use crate::zone_groups::GroupRange;

/// Where an upload stands after a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Bytes of the body consumed.
    pub offset: u64,
    /// Physical lines consumed; for JSON, items.
    pub line: u64,
    /// Data rows consumed.
    pub rows: u64,
    /// SHA-256 of the bytes consumed; for JSON, of the whole body.
    pub digest: [u8; 32],
    /// What the reader of this format must know again.
    pub header: String,
}

/// A finished chunk.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Sequence number of the first message.
    pub first_seq: u32,
    /// Data rows read, accepted and skipped.
    pub rows: u64,
    /// Sum of the messages' segments.
    pub segments: u64,
    /// Where the file stands after this chunk.
    pub end: Checkpoint,
    /// Its messages by zone group, without gaps; empty where zones do not matter.
    pub groups: Vec<GroupRange>,
    pub(crate) messages: PayloadWriter,
    pub(crate) skipped: Skipped,
    pub(crate) values_per_message: usize,
}

impl Chunk {
    /// Accepted rows.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.messages.len()
    }

    /// Segments of the longest message; 0 without any.
    #[must_use]
    pub fn longest(&self) -> u8 {
        self.messages.messages().map(|(_, segments)| segments).max().unwrap_or(0)
    }

    /// The packed messages.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        self.messages.pack(self.first_seq, self.values_per_message)
    }

    /// Skipped rows by reason; reasons that did not occur are absent.
    #[must_use]
    pub fn skipped(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for (_, reason, _) in self.skipped.iter() {
            *counts.entry(reason.name()).or_default() += 1;
        }
        counts
    }

    /// The first `limit` skipped rows: line, reason, detail.
    pub fn problems(&self, limit: usize) -> impl Iterator<Item = (u64, Skip, &str)> {
        self.skipped.iter().take(limit)
    }

    /// Binary COPY of (`campaign_id uuid, tenant_id int4, seq int4, msisdn int8, segments int2`).
    #[must_use]
    pub fn copy_messages(&self, tenant_id: i32, campaign_id: [u8; 16]) -> Vec<u8> {
        let mut stream = CopyStream::new(5, self.messages.len(), 2 + 5 * 4 + 16 + 4 + 4 + 8 + 2);
        for (seq, (number, segments)) in (self.first_seq..).zip(self.messages.messages()) {
            stream
                .row()
                .field(campaign_id)
                .field(tenant_id.to_be_bytes())
                .field(seq.to_be_bytes())
                .field(number.to_be_bytes())
                .field(i16::from(segments).to_be_bytes());
        }
        stream.finish()
    }

    /// Binary COPY of (`campaign_id uuid, tenant_id int4, upload_no int4, line int8, reason text, detail text`).
    #[must_use]
    pub fn copy_skipped(&self, tenant_id: i32, campaign_id: [u8; 16], upload_no: i32) -> Vec<u8> {
        let mut stream = CopyStream::new(6, self.skipped.len(), 96);
        for (line, reason, detail) in self.skipped.iter() {
            stream
                .row()
                .field(campaign_id)
                .field(tenant_id.to_be_bytes())
                .field(upload_no.to_be_bytes())
                .field(line.to_be_bytes())
                .text(reason.name())
                .text(detail);
        }
        stream.finish()
    }
}
