//! The simulator: one seed in, the same bytes out. The engine under made-up traffic, a virtual clock, lagging
//! projections and crashes at any record, compared answer by answer with a plain model of the rules.
//!
//! `SIM_OPERATIONS` and `SIM_SEED` make it run longer and elsewhere. A failure prints its seed and a short list of
//! steps that still fails.

mod ground;
mod model;
mod random;
mod requests;
mod world;
mod zones;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ground::{Ground, PlainGround, Rows};
use world::{Planted, Step, Tally, World, steps};

const STEPS: usize = 1_500;

/// A shorter list is a help, not a proof: it may take this many runs.
const SHORTENING_RUNS_MAX: usize = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn run<G: Ground>(seed: u64, steps: &[Step], planted: Planted) -> Result<Tally, String> {
    let run = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::<G>::new(seed, planted);
        world.run(steps).map(|()| world.tally)
    }));
    run.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// Leaves out steps, in halves and then in smaller parts, as long as the rest still fails.
fn shorten<G: Ground>(seed: u64, failing: &[Step], planted: Planted) -> (Vec<Step>, String) {
    let mut best = failing.to_vec();
    let mut part = best.len() / 2;
    let mut wrong = run::<G>(seed, &best, planted).err().unwrap_or_default();
    let mut runs = 0;
    while part > 0 && runs < SHORTENING_RUNS_MAX {
        let mut at = 0;
        while at < best.len() {
            let mut shorter = best.clone();
            shorter.drain(at..(at + part).min(best.len()));
            runs += 1;
            match run::<G>(seed, &shorter, planted) {
                Err(still) => {
                    best = shorter;
                    wrong = still;
                }
                Ok(_) => at += part,
            }
        }
        part /= 2;
    }
    (best, wrong)
}

fn simulate<G: Ground>(first_seed: u64, operations: u64) -> Tally {
    let mut tally = Tally::default();
    let mut seed = first_seed;
    while tally.operations < operations {
        let all = steps(seed, STEPS);
        match run::<G>(seed, &all, Planted::Nothing) {
            Ok(one) => tally.add(&one),
            Err(first) => {
                let (short, wrong) = shorten::<G>(seed, &all, Planted::Nothing);
                panic!("seed {seed}: {first}\nshortened to {} steps: {short:#?}\n{wrong}", short.len());
            }
        }
        seed += 1;
    }
    tally
}

#[test]
fn the_engine_answers_like_the_model_through_crashes() {
    let seed = number("SIM_SEED").unwrap_or(1);
    let tally = simulate::<PlainGround>(seed, number("SIM_OPERATIONS").unwrap_or(100_000));
    println!("{tally:#?}");
}
