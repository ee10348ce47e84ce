//! What a crash leaves of a memory store.

use super::*;

#[test]
fn a_crash_takes_back_what_was_not_flushed() {
    let store = MemoryProjections::new();
    store.write(&mut |batch| batch.put(Family::State, b"a", b"1")).unwrap();
    store.flush().unwrap();
    store.write(&mut |batch| batch.put(Family::State, b"a", b"2")).unwrap();
    store.write(&mut |batch| batch.put(Family::Holds, b"b", b"3")).unwrap();
    assert_eq!(store.value(Family::State, b"a").unwrap().unwrap(), b"2");
    let crashed = store.crashed();
    assert_eq!(crashed.value(Family::State, b"a").unwrap().unwrap(), b"1");
    assert_eq!(crashed.value(Family::Holds, b"b").unwrap(), None);
}

#[test]
fn a_crash_may_leave_the_first_writes_that_no_flush_has_followed() {
    let store = MemoryProjections::new();
    for number in b"123" {
        store.write(&mut |batch| batch.put(Family::State, b"a", &[*number])).unwrap();
    }
    assert_eq!(store.unflushed_writes(), 3);
    let left = |writes| store.crashed_after(writes).value(Family::State, b"a").unwrap();
    assert_eq!([left(0), left(1), left(3), left(9)], [None, Some(b"1".into()), Some(b"3".into()), Some(b"3".into())]);
    let crashed = store.crashed_after(2);
    assert_eq!(crashed.unflushed_writes(), 0);
    assert_eq!(crashed.crashed().value(Family::State, b"a").unwrap().unwrap(), b"2");
}

/// What fails is tried again by the next flush, not at once.
#[test]
fn an_error_leaves_nothing_behind_to_recover_from() {
    let store = MemoryProjections::new();
    store.set_failing(true);
    let error = store.flush().unwrap_err();
    assert!(!store.recover(&error));
}

#[test]
#[should_panic(expected = "a write has entries")]
fn a_write_of_nothing_is_noticed() {
    let _ = MemoryProjections::new().write(&mut |_| {});
}

#[test]
#[should_panic(expected = "a row has bytes")]
fn a_row_without_bytes_is_noticed() {
    let _ = MemoryProjections::new().write(&mut |batch| batch.put(Family::State, b"a", b""));
}
