//! Segments: units and parts as a count of one character after the other gives them.

use penstock_core::gsm7;
use penstock_core::segment::{Encoding, segments};

use super::choices::text;

pub fn check(data: &[u8]) {
    let text = text(data);
    // Long enough for several parts, whatever the input's length.
    let times = 1 + data.first().map_or(0, |&byte| usize::from(byte) % 4);
    let text = text.repeat(times * (1 + 400 / (text.len() + 1)));
    let found = segments(&text);
    let is_gsm = text.chars().all(|character| gsm7::septets(character) > 0);
    assert_eq!(found.encoding, if is_gsm { Encoding::Gsm7 } else { Encoding::Ucs2 });
    let cost = |character: char| if is_gsm { usize::from(gsm7::septets(character)) } else { character.len_utf16() };
    let units: usize = text.chars().map(cost).sum();
    assert_eq!(found.units, units);
    let (single, each) = if is_gsm { (160, 153) } else { (70, 67) };
    assert_eq!(found.parts, if units <= single { 1 } else { fill(text.chars().map(cost), each) });
    let shorter: String = text.chars().skip(1).collect();
    assert!(segments(&shorter).parts <= found.parts);
}

fn fill(costs: impl Iterator<Item = usize>, each: usize) -> usize {
    let mut used = vec![0];
    for cost in costs {
        match used.last_mut() {
            Some(last) if *last + cost <= each => *last += cost,
            _ => used.push(cost),
        }
    }
    used.len()
}
