//! SIGSTOP under traffic: the process stands still and its clocks do not, as when a machine is suspended or starved.
//!
//! When it goes on, whatever was asked meanwhile is decided by the time that it is then: holds past their end count as
//! expired (R23), though no timer has fired; nothing is lost, and the books balance (I1).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protocol::{AccountId, Answer, Command, CommandId, HoldId, Operation, Outcome, Text, View};

use super::daemon::{Daemon, Folder, now, wait_until};
use super::number_from;
use super::traffic::hold_id;
use crate::crash::wire::{Reply, Request, Wire};

/// How long it is stopped in the short form.
const STOP_SECONDS: u64 = 6;
/// Each has a connection of its own that never pauses.
const BUSY: u128 = 2;
const ACCOUNT: AccountId = AccountId(0xacc0);
/// The shortest holds end so soon after the stop begins.
const SHORT_MS: u32 = 1_500;
const LONG_MS: u32 = 3_600_000;
const NO_GRACE: [(&str, &str); 1] = [("CREDITD_RECOVERY__HOLD_GRACE_MS", "0")];

fn open_account(wire: &mut Wire, account: AccountId) {
    let open = Command::OpenAccount { command: CommandId(account.0), account, zone: Text::default() };
    assert_eq!(wire.ask(&[open]).unwrap()[0].outcome, Outcome::Done);
}

fn send(wire: &mut Wire, operation: Operation) {
    wire.send(&Request::Operations(vec![operation])).unwrap();
}

fn answer(wire: &mut Wire) -> Answer {
    match wire.receive().unwrap() {
        Reply::Answers(mut answers) => answers.remove(0),
        Reply::Command(answer) => panic!("{answer:?}"),
    }
}

fn ask(wire: &mut Wire, operation: Operation) -> Answer {
    send(wire, operation);
    answer(wire)
}

/// Milliseconds since 1970; the daemon of this test has the real clock.
fn real_ms() -> u64 {
    let (seconds, nanos) = uuid::Uuid::now_v7().get_timestamp().unwrap().to_unix();
    seconds * 1_000 + u64::from(nanos) / 1_000_000
}

fn reserve(wire: &mut Wire, amount: u64, ttl_ms: u32) -> HoldId {
    let hold = hold_id(real_ms());
    assert_eq!(ask(wire, Operation::reserve(hold, ACCOUNT, amount, ttl_ms)).outcome, Outcome::Granted);
    hold
}

/// Reserves and commits until it is told to stop; says how many pairs that were.
fn keep_busy(address: &str, account: AccountId, stop: &AtomicBool) -> u64 {
    let mut wire = Wire::connect(address).unwrap();
    open_account(&mut wire, account);
    let mut pairs = 0;
    // Relaxed: a wish, nothing is published with it.
    while !stop.load(Ordering::Relaxed) {
        let hold = hold_id(real_ms());
        let granted = ask(&mut wire, Operation::reserve(hold, account, 1, LONG_MS));
        assert_eq!(granted.outcome, Outcome::Granted, "{granted:?}");
        let done = ask(&mut wire, Operation::commit_all(hold, account, 1));
        assert_eq!(done.outcome, Outcome::Done, "{done:?}");
        pairs += 1;
    }
    pairs
}

/// Lets the busy ones rest when it is dropped: also when the test fails.
struct Rest<'a>(&'a AtomicBool);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn books_balance(wire: &mut Wire, account: AccountId) {
    let View::Account(view) = wire.ask(&[Command::ShowAccount { account }]).unwrap().remove(0).view else {
        panic!("an account is shown")
    };
    for bucket in [&view.free, &view.subscription, &view.top_up] {
        let sum = bucket.available + bucket.held + bucket.spent + bucket.expired + bucket.clawed_back;
        assert_eq!(bucket.granted, sum, "I1: {view:?}");
    }
}

#[test]
fn a_daemon_that_was_stopped_decides_by_the_time_that_it_is_then() {
    let seconds = number_from("CLOCK_STOP_SECONDS", STOP_SECONDS);
    let folder = Folder::new();
    let daemon = Daemon::must_start(&folder, None, &NO_GRACE);
    let stop = AtomicBool::new(false);
    let pairs: u64 = std::thread::scope(|scope| {
        let (address, stop) = (daemon.address.as_str(), &stop);
        let busy: Vec<_> = (0..BUSY)
            .map(|number| scope.spawn(move || keep_busy(address, AccountId(0xb0_0000 + number), stop)))
            .collect();
        let rest = Rest(stop);
        stopped_and_continued(&daemon, seconds);
        drop(rest);
        busy.into_iter().map(|busy| busy.join().unwrap()).sum()
    });
    let mut wire = Wire::connect(&daemon.address).unwrap();
    books_balance(&mut wire, ACCOUNT);
    for number in 0..BUSY {
        books_balance(&mut wire, AccountId(0xb0_0000 + number));
    }
    println!("{pairs} reserves with their commits around a stop of {seconds} s");
    assert!(pairs > 0);
    daemon.terminate();
    assert!(!folder.log().contains("panicked"), "{}", folder.log());
}

fn stopped_and_continued(daemon: &Daemon, seconds: u64) {
    let mut wire = Wire::connect(&daemon.address).unwrap();
    open_account(&mut wire, ACCOUNT);
    let long = reserve(&mut wire, 5_000, LONG_MS);
    let kept = reserve(&mut wire, 6_000, LONG_MS);
    let [committed, extended, left] = [10_000, 20_000, 30_000].map(|amount| reserve(&mut wire, amount, SHORT_MS));

    daemon.signal("-STOP");
    let stopped = now();
    // Asked while the process stands, after the short holds have ended: the bytes wait in its sockets.
    std::thread::sleep(Duration::from_millis(u64::from(SHORT_MS) + 500));
    let asked_at = real_ms();
    let fresh = hold_id(asked_at);
    send(&mut wire, Operation::commit_all(committed, ACCOUNT, 1));
    send(&mut wire, Operation::extend(extended, ACCOUNT, LONG_MS));
    send(&mut wire, Operation::commit_all(long, ACCOUNT, 1));
    send(&mut wire, Operation::extend(kept, ACCOUNT, LONG_MS));
    send(&mut wire, Operation::reserve(fresh, ACCOUNT, 1_000, LONG_MS));
    std::thread::sleep(Duration::from_secs(seconds).saturating_sub(stopped.elapsed()));
    let goes_on_at = real_ms();
    daemon.signal("-CONT");

    let late = answer(&mut wire);
    assert_eq!((late.outcome, late.amount.max(late.split.free)), (Outcome::Late, 10_000), "{late:?}");
    assert_eq!(answer(&mut wire).outcome, Outcome::HoldExpired, "an extension of an ended hold");
    let done = answer(&mut wire);
    assert_eq!(done.outcome, Outcome::Done, "a hold that has not ended: {done:?}");
    let extended_to = answer(&mut wire);
    assert_eq!(extended_to.outcome, Outcome::Done, "{extended_to:?}");
    assert!(extended_to.time_ms >= goes_on_at + u64::from(LONG_MS), "decided with an old time: {extended_to:?}");
    // The bytes waited for so long that the id is too old only if the stop was longer than the window of ids.
    assert_eq!(answer(&mut wire).outcome, Outcome::Granted);
    let View::Hold(view) = wire.ask(&[Command::ShowHold { hold: fresh }]).unwrap().remove(0).view else {
        panic!("a hold is shown")
    };
    assert!(view.created_at_ms >= goes_on_at, "decided with an old time: {view:?}, asked at {asked_at}");

    // The requests may be answered before the ticker's thread has had its turn.
    let least = f64::from(u32::try_from(seconds).unwrap()) - 0.5;
    wait_until("the stop shows as lag of the timers", || daemon.metric::<f64>("creditd_timer_lag_seconds") >= least);
    // What was held and not committed is back: 100,000 less two commits, less what is still held.
    wait_until("the holds have expired", || {
        ask(&mut wire, Operation::balance(ACCOUNT)).available.free == 100_000 - 10_000 - 5_000 - 6_000 - 1_000
    });
    let View::Hold(view) = wire.ask(&[Command::ShowHold { hold: left }]).unwrap().remove(0).view else {
        panic!("a hold is shown")
    };
    assert_eq!(view.state, protocol::HoldState::Expired);
}
