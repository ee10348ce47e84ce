//! Whether a folder has a store of RocksDB, is free for a new one, or has what is left of one.
//!
//! RocksDB that opens a folder for writing makes a new store where there is no `CURRENT`, and removes every file that the
//! store's own list does not name: what has lost its `CURRENT` would be gone with the second start.

use std::io;
use std::path::{Path, PathBuf};

/// Names what of a store is in use.
const CURRENT: &str = "CURRENT";
/// What the making of a store that is cut off may leave before there is a `CURRENT`, and what a file system has of its own.
const BEFORE_CURRENT: [&str; 7] =
    ["LOCK", "LOG", "IDENTITY", "MANIFEST-000001", "000000.dbtmp", "000001.dbtmp", "lost+found"];
/// Older messages.
const OLD_MESSAGES: &str = "LOG.old.";

/// Why it cannot be told whether there is a store, or none may be made.
#[derive(Debug, thiserror::Error)]
pub enum MadeError {
    /// There is a file and no `CURRENT`.
    #[error(
        "{} has the file {file} and no file CURRENT, which names what of a store is in use: no new store is made over it, and \
         nothing was changed; restore the folder from a backup",
        path.display()
    )]
    Unnamed {
        /// The folder.
        path: PathBuf,
        /// The first of its files.
        file: String,
    },
    /// The folder cannot be read. RocksDB says it in the same words.
    #[error("IO error: {}: {error}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

/// Whether a store was made in a folder; `false` where a new one may be made.
///
/// # Errors
/// [`MadeError`].
pub fn is_made(folder: &Path) -> Result<bool, MadeError> {
    if exists(folder) {
        return Ok(true);
    }
    let names = names(folder)?;
    let left = names.into_iter().find(|name| !is_before_current(name));
    match left {
        None => Ok(false),
        Some(file) => Err(MadeError::Unnamed { path: folder.to_owned(), file }),
    }
}

/// Whether there is one, whatever else there is.
pub(crate) fn exists(folder: &Path) -> bool {
    folder.join(CURRENT).exists()
}

/// The names in a folder, in their order; none where there is no folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, MadeError> {
    let io = |error| MadeError::Io { path: folder.to_owned(), error };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    assert!(names.is_sorted_by(|one, other| one < other), "a folder has a name once");
    Ok(names)
}

fn is_before_current(name: &str) -> bool {
    BEFORE_CURRENT.contains(&name) || name.starts_with(OLD_MESSAGES)
}

#[cfg(test)]
mod tests;
