//! The auditor of a running daemon: silent under load, and loud about what was planted in the folder.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use journal::codec::encode_unit;
use journal::directory::DataDirectory;
use journal::recovery::recover;
use journal::rocks::RocksStore;
use journal::{Class, EncodedUnit, Journal, JournalSettings, WriterId};
use protocol::{Operation, Outcome};
use wallet::bucket::{Slices, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, HoldId, WorkerId};
use wallet::record::{Attribution, Record, Reserve, Terms};

use super::daemon::{Daemon, PATIENCE};
use super::requests::{ACCOUNT, hold_id, open_account};
use super::wire::Wire;

/// Rounds as fast as they go, over rows that are flushed all the time.
const EAGER: [(&str, &str); 3] = [
    ("CREDITD_AUDIT__INTERVAL_MS", "1"),
    ("CREDITD_AUDIT__SLICE_ROWS", "3"),
    ("CREDITD_PROJECTION__FLUSH_INTERVAL_MS", "100"),
];

/// The values of a metric, labels and all.
fn values(daemon: &Daemon, name: &str) -> Vec<(String, u64)> {
    let (_, text) = daemon.get("/metrics");
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn rounds(daemon: &Daemon) -> u64 {
    values(daemon, "creditd_audit_rounds_total")[0].1
}

fn violations(daemon: &Daemon) -> Vec<(String, u64)> {
    let mut all = values(daemon, "creditd_audit_violations_total{");
    assert_eq!(all.len(), wallet::audit::Invariant::ALL.len(), "a label an invariant");
    all.retain(|(_, value)| *value > 0);
    all
}

#[test]
fn a_daemon_under_load_has_no_violations() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &EAGER);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let before = rounds(&daemon);
    let mut asked: u64 = 0;
    while rounds(&daemon) < before + 12 {
        for _ in 0..20 {
            let (kept, given) = (hold_id(), hold_id());
            let answers = wire.ask(&[
                Operation::reserve(kept, ACCOUNT, 5, 600_000),
                Operation::reserve(given, ACCOUNT, 3, 600_000),
                Operation::commit(kept, ACCOUNT, 1, 1),
                Operation::release(given, ACCOUNT),
                Operation::reserve(hold_id(), ACCOUNT, 1, 600_000),
            ]);
            assert!(
                answers.iter().all(|answer| matches!(
                    answer.outcome,
                    Outcome::Granted | Outcome::Done | Outcome::Insufficient | Outcome::UnknownHold
                )),
                "{answers:?}"
            );
            asked += 5;
        }
    }
    println!("{asked} operations beside {} rounds", rounds(&daemon));
    assert_eq!(violations(&daemon), []);
}

/// Journals a charge of credits that nobody has.
fn plant(folder: &Path) -> u64 {
    let directory = DataDirectory::open(folder).unwrap();
    let mut store = RocksStore::open(&directory.journal(), false).unwrap();
    let at = HoldId(hold_id().0).own_time().unwrap();
    let recovered = recover(&mut store, WriterId([3; 16]), at.0).unwrap();
    let (journal, mut writer) = Journal::start(store, recovered.end, &JournalSettings::default());
    let split = Split { top_up: Credits::from_whole(1_000), ..Split::ZERO };
    let charge = Reserve {
        account: AccountId(ACCOUNT.0),
        hold: HoldId(hold_id().0),
        taken: Slices { split, ..Slices::default() },
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
        terms: Terms::NONE,
        at,
        ends_at: at,
    };
    let mut unit = EncodedUnit::new();
    encode_unit(&[Record::Charge(charge)], &mut unit).unwrap();
    assert!(journal.queue.try_take_room(1, Class::Settlement));
    journal.queue.push(&unit);
    writer.write_next(at.0).unwrap().unwrap().durable.0
}

#[test]
fn an_overspend_that_was_planted_is_found_by_fsck_and_by_the_auditor() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &EAGER);
    open_account(&mut Wire::connect(&daemon));
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
    let position = plant(folder.path());

    let output = Command::new(env!("CARGO_BIN_EXE_creditd")).args(["fsck", "-o", "json"]).arg(folder.path()).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{found:#}");
    assert_eq!((&findings[0]["invariant"], &findings[0]["place"]["position"]), (&"I2".into(), &position.into()));
    assert_eq!(findings[0]["place"]["account"], AccountId(ACCOUNT.0).to_string());

    // A daemon starts with it, goes on, and says that the wallet owes what nobody clawed back.
    let daemon = Daemon::on(folder.path(), &EAGER);
    for _ in 0..PATIENCE.as_millis() / 20 {
        if rounds(&daemon) > 3 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(rounds(&daemon) > 3);
    assert_eq!(violations(&daemon), [("creditd_audit_violations_total{invariant=\"R16\"}".to_owned(), 1)]);
    let answers = Wire::connect(&daemon).ask(&[Operation::balance(ACCOUNT)]);
    assert_eq!(answers[0].outcome, Outcome::Done, "it is never stopped by a finding");
}
