//! Ends that something stands in the way of: nobody reads the log, the start is not over yet, a disk hangs.

use std::time::Duration;

use protocol::{AccountId, Command, Operation, Outcome, Text};

use super::super::daemon::{Daemon, Folder, now};
use super::super::wire::{Reply, Request, Wire};
use super::EXIT_WRITE_FAILED;
use super::ready::{DAY_MS, four_days_ago};
use super::shim::{Call, Fault, Kind, Shim};
use crate::server::past::Past;
use crate::server::sinks::full_pipe;

const ACCOUNT: AccountId = AccountId(0xe7d);

/// I3: who waits is told, and the process ends, although the line that says why is never taken.
#[test]
fn a_failed_journal_ends_a_daemon_whose_log_nobody_reads() {
    let folder = Folder::new();
    let shim = Shim::over(&folder.data(), folder.path());
    let (_reader, stderr) = full_pipe();
    let mut environment = shim.environment();
    // What it says before would wait as well.
    environment.push(("CREDITD_LOG__FILTER", "error".into()));
    let mut daemon = Daemon::must_start_telling(&folder, &environment, stderr);
    let mut wire = Wire::connect(&daemon.address).unwrap();
    let command = client::command_id();
    wire.ask(&[Command::OpenAccount { command, account: ACCOUNT, zone: Text::default() }]).unwrap();
    shim.ail(Kind::Io, Call::Sync);
    let begun = now();
    wire.send(&Request::Operations(vec![Operation::charge(client::hold_id(), ACCOUNT, 5)])).unwrap();
    let Reply::Answers(answers) = wire.receive().unwrap() else { panic!("operations have answers") };
    assert_eq!(answers[0].outcome, Outcome::OutcomeUnknown);
    assert_eq!(daemon.wait().code(), Some(EXIT_WRITE_FAILED));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// A subscription lapsed while no daemon ran, so that a start has something to write. Its last syncs fail in turn, and all
/// after them: a daemon that says it is ready then is one that goes on.
#[test]
fn a_start_whose_journal_fails_is_never_ready() {
    let folder = Folder::new();
    let begun = four_days_ago();
    let mut past = Past::beginning(begun);
    past.open(1, "");
    past.subscribe(1, 10, begun.plus_millis(DAY_MS));
    past.write(&folder.data(), begun.plus_millis(1_000));
    let syncs = {
        let folder = folder.copy();
        let shim = Shim::over(&folder.data(), folder.path());
        Daemon::start_in(&folder, &shim.environment()).unwrap().kill();
        shim.count(Call::Sync)
    };
    let mut refused = 0;
    for at in syncs.saturating_sub(4)..=syncs + 1 {
        let folder = folder.copy();
        let shim = Shim::over(&folder.data(), folder.path());
        shim.plan(Fault { kind: Kind::Io, at, times: u64::MAX >> 1, only: Some(Call::Sync) });
        match Daemon::start_in(&folder, &shim.environment()) {
            Ok(mut daemon) => {
                std::thread::sleep(Duration::from_secs(1));
                assert_eq!(daemon.ended(), None, "sync {at} of {syncs}: it was ready\n{}", folder.log());
            }
            Err(not_ready) => {
                let log = folder.log();
                assert_eq!(not_ready.status.code(), Some(EXIT_WRITE_FAILED), "sync {at} of {syncs}: {log}");
                refused += u32::from(log.contains("the daemon has failed before it was ready"));
            }
        }
    }
    assert!(refused > 0, "no sync of what a start decides has failed");
}

/// The files of the catalogue are on a disk that hangs, and so does the reload that reads them.
#[test]
fn a_reload_that_hangs_holds_up_no_stop() {
    let folder = Folder::new();
    let catalogue = folder.path().join("catalogue");
    std::fs::create_dir(&catalogue).unwrap();
    let plans = catalogue.join("plans.toml");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/config/plans.toml"), &plans).unwrap();
    let shim = Shim::over(&catalogue, folder.path());
    let mut environment = shim.environment();
    environment.push(("CREDITD_CATALOG__PLANS", plans));
    let mut daemon = Daemon::start_in(&folder, &environment).unwrap();
    shim.stall(Call::Open, 600_000);
    daemon.hang_up();
    let begun = now();
    while shim.fired().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the reload opens nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    let begun = now();
    assert_eq!(daemon.terminate().code(), Some(0), "{}", folder.log());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(folder.log().contains("stopped"), "{}", folder.log());
    Daemon::must_start(&folder).kill();
}
