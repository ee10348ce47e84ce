//! Holds that ended since the last flush. Most holds begin and end between two flushes: each is encoded once, when it
//! ends and is at hand, and the flush only sorts and copies. The memory is used again after the flush.
//!
//! A table of eight bytes a row finds them: a map with the ids in it would be four times as large, and nearly every look at
//! it waits for memory.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use wallet::hold::{Hold, HoldState};
use wallet::ids::HoldId;

use super::keys::second_of;
use super::pieces::{Pieces, Span};
use super::rows::encode_hold;

const SLOTS_MIN: usize = 1024;
const _: () = assert!(SLOTS_MIN.is_power_of_two(), "the slots' number is a mask");
const _: () = assert!(size_of::<Slot>() == 8, "a row costs eight bytes in the table");

/// Rows of ended holds by id.
#[derive(Debug)]
pub(crate) struct Ended {
    entries: Vec<Entry>,
    /// Entries that the slots know; those after them are few.
    indexed: usize,
    /// Where the others belong, while they are indexed.
    places: Vec<(u32, usize)>,
    rows: Pieces,
    /// A power of two; at least half of them are empty, and a search goes from slot to slot until it meets one.
    slots: Vec<Slot>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: HoldId,
    row: Span,
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
        let (entries, places, rows) = (Vec::new(), Vec::new(), Pieces::default());
        let ended = Self { entries, indexed: 0, places, rows, slots, hasher: RandomState::default() };
        ended.assert_sized();
        ended
    }

    /// Forgets the rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.assert_sized();
        self.entries.clear();
        self.indexed = 0;
        self.rows.clear();
        self.slots.fill(Slot::default());
        assert!(self.places.is_empty(), "nothing is forgotten while it is indexed");
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether nothing was added since [`Self::index`].
    pub(crate) const fn is_indexed(&self) -> bool {
        self.indexed == self.entries.len()
    }

    /// What holds between two calls.
    fn assert_sized(&self) {
        assert!(self.indexed <= self.entries.len(), "what is indexed is there");
        assert!(self.slots.len().is_power_of_two(), "the slots' number is a mask");
        assert!(self.indexed * 2 <= self.slots.len(), "half of the slots are empty, or a search would not end");
    }

    /// The row of a hold.
    pub(crate) fn row(&self, id: HoldId) -> Option<&[u8]> {
        self.known(id).map(|entry| self.row_of(&self.entries[entry]))
    }

    pub(crate) fn contains(&self, id: HoldId) -> bool {
        self.known(id).is_some()
    }

    /// Takes in a hold that is not here. Until [`Self::index`], a look for it goes through all that are new.
    pub(crate) fn add(&mut self, id: HoldId, hold: &Hold) {
        assert!(hold.state != HoldState::Open, "I6: what is open has not ended");
        let entry = self.encode(id, hold);
        self.entries.push(entry);
        self.assert_sized();
    }

    /// Takes in a hold that may be here, in an earlier form.
    pub(crate) fn put(&mut self, id: HoldId, hold: &Hold) {
        assert!(hold.state != HoldState::Open, "I6: what has ended is not open again");
        self.assert_sized();
        let entry = self.encode(id, hold);
        match self.known(id) {
            // The bytes of the earlier form are left behind: that is a refund or a late commit.
            Some(known) => {
                assert!(self.entries[known].id == id, "a hold takes its own place");
                self.entries[known] = entry;
            }
            None => self.entries.push(entry),
        }
    }

    /// Indexes what was added, many at a time: their slots come from memory together. A hold that was added and was
    /// here already is the error.
    pub(crate) fn index(&mut self) -> Result<(), HoldId> {
        self.assert_sized();
        while self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        assert!(self.places.is_empty(), "one indexing is over before the next begins");
        let mut places = std::mem::take(&mut self.places);
        places.extend(self.entries[self.indexed..].iter().map(|entry| self.place(entry.id)));
        std::hint::black_box(places.iter().fold(0, |all, (_, at)| all | self.slots[*at].entry));
        let indexed = places.drain(..).try_for_each(|place| self.index_one(place));
        self.places = places;
        self.assert_sized();
        assert!(indexed.is_err() || self.indexed == self.entries.len(), "every hold is indexed");
        indexed
    }

    fn index_one(&mut self, place: (u32, usize)) -> Result<(), HoldId> {
        let id = self.entries[self.indexed].id;
        let Err(slot) = self.find_at(place, id) else { return Err(id) };
        assert!(self.slots[slot].entry == 0, "a slot is used once");
        self.indexed += 1;
        let entry = u32::try_from(self.indexed).expect("a window has fewer holds");
        self.slots[slot] = Slot { tag: place.0, entry };
        Ok(())
    }

    fn encode(&mut self, id: HoldId, hold: &Hold) -> Entry {
        Entry { id, row: self.rows.add(|out| encode_hold(id, hold, out)) }
    }

    /// The rows in the order of the blocks: by second, then by id.
    pub(crate) fn in_order(&self) -> Vec<(HoldId, &[u8])> {
        self.assert_sized();
        let mut rows: Vec<_> = self.entries.iter().map(|entry| (entry.id, self.row_of(entry))).collect();
        rows.sort_unstable_by_key(|(id, _)| (second_of(*id), *id));
        rows
    }

    fn row_of(&self, entry: &Entry) -> &[u8] {
        self.rows.bytes(entry.row)
    }

    /// The entry of a hold.
    fn known(&self, id: HoldId) -> Option<usize> {
        assert!(self.indexed <= self.entries.len(), "what is indexed is there");
        let new = self.entries[self.indexed..].iter().rposition(|entry| entry.id == id);
        match new {
            Some(new) => Some(self.indexed + new),
            None => self.find_at(self.place(id), id).ok(),
        }
    }

    /// The entry of an id, or the slot that is free for it, from its place on.
    fn find_at(&self, (tag, mut at): (u32, usize), id: HoldId) -> Result<usize, usize> {
        loop {
            assert!(at < self.slots.len(), "a search stays among the slots");
            let slot = self.slots[at];
            let entry = usize::try_from(slot.entry).expect("a place in memory");
            let Some(entry) = entry.checked_sub(1) else { return Err(at) };
            if slot.tag == tag && self.entries[entry].id == id {
                return Ok(entry);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The tag of an id, and the slot where it would be if no other were there.
    fn place(&self, id: HoldId) -> (u32, usize) {
        let hash = self.hasher.hash_one(id);
        let [high, low] = [hash >> 32, hash & u64::from(u32::MAX)];
        let tag = u32::try_from(high).expect("the upper half of a hash");
        let at = usize::try_from(low).expect("the lower half of a hash") & (self.slots.len() - 1);
        assert!(at < self.slots.len(), "a place lies among the slots");
        (tag, at)
    }

    fn grow(&mut self) {
        assert!(self.slots.len().is_power_of_two(), "the slots' number is a mask");
        assert!(self.entries.len() * 2 > self.slots.len(), "the slots grow when they are needed");
        self.slots = vec![Slot::default(); self.slots.len() * 2];
        for (entry, number) in (0..self.indexed).zip(1..) {
            let id = self.entries[entry].id;
            let place = self.place(id);
            let slot = self.find_at(place, id).expect_err("no id is there twice");
            self.slots[slot] = Slot { tag: place.0, entry: number };
        }
        self.assert_sized();
    }
}

#[cfg(test)]
mod tests;
