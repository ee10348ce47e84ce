//! The store of the simulated daemon: the faulty one behind a count of its calls, so that a run can end at each.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use journal::faulty::{Fault, FaultyStore};
use journal::store::{AppendError, GroupBytes, GroupReader, Persist, ReadError, Start, TrimError};
use journal::{GroupKey, Position, Store};

use super::planted::Planted;

/// One call of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Call {
    /// In a life of the process, its append of that number.
    Append { life: u64, append: u64 },
    /// Any other one.
    Other,
}

/// Where a run is to end, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// Nowhere: the run counts.
    Nowhere,
    /// Behind the call of this number.
    Call(usize),
    /// At an append, which fails like this.
    Append { life: u64, append: u64, fault: Fault },
}

/// The calls of all lives of a run.
#[derive(Clone, Default)]
pub(super) struct Calls {
    shared: Arc<Mutex<Counted>>,
}

#[derive(Default)]
struct Counted {
    /// None: faults come by chance.
    end: Option<End>,
    seen: Vec<Call>,
    down: bool,
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

    /// Whether the process is to end now; it is told once.
    pub(super) fn take_down(&self) -> bool {
        std::mem::take(&mut self.shared.lock().unwrap().down)
    }

    fn note(&self, call: Call) {
        let mut counted = self.shared.lock().unwrap();
        if counted.end.is_none() {
            return;
        }
        counted.down |= counted.end == Some(End::Call(counted.seen.len()));
        counted.seen.push(call);
    }
}

pub(super) struct SimStore {
    pub(super) inner: FaultyStore,
    planted: Planted,
    life: u64,
    calls: Calls,
}

impl SimStore {
    pub(super) const fn new(inner: FaultyStore, planted: Planted, life: u64, calls: Calls) -> Self {
        Self { inner, planted, life, calls }
    }
}

impl Store for SimStore {
    fn append(&mut self, expected_last: Position, group: &[u8], persist: Persist) -> Result<Position, AppendError> {
        self.calls.note(Call::Append { life: self.life, append: self.inner.appends() });
        // With the bug the disk is not asked to sync, and the writer is told that it has.
        let persist = if self.planted == Planted::AcknowledgedBeforeDurable { Persist::Written } else { persist };
        self.inner.append(expected_last, group, persist)
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        self.calls.note(Call::Other);
        self.inner.sync()
    }

    fn tail(&self) -> Position {
        self.inner.tail()
    }

    fn adopt(&mut self, tail: Position, superseded: Vec<GroupKey>) {
        self.calls.note(Call::Other);
        self.inner.adopt(tail, superseded);
    }

    fn trim(&mut self, up_to: Position) -> Result<Start, TrimError> {
        self.calls.note(Call::Other);
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
