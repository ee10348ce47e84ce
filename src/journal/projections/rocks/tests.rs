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
