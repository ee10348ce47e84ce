//! Rolling a wallet over the boundaries that have passed (R5, R10, R35), lazily and under its lock.

use crate::almanac::Almanac;
use crate::calendar::Today;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Day, Now, PlanId, Tier, Timestamp};
use crate::record::{CycleRoll, Record};
use crate::resets::{DayEnd, ResetTotals};
use crate::slot::{Cold, Slot};
use crate::subscription::{PendingChange, Rolled, roll_over_by};
use crate::word::{Numbers, Snapshot};

/// A roll over the end of a cycle that is due.
pub(crate) struct DueRoll {
    pub(crate) record: CycleRoll,
    rolled: Rolled,
    /// The day beside it, to which the wallet is rolled next.
    pub(crate) day: Day,
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Whether a boundary has passed that this word has not been rolled over, or what waits beside it finds room.
    pub(crate) fn is_due(&self, slot: &Slot, word: &Snapshot, now: Now) -> bool {
        if slot.cycle_ends_at() <= now.daemon || self.finds_room(slot, word, now) {
            return true;
        }
        let numbers = self.numbers(slot, now);
        word.day != Numbers::short_day(numbers.day) && numbers.day_of(word) < numbers.day
    }

    /// Rolls the wallet if a boundary has passed. Call without an entry or a lock in hand.
    pub(crate) fn roll_if_due(&self, slot: &Slot, now: Now) {
        if self.is_due(slot, &slot.word.load(), now) {
            self.roll(slot, now);
        }
    }

    /// Takes the lock, looks again, and rolls what is due.
    pub(crate) fn roll(&self, slot: &Slot, now: Now) {
        self.roll_locked(slot, &mut slot.lock(), now);
    }

    /// Rolls what is due; the guard shows that the caller holds the lock. Cycle and lapse come before the day (R10).
    pub(crate) fn roll_locked(&self, slot: &Slot, cold: &mut Cold, now: Now) {
        self.roll_to(slot, cold, self.today(slot, now), now);
        self.bring_in(slot, cold, now);
    }

    /// Rolls to one day, which was read once: another request, with a later `now`, may publish the next one meanwhile, at
    /// whose start a cycle ends too.
    pub(crate) fn roll_to(&self, slot: &Slot, cold: &mut Cold, today: Today, now: Now) {
        slot.assert_in_step(cold);
        if let Some(rolled) = self.due_roll(slot, cold, &mut Almanac::default(), (today, now)) {
            // A record of its own, before those that the caller has not pushed yet. It wakes nobody: the next push does, or the shell.
            self.journal.push_in_passing(&[Record::CycleRoll(vec![rolled.record])]);
            self.apply_roll(slot, cold, &rolled);
            assert!(slot.cycle_ends_at() > rolled.record.at, "R10: a roll leaves the boundary behind");
            if let Some(index) = self.wallets.find(slot.account()) {
                self.wallets.note_cycle_end(index);
            }
        }
        self.roll_day(slot, cold, today.day, now);
        slot.assert_in_step(cold);
    }

    /// The roll over the end of a cycle, or the lapse, that is due; nothing of it has been applied. It is decided at the
    /// instant of the day beside it: where another request, with a later `now`, has published a day that begins after this
    /// one's `now`, it is the start of that day.
    pub(crate) fn due_roll(
        &self,
        slot: &Slot,
        cold: &mut Cold,
        almanac: &mut Almanac,
        (today, now): (Today, Now),
    ) -> Option<DueRoll> {
        let cohort = slot.cohort();
        if slot.cycle_ends_at() >= today.ends_at {
            return None;
        }
        assert!(today.ends_at > now.daemon, "R6: a day that has ended is not today");
        let at = now.daemon.max(almanac.start_of(&self.cohorts, cohort, today.day));
        if slot.cycle_ends_at() > at {
            return None;
        }
        let before = slot.subscription(cold)?;
        let pending = self.pending_change(slot, cold);
        let rolled = roll_over_by(&before, pending.as_ref(), &mut almanac.of(&self.cohorts, cohort), at)?;
        assert!(rolled.boundary <= at, "R10: a boundary that has not come");
        assert!(rolled.after.is_none_or(|after| at < after.due_at()), "R35: a roll stops short of what is due");
        // The days up to the boundary come with the tier of before it (R7, R35).
        self.roll_day(slot, cold, almanac.day_before(&self.cohorts, cohort, rolled.boundary), now);
        let numbers = self.numbers(slot, now);
        Some(DueRoll { record: record(slot, &rolled, &numbers, &slot.word.load()), rolled, day: today.day })
    }

    /// Applies a roll whose record has its place; the lock has been held since it was found due. The word changes before
    /// the next instant is published: who sees that one sees the new period too.
    pub(crate) fn apply_roll(&self, slot: &Slot, cold: &mut Cold, due: &DueRoll) -> ResetTotals {
        let DueRoll { record: roll, rolled, .. } = due;
        assert!(roll.account == slot.account(), "a roll of another wallet");
        assert!(roll.period > slot.period(), "I7: a period that was used before");
        assert!(rolled.after.is_some() == (roll.tier > Tier::NONE), "R11: a lapse leaves no tier");
        assert!(rolled.after.is_some() || roll.allocation.is_zero(), "R11: a lapse leaves nothing");
        let left = slot.word.transition(|word| {
            let mut next = *word;
            next.available.subscription = roll.allocation;
            next.tier = roll.tier;
            next.period = Numbers::short_period(roll.period);
            assert!(next.available.free == word.available.free, "R10: a cycle touches the subscription bucket alone");
            assert!(next.available.top_up == word.available.top_up, "R15: top-up credits stay");
            (Some(next), word.available.subscription)
        });
        slot.set_period(roll.period);
        if rolled.changed || rolled.after.is_none() {
            self.set_pending(slot, cold, None);
        }
        slot.set_subscription(cold, rolled.after.as_ref());
        assert!(slot.subscription(cold) == rolled.after, "R10: a roll leaves what its record says");
        slot.assert_in_step(cold);
        let lapses = u64::from(rolled.after.is_none());
        let cycles = 1_u64.saturating_sub(lapses);
        let totals = ResetTotals {
            cycles,
            lapses,
            subscription_granted: roll.allocation,
            subscription_expired: left,
            ..ResetTotals::default()
        };
        self.resets.add(&totals);
        totals
    }

    /// A day roll has no record: replay rolls a row when a record of a later day comes.
    pub(crate) fn roll_day(&self, slot: &Slot, cold: &mut Cold, day: Day, now: Now) {
        let numbers = self.numbers(slot, now);
        assert!(day <= numbers.day, "R6: a day that has not come");
        let policies = self.policies.read();
        let ended = slot.word.transition(|word| {
            if numbers.day_of(word) >= day {
                return (None, None);
            }
            let mut next = *word;
            next.available.free = policies.allowance(day, word.tier);
            next.day = Numbers::short_day(day);
            assert!(numbers.day_of(&next) == day, "R6: a day that a word can name");
            assert!(
                next.available.subscription == word.available.subscription,
                "R5: a day touches the free bucket alone"
            );
            assert!(next.available.top_up == word.available.top_up, "R5: a day touches the free bucket alone");
            (Some(next), Some(DayEnd::of(word, cold, &numbers, &policies)))
        });
        if let Some(ended) = ended {
            cold.note_day_begins();
            let mut rolled = ResetTotals::default();
            rolled.add_day(&ended);
            self.resets.add(&rolled);
        }
        assert!(numbers.day_of(&slot.word.load()) >= day, "R6: a wallet that was rolled is on its day");
    }

    /// The change that waits for the next boundary; call with the lock held.
    pub(crate) fn pending_change(&self, slot: &Slot, cold: &Cold) -> Option<PendingChange> {
        if !cold.has_pending {
            return None;
        }
        let pending = self.pending_changes.lock().get(&slot.account()).copied();
        assert!(pending.is_some(), "R12: a pending change that is noted is there");
        pending
    }

    /// Sets the change that waits for the next boundary; call with the lock held.
    pub(crate) fn set_pending(&self, slot: &Slot, cold: &mut Cold, pending: Option<PendingChange>) {
        assert!(pending.is_none_or(|of| of.tier > Tier::NONE), "R12: a change to a plan without a tier");
        if !cold.has_pending && pending.is_none() {
            return;
        }
        let mut changes = self.pending_changes.lock();
        match pending {
            Some(pending) => changes.insert(slot.account(), pending),
            None => changes.remove(&slot.account()),
        };
        assert!(
            changes.contains_key(&slot.account()) == pending.is_some(),
            "R12: what waits is noted, and nothing else"
        );
        cold.has_pending = pending.is_some();
    }
}

fn record(slot: &Slot, rolled: &Rolled, numbers: &Numbers, word: &Snapshot) -> CycleRoll {
    let lapse = CycleRoll {
        account: slot.account(),
        day: numbers.day_of(word),
        period: numbers.period_of(word).next(),
        allocation: Credits::ZERO,
        tier: Tier::NONE,
        ends_at: Timestamp::NONE,
        at: rolled.boundary,
        plan: PlanId::NONE,
        cycle: 0,
        skipped: rolled.skipped,
        changed: rolled.changed,
    };
    assert!(numbers.period == numbers.period_of(word), "I7: the slot has the word's period while it is locked");
    assert!(lapse.period > numbers.period, "I7: a roll opens a new period");
    let begins_at = rolled.after.map_or(rolled.boundary, |after| after.starts_at);
    assert!(begins_at == rolled.boundary, "R10: a cycle begins at its boundary");
    match rolled.after {
        None => lapse,
        Some(after) => CycleRoll {
            allocation: after.allocation,
            tier: after.tier,
            ends_at: after.ends_at,
            plan: after.plan,
            cycle: after.cycle,
            ..lapse
        },
    }
}
