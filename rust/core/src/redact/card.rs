//! Payment cards: 13 to 19 digits in one run or in groups, told from other numbers by their check digit.

use super::classes::{WORD, class, digits_end, is_behind_word};

const LENS: std::ops::RangeInclusive<usize> = 13..=19;

/// The end of the card number whose first digit stands at `start`; what lies before `fresh` does not count.
///
/// Cards begin with 2 to 6: that leaves out Unix times in milli-, micro- and nanoseconds. Groups are four to seven digits,
/// the last may be shorter, and are parted by one blank or one hyphen, always the same.
pub(super) fn card(text: &[u8], start: usize, fresh: usize) -> Option<usize> {
    let before = &text[fresh..start];
    let is_within = is_behind_word(before, before.len()) || before.ends_with(b".");
    if !matches!(text[start], b'2'..=b'6') || is_within {
        return None;
    }
    let mut digits = Digits::default();
    let mut place = start;
    let mut parting = None;
    let mut found = None;
    loop {
        let end = digits_end(text, place);
        let len = end - place;
        if !digits.take(&text[place..end]) {
            return found;
        }
        if LENS.contains(&digits.len) && class(text, end) & WORD == 0 && digits.pass() {
            found = Some(end);
        }
        let next = text.get(end).copied().filter(|byte| matches!(byte, b' ' | b'-'));
        if !(4..=7).contains(&len) || next.is_none() || parting.is_some_and(|known| next != Some(known)) {
            return found;
        }
        parting = next;
        place = end + 1;
        if !text.get(place).is_some_and(u8::is_ascii_digit) {
            return found;
        }
    }
}

/// The digits so far.
#[derive(Default)]
struct Digits {
    digits: [u8; 19],
    len: usize,
}

impl Digits {
    /// Whether there was room for these too.
    fn take(&mut self, group: &[u8]) -> bool {
        let Some(room) = self.digits.get_mut(self.len..self.len + group.len()) else { return false };
        room.copy_from_slice(group);
        self.len += group.len();
        true
    }

    /// Luhn's check (ISO/IEC 7812-1).
    fn pass(&self) -> bool {
        let value = |(index, digit): (usize, &u8)| {
            let value = u32::from(digit - b'0') << (index % 2);
            if value > 9 { value - 9 } else { value }
        };
        let sum: u32 = self.digits[..self.len].iter().rev().enumerate().map(value).sum();
        sum.is_multiple_of(10)
    }
}
