//! Members of objects in the order of their keys, without moving a byte of them before all are known.
//!
//! The order is that of the keys' UTF-16 code units. Byte order is the same for UTF-8 in which characters outside the basic
//! plane are written as two surrogates of three bytes each (CESU-8). A key without such characters and without escapes is
//! its own sort key; others are spelled out beside the text. So two keys compare as bytes, and each is decoded once.
//!
//! Objects that are in order already leave nothing behind. For the others the spans of their members are kept, and
//! [`KeyOrder::write`] copies the text once, however deep the objects lie in one another.

use std::cmp::Ordering;
use std::ops::Range;

use crate::flaw::Flaw;

/// A stretch of the compact text. Positions take four bytes: fresh pages of memory cost more than reading the text does.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
    /// The first object that begins in it or behind it.
    objects: u32,
}

#[derive(Clone, Copy)]
struct Member {
    /// The first eight bytes of the sort key, which decide most comparisons.
    lead: u64,
    /// Place of the sort key in the text, or among the spelled keys.
    key: (u32, u32),
    is_spelled: bool,
    span: Span,
}

/// An object whose members change places, or one (without members) that only holds such objects.
struct Object {
    /// The inside, without the braces.
    start: u32,
    end: u32,
    /// Its members among the ordered ones.
    members: Range<u32>,
    /// The first object behind it.
    next: u32,
}

/// An object whose end has not come.
pub(crate) struct Open {
    object: usize,
    members: usize,
    spelled: usize,
    is_ordered: bool,
}

/// The members of the objects that are open, and what is known of those that are closed.
pub(crate) struct KeyOrder<'a> {
    text: &'a str,
    members: Vec<Member>,
    spelled: Vec<u8>,
    /// In the order of their beginnings.
    objects: Vec<Object>,
    ordered: Vec<Span>,
}

impl<'a> KeyOrder<'a> {
    /// For keys of `text`, which is shorter than 4 GiB.
    pub(crate) fn new(text: &'a str) -> Self {
        let (members, objects) = (Vec::with_capacity(32), Vec::with_capacity(16));
        Self { text, members, spelled: Vec::new(), objects, ordered: Vec::new() }
    }

    /// Whether the text is in order as it stands.
    pub(crate) fn is_given(&self) -> bool {
        self.objects.is_empty()
    }

    /// Begins an object whose inside begins at `start`.
    pub(crate) fn open(&mut self, start: usize) -> Open {
        let open = Open {
            object: self.objects.len(),
            members: self.members.len(),
            spelled: self.spelled.len(),
            is_ordered: true,
        };
        let start = narrow(start);
        self.objects.push(Object { start, end: start, members: 0..0, next: 0 });
        open
    }

    /// Begins a member at `start`, with the place of its key in the text. `is_as_written` says that the key has no escapes
    /// and no character beyond the basic plane.
    pub(crate) fn begin_member(
        &mut self,
        open: &mut Open,
        start: usize,
        key: (usize, usize),
        is_as_written: bool,
    ) -> Result<(), Flaw> {
        let key = if is_as_written { key } else { self.spell(key) };
        let keys = if is_as_written { self.text.as_bytes() } else { &self.spelled };
        let sort_key = &keys[key.0..key.1];
        let lead = lead(&keys[key.0..], sort_key.len());
        if let Some(before) = self.members[open.members..].last() {
            match before.lead.cmp(&lead).then_with(|| self.key(before).cmp(sort_key)) {
                Ordering::Less => {}
                Ordering::Equal => return Err(Flaw::Repeated),
                Ordering::Greater => open.is_ordered = false,
            }
        }
        let start = narrow(start);
        let span = Span { start, end: start, objects: narrow(self.objects.len()) };
        self.members.push(Member { lead, key: (narrow(key.0), narrow(key.1)), is_spelled: !is_as_written, span });
        Ok(())
    }

    /// Ends the member that was begun last.
    pub(crate) fn end_member(&mut self, end: usize) {
        if let Some(member) = self.members.last_mut() {
            member.span.end = narrow(end);
        }
    }

    /// Ends an object whose inside ends at `end`.
    pub(crate) fn close(&mut self, open: &Open, end: usize) -> Result<(), Flaw> {
        if !open.is_ordered {
            self.sort(open, end)?;
        } else if self.objects.len() == open.object + 1 {
            self.objects.pop();
        }
        self.members.truncate(open.members);
        self.spelled.truncate(open.spelled);
        Ok(())
    }

    fn sort(&mut self, open: &Open, end: usize) -> Result<(), Flaw> {
        let mut all = std::mem::take(&mut self.members);
        let members = &mut all[open.members..];
        members.sort_unstable_by(|a, b| self.compare(a, b));
        if members.windows(2).any(|pair| self.compare(&pair[0], &pair[1]).is_eq()) {
            return Err(Flaw::Repeated);
        }
        let first = self.ordered.len();
        if first == 0 {
            self.ordered.reserve(self.text.len() / 16);
        }
        self.ordered.extend(members.iter().map(|member| member.span));
        self.members = all;
        let next = narrow(self.objects.len());
        let object = &mut self.objects[open.object];
        object.end = narrow(end);
        object.members = narrow(first)..narrow(self.ordered.len());
        object.next = next;
        Ok(())
    }

    fn compare(&self, a: &Member, b: &Member) -> Ordering {
        a.lead.cmp(&b.lead).then_with(|| self.key(a).cmp(self.key(b)))
    }

    fn key(&self, member: &Member) -> &[u8] {
        let keys = if member.is_spelled { &self.spelled } else { self.text.as_bytes() };
        &keys[member.key.0 as usize..member.key.1 as usize]
    }

    /// Hands the text to `sink` with every object in order.
    pub(crate) fn write(&self, text: &[u8], sink: &mut impl FnMut(&[u8])) {
        self.write_span(text, Span { start: 0, end: narrow(text.len()), objects: 0 }, sink);
    }

    /// Calls itself once for each level of nesting, which the reader of the text has bounded.
    fn write_span(&self, text: &[u8], span: Span, sink: &mut impl FnMut(&[u8])) {
        let mut written = span.start as usize;
        let mut index = span.objects as usize;
        while let Some(object) = self.objects.get(index).filter(|object| object.start < span.end) {
            if object.members.is_empty() {
                index += 1;
                continue;
            }
            sink(&text[written..object.start as usize]);
            self.write_members(text, object, sink);
            written = object.end as usize;
            index = object.next as usize;
        }
        sink(&text[written..span.end as usize]);
    }

    fn write_members(&self, text: &[u8], object: &Object, sink: &mut impl FnMut(&[u8])) {
        let members = &self.ordered[object.members.start as usize..object.members.end as usize];
        for (left, &member) in (0..members.len()).rev().zip(members) {
            // Behind a member stands a comma, but for the one that was written last; then the comma is a part of its own.
            let has_comma = left > 0 && text[member.end as usize] == b',';
            let member = Span { end: member.end + u32::from(has_comma), ..member };
            if self.objects.get(member.objects as usize).is_none_or(|object| object.start >= member.end) {
                sink(&text[member.start as usize..member.end as usize]);
            } else {
                self.write_span(text, member, sink);
            }
            if left > 0 && !has_comma {
                sink(b",");
            }
        }
    }

    /// Writes a key's UTF-16 code units as one to three bytes each, in the manner of UTF-8.
    fn spell(&mut self, key: (usize, usize)) -> (usize, usize) {
        let start = self.spelled.len();
        for unit in units(&self.text[key.0..key.1]) {
            let [low, middle, high] = [unit & 0x3F, (unit >> 6) & 0x3F, unit >> 12].map(|bits| bits.to_le_bytes()[0]);
            match unit {
                0..0x80 => self.spelled.push(unit.to_le_bytes()[0]),
                0x80..0x800 => self.spelled.extend([0xC0 | (unit >> 6).to_le_bytes()[0], 0x80 | low]),
                _ => self.spelled.extend([0xE0 | high, 0x80 | middle, 0x80 | low]),
            }
        }
        (start, self.spelled.len())
    }
}

/// Positions and counts are no more than the bytes of the text.
#[expect(clippy::cast_possible_truncation, reason = "the text is shorter than 4 GiB")]
fn narrow(place: usize) -> u32 {
    place as u32
}

/// The first `length` of eight bytes as a number, zeros behind a shorter key: a smaller one comes first.
fn lead(bytes: &[u8], length: usize) -> u64 {
    let Some(first) = bytes.first_chunk() else {
        let mut first = [0; 8];
        first[..length].copy_from_slice(&bytes[..length]);
        return u64::from_be_bytes(first);
    };
    u64::from_be_bytes(*first) & LEADS[length.min(8)]
}

/// So many bytes of a word.
const LEADS: [u64; 9] = [0, !0 << 56, !0 << 48, !0 << 40, !0 << 32, !0 << 24, !0 << 16, !0 << 8, !0];

/// The code units of a key as it stands in the text, its escapes known to be right.
fn units(key: &str) -> impl Iterator<Item = u16> {
    let mut rest = key.chars();
    let mut second = None;
    std::iter::from_fn(move || {
        if let Some(unit) = second.take() {
            return Some(unit);
        }
        let character = rest.next()?;
        if character == '\\' {
            return escaped_unit(&mut rest);
        }
        let mut buffer = [0; 2];
        let units = character.encode_utf16(&mut buffer);
        second = units.get(1).copied();
        Some(units[0])
    })
}

fn escaped_unit(rest: &mut std::str::Chars<'_>) -> Option<u16> {
    match rest.next()? {
        'b' => Some(0x08),
        'f' => Some(0x0C),
        'n' => Some(0x0A),
        'r' => Some(0x0D),
        't' => Some(0x09),
        'u' => {
            let (digits, behind) = rest.as_str().split_at_checked(4)?;
            *rest = behind.chars();
            u16::from_str_radix(digits, 16).ok()
        }
        character => u16::try_from(u32::from(character)).ok(),
    }
}
