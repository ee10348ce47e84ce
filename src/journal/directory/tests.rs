//! One process, and only where a directory was made.

use super::*;

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
    drop(DataDirectory::create_or_open(&deep).unwrap());
    let again = DataDirectory::create_or_open(&deep).unwrap();
    again.sync().unwrap();
    assert_eq!(above(Path::new("creditd-dev")), Path::new("."));
    assert_eq!(above(Path::new("/var/creditd")), Path::new("/var"));
    assert!(!is_missing(Path::new("")));
}
