//! Packed payloads: hostile bytes are refused or read, and what was packed is rendered as predicted.

use penstock_core::Error;
use penstock_core::batch::{Bounds, Envelope, body_len, encode_batch};
use penstock_core::payload::{Payload, PayloadWriter, find_numbers};
use penstock_core::template::Template;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::choices::Choices;

pub fn check(data: &[u8]) {
    let mut choices = Choices(data);
    if choices.byte() % 2 == 0 {
        let bounds = bounds(&mut choices);
        check_hostile(choices.0, bounds);
    } else {
        check_packed(&mut choices);
    }
}

fn bounds(choices: &mut Choices<'_>) -> Bounds {
    let messages = 1 + choices.below(8);
    let segments = 1 + choices.below(40);
    Bounds { messages, segments, bytes: 1 + 8 * usize::from(choices.byte()) }
}

/// The bytes as they are, and with the check sum that they should have.
fn check_hostile(bytes: &[u8], bounds: Bounds) {
    render(bytes, bounds);
    let mut mended = bytes.to_vec();
    if let Some(header) = mended.first_chunk_mut::<16>() {
        header[0] = 1;
        let sum = crc32(bytes);
        mended[12..16].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(render(&mended, bounds), is_whole(&mended));
    }
}

/// What the format's page asks of a payload whose version and check sum are right.
fn is_whole(bytes: &[u8]) -> bool {
    let [messages, first_seq] = [4, 8].map(|place| number_at(place, bytes) as usize);
    let columns = &bytes[16..];
    bytes[1] == 0
        && first_seq + messages <= 1 << 31
        && columns.len() >= 13 * messages
        && columns.chunks(8).take(messages).all(|number| {
            let number = number.try_into().map(i64::from_le_bytes);
            number.is_ok_and(|number| (1..1_000_000_000_000_000).contains(&number))
        })
}

fn number_at(place: usize, bytes: &[u8]) -> u32 {
    bytes[place..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number))
}

/// Bit by bit: CRC-32 (IEEE) of the header without its sum and of what follows, with the version that is known.
fn crc32(bytes: &[u8]) -> u32 {
    let checked = [1].into_iter().chain(bytes[1..12].iter().copied()).chain(bytes[16..].iter().copied());
    !checked.fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

/// Reads and renders all that can be; returns whether the payload could be opened.
fn render(bytes: &[u8], bounds: Bounds) -> bool {
    let payload = match Payload::open(bytes) {
        Ok(payload) => payload,
        Err(Error::Payload(_)) => return false,
        Err(other) => panic!("{other:?}"),
    };
    let wanted: Vec<i64> = payload.numbers().step_by(2).collect();
    let found = find_numbers(bytes, wanted).expect("it was opened");
    assert!(found.len() >= payload.len().div_ceil(2) && found.is_sorted_by(|a, b| a < b));
    let names: Vec<String> = (0..payload.values_per_message()).map(|name| format!("{{v{name}}}")).collect();
    let Ok(template) = Template::new(&names.concat()) else { return true };
    let Some(last) = (payload.first_seq() + u32::try_from(payload.len()).expect("few")).checked_sub(1) else {
        return true;
    };
    let envelope = Envelope::new("account", "sender");
    let batch = encode_batch(bytes, &template, &envelope, (payload.first_seq(), last), None, bounds);
    match batch {
        Ok(batch) => {
            let body = std::str::from_utf8(&batch.body).expect("UTF-8");
            assert!(serde_json::from_str::<&RawValue>(body).is_ok());
            assert_eq!(batch.digest, <[u8; 32]>::from(Sha256::digest(&batch.body)));
            assert!((1..=bounds.messages).contains(&batch.messages));
        }
        Err(Error::Payload(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
    true
}

/// What was packed comes out again, in as many requests as the bounds ask for.
fn check_packed(choices: &mut Choices<'_>) {
    let bounds = bounds(choices);
    let first = choices.one_of(&[0, 1, 1000, 2_147_483_000]);
    let template = Template::new("{a}: {b}{b}").expect("a template");
    let (mut writer, mut messages) = (PayloadWriter::default(), Vec::new());
    while !choices.0.is_empty() && messages.len() < 20 {
        let number = 4_915_100_000_000 + i64::from(choices.byte());
        let segments = 1 + choices.byte() % 4;
        let values = [choices.text(20), choices.text(40)];
        writer.push(number, segments, &values);
        messages.push((number, segments, values, choices.below(4) == 0));
    }
    let packed = writer.pack(first, 2);
    let payload = Payload::open(&packed).expect("what was packed");
    assert!(payload.numbers().eq(messages.iter().map(|message| message.0)));
    let excluded = bitmap(messages.iter().map(|message| message.3));
    let envelope = Envelope::new("acc\"ount", "é");
    let last = first + u32::try_from(messages.len()).expect("few") - u32::from(!messages.is_empty());
    let (mut next, mut sent) = (first, Vec::new());
    while !messages.is_empty() && next <= last {
        let batch =
            encode_batch(&packed, &template, &envelope, (next, last), Some(&excluded), bounds).expect("a batch");
        let covered = (next - first) as usize..=(batch.last_seq - first) as usize;
        let elements: Vec<usize> = covered.filter(|&index| !messages[index].3).collect();
        assert_eq!(elements.len(), batch.messages);
        let text = |index: usize| {
            let (number, _, values, _) = messages[index];
            envelope.element_len(number, &template.render(&values).expect("two values"))
        };
        let predicted = body_len(elements.len(), elements.iter().map(|&index| text(index)).sum());
        let segments: u64 = elements.iter().map(|&index| u64::from(messages[index].1)).sum();
        assert_eq!((batch.body.len(), batch.segments), (predicted, segments));
        let is_within =
            elements.len() <= bounds.messages && segments <= bounds.segments as u64 && predicted <= bounds.bytes;
        assert!(elements.len() < 2 || is_within);
        let behind = (batch.last_seq + 1 - first) as usize;
        let left =
            messages[behind..].iter().filter(|message| !message.3).map(|message| u64::from(message.1)).sum::<u64>();
        assert_eq!(batch.left_segments, left);
        assert!(batch.last_seq >= next);
        next = batch.last_seq + 1;
        sent.extend(elements);
    }
    let included: Vec<usize> = (0..messages.len()).filter(|&index| !messages[index].3).collect();
    assert_eq!(sent, included);
}

fn bitmap(bits: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; bits.len().div_ceil(8)];
    for (index, bit) in bits.enumerate() {
        bytes[index / 8] |= u8::from(bit) << (index % 8);
    }
    bytes
}
