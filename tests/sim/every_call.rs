//! A short run that ends at every call of its stores, in its starts too: behind each call, and at each append, each sync and
//! each write or flush of the projections in every way in which one can fail. What was acknowledged is there, nothing is
//! doubled, and these runs are the same the second time.

use journal::DurabilityMode;
use journal::faulty::{Fault, SyncFault};

use super::disk::DiskGround;
use super::ground::Entry;
use super::planted::Planted;
use super::store::{Call, Calls, End, RowsFault};
use super::world::{Kind, Step, World, steps};

const SEED: u64 = 11;
const STEPS: usize = 64;

/// Of so many ends one is run twice.
const TWICE: usize = 5;

const FAULTS: [Fault; 7] = [
    Fault::Full,
    Fault::FailedAndLost,
    Fault::FailedAndThere,
    Fault::FailedAndThereLater,
    Fault::Torn { bytes: 0 },
    Fault::Torn { bytes: 300 },
    Fault::Slow { delay_ms: 700 },
];
const SYNC_FAULTS: [SyncFault; 2] = [SyncFault::Failed, SyncFault::FailedAndThereLater];
const ROWS_FAULTS: [RowsFault; 4] =
    [RowsFault::Failed, RowsFault::FailedAndDone, RowsFault::FailedAndGone, RowsFault::ProcessEnds];

struct Lived {
    transcript: u64,
    recorded: Vec<Entry>,
    crashes: u64,
    calls: Vec<Call>,
}

fn live(steps: &[Step], mode: DurabilityMode, end: End) -> Lived {
    let calls = Calls::ending(end);
    let mut world = World::<DiskGround>::over(SEED, Planted::Nothing, |seed| {
        DiskGround::with_calls(seed, Planted::Nothing, Some(mode), calls.clone())
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

/// Whether the process ends at it; the others are met without.
const fn ends_the_process(end: &End) -> bool {
    match end {
        End::Nowhere => false,
        End::Call(_) | End::Sync { .. } => true,
        End::Append { fault, .. } => !matches!(fault, Fault::Slow { .. }),
        // Of the last flush of a start each failure is one.
        End::Rows { fault, .. } => matches!(fault, RowsFault::ProcessEnds),
    }
}

/// Everything that can happen at the calls of a run.
fn ends(calls: &[Call]) -> Vec<End> {
    let mut ends = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        ends.push(End::Call(number));
        match *call {
            Call::Append { life, append } => ends.extend(FAULTS.map(|fault| End::Append { life, append, fault })),
            Call::Sync { life, sync } => ends.extend(SYNC_FAULTS.map(|fault| End::Sync { life, sync, fault })),
            Call::Rows { life, number } => ends.extend(ROWS_FAULTS.map(|fault| End::Rows { life, number, fault })),
            Call::Other => {}
        }
    }
    ends
}

/// Ends a run at every call.
fn end_at_every_call(mode: DurabilityMode) {
    let steps = short_run();
    let whole = live(&steps, mode, End::Nowhere);
    let ends = ends(&whole.calls);
    let (mut wanted, mut ended) = (0, 0);
    for (number, end) in ends.iter().enumerate() {
        let one = live(&steps, mode, *end);
        if number % TWICE == 0 {
            let other = live(&steps, mode, *end);
            assert!(one.transcript == other.transcript, "{end:?}: two runs have other answers");
            assert!(one.recorded == other.recorded, "{end:?}: two runs have other records");
        }
        if ends_the_process(end) {
            wanted += 1;
            ended += u64::from(one.calls.len() != whole.calls.len() || one.crashes > whole.crashes);
        }
    }
    let calls = whole.calls.len();
    println!("{mode:?}: {calls} calls, {} ends, {ended} of {wanted} have ended the process", ends.len());
    assert!(calls > 100, "only {calls} calls");
    assert!(ended * 10 > wanted * 9, "only {ended} of {wanted} ended");
}

#[test]
fn a_run_that_ends_at_any_call_of_its_stores_is_right_and_always_the_same() {
    end_at_every_call(DurabilityMode::Sync);
}

#[test]
fn a_run_that_syncs_now_and_then_and_ends_at_any_call_is_right_and_always_the_same() {
    end_at_every_call(DurabilityMode::Interval { interval_ms: 5 });
}
