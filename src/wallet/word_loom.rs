//! The wallet word under every interleaving: each pair of transitions, and the triples that matter, run by tasks of
//! their own, comes to what some order of them comes to one after the other. Under loom
//! (`RUSTFLAGS="--cfg loom" cargo test -p wallet --lib loom --release`), many rounds of plain threads without it.

use crate::bucket::{Slices, Sources, Split};
use crate::credits::Credits;
use crate::engine::running;
use crate::ids::{Day, Period, Tier};
use crate::word::{AtomicWord, Bits, Give, Narrow, Numbers, Snapshot, Take};

#[cfg(loom)]
use loom::{sync::Arc, thread};
#[cfg(not(loom))]
use std::{sync::Arc, thread};

/// Runs the body under every interleaving; with a bound, under every one with at most so many preemptions.
#[cfg(loom)]
fn model(preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(body);
}

/// Runs the body a number of times.
#[cfg(not(loom))]
fn model(_preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    for _ in 0..20 {
        body();
    }
}

/// What the engine does to a word, one transition each.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    /// Reserve and charge.
    Take(u64, Sources, Tier),
    /// Draw and re-debit.
    TakeUpTo(u64),
    /// Release, refund, expiry, top-up: slices of day 1 and period 1.
    Give(u64, u64, u64),
    /// The daily reset to day 2.
    RollDay,
    /// A new period of the subscription bucket.
    RollPeriod,
    /// A clawback of more than there is.
    Clawback(u64),
    /// A give that nets debt under the lock, which lets the attention bit go.
    Unlock(u64),
}

const STEPS: [Step; 9] = [
    Step::Take(5, Sources::ALL, Tier::NONE),
    Step::Take(9, Sources::NO_TOP_UP, Tier(1)),
    Step::Take(3, Sources::FREE_ONLY, Tier::NONE),
    Step::TakeUpTo(20),
    Step::Give(2, 1, 1),
    Step::RollDay,
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

/// One transition as the engine makes it: a pure function of the word.
fn decide(step: Step, word: &Snapshot) -> (Option<Snapshot>, Told) {
    let numbers = Numbers { day: Day(1), period: Period(1) };
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
        Step::Give(free, subscription, top_up) => {
            let slices = Slices { split: split(free, subscription, top_up), day: Day(1), period: Period(1) };
            let back = running(word, &slices, &numbers);
            match word.give(&back, bits) {
                Give::Given(next) => (Some(next), Told::Moved(back)),
                Give::Attention => (None, Told::Refused("attention")),
            }
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

fn check(preemptions: Option<usize>, steps: &[Step]) {
    let steps = steps.to_vec();
    model(preemptions, move || {
        let word = Arc::new(AtomicWord::<Narrow>::new(start()));
        let tasks: Vec<_> = steps
            .iter()
            .map(|step| {
                let (word, step) = (Arc::clone(&word), *step);
                thread::spawn(move || word.transition(|now| decide(step, now)))
            })
            .collect();
        let told: Vec<Told> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        let left = word.load();
        assert!(explained(&steps, &told, left), "no order explains {steps:?}: told {told:?}, left {left:?}");
    });
}

#[test]
fn loom_every_pair_of_transitions_is_atomic() {
    for (index, one) in STEPS.iter().enumerate() {
        for two in &STEPS[index..] {
            check(None, &[*one, *two]);
        }
    }
}

const TAKE: Step = Step::Take(5, Sources::ALL, Tier::NONE);
const GIVE: Step = Step::Give(2, 1, 1);

/// The triples in which a third task can meet what the other two left half done.
const TRIPLES: [[Step; 3]; 8] = [
    [TAKE, TAKE, TAKE],
    [TAKE, TAKE, GIVE],
    [TAKE, GIVE, GIVE],
    [TAKE, GIVE, Step::RollDay],
    [TAKE, GIVE, Step::RollPeriod],
    [TAKE, Step::TakeUpTo(20), Step::RollDay],
    [GIVE, Step::Clawback(4), Step::Unlock(2)],
    [TAKE, Step::Clawback(4), Step::RollPeriod],
];

/// Three tasks have too many interleavings to try all: every one with at most three preemptions.
#[test]
fn loom_triples_of_transitions_are_atomic() {
    for triple in &TRIPLES {
        check(Some(3), triple);
    }
}

#[test]
fn loom_a_reset_never_overwrites_a_concurrent_spend() {
    model(None, || {
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
