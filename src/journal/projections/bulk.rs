//! Rows of wallets written straight into a new store: for a folder that is made whole, as by `creditd seed`.

use wallet::policy::FreePolicies;
use wallet::row::Row;

use super::keys::{KeyKind, wallet_key};
use super::rows::{Reached, Stored};
use super::store::{Family, ProjectionStore, StoreError};
use crate::codec::ROW_BYTES_MAX;

/// Rows of one write.
const ROWS_AT_ONCE: usize = 8_192;

const _: () = assert!(ROWS_AT_ONCE > 0, "each write has rows");

/// Writes allowances and rows, and at last the position that they are of; a crash before leaves none. Ordered by account
/// they are written fastest.
///
/// # Errors
/// [`StoreError`]; the store is then of no use.
pub fn write_rows(
    store: &impl ProjectionStore,
    policies: &FreePolicies,
    rows: impl Iterator<Item = Row>,
    reached: Reached,
) -> Result<(), StoreError> {
    let mut rows = rows.peekable();
    let mut bytes = Vec::new();
    while rows.peek().is_some() {
        store.write(&mut |batch| {
            for row in rows.by_ref().take(ROWS_AT_ONCE) {
                bytes.clear();
                row.encode(&mut bytes);
                assert!(bytes.len() <= ROW_BYTES_MAX, "I9: a row has a limit");
                batch.put(Family::State, &wallet_key(row.account), &bytes);
            }
        })?;
    }
    assert!(rows.peek().is_none(), "every row is written before the position");
    store.flush()?;
    store.write(&mut |batch| {
        for (key, value) in [(KeyKind::Policies, encoded(policies)), (KeyKind::Reached, encoded(&reached))] {
            batch.put(Family::State, &[key as u8], &value);
        }
    })?;
    store.flush()
}

fn encoded(value: &impl Stored) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    assert!(!bytes.is_empty(), "a value has bytes");
    assert!(bytes.len() <= ROW_BYTES_MAX, "I9: a row has a limit");
    bytes
}
