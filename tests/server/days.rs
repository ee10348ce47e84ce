//! Days and cycles that end while a daemon runs, or while none does: R5, R10, R35.
#![expect(clippy::disallowed_methods, reason = "the daemon goes by the real time, and so does patience with it")]

use std::time::{Duration, SystemTime};

use protocol::{AccountId, Command, Operation, Outcome, ResetKind, ResetsView, View};
use wallet::ids::Timestamp;

use super::daemon::{Daemon, PATIENCE};
use super::past::Past;
use super::wire::Wire;

const DAY_MS: u64 = 86_400_000;

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

/// The value of one series of the metrics.
pub(super) fn metric(daemon: &Daemon, series: &str) -> u64 {
    let (status, text) = daemon.get("/metrics");
    assert_eq!(status, 200);
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

fn balance(wire: &mut Wire, account: u128) -> protocol::Answer {
    let answer = wire.ask(&[Operation::balance(AccountId(account))])[0];
    assert_eq!(answer.outcome, Outcome::Done);
    answer
}

fn resets(wire: &mut Wire) -> ResetsView {
    let View::Resets(view) = wire.command(&Command::ShowResets).view else { panic!("resets are shown") };
    *view
}

/// R5, R10, R35: a start after three missed days and the end of a subscription is in the present period at readiness, and
/// the only record is that of the lapse.
#[test]
fn a_start_after_missed_days_and_a_missed_cycle_is_in_the_present() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Timestamp(wall().0 - 4 * DAY_MS);
    let mut past = Past::beginning(begun);
    for account in 1..=50 {
        past.open(account, if account % 2 == 0 { "Asia/Tokyo" } else { "" });
        past.draw(account, 30);
    }
    past.subscribe(50, 500, begun.plus_millis(DAY_MS));
    past.draw(50, 20);
    let records = past.write(folder.path(), begun.plus_millis(1_000));
    let daemon = Daemon::on(folder.path(), &[]);
    let two_epochs_and_the_lapse = 3;
    let started = std::time::Instant::now();
    while metric(&daemon, "creditd_journal_position") < records + two_epochs_and_the_lapse {
        assert!(started.elapsed() < PATIENCE, "the lapse is not journaled");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(metric(&daemon, "creditd_reset_wallets_total{kind=\"lapse\"}"), 1);
    let view = resets(&mut Wire::connect(&daemon));
    let [run] = view.runs.as_slice() else { panic!("one run: {view:?}") };
    assert_eq!((run.kind, run.wallets, run.granted, run.expired), (ResetKind::Cycle, 1, 0, 500_000));
    assert_eq!(metric(&daemon, "creditd_timers{kind=\"day\"}"), 2);
    assert_eq!(metric(&daemon, "creditd_credits_total{flow=\"expired\",bucket=\"subscription\"}"), 500);
    let days = metric(&daemon, "creditd_reset_wallets_total{kind=\"day\"}");
    assert!((50..=52).contains(&days), "{days}: the one that lapsed came over days before and after it");
    // A start does not know that the day of the last account began before its subscription.
    assert_eq!(metric(&daemon, "creditd_credits_total{flow=\"granted\",bucket=\"free\"}"), 49 * 100);
    assert_eq!(metric(&daemon, "creditd_credits_total{flow=\"expired\",bucket=\"free\"}"), 49 * 70 + 50);
    let mut wire = Wire::connect(&daemon);
    for account in 1..=50 {
        let answer = balance(&mut wire, account);
        assert_eq!((answer.available.free, answer.available.subscription), (100_000, 0), "account {account}");
        assert!(answer.next_reset_at_ms > wall().0);
    }
    let more = metric(&daemon, "creditd_journal_position") - records - two_epochs_and_the_lapse;
    assert!(more <= 10, "looking has no record, only the bound of ids has ({more} records)");
    assert_eq!(metric(&daemon, "creditd_reset_wallets_total{kind=\"day\"}"), days, "nothing was left to requests");
}

/// R5, R6: the daemon's time begins where its journal ends, a moment before a midnight. Requests see the new day at once;
/// the sweep rolls every other wallet, and nothing of it is journaled.
#[test]
fn a_midnight_is_seen_at_once_and_swept_behind() {
    const WALLETS: u128 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let midnight = Timestamp(((wall().0 + 60_000) / DAY_MS + 1) * DAY_MS);
    let mut past = Past::beginning(midnight.minus_millis(DAY_MS / 2));
    for account in 1..=WALLETS {
        past.open(account, "");
    }
    past.open(WALLETS + 1, "America/New_York");
    past.draw(1, 30);
    past.draw(2, 40);
    past.draw(WALLETS + 1, 50);
    past.write(folder.path(), midnight.minus_millis(5_000));
    let daemon = Daemon::on(folder.path(), &[]);
    let position = metric(&daemon, "creditd_journal_position");
    let mut wire = Wire::connect(&daemon);
    let before = balance(&mut wire, 1);
    assert_eq!((before.available.free, before.next_reset_at_ms), (70_000, midnight.0));
    let started = std::time::Instant::now();
    let after = loop {
        let answer = balance(&mut wire, 1);
        if answer.next_reset_at_ms != midnight.0 {
            break answer;
        }
        assert_eq!(answer.available.free, 70_000, "no credits of a day before it has begun");
        assert!(started.elapsed() < PATIENCE, "midnight does not come");
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!((after.available.free, after.next_reset_at_ms), (100_000, midnight.0 + DAY_MS));
    let rolled = || metric(&daemon, "creditd_reset_wallets_total{kind=\"day\"}");
    while rolled() < u64::try_from(WALLETS).unwrap() {
        assert!(started.elapsed() < PATIENCE, "{} wallets were rolled", rolled());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(rolled(), u64::try_from(WALLETS).unwrap(), "each once, and none in New York, where the day goes on");
    assert_eq!(
        metric(&daemon, "creditd_credits_total{flow=\"granted\",bucket=\"free\"}"),
        200,
        "two days left a trace"
    );
    assert_eq!(metric(&daemon, "creditd_credits_total{flow=\"expired\",bucket=\"free\"}"), 130);
    while metric(&daemon, "creditd_reset_duration_seconds_count{kind=\"day\"}") == 0 {
        assert!(started.elapsed() < PATIENCE, "the sweep does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    let view = resets(&mut wire);
    let zones: Vec<_> = view.days.as_slice().iter().map(|day| (day.zone.as_str(), day.wallets)).collect();
    let wallets = u64::try_from(WALLETS).unwrap();
    assert_eq!((view.zones, zones), (2, vec![("America/New_York", 1), ("UTC", wallets)]), "soonest first");
    assert_eq!(view.days.as_slice()[1].ends_at_ms, midnight.0 + DAY_MS);
    assert!(view.now_ms >= midnight.0);
    let [run] = view.runs.as_slice() else { panic!("one run: {view:?}") };
    assert_eq!(run.kind, ResetKind::Day);
    assert!((wallets - 1..=wallets).contains(&run.wallets), "at most one was rolled by a request: {run:?}");
    assert!(run.started_at_ms >= midnight.0 && run.expired >= 60_000, "{run:?}");
    assert_eq!(balance(&mut wire, WALLETS + 1).available.free, 50_000);
    assert_eq!(balance(&mut wire, 2).available.free, 100_000);
    let records = metric(&daemon, "creditd_journal_position") - position;
    assert!(records <= 10, "a day has no record, only the bound of ids has ({records} records)");
}

/// What is shown of credit cycles is counted when somebody asks.
#[test]
fn the_next_ends_of_cycles_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let begun = wall();
    let mut past = Past::beginning(begun);
    for account in 1..=5 {
        past.open(account, "");
    }
    past.subscribe(1, 10, begun.plus_millis(1_800_000));
    past.subscribe(2, 10, begun.plus_millis(7_200_000));
    past.subscribe(3, 10, begun.plus_millis(2 * DAY_MS));
    past.write(folder.path(), begun);
    let daemon = Daemon::on(folder.path(), &[]);
    let view = resets(&mut Wire::connect(&daemon));
    assert_eq!((view.cycles_in_hour, view.cycles_in_day), (1, 2));
    assert_eq!(view.next_cycle_end_ms, begun.0 + 1_800_000);
    assert!(view.runs.as_slice().is_empty());
    assert_eq!(metric(&daemon, "creditd_timers{kind=\"cycle\"}"), 3);
}
