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

#[test]
fn every_key_that_is_asked_for_together_has_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let store = RocksProjections::open(directory.path()).unwrap();
    let key = |number: u32| number.to_be_bytes();
    store
        .write(&mut |batch| (0..100).for_each(|number| batch.put(Family::State, &key(2 * number), &key(number))))
        .unwrap();
    store.flush().unwrap();
    // One that no file has yet.
    store.write(&mut |batch| batch.put(Family::State, &key(201), b"new")).unwrap();
    let keys: Vec<_> = (0..202).map(key).collect();
    let asked: Vec<&[u8]> = keys.iter().map(<[u8; 4]>::as_slice).collect();
    let mut shown = Vec::new();
    store.values(Family::State, &asked, &mut |number, value| shown.push((number, value.map(<[u8]>::to_vec)))).unwrap();
    let expected: Vec<_> =
        asked.iter().enumerate().map(|(number, key)| (number, store.value(Family::State, key).unwrap())).collect();
    assert_eq!(shown, expected);
    assert_eq!(shown.iter().filter(|(_, value)| value.is_some()).count(), 101);
}

/// Files of a store that this process has open.
fn open_files(directory: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let names = open.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
    names.filter(|name| name.starts_with(directory) && name.extension().is_some_and(|kind| kind == "sst")).count()
}

#[test]
fn files_stay_open_where_there_is_room_for_them_and_no_more_than_that() {
    const FILES: u32 = 100;
    let directory = tempfile::tempdir().unwrap();
    let key = |number: u32| number.to_be_bytes();
    {
        let store = RocksProjections::open(directory.path()).unwrap();
        store.set_compacting(false).unwrap();
        for number in 0..FILES {
            store.write(&mut |batch| batch.put(Family::State, &key(number), b"row")).unwrap();
            store.flush().unwrap();
        }
    }
    // RocksDB keeps ten for itself.
    for (room, expected) in [(FILES + 10, FILES), (60, 50)] {
        let messages = tempfile::tempdir().unwrap();
        let mut options = options();
        options.set_max_open_files(i32::try_from(room).unwrap());
        options.set_db_log_dir(messages.path());
        let names = Family::ALL.map(Family::name);
        let store = DB::open_cf_for_read_only(&options, directory.path(), names, false).unwrap();
        for number in (0..FILES).chain(0..FILES) {
            let family = store.cf_handle(Family::State.name()).unwrap();
            assert_eq!(store.get_cf(family, key(number)).unwrap().unwrap(), b"row");
        }
        assert_eq!(open_files(directory.path()), usize::try_from(expected).unwrap(), "room for {room}");
    }
}

#[test]
fn options_that_nobody_can_see_from_outside_are_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let _store = RocksProjections::open_with_files(folder.path(), 300).unwrap();
    let wanted = ["max_open_files=300", "strict_bytes_per_sync=true", "bytes_per_sync=262144"];
    crate::rocks::tests::assert_in_force(folder.path(), &wanted);
}

#[test]
fn the_cache_is_a_part_of_the_store_between_its_bounds() {
    const MEBIBYTE: usize = 1024 * 1024;
    assert_eq!(cache_bytes(0), 64 * MEBIBYTE);
    assert_eq!(cache_bytes(2 * 1024 * 1024 * 1024), 256 * MEBIBYTE);
    assert_eq!(cache_bytes(u64::MAX), 512 * MEBIBYTE);
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
