//! The end of the journal is torn or its middle damaged after a kill: no more than the last group is lost, and that is said,
//! or the start is refused.

use std::ops::ControlFlow;
use std::path::PathBuf;

use journal::rocks::RocksReader;
use journal::{GroupReader, Position};

use super::check;
use super::daemon::{Daemon, Folder, NotReady};
use super::random::Random;
use super::round::Round;
use super::seed;
use super::wire::Wire;

/// What a damaged folder came to.
#[derive(Debug)]
enum Came {
    /// It started, and these positions of acknowledged records are not there any more.
    Started { missing: Vec<u64> },
    /// It was refused, with this log.
    Refused { log: String },
}

/// A folder after a kill under load, and the first positions of its groups. What was acknowledged is in the workers'
/// books and was not compared yet. `answered` = everything that was open is sent again and answered before a second kill,
/// so that the last group was acknowledged too.
fn killed(seed: u64, answered: bool) -> (Round, Vec<u64>) {
    let mut round = Round::new(seed);
    round.set_up();
    let daemon = Daemon::must_start(&round.folder);
    round.load_until(&daemon.address.clone(), std::time::Duration::from_millis(150), || daemon.kill());
    if answered {
        let mut daemon = Daemon::must_start(&round.folder);
        round.settle(&mut daemon);
        daemon.kill();
    }
    let mut groups = Vec::new();
    let copy = round.folder.copy();
    let reader = RocksReader::open(&copy.data().join("journal")).unwrap();
    let seen = reader.scan(Position::FIRST, &mut |key, _| {
        groups.push(key.first.0);
        ControlFlow::Continue(())
    });
    seen.unwrap();
    assert!(groups.len() > 4, "{groups:?}");
    (round, groups)
}

/// The newest write-ahead log that has something in it.
fn newest_log(folder: &Folder) -> PathBuf {
    let files = std::fs::read_dir(folder.data().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let logs = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    let mut logs: Vec<_> = logs.filter(|path| path.metadata().unwrap().len() > 0).collect();
    logs.sort();
    logs.pop().expect("a write-ahead log")
}

fn start(folder: &Folder, round: &Round) -> Came {
    match Daemon::start(folder) {
        Ok(daemon) => {
            let mut wire = Wire::connect(&daemon.address).unwrap();
            let missing = check::missing(&mut wire, &round.workers).unwrap();
            Came::Started { missing }
        }
        Err(NotReady { status }) => {
            let log = folder.log();
            assert!(matches!(status.code(), Some(70 | 78)), "{status}\n{log}");
            Came::Refused { log }
        }
    }
}

/// The message names a place: a file of the store, or a group by its position.
fn names_a_place(log: &str) -> bool {
    log.contains(".log") || log.contains("refused at")
}

#[test]
fn a_torn_end_loses_at_most_the_last_group() {
    let seed = seed("torn end");
    let (round, groups) = killed(seed, true);
    let last_group = *groups.last().unwrap();
    let mut random = Random::new(seed);
    for attempt in 0..10 {
        let folder = round.folder.copy();
        let path = newest_log(&folder);
        let mut bytes = std::fs::read(&path).unwrap();
        let from_end = usize::try_from(random.between(1, 90)).unwrap();
        let at = bytes.len() - from_end;
        if attempt % 2 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << random.between(0, 7);
        }
        std::fs::write(&path, bytes).unwrap();
        match start(&folder, &round) {
            Came::Started { missing } => {
                let said = folder.log().contains("a torn end was dropped");
                println!("{from_end} bytes from the end: {} missing, said: {said}", missing.len());
                assert!(said || missing.is_empty(), "{from_end} bytes from the end: lost unsaid");
                let earlier: Vec<_> = missing.iter().filter(|position| **position < last_group).collect();
                assert!(earlier.is_empty(), "{from_end} bytes from the end: lost {earlier:?} before {last_group}");
            }
            Came::Refused { log } => assert!(names_a_place(&log), "{log}"),
        }
    }
}

/// What is planted here must be found, or the other tests prove nothing.
#[test]
fn a_journal_cut_in_half_is_noticed_by_this_harness() {
    let (round, _) = killed(seed("cut"), false);
    let folder = round.folder.copy();
    let path = newest_log(&folder);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    match start(&folder, &round) {
        Came::Started { missing } => {
            println!("{} missing", missing.len());
            assert!(!missing.is_empty(), "half the journal was not missed");
        }
        Came::Refused { log } => panic!("a log that ends early is a torn one:\n{log}"),
    }
}

#[test]
fn damage_in_the_middle_is_never_a_silent_loss() {
    let seed = seed("damage");
    let (round, _) = killed(seed, false);
    let mut random = Random::new(seed);
    let mut refused = 0;
    for _ in 0..10 {
        let folder = round.folder.copy();
        let path = newest_log(&folder);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.len() / 10 + random.index(bytes.len() / 2);
        bytes[at] ^= 1 << random.between(0, 7);
        std::fs::write(&path, bytes).unwrap();
        match start(&folder, &round) {
            // A few bytes of the file carry nothing.
            Came::Started { missing } => assert!(missing.is_empty(), "byte {at}: lost {missing:?}"),
            Came::Refused { log } => {
                assert!(names_a_place(&log), "{log}");
                refused += 1;
            }
        }
    }
    assert!(refused > 5, "only {refused} of 10 were noticed");
}
