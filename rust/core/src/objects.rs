//! Recipients as JSON: one object a line, or one body with a list. An item is an object or a bare number as a string.

use std::borrow::Cow;

use crate::bounds::{MAX_COLUMNS, MAX_NAMES, MAX_ROW_BYTES};
use crate::columns::{Use, Wanted};
use crate::error::Error;
use crate::rows::{self, BYTE_ORDER_MARK, ROW_TOO_LONG};
use crate::scan::{Json, Malformed, Scanner};
use crate::source::Cells;
use crate::text::trim;

const NO_OBJECT: &str = "not a JSON object";

/// Hands the wanted members of one item to `take`, or says what is wrong with it.
pub(crate) fn read_item<Taken>(
    wanted: &Wanted,
    item: &[u8],
    take: impl FnOnce(Cells<'_>) -> Taken,
) -> Result<Taken, &'static str> {
    if item.len() > MAX_ROW_BYTES {
        return Err(ROW_TOO_LONG);
    }
    let item = rows::text(item)?.trim_start_matches('\u{feff}').trim();
    let mut scanner = Scanner::new(item);
    if item.starts_with('"') {
        let number = scanner.value().and_then(|number| scanner.end().map(|()| number)).map_err(|_| NO_OBJECT)?;
        let number = number.text().ok_or(NO_OBJECT)?;
        return Ok(take(Cells { number: trim(&number), values: &[""; MAX_NAMES][..wanted.values()], zone: "" }));
    }
    let found = Found::read(wanted, &mut scanner)?;
    let number = first_text(found.numbers).ok_or("no number")??;
    let zone = first_text(found.zones).transpose()?.unwrap_or_default();
    let mut texts = [const { Cow::Borrowed("") }; MAX_NAMES];
    let mut values = [""; MAX_NAMES];
    let found = found.values.into_iter().take(wanted.values());
    for ((text, value), json) in texts.iter_mut().zip(&mut values).zip(found) {
        if let Some(found) = json.map(scalar).transpose()?.flatten() {
            *text = found;
        }
        *value = trim(text);
    }
    Ok(take(Cells { number: trim(&number), values: &values[..wanted.values()], zone: trim(&zone) }))
}

/// The first member that is there and not null.
fn first_text<'a>(members: impl IntoIterator<Item = Option<Json<'a>>>) -> Option<Result<Cow<'a, str>, &'static str>> {
    members.into_iter().flatten().map(scalar).find_map(Result::transpose)
}

/// A value as text: strings unescaped, numbers and booleans as written, `None` for null.
fn scalar(json: Json<'_>) -> Result<Option<Cow<'_, str>>, &'static str> {
    let text = match json.first() {
        b'"' => json.text().ok_or("not a JSON text")?,
        b'n' => return Ok(None),
        b'{' | b'[' => return Err("a value is a list or an object"),
        _ => Cow::Borrowed(json.as_str()),
    };
    if text.contains('\0') { Err("NUL character") } else { Ok(Some(text)) }
}

/// The wanted members of an object; number and zone under each of their possible names.
struct Found<'a> {
    numbers: [Option<Json<'a>>; 5],
    values: [Option<Json<'a>>; MAX_NAMES],
    zones: [Option<Json<'a>>; 2],
    is_repeated: bool,
}

impl<'a> Found<'a> {
    /// A wanted name that is there twice makes the item useless, as it makes a CSV header: nobody knows which one is meant.
    fn read(wanted: &Wanted, scanner: &mut Scanner<'a>) -> Result<Self, &'static str> {
        let mut found = Self { numbers: [None; 5], values: [None; MAX_NAMES], zones: [None; 2], is_repeated: false };
        let mut members = 0;
        let walked = scanner.members(|scanner, name| {
            members += 1;
            let value = scanner.value()?;
            found.note(wanted.find(name), value);
            Ok(())
        });
        walked.and_then(|()| scanner.end()).map_err(|_| NO_OBJECT)?;
        if members > MAX_COLUMNS {
            return Err("more than 200 members");
        }
        if found.is_repeated { Err("a name is there twice") } else { Ok(found) }
    }

    fn note(&mut self, used: Use, value: Json<'a>) {
        let number = used.number.and_then(|rank| self.numbers.get_mut(rank));
        let text = used.value.and_then(|index| self.values.get_mut(index));
        let zone = used.zone.and_then(|rank| self.zones.get_mut(rank));
        for slot in number.into_iter().chain(text).chain(zone) {
            self.is_repeated |= slot.replace(value).is_some();
        }
    }
}

/// The items of a body `{"recipients":[…]}`.
pub(crate) fn body_items(body: &[u8]) -> Result<Vec<Json<'_>>, Error> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let refuse = |what: &str| Error::Format(format!("The body is not {{\"recipients\":[…]}}: {what}."));
    let text = std::str::from_utf8(body).map_err(|_| refuse("it is not UTF-8"))?;
    let mut scanner = Scanner::new(text);
    let mut items = None;
    let mut is_repeated = false;
    let walked = scanner.members(|scanner, name| {
        if name != "recipients" {
            return scanner.value().map(|_| ());
        }
        let mut list = Vec::new();
        scanner.items(|scanner| scanner.value().map(|item| list.push(item)))?;
        is_repeated |= items.replace(list).is_some();
        Ok(())
    });
    match walked.and_then(|()| scanner.end()) {
        Err(Malformed(at)) => Err(refuse(&format!("it is malformed from byte {at} on"))),
        Ok(()) if is_repeated => Err(refuse("\"recipients\" is there twice")),
        Ok(()) => items.ok_or_else(|| refuse("\"recipients\" is missing")),
    }
}
