//! What the engine stands on in the simulation: a journal with a durable mark, projections that lag behind it, and a
//! crash that keeps a prefix.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::{Arc, Mutex, MutexGuard};

use wallet::audit::{self, Known};
use wallet::engine::{Archive, ArchiveError, Engine, Journal};
use wallet::hold::{Hold, HoldState};
use wallet::ids::{AccountId, HoldId, Now, Position, Timestamp};
use wallet::ledger::{self, Books, CommandKey, CommandRow};
use wallet::policy::FreePolicies;
use wallet::record::Record;
use wallet::row::Row;

use super::planted::Planted;
use super::random::Random;
use super::replay::load;

/// A record, or `None` for one that the journal keeps for itself.
pub(crate) type Entry = Option<Record>;

/// The projections as plain maps.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) rows: BTreeMap<AccountId, Row>,
    pub(crate) holds: BTreeMap<HoldId, Hold>,
    pub(crate) policies: FreePolicies,
    pub(crate) id_bound: Timestamp,
    pub(crate) commands: Vec<(CommandKey, CommandRow)>,
    index: BTreeMap<CommandKey, usize>,
    pub(crate) reached: u64,
}

impl Rows {
    /// Applies the record at the next position; every row that it touches keeps its books (I1). The journal's own
    /// records have a place and no effect.
    pub(crate) fn apply(&mut self, record: &Entry) -> Result<(), String> {
        let position = Position(self.reached + 1);
        let Some(record) = record else {
            self.reached += 1;
            return Ok(());
        };
        let mut wrong = None;
        audit::check_record(self, record, &mut |violation| {
            wrong.get_or_insert(violation);
        });
        if let Some(violation) = wrong {
            return Err(format!("before record {position} {record:?}: {violation}"));
        }
        ledger::apply(self, position, record).map_err(|error| error.to_string())?;
        self.reached += 1;
        accounts_of(record)
            .iter()
            .filter_map(|account| self.rows.get(account))
            .try_for_each(|row| row.check().map_err(|wrong| format!("after record {position} {record:?}: {wrong}")))
    }

    pub(crate) fn of(records: &[Entry]) -> Result<Self, String> {
        Self::default().with(records)
    }

    /// What these rows become by the records that follow.
    pub(crate) fn with(mut self, records: &[Entry]) -> Result<Self, String> {
        records.iter().try_for_each(|record| self.apply(record))?;
        Ok(self)
    }

    /// Forgets ended holds and commands whose last records are no later than a position: what a disk keeps is bounded.
    pub(crate) fn forget(&mut self, up_to: u64) {
        self.holds.retain(|_, hold| hold.state == HoldState::Open || hold.last_position.0 > up_to);
        self.commands.retain(|(_, row)| row.position.0 > up_to);
        self.index = self.commands.iter().enumerate().map(|(index, (key, _))| (*key, index)).collect();
    }
}

/// The accounts that a record changes: a packed roll has many.
fn accounts_of(record: &Record) -> Vec<AccountId> {
    match record {
        Record::CycleRoll(rolls) => rolls.iter().map(|roll| roll.account).collect(),
        other => account_of(other).into_iter().collect(),
    }
}

fn account_of(record: &Record) -> Option<AccountId> {
    match record {
        Record::Policy(_) | Record::IdBound { .. } | Record::Extend(_) | Record::Tombstone { .. } => None,
        Record::Open(open) => Some(open.account),
        Record::Freeze(freeze) => Some(freeze.account),
        Record::SetSubscription(set) => Some(set.account),
        Record::Grant(grant) => Some(grant.account),
        Record::TopUp(top_up) => Some(top_up.account),
        Record::Clawback(clawback) => Some(clawback.account),
        Record::CycleRoll(rolls) => rolls.first().map(|roll| roll.account),
        Record::Reserve(reserve) | Record::Charge(reserve) => Some(reserve.account),
        Record::Capture(capture) => Some(capture.account),
        Record::LateCapture(capture) => Some(capture.account),
        Record::Release(end) | Record::Expire(end) => Some(end.account),
        Record::Refund(refund) => Some(refund.account),
        Record::Subscription(change) => Some(change.account),
        Record::PendingTopUp(pending) => Some(pending.account),
        Record::ConfirmTopUp(confirm) => Some(confirm.account),
        Record::DropTopUp(dropped) => Some(dropped.account),
        Record::Correct(correct) => Some(correct.account),
        Record::ReleaseWorker(end) => Some(end.account),
    }
}

impl Books for Rows {
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
        self.id_bound = bound;
    }

    fn remember(&mut self, key: CommandKey, row: CommandRow) {
        match self.index.entry(key) {
            btree_map::Entry::Occupied(known) => {
                let last = &mut self.commands[*known.get()];
                let waited = matches!(last.1.record, Record::PendingTopUp(_));
                let ended = matches!(row.record, Record::ConfirmTopUp(_) | Record::DropTopUp(_));
                assert!(waited && ended, "I5: a command id has a second effect");
                last.1 = row;
            }
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(self.commands.len());
                self.commands.push((key, row));
            }
        }
    }
}

impl Known for Rows {
    fn command(&mut self, key: CommandKey) -> Option<CommandRow> {
        self.index.get(&key).map(|index| self.commands[*index].1.clone())
    }

    fn id_bound(&self) -> Timestamp {
        self.id_bound
    }
}

/// The projections, shared with the engine.
#[derive(Clone)]
pub(crate) struct Projection {
    rows: Arc<Mutex<Rows>>,
    flushed: Arc<Mutex<u64>>,
    /// Ended holds that the disk has let go of, for their age. The rows keep them: a replay gives them all.
    dropped: Arc<Mutex<BTreeSet<HoldId>>>,
    planted: Planted,
}

impl Projection {
    pub(crate) fn of(rows: Rows, planted: Planted) -> Self {
        let flushed = rows.reached;
        let dropped = Arc::default();
        Self { rows: Arc::new(Mutex::new(rows)), flushed: Arc::new(Mutex::new(flushed)), dropped, planted }
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    pub(crate) fn flush(&self) {
        *self.flushed.lock().unwrap() = self.rows().reached;
    }

    /// Applies the next record: one about a hold that was dropped has no row to apply it to.
    pub(crate) fn apply(&self, record: &Entry) -> Result<(), String> {
        let lost = record.as_ref().and_then(audit::hold_of).filter(|id| self.has_dropped(*id));
        match lost {
            Some(_) => Err(format!("I8: {record:?} tells of a hold that the disk has dropped")),
            None => self.rows().apply(record),
        }
    }

    /// The holds that the disk has dropped by itself.
    pub(crate) fn set_dropped(&self, ids: BTreeSet<HoldId>) {
        *self.dropped.lock().unwrap() = ids;
    }

    /// Drops flushed holds that have ended, whose ids are older than that and of which nothing is on its way, and says which.
    pub(crate) fn drop_before(&self, since: Timestamp, applied: impl Fn(HoldId, Position) -> bool) -> Vec<HoldId> {
        let flushed = *self.flushed.lock().unwrap();
        let rows = self.rows();
        let gone = |(id, hold): &(&HoldId, &Hold)| {
            hold.state != HoldState::Open
                && hold.last_position.0 <= flushed
                && id.own_time().is_some_and(|own_time| own_time < since)
                && applied(**id, hold.last_position)
        };
        let ids: Vec<HoldId> = rows.holds.iter().filter(gone).map(|(id, _)| *id).collect();
        self.dropped.lock().unwrap().extend(&ids);
        ids
    }

    fn has_dropped(&self, id: HoldId) -> bool {
        self.dropped.lock().unwrap().contains(&id)
    }
}

impl Archive for Projection {
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        if self.has_dropped(id) { Ok(None) } else { Ok(self.rows().holds.get(&id).cloned()) }
    }

    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        let rows = self.rows();
        Ok(rows.index.get(&key).map(|index| rows.commands[*index].1.clone()))
    }

    fn reached(&self) -> Position {
        Position(self.rows().reached)
    }

    fn flushed(&self) -> Position {
        if self.planted == Planted::ForgottenTooEarly {
            return Position(u64::MAX);
        }
        Position(*self.flushed.lock().unwrap())
    }
}

/// What a simulated world stands on: a journal, and what follows it.
pub(crate) trait Ground {
    type Journal: Journal + Clone;
    type Archive: Archive + Clone;

    /// Whether it drops old holds by itself, as a daemon does.
    const PRUNES: bool;

    /// An empty journal.
    fn new(seed: u64, planted: Planted) -> Self;
    /// The engine's side.
    fn journal(&self) -> Self::Journal;
    /// The engine's side of what follows the journal.
    fn archive(&self) -> Self::Archive;
    /// The plain projections: what follows the journal says the same.
    fn plain(&self) -> &Projection;
    /// The records after a position, pushed or durable.
    fn pushed_after(&self, after: u64) -> Vec<Entry>;
    /// The last position given.
    fn pushed(&self) -> u64;
    /// The last position that survives a crash.
    fn durable(&self) -> u64;
    /// Makes more of what was pushed durable, or all of it; says whether the writer lives.
    fn write(&mut self, random: &mut Random, all: bool) -> bool;
    /// All durable records.
    fn recorded(&self) -> Vec<Entry>;
    /// Follows the journal, by about so many records; says whether the process lives.
    fn project(&mut self, most: u64) -> Result<bool, String>;
    /// Flushes what follows the journal, or tries to.
    fn flush(&mut self) -> Result<(), String>;
    /// A step of what drops old holds, where the ground does that by itself.
    fn prune(&mut self, _now: u64, _let_go: &mut dyn FnMut() -> Timestamp) {}
    /// The holds that are dropped now, where the ground does that by itself.
    fn dropped(&self) -> BTreeSet<HoldId> {
        BTreeSet::new()
    }
    /// I8: what readers see of what has changed since a position is what the plain projections have.
    fn agrees(&self, _seen: u64) -> Result<(), String> {
        Ok(())
    }
    /// Whether the process has ended at a call.
    fn is_down(&self) -> bool {
        false
    }
    /// Takes the time that slow writes have cost.
    fn take_delay_ms(&mut self) -> u64 {
        0
    }
    /// What a run has met.
    fn events(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }
    /// Ends the process and starts the next: what its journal has now after what was trimmed of the plain one, and up to
    /// where it is of the ended one.
    fn crash(&mut self, random: &mut Random, now: u64) -> Result<(Vec<Entry>, u64), String>;
    /// Takes the plain projections that the next process begins with.
    fn begin(&mut self, rows: Rows) -> Result<(), String>;
    /// Fills the memory of the next process.
    fn load(&mut self, engine: &Engine<Self::Journal, Self::Archive>, now: Now) -> Result<(), String>;
}

/// A journal in a vector: nothing can be wrong with it, so what is wrong is the engine, or planted.
#[derive(Clone, Default)]
pub(crate) struct PlainJournal {
    records: Arc<Mutex<Records>>,
    planted: Planted,
}

/// The records after those that were trimmed.
#[derive(Clone, Default)]
struct Records {
    trimmed: u64,
    kept: Vec<Entry>,
    /// The last position of the lives before.
    born: u64,
    /// Where the units of this life end, for bugs that are about units.
    units: Vec<u64>,
}

impl Records {
    fn last(&self) -> u64 {
        self.trimmed + self.kept.len() as u64
    }

    /// The records after a position, up to another.
    fn between(&self, after: u64, last: u64) -> &[Entry] {
        &self.kept[index(after - self.trimmed)..index(last - self.trimmed)]
    }
}

/// What a crash leaves where a bug is planted.
impl Records {
    /// A unit that only gives was applied before it had its place: it gets that behind the unit that follows it. The
    /// crash comes in between, as late as it can.
    fn late_gives(&mut self, durable: u64, kept: u64) {
        let place = |position: u64| index(position - self.trimmed);
        let starts = [self.born].into_iter().chain(self.units.iter().copied());
        let units = starts.zip(&self.units).map(|(start, end)| (start, *end));
        let units: Vec<_> = units.filter(|(start, end)| (durable..*end).contains(start) && *end <= kept).collect();
        let gives = |start: u64, end: u64| self.kept[place(start)..place(end)].iter().flatten().all(only_gives);
        let late = units.windows(2).rev().find(|pair| gives(pair[0].0, pair[0].1) && !gives(pair[1].0, pair[1].1));
        let cut = late.map_or(kept, |pair| pair[1].1);
        let lost = late.map(|pair| place(pair[0].0)..place(pair[0].1));
        self.kept.truncate(place(cut));
        lost.into_iter().for_each(|lost| drop(self.kept.drain(lost)));
    }

    /// Units have gone through two queues, by their accounts, and of each another part was written.
    fn two_queues(&mut self, durable: u64, kept: [u64; 2]) {
        let mut start = self.born;
        let all = self.kept.split_off(index(start - self.trimmed));
        for end in std::mem::take(&mut self.units) {
            let unit = &all[index(start - self.born)..index(end - self.born)];
            let account = unit.iter().flatten().find_map(account_of).map_or(0, |account| account.0);
            let kept = index(kept[usize::from(account % 2 == 1)].max(durable).clamp(start, end) - start);
            self.kept.extend_from_slice(&unit[..kept]);
            start = end;
        }
    }
}

const fn only_gives(record: &Record) -> bool {
    matches!(
        record,
        Record::Release(_)
            | Record::Expire(_)
            | Record::ReleaseWorker(_)
            | Record::Refund(_)
            | Record::TopUp(_)
            | Record::ConfirmTopUp(_)
            | Record::Grant(_)
    )
}

impl Journal for PlainJournal {
    fn push(&self, records: &[Record]) -> Position {
        let mut all = self.records.lock().unwrap();
        let first = all.last() + 1;
        for record in records {
            all.kept.push(Some(record.clone()));
            let twice = match record {
                Record::Expire(_) => self.planted == Planted::TimerFiresTwice,
                Record::CycleRoll(_) => self.planted == Planted::CycleFiresTwice,
                _ => false,
            };
            if twice {
                all.kept.push(Some(record.clone()));
            }
        }
        if matches!(self.planted, Planted::CreditBeforeItsRecord | Planted::TwoQueues) {
            let end = all.last();
            all.units.push(end);
        }
        Position(first)
    }

    fn pushed(&self) -> Position {
        Position(self.records.lock().unwrap().last())
    }
}

/// The first layer: a durable mark over a [`PlainJournal`], cut at any record by a crash.
pub(crate) struct PlainGround {
    journal: PlainJournal,
    durable: u64,
    projection: Projection,
}

fn index(position: u64) -> usize {
    usize::try_from(position).unwrap()
}

impl PlainGround {
    /// Forgets durable records up to a position, and hands them out.
    pub(crate) fn trim(&mut self, up_to: u64) -> Vec<Entry> {
        assert!(up_to <= self.durable, "only what is durable is trimmed");
        let mut records = self.journal.records.lock().unwrap();
        let count = index(up_to - records.trimmed);
        records.trimmed = up_to;
        records.kept.drain(..count).collect()
    }
}

impl Ground for PlainGround {
    type Journal = PlainJournal;
    type Archive = Projection;

    const PRUNES: bool = false;

    fn new(_seed: u64, planted: Planted) -> Self {
        let projection = Projection::of(Rows::default(), planted);
        Self { journal: PlainJournal { planted, ..PlainJournal::default() }, durable: 0, projection }
    }

    fn journal(&self) -> PlainJournal {
        self.journal.clone()
    }

    fn archive(&self) -> Projection {
        self.projection.clone()
    }

    fn plain(&self) -> &Projection {
        &self.projection
    }

    fn pushed_after(&self, after: u64) -> Vec<Entry> {
        let records = self.journal.records.lock().unwrap();
        records.between(after, records.last()).to_vec()
    }

    fn pushed(&self) -> u64 {
        self.journal.pushed().0
    }

    fn durable(&self) -> u64 {
        self.durable
    }

    fn write(&mut self, random: &mut Random, all: bool) -> bool {
        self.durable = if all { self.pushed() } else { random.between(self.durable, self.pushed()) };
        true
    }

    fn recorded(&self) -> Vec<Entry> {
        self.journal.records.lock().unwrap().between(0, self.durable).to_vec()
    }

    fn project(&mut self, most: u64) -> Result<bool, String> {
        let after = self.projection.rows().reached;
        let last = self.durable.min(after.saturating_add(most));
        let records = self.journal.records.lock().unwrap().between(after, last).to_vec();
        records.iter().try_for_each(|record| self.projection.apply(record))?;
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), String> {
        self.projection.flush();
        Ok(())
    }

    fn crash(&mut self, random: &mut Random, _now: u64) -> Result<(Vec<Entry>, u64), String> {
        let kept = random.between(self.durable, self.pushed());
        let mut records = std::mem::take(&mut *self.journal.records.lock().unwrap());
        let planted = self.journal.planted;
        match planted {
            Planted::CreditBeforeItsRecord => records.late_gives(self.durable, kept),
            Planted::TwoQueues => records.two_queues(self.durable, [kept, random.between(self.durable, kept)]),
            _ => records.kept.truncate(index(kept - records.trimmed)),
        }
        records.units.clear();
        records.born = records.last();
        self.durable = records.born;
        // A new journal, so that nothing of the ended process can push into it.
        self.journal = PlainJournal { records: Arc::new(Mutex::new(records.clone())), planted };
        Ok((records.kept, self.durable))
    }

    fn begin(&mut self, rows: Rows) -> Result<(), String> {
        self.projection = Projection::of(rows, self.journal.planted);
        Ok(())
    }

    fn load(&mut self, engine: &Engine<PlainJournal, Projection>, now: Now) -> Result<(), String> {
        load(engine, &self.projection, now, self.journal.planted)
    }
}
