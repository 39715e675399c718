//! Single messages: their texts come back as they were given, and payloads are joined as far as one body can hold them.

use std::collections::HashSet;

use penstock_core::batch::{Bounds, Envelope, encode_batch};
use penstock_core::payload::Payload;
use penstock_core::segment::segments;
use penstock_core::singles::{join_payloads, pack_messages, read_numbers};
use penstock_core::template::Template;
use proptest::prelude::*;

const WIDE: Bounds = Bounds { messages: usize::MAX, segments: usize::MAX, bytes: usize::MAX };

fn template() -> Template {
    Template::new("{text}").expect("a template")
}

fn envelope() -> Envelope {
    Envelope::new("account", "Sender")
}

fn chunks() -> impl Strategy<Value = Vec<Vec<(i64, String)>>> {
    let message = (1..40_i64, prop_oneof!["[a-z{}\"\\\\]{1,20}", "\\PC{1,90}", " [\n\t]{0,2}x "]);
    prop::collection::vec(prop::collection::vec(message, 1..5), 1..8)
}

/// Payloads one behind the other, as the store would have them.
fn pack_all(chunks: &[Vec<(i64, String)>], first_seq: u32) -> Vec<Vec<u8>> {
    let mut seq = first_seq;
    let pack = |chunk: &Vec<(i64, String)>| {
        let (numbers, texts): (Vec<i64>, Vec<String>) = chunk.iter().cloned().unzip();
        let packed = pack_messages(&numbers, &texts, seq).expect("a payload");
        seq += u32::try_from(chunk.len()).expect("few");
        packed
    };
    chunks.iter().map(pack).collect()
}

proptest! {
    /// A text is rendered as it was given, and its segments are those of the text.
    #[test]
    fn texts_are_kept(texts in prop::collection::vec(any::<String>(), 1..10), first_seq in 0..1000_u32) {
        let numbers: Vec<i64> = (1..).take(texts.len()).collect();
        let packed = pack_messages(&numbers, &texts, first_seq).expect("a payload");
        let payload = Payload::open(&packed).expect("a payload");
        for (index, text) in texts.iter().enumerate() {
            let mut values = Vec::new();
            payload.values(index, &mut values).expect("values");
            prop_assert_eq!(template().render(&values).expect("a text"), text.as_str());
            prop_assert_eq!(usize::from(payload.message(index).1), segments(text).parts);
        }
    }

    /// What is joined is what would have been packed at once, up to the first number that comes again; and the body of it is
    /// within the bounds, while one payload more would be over one.
    #[test]
    fn joining_is_packing_at_once(
        chunks in chunks(), first_seq in 0..1000_u32, messages in 1..20_usize, most_segments in 1..40_usize, bytes in 100..2000_usize,
    ) {
        let bounds = Bounds { messages, segments: most_segments, bytes };
        let joined = join_payloads(&pack_all(&chunks, first_seq), &template(), &envelope(), bounds).expect("a run");
        prop_assert!(joined.payloads >= 1);
        let whole: Vec<(i64, String)> = chunks[..joined.payloads].concat();
        let packed = &pack_all(std::slice::from_ref(&whole), first_seq)[0];
        prop_assert_eq!(&joined.payload, packed);
        prop_assert_eq!(joined.messages, whole.len());
        let body = |chunks: &[Vec<(i64, String)>]| {
            let whole = chunks.concat();
            let last = first_seq + u32::try_from(whole.len()).expect("few") - 1;
            encode_batch(&pack_all(&[whole], first_seq)[0], &template(), &envelope(), (first_seq, last), None, WIDE).expect("a body")
        };
        let is_over = |chunks: &[Vec<(i64, String)>]| {
            let batch = body(chunks);
            batch.messages > messages || batch.segments > most_segments as u64 || batch.body.len() > bytes
        };
        prop_assert_eq!(joined.segments, body(&chunks[..joined.payloads]).segments);
        if joined.payloads > 1 {
            prop_assert!(!is_over(&chunks[..joined.payloads]));
        }
        if let Some(next) = chunks.get(joined.payloads) {
            let known: HashSet<i64> = whole.iter().map(|(number, _)| *number).collect();
            let repeats = next.iter().any(|(number, _)| known.contains(number));
            prop_assert!(repeats || is_over(&chunks[..=joined.payloads]));
        }
    }
}

/// A gap in the sequence numbers or a damaged payload ends the run; a damaged first one is an error.
#[test]
fn only_whole_neighbours_are_joined() {
    let payloads = pack_all(&[vec![(1, "a".into())], vec![(2, "b".into())], vec![(3, "c".into())]], 5);
    let join = |payloads: &[Vec<u8>]| join_payloads(payloads, &template(), &envelope(), WIDE);
    assert_eq!(join(&payloads).expect("a run").payloads, 3);
    let with_gap = [payloads[0].clone(), payloads[2].clone()];
    assert_eq!(join(&with_gap).expect("a run").payloads, 1);
    let mut damaged = payloads.clone();
    damaged[1][20] ^= 1;
    assert_eq!(join(&damaged).expect("a run").payloads, 1);
    damaged.swap(0, 1);
    assert!(join(&damaged).is_err());
    assert!(join(&[]).is_err());
    let other = Template::new("{a} {b}").expect("a template");
    assert!(join_payloads(&payloads, &other, &envelope(), WIDE).is_err());
}

/// Numbers are read with and without a region; what is none is told apart by its place.
#[test]
fn numbers_are_read_in_order() {
    let texts = ["+4915100000000", "0151 00000000", "nobody", ""];
    assert_eq!(read_numbers(&texts, None).expect("numbers"), [Some(4_915_100_000_000), None, None, None]);
    let national = read_numbers(&texts, Some("DE")).expect("numbers");
    assert_eq!(national, [Some(4_915_100_000_000), Some(4_915_100_000_000), None, None]);
    assert!(read_numbers(&texts, Some("XX")).is_err());
}

/// As many texts as numbers, and none that a payload cannot count.
#[test]
fn what_cannot_be_packed_is_refused() {
    assert!(pack_messages(&[1, 2], &["a"], 0).is_err());
    assert!(pack_messages(&[1], &["a".repeat(153 * 256)], 0).is_err());
    assert!(pack_messages(&[1], &["a".repeat(153 * 255)], 0).is_ok());
}
