//! The projections as the rules read them: one of the two forms of their store.

use std::ops::ControlFlow;

use journal::projections::{self, Audited, MemoryProjections, Pace, RocksProjections};
use wallet::audit::{Found, Invariant};
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

    /// How many rows broke an invariant when they were flushed.
    #[must_use]
    pub fn violations(&self, invariant: Invariant) -> u64 {
        either!(self, archive => archive.violations_of(invariant))
    }

    /// Audits what is flushed, so many rows at a time with a pause between; nothing where the pause says to stop, and
    /// where nothing is kept.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn audit(
        &self,
        slice: usize,
        pause: &mut dyn FnMut() -> ControlFlow<()>,
        found: &mut Found<'_>,
    ) -> Result<Option<Audited>, ArchiveError> {
        let mut pace = Pace { slice, pause };
        match self {
            Self::Rocks(archive) => archive.audit(&mut pace, found).map_err(|error| ArchiveError(error.to_string())),
            Self::Memory(_) => Ok(None),
        }
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
