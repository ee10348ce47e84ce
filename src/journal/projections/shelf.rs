//! All rows of wallets as the projector has flushed them or is about to, encoded, in memory: for a start with much journal
//! behind the projections.
//!
//! Row by row, the store costs several microseconds each; read in order it shows millions a second. The memory is in
//! proportion to the wallets (I9), and given back once they are loaded (decision 0020). A row that has changed is looked up
//! in the projector's own table first, and comes back here when a flush of it begins.

use std::hash::BuildHasher;
use std::ops::ControlFlow;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use wallet::ids::AccountId;
use wallet::row::Row;

use super::chapters::Chapters;
use super::disk::{self, ReadError};
use super::keys::{KeyKind, id_of, wallet_key};
use super::pieces::{Pieces, Span};
use super::rows::decode_row;
use super::store::{Family, ProjectionStore};
use crate::codec::{DecodeError, ROW_BYTES_MAX};
use crate::keys::Position;

/// Of a megabyte each: 4 GiB, some thirty million wallets.
const PIECES_MAX: usize = 4096;
/// The rows.
#[derive(Debug)]
pub struct Shelf {
    /// The last record that they show.
    pub(crate) reached: Position,
    /// In the order of the store, and then as the accounts were opened.
    entries: Chapters<Entry>,
    rows: Pieces,
    /// Which entry an account has; made at once, when their number is known.
    slots: HashTable<EntryNumber>,
    hasher: RandomState,
}

/// The number of an entry, which it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryNumber(u32);

impl EntryNumber {
    fn place(self) -> usize {
        usize::try_from(self.0).expect("a place in memory")
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    account: AccountId,
    row: Span,
}

impl Shelf {
    fn new(reached: Position) -> Self {
        let (entries, rows, slots) = (Chapters::default(), Pieces::default(), HashTable::new());
        Self { reached, entries, rows, slots, hasher: RandomState::default() }
    }

    /// Reads all rows of a store that nothing is written to meanwhile. `None`: they take more memory than a start should.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(store: &impl ProjectionStore) -> Result<Option<Self>, ReadError> {
        let mut shelf = Self::new(disk::reached(store)?.position);
        let mut result = Ok(());
        store.scan(Family::State, &[KeyKind::Wallet as u8], &mut |key, bytes| {
            if key.first() != Some(&(KeyKind::Wallet as u8)) || shelf.rows.count() > PIECES_MAX {
                return ControlFlow::Break(());
            }
            match id_of(KeyKind::Wallet, key) {
                Some(account) if bytes.is_empty() || bytes.len() > ROW_BYTES_MAX => {
                    let what = format!("the row of {} has {} bytes", AccountId(account), bytes.len());
                    result = Err(ReadError::damaged(key, DecodeError::Malformed(what)));
                }
                Some(account) => {
                    let before = shelf.entries.last().map(|entry| entry.account.0);
                    assert!(before < Some(account), "every account is shown once, in the order of the accounts");
                    let row = shelf.rows.add(|out| out.extend_from_slice(bytes));
                    shelf.entries.push(Entry { account: AccountId(account), row });
                }
                None => result = Err(ReadError::damaged(key, disk::no_key())),
            }
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        result?;
        shelf.index();
        Ok((shelf.rows.count() <= PIECES_MAX).then_some(shelf))
    }

    /// Finds all entries a slot, when they have been read in order: no account is there twice.
    fn index(&mut self) {
        assert!(self.slots.is_empty(), "the slots are made once");
        let hash = |account| self.hasher.hash_one(account);
        self.slots.reserve(self.entries.len(), |_| unreachable!("an empty table moves nothing"));
        for (entry, number) in self.entries.iter().zip(0..) {
            self.slots.insert_unique(hash(entry.account), EntryNumber(number), |_| {
                unreachable!("there is room for every entry")
            });
        }
        assert!(self.slots.len() == self.entries.len(), "every entry has a slot");
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of an entry.
    pub(crate) fn at(&self, entry: EntryNumber) -> Result<Row, ReadError> {
        self.decoded(self.entries.at(entry.place()))
    }

    /// A part of the rows, counted from 0; nothing where there are no more.
    pub(crate) fn part(&self, number: usize) -> Option<impl Iterator<Item = Result<Row, ReadError>>> {
        self.entries.chapter(number).map(|chapter| chapter.iter().map(|entry| self.decoded(entry)))
    }

    /// Looks at rows one after another: the processor fetches them from memory at the same time.
    pub(crate) fn warm(&self, accounts: impl Iterator<Item = AccountId>) {
        let seen = |account| {
            let bytes = self.rows.bytes(self.entries.at(self.find(account)?.place()).row);
            Some(bytes.first().copied().unwrap_or(0) | bytes.last().copied().unwrap_or(0))
        };
        std::hint::black_box(accounts.filter_map(seen).fold(0, |all, part| all | part));
    }

    /// Takes in a row as it is flushed, into its entry where that is known.
    pub(crate) fn put(&mut self, account: AccountId, entry: Option<EntryNumber>, bytes: &[u8]) {
        let Some(known) = entry.or_else(|| self.find(account)) else { return self.add(account, bytes) };
        let entry = self.entries.at_mut(known.place());
        assert!(entry.account == account, "an account keeps its entry");
        entry.row = if entry.row.length() < bytes.len() {
            // The bytes of the earlier form are left behind, until the shelf goes.
            self.rows.add(|out| out.extend_from_slice(bytes))
        } else {
            self.rows.replace(entry.row, bytes)
        };
        assert!(entry.row.length() == bytes.len(), "I8: an entry has the newest form of its row");
    }

    fn add(&mut self, account: AccountId, bytes: &[u8]) {
        let Self { entries, slots, hasher, .. } = self;
        let number = EntryNumber(u32::try_from(entries.len()).expect("a partition has fewer wallets"));
        entries.push(Entry { account, row: self.rows.add(|out| out.extend_from_slice(bytes)) });
        let hash = |number: &EntryNumber| hasher.hash_one(entries.at(number.place()).account);
        slots.insert_unique(hash(&number), number, hash);
        assert!(slots.len() == entries.len(), "every entry has a slot");
    }

    fn decoded(&self, entry: &Entry) -> Result<Row, ReadError> {
        let Entry { account, row } = *entry;
        decode_row(account, self.rows.bytes(row)).map_err(|error| ReadError::damaged(&wallet_key(account), error))
    }

    /// The entry of an account.
    pub(crate) fn find(&self, account: AccountId) -> Option<EntryNumber> {
        let same = |number: &EntryNumber| self.entries.at(number.place()).account == account;
        self.slots.find(self.hasher.hash_one(account), same).copied()
    }
}

#[cfg(test)]
mod tests;
