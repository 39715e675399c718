//! An exact set of phone numbers in 7 to 9 bytes each. It forgets nothing and removes nothing.
//!
//! A number is below 10^15 and so has 50 bits. A reversible mix of those 50 bits spreads any pattern of numbers evenly;
//! its upper 10 bits choose one of 1,024 shards and the lower 40 are kept there, in five bytes, so nothing is lost. Each
//! shard is a table with linear probing whose home slot is proportional to the kept value. A shard grows on its own, by a
//! quarter, when it is seven tenths full: at no time do two copies of more than one shard exist, and beyond its first few
//! numbers a table is never less than 56 % full, which makes 7.1 to 8.9 bytes per number.

const SHARD_BITS: u32 = 10;
const KEPT_BITS: u32 = 40;
const DOMAIN_MASK: u64 = (1 << (SHARD_BITS + KEPT_BITS)) - 1;
const KEPT_MASK: u64 = (1 << KEPT_BITS) - 1;
const SLOT_BYTES: usize = 5;
const FIRST_SLOTS: usize = 8;

/// Marks a free slot; the one value that looks like it is remembered apart.
const FREE: u64 = KEPT_MASK;

/// Numbers from 1 to 10^15 - 1 are kept; others are never members.
const LIMIT: i64 = 1_000_000_000_000_000;

#[derive(Debug, Clone, Default)]
struct Shard {
    slots: Vec<u8>,
    used: usize,
    has_free_value: bool,
}

/// The set.
#[derive(Debug, Clone)]
pub struct NumberSet {
    shards: Vec<Shard>,
    length: usize,
}

impl Default for NumberSet {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); 1 << SHARD_BITS], length: 0 }
    }
}

impl NumberSet {
    /// How many numbers are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Heap and table memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let slots: usize = self.shards.iter().map(|shard| shard.slots.capacity()).sum();
        slots + self.shards.capacity() * size_of::<Shard>()
    }

    /// Whether `number` is in it.
    #[must_use]
    pub fn contains(&self, number: i64) -> bool {
        let Some((shard, kept)) = locate(number) else { return false };
        self.shards[shard].contains(kept)
    }

    /// Adds `number`; false when it was there or is outside the domain.
    pub fn insert(&mut self, number: i64) -> bool {
        let Some((shard, kept)) = locate(number) else { return false };
        let is_new = self.shards[shard].insert(kept);
        self.length += usize::from(is_new);
        is_new
    }
}

fn locate(number: i64) -> Option<(usize, u64)> {
    if !(1..LIMIT).contains(&number) {
        return None;
    }
    let mixed = mix(number.unsigned_abs());
    usize::try_from(mixed >> KEPT_BITS).ok().map(|shard| (shard, mixed & KEPT_MASK))
}

/// A permutation of the 50-bit integers: odd multipliers and shifts downwards can each be undone.
const fn mix(number: u64) -> u64 {
    let mut value = number;
    value ^= value >> 26;
    value = value.wrapping_mul(0x9E37_79B9_7F4A_7C15) & DOMAIN_MASK;
    value ^= value >> 25;
    value = value.wrapping_mul(0xD6E8_FEB8_6659_FD93) & DOMAIN_MASK;
    value ^ (value >> 26)
}

impl Shard {
    fn contains(&self, kept: u64) -> bool {
        if kept == FREE {
            return self.has_free_value;
        }
        !self.slots.is_empty() && self.probe(kept).1
    }

    fn insert(&mut self, kept: u64) -> bool {
        if kept == FREE {
            return !std::mem::replace(&mut self.has_free_value, true);
        }
        if self.used * 10 >= self.capacity() * 7 {
            self.grow();
        }
        let (slot, is_member) = self.probe(kept);
        if is_member {
            return false;
        }
        self.write(slot, kept);
        self.used += 1;
        true
    }

    fn capacity(&self) -> usize {
        self.slots.len() / SLOT_BYTES
    }

    /// The slot of `kept` and true, or the free slot where it belongs and false. There is always a free slot.
    fn probe(&self, kept: u64) -> (usize, bool) {
        let capacity = self.capacity();
        let home = (u128::from(kept) * capacity as u128) >> KEPT_BITS;
        let mut slot = usize::try_from(home).unwrap_or_default();
        loop {
            let found = self.read(slot);
            if found == kept {
                return (slot, true);
            }
            if found == FREE {
                return (slot, false);
            }
            slot += 1;
            if slot == capacity {
                slot = 0;
            }
        }
    }

    fn read(&self, slot: usize) -> u64 {
        let mut bytes = [0; 8];
        let start = slot * SLOT_BYTES;
        bytes[..SLOT_BYTES].copy_from_slice(&self.slots[start..start + SLOT_BYTES]);
        u64::from_le_bytes(bytes)
    }

    fn write(&mut self, slot: usize, kept: u64) {
        let start = slot * SLOT_BYTES;
        self.slots[start..start + SLOT_BYTES].copy_from_slice(&kept.to_le_bytes()[..SLOT_BYTES]);
    }

    fn grow(&mut self) {
        let slots = FIRST_SLOTS.max(self.capacity() * 5 / 4 + 1);
        let old = std::mem::replace(&mut self.slots, vec![0xFF; slots * SLOT_BYTES]);
        for bytes in old.chunks_exact(SLOT_BYTES) {
            let mut padded = [0; 8];
            padded[..SLOT_BYTES].copy_from_slice(bytes);
            let kept = u64::from_le_bytes(padded);
            if kept != FREE {
                let (slot, _) = self.probe(kept);
                self.write(slot, kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that marks a free slot is itself kept exactly.
    #[test]
    fn the_marker_value_is_a_member_like_any_other() {
        let mut shard = Shard::default();
        assert!(!shard.contains(FREE));
        assert!(shard.insert(FREE));
        assert!(!shard.insert(FREE));
        assert!(shard.contains(FREE));
    }
}
