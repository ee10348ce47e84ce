//! Two tasks on one wallet word, one of them in the middle of the other: a reset beside spends and returns. The whole
//! set of interleavings is small enough to be listed: what a task does between its look at the word and its exchange.
//!
//! The word and its transitions are the real ones; `wallet` runs them under loom too.

use std::cell::Cell;

use wallet::bucket::{Bucket, Sources, Split};
use wallet::credits::Credits;
use wallet::ids::Tier;
use wallet::word::{AtomicWord, Bits, Give, Snapshot, Take, Wide};

/// How a reset changes the word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reset {
    /// As the engine's rolls do: decided anew for each word that it meets.
    ByExchange,
    /// The bug: decided once, for the word that was there before, and written over whatever is there by then.
    Overwrites,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resets {
    Day,
    Period,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Other {
    Take(u64, Sources),
    TakeUpTo(u64),
    Return(u64),
}

const OTHERS: [Other; 6] = [
    Other::Take(5, Sources::ALL),
    Other::Take(30, Sources::ALL),
    Other::Take(9, Sources::NO_TOP_UP),
    Other::Take(3, Sources::FREE_ONLY),
    Other::TakeUpTo(60),
    Other::Return(4),
];

const fn credits(millis: u64) -> Credits {
    Credits::from_millis(millis)
}

fn before() -> Snapshot {
    let available = Split { free: credits(10), subscription: credits(20), top_up: credits(40) };
    Snapshot { available, day: 1, period: 1, tier: Tier(1), attention: false }
}

/// What the word is after a reset, and what has expired by it.
fn reset(kind: Resets, word: &Snapshot) -> Snapshot {
    let mut next = *word;
    match kind {
        Resets::Day => (next.available.free, next.day) = (credits(100), 2),
        Resets::Period => (next.available.subscription, next.period) = (credits(200), 2),
    }
    next
}

/// Does the other task's work and says what it took, and what it gave.
fn run(other: Other, word: &AtomicWord<Wide>) -> (Split, Split) {
    word.transition(|seen| match other {
        Other::Take(amount, sources) => match seen.take(credits(amount), sources, Tier::NONE) {
            Take::Granted(next, taken) => (Some(next), (taken, Split::ZERO)),
            _ => (None, (Split::ZERO, Split::ZERO)),
        },
        Other::TakeUpTo(amount) => {
            let (next, taken) = seen.take_up_to(credits(amount), Sources::ALL);
            (Some(next), (taken, Split::ZERO))
        }
        Other::Return(amount) => {
            let given = Split::only(Bucket::TopUp, credits(amount));
            match seen.give(&given, &Bits::WIDE) {
                Give::Given(next) => (Some(next), (Split::ZERO, given)),
                Give::Attention => (None, (Split::ZERO, Split::ZERO)),
            }
        }
    })
}

/// A reset, and the other task at one of its three places: before it, between its look and its exchange, after it.
/// Says what of the other task's work was lost or made up.
fn interleaved(how: Reset, kind: Resets, other: Other, place: usize) -> Result<(), String> {
    let word = AtomicWord::<Wide>::new(before());
    let done = Cell::new(None);
    let at = |here: usize| {
        if here == place && done.get().is_none() {
            done.set(Some(run(other, &word)));
        }
    };
    at(0);
    let mut met = word.load();
    match how {
        Reset::ByExchange => {
            met = word.transition(|seen| {
                at(1);
                (Some(reset(kind, seen)), *seen)
            });
        }
        Reset::Overwrites => {
            at(1);
            word.transition(|_| (Some(reset(kind, &met)), ()));
        }
    }
    at(2);
    let (taken, given) = done.get().unwrap();
    // What was there, less what the reset found in its bucket, plus its grant, less what was taken, plus what was given.
    let after = word.load().available;
    let granted = reset(kind, &met).available;
    for bucket in Bucket::ALL {
        let moved = |split: &Split| i128::from(split.of(bucket).millis());
        let of_reset = moved(&granted) - moved(&met.available);
        let expected = moved(&before().available) + of_reset - moved(&taken) + moved(&given);
        if moved(&after) != expected {
            return Err(format!("I2: {kind:?}, {other:?} at {place}: {bucket:?} has {after:?}, expected {expected}"));
        }
    }
    Ok(())
}

fn all(how: Reset) -> Vec<Result<(), String>> {
    let mut found = Vec::new();
    for kind in [Resets::Day, Resets::Period] {
        for other in OTHERS {
            found.extend((0..3).map(|place| interleaved(how, kind, other, place)));
        }
    }
    found
}

#[test]
fn a_reset_never_overwrites_what_runs_beside_it() {
    for found in all(Reset::ByExchange) {
        found.unwrap();
    }
}

/// Whether a reset that overwrites is noticed: in how many of the interleavings.
pub(super) fn overwriting_resets_found() -> (usize, usize) {
    let all = all(Reset::Overwrites);
    (all.iter().filter(|found| found.is_err()).count(), all.len())
}
