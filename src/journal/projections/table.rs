//! Rows of wallets in memory: those that have changed, and a cache of others. A row stays in its slot from the first record
//! that asks for it until the slot is wanted for another; what a flush takes of it are its bytes. So nothing is copied
//! between two flushes, and a row that changes all the time is never looked up in the store again.
//!
//! A slot is used again only when its row is in the store as it is here: a flush that is being written keeps its rows, so that
//! readers find no older form (I8).

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use wallet::credits::Credits;
use wallet::ids::AccountId;
use wallet::row::Row;

use super::chapters::Chapters;
use super::shelf::EntryNumber;

/// How many slots are looked at for one that can be used again, before a new one is made.
const LOOKS_MAX: usize = 8;

const _: () = assert!(LOOKS_MAX > 0, "slots are used again");
const _: () = assert!(size_of::<(Slot, u32)>() == 8, "a row costs eight bytes in the table");
const _: () = assert!(spread(0x1234_5678) == 0x1234_5678_1234_5678, "both ends of a hash differ where it does");

/// The number of a slot, as long as it has its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u32);

impl Slot {
    fn of(number: usize) -> Self {
        Self(u32::try_from(number).expect("a partition has fewer wallets"))
    }

    fn number(self) -> usize {
        usize::try_from(self.0).expect("a place in memory")
    }
}

/// The rows.
#[derive(Debug)]
pub(crate) struct Table {
    /// Eight bytes a row: with the accounts in it, it would be four times as large, and nearly every look at it waits for
    /// memory. With half of the hash beside the slot it grows without a look at the rows.
    slots: HashTable<(Slot, u32)>,
    hasher: RandomState,
    kept: Chapters<Kept>,
    /// Rows that have changed since the last flush began, in the order of their first change.
    changed: Vec<Slot>,
    /// The flush that takes what changes now; counted from 1.
    flush: u64,
    /// The last flush that is in the store.
    written: u64,
    /// Where a slot is looked for that can be used again.
    hand: usize,
    /// Rows from which on slots are used again.
    rows_max: usize,
}

#[derive(Debug)]
struct Kept {
    row: Row,
    /// The flush that takes the last change; zero where there was none.
    flush: u64,
    /// Where it goes on the shelf, if that is known.
    on_shelf: Option<EntryNumber>,
}

impl Table {
    /// An empty one, which uses slots again from so many rows on.
    pub(crate) fn new(rows_max: usize) -> Self {
        Self {
            slots: HashTable::new(),
            hasher: RandomState::default(),
            kept: Chapters::default(),
            changed: Vec::new(),
            flush: 1,
            written: 0,
            hand: 0,
            rows_max,
        }
    }

    /// Where the row of an account is.
    pub(crate) fn find(&self, account: AccountId) -> Option<Slot> {
        let hash = self.hash(account);
        let same = |(slot, of): &(Slot, u32)| *of == hash && self.kept(*slot).row.account == account;
        self.slots.find(spread(hash), same).map(|(slot, _)| *slot)
    }

    /// Where the row of an account is most likely, without a look at the row: that is left to [`Self::warm`], for many at
    /// the same time.
    pub(crate) fn likely(&self, account: AccountId) -> Option<Slot> {
        let hash = self.hash(account);
        self.slots.find(spread(hash), |(_, of)| *of == hash).map(|(slot, _)| *slot)
    }

    /// The row of an account.
    pub(crate) fn row(&self, account: AccountId) -> Option<&Row> {
        self.find(account).map(|slot| &self.kept(slot).row)
    }

    /// Looks at rows one after another: the processor fetches them from memory at the same time, where each alone would
    /// wait for its own.
    pub(crate) fn warm(&self, slots: impl Iterator<Item = Slot>) {
        let seen = |slot| {
            // A field of each of its lines, wherever the compiler has put them.
            let Kept { row, flush, .. } = self.kept(slot);
            let [free, subscription, top_up] = &row.counters;
            let ends = [free.granted, free.clawed_back, subscription.granted, top_up.granted, top_up.clawed_back];
            let parts = [row.free, row.subscription, row.spent_in_period.free, row.spent_in_period.top_up];
            let few = u64::from(row.open_holds) | row.ends_at.0 | row.opened_days | flush | u64::from(row.frozen);
            let few = few | u64::from(row.account == AccountId(0));
            ends.into_iter().chain(parts).map(Credits::millis).fold(few, |all, part| all | part)
        };
        std::hint::black_box(slots.map(seen).fold(0, |all, part| all | part));
    }

    /// A row that is about to change.
    pub(crate) fn change(&mut self, slot: Slot) -> &mut Row {
        let flush = self.flush;
        let kept = self.kept.at_mut(slot.number());
        assert!(kept.flush <= flush, "I4: a change is of a flush to come");
        if kept.flush != flush {
            kept.flush = flush;
            self.changed.push(slot);
            assert!(self.changed.len() <= self.slots.len(), "a flush takes a row once");
        }
        &mut kept.row
    }

    /// Adds a row that is not here, as the store has it, or as it is about to be changed.
    pub(crate) fn insert(&mut self, row: Row, on_shelf: Option<EntryNumber>) -> Slot {
        let account = row.account;
        assert!(self.find(account).is_none(), "an account has one row");
        let kept = Kept { row, flush: 0, on_shelf };
        let slot = match self.slot_to_use_again() {
            Some(slot) => {
                *self.kept_mut(slot) = kept;
                slot
            }
            None => self.new_slot(kept),
        };
        let hash = self.hash(account);
        self.slots.insert_unique(spread(hash), (slot, hash), |(_, hash)| spread(*hash));
        assert!(self.kept(slot).row.account == account, "a slot has the row of its account");
        self.assert_whole();
        slot
    }

    /// The rows that have changed since the last flush began.
    pub(crate) fn changed(&self) -> &[Slot] {
        &self.changed
    }

    /// The row in a slot.
    pub(crate) fn at(&self, slot: Slot) -> &Row {
        &self.kept(slot).row
    }

    /// The row's entry on the shelf, if it is known.
    pub(crate) fn on_shelf(&self, slot: Slot) -> Option<EntryNumber> {
        self.kept(slot).on_shelf
    }

    /// All rows, the changed ones among them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.slots.iter().map(|(slot, _)| &self.kept(*slot).row)
    }

    /// A flush has taken what has changed.
    pub(crate) fn begin_flush(&mut self) {
        assert!(self.written + 1 == self.flush, "there is one flush at a time");
        self.assert_whole();
        self.changed.clear();
        self.flush += 1;
    }

    /// The flush that was begun is in the store.
    pub(crate) fn end_flush(&mut self) {
        assert!(self.written + 1 < self.flush, "a flush begins before it ends");
        self.written += 1;
        assert!(self.written + 1 == self.flush, "there is one flush at a time");
    }

    /// What holds between two calls.
    fn assert_whole(&self) {
        let rows = self.kept.len();
        assert!(rows == self.slots.len(), "every slot has its row, and every row is found");
        assert!(self.changed.len() <= rows, "a flush takes a row once");
        assert!(self.written < self.flush, "I4: what changes now is not in the store");
        assert!(self.hand <= rows, "a slot that is used again is there");
    }

    /// Takes a row out whose form the store has, where there are enough rows.
    fn slot_to_use_again(&mut self) -> Option<Slot> {
        if self.slots.len() < self.rows_max {
            return None;
        }
        for _ in 0..LOOKS_MAX.min(self.slots.len()) {
            let slot = Slot::of(self.hand);
            self.hand = (self.hand + 1) % self.slots.len();
            if self.kept(slot).flush <= self.written {
                assert!(self.kept(slot).flush < self.flush, "I8: a row that has changed since keeps its slot");
                let hash = self.hash(self.kept(slot).row.account);
                let found = self.slots.find_entry(spread(hash), |(of, _)| *of == slot);
                let Ok(found) = found else { unreachable!("a row that is here is found") };
                found.remove();
                return Some(slot);
            }
        }
        None
    }

    fn new_slot(&mut self, kept: Kept) -> Slot {
        assert!(self.kept.len() == self.slots.len(), "every slot has its row");
        Slot::of(self.kept.push(kept))
    }

    fn kept(&self, slot: Slot) -> &Kept {
        self.kept.at(slot.number())
    }

    fn kept_mut(&mut self, slot: Slot) -> &mut Kept {
        self.kept.at_mut(slot.number())
    }

    fn hash(&self, account: AccountId) -> u32 {
        u32::try_from(self.hasher.hash_one(account) >> 32).expect("half of a hash")
    }
}

/// A hash of which both ends differ, as hash tables want them.
const fn spread(half: u32) -> u64 {
    let half = half as u64;
    half << 32 | half
}

#[cfg(test)]
mod tests;
