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

/// A power cut or a full disk in the middle of `init`.
#[test]
fn an_init_that_was_cut_off_is_finished_by_the_next() {
    for (name, text) in [("LOCK", ""), (FORMAT_DRAFT, ""), (FORMAT_DRAFT, "creditd data fol")] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("LOCK"), "").unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
        init(dir.path()).unwrap();
        assert!(open(dir.path()).is_ok(), "after {name} {text:?}");
        assert!(!dir.path().join(FORMAT_DRAFT).exists());
    }
}

/// The lock of somebody else's store has something else beside it, or in it.
#[test]
fn init_does_not_take_a_lock_for_its_own() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("LOCK"), "1234").unwrap();
    assert!(matches!(init(dir.path()), Err(DataError::NotEmpty { .. })));
}

#[test]
fn a_disk_that_refuses_is_told_from_a_folder_that_is_wrong() {
    let full = std::io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
    assert!(DataError::Io { path: PathBuf::from("data"), error: full }.is_of_the_disk());
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert!(!DataError::Io { path: PathBuf::from("data"), error: denied }.is_of_the_disk());
    assert!(!DataError::NotEmpty { path: PathBuf::from("data") }.is_of_the_disk());
}
