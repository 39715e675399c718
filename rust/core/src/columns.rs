//! Which columns of a file are wanted: the number's, by one of several names, and those that the template names.

use crate::error::Error;
use crate::template::Template;
use crate::text::trim;

/// Names of the number column, the first present wins.
const NUMBER_NAMES: [&str; 5] = ["phone", "to", "number", "msisdn", "mobile"];
const SHOWN_COLUMNS: usize = 20;

/// The wanted names, trimmed and lower case.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    numbers: Vec<String>,
    values: Vec<String>,
}

impl Wanted {
    pub(crate) fn new(template: &Template, phone_column: Option<&str>) -> Self {
        let numbers = match phone_column {
            Some(name) => vec![fold(name)],
            None => NUMBER_NAMES.map(String::from).to_vec(),
        };
        Self { numbers, values: template.names().to_vec() }
    }

    pub(crate) fn values(&self) -> usize {
        self.values.len()
    }

    /// The rank of `name` among the number's names (0 is best) and its index among the template's.
    pub(crate) fn find(&self, name: &str) -> (Option<usize>, Option<usize>) {
        let name = trim(name);
        if name.is_ascii() {
            let position = |names: &[String]| names.iter().position(|wanted| wanted.eq_ignore_ascii_case(name));
            return (position(&self.numbers), position(&self.values));
        }
        let name = name.to_lowercase();
        let position = |names: &[String]| names.iter().position(|wanted| *wanted == name);
        (position(&self.numbers), position(&self.values))
    }

    /// Indexes of the number's column and the values' columns in a header.
    pub(crate) fn locate(&self, header: &[String]) -> Result<(usize, Vec<usize>), Error> {
        let present = self.numbers.iter().find(|name| header.contains(name));
        let number = present.ok_or_else(|| self.no_number_column(header))?;
        let values = self.values.iter().map(|name| unique(name, header)).collect::<Result<_, _>>()?;
        Ok((unique(number, header)?, values))
    }

    fn no_number_column(&self, header: &[String]) -> Error {
        let found = listing(header);
        Error::Format(match self.numbers.as_slice() {
            [name] => format!("The header has no column '{name}' for the number. It has {found}."),
            _ => format!(
                "The header has no column for the number. It has {found}. Call one of them phone, to, number, msisdn or \
                 mobile, or say which it is with phone_column."
            ),
        })
    }
}

/// A column's name as it is compared.
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

fn unique(name: &String, header: &[String]) -> Result<usize, Error> {
    let mut places = header.iter().enumerate().filter(|(_, column)| *column == name);
    match (places.next(), places.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => Err(Error::Format(format!("The header has two columns named '{name}'."))),
        (None, _) => Err(Error::Format(format!(
            "The template uses {{{name}}}, but the header has no such column. It has {}.",
            listing(header)
        ))),
    }
}

fn listing(header: &[String]) -> String {
    let shown: Vec<String> = header
        .iter()
        .take(SHOWN_COLUMNS)
        .map(|name| format!("'{}'", name.chars().take(64).collect::<String>()))
        .collect();
    let rest = header.len().saturating_sub(SHOWN_COLUMNS);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}
