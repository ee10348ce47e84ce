//! A stop in the middle of a sweep: what was not rolled is rolled by the next start, and nothing twice.
#![expect(clippy::disallowed_methods, reason = "the daemon goes by the real time, and so does patience with it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use protocol::{AccountId, Operation, Outcome};
use wallet::ids::Timestamp;

use super::daemon::{Daemon, PATIENCE};
use super::past::Past;
use super::requests::hold_id;
use super::wire::{Wire, operations_frame};

const DAY_MS: u64 = 86_400_000;
/// A stop is tried to come in the middle so often. So long before midnight does the daemon's time begin: a busy machine may
/// need it to start. It runs at half speed, because it is ahead of the wall clock.
const LEADS_MS: [u64; 5] = [3_000, 6_000, 12_000, 12_000, 12_000];

fn wall() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn logging(folder: &Path, name: &str) -> Daemon {
    let log = File::create(folder.join(name)).unwrap();
    Daemon::with_files(folder, 1_024, log, &[("CREDITD_LOG__FILTER", "info")])
}

/// Looks until something has come, without a pause.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "{what} does not come");
    }
}

/// The free credits of the accounts 1 to `wallets`, in millicredits.
fn free(wire: &mut Wire, wallets: u128) -> BTreeMap<u128, u64> {
    let accounts: Vec<u128> = (1..=wallets).collect();
    let mut all = BTreeMap::new();
    for few in accounts.chunks(4_000) {
        let operations: Vec<_> = few.iter().map(|account| Operation::balance(AccountId(*account))).collect();
        for (account, answer) in few.iter().zip(wire.ask(&operations)) {
            assert_eq!(answer.outcome, Outcome::Done);
            all.insert(*account, answer.available.free);
        }
    }
    all
}

/// Asked by a call, not by a program that has to be started first.
fn terminate(daemon: &Daemon) {
    let id = rustix::process::Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
}

fn is_clean(folder: &Path) {
    let checked = Command::new(env!("CARGO_BIN_EXE_creditd")).arg("fsck").arg(folder).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// R5, R35: the sweep pushes nothing, so what it has not come to is in the new day with the next start.
#[test]
fn a_stop_in_the_middle_of_a_sweep_loses_no_day_and_grants_none_twice() {
    const WALLETS: u128 = 300_000;
    const DRAWN: u128 = 400;
    for lead_ms in LEADS_MS {
        let folder = tempfile::tempdir().unwrap();
        let midnight = Timestamp(((wall() + 60_000) / DAY_MS + 1) * DAY_MS);
        let mut past = Past::beginning(midnight.minus_millis(DAY_MS / 2));
        (1..=WALLETS).for_each(|account| past.open(account, ""));
        (1..=DRAWN).for_each(|account| past.draw(account * 700, 30));
        past.write(folder.path(), midnight.minus_millis(lead_ms));
        let daemon = logging(folder.path(), "first.log");
        let mut wire = Wire::connect(&daemon);
        let before = wire.ask(&[Operation::balance(AccountId(1))])[0];
        if before.next_reset_at_ms != midnight.0 {
            continue;
        }
        until("midnight", || {
            let answer = wire.ask(&[Operation::balance(AccountId(1))])[0];
            (answer.next_reset_at_ms > midnight.0).then_some(())
        });
        // The new day is journaled by what is drawn from it, and the stop comes while the sweep runs.
        let charges = (1..=20).map(|account| Operation::charge(hold_id(), AccountId(account), 5_000));
        wire.send(&operations_frame(1, &charges.collect::<Vec<_>>()));
        std::thread::sleep(Duration::from_millis(2));
        terminate(&daemon);
        assert!(wire.answers().1.iter().all(|answer| answer.outcome == Outcome::Granted));
        assert_eq!(daemon.wait().code(), Some(0));
        let log = std::fs::read_to_string(folder.path().join("first.log")).unwrap();
        if log.contains("wallets were rolled to the new day") {
            continue;
        }
        is_clean(folder.path());
        let daemon = Daemon::on(folder.path(), &[]);
        for (account, free) in free(&mut Wire::connect(&daemon), WALLETS) {
            assert_eq!(free, if account <= 20 { 95_000 } else { 100_000 }, "account {account}");
        }
        terminate(&daemon);
        assert_eq!(daemon.wait().code(), Some(0));
        is_clean(folder.path());
        return;
    }
    panic!("no stop came in the middle of a sweep");
}
