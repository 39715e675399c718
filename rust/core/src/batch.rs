//! The provider's bulk body, rendered from a payload. The same arguments give the same bytes for ever within one
//! `CODEC_VERSION`; the sizes predicted here are the sizes written here.

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::json_text::{escaped_len, write_escaped};
use crate::payload::Payload;
use crate::template::{Piece, Template};

const OPENING: &[u8] = br#"{"messages":["#;
const CLOSING: &[u8] = b"]}";
/// Of an `i64`.
const MOST_DIGITS: usize = 19;

/// What surrounds number and text in each element, escaped once.
#[derive(Debug, Clone)]
pub struct Envelope {
    before_number: Vec<u8>,
    before_text: Vec<u8>,
    after_text: Vec<u8>,
    /// Between the number and the sequence number in a reference, where there are references.
    before_seq: Option<Vec<u8>>,
}

impl Envelope {
    /// The parts of an element that are the same for all recipients.
    #[must_use]
    pub fn new(traffic_account_id: &str, sender: &str) -> Self {
        let mut before_number = br#"{"trafficAccountId":""#.to_vec();
        write_escaped(traffic_account_id, &mut before_number);
        before_number.extend_from_slice(br#"","destination":"+"#);
        let before_text = br#"","sms":{"text":""#.to_vec();
        let mut after_text = br#"","sender":""#.to_vec();
        write_escaped(sender, &mut after_text);
        after_text.extend_from_slice(br#""}}"#);
        Self { before_number, before_text, after_text, before_seq: None }
    }

    /// The same with a reference in each element: `prefix` and the message's sequence number.
    #[must_use]
    pub fn with_references(mut self, prefix: &str) -> Self {
        let mut before_seq = br#"","reference":""#.to_vec();
        write_escaped(prefix, &mut before_seq);
        self.before_seq = Some(before_seq);
        self
    }

    /// Bytes of the element for `number` and `text`, without a reference.
    #[must_use]
    pub fn element_len(&self, number: i64, text: &str) -> usize {
        let digits = number.checked_ilog10().map_or(1, |power| power as usize + 1);
        self.before_number.len() + digits + self.before_text.len() + escaped_len(text) + self.after_text.len()
    }
}

/// Writes elements: what stands between two values is put together and escaped once for all messages.
struct ElementWriter {
    before_number: Vec<u8>,
    /// From the number to the sequence number of a reference, where there are references.
    before_seq: Option<Vec<u8>>,
    /// From the number (or the reference) to the first value, or to the end of an element without values.
    after_number: Vec<u8>,
    /// Each value's index, and what stands between it and the next one or the element's end.
    values: Vec<(usize, Vec<u8>)>,
}

impl ElementWriter {
    fn new(envelope: &Envelope, template: &Template) -> Self {
        let mut writer = Self {
            before_number: envelope.before_number.clone(),
            before_seq: envelope.before_seq.clone(),
            after_number: envelope.before_text.clone(),
            values: Vec::new(),
        };
        for piece in template.pieces() {
            match piece {
                Piece::Literal(literal) => write_escaped(literal, writer.last_literal()),
                Piece::Value(index) => writer.values.push((*index, Vec::new())),
            }
        }
        writer.last_literal().extend_from_slice(&envelope.after_text);
        writer
    }

    fn last_literal(&mut self) -> &mut Vec<u8> {
        self.values.last_mut().map_or(&mut self.after_number, |(_, literal)| literal)
    }

    /// Bytes of an element without its values, at most.
    fn literals_len(&self) -> usize {
        let between: usize = self.values.iter().map(|(_, literal)| literal.len()).sum();
        let reference = self.before_seq.as_ref().map_or(0, |before_seq| before_seq.len() + MOST_DIGITS);
        self.before_number.len() + MOST_DIGITS + reference + self.after_number.len() + between
    }

    fn write(&self, seq: u32, number: i64, values: &[&str], body: &mut Vec<u8>) {
        body.extend_from_slice(&self.before_number);
        write_number(number, body);
        if let Some(before_seq) = &self.before_seq {
            body.extend_from_slice(before_seq);
            write_number(i64::from(seq), body);
        }
        body.extend_from_slice(&self.after_number);
        for (index, literal) in &self.values {
            write_escaped(values[*index], body);
            body.extend_from_slice(literal);
        }
    }
}

/// Bytes of a body of `elements` elements that take `elements_len` bytes together.
#[must_use]
pub fn body_len(elements: usize, elements_len: usize) -> usize {
    OPENING.len() + elements_len + elements.saturating_sub(1) + CLOSING.len()
}

/// How much one request may carry. One message is rendered even if it is over a bound.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Most messages.
    pub messages: usize,
    /// Most segments.
    pub segments: usize,
    /// Most bytes of body.
    pub bytes: usize,
}

/// One bulk request, rendered.
#[derive(Debug, Clone)]
pub struct EncodedBatch {
    /// The JSON.
    pub body: Vec<u8>,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// Last sequence number covered, included or left out.
    pub last_seq: u32,
    /// Messages included.
    pub messages: usize,
    /// Segments of the included messages.
    pub segments: u64,
    /// Segments of the messages behind `last_seq` that are not left out: what the rest of the batch will need.
    pub left_segments: u64,
}

/// Renders the messages `first_seq ..= last_seq` of a payload until a bound is reached.
///
/// Bit i of `excluded`, least significant first, leaves out the payload's i-th message. Messages left out directly behind
/// the last included one are covered too, so that the rest of a range never begins with them.
///
/// # Errors
/// [`Error::Payload`] when the payload is damaged, belongs to another template or does not hold the range;
/// [`Error::Argument`] when the bitmap has another length than the payload.
pub fn encode_batch(
    payload: &[u8],
    template: &Template,
    envelope: &Envelope,
    (first_seq, last_seq): (u32, u32),
    excluded: Option<&[u8]>,
    bounds: Bounds,
) -> Result<EncodedBatch, Error> {
    let payload = Payload::open(payload)?;
    check_request(&payload, template, first_seq, last_seq, excluded)?;
    let writer = ElementWriter::new(envelope, template);
    let elements = (last_seq - first_seq) as usize + 1;
    let expected = OPENING.len() + elements * (writer.literals_len() + 1) + payload.values_len() + CLOSING.len();
    let mut body = Vec::with_capacity(expected.min(bounds.bytes.saturating_add(writer.literals_len())));
    body.extend_from_slice(OPENING);
    let mut batch =
        EncodedBatch { body, digest: [0; 32], last_seq: first_seq, messages: 0, segments: 0, left_segments: 0 };
    let is_left_out = |index: usize| excluded.is_some_and(|bits| bits[index / 8] & (1 << (index % 8)) != 0);
    let mut values = Vec::with_capacity(payload.values_per_message());
    for seq in first_seq..=last_seq {
        let index = (seq - payload.first_seq()) as usize;
        if is_left_out(index) {
            batch.last_seq = seq;
            continue;
        }
        let (number, segments) = payload.message(index);
        values.clear();
        payload.values(index, &mut values)?;
        let before = batch.body.len();
        let total = batch.segments + u64::from(segments);
        if batch.messages > 0 {
            if batch.messages >= bounds.messages || total > bounds.segments as u64 {
                break;
            }
            batch.body.push(b',');
        }
        writer.write(seq, number, &values, &mut batch.body);
        if batch.messages > 0 && batch.body.len() + CLOSING.len() > bounds.bytes {
            batch.body.truncate(before);
            break;
        }
        batch.segments = total;
        batch.messages += 1;
        batch.last_seq = seq;
    }
    batch.left_segments = (batch.last_seq + 1..=last_seq)
        .map(|seq| (seq - payload.first_seq()) as usize)
        .filter(|&index| !is_left_out(index))
        .map(|index| u64::from(payload.message(index).1))
        .sum();
    batch.body.extend_from_slice(CLOSING);
    batch.digest = Sha256::digest(&batch.body).into();
    Ok(batch)
}

fn check_request(
    payload: &Payload<'_>,
    template: &Template,
    first_seq: u32,
    last_seq: u32,
    excluded: Option<&[u8]>,
) -> Result<(), Error> {
    let first = u64::from(payload.first_seq());
    let end = first + payload.len() as u64;
    if u64::from(first_seq) < first || u64::from(last_seq) >= end || last_seq < first_seq {
        return Err(Error::Payload(format!(
            "The payload holds the messages from {first} to before {end}, not {first_seq} to {last_seq}."
        )));
    }
    if payload.values_per_message() != template.names().len() {
        return Err(Error::Payload(format!(
            "The payload holds {} values per message and the template takes {}.",
            payload.values_per_message(),
            template.names().len()
        )));
    }
    match excluded {
        Some(bits) if bits.len() != payload.len().div_ceil(8) => Err(Error::Argument(format!(
            "The bitmap of excluded messages has {} bytes; the payload's {} messages need {}.",
            bits.len(),
            payload.len(),
            payload.len().div_ceil(8)
        ))),
        _ => Ok(()),
    }
}

/// Two digits at a time: dividing is what takes the time.
fn write_number(number: i64, out: &mut Vec<u8>) {
    let mut digits = [0; MOST_DIGITS + 1];
    let mut start = digits.len();
    let mut rest = number.unsigned_abs();
    while rest >= 10 {
        let pair = (rest % 100) as usize * 2;
        rest /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if rest > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + rest.to_le_bytes()[0];
    }
    out.extend_from_slice(&digits[start..]);
}

/// "00" to "99".
static PAIRS: [u8; 200] = pairs();

const fn pairs() -> [u8; 200] {
    let mut table = [b'0'; 200];
    let mut number = 0_u8;
    while number < 100 {
        table[number as usize * 2] += number / 10;
        table[number as usize * 2 + 1] += number % 10;
        number += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::write_number;

    #[test]
    fn numbers_have_their_digits() {
        let powers = (0..=18).map(|power| 10_i64.pow(power));
        let around = powers.flat_map(|power| [power - 1, power, power + 1, power * 9 / 2 + 7]);
        for number in around.chain(0..1200).chain([i64::MAX, 4_915_100_000_000]) {
            let mut written = Vec::new();
            write_number(number, &mut written);
            assert_eq!(written, number.to_string().into_bytes());
        }
    }
}
