//! What comes next: the ends of days by zone, and how many credit cycles end soon.

use crate::calendar::Today;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Now, Timestamp};
use crate::settings::DAY_MS;
use crate::slot::SlotIndex;

/// The end of the running day in a zone that has wallets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayBoundary {
    /// The IANA name.
    pub zone: String,
    /// The running day, and when it ends.
    pub today: Today,
    /// How many wallets the zone has.
    pub wallets: u32,
}

/// A count of the credit cycles that end soon, by new ones or lapses, while it is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleOutlook {
    next: u32,
    hour_ends_at: Timestamp,
    day_ends_at: Timestamp,
    /// The next end, which may have passed; [`Timestamp::NEVER`] where there is none.
    pub earliest: Timestamp,
    /// Wallets whose cycle ends within an hour.
    pub in_hour: u64,
    /// Wallets whose cycle ends within 24 hours.
    pub in_day: u64,
}

impl CycleOutlook {
    /// Nothing is counted yet.
    #[must_use]
    pub const fn new(now: Now) -> Self {
        Self {
            next: 0,
            hour_ends_at: now.daemon.plus_millis(3_600_000),
            day_ends_at: now.daemon.plus_millis(DAY_MS),
            earliest: Timestamp::NEVER,
            in_hour: 0,
            in_day: 0,
        }
    }

    fn add(&mut self, ends_at: Timestamp) {
        self.earliest = self.earliest.min(ends_at);
        self.in_hour = self.in_hour.saturating_add(u64::from(ends_at <= self.hour_ends_at));
        self.in_day = self.in_day.saturating_add(u64::from(ends_at <= self.day_ends_at));
        assert!(self.in_hour <= self.in_day, "an hour is part of its day");
        assert!(self.earliest <= ends_at, "the earliest end is no later than any");
        assert!((self.in_hour > 0) == (self.earliest <= self.hour_ends_at), "what ends in an hour is no later than it");
        assert!((self.in_day > 0) == (self.earliest <= self.day_ends_at), "what ends in a day is no later than it");
    }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// The zones that have wallets, by the ends of their days, soonest first.
    pub fn day_boundaries(&self, now: Now) -> Vec<DayBoundary> {
        let zones = self.cohorts.in_use().map(|cohort| DayBoundary {
            zone: self.cohorts.name(cohort),
            today: self.cohorts.today(cohort, now.daemon),
            wallets: self.cohorts.wallets(cohort),
        });
        let mut zones: Vec<DayBoundary> = zones.filter(|zone| zone.wallets > 0).collect();
        zones.sort_by(|one, other| (one.today.ends_at, &one.zone).cmp(&(other.today.ends_at, &other.zone)));
        assert!(zones.len() <= crate::calendar::ZONES_MAX, "I9: zones have a limit");
        assert!(zones.iter().all(|zone| zone.today.ends_at > now.daemon), "R6: a day that runs has not ended");
        zones
    }

    /// Counts up to `slots` more wallets, and says whether those were the last.
    pub fn scan_cycles(&self, outlook: &mut CycleOutlook, slots: u32) -> bool {
        let end = outlook.next.saturating_add(slots);
        while outlook.next < end {
            let Some(slot) = self.wallets.taken(SlotIndex(outlook.next)) else { return true };
            outlook.add(slot.cycle_ends_at());
            outlook.next = outlook.next.saturating_add(1);
        }
        assert!(outlook.in_day <= u64::from(outlook.next), "a wallet counts once");
        assert!(outlook.next == end, "a slice ends where the next begins");
        false
    }
}
