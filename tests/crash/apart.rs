//! A journal and projections that do not belong together, and folders that have lost files: refused, as often as they are
//! started, and left as they are.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use journal::Position;
use journal::rocks::RocksReader;

use super::daemon::{Daemon, Folder, NotReady};

/// Starts beside which a journal of an older copy would have grown past its projections.
const STARTS: usize = 6;
const ACCOUNTS: u32 = 2_000;

/// A folder whose projections were flushed and whose journal was trimmed behind them.
fn seeded(from: u32) -> Folder {
    let folder = Folder::new();
    let arguments = ["--accounts".to_owned(), ACCOUNTS.to_string(), "--from".to_owned(), from.to_string()];
    let mut seed = Command::new(env!("CARGO_BIN_EXE_creditd"));
    assert!(seed.arg("seed").args(arguments).arg(folder.data()).status().unwrap().success());
    folder
}

/// A folder whose daemon was started and asked to stop so many times.
fn run(folder: &Folder, times: usize) {
    for _ in 0..times {
        let mut daemon = Daemon::must_start(folder);
        assert!(daemon.terminate().success());
    }
}

fn replace(folder: &Folder, part: &str, from: &Folder) {
    let other = from.copy();
    std::fs::remove_dir_all(folder.data().join(part)).unwrap();
    std::fs::rename(other.data().join(part), folder.data().join(part)).unwrap();
}

/// The end of the journal, and the names of the files with rows and records.
fn left(folder: &Folder) -> (Option<Position>, BTreeSet<String>) {
    let copy = folder.copy();
    let end = RocksReader::open(&copy.data().join("journal")).ok().map(|reader| {
        let found = journal::recovery::check(&reader, &mut |_, _| {}).unwrap();
        found.end.last
    });
    let names = ["journal", "projections"].into_iter().flat_map(|part| names(&folder.data(), part)).collect();
    (end, names)
}

fn names(data: &Path, part: &str) -> Vec<String> {
    let entries = std::fs::read_dir(data.join(part)).into_iter().flatten();
    let names = entries.map(|entry| format!("{part}/{}", entry.unwrap().file_name().to_string_lossy()));
    // Messages and locks are no data.
    names.filter(|name| !name.contains("/LOG") && !name.ends_with("/LOCK")).collect()
}

/// Every start is refused with these words, and none of them changes anything.
#[track_caller]
fn refused(folder: &Folder, words: &str) {
    let before = left(folder);
    for start in 0..STARTS {
        let Err(NotReady { status }) = Daemon::start(folder) else { panic!("start {start} serves:\n{}", folder.log()) };
        let log = folder.log();
        assert_eq!(status.code(), Some(78), "start {start}\n{log}");
        assert_eq!(log.matches(words).count(), start + 1, "{words:?} in\n{log}");
        assert_eq!(left(folder), before, "start {start} has changed the folder\n{log}");
    }
}

#[test]
fn a_journal_of_an_older_copy_is_refused_however_often_it_is_started() {
    for newer in [1, 4] {
        let folder = Folder::new();
        run(&folder, 2);
        let older = folder.copy();
        run(&folder, newer);
        replace(&folder, "journal", &older);
        refused(&folder, "the projections have reached position");
    }
}

#[test]
fn a_journal_that_lost_its_flushed_end_is_refused() {
    let folder = Folder::new();
    run(&folder, 2);
    let files = std::fs::read_dir(folder.data().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let logs = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    let log = logs.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[..bytes.len() - 1]).unwrap();
    refused(&folder, "the projections have reached position");
}

#[test]
fn projections_of_another_folder_at_the_same_position_are_refused() {
    let folder = seeded(1);
    replace(&folder, "projections", &seeded(1_000_000));
    refused(&folder, "the journal has another group there");
}

#[test]
fn projections_without_their_journal_are_refused() {
    let folder = seeded(1);
    std::fs::remove_dir_all(folder.data().join("journal")).unwrap();
    refused(&folder, "and the journal ends at 0");
}

#[test]
fn a_store_that_has_lost_its_current_keeps_its_files() {
    for part in ["projections", "journal"] {
        let folder = seeded(1);
        std::fs::remove_file(folder.data().join(part).join("CURRENT")).unwrap();
        refused(&folder, "and no file CURRENT, which names what of a store is in use");
    }
}

#[test]
fn a_missing_file_of_rows_is_damage_and_not_a_disk_that_may_work_later() {
    let folder = seeded(1);
    let rows = names(&folder.data(), "projections").into_iter().find(|name| name.ends_with(".sst")).unwrap();
    std::fs::remove_file(folder.data().join(rows)).unwrap();
    refused(&folder, "may be corrupted");
}

/// The whole folder of the projections is gone, or what names its files.
#[test]
fn a_trimmed_journal_without_projections_is_refused_and_fsck_says_so() {
    for lost in ["projections", "projections/CURRENT"] {
        let folder = seeded(1);
        let path = folder.data().join(lost);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
        let fsck = Command::new(env!("CARGO_BIN_EXE_creditd")).arg("fsck").arg(folder.data()).output().unwrap();
        let text = String::from_utf8(fsck.stdout).unwrap();
        assert_eq!(fsck.status.code(), Some(1), "{lost}: {text}");
        assert!(text.contains("there are no projections") && text.contains("from a backup"), "{text}");
        refused(&folder, "restore");
    }
}
