//! What two sides agree on.

use super::*;

#[test]
fn the_newest_version_that_both_speak_is_agreed() {
    assert_eq!(Version::agree(1, 1), Some(Version::V1));
    assert_eq!(Version::agree(0, u16::MAX), Some(Version::NEWEST));
}

#[test]
fn nothing_is_agreed_where_nothing_is_in_common() {
    assert_eq!(Version::agree(2, 9), None);
    assert_eq!(Version::agree(0, 0), None);
    assert_eq!(Version::agree(2, 1), None, "an empty range");
}
