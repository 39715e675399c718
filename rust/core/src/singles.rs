//! Single messages: each has its own text, so a payload of them has one value a message, the text as it was given. Payloads
//! that were stored one after the other are joined when they go out together.

use std::collections::HashSet;

use crate::batch::{Bounds, Envelope, body_len};
use crate::error::Error;
use crate::payload::{Payload, PayloadWriter};
use crate::phone::PhoneReader;
use crate::segment::segments;
use crate::template::Template;

/// The digits of each number as one integer, or `None` for what is no possible number.
///
/// # Errors
/// [`Error::Argument`] for a region that is none.
pub fn read_numbers<Text: AsRef<str>>(texts: &[Text], region: Option<&str>) -> Result<Vec<Option<i64>>, Error> {
    let reader = PhoneReader::new(region, None)?;
    Ok(texts.iter().map(|text| reader.read(text.as_ref())).collect())
}

/// A payload of messages with a text each, for the template `{text}`. Texts are kept as they are: not trimmed, and a brace in
/// them is a brace.
///
/// # Errors
/// [`Error::Argument`] when there are not as many texts as numbers, or a text takes more than 255 parts.
pub fn pack_messages<Text: AsRef<str>>(numbers: &[i64], texts: &[Text], first_seq: u32) -> Result<Vec<u8>, Error> {
    if numbers.len() != texts.len() {
        return Err(Error::Argument(format!("There are {} numbers and {} texts.", numbers.len(), texts.len())));
    }
    let mut writer = PayloadWriter::default();
    for (&number, text) in numbers.iter().zip(texts) {
        let parts = segments(text.as_ref()).parts;
        let parts = u8::try_from(parts)
            .map_err(|_| Error::Argument(format!("A text takes {parts} parts; a message has at most 255.")))?;
        writer.push(number, parts, &[text.as_ref()]);
    }
    Ok(writer.pack(first_seq, 1))
}

/// The first payloads of a list as one.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The payload of all their messages.
    pub payload: Vec<u8>,
    /// How many payloads are in it, at least one.
    pub payloads: usize,
    /// How many messages.
    pub messages: usize,
    /// Their segments.
    pub segments: u64,
}

/// Joins as many payloads from the front as one body can hold without a number in it twice. Each must begin with the sequence
/// number behind the one before. What cannot be joined, a damaged payload too, ends the run: its own turn comes.
///
/// # Errors
/// [`Error::Payload`] when the first payload cannot be opened, [`Error::Argument`] when there is none.
pub fn join_payloads<Bytes: AsRef<[u8]>>(
    payloads: &[Bytes],
    template: &Template,
    envelope: &Envelope,
    bounds: Bounds,
) -> Result<Joined, Error> {
    let (first, rest) = payloads.split_first().ok_or_else(|| Error::Argument("There is no payload to join.".into()))?;
    let first = Payload::open(first.as_ref())?;
    let mut run = Run::new(first.first_seq(), template, envelope);
    run.take(&run.measure(&first)?);
    let mut joined = 1;
    for bytes in rest {
        let Ok(next) = Payload::open(bytes.as_ref()) else { break };
        let Ok(part) = run.measure(&next) else { break };
        if !run.fits(&part, bounds) {
            break;
        }
        run.take(&part);
        joined += 1;
    }
    Ok(Joined {
        payloads: joined,
        messages: run.writer.len(),
        segments: run.segments,
        payload: run.writer.pack(first.first_seq(), first.values_per_message()),
    })
}

/// What has been joined so far.
struct Run<'a> {
    template: &'a Template,
    envelope: &'a Envelope,
    first_seq: u32,
    writer: PayloadWriter,
    numbers: HashSet<i64>,
    elements_len: usize,
    segments: u64,
}

/// A payload, read.
struct Part<'a> {
    first_seq: u32,
    messages: Vec<(i64, u8, Vec<&'a str>)>,
    elements_len: usize,
    segments: u64,
}

impl<'a> Run<'a> {
    fn new(first_seq: u32, template: &'a Template, envelope: &'a Envelope) -> Self {
        Self {
            template,
            envelope,
            first_seq,
            writer: PayloadWriter::default(),
            numbers: HashSet::new(),
            elements_len: 0,
            segments: 0,
        }
    }

    fn measure<'b>(&self, payload: &Payload<'b>) -> Result<Part<'b>, Error> {
        if payload.values_per_message() != self.template.names().len() {
            return Err(Error::Payload(format!(
                "The payload holds {} values per message and the template takes {}.",
                payload.values_per_message(),
                self.template.names().len()
            )));
        }
        let mut part = Part {
            first_seq: payload.first_seq(),
            messages: Vec::with_capacity(payload.len()),
            elements_len: 0,
            segments: 0,
        };
        let mut text = String::new();
        for index in 0..payload.len() {
            let (number, segments) = payload.message(index);
            let mut values = Vec::with_capacity(payload.values_per_message());
            payload.values(index, &mut values)?;
            text.clear();
            self.template.render_into(|value| values[value], &mut text);
            part.elements_len += self.envelope.element_len(number, &text);
            part.segments += u64::from(segments);
            part.messages.push((number, segments, values));
        }
        Ok(part)
    }

    fn fits(&self, part: &Part<'_>, bounds: Bounds) -> bool {
        let messages = self.writer.len() + part.messages.len();
        u64::from(part.first_seq) == u64::from(self.first_seq) + self.writer.len() as u64
            && messages <= bounds.messages
            && self.segments + part.segments <= bounds.segments as u64
            && body_len(messages, self.elements_len + part.elements_len) <= bounds.bytes
            && !part.messages.iter().any(|(number, _, _)| self.numbers.contains(number))
    }

    fn take(&mut self, part: &Part<'_>) {
        for (number, segments, values) in &part.messages {
            self.writer.push(*number, *segments, values);
            self.numbers.insert(*number);
        }
        self.elements_len += part.elements_len;
        self.segments += part.segments;
    }
}
