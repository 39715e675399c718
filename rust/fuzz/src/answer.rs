//! Bulk answers: columns that fit together, and nothing trusted that is not accounted for.

use std::collections::HashSet;

use penstock_core::answer::{Distrust, read_bulk_answer};

use super::choices::Choices;

pub fn check(data: &[u8]) {
    let mut choices = Choices(data);
    let expected = choices.below(8);
    let body = choices.0;
    let answer = read_bulk_answer(body, expected);
    assert_eq!(answer.positions.len(), answer.ids.len());
    let refused: Vec<usize> = answer.refused.iter().map(|(position, _)| *position).collect();
    let mut all = [answer.positions.clone(), refused.clone()].concat();
    assert!(all.iter().all(|&position| position < expected));
    assert!(answer.positions.is_sorted_by(|a, b| a < b) && refused.is_sorted_by(|a, b| a < b));
    all.sort_unstable();
    all.dedup();
    let told = answer.positions.len() + refused.len();
    assert_eq!(all.len(), told, "a position is both taken and refused");
    let is_id = |id: &str| (1..=200).contains(&id.chars().count()) && !id.contains('\0');
    assert!(answer.ids.iter().chain(answer.bulk_id.as_deref()).all(is_id));
    assert!(answer.refused.iter().all(|(_, text)| text.chars().count() <= 200));
    let is_distinct = answer.ids.iter().collect::<HashSet<_>>().len() == answer.ids.len();
    match answer.reason {
        None => assert!(told == expected && is_distinct),
        Some(Distrust::RepeatedId) => assert!(!is_distinct),
        Some(Distrust::MissingId) => assert!(told < expected),
        Some(Distrust::Length) => {}
        Some(Distrust::NotJson | Distrust::NoMessages) => assert_eq!(told, 0),
    }
    let fits = |expected: &usize| !matches!(read_bulk_answer(body, *expected).reason, Some(Distrust::Length));
    let fitting = (0..8).filter(fits).count();
    assert!(fitting <= 1 || matches!(answer.reason, Some(Distrust::NotJson | Distrust::NoMessages)));
}
