//! Years in seconds: many wallets in all zones of the database, anchored on all days of a month and at all times of the
//! day, live through restarts and steps of the clock, and every answer, every balance and every grant is the model's.
//!
//! `AGES_DAYS`, `AGES_WALLETS`, `AGES_FRAMES` (a day, of a dozen requests) and `AGES_SEED` make it longer and elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ground::PlainGround;
use super::planted::Planted;
use super::world::{Ages, World};
use super::{number, told};

fn live(seed: u64, ages: Ages) {
    let mut world = World::<PlainGround>::new(seed, Planted::Nothing);
    let course = world.live(seed, ages).unwrap_or_else(|wrong| panic!("AGES_SEED={seed} {ages:?}: {wrong}"));
    println!("seed {seed} {ages:?}: {course:#?}\n{:#?}", world.tally);
    assert!(course.journal.cycle_rolls > 0 && course.boundaries_counted > 0 && course.journal.lapses > 0);
    // What is rare is sure to come in a long life only.
    if ages.days >= 10_000 {
        assert!(course.journal.skipped > 0, "no cycle was missed");
        assert!(course.restarts > 0 && course.steps_back > 0 && course.steps_forward > 0);
    }
}

fn asked_for(days: u64, wallets: u64, frames_a_day: u64) -> Ages {
    Ages {
        days: number("AGES_DAYS").unwrap_or(days),
        wallets: number("AGES_WALLETS").unwrap_or(wallets),
        frames_a_day: number("AGES_FRAMES").unwrap_or(frames_a_day),
    }
}

#[test]
fn ten_thousand_days_miss_nothing_and_double_nothing() {
    live(number("AGES_SEED").unwrap_or(1), asked_for(10_000, 700, 3));
}

/// What a short life shows of a planted bug.
pub(super) fn found(planted: Planted) -> Option<String> {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let ages = Ages { days: 100, wallets: 60, frames_a_day: 2 };
        World::<PlainGround>::new(1, planted).live(1, ages).err()
    }));
    lived.unwrap_or_else(|panic| Some(told(&*panic)))
}

#[test]
fn a_short_life_without_a_planted_bug_shows_nothing() {
    assert_eq!(found(Planted::Nothing), None);
}
