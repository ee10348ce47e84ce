//! A journal and an archive in plain maps: what the engine needs of the world below it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::audit::{self, Known};
use crate::engine::{Archive, ArchiveError, Journal};
use crate::hold::{Hold, HoldState};
use crate::ids::{AccountId, HoldId, Position, Timestamp};
use crate::ledger::{self, Books, CommandKey, CommandRow};
use crate::policy::FreePolicies;
use crate::record::Record;
use crate::row::Row;

/// Rows, holds and commands as replay makes them.
#[derive(Default, Clone)]
pub(super) struct Maps {
    pub(super) rows: HashMap<AccountId, Row>,
    pub(super) holds: HashMap<HoldId, Hold>,
    pub(super) commands: HashMap<CommandKey, CommandRow>,
    pub(super) policies: FreePolicies,
    pub(super) bound: Timestamp,
    pub(super) reached: u64,
}

impl Maps {
    /// Applies what has been pushed since, and checks I1 and I2 of every row that it may have touched.
    pub(super) fn catch_up(&mut self, records: &[Record]) {
        let new = records.get(usize::try_from(self.reached).unwrap()..).unwrap();
        for record in new {
            self.reached += 1;
            audit::check_record(self, record, &mut |violation| panic!("{record:?}: {violation}"));
            ledger::apply(self, Position(self.reached), record).unwrap();
            if let Some(row) = audit::account_of(record).and_then(|account| self.rows.get(&account)) {
                audit::check_row(row, &mut |violation| panic!("after {record:?}: {violation}"));
            }
        }
    }
}

impl Books for Maps {
    fn row(&mut self, account: AccountId) -> Option<(&mut Row, &FreePolicies)> {
        Some((self.rows.get_mut(&account)?, &self.policies))
    }

    fn insert_row(&mut self, row: Row) {
        self.rows.insert(row.account, row);
    }

    fn hold(&mut self, id: HoldId) -> Option<&mut Hold> {
        self.holds.get_mut(&id)
    }

    fn insert_hold(&mut self, id: HoldId, hold: Hold) {
        self.holds.insert(id, hold);
    }

    fn policies(&self) -> &FreePolicies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut FreePolicies {
        &mut self.policies
    }

    fn set_id_bound(&mut self, bound: Timestamp) {
        assert!(bound > self.bound, "R32: the bound never goes back");
        self.bound = bound;
    }

    fn remember(&mut self, key: CommandKey, row: CommandRow) {
        let before = self.commands.insert(key, row);
        let waited = matches!(before, Some(CommandRow { record: Record::PendingTopUp(_), .. }));
        assert!(before.is_none() || waited, "R13: a command took effect twice");
    }
}

impl Known for Maps {
    fn command(&mut self, key: CommandKey) -> Option<CommandRow> {
        self.commands.get(&key).cloned()
    }

    fn id_bound(&self) -> Timestamp {
        self.bound
    }
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    maps: Maps,
    flushed: u64,
    unreadable: bool,
}

/// One partition's disk, shared by the journal's and the archive's side of an engine.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// Brings the archive up to the journal.
    pub(super) fn catch_up(&self) {
        let State { records, maps, .. } = &mut *self.0.lock();
        maps.catch_up(records);
    }

    /// Brings the archive up to the journal, and makes that what a start would find.
    pub(super) fn flush(&self) {
        self.catch_up();
        let mut state = self.0.lock();
        state.flushed = state.maps.reached;
    }

    /// Lets go of an old hold that has ended, as a disk does.
    pub(super) fn drop_hold(&self, id: HoldId) {
        let gone = self.0.lock().maps.holds.remove(&id);
        assert!(gone.is_some_and(|hold| hold.state != HoldState::Open), "a hold that has ended is dropped");
    }

    /// Says whether commands can be read.
    pub(super) fn set_unreadable(&self, unreadable: bool) {
        self.0.lock().unreadable = unreadable;
    }

    /// Every record so far.
    pub(super) fn records(&self) -> Vec<Record> {
        self.0.lock().records.clone()
    }

    /// What replaying the journal from its beginning gives.
    pub(super) fn replayed(&self) -> Maps {
        let mut maps = Maps::default();
        maps.catch_up(&self.0.lock().records);
        maps
    }

    /// A copy of this disk as it stands, for a daemon that starts again.
    pub(super) fn copy(&self) -> Self {
        let state = self.0.lock();
        let State { records, maps, flushed, unreadable } = &*state;
        let copy = State { records: records.clone(), maps: maps.clone(), flushed: *flushed, unreadable: *unreadable };
        Self(Arc::new(Mutex::new(copy)))
    }
}

impl Journal for Disk {
    fn push(&self, records: &[Record]) -> Position {
        let mut state = self.0.lock();
        let first = u64::try_from(state.records.len()).unwrap() + 1;
        state.records.extend_from_slice(records);
        Position(first)
    }

    fn pushed(&self) -> Position {
        Position(u64::try_from(self.0.lock().records.len()).unwrap())
    }
}

impl Archive for Disk {
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        Ok(self.0.lock().maps.holds.get(&id).cloned())
    }

    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        let state = self.0.lock();
        if state.unreadable {
            return Err(ArchiveError("unreadable".into()));
        }
        Ok(state.maps.commands.get(&key).cloned())
    }

    fn reached(&self) -> Position {
        Position(self.0.lock().maps.reached)
    }

    fn flushed(&self) -> Position {
        Position(self.0.lock().flushed)
    }
}
