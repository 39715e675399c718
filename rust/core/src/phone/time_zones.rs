//! Where numbers may be, as sets of IANA time zones, from `data/time_zones.txt`.
//!
//! A country with one zone has it for all its numbers. Elsewhere the beginning of a number says in which part of the country
//! it is, but only for numbers tied to a place: a mobile number says so in North America, Mexico and Brazil, and elsewhere has
//! all zones of its country. A number in no known range is placed by its beginning all the same; if that
//! says nothing, it has the zones of its calling code's main country. Numbers of no country (`+800`, `+883`) have none. Area
//! codes are kept by people who move away, so a set says where a number belongs and not where its owner is.

use std::collections::HashMap;
use std::sync::LazyLock;

use rlibphonenumber::Region;

use super::number::Number;

/// A set of time zones. Equal sets are the same value, which is also their place among all sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneSet(u16);

impl ZoneSet {
    pub(crate) const EMPTY: Self = Self(0);

    /// The names, in order.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        &TABLE.sets[usize::from(self.0)]
    }
}

/// The zones of a number.
pub(super) fn zones_of(number: Number) -> ZoneSet {
    let placed = TABLE.placed(number.digits()).filter(|_| number.is_geographical());
    placed.unwrap_or_else(|| {
        let region = number.nearest_region();
        region.and_then(|region| TABLE.regions.get(&region)).copied().unwrap_or(ZoneSet::EMPTY)
    })
}

/// The positions of numbers by the zones they may be in. What begins with no calling code is in none.
#[must_use]
pub fn group_by_zones(numbers: &[i64]) -> HashMap<ZoneSet, Vec<usize>> {
    let mut groups: HashMap<ZoneSet, Vec<usize>> = HashMap::new();
    for (position, digits) in numbers.iter().enumerate() {
        let zones = Number::new(*digits).map_or(ZoneSet::EMPTY, zones_of);
        groups.entry(zones).or_default().push(position);
    }
    groups
}

/// The table as it is searched. Read once; a test holds it against its sources.
static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

struct Table {
    sets: Vec<Vec<&'static str>>,
    regions: HashMap<Region, ZoneSet>,
    /// The beginnings of numbers, digit by digit from the first node. An empty next is 0.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    next: [u16; 10],
    zones: Option<ZoneSet>,
}

impl Table {
    fn read() -> Self {
        let mut table = Self { sets: vec![Vec::new()], regions: HashMap::new(), nodes: vec![Node::default()] };
        for line in include_str!("../../data/time_zones.txt").lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let Ok(place) = u16::try_from(table.sets.len()) else { continue };
            table.sets.push(words.next().into_iter().flat_map(|zones| zones.split(',')).collect());
            for word in words {
                match Region::from_code(word) {
                    Ok(region) => _ = table.regions.insert(region, ZoneSet(place)),
                    Err(_) => table.insert(word.as_bytes(), ZoneSet(place)),
                }
            }
        }
        table
    }

    fn insert(&mut self, digits: &[u8], zones: ZoneSet) {
        let mut at = 0;
        for digit in digits {
            let next = self.nodes.len();
            let link = &mut self.nodes[at].next[usize::from(digit - b'0')];
            if *link == 0 {
                *link = u16::try_from(next).unwrap_or_default();
                self.nodes.push(Node::default());
                at = next;
            } else {
                at = usize::from(*link);
            }
        }
        self.nodes[at].zones = Some(zones);
    }

    /// The zones of the longest beginning of a number that the table has.
    fn placed(&self, number: i64) -> Option<ZoneSet> {
        let mut at = self.nodes.first()?;
        let mut found = None;
        for digit in number.to_string().bytes() {
            match at.next[usize::from(digit - b'0')] {
                0 => break,
                next => at = &self.nodes[usize::from(next)],
            }
            found = at.zones.or(found);
        }
        found
    }
}
