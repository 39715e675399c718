//! A copy that is begun only when something is replaced.

/// Replacements in one source, from left to right.
pub(super) struct Edits<'source> {
    source: &'source [u8],
    out: Vec<u8>,
    copied: usize,
    is_changed: bool,
}

impl<'source> Edits<'source> {
    pub(super) fn new(source: &'source [u8]) -> Self {
        Self { source, out: Vec::new(), copied: 0, is_changed: false }
    }

    /// Shows something else in the place of `start..end`, which lies behind all that was replaced before.
    pub(super) fn replace(&mut self, start: usize, end: usize, shown: &[u8]) {
        if self.source[start..end] == *shown {
            return;
        }
        if !self.is_changed {
            self.out.reserve(self.source.len() + 16);
            self.is_changed = true;
        }
        self.out.extend_from_slice(&self.source[self.copied..start]);
        self.out.extend_from_slice(shown);
        self.copied = end;
    }

    /// The whole result; `None` if it is the source.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        self.out.extend_from_slice(if self.is_changed { &self.source[self.copied..] } else { &[] });
        self.is_changed.then_some(self.out)
    }
}
