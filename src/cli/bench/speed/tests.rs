//! The table of goals and the figures belong together.

use super::*;
use crate::bench::goals::GOALS;

#[test]
fn every_goal_is_of_a_scenario_of_speed_and_named_once() {
    for (at, (scenario, figure, _)) in GOALS.iter().enumerate() {
        assert!(GOALS[..at].iter().all(|(of, name, _)| (of, name) != (scenario, figure)), "{figure}");
        assert!(goal(*scenario, figure).is_some());
    }
}

#[test]
fn speeds_add_up_to_that_of_both_together() {
    let of = |operations, seconds| Speed { operations, took: Duration::from_secs(seconds) };
    let both = of(100, 1).and(of(500, 2));
    assert_eq!((both.per_second(), half(both.per_second()).map(std::num::NonZeroU32::get)), (200.0, Some(100)));
}
