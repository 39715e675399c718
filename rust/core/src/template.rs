//! `Hi {name}` compiled once and filled many times. Placeholders only: no conditions, no formats, no code.

use crate::bounds::{MAX_NAME_CHARS, MAX_NAMES, MAX_TEMPLATE_BYTES};
use crate::error::Error;

/// A part of a text.
#[derive(Debug, Clone)]
pub(crate) enum Piece<Text = String> {
    Literal(Text),
    /// The index of the value that stands here, below `names().len()`.
    Value(usize),
}

/// A compiled text. Its names are lower case and in order of first use, which is the order of the values everywhere.
#[derive(Debug, Clone)]
pub struct Template {
    pieces: Vec<Piece>,
    names: Vec<String>,
}

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// [`Error::Template`] for an unclosed or lone brace, an illegal name, more than 32 names, or more than 64 KiB.
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(refuse("A template is at most 64 KiB long."));
        }
        let mut template = Self { pieces: Vec::new(), names: Vec::new() };
        let mut literal = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            literal.push_str(&rest[..brace]);
            let at = &rest[brace..];
            if at.starts_with("{{") || at.starts_with("}}") {
                literal.push_str(&at[..1]);
                rest = &at[2..];
            } else if at.starts_with('}') {
                return Err(refuse("A '}' has no '{' before it; write '}}' for a literal brace."));
            } else {
                let Some(close) = at.find('}') else {
                    return Err(refuse("A '{' is never closed; write '{{' for a literal brace."));
                };
                template.push_literal(&mut literal);
                template.push_name(&at[1..close])?;
                rest = &at[close + 1..];
            }
        }
        literal.push_str(rest);
        template.push_literal(&mut literal);
        Ok(template)
    }

    /// Distinct names, lower case, in order of first use.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The parts in order.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The text for one recipient.
    ///
    /// # Errors
    /// [`Error::Argument`] when the number of values is not the number of names.
    pub fn render<Value: AsRef<str>>(&self, values: &[Value]) -> Result<String, Error> {
        if values.len() != self.names.len() {
            return Err(Error::Argument(format!(
                "The template takes {} values and was given {}.",
                self.names.len(),
                values.len()
            )));
        }
        let mut text = String::new();
        self.render_into(|index| values[index].as_ref(), &mut text);
        Ok(text)
    }

    /// Bytes of the text for one recipient, without rendering it; `value_len` is asked like the value of
    /// [`Self::render_into`].
    #[must_use]
    pub fn rendered_len(&self, value_len: impl Fn(usize) -> usize) -> usize {
        let lengths = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(literal) => literal.len(),
            Piece::Value(index) => value_len(*index),
        });
        lengths.fold(0, usize::saturating_add)
    }

    /// Appends the text for one recipient to `text`; `value` is asked with indexes below `names().len()` only.
    pub fn render_into<'a>(&self, value: impl Fn(usize) -> &'a str, text: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(index) => text.push_str(value(*index)),
            }
        }
    }

    fn push_literal(&mut self, literal: &mut String) {
        if !literal.is_empty() {
            self.pieces.push(Piece::Literal(std::mem::take(literal)));
        }
    }

    fn push_name(&mut self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        let name = name.to_lowercase();
        let index = if let Some(index) = self.names.iter().position(|known| *known == name) {
            index
        } else {
            if self.names.len() == MAX_NAMES {
                return Err(refuse(format!("A template has at most {MAX_NAMES} different placeholders.")));
            }
            self.names.push(name);
            self.names.len() - 1
        };
        self.pieces.push(Piece::Value(index));
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let shown: String = name.chars().take(MAX_NAME_CHARS).collect();
    if name.is_empty() {
        return Err(refuse("A placeholder needs a name between its braces, as in '{name}'."));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(refuse(format!("The placeholder '{{{shown}…}}' is longer than {MAX_NAME_CHARS} characters.")));
    }
    let is_legal = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ' ');
    if name.starts_with(' ') || name.ends_with(' ') || !name.chars().all(is_legal) {
        return Err(refuse(format!(
            "'{{{shown}}}' is not a placeholder: a name has letters, digits, '_', '-', '.' and inner spaces only."
        )));
    }
    Ok(())
}

fn refuse(text: impl Into<String>) -> Error {
    Error::Template(text.into())
}
