//! Delivery reports in all the forms the provider uses, as columns. It does not know which message an id belongs to, nor
//! what a status means.
//!
//! Key names differ per customer, so each column has a list of names: first as written, then whatever their case; names
//! whose value is empty do not count. Every item is kept as one line of JSON, and reading those lines gives the same
//! columns again.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::Error;
use crate::json_text::write_string;
use crate::loose::{Members, error_text, scalar};
use crate::moment::read_moment;
use crate::text::{clean, is_id};

const ID_NAMES: [&str; 5] = ["messageId", "msgid", "id", "Id", "_id"];
const STATUS_NAMES: [&str; 2] = ["deliveryStatus", "status"];
const TIME_NAMES: [&str; 5] = ["updatedAt", "sendtimestamp", "sendtime", "timestamp", "createdAt"];
const ERROR_NAMES: [&str; 3] = ["errorcode", "description", "error"];
const MAX_STATUS_CHARS: usize = 64;

/// Reports in order of arrival, as columns of equal length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The provider's ids.
    pub ids: Vec<String>,
    /// Statuses as sent, empty where there was none.
    pub statuses: Vec<String>,
    /// Microseconds of Unix time.
    pub times_us: Vec<Option<i64>>,
    /// What went wrong.
    pub errors: Vec<Option<String>>,
    /// All items, one JSON value a line.
    pub lines: Vec<u8>,
    /// Items without an id.
    pub unreadable: usize,
}

/// Reads reports. The content type decides; without a known one, the first character does.
///
/// # Errors
/// [`Error::Format`] when nothing of it can be read.
pub fn read_reports(data: &[u8], content_type: &str) -> Result<Reports, Error> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let data = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
    match essence.as_str() {
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => Ok(read_lines(data)),
        "application/x-www-form-urlencoded" => read_form(data),
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
    match text.trim_start().as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| refuse(&error.to_string()))?;
            for item in items {
                reports.push(item);
            }
            Ok(reports)
        }
        Some(b'{') => match serde_json::from_str::<&RawValue>(text) {
            Ok(item) => {
                reports.push(item);
                Ok(reports)
            }
            Err(error) => several_lines(text).ok_or_else(|| refuse(&error.to_string())),
        },
        _ => Err(refuse("it begins with neither { nor [")),
    }
}

/// NDJSON under the name of JSON: known by its first line being a whole object.
fn several_lines(text: &str) -> Option<Reports> {
    let first = text.trim_start().lines().next()?;
    Members::read(first).0?;
    Some(read_lines(text.as_bytes()))
}

fn read_lines(data: &[u8]) -> Reports {
    let mut reports = Reports::default();
    for line in data.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        let item = std::str::from_utf8(line).ok().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        match item {
            Some(item) => reports.push(item),
            None => reports.push_foreign(line),
        }
    }
    reports
}

/// A form or a query string is one report; it is kept as a JSON object of texts.
fn read_form(data: &[u8]) -> Result<Reports, Error> {
    let refuse = |what: &str| Error::Format(format!("The report is no form: {what}."));
    let data = data.trim_ascii();
    if data.is_empty() {
        return Err(refuse("it is empty"));
    }
    let mut object = vec![b'{'];
    for pair in data.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match memchr::memchr(b'=', pair) {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (pair, &[][..]),
        };
        if object.len() > 1 {
            object.push(b',');
        }
        write_string(&decode(name), &mut object);
        object.push(b':');
        write_string(&decode(value), &mut object);
    }
    object.push(b'}');
    let object = std::str::from_utf8(&object).map_err(|_| refuse("not UTF-8"))?;
    let object = serde_json::from_str(object).map_err(|error| refuse(&error.to_string()))?;
    let mut reports = Reports::default();
    reports.push(object);
    Ok(reports)
}

/// Percent and plus decoding; a percent sign without two hexadecimal digits stands for itself.
fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = if byte == b'%' { behind.first_chunk().copied().and_then(hexadecimal) } else { None };
        rest = if escaped.is_some() { &behind[2..] } else { behind };
        bytes.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal([high, low]: [u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(high)? * 16 + value(low)?).ok()
}

impl Reports {
    fn push(&mut self, item: &RawValue) {
        write_line(item.get(), &mut self.lines);
        let members = Members::read(item.get());
        let id = first_of(&members, &ID_NAMES, |raw| scalar(raw).filter(|id| is_id(id.trim())));
        let Some(id) = id else {
            self.unreadable += 1;
            return;
        };
        let status = first_of(&members, &STATUS_NAMES, |raw| scalar(raw).filter(|status| !status.trim().is_empty()));
        self.ids.push(id.trim().to_owned());
        self.statuses.push(clean(&status.unwrap_or_default(), MAX_STATUS_CHARS));
        self.times_us.push(first_of(&members, &TIME_NAMES, |raw| read_moment(&scalar(raw)?)));
        self.errors.push(first_of(&members, &ERROR_NAMES, error_text));
    }

    /// A line that is no JSON is kept as a JSON text, which is as unreadable the next time.
    fn push_foreign(&mut self, line: &[u8]) {
        let text: Cow<'_, str> = String::from_utf8_lossy(line);
        write_string(&text, &mut self.lines);
        self.lines.push(b'\n');
        self.unreadable += 1;
    }
}

fn first_of<'a, Value>(
    members: &Members<'a>,
    names: &[&str],
    read: impl Fn(&'a RawValue) -> Option<Value>,
) -> Option<Value> {
    let exact = names.iter().find_map(|name| members.get(name).and_then(&read));
    exact.or_else(|| names.iter().find_map(|name| members.get_any_case(name).and_then(&read)))
}

/// Appends a JSON value without the white space between its parts, which could be a line end.
fn write_line(json: &str, lines: &mut Vec<u8>) {
    let bytes = json.as_bytes();
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
    lines.push(b'\n');
}
