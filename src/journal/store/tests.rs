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
    golden[0] = 1;
    golden[8..16].fill(0);
    assert_eq!(Start::from_bytes(&golden), None, "no journal begins before its first record");
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

/// What RocksDB 8 and later say of a file of the store that is missing, cut short or flipped.
#[test]
fn damage_is_not_taken_for_a_disk_that_may_work_later() {
    let texts = [
        "Corruption: Can't access /000012.sst: IO error: No such file or directory: While stat a file for size: \
         projections/000012.sst: No such file or directory  The file projections/MANIFEST-000005 may be corrupted.",
        "Corruption: IO error: No such file or directory: While open a file for random read: projections/000009.sst: No such \
         file or directory in file projections/MANIFEST-000005",
        "IO error: No such file or directory: While opening a file for sequentially reading: projections/MANIFEST-000005: No \
         such file or directory",
        "Corruption: block checksum mismatch: stored = 1, computed = 2 in projections/000012.sst offset 0 size 4096",
    ];
    for text in texts {
        assert!(!is_of_the_disk(&ReadError::Store(text.to_owned())), "{text}");
    }
    for text in ["IO error: Input/output error: While fsync: journal/000004.log", "IO error: Too many open files: LOCK"]
    {
        assert!(is_of_the_disk(&ReadError::Store(text.to_owned())), "{text}");
    }
}
