//! What the wheel carries beside the ends of holds and cycles: ends of days by zone, and housekeeping.

use super::world::World;
use crate::calendar::{Cohort, Today};
use crate::chores::Chore;
use crate::day_ends::DayEnds;
use crate::ids::{Day, Timestamp};
use crate::settings::Settings;

/// Steps the time to whatever comes next, and says how many days began.
fn end_days(world: &World) -> usize {
    world.engine.end_days(world.now);
    world.engine.cohorts.take_begun().len()
}

/// R6: one timer a zone, however many wallets and days; what begins is published, once.
#[test]
fn r6_each_zone_has_one_timer_at_the_end_of_its_day() {
    let mut world = World::new(Settings::default());
    for (name, zone) in [("a", "Europe/Berlin"), ("b", "Europe/Madrid"), ("c", "Europe/Berlin"), ("d", "Asia/Tokyo")] {
        world.check_line(&format!("open {name} zone={zone} => done"));
    }
    assert_eq!((world.engine.gauges().day_timers, end_days(&world)), (3, 0));
    world.check_line("at 2026-03-10T22:59:59.999Z");
    assert_eq!(end_days(&world), 1, "Tokyo, eight hours ago");
    assert!(world.engine.next_day_end().unwrap() > world.now.daemon);
    assert_eq!(end_days(&world), 0, "each day begins once");
    world.check_line("at 2026-03-10T23:00:00.000Z");
    assert!(world.engine.next_day_end().unwrap() <= world.now.daemon);
    assert_eq!((end_days(&world), end_days(&world)), (2, 0), "Berlin and Madrid");
    world.check_line("at 2027-06-01T12:00:00Z");
    assert_eq!((end_days(&world), world.engine.gauges().day_timers), (3, 3), "after a year of days");
    let until_next = world.engine.next_day_end().unwrap().0.checked_sub(world.now.daemon.0);
    assert!(until_next.is_some_and(|millis| millis < 86_400_000), "{until_next:?}");
}

/// R32: the bound is looked at when it can move, and each second while it waits for the projections.
#[test]
fn r32_forgetting_is_due_when_the_bound_can_move() {
    let mut world = World::new(Settings::default());
    world.check_line("open a => done");
    let settings = Settings::default();
    world.engine.load_id_bound(world.now.daemon.minus_millis(settings.id_window_ms));
    world.engine.loaded(world.now);
    let mut forgot = Vec::new();
    for second in 0..25 {
        for chore in world.engine.due_chores(world.now) {
            assert_eq!(chore, Chore::Forget);
            world.engine.forget(world.now);
            forgot.push(second);
        }
        assert_eq!(world.engine.gauges().chore_timers, 1);
        if second == 12 {
            world.disk.flush();
        }
        world.check_line("after 1s");
    }
    // Soon after the start; when ten seconds of ids are old; until the projections have it; and when the next ten are.
    assert_eq!(forgot, [3, 10, 11, 12, 13, 20, 21, 22, 23, 24]);
}

/// R6: the last day of the calendar ends at no instant after it, and has no timer.
#[test]
fn r6_a_day_that_does_not_end_has_no_timer() {
    let (ends, at) = (DayEnds::default(), Timestamp(1_000));
    ends.add(Cohort(0), at, Timestamp(1));
    ends.fire(at, |_| Today { day: Day(1), ends_at: at });
    assert_eq!((ends.count(), ends.take_begun()), (0, vec![(Cohort(0), Day(1))]));
}

/// R6: the last day of the calendar is published as any other.
#[test]
fn r6_the_last_day_of_the_calendar_does_not_end() {
    let mut world = World::new(Settings::default());
    world.check(
        "at 9999-12-30T12:00:00Z
         open a               => done left=100/0/0
         charge c1 a 60       => granted left=40/0/0
         charge c2 a 41       => insufficient next=none",
    );
    let utc = world.engine.cohorts.of("UTC").unwrap();
    assert_eq!(world.engine.cohorts.today(utc, world.now.daemon).ends_at, Timestamp::NEVER);
}

/// R6: the day that has begun in one zone says nothing about another.
#[test]
fn r6_days_of_different_zones_are_not_compared() {
    let (ends, at) = (DayEnds::default(), Timestamp(1_000));
    let (east, west) = (Cohort(0), Cohort(1));
    ends.add(east, at, Timestamp(1));
    ends.add(west, at.plus_millis(1), Timestamp(1));
    for (now, day) in [(at, Day(8)), (at.plus_millis(1), Day(7))] {
        ends.fire(now, |_| Today { day, ends_at: Timestamp::NEVER });
    }
    assert_eq!(ends.take_begun(), [(east, Day(8)), (west, Day(7))]);
}

/// R14: a pending top-up ends at its time, though another one has ended a moment before; what cannot be read is left for a
/// second.
#[test]
fn r14_pending_top_ups_are_dropped_when_they_end_and_those_that_cannot_be_read_a_second_later() {
    let mut world = World::new(Settings::default());
    world.check("open a\nsubscribe a 0\nannounce a 1 id=900\nafter 500\nannounce a 2 id=901\nflush\nforget");
    let drops = |world: &World| world.engine.due_chores(world.now).contains(&Chore::DropPending);
    world.check_line("after 30d");
    world.now = crate::ids::Now::at(world.now.daemon.minus_millis(500));
    for (unreadable, after, dropped) in [(true, 0, 0), (false, 1_000, 2)] {
        world.advance(after);
        world.disk.set_unreadable(unreadable);
        assert!(drops(&world), "after {after}");
        assert_eq!(world.engine.drop_pending(world.now), dropped);
        assert!(!drops(&world), "not again at once");
    }
    world.check("announce a 1 id=910\nafter 500\nannounce a 2 id=911\nafter 30d");
    world.now = crate::ids::Now::at(world.now.daemon.minus_millis(500));
    assert_eq!((drops(&world), world.engine.drop_pending(world.now)), (true, 1));
    world.advance(499);
    assert!(!drops(&world));
    world.advance(1);
    assert_eq!((drops(&world), world.engine.drop_pending(world.now)), (true, 1));
}
