//! Every account in turn, a bounded slice at a time: listings (R33), and cycles of wallets that nobody asks for (R10).

use std::collections::BTreeSet;

use crate::engine::{Archive, Engine, Journal};
use crate::ids::{AccountId, Now};
use crate::slot::{Slot, SlotIndex};

/// A listing of accounts that is under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountScan {
    after: AccountId,
    limit: usize,
    next: u32,
    first: BTreeSet<AccountId>,
}

impl AccountScan {
    /// The first `limit` accounts after one, in the order of their ids.
    #[must_use]
    pub const fn new(after: AccountId, limit: usize) -> Self {
        Self { after, limit, next: 0, first: BTreeSet::new() }
    }

    /// What was found.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.first.iter().copied()
    }

    fn wants(&self, account: AccountId) -> bool {
        let full = self.first.len() >= self.limit;
        account > self.after && (!full || self.first.last().is_some_and(|last| account < *last))
    }

    fn add(&mut self, account: AccountId) {
        self.first.insert(account);
        if self.first.len() > self.limit {
            self.first.pop_last();
        }
    }
}

/// How far a round over all wallets has come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RollRound {
    next: u32,
}

/// What a slice of a round came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RollSlice {
    /// The wallets that were rolled: each pushed a record.
    pub rolled: usize,
    /// Whether the round is at its end; the next slice begins another.
    pub over: bool,
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Whether an account is open.
    pub fn has_account(&self, account: AccountId) -> bool {
        self.wallets.find(account).is_some()
    }

    /// Looks at up to `slots` more wallets for a listing, and says whether that was the last of them.
    pub fn scan_accounts(&self, scan: &mut AccountScan, slots: u32) -> bool {
        let end = scan.next.saturating_add(slots);
        while scan.next < end {
            let index = SlotIndex(scan.next);
            let Some(slot) = self.wallets.taken(index) else { return true };
            let account = slot.account();
            if scan.wants(account) && self.wallets.find(account) == Some(index) {
                scan.add(account);
            }
            scan.next = scan.next.saturating_add(1);
        }
        false
    }

    /// Looks at up to `slots` wallets, from where the round stands, and rolls those whose cycle has ended or whose
    /// subscription has lapsed, up to `most`. Room for so many records has been taken before. A day that has ended leaves
    /// no record and waits for the next request.
    pub fn roll_idle(&self, round: &mut RollRound, (slots, most): (u32, usize), now: Now) -> RollSlice {
        let end = round.next.saturating_add(slots);
        let mut rolled: usize = 0;
        while round.next < end && rolled < most {
            let index = SlotIndex(round.next);
            let Some(slot) = self.wallets.taken(index) else {
                *round = RollRound::default();
                return RollSlice { rolled, over: true };
            };
            rolled = rolled.saturating_add(usize::from(self.roll_cycle_if_due(slot, now)));
            round.next = round.next.saturating_add(1);
        }
        RollSlice { rolled, over: false }
    }

    fn roll_cycle_if_due(&self, slot: &Slot, now: Now) -> bool {
        let due = slot.cycle_ends_at() <= now.daemon;
        if due {
            self.roll(slot, now);
        }
        due
    }
}
