//! Credits that move between a wallet's buckets and what becomes of them (R3, R16, R24, I1).

use super::{Amounts, MOST, Model, Part, State, Wallet, add, sub, sum};
use crate::sim::planted::Planted;

impl Model {
    pub(super) fn take(wallet: &mut Wallet, split: &Amounts) -> Part {
        if split[0] > 0 {
            Self::use_day(wallet);
        }
        wallet.available = sub(&wallet.available, split);
        Part { split: *split, day: wallet.day, period: wallet.period }
    }

    pub(super) fn use_day(wallet: &mut Wallet) {
        if !wallet.day_used {
            wallet.day_used = true;
            wallet.counters[0].granted += wallet.available[0];
        }
    }

    /// Into the running periods; what comes into top-up repays debt first (R16).
    pub(super) fn give(wallet: &mut Wallet, split: &Amounts) {
        if split[0] > 0 {
            Self::use_day(wallet);
        }
        let repaid = split[2].min(wallet.debt);
        wallet.debt -= repaid;
        wallet.available = add(&wallet.available, split);
        wallet.available[2] -= repaid;
    }

    /// What of a part goes back to running periods, and what does not (R24).
    pub(super) fn running(wallet: &Wallet, part: &Part) -> (Amounts, Amounts) {
        let free = if part.day == wallet.day { part.split[0] } else { 0 };
        let subscription = if part.period == wallet.period { part.split[1] } else { 0 };
        let back = [free, subscription, part.split[2]];
        (back, sub(&part.split, &back))
    }

    /// The returns of a chunk are there from its push on.
    pub(crate) fn flush(&mut self) {
        for account in std::mem::take(&mut self.waited_for) {
            let Some(wallet) = self.wallets.get_mut(&account) else { continue };
            for (_, split) in std::mem::take(&mut wallet.pending) {
                Self::give(wallet, &split);
            }
            if self.wrong == Planted::CutReturn {
                wallet.available = std::array::from_fn(|bucket| wallet.available[bucket].min(MOST[bucket]));
            }
        }
    }

    /// The oldest return that may not be there yet is there; says whether there was one.
    pub(crate) fn flush_one(&mut self) -> bool {
        let waited_for = self.waited_for.iter().filter_map(|account| Some((account, self.wallets.get(account)?)));
        let waiting = waited_for.filter_map(|(account, wallet)| Some((wallet.pending.first()?.0, *account)));
        let Some((_, account)) = waiting.min() else { return false };
        let wallet = self.wallets.get_mut(&account).unwrap();
        let (_, split) = wallet.pending.remove(0);
        Self::give(wallet, &split);
        true
    }

    /// What comes back with the push of the record at hand.
    pub(super) fn will_give(&mut self, account: u128, split: Amounts) {
        self.returns += 1;
        if sum(&split) > 0 {
            self.wallets.get_mut(&account).unwrap().pending.push((self.returns, split));
            self.waited_for.insert(account);
        }
    }

    /// The room for a gift: up to half of what the bucket takes, so that what holds bring back fits too. A large gift is
    /// measured against what open holds may bring back now.
    pub(super) fn room(&self, account: u128, wallet: &Wallet, bucket: usize, large: bool) -> u64 {
        let there = wallet.available[bucket];
        let open = self.holds.values().filter(|hold| large && hold.account == account && hold.state == State::Open);
        let beside: u64 =
            open.map(|hold| Self::running(wallet, &Part { split: hold.rest(), ..hold.taken }).0[bucket]).sum();
        (MOST[bucket] / 2).saturating_sub(there).min(MOST[bucket].saturating_sub(there + beside))
    }

    /// From a sixteenth of a bucket's half on.
    pub(super) const fn is_large(bucket: usize, amount: u64) -> bool {
        amount > MOST[bucket] / 2 / 16
    }
}
