//! Files that go while they are kept open.

use std::io::Write;

use super::*;

const KEPT_MAX: usize = 3;

/// A folder with large files of these names.
fn folder(names: &[&str], next: Next) -> (tempfile::TempDir, Folder) {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        write(directory.path(), name, LARGE_BYTES);
    }
    let folder = Folder::new(directory.path().to_owned(), next, KEPT_MAX);
    (directory, folder)
}

fn write(folder: &Path, name: &str, bytes: u64) {
    let mut file = File::create(folder.join(name)).unwrap();
    file.write_all(&vec![7; usize::try_from(bytes).unwrap()]).unwrap();
}

#[test]
fn what_has_gone_is_handed_out_once_and_cut_down_to_nothing() {
    let (directory, mut folder) = folder(&["000007.log", "000009.sst"], Next::Oldest);
    assert!(folder.look().unwrap().is_empty(), "both have their names");
    std::fs::remove_file(directory.path().join("000007.log")).unwrap();
    let gone = folder.look().unwrap();
    assert_eq!(gone.len(), 1);
    assert!(folder.look().unwrap().is_empty());

    let mut going = Nameless::default();
    let witness = gone[0].try_clone().unwrap();
    gone.into_iter().for_each(|file| going.take(file));
    for left in [3, 2, 1] {
        going.cut();
        assert_eq!(witness.metadata().unwrap().len(), left * CUT_BYTES_MIN);
    }
    going.cut();
    assert!(going.is_empty());
    assert_eq!(witness.metadata().unwrap().len(), 0);
    assert_eq!(std::fs::metadata(directory.path().join("000009.sst")).unwrap().len(), LARGE_BYTES);
}

#[test]
fn much_is_cut_in_larger_pieces() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(CUT_PART * 4 * CUT_BYTES_MIN).unwrap();
    let witness = file.try_clone().unwrap();
    let mut going = Nameless::default();
    going.take(file);
    going.cut();
    assert_eq!(witness.metadata().unwrap().len(), (CUT_PART - 1) * 4 * CUT_BYTES_MIN);
    let mut cuts = 1;
    while !going.is_empty() {
        going.cut();
        cuts += 1;
    }
    assert!(cuts < 4 * CUT_PART, "{cuts} cuts");
}

#[test]
#[should_panic(expected = "only what nobody can read")]
fn a_file_with_a_name_is_never_cut() {
    let file = tempfile::NamedTempFile::new().unwrap();
    Nameless::default().take(file.reopen().unwrap());
}

#[test]
fn a_second_name_keeps_a_file_whole() {
    // So a backup that is made of links stays what it is.
    let (directory, mut folder) = folder(&["000007.sst"], Next::Newest);
    folder.look().unwrap();
    std::fs::hard_link(directory.path().join("000007.sst"), directory.path().join("backup")).unwrap();
    std::fs::remove_file(directory.path().join("000007.sst")).unwrap();
    assert!(folder.look().unwrap().is_empty());
    assert!(folder.kept.is_empty(), "it is of no concern any more");
    assert_eq!(std::fs::metadata(directory.path().join("backup")).unwrap().len(), LARGE_BYTES);
}

#[test]
fn only_those_that_go_next_are_kept_open() {
    let names = ["000003.sst", "000014.log", "000012.sst", "000004.sst", "MANIFEST-000002", "000005.old", "xyz.sst"];
    let (directory, mut oldest) = folder(&names, Next::Oldest);
    write(directory.path(), "000002.log", LARGE_BYTES - 1);
    oldest.look().unwrap();
    assert_eq!(oldest.kept.keys().copied().collect::<Vec<_>>(), [3, 4, 14]);

    let mut newest = Folder::new(directory.path().to_owned(), Next::Newest, KEPT_MAX);
    newest.look().unwrap();
    assert_eq!(newest.kept.keys().copied().collect::<Vec<_>>(), [4, 12, 14]);
    write(directory.path(), "000013.sst", LARGE_BYTES);
    newest.look().unwrap();
    assert_eq!(newest.kept.keys().copied().collect::<Vec<_>>(), [12, 13, 14]);
}

#[test]
fn the_thread_cuts_what_goes_and_ends_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("000001.sst");
    write(directory.path(), "000001.sst", 2 * LARGE_BYTES);
    let (sender, stop) = std::sync::mpsc::channel();
    let folders = vec![(directory.path().to_owned(), Next::Newest)];
    let thread = std::thread::spawn(move || run(folders, &stop));
    std::thread::sleep(3 * LOOK);
    let witness = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let begun = Clock::stopwatch();
    while witness.metadata().unwrap().len() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is never cut");
        std::thread::sleep(PAUSE);
    }
    drop(sender);
    thread.join().unwrap();
}
