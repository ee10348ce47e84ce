//! Stored form of the start.

use super::*;

#[test]
fn golden_bytes_of_a_start() {
    let start = Start { first: Position(0x0102), epoch: Epoch(3), previous: GroupHash([0x77; 32]) };
    let mut golden = vec![1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
    golden.extend([0x77; 32]);
    assert_eq!(start.to_bytes().as_slice(), golden);
    assert_eq!(Start::from_bytes(&golden), Some(start));
    for end in 0..golden.len() {
        assert_eq!(Start::from_bytes(&golden[..end]), None);
    }
    golden[0] = 2;
    assert_eq!(Start::from_bytes(&golden), None, "another version");
}

#[test]
fn only_stale_and_full_are_definite() {
    let stale = AppendError::Stale { expected: Position(1), actual: Position(2) };
    assert!(stale.is_definite() && AppendError::Full.is_definite());
    assert!(!AppendError::Unknown("EIO".into()).is_definite());
}

#[test]
fn what_the_disk_refuses_is_told_from_what_is_damaged() {
    assert!(is_of_the_disk(&ReadError::Store("IO error: No space left on device: While fsync".to_owned())));
    assert!(is_of_the_disk(&"Invalid argument: Direct I/O is not supported by the specified DB."));
    assert!(!is_of_the_disk(&ReadError::Store("Corruption: checksum mismatch".to_owned())));
    assert!(!is_of_the_disk(&ReadError::Foreign("a key".to_owned())));
}
