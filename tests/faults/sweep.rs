//! The sweep: one fixed run, and in each repetition another one of its calls to the system goes wrong.
//!
//! Two runs are swept: `New` makes its data folder under the shim; `Again` starts on one that a kill has left. Whatever
//! happens, the daemon goes on, or ends with a documented code; and the same folder without the shim starts and has all
//! that was acknowledged, once. It never goes on after a failed write or sync of the journal's log: the start that follows
//! reads what the system still has in memory, and could not tell.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::daemon::{Daemon, Folder};
use super::super::files::small_files;
use super::super::number_from;
use super::super::round::Round;
use super::EXIT_WRITE_FAILED;
use super::shim::{Call, Fault, Kind, Place, Shim};

/// The short form takes every so-manieth call; `FAULTS_EVERY=1` takes all.
const EVERY: u64 = 23;
/// Requests of each worker in the run; a request is a frame of up to 500 operations, or a command.
const REQUESTS: usize = 6;
const WORKERS: usize = 2;
const ACCOUNTS: u128 = 6;
/// The requests of the run are the same each time.
const SEED: u64 = 5;
/// Runs at a time: most of a run is waiting.
const AT_ONCE: usize = 4;
const SIGKILL: i32 = 9;
/// Bytes of a log in the run: it goes on in a second one.
const FILE_BYTES: u64 = 64 << 10;
/// The number of calls is never quite the same: so many faults of each kind may be planned behind the last one, or one in
/// ten.
const MISSED_MOST: u64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    New,
    Again,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// The fault was not reached: the run had fewer calls.
    Missed,
    /// The daemon went on, and stopped in order.
    WentOn,
    /// It never became ready, and said so with 75.
    NotStarted,
    /// It ended with 75.
    Ended,
    /// The fault was a kill.
    Killed,
}

/// The call that met the fault, and where.
type Met = Option<(Call, Place)>;

/// I3: who goes on after a failed write or sync of the journal's log acknowledges what may not be on the disk, whatever a
/// later sync says. A short write is none of them: the rest is written by the next call.
fn is_ignored(kind: Kind, came: Came, met: Met) -> bool {
    let failed = matches!(kind, Kind::Io | Kind::NoSpace) && matches!(met, Some((Call::Write | Call::Sync, _)));
    failed && came == Came::WentOn && met.is_some_and(|(_, place)| place != Place::Elsewhere)
}

/// A run with one fault, and the check after it.
fn trial(run: Run, fault: Fault) -> (Came, Met, u64) {
    let mut round = Round::sized(SEED, WORKERS, ACCOUNTS);
    if run == Run::Again {
        round.set_up();
        let mut daemon = Daemon::must_start(&round.folder);
        round.workers.iter_mut().for_each(|worker| worker.push_new(REQUESTS));
        round.settle(&mut daemon);
        daemon.kill();
    }
    let shim = Shim::over(&round.folder.data(), round.folder.path());
    shim.plan(fault);
    let came = under_fault(&mut round, run, &shim, fault.kind);
    let (fired, seen) = (shim.fired(), shim.seen());
    let came = if fired.is_none() { Came::Missed } else { came };
    afterwards(&mut round, run);
    (came, fired, seen)
}

fn under_fault(round: &mut Round, run: Run, shim: &Shim, kind: Kind) -> Came {
    // Flushes come often and logs are short, so that the run has some of both.
    let environment = [shim.environment(), small_files(FILE_BYTES)].concat();
    let mut daemon = match Daemon::start_in(&round.folder, &environment) {
        Ok(daemon) => daemon,
        Err(refused) => return ended(&round.folder, refused.status, Came::NotStarted, kind),
    };
    if run == Run::New {
        round.push_setup();
    }
    let mut result = round.attempt(&daemon.address);
    for _ in 0..2 {
        if result.is_ok() {
            round.workers.iter_mut().for_each(|worker| worker.push_new(REQUESTS / 2));
            result = round.attempt(&daemon.address);
        }
    }
    let status = match result {
        // The stop flushes and closes everything: faults are met there too.
        Ok(()) => daemon.terminate(),
        Err(_) => daemon.wait(),
    };
    if status.code() == Some(0) { Came::WentOn } else { ended(&round.folder, status, Came::Ended, kind) }
}

/// How a daemon may end: by SIGKILL where that is the fault, and by nobody else's.
fn ended(folder: &Folder, status: std::process::ExitStatus, came: Came, kind: Kind) -> Came {
    use std::os::unix::process::ExitStatusExt;
    let log = folder.log();
    assert!(!log.contains("panicked"), "{log}");
    if status.signal() == Some(SIGKILL) && matches!(kind, Kind::Kill | Kind::Torn) {
        return Came::Killed;
    }
    assert_eq!(status.code(), Some(EXIT_WRITE_FAILED), "{came:?}, {status}:\n{log}");
    came
}

/// Without the shim: everything that was acknowledged is there, once.
fn afterwards(round: &mut Round, run: Run) {
    let mut daemon = Daemon::must_start(&round.folder);
    if run == Run::New {
        round.note_day(&mut daemon);
        let opening = &round.workers[0];
        if opening.pending.is_empty() && opening.commands.is_empty() {
            round.push_setup();
        }
    }
    round.check(&mut daemon, usize::MAX);
    assert_eq!(daemon.terminate().code(), Some(0), "{}", round.folder.log());
}

/// All trials of a kind, and what they came to.
fn sweep(kind: Kind) {
    let every = number_from("FAULTS_EVERY", EVERY);
    let first = number_from("FAULTS_FROM", 1 + kind as u64 % every);
    let only = number_from("FAULTS_ONLY", 0);
    let summary = Mutex::new(BTreeMap::<(Run, Came), u64>::new());
    let by_call = Mutex::new(BTreeMap::<String, u64>::new());
    let mut most = 0;
    for run in [Run::New, Run::Again] {
        // How many calls there are is known after a run without a fault.
        let fault = |at| Fault { kind, at, times: 1, only: None };
        let (came, _, calls) = trial(run, fault(u64::MAX));
        assert_eq!(came, Came::Missed);
        most += calls;
        let next = AtomicU64::new(first);
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(every, Ordering::SeqCst);
                        if at > calls {
                            return;
                        }
                        if only > 0 && at != only {
                            continue;
                        }
                        println!("{run:?} {kind:?} at {at}");
                        let (came, met, _) = trial(run, fault(at));
                        assert!(!is_ignored(kind, came, met), "I3: {run:?}, {kind:?} at {at}: {met:?} was ignored");
                        *summary.lock().unwrap().entry((run, came)).or_default() += 1;
                        let call = format!("{met:?} {came:?}");
                        *by_call.lock().unwrap().entry(call).or_default() += 1;
                    }
                });
            }
        });
    }
    let (summary, by_call) = (summary.into_inner().unwrap(), by_call.into_inner().unwrap());
    println!("{kind:?}, every {every} of {most} calls: {summary:?} {by_call:?}");
    let of = |wanted: &dyn Fn(Came) -> bool| -> u64 {
        summary.iter().filter(|((_, came), _)| wanted(*came)).map(|(_, count)| count).sum()
    };
    let (met, missed) = (of(&|came| came != Came::Missed), of(&|came| came == Came::Missed));
    assert!(met > 0, "no fault was met: {summary:?}");
    assert!(missed <= MISSED_MOST.max((met + missed) / 10), "faults that were not met: {summary:?}");
}

#[test]
fn an_input_output_error_at_any_call_loses_nothing() {
    sweep(Kind::Io);
}

#[test]
fn no_space_at_any_call_loses_nothing() {
    sweep(Kind::NoSpace);
}

#[test]
fn a_short_write_anywhere_loses_nothing() {
    sweep(Kind::Short);
}

#[test]
fn a_late_call_loses_nothing() {
    sweep(Kind::Delay);
}

#[test]
fn a_kill_at_any_call_loses_nothing() {
    sweep(Kind::Kill);
}

#[test]
fn a_kill_in_the_middle_of_any_write_loses_nothing() {
    sweep(Kind::Torn);
}

/// Some syncs of the run, of which some are of the journal.
fn syncs(kind: Kind) -> impl Iterator<Item = (Came, (Call, Place))> {
    let faults = (5..60).step_by(6).map(move |at| Fault { kind, at, times: 1, only: Some(Call::Sync) });
    faults.filter_map(|fault| {
        let (came, met, _) = trial(Run::New, fault);
        println!("{fault:?}: {met:?} {came:?}");
        met.map(|met| (came, met))
    })
}

/// I3, also in the short form, where the sweep meets few of them.
#[test]
fn a_failed_sync_of_the_journal_ends_the_daemon() {
    let ended = syncs(Kind::Io).filter(|(_, (_, place))| *place != Place::Elsewhere).map(|(came, met)| {
        assert!(matches!(came, Came::Ended | Came::NotStarted), "{met:?} {came:?}");
    });
    assert!(ended.count() > 0, "no sync of the journal's log was met");
}

/// What the sweep takes for ignored: it went on after a write or sync of the journal's log that failed.
#[test]
fn going_on_after_a_failed_sync_of_the_journal_is_ignoring_it() {
    let log = Some((Call::Sync, Place::JournalLog));
    assert!(is_ignored(Kind::Io, Came::WentOn, log) && is_ignored(Kind::NoSpace, Came::WentOn, log));
    assert!(!is_ignored(Kind::Io, Came::Ended, log) && !is_ignored(Kind::Io, Came::NotStarted, log));
    assert!(!is_ignored(Kind::Io, Came::WentOn, Some((Call::Sync, Place::Elsewhere))));
    assert!(!is_ignored(Kind::Delay, Came::WentOn, log), "it has not failed");
}
