//! Every account in turn, a bounded slice at a time: listings (R33).

use std::collections::BTreeSet;

use crate::engine::{Archive, Engine, Journal};
use crate::ids::AccountId;
use crate::slot::SlotIndex;

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
        assert!(account > self.after, "a listing goes on after what was listed");
        self.first.insert(account);
        if self.first.len() > self.limit {
            self.first.pop_last();
        }
        assert!(self.first.len() <= self.limit, "I9: a listing has a limit");
    }
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
        assert!(scan.next == end, "a slice ends where the next begins");
        false
    }
}
