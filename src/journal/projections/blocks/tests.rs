//! Blocks stay below their limit, one second each, and every hold is found in the newest.

use wallet::ids::Timestamp;

use super::*;
use crate::projections::MemoryProjections;
use crate::projections::disk;
use crate::projections::keys::KeyKind;
use crate::projections::rows::encode_hold;
use crate::projections::store::{Family, ProjectionStore};
use crate::record::samples::{HOLD_TIME_MS, check_golden, hold_id, reserve, slices};

fn holds(seconds: u64, each: u64, tag: u32) -> Vec<(HoldId, Hold)> {
    let ids = (0..seconds).flat_map(|second| (0..each).map(move |n| (second, n)));
    ids.map(|(second, number)| {
        let id = hold_id(HOLD_TIME_MS + second * 1_000, number * 10);
        let mut hold = Hold::reserved(&reserve(id, slices(1, 2, 3)), true);
        hold.settings = tag;
        (id, hold)
    })
    .collect()
}

fn encoded(holds: &[(HoldId, Hold)]) -> Vec<(HoldId, Vec<u8>)> {
    let encode = |id, hold| {
        let mut row = Vec::new();
        encode_hold(id, hold, &mut row);
        row
    };
    holds.iter().map(|(id, hold)| (*id, encode(*id, hold))).collect()
}

fn flush(store: &impl ProjectionStore, holds: &[(HoldId, Hold)], flushed: u64) -> usize {
    let rows = encoded(holds);
    let sorted: Vec<_> = rows.iter().map(|(id, row)| (*id, row.as_slice())).collect();
    let mut blocks = 0;
    store
        .write(&mut |batch| {
            write_blocks(&sorted, flushed, |key, value| {
                assert!(value.len() <= BLOCK_BYTES_MAX);
                batch.put(Family::Holds, &key.to_bytes(), value);
                blocks += 1;
            });
        })
        .unwrap();
    blocks
}

fn check_lookups(store: &impl ProjectionStore) {
    let many = holds(3, 2_000, 1);
    let blocks = flush(store, &many, 100);
    assert!(blocks > 6, "a second of 2,000 holds has several blocks: {blocks}");
    let newer: Vec<_> = holds(3, 2_000, 2).into_iter().step_by(17).collect();
    flush(store, &newer, 200);
    flush(store, &holds(3, 3, 3), 300);
    for (index, (id, hold)) in many.iter().enumerate() {
        let expected = if index % 2_000 < 3 {
            3
        } else if index % 17 == 0 {
            2
        } else {
            1
        };
        let (found, open) = disk::hold(store, *id).unwrap().unwrap();
        assert_eq!((found.settings, open), (expected, false), "hold {index}");
        assert_eq!(Hold { settings: 1, ..found }, *hold);
        assert_eq!(disk::hold(store, HoldId(id.0 + 1)).unwrap(), None);
    }
    assert_eq!(disk::hold(store, hold_id(HOLD_TIME_MS - 1, 0)).unwrap(), None);
    assert_eq!(disk::hold(store, HoldId(7)).unwrap(), None);
}

#[test]
fn the_newest_row_is_found_among_many_blocks() {
    check_lookups(&MemoryProjections::new());
}

#[cfg(feature = "rocks")]
#[test]
fn the_newest_row_is_found_among_many_blocks_of_rocksdb() {
    let directory = tempfile::tempdir().unwrap();
    check_lookups(&crate::projections::RocksProjections::open(directory.path()).unwrap());
}

#[test]
fn a_block_is_closed_only_where_the_next_row_has_no_room() {
    let many = encoded(&holds(2, 2_000, 1));
    let sorted: Vec<_> = many.iter().map(|(id, row)| (*id, row.as_slice())).collect();
    let mut blocks = Vec::new();
    write_blocks(&sorted, 100, |key, value| blocks.push((key, value.len())));
    assert!(blocks.len() > 4);
    for pair in blocks.windows(2) {
        let [(key, bytes), (next, _)] = [pair[0], pair[1]];
        let row = sorted.iter().find(|(id, _)| *id == next.first).unwrap().1;
        let fits = bytes + ENTRY_BYTES + row.len() <= BLOCK_BYTES_MAX;
        assert!(!fits || next.second != key.second, "{bytes} bytes, and a row of {}", row.len());
    }
}

#[test]
fn a_block_has_its_golden_bytes_and_no_cut_one_is_read() {
    let two = holds(1, 2, 4);
    let rows = encoded(&two);
    let sorted: Vec<_> = rows.iter().map(|(id, row)| (*id, row.as_slice())).collect();
    let mut written = Vec::new();
    write_blocks(&sorted, 70_000, |key, value| written.push((key, value.to_vec())));
    let [(key, value)] = written.try_into().unwrap();
    check_golden("block-key", &key.to_bytes());
    check_golden("block", &value);
    assert_eq!(BlockKey::from_bytes(&key.to_bytes()), Some(key));
    let all: Vec<_> = Rows::read(&key, &value).unwrap().all().collect::<Result<_, _>>().unwrap();
    assert_eq!(all, two);
    for length in 0..value.len() {
        let read = Rows::read(&key, &value[..length]).and_then(|rows| rows.all().collect::<Result<Vec<_>, _>>());
        assert!(read.is_err(), "cut at {length}");
    }
    let tombstone = Hold::tombstone(Timestamp(1));
    assert_eq!(second_of(HoldId(7)), 0, "{tombstone:?} of an id without a time is under second 0");
}

/// What a search, a start or `creditd fsck` would otherwise pass over: each is refused with its place.
#[test]
fn a_block_that_no_flush_writes_is_refused_with_its_place() {
    let three = holds(1, 3, 4);
    let rows = encoded(&three);
    let row = |index: usize| (rows[index].0, rows[index].1.as_slice());
    let key = BlockKey { second: second_of(rows[0].0), flushed: 7, first: rows[0].0 };
    let block = |rows: &[(HoldId, &[u8])]| {
        let mut value = Vec::new();
        write_block(rows, &mut value);
        value
    };
    let refused = |key: &BlockKey, value: &[u8]| match Rows::read(key, value) {
        Ok(_) => panic!("the block was read"),
        Err(error) => error.to_string(),
    };
    let good = block(&[row(0), row(1), row(2)]);
    assert!(Rows::read(&key, &good).is_ok());
    let with = |bytes: &[u8]| [good.as_slice(), bytes].concat();
    let end = |index: usize, end: u32| {
        let mut value = good.clone();
        let at = COUNT_BYTES + index * ENTRY_BYTES + 16;
        value[at..at + 4].copy_from_slice(&end.to_le_bytes());
        value
    };
    let moved = (hold_id(HOLD_TIME_MS + 5_000, 1), rows[1].1.as_slice());
    let cases = [
        (block(&[row(0), row(2), row(1)]), "row 2 is out of order"),
        (block(&[row(0), row(1), row(1)]), "row 2 is out of order"),
        (block(&[row(0), moved]), "row 1 is of another second"),
        (with(&[0]), "1 bytes are left over after its last row"),
        (with(&[1, 2, 3]), "3 bytes are left over after its last row"),
        (end(1, 0), "row 1 ends where it cannot"),
        (end(1, u32::MAX), "row 1 ends where it cannot"),
        (block(&[row(1), row(2)]), "it lies under the key of another"),
        (block(&[]), "it lies under the key of another"),
    ];
    for (value, why) in &cases {
        assert_eq!(refused(&key, value), format!("not readable: a block of ended holds: {why}"));
        let store = MemoryProjections::new();
        store.write(&mut |batch| batch.put(Family::Holds, &key.to_bytes(), value)).unwrap();
        let place: String = key.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        for read in [disk::hold(&store, row(1).0).err(), disk::all_ended(&store, 0, |_, _, _| {}).err()] {
            let text = read.unwrap().to_string();
            assert!(text.contains(&place) && text.contains(why), "{text}");
        }
    }
}

/// A key of another length stands between those of its kind: what comes after it must not be passed over.
#[test]
fn a_key_that_no_flush_writes_ends_no_scan_unsaid() {
    for kind in [KeyKind::Wallet, KeyKind::OpenHold, KeyKind::Command, KeyKind::Payment, KeyKind::EndedHolds] {
        let store = MemoryProjections::new();
        let key = [kind as u8, 1, 2, 3];
        store.write(&mut |batch| batch.put(kind.family(), &key, b"?")).unwrap();
        let read = match kind {
            KeyKind::EndedHolds => disk::all_ended(&store, 0, |_, _, _| {}),
            _ => disk::all_of(&store, kind, |_, _| Ok(())),
        };
        let text = read.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains(&format!("{:02x}010203", kind as u8)), "{kind:?}: {text}");
    }
}

#[test]
fn an_open_hold_among_those_that_have_ended_is_refused_by_who_reads_their_heads() {
    let id = hold_id(HOLD_TIME_MS, 1);
    for (charge, refused) in [(true, false), (false, true)] {
        let rows = encoded(&[(id, Hold::reserved(&reserve(id, slices(1, 2, 3)), charge))]);
        let rows: Vec<_> = rows.iter().map(|(id, row)| (*id, row.as_slice())).collect();
        write_blocks(&rows, 1, |key, value| {
            let read = Rows::read(&key, value).unwrap();
            assert_eq!(read.heads().any(|head| head.is_err()), refused, "I6");
        });
    }
}
