//! The table, and what damage of every kind leads to.

use super::*;
use crate::faulty::{Fault, FaultPlan, FaultyImage, FaultyStore};
use crate::handle::{Journal, JournalSettings};
use crate::memory::{MemoryImage, MemoryStore};
use crate::unit::EncodedUnit;
use crate::writer::Writer;

const WRITER: WriterId = WriterId([5; 16]);

#[test]
fn exactly_one_case_matches_any_facts() {
    let orders = [Ordering::Less, Ordering::Equal, Ordering::Greater];
    let mut met = Vec::new();
    for place in orders {
        for epoch in orders {
            for shape in [Shape::Whole, Shape::Damaged, Shape::Foreign] {
                for bits in 0..8 {
                    let (linked, opens, followed) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
                    let facts = Facts { place, epoch, shape, linked, opens, followed };
                    let matching: Vec<_> = CASES.iter().filter(|(_, matches)| matches(&facts)).collect();
                    assert_eq!(matching.len(), 1, "{facts:?}: {matching:?}");
                    met.push(Case::of(&facts));
                }
            }
        }
    }
    for (case, _) in CASES {
        assert!(met.contains(&case), "{case:?} can happen");
        assert!(!case.reason().is_empty());
    }
}

fn unit(record: &[u8]) -> EncodedUnit {
    let mut unit = EncodedUnit::new();
    unit.push_record(record).unwrap();
    unit
}

fn running<S: Store>(mut store: S) -> (Journal, Writer<S>, Recovered) {
    let recovered = recover(&mut store, WRITER, 1).unwrap();
    let (journal, writer) = Journal::start(store, recovered.end, &JournalSettings::default());
    (journal, writer, recovered)
}

/// Writes so many groups of one record; the last one may fail.
fn write<S: Store>(journal: &Journal, writer: &mut Writer<S>, groups: u8) {
    for number in 0..groups {
        assert!(journal.queue.try_take_room(1, crate::Class::Reserve));
        journal.queue.push(&unit(&[100, number]));
        if writer.write_next(2).is_err() {
            return;
        }
    }
}

/// Two epochs: groups at 1 (epoch record), 2, 3, 4 (epoch record), 5, 6.
fn two_epochs() -> MemoryImage {
    let mut image = MemoryImage::default();
    for _ in 0..2 {
        let (journal, mut writer, _) = running(MemoryStore::open(image));
        write(&journal, &mut writer, 2);
        image = writer.store().image();
    }
    image
}

fn checked(image: &MemoryImage) -> Result<Checked, RecoveryError> {
    check(MemoryStore::open(image.clone()).reader().as_ref(), &mut |_, _| {})
}

fn refused(image: &MemoryImage) -> (u64, u64, Case) {
    match checked(image) {
        Err(RecoveryError::Refused { key, case, .. }) => (key.first.0, key.epoch.0, case),
        other => panic!("not refused: {other:?}"),
    }
}

fn key(first: u64, epoch: u64) -> GroupKey {
    GroupKey { first: Position(first), epoch: Epoch(epoch) }
}

#[test]
fn a_recovered_journal_goes_on_where_it_ended() {
    let found = checked(&two_epochs()).unwrap();
    assert_eq!((found.end.last, found.end.epoch, found.groups), (Position(6), Epoch(2), 6));
    assert!(found.superseded.is_empty() && found.dropped.is_none());
    let (_, writer, recovered) = running(MemoryStore::open(two_epochs()));
    assert_eq!((recovered.end.last, recovered.end.epoch), (Position(7), Epoch(3)));
    let image = writer.store().image();
    let group = Group::check(&image.groups[&key(7, 3)]).unwrap();
    let record = EpochRecord::opening(&group).unwrap();
    assert_eq!((record.last, record.writer, record.last_hash), (Position(6), WRITER, found.end.hash));
}

#[test]
fn every_flipped_bit_is_refused_with_its_place_or_is_a_dropped_tail() {
    let whole = two_epochs();
    let keys: Vec<_> = whole.groups.keys().copied().collect();
    for (index, at) in keys.iter().enumerate() {
        for bit in 0..whole.groups[at].len() * 8 {
            let mut image = whole.clone();
            let mut bytes = whole.groups[at].to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            image.replace(*at, bytes);
            if index + 1 == keys.len() {
                let found = checked(&image).unwrap();
                assert_eq!(found.dropped.unwrap().key, *at);
                assert_eq!(found.end.last, Position(5));
            } else {
                assert_eq!(refused(&image), (at.first.0, at.epoch.0, Case::Damaged));
            }
        }
    }
}

#[test]
fn a_refusal_says_where_and_what_is_wrong_with_the_bytes() {
    let whole = two_epochs();
    let mut flipped = whole.clone();
    let mut bytes = whole.groups[&key(3, 1)].to_vec();
    bytes[20] ^= 1;
    flipped.replace(key(3, 1), bytes);
    let text = checked(&flipped).unwrap_err().to_string();
    assert_eq!(
        text,
        format!(
            "the journal is refused at {}: it is damaged (expected: position 3); its hash does not match its bytes",
            key(3, 1)
        )
    );
    let mut cut_out = whole;
    cut_out.groups.remove(&key(3, 1));
    let text = checked(&cut_out).unwrap_err().to_string();
    assert_eq!(
        text,
        format!("the journal is refused at {}: records are missing before it (expected: position 3)", key(4, 2))
    );
}

#[test]
fn every_cut_of_the_last_group_is_a_dropped_tail_and_the_journal_goes_on() {
    let whole = two_epochs();
    let last = key(6, 2);
    for end in 0..whole.groups[&last].len() {
        let mut image = whole.clone();
        image.replace(last, whole.groups[&last][..end].to_vec());
        let (journal, mut writer, recovered) = running(MemoryStore::open(image));
        assert_eq!(recovered.found.dropped.unwrap().bytes, end);
        assert_eq!(recovered.end.last, Position(6), "the epoch record takes the place of what was dropped");
        write(&journal, &mut writer, 1);
        let again = checked(&writer.store().image()).unwrap();
        assert_eq!((again.end.last, again.superseded), (Position(7), vec![last]));
    }
}

#[test]
fn what_an_ended_epoch_left_does_not_follow_a_torn_write() {
    let mut image = two_epochs();
    image.replace(key(6, 2), vec![1, 2, 3]);
    image.replace(key(7, 1), forged(7, 1, GroupHash([9; 32]), b"late"));
    let found = checked(&image).unwrap();
    assert_eq!((found.end.last, found.dropped.unwrap().key), (Position(5), key(6, 2)));
    assert_eq!(found.superseded, [key(7, 1)]);
}

#[test]
fn a_damaged_group_of_the_last_epoch_that_there_is_stops_the_start() {
    let mut image = two_epochs();
    let last = key(6, u64::MAX);
    image.replace(last, vec![0; 9]);
    let mut store = MemoryStore::open(image.clone());
    assert!(matches!(recover(&mut store, WRITER, 1), Err(RecoveryError::LastEpoch)));
    assert_eq!(store.image().groups, image.groups, "nothing was changed");
    assert_eq!(checked(&image).unwrap().dropped.unwrap().key, last, "fsck names it");
}

#[test]
fn a_group_cut_out_is_a_gap_and_a_cut_prefix_is_a_journal() {
    let whole = two_epochs();
    let keys: Vec<_> = whole.groups.keys().copied().collect();
    for (index, at) in keys.iter().enumerate() {
        let mut image = whole.clone();
        image.groups.remove(at);
        if index + 1 < keys.len() {
            assert_eq!(refused(&image), (keys[index + 1].first.0, keys[index + 1].epoch.0, Case::Gap));
        }
        let mut prefix = whole.clone();
        prefix.groups.split_off(at);
        assert_eq!(checked(&prefix).unwrap().end.last, at.first.before());
    }
}

/// A group of one record, whole by itself.
fn forged(first: u64, epoch: u64, previous: GroupHash, record: &[u8]) -> Vec<u8> {
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(unit(record).bytes());
    let header = Header { records: 1, epoch: Epoch(epoch), first: Position(first), time_ms: 0, previous };
    seal(&mut group, header);
    group
}

#[test]
fn groups_that_are_whole_but_not_the_journal_are_refused_even_at_the_end() {
    let whole = two_epochs();
    let end = checked(&whole).unwrap().end;
    let with = |first: u64, epoch: u64, bytes: Vec<u8>| {
        let mut image = whole.clone();
        image.replace(key(first, epoch), bytes);
        refused(&image)
    };
    let record = |epoch| EpochRecord { epoch: Epoch(epoch), writer: WRITER, last: end.last, last_hash: end.hash };
    assert_eq!(with(7, 2, forged(7, 2, GroupHash([1; 32]), b"x")), (7, 2, Case::BrokenLink));
    assert_eq!(with(7, 3, forged(7, 3, end.hash, b"x")), (7, 3, Case::Unopened));
    assert_eq!(with(7, 2, forged(7, 2, end.hash, &record(2).to_bytes())), (7, 2, Case::Reopened));
    assert_eq!(with(8, 2, forged(8, 2, end.hash, b"x")), (8, 2, Case::Gap));
    let mut foreign = forged(7, 2, end.hash, b"x");
    foreign[0] = 9;
    let content = foreign.len() - 32;
    let hash = *blake3::hash(&foreign[..content]).as_bytes();
    foreign[content..].copy_from_slice(&hash);
    assert_eq!(with(7, 2, foreign), (7, 2, Case::Foreign));
}

#[test]
fn a_group_inside_another_is_an_overlap() {
    let mut image = two_epochs();
    let end = checked(&image).unwrap().end;
    let mut two = unit(b"a");
    two.push_record(b"b").unwrap();
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(two.bytes());
    let header = Header { records: 2, epoch: Epoch(2), first: Position(7), time_ms: 0, previous: end.hash };
    seal(&mut group, header);
    image.replace(key(7, 2), group);
    image.replace(key(8, 2), forged(8, 2, end.hash, b"x"));
    assert_eq!(refused(&image), (8, 2, Case::Overlap));
}

/// One failing append (the epoch record is number 0), then a crash.
fn crashed_with(fault: Fault) -> FaultyImage {
    let store = FaultyStore::open(FaultyImage::default(), FaultPlan::none().with(2, fault));
    let (journal, mut writer, _) = running(store);
    write(&journal, &mut writer, 2);
    assert!(writer.write_next(3).is_err(), "it stays failed");
    assert!(journal.durability.has_failed());
    assert_eq!(journal.durability.durable(), Position(2));
    writer.into_store().crash(0)
}

#[test]
fn a_failed_append_that_is_there_is_part_of_the_journal_if_recovery_finds_it() {
    let image = crashed_with(Fault::FailedAndThere);
    let (_, _, recovered) = running(FaultyStore::open(image, FaultPlan::none()));
    assert_eq!((recovered.found.end.last, recovered.end.last), (Position(3), Position(4)));
}

#[test]
fn a_failed_append_that_shows_up_later_is_superseded() {
    let image = crashed_with(Fault::FailedAndThereLater);
    let (journal, mut writer, recovered) = running(FaultyStore::open(image, FaultPlan::none()));
    assert_eq!((recovered.found.end.last, recovered.end), (Position(2), writer.end()));
    write(&journal, &mut writer, 1);
    let image = writer.into_store().crash(0);
    assert!(image.disk.groups.contains_key(&key(3, 1)) && image.disk.groups.contains_key(&key(3, 2)));
    let (journal, _, recovered) = running(FaultyStore::open(image, FaultPlan::none()));
    assert_eq!(recovered.found.superseded, [key(3, 1)]);
    assert_eq!(recovered.end.last, Position(5));
    let group = journal.read(Position(3)).unwrap().unwrap();
    assert_eq!(Group::check(&group).unwrap().header().epoch, Epoch(2), "readers see the journal only");
}

#[test]
fn failed_and_torn_appends_leave_the_journal_before_them() {
    let holes = [0, 70, usize::MAX].map(|from| Fault::Holed { from, bytes: 3 });
    let torn = [0, 70].map(|bytes| Fault::Torn { bytes });
    for fault in [Fault::Full, Fault::FailedAndLost].into_iter().chain(torn).chain(holes) {
        let image = crashed_with(fault);
        let (_, _, recovered) = running(FaultyStore::open(image, FaultPlan::none()));
        assert_eq!(recovered.found.end.last, Position(2), "{fault:?}");
        assert_eq!(
            recovered.found.dropped.is_some(),
            matches!(fault, Fault::Torn { .. } | Fault::Holed { .. }),
            "{fault:?}"
        );
    }
}

#[test]
fn an_epoch_record_that_was_torn_is_not_written_over() {
    let mut image = two_epochs();
    image.replace(key(7, 3), vec![1, 2, 3]);
    let (_, writer, recovered) = running(MemoryStore::open(image));
    assert_eq!((recovered.end.last, recovered.end.epoch), (Position(7), Epoch(4)));
    let again = checked(&writer.store().image()).unwrap();
    assert_eq!((again.end.epoch, again.superseded), (Epoch(4), vec![key(7, 3)]));
}

#[test]
fn a_trimmed_journal_is_checked_from_its_start() {
    for up_to in 1..=7 {
        let (_, writer, _) = running(MemoryStore::open(two_epochs()));
        let mut store = writer.into_store();
        let start = store.trim(Position(up_to)).unwrap();
        assert_eq!(start.first, Position(up_to), "groups of one record are trimmed exactly");
        let image = store.image();
        let found = checked(&image).unwrap();
        assert_eq!((found.end.last, found.groups), (Position(7), 8 - up_to));
        let reader = store.reader();
        assert!(reader.read(Position(up_to)).unwrap().is_some());
        if up_to > 1 {
            assert!(matches!(reader.read(Position(up_to - 1)), Err(ReadError::Trimmed { .. })));
        }
        if up_to < 7 {
            let mut without_first = image;
            without_first.groups.pop_first();
            assert_eq!(refused(&without_first).2, Case::Gap);
        }
    }
}

#[test]
fn a_wrong_start_is_refused() {
    let mut image = two_epochs();
    image.start.previous = GroupHash([9; 32]);
    assert_eq!(refused(&image), (1, 1, Case::BrokenLink));
}
