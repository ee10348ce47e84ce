//! Rows that records are about to ask for, read from the store together, before the lock is taken that readers wait for.
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
