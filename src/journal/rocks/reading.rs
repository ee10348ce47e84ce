//! A store that is opened for reading only: before anything may change it, for a check, for cutting it by hand.
//!
//! RocksDB refuses a log with a bad record in it. Where only the last record is bad, which a power cut may leave of a group
//! that was not synced, everything before it is read all the same ([`crate::torn`]).

use std::collections::BTreeSet;
use std::path::Path;

use parking_lot::RwLock;
use rocksdb::{DB, DBRecoveryMode, Error, ErrorKind, Options};

use super::{OpenError, RocksReader, View, options};
use crate::keys::{Key, Position};
use crate::recovery::RecoveryError;
use crate::store::{ReadError, Start};
use crate::torn::{self, TornEnd, TornError};

/// RocksDB says of a damaged write-ahead log that it is damaged, and not which file it is: the operator is told where to
/// look.
pub(super) fn not_opened(directory: &Path, error: Error) -> OpenError {
    let corrupted = error.kind() == ErrorKind::Corruption;
    let mut message = format!("{}: {}", directory.display(), error.into_string());
    if corrupted {
        let names = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut logs: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        logs.retain(|name| name.ends_with(".log"));
        logs.sort();
        message = format!("{message} (its write-ahead logs: {})", logs.join(", "));
    }
    OpenError::Rocks(message)
}

/// Opens what is whole of a store, and tells what the newest log ends with that is not.
fn open_whole(directory: &Path, mut options: Options) -> Result<(DB, Option<TornEnd>), OpenError> {
    let refused = match DB::open_for_read_only(&options, directory, false) {
        Ok(db) => {
            let torn = torn::look(directory)?.filter(|torn| reads_up_to(&db, torn));
            return Ok((db, torn));
        }
        Err(error) => error,
    };
    if refused.kind() != ErrorKind::Corruption {
        return Err(not_opened(directory, refused));
    }
    let torn = match torn::look(directory) {
        // Up to the first bad record of any log, and there is none but this.
        Ok(Some(torn)) => torn,
        Err(error @ (TornError::Followed { .. } | TornError::Older { .. })) => {
            return Err(OpenError::Rocks(format!("{}; {error}", not_opened_words(directory, refused))));
        }
        _ => return Err(not_opened(directory, refused)),
    };
    assert!(torn.path.starts_with(directory), "a torn end is that of the store's own log");
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    let db = DB::open_for_read_only(&options, directory, false).map_err(|error| not_opened(directory, error))?;
    if !reads_up_to(&db, &torn) {
        return Err(not_opened(directory, refused));
    }
    Ok((db, Some(torn)))
}

fn not_opened_words(directory: &Path, error: Error) -> String {
    match not_opened(directory, error) {
        OpenError::Rocks(words) => words,
        other => unreachable!("what RocksDB refuses is in its words: {other}"),
    }
}

/// Whether RocksDB has read the newest log exactly up to its torn end: what is cut off is nothing that it would show.
fn reads_up_to(db: &DB, torn: &TornEnd) -> bool {
    assert!(torn.bytes > 0, "a torn end has bytes");
    assert!(!torn.what.is_empty(), "what is dropped is said");
    torn.last_entry.is_none_or(|entry| entry == db.latest_sequence_number())
}

impl RocksReader {
    /// Opens a store for reading, without changing a file of the journal.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let (db, torn) = open_whole(directory, options())?;
        assert!(
            torn.as_ref().is_none_or(|torn| torn.path.starts_with(directory)),
            "what is cut off is the store's own"
        );
        Ok(Self { torn, ..Self::over(db)? })
    }

    /// Opens a store for reading without changing any file in its folder: RocksDB's own messages go to another one.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_untouched(directory: &Path, messages: &Path) -> Result<Self, OpenError> {
        let mut options = options();
        options.set_db_log_dir(messages);
        let (db, torn) = open_whole(directory, options)?;
        Ok(Self { torn, ..Self::over(db)? })
    }

    /// Opens what can be read of a damaged store, up to the first record of its write-ahead logs that is bad. What is
    /// the journal of it only a check can tell; it is for cutting a journal by hand.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_damaged(directory: &Path, messages: &Path) -> Result<Self, OpenError> {
        let mut options = options();
        options.set_db_log_dir(messages);
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        options.set_track_and_verify_wals_in_manifest(false);
        let db = DB::open_for_read_only(&options, directory, false);
        Self::over(db.map_err(|error| not_opened(directory, error))?)
    }

    /// What the newest write-ahead log ends with that is not read: the rest of a group that was not finished. Whoever opens
    /// the store for writing cuts it off before, when all that is read was found to be a journal.
    #[must_use]
    pub fn torn_end(&self) -> Option<&TornEnd> {
        self.torn.as_ref()
    }

    pub(super) fn over(db: DB) -> Result<Self, OpenError> {
        let start = match db.get(Key::Start.to_bytes())? {
            None => Start::NEW,
            Some(bytes) => Start::from_bytes(&bytes)
                .ok_or_else(|| ReadError::Foreign("the start of the journal".into()))
                .map_err(RecoveryError::Read)?,
        };
        assert!(start.first > Position::NONE, "a journal begins with a record");
        let view = View { start, superseded: BTreeSet::new() };
        Ok(Self { db, view: RwLock::new(view), torn: None })
    }
}
