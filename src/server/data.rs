//! The data folder: `journal/`, `projections/`, `LOCK` (one process at a time) and `FORMAT` (who may read it).

use std::path::{Path, PathBuf};

use journal::directory::{CUTTING_FOLDER, DataDirectory, DirectoryError};

/// The folder of `creditd run --dev` where no other is named.
pub const DEV_FOLDER: &str = "creditd-dev";

/// The file that says which version of the layout a folder has.
const FORMAT_FILE: &str = "FORMAT";
/// The layout that this program makes and reads.
const FORMAT: &str = "creditd data folder, format 1\n";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It is missing, in use, or cannot be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// `init` is asked to take a folder that has something else in it.
    #[error("{} is not empty; `creditd init` makes a folder of its own", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The layout is of another version.
    #[error("{} is {found:?}, and this program reads {FORMAT:?}", path.display())]
    OtherFormat {
        /// The folder.
        path: PathBuf,
        /// What its marker says.
        found: String,
    },
    /// A cut of the journal was begun and not finished.
    #[error("{}: a cut of the journal was not finished; `creditd fsck --truncate-at` has to be run again", path.display())]
    CutUnfinished {
        /// The folder.
        path: PathBuf,
    },
    /// The marker cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
}

/// Makes a data folder. One that was made before is left as it is.
///
/// # Errors
/// [`DataError`].
pub fn init(path: &Path) -> Result<(), DataError> {
    let marked = path.join(FORMAT_FILE).is_file();
    let io = |error| DataError::Io { path: path.to_owned(), error };
    if !marked && path.is_dir() && std::fs::read_dir(path).map_err(io)?.next().is_some() {
        return Err(DataError::NotEmpty { path: path.to_owned() });
    }
    let directory = DataDirectory::create_or_open(path)?;
    if marked { check_format(path) } else { write_format(directory.path()) }
}

/// Opens a data folder that was made before: a mistyped path makes no second one.
///
/// # Errors
/// [`DataError`].
pub fn open(path: &Path) -> Result<DataDirectory, DataError> {
    let directory = open_to_cut(path)?;
    if is_cut_unfinished(path) { Err(DataError::CutUnfinished { path: path.to_owned() }) } else { Ok(directory) }
}

/// As [`open`], also where a cut of the journal was not finished: to finish it.
///
/// # Errors
/// [`DataError`].
pub fn open_to_cut(path: &Path) -> Result<DataDirectory, DataError> {
    let directory = DataDirectory::open(path)?;
    check_format(path)?;
    Ok(directory)
}

/// Whether a cut of the journal was begun and not finished.
#[must_use]
pub fn is_cut_unfinished(path: &Path) -> bool {
    path.join(CUTTING_FOLDER).exists()
}

/// Opens a folder for development, made if it is missing.
///
/// # Errors
/// [`DataError`].
pub fn open_dev(path: &Path) -> Result<DataDirectory, DataError> {
    init(path)?;
    open(path)
}

fn write_format(path: &Path) -> Result<(), DataError> {
    let file = path.join(FORMAT_FILE);
    let io = |error| DataError::Io { path: file.clone(), error };
    std::fs::write(&file, FORMAT).map_err(io)?;
    std::fs::File::open(&file).and_then(|written| written.sync_all()).map_err(io)?;
    std::fs::File::open(path).and_then(|folder| folder.sync_all()).map_err(io)
}

fn check_format(path: &Path) -> Result<(), DataError> {
    let file = path.join(FORMAT_FILE);
    let found = std::fs::read_to_string(&file).map_err(|error| DataError::Io { path: file, error })?;
    if found == FORMAT { Ok(()) } else { Err(DataError::OtherFormat { path: path.to_owned(), found }) }
}

#[cfg(test)]
mod tests;
