//! A short run that ends at every call of its store: behind each call, and at each append in every way in which one can
//! fail. What was acknowledged is there, nothing is doubled, and each of these runs is the same the second time.

use journal::faulty::Fault;

use super::disk::DiskGround;
use super::ground::Entry;
use super::planted::Planted;
use super::store::{Call, Calls, End};
use super::world::{Kind, Step, World, steps};

const SEED: u64 = 11;
const STEPS: usize = 64;

const FAULTS: [Fault; 6] = [
    Fault::Full,
    Fault::FailedAndLost,
    Fault::FailedAndThere,
    Fault::FailedAndThereLater,
    Fault::Torn { bytes: 0 },
    Fault::Torn { bytes: 300 },
];

struct Lived {
    transcript: u64,
    recorded: Vec<Entry>,
    crashes: u64,
    calls: Vec<Call>,
}

fn live(steps: &[Step], end: End) -> Lived {
    let calls = Calls::ending(end);
    let mut world = World::<DiskGround>::over(SEED, Planted::Nothing, |seed| {
        DiskGround::with_calls(seed, Planted::Nothing, calls.clone())
    });
    if let Err(wrong) = world.run(steps) {
        panic!("seed {SEED}, {end:?}: {wrong}");
    }
    let (transcript, crashes) = (world.tally.transcript, world.tally.crashes);
    Lived { transcript, recorded: world.recorded(), crashes, calls: calls.seen() }
}

/// The steps of the seed, with what a daemon writes and projects behind each.
fn short_run() -> Vec<Step> {
    let written = |step: Step| {
        let more = [Kind::Write, Kind::Project, Kind::Flush].map(|kind| Step { kind, ..step });
        [step].into_iter().chain(more)
    };
    steps(SEED, STEPS).into_iter().flat_map(written).collect()
}

#[test]
fn a_run_that_ends_at_any_call_of_its_store_is_right_and_always_the_same() {
    let steps = short_run();
    let whole = live(&steps, End::Nowhere);
    let mut ends = Vec::new();
    for (number, call) in whole.calls.iter().enumerate() {
        ends.push(End::Call(number));
        if let Call::Append { life, append } = *call {
            // A journal that cannot be opened the first time is not yet a run.
            let opens = life == 0 && append == 0;
            let faults = FAULTS.into_iter().filter(|_| !opens);
            ends.extend(faults.map(|fault| End::Append { life, append, fault }));
        }
    }
    let mut ended = 0;
    for end in &ends {
        let (one, other) = (live(&steps, *end), live(&steps, *end));
        assert!(one.transcript == other.transcript, "{end:?}: two runs have other answers");
        assert!(one.recorded == other.recorded, "{end:?}: two runs have other records");
        ended += u64::from(one.crashes > whole.crashes);
    }
    println!("{} calls, {} ends, {ended} of them one more crash than without", whole.calls.len(), ends.len());
    assert!(whole.calls.len() > 40, "only {} calls", whole.calls.len());
    assert!(ended * 10 > ends.len() as u64 * 9, "only {ended} of {} ended", ends.len());
}
