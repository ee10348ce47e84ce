//! Bytes of the files of RocksDB are flipped; journals are cut by hand.
//!
//! `FLIP_STRIDE=1` flips every byte of the files; the short form takes every so-many-th.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::bytes::{Came, came};
use super::*;
use crate::directory::DataDirectory;
use crate::fsck::cut::{CutError, cut, prepare};
use crate::projections::RocksProjections;
use crate::rocks::{RocksReader, RocksStore};

fn stride(otherwise: usize) -> usize {
    std::env::var("FLIP_STRIDE").map_or(otherwise, |text| text.parse().unwrap())
}

/// A data folder with a journal of these records and projections that reach a position.
struct Folder {
    temp: tempfile::TempDir,
}

impl Folder {
    fn new(records: &[Record], group: usize, projected: Position) -> Self {
        let folder = Self { temp: tempfile::tempdir().unwrap() };
        let directory = DataDirectory::create_or_open(&folder.data()).unwrap();
        let store = written(RocksStore::open(&directory.journal(), true).unwrap(), records, group);
        let reader = store.reader();
        let projections = RocksProjections::open(&directory.projections()).unwrap();
        let mut projector = Projector::open(projections, Options::default(), Position::MAX).unwrap();
        while let Some(bytes) = reader.read(projector.next()).unwrap() {
            let group = Group::check(&bytes).unwrap();
            if group.last() > projected {
                break;
            }
            projector.apply(&group).unwrap();
        }
        projector.flush().unwrap();
        folder
    }

    fn data(&self) -> PathBuf {
        self.temp.path().join("data")
    }

    fn messages(&self) -> PathBuf {
        self.temp.path().join("messages")
    }

    fn copy(&self) -> Self {
        let other = Self { temp: tempfile::tempdir().unwrap() };
        copy_folder(&self.data(), &other.data());
        other
    }

    fn open(&self) -> DataDirectory {
        DataDirectory::open(&self.data()).unwrap()
    }

    /// The files of a part, in order.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.data().join(part)).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// What `creditd fsck` puts together: a report, or why a store cannot be opened.
    fn report(&self) -> Result<Report, String> {
        let directory = self.open();
        let journal =
            RocksReader::open_untouched(&directory.journal(), &self.messages()).map_err(|error| error.to_string())?;
        let projections = RocksProjections::open_untouched(&directory.projections(), &self.messages())
            .map_err(|error| format!("projections: {error}"))?;
        Ok(check(&journal, Some(&projections), &mut |_, _| {}))
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    all
}

#[test]
fn a_check_of_a_folder_changes_no_byte_of_it() {
    let folder = Folder::new(&script(60), 7, Position(100));
    let before = contents(&folder.data());
    let report = folder.report().unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.compared, Compared::Whole);
    assert_eq!(contents(&folder.data()), before);
}

/// Flips bytes of the files of a part and says how often each came.
fn flip(folder: &Folder, part: &str, every: usize) -> BTreeMap<Came, usize> {
    let end = folder.report().unwrap().journal.unwrap().end;
    let last_group = {
        let reader = RocksReader::open_untouched(&folder.open().journal(), &folder.messages()).unwrap();
        let group = reader.read(end.last).unwrap().unwrap();
        Group::check(&group).unwrap().header().first
    };
    let copy = folder.copy();
    let mut tally = BTreeMap::new();
    let mut number: usize = 0;
    for path in copy.files(part) {
        let whole = std::fs::read(&path).unwrap();
        for at in (number % every..whole.len()).step_by(every) {
            number += 1;
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, bytes).unwrap();
            let came = match copy.report() {
                Err(refused) => {
                    assert!(refused.contains(part), "{refused}: byte {at} of {}", path.display());
                    Came::Refused
                }
                Ok(report) => {
                    if came_of_projections(&report) {
                        Came::Refused
                    } else {
                        came(&report, &end, last_group)
                    }
                }
            };
            if came == Came::DroppedTail {
                let logs = crate::fsck::logs::read(&copy.data().join(part)).unwrap();
                let told = logs.iter().any(|log| log.path == path && log.bad.is_some());
                assert!(told, "byte {at} of {}: a dropped tail that nobody tells of", path.display());
            }
            *tally.entry(came).or_insert(0) += 1;
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(copy.report().unwrap().findings, [], "the copy is as it was");
    println!("{part}: {number} bytes flipped: {tally:?}");
    tally
}

/// A finding about the projections, which have no groups: its file is its place.
fn came_of_projections(report: &Report) -> bool {
    report.findings.iter().any(|finding| finding.invariant == Invariant::Replay)
}

#[test]
fn flipped_bytes_of_the_journals_files_are_refused_or_change_nothing_or_drop_the_tail() {
    let folder = Folder::new(&script(355), 24, Position::NONE);
    let tally = flip(&folder, "journal", stride(211));
    assert!(tally[&Came::Refused] > tally.values().sum::<usize>() / 3, "{tally:?}");
}

#[test]
fn flipped_bytes_of_flushed_files_are_refused_or_change_nothing() {
    let folder = Folder::new(&script(355), 24, Position::MAX);
    // Opening it for writing makes a file of what was in the log.
    drop(RocksStore::open(&folder.open().journal(), false).unwrap());
    let tally = flip(&folder, "journal", stride(211));
    assert!(tally[&Came::Refused] > 0 && !tally.contains_key(&Came::DroppedTail), "{tally:?}");
    let tally = flip(&folder, "projections", stride(211));
    assert!(tally[&Came::Refused] > 0, "{tally:?}");
}

#[test]
fn a_journal_is_cut_at_any_record_and_a_copy_is_kept() {
    let records = script(60);
    let folder = Folder::new(&records, 7, Position::NONE);
    let whole = folder.report().unwrap().journal.unwrap();
    let before = contents(&folder.data().join("journal"));
    for at in [2, 3, 8, 9, 10, 57, whole.end.last.0, whole.end.last.0 + 1] {
        let copy = folder.copy();
        let done = cut(&copy.open(), Position(at), Position::NONE, &copy.messages()).unwrap();
        assert_eq!((done.at, done.last, done.projections), (Position(at), Position(at - 1), None));
        let report = copy.report().unwrap();
        assert_eq!(report.findings, [], "cut at {at} (I4)");
        assert_eq!(report.journal.unwrap().end.last, Position(at - 1));
        let kept: Vec<_> = contents(&done.copy).into_values().collect();
        assert_eq!(kept, before.values().cloned().collect::<Vec<_>>(), "the copy is the journal as it was");
        // A daemon goes on with it.
        let mut store = RocksStore::open(&copy.open().journal(), false).unwrap();
        assert_eq!(recover(&mut store, WriterId([1; 16]), 1).unwrap().end.last, Position(at));
    }
    for at in [0, whole.end.last.0 + 2] {
        let refused = cut(&folder.open(), Position(at), Position::NONE, &folder.messages());
        assert!(matches!(refused, Err(CutError::OutOfRange { .. })), "{refused:?}");
    }
    assert_eq!(contents(&folder.data().join("journal")), before, "a refused cut changes nothing");
}

#[test]
fn a_damaged_journal_is_cut_where_it_is_refused_and_opens_again() {
    let folder = Folder::new(&script(355), 24, Position::NONE);
    let log = folder.files("journal").into_iter().find(|path| path.extension().is_some_and(|it| it == "log")).unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&log, bytes).unwrap();
    let refused = folder.report().unwrap_err();
    assert!(refused.contains("Corruption"), "{refused}");
    // What can be read says how far that is.
    let whole = cut(&folder.open(), Position::MAX.before(), Position::NONE, &folder.messages());
    let Err(CutError::OutOfRange { last, .. }) = whole else { panic!("{whole:?}") };
    assert!(last > Position(100), "{last}");
    let done = cut(&folder.open(), last.next(), Position::NONE, &folder.messages()).unwrap();
    let report = folder.report().unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.journal.unwrap().end.last, last);
    assert!(done.copy.join(log.file_name().unwrap()).exists());
}

#[test]
fn projections_that_have_gone_further_than_a_cut_are_made_again_or_stop_it() {
    let folder = Folder::new(&script(60), 7, Position::MAX);
    let flushed = folder.report().unwrap().projections.unwrap().position;
    let done = cut(&folder.open(), Position(50), flushed, &folder.messages()).unwrap();
    assert!(done.projections.unwrap().join("CURRENT").exists());
    assert!(!folder.open().projections().exists());
    // A second cut keeps a second copy.
    let again = cut(&folder.open(), Position(50), Position::NONE, &folder.messages()).unwrap();
    assert_ne!(again.copy, done.copy);
}

/// A folder that a daemon would start from, after whichever of the renames the cut was ended.
#[test]
fn a_cut_that_ends_after_any_rename_leaves_no_projections_beyond_the_journal() {
    let folder = Folder::new(&script(60), 7, Position::MAX);
    let flushed = folder.report().unwrap().projections.unwrap().position;
    let mut renames = 0;
    loop {
        let copy = folder.copy();
        let moves = prepare(&copy.open(), Position(50), flushed, &copy.messages()).unwrap().moves;
        let last = renames == moves.len();
        moves.into_iter().take(renames).for_each(|(from, to)| std::fs::rename(from, to).unwrap());
        if !copy.data().join("journal.cutting").exists() {
            assert!(!copy.open().projections().exists(), "after {renames} renames");
        }
        if last {
            break;
        }
        renames += 1;
        // The next cut ends it.
        cut(&copy.open(), Position(50), if renames == 1 { flushed } else { Position::NONE }, &copy.messages()).unwrap();
        let journal = RocksReader::open_untouched(&copy.open().journal(), &copy.messages()).unwrap();
        let report = check(&journal, NONE, &mut |_, _| {});
        assert_eq!((report.findings, report.journal.unwrap().end.last), (vec![], Position(49)));
        assert!(!copy.open().projections().exists());
    }
    assert_eq!(renames, 3, "the projections, the journal and the new one");
}

#[test]
fn an_interrupted_cut_is_finished_or_repeated() {
    let folder = Folder::new(&script(60), 7, Position::NONE);
    let data = folder.data();
    // Interrupted while it wrote.
    std::fs::create_dir(data.join("journal.cutting")).unwrap();
    cut(&folder.open(), Position(90), Position::NONE, &folder.messages()).unwrap();
    assert!(!data.join("journal.cutting").exists());
    // Interrupted between the two names.
    std::fs::rename(data.join("journal"), data.join("journal.cutting")).unwrap();
    let done = cut(&folder.open(), Position(80), Position::NONE, &folder.messages()).unwrap();
    assert_eq!(done.last, Position(79));
    assert_eq!(folder.report().unwrap().journal.unwrap().end.last, Position(79));
}

/// A data folder whose journal has the groups of an image.
fn folder_of(image: &MemoryImage) -> Folder {
    let folder = Folder { temp: tempfile::tempdir().unwrap() };
    let directory = DataDirectory::create_or_open(&folder.data()).unwrap();
    let mut store = RocksStore::make(&directory.journal(), image.start).unwrap();
    image.groups.values().for_each(|group| store.put(group).unwrap());
    store.close().unwrap();
    drop(RocksProjections::open(&directory.projections()).unwrap());
    folder
}

#[test]
fn a_cut_leaves_out_what_an_ended_epoch_has_left() {
    let (image, records) = with_a_superseded_group();
    let folder = folder_of(&image);
    // Both epoch records count.
    let last = Position(records + 2);
    let done = cut(&folder.open(), last, Position::NONE, &folder.messages()).unwrap();
    assert_eq!(done.last, last.before());
    let report = folder.report().unwrap();
    assert_eq!((report.findings.len(), report.counts.records), (0, records - 1), "{:?}", report.findings);
    assert!(report.journal.unwrap().superseded.is_empty());
}

#[test]
fn a_trimmed_journal_is_not_cut_below_what_its_projections_have() {
    let folder = folder_of(&trimmed(&journal_of(&script(60), 7), Position(60)));
    let refused = cut(&folder.open(), Position(80), Position(80), &folder.messages());
    assert!(matches!(refused, Err(CutError::Flushed { flushed: Position(80) })), "{refused:?}");
    let done = cut(&folder.open(), Position(81), Position(80), &folder.messages()).unwrap();
    assert_eq!((done.last, done.projections), (Position(80), None));
}
