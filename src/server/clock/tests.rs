//! The course of the daemon's time through steps of the wall clock; times in seconds.

use super::*;

const HOUR: u64 = 3_600;

fn seconds(value: u64) -> Micros {
    Micros::of_millis(value * 1_000)
}

/// Readings of (wall, monotonic) and the daemon's time that each gives.
fn check(start: u64, readings: &[(u64, u64, u64)]) -> Course {
    let mut course = Course::new(seconds(start), seconds(start));
    for &(wall, monotonic, daemon) in readings {
        course.advance(seconds(wall), seconds(monotonic), HOUR * 1_000);
        assert_eq!(course.daemon, seconds(daemon), "wall {wall}, monotonic {monotonic}");
    }
    course
}

#[test]
fn it_follows_the_wall_clock() {
    check(1_000, &[(1_001, 1, 1_001), (1_004, 3, 1_004), (1_004, 4, 1_004)]);
}

#[test]
fn a_small_forward_step_is_believed() {
    let course = check(1_000, &[(1_000 + HOUR, 0, 1_000 + HOUR)]);
    assert_eq!(course.state(), State::Believed);
    assert_eq!(course.wall, seconds(1_000 + HOUR));
}

#[test]
fn after_a_backward_step_it_runs_at_half_speed_until_the_wall_clock_has_caught_up() {
    let behind = [(900, 0, 1_000), (910, 10, 1_005), (1_000, 100, 1_050)];
    let course = check(1_000, &behind);
    assert_eq!((course.state(), course.wall), (State::CatchingUp, seconds(1_000)), "ids go by the raw wall clock");
    let course = check(1_000, &[&behind[..], &[(1_100, 200, 1_100), (1_101, 201, 1_101)]].concat());
    assert_eq!(course.state(), State::Believed);
}

/// As many readings as a busy daemon makes: what half a microsecond leaves over is not lost.
#[test]
fn half_speed_adds_up_over_short_readings() {
    for step in [1, 3, 10] {
        let mut course = Course::new(seconds(1_000), seconds(1_000));
        for reading in 1..=2_000 {
            course.advance(seconds(900), Micros(reading * step), HOUR * 1_000);
        }
        assert_eq!(course.daemon, Micros(seconds(1_000).0 + 1_000 * step));
    }
}

#[test]
fn a_great_leap_forward_is_suspect_until_the_wall_clock_comes_back() {
    let leap = 1_000 + 30 * 24 * HOUR;
    let course = check(1_000, &[(1_001, 1, 1_001), (leap, 2, 1_002), (leap + 8, 10, 1_010)]);
    assert_eq!(course.state(), State::Suspect);
    let course = check(1_000, &[(leap, 2, 1_002), (1_003, 3, 1_003)]);
    assert_eq!(course.state(), State::Believed);
}

/// "Written nowhere": neither of the two instants that a decision gets is the suspect one.
#[test]
fn a_suspect_wall_clock_is_not_handed_out() {
    let leap = 1_000 + 30 * 24 * HOUR;
    let course = check(1_000, &[(1_001, 1, 1_001), (leap, 2, 1_002), (leap + 60, 62, 1_062)]);
    assert_eq!((course.daemon, course.wall), (seconds(1_062), seconds(1_062)));
    let face = course.face(seconds(leap + 60));
    assert_eq!((face.wall_ms, face.step_ms), ((leap + 60) * 1_000, (leap + 60 - 1_062) * 1_000));
}

/// A wall clock that lies behind the daemon's time keeps that distance while a leap of it is suspect.
#[test]
fn a_suspect_leap_after_a_backward_step_leaves_the_wall_clock_where_it_was() {
    let leap = 1_000 + 30 * 24 * HOUR;
    let course = check(1_000, &[(900, 0, 1_000), (910, 10, 1_005), (leap, 12, 1_007)]);
    assert_eq!((course.state(), course.wall), (State::Suspect, seconds(912)));
}

#[test]
fn a_confirmed_step_is_believed_and_time_goes_on_from_it() {
    let leap = 1_000 + 30 * 24 * HOUR;
    let mut course = check(1_000, &[(leap, 2, 1_002)]);
    course.confirm();
    assert_eq!((course.state(), course.daemon, course.wall), (State::Believed, seconds(leap), seconds(leap)));
    let face = course.face(seconds(leap));
    assert_eq!((face.confirmed, face.step_ms), (true, (leap - 1_002) * 1_000));
    course.advance(seconds(leap + 1), seconds(3), HOUR * 1_000);
    assert_eq!((course.state(), course.daemon), (State::Believed, seconds(leap + 1)));
    assert!(!course.face(seconds(leap + 1)).confirmed);
}

/// The wall clock was wrong after all and is set back: the daemon's time does not go back with it.
#[test]
fn a_confirmed_step_that_was_wrong_is_a_backward_step_later() {
    let leap = 1_000 + 2 * HOUR;
    let mut course = check(1_000, &[(leap, 2, 1_002)]);
    course.confirm();
    course.advance(seconds(1_012), seconds(12), HOUR * 1_000);
    assert_eq!((course.state(), course.daemon), (State::CatchingUp, seconds(leap + 5)));
}

#[test]
fn confirming_without_a_suspect_step_changes_nothing() {
    let mut course = check(1_000, &[(1_001, 1, 1_001)]);
    course.confirm();
    let face = course.face(seconds(1_001));
    assert_eq!((course.daemon, face.step_ms, face.confirmed), (seconds(1_001), 0, false));
    let mut behind = check(1_000, &[(900, 0, 1_000)]);
    behind.confirm();
    assert_eq!((behind.state(), behind.daemon), (State::CatchingUp, seconds(1_000)), "time never goes back");
}

#[test]
fn a_start_far_ahead_of_the_journal_is_refused() {
    let steps = Steps { forward_max_ms: 1_000, start_max_ms: 1_000 };
    assert!(matches!(Clock::start(Timestamp(5), steps), Err(StartStep { journal: 5, .. })));
    assert!(Clock::start(Timestamp::NONE, steps).is_ok(), "a new journal has no time");
    let refused = StartStep { wall: 1_795_392_000_000, journal: 1_792_713_600_000, max_ms: 2_592_000_000 };
    let text = "the wall clock says 2026-11-23T00:00:00Z, the journal ends at 2026-10-23T00:00:00Z: that is 2678400 s \
                ahead, more than clock.start_step_max_ms = 2592000000; set the clock, or raise the limit for this start";
    assert_eq!(refused.to_string(), text);
}

#[test]
fn it_never_goes_back_and_begins_where_the_journal_ends() {
    let steps = Steps { forward_max_ms: 1_000, start_max_ms: 1_000 };
    let ahead = Timestamp(wall_ms() + 50_000);
    let clock = Clock::start(ahead, steps).unwrap();
    let (first, second) = (clock.now(), clock.now());
    assert!(first.daemon >= ahead);
    assert!(second.daemon >= first.daemon);
    assert!(first.wall < ahead, "ids are judged by the raw wall clock");
}
