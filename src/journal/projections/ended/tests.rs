//! Every hold is found in its newest form, before and after the table grows and after it was cleared.

use wallet::hold::HoldState;

use super::*;
use crate::projections::rows::decode_hold;
use crate::record::samples::{HOLD_TIME_MS, hold_id, reserve, slices};

const HOLDS: u64 = 5_000;

fn id(number: u64) -> HoldId {
    if number % 10 == 9 { HoldId(u128::from(number)) } else { hold_id(HOLD_TIME_MS + number * 7 % 3_000, number) }
}

fn a_hold(number: u64) -> Hold {
    Hold::reserved(&reserve(id(number), slices(0, 0, number)), true)
}

#[test]
fn the_newest_form_of_every_hold_is_found() {
    let mut ended = Ended::new();
    for round in 0..2 {
        for number in 0..HOLDS {
            assert!(!ended.contains(id(number)), "round {round}");
            ended.add(id(number), &a_hold(number));
            if number % 64 == 63 {
                ended.index().unwrap();
            }
        }
        for number in (0..HOLDS).step_by(3) {
            let hold = Hold { state: HoldState::Released, ..a_hold(number) };
            ended.put(id(number), &hold);
        }
        for number in 0..HOLDS {
            let hold = decode_hold(id(number), ended.row(id(number)).unwrap()).unwrap();
            let state = if number % 3 == 0 { HoldState::Released } else { HoldState::Settled };
            assert_eq!(hold, Hold { state, ..a_hold(number) });
        }
        assert_eq!(ended.row(id(HOLDS)), None);
        ended.index().unwrap();
        ended.add(id(7), &a_hold(7));
        assert_eq!(ended.index(), Err(id(7)), "a second end of a hold");
        ended.clear();
    }
}

#[test]
fn rows_come_in_the_order_of_seconds_and_ids() {
    let mut ended = Ended::new();
    for number in (0..HOLDS).rev().chain(0..100) {
        ended.put(id(number), &a_hold(number));
    }
    let order: Vec<_> = ended.in_order().into_iter().map(|(id, _)| (second_of(id), id)).collect();
    assert_eq!(u64::try_from(order.len()).unwrap(), HOLDS, "each once");
    assert!(order.is_sorted());
}

/// A search goes on from the last slot to the first, and from there.
#[test]
fn holds_whose_places_are_at_the_ends_of_the_slots_are_found() {
    let mut ended = Ended::new();
    let last = ended.slots.len() - 1;
    let at_the_ends: Vec<u64> =
        (0..200_000).filter(|number| [0, last].contains(&ended.place(id(*number)).1)).take(12).collect();
    assert_eq!(at_the_ends.len(), 12);
    for number in &at_the_ends {
        ended.add(id(*number), &a_hold(*number));
        ended.index().unwrap();
    }
    for number in &at_the_ends {
        let hold = decode_hold(id(*number), ended.row(id(*number)).unwrap()).unwrap();
        assert_eq!(hold, a_hold(*number));
    }
}

#[test]
fn whether_there_are_holds_and_whether_all_are_indexed_is_told() {
    let mut ended = Ended::new();
    assert!(ended.is_empty() && ended.is_indexed());
    ended.add(id(1), &a_hold(1));
    assert!(!ended.is_empty() && !ended.is_indexed());
    ended.index().unwrap();
    assert!(!ended.is_empty() && ended.is_indexed());
}

/// I6: a hold is never taken for another, wherever the other lies.
#[test]
fn i6_a_hold_is_told_from_another_with_the_same_tag_and_place() {
    let mut ended = Ended::new();
    ended.add(id(1), &a_hold(1));
    ended.index().unwrap();
    let place = ended.place(id(1));
    assert_eq!(ended.find_at(place, id(1)), Ok(0));
    let free = (place.1 + 1) % ended.slots.len();
    assert_eq!(ended.find_at(place, id(2)), Err(free), "as if its hash were the same");
}

/// A search is short because ids begin theirs all over the slots, and few of those that meet have one tag.
#[test]
fn ids_have_their_places_all_over_the_slots_and_tags_of_their_own() {
    use std::collections::BTreeSet;
    let ended = Ended::new();
    let places: Vec<(u32, usize)> = (0..20_000).map(|number| ended.place(id(number))).collect();
    let slots: BTreeSet<usize> = places.iter().map(|(_, at)| *at).collect();
    assert_eq!(slots.len(), SLOTS_MIN, "twenty for each");
    let tags: BTreeSet<u32> = places.iter().map(|(tag, _)| *tag).collect();
    assert!(tags.len() > 19_900, "{} tags", tags.len());
}

#[test]
#[should_panic(expected = "what is indexed is there")]
fn more_holds_that_are_indexed_than_there_are_is_noticed() {
    let mut ended = Ended::new();
    ended.indexed = 1;
    ended.clear();
}
