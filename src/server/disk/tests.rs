//! When space counts as low, and when it no longer does.

use super::*;

fn watch(low_bytes: u64) -> DiskWatch {
    DiskWatch::new(None, low_bytes)
}

#[test]
fn below_the_watermark_space_is_low_until_a_margin_above_it() {
    let watch = watch(1_600);
    assert_eq!(watch.note(1_600), None);
    assert_eq!(watch.note(1_599), Some(Change::Low));
    assert!(watch.is_low());
    assert_eq!(watch.note(10), None, "it is said once");
    assert_eq!(watch.note(1_699), None, "no flicker at the edge");
    assert_eq!(watch.note(1_700), Some(Change::Enough));
    assert!(!watch.is_low());
    assert_eq!(watch.free_bytes(), Some(1_700));
}

#[test]
fn a_watermark_of_zero_refuses_nothing() {
    let watch = watch(0);
    assert_eq!(watch.note(0), None);
    assert!(!watch.is_low());
}

#[test]
fn without_a_folder_nothing_is_low() {
    let watch = watch(u64::MAX);
    watch.look();
    assert!(!watch.is_low());
    assert_eq!(watch.free_bytes(), None);
}

#[test]
fn the_disk_of_a_folder_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = DataDirectory::create_or_open(folder.path()).expect("a data folder");
    std::fs::create_dir(directory.journal()).expect("made");
    let watch = DiskWatch::new(Some(&directory), u64::MAX);
    watch.look();
    assert!(!watch.is_low(), "one of the two folders cannot be read: nothing is concluded");
    std::fs::create_dir(directory.projections()).expect("made");
    watch.look();
    assert!(watch.is_low());
    assert!(watch.free_bytes().is_some());
}
