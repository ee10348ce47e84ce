//! No new store is made over what is left of one, and what was left half made is made again.

use super::*;

fn folder_with(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    names.iter().for_each(|name| std::fs::write(folder.path().join(name), b"").unwrap());
    folder
}

#[test]
fn a_folder_without_files_or_with_what_a_making_that_was_cut_off_leaves_is_free() {
    assert!(!is_made(Path::new("/no/such/folder")).unwrap());
    assert!(!is_made(folder_with(&[]).path()).unwrap());
    let half = ["LOCK", "LOG", "LOG.old.1795348800000000", "IDENTITY", "MANIFEST-000001", "000001.dbtmp"];
    assert!(!is_made(folder_with(&half).path()).unwrap());
    assert!(is_made(folder_with(&["CURRENT", "000004.log"]).path()).unwrap());
}

#[test]
fn what_has_lost_its_current_is_refused_with_its_place() {
    for file in ["000009.sst", "000004.log", "MANIFEST-000005", "OPTIONS-000007", "CURRENT.bak"] {
        let folder = folder_with(&["LOCK", "IDENTITY", file]);
        let refused = is_made(folder.path()).unwrap_err().to_string();
        let told = format!("{} has the file {file} and no file CURRENT", folder.path().display());
        assert!(refused.starts_with(&told), "{refused}");
        assert!(refused.ends_with("restore the folder from a backup"), "{refused}");
        assert!(!crate::store::is_of_the_disk(&refused), "a later start finds it as it is");
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_of_the_disk() {
    let folder = folder_with(&["file"]);
    let refused = is_made(&folder.path().join("file")).unwrap_err();
    assert!(refused.to_string().starts_with("IO error: "), "{refused}");
}
