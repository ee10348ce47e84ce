//! The course of the daemon's time through steps of the wall clock; times in seconds.

use super::*;

const HOUR: u64 = 3_600;

fn seconds(value: u64) -> Micros {
    Micros::of_millis(value * 1_000)
}

/// Readings of (wall, monotonic) and the daemon's time that each gives.
fn check(start: u64, readings: &[(u64, u64, u64)]) -> Course {
    let mut course = Course::new(seconds(start));
    for &(wall, monotonic, daemon) in readings {
        let got = course.advance(seconds(wall), seconds(monotonic), HOUR * 1_000);
        assert_eq!(got, seconds(daemon), "wall {wall}, monotonic {monotonic}");
    }
    course
}

#[test]
fn it_follows_the_wall_clock() {
    check(1_000, &[(1_001, 1, 1_001), (1_004, 3, 1_004), (1_004, 4, 1_004)]);
}

#[test]
fn a_small_forward_step_is_believed() {
    assert!(!check(1_000, &[(1_000 + HOUR, 0, 1_000 + HOUR)]).suspect);
}

#[test]
fn after_a_backward_step_it_runs_at_half_speed_until_the_wall_clock_has_caught_up() {
    check(1_000, &[(900, 0, 1_000), (910, 10, 1_005), (1_000, 100, 1_050), (1_100, 200, 1_100), (1_101, 201, 1_101)]);
}

#[test]
fn half_speed_adds_up_over_short_readings() {
    let mut course = Course::new(seconds(1_000));
    for micros in 1..=2_000 {
        course.advance(seconds(900), Micros(micros * 10), HOUR * 1_000);
    }
    assert_eq!(course.daemon, Micros(seconds(1_000).0 + 10_000));
}

#[test]
fn a_great_leap_forward_is_suspect_until_the_wall_clock_comes_back() {
    let leap = 1_000 + 30 * 24 * HOUR;
    let course = check(1_000, &[(1_001, 1, 1_001), (leap, 2, 1_002), (leap + 8, 10, 1_010)]);
    assert!(course.suspect);
    let course = check(1_000, &[(leap, 2, 1_002), (1_003, 3, 1_003)]);
    assert!(!course.suspect);
}

#[test]
fn a_start_far_ahead_of_the_journal_is_refused() {
    let steps = Steps { forward_max_ms: 1_000, start_max_ms: 1_000 };
    assert!(matches!(Clock::start(Timestamp(5), steps), Err(StartStep { journal: 5, .. })));
    assert!(Clock::start(Timestamp::NONE, steps).is_ok(), "a new journal has no time");
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
