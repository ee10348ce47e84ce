//! What resets came to, summed since the start: how many wallets were rolled, and which credits opened and ended with the
//! periods. For people and metrics; nothing is decided by it. The counters of I1 are those of the rows.
//!
//! A period of the subscription bucket says what it grants in its record. What is left of an ended one, and everything
//! about days, stands in no record: it is read off the word in the moment in which the word is rolled. A day counts, as
//! granted and with what is left of it as expired, when it ends, and only where something is left out of what it began
//! with or has come to that (R5). A start in the day in which a subscription began or ended takes the tier as it is for that
//! of the day's beginning: no row says otherwise.

use crate::credits::Credits;
use crate::policy::FreePolicies;
use crate::row::Row;
use crate::slot::Cold;
use crate::sync::{AtomicU64, Ordering};
use crate::word::{Numbers, Snapshot};

/// The sums.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ResetTotals {
    /// Wallets that were rolled to a later day.
    pub days: u64,
    /// Wallets that were rolled into a later credit cycle.
    pub cycles: u64,
    /// Wallets whose subscription lapsed at its time.
    pub lapses: u64,
    /// What days began with that something was drawn from; they have ended.
    pub free_granted: Credits,
    /// What was left of such days.
    pub free_expired: Credits,
    /// What cycles opened with; their records say it too. What commands open is not in it.
    pub subscription_granted: Credits,
    /// What was left of ended periods of subscriptions, whatever ended them.
    pub subscription_expired: Credits,
}

impl ResetTotals {
    /// Both together.
    #[must_use]
    pub fn plus(&self, more: &Self) -> Self {
        Self {
            days: self.days.saturating_add(more.days),
            cycles: self.cycles.saturating_add(more.cycles),
            lapses: self.lapses.saturating_add(more.lapses),
            free_granted: self.free_granted + more.free_granted,
            free_expired: self.free_expired + more.free_expired,
            subscription_granted: self.subscription_granted + more.subscription_granted,
            subscription_expired: self.subscription_expired + more.subscription_expired,
        }
    }

    /// What has come since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        assert!(self.days >= earlier.days, "a sum since a later one");
        assert!(self.cycles >= earlier.cycles, "a sum since a later one");
        assert!(self.lapses >= earlier.lapses, "a sum since a later one");
        assert!(self.free_granted >= earlier.free_granted, "a sum since a later one");
        assert!(self.free_expired >= earlier.free_expired, "a sum since a later one");
        assert!(self.subscription_granted >= earlier.subscription_granted, "a sum since a later one");
        assert!(self.subscription_expired >= earlier.subscription_expired, "a sum since a later one");
        Self {
            days: self.days.saturating_sub(earlier.days),
            cycles: self.cycles.saturating_sub(earlier.cycles),
            lapses: self.lapses.saturating_sub(earlier.lapses),
            free_granted: self.free_granted.saturating_sub(earlier.free_granted),
            free_expired: self.free_expired.saturating_sub(earlier.free_expired),
            subscription_granted: self.subscription_granted.saturating_sub(earlier.subscription_granted),
            subscription_expired: self.subscription_expired.saturating_sub(earlier.subscription_expired),
        }
    }

    /// Adds a day that has ended in one wallet.
    #[inline]
    pub(crate) fn add_day(&mut self, ended: &DayEnd) {
        self.days = self.days.saturating_add(1);
        if ended.opened() {
            self.free_granted += ended.began_with;
            self.free_expired += ended.left;
        }
    }
}

/// A day of one wallet that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DayEnd {
    /// The allowance that it began with.
    began_with: Credits,
    /// What is left of it.
    left: Credits,
}

impl DayEnd {
    /// The day of a word that is about to be rolled; the guard shows that the caller holds the wallet's lock.
    #[inline]
    pub(crate) fn of(word: &Snapshot, cold: &Cold, numbers: &Numbers, policies: &FreePolicies) -> Self {
        let subscribed = word.tier != crate::ids::Tier::NONE;
        let began_subscribed = subscribed != cold.day_began_otherwise();
        let began_with = policies.allowance_of(numbers.day_of(word), began_subscribed);
        assert!(numbers.day_of(word) <= numbers.day, "R5: a day that has not come does not end");
        Self { began_with, left: word.available.free }
    }

    /// The day of a row that is loaded on a later one.
    pub(crate) fn of_row(row: &Row, policies: &FreePolicies) -> Self {
        let began_with = if row.opened_days & 1 == 1 { policies.allowance(row.day, row.tier) } else { row.free };
        Self { began_with, left: row.free }
    }

    /// Whether anything was drawn from it, or given to it.
    #[inline]
    fn opened(&self) -> bool {
        self.left != self.began_with
    }
}

/// The shared cells of [`ResetTotals`].
#[derive(Debug, Default)]
pub(crate) struct Resets {
    days: AtomicU64,
    cycles: AtomicU64,
    lapses: AtomicU64,
    free_granted: AtomicU64,
    free_expired: AtomicU64,
    subscription_granted: AtomicU64,
    subscription_expired: AtomicU64,
}

impl Resets {
    /// Adds what a roll, or a slice of a sweep, came to.
    pub(crate) fn add(&self, more: &ResetTotals) {
        let add = |cell: &AtomicU64, more: u64| {
            if more > 0 {
                // Relaxed: figures for people.
                cell.fetch_add(more, Ordering::Relaxed);
            }
        };
        add(&self.days, more.days);
        add(&self.cycles, more.cycles);
        add(&self.lapses, more.lapses);
        add(&self.free_granted, more.free_granted.millis());
        add(&self.free_expired, more.free_expired.millis());
        add(&self.subscription_granted, more.subscription_granted.millis());
        add(&self.subscription_expired, more.subscription_expired.millis());
    }

    /// Adds a period of a subscription that has ended with this left of it.
    pub(crate) fn add_ended_period(&self, left: Credits) {
        self.add(&ResetTotals { subscription_expired: left, ..ResetTotals::default() });
    }

    /// The sums now.
    pub(crate) fn totals(&self) -> ResetTotals {
        let sum = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let credits = |cell: &AtomicU64| Credits::from_millis(sum(cell));
        ResetTotals {
            days: sum(&self.days),
            cycles: sum(&self.cycles),
            lapses: sum(&self.lapses),
            free_granted: credits(&self.free_granted),
            free_expired: credits(&self.free_expired),
            subscription_granted: credits(&self.subscription_granted),
            subscription_expired: credits(&self.subscription_expired),
        }
    }
}
