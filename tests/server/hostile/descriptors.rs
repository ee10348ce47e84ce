//! Few descriptors: the daemon turns connections away and keeps serving, says so now and then, and does not spin.

use std::fs::File;
use std::time::Duration;

use protocol::{CloseReason, Operation, Outcome};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::super::daemon::Daemon;
use super::super::requests::{ACCOUNT, hold_id, open_account};
use super::super::wire::Wire;
use super::raw::Raw;
use super::{now, processor_time, until};

/// What a daemon may log while it is flooded.
const LOG_LINES_MAX: usize = 12;

fn charge(wire: &mut Wire) {
    let answers = wire.ask(&[Operation::charge(hold_id(), ACCOUNT, 1)]);
    assert_eq!(answers[0].outcome, Outcome::Granted, "who is in is served");
}

#[test]
fn with_64_descriptors_connections_are_turned_away_and_the_rest_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.txt");
    let environment = [("CREDITD_SERVER__HANDSHAKE_TIMEOUT_MS", "1000")];
    let daemon = Daemon::with_files(&folder.path().join("data"), 64, File::create(&log).unwrap(), &environment);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    let (used, begun) = (processor_time(&daemon), now());
    let flood: Vec<Raw> = (0..150).map(|_| Raw::connect(&daemon)).collect();
    for _ in 0..40 {
        charge(&mut good);
        std::thread::sleep(Duration::from_millis(50));
    }
    let (used, took) = (processor_time(&daemon) - used, begun.elapsed());
    assert!(used < took / 2, "{used:?} of processor time in {took:?}: it spins");
    // Nobody is left waiting: each is told why, or sees the end at once.
    for raw in flood {
        let reason = raw.end();
        let known = [None, Some(CloseReason::TooManyConnections), Some(CloseReason::HandshakeTimeout)];
        assert!(known.contains(&reason), "{reason:?}");
    }
    assert_eq!(daemon.get("/livez").0, 200);
    until("there is place again", || Raw::try_shaken(&daemon).is_some());
    charge(&mut good);
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("RLIMIT_NOFILE is low") && logged.contains("no place for a connection"), "{logged}");
    assert!(logged.lines().count() <= LOG_LINES_MAX, "{logged}");
}

#[test]
fn when_accepting_fails_the_daemon_serves_who_is_in_and_does_not_spin() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.txt");
    let daemon = Daemon::with_files(&folder.path().join("data"), 512, File::create(&log).unwrap(), &[]);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    // No more descriptors than it has open: what it had counted on when it started is gone.
    let process = Pid::from_raw(i32::try_from(daemon.id()).unwrap());
    let set = |files: u64| {
        let limit = Rlimit { current: Some(files), maximum: Some(512) };
        prlimit(process, Resource::Nofile, limit).unwrap()
    };
    set(3);
    let waiting: Vec<Raw> = (0..20).map(|_| Raw::connect(&daemon)).collect();
    let (used, begun) = (processor_time(&daemon), now());
    for _ in 0..40 {
        charge(&mut good);
        std::thread::sleep(Duration::from_millis(50));
    }
    let (used, took) = (processor_time(&daemon) - used, begun.elapsed());
    assert!(used < took / 2, "{used:?} of processor time in {took:?}: it spins");
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("a connection could not be accepted"), "{logged}");
    assert!(logged.lines().count() <= LOG_LINES_MAX, "{logged}");
    set(512);
    let mut served = waiting;
    for raw in &mut served {
        assert!(raw.send(&super::super::wire::hello(1, 1, 0)));
    }
    for raw in &mut served {
        let (kind, _) = raw.read_frame().expect("those that waited are served once there are descriptors");
        assert_eq!(kind, protocol::FrameKind::Welcome);
    }
}
