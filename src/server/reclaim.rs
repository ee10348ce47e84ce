//! Files that RocksDB has removed give their space back in steps (decision 0022).
//!
//! The system frees a file of 64 MiB in one piece when its last name goes: 15 to 60 ms in one transaction of the file
//! system, for which each sync of the journal waits. So this thread keeps the large files open: the name that RocksDB removes
//! is then not the end of the file, and it is cut down piece by piece.
//!
//! Nothing of that is on the disk: what is still open when the process ends, the system frees by itself.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use crate::clock::{Clock, Stopwatch};

/// How often the folders are looked at: a large file is there for longer before it is removed.
const LOOK: Duration = Duration::from_millis(100);
/// Between two cuts.
const PAUSE: Duration = Duration::from_millis(4);
/// What a cut takes off at least: a millisecond of the file system's time at most.
const CUT_BYTES_MIN: u64 = 1 << 20;
/// Where much is left a cut takes off this part of it, so that space comes back as fast as it is taken.
const CUT_PART: u64 = 64;
/// Smaller files are freed fast enough.
const LARGE_BYTES: u64 = 4 << 20;
/// Files of a folder that are kept open, at most.
const KEPT_MAX: u64 = 32;
/// A folder's share of the descriptors that the process may have.
const DESCRIPTORS_PART: u64 = 32;
/// What RocksDB calls its logs of writes, and its tables.
const LOG: &str = "log";
const TABLE: &str = "sst";

/// Which files of a folder are likely to go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Those with the lowest numbers: a journal is trimmed at its beginning.
    Oldest,
    /// Those with the highest: what has just been written out is merged first.
    Newest,
}

/// Looks after these folders until `stop` is closed.
pub fn run(folders: Vec<(PathBuf, Next)>, stop: &Receiver<()>) {
    let kept_max = kept_max();
    let mut folders: Vec<Folder> = folders.into_iter().map(|(path, next)| Folder::new(path, next, kept_max)).collect();
    let mut going = Nameless::default();
    let mut looked: Option<Stopwatch> = None;
    while stop.recv_timeout(if going.is_empty() { LOOK } else { PAUSE }) == Err(RecvTimeoutError::Timeout) {
        if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            for folder in &mut folders {
                match folder.look() {
                    Ok(gone) => gone.into_iter().for_each(|file| going.take(file)),
                    // Then RocksDB's removals cost what they cost.
                    Err(error) => tracing::debug!(%error, folder = %folder.path.display(), "a folder cannot be read"),
                }
            }
            looked = Some(Clock::stopwatch());
        }
        going.cut();
    }
}

/// How many files of a folder are kept open: few where there are few descriptors, because connections need them more.
fn kept_max() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from((descriptors / DESCRIPTORS_PART).min(KEPT_MAX)).unwrap_or(0)
}

/// A folder of RocksDB, and its files that are kept open, by number.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    next: Next,
    kept_max: usize,
    kept: BTreeMap<u64, File>,
}

impl Folder {
    const fn new(path: PathBuf, next: Next, kept_max: usize) -> Self {
        Self { path, next, kept_max, kept: BTreeMap::new() }
    }

    /// Keeps the files open that are likely to go next, and hands out those that have gone.
    fn look(&mut self) -> io::Result<Vec<File>> {
        let mut likely = large_files(&self.path)?;
        if self.next == Next::Newest {
            likely.reverse();
        }
        // Logs come first: each goes when what it has is written out, sooner than any table.
        likely.sort_by_key(|(_, name)| name.extension() != Some(OsStr::new(LOG)));
        likely.truncate(self.kept_max);
        let (gone, mut kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.kept).into_iter().partition(|(_, file)| is_nameless(file));
        kept.retain(|number, _| likely.iter().any(|(other, _)| other == number));
        for (number, name) in likely {
            // One that has gone meanwhile cannot be opened, and need not be.
            if !kept.contains_key(&number)
                && let Ok(file) = OpenOptions::new().write(true).open(self.path.join(name))
            {
                kept.insert(number, file);
            }
        }
        assert!(kept.len() <= self.kept_max, "I9: files that are kept open have a limit");
        self.kept = kept;
        Ok(gone.into_values().collect())
    }
}

/// The large files of a folder with their numbers, the lowest first.
fn large_files(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        let extension = name.extension().and_then(OsStr::to_str);
        let number = name.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse().ok());
        if let (Some(LOG | TABLE), Some(number)) = (extension, number)
            && entry.metadata().is_ok_and(|known| known.len() >= LARGE_BYTES)
        {
            found.push((number, name));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether no name leads to the file any more. None comes again, so whoever does not have it open never reads it.
fn is_nameless(file: &File) -> bool {
    file.metadata().is_ok_and(|known| known.nlink() == 0)
}

/// Files without a name, and how long they still are.
#[derive(Debug, Default)]
struct Nameless {
    files: Vec<(File, u64)>,
}

impl Nameless {
    fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Takes a file over, to be cut down.
    fn take(&mut self, file: File) {
        assert!(is_nameless(&file), "only what nobody can read any more is cut");
        if let Ok(known) = file.metadata() {
            self.files.push((file, known.len()));
        }
    }

    /// Cuts a piece off the last of them. One that cannot be cut is closed, which frees it at once.
    fn cut(&mut self) {
        let left: u64 = self.files.iter().map(|(_, bytes)| bytes).sum();
        let Some((file, bytes)) = self.files.last_mut() else { return };
        *bytes = bytes.saturating_sub(CUT_BYTES_MIN.max(left / CUT_PART));
        if file.set_len(*bytes).is_err() || *bytes == 0 {
            self.files.pop();
        }
    }
}

#[cfg(test)]
mod tests;
