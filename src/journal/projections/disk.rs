//! Rows in the store: reading one, reading all of a kind, writing what has changed.

use std::ops::ControlFlow;

use wallet::hold::{Hold, HoldState};
use wallet::ids::{AccountId, HoldId, Timestamp};
use wallet::ledger::{self, CommandKey, CommandRow};
use wallet::policy::FreePolicies;
use wallet::row::Row;

use super::blocks::{Rows, write_blocks};
use super::books::Changes;
use super::keys::{BlockKey, ID_KEY_BYTES, KeyKind, command_key, id_of, open_hold_key, second_of, wallet_key};
use super::open::OpenHold;
use super::rows::{Reached, Stored, decode_hold, decode_row, encode_hold};
use super::store::{BatchWriter, Family, ProjectionStore, StoreError};
use crate::codec::{DecodeError, ROW_BYTES_MAX};
use crate::keys::Position;

/// The projections cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is not what this program writes.
    #[error("a row of the projections under the key {key}: {error}")]
    Damaged {
        /// The key in hexadecimal.
        key: String,
        /// What is wrong.
        error: DecodeError,
    },
}

impl ReadError {
    pub(crate) fn damaged(key: &[u8], error: DecodeError) -> Self {
        let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::Damaged { key, error }
    }
}

fn value<T: Stored>(store: &impl ProjectionStore, key: &[u8]) -> Result<Option<T>, ReadError> {
    let Some(bytes) = store.value(Family::State, key)? else { return Ok(None) };
    T::decode(&bytes).map(Some).map_err(|error| ReadError::damaged(key, error))
}

pub(crate) fn reached(store: &impl ProjectionStore) -> Result<Reached, ReadError> {
    Ok(value(store, &[KeyKind::Reached as u8])?.unwrap_or_default())
}

pub(crate) fn id_bound(store: &impl ProjectionStore) -> Result<Timestamp, ReadError> {
    Ok(value(store, &[KeyKind::IdBound as u8])?.unwrap_or_default())
}

pub(crate) fn policies(store: &impl ProjectionStore) -> Result<FreePolicies, ReadError> {
    Ok(value(store, &[KeyKind::Policies as u8])?.unwrap_or_default())
}

pub(crate) fn row(store: &impl ProjectionStore, account: AccountId) -> Result<Option<Row>, ReadError> {
    let key = wallet_key(account);
    let Some(bytes) = store.value(Family::State, &key)? else { return Ok(None) };
    decode_row(account, &bytes).map(Some).map_err(|error| ReadError::damaged(&key, error))
}

/// The rows of accounts, which come in their order; those that are not there are passed over.
pub(crate) fn rows(
    store: &impl ProjectionStore,
    accounts: &[AccountId],
    show: &mut dyn FnMut(Row),
) -> Result<(), ReadError> {
    assert!(accounts.is_sorted_by(|one, other| one < other), "a row is read once");
    let keys: Vec<_> = accounts.iter().map(|account| wallet_key(*account)).collect();
    let asked: Vec<&[u8]> = keys.iter().map(<[u8; ID_KEY_BYTES]>::as_slice).collect();
    let mut damaged = None;
    store.values(Family::State, &asked, &mut |number, bytes| {
        let (Some(account), Some(key), Some(bytes)) = (accounts.get(number), keys.get(number), bytes) else { return };
        match decode_row(*account, bytes) {
            Ok(row) => show(row),
            Err(error) => damaged = Some(ReadError::damaged(key, error)),
        }
    })?;
    damaged.map_or(Ok(()), Err)
}

pub(crate) fn command(store: &impl ProjectionStore, key: CommandKey) -> Result<Option<CommandRow>, ReadError> {
    let stored = command_key(key);
    let row: Option<CommandRow> = value(store, &stored)?;
    match row {
        Some(row) if ledger::command_key(&row.record) != Some(key) => {
            Err(ReadError::damaged(&stored, DecodeError::Malformed("what another command did".to_owned())))
        }
        row => Ok(row),
    }
}

/// A hold, and whether the store has it as an open one. Open ones are looked for first: a hold moves from there to the
/// blocks in one write, never back.
pub(crate) fn hold(store: &impl ProjectionStore, id: HoldId) -> Result<Option<(Hold, bool)>, ReadError> {
    let key = open_hold_key(id);
    if let Some(bytes) = store.value(Family::State, &key)? {
        let hold = decode_open(id, &bytes).map_err(|error| ReadError::damaged(&key, error))?;
        return Ok(Some((hold, true)));
    }
    Ok(ended_hold(store, id)?.map(|hold| (hold, false)))
}

/// Reads a hold that lies under the key of an open one.
pub(crate) fn decode_open(id: HoldId, bytes: &[u8]) -> Result<Hold, DecodeError> {
    let hold = decode_hold(id, bytes)?;
    if hold.state == HoldState::Open {
        Ok(hold)
    } else {
        Err(DecodeError::Malformed(format!("an open hold that is {:?} (I6)", hold.state)))
    }
}

/// Looks through the blocks of the id's second, newest flush first: two seeks a flush at most.
fn ended_hold(store: &impl ProjectionStore, id: HoldId) -> Result<Option<Hold>, ReadError> {
    let second = second_of(id);
    let mut flushed = u64::MAX;
    loop {
        let mut found = Ok(None);
        let mut block = None;
        let from = BlockKey { second, flushed, first: id }.to_bytes();
        store.last_up_to(Family::Holds, &from, &mut |key, value| {
            block = BlockKey::from_bytes(key).filter(|block| block.second == second);
            if let Some(block) = block.filter(|block| block.first <= id) {
                let rows = Rows::read(&block, value);
                found = rows.and_then(|rows| rows.find(id)).map_err(|error| ReadError::damaged(key, error));
            }
        })?;
        let Some(block) = block else { return Ok(None) };
        assert!(block.second == second, "a search stays in the second of its id");
        assert!(block.first <= id || block.flushed < flushed, "each look goes further down");
        if let Some(hold) = found? {
            return Ok(Some(hold));
        }
        // A block that begins above the id is the last of an older flush: the right one of that flush is further down.
        let older = if block.first > id { Some(block.flushed) } else { block.flushed.checked_sub(1) };
        match older {
            Some(older) => {
                assert!(older <= flushed, "a search goes to older flushes");
                assert!(block.flushed <= flushed, "a block that was found is not above the one that was asked for");
                flushed = older;
            }
            None => return Ok(None),
        }
    }
}

/// Shows all values of a kind in the order of their ids.
pub(crate) fn all_of(
    store: &impl ProjectionStore,
    kind: KeyKind,
    mut show: impl FnMut(u128, &[u8]) -> Result<(), DecodeError>,
) -> Result<(), ReadError> {
    assert!(kind != KeyKind::EndedHolds, "ended holds lie in blocks");
    let mut before = None;
    let mut result = Ok(());
    store.scan(kind.family(), &[kind as u8], &mut |key, value| {
        if key.first() != Some(&(kind as u8)) {
            return ControlFlow::Break(());
        }
        let id = id_of(kind, key);
        assert!(id.is_none() || id > before, "every value is shown once, in the order of the ids");
        before = id;
        match id.ok_or_else(no_key).and_then(|id| show(id, value)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                result = Err(ReadError::damaged(key, error));
                ControlFlow::Break(())
            }
        }
    })?;
    result
}

/// Shows the holds of all blocks from `second` on, in the order of seconds and flushes: later ones are newer.
pub(crate) fn all_ended(
    store: &impl ProjectionStore,
    second: u64,
    mut show: impl FnMut(u64, HoldId, Hold),
) -> Result<(), ReadError> {
    all_blocks(store, second, |second, rows| {
        rows.all().try_for_each(|row| row.map(|(id, hold)| show(second, id, hold)))
    })
}

/// Shows all blocks from `second` on, as [`all_ended`].
pub(crate) fn all_blocks(
    store: &impl ProjectionStore,
    second: u64,
    mut show: impl FnMut(u64, &Rows<'_>) -> Result<(), DecodeError>,
) -> Result<(), ReadError> {
    let from = BlockKey { second, flushed: 0, first: HoldId(0) }.to_bytes();
    let mut before = None;
    let mut result = Ok(());
    store.scan(Family::Holds, &from, &mut |key, value| {
        if key.first() != Some(&(KeyKind::EndedHolds as u8)) {
            return ControlFlow::Break(());
        }
        assert!(key >= from.as_slice(), "a scan begins where it was asked to");
        let shown = BlockKey::from_bytes(key).ok_or_else(no_key).and_then(|block| {
            assert!(Some(block) > before, "I8: later flushes are shown later");
            before = Some(block);
            show(block.second, &Rows::read(&block, value)?)
        });
        match shown {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                result = Err(ReadError::damaged(key, error));
                ControlFlow::Break(())
            }
        }
    })?;
    result
}

/// A key of a kind that is longer or shorter than those: passing over it would end a scan before its time.
pub(crate) fn no_key() -> DecodeError {
    DecodeError::Malformed("a key of the projections".to_owned())
}

/// Puts everything that has changed into one write, the position with it, in the order of the keys of each family.
pub(crate) fn write(changes: &Changes, reached: &Reached, prune: Option<u64>, batch: &mut dyn BatchWriter) {
    assert!(reached.position > Position::NONE || prune.is_some(), "what is written was reached");
    assert!(changes.ended.is_indexed(), "I4: what is written is whole groups");
    let mut bytes = Vec::with_capacity(512);
    let mut put = |key: &[u8], encode: &dyn Fn(&mut Vec<u8>), batch: &mut dyn BatchWriter| {
        bytes.clear();
        encode(&mut bytes);
        assert!(bytes.len() <= ROW_BYTES_MAX, "I9: a row that no start could read is not written");
        batch.put(Family::State, key, &bytes);
    };
    put(&[KeyKind::Reached as u8], &|out| reached.encode(out), batch);
    if let Some(bound) = &changes.id_bound {
        put(&[KeyKind::IdBound as u8], &|out| bound.encode(out), batch);
    }
    if let Some(policies) = &changes.policies {
        put(&[KeyKind::Policies as u8], &|out| policies.encode(out), batch);
    }
    for (account, row) in changes.rows.in_order() {
        batch.put(Family::State, &wallet_key(account), row);
    }
    for (id, open) in open_and_closed(changes) {
        let Some(open) = open else {
            batch.delete(Family::State, &open_hold_key(id));
            continue;
        };
        assert!(open.hold.state == HoldState::Open, "I6: what has ended is no open hold");
        assert!(open.hold.last_position.0 <= reached.position.0, "I4: a hold rests on what was reached");
        put(&open_hold_key(id), &|out| encode_hold(id, &open.hold, out), batch);
    }
    for (key, row) in sorted(&changes.commands) {
        assert!(row.position.0 <= reached.position.0, "I4: a row rests on what was reached");
        put(&command_key(key), &|out| row.encode(out), batch);
    }
    if let Some(before) = prune {
        // Second 0 has the ids without a time, which cannot be told apart by age.
        let from = BlockKey { second: 1, flushed: 0, first: HoldId(0) }.to_bytes();
        let to = BlockKey { second: before.max(1), flushed: 0, first: HoldId(0) }.to_bytes();
        assert!(from <= to, "ids without a time stay");
        batch.delete_range(Family::Holds, &from, &to);
    }
    write_blocks(&changes.ended.in_order(), reached.position.0, |key, value| {
        batch.put(Family::Holds, &key.to_bytes(), value)
    });
}

/// Open holds to write, and those to remove, in the order of their ids.
fn open_and_closed(changes: &Changes) -> Vec<(HoldId, Option<&OpenHold>)> {
    let mut holds: Vec<_> = changes.open.in_order().into_iter().map(|(id, open)| (id, Some(open))).collect();
    holds.extend(changes.closed.iter().map(|id| (*id, None)));
    // Stable, and fast where most are in order.
    holds.sort_by_key(|(id, _)| *id);
    assert!(holds.is_sorted_by(|(one, _), (other, _)| one < other), "I6: what has ended is no open hold");
    holds
}

/// The same changes make the same writes in the same order.
fn sorted<K: Copy + Ord, V>(map: &foldhash::HashMap<K, V>) -> Vec<(K, &V)> {
    let mut entries: Vec<_> = map.iter().map(|(key, value)| (*key, value)).collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    assert!(entries.is_sorted_by(|(one, _), (other, _)| one < other), "every key is written once");
    assert!(entries.len() == map.len(), "every entry is written");
    entries
}
