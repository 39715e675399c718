//! Recipients by the clocks that they may live by, so that messages that may be sent at the same times are neighbours.

use std::collections::HashMap;

use crate::error::Error;
use crate::payload::PayloadWriter;
use crate::phone::{Number, ZoneSet};

/// The clock of recipients whose number says nothing of where they are.
const NOWHERE: &str = "UTC";

/// Recipients for whom the same clocks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ZoneGroup(usize);

/// Messages of one group within a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRange {
    /// The time zones that stand for its clocks, in order, joined by commas.
    pub zones: String,
    /// Sequence number of its first message.
    pub first_seq: u32,
    /// Of its last one.
    pub last_seq: u32,
    /// Sum of the messages' segments.
    pub segments: u64,
}

/// The groups found so far.
pub(crate) struct ZoneGroups {
    /// By the zone's name in small letters, the zone that stands for its clock.
    clocks: HashMap<String, String>,
    names: Vec<String>,
    by_name: HashMap<String, ZoneGroup>,
    by_set: HashMap<ZoneSet, ZoneGroup>,
}

impl ZoneGroups {
    /// No group yet, for zones and the one that stands for each.
    ///
    /// # Errors
    /// [`Error::Argument`] without UTC, which stands for all that cannot be placed.
    pub(crate) fn new(zones: &HashMap<String, String>) -> Result<Self, Error> {
        if !zones.contains_key(NOWHERE) {
            return Err(Error::Argument("time_zones lacks UTC.".into()));
        }
        let clocks = zones.iter().map(|(name, clock)| (name.to_lowercase(), clock.clone())).collect();
        Ok(Self { clocks, names: Vec::new(), by_name: HashMap::new(), by_set: HashMap::new() })
    }

    /// The group of a recipient: by the zone that its row names, or else by its number. `None` for a zone that there is not.
    pub(crate) fn find(&mut self, number: i64, zone: &str) -> Option<ZoneGroup> {
        if zone.is_empty() {
            return Some(self.of_number(number));
        }
        let clock = self.clocks.get(&zone.to_lowercase())?.clone();
        Some(self.named(clock))
    }

    /// The names of a group's zones.
    fn name(&self, group: ZoneGroup) -> &str {
        &self.names[group.0]
    }

    fn of_number(&mut self, number: i64) -> ZoneGroup {
        let set = Number::new(number).map_or(ZoneSet::EMPTY, Number::time_zones);
        if let Some(group) = self.by_set.get(&set) {
            return *group;
        }
        let known = |zone: &&str| self.clocks.get(&zone.to_lowercase()).map(String::as_str);
        let mut clocks: Vec<&str> = set.names().iter().filter_map(known).collect();
        clocks.sort_unstable();
        clocks.dedup();
        let name = if clocks.is_empty() { NOWHERE.into() } else { clocks.join(",") };
        let group = self.named(name);
        self.by_set.insert(set, group);
        group
    }

    fn named(&mut self, name: String) -> ZoneGroup {
        let next = ZoneGroup(self.names.len());
        let group = *self.by_name.entry(name.clone()).or_insert(next);
        if group == next {
            self.names.push(name);
        }
        group
    }
}

/// The messages with those of a group side by side, in the order of the groups' names and within each in their own, and
/// where each group is. `groups` has one for every message.
pub(crate) fn group_messages(
    messages: PayloadWriter,
    groups: &[ZoneGroup],
    first_seq: u32,
    zones: &ZoneGroups,
) -> (PayloadWriter, Vec<GroupRange>) {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|&index| zones.name(groups[index]));
    let messages = if order.is_sorted() { messages } else { messages.reordered(&order) };
    let mut ranges: Vec<GroupRange> = Vec::new();
    for ((seq, (_, segments)), index) in (first_seq..).zip(messages.messages()).zip(order) {
        let name = zones.name(groups[index]);
        match ranges.last_mut() {
            Some(range) if range.zones == name => {
                range.last_seq = seq;
                range.segments += u64::from(segments);
            }
            _ => ranges.push(GroupRange {
                zones: name.to_owned(),
                first_seq: seq,
                last_seq: seq,
                segments: segments.into(),
            }),
        }
    }
    (messages, ranges)
}
