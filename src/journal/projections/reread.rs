//! One entry of the projections' store, read strictly and written again: for those who look at a store from outside.

use wallet::ids::{HoldId, Timestamp};
use wallet::ledger::CommandRow;
use wallet::policy::FreePolicies;
use wallet::row::Row;

use super::blocks::{Rows, write_block};
use super::keys::{BlockKey, KeyKind, id_of};
use super::rows::{Reached, Stored, decode_hold, encode_hold};
use crate::codec::DecodeError;

/// Reads an entry as a start and a lookup do, and returns the bytes that this version writes for what it means. Where they
/// differ from those that were read, another version has written the entry, or a hand.
///
/// # Errors
/// The key is none of this store, or the value is not what such a key has.
pub fn reread(key: &[u8], value: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let unknown = || DecodeError::Malformed("a key of the projections".to_owned());
    let (kind, rest) = key.split_first().ok_or_else(unknown)?;
    let kind = KeyKind::ALL.into_iter().find(|known| *known as u8 == *kind).ok_or_else(unknown)?;
    let mut out = Vec::new();
    match kind {
        KeyKind::Reached | KeyKind::IdBound | KeyKind::Policies if !rest.is_empty() => return Err(unknown()),
        KeyKind::Reached => Reached::decode(value)?.encode(&mut out),
        KeyKind::IdBound => Timestamp::decode(value)?.encode(&mut out),
        KeyKind::Policies => FreePolicies::decode(value)?.encode(&mut out),
        KeyKind::EndedHolds => {
            block(&BlockKey::from_bytes(key).ok_or_else(unknown)?, value, &mut out)?;
        }
        KeyKind::Wallet | KeyKind::OpenHold | KeyKind::Command | KeyKind::Payment => {
            let id = id_of(kind, key).ok_or_else(unknown)?;
            match kind {
                KeyKind::Wallet => Row::decode(value)?.encode(&mut out),
                KeyKind::OpenHold => encode_hold(HoldId(id), &decode_hold(HoldId(id), value)?, &mut out),
                _ => CommandRow::decode(value)?.encode(&mut out),
            }
        }
    }
    assert!(!out.is_empty(), "what an entry means has bytes");
    Ok(out)
}

fn block(key: &BlockKey, value: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut rows = Vec::new();
    for hold in Rows::read(key, value)?.all() {
        let (id, hold) = hold?;
        let mut row = Vec::new();
        encode_hold(id, &hold, &mut row);
        rows.push((id, row));
    }
    let rows: Vec<_> = rows.iter().map(|(id, row)| (*id, row.as_slice())).collect();
    assert!(!rows.is_empty(), "a block that was read has rows");
    assert!(rows.first().is_some_and(|(id, _)| *id == key.first), "a block that was read lies under its own key");
    write_block(&rows, out);
    Ok(())
}

#[cfg(test)]
mod tests;
