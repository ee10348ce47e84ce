//! The second layer: the real queue, writer, record codec and recovery over a store that tears, loses and fails, and the real
//! projections over another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use journal::codec::{decode_any, encode_unit};
use journal::faulty::{Fault, FaultPlan, FaultyImage, FaultyStore, SyncFault};
use journal::projections::{self, MemoryProjections, check_fit};
use journal::record::Meaning;
use journal::recovery::{RecoveryError, adopt, check, open_epoch};
use journal::{
    ChainEnd, Class, DurabilityMode, EncodedUnit, Group, JournalSettings, Position, RoomLimits, Store as _, Writer,
    WriterId,
};
use wallet::engine::{Engine, Journal};
use wallet::ids::{HoldId, Now, Timestamp};
use wallet::record::Record;

use super::follower::{Archive, Dropped, Follower, Stopped};
use super::ground::{Entry, Ground, Projection, Rows};
use super::planted::Planted;
use super::random::Random;
use super::rows_store::SimProjections;
use super::store::{Calls, End, SimStore};

/// More than a simulated process ever has on its way.
const ROOM: RoomLimits = RoomLimits { journal_room_records: 1 << 20, settlement_share_records: 1 << 10 };
/// What a run counts.
pub(super) const ENDED_IN_START: &str = "processes that ended in their start";
pub(super) const WEAKER_MODE: &str = "runs in mode interval";

/// The real push side, and beside it what was pushed.
#[derive(Clone)]
pub(crate) struct DiskJournal {
    journal: journal::Journal,
    shadow: Arc<Mutex<Vec<Entry>>>,
}

impl Journal for DiskJournal {
    fn push(&self, records: &[Record]) -> wallet::ids::Position {
        let mut unit = EncodedUnit::new();
        encode_unit(records, &mut unit).unwrap();
        assert!(self.journal.queue.try_take_room(unit.records(), Class::Settlement), "no room");
        self.shadow.lock().unwrap().extend(records.iter().cloned().map(Some));
        wallet::ids::Position(self.journal.queue.push(&unit).0)
    }

    fn pushed(&self) -> wallet::ids::Position {
        wallet::ids::Position(self.journal.queue.pushed().0)
    }
}

/// A journal on a faulty disk, and projections on another.
pub(crate) struct DiskGround {
    machine: Machine,
    journal: DiskJournal,
    /// None only while there is no process.
    writer: Option<Writer<SimStore>>,
    follower: Option<Follower>,
    plain: Projection,
    /// What the process before has dropped.
    dropped: Dropped,
    writes: u64,
}

/// What processes are started on, one after the other.
struct Machine {
    mode: DurabilityMode,
    random: Random,
    /// What was drawn before there were projections here is drawn as it was.
    more: Random,
    planted: Planted,
    calls: Calls,
    lives: u64,
}

/// A process, as far as it came in its start.
enum Life {
    Up(Box<(journal::Journal, Writer<SimStore>, Follower)>),
    Ended(Box<(SimStore, SimProjections)>),
}

fn index(position: u64) -> usize {
    usize::try_from(position).unwrap()
}

/// The records of a group from a position on.
pub(super) fn entries_of(group: &Group<'_>, from: Position) -> Result<Vec<Entry>, String> {
    let records = group.records_from(from).map(|(_, record)| match decode_any(record) {
        Ok(Meaning::Record(record)) => Ok(Some(record)),
        Ok(Meaning::Epoch(_)) => Ok(None),
        Err(error) => Err(error.to_string()),
    });
    records.collect()
}

/// Every record that survives a crash after a position, from the groups themselves.
fn decode(journal: &journal::Journal, after: u64) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut next = Position(after + 1);
    while let Some(bytes) = journal.read(next).map_err(|error| error.to_string())? {
        let group = Group::check(&bytes).map_err(|damage| damage.to_string())?;
        entries.append(&mut entries_of(&group, next)?);
        next = group.last().next();
    }
    Ok(entries)
}

/// The last record that was trimmed.
fn trimmed(journal: &journal::Journal) -> u64 {
    journal.reader().start().unwrap().first.0 - 1
}

impl Machine {
    fn new(seed: u64, planted: Planted, mode: Option<DurabilityMode>, calls: Calls) -> Self {
        let mut more = Random::new(seed ^ 0x0dd5);
        let interval = DurabilityMode::Interval { interval_ms: more.pick(&[2, 10, 40]) };
        let weaker = more.once_in_1000(300);
        let mode = mode.unwrap_or(if weaker { interval } else { DurabilityMode::Sync });
        if mode != DurabilityMode::Sync {
            calls.count(WEAKER_MODE);
        }
        Self { mode, random: Random::new(seed), more, planted, calls, lives: 0 }
    }

    /// One fault a life, and never at its first append, which opens the epoch. Beside it a slow append, and a sync that fails.
    fn plan(&mut self) -> FaultPlan {
        let plan = FaultPlan::none();
        let life = self.lives;
        match self.calls.end() {
            Some(End::Append { life: of, append, fault }) if of == life => return plan.with(append, fault),
            Some(End::Sync { life: of, sync, fault }) if of == life => return plan.with_sync(sync, fault),
            Some(_) => return plan,
            // The first life meets no fault.
            None if life == 0 => return plan,
            None => {}
        }
        let faults = [
            Fault::Full,
            Fault::FailedAndLost,
            Fault::FailedAndThere,
            Fault::FailedAndThereLater,
            Fault::Torn { bytes: self.random.index(400) },
        ];
        let append = self.random.between(1, 60);
        let plan = plan.with(append, self.random.pick(&faults));
        let sync_fault = self.more.pick(&[SyncFault::Failed, SyncFault::FailedAndThereLater]);
        let plan = plan.with_sync(self.more.below(8), sync_fault);
        let (slow, delay_ms) = (self.more.between(1, 60), self.more.between(1, 5_000));
        if slow == append || self.more.once_in_1000(700) { plan } else { plan.with(slow, Fault::Slow { delay_ms }) }
    }

    /// What a start does, as far as it comes: the journal is checked, and that the projections are of it; its epoch is opened;
    /// the projections catch up and are flushed.
    fn start(&mut self, image: FaultyImage, memory: MemoryProjections, now: u64) -> Result<Life, String> {
        self.calls.begin_life();
        let disk = FaultyStore::open(image, self.plan());
        let trims = Random::new(self.more.next());
        let mut store = SimStore::new(disk, self.planted, self.lives, self.calls.clone(), trims);
        let rows = SimProjections::new(memory, self.planted, self.lives, self.calls.clone(), self.more.next());
        let end = match self.goes_on(&mut store, &rows, now) {
            Ok(end) => end,
            Err(Stopped::Disk) => return Ok(Life::Ended(Box::new((store, rows)))),
            Err(Stopped::Wrong(wrong)) => return Err(wrong),
        };
        let settings = JournalSettings { mode: self.mode, room: ROOM, ..JournalSettings::default() };
        let (journal, writer) = journal::Journal::start(store, end, &settings);
        let with = (self.planted, self.calls.clone(), now);
        let follower = Follower::open(rows.clone(), (&journal, &end), with, Random::new(self.more.next()));
        match follower {
            Ok(follower) if !self.calls.is_down() => Ok(Life::Up(Box::new((journal, writer, follower)))),
            Ok(_) | Err(Stopped::Disk) => Ok(Life::Ended(Box::new((writer.into_store(), rows)))),
            Err(Stopped::Wrong(wrong)) => Err(wrong),
        }
    }

    /// Where a journal goes on: at a new epoch; with the bug, in the one that it finds, at the positions that a failed
    /// append may have used.
    fn goes_on(&mut self, store: &mut SimStore, rows: &SimProjections, now: u64) -> Result<ChainEnd, Stopped> {
        let found = check(&*store.reader(), &mut |_, _| {})?;
        let reached = projections::reached(rows).map_err(|_| Stopped::Disk)?;
        adopt(store, &found);
        check_fit(&reached, &found, &*store.reader())?;
        if self.planted == Planted::ReusedEpoch && self.lives > 0 {
            store.adopt(found.end.last, found.superseded);
            return Ok(found.end);
        }
        let writer = if self.lives == 0 { WriterId([1; 16]) } else { self.writer_id() };
        Ok(open_epoch(store, found, writer, now)?.end)
    }

    fn writer_id(&mut self) -> WriterId {
        WriterId(u128::from(self.random.next()).to_le_bytes())
    }
}

impl From<RecoveryError> for Stopped {
    fn from(error: RecoveryError) -> Self {
        match error {
            // The disk fails again while the epoch is opened: one crash more.
            RecoveryError::Epoch(_) => Self::Disk,
            refused => Self::Wrong(refused.to_string()),
        }
    }
}

impl DiskGround {
    /// A journal whose stores count their calls, and end the process at one of them.
    pub(super) fn with_calls(seed: u64, planted: Planted, mode: Option<DurabilityMode>, calls: Calls) -> Self {
        let mut machine = Machine::new(seed, planted, mode, calls);
        let (mut image, mut memory) = (FaultyImage::default(), MemoryProjections::new());
        let (journal, writer, follower) = loop {
            match machine.start(image, memory, 1).unwrap() {
                Life::Up(up) => break *up,
                Life::Ended(ended) => {
                    let (store, rows) = *ended;
                    machine.calls.count(ENDED_IN_START);
                    (image, memory) = (store.inner.crash(0), rows.crash(&mut machine.more));
                    machine.lives += 1;
                }
            }
        };
        let shadow = Arc::new(Mutex::new(decode(&journal, 0).unwrap()));
        let journal = DiskJournal { journal, shadow };
        let plain = Projection::of(Rows::default(), planted);
        let mut ground = Self {
            machine,
            journal,
            writer: Some(writer),
            follower: Some(follower),
            plain,
            dropped: Dropped::default(),
            writes: 0,
        };
        let recorded = ground.recorded();
        ground.begin(Rows::of(&recorded).unwrap()).unwrap();
        ground
    }

    fn follower(&self) -> &Follower {
        self.follower.as_ref().unwrap()
    }

    /// What the follower did, for the world: `false` when the process ends at it.
    fn followed(&self, followed: Result<(), Stopped>) -> Result<bool, String> {
        self.plain.set_dropped(self.follower().dropped());
        match followed {
            Ok(()) => Ok(true),
            Err(Stopped::Disk) => Ok(false),
            Err(Stopped::Wrong(wrong)) => Err(wrong),
        }
    }
}

impl Ground for DiskGround {
    type Journal = DiskJournal;
    type Archive = Archive;

    const PRUNES: bool = true;

    fn new(seed: u64, planted: Planted) -> Self {
        Self::with_calls(seed, planted, None, Calls::default())
    }

    fn journal(&self) -> DiskJournal {
        self.journal.clone()
    }

    fn archive(&self) -> Archive {
        self.follower().archive()
    }

    fn plain(&self) -> &Projection {
        &self.plain
    }

    fn pushed_after(&self, after: u64) -> Vec<Entry> {
        self.journal.shadow.lock().unwrap()[index(after)..].to_vec()
    }

    fn pushed(&self) -> u64 {
        self.journal.pushed().0
    }

    fn durable(&self) -> u64 {
        let durability = &self.journal.journal.durability;
        assert!(self.machine.mode != DurabilityMode::Sync || durability.durable() == durability.synced(), "I3");
        durability.synced().0
    }

    fn write(&mut self, _random: &mut Random, all: bool) -> bool {
        let writer = self.writer.as_mut().unwrap();
        loop {
            self.writes += 1;
            let written = match writer.write_next(self.writes) {
                Ok(None) if all => writer.sync_now(),
                written => written,
            };
            match written {
                Ok(Some(_)) => writer.trim_if_allowed(),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn recorded(&self) -> Vec<Entry> {
        let trimmed = trimmed(&self.journal.journal);
        let mut recorded = self.journal.shadow.lock().unwrap()[..index(trimmed)].to_vec();
        recorded.append(&mut decode(&self.journal.journal, trimmed).unwrap());
        recorded
    }

    fn project(&mut self, most: u64) -> Result<bool, String> {
        let followed = self.follower.as_mut().unwrap().follow(&self.journal.journal, &self.plain, most);
        self.followed(followed)
    }

    fn flush(&mut self) -> Result<(), String> {
        let flushed = self.follower.as_mut().unwrap().flush(&self.journal.journal, &self.plain.rows());
        self.followed(flushed).map(|_| ())
    }

    fn prune(&mut self, now: u64, let_go: &mut dyn FnMut() -> Timestamp) {
        let pushed = self.pushed();
        self.follower.as_mut().unwrap().prune(now, let_go, pushed);
    }

    fn dropped(&self) -> BTreeSet<HoldId> {
        self.follower().dropped()
    }

    fn agrees(&self, seen: u64) -> Result<(), String> {
        self.follower().agrees(&self.plain, seen)
    }

    fn is_down(&self) -> bool {
        self.machine.calls.is_down()
    }

    fn take_delay_ms(&mut self) -> u64 {
        self.machine.calls.take_delay_ms()
    }

    fn events(&self) -> BTreeMap<&'static str, u64> {
        self.machine.calls.events()
    }

    fn crash(&mut self, random: &mut Random, now: u64) -> Result<(Vec<Entry>, u64), String> {
        // Half of the crashes come while a write is on its way: it is on the disk, whole, torn or not at all.
        if random.once_in_1000(500) {
            self.write(random, true);
        }
        let mut store = self.writer.take().unwrap().into_store();
        let (mut rows, dropped) = self.follower.take().unwrap().crash();
        self.dropped = dropped;
        let (journal, writer, follower) = loop {
            let kept = random.index(store.inner.unsynced_groups() + 1);
            let image = store.inner.crash(kept);
            let memory = rows.crash(&mut self.machine.more);
            self.machine.lives += 1;
            match self.machine.start(image, memory, now)? {
                Life::Up(up) => break *up,
                Life::Ended(ended) => {
                    self.machine.calls.count(ENDED_IN_START);
                    (store, rows) = *ended;
                }
            }
        };
        (self.writer, self.follower) = (Some(writer), Some(follower));
        let before = self.journal.shadow.lock().unwrap().clone();
        let trimmed = trimmed(&journal);
        let mut records = before[..index(trimmed)].to_vec();
        records.append(&mut decode(&journal, trimmed)?);
        let epochs = records.iter().rev().take_while(|entry| entry.is_none()).count();
        let lived = before.iter().zip(&records).take_while(|(before, now)| before == now).count();
        if lived + epochs < records.len() {
            return Err(format!("I4: not a prefix: {lived} records of {} and {epochs} new epochs", records.len()));
        }
        let kept = lived.min(records.len()) as u64;
        self.journal = DiskJournal { journal, shadow: Arc::new(Mutex::new(records.clone())) };
        Ok((records, kept))
    }

    fn begin(&mut self, rows: Rows) -> Result<(), String> {
        self.follower.as_mut().unwrap().find_dropped(&self.dropped, &rows)?;
        self.plain = Projection::of(rows, self.machine.planted);
        self.plain.set_dropped(self.follower().dropped());
        Ok(())
    }

    fn load(&mut self, engine: &Engine<DiskJournal, Archive>, now: Now) -> Result<(), String> {
        self.follower.as_mut().unwrap().load(engine, &self.plain, now)
    }
}
