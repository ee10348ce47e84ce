//! The bytes of rows of wallets on their way into the store. The memory is used again after the flush.

use wallet::ids::AccountId;
use wallet::row::Row;

use super::pieces::{Pieces, Span};
use super::rows::Stored;

/// Rows as they were when a flush began.
#[derive(Debug, Default)]
pub(crate) struct PackedRows {
    entries: Vec<(AccountId, Span)>,
    rows: Pieces,
}

impl PackedRows {
    /// Adds a row that is not here, and shows its bytes.
    pub(crate) fn add(&mut self, row: &Row) -> &[u8] {
        let span = self.rows.add(|out| row.encode(out));
        self.entries.push((row.account, span));
        self.rows.bytes(span)
    }

    /// The rows in the order of their accounts.
    pub(crate) fn in_order(&self) -> Vec<(AccountId, &[u8])> {
        let mut rows: Vec<_> = self.entries.iter().map(|(account, span)| (*account, self.rows.bytes(*span))).collect();
        rows.sort_unstable_by_key(|(account, _)| *account);
        assert!(rows.is_sorted_by(|(one, _), (other, _)| one < other), "every row is written once");
        rows
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets the rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.rows.clear();
    }
}

#[cfg(test)]
mod tests;
