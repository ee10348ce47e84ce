//! The real queue, writer and durability over a store in memory, and an archive that replays what is synced.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex as Plain};

use journal::memory::MemoryStore;
use journal::{ChainEnd, Class, EncodedUnit, Epoch, GroupHash, Journal as Running, JournalSettings, Writer, codec};
use wallet::engine::{Archive, ArchiveError, Journal};
use wallet::hold::Hold;
use wallet::ids::{AccountId, HoldId, Position, Timestamp};
use wallet::ledger::{self, Books, CommandKey, CommandRow};
use wallet::policy::FreePolicies;
use wallet::record::Record;
use wallet::row::Row;

/// Rows, holds and commands as replay makes them.
#[derive(Default)]
pub(crate) struct Maps {
    pub(crate) rows: HashMap<AccountId, Row>,
    pub(crate) holds: HashMap<HoldId, Hold>,
    commands: HashMap<CommandKey, CommandRow>,
    policies: FreePolicies,
    reached: u64,
}

impl Maps {
    /// Applies one record and checks I1 of all rows.
    fn apply(&mut self, position: u64, record: &Record) {
        assert_eq!(position, self.reached + 1, "replay leaves nothing out");
        self.reached = position;
        ledger::apply(self, Position(position), record).expect("I4: every prefix is valid");
        for row in self.rows.values() {
            assert_eq!(row.check(), Ok(()), "I1 after {record:?}");
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
        assert!(self.holds.insert(id, hold).is_none(), "I5: a second decision of {id:?}");
    }

    fn policies(&self) -> &FreePolicies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut FreePolicies {
        &mut self.policies
    }

    fn set_id_bound(&mut self, _bound: Timestamp) {}

    fn remember(&mut self, key: CommandKey, row: CommandRow) {
        assert!(self.commands.insert(key, row).is_none(), "R13: a command took effect twice");
    }
}

#[derive(Default)]
struct Pushed {
    records: BTreeMap<u64, Record>,
    maps: Maps,
}

/// One partition's journal, shared by all tasks.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) running: Running,
    // Never held where another task may go on.
    pushed: Arc<Plain<Pushed>>,
}

impl Disk {
    pub(crate) fn new() -> (Self, Writer<MemoryStore>) {
        let end = ChainEnd { last: journal::Position::NONE, hash: GroupHash::NONE, epoch: Epoch(1) };
        let (running, writer) = Running::start(MemoryStore::new(), end, &JournalSettings::default());
        (Self { running, pushed: Arc::default() }, writer)
    }

    /// Brings the archive up to what is synced.
    pub(crate) fn catch_up(&self) {
        self.catch_up_to(self.running.durability.synced().0);
    }

    fn catch_up_to(&self, synced: u64) {
        let Pushed { records, maps } = &mut *self.pushed.lock().expect("nobody fails in it");
        while maps.reached < synced {
            let next = maps.reached + 1;
            // Pushed, and its task has not come back from the push.
            let Some(record) = records.get(&next) else { return };
            maps.apply(next, record);
        }
    }

    /// What replaying the whole journal gives.
    pub(crate) fn replayed(&self) -> Maps {
        let mut maps = Maps::default();
        for (position, record) in &self.pushed.lock().expect("nobody fails in it").records {
            maps.apply(*position, record);
        }
        maps
    }
}

impl Journal for Disk {
    fn push(&self, records: &[Record]) -> Position {
        let mut unit = EncodedUnit::new();
        codec::encode_unit(records, &mut unit).expect("records are bounded");
        assert!(self.running.queue.try_take_room(unit.records(), Class::Settlement), "a scenario is small");
        let first = self.running.queue.push(&unit).0;
        let mut pushed = self.pushed.lock().expect("nobody fails in it");
        pushed.records.extend((first..).zip(records.iter().cloned()));
        Position(first)
    }

    fn pushed(&self) -> Position {
        Position(self.running.queue.pushed().0)
    }
}

impl Archive for Disk {
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        Ok(self.pushed.lock().expect("nobody fails in it").maps.holds.get(&id).cloned())
    }

    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        Ok(self.pushed.lock().expect("nobody fails in it").maps.commands.get(&key).cloned())
    }

    fn reached(&self) -> Position {
        Position(self.pushed.lock().expect("nobody fails in it").maps.reached)
    }

    fn flushed(&self) -> Position {
        self.reached()
    }
}
