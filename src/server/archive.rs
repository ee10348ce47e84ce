//! The projections as the rules read them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use wallet::engine::{Archive, ArchiveError};
use wallet::hold::Hold;
use wallet::ids::{AccountId, HoldId, Position, Timestamp};
use wallet::ledger::{Books, CommandKey, CommandRow};
use wallet::policy::FreePolicies;
use wallet::record::Record;
use wallet::row::Row;

#[derive(Default)]
pub struct Maps {
    pub rows: HashMap<AccountId, Row>,
    pub holds: HashMap<HoldId, Hold>,
    pub commands: HashMap<CommandKey, CommandRow>,
    pub policies: FreePolicies,
    pub bound: Timestamp,
}

impl Books for Maps {
    fn row(&mut self, account: AccountId) -> Option<(&mut Row, &FreePolicies)> {
        self.rows.get_mut(&account).map(|row| (row, &self.policies))
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
        self.bound = bound;
    }
    fn remember(&mut self, key: CommandKey, row: CommandRow) {
        self.commands.insert(key, row);
    }
}

#[derive(Clone, Default)]
pub struct ArchiveLink {
    pub maps: Arc<Mutex<Maps>>,
    pub reached: Arc<AtomicU64>,
}

impl ArchiveLink {
    pub fn row(&self, account: AccountId) -> (Option<Row>, Position) {
        let reached = self.reached();
        (self.maps.lock().rows.get(&account).cloned(), reached)
    }

    pub fn apply(&self, position: Position, record: &Record) {
        let mut maps = self.maps.lock();
        wallet::ledger::apply(&mut *maps, position, record).expect("ledger");
    }
}

impl Archive for ArchiveLink {
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        Ok(self.maps.lock().holds.get(&id).cloned())
    }
    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        Ok(self.maps.lock().commands.get(&key).cloned())
    }
    fn reached(&self) -> Position {
        Position(self.reached.load(Ordering::Acquire))
    }
    fn flushed(&self) -> Position {
        self.reached()
    }
}
