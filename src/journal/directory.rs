//! The data directory: made only on request, and used by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The file whose lock says that a process uses the directory. That it exists says that the directory was made for us.
pub const LOCK_FILE: &str = "LOCK";

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
        create_synced(path).map_err(|error| DirectoryError::Io { path: path.into(), error })?;
        let directory = Self::lock(path)?;
        directory.sync()?;
        assert!(directory.path == path, "what was made is what is locked");
        assert!(path.join(LOCK_FILE).is_file(), "a folder that was made can be opened again");
        Ok(directory)
    }

    /// Makes the names of what is in the directory survive a power cut. A store syncs what is in its own folder, and not
    /// the folder's name.
    ///
    /// # Errors
    /// [`DirectoryError::Io`].
    pub fn sync(&self) -> Result<(), DirectoryError> {
        sync_folder(&self.path).map_err(|error| DirectoryError::Io { path: self.path.clone(), error })
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
        assert!(path.join(LOCK_FILE).is_file(), "what is locked is there, for who opens the folder next");
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse { path: path.into() }),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }
}

/// Makes a folder and those above it, and their names survive a power cut: a name is in the folder above.
fn create_synced(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| is_missing(folder)).collect();
    assert!(missing.iter().all(|folder| path.starts_with(folder)), "only the folder and those above it are made");
    std::fs::create_dir_all(path)?;
    assert!(path.is_dir(), "what was made is there");
    for made in &missing {
        sync_folder(above(made))?;
    }
    if missing.is_empty() {
        // It may have been made, and not synced, by an attempt that was cut off. Who may not read the folder above has not
        // made anything in it.
        match sync_folder(above(path)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The path above `creditd-dev` is empty, and means the folder that the process is in.
fn is_missing(folder: &Path) -> bool {
    !folder.as_os_str().is_empty() && !folder.exists()
}

fn above(folder: &Path) -> &Path {
    let above = match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => folder,
    };
    assert!(!above.as_os_str().is_empty() || folder.as_os_str().is_empty(), "a folder that can be opened has a name");
    above
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests;
