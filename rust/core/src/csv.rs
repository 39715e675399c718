//! CSV with a header: RFC 4180 quoting, `,` `;` or tab as the delimiter, only the wanted cells unpacked.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use crate::bounds::{MAX_COLUMNS, MAX_NAMES};
use crate::columns::{Places, Wanted, fold};
use crate::error::Error;
use crate::rows::{self, BYTE_ORDER_MARK, Found, ROW_TOO_LONG, RowCutter, Step};
use crate::source::Cells;
use crate::text::trim;

const LONE_RETURN: &str = "its line ends in CR alone; save the file with lines that end in LF or CRLF";
const ZONE_MARK: &str = " zone ";
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// What the header said.
#[derive(Debug, Clone)]
struct Layout {
    delimiter: u8,
    columns: usize,
    places: Places,
}

/// Reads the rows of one file.
#[derive(Debug)]
pub(crate) struct CsvReader {
    wanted: Wanted,
    layout: Option<Layout>,
    cutter: RowCutter,
    cells: Vec<(usize, usize)>,
    unquoted: String,
}

impl CsvReader {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { wanted, layout: None, cutter: RowCutter::default(), cells: Vec::new(), unquoted: String::new() }
    }

    /// A reader that goes on behind the header, from what `checkpoint_header` said of it.
    pub(crate) fn resume(wanted: Wanted, header: &str) -> Option<Self> {
        let header = header.strip_prefix("csv ")?;
        let (header, zone) = header.split_once(ZONE_MARK).map_or((header, None), |(header, zone)| (header, Some(zone)));
        let zone = zone.map(str::parse::<usize>).transpose().ok()?;
        let mut numbers = header.split(' ').map(str::parse::<usize>);
        let mut next = || numbers.next()?.ok();
        let (delimiter, columns, number) = (next()?, next()?, next()?);
        let values: Vec<usize> = std::iter::from_fn(next).collect();
        let is_sound = values.len() == wanted.values()
            && (zone.is_none() || wanted.has_zone())
            && columns <= MAX_COLUMNS
            && values.iter().chain([&number]).chain(&zone).all(|&index| index < columns);
        let delimiter = DELIMITERS.into_iter().find(|&known| usize::from(known) == delimiter);
        let layout = Layout { delimiter: delimiter?, columns, places: Places { number, values, zone } };
        is_sound.then(|| Self { layout: Some(layout), ..Self::new(wanted) })
    }

    /// `csv`, the delimiter's code, the number of columns, the number's column, the values' columns; the time zone's.
    pub(crate) fn checkpoint_header(&self) -> String {
        let Some(layout) = &self.layout else { return String::new() };
        let mut header = format!("csv {} {} {}", layout.delimiter, layout.columns, layout.places.number);
        for index in &layout.places.values {
            header.push(' ');
            header.push_str(&index.to_string());
        }
        if let Some(index) = layout.places.zone {
            header.push_str(ZONE_MARK);
            header.push_str(&index.to_string());
        }
        header
    }

    pub(crate) fn has_header(&self) -> bool {
        self.layout.is_some()
    }

    pub(crate) fn next(&mut self, bytes: &[u8], is_last: bool) -> Result<Step, Error> {
        match &self.layout {
            Some(layout) => {
                let delimiter = layout.delimiter;
                Ok(self.cutter.next(bytes, is_last, |window| find_end(window, [delimiter; 3])))
            }
            None => self.next_before_header(bytes, is_last),
        }
    }

    fn next_before_header(&mut self, bytes: &[u8], is_last: bool) -> Result<Step, Error> {
        let mark = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let bytes = &bytes[mark..];
        match self.cutter.next(bytes, is_last, |window| find_end(window, DELIMITERS)) {
            Step::Row { bytes: length, lines, content: Ok(content) } => {
                self.layout = Some(read_header(&bytes[content], &self.wanted)?);
                Ok(Step::Pass { bytes: mark + length, lines })
            }
            Step::Row { content: Err(what), .. } => Err(unreadable(what)),
            Step::Pass { bytes: length, lines: 0 } => {
                Err(unreadable(if has_lone_return(&bytes[..length]) { LONE_RETURN } else { ROW_TOO_LONG }))
            }
            Step::Pass { bytes, lines } => Ok(Step::Pass { bytes: mark + bytes, lines }),
            Step::More => Ok(Step::More),
        }
    }

    /// Hands the wanted cells to `take`, or says what is wrong with the row.
    pub(crate) fn read<Taken>(
        &mut self,
        row: &[u8],
        take: impl FnOnce(Cells<'_>) -> Taken,
    ) -> Result<Taken, &'static str> {
        let Some(layout) = &self.layout else { return Err("row before the header") };
        let row = rows::text(row)?;
        self.cells.clear();
        let text = if memchr(b'"', row.as_bytes()).is_none() {
            cut_cells(row, layout.delimiter, &mut self.cells);
            row
        } else {
            self.unquoted.clear();
            unquote_cells(row, layout.delimiter, &mut self.unquoted, &mut self.cells)?;
            &self.unquoted
        };
        let cell = |index: usize| self.cells.get(index).map(|&(start, end)| trim(&text[start..end]));
        if (layout.columns..self.cells.len()).any(|index| cell(index) != Some("")) {
            return Err("more cells than columns");
        }
        let places = &layout.places;
        let number = cell(places.number).ok_or("fewer cells than columns")?;
        let mut values = [""; MAX_NAMES];
        for (value, &index) in values.iter_mut().zip(&places.values) {
            *value = cell(index).ok_or("fewer cells than columns")?;
        }
        let zone = places.zone.map_or(Some(""), cell).ok_or("fewer cells than columns")?;
        Ok(take(Cells { number, values: &values[..places.values.len()], zone }))
    }
}

fn read_header(row: &[u8], wanted: &Wanted) -> Result<Layout, Error> {
    if has_lone_return(row) {
        return Err(unreadable(LONE_RETURN));
    }
    let row = rows::text(row).map_err(unreadable)?;
    let delimiter = sniff(row.as_bytes());
    let mut text = String::new();
    let mut cells = Vec::new();
    unquote_cells(row, delimiter, &mut text, &mut cells).map_err(unreadable)?;
    if cells.len() > MAX_COLUMNS {
        return Err(Error::Format(format!("The header has {} columns; at most {MAX_COLUMNS} are read.", cells.len())));
    }
    let names: Vec<String> = cells.iter().map(|&(start, end)| fold(&text[start..end])).collect();
    Ok(Layout { delimiter, columns: names.len(), places: wanted.locate(&names)? })
}

fn unreadable(what: &str) -> Error {
    Error::Format(format!("The header cannot be read: {what}."))
}

/// A file whose lines end in a carriage return alone is one long header; its error must not show the numbers in it.
fn has_lone_return(bytes: &[u8]) -> bool {
    memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'))
}

/// The most frequent delimiter outside quotes, the comma if there is none.
fn sniff(header: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_quoted = false;
    for &byte in header {
        is_quoted ^= byte == b'"';
        if let (false, Some(index)) = (is_quoted, DELIMITERS.iter().position(|&delimiter| delimiter == byte)) {
            counts[index] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let index = counts.iter().position(|&count| count == most).unwrap_or_default();
    DELIMITERS[index]
}

/// Where the first row ends. A quote opens only at the start of a cell.
fn find_end(window: &[u8], [first, second, third]: [u8; 3]) -> Found {
    match memchr2(b'\n', b'"', window) {
        Some(end) if window[end] == b'\n' => return Found::End(end + 1),
        Some(_) => {}
        None => return Found::Open,
    }
    let mut at = 0;
    loop {
        if window.get(at) == Some(&b'"') {
            let Some(after) = closing_quote(window, at + 1) else { return Found::Unclosed };
            at = after;
        }
        let rest = &window[at..];
        let line_end = memchr(b'\n', rest);
        let cell_end = memchr3(first, second, third, &rest[..line_end.unwrap_or(rest.len())]);
        match (cell_end, line_end) {
            (Some(end), _) => at += end + 1,
            (None, Some(end)) => return Found::End(at + end + 1),
            (None, None) => return Found::Open,
        }
    }
}

/// The index behind the quote that closes a cell whose text begins at `start`.
fn closing_quote(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr(b'"', &bytes[at..])? + 1;
        if bytes.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

fn cut_cells(row: &str, delimiter: u8, cells: &mut Vec<(usize, usize)>) {
    let mut start = 0;
    for end in memchr_iter(delimiter, row.as_bytes()) {
        cells.push((start, end));
        start = end + 1;
    }
    cells.push((start, row.len()));
}

fn unquote_cells(
    row: &str,
    delimiter: u8,
    text: &mut String,
    cells: &mut Vec<(usize, usize)>,
) -> Result<(), &'static str> {
    let mut rest = row;
    loop {
        let start = text.len();
        let is_quoted = rest.starts_with('"');
        if is_quoted {
            let after = closing_quote(rest.as_bytes(), 1).ok_or("unclosed quote")?;
            for (index, part) in rest[1..after - 1].split("\"\"").enumerate() {
                text.push_str(if index == 0 { "" } else { "\"" });
                text.push_str(part);
            }
            rest = &rest[after..];
        }
        let end = memchr(delimiter, rest.as_bytes());
        let tail = &rest[..end.unwrap_or(rest.len())];
        if is_quoted && !tail.trim().is_empty() {
            return Err("text behind a closing quote");
        }
        text.push_str(tail);
        cells.push((start, text.len()));
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => return Ok(()),
        }
    }
}
