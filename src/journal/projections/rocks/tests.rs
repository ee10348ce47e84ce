//! The RocksDB form keeps what was flushed.

use super::*;

#[test]
fn what_was_flushed_is_there_after_a_reopen() {
    let directory = tempfile::tempdir().unwrap();
    {
        let store = RocksProjections::open(directory.path()).unwrap();
        store
            .write(&mut |batch| {
                batch.put(Family::State, b"a", b"1");
                batch.put(Family::Holds, b"b", b"2");
                batch.put(Family::Holds, b"c", b"3");
            })
            .unwrap();
        store.write(&mut |batch| batch.delete_range(Family::Holds, b"c", b"d")).unwrap();
        store.flush().unwrap();
    }
    let store = RocksProjections::open(directory.path()).unwrap();
    assert_eq!(store.value(Family::State, b"a").unwrap().unwrap(), b"1");
    let mut shown = Vec::new();
    store.last_up_to(Family::Holds, b"c", &mut |key, value| shown.push((key.to_vec(), value.to_vec()))).unwrap();
    assert_eq!(shown, [(b"b".to_vec(), b"2".to_vec())]);
}

/// Bytes that this process has read, as the system counts them.
fn read_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[test]
fn a_key_that_is_absent_from_a_large_file_costs_no_more_than_a_part_of_its_filter() {
    const KEYS: u32 = 1_200_000;
    const ASKED: u32 = 2_000;
    let directory = tempfile::tempdir().unwrap();
    let store = RocksProjections::open(directory.path()).unwrap();
    let key = |number: u32| number.to_be_bytes();
    store.write(&mut |batch| (0..KEYS).for_each(|number| batch.put(Family::State, &key(2 * number), b"row"))).unwrap();
    store.flush().unwrap();
    let before = read_bytes();
    for number in 0..ASKED {
        let absent = 2 * (number * (KEYS / ASKED)) + 1;
        assert_eq!(store.value(Family::State, &key(absent)).unwrap(), None);
    }
    // The whole filter is a megabyte and a half. Other tests of this process read beside this one.
    let read = read_bytes() - before;
    assert!(read < u64::from(ASKED) * 200_000, "{read} bytes for {ASKED} keys");
}
