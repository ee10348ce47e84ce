//! The rows and holds that records are applied to: the table of rows, the holds that have changed since the last flush, those
//! that are being flushed, a cache of those that were flushed, and the store behind them.

use foldhash::{HashMap, HashMapExt};
use wallet::hold::{Hold, HoldState};
use wallet::ids::{AccountId, HoldId, Timestamp};
use wallet::ledger::{Books, CommandKey, CommandRow, command_key};
use wallet::policy::FreePolicies;
use wallet::row::Row;

use super::disk::{self, ReadError};
use super::ended::Ended;
use super::flush::Flushing;
use super::keys::open_hold_key;
use super::open::{OpenHold, OpenHolds, Place};
use super::packed::PackedRows;
use super::rows::decode_hold;
use super::shelf::{EntryNumber, Shelf};
use super::store::ProjectionStore;
use super::table::Table;

/// What has changed since the last flush.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Rows are packed when a flush of them begins; until then they are in the table alone.
    pub(crate) rows: PackedRows,
    pub(crate) open: OpenHolds,
    pub(crate) ended: Ended,
    /// Holds that the store has under the key of an open hold, and that have ended.
    pub(crate) closed: Vec<HoldId>,
    pub(crate) commands: HashMap<CommandKey, CommandRow>,
    pub(crate) policies: Option<FreePolicies>,
    pub(crate) id_bound: Option<Timestamp>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self {
            rows: PackedRows::default(),
            open: OpenHolds::new(),
            ended: Ended::new(),
            closed: Vec::new(),
            commands: HashMap::new(),
            policies: None,
            id_bound: None,
        }
    }

    /// Memory of an earlier flush is used again when nothing of it is left: what was would be flushed a second time.
    pub(crate) fn assert_empty(&self) {
        assert!(self.rows.is_empty(), "no row is left of an earlier flush");
        assert!(self.open.is_empty() && self.closed.is_empty(), "I6: no open hold is left of an earlier flush");
        assert!(self.ended.is_empty(), "I6: no ended hold is left of an earlier flush");
        assert!(self.commands.is_empty(), "R13: no command is left of an earlier flush");
        assert!(self.policies.is_none() && self.id_bound.is_none(), "R32: no bound is left of an earlier flush");
    }

    /// A hold that has changed, open or ended.
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        match self.open.hold(id) {
            Some(open) => Ok(Some(open.hold.clone())),
            None => self.ended_hold(id),
        }
    }

    fn ended_hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        let Some(row) = self.ended.row(id) else { return Ok(None) };
        let hold = decode_hold(id, row).map_err(|error| ReadError::damaged(&open_hold_key(id), error))?;
        assert!(hold.state != HoldState::Open, "I6: what has ended is not open again");
        Ok(Some(hold))
    }

    fn has_hold(&self, id: HoldId) -> bool {
        self.open.contains(id) || self.ended.contains(id)
    }
}

/// What readers on other threads look at first.
#[derive(Debug)]
pub(crate) struct View {
    /// Rows that have changed or are being flushed, and a cache of others.
    pub(crate) rows: Table,
    pub(crate) changes: Changes,
    pub(crate) flushing: Option<Flushing>,
    pub(crate) policies: FreePolicies,
    pub(crate) id_bound: Timestamp,
}

impl View {
    pub(crate) fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        match (self.changes.hold(id)?, &self.flushing) {
            (None, Some(flushing)) => {
                assert!(flushing.changes.ended.is_indexed(), "I4: what is being flushed are whole groups");
                flushing.changes.hold(id)
            }
            (changed, _) => Ok(changed),
        }
    }

    pub(crate) fn command(&self, key: CommandKey) -> Option<&CommandRow> {
        let flushing = || self.flushing.as_ref().and_then(|flushing| flushing.changes.commands.get(&key));
        let row = self.changes.commands.get(&key).or_else(flushing);
        assert!(
            row.is_none_or(|row| command_key(&row.record) == Some(key)),
            "R13: a command is remembered by its own id"
        );
        row
    }
}

/// Open holds as the store has them, and all rows while a start catches up. A hold is never here and among the changes as
/// well, so that a stale one cannot be met. A cache that is full starts anew.
#[derive(Debug)]
pub(crate) struct Clean {
    holds: HashMap<HoldId, Hold>,
    pub(crate) shelf: Option<Shelf>,
    holds_max: usize,
}

impl Clean {
    pub(crate) fn new(holds_max: usize) -> Self {
        Self { holds: HashMap::new(), shelf: None, holds_max }
    }

    /// Takes over what was flushed, except what has changed again since, and leaves empty memory for later changes.
    pub(crate) fn absorb(&mut self, flushed: &mut Changes, newer: &Changes) {
        assert!(flushed.ended.is_indexed(), "I4: what was flushed was whole groups");
        assert!(newer.rows.is_empty(), "rows are packed when a flush of them begins");
        flushed.open.drain(|id, open| {
            if newer.has_hold(id) {
                return;
            }
            if self.holds.len() >= self.holds_max {
                self.holds.clear();
            }
            assert!(open.hold.state == HoldState::Open, "I6: only open holds are kept among the open ones");
            self.holds.insert(id, open.hold);
        });
        assert!(self.holds.len() <= self.holds_max.max(1), "I9: the cache of holds has a limit");
        flushed.rows.clear();
        flushed.ended.clear();
        flushed.closed.clear();
        flushed.commands.clear();
        flushed.policies = None;
        flushed.id_bound = None;
        flushed.assert_empty();
    }
}

/// The books while records are applied. A store that cannot be read leaves its error in `failure`.
pub(crate) struct Open<'a, S> {
    pub(crate) view: &'a mut View,
    pub(crate) clean: &'a mut Clean,
    pub(crate) store: &'a S,
    /// The id of the hold that the record makes: it is looked for among the open holds only; a
    /// second end of it is noticed when it ends.
    pub(crate) new_hold: Option<HoldId>,
    /// The accounts that the record changed.
    pub(crate) touched: &'a mut Vec<AccountId>,
    /// The hold that the record is about, and its place among the open ones.
    pub(crate) held: Option<(HoldId, Place)>,
    pub(crate) failure: Option<ReadError>,
}

impl<S: ProjectionStore> Open<'_, S> {
    /// After a record: a hold that has ended, or had ended before, goes to its kind.
    pub(crate) fn put_hold_back(&mut self) {
        let Some((id, place)) = self.held.take() else { return };
        let Changes { open, ended, closed, .. } = &mut self.view.changes;
        let changed = open.at_mut(place);
        assert!(!changed.begun || !changed.stored, "what began since the last flush is not stored");
        if changed.hold.state != HoldState::Open {
            if changed.begun {
                ended.add(id, &changed.hold);
            } else {
                ended.put(id, &changed.hold);
            }
            if changed.stored {
                closed.push(id);
            }
            let removed = open.remove(id);
            assert!(removed == place, "I6: what has ended is the hold of the record");
        }
    }

    /// A row that is not in the table, and its entry on the shelf.
    fn read_row(&mut self, account: AccountId) -> Option<(Row, Option<EntryNumber>)> {
        let entry = self.clean.shelf.as_ref().and_then(|shelf| Some((shelf, shelf.find(account)?)));
        let read = match entry {
            Some((shelf, entry)) => shelf.at(entry).map(|row| Some((row, Some(entry)))),
            None => disk::row(self.store, account).map(|row| Some((row?, None))),
        };
        let row = stored(read, &mut self.failure);
        assert!(row.as_ref().is_none_or(|(row, _)| row.account == account), "a row that was read is the account's");
        row
    }

    /// Brings a hold among the open ones, for as long as the record is applied.
    fn fetch_hold(&mut self, id: HoldId) -> Option<Place> {
        assert!(self.held.is_none_or(|(held, _)| held == id), "a record is about one hold");
        let changes = &self.view.changes;
        if self.new_hold == Some(id) {
            return None;
        }
        let found = match stored(changes.ended_hold(id), &mut self.failure) {
            Some(hold) => OpenHold { hold, stored: false, begun: false },
            None => self.unchanged_hold(id)?,
        };
        Some(self.view.changes.open.insert(id, found))
    }

    fn unchanged_hold(&mut self, id: HoldId) -> Option<OpenHold> {
        if let Some(flushing) = &self.view.flushing
            && let Some(hold) = stored(flushing.changes.hold(id), &mut self.failure)
        {
            // Once the flush is done, the store has it in this state.
            let stored = hold.state == HoldState::Open;
            assert!(!self.clean.holds.contains_key(&id), "a stale hold cannot be met");
            return Some(OpenHold { hold, stored, begun: false });
        }
        if let Some(hold) = self.clean.holds.remove(&id) {
            assert!(hold.state == HoldState::Open, "I6: the cache has open holds alone");
            return Some(OpenHold { hold, stored: true, begun: false });
        }
        let (hold, stored) = stored(disk::hold(self.store, id), &mut self.failure)?;
        assert!(stored == (hold.state == HoldState::Open), "I6: the store has open holds and ended ones apart");
        Some(OpenHold { hold, stored, begun: false })
    }
}

impl<S: ProjectionStore> Books for Open<'_, S> {
    fn row(&mut self, account: AccountId) -> Option<(&mut Row, &FreePolicies)> {
        self.touched.push(account);
        let slot = match self.view.rows.find(account) {
            Some(slot) => slot,
            None => {
                let (row, on_shelf) = self.read_row(account)?;
                self.view.rows.insert(row, on_shelf)
            }
        };
        let View { rows, policies, .. } = &mut *self.view;
        let row = rows.change(slot);
        assert!(row.account == account, "a row lies under the key of its account");
        Some((row, policies))
    }

    fn insert_row(&mut self, row: Row) {
        self.touched.push(row.account);
        assert!(self.view.rows.find(row.account).is_none(), "I5: an account is opened once");
        let slot = self.view.rows.insert(row, None);
        let _ = self.view.rows.change(slot);
    }

    fn hold(&mut self, id: HoldId) -> Option<&mut Hold> {
        let place = match self.view.changes.open.place(id) {
            Some(place) => place,
            None => self.fetch_hold(id)?,
        };
        assert!(self.held.is_none_or(|held| held == (id, place)), "a record is about one hold");
        self.held = Some((id, place));
        Some(&mut self.view.changes.open.at_mut(place).hold)
    }

    fn insert_hold(&mut self, id: HoldId, hold: Hold) {
        assert!(self.held.is_none(), "I5: a hold that begins was not there");
        assert!(self.new_hold.is_none_or(|new| new == id), "the hold that begins is the record's");
        let place = self.view.changes.open.insert(id, OpenHold { hold, stored: false, begun: true });
        self.held = Some((id, place));
    }

    fn policies(&self) -> &FreePolicies {
        &self.view.policies
    }

    fn policies_mut(&mut self) -> &mut FreePolicies {
        &mut self.view.policies
    }

    fn set_id_bound(&mut self, bound: Timestamp) {
        self.view.id_bound = self.view.id_bound.max(bound);
        assert!(
            self.view.changes.id_bound.is_none_or(|before| before <= self.view.id_bound),
            "R32: no bound goes back"
        );
        assert!(self.view.id_bound >= bound, "R32: what is forgotten stays forgotten");
        self.view.changes.id_bound = Some(self.view.id_bound);
    }

    fn remember(&mut self, key: CommandKey, row: CommandRow) {
        assert!(command_key(&row.record) == Some(key), "R13: a command is remembered by its own id");
        let position = row.position;
        let before = self.view.changes.commands.insert(key, row);
        assert!(
            before.is_none_or(|before| before.position < position),
            "I5: a later record takes an earlier one's place"
        );
    }
}

fn stored<T>(read: Result<Option<T>, ReadError>, failure: &mut Option<ReadError>) -> Option<T> {
    read.unwrap_or_else(|error| {
        failure.get_or_insert(error);
        None
    })
}

#[cfg(test)]
mod tests;
