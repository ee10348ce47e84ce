//! What stands below the engine where it is measured by itself: a journal that only counts, and an archive without anything.

use std::sync::atomic::{AtomicU64, Ordering};

use wallet::engine::{Archive, ArchiveError, Journal};
use wallet::hold::Hold;
use wallet::ids::{HoldId, Position};
use wallet::ledger::{CommandKey, CommandRow};
use wallet::record::Record;

/// Gives positions and keeps nothing.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Journal for Counting {
    fn push(&self, records: &[Record]) -> Position {
        let count = u64::try_from(records.len()).unwrap_or(0);
        Position(self.0.fetch_add(count, Ordering::Relaxed).saturating_add(1))
    }

    fn pushed(&self) -> Position {
        Position(self.0.load(Ordering::Relaxed))
    }
}

/// Knows nothing of before.
pub(crate) struct Empty;

impl Archive for Empty {
    fn hold(&self, _: HoldId) -> Result<Option<Hold>, ArchiveError> {
        Ok(None)
    }

    fn command(&self, _: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        Ok(None)
    }

    fn reached(&self) -> Position {
        Position::NONE
    }

    fn flushed(&self) -> Position {
        Position::NONE
    }
}
