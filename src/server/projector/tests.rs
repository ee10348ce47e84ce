//! Whose turn it is: the projections', or the requests' (decision 0016).

use super::Turn;

const BURST: Turn = Turn { lag: 1_000, busy: true, wanted: false, draining: false };

#[test]
fn projections_stand_back_in_a_burst() {
    assert!(BURST.is_of_requests(4_000_000));
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
