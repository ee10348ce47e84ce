//! Holds that ended since the last flush. Most holds begin and end between two flushes: each is encoded once, when it
//! ends and is at hand, and the flush only sorts and copies. The memory is used again after the flush.
//!
//! Rows stand one after another in one buffer. A table of eight bytes a row finds them: a map with the ids in it would
//! be four times as large, and nearly every look at it waits for memory.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use wallet::hold::Hold;
use wallet::ids::HoldId;

use super::keys::second_of;
use super::rows::encode_hold;

const SLOTS_MIN: usize = 1024;

/// Rows of ended holds by id.
#[derive(Debug)]
pub(crate) struct Ended {
    entries: Vec<Entry>,
    rows: Vec<u8>,
    /// A power of two; at least half of them are empty, and a search goes from slot to slot until it meets one.
    slots: Vec<Slot>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: HoldId,
    start: usize,
    length: u32,
}

/// Which entry, counted from 1; 0 for none. The tag spares most looks at entries with other ids.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    tag: u32,
    entry: u32,
}

impl Ended {
    pub(crate) fn new() -> Self {
        let slots = vec![Slot::default(); SLOTS_MIN];
        Self { entries: Vec::new(), rows: Vec::new(), slots, hasher: RandomState::default() }
    }

    /// Forgets the rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.rows.clear();
        self.slots.fill(Slot::default());
    }

    /// The row of a hold.
    pub(crate) fn row(&self, id: HoldId) -> Option<&[u8]> {
        let (_, found) = self.find(id);
        found.ok().map(|entry| self.row_of(&self.entries[entry]))
    }

    pub(crate) fn contains(&self, id: HoldId) -> bool {
        self.find(id).1.is_ok()
    }

    /// Takes a hold in, in place of an earlier form of it: says whether there was one.
    pub(crate) fn put(&mut self, id: HoldId, hold: &Hold) -> bool {
        let start = self.rows.len();
        encode_hold(id, hold, &mut self.rows);
        let length = u32::try_from(self.rows.len() - start).expect("a row is short");
        let entry = Entry { id, start, length };
        match self.find(id) {
            // The bytes of the earlier form are left behind: that is a refund or a late commit.
            (_, Ok(known)) => {
                self.entries[known] = entry;
                true
            }
            (tag, Err(slot)) => {
                self.entries.push(entry);
                let entry = u32::try_from(self.entries.len()).expect("a window has fewer holds");
                self.slots[slot] = Slot { tag, entry };
                if self.entries.len() * 2 > self.slots.len() {
                    self.grow();
                }
                false
            }
        }
    }

    /// The rows in the order of the blocks: by second, then by id.
    pub(crate) fn in_order(&self) -> Vec<(HoldId, &[u8])> {
        let mut rows: Vec<_> = self.entries.iter().map(|entry| (entry.id, self.row_of(entry))).collect();
        rows.sort_unstable_by_key(|(id, _)| (second_of(*id), *id));
        rows
    }

    fn row_of(&self, entry: &Entry) -> &[u8] {
        let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
        &self.rows[entry.start..][..length]
    }

    /// The tag of the id, and its entry, or the slot that is free for it.
    fn find(&self, id: HoldId) -> (u32, Result<usize, usize>) {
        let (tag, mut at) = self.place(id);
        loop {
            let slot = self.slots[at];
            let Some(entry) = usize::try_from(slot.entry).unwrap_or(0).checked_sub(1) else { return (tag, Err(at)) };
            if slot.tag == tag && self.entries[entry].id == id {
                return (tag, Ok(entry));
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The tag of an id, and the slot where it would be if no other were there.
    fn place(&self, id: HoldId) -> (u32, usize) {
        let hash = self.hasher.hash_one(id);
        let [high, low] = [hash >> 32, hash & u64::from(u32::MAX)];
        let tag = u32::try_from(high).unwrap_or(0);
        (tag, usize::try_from(low).unwrap_or(0) & (self.slots.len() - 1))
    }

    fn grow(&mut self) {
        self.slots = vec![Slot::default(); self.slots.len() * 2];
        for (entry, number) in (0..self.entries.len()).zip(1..) {
            let (tag, slot) = self.find(self.entries[entry].id);
            let slot = slot.expect_err("no id is there twice");
            self.slots[slot] = Slot { tag, entry: number };
        }
    }
}

#[cfg(test)]
mod tests;
