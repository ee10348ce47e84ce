//! Starts and stops: what survives, what is refused, and which codes the process ends with.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use protocol::{CloseReason, Operation, Outcome};

use super::daemon::{Daemon, PATIENCE};
use super::requests::{ACCOUNT, hold_id, open_account, outcomes};
use super::wire::{Wire, hello, operations_frame};

fn creditd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_creditd")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_ready_line_says_where_and_how_durable() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &[]);
    let expected = format!("creditd ready address={} http={} durability=sync", daemon.address, daemon.http);
    assert_eq!(daemon.ready, expected);
}

#[test]
fn a_stop_answers_what_was_taken_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let mut granted = Vec::new();
    for request in 0..50 {
        let hold = hold_id();
        wire.send(&operations_frame(request, &[Operation::reserve(hold, ACCOUNT, 100, 600_000)]));
        granted.push(hold);
    }
    assert_eq!(wire.answers().0, 0);
    daemon.terminate();
    // Whatever it has taken is answered in order, then it says why it closes.
    let mut answered = 1;
    loop {
        let (header, _) = wire.frame(protocol::Expecting::FromServer).expect("a close before the end");
        if header.kind == protocol::FrameKind::Close {
            break;
        }
        assert_eq!(header.request_id, answered);
        answered += 1;
    }
    assert_eq!(daemon.wait().code(), Some(0));

    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    let count = usize::try_from(answered).unwrap();
    let commits: Vec<Operation> =
        granted[..count].iter().map(|hold| Operation::commit_all(*hold, ACCOUNT, 1)).collect();
    assert!(wire.ask(&commits).iter().all(|answer| answer.outcome == Outcome::Done));
}

#[test]
fn an_idle_connection_is_told_of_the_stop() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    daemon.terminate();
    assert_eq!(wire.closed(), CloseReason::Draining);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn who_has_not_shaken_hands_is_told_of_the_stop_too() {
    let daemon = Daemon::in_memory(&[]);
    let mut silent = Wire::silent(&daemon);
    let mut halting = Wire::silent(&daemon);
    halting.send(&hello(1, 1, 0)[..20]);
    // What the system has accepted and the daemon has not would see a reset.
    let both_are_in = || daemon.get("/metrics").1.contains("\ncreditd_connections 2\n");
    assert!(std::iter::repeat_with(both_are_in).take(1_000).any(|both| both), "they are not accepted");
    daemon.terminate();
    assert_eq!(silent.closed_early(), CloseReason::Draining);
    assert_eq!(halting.closed_early(), CloseReason::Draining);
    assert_eq!(daemon.wait().code(), Some(0));
}

/// Who reads no answers holds a stop up for as long as the drain may last, or until the daemon is asked once more.
#[test]
fn a_second_signal_cuts_the_drain_short() {
    let long = [("CREDITD_SERVER__DRAIN_TIMEOUT_MS", "600000"), ("CREDITD_SERVER__WRITE_TIMEOUT_MS", "600000")];
    let mut daemon = Daemon::in_memory(&long);
    let mut deaf = std::net::TcpStream::connect(daemon.address).unwrap();
    deaf.set_write_timeout(Some(PATIENCE / 60)).unwrap();
    deaf.write_all(&hello(1, 1, 0)).unwrap();
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT); 4_000]);
    // The kernel's buffers take some of it; then the daemon stops reading.
    while deaf.write_all(&frame).is_ok() {}
    daemon.terminate();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(daemon.ended(), None, "the drain waits");
    daemon.terminate();
    let ended = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(10));
        daemon.ended()
    });
    let status = ended.take(1_000).flatten().next().expect("the second signal ends it");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_kill_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let hold = hold_id();
    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let reserve = Operation::reserve(hold, ACCOUNT, 40_000, 600_000);
    let first = wire.ask(&[reserve, Operation::charge(hold_id(), ACCOUNT, 10_000)]);
    assert_eq!(outcomes(&first), [Outcome::Granted, Outcome::Granted]);
    daemon.kill();

    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    let again = wire.ask(&[reserve, Operation::balance(ACCOUNT), Operation::commit(hold, ACCOUNT, 40_000, 1)]);
    assert_eq!(outcomes(&again), [Outcome::Replayed, Outcome::Done, Outcome::Done]);
    assert_eq!(again[0].position, first[0].position);
    assert_eq!(again[1].available.free, 50_000);
}

#[test]
fn one_daemon_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _daemon = Daemon::on(folder.path(), &[]);
    let second =
        creditd(&["run", "--dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", text(folder.path())]);
    assert_eq!(second.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{second:?}");
}

#[test]
fn a_folder_is_made_by_init_and_never_by_a_mistyped_path() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let refused = creditd(&["run", "--data", text(&folder)]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(!folder.exists());
    assert!(creditd(&["init", text(&folder)]).status.success());
    assert!(folder.is_dir());
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let refused = creditd(&["run", "--dev", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(78));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("not a loopback address"), "{message}");
}

#[test]
fn the_configuration_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("creditd.toml");
    std::fs::write(&file, "[journal]\ndurability = \"interval\"\n").unwrap();
    let shown = creditd(&["config", "show", text(&file)]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("durability = \"interval\""));
    assert!(creditd(&["config", "check", text(&file)]).status.success());
    std::fs::write(&file, "[journal]\ndurabilty = \"sync\"\n").unwrap();
    let refused = creditd(&["config", "check", text(&file)]);
    assert_eq!(refused.status.code(), Some(78));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("line 2: unknown key `durabilty`; did you mean `durability`?"), "{message}");
}
