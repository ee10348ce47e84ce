//! The data directory: made only on request, and used by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The file whose lock says that a process uses the directory. That it exists says that the directory was made for us.
const LOCK_FILE: &str = "LOCK";

/// A journal that `creditd fsck --truncate-at` is writing: while it is there, the cut is not finished.
pub const CUTTING_FOLDER: &str = "journal.cutting";

/// An open, locked data directory. The lock ends with this value or with the process.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It was not made by `creditd init`: most likely the path is mistyped.
    #[error("{} is not a data directory; `creditd init` makes one", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("{}: {error}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What it says.
        #[source]
        error: io::Error,
    },
}

impl DataDirectory {
    /// Opens a directory that was made before.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        if !path.join(LOCK_FILE).is_file() {
            return Err(DirectoryError::Missing { path: path.into() });
        }
        Self::lock(path)
    }

    /// Makes the directory, or opens it when it was made before.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn create_or_open(path: &Path) -> Result<Self, DirectoryError> {
        let io = |error| DirectoryError::Io { path: path.into(), error };
        std::fs::create_dir_all(path).map_err(io)?;
        let directory = Self::lock(path)?;
        File::open(path).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(directory)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the journal is.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Where the projections are.
    #[must_use]
    pub fn projections(&self) -> PathBuf {
        self.path.join("projections")
    }

    fn lock(path: &Path) -> Result<Self, DirectoryError> {
        let io = |error| DirectoryError::Io { path: path.into(), error };
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK_FILE)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse { path: path.into() }),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }
}

#[cfg(test)]
mod tests;
