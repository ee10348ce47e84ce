//! Cutting a journal by hand, where it is refused and there is no backup: everything from a position on is given up.
//!
//! Nothing is changed in place. What is kept is written into a store of its own, synced, and read again; then the two
//! folders change their names, and the journal as it was stays beside the new one. A cut that is interrupted leaves the
//! folder `journal.cutting`: while it is there no daemon starts, and the next cut finishes or repeats it.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::directory::{CUTTING_FOLDER, DataDirectory};
use crate::epoch::EpochRecord;
use crate::group::{Group, GroupDamage, Header, empty_buffer, seal};
use crate::keys::Position;
use crate::made::exists;
use crate::recovery::{Checked, RecoveryError, check, examine};
use crate::rocks::{OpenError, RocksReader, RocksStore};
use crate::store::{AppendError, GroupReader, ReadError};

/// Why a journal was not cut. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The position is not in what can be read.
    #[error("the journal can be read from position {first} to {last}: it can be cut at {} to {}", first, last.next())]
    OutOfRange {
        /// Where the journal begins.
        first: Position,
        /// Where what can be read ends.
        last: Position,
    },
    /// The projections rest on records that would be gone, and cannot be made again.
    #[error(
        "the projections have flushed position {flushed}, and the journal was trimmed: it cannot be cut before {}",
        flushed.0.saturating_add(1)
    )]
    Flushed {
        /// Where they are.
        flushed: Position,
    },
    /// What was journaled cannot be opened at all.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A group cannot be read that could be read before.
    #[error("a group cannot be read: {0}")]
    Group(#[from] GroupDamage),
    /// The new store cannot be written.
    #[error("the new journal cannot be written: {0}")]
    Append(#[from] AppendError),
    /// The new store is refused.
    #[error("the new journal: {0}")]
    New(#[from] RecoveryError),
    /// The file system refuses.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        #[source]
        error: io::Error,
    },
}

/// What a cut has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The first position that is gone.
    pub at: Position,
    /// Where the journal ends now.
    pub last: Position,
    /// The journal as it was.
    pub copy: PathBuf,
    /// The projections as they were, where they had gone further: they are made again.
    pub projections: Option<PathBuf>,
}

/// Cuts the journal of a folder at a position: that record and all after it are gone. `flushed` is where the projections
/// are; `messages` a folder for RocksDB's own messages.
///
/// # Errors
/// [`CutError`].
pub fn cut(directory: &DataDirectory, at: Position, flushed: Position, messages: &Path) -> Result<Cut, CutError> {
    let Prepared { moves, done } = prepare(directory, at, flushed, messages)?;
    for (from, to) in &moves {
        rename(from, to)?;
    }
    assert!(exists(&directory.journal()), "the new journal has the name of the old one");
    assert!(!directory.path().join(CUTTING_FOLDER).exists(), "a cut that is finished leaves no folder");
    Ok(done)
}

/// A cut whose new journal is written.
pub(super) struct Prepared {
    /// The folders that change their names, in this order. The projections go first: as long as the new journal waits for its
    /// name no daemon starts, and with it none must find projections that have gone further.
    pub(super) moves: Vec<(PathBuf, PathBuf)>,
    done: Cut,
}

/// Everything before the first folder changes its name.
pub(super) fn prepare(
    directory: &DataDirectory,
    at: Position,
    flushed: Position,
    messages: &Path,
) -> Result<Prepared, CutError> {
    let journal = directory.journal();
    let new = directory.path().join(CUTTING_FOLDER);
    if new.exists() {
        if journal.exists() {
            // It was not finished: what is in it may be half.
            std::fs::remove_dir_all(&new).map_err(io_error(&new))?;
        } else {
            // Finished, and not renamed.
            rename(&new, &journal)?;
        }
    }
    let reader = open(&journal, messages)?;
    let kept = examine(&reader, &mut |_, _| {})?.checked;
    let (first, last) = (kept.start.first, kept.end.last);
    if at < first || at > last.next() {
        return Err(CutError::OutOfRange { first, last });
    }
    if at <= flushed && first > Position::FIRST {
        return Err(CutError::Flushed { flushed });
    }
    kept.assert_prefix();
    assert!(at > Position::NONE, "the first position of a journal is 1");
    write(&reader, &kept, at, &new)?;
    drop(reader);

    let projections = directory.projections();
    let gone_further = at <= flushed && projections.exists();
    let aside = gone_further.then(|| free_name(directory.path(), &format!("projections.before-cut-at-{at}")));
    let copy = free_name(directory.path(), &format!("journal.before-cut-at-{at}"));
    let mut moves: Vec<_> = aside.iter().map(|aside| (projections.clone(), aside.clone())).collect();
    moves.extend([(journal.clone(), copy.clone()), (new, journal)]);
    assert!(moves.len() == 2 + usize::from(gone_further), "every folder has its move");
    Ok(Prepared { moves, done: Cut { at, last: at.before(), copy, projections: aside } })
}

/// Opens a store, damaged or not.
fn open(journal: &Path, messages: &Path) -> Result<RocksReader, OpenError> {
    RocksReader::open_untouched(journal, messages).or_else(|_| RocksReader::open_damaged(journal, messages))
}

/// Writes what is before the position into a new store, and checks it.
fn write(reader: &RocksReader, kept: &Checked, at: Position, new: &Path) -> Result<(), CutError> {
    let mut store = RocksStore::make(new, kept.start)?;
    let mut next = kept.start.first;
    let mut result = Ok(());
    reader.scan(next, &mut |key, bytes| {
        if next >= at {
            return ControlFlow::Break(());
        }
        if key.first != next || kept.superseded.contains(&key) {
            return ControlFlow::Continue(());
        }
        assert!(next < at, "what is kept is before the cut");
        match part(bytes, at).and_then(|(last, bytes)| Ok((last, store.put(&bytes)?))) {
            Ok((last, ())) => {
                next = last.next();
                ControlFlow::Continue(())
            }
            Err(error) => {
                result = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    result?;
    store.close()?;
    let read = check(&RocksReader::open(new)?, &mut |_, _| {})?;
    assert_eq!(read.end.last, at.before(), "the new journal ends where it was cut");
    assert_eq!(read.start, kept.start, "a cut leaves the beginning as it was");
    assert!(read.superseded.is_empty(), "I4: what was superseded is not kept");
    File::open(new).and_then(|folder| folder.sync_all()).map_err(io_error(new))
}

/// A group as far as it is before the position: whole, or sealed again with its first records.
fn part(bytes: &[u8], at: Position) -> Result<(Position, Vec<u8>), CutError> {
    let group = Group::check(bytes)?;
    if group.last() < at {
        return Ok((group.last(), bytes.to_vec()));
    }
    assert!(EpochRecord::opening(&group).is_none(), "the record that opens an epoch is alone in its group");
    let mut unit = crate::unit::EncodedUnit::new();
    for (_, record) in group.records().take_while(|(position, _)| *position < at) {
        unit.push_record(record).expect("a record of a group is not too long");
    }
    unit.assert_counted();
    assert!(unit.records() > 0, "a group that begins before the cut keeps a record");
    assert!(unit.records() < group.header().records, "a group that the cut reaches into loses a record");
    let mut shorter = empty_buffer(Vec::new());
    shorter.extend_from_slice(unit.bytes());
    seal(&mut shorter, Header { records: unit.records(), ..*group.header() });
    assert!(Group::check(&shorter).is_ok_and(|kept| kept.last() == at.before()), "what is kept of a group is whole");
    Ok((at.before(), shorter))
}

/// A name that nothing has yet.
fn free_name(folder: &Path, name: &str) -> PathBuf {
    let names = std::iter::once(name.to_owned()).chain((2_u32..).map(|number| format!("{name}-{number}")));
    let mut paths = names.map(|name| folder.join(name));
    let path = paths.find(|path| !path.exists()).expect("there is always another number");
    assert!(path.parent() == Some(folder), "a copy stays beside what it is a copy of");
    path
}

fn rename(from: &Path, to: &Path) -> Result<(), CutError> {
    assert!(from != to, "a folder gets another name");
    assert!(from.parent() == to.parent(), "one folder is synced, and has both names");
    std::fs::rename(from, to).map_err(io_error(from))?;
    let folder = to.parent().unwrap_or(to);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error(folder))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CutError {
    let path = path.to_owned();
    move |error| CutError::Io { path, error }
}
