//! What is kept, what is dropped, what is used again.

use super::*;
use crate::group::{GroupHash, Header, empty_buffer, seal};
use crate::keys::Epoch;
use std::cell::Cell;

fn group(first: u64, body: usize) -> Vec<u8> {
    let mut unit = crate::EncodedUnit::new();
    unit.push_record(&vec![0; body]).unwrap();
    unit.push_record(b"b").unwrap();
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(unit.bytes());
    let header = Header { records: 2, epoch: Epoch(1), first: Position(first), time_ms: 0, previous: GroupHash::NONE };
    seal(&mut group, header);
    group
}

#[test]
fn groups_are_found_while_they_fit() {
    let recent = RecentGroups::new(1000);
    let recycled = Cell::new(0);
    for number in 0..10 {
        recent.push(group(1 + 2 * number, 200), |_| recycled.set(recycled.get() + 1));
    }
    assert!((200..=1000).contains(&recent.bytes()));
    assert!(recent.read(Position(1)).is_none() && recent.read(Position(21)).is_none());
    let last = recent.read(Position(20)).unwrap();
    assert_eq!(recent.read(Position(19)), Some(last));
    assert!(recycled.get() >= 10, "small groups give their buffer back at once");
}

#[test]
fn full_buffers_come_back_when_nobody_reads_them() {
    let recent = RecentGroups::new(0);
    let recycled = Cell::new(0);
    let push = |first| recent.push(group(first, 200 * 1024), |_| recycled.set(recycled.get() + 1));
    push(1);
    let reading = recent.read(Position(1)).unwrap();
    push(3);
    assert_eq!(recycled.get(), 0, "somebody reads it");
    push(5);
    assert_eq!(recycled.get(), 1);
    assert_eq!(Group::check(&reading).unwrap().last(), Position(2));
}

#[test]
fn the_ring_is_filled_to_its_limit() {
    let two = RecentGroups::new(usize::MAX);
    [1, 3].into_iter().for_each(|first| two.push(group(first, 200), drop));
    let recent = RecentGroups::new(two.bytes());
    for first in [1, 3, 5] {
        recent.push(group(first, 200), drop);
        let oldest = first.max(3) - 2;
        assert!(recent.read(Position(oldest)).is_some(), "two groups fit");
        assert!(recent.read(Position(oldest - 1)).is_none(), "and no third");
    }
    assert_eq!(recent.bytes(), two.bytes());
}
