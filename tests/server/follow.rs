//! A record that replay cannot apply, in the journal of a running daemon. Whatever was acknowledged after it would be lost
//! with it at the next start (I8), so that the daemon ends, and says so to whoever waits for the projections. The rules
//! refuse such a record or panic over it; either way it is the record that is told of.

use std::process::{Command, Output};
use std::sync::Arc;

use creditd::catalogue::Catalogue;
use creditd::config::{Config, DurabilityKey};
use creditd::daemon::{Failing, Phase};
use creditd::shutdown::{self, EXIT_BUG, EXIT_CONFIGURATION};
use creditd::start::{Wanted, start};
use journal::codec::encode_unit;
use journal::{Class, EncodedUnit};
use wallet::bucket::{Slices, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, HoldId, Position, Timestamp};
use wallet::record::{Attribution, CaptureRequest, LateCapture, Record, Return};

use super::daemon::PATIENCE;
use super::past::Past;

/// Says that this process is the one that is to end.
const VARIABLE: &str = "CREDITD_TEST_OF_ENDS";
const ACCOUNT: AccountId = AccountId(1);
const HOLD: HoldId = HoldId(2);
const AT: Timestamp = Timestamp(3);

/// The release of a hold that nobody made.
fn refused() -> Vec<Record> {
    let (returned, forfeited) = (Split::ZERO, Split::ZERO);
    vec![Record::Release(Return { account: ACCOUNT, hold: HOLD, returned, forfeited, at: AT })]
}

/// A late commit of a hold that never ran.
fn panicked_over() -> Vec<Record> {
    let request = CaptureRequest { number: 1, amount: Some(Credits::from_millis(5)), last: true };
    let late = LateCapture {
        account: ACCOUNT,
        hold: HOLD,
        request,
        taken: Slices::default(),
        shortfall: Credits::ZERO,
        attribution: Attribution::default(),
        at: AT,
    };
    vec![Record::Tombstone { hold: HOLD, at: AT }, Record::LateCapture(late)]
}

/// Journals the records, and waits until the projections have reached the last.
fn daemon_with(records: &[Record]) {
    let mut config = Config::default();
    config.journal.durability = DurabilityKey::Memory;
    let settings = config.validate().unwrap();
    let catalogue = Catalogue::load(&settings.config.catalog).unwrap();
    let wanted = Wanted { settings, catalogue, config_source: Arc::new(move || Ok(config.clone())) };
    let started = start(wanted, None).unwrap();
    let daemon = &started.daemon;
    daemon.enter(Phase::Serving);
    let mut unit = EncodedUnit::new();
    encode_unit(records, &mut unit).unwrap();
    assert!(daemon.queue.try_take_room(unit.records(), Class::Settlement));
    let position = Position(daemon.queue.push(&unit).0 + u64::from(unit.records()) - 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let waited = runtime.block_on(async { tokio::time::timeout(PATIENCE / 2, daemon.projected(position)).await });
    assert_eq!(waited, Ok(Err(Failing)), "whoever waits is told");
    assert!(daemon.readiness().iter().any(|condition| !condition.met), "{:?}", daemon.readiness());
    // Frames that have come already run no more, and what becomes durable now is not acknowledged.
    assert!(matches!(runtime.block_on(daemon.room(1, Class::Settlement)), Err(Failing)), "nothing more is run");
    assert!(daemon.queue.try_take_room(unit.records(), Class::Settlement));
    let after = daemon.queue.push(&unit);
    while daemon.durability.synced() < after {
        daemon.durability.wait_past(daemon.durability.synced(), PATIENCE);
    }
    std::thread::sleep(PATIENCE / 300);
    let progress = *daemon.progress.borrow();
    assert!(progress.failed && progress.durable < Position(after.0), "{progress:?}");
    println!("told");
    std::thread::sleep(PATIENCE / 2);
    println!("the daemon goes on with a journal that no start can follow");
    std::process::exit(1);
}

/// Runs a test again, in a process of its own.
fn ends(name: &str) -> (Output, String) {
    let name = format!("server::follow::{name}");
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args([name.as_str(), "--exact", "--nocapture"]).env(VARIABLE, "1").output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_record_that_cannot_be_applied_again_ends_the_daemon_and_is_told() {
    if std::env::var_os(VARIABLE).is_some() {
        return daemon_with(&refused());
    }
    let (output, said) = ends("a_record_that_cannot_be_applied_again_ends_the_daemon_and_is_told");
    assert_eq!(output.status.code(), Some(i32::from(EXIT_BUG)), "{said}");
    assert!(said.contains("told"), "{said}");
}

/// As it is where every panic ends the process: this one is caught, so that all the rest comes first.
#[test]
fn a_record_that_the_rules_panic_over_ends_the_daemon_in_the_same_way() {
    if std::env::var_os(VARIABLE).is_some() {
        shutdown::end_on_panic().unwrap();
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
        return daemon_with(&panicked_over());
    }
    let (output, said) = ends("a_record_that_the_rules_panic_over_ends_the_daemon_in_the_same_way");
    assert_eq!(output.status.code(), Some(i32::from(EXIT_BUG)), "{said}");
    assert!(said.contains("told"), "{said}");
    let words = "position 4: R28: a second debit of a hold that has not expired (src/wallet/hold.rs:";
    assert!(said.contains("the projections cannot follow the journal") && said.contains(words), "{said}");
}

/// A panic that nobody catches ends the process at once.
#[test]
fn any_other_panic_ends_the_process() {
    if std::env::var_os(VARIABLE).is_some() {
        shutdown::end_on_panic().unwrap();
        let _ = std::thread::spawn(|| panic!("of its own")).join();
        println!("it goes on");
        std::process::exit(1);
    }
    let (output, said) = ends("any_other_panic_ends_the_process");
    assert_eq!(output.status.code(), Some(i32::from(EXIT_BUG)), "{said}");
    assert!(said.contains("of its own") && !said.contains("it goes on"), "{said}");
}

#[test]
fn a_start_refuses_such_a_journal_with_the_place_and_fsck_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let past = Past::beginning(Timestamp(1_000_000_000_000));
    panicked_over().into_iter().for_each(|record| past.push(record));
    let last = past.write(folder.path(), Timestamp(1_000_000_000_000)) + 1;
    let creditd = |arguments: &[&str]| {
        let mut creditd = Command::new(env!("CARGO_BIN_EXE_creditd"));
        creditd.args(arguments).arg(folder.path()).env("CREDITD_CLOCK__START_STEP_MAX_MS", "1000000000000000");
        let output = creditd.output().unwrap();
        let said = [&output.stdout[..], &output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let (code, said) = creditd(&["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"]);
    assert_eq!(code, Some(i32::from(EXIT_CONFIGURATION)), "{said}");
    assert!(
        said.contains(&format!("creditd: the projections do not follow the journal: position {last}: R28")),
        "{said}"
    );
    let (code, said) = creditd(&["fsck"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&last.to_string()), "{said}");
}
