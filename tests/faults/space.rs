//! The disk fills up: first it is noticed, and what is worth the least is refused; then space is freed, and that is enough.
//! A disk that is full at once ends the daemon, and loses nothing. Open files run out in the same way.
//!
//! The disk is the shim's byte budget, so that the tests run everywhere; it can be raised while the daemon runs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use protocol::{AccountId, Answer, Command, HoldId, Operation, Outcome, Text};

use super::super::daemon::{Daemon, Folder, now};
use super::super::round::Round;
use super::super::seed;
use super::super::wire::{Reply, Request, Wire};
use super::EXIT_WRITE_FAILED;
use super::shim::{Call, Kind, Shim};

const MIB: u64 = 1 << 20;
const WATERMARK: u64 = 8 * MIB;
const ACCOUNT: AccountId = AccountId(0xd15c);
/// The bar of freeing space: no restart, and so long.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

fn environment(shim: &Shim, watermark: u64) -> Vec<(&'static str, std::path::PathBuf)> {
    let mut all = shim.environment();
    all.push(("CREDITD_JOURNAL__DISK_LOW_BYTES", watermark.to_string().into()));
    all
}

fn ask(wire: &mut Wire, operations: &[Operation]) -> Vec<Answer> {
    wire.send(&Request::Operations(operations.to_vec())).unwrap();
    let Reply::Answers(answers) = wire.receive().unwrap() else { panic!("operations have answers") };
    answers
}

fn outcome(wire: &mut Wire, operation: Operation) -> Outcome {
    ask(wire, &[operation])[0].outcome
}

fn hold_id() -> HoldId {
    client::hold_id()
}

fn reserve() -> Operation {
    Operation::reserve(hold_id(), ACCOUNT, 100, 600_000)
}

/// Asks for new holds until they are answered so, and says how long it took.
fn until(wire: &mut Wire, wanted: Outcome) -> Duration {
    let begun = now();
    while outcome(wire, reserve()) != wanted {
        assert!(begun.elapsed() < RECOVERY_MAX, "no {wanted} after {RECOVERY_MAX:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}

pub(super) fn get(http: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(http).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: creditd\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn at_the_watermark_reserves_are_refused_and_settlements_pass_until_space_is_freed() {
    let folder = Folder::new();
    let shim = Shim::over(&folder.data(), folder.path());
    shim.limit(256 * MIB);
    let mut daemon = Daemon::start_in(&folder, &environment(&shim, WATERMARK)).unwrap();
    let mut wire = Wire::connect(&daemon.address).unwrap();
    let command = client::command_id();
    wire.ask(&[Command::OpenAccount { command, account: ACCOUNT, zone: Text::default() }]).unwrap();
    let held: Vec<_> = (0..4).map(|_| reserve()).collect();
    assert!(ask(&mut wire, &held).iter().all(|answer| answer.outcome == Outcome::Granted));
    assert!(get(&daemon.http, "/metrics").contains("\ncreditd_read_only 0\n"));

    for _ in 0..2 {
        shim.limit(shim.used() + WATERMARK / 2);
        until(&mut wire, Outcome::NotDurableNow);
        // A retry of what was granted is not looked up either: the rank of this refusal is above replays (R40).
        assert_eq!(outcome(&mut wire, held[0]), Outcome::NotDurableNow);
        assert_eq!(outcome(&mut wire, Operation::charge(hold_id(), ACCOUNT, 1)), Outcome::NotDurableNow);
        assert!(get(&daemon.http, "/metrics").contains("\ncreditd_read_only 1\n"));
        let ready = get(&daemon.http, "/readyz?verbose");
        assert!(ready.contains("503") && ready.contains("[-] disk has "), "{ready}");

        shim.limit(shim.used() + 2 * WATERMARK);
        println!("reserves again {:?} after space was freed", until(&mut wire, Outcome::Granted));
        assert!(get(&daemon.http, "/metrics").contains("\ncreditd_read_only 0\n"));
        assert!(get(&daemon.http, "/readyz?verbose").contains("[+] disk has "));
    }
    // In one frame: the settlements pass, the new hold does not.
    shim.limit(shim.used() + WATERMARK / 2);
    until(&mut wire, Outcome::NotDurableNow);
    let mixed = [
        Operation::commit(held[0].hold, ACCOUNT, 60, 1),
        reserve(),
        Operation::release(held[1].hold, ACCOUNT),
        Operation::extend(held[2].hold, ACCOUNT, 700_000),
        Operation::refund(held[0].hold, ACCOUNT, 10, 1, protocol::RefundReason::Goodwill),
        Operation::balance(ACCOUNT),
    ];
    let outcomes: Vec<_> = ask(&mut wire, &mixed).iter().map(|answer| answer.outcome).collect();
    let expected = [Outcome::Done, Outcome::NotDurableNow, Outcome::Done, Outcome::Done, Outcome::Done, Outcome::Done];
    assert_eq!(outcomes, expected);
    let (command, bucket, reason) = (client::command_id(), protocol::Bucket::TopUp, Text::default());
    let grant = Command::Grant { command, account: ACCOUNT, bucket, amount: 5, reason };
    assert_eq!(wire.ask(&[grant]).unwrap()[0].outcome, Outcome::Done);

    assert!(daemon.ended().is_none());
    assert_eq!(daemon.terminate().code(), Some(0), "{}", folder.log());
    let log = folder.log();
    assert_eq!(log.matches("disk space is low").count(), 3, "said once a change:\n{log}");
    assert_eq!(log.matches("disk space is enough again").count(), 2, "said once a change:\n{log}");
}

#[test]
fn a_disk_that_is_full_ends_the_daemon_and_loses_nothing() {
    let mut round = Round::new(seed("full disk"));
    round.set_up();
    let shim = Shim::over(&round.folder.data(), round.folder.path());
    shim.limit(1 << 40);
    // No watermark: the worst case. There is room for a few groups, then for none.
    let environment = environment(&shim, 0);
    let mut daemon = Daemon::start_in(&round.folder, &environment).unwrap();
    shim.limit(shim.used() + MIB / 4);
    let mut status = None;
    round.load_until(&daemon.address.clone(), Duration::ZERO, || status = Some(daemon.wait()));
    assert_eq!(status.and_then(|status| status.code()), Some(EXIT_WRITE_FAILED), "{}", round.folder.log());
    assert!(round.tally.acknowledged > 0, "nothing was written before the disk was full");

    // Until space is freed a start fails with the same code: try again later.
    let refused = Daemon::start_in(&round.folder, &environment).map(|_| ()).unwrap_err();
    assert_eq!(refused.status.code(), Some(EXIT_WRITE_FAILED), "{}", round.folder.log());

    shim.limit(1 << 40);
    let mut daemon = Daemon::start_in(&round.folder, &environment).unwrap();
    round.check(&mut daemon, usize::MAX);
    daemon.kill();
    round.finish();
}

/// Projections are written beside the journal. What they miss they can make up for, without a restart.
#[test]
fn a_projection_that_met_a_full_disk_goes_on_when_space_is_freed() {
    let mut round = Round::new(seed("full projections"));
    round.set_up();
    // Their own folder is full; the journal has room.
    let shim = Shim::over(&round.folder.data().join("projections"), round.folder.path());
    shim.limit(1 << 40);
    let mut environment = environment(&shim, 0);
    environment.push(("CREDITD_PROJECTION__FLUSH_INTERVAL_MS", "100".into()));
    let mut daemon = Daemon::start_in(&round.folder, &environment).unwrap();
    shim.limit(shim.used() + 1);
    round.workers.iter_mut().for_each(|worker| worker.push_new(5));
    round.settle(&mut daemon);
    let begun = now();
    while !round.folder.log().contains("a flush failed") {
        assert!(begun.elapsed() < Duration::from_secs(10), "no flush failed:\n{}", round.folder.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    // Everything goes on meanwhile: what is in memory is shown.
    round.workers.iter_mut().for_each(|worker| worker.push_new(5));
    round.settle(&mut daemon);
    round.check(&mut daemon, 100);

    shim.limit(1 << 40);
    let begun = now();
    let failures = || round.folder.log().matches("a flush failed").count();
    // Flushes are tried again and again: once none fails for two seconds, they work.
    let mut last = (failures(), now());
    while last.1.elapsed() < Duration::from_secs(2) {
        // RocksDB looks every five seconds whether space was freed. No request waits for that.
        assert!(begun.elapsed() < Duration::from_secs(20), "flushes fail for good:\n{}", round.folder.log());
        std::thread::sleep(Duration::from_millis(50));
        if failures() != last.0 {
            last = (failures(), now());
        }
    }
    println!("the last flush failed {:?} after space was freed", last.1.duration_since(begun));
    round.check(&mut daemon, 100);
    assert_eq!(daemon.terminate().code(), Some(0), "{}", round.folder.log());
    round.finish();
}

fn failures(round: &Round) -> usize {
    round.folder.log().matches("a flush failed").count()
}

/// Waits until so many more flushes have failed.
fn fail_again(round: &Round, more: usize) {
    let (begun, before) = (now(), failures(round));
    while failures(round) < before + more {
        assert!(begun.elapsed() < Duration::from_secs(10), "no flush failed:\n{}", round.folder.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The same with open files, which RocksDB does not come back from by itself; and a stop meanwhile is one like any other.
#[test]
fn a_projection_that_found_no_open_file_goes_on_when_there_are_some() {
    let mut round = Round::new(seed("no files"));
    round.set_up();
    let shim = Shim::over(&round.folder.data().join("projections"), round.folder.path());
    let mut environment = shim.environment();
    environment.push(("CREDITD_PROJECTION__FLUSH_INTERVAL_MS", "100".into()));
    let mut daemon = Daemon::start_in(&round.folder, &environment).unwrap();
    for stops in [false, true] {
        shim.ail(Kind::NoFiles, Call::Open);
        round.workers.iter_mut().for_each(|worker| worker.push_new(5));
        round.settle(&mut daemon);
        // The second failure is that of a store that refuses everything.
        fail_again(&round, 2);
        assert!(round.folder.log().contains("Too many open files"), "{}", round.folder.log());
        shim.heal();
        if stops {
            break;
        }
        // The next try, after a second, works; those that follow do too.
        std::thread::sleep(Duration::from_secs(2));
        let before = failures(&round);
        round.workers.iter_mut().for_each(|worker| worker.push_new(5));
        round.settle(&mut daemon);
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(failures(&round), before, "flushes fail for good:\n{}", round.folder.log());
        round.check(&mut daemon, 100);
    }
    assert_eq!(daemon.terminate().code(), Some(0), "{}", round.folder.log());
    round.finish();
}
