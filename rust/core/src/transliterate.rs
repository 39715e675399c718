//! A text that nearly fits the GSM alphabets, made to fit: typographic quotes, dashes, odd spaces and missing accents are
//! replaced as `data/transliteration.txt` lists, so that it travels in parts of 153 characters instead of 67.
//!
//! All or nothing. A text is changed only if nothing but GSM characters is left and it needs no more parts than before (`…`
//! becomes three characters); otherwise it would lose its typography and gain nothing, so it stays as it is and the answer
//! says why. Characters that the alphabets have are never changed. Accents may also be written as combining marks behind
//! their letter: a letter of the alphabets takes the one mark that makes another such letter, the other marks are dropped.
//! Marks that strike a character through (U+0334 to U+0338) are kept, because they can turn its meaning around.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::gsm7;
use crate::segment::{self, Encoding, Segments};

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was GSM-7 already.
    Unneeded,
    /// It is GSM-7 now.
    Replaced,
    /// It holds characters without a replacement, so it was left whole.
    Impossible,
    /// It would need more parts than before, so it was left whole.
    Longer,
}

impl Outcome {
    /// The name shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unneeded => "unneeded",
            Self::Replaced => "replaced",
            Self::Impossible => "impossible",
            Self::Longer => "longer",
        }
    }
}

/// One replacement and how often it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// A character, or a letter and its combining mark.
    pub from: String,
    /// What stands in its place, or nothing.
    pub to: String,
    /// How often.
    pub count: usize,
}

/// A text before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transliteration {
    /// The text to send.
    pub text: String,
    /// Whether it was changed, and if not, why not.
    pub outcome: Outcome,
    /// What was replaced, in order of first appearance.
    pub changes: Vec<Change>,
    /// The first distinct characters that have no replacement.
    pub left: Vec<char>,
    /// How the text given travels.
    pub before: Segments,
    /// How the text to send travels.
    pub after: Segments,
}

/// The text in GSM characters, if that is possible and not longer.
#[must_use]
pub fn transliterate(text: &str) -> Transliteration {
    let before = segment::segments(text);
    let unchanged = |outcome, left| Transliteration {
        text: text.to_owned(),
        outcome,
        changes: Vec::new(),
        left,
        before,
        after: before,
    };
    if before.encoding == Encoding::Gsm7 {
        return unchanged(Outcome::Unneeded, Vec::new());
    }
    let rewriting = Rewriting::of(text);
    if !rewriting.left.is_empty() {
        return unchanged(Outcome::Impossible, rewriting.left);
    }
    let after = segment::segments(&rewriting.text);
    if after.parts > before.parts {
        return unchanged(Outcome::Longer, Vec::new());
    }
    let Rewriting { text, changes, left, .. } = rewriting;
    Transliteration { text, outcome: Outcome::Replaced, changes, left, before, after }
}

/// A text while its characters are replaced one after the other.
#[derive(Default)]
struct Rewriting {
    text: String,
    changes: Vec<Change>,
    /// Places in `changes` of what was replaced before.
    places: HashMap<(char, Option<char>), usize>,
    left: Vec<char>,
}

impl Rewriting {
    fn of(text: &str) -> Self {
        let mut rewriting = Self::default();
        let mut characters = text.chars().peekable();
        let mut carries_marks = false;
        while let Some(character) = characters.next() {
            if is_mark(character) && carries_marks {
                rewriting.replace(character, None, "");
                continue;
            }
            carries_marks = character.is_alphabetic();
            if let Some((mark, whole)) = characters.peek().and_then(|mark| Some((*mark, composed(character, *mark)?))) {
                characters.next();
                rewriting.replace(character, Some(mark), whole.encode_utf8(&mut [0; 4]));
            } else if gsm7::septets(character) != 0 {
                rewriting.text.push(character);
            } else if let Some(replacement) = replacement(character) {
                rewriting.replace(character, None, replacement);
            } else {
                rewriting.leave(character);
                carries_marks = false;
            }
        }
        rewriting
    }

    fn replace(&mut self, character: char, mark: Option<char>, to: &str) {
        self.text.push_str(to);
        let place = *self.places.entry((character, mark)).or_insert(self.changes.len());
        if let Some(change) = self.changes.get_mut(place) {
            change.count += 1;
        } else {
            let from = [Some(character), mark].into_iter().flatten().collect();
            self.changes.push(Change { from, to: to.to_owned(), count: 1 });
        }
    }

    fn leave(&mut self, character: char) {
        if self.left.len() < segment::MOST_NAMED && !self.left.contains(&character) {
            self.left.push(character);
        }
    }
}

/// Is this a combining accent that can be dropped?
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{333}' | '\u{339}'..='\u{36f}')
}

/// The letter of the GSM alphabet that a letter and a combining mark make together.
fn composed(letter: char, mark: char) -> Option<char> {
    Some(match (letter, mark) {
        ('a', '\u{300}') => 'à',
        ('e', '\u{300}') => 'è',
        ('i', '\u{300}') => 'ì',
        ('o', '\u{300}') => 'ò',
        ('u', '\u{300}') => 'ù',
        ('e', '\u{301}') => 'é',
        ('E', '\u{301}') => 'É',
        ('n', '\u{303}') => 'ñ',
        ('N', '\u{303}') => 'Ñ',
        ('a', '\u{308}') => 'ä',
        ('o', '\u{308}') => 'ö',
        ('u', '\u{308}') => 'ü',
        ('A', '\u{308}') => 'Ä',
        ('O', '\u{308}') => 'Ö',
        ('U', '\u{308}') => 'Ü',
        ('a', '\u{30a}') => 'å',
        ('A', '\u{30a}') => 'Å',
        ('C', '\u{327}') => 'Ç',
        _ => return None,
    })
}

/// What the table puts in place of a character.
fn replacement(character: char) -> Option<&'static str> {
    let at = TABLE.binary_search_by_key(&character, |(listed, _)| *listed).ok()?;
    Some(TABLE[at].1)
}

/// The table, in order of its characters. It is read once; a test reads every line of it.
static TABLE: LazyLock<Vec<(char, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../data/transliteration.txt").lines();
    let mut table: Vec<_> = lines.filter(|line| !line.starts_with("# ")).flat_map(read_line).collect();
    table.sort_unstable();
    table
});

fn read_line(line: &'static str) -> Vec<(char, &'static str)> {
    let mut words = line.split_ascii_whitespace();
    let replacement = match words.next() {
        Some("NOTHING") => "",
        Some("SPACE") => " ",
        Some("NEWLINE") => "\n",
        Some(word) => word,
        None => return Vec::new(),
    };
    words.flat_map(read_characters).map(|character| (character, replacement)).collect()
}

/// Characters as they stand, `U+XXXX` or `U+XXXX..U+YYYY`.
fn read_characters(word: &str) -> Vec<char> {
    let (first, last) = word.split_once("..").unwrap_or((word, word));
    match (code_point(first), code_point(last)) {
        (Some(first), Some(last)) => (first..=last).collect(),
        _ => word.chars().collect(),
    }
}

fn code_point(word: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(word.strip_prefix("U+")?, 16).ok()?)
}
