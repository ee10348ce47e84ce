//! Credits that a wallet's word has no place for: they wait beside it, and come into it as soon as there is room.
//!
//! Gifts are taken up to half a field, so that returns nearly always find room. Where they do not (many refunds at once,
//! holds that were opened between small gifts), a return is a return all the same: record and row have it whole, the word
//! shows what its field holds, and the rest stands here. Word and what waits beside it together are what the row says
//! (I8), before a start and after it.
//!
//! For the journal this is a give that comes into the word late: its record has its place long since, so no prefix is
//! without it. A wallet with something here that finds room is due, as after a boundary: the next request takes the lock
//! and brings it in. What belongs to a period that has ended is left behind; in the row it has expired.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::bucket::{Bucket, Slices, Split};
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal, running};
use crate::ids::{AccountId, Now};
use crate::slot::{Cold, Slot};
use crate::sync::{AtomicBool, Ordering};
use crate::word::{Bits, Snapshot};

/// What waits, by account. Hardly any wallet ever has something here.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    waiting: Mutex<HashMap<AccountId, Slices>>,
    /// Whether any account has something: one load tells every request that there is nothing to look for.
    any: AtomicBool,
}

impl Beside {
    /// Whether no wallet has anything here.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: who misses what was just put here finds it with the next request. Who rests on a return has seen its
        // hold's entry marked, and the guard of the entry shows this too.
        !self.any.load(Ordering::Relaxed)
    }

    fn of(&self, account: AccountId) -> Slices {
        self.waiting.lock().get(&account).copied().unwrap_or_default()
    }

    fn accounts(&self) -> Vec<AccountId> {
        let accounts: Vec<_> = self.waiting.lock().keys().copied().collect();
        assert!(accounts.iter().all(|account| !account.is_none()), "a wallet has an account");
        accounts
    }

    /// Adds what a give left over, if anything. Parts of earlier periods than the newest are gone.
    pub(crate) fn add(&self, account: AccountId, over: &Slices) {
        assert!(!account.is_none(), "a wallet has an account");
        if over.split.is_zero() {
            return;
        }
        let mut waiting = self.waiting.lock();
        let known = waiting.entry(account).or_default();
        *known = together(known, over);
        assert!(known.split.top_up >= over.split.top_up, "R24: top-up credits always come back");
        self.any.store(true, Ordering::Relaxed);
    }

    /// Takes out what has been given to the word, once it is in there. What was added meanwhile stays. An answer that has
    /// read the word before and looks here after tells less than there is; nothing is decided by it.
    fn take(&self, account: AccountId, given: &Slices) {
        let mut waiting = self.waiting.lock();
        let Some(known) = waiting.get_mut(&account) else { return };
        assert!(known.day >= given.day && known.period >= given.period, "I7: days and periods never go back");
        let split = known.split.minus(&together(given, &Slices { split: Split::ZERO, ..*known }).split);
        assert!(split.at_most(&known.split) == split, "I1: what is taken out does not wait any more");
        known.split = split;
        if split.is_zero() {
            waiting.remove(&account);
        }
        self.any.store(!waiting.is_empty(), Ordering::Relaxed);
    }
}

/// Both, each bucket of the later of its periods: neither goes back (I7).
fn together(one: &Slices, other: &Slices) -> Slices {
    let (day, period) = (one.day.max(other.day), one.period.max(other.period));
    let of = |slices: &Slices| {
        let mut split = slices.split;
        if slices.day != day {
            split.free = Credits::ZERO;
        }
        if slices.period != period {
            split.subscription = Credits::ZERO;
        }
        split
    };
    let split = of(one).plus(&of(other));
    assert!(split.top_up == one.split.top_up + other.split.top_up, "R14: top-up credits have no period");
    assert!(split.total() <= one.split.total() + other.split.total(), "I1: what waits is not more than what came");
    Slices { split, day, period }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// What is available: the word's, and what waits beside it for its running periods.
    #[inline]
    pub(crate) fn available(&self, slot: &Slot, word: &Snapshot, now: Now) -> Split {
        if self.beside.is_empty() { word.available } else { word.available.plus(&self.waits_beside(slot, word, now)) }
    }

    #[cold]
    fn waits_beside(&self, slot: &Slot, word: &Snapshot, now: Now) -> Split {
        let waiting = self.beside.of(slot.account());
        let beside = running(word, &waiting, &self.numbers(slot, now));
        assert!(beside.total() <= waiting.split.total(), "I7: credits of a period that has ended");
        assert!(beside.top_up == waiting.split.top_up, "R14: top-up credits have no period");
        beside
    }

    /// Whether something that waits beside this word finds room in it now.
    #[inline]
    pub(crate) fn finds_room(&self, slot: &Slot, word: &Snapshot, now: Now) -> bool {
        !self.beside.is_empty() && self.has_room_for_it(slot, word, now)
    }

    #[cold]
    fn has_room_for_it(&self, slot: &Slot, word: &Snapshot, now: Now) -> bool {
        let beside = self.waits_beside(slot, word, now);
        let most = Bits::WIDE.most();
        assert!(word.available.at_most(&most) == word.available, "a word has no more than its fields hold");
        Bucket::ALL.into_iter().any(|of| !beside.of(of).is_zero() && word.available.of(of) < most.of(of))
    }

    /// Looks at every wallet that has something here, after a day has ended: nobody may ever ask for it again, and as long as
    /// anything is here, every request of every wallet looks.
    pub(crate) fn tidy_beside(&self, now: Now) {
        if self.beside.is_empty() {
            return;
        }
        for account in self.beside.accounts() {
            let Some(index) = self.wallets.find(account) else { continue };
            let slot = self.wallets.slot(index);
            assert!(slot.account() == account, "what waits beside another wallet");
            self.bring_in(slot, &mut slot.lock(), now);
        }
    }

    /// Brings in what waits beside the word and finds room; the guard shows that the caller holds the lock.
    pub(crate) fn bring_in(&self, slot: &Slot, cold: &mut Cold, now: Now) {
        if self.beside.is_empty() {
            return;
        }
        let Some(index) = self.wallets.find(slot.account()) else { return };
        let waiting = self.beside.of(slot.account());
        assert!(self.wallets.slot(index).account() == slot.account(), "what waits beside another wallet");
        if !waiting.split.is_zero() {
            // What finds no room comes back here, beside itself; then it is taken out once.
            self.give_under_lock((index, slot), cold, &waiting, now);
            self.beside.take(slot.account(), &waiting);
        }
        slot.assert_in_step(cold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Day, Period};

    /// I7: what waited is counted with what comes to it where both are of one period, and has ended where they are not.
    #[test]
    fn i7_what_waits_together_is_of_the_later_period() {
        let slices = |credits, day, period| {
            let [free, subscription, top_up] = [credits, credits * 2, credits * 3].map(Credits::from_whole);
            Slices { split: Split { free, subscription, top_up }, day: Day(day), period: Period(period) }
        };
        let waits = slices(10, 5, 7);
        for (comes, free, subscription) in [
            (slices(1, 5, 7), 11, 22),
            (slices(1, 6, 7), 1, 22),
            (slices(1, 4, 7), 10, 22),
            (slices(1, 5, 8), 11, 2),
            (slices(1, 5, 6), 11, 20),
        ] {
            let [free, subscription, top_up] = [free, subscription, 33].map(Credits::from_whole);
            let (day, period) = (comes.day.max(waits.day), comes.period.max(waits.period));
            let both = Slices { split: Split { free, subscription, top_up }, day, period };
            assert_eq!((together(&waits, &comes), together(&comes, &waits)), (both, both));
        }
    }
}
