//! What is strict checks everything, and has small caches, so that tests read from the store.

use super::*;

#[test]
fn what_is_strict_checks_everything_and_keeps_little_in_memory() {
    let (strict, usual) = (Options::strict(), Options::default());
    assert!(strict.check_each_record && strict.check_new_ids);
    assert!(strict.cached_rows_max < usual.cached_rows_max / 1_000);
    assert!(strict.cached_holds_max < usual.cached_holds_max / 1_000);
    assert_eq!([strict.flush_bytes, usual.flush_bytes], [32 * 1024 * 1024; 2]);
}
