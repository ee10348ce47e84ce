//! What a start loads, part by part: the parts of the store do not rest on each other, so that each may have a thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use wallet::hold::Hold;
use wallet::ids::{AccountId, HoldId, Position as Place, Timestamp};
use wallet::record::FreePolicy;
use wallet::row::Row;

use super::disk::{self, ReadError};
use super::keys::KeyKind;
use super::rows;
use super::shelf::Shelf;
use super::store::ProjectionStore;

/// One thing that a start loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// A journaled allowance.
    Policy(FreePolicy),
    /// The bound of forgotten ids.
    IdBound(Timestamp),
    /// A wallet.
    Wallet(Row),
    /// An open hold.
    Hold(HoldId, Hold),
    /// An ended one whose own time is not below the id bound.
    Ended(EndedHold),
}

/// What memory keeps of a hold that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedHold {
    /// The hold.
    pub id: HoldId,
    /// Its last record.
    pub last_position: Place,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// A store of which everything is flushed, and its rows where they are in memory.
#[derive(Debug)]
pub struct Loading<'a, S> {
    store: &'a S,
    shelf: Option<&'a Shelf>,
    /// The part of the wallets that is shown next.
    part: AtomicUsize,
}

impl<'a, S: ProjectionStore> Loading<'a, S> {
    pub(crate) const fn new(store: &'a S, shelf: Option<&'a Shelf>) -> Self {
        Self { store, shelf, part: AtomicUsize::new(0) }
    }

    /// Policies and the id bound.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn head(&self, show: &mut dyn FnMut(Loaded)) -> Result<(), ReadError> {
        disk::policies(self.store)?.all().iter().for_each(|policy| show(Loaded::Policy(*policy)));
        show(Loaded::IdBound(disk::id_bound(self.store)?));
        Ok(())
    }

    /// All wallets: each is shown once, to one of the threads that ask.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn wallets(&self, show: &mut dyn FnMut(Loaded)) -> Result<(), ReadError> {
        // Relaxed: each number is handed out once, and what is shown was there before.
        let next = || self.part.fetch_add(1, Ordering::Relaxed);
        if let Some(shelf) = self.shelf {
            while let Some(mut rows) = shelf.part(next()) {
                rows.try_for_each(|row| row.map(|row| show(Loaded::Wallet(row))))?;
            }
            return Ok(());
        }
        if next() > 0 {
            return Ok(());
        }
        disk::all_of(self.store, KeyKind::Wallet, |account, row| {
            show(Loaded::Wallet(rows::decode_row(AccountId(account), row)?));
            Ok(())
        })
    }

    /// Open holds.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open_holds(&self, show: &mut dyn FnMut(Loaded)) -> Result<(), ReadError> {
        disk::all_of(self.store, KeyKind::OpenHold, |id, hold| {
            let id = HoldId(id);
            show(Loaded::Hold(id, disk::decode_open(id, hold)?));
            Ok(())
        })
    }

    /// Ended holds whose own time is not below the id bound. One second at a time, because a hold may be in several blocks
    /// of its second.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn ended_holds(&self, show: &mut dyn FnMut(Loaded)) -> Result<(), ReadError> {
        let bound: Timestamp = disk::id_bound(self.store)?;
        let mut of_second: Vec<EndedHold> = Vec::new();
        let mut second = 0;
        disk::all_blocks(self.store, bound.seconds(), |of, rows| {
            if of != second {
                assert!(of > second, "a second is over when the next begins: each hold is shown once");
                second = of;
                show_newest(&mut of_second, show);
            }
            for row in rows.heads() {
                let (id, (last_position, ended_at)) = row?;
                if id.own_time().unwrap_or_default() >= bound {
                    of_second.push(EndedHold { id, last_position, ended_at });
                }
            }
            Ok(())
        })?;
        show_newest(&mut of_second, show);
        Ok(())
    }
}

/// Each hold in its newest form: of equal ids the one that came last.
fn show_newest(holds: &mut Vec<EndedHold>, show: &mut dyn FnMut(Loaded)) {
    // Stable, and fast where the blocks of each flush are in order.
    holds.sort_by_key(|hold| hold.id);
    for forms in holds.chunk_by(|one, next| one.id == next.id) {
        if let Some(newest) = forms.last() {
            show(Loaded::Ended(*newest));
        }
    }
    holds.clear();
}

#[cfg(test)]
mod tests;
