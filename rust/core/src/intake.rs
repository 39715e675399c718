//! What becomes of the rows of one file: messages, skipped rows, chunks, and a checkpoint at every chunk's end. It does not
//! know where rows come from.

use sha2::{Digest, Sha256};

use crate::audience::{Audience, ChunkBuilder};
use crate::bounds::MAX_SEQ;
use crate::chunk::{Checkpoint, Chunk};
use crate::error::Error;
use crate::rows::Step;
use crate::skip::Skip;
use crate::source::{Cells, Source};

/// What becomes of rows: messages, skipped rows, chunks.
pub(crate) struct Intake {
    pub(crate) audience: Audience,
    pub(crate) builder: ChunkBuilder,
    pub(crate) progress: Progress,
    pub(crate) header: String,
    pub(crate) chunks: Vec<Chunk>,
    /// Bytes consumed when the last chunk ended.
    pub(crate) closed_at: u64,
}

impl Intake {
    /// Takes all complete rows off the front of `bytes` and returns how many bytes they were.
    pub(crate) fn consume(&mut self, source: &mut Source, bytes: &[u8], is_last: bool) -> Result<usize, Error> {
        let mut hashed = 0;
        let mut start = 0;
        loop {
            let (length, lines, content) = match source.next(&bytes[start..], is_last)? {
                Step::More => break,
                Step::Pass { bytes: length, lines } => {
                    start += length;
                    self.progress.line += lines;
                    continue;
                }
                Step::Row { bytes: length, lines, content } => (length, lines, content),
            };
            if self.header.is_empty() {
                self.header = source.header();
            }
            let line = self.progress.line + 1;
            let mut before = &bytes[hashed..start];
            let read = content
                .and_then(|content| source.read(&bytes[start..][content], |cells| self.row(line, cells, &mut before)));
            if let Err(what) = read {
                self.builder.skip(line, Skip::Malformed, what);
            }
            if before.is_empty() {
                hashed = start;
            }
            start += length;
            self.progress.line += lines;
            if self.end_row()? {
                self.close(&bytes[hashed..start]);
                hashed = start;
            }
        }
        self.progress.advance(&bytes[hashed..start]);
        Ok(start)
    }

    /// Places one row. `before` are the bytes between the last chunk's end and this row; they are used up when a chunk
    /// has to end in front of it.
    pub(crate) fn row(&mut self, line: u64, cells: Cells<'_>, before: &mut &[u8]) {
        match self.audience.judge(cells) {
            Ok(accepted) => {
                if !self.builder.fits(accepted) {
                    self.close(std::mem::take(before));
                }
                self.builder.push(accepted, cells.values);
            }
            Err((reason, detail)) => self.builder.skip(line, reason, &detail),
        }
    }

    /// Counts the row; true when the chunk is full.
    pub(crate) fn end_row(&mut self) -> Result<bool, Error> {
        self.progress.rows += 1;
        if self.builder.next_seq() > MAX_SEQ + 1 {
            return Err(Error::Format("The campaign has more messages than there are sequence numbers.".into()));
        }
        Ok(self.builder.is_full())
    }

    pub(crate) fn close(&mut self, bytes: &[u8]) {
        self.progress.advance(bytes);
        self.closed_at = self.progress.offset;
        let end = self.progress.checkpoint(&self.header);
        self.chunks.push(self.builder.take(end, self.audience.zones.as_ref()));
    }

    pub(crate) fn close_if_moved(&mut self, source: &Source) {
        if self.builder.has_rows() || self.progress.offset != self.closed_at {
            self.header = source.header();
            self.close(&[]);
        }
    }

    pub(crate) fn resume_at(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let found = self.progress.checkpoint(&checkpoint.header);
        if found.offset != checkpoint.offset || found.digest != checkpoint.digest {
            return Err(Error::PrefixChanged(format!(
                "The first {} bytes are not those that were stored before; begin a new upload.",
                checkpoint.offset
            )));
        }
        self.progress.line = checkpoint.line;
        self.progress.rows = checkpoint.rows;
        self.header.clone_from(&checkpoint.header);
        self.closed_at = checkpoint.offset;
        Ok(())
    }
}

/// How far the file is consumed.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) offset: u64,
    pub(crate) line: u64,
    rows: u64,
    hash: Sha256,
}

impl Progress {
    pub(crate) fn advance(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.offset += bytes.len() as u64;
    }

    pub(crate) fn checkpoint(&self, header: &str) -> Checkpoint {
        Checkpoint {
            offset: self.offset,
            line: self.line,
            rows: self.rows,
            digest: self.hash.clone().finalize().into(),
            header: header.to_owned(),
        }
    }
}
