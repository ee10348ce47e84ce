//! The projections: what the journal says, as rows that can be read and loaded. Derived, and carrying the position that
//! they have reached; the journal stays the truth.
//!
//! One [`Projector`] follows the durable position group by group and changes rows in memory by
//! [`wallet::ledger::apply`], the same path as in the simulation (I8). Every half minute or 32 MiB of journal ([`Options`])
//! the changed rows go to the store, in one write with the position ([`Flush`]): position and data cannot part, and a crash
//! takes the projections back to an earlier flush, from which the journal is applied again. [`Archive`] reads from any thread.
//!
//! `state` has wallets, open holds, commands, policies and the id bound: what a start loads. `holds` has ended holds in
//! sorted blocks ([`blocks`]). The store ([`store`]) has two forms, [`rocks`] and [`memory`].

mod about;
mod ahead;
mod archive;
mod audit;
pub mod blocks;
mod books;
mod bulk;
mod chapters;
mod decoded;
pub(crate) mod disk;
mod ended;
mod fit;
mod flush;
mod keys;
mod loading;
pub mod memory;
mod open;
mod options;
mod packed;
mod pieces;
mod reread;
#[cfg(feature = "rocks")]
pub mod rocks;
pub(crate) mod rows;
mod shelf;
pub mod store;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use wallet::audit::check_row;
use wallet::ids::{AccountId, Position as Place};
use wallet::ledger::{self, LedgerError};
use wallet::record::Record;
use wallet::row::Row;

pub use archive::{Archive, Violation};
pub use audit::{Audited, Pace, audit};
pub use bulk::write_rows;
pub use decoded::DecodedGroup;
pub use disk::ReadError;
pub use fit::{OpenError, check_fit, reached};
pub use flush::Flush;
pub use keys::KeyKind;
#[cfg(test)]
pub(crate) use keys::{id_key, open_hold_key, wallet_key};
pub use loading::{EndedHold, Loaded, Loading};
pub use memory::MemoryProjections;
pub use options::Options;
pub use reread::reread;
#[cfg(feature = "rocks")]
pub use rocks::RocksProjections;
pub use rows::Reached;
pub use shelf::Shelf;
pub use store::{BatchWriter, Family, Frozen, ProjectionStore, StoreError};

use crate::caught::caught;
use crate::codec::DecodeError;
use crate::group::Group;
use crate::keys::Position;
use about::{new_hold, settled_hold};
use ahead::{Ahead, warm};
use archive::Shared;
use books::{Changes, Clean, Open, View};
use flush::Flushing;
use packed::PackedRows;
use table::Table;

/// Records that are applied under one lock: how long a reader waits at most.
const CHUNK_RECORDS: usize = 64;

const _: () = assert!(CHUNK_RECORDS > 0, "each chunk has records");
const _: () = assert!(OVERDUE_FLUSHES > 0, "a flush that is overdue is due: who waits for it begins it");
/// Flushes that what is not flushed may come to before nothing more is applied; as much again may be on its way.
const OVERDUE_FLUSHES: usize = 2;

/// Why a record cannot be applied. The projector stops there for good: it neither applies nor flushes any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Records are missing.
    #[error("the projections want position {expected} next, and were given {found}")]
    Gap {
        /// What is next.
        expected: Position,
        /// What came.
        found: Position,
    },
    /// A record cannot be read.
    #[error("position {position}: {error}")]
    Record {
        /// Its position.
        position: Position,
        /// What is wrong.
        error: DecodeError,
    },
    /// A record does not fit the rows.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A record breaks an invariant outright.
    #[error("position {position}: {what}")]
    Broken {
        /// Its position.
        position: Position,
        /// The message of the assertion.
        what: String,
    },
    /// The rows cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Adds the next record, if it is one of the wallets', and says where it is: a record is large to be handed on by value.
type NextRecord<'a> = dyn FnMut(&mut Vec<(Position, Record)>) -> Result<Option<Position>, ApplyError> + 'a;

/// How many records a store of projections is behind the end of its journal.
///
/// # Errors
/// [`ReadError`].
pub fn behind(store: &impl ProjectionStore, journal_end: Position) -> Result<u64, ReadError> {
    Ok(journal_end.0.saturating_sub(disk::reached(store)?.position.0))
}

/// Follows the journal. One thread owns it.
pub struct Projector<S> {
    shared: Arc<Shared<S>>,
    options: Options,
    clean: Clean,
    /// The memory of changes that were flushed.
    spare: Option<Changes>,
    reached: Reached,
    next: Position,
    unflushed_bytes: usize,
    prune: Option<u64>,
    stopped: Option<ApplyError>,
    touched: Vec<AccountId>,
    chunk: Vec<(Position, Record)>,
    ahead: Ahead,
}

impl<S: ProjectionStore> Projector<S> {
    /// Opens the projections of a journal that ends at `journal_end`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(store: S, options: Options, journal_end: Position) -> Result<Self, OpenError> {
        assert!(
            options.flush_bytes > 0,
            "I9: who waits for a flush that is overdue waits for one that takes something"
        );
        let reached = disk::reached(&store)?;
        if reached.position > journal_end {
            return Err(OpenError::Ahead { reached: reached.position, journal: journal_end });
        }
        let view = View {
            rows: Table::new(options.cached_rows_max),
            changes: Changes::new(),
            flushing: None,
            policies: disk::policies(&store)?,
            id_bound: disk::id_bound(&store)?,
        };
        let shared = Shared {
            store,
            view: RwLock::new(view),
            flushed_changes: Mutex::new(None),
            flush_out: AtomicBool::new(false),
            reached: AtomicU64::new(reached.position.0),
            flushed: AtomicU64::new(reached.position.0),
            violations: std::array::from_fn(|_| AtomicU64::new(0)),
            first_violation: Mutex::new(None),
        };
        let projector = Self {
            shared: Arc::new(shared),
            options,
            clean: Clean::new(options.cached_holds_max),
            spare: None,
            reached,
            next: reached.position.next(),
            unflushed_bytes: 0,
            prune: None,
            stopped: None,
            touched: Vec::new(),
            chunk: Vec::with_capacity(CHUNK_RECORDS),
            ahead: Ahead::default(),
        };
        projector.assert_in_step();
        Ok(projector)
    }

    /// I4, between two calls: flushed, whole groups, single records, in this order.
    fn assert_in_step(&self) {
        let flushed = self.shared.flushed.load(Ordering::Acquire);
        let applied = self.shared.reached.load(Ordering::Acquire);
        assert!(flushed <= self.reached.position.0, "what is flushed was reached");
        assert!(self.reached.position < self.next, "what was reached is not wanted again");
        assert!(applied == self.next.before().0, "what readers see is what was applied");
        assert!(self.stopped.is_some() || applied >= self.reached.position.0, "a group was applied when it is reached");
    }

    /// The reading side.
    #[must_use]
    pub fn archive(&self) -> Archive<S> {
        Archive { shared: Arc::clone(&self.shared) }
    }

    /// The record that is wanted next.
    #[must_use]
    pub const fn next(&self) -> Position {
        self.next
    }

    /// The end of the last group that was applied: position, epoch and hash.
    #[must_use]
    pub const fn reached(&self) -> Reached {
        self.reached
    }

    /// Applies a group that is durable, no earlier than the one that was reached. Records that were applied before are skipped.
    ///
    /// # Errors
    /// [`ApplyError`]; from then on always the same.
    pub fn apply(&mut self, group: &Group<'_>) -> Result<(), ApplyError> {
        let header = group.header();
        let end = Reached { position: group.last(), epoch: header.epoch, hash: group.hash() };
        let mut bytes = 0;
        let mut records = group.records_from(self.next);
        let mut seen = self.next.before();
        let mut next = |chunk: &mut Vec<(Position, Record)>| {
            let Some((position, record)) = records.next() else {
                return if seen < end.position { Err(decoded::missing(seen.next())) } else { Ok(None) };
            };
            seen = position;
            bytes += record.len();
            chunk.extend(decoded::read(position, record)?);
            Ok(Some(position))
        };
        self.apply_all(header.first, end, |projector| projector.apply_chunks(&mut next))?;
        assert!(bytes <= crate::group::BODY_BYTES_MAX, "I9: a group has a limit");
        self.unflushed_bytes = self.unflushed_bytes.saturating_add(bytes);
        Ok(())
    }

    /// Applies a group that was decoded, as [`Self::apply`] does.
    ///
    /// # Errors
    /// [`ApplyError`]; from then on always the same.
    pub fn apply_decoded(&mut self, group: &DecodedGroup) -> Result<(), ApplyError> {
        let end = group.end();
        assert!(group.first() > Position::NONE, "a group was read before it is applied");
        assert!(end.position >= group.first(), "I4: a group ends with a record of its own");
        let next = self.next;
        self.apply_all(group.first(), end, |projector| {
            for records in group.records_from(next).chunks(CHUNK_RECORDS) {
                let Some((last, _)) = records.last() else { break };
                assert!(*last <= end.position, "I4: no record of a group comes after its end");
                projector.apply_chunk(records)?;
                projector.note_applied(*last);
            }
            // Records that change no wallet may end a group.
            if projector.next <= end.position {
                projector.note_applied(end.position);
            }
            Ok(())
        })?;
        self.unflushed_bytes = self.unflushed_bytes.saturating_add(group.bytes());
        Ok(())
    }

    /// Applies decoded records, the first of which is at `first` and the last of which is at `end`.
    ///
    /// # Errors
    /// [`ApplyError`]; from then on always the same.
    pub fn apply_group(&mut self, first: Position, records: &[Record], end: Reached) -> Result<(), ApplyError> {
        assert!(first > Position::NONE, "the first record is 1");
        let positions = std::iter::successors(Some(first), |position| Some(position.next()));
        let next = self.next;
        let mut records = positions.zip(records).skip_while(|(position, _)| *position < next);
        let mut next = |chunk: &mut Vec<(Position, Record)>| {
            let Some((position, record)) = records.next() else { return Ok(None) };
            chunk.push((position, record.clone()));
            Ok(Some(position))
        };
        self.apply_all(first, end, |projector| projector.apply_chunks(&mut next))
    }

    fn apply_all(
        &mut self,
        first: Position,
        end: Reached,
        apply: impl FnOnce(&mut Self) -> Result<(), ApplyError>,
    ) -> Result<(), ApplyError> {
        if let Some(stopped) = &self.stopped {
            return Err(stopped.clone());
        }
        self.take_back_flushed();
        let applied = match self.next {
            expected if first > expected => Err(ApplyError::Gap { expected, found: first }),
            _ => apply(self),
        };
        match &applied {
            Ok(()) if self.next > end.position => {
                assert!(end.position >= self.reached.position, "what was reached never goes back");
                self.reached = end;
            }
            Ok(()) => {}
            Err(error) => self.stopped = Some(error.clone()),
        }
        self.assert_in_step();
        applied
    }

    fn apply_chunks(&mut self, records: &mut NextRecord<'_>) -> Result<(), ApplyError> {
        loop {
            let mut chunk = std::mem::take(&mut self.chunk);
            chunk.clear();
            let mut last = None;
            while chunk.len() < CHUNK_RECORDS
                && let Some(position) = records(&mut chunk)?
            {
                last = Some(position);
            }
            let Some(last) = last else { return Ok(()) };
            assert!(chunk.last().is_none_or(|(position, _)| *position <= last), "I4: records come in their order");
            self.apply_chunk(&chunk)?;
            self.note_applied(last);
            self.chunk = chunk;
        }
    }

    fn note_applied(&mut self, last: Position) {
        assert!(last >= self.next, "a record is applied once");
        assert!(last.next() > self.next, "I4: what is wanted next only rises");
        self.next = last.next();
        self.shared.reached.store(last.0, Ordering::Release);
    }

    /// Applies records under the lock that readers wait for.
    fn apply_chunk(&mut self, chunk: &[(Position, Record)]) -> Result<(), ApplyError> {
        assert!(chunk.len() <= CHUNK_RECORDS, "I9: readers wait for so many records");
        let Self { shared, options, clean, touched, ahead, .. } = self;
        let mut at = Position::NONE;
        let applied = caught(|| {
            // The shelf has all rows, in memory.
            if clean.shelf.is_none() {
                ahead.read(&shared.store, &shared.view, chunk)?;
            }
            let mut view = shared.view.write();
            ahead.take(&mut view.rows);
            // It stays: a flush that ends waits for the lock.
            let flushed = Position(shared.flushed.load(Ordering::Acquire));
            if let Some(shelf) = &clean.shelf {
                assert!(shelf.reached >= flushed, "I8: no row is older than the store's");
            }
            warm(&view.rows, clean.shelf.as_ref(), chunk);
            view.changes.open.warm(chunk.iter().filter_map(|(_, record)| settled_hold(record)));
            for (position, record) in chunk.iter() {
                assert!(*position > at, "I4: records are applied in their order");
                at = *position;
                touched.clear();
                let new_hold = if options.check_new_ids { None } else { new_hold(record) };
                let store = &shared.store;
                let mut books = Open { view: &mut view, clean, store, new_hold, touched, held: None, failure: None };
                let applied = ledger::apply(&mut books, Place(position.0), record);
                if let Some(failure) = books.failure {
                    return Err(ApplyError::Read(failure));
                }
                applied?;
                books.put_hold_back();
                if let Record::Policy(_) = record {
                    view.changes.policies = Some(view.policies.clone());
                }
                if options.check_each_record {
                    let rows = touched.iter().filter_map(|account| view.rows.row(*account));
                    check_rows(shared, rows, at);
                }
            }
            let position = Place(at.0);
            Ok(view.changes.ended.index().map_err(|hold| LedgerError::HoldExists { position, hold })?)
        });
        applied.unwrap_or_else(|what| Err(ApplyError::Broken { position: at, what }))
    }

    /// Whether it is time to flush, so many milliseconds after the last flush.
    #[must_use]
    pub fn flush_due(&self, since_ms: u64) -> bool {
        self.assert_in_step();
        let interval = self.options.flush_interval_ms.min(Options::FLUSH_INTERVAL_MS_MAX);
        let behind = self.reached.position.0 > self.shared.flushed.load(Ordering::Acquire);
        behind && (since_ms >= interval || self.fills(1))
    }

    /// Whether so much was applied since the last flush began that the next must come first: what is not flushed has a
    /// limit, however slow flushes are (I9).
    #[must_use]
    pub fn flush_is_overdue(&self) -> bool {
        self.fills(OVERDUE_FLUSHES)
    }

    /// Whether what is not flushed is as much as so many flushes: bytes of journal, or rows, of which a packed roll changes
    /// many with few bytes.
    fn fills(&self, flushes: usize) -> bool {
        let bytes = self.options.flush_bytes.min(Options::FLUSH_BYTES_MAX);
        let rows = self.shared.view.read().rows.changed().len();
        assert!(self.options.changed_rows_max > 0, "I9: a flush has room for a row");
        self.unflushed_bytes >= bytes.saturating_mul(flushes)
            || rows >= self.options.changed_rows_max.saturating_mul(flushes)
    }

    /// Bytes of journal that were applied since the last flush began.
    #[must_use]
    pub const fn unflushed_bytes(&self) -> usize {
        self.unflushed_bytes
    }

    /// Swaps the changes out, to be written by [`Flush::write`] on any thread. `None`: another flush is still being
    /// written, the projector has stopped, or there is nothing to flush.
    pub fn begin_flush(&mut self) -> Option<Flush<S>> {
        if self.stopped.is_some() || self.shared.flush_out.load(Ordering::Acquire) {
            return None;
        }
        self.take_back_flushed();
        self.assert_in_step();
        // An earlier flush that failed comes first.
        let failed = self.shared.view.read().flushing.clone();
        let flushing = match failed {
            Some(failed) => failed,
            None => self.take_changes()?,
        };
        assert!(flushing.reached.position <= self.reached.position, "I4: what is flushed was reached");
        let flushed = self.shared.flushed.load(Ordering::Acquire);
        assert!(flushing.reached.position.0 >= flushed, "I4: what a start finds never goes back");
        let out = self.shared.flush_out.swap(true, Ordering::AcqRel);
        assert!(!out, "there is one flush at a time");
        Some(Flush { shared: Arc::clone(&self.shared), flushing })
    }

    /// Takes out what has changed since the last flush began. `None`: nothing has.
    fn take_changes(&mut self) -> Option<Flushing> {
        let nothing = self.reached.position.0 == self.shared.flushed.load(Ordering::Acquire);
        // Between groups only: the position that is written is that of a whole group.
        if (nothing && self.prune.is_none()) || self.next != self.reached.position.next() {
            return None;
        }
        let mut next = self.spare.take().unwrap_or_else(Changes::new);
        next.assert_empty();
        let rows = self.pack_rows(std::mem::take(&mut next.rows));
        let mut view = self.shared.view.write();
        assert!(view.flushing.is_none(), "there is one flush at a time");
        assert!(rows.len() == view.rows.changed().len(), "I8: every row that has changed is flushed, once");
        view.rows.begin_flush();
        let changes = std::mem::replace(&mut view.changes, next);
        let changes = Arc::new(Changes { rows, ..changes });
        let flushing = Flushing { changes, reached: self.reached, prune: self.prune.take() };
        self.unflushed_bytes = 0;
        view.flushing = Some(flushing.clone());
        Some(flushing)
    }

    /// Checks the rows that have changed and packs them. Readers go on meanwhile: nobody but this thread changes rows.
    fn pack_rows(&mut self, mut packed: PackedRows) -> PackedRows {
        assert!(packed.is_empty(), "what was flushed was taken over");
        let view = self.shared.view.read();
        for slots in view.rows.changed().chunks(CHUNK_RECORDS) {
            view.rows.warm(slots.iter().copied());
            for slot in slots {
                let row = view.rows.at(*slot);
                if !self.options.check_each_record {
                    check_rows(&self.shared, std::iter::once(row), self.reached.position);
                }
                let bytes = packed.add(row);
                if let Some(shelf) = &mut self.clean.shelf {
                    shelf.put(row.account, view.rows.on_shelf(*slot), bytes);
                }
            }
        }
        if let Some(shelf) = &mut self.clean.shelf {
            shelf.reached = self.reached.position;
        }
        packed
    }

    /// Flushes everything that was applied, on this thread.
    ///
    /// # Errors
    /// [`StoreError`]; it may be tried again.
    pub fn flush(&mut self) -> Result<Position, StoreError> {
        while let Some(flush) = self.begin_flush() {
            flush.write()?;
        }
        let flushed = self.archive().flushed();
        assert!(flushed <= self.reached.position, "I4: what is flushed was reached");
        self.assert_in_step();
        Ok(flushed)
    }

    /// Lets the next flush drop ended holds whose own time is before this second. Ids without a time stay.
    pub fn prune(&mut self, before_second: u64) {
        self.prune = self.prune.max(Some(before_second));
    }

    /// Gives it all rows of its store, before it applies anything: for a long way behind the journal. Until they are given
    /// back nothing is compacted, because rows are not read from the store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_shelf(&mut self, shelf: Shelf) -> Result<(), StoreError> {
        assert!(shelf.reached == self.reached.position, "the rows are those of the store");
        assert!(self.next == self.reached.position.next(), "nothing has been applied");
        assert!(self.shared.view.read().rows.changed().is_empty(), "no row is newer than the shelf's");
        assert!(self.clean.shelf.is_none(), "an entry is one of the shelf that is there");
        self.clean.shelf = Some(shelf);
        self.shared.store.set_compacting(false)
    }

    /// Gives the memory of the shelf back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn drop_shelf(&mut self) -> Result<(), StoreError> {
        match self.clean.shelf.take() {
            Some(_) => self.shared.store.set_compacting(true),
            None => Ok(()),
        }
    }

    /// Flushes, and shows what a start loads part by part, from as many threads as there are parts.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn loading(&mut self) -> Result<Loading<'_, S>, ReadError> {
        let flushed = self.flush()?;
        self.assert_in_step();
        assert!(flushed == self.reached.position, "I8: what a start loads is all that was applied");
        let shelf = self.clean.shelf.as_ref();
        assert!(shelf.is_none_or(|shelf| shelf.reached == flushed), "I8: the shelf shows what the store has");
        Ok(Loading::new(&self.shared.store, shelf))
    }

    /// Takes the maps of a finished flush over into the cache.
    fn take_back_flushed(&mut self) {
        let Some(flushed) = self.shared.flushed_changes.lock().take() else { return };
        assert!(flushed.reached.position <= self.reached.position, "I4: what is flushed was reached");
        let written = self.shared.flushed.load(Ordering::Acquire);
        assert!(flushed.reached.position.0 == written, "I4: what is taken back is what the store has");
        let mut view = self.shared.view.write();
        assert!(view.flushing.is_none(), "what was written is not on its way any more");
        view.rows.end_flush();
        drop(view);
        if let Ok(mut changes) = Arc::try_unwrap(flushed.changes) {
            assert!(self.spare.is_none(), "the spare memory is used by each flush");
            self.clean.absorb(&mut changes, &self.shared.view.read().changes);
            self.spare = Some(changes);
        }
    }
}

fn check_rows<'a, S>(shared: &Shared<S>, rows: impl Iterator<Item = &'a Row>, position: Position) {
    for row in rows {
        check_row(row, &mut |violation| {
            // Relaxed: a count for people; nothing is decided by it.
            shared.violations[violation.invariant.index()].fetch_add(1, Ordering::Relaxed);
            shared.first_violation.lock().get_or_insert_with(|| {
                let what = violation.to_string();
                tracing::error!(position = position.0, what, "a row breaks an invariant");
                Violation { position, what }
            });
        });
    }
}

#[cfg(test)]
mod tests;
