//! A system that has no thread to give any more: what takes long has its thread since the start.

use protocol::{AccountId, Bucket, Command, HoldId, Outcome, Text, View, WorkerId};

use super::commands::command_id;
use super::daemon::Daemon;
use super::requests::{ACCOUNT, open_account};
use super::wire::Wire;

#[test]
fn walks_and_reloads_need_no_thread_of_the_system() {
    let daemon = Daemon::of_a_user();
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    daemon.deny_threads();

    let (account, worker) = (AccountId(0), WorkerId(7));
    let (after, limit) = (HoldId(0), 10);
    let listed = wire.command(&Command::ListHolds { account, worker, older_than_ms: 0, after, limit });
    assert!(matches!(listed.view, View::Holds(_)), "{listed:?}");
    let released = wire.command(&Command::ReleaseWorker { command: command_id(), account, worker });
    assert_eq!(released.outcome, Outcome::Done);
    let reason = Text::default();
    let (bucket, amount) = (Bucket::Free, 50_000_000);
    let large = Command::Grant { command: command_id(), account: ACCOUNT, bucket, amount, reason };
    assert_eq!(wire.command(&large).outcome, Outcome::Done);
    daemon.hang_up();
    let View::Reload(reloaded) = wire.command(&Command::Reload).view else { panic!("a reload is shown") };
    assert_eq!(reloaded.error.as_str(), "");
    assert_eq!(daemon.get("/livez").0, 200);
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
}
