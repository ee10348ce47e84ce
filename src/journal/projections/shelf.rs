//! All rows of wallets as the store has them, encoded, in memory: for a start with much journal behind the projections.
//!
//! Row by row, the store costs several microseconds each; read in order it shows millions a second. The memory is in
//! proportion to the wallets (I9), and given back once they are loaded (decision 0020). A row that changes is looked up among
//! the changes first, and comes back here when it has been flushed.

use std::hash::BuildHasher;
use std::ops::ControlFlow;

use foldhash::fast::RandomState;
use wallet::ids::AccountId;
use wallet::row::Row;

use super::disk::{self, ReadError};
use super::flush::Flushing;
use super::keys::{KeyKind, id_of, wallet_key};
use super::rows::Stored;
use super::store::{Family, ProjectionStore};
use crate::keys::Position;

const SLOTS_MIN: usize = 1024;
/// Bytes of a piece: rows stand in pieces that never move.
const PIECE_BYTES: usize = 1 << 20;
/// Of rows: 4 GiB, some fifty million wallets.
const PIECES_MAX: usize = 4096;

/// The rows.
#[derive(Debug)]
pub struct Shelf {
    /// The last record that they show.
    pub(crate) reached: Position,
    entries: Vec<Entry>,
    pieces: Vec<Vec<u8>>,
    /// Which entry, counted from 1; 0 for none. A power of two; at least half of them are empty.
    slots: Vec<u32>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    account: AccountId,
    piece: u32,
    start: u32,
    length: u32,
}

impl Shelf {
    fn new() -> Self {
        let (entries, pieces, slots) = (Vec::new(), Vec::new(), vec![0; SLOTS_MIN]);
        Self { reached: Position::NONE, entries, pieces, slots, hasher: RandomState::default() }
    }

    /// Reads all rows of a store that nothing is written to meanwhile. `None`: they take more memory than a start should.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(store: &impl ProjectionStore) -> Result<Option<Self>, ReadError> {
        let mut shelf = Self { reached: disk::reached(store)?.position, ..Self::new() };
        let mut result = Ok(());
        store.scan(Family::State, &[KeyKind::Wallet as u8], &mut |key, bytes| {
            if key.first() != Some(&(KeyKind::Wallet as u8)) || shelf.pieces.len() > PIECES_MAX {
                return ControlFlow::Break(());
            }
            match id_of(KeyKind::Wallet, key) {
                Some(account) => shelf.add(AccountId(account), bytes),
                None => result = Err(ReadError::damaged(key, disk::no_key())),
            }
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        result?;
        Ok((shelf.pieces.len() <= PIECES_MAX).then_some(shelf))
    }

    /// Takes in what was flushed, so that the shelf has what the store has; `flushed` says how far that must be at least.
    pub(crate) fn follow(&mut self, written: Option<&Flushing>, flushed: Position) {
        if let Some(written) = written.filter(|written| written.reached.position > self.reached) {
            written.changes.rows.values().for_each(|row| self.put(row));
            self.reached = written.reached.position;
        }
        assert!(self.reached >= flushed, "I8: no row is older than the store's");
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A row.
    pub(crate) fn row(&self, account: AccountId) -> Result<Option<Row>, ReadError> {
        let Ok(entry) = self.find(account) else { return Ok(None) };
        self.decoded(&self.entries[entry]).map(Some)
    }

    /// All rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row, ReadError>> + use<'_> {
        self.entries.iter().map(|entry| self.decoded(entry))
    }

    /// Takes in a row as it was flushed.
    fn put(&mut self, row: &Row) {
        let mut bytes = Vec::with_capacity(256);
        row.encode(&mut bytes);
        self.put_bytes(row.account, &bytes);
    }

    fn put_bytes(&mut self, account: AccountId, bytes: &[u8]) {
        let Ok(known) = self.find(account) else { return self.add(account, bytes) };
        let Entry { piece, start, length, .. } = self.entries[known];
        if index(length) < bytes.len() {
            // The bytes of the earlier form are left behind, until the shelf goes.
            self.entries[known] = self.written(account, bytes);
            return;
        }
        self.pieces[index(piece)][index(start)..][..bytes.len()].copy_from_slice(bytes);
        self.entries[known].length = number(bytes.len());
    }

    fn add(&mut self, account: AccountId, bytes: &[u8]) {
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let slot = match self.find(account) {
            Ok(_) => unreachable!("an account has one row"),
            Err(slot) => slot,
        };
        let entry = self.written(account, bytes);
        self.entries.push(entry);
        self.slots[slot] = number(self.entries.len());
        assert!(self.entries.len() * 2 <= self.slots.len(), "a search ends at an empty slot");
    }

    fn written(&mut self, account: AccountId, bytes: &[u8]) -> Entry {
        if self.pieces.last().is_none_or(|piece| piece.len() + bytes.len() > PIECE_BYTES) {
            self.pieces.push(Vec::with_capacity(PIECE_BYTES.max(bytes.len())));
        }
        let piece = self.pieces.len() - 1;
        let start = self.pieces[piece].len();
        self.pieces[piece].extend_from_slice(bytes);
        Entry { account, piece: number(piece), start: number(start), length: number(bytes.len()) }
    }

    fn decoded(&self, entry: &Entry) -> Result<Row, ReadError> {
        let bytes = &self.pieces[index(entry.piece)][index(entry.start)..][..index(entry.length)];
        Row::decode(bytes).map_err(|error| ReadError::damaged(&wallet_key(entry.account), error))
    }

    /// The entry of an account, or the slot that is free for it.
    fn find(&self, account: AccountId) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut at = usize::try_from(self.hasher.hash_one(account)).unwrap_or(usize::MAX) & mask;
        loop {
            let Some(entry) = index(self.slots[at]).checked_sub(1) else { return Err(at) };
            if self.entries[entry].account == account {
                return Ok(entry);
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        assert!(self.slots.len().is_power_of_two(), "the slots' number is a mask");
        self.slots = vec![0; self.slots.len() * 2];
        for entry in 0..self.entries.len() {
            let slot = self.find(self.entries[entry].account).expect_err("no account is there twice");
            self.slots[slot] = number(entry + 1);
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a partition has fewer wallets, and a piece fewer bytes")
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
