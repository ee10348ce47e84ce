//! A folder is made on request only, used by one process, and of a known format.

use super::*;

#[test]
fn a_mistyped_path_makes_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("typo");
    assert!(matches!(open(&path), Err(DataError::Directory(DirectoryError::Missing { .. }))));
    assert!(!path.exists());
}

#[test]
fn init_makes_it_once_and_leaves_it_alone_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    init(&path).unwrap();
    init(&path).unwrap();
    assert!(open(&path).is_ok());
}

#[test]
fn init_does_not_move_in_with_others() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    assert!(matches!(init(dir.path()), Err(DataError::NotEmpty { .. })));
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).unwrap();
    let _held = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(DataError::Directory(DirectoryError::InUse { .. }))));
}

#[test]
fn another_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).unwrap();
    std::fs::write(dir.path().join(FORMAT_FILE), "creditd data folder, format 2\n").unwrap();
    assert!(matches!(open(dir.path()), Err(DataError::OtherFormat { .. })));
}
