//! The second layer: the real queue, writer, record codec and recovery over a store that tears, loses and fails.

use std::sync::{Arc, Mutex};

use journal::codec::{decode_any, encode_unit};
use journal::faulty::{Fault, FaultPlan, FaultyImage, FaultyStore};
use journal::record::Meaning;
use journal::recovery::{RecoveryError, check, recover};
use journal::{
    ChainEnd, Class, EncodedUnit, Group, JournalSettings, Position, RoomLimits, Store as _, Writer, WriterId,
};
use wallet::engine::Journal;
use wallet::record::Record;

use super::ground::{Entry, Ground};
use super::planted::Planted;
use super::random::Random;
use super::store::{Calls, End, SimStore};

/// More than a simulated process ever has on its way.
const ROOM: RoomLimits = RoomLimits { journal_room_records: 1 << 20, settlement_share_records: 1 << 10 };

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

/// A journal on a faulty disk.
pub(crate) struct DiskGround {
    journal: DiskJournal,
    writer: Option<Writer<SimStore>>,
    random: Random,
    writes: u64,
    planted: Planted,
    calls: Calls,
    lives: u64,
}

fn index(position: u64) -> usize {
    usize::try_from(position).unwrap()
}

fn start(store: SimStore, end: ChainEnd) -> (journal::Journal, Writer<SimStore>) {
    let settings = JournalSettings { room: ROOM, ..JournalSettings::default() };
    journal::Journal::start(store, end, &settings)
}

/// Every durable record after a position, from the groups themselves.
fn decode(journal: &journal::Journal, after: u64, most: u64) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let last = journal.durability.synced().0.min(after.saturating_add(most));
    let mut next = after + 1;
    while next <= last {
        let bytes = journal.read(Position(next)).map_err(|error| error.to_string())?.ok_or("no group")?;
        let group = Group::check(&bytes).map_err(|damage| damage.to_string())?;
        for (position, record) in group.records() {
            if position.0 < next || position.0 > last {
                continue;
            }
            entries.push(match decode_any(record).map_err(|error| error.to_string())? {
                Meaning::Record(record) => Some(record),
                Meaning::Epoch(_) => None,
            });
            next += 1;
        }
    }
    Ok(entries)
}

impl DiskGround {
    /// One fault a life, and never at its first append, which opens the epoch.
    fn plan(&mut self) -> FaultPlan {
        match self.calls.end() {
            Some(End::Append { life, append, fault }) if life == self.lives => {
                return FaultPlan::none().with(append, fault);
            }
            Some(_) => return FaultPlan::none(),
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
        FaultPlan::none().with(append, self.random.pick(&faults))
    }

    /// A journal whose store counts its calls, and ends the process at one of them.
    pub(super) fn with_calls(seed: u64, planted: Planted, calls: Calls) -> Self {
        let plan = match calls.end() {
            Some(End::Append { life: 0, append, fault }) if append > 0 => FaultPlan::none().with(append, fault),
            _ => FaultPlan::none(),
        };
        let mut store = SimStore::new(FaultyStore::open(FaultyImage::default(), plan), planted, 0, calls.clone());
        let recovered = recover(&mut store, WriterId([1; 16]), 1).unwrap();
        let (journal, writer) = start(store, recovered.end);
        let journal = DiskJournal { journal, shadow: Arc::new(Mutex::new(vec![None])) };
        Self { journal, writer: Some(writer), random: Random::new(seed), writes: 0, planted, calls, lives: 0 }
    }

    /// Where a journal goes on: at a new epoch; with the bug, in the one that it finds, at the positions that a failed
    /// append may have used.
    fn goes_on(&mut self, store: &mut SimStore, now: u64) -> Result<ChainEnd, RecoveryError> {
        if self.planted == Planted::ReusedEpoch {
            let found = check(&*store.reader(), &mut |_, _| {})?;
            store.adopt(found.end.last, found.superseded);
            return Ok(found.end);
        }
        recover(store, self.writer_id(), now).map(|recovered| recovered.end)
    }

    fn writer_id(&mut self) -> WriterId {
        WriterId(u128::from(self.random.next()).to_le_bytes())
    }
}

impl Ground for DiskGround {
    type Journal = DiskJournal;

    fn new(seed: u64, planted: Planted) -> Self {
        Self::with_calls(seed, planted, Calls::default())
    }

    fn journal(&self) -> DiskJournal {
        self.journal.clone()
    }

    fn pushed_after(&self, after: u64) -> Vec<Entry> {
        self.journal.shadow.lock().unwrap()[index(after)..].to_vec()
    }

    fn pushed(&self) -> u64 {
        self.journal.pushed().0
    }

    fn durable(&self) -> u64 {
        self.journal.journal.durability.durable().0
    }

    fn write(&mut self, _random: &mut Random, _all: bool) -> bool {
        let writer = self.writer.as_mut().unwrap();
        loop {
            self.writes += 1;
            match writer.write_next(self.writes) {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn read(&self, after: u64, most: u64) -> Vec<Entry> {
        decode(&self.journal.journal, after, most).unwrap()
    }

    fn is_down(&self) -> bool {
        self.calls.take_down()
    }

    fn crash(&mut self, random: &mut Random, now: u64) -> Result<(Vec<Entry>, u64), String> {
        // Half of the crashes come while a write is on its way: it is on the disk, whole, torn or not at all.
        if random.once_in_1000(500) {
            self.write(random, true);
        }
        let mut store = self.writer.take().unwrap().into_store();
        let end = loop {
            let kept = random.index(store.inner.unsynced_groups() + 1);
            self.lives += 1;
            let plan = self.plan();
            let disk = FaultyStore::open(store.inner.crash(kept), plan);
            store = SimStore::new(disk, self.planted, self.lives, self.calls.clone());
            match self.goes_on(&mut store, now) {
                Ok(end) => break end,
                // The disk fails again while the epoch is opened: one crash more.
                Err(RecoveryError::Epoch(_)) => {}
                Err(refused) => return Err(refused.to_string()),
            }
        };
        let (journal, writer) = start(store, end);
        self.writer = Some(writer);
        let records = decode(&journal, 0, u64::MAX)?;
        let before = self.journal.shadow.lock().unwrap().clone();
        let epochs = records.iter().rev().take_while(|entry| entry.is_none()).count();
        let lived = before.iter().zip(&records).take_while(|(before, now)| before == now).count();
        if lived + epochs < records.len() {
            return Err(format!("I4: not a prefix: {lived} records of {} and {epochs} new epochs", records.len()));
        }
        let kept = lived.min(records.len()) as u64;
        self.journal = DiskJournal { journal, shadow: Arc::new(Mutex::new(records.clone())) };
        Ok((records, kept))
    }
}
