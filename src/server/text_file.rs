//! Text files that an operator names: read up to a limit, and only if they are files, so that no reading lasts for ever or
//! takes all memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextFileError {
    /// What the system says.
    #[error("{0}")]
    System(String),
    /// A folder, a pipe, a device.
    #[error("it is no regular file")]
    NotAFile,
    /// It is longer than any such file.
    #[error("it has more than {bytes_max} bytes")]
    TooLong {
        /// How many are read at most.
        bytes_max: u64,
    },
    /// It has bytes that are no text.
    #[error("it is not UTF-8")]
    NotText,
}

impl From<std::io::Error> for TextFileError {
    fn from(error: std::io::Error) -> Self {
        Self::System(error.to_string())
    }
}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// [`TextFileError`].
pub fn read(path: &Path, bytes_max: u64) -> Result<String, TextFileError> {
    // Without the last of these flags the opening of a pipe waits for somebody who writes.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(std::io::Error::from)?);
    // Of what was opened, which may not be what the name meant a moment ago.
    if !file.metadata()?.is_file() {
        return Err(TextFileError::NotAFile);
    }
    let mut bytes = Vec::new();
    let read = file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > bytes_max {
        return Err(TextFileError::TooLong { bytes_max });
    }
    String::from_utf8(bytes).map_err(|_| TextFileError::NotText)
}

#[cfg(test)]
mod tests;
