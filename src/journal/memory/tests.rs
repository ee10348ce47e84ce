//! What a crash leaves of the imagined disk.

use super::*;
use crate::group::{GroupHash, Header, empty_buffer, seal};

fn group(first: u64) -> Vec<u8> {
    group_of(1, first, 1)
}

fn group_of(records: u32, first: u64, epoch: u64) -> Vec<u8> {
    let mut unit = crate::EncodedUnit::new();
    (0..records).for_each(|_| unit.push_record(b"r").unwrap());
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(unit.bytes());
    let (first, epoch) = (Position(first), Epoch(epoch));
    seal(&mut group, Header { records, epoch, first, time_ms: 0, previous: GroupHash::NONE });
    group
}

#[test]
fn a_crash_loses_a_tail_of_what_is_not_synced() {
    let mut store = MemoryStore::new();
    store.append(Position(0), &group(1), Persist::Synced).unwrap();
    for first in 2..6 {
        store.append(Position(first - 1), &group(first), Persist::Written).unwrap();
    }
    for kept in 0..6 {
        assert_eq!(store.image().after_crash(kept).groups.len(), 1 + kept.min(4));
    }
    store.sync().unwrap();
    assert_eq!(store.image().after_crash(0).groups.len(), 5);
    assert_eq!(store.image().bytes(), 5 * group(1).len());
}

#[test]
fn a_second_writer_is_noticed() {
    let mut store = MemoryStore::new();
    store.append(Position(0), &group(1), Persist::Synced).unwrap();
    let stale = AppendError::Stale { expected: Position(0), actual: Position(1) };
    assert_eq!(store.append(Position(0), &group(1), Persist::Synced), Err(stale));
}

#[test]
fn a_sync_covers_everything_before_it() {
    let mut store = MemoryStore::new();
    store.append(Position(0), &group(1), Persist::Written).unwrap();
    store.append(Position(1), &group(2), Persist::Synced).unwrap();
    assert!(store.image().unsynced.is_empty());
}

#[test]
fn what_is_superseded_stays_so_when_what_is_before_it_is_trimmed() {
    let mut image = MemoryImage::default();
    let key = |first, epoch| GroupKey { first: Position(first), epoch: Epoch(epoch) };
    image.replace(key(1, 1), group(1));
    image.replace(key(2, 2), group_of(3, 2, 2));
    image.replace(key(3, 1), group(3));
    let mut store = MemoryStore::open(image);
    store.adopt(Position(4), vec![key(3, 1)]);
    assert_eq!(store.trim(Position(2)).unwrap().first, Position(2));
    let read = store.reader().read(Position(3)).unwrap().unwrap();
    assert_eq!(*read, *group_of(3, 2, 2));
}
