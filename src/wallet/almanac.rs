//! What the calendar said lately: wallets that roll together mostly have a few anchors and zones in common, and a date costs
//! as much as the rest of a roll.

use std::collections::HashMap;
use std::hash::Hash;

use jiff::tz::TimeZone;

use crate::calendar::{Cohort, Cohorts};
use crate::ids::{Day, Timestamp};
use crate::subscription::{Boundaries, boundary};

/// So many answers of each kind are remembered; beyond that all are forgotten at once (I9).
const REMEMBERED_MAX: usize = 1 << 16;

type Known<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Answers of the calendar, which never change for the zones of a running daemon.
#[derive(Debug, Default)]
pub(crate) struct Almanac {
    /// By anchor and number of the boundary.
    boundaries: Known<(Cohort, Timestamp, u32), Timestamp>,
    starts: Known<(Cohort, Day), Timestamp>,
    days: Known<(Cohort, Timestamp), Day>,
    zones: Known<Cohort, TimeZone>,
}

impl Almanac {
    /// The boundaries of a cohort's zone.
    pub(crate) fn of(&mut self, cohorts: &Cohorts, cohort: Cohort) -> Zone<'_> {
        assert!(self.zones.len() <= crate::calendar::ZONES_MAX, "I9: zones have a limit");
        let zone = self.zones.entry(cohort).or_insert_with(|| cohorts.zone(cohort));
        Zone { cohort, zone, known: &mut self.boundaries }
    }

    /// See [`Cohorts::start_of`].
    pub(crate) fn start_of(&mut self, cohorts: &Cohorts, cohort: Cohort, day: Day) -> Timestamp {
        remembered(&mut self.starts, (cohort, day), || cohorts.start_of(cohort, day))
    }

    /// The day that runs in a cohort until an instant.
    pub(crate) fn day_before(&mut self, cohorts: &Cohorts, cohort: Cohort, at: Timestamp) -> Day {
        remembered(&mut self.days, (cohort, at), || cohorts.day_at(cohort, at.minus_millis(1)))
    }
}

/// One zone of an almanac.
pub(crate) struct Zone<'a> {
    cohort: Cohort,
    zone: &'a TimeZone,
    known: &'a mut Known<(Cohort, Timestamp, u32), Timestamp>,
}

impl Boundaries for Zone<'_> {
    fn zone(&self) -> &TimeZone {
        self.zone
    }

    fn boundary(&mut self, anchor: Timestamp, n: u32) -> Timestamp {
        let zone = self.zone;
        remembered(self.known, (self.cohort, anchor, n), || boundary(anchor, zone, n))
    }
}

fn remembered<K: Hash + Eq, V: Copy>(known: &mut Known<K, V>, key: K, ask: impl FnOnce() -> V) -> V {
    if known.len() >= REMEMBERED_MAX {
        known.clear();
    }
    let answer = *known.entry(key).or_insert_with(ask);
    assert!(known.len() <= REMEMBERED_MAX, "I9: what is remembered has a limit");
    assert!(!known.is_empty(), "what was asked for is remembered");
    answer
}
