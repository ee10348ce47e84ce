//! Rolling a wallet over the boundaries that have passed (R5, R10, R35), lazily and under its lock.

use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Day, Now, Tier, Timestamp};
use crate::record::{CycleRoll, Record};
use crate::slot::{Cold, Slot};
use crate::word::{Numbers, Snapshot};

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Whether a boundary has passed that this word has not been rolled over.
    pub(crate) fn is_due(&self, slot: &Slot, word: &Snapshot, now: Now) -> bool {
        if slot.cycle_ends_at() <= now.daemon {
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
        let cold = slot.lock();
        self.roll_locked(slot, &cold, now);
    }

    /// Rolls what is due; the guard shows that the caller holds the lock. Cycle and lapse come before the day (R10).
    pub(crate) fn roll_locked(&self, slot: &Slot, _lock: &Cold, now: Now) {
        let boundary = slot.cycle_ends_at();
        if boundary <= now.daemon {
            // The days up to the boundary come with the tier of before it (R7, R35).
            self.roll_day(slot, self.cohorts.day_at(slot.cohort(), boundary.minus_millis(1)), now);
            self.roll_cycle(slot, boundary, now);
        }
        self.roll_day(slot, self.today(slot, now).day, now);
    }

    /// The end of a cycle is a record, pushed alone and at once: the caller may hold records that are not pushed yet.
    fn roll_cycle(&self, slot: &Slot, boundary: Timestamp, now: Now) {
        let numbers = self.numbers(slot, now);
        let word = slot.word.load();
        let roll = CycleRoll {
            account: slot.account(),
            day: numbers.day_of(&word),
            period: numbers.period_of(&word).next(),
            allocation: Credits::ZERO,
            tier: Tier::NONE,
            ends_at: Timestamp::NONE,
            at: boundary,
        };
        self.journal.push(&[Record::CycleRoll(vec![roll])]);
        slot.word.transition(|word| {
            let mut next = *word;
            next.available.subscription = roll.allocation;
            next.tier = roll.tier;
            next.period = Numbers::short_period(roll.period);
            (Some(next), ())
        });
        slot.set_period(roll.period);
        slot.set_cycle_ends_at(roll.ends_at);
    }

    /// A day roll has no record: replay rolls a row when a record of a later day comes.
    fn roll_day(&self, slot: &Slot, day: Day, now: Now) {
        let numbers = self.numbers(slot, now);
        let policies = self.policies.read();
        slot.word.transition(|word| {
            if numbers.day_of(word) >= day {
                return (None, ());
            }
            let mut next = *word;
            next.available.free = policies.allowance(day, word.tier);
            next.day = Numbers::short_day(day);
            (Some(next), ())
        });
    }
}
