//! The rows and holds that records are applied to: what has changed since the last flush, what is being flushed, a
//! cache of what was flushed, and the store behind them.

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt};
use wallet::hold::{Hold, HoldState};
use wallet::ids::{AccountId, HoldId, Timestamp};
use wallet::ledger::{Books, CommandKey, CommandRow};
use wallet::policy::FreePolicies;
use wallet::row::Row;

use super::disk::{self, ReadError};
use super::flush::Flushing;
use super::store::ProjectionStore;

/// A hold that has changed.
#[derive(Clone, Debug)]
pub(crate) struct ChangedHold {
    pub(crate) hold: Hold,
    /// The store has it under the key of an open hold.
    pub(crate) stored_open: bool,
}

/// What has changed since the last flush.
#[derive(Debug)]
pub(crate) struct Changes {
    pub(crate) rows: HashMap<AccountId, Row>,
    pub(crate) holds: HashMap<HoldId, ChangedHold>,
    pub(crate) commands: HashMap<CommandKey, CommandRow>,
    pub(crate) policies: Option<FreePolicies>,
    pub(crate) id_bound: Option<Timestamp>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self::as_large_as(0, 0)
    }

    /// With room for so many rows and holds: maps that grow copy everything that is in them.
    pub(crate) fn as_large_as(rows: usize, holds: usize) -> Self {
        Self {
            rows: HashMap::with_capacity(rows),
            holds: HashMap::with_capacity(holds),
            commands: HashMap::new(),
            policies: None,
            id_bound: None,
        }
    }
}

/// What readers on other threads look at first.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) changes: Changes,
    pub(crate) flushing: Option<Flushing>,
    pub(crate) policies: FreePolicies,
    pub(crate) id_bound: Timestamp,
}

impl View {
    pub(crate) fn row(&self, account: AccountId) -> Option<&Row> {
        let flushing = || self.flushing.as_ref().and_then(|flushing| flushing.changes.rows.get(&account));
        self.changes.rows.get(&account).or_else(flushing)
    }

    pub(crate) fn hold(&self, id: HoldId) -> Option<&ChangedHold> {
        let flushing = || self.flushing.as_ref().and_then(|flushing| flushing.changes.holds.get(&id));
        self.changes.holds.get(&id).or_else(flushing)
    }

    pub(crate) fn command(&self, key: CommandKey) -> Option<&CommandRow> {
        let flushing = || self.flushing.as_ref().and_then(|flushing| flushing.changes.commands.get(&key));
        self.changes.commands.get(&key).or_else(flushing)
    }
}

/// Rows and open holds as the store has them. An entry is never here and among the changes as well, so that a stale
/// one cannot be met. A cache that is full starts anew.
#[derive(Debug)]
pub(crate) struct Clean {
    rows: HashMap<AccountId, Row>,
    holds: HashMap<HoldId, Hold>,
    rows_max: usize,
    holds_max: usize,
}

impl Clean {
    pub(crate) fn new(rows_max: usize, holds_max: usize) -> Self {
        Self { rows: HashMap::new(), holds: HashMap::new(), rows_max, holds_max }
    }

    /// Takes over what was flushed, except what has changed again since.
    pub(crate) fn absorb(&mut self, flushed: Changes, newer: &Changes) {
        for (account, row) in flushed.rows {
            if newer.rows.contains_key(&account) {
                continue;
            }
            if self.rows.len() >= self.rows_max {
                self.rows = HashMap::new();
            }
            self.rows.insert(account, row);
        }
        for (id, changed) in flushed.holds {
            if changed.hold.state != HoldState::Open || newer.holds.contains_key(&id) {
                continue;
            }
            if self.holds.len() >= self.holds_max {
                self.holds = HashMap::new();
            }
            self.holds.insert(id, changed.hold);
        }
    }
}

/// The books while records are applied. A store that cannot be read leaves its error in `failure`.
pub(crate) struct Open<'a, S> {
    pub(crate) view: &'a mut View,
    pub(crate) clean: &'a mut Clean,
    pub(crate) store: &'a S,
    /// The id of the hold that the record makes: it is not looked for in the store.
    pub(crate) new_hold: Option<HoldId>,
    /// The accounts that the record changed.
    pub(crate) touched: &'a mut Vec<AccountId>,
    pub(crate) failure: Option<ReadError>,
}

impl<S: ProjectionStore> Books for Open<'_, S> {
    fn row(&mut self, account: AccountId) -> Option<(&mut Row, &FreePolicies)> {
        self.touched.push(account);
        let row = match self.view.changes.rows.entry(account) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let flushing = self.view.flushing.as_ref();
                let row = match flushing.and_then(|flushing| flushing.changes.rows.get(&account)) {
                    Some(row) => Some(row.clone()),
                    None => match self.clean.rows.remove(&account) {
                        Some(row) => Some(row),
                        None => stored(disk::row(self.store, account), &mut self.failure),
                    },
                };
                entry.insert(row?)
            }
        };
        Some((row, &self.view.policies))
    }

    fn insert_row(&mut self, row: Row) {
        self.touched.push(row.account);
        self.view.changes.rows.insert(row.account, row);
    }

    fn hold(&mut self, id: HoldId) -> Option<&mut Hold> {
        let changed = match self.view.changes.holds.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let flushing = self.view.flushing.as_ref();
                let changed = match flushing.and_then(|flushing| flushing.changes.holds.get(&id)) {
                    // Once the flush is done, the store has it in this state.
                    Some(changed) => {
                        let hold = changed.hold.clone();
                        let stored_open = hold.state == HoldState::Open;
                        Some(ChangedHold { hold, stored_open })
                    }
                    None => match self.clean.holds.remove(&id) {
                        Some(hold) => Some(ChangedHold { hold, stored_open: true }),
                        None if self.new_hold == Some(id) => None,
                        None => stored(disk::hold(self.store, id), &mut self.failure)
                            .map(|(hold, stored_open)| ChangedHold { hold, stored_open }),
                    },
                };
                entry.insert(changed?)
            }
        };
        Some(&mut changed.hold)
    }

    fn insert_hold(&mut self, id: HoldId, mut hold: Hold) {
        // Nearly every hold is settled once; the first push would make room for four, and there are many holds.
        if hold.state == HoldState::Open {
            hold.settlements.reserve_exact(1);
        }
        self.view.changes.holds.insert(id, ChangedHold { hold, stored_open: false });
    }

    fn policies(&self) -> &FreePolicies {
        &self.view.policies
    }

    fn policies_mut(&mut self) -> &mut FreePolicies {
        &mut self.view.policies
    }

    fn set_id_bound(&mut self, bound: Timestamp) {
        self.view.id_bound = self.view.id_bound.max(bound);
        self.view.changes.id_bound = Some(self.view.id_bound);
    }

    fn remember(&mut self, key: CommandKey, row: CommandRow) {
        self.view.changes.commands.insert(key, row);
    }
}

fn stored<T>(read: Result<Option<T>, ReadError>, failure: &mut Option<ReadError>) -> Option<T> {
    read.unwrap_or_else(|error| {
        failure.get_or_insert(error);
        None
    })
}
