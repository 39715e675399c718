//! What holds for every input: pieces of any size, predicted sizes, exact sets, the fast way and the slow way.

use std::collections::HashSet;

use penstock_core::answer::{Distrust, read_bulk_answer};
use penstock_core::batch::{Bounds, Envelope, body_len, encode_batch};
use penstock_core::chunk::Chunk;
use penstock_core::dedupe::NumberSet;
use penstock_core::json_text::{escaped_len, write_escaped};
use penstock_core::payload::{Payload, PayloadWriter, find_numbers};
use penstock_core::phone::PhoneReader;
use penstock_core::recipients::{Format, RecipientParser, Settings};
use penstock_core::report::read_reports;
use penstock_core::template::Template;
use proptest::prelude::*;

fn settings(format: Format) -> Settings {
    Settings {
        format,
        template: Template::new("Hi {name}").expect("a template"),
        traffic_account_id: "account".into(),
        sender: "Example".into(),
        region: Some("DE".into()),
        phone_column: None,
        time_zones: None,
        zone_column: None,
        countries: None,
        max_parts: 1,
        chunk_messages: 2,
        chunk_bytes: 400,
        first_seq: 0,
        resume: None,
    }
}

/// Writes the check sum that the bytes need.
fn seal(payload: &mut [u8]) {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&payload[..12]);
    sum.update(&payload[16..]);
    payload[12..16].copy_from_slice(&sum.finalize().to_le_bytes());
}

fn json_piece() -> impl Strategy<Value = String> {
    let whole =
        r#"{"messages":[{"messageId":"a"},{"messageId":"a\u0041"},{"error":[[{"code":5}]]}],"id":" b ","status":1}"#;
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        " ",
        "\n",
        "\"messages\":",
        "\"messageId\"",
        "\"id\":",
        "\"a\"",
        "1e5",
        "-0",
        "null",
        "tru",
        "\\u00e9",
        "\\ud800",
        "é",
        "\u{1}",
        whole,
    ];
    prop::sample::select(pieces.map(String::from).to_vec())
}

/// All that can be seen of a parse: the chunks, or the error.
fn parse(format: Format, pieces: &[&[u8]]) -> Result<Vec<String>, String> {
    let mut parser = RecipientParser::new(settings(format)).expect("a parser");
    let mut chunks = Vec::new();
    for piece in pieces {
        chunks.extend(parser.feed(piece).map_err(|error| error.to_string())?);
    }
    chunks.extend(parser.finish().map_err(|error| error.to_string())?);
    Ok(chunks.iter().map(show).collect())
}

fn show(chunk: &Chunk) -> String {
    let problems: Vec<_> = chunk.problems(usize::MAX).collect();
    format!("{:?} {} {:?} {problems:?}", chunk.payload(), chunk.rows, chunk.end)
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("+49151000000".to_owned()),
        Just("{\"phone\":\"+4915100000001\",\"name\":\"a\"}".to_owned()),
        Just("\u{feff}phone,name".to_owned()),
        Just("x".repeat(40_000)),
        "[0-9]{2}",
        "[,;\"\n\r\t ]",
        "\r\n",
        "\\PC{0,3}",
    ];
    let header = prop_oneof![Just("phone,name\n"), Just("name;\"phone\"\r\n"), Just("")];
    (header, prop::collection::vec(piece, 0..40), prop::collection::vec(any::<u8>(), 0..4))
        .prop_map(|(header, pieces, tail)| [header.as_bytes(), pieces.concat().as_bytes(), &tail].concat())
}

proptest! {
    /// The chunks do not depend on how the file was cut into feeds.
    #[test]
    fn pieces_do_not_matter(file in file(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(file.len() + 1)).collect();
        places.extend([0, file.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &file[pair[0]..pair[1]]).collect();
        for format in [Format::Csv, Format::Ndjson, Format::Json] {
            prop_assert_eq!(parse(format, &[&file]), parse(format, &pieces));
        }
    }

    /// A text's escaped size is what is written, and a JSON reader gets the text back.
    #[test]
    fn escaped_sizes_are_exact(text in any::<String>()) {
        let mut written = Vec::new();
        write_escaped(&text, &mut written);
        prop_assert_eq!(written.len(), escaped_len(&text));
        let quoted = format!("\"{}\"", String::from_utf8(written).expect("UTF-8"));
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).expect("JSON"), text);
    }

    /// What is packed is what is read, and the body's size is what was predicted.
    #[test]
    fn payloads_round_trip(
        messages in prop::collection::vec((1..10_i64.pow(15), 1..=255_u8, any::<[String; 2]>()), 1..20),
        first_seq in 0..1000_u32,
    ) {
        let mut writer = PayloadWriter::default();
        for (number, segments, values) in &messages {
            writer.push(*number, *segments, &[&values[0], &values[1]]);
        }
        let bytes = writer.pack(first_seq, 2);
        let payload = Payload::open(&bytes).expect("a payload");
        let template = Template::new("{a} and {b}").expect("a template");
        let envelope = Envelope::new("acc\"ount", "Sender");
        let mut size = 0;
        for (index, (number, segments, values)) in messages.iter().enumerate() {
            let mut read = Vec::new();
            payload.values(index, &mut read).expect("values");
            prop_assert_eq!(&read, values);
            prop_assert_eq!(payload.message(index), (*number, *segments));
            size += envelope.element_len(*number, &template.render(values).expect("a text"));
        }
        let last_seq = first_seq + u32::try_from(messages.len()).expect("few") - 1;
        let bounds = Bounds { messages: usize::MAX, segments: usize::MAX, bytes: usize::MAX };
        let batch = encode_batch(&bytes, &template, &envelope, (first_seq, last_seq), None, bounds).expect("a batch");
        prop_assert_eq!(batch.body.len(), body_len(messages.len(), size));
    }

    /// Bytes that someone changed and gave a right check sum make errors, never panics.
    #[test]
    fn hostile_payloads_are_refused(
        values in prop::collection::vec("\\PC{0,200}", 0..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        length in any::<prop::sample::Index>(),
        first_seq in prop_oneof![0..3_u32, Just(i32::MAX as u32), Just(u32::MAX)],
        range in (0..8_u32, prop_oneof![0..8_u32, Just(u32::MAX)]),
        numbers in any::<Vec<i64>>(),
    ) {
        let mut writer = PayloadWriter::default();
        for value in &values {
            writer.push(4_915_100_000_001, 1, &[value, "x"]);
        }
        let mut bytes = writer.pack(first_seq, 2);
        for (at, byte) in changes {
            let at = at.index(bytes.len() - 1) + 1;
            bytes[at] = byte;
        }
        bytes.truncate(16 + length.index(bytes.len() - 15));
        seal(&mut bytes);
        let template = Template::new("{a}{b}").expect("a template");
        let bounds = Bounds { messages: 3, segments: 9, bytes: 500 };
        let range = (first_seq.saturating_add(range.0), first_seq.saturating_add(range.1));
        let _ = find_numbers(&bytes, numbers);
        let _ = encode_batch(&bytes, &template, &Envelope::new("a", "b"), range, None, bounds);
        if let Ok(payload) = Payload::open(&bytes) {
            for index in 0..payload.len() {
                let _ = payload.values(index, &mut Vec::new());
            }
        }
    }

    /// Foreign bytes are read or refused, never feared, and reports read again from their lines.
    #[test]
    fn foreign_json_is_read_or_refused(pieces in prop::collection::vec(json_piece(), 0..30), expected in 0..4_usize) {
        let text = pieces.concat();
        let answer = read_bulk_answer(text.as_bytes(), expected);
        let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
        prop_assert!(!is_object || answer.reason != Some(Distrust::NotJson), "{}", text);
        prop_assert!(answer.positions.len() == answer.ids.len() && answer.positions.iter().all(|&at| at < expected));
        for content_type in ["application/json", "application/x-ndjson", ""] {
            if let Ok(reports) = read_reports(text.as_bytes(), content_type) {
                let again = read_reports(&reports.lines, "application/x-ndjson");
                prop_assert_eq!(again, Ok(reports));
            }
        }
    }

    /// The set is exact, whatever the numbers.
    #[test]
    fn sets_are_exact(numbers in prop::collection::vec(prop_oneof![1..50_i64, any::<i64>(), 1..10_i64.pow(15)], 0..300)) {
        let mut exact = HashSet::new();
        let mut set = NumberSet::default();
        for number in numbers {
            let is_number = (1..10_i64.pow(15)).contains(&number);
            prop_assert_eq!(set.contains(number), exact.contains(&number));
            prop_assert_eq!(set.insert(number), is_number && exact.insert(number));
        }
        prop_assert_eq!(set.len(), exact.len());
    }
}

/// A set of many numbers keeps them all in at most ten bytes each.
#[test]
fn sets_stay_small() {
    for step in [1, 7_919, 99_999_989] {
        let mut set = NumberSet::default();
        for index in 1..=100_000 {
            assert!(set.insert(index * step));
            assert!(index < 50_000 || set.bytes() <= 10 * set.len());
        }
        assert!((1..=100_000).all(|index| set.contains(index * step)));
        assert!(!set.contains(100_001 * step));
    }
}

/// For every calling code, leading digits and length the fast way says what the library says.
#[test]
fn the_fast_way_is_the_slow_way() {
    let reader = PhoneReader::new(None, None).expect("a reader");
    for code in 1..1000 {
        for first in 0..10 {
            for length in [4, 6, 7, 8, 9, 10, 11, 12] {
                let national = format!("{first}{}", &"23456789012345"[..length - 1]);
                let text = format!("+{code}{national}");
                assert_eq!(reader.read(&text), reader.read_slow(&text), "{text}");
            }
        }
    }
}
