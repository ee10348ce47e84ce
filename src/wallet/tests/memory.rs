//! What is remembered of ended holds: R32.

use super::{World, check, check_with};
use crate::balance::NoView;
use crate::directory::Cell;
use crate::holds::HoldCell;
use crate::outcome::Outcome;
use crate::request::Operation;
use crate::settings::{DAY_MS, MINUTE_MS, Settings};

#[test]
fn r32_a_release_of_an_unknown_id_leaves_a_tombstone() {
    let mut world = check(
        "open a
         release h1            => unknown_hold position
         release h1            => unknown_hold position
         reserve h1 a 10       => already_released left=100/0/0
         charge h1 a 10        => already_released
         commit h1 10          => unknown_hold
         refund h1 10          => unknown_hold
         extend h1 10s         => unknown_hold
         flush
         reserve h1 a 10       => already_released",
    );
    assert_eq!(world.disk.records().len(), 3, "the policy, the account, one tombstone");
    let hold = world.hold("h2");
    let account = super::world::account("a");
    let refused = world.run(Operation::Release { account, hold });
    assert_eq!(
        (refused.outcome, refused.needs.0),
        (Outcome::UnknownHold, 4),
        "it leaves when the tombstone is durable"
    );
    world.restarted().check("reserve h2 a 1 => already_released");
}

#[test]
fn r32_ids_outside_the_window_leave_no_tombstone() {
    let world = check(
        "open a
         release h1@-301s      => unknown_hold position=false
         release h2@+61s       => unknown_hold position=false
         commit h3 1           => unknown_hold
         release h4 by=z       => unknown_account",
    );
    assert_eq!(world.disk.records().len(), 2);
}

#[test]
fn r32_an_ended_hold_is_forgotten_when_window_bound_and_flush_have_passed() {
    let mut world = check(
        "open a
         reserve h1 a 10
         commit h1 10
         reserve h2 a 10 ttl=1d
         after 1h
         reserve h3 a 10
         release h3
         forget                => 0
         reserve h1 a 10       => replayed:granted
         forget                => 0
         flush
         reserve h1 a 10       => replayed:granted
         forget                => 1
         reserve h1 a 10       => hold_id_expired
         reserve h2 a 10 ttl=1d => replayed:granted
         reserve h3 a 10       => replayed:granted",
    );
    assert_eq!(world.engine.gauges().holds_remembered, 2);
    let bound = world.engine.gauges().id_bound;
    assert_eq!(bound.0, world.now.wall.0 - 300_000, "the end of the newest forgotten second");
    world.check("restart\nreserve h1 a 10 => hold_id_expired\nreserve h2 a 10 ttl=1d => replayed:granted");
    assert_eq!(world.engine.gauges().id_bound, bound, "the bound is kept");
}

/// R32: the bound still takes ids of its own millisecond, and so the holds of that millisecond are remembered.
#[test]
fn r32_a_hold_that_is_as_old_as_the_bound_is_remembered() {
    let mut world = World::new(Settings::default());
    assert_eq!(world.now.wall.0 % 1_000, 0, "bounds are whole seconds");
    let made_at = world.now.wall;
    world.check(
        "open a
         charge h1 a 10        => granted
         after 5m
         flush
         forget                => 0
         flush
         forget                => 0
         charge h1 a 10        => replayed:granted left=90/0/0",
    );
    assert_eq!(world.engine.gauges().id_bound, made_at);
}

#[test]
fn r32_a_hold_that_ended_lately_stays_however_old_its_id_is() {
    check(
        "open a
         reserve h1 a 10 ttl=1d
         after 2h
         commit h1 10
         flush
         forget                => 0
         flush
         forget                => 0
         commit h1 10          => replayed:done
         reserve h1 a 10 ttl=1d => replayed:granted
         after 5m
         flush
         forget                => 0
         flush
         forget                => 1
         reserve h1 a 10       => hold_id_expired",
    );
}

#[test]
fn r32_the_bound_refuses_ids_that_the_window_would_take() {
    let mut world = check("open a\nafter 1h\nforget => 0\nflush\nforget => 0");
    // The wall clock went back: the window alone would take ids of the forgotten hour.
    world.now.wall = world.now.wall.minus_millis(200_000);
    world.check(
        "reserve h1@-299s a 1  => hold_id_expired
         reserve h2@-101s a 1  => hold_id_expired
         reserve h3@-99s a 1   => granted",
    );
    world.now.wall = world.now.wall.plus_millis(200_000);
    world.check("reserve h4@-299s a 1 => granted");
}

#[test]
fn r32_while_the_bound_is_younger_than_ten_seconds_new_holds_wait() {
    let mut world = check("open a\nreserve h0 a 1\nafter 1h\nforget => 0\nflush\nforget => 0\nreserve known a 1");
    world.now.wall = world.now.wall.minus_millis(290_001);
    world.check(
        "reserve h1 a 1        => overloaded
         charge c1 a 1         => overloaded
         reserve known a 1     => replayed:granted
         commit known 1        => done
         reserve h9 z 1        => unknown_account",
    );
    world.now.wall = world.now.wall.plus_millis(1);
    world.check("reserve h1 a 1 => granted");
}

#[test]
fn r32_when_memory_is_full_new_reserves_are_overloaded() {
    check_with(
        Settings { holds_max: 2, ..Settings::default() },
        "open a
         reserve h1 a 10
         charge c1 a 10
         reserve h3 a 10       => overloaded
         reserve h4@-1h a 10   => overloaded
         charge c3 a 10        => overloaded
         release h5            => overloaded
         reserve h1 a 10       => replayed:granted
         commit h1 10          => done
         refund c1 10          => done
         after 1h
         flush
         forget                => 0
         flush
         forget                => 2
         reserve h6 a 10       => granted",
    );
}

#[test]
fn r32_settled_holds_leave_nothing_open() {
    let mut world = World::new(Settings::default());
    world.check("open a");
    for number in 0..1_000 {
        world.check_line(&format!("reserve h{number} a 1 ttl=1d"));
        world.check_line(&format!("release h{number}"));
    }
    let gauges = world.engine.gauges();
    assert_eq!((gauges.holds_open, gauges.holds_remembered), (0, 1_000));
    world.check("after 2h\nforget\nflush\nforget => 1000");
    assert_eq!(world.engine.gauges().holds_remembered, 0);
}

#[test]
fn r32_after_a_start_no_hold_expires_before_the_grace() {
    check(
        "open a
         reserve h1 a 10 ttl=10s
         reserve h2 a 10 ttl=10s
         after 1h
         restart
         expire                => 0
         commit h1 10          => late amount=10 late
         after 59999
         expire                => 0
         after 1
         expire                => 1
         balance a             => done left=90/0/0",
    );
}

/// The disk keeps a hold for the refund window, begun as late as its end can have come: 30 days, a day and 5 minutes after
/// the time in its id. When those are let go, nothing new is decided about them: no row may be left to apply that to (I8).
#[test]
fn r32_nothing_new_is_decided_about_a_hold_that_the_disk_may_have_dropped() {
    let table = |passed: u64| {
        format!(
            "open a
             reserve h1 a 30 ttl=10s
             reserve h2 a 30 ttl=10s
             commit h2 10 n=1 more
             after {passed}
             expire                => 2
             flush
             let_go"
        )
    };
    let kept = 31 * DAY_MS + 5 * MINUTE_MS;
    check(&table(kept)).check(
        "commit h1 5 n=1 more      => late amount=5
         refund h2 1 n=1           => done",
    );
    check(&table(kept + 1)).check(
        "commit h1 5 n=1 more      => hold_expired
         refund h2 1 n=1           => refund_window_passed
         refund h2 11 n=2          => exceeds_captured amount=10
         commit h2 10 n=1 more     => replayed:done amount=10
         release h1                => hold_expired",
    );
    // An end that is still to be recorded comes before that (R28).
    check(
        "open a
         reserve h1 a 30 ttl=10s
         reserve h2 a 30 ttl=10s
         after 40d
         let_go
         commit h1 10              => late amount=10
         release h2                => done
         commit h1 10              => replayed:late amount=10",
    );
}

/// A hold that ended late, because no daemon ran, is dropped by the time in its id while memory still has its end.
#[test]
fn r32_what_the_disk_has_dropped_is_unknown_although_memory_has_its_end() {
    let mut world = check(
        "open a
         reserve h1 a 30 ttl=10s
         commit h1 10 n=1 more
         after 40d
         expire                    => 1
         flush
         let_go",
    );
    let hold = world.hold("h1");
    world.disk.drop_hold(hold);
    let records = world.disk.records().len();
    for line in [
        "commit h1 10 n=1 more     => unknown_hold",
        "refund h1 1 n=1           => refund_window_passed",
        "release h1                => unknown_hold",
        "extend h1 10s             => unknown_hold",
        "reserve h1 a 30 ttl=10s   => hold_id_expired",
    ] {
        world.check_line(line);
    }
    assert_eq!(world.engine.hold_view(&world.engine.chunk(), hold, world.now), Ok(None));
    assert_eq!(world.disk.records().len(), records, "a refusal leaves no trace (I5)");
}

/// A row that must be there and is not is no hold that nobody knows: whoever asks is told to come again.
#[test]
fn r32_a_hold_whose_row_is_missing_before_its_time_is_not_called_unknown() {
    let mut world = check("open a\nreserve h1 a 30 ttl=10s\nafter 10s\nexpire => 1\nflush");
    let hold = world.hold("h1");
    world.disk.drop_hold(hold);
    world.check_line("commit h1 10 => overloaded");
}

/// Nor where either its time or its id alone says that it could be: that the disk may have dropped it, or that it is old.
#[test]
fn r32_a_hold_whose_row_is_missing_is_unknown_only_where_it_is_old_and_let_go() {
    let mut world = check("open a\nreserve h1 a 30 ttl=10s\nafter 1h\nexpire => 1\nflush");
    let hold = world.hold("h1");
    world.disk.drop_hold(hold);
    world.check_line("commit h1 10 => overloaded");
    world.advance(40 * DAY_MS);
    world.check_line("let_go");
    let wall = world.now.wall;
    world.now.wall = wall.minus_millis(40 * DAY_MS + 60 * MINUTE_MS);
    world.check_line("commit h1 10 => overloaded");
    world.now.wall = wall;
    world.check_line("commit h1 10 => unknown_hold");
}

/// What was let go stays so: the wall clock may go back after it, and be believed at once.
#[test]
fn r32_what_was_let_go_is_not_taken_back_when_the_clock_goes_back() {
    let mut world = check(
        "open a
         reserve h1 a 30 ttl=10s
         after 40d
         expire                    => 1
         flush
         let_go",
    );
    world.now.wall = world.now.wall.minus_millis(20 * DAY_MS);
    let hold = world.hold("h1");
    let back = Settings::default().remembered_since(world.now);
    assert!(world.engine.let_go(world.now) > back, "it never goes back");
    world.check_line("commit h1 10              => hold_expired");
    world.disk.drop_hold(hold);
    world.check_line("commit h1 10              => unknown_hold");
    assert_eq!(world.engine.hold_view(&world.engine.chunk(), hold, world.now), Ok(None));
}

/// Who looks at a hold whose row is missing is told so, and does not wait for it.
#[test]
fn r32_a_hold_that_cannot_be_read_is_not_shown() {
    let mut world = check("open a\nreserve h1 a 30 ttl=10s\nafter 10s\nexpire => 1\nflush");
    let hold = world.hold("h1");
    world.disk.drop_hold(hold);
    assert_eq!(world.engine.hold_view(&world.engine.chunk(), hold, world.now), Err(NoView::Unreadable));
}

/// Looking at a hold rolls its wallet where that is due: a record, for which there must be room.
#[test]
fn a_view_of_a_hold_rolls_a_wallet_that_is_due() {
    let mut world = check("open a\njoin a 2\nat 2026-04-10T11:00:00Z\nreserve h1 a 30 ttl=1d");
    world.advance(3_600_000);
    let (hold, before) = (world.hold("h1"), world.disk.records().len());
    assert!(matches!(world.engine.hold_view(&world.engine.chunk(), hold, world.now), Ok(Some(_))));
    assert_eq!(world.disk.records().len(), before + 1, "the roll");
}

/// What refunds bring back from disk has a limit beyond that of new holds (I9).
#[test]
fn r32_what_is_brought_back_has_a_limit() {
    let mut world = World::new(Settings { holds_max: 16, ..Settings::default() });
    world.check("open a");
    for round in 0..3 {
        for number in 0..8 {
            world.check_line(&format!("charge c{round}{number} a 1 => granted"));
        }
        world.check("after 1h\nflush\nforget\nflush\nforget");
    }
    assert_eq!(world.engine.gauges().holds_remembered, 0);
    for number in 0..18 {
        world.check_line(&format!("refund c{}{} 1 => done", number / 8, number % 8));
    }
    world.check_line("refund c22 1 => overloaded");
    world.check("flush\nafter 6m\nforget\nflush\nforget\nrefund c22 1 => done");
}

/// R32: a table of holds that is full gets a fourth to a seventh more room.
#[test]
fn r32_a_table_of_holds_grows_by_little() {
    assert_eq!([1, 2, 4, 8, 10, 12, 14, 16].map(HoldCell::more_groups), [2, 3, 5, 10, 12, 14, 16, 20]);
}
