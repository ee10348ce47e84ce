//! The wallet word under every interleaving: each pair and each triple of transitions, run by tasks of their own, comes
//! to what some order of them comes to one after the other. Under loom (`cargo loom`), many rounds of plain threads
//! without it.
//!
//! Every place of the engine that changes a word is one of [`STEPS`]. The order of the tasks does not matter, so a pair
//! or triple is a multiset: 91 pairs, 455 triples, none left out and none bounded.

use crate::bucket::{Slices, Sources, Split};
use crate::credits::Credits;
use crate::engine::running;
use crate::ids::{Day, Period, Tier};
use crate::word::{AtomicWord, Bits, Form, Give, Narrow, Numbers, Snapshot, Take};

#[cfg(loom)]
use loom::{sync::Arc, thread};
#[cfg(not(loom))]
use std::{sync::Arc, thread};

/// Runs the body under every interleaving, or (`LOOM_MAX_PREEMPTIONS`) under those with at most so many preemptions.
#[cfg(loom)]
fn model(body: impl Fn() + Send + Sync + 'static) {
    loom::model::Builder::new().check(body);
}

/// Runs the body a number of times.
#[cfg(not(loom))]
fn model(body: impl Fn() + Send + Sync + 'static) {
    for _ in 0..20 {
        body();
    }
}

/// What the engine does to a word, one transition each.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    /// Reserve and charge.
    Take(u64, Sources, Tier),
    /// A late commit: what there is, past every gate.
    TakeUpTo(u64),
    /// The part of a commit above its hold: all of it or nothing, past every gate.
    Draw(u64),
    /// Release, expiry, refund, top-up: slices of day 1 and period 1.
    Give(u64, u64, u64),
    /// A refund that restores: slices of the day and the period that it saw running, which are 2 after both rolls.
    Restore(u64, u64),
    /// An operator's grant, under the lock: into a running period of any number.
    Grant(u64),
    /// The daily reset to day 2.
    RollDay,
    /// A new period of the subscription bucket.
    RollPeriod,
    /// A command that opens a period under a number that it has decided: another of them beside it is a retry of the
    /// CAS alone, as the lock keeps everybody else out.
    OpenPeriod(u16, u64),
    /// A clawback, or a correction of the top-up bucket.
    Clawback(u64),
    /// A give that nets debt under the lock, which lets the attention bit go.
    Unlock(u64),
}

const STEPS: [Step; 13] = [
    Step::Take(5, Sources::ALL, Tier::NONE),
    Step::Take(9, Sources::NO_TOP_UP, Tier(1)),
    Step::Take(3, Sources::FREE_ONLY, Tier::NONE),
    Step::TakeUpTo(20),
    Step::Draw(8),
    Step::Give(2, 1, 1),
    Step::Restore(2, 1),
    Step::Grant(3),
    Step::RollDay,
    Step::OpenPeriod(2, 4),
    Step::RollPeriod,
    Step::Clawback(4),
    Step::Unlock(2),
];

/// What the task that made a transition was told.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Told {
    Moved(Split),
    Refused(&'static str),
}

fn split(free: u64, subscription: u64, top_up: u64) -> Split {
    let [free, subscription, top_up] = [free, subscription, top_up].map(Credits::from_millis);
    Split { free, subscription, top_up }
}

/// The numbers that the engine widens a word's short ones by.
const NUMBERS: Numbers = Numbers { day: Day(1), period: Period(1) };

/// The slices of the periods that run, into the word.
fn give(word: &Snapshot, slices: &Slices) -> (Option<Snapshot>, Told) {
    let back = running(word, slices, &NUMBERS);
    match word.give(&back, &Bits::NARROW) {
        Give::Given(next) => (Some(next), Told::Moved(back)),
        Give::Attention => (None, Told::Refused("attention")),
    }
}

/// One transition as the engine makes it: a pure function of the word.
fn decide(step: Step, word: &Snapshot) -> (Option<Snapshot>, Told) {
    let bits = &Bits::NARROW;
    match step {
        Step::Take(amount, sources, tier) => match word.take(Credits::from_millis(amount), sources, tier) {
            Take::Granted(next, taken) => (Some(next), Told::Moved(taken)),
            Take::Attention => (None, Told::Refused("attention")),
            Take::TierRequired => (None, Told::Refused("tier")),
            Take::Insufficient => (None, Told::Refused("insufficient")),
        },
        Step::TakeUpTo(amount) => {
            let (next, taken) = word.take_up_to(Credits::from_millis(amount), Sources::ALL);
            (Some(next), Told::Moved(taken))
        }
        Step::Draw(amount) => {
            let (next, taken) = word.take_up_to(Credits::from_millis(amount), Sources::ALL);
            if taken.total() < Credits::from_millis(amount) {
                return (None, Told::Refused("insufficient"));
            }
            (Some(next), Told::Moved(taken))
        }
        Step::Give(free, subscription, top_up) => {
            give(word, &Slices { split: split(free, subscription, top_up), day: Day(1), period: Period(1) })
        }
        Step::Restore(free, subscription) => {
            give(word, &Slices { split: split(free, subscription, 0), day: Day(2), period: Period(2) })
        }
        Step::Grant(amount) => {
            let given = split(0, amount, 0);
            (Some(word.plus(&given, bits)), Told::Moved(given))
        }
        Step::RollDay if word.day == 2 => (None, Told::Refused("rolled")),
        Step::RollDay => {
            let available = Split { free: Credits::from_millis(7), ..word.available };
            (Some(Snapshot { available, day: 2, ..*word }), Told::Moved(split(word.available.free.millis(), 0, 0)))
        }
        Step::RollPeriod => {
            let gone = split(0, word.available.subscription.millis(), 0);
            let available = Split { subscription: Credits::from_millis(6), ..word.available };
            (Some(Snapshot { available, period: word.period + 1, tier: Tier::NONE, ..*word }), Told::Moved(gone))
        }
        Step::OpenPeriod(period, amount) => {
            let gone = split(0, word.available.subscription.millis(), 0);
            let available = Split { subscription: Credits::from_millis(amount), ..word.available };
            (Some(Snapshot { available, period, tier: Tier(2), ..*word }), Told::Moved(gone))
        }
        Step::Clawback(amount) => {
            let taken = word.available.top_up.min(Credits::from_millis(amount));
            let available = Split { top_up: word.available.top_up - taken, ..word.available };
            let attention = word.attention || taken < Credits::from_millis(amount);
            (Some(Snapshot { available, attention, ..*word }), Told::Moved(split(0, 0, taken.millis())))
        }
        Step::Unlock(amount) => {
            let next = word.plus(&split(0, 0, amount), bits);
            (Some(Snapshot { attention: false, ..next }), Told::Moved(split(0, 0, amount)))
        }
    }
}

fn start() -> Snapshot {
    Snapshot { available: split(6, 5, 3), day: 1, period: 1, tier: Tier(1), attention: false }
}

/// Every order of up to three things.
fn orders(count: usize) -> &'static [&'static [usize]] {
    match count {
        2 => &[&[0, 1], &[1, 0]],
        _ => &[&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]],
    }
}

/// Whether some order of the steps, one after the other, tells and leaves the same.
fn explained(steps: &[Step], told: &[Told], left: Snapshot) -> bool {
    orders(steps.len()).iter().any(|order| {
        let mut word = start();
        let same = order.iter().all(|index| {
            let (next, one) = decide(steps[*index], &word);
            word = next.unwrap_or(word);
            one == told[*index]
        });
        same && word == left
    })
}

/// The last step is run by the task that waits for the others: a task less for loom to order.
fn check<F: Form>(steps: &[Step])
where
    F::Cell: 'static,
{
    let steps = steps.to_vec();
    model(move || {
        let word = Arc::new(AtomicWord::<F>::new(start()));
        let Some((last, others)) = steps.split_last() else { return };
        let tasks: Vec<_> = others
            .iter()
            .map(|step| {
                let (word, step) = (Arc::clone(&word), *step);
                thread::spawn(move || word.transition(|now| decide(step, now)))
            })
            .collect();
        let told_here = word.transition(|now| decide(*last, now));
        let mut told: Vec<Told> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        told.push(told_here);
        let left = word.load();
        assert!(explained(&steps, &told, left), "no order explains {steps:?}: told {told:?}, left {left:?}");
    });
}

/// Every multiset of `count` steps.
fn multisets(count: usize) -> Vec<Vec<Step>> {
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let larger = |set: &Vec<usize>| {
            let from = set.last().copied().unwrap_or(0);
            (from..STEPS.len()).map(|next| [set.as_slice(), &[next]].concat()).collect::<Vec<_>>()
        };
        sets = sets.iter().flat_map(larger).collect();
    }
    sets.iter().map(|set| set.iter().map(|index| STEPS[*index]).collect()).collect()
}

#[test]
fn loom_every_pair_of_transitions_is_atomic() {
    let pairs = multisets(2);
    assert_eq!(pairs.len(), 91);
    pairs.iter().for_each(|pair| check::<Narrow>(pair));
}

#[test]
fn loom_every_triple_of_transitions_is_atomic() {
    let triples = multisets(3);
    assert_eq!(triples.len(), 455);
    triples.iter().for_each(|triple| check::<Narrow>(triple));
}

/// A word whose exchange looks and stores in two steps.
#[cfg(loom)]
struct Torn;

#[cfg(loom)]
struct TornCell(loom::sync::atomic::AtomicU64);

#[cfg(loom)]
impl Form for Torn {
    type Cell = TornCell;
    const BITS: Bits = Bits::NARROW;
}

#[cfg(loom)]
impl crate::word::Cell for TornCell {
    fn new(value: u128) -> Self {
        Self(loom::sync::atomic::AtomicU64::new(u64::try_from(value).unwrap()))
    }

    fn load(&self) -> u128 {
        u128::from(self.0.load(crate::sync::Ordering::Acquire))
    }

    fn replace(&self, current: u128, new: u128) -> Result<(), u128> {
        let now = self.load();
        if now != current {
            return Err(now);
        }
        self.0.store(u64::try_from(new).unwrap(), crate::sync::Ordering::Release);
        Ok(())
    }
}

/// The harness is not blind: the bug of the two steps is found.
#[cfg(loom)]
#[test]
#[should_panic(expected = "no order explains")]
fn loom_finds_an_exchange_in_two_steps() {
    check::<Torn>(&[Step::Take(5, Sources::ALL, Tier::NONE), Step::RollDay]);
}

#[test]
fn loom_a_reset_never_overwrites_a_concurrent_spend() {
    model(|| {
        let word = Arc::new(AtomicWord::<Narrow>::new(start()));
        let rolling = Arc::clone(&word);
        let task = thread::spawn(move || rolling.transition(|now| decide(Step::RollDay, now)));
        let taken = word.transition(|now| decide(Step::Take(5, Sources::FREE_ONLY, Tier::NONE), now));
        let rolled = task.join().unwrap();
        assert_eq!(taken, Told::Moved(split(5, 0, 0)));
        // Either the old day paid and its rest went, or the new one pays.
        let left = word.load().available.free.millis();
        assert!(
            rolled == Told::Moved(split(1, 0, 0)) && left == 7 || rolled == Told::Moved(split(6, 0, 0)) && left == 2
        );
    });
}
