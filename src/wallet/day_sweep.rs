//! The bulk sweep behind a day's end (design, section 5): rolls every wallet that no request has rolled meanwhile (R5, R6).
//!
//! A sweep decides nothing. Each request compares its own `now` with the end of its wallet's day and rolls a due wallet
//! itself; a sweep does the same roll, under the same lock, for the wallets that nobody asks for. It matters because the
//! word keeps ten bits of a day only: see [`crate::word::Numbers`].
//!
//! One pass serves every cohort whose day has ended since the last. It goes over the slots in their order and reads the
//! first 32 bytes of each; what is of another cohort, or on the day already, costs no more. It waits for nothing: a wallet
//! whose lock is taken is being rolled, or is left to the next request or the next day's sweep, and one whose cycle has
//! ended is left to the roll of its cycle, which comes before the day (R10).

use std::sync::Arc;

use crate::calendar::{Cohort, ZONES_MAX};
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Day, Now, Period, Timestamp};
use crate::policy::FreePolicies;
use crate::resets::{DayEnd, ResetTotals};
use crate::slot::{Cold, Slot, SlotIndex};
use crate::word::{Numbers, Snapshot};

/// A pass over all wallets that is under way.
#[derive(Debug)]
pub struct DaySweep {
    next: u32,
    /// By the number of a cohort.
    goals: Arc<[Goal]>,
    /// The allowances as they were when the pass began: no later policy is about a day that has begun (R5).
    policies: Arc<FreePolicies>,
    rolled: ResetTotals,
    left_out: u64,
}

/// What the wallets of a cohort are rolled to; day zero where the pass leaves the cohort alone.
#[derive(Clone, Copy, Default, Debug)]
struct Goal {
    day: Day,
    short_day: u16,
    starts_at: Timestamp,
    /// What accounts without and with a subscription get.
    allowances: [Credits; 2],
}

impl Goal {
    /// Whether a wallet with this word stands on an earlier day.
    #[inline]
    fn is_due(&self, word: &Snapshot) -> bool {
        word.day != self.short_day && self.numbers().day_of(word) < self.day
    }

    /// Good for days; a period is not asked for.
    const fn numbers(&self) -> Numbers {
        Numbers { day: self.day, period: Period(0) }
    }

    #[inline]
    fn rolled(&self, word: &Snapshot) -> Snapshot {
        let mut next = *word;
        next.available.free = self.allowances[usize::from(word.tier != crate::ids::Tier::NONE)];
        next.day = self.short_day;
        assert!(next.available.subscription == word.available.subscription, "R5: a day touches the free bucket alone");
        assert!(next.available.top_up == word.available.top_up, "R5: a day touches the free bucket alone");
        assert!(!self.is_due(&next), "R6: a wallet that was rolled is on its day");
        next
    }
}

impl DaySweep {
    /// What the pass has come to.
    #[must_use]
    pub const fn rolled(&self) -> &ResetTotals {
        &self.rolled
    }

    /// Due wallets that were left to somebody else: their lock was taken, or their cycle had ended too.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes the next slots out of the pass, for a thread that looks at so many of them beside it and then puts the part back:
    /// [`DaySweep::put_back`].
    #[must_use]
    pub fn split_off(&mut self, slots: u32) -> Self {
        assert!(slots > 0, "I9: a pass goes on with each part");
        let (goals, policies) = (Arc::clone(&self.goals), Arc::clone(&self.policies));
        let part = Self { next: self.next, goals, policies, rolled: ResetTotals::default(), left_out: 0 };
        self.next = self.next.saturating_add(slots);
        assert!(part.next <= self.next, "R5: a part lies before what is left of the pass");
        part
    }

    /// Counts what a part of the pass has come to.
    pub fn put_back(&mut self, part: &Self) {
        assert!(Arc::ptr_eq(&self.goals, &part.goals), "R6: a part has the goals of its pass");
        self.rolled = self.rolled.plus(&part.rolled);
        self.left_out = self.left_out.saturating_add(part.left_out);
        let met = self.rolled.days.saturating_add(self.left_out);
        assert!(met <= u64::from(self.next), "R5: a pass meets each wallet once");
    }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Publishes the days that have begun (R6). Requests go by their own time and do so too; who calls this at the
    /// boundary spares them the calendar.
    pub fn end_days(&self, now: Now) {
        self.cohorts.end_days(now.daemon);
    }

    /// An instant before which no day ends in any zone in use.
    pub fn next_day_end(&self) -> Option<Timestamp> {
        self.cohorts.next_day_end().0
    }

    /// Begins a pass over the cohorts whose day has ended since the last; nothing where none has, or where they have no
    /// wallets.
    pub fn begin_day_sweep(&self, now: Now) -> Option<DaySweep> {
        self.end_days(now);
        let begun = self.cohorts.take_begun();
        let mut begun = begun.into_iter().filter(|(cohort, _)| self.cohorts.wallets(*cohort) > 0).peekable();
        begun.peek()?;
        let policies = self.policies.read().clone();
        let mut goals = vec![Goal::default(); ZONES_MAX];
        for (cohort, day) in begun {
            assert!(usize::from(cohort.0) < ZONES_MAX, "I9: zones have a limit");
            if let Some(goal) = goals.get_mut(usize::from(cohort.0)) {
                assert!(goal.day == Day(0), "R6: a zone is swept to one day");
                *goal = self.goal(cohort, day, &policies);
            }
        }
        let (goals, policies) = (goals.into(), Arc::new(policies));
        Some(DaySweep { next: 0, goals, policies, rolled: ResetTotals::default(), left_out: 0 })
    }

    fn goal(&self, cohort: Cohort, day: Day, policies: &FreePolicies) -> Goal {
        let starts_at = self.cohorts.start_of(cohort, day);
        let begins_with = self.cohorts.day_at(cohort, starts_at);
        // A date that a zone leaves out begins with the next.
        assert!(begins_with >= day || starts_at == Timestamp::NEVER, "R6: a day has begun at its start");
        Goal {
            day,
            short_day: Numbers::short_day(day),
            starts_at,
            allowances: [false, true].map(|subscribed| policies.allowance_of(day, subscribed)),
        }
    }

    /// Looks at up to `slots` more wallets, and says whether those were the last.
    pub fn sweep_days(&self, sweep: &mut DaySweep, slots: u32, now: Now) -> bool {
        let before = sweep.rolled;
        let end = sweep.next.saturating_add(slots);
        let mut over = false;
        while sweep.next < end {
            let most = end.saturating_sub(sweep.next);
            let together = self.wallets.taken_from(SlotIndex(sweep.next), most);
            if together.is_empty() {
                over = true;
                break;
            }
            for slot in together {
                sweep.look_at(slot, now);
                sweep.next = sweep.next.saturating_add(1);
            }
        }
        if over {
            self.tidy_beside(now);
        }
        assert!(sweep.next <= end, "I9: a slice of a sweep has a limit");
        assert!(sweep.rolled.days >= before.days, "what was rolled stays rolled");
        let met = sweep.rolled.days.saturating_add(sweep.left_out);
        assert!(met <= u64::from(sweep.next), "R5: a pass meets each wallet once");
        self.resets.add(&sweep.rolled.since(&before));
        over
    }

    /// What resets came to since the start.
    pub fn reset_totals(&self) -> ResetTotals {
        self.resets.totals()
    }
}

impl DaySweep {
    #[inline]
    fn look_at(&mut self, slot: &Slot, now: Now) {
        if self.goal_of(slot).is_none_or(|goal| !goal.is_due(&slot.word.load())) {
            return;
        }
        match slot.try_lock() {
            Some(cold) => self.roll(slot, cold, now),
            None => self.left_out = self.left_out.saturating_add(1),
        }
    }

    /// Rolls one wallet by what its slot says under the lock: a command may have changed zone or subscription.
    #[inline]
    fn roll(&mut self, slot: &Slot, mut cold: impl std::ops::DerefMut<Target = Cold>, now: Now) {
        // A slot without an account is about to be filled, with a word of its own day.
        let Some(goal) = self.goal_of(slot).filter(|_| !slot.account().is_none()) else { return };
        assert!(goal.short_day == Numbers::short_day(goal.day), "R6: a goal is one day");
        let at = now.daemon.max(goal.starts_at);
        if slot.cycle_ends_at() <= at {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let ended = slot.word.transition(|word| {
            if !goal.is_due(word) {
                return (None, None);
            }
            (Some(goal.rolled(word)), Some(DayEnd::of(word, &cold, &goal.numbers(), &self.policies)))
        });
        if let Some(ended) = ended {
            cold.note_day_begins();
            self.rolled.add_day(&ended);
        }
    }

    /// What a wallet is rolled to; nothing where the pass leaves its cohort alone.
    #[inline]
    fn goal_of(&self, slot: &Slot) -> Option<&Goal> {
        self.goals.get(usize::from(slot.cohort().0)).filter(|goal| goal.day > Day(0))
    }
}
