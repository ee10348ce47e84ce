//! A record that replay cannot apply, in the journal of a running daemon. Whatever was acknowledged after it would be lost
//! with it at the next start (I8), so that the daemon ends, and says so to whoever waits for the projections.

use std::process::Command;
use std::sync::Arc;

use creditd::catalogue::Catalogue;
use creditd::config::{Config, DurabilityKey};
use creditd::daemon::{Failing, Phase};
use creditd::shutdown::EXIT_BUG;
use creditd::start::{Wanted, start};
use journal::codec::encode_unit;
use journal::{Class, EncodedUnit};
use wallet::bucket::Split;
use wallet::ids::{AccountId, HoldId, Position, Timestamp};
use wallet::record::{Record, Return};

use super::daemon::PATIENCE;

/// Says that this process is the one that is to end.
const VARIABLE: &str = "CREDITD_TEST_OF_ENDS";
const NAME: &str = "server::follow::a_record_that_cannot_be_applied_again_ends_the_daemon_and_is_told";

/// Journals the release of a hold that nobody made, and waits until the projections have reached it.
fn daemon_with_a_bad_record() {
    let mut config = Config::default();
    config.journal.durability = DurabilityKey::Memory;
    let settings = config.validate().unwrap();
    let catalogue = Catalogue::load(&settings.config.catalog).unwrap();
    let wanted = Wanted { settings, catalogue, config_source: Arc::new(move || Ok(config.clone())) };
    let started = start(wanted, None).unwrap();
    let daemon = &started.daemon;
    daemon.enter(Phase::Serving);
    let (account, hold) = (AccountId(1), HoldId(2));
    let nothing = Return { account, hold, returned: Split::ZERO, forfeited: Split::ZERO, at: Timestamp(3) };
    let mut unit = EncodedUnit::new();
    encode_unit(&[Record::Release(nothing)], &mut unit).unwrap();
    assert!(daemon.queue.try_take_room(1, Class::Settlement));
    let position = Position(daemon.queue.push(&unit).0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let waited = runtime.block_on(async { tokio::time::timeout(PATIENCE / 2, daemon.projected(position)).await });
    assert_eq!(waited, Ok(Err(Failing)), "whoever waits is told");
    assert!(daemon.readiness().iter().any(|condition| !condition.met), "{:?}", daemon.readiness());
    // Frames that have come already run no more, and what becomes durable now is not acknowledged.
    assert!(matches!(runtime.block_on(daemon.room(1, Class::Settlement)), Err(Failing)), "nothing more is run");
    assert!(daemon.queue.try_take_room(1, Class::Settlement));
    let after = daemon.queue.push(&unit);
    while daemon.durability.synced() < after {
        daemon.durability.wait_past(daemon.durability.synced(), PATIENCE);
    }
    std::thread::sleep(PATIENCE / 300);
    let progress = *daemon.progress.borrow();
    assert!(progress.failed && progress.durable < Position(after.0), "{progress:?}");
    println!("told");
    std::thread::sleep(PATIENCE / 2);
    panic!("the daemon goes on with a journal that no start can follow");
}

#[test]
fn a_record_that_cannot_be_applied_again_ends_the_daemon_and_is_told() {
    if std::env::var_os(VARIABLE).is_some() {
        return daemon_with_a_bad_record();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args([NAME, "--exact", "--nocapture"]).env(VARIABLE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(i32::from(EXIT_BUG)), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("told"), "{said}");
}
