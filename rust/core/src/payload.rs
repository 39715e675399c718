//! The packed payload: what is kept of a chunk's messages, and all that is needed to render them again. This page is the
//! whole of the format.
//!
//! One payload holds the numbers, segment counts and template values of consecutive messages. It is written once, stored
//! as opaque bytes, and read in ranges. All integers are little endian and unsigned but for the numbers, which are `i64`.
//!
//! ```text
//! offset  size  field
//!      0     1  version: 1
//!      1     1  reserved: 0
//!      2     2  V: template values per message, the number of the template's names
//!      4     4  N: messages
//!      8     4  F: sequence number of the first message; message i has F + i, the last at most 2^31 - 1
//!     12     4  CRC-32 (IEEE 802.3) of bytes 0..12 followed by bytes 16..
//!     16   8·N  numbers: the digits of E.164 as one integer, 1 to 10^15 - 1
//!   16+8N    N  segments of the rendered text, 1 to 255
//!   16+9N  4·N  ends: where the values of message i end, counted from the start of the value area
//!  16+13N   …   value area: for each message its V values in the order of the template's names, each as its length in
//!               bytes and so many bytes of UTF-8
//! ```
//!
//! A length is LEB128: seven bits a byte, the lowest first, the top bit set on all bytes but the last. The values of message
//! i begin where those of message i - 1 end (at 0 for the first), so any range is read without what stands before it.
//!
//! ```
//! let mut writer = penstock_core::payload::PayloadWriter::default();
//! writer.push(4_915_100_000_001, 1, &["Anna"]);
//! let header = [1, 0, 1, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0xAF, 0x70, 0x6C, 0x04];
//! let number = [0x01, 0x1F, 0xCA, 0x62, 0x78, 0x04, 0, 0];
//! let segments = [1];
//! let end = [5, 0, 0, 0];
//! let values = [4, b'A', b'n', b'n', b'a'];
//! assert_eq!(writer.pack(7, 1), [&header[..], &number, &segments, &end, &values].concat());
//! ```
//!
//! The template's text, the traffic account and the sender are not in it: they belong to the campaign and come with each
//! call of [`crate::batch::encode_batch`]. The check sum is there because one flipped bit in a number sends a text to a
//! stranger; it is checked whenever a payload is opened. It is no signature: bytes that someone made up may pass it, and then
//! give other messages or [`Error::Payload`], but never a panic.
//!
//! **Versions.** A change of this layout, of the rendering, or of the body's bytes is a new version. Old versions stay
//! readable, to the same bytes of body, as long as chunks of theirs can be stored; `tests/vectors/payload_v1.json` holds this
//! one to that, and every version adds a file of its own. A version later than the program's is refused and named.

use crate::CODEC_VERSION;
use crate::bounds::MAX_SEQ;
use crate::error::Error;

const HEADER_BYTES: usize = 16;
const CHECKED_HEADER_BYTES: usize = 12;
const BYTES_PER_MESSAGE: usize = 8 + 1 + 4;

/// E.164 has at most 15 digits.
const NUMBERS: std::ops::Range<i64> = 1..1_000_000_000_000_000;

/// Collects messages and packs them.
#[derive(Debug, Clone, Default)]
pub struct PayloadWriter {
    numbers: Vec<i64>,
    segments: Vec<u8>,
    ends: Vec<u32>,
    values: Vec<u8>,
}

impl PayloadWriter {
    /// Appends one message.
    pub fn push(&mut self, number: i64, segments: u8, values: &[&str]) {
        self.numbers.push(number);
        self.segments.push(segments);
        for value in values {
            write_length(value.len(), &mut self.values);
            self.values.extend_from_slice(value.as_bytes());
        }
        // A chunk ends long before four gigabytes of values; if it did not, the reader would refuse the payload.
        self.ends.push(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
    }

    /// The same messages in another order: `order` names each of them once.
    #[must_use]
    pub fn reordered(&self, order: &[usize]) -> Self {
        let mut moved = Self::default();
        moved.values.reserve(self.values.len());
        for &index in order {
            let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
            moved.numbers.push(self.numbers[index]);
            moved.segments.push(self.segments[index]);
            moved.values.extend_from_slice(&self.values[start..self.ends[index] as usize]);
            moved.ends.push(u32::try_from(moved.values.len()).unwrap_or(u32::MAX));
        }
        moved
    }

    /// Messages so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is no message yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Numbers and segments in order.
    #[must_use]
    pub fn messages(&self) -> impl ExactSizeIterator<Item = (i64, u8)> + '_ {
        self.numbers.iter().copied().zip(self.segments.iter().copied())
    }

    /// The packed bytes.
    #[must_use]
    pub fn pack(&self, first_seq: u32, values_per_message: usize) -> Vec<u8> {
        let size = HEADER_BYTES + self.len() * BYTES_PER_MESSAGE + self.values.len();
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&[CODEC_VERSION, 0]);
        bytes.extend_from_slice(&u16::try_from(values_per_message).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(self.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&first_seq.to_le_bytes());
        bytes.extend_from_slice(&[0; HEADER_BYTES - CHECKED_HEADER_BYTES]);
        for number in &self.numbers {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.segments);
        for end in &self.ends {
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        bytes.extend_from_slice(&self.values);
        let sum = check_sum(&bytes);
        bytes[CHECKED_HEADER_BYTES..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

/// Reads a payload in place.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    first_seq: u32,
    values_per_message: usize,
    numbers: &'a [[u8; 8]],
    segments: &'a [u8],
    ends: &'a [[u8; 4]],
    values: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Opens packed bytes.
    ///
    /// # Errors
    /// [`Error::Payload`] when the version is unknown or the bytes are not those that were packed.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        let version = bytes.first().copied().ok_or_else(|| damaged("it is empty"))?;
        check_version(version)?;
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or_else(|| damaged("its header is cut off"))?;
        let [_, reserved, v0, v1, n0, n1, n2, n3, f0, f1, f2, f3, c0, c1, c2, c3] = *header;
        if u32::from_le_bytes([c0, c1, c2, c3]) != check_sum(bytes) {
            return Err(damaged("its check sum is wrong"));
        }
        let count = u32::from_le_bytes([n0, n1, n2, n3]) as usize;
        let first_seq = u32::from_le_bytes([f0, f1, f2, f3]);
        if reserved != 0 || u64::from(first_seq) + count as u64 > MAX_SEQ + 1 {
            return Err(damaged("its header says what no writer writes"));
        }
        let columns = &bytes[HEADER_BYTES..];
        if columns.len() / BYTES_PER_MESSAGE < count {
            return Err(damaged("it is shorter than its messages"));
        }
        let (numbers, rest) = columns.split_at(count * 8);
        let (segments, rest) = rest.split_at(count);
        let (ends, values) = rest.split_at(count * 4);
        let numbers = numbers.as_chunks().0;
        if !numbers.iter().all(|bytes| NUMBERS.contains(&i64::from_le_bytes(*bytes))) {
            return Err(damaged("a number is none"));
        }
        Ok(Self {
            first_seq,
            values_per_message: usize::from(u16::from_le_bytes([v0, v1])),
            numbers,
            segments,
            ends: ends.as_chunks().0,
            values,
        })
    }

    /// Sequence number of the first message.
    #[must_use]
    pub fn first_seq(&self) -> u32 {
        self.first_seq
    }

    /// Number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether the payload holds no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Template values per message.
    #[must_use]
    pub fn values_per_message(&self) -> usize {
        self.values_per_message
    }

    /// Bytes of all values with their lengths: no fewer than the values alone.
    #[must_use]
    pub fn values_len(&self) -> usize {
        self.values.len()
    }

    /// The numbers in order.
    #[must_use]
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = i64> + 'a {
        self.numbers.iter().map(|bytes| i64::from_le_bytes(*bytes))
    }

    /// Number and segments of the message at `index`, which must be below `len()`.
    #[must_use]
    pub fn message(&self, index: usize) -> (i64, u8) {
        (i64::from_le_bytes(self.numbers[index]), self.segments[index])
    }

    /// Appends the values of the message at `index`, which must be below `len()`.
    ///
    /// # Errors
    /// [`Error::Payload`] when they are not what the writer wrote.
    pub fn values(&self, index: usize, values: &mut Vec<&'a str>) -> Result<(), Error> {
        let end = u32::from_le_bytes(self.ends[index]) as usize;
        let start = index.checked_sub(1).map_or(0, |before| u32::from_le_bytes(self.ends[before]) as usize);
        let mut area = self.values.get(start..end).ok_or_else(|| damaged("its values are cut off"))?;
        for _ in 0..self.values_per_message {
            let length = read_length(&mut area).ok_or_else(|| damaged("a length is cut off"))?;
            let (value, rest) = area.split_at_checked(length).ok_or_else(|| damaged("a value is cut off"))?;
            values.push(std::str::from_utf8(value).map_err(|_| damaged("a value is not UTF-8"))?);
            area = rest;
        }
        if area.is_empty() { Ok(()) } else { Err(damaged("it holds more values than it says")) }
    }
}

/// Sequence numbers whose number is among `wanted`, in order.
///
/// # Errors
/// [`Error::Payload`] when the payload cannot be opened.
pub fn find_numbers(payload: &[u8], mut wanted: Vec<i64>) -> Result<Vec<u32>, Error> {
    let payload = Payload::open(payload)?;
    wanted.sort_unstable();
    let found = (payload.first_seq..).zip(payload.numbers());
    Ok(found.filter(|(_, number)| wanted.binary_search(number).is_ok()).map(|(seq, _)| seq).collect())
}

/// Old versions stay readable; one from a later release is not guessed at.
fn check_version(version: u8) -> Result<(), Error> {
    match version {
        CODEC_VERSION => Ok(()),
        newer if newer > CODEC_VERSION => Err(Error::Payload(format!(
            "The payload has version {newer}, which a later release wrote; this one reads up to version {CODEC_VERSION}."
        ))),
        other => Err(Error::Payload(format!("The payload has version {other}, which no release wrote."))),
    }
}

fn check_sum(bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[..CHECKED_HEADER_BYTES]);
    sum.update(&bytes[HEADER_BYTES..]);
    sum.finalize()
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    let mut rest = length;
    while rest >= 0x80 {
        out.push(0x80 | rest.to_le_bytes()[0]);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

fn read_length(area: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = area.split_first()?;
        *area = rest;
        length |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

fn damaged(how: &str) -> Error {
    Error::Payload(format!("The payload is damaged: {how}."))
}
