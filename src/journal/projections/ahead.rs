//! Rows that records are about to ask for: read from the store together, before the lock is taken that readers wait for, and
//! fetched into the processor's caches together.
//!
//! Where there are more wallets than caches hold, nearly every record is about a row that is in none of them. Together and
//! in the order of their keys they are found with fewer looks at the same files (decision 0025). Nothing rests on a row
//! being here: what is not, is read by itself when its record is applied. So where all rows are in the table, hardly anybody looks.

use parking_lot::RwLock;
use wallet::ids::AccountId;
use wallet::record::Record;
use wallet::row::Row;

use super::CHUNK_RECORDS;
use super::about::account;
use super::books::View;
use super::disk::{self, ReadError};
use super::shelf::Shelf;
use super::store::ProjectionStore;
use super::table::Table;
use crate::keys::Position;

/// For how many chunks nobody looks at most, once the rows of those before were all in the table.
const PASSED_OVER_MAX: u32 = 16;

/// What was read for the records that come next, and memory for it.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Chunks that are passed over after the next that needs nothing.
    passed_over: u32,
    /// How many of them are left.
    left: u32,
    accounts: Vec<AccountId>,
    rows: Vec<Row>,
}

impl Ahead {
    /// Reads the rows of these records that are not in the table. They are still as the store has them when they are
    /// taken: nobody but the caller adds rows or changes them, and a row leaves the table only when the store has it (I8).
    pub(crate) fn read(
        &mut self,
        store: &impl ProjectionStore,
        view: &RwLock<View>,
        records: &[(Position, Record)],
    ) -> Result<(), ReadError> {
        assert!(records.len() <= CHUNK_RECORDS, "I9: so many rows are read at once");
        self.rows.clear();
        if self.left > 0 {
            self.left -= 1;
            return Ok(());
        }
        let Self { accounts, rows, .. } = self;
        accounts.clear();
        let wanted = records.iter().filter_map(|(_, record)| account(record));
        let view = view.read();
        accounts.extend(wanted.filter(|account| view.rows.likely(*account).is_none()));
        drop(view);
        if accounts.is_empty() {
            self.passed_over = self.passed_over.saturating_mul(2).clamp(1, PASSED_OVER_MAX);
            self.left = self.passed_over;
            return Ok(());
        }
        self.passed_over = 0;
        accounts.sort_unstable();
        accounts.dedup();
        disk::rows(store, accounts, &mut |row| rows.push(row))
    }

    /// Puts them into the table.
    pub(crate) fn take(&mut self, table: &mut Table) {
        for row in self.rows.drain(..) {
            let _ = table.insert(row, None);
        }
    }
}

/// Looks at the rows that records are about, before they are applied.
pub(crate) fn warm(rows: &Table, shelf: Option<&Shelf>, records: &[(Position, Record)]) {
    assert!(records.len() <= CHUNK_RECORDS, "every record has a place for what was found");
    let mut found = [None; CHUNK_RECORDS];
    let accounts = || records.iter().filter_map(|(_, record)| account(record));
    found.iter_mut().zip(accounts()).for_each(|(found, account)| *found = rows.likely(account));
    rows.warm(found.iter().copied().flatten());
    if let Some(shelf) = shelf {
        let missing = accounts().zip(&found).filter(|(_, slot)| slot.is_none());
        shelf.warm(missing.map(|(account, _)| account));
    }
}

#[cfg(test)]
mod tests;
