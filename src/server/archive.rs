//! The projections as the rules read them: one of the two forms of their store.

use journal::projections::{self, MemoryProjections, RocksProjections};
use wallet::engine::{Archive, ArchiveError};
use wallet::hold::Hold;
use wallet::ids::{AccountId, HoldId, Position};
use wallet::ledger::{CommandKey, CommandRow};
use wallet::row::Row;

/// The reading side of the projections.
#[derive(Clone)]
pub enum ArchiveLink {
    /// In the data folder.
    Rocks(projections::Archive<RocksProjections>),
    /// With `durability = "memory"`.
    Memory(projections::Archive<MemoryProjections>),
}

/// The same call on whichever form it is.
macro_rules! either {
    ($link:expr, $archive:ident => $call:expr) => {
        match $link {
            ArchiveLink::Rocks($archive) => $call,
            ArchiveLink::Memory($archive) => $call,
        }
    };
}

impl ArchiveLink {
    /// The row of an account.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn row(&self, account: AccountId) -> Result<Option<Row>, ArchiveError> {
        either!(self, archive => archive.row(account)).map_err(|error| ArchiveError(error.to_string()))
    }

    /// How many rows broke an invariant (I1).
    #[must_use]
    pub fn violations(&self) -> u64 {
        either!(self, archive => archive.violations()).0
    }
}

impl Archive for ArchiveLink {
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        either!(self, archive => Archive::hold(archive, id))
    }

    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        either!(self, archive => Archive::command(archive, key))
    }

    fn reached(&self) -> Position {
        either!(self, archive => Archive::reached(archive))
    }

    fn flushed(&self) -> Position {
        either!(self, archive => Archive::flushed(archive))
    }
}
