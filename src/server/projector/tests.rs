//! Whose turn it is: the projections', or the requests' (decision 0016); and what the process ends with.

use journal::projections::ApplyError;

use super::*;
use crate::catchup::tests::{journal_of, projector};

const BURST: Turn = Turn { lag: 1_000, busy: true, wanted: false, draining: false };

#[test]
fn projections_stand_back_in_a_burst() {
    assert!(BURST.is_of_requests(4_000_000));
}

#[test]
fn a_burst_lasts_until_its_rate_has_been_low_for_a_while() {
    let ms = Duration::from_millis;
    let mut pressure = Pressure::new(Position(1_000));
    assert!(!pressure.is_busy(ms(10), Position(3_000)), "too short a time to tell");
    assert!(!pressure.is_busy(ms(50), Position(5_999)), "fewer than 100 a millisecond");
    assert!(pressure.is_busy(ms(100), Position(10_999)), "100 a millisecond");
    // The machine stands still: no record comes, and nobody has paused.
    assert!(pressure.is_busy(ms(160), Position(10_999)));
    assert!(pressure.is_busy(ms(599), Position(10_999)));
    assert!(!pressure.is_busy(ms(600), Position(10_999)));
    assert!(pressure.is_busy(ms(650), Position(20_000)));
}

#[test]
fn the_lag_is_bounded() {
    assert!(!BURST.is_of_requests(1_000));
    assert!(!BURST.is_of_requests(0), "0 turns it off");
}

#[test]
fn without_a_burst_projections_follow() {
    assert!(!Turn { busy: false, ..BURST }.is_of_requests(4_000_000));
}

#[test]
fn who_waits_for_a_position_ends_the_rest() {
    let wanted = Turn { wanted: true, ..BURST };
    assert!(wanted.is_urgent());
    assert!(!wanted.is_of_requests(4_000_000));
}

#[test]
fn a_drain_ends_the_rest() {
    let draining = Turn { draining: true, ..BURST };
    assert!(draining.is_urgent());
    assert!(!draining.is_of_requests(4_000_000));
}

#[test]
fn who_stands_back_is_there_for_the_next_flush() {
    let at_most = |since_ms| {
        let part = ProjectionPart { flush_interval_ms: 60_000, ..ProjectionPart::default() };
        stand_back_at_most(&part, Duration::from_millis(since_ms)).as_millis()
    };
    assert_eq!([at_most(0), at_most(49_000), at_most(50_001)], [10_000, 10_000, 9_999]);
    assert_eq!(
        [at_most(59_999), at_most(60_000), at_most(70_000)],
        [1, 0, 0],
        "a minute, and not a minute and ten seconds"
    );
}

#[test]
fn a_disk_that_fails_may_work_later_and_a_record_that_does_not_fit_never_will() {
    let gap = ApplyError::Gap { expected: Position(7), found: Position(9) };
    assert_eq!(FollowError::Apply(gap).exit_code(), EXIT_BUG);
    assert_eq!(FollowError::Group(7).exit_code(), EXIT_BUG);
    assert_eq!(FollowError::NoFlush.exit_code(), EXIT_WRITE_FAILED);
}

#[test]
fn groups_from_the_store_lead_to_the_same_state_and_no_other_epoch_is_taken() {
    let journal = journal_of(300);
    let [mut one_by_one, mut in_a_row] = [projector(usize::MAX), projector(usize::MAX)];
    while apply(&mut one_by_one, &journal, Epoch(0), 7).expect("it follows") > 0 {}
    assert_eq!(
        apply_stored(&mut in_a_row, &journal, Epoch(1), 1_000).expect("it follows"),
        0,
        "its epoch is not reached"
    );
    assert_eq!(apply(&mut in_a_row, &journal, Epoch(1), 1).expect("it follows"), 1);
    let epoch = in_a_row.reached().epoch;
    assert_eq!(apply_stored(&mut in_a_row, &journal, Epoch(epoch.0 + 1), 1_000).expect("it follows"), 0);
    assert_eq!(apply_stored(&mut in_a_row, &journal, epoch, 1).expect("it follows"), 1, "as much as it was told");
    while apply_stored(&mut in_a_row, &journal, epoch, 1_000).expect("it follows") > 0 {}
    assert_eq!(in_a_row.reached(), one_by_one.reached());
    let bytes = |projector: &Projector<_>| projector.archive().canonical().expect("it can be read");
    assert_eq!(bytes(&in_a_row), bytes(&one_by_one), "I8");
}

#[test]
fn a_flush_that_gets_no_thread_has_failed_and_is_left_alone_for_a_while() {
    let mut flusher = Flusher::new();
    flusher.writing.store(true, Ordering::Release);
    flusher.note_begun(Err(std::io::Error::from(std::io::ErrorKind::WouldBlock)));
    assert!(!flusher.writing.load(Ordering::Acquire), "it can be begun again");
    assert!(flusher.waits_after_failure(Duration::ZERO).expect("no minute has passed"));
    assert!(!flusher.waits_after_failure(FLUSH_RETRY).expect("no minute has passed"));
    assert!(flusher.failing.is_some(), "failures that last end the process");
}
