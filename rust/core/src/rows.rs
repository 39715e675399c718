//! Where rows end, for formats of one row per line: bounds, blank lines, and getting back into step after a row that has
//! no end. It does not look into rows.

use std::ops::Range;

use memchr::memchr;

use crate::bounds::MAX_ROW_BYTES;

pub(crate) const ROW_TOO_LONG: &str = "row over 64 KiB";
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a format says about the first row of the bytes it is shown.
pub(crate) enum Found {
    /// The row ends before this index, its line end included.
    End(usize),
    /// No line end yet.
    Open,
    /// No line end yet, and a quote is open.
    Unclosed,
}

/// The next thing in the file.
pub(crate) enum Step {
    /// More bytes are needed.
    More,
    /// Bytes and lines that are no row.
    Pass { bytes: usize, lines: u64 },
    /// A row: its bytes and lines, and either where its content is or what is wrong with it.
    Row { bytes: usize, lines: u64, content: Result<Range<usize>, &'static str> },
}

/// Cuts rows off the front of the bytes not yet consumed. Its answers do not depend on how the file was cut into feeds.
#[derive(Debug, Default)]
pub(crate) struct RowCutter {
    /// Inside an overlong line, of which nothing is kept, up to its end.
    is_discarding: bool,
}

impl RowCutter {
    pub(crate) fn next(&mut self, bytes: &[u8], is_last: bool, find: impl FnOnce(&[u8]) -> Found) -> Step {
        if self.is_discarding {
            return self.discard(bytes, is_last);
        }
        let window = &bytes[..bytes.len().min(MAX_ROW_BYTES)];
        match find(window) {
            Found::End(end) => row(&window[..end]),
            Found::Open | Found::Unclosed if bytes.len() > MAX_ROW_BYTES => self.overlong(window),
            _ if !is_last || bytes.is_empty() => Step::More,
            Found::Open => row(window),
            Found::Unclosed => first_line_only(window),
        }
    }

    /// With a line end inside the bound the culprit is an open quote: only the first line is given up.
    fn overlong(&mut self, window: &[u8]) -> Step {
        if memchr(b'\n', window).is_some() {
            return first_line_only(window);
        }
        self.is_discarding = true;
        Step::Pass { bytes: window.len(), lines: 0 }
    }

    fn discard(&mut self, bytes: &[u8], is_last: bool) -> Step {
        let end = memchr(b'\n', bytes);
        if end.is_none() && !is_last {
            return if bytes.is_empty() { Step::More } else { Step::Pass { bytes: bytes.len(), lines: 0 } };
        }
        self.is_discarding = false;
        let bytes = end.map_or(bytes.len(), |end| end + 1);
        Step::Row { bytes, lines: 1, content: Err(ROW_TOO_LONG) }
    }
}

fn row(row: &[u8]) -> Step {
    let content = row.strip_suffix(b"\n").unwrap_or(row);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    let lines = 1 + memchr::memchr_iter(b'\n', content).count() as u64;
    if content.iter().all(u8::is_ascii_whitespace) {
        return Step::Pass { bytes: row.len(), lines };
    }
    Step::Row { bytes: row.len(), lines, content: Ok(0..content.len()) }
}

fn first_line_only(window: &[u8]) -> Step {
    let bytes = memchr(b'\n', window).map_or(window.len(), |end| end + 1);
    Step::Row { bytes, lines: 1, content: Err("unclosed quote") }
}

/// The text of a row's content.
pub(crate) fn text(content: &[u8]) -> Result<&str, &'static str> {
    if memchr(0, content).is_some() {
        return Err("NUL character");
    }
    std::str::from_utf8(content).map_err(|_| "not UTF-8")
}
