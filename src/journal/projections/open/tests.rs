//! Every open hold is found in its place, and a place is used again only when its hold has gone.

use super::*;
use crate::record::samples::{HOLD_TIME_MS, hold_id, reserve, slices};

fn id(number: u64) -> HoldId {
    hold_id(HOLD_TIME_MS, number)
}

fn a_hold(number: u64) -> OpenHold {
    let hold = Hold::reserved(&reserve(id(number), slices(0, 0, number + 1)), false);
    OpenHold { hold, stored: false, begun: true }
}

#[test]
fn every_hold_is_found_until_it_is_removed_and_its_place_is_used_again() {
    let mut open = OpenHolds::new();
    assert!(open.is_empty());
    let places = [0, 1, 2, 3].map(|number| open.insert(id(number), a_hold(number)));
    assert!(!open.is_empty());
    assert_eq!([0, 1, 2, 3].map(|number| open.place(id(number)).unwrap()), places);
    open.at_mut(places[1]).hold.state = HoldState::Released;
    assert_eq!(open.remove(id(1)), places[1]);
    assert_eq!(open.insert(id(9), a_hold(9)), places[1]);
    for number in [0, 2, 3, 9] {
        assert!(open.contains(id(number)));
        assert_eq!(open.hold(id(number)).map(|open| &open.hold), Some(&a_hold(number).hold), "hold {number}");
    }
    assert!(!open.contains(id(1)) && open.hold(id(1)).is_none() && open.place(id(1)).is_none());
    assert_eq!(open.in_order().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 2, 3, 9].map(id));
    let mut taken = Vec::new();
    open.drain(|id, open| taken.push((id, open.hold)));
    taken.sort_by_key(|(id, _)| *id);
    assert_eq!(taken, [0, 2, 3, 9].map(|number| (id(number), a_hold(number).hold)));
    assert!(open.is_empty());
}

#[test]
fn every_hold_is_looked_at_that_is_asked_for() {
    let mut open = OpenHolds::new();
    for number in 0..9 {
        open.insert(id(number), a_hold(number));
    }
    let mut asked = 0;
    // The last one is not there.
    open.warm((0..10).map(id).inspect(|_| asked += 1));
    assert_eq!(asked, 10);
}

/// I6: a place that is free and has a hold would be given to another.
#[test]
#[should_panic(expected = "every place is free or has its hold")]
fn i6_a_place_that_is_free_and_has_a_hold_is_noticed() {
    let mut open = OpenHolds::new();
    let place = open.insert(id(1), a_hold(1));
    open.free.push(place);
    let _ = open.in_order();
}
