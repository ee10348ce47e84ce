//! Plan and rate files, read and checked here, with the parser of the daemon: the one part of the tool that needs no daemon.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use wallet::catalog_error::CatalogError;

use crate::exit::{Exit, Failure};

/// The largest file that is read, in bytes: as much as the daemon reads of such a file.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A file's text, parsed. A file that is wrong is a wrong configuration: file, line, key, what was expected, a hint.
pub(crate) fn read<T>(path: &Path, parse: impl FnOnce(&str, &str) -> Result<T, CatalogError>) -> Result<T, Failure> {
    let name = path.display().to_string();
    let text = text_of(path).map_err(|error| Failure::configuration(format!("{name}: {error}")))?;
    parse(&name, &text).map_err(|error| Failure::new(Exit::Configuration, "bad_file", error))
}

fn text_of(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if u64::try_from(read).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(format!("it has more than {FILE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// The names of steps or add-ons with their numbers, as people look them up: `1K=1 2K=2`.
pub(crate) fn numbered<'a>(entries: impl Iterator<Item = (u8, &'a str)>) -> String {
    entries.map(|(id, name)| format!("{name}={id}")).collect::<Vec<_>>().join(" ")
}
