//! `durability = "interval"` without traffic: what was answered is synced when the interval is over, and a start waits for none.
#![expect(clippy::disallowed_methods, reason = "the daemon goes by the real time, and so does patience with it")]

use std::time::{Duration, Instant};

use protocol::{Command, CommandId, Text, View};

use super::daemon::Daemon;
use super::requests::{ACCOUNT, open_account};
use super::wire::Wire;

/// How long what takes an interval of a second may take on a busy machine.
const SOON: Duration = Duration::from_secs(8);

fn daemon(folder: &std::path::Path, interval_ms: &str) -> Daemon {
    let interval = [("CREDITD_JOURNAL__DURABILITY", "interval"), ("CREDITD_JOURNAL__INTERVAL_MS", interval_ms)];
    Daemon::on(folder, &interval)
}

/// The last durable record.
fn durable(daemon: &Daemon) -> u64 {
    let (_, metrics) = daemon.get("/metrics");
    let position = metrics.lines().find_map(|line| line.strip_prefix("creditd_journal_position "));
    position.expect("a line of the metric").parse().unwrap()
}

#[test]
fn what_was_pushed_last_is_synced_while_nothing_follows() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = daemon(folder.path(), "1000");
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    // Nothing is asked that wants a sync. The second and the third time one has just been.
    for frozen in [false, true, false] {
        let command = CommandId(uuid::Uuid::now_v7().as_u128());
        let done = wire.command(&Command::Freeze { command, account: ACCOUNT, frozen, reason: Text::default() });
        let begun = Instant::now();
        while durable(&daemon) < done.position {
            assert!(begun.elapsed() < SOON, "not synced after {:?}", begun.elapsed());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Only what is synced is projected: who waits for the projections has it synced.
#[test]
fn what_is_shown_waits_for_no_interval() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = daemon(folder.path(), "60000");
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    for round in 0..3 {
        let begun = Instant::now();
        let shown = wire.command(&Command::ShowAccount { account: ACCOUNT }).view;
        let took = begun.elapsed();
        assert!(matches!(shown, View::Account(_)), "{shown:?}");
        assert!(took < SOON, "shown {took:?} later, round {round}");
        let command = CommandId(uuid::Uuid::now_v7().as_u128());
        wire.command(&Command::Freeze { command, account: ACCOUNT, frozen: round == 0, reason: Text::default() });
    }
}

#[test]
fn a_start_waits_for_no_interval() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let _daemon = daemon(folder.path(), "60000");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(30), "ready after {took:?}");
}
