//! Reads of the projections from any thread, while the projector applies and flushes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use wallet::audit::Invariant;
use wallet::engine::ArchiveError;
use wallet::hold::{Hold, HoldState};
use wallet::ids::{AccountId, HoldId, Position as Place, Timestamp};
use wallet::ledger::{self, CommandKey, CommandRow};
use wallet::policy::FreePolicies;
use wallet::row::Row;

use super::books::View;
use super::disk::{self, ReadError};
use super::flush::Flushing;
use super::keys::{KeyKind, command_key, id_key};
use super::rows::{Stored, decode_hold, encode_hold};
use super::store::ProjectionStore;
use crate::codec::{ROW_BYTES_MAX, append};
use crate::keys::Position;

/// What the projector, its readers and a flush share.
pub(crate) struct Shared<S> {
    pub(crate) store: S,
    pub(crate) view: RwLock<View>,
    /// Changes that were flushed and that the projector has not taken back.
    pub(crate) flushed_changes: Mutex<Option<Flushing>>,
    /// A [`super::Flush`] exists.
    pub(crate) flush_out: AtomicBool,
    pub(crate) reached: AtomicU64,
    pub(crate) flushed: AtomicU64,
    /// By invariant.
    pub(crate) violations: [AtomicU64; Invariant::ALL.len()],
    pub(crate) first_violation: Mutex<Option<Violation>>,
}

/// A row that breaks an invariant after a record was applied to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The record.
    pub position: Position,
    /// What is wrong.
    pub what: String,
}

/// The reading side of a projector: cheap to clone, usable from any thread. Reads look among the changes that are not
/// flushed first, then on disk; they wait for the applying thread for a few hundred records at most, and never for a
/// flush.
pub struct Archive<S> {
    pub(crate) shared: Arc<Shared<S>>,
}

impl<S> Clone for Archive<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: ProjectionStore> Archive<S> {
    /// A hold, open or ended; `None` when it never was, or is older than what is kept.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        // The guard must be gone before the disk is read: else applying would wait for it.
        let changed = self.shared.view.read().hold(id)?;
        match changed {
            Some(hold) => Ok(Some(hold)),
            None => Ok(disk::hold(&self.shared.store, id)?.map(|(hold, _)| hold)),
        }
    }

    /// The row of an account.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn row(&self, account: AccountId) -> Result<Option<Row>, ReadError> {
        let changed = self.shared.view.read().rows.row(account).cloned();
        let row = if changed.is_some() { changed } else { disk::row(&self.shared.store, account)? };
        assert!(row.as_ref().is_none_or(|row| row.account == account), "a row lies under the key of its account");
        Ok(row)
    }

    /// What a command or a payment did.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ReadError> {
        let changed = self.shared.view.read().command(key).cloned();
        let row = if changed.is_some() { changed } else { disk::command(&self.shared.store, key)? };
        let own = |row: &CommandRow| ledger::command_key(&row.record) == Some(key);
        assert!(row.as_ref().is_none_or(own), "R13: a command is remembered by its own id");
        Ok(row)
    }

    /// The journaled allowances.
    #[must_use]
    pub fn policies(&self) -> FreePolicies {
        self.shared.view.read().policies.clone()
    }

    /// The bound of forgotten ids.
    #[must_use]
    pub fn id_bound(&self) -> Timestamp {
        self.shared.view.read().id_bound
    }

    /// The last record whose effects the reads show.
    #[must_use]
    pub fn reached(&self) -> Position {
        Position(self.shared.reached.load(Ordering::Acquire))
    }

    /// The last record that a start finds: only these count for trimming the journal.
    #[must_use]
    pub fn flushed(&self) -> Position {
        Position(self.shared.flushed.load(Ordering::Acquire))
    }

    /// How many records the projections are behind `durable`.
    #[must_use]
    pub fn lag(&self, durable: Position) -> u64 {
        durable.0.saturating_sub(self.reached().0)
    }

    /// How many rows broke an invariant, and the first of them.
    #[must_use]
    pub fn violations(&self) -> (u64, Option<Violation>) {
        // Relaxed: a count for people; nothing is decided by it.
        let counted = self.shared.violations.iter().map(|count| count.load(Ordering::Relaxed));
        (counted.sum(), self.shared.first_violation.lock().clone())
    }

    /// How often rows broke one invariant.
    #[must_use]
    pub fn violations_of(&self, invariant: Invariant) -> u64 {
        // Relaxed: as above.
        self.shared.violations[invariant.index()].load(Ordering::Relaxed)
    }

    /// The whole state as bytes: the same state has the same bytes, whatever was flushed when (I8). It is as long as
    /// the state, and reads all of it: for tests and `fsck`, with no records being applied meanwhile.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn canonical(&self) -> Result<Vec<u8>, ReadError> {
        let store = &self.shared.store;
        let view = self.shared.view.read();
        let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for kind in [KeyKind::Wallet, KeyKind::OpenHold, KeyKind::Command, KeyKind::Payment] {
            disk::all_of(store, kind, |id, value| {
                // Written again, so that the bytes are those of this version.
                let bytes = match kind {
                    KeyKind::Wallet => encoded(&Row::decode(value)?),
                    KeyKind::OpenHold => encoded_hold(HoldId(id), &decode_hold(HoldId(id), value)?),
                    _ => encoded(&CommandRow::decode(value)?),
                };
                entries.insert(id_key(kind, id).to_vec(), bytes);
                Ok(())
            })?;
        }
        disk::all_ended(store, 0, |_, id, hold| {
            entries.insert(id_key(KeyKind::OpenHold, id.0).to_vec(), encoded_hold(id, &hold));
        })?;
        for row in view.rows.rows() {
            entries.insert(id_key(KeyKind::Wallet, row.account.0).to_vec(), encoded(row));
        }
        let flushing = view.flushing.as_ref().map(|flushing| &*flushing.changes);
        for changes in flushing.into_iter().chain([&view.changes]) {
            for (id, open) in changes.open.in_order() {
                assert!(open.hold.state == HoldState::Open, "I6: what has ended is no open hold");
                entries.insert(id_key(KeyKind::OpenHold, id.0).to_vec(), encoded_hold(id, &open.hold));
            }
            for (id, row) in changes.ended.in_order() {
                entries.insert(id_key(KeyKind::OpenHold, id.0).to_vec(), row.to_vec());
            }
            for (key, row) in &changes.commands {
                entries.insert(command_key(*key).to_vec(), encoded(row));
            }
        }
        assert!(self.flushed() <= self.reached(), "I4: what is flushed was applied");
        let mut out = Vec::new();
        append(&self.reached().0, &mut out);
        view.id_bound.encode(&mut out);
        view.policies.encode(&mut out);
        append(&entries, &mut out);
        Ok(out)
    }
}

fn encoded(row: &impl Stored) -> Vec<u8> {
    let mut bytes = Vec::new();
    row.encode(&mut bytes);
    assert!(bytes.len() <= ROW_BYTES_MAX, "I9: a row has a limit");
    assert!(!bytes.is_empty(), "a row has bytes");
    bytes
}

fn encoded_hold(id: HoldId, hold: &Hold) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_hold(id, hold, &mut bytes);
    assert!(bytes.len() <= ROW_BYTES_MAX, "I9: a row has a limit");
    assert!(!bytes.is_empty(), "a row has bytes");
    bytes
}

impl<S: ProjectionStore> wallet::engine::Archive for Archive<S> {
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        Self::hold(self, id).map_err(|error| ArchiveError(error.to_string()))
    }

    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        Self::command(self, key).map_err(|error| ArchiveError(error.to_string()))
    }

    fn reached(&self) -> Place {
        Place(Self::reached(self).0)
    }

    fn flushed(&self) -> Place {
        Place(Self::flushed(self).0)
    }
}
