//! A start after a while: the grace in which holds do not expire, so that commits that could not be delivered arrive first
//! (`recovery.hold_grace_ms`, R23, R28).

use protocol::{AccountId, Operation, Outcome};

use super::daemon::{Daemon, Folder, wait_until};
use super::faketime::{FakeClock, at};
use super::traffic::hold_id;
use crate::crash::wire::{Reply, Request, Wire};

const ACCOUNT: AccountId = AccountId(0xacc0);
const GRACE: [(&str, &str); 1] = [("CREDITD_RECOVERY__HOLD_GRACE_MS", "5000")];
/// The wall clock stands still: ticks pass, and nothing may come of them.
const TICKS: std::time::Duration = std::time::Duration::from_millis(400);

fn ask(wire: &mut Wire, operation: Operation) -> protocol::Answer {
    wire.send(&Request::Operations(vec![operation])).unwrap();
    match wire.receive().unwrap() {
        Reply::Answers(mut answers) => answers.remove(0),
        Reply::Command(answer) => panic!("{answer:?}"),
    }
}

fn open_account(wire: &mut Wire) {
    let zone = protocol::Text::default();
    let open = protocol::Command::OpenAccount { command: protocol::CommandId(1), account: ACCOUNT, zone };
    assert_eq!(wire.ask(&[open]).unwrap()[0].outcome, Outcome::Done);
}

fn free(wire: &mut Wire) -> u64 {
    ask(wire, Operation::balance(ACCOUNT)).available.free
}

/// Of two holds that ended while no daemon ran, one is committed in the grace and the other expires after it. The day
/// has ended too: the commit takes the old day's credits, and the new day is there in full (R35).
#[test]
fn a_hold_that_ended_while_no_daemon_ran_can_be_committed_in_the_grace() {
    let folder = Folder::new();
    let evening = at("2027-03-01T23:59:00Z");
    let clock = FakeClock::standing_at(folder.path(), evening);
    let mut daemon = Daemon::must_start(&folder, Some(&clock), &GRACE);
    let mut wire = Wire::connect(&daemon.address).unwrap();
    open_account(&mut wire);
    let (committed, expired) = (hold_id(evening), hold_id(evening));
    for (hold, amount) in [(committed, 30_000), (expired, 20_000)] {
        assert_eq!(ask(&mut wire, Operation::reserve(hold, ACCOUNT, amount, 10_000)).outcome, Outcome::Granted);
    }
    daemon.kill();

    let morning = at("2027-03-02T00:10:00Z");
    clock.stand_at(morning);
    daemon = Daemon::must_start(&folder, Some(&clock), &GRACE);
    wire = Wire::connect(&daemon.address).unwrap();
    std::thread::sleep(TICKS);
    assert_eq!(daemon.metric::<u64>("creditd_holds_open"), 2, "nothing expires in the grace");
    assert_eq!(ask(&mut wire, Operation::extend(expired, ACCOUNT, 60_000)).outcome, Outcome::HoldExpired);
    let late = ask(&mut wire, Operation::commit(committed, ACCOUNT, 25_000, 1));
    assert_eq!((late.outcome, late.split.free), (Outcome::Late, 25_000), "its own slices: {late:?}");
    assert_eq!((late.forfeited, late.available.free), (5_000, 100_000), "what is left is of yesterday: {late:?}");

    clock.stand_at(morning + 4_000);
    std::thread::sleep(TICKS);
    assert_eq!(daemon.metric::<u64>("creditd_holds_open"), 1, "the grace is not over");
    clock.stand_at(morning + 5_000);
    wait_until("the grace is over", || daemon.metric::<u64>("creditd_holds_open") == 0);
    assert_eq!(free(&mut wire), 100_000);
    // After the expiry a commit takes the amount from the wallet as it is now.
    let late = ask(&mut wire, Operation::commit(expired, ACCOUNT, 20_000, 1));
    assert_eq!((late.outcome, late.available.free), (Outcome::Late, 80_000), "{late:?}");
    daemon.terminate();
}

/// The same within a day: an expiry after the grace gives back what was held.
#[test]
fn what_is_not_committed_in_the_grace_comes_back_after_it() {
    let folder = Folder::new();
    let noon = at("2027-03-01T12:00:00Z");
    let clock = FakeClock::standing_at(folder.path(), noon);
    let mut daemon = Daemon::must_start(&folder, Some(&clock), &GRACE);
    let mut wire = Wire::connect(&daemon.address).unwrap();
    open_account(&mut wire);
    let hold = hold_id(noon);
    assert_eq!(ask(&mut wire, Operation::reserve(hold, ACCOUNT, 30_000, 10_000)).outcome, Outcome::Granted);
    daemon.kill();
    clock.stand_at(noon + 60_000);
    daemon = Daemon::must_start(&folder, Some(&clock), &GRACE);
    wire = Wire::connect(&daemon.address).unwrap();
    std::thread::sleep(TICKS);
    assert_eq!(free(&mut wire), 70_000, "the grace keeps it for its commit");
    clock.stand_at(noon + 65_000);
    wait_until("the grace is over", || free(&mut wire) == 100_000);
    daemon.terminate();
}
