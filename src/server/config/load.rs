//! Reading the configuration: TOML, the environment over it, and errors that name the line and the nearest key.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Config;
use crate::text_file::{self, TextFileError};

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the names of environment variables begin with.
const ENVIRONMENT_PREFIX: &str = "CREDITD_";
/// What stands between the part and the key in the name of an environment variable.
const ENVIRONMENT_SEPARATOR: &str = "__";

/// The configuration cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read at all.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: TextFileError,
    },
    /// A key or a value is wrong.
    #[error("{place}: {message}{hint}", hint = hint(nearest.as_deref()))]
    Wrong {
        /// The file and line, or the environment variable.
        place: String,
        /// What is wrong.
        message: String,
        /// The known key that looks most like the unknown one.
        nearest: Option<String>,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

pub(super) fn from_file(path: &Path) -> Result<Config, ConfigError> {
    let text = text_file::read(path, FILE_BYTES_MAX)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    let mut config = from_text(&text, &path.display().to_string())?;
    config.catalog.relative_to(path.parent().unwrap_or_else(|| Path::new("")));
    Ok(config)
}

pub(super) fn from_text(text: &str, name: &str) -> Result<Config, ConfigError> {
    let refused = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        wrong(format!("{name}, line {line}"), error.message())
    };
    // An integer of TOML has a sign, also where a key takes none: a larger one could be read and not be shown or compared.
    toml::from_str::<toml::Table>(text).map_err(refused)?;
    toml::from_str(text).map_err(refused)
}

/// Sets the keys that the environment names. `CREDITD_SERVER__LISTEN` is `server.listen`; variables with the prefix but
/// without the separator belong to somebody else, and may be no text at all.
pub(super) fn with_environment(
    config: Config,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigError> {
    let mut config = config;
    for (name, value) in environment {
        // What is no text in a name is in no known key either.
        let name = name.to_string_lossy();
        let Some((part, key)) =
            name.strip_prefix(ENVIRONMENT_PREFIX).and_then(|rest| rest.split_once(ENVIRONMENT_SEPARATOR))
        else {
            continue;
        };
        // The value is not shown: what is no text was meant for something else, a secret perhaps.
        let value = value.to_str().ok_or_else(|| wrong(name.to_string(), "the value is not UTF-8"))?;
        let (part, key) = (part.to_ascii_lowercase(), key.to_ascii_lowercase());
        config = with_key(&config, &name, (&part, &key), value)?;
    }
    Ok(config)
}

/// The configuration with one key replaced; its present value says which type the text is read as.
fn with_key(config: &Config, place: &str, (part, key): (&str, &str), text: &str) -> Result<Config, ConfigError> {
    let mut table = table_of(config)?;
    let names: Vec<String> = table.keys().cloned().collect();
    let Some(toml::Value::Table(keys)) = table.get_mut(part) else {
        return Err(unknown(place, part, &names));
    };
    let names: Vec<String> = keys.keys().cloned().collect();
    let Some(value) = keys.get_mut(key) else {
        return Err(unknown(place, key, &names));
    };
    *value = match value {
        toml::Value::Integer(_) => text
            .trim()
            .parse()
            .map(toml::Value::Integer)
            .map_err(|_| wrong(place.to_owned(), &format!("`{text}` is not a whole number")))?,
        toml::Value::Boolean(_) => text
            .trim()
            .parse()
            .map(toml::Value::Boolean)
            .map_err(|_| wrong(place.to_owned(), &format!("`{text}` is neither true nor false")))?,
        _ => toml::Value::String(text.to_owned()),
    };
    table.try_into().map_err(|error: toml::de::Error| wrong(place.to_owned(), error.message()))
}

pub(super) fn to_toml(config: &Config) -> Result<String, ConfigError> {
    toml::to_string(config).map_err(|error| wrong("the configuration".to_owned(), &error.to_string()))
}

pub(super) fn differing_keys(one: &Config, other: &Config) -> Result<Vec<String>, ConfigError> {
    let (one, other) = (table_of(one)?, table_of(other)?);
    let mut differing = Vec::new();
    for (part, keys) in &one {
        let keys = keys.as_table().into_iter().flatten();
        let differs = |key: &str, value| other.get(part).and_then(|part| part.get(key)) != Some(value);
        differing.extend(keys.filter(|(key, value)| differs(key, value)).map(|(key, _)| format!("{part}.{key}")));
    }
    Ok(differing)
}

fn table_of(config: &Config) -> Result<toml::Table, ConfigError> {
    toml::Table::try_from(config).map_err(|error| wrong("the configuration".to_owned(), &error.to_string()))
}

fn unknown(place: &str, name: &str, known: &[String]) -> ConfigError {
    ConfigError::Wrong {
        place: place.to_owned(),
        message: format!("unknown key `{name}`"),
        nearest: nearest(name, known.iter().map(String::as_str)),
    }
}

/// serde names the unknown key first and the known ones after it, all in backticks.
fn wrong(place: String, message: &str) -> ConfigError {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if let (true, [unknown, known @ ..]) = (message.starts_with("unknown field"), quoted.as_slice()) {
        let nearest = nearest(unknown, known.iter().copied());
        return ConfigError::Wrong { place, message: format!("unknown key `{unknown}`"), nearest };
    }
    ConfigError::Wrong { place, message: message.trim_end().to_owned(), nearest: None }
}

/// The name that takes the fewest changes of one letter.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known.min_by_key(|candidate| distance(name, candidate)).map(str::to_owned)
}

/// Letters that have to be put in, left out or replaced to make one name of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, other) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Credits are written as text, "73.5": a TOML float could not hold every amount (R1).
pub(super) mod credits_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use wallet::credits::Credits;

    pub(crate) fn serialize<S: Serializer>(credits: &Credits, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(credits)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Credits, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
