//! Corrections by an operator (R33): credits taken out of one bucket, at most what is there.

use crate::bucket::{Bucket, Split};
use crate::command::{Executed, Locked};
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Now, Tier};
use crate::outcome::Outcome;
use crate::record::{Correct, Issuer, Record};
use crate::request::Answer;

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Takes credits out of the running period of a bucket; they count as clawed back. A take: the word first, then
    /// the record.
    pub(crate) fn correct(
        &self,
        on: &Locked<'_>,
        (bucket, requested): (Bucket, Credits),
        issuer: Issuer,
        now: Now,
    ) -> Executed {
        let slot = on.slot;
        if bucket == Bucket::Subscription && slot.word.load().tier == Tier::NONE {
            return Err(Answer::of(Outcome::NotSubscribed));
        }
        assert!(!requested.is_zero(), "R33: a correction of nothing");
        let (word, amount) = slot.word.transition(|word| {
            let taken = Split::only(bucket, word.available.of(bucket).min(requested));
            let next = crate::word::Snapshot { available: word.available.minus(&taken), ..*word };
            (Some(next), (next, taken.of(bucket)))
        });
        let numbers = self.numbers(slot, now);
        let (day, period) = (numbers.day_of(&word), numbers.period_of(&word));
        assert!(amount <= requested, "R33: a correction takes at most what was asked for");
        assert!(amount == requested || word.available.of(bucket).is_zero(), "R33: it takes all that is there");
        // Who came with a later time may have published the next day meanwhile.
        assert!(day.0.saturating_add(1) >= numbers.day.0, "I7: a correction of a day that has ended");
        assert!(period == slot.period(), "I7: a correction of another period");
        on.assert_in_step(self.debt_of(on.index));
        let record = Correct { account: slot.account(), bucket, requested, amount, day, period, issuer };
        Ok((self.pushed(Record::Correct(record)), corrected(bucket, amount)))
    }
}

/// What a correction tells, and tells again to its retry (R13).
pub(crate) fn corrected(bucket: Bucket, amount: Credits) -> Answer {
    let mut answer = Answer::of(Outcome::Done).with_amount(amount);
    answer.split = Split::only(bucket, amount);
    answer
}
