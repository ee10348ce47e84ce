//! One process, and only where a directory was made.

use super::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_mistyped_path_is_not_made_into_a_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("dta");
    assert!(matches!(DataDirectory::open(&missing), Err(DirectoryError::Missing { .. })));
    assert!(!missing.exists());
    assert!(matches!(DataDirectory::open(folder.path()), Err(DirectoryError::Missing { .. })));
}

#[test]
fn only_one_can_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let first = DataDirectory::create_or_open(&path).unwrap();
    assert!(matches!(DataDirectory::open(&path), Err(DirectoryError::InUse { .. })));
    assert!(matches!(DataDirectory::create_or_open(&path), Err(DirectoryError::InUse { .. })));
    drop(first);
    let again = DataDirectory::open(&path).unwrap();
    assert_eq!(again.journal(), path.join("journal"));
    assert_eq!(again.projections(), path.join("projections"));
    assert_eq!(again.path(), path);
}

#[test]
fn folders_above_are_made_and_relative_paths_work() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b/c");
    assert!(is_missing(&deep) && !is_missing(folder.path()));
    drop(DataDirectory::create_or_open(&deep).unwrap());
    let again = DataDirectory::create_or_open(&deep).unwrap();
    again.sync().unwrap();
    assert_eq!(above(Path::new("creditd-dev")), Path::new("."));
    assert_eq!(above(Path::new("/var/creditd")), Path::new("/var"));
    assert!(!is_missing(Path::new("")));
}

#[test]
fn a_sync_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let directory = DataDirectory::create_or_open(&path).unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    assert!(matches!(directory.sync(), Err(DirectoryError::Io { .. })));
    // Nothing in it is on a disk, and it says so.
    assert!(create_synced(Path::new("/proc/self")).is_err());
}

#[test]
fn who_may_not_read_the_folder_above_has_made_nothing_in_it() {
    as_whom_permissions_bind(|| {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        let path = above.join("data");
        std::fs::create_dir_all(&path).unwrap();
        let allow = |mode| std::fs::set_permissions(&above, std::fs::Permissions::from_mode(mode)).unwrap();
        allow(0o300);
        let (made, read) = (create_synced(&path), File::open(&above));
        allow(0o700);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        made.unwrap();
    });
}

/// Runs on a thread whose user is not root, whoever the process is: Linux has users by thread. Another process would
/// hold the locks of the tests beside it between its fork and its exec.
fn as_whom_permissions_bind(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
            }
            test();
        });
    });
}
