//! Recipients: the same in pieces of any size and from any checkpoint, within every bound.

use std::collections::HashMap;

use penstock_core::Error;
use penstock_core::batch::{Bounds, Envelope, encode_batch};
use penstock_core::chunk::{Checkpoint, Chunk};
use penstock_core::payload::Payload;
use penstock_core::recipients::{Format, RecipientParser, Settings};
use penstock_core::template::Template;

use super::choices::Choices;

const ACCOUNT: &str = "account";
const SENDER: &str = "Example";
const MAX_SEQ: u32 = 2_147_483_647;

pub fn check(data: &[u8]) {
    let mut choices = Choices(data);
    let settings = settings(&mut choices);
    let sizes = [1 + choices.below(9), 1 + usize::from(choices.byte()), 1 + 64 * usize::from(choices.byte())];
    let file = choices.0;
    let whole = parse(&settings, &[], [file]);
    if let Err(error) = &whole {
        assert!(matches!(error, Error::Format(_)), "{error:?}");
    }
    let shown = show(&whole);
    for size in sizes.into_iter().filter(|size| file.len() / size < 4000) {
        assert_eq!(show(&parse(&settings, &[], file.chunks(size))), shown, "in pieces of {size}");
    }
    let Ok(chunks) = whole else { return };
    check_chunks(&settings, &chunks);
    for (index, chunk) in chunks.iter().enumerate().take(8) {
        check_resumed(&settings, file, &chunks, index, &chunk.end);
    }
}

fn settings(choices: &mut Choices<'_>) -> Settings {
    let countries = [None, None, None, Some(vec!["DE".to_owned(), "US".to_owned()])];
    let settings = Settings {
        format: choices.one_of(&[Format::Csv, Format::Ndjson, Format::Json]),
        template: Template::new(choices.one_of(&["Hi", "Hi {name}", "{Name}, {name} {order no}"])).expect("a template"),
        traffic_account_id: ACCOUNT.into(),
        sender: SENDER.into(),
        region: choices.one_of(&[None, Some("DE"), Some("US"), Some("GR")]).map(str::to_owned),
        phone_column: choices.one_of(&[None, None, Some("name"), Some("Mobile no")]).map(str::to_owned),
        countries: countries[choices.below(countries.len())].clone(),
        max_parts: choices.one_of(&[1, 2, 255]),
        chunk_messages: choices.one_of(&[1, 2, 5, 1000]),
        chunk_bytes: choices.one_of(&[1, 250, 1000, 1_000_000]),
        first_seq: choices.one_of(&[0, 7, 2_147_483_640]),
        time_zones: None,
        zone_column: None,
        resume: None,
    };
    // Not a choice of its own, so that files found before zones were read still mean the same.
    let time_zones = (settings.first_seq == 7).then(zones);
    Settings { time_zones, ..settings }
}

fn zones() -> HashMap<String, String> {
    [
        ("UTC", "UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("Europe/Athens", "UTC"),
        ("America/New_York", "America/New_York"),
    ]
    .map(|(zone, clock)| (zone.to_owned(), clock.to_owned()))
    .into()
}

fn parse<'a>(
    settings: &Settings,
    known: &[i64],
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Chunk>, Error> {
    let mut parser = RecipientParser::new(settings.clone())?;
    parser.remember(known.iter().copied());
    let mut chunks = Vec::new();
    for piece in pieces {
        chunks.extend(parser.feed(piece)?);
    }
    chunks.extend(parser.finish()?);
    Ok(chunks)
}

/// All that can be seen of a parse.
fn show(parsed: &Result<Vec<Chunk>, Error>) -> Result<Vec<String>, String> {
    match parsed {
        Ok(chunks) => Ok(chunks.iter().map(show_chunk).collect()),
        Err(error) => Err(error.to_string()),
    }
}

fn show_chunk(chunk: &Chunk) -> String {
    let problems: Vec<_> = chunk.problems(usize::MAX).collect();
    let Chunk { first_seq, rows, groups, end, .. } = chunk;
    format!("{first_seq} {rows} {groups:?} {:?} {end:?} {problems:?}", chunk.payload())
}

fn check_chunks(settings: &Settings, chunks: &[Chunk]) {
    let mut rows = 0;
    let mut next_seq = settings.first_seq;
    let mut seen = std::collections::HashSet::new();
    for chunk in chunks {
        rows += chunk.rows;
        assert_eq!(chunk.end.rows, rows);
        assert_eq!(chunk.first_seq, next_seq);
        let skipped: u64 = chunk.skipped().values().sum();
        assert_eq!(chunk.rows, chunk.messages() as u64 + skipped);
        assert_eq!(chunk.problems(usize::MAX).count() as u64, skipped);
        assert!(chunk.messages() <= settings.chunk_messages);
        check_groups(settings, chunk);
        next_seq += u32::try_from(chunk.messages()).expect("few");
        let packed = chunk.payload();
        let payload = Payload::open(&packed).expect("what was packed");
        assert!(payload.numbers().all(|number| seen.insert(number)), "a number twice");
        if !payload.is_empty() {
            check_body(settings, chunk, &packed);
        }
    }
}

/// Where zones are read the groups are the whole chunk, each once, without a gap.
fn check_groups(settings: &Settings, chunk: &Chunk) {
    let mut next_seq = chunk.first_seq;
    for range in &chunk.groups {
        assert!(range.first_seq == next_seq && range.last_seq >= next_seq);
        next_seq = range.last_seq + 1;
    }
    assert!(chunk.groups.is_sorted_by(|one, other| one.zones < other.zones));
    if settings.time_zones.is_some() {
        assert_eq!(u64::from(next_seq), u64::from(chunk.first_seq) + chunk.messages() as u64);
        assert_eq!(chunk.groups.iter().map(|range| range.segments).sum::<u64>(), chunk.segments);
    }
}

/// The chunk's bulk body keeps the bound that the chunk was made for, and its segments are those of the chunk.
fn check_body(settings: &Settings, chunk: &Chunk, packed: &[u8]) {
    let last = chunk.first_seq + u32::try_from(chunk.messages()).expect("few") - 1;
    let unbounded = Bounds { messages: usize::MAX, segments: usize::MAX, bytes: usize::MAX };
    let envelope = Envelope::new(ACCOUNT, SENDER);
    let batch = encode_batch(packed, &settings.template, &envelope, (chunk.first_seq, last), None, unbounded);
    let batch = batch.expect("a body");
    assert!(batch.body.len() <= settings.chunk_bytes || chunk.messages() == 1);
    assert_eq!(batch.segments, chunk.segments);
    assert!(std::str::from_utf8(&batch.body).is_ok());
}

/// From a chunk's checkpoint and its numbers, the same file gives the chunks behind it.
fn check_resumed(settings: &Settings, file: &[u8], chunks: &[Chunk], index: usize, end: &Checkpoint) {
    let stored = &chunks[..=index];
    let known: Vec<i64> = stored
        .iter()
        .flat_map(|chunk| Payload::open(&chunk.payload()).expect("what was packed").numbers().collect::<Vec<_>>())
        .collect();
    let first_seq = settings.first_seq + u32::try_from(known.len()).expect("few");
    if first_seq > MAX_SEQ {
        return;
    }
    let resumed = Settings { first_seq, resume: Some(end.clone()), ..settings.clone() };
    let rest = parse(&resumed, &known, [file]).expect("the same file");
    let expected: Vec<String> = chunks[index + 1..].iter().map(show_chunk).collect();
    assert_eq!(rest.iter().map(show_chunk).collect::<Vec<_>>(), expected, "from chunk {index}");
    let mut changed = file.to_vec();
    if let Some(byte) = changed.first_mut().filter(|_| end.offset > 0) {
        *byte ^= 1;
        assert!(matches!(parse(&resumed, &known, [&changed[..]]), Err(Error::PrefixChanged(_) | Error::Format(_))));
    }
}
