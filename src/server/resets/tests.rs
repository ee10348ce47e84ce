//! What is kept of runs.

use super::*;

#[test]
fn the_last_runs_are_kept_the_latest_first() {
    let resets = Resets::default();
    for number in 1..=40 {
        resets.note(Run::begun(ResetKind::Day, Timestamp(number)));
    }
    let last = resets.last();
    assert_eq!(last.len(), RUNS_MAX);
    assert_eq!((last[0].started_at, last[RUNS_MAX - 1].started_at), (Timestamp(40), Timestamp(9)));
}

#[test]
fn a_run_tells_what_its_kind_moved() {
    let whole = Credits::from_whole;
    let totals = ResetTotals {
        days: 7,
        cycles: 2,
        lapses: 1,
        free_granted: whole(300),
        free_expired: whole(40),
        subscription_granted: whole(1_000),
        subscription_expired: whole(5),
    };
    let day = Run::begun(ResetKind::Day, Timestamp(1)).came_to(&totals, Duration::from_millis(3));
    assert_eq!((day.wallets, day.granted, day.expired, day.duration_ms()), (7, whole(300), whole(40), 3));
    let cycle = Run::begun(ResetKind::Cycle, Timestamp(1)).came_to(&totals, Duration::ZERO);
    assert_eq!((cycle.wallets, cycle.granted, cycle.expired), (3, whole(1_000), whole(5)));
}
