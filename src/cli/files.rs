//! Plan and rate files, read and checked here, with the parser of the daemon: the one part of the tool that needs no daemon.

use std::path::Path;

use wallet::catalog_error::CatalogError;

use crate::exit::{Exit, Failure};

/// A file's text, parsed. A file that is wrong is a wrong configuration: file, line, key, what was expected, a hint.
pub(crate) fn read<T>(path: &Path, parse: impl FnOnce(&str, &str) -> Result<T, CatalogError>) -> Result<T, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::configuration(format!("{name}: {error}")))?;
    parse(&name, &text).map_err(|error| Failure::new(Exit::Configuration, "bad_file", error))
}

/// The names of steps or add-ons with their numbers, as people look them up: `1K=1 2K=2`.
pub(crate) fn numbered<'a>(entries: impl Iterator<Item = (u8, &'a str)>) -> String {
    entries.map(|(id, name)| format!("{name}={id}")).collect::<Vec<_>>().join(" ")
}
