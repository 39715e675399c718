//! Delivery reports in all the forms the provider uses, as columns. It does not know which message an id belongs to, nor
//! what a status means.
//!
//! Key names differ per customer, so each column has a list of names: first as written, then whatever their case; names
//! whose value is empty do not count. Every item is kept as one line of JSON, and reading those lines gives the same
//! columns again.

use std::ops::Range;

use crate::bounds::MAX_STATUS_CHARS;
use crate::error::Error;
use crate::form::form_object;
use crate::json_text::write_string;
use crate::loose::{error_text, scalar};
use crate::moment::read_moment;
use crate::rows::BYTE_ORDER_MARK;
use crate::scan::{Json, Malformed, Scanner};
use crate::text::{clean, is_id};
use crate::text_list::TextList;

/// Every name a report may use. The columns are ranges of it, the best name first.
const NAMES: [&str; 15] = [
    "messageId",
    "msgid",
    "id",
    "Id",
    "_id",
    "deliveryStatus",
    "status",
    "updatedAt",
    "sendtimestamp",
    "sendtime",
    "timestamp",
    "createdAt",
    "errorcode",
    "description",
    "error",
];
const ID: Range<usize> = 0..5;
const STATUS: Range<usize> = 5..7;
const TIME: Range<usize> = 7..12;
const ERROR: Range<usize> = 12..15;

/// Reports in order of arrival, as columns of equal length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The provider's ids.
    pub ids: TextList,
    /// Statuses as sent, empty where there was none.
    pub statuses: TextList,
    /// Microseconds of Unix time.
    pub times_us: Vec<Option<i64>>,
    /// What went wrong.
    pub errors: Vec<Option<String>>,
    /// All items, one JSON value a line.
    pub lines: Vec<u8>,
    /// Items without an id.
    pub unreadable: usize,
}

/// Reads reports. The content type decides; without a known one, or with JSON under the name of a form, the first character
/// does.
///
/// # Errors
/// [`Error::Format`] when nothing of it can be read.
pub fn read_reports(data: &[u8], content_type: &str) -> Result<Reports, Error> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let data = data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(data);
    match essence.as_str() {
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => Ok(read_lines(data)),
        "application/json" | "text/json" => read_json(data),
        other if other.ends_with("+json") => read_json(data),
        other if other.starts_with("multipart/") => {
            Err(Error::Format(format!("Reports come as JSON, NDJSON, a form or a query string, not as {other}.")))
        }
        _ => match data.trim_ascii_start().first() {
            Some(b'{' | b'[') => read_json(data),
            _ => read_form(data),
        },
    }
}

fn read_json(data: &[u8]) -> Result<Reports, Error> {
    let refuse = |what: &str| Error::Format(format!("The reports are no JSON object or list: {what}."));
    let text = std::str::from_utf8(data).map_err(|_| refuse("not UTF-8"))?;
    let mut reports = Reports::default();
    let mut scanner = Scanner::new(text);
    let walked = match scanner.peek() {
        Some(b'[') => scanner.items(|scanner| Report::read(scanner).map(|report| reports.keep(&report))),
        Some(b'{') => Report::read(&mut scanner).map(|report| reports.keep(&report)),
        _ => return Err(refuse("it begins with neither { nor [")),
    };
    match walked.and_then(|()| scanner.end()) {
        Ok(()) => Ok(reports),
        Err(Malformed(at)) => several_lines(text).ok_or_else(|| refuse(&format!("malformed from byte {at} on"))),
    }
}

/// NDJSON under the name of JSON: known by its first line being a whole object.
fn several_lines(text: &str) -> Option<Reports> {
    let first = text.trim_start().lines().next().filter(|line| line.starts_with('{'))?;
    let mut scanner = Scanner::new(first);
    scanner.value().and_then(|_| scanner.end()).ok()?;
    Some(read_lines(text.as_bytes()))
}

fn read_lines(data: &[u8]) -> Reports {
    let mut reports = Reports::default();
    for line in data.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        match std::str::from_utf8(line).ok().and_then(whole_line) {
            Some(report) => reports.keep(&report),
            None => reports.keep_foreign(line),
        }
    }
    reports
}

fn whole_line(line: &str) -> Option<Report<'_>> {
    let mut scanner = Scanner::new(line);
    let report = Report::read(&mut scanner).ok()?;
    scanner.end().ok().map(|()| report)
}

/// A form or a query string is one report; it is kept as a JSON object of texts.
fn read_form(data: &[u8]) -> Result<Reports, Error> {
    let refuse = |what: &str| Error::Format(format!("The report is no form: {what}."));
    let object = form_object(data).ok_or_else(|| refuse("it is empty"))?;
    let report = whole_line(&object).ok_or_else(|| refuse("it cannot be kept"))?;
    let mut reports = Reports::default();
    reports.keep(&report);
    Ok(reports)
}

impl Reports {
    fn keep(&mut self, report: &Report<'_>) {
        write_line(report.item, report.has_blanks, &mut self.lines);
        let Some(id) = report.first(ID, |json| scalar(json).filter(|id| is_id(id.trim()))) else {
            self.unreadable += 1;
            return;
        };
        let status = report.first(STATUS, |json| scalar(json).filter(|status| !status.trim().is_empty()));
        self.ids.push(id.trim());
        self.statuses.push(&clean(&status.unwrap_or_default(), MAX_STATUS_CHARS));
        self.times_us.push(report.first(TIME, |json| read_moment(&scalar(json)?)));
        self.errors.push(report.first(ERROR, error_text));
    }

    /// A line that is no JSON is kept as a JSON text, which is as unreadable the next time.
    fn keep_foreign(&mut self, line: &[u8]) {
        write_string(&String::from_utf8_lossy(line), &mut self.lines);
        self.lines.push(b'\n');
        self.unreadable += 1;
    }
}

/// An item, and its members that may matter, each under its index in [`NAMES`]; of several with the same name the last.
struct Report<'a> {
    item: Json<'a>,
    has_blanks: bool,
    exact: [Option<Json<'a>>; NAMES.len()],
    in_any_case: [Option<Json<'a>>; NAMES.len()],
}

impl<'a> Report<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Malformed> {
        let mut exact = [None; NAMES.len()];
        let mut in_any_case = [None; NAMES.len()];
        let start = scanner.start();
        if scanner.peek() == Some(b'{') {
            scanner.members(|scanner, name| {
                let value = Some(scanner.value()?);
                for (index, known) in NAMES.iter().enumerate().filter(|(_, known)| known.eq_ignore_ascii_case(name)) {
                    in_any_case[index] = value;
                    if *known == name {
                        exact[index] = value;
                    }
                }
                Ok(())
            })?;
        } else {
            scanner.value()?;
        }
        let (item, has_blanks) = scanner.since(start);
        Ok(Self { item, has_blanks, exact, in_any_case })
    }

    fn first<Value>(&self, column: Range<usize>, read: impl Fn(Json<'a>) -> Option<Value>) -> Option<Value> {
        let exact = self.exact[column.clone()].iter().flatten().copied().find_map(&read);
        exact.or_else(|| self.in_any_case[column].iter().flatten().copied().find_map(&read))
    }
}

/// Appends a value without the white space between its parts, which could be a line end.
fn write_line(json: Json<'_>, has_blanks: bool, lines: &mut Vec<u8>) {
    let bytes = json.as_str().as_bytes();
    if has_blanks {
        let mut is_text = false;
        let mut is_escaped = false;
        lines.extend(bytes.iter().copied().filter(|&byte| {
            if is_text {
                is_text = is_escaped || byte != b'"';
                is_escaped = !is_escaped && byte == b'\\';
                return true;
            }
            is_text = byte == b'"';
            !byte.is_ascii_whitespace()
        }));
    } else {
        lines.extend_from_slice(bytes);
    }
    lines.push(b'\n');
}
