//! The store of the simulated daemon's journal: the faulty one behind a count of all calls, so that a run can end at each.
//!
//! A process that ends at a call goes on in memory until its step is over, and nothing of that reaches a disk: neither store
//! takes anything more. So what a crash leaves is what there was at the call, in a start as well.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use journal::faulty::{Fault, FaultyStore, SyncFault};
use journal::store::{AppendError, GroupBytes, GroupReader, Persist, ReadError, Start, TrimError};
use journal::{GroupKey, Position, Store};

use super::planted::Planted;
use super::random::Random;

/// What a run counts.
pub(super) const SLOW_APPEND: &str = "slow appends";
pub(super) const FAILED_SYNC: &str = "failed syncs";
pub(super) const TRIM: &str = "trims";
pub(super) const FAILED_TRIM: &str = "failed trims";

/// One call of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Call {
    /// In a life of the process, its append of that number.
    Append { life: u64, append: u64 },
    /// In a life of the process, its sync of that number: of groups that were written before.
    Sync { life: u64, sync: u64 },
    /// In a life of the process, the write or flush of the projections of that number.
    Rows { life: u64, number: u64 },
    /// Any other one of the journal. Reads of the projections change nothing and are not counted.
    Other,
}

/// What can happen to a write or a flush of the projections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RowsFault {
    /// Reported as failed, and nothing is done.
    Failed,
    /// Reported as failed, and done all the same.
    FailedAndDone,
    /// Reported as failed, and what was written since the last flush is gone: it must be written again at once.
    FailedAndGone,
    /// The process ends before it.
    ProcessEnds,
}

/// Where a run is to end, once, or what is to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// Nowhere: the run counts.
    Nowhere,
    /// Behind the call of this number.
    Call(usize),
    /// At an append, which fails like this.
    Append { life: u64, append: u64, fault: Fault },
    /// At a sync, which fails like this.
    Sync { life: u64, sync: u64, fault: SyncFault },
    /// At a write or a flush of the projections, which fails like this.
    Rows { life: u64, number: u64, fault: RowsFault },
}

/// The calls of all lives of a run, and what was seen on the way.
#[derive(Clone, Default)]
pub(super) struct Calls {
    shared: Arc<Mutex<Counted>>,
}

#[derive(Default)]
struct Counted {
    /// None: faults come by chance.
    end: Option<End>,
    seen: Vec<Call>,
    /// The process has ended: whatever its memory still does, nothing of it reaches a disk.
    down: bool,
    delayed_ms: u64,
    events: BTreeMap<&'static str, u64>,
}

impl Calls {
    pub(super) fn ending(end: End) -> Self {
        Self { shared: Arc::new(Mutex::new(Counted { end: Some(end), ..Counted::default() })) }
    }

    pub(super) fn end(&self) -> Option<End> {
        self.shared.lock().unwrap().end
    }

    pub(super) fn seen(&self) -> Vec<Call> {
        self.shared.lock().unwrap().seen.clone()
    }

    /// The next process begins.
    pub(super) fn begin_life(&self) {
        self.shared.lock().unwrap().down = false;
    }

    /// Whether the process has ended at a call.
    pub(super) fn is_down(&self) -> bool {
        self.shared.lock().unwrap().down
    }

    /// Ends the process here.
    pub(super) fn go_down(&self) {
        self.shared.lock().unwrap().down = true;
    }

    /// Takes the time that slow appends have cost.
    pub(super) fn take_delay_ms(&self) -> u64 {
        std::mem::take(&mut self.shared.lock().unwrap().delayed_ms)
    }

    pub(super) fn count(&self, event: &'static str) {
        *self.shared.lock().unwrap().events.entry(event).or_default() += 1;
    }

    pub(super) fn events(&self) -> BTreeMap<&'static str, u64> {
        self.shared.lock().unwrap().events.clone()
    }

    /// Counts a call; says whether there is still a process to make it.
    pub(super) fn note(&self, call: Call) -> bool {
        let mut counted = self.shared.lock().unwrap();
        if counted.down {
            return false;
        }
        if counted.end.is_some() {
            counted.down = counted.end == Some(End::Call(counted.seen.len()));
            counted.seen.push(call);
        }
        true
    }
}

pub(super) struct SimStore {
    pub(super) inner: FaultyStore,
    planted: Planted,
    life: u64,
    calls: Calls,
    random: Random,
}

impl SimStore {
    pub(super) const fn new(inner: FaultyStore, planted: Planted, life: u64, calls: Calls, random: Random) -> Self {
        Self { inner, planted, life, calls, random }
    }
}

fn ended() -> AppendError {
    AppendError::Unknown("the process has ended".to_owned())
}

impl Store for SimStore {
    fn append(&mut self, expected_last: Position, group: &[u8], persist: Persist) -> Result<Position, AppendError> {
        if !self.calls.note(Call::Append { life: self.life, append: self.inner.appends() }) {
            return Err(ended());
        }
        // With the bug the disk is not asked to sync, and the writer is told that it has.
        let persist = if self.planted == Planted::AcknowledgedBeforeDurable { Persist::Written } else { persist };
        let appended = self.inner.append(expected_last, group, persist);
        let delay_ms = self.inner.take_delay_ms();
        if delay_ms > 0 {
            self.calls.count(SLOW_APPEND);
            self.calls.shared.lock().unwrap().delayed_ms += delay_ms;
        }
        appended
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        if !self.calls.note(Call::Sync { life: self.life, sync: self.inner.syncs() }) {
            return Err(ended());
        }
        if self.planted == Planted::AcknowledgedBeforeDurable {
            return Ok(());
        }
        self.inner.sync().inspect_err(|_| self.calls.count(FAILED_SYNC))
    }

    fn tail(&self) -> Position {
        self.inner.tail()
    }

    fn adopt(&mut self, tail: Position, superseded: Vec<GroupKey>) {
        self.calls.note(Call::Other);
        self.inner.adopt(tail, superseded);
    }

    fn trim(&mut self, up_to: Position) -> Result<Start, TrimError> {
        let alive = self.calls.note(Call::Other);
        if !alive || self.calls.end().is_none() && self.random.once_in_1000(100) {
            self.calls.count(FAILED_TRIM);
            return Err(TrimError("told to fail".to_owned()));
        }
        self.calls.count(TRIM);
        self.inner.trim(up_to)
    }

    fn reader(&self) -> Arc<dyn GroupReader> {
        Arc::new(SimReader { inner: self.inner.reader(), calls: self.calls.clone() })
    }
}

struct SimReader {
    inner: Arc<dyn GroupReader>,
    calls: Calls,
}

impl GroupReader for SimReader {
    fn start(&self) -> Result<Start, ReadError> {
        self.calls.note(Call::Other);
        self.inner.start()
    }

    fn read(&self, from: Position) -> Result<Option<GroupBytes>, ReadError> {
        self.calls.note(Call::Other);
        self.inner.read(from)
    }

    fn scan(&self, from: Position, visit: &mut dyn FnMut(GroupKey, &[u8]) -> ControlFlow<()>) -> Result<(), ReadError> {
        self.calls.note(Call::Other);
        self.inner.scan(from, visit)
    }
}
