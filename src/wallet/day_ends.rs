//! When days end: a timer a zone in the wheel (R6). It publishes the day that begins; requests go by their own time and may
//! have done so before, so a timer that fires late decides nothing. What has ended waits for a sweep to take it along.

use parking_lot::Mutex;

use crate::calendar::{Cohort, Today};
use crate::ids::{Day, Timestamp};
use crate::timer_wheel::{Advance, Timers};

/// How many timers one step of the wheel hands out: with [`crate::calendar::ZONES_MAX`] zones, one is enough.
const ZONES_AT_ONCE: usize = crate::calendar::ZONES_MAX;

/// The timers of the zones, and the days that have begun since a sweep took them. Nothing is waited for under the lock.
#[derive(Debug, Default)]
pub(crate) struct DayEnds(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    timers: Timers<Cohort>,
    begun: Vec<(Cohort, Day)>,
}

impl DayEnds {
    /// Notes the end of the first day of a zone.
    pub(crate) fn add(&self, cohort: Cohort, ends_at: Timestamp, now: Timestamp) {
        let mut state = self.0.lock();
        state.timers.begin_at(now);
        state.timers.insert(ends_at, cohort);
        assert!(state.timers.count() <= ZONES_AT_ONCE as u64, "I9: a zone has one timer");
    }

    /// Takes out the timers of days that have ended; `publish` says what day it is in a zone then, and when that ends.
    pub(crate) fn fire(&self, now: Timestamp, mut publish: impl FnMut(Cohort) -> Today) {
        let mut state = self.0.lock();
        let mut due: Vec<(Timestamp, Cohort)> = Vec::new();
        while state.timers.advance(now, ZONES_AT_ONCE, &mut due) == Advance::More {}
        assert!(due.len() <= ZONES_AT_ONCE, "I9: a zone has one timer");
        for (_, cohort) in due {
            let today = publish(cohort);
            // The calendar's last day does not end.
            if today.ends_at > now {
                state.timers.insert(today.ends_at, cohort);
            }
            let before = state.begun.iter().find(|(known, _)| *known == cohort);
            assert!(before.is_none_or(|(_, day)| *day <= today.day), "R6: day numbers never decrease");
            state.begun.retain(|(known, _)| *known != cohort);
            state.begun.push((cohort, today.day));
            assert!(state.begun.len() <= ZONES_AT_ONCE, "I9: a zone is swept once");
        }
        assert!(state.timers.count() <= ZONES_AT_ONCE as u64, "I9: a zone has one timer");
    }

    /// Takes the days that have begun, each zone once.
    pub(crate) fn take_begun(&self) -> Vec<(Cohort, Day)> {
        std::mem::take(&mut self.0.lock().begun)
    }

    /// An instant before which no day ends.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.lock().timers.next()
    }

    /// How many zones have a timer.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().timers.count()
    }
}
