//! Which columns of a file are wanted: the number's, by one of several names, those that the template names, and where zones
//! matter that of the time zone.

use crate::error::Error;
use crate::template::Template;
use crate::text::trim;

/// Names of the number column, the first present wins.
const NUMBER_NAMES: [&str; 5] = ["phone", "to", "number", "msisdn", "mobile"];
/// Names of the time zone's column. Not `zone`: that is as often a part of a town or a price class.
const ZONE_NAMES: [&str; 2] = ["timezone", "time_zone"];
const SHOWN_COLUMNS: usize = 20;

/// The wanted names, trimmed and lower case.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    numbers: Vec<String>,
    values: Vec<String>,
    zones: Vec<String>,
    /// The file's column of the time zone was named, so that it must be there.
    is_zone_named: bool,
}

/// Where the wanted cells of a row are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) number: usize,
    pub(crate) values: Vec<usize>,
    pub(crate) zone: Option<usize>,
}

/// What a name is wanted for.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    /// Its rank among the number's names; 0 is best.
    pub(crate) number: Option<usize>,
    /// Its index among the template's names.
    pub(crate) value: Option<usize>,
    /// Its rank among the time zone's names.
    pub(crate) zone: Option<usize>,
}

impl Wanted {
    pub(crate) fn new(template: &Template, phone_column: Option<&str>) -> Self {
        let numbers = match phone_column {
            Some(name) => vec![fold(name)],
            None => NUMBER_NAMES.map(String::from).to_vec(),
        };
        Self { numbers, values: template.names().to_vec(), zones: Vec::new(), is_zone_named: false }
    }

    /// The same with the time zone's column: the one of that name, or one of the usual names if there is any.
    pub(crate) fn with_zone(mut self, zone_column: Option<&str>) -> Self {
        self.is_zone_named = zone_column.is_some();
        self.zones = zone_column.map_or_else(|| ZONE_NAMES.map(String::from).to_vec(), |name| vec![fold(name)]);
        self
    }

    pub(crate) fn values(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn has_zone(&self) -> bool {
        !self.zones.is_empty()
    }

    /// What the column or member of that name is wanted for.
    pub(crate) fn find(&self, name: &str) -> Use {
        let name = trim(name);
        if name.is_ascii() {
            return self.uses(|wanted| wanted.eq_ignore_ascii_case(name));
        }
        let name = name.to_lowercase();
        self.uses(|wanted| *wanted == name)
    }

    fn uses(&self, is_meant: impl Fn(&String) -> bool) -> Use {
        let position = |names: &[String]| names.iter().position(&is_meant);
        Use { number: position(&self.numbers), value: position(&self.values), zone: position(&self.zones) }
    }

    /// Indexes of the wanted columns in a header.
    pub(crate) fn locate(&self, header: &[String]) -> Result<Places, Error> {
        let present = self.numbers.iter().find(|name| header.contains(name));
        let number = present.ok_or_else(|| self.no_number_column(header))?;
        let values = self.values.iter().map(|name| unique(name, header)).collect::<Result<_, _>>()?;
        Ok(Places { number: unique(number, header)?, values, zone: self.locate_zone(header)? })
    }

    fn locate_zone(&self, header: &[String]) -> Result<Option<usize>, Error> {
        match self.zones.iter().find(|name| header.contains(name)) {
            Some(name) => unique(name, header).map(Some),
            None if self.is_zone_named => Err(Error::Format(format!(
                "The header has no column '{}' for the time zone. It has {}.",
                self.zones[0],
                listing(header)
            ))),
            None => Ok(None),
        }
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
