//! `creditd fsck`: checks a data folder that no daemon uses, and changes nothing in it. With `--truncate-at` it gives up
//! the end of a journal that is refused, by hand and with a copy kept.

use std::path::{Path, PathBuf};

use journal::Position;
use journal::directory::{DataDirectory, DirectoryError};
use journal::fsck::cut::{Cut, CutError, cut};
use journal::fsck::{Advice, Finding, Place, Progress, Report, check, logs};
use journal::made::is_made;
use journal::memory::MemoryStore;
use journal::projections::RocksProjections;
use journal::recovery::Checked;
use journal::rocks::RocksReader;
use journal::torn::TornEnd;
use journal::{GroupReader, Store};
use tempfile::TempDir;
use wallet::audit::Invariant;

use crate::data::{self, DataError};

mod output;
mod progress;

pub use output::{json, text};
pub use progress::Shown;

/// Nothing is wrong.
pub const EXIT_CLEAN: u8 = 0;
/// Something is wrong.
pub const EXIT_FINDINGS: u8 = 1;
/// What was asked for cannot be done.
pub const EXIT_USAGE: u8 = 2;
/// Another process uses the folder.
pub const EXIT_IN_USE: u8 = 75;
/// It is no data folder, or cannot be read.
pub const EXIT_NOT_A_FOLDER: u8 = 78;

/// Why a folder was not checked, or a journal not cut.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// The folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The messages of RocksDB have no place.
    #[error("a folder for the messages of the stores cannot be made: {0}")]
    Messages(#[source] std::io::Error),
    /// There is nothing to give up.
    #[error("nothing is wrong with {}: there is nothing to give up, and the journal was not cut", path.display())]
    Clean {
        /// The folder.
        path: PathBuf,
    },
    /// The journal was not cut.
    #[error("the journal was not cut: {0}")]
    Cut(#[from] CutError),
}

impl FsckError {
    /// The exit code of the program.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Data(DataError::Directory(DirectoryError::InUse { .. })) => EXIT_IN_USE,
            Self::Data(_) => EXIT_NOT_A_FOLDER,
            Self::Clean { .. }
            | Self::Messages(_)
            | Self::Cut(CutError::OutOfRange { .. } | CutError::Flushed { .. }) => EXIT_USAGE,
            Self::Cut(_) => EXIT_FINDINGS,
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Done {
    /// The folder.
    pub path: PathBuf,
    /// What was found; after a cut, of the new journal.
    pub report: Report,
    /// What was cut.
    pub cut: Option<Cut>,
}

impl Done {
    /// The exit code of the program.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if self.report.is_clean() { EXIT_CLEAN } else { EXIT_FINDINGS }
    }
}

/// Checks the folder; with a position, cuts its journal there if anything is wrong, and checks it again.
///
/// # Errors
/// [`FsckError`].
pub fn run(path: &Path, truncate_at: Option<Position>, progress: &mut Progress<'_>) -> Result<Done, FsckError> {
    let directory = if truncate_at.is_some() { data::open_to_cut(path)? } else { data::open(path)? };
    let messages = messages()?;
    let report = examine(&directory, messages.path(), progress);
    let path = path.to_owned();
    let Some(at) = truncate_at else { return Ok(Done { path, report, cut: None }) };
    if report.is_clean() && !data::is_cut_unfinished(&path) {
        return Err(FsckError::Clean { path });
    }
    // Projections that cannot be read are not known to be behind: they are put aside with the journal.
    let unread = if directory.projections().exists() { Position::MAX.before() } else { Position::NONE };
    let flushed = report.projections.map_or(unread, |reached| reached.position);
    let done = cut(&directory, at, flushed, messages.path())?;
    let report = examine(&directory, messages.path(), progress);
    Ok(Done { path, report, cut: Some(done) })
}

/// Bytes of the files of a folder; 0 where it cannot be read.
#[must_use]
pub fn bytes_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

/// A folder for the messages of RocksDB, which would otherwise write them beside the data. It is new, with a name that
/// nobody has foreseen: others may write into the folder that it is in.
fn messages() -> Result<TempDir, FsckError> {
    tempfile::Builder::new().prefix("creditd-fsck-").tempdir().map_err(FsckError::Messages)
}

/// Everything but the cut.
fn examine(directory: &DataDirectory, messages: &Path, progress: &mut Progress<'_>) -> Report {
    let (folder, derived) = (directory.journal(), directory.projections());
    let mut before = Report::default();
    let opened = match is_made(&folder) {
        Ok(true) => RocksReader::open_untouched(&folder, messages).map(Some),
        Ok(false) => {
            before.notes.push("There is no journal: no daemon has run on this folder.".to_owned());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    };
    let mut torn = None;
    let reader: Option<Box<dyn GroupReader>> = match opened {
        Ok(reader) => reader.map(|reader| {
            torn = reader.torn_end().cloned();
            Box::new(reader) as Box<dyn GroupReader>
        }),
        Err(error) => {
            refused(&folder, &error.to_string(), &mut before);
            None
        }
    };
    let opened = match is_made(&derived) {
        Ok(true) => RocksProjections::open_untouched(&derived, messages).map(Some),
        Ok(false) => Ok(None),
        Err(error) => Err(error.into()),
    };
    let (projections, unread) = match opened {
        Ok(projections) => (projections, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let mut report = match &reader {
        Some(reader) => {
            dropped_ends(&folder, torn.as_ref(), &mut before);
            let mut report = check(reader.as_ref(), projections.as_ref(), progress);
            report.journal = report.journal.map(|checked| Checked { torn, ..checked });
            report
        }
        // The projections are looked at all the same, beside an empty journal where theirs is missing.
        None if before.is_clean() => check(MemoryStore::new().reader().as_ref(), projections.as_ref(), progress),
        None => Report::default(),
    };
    before.findings.append(&mut report.findings);
    before.notes.append(&mut report.notes);
    report.findings = before.findings;
    report.notes = before.notes;
    if let Some(what) = unread {
        let whole = report.journal.as_ref().is_some_and(|checked| checked.start.first == Position::FIRST);
        let advice = if whole { Advice::MakeAgain } else { Advice::Restore };
        report.add(Finding { place: in_file(&derived), invariant: Invariant::Replay, what, advice });
    }
    report
}

fn in_file(path: &Path) -> Place {
    Place { file: Some(path.display().to_string()), ..Place::default() }
}

/// The store cannot be opened: where its logs are damaged, if it is they.
fn refused(folder: &Path, error: &str, report: &mut Report) {
    let mut add = |place, what| {
        report.add(Finding { place, invariant: Invariant::Prefix, what, advice: Advice::Damaged });
    };
    add(in_file(folder), error.to_owned());
    for log in logs::read(folder).unwrap_or_default() {
        let Some((offset, what)) = log.bad else { continue };
        let place = Place { offset: Some(offset), ..in_file(&log.path) };
        add(place, format!("{what}, {} bytes before the end of the file", log.bytes.saturating_sub(offset)));
    }
}

/// What a start takes for a torn write: it cuts the newest log where its last whole group ends. Of the end of another log
/// RocksDB says nothing.
fn dropped_ends(folder: &Path, torn: Option<&TornEnd>, report: &mut Report) {
    for log in logs::read(folder).unwrap_or_default() {
        let newest = torn.filter(|torn| torn.path == log.path).map(|torn| (torn.from, torn.what));
        let Some((offset, what)) = newest.or(log.bad) else { continue };
        report.notes.push(format!(
            "The end of {} from byte {offset} on ({} bytes) is dropped: {what}. It cannot be told from a write that a \
             power cut tore.",
            log.path.display(),
            log.bytes.saturating_sub(offset)
        ));
    }
}
