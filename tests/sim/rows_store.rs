//! The store of the simulated daemon's projections: in memory, with writes and flushes that fail, and behind the same count of
//! calls as the journal's. A crash takes back what no flush has followed, or leaves some of it.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use journal::projections::store::Show;
use journal::projections::{BatchWriter, Family, Frozen, MemoryProjections, ProjectionStore, StoreError};

use super::planted::Planted;
use super::random::Random;
use super::store::{Call, Calls, End, RowsFault};

/// What a run counts.
pub(super) const FAILED_WRITE: &str = "writes and flushes of the projections that failed";
pub(super) const LOST_WRITE: &str = "writes of the projections that were lost and written again";
pub(super) const FAILED_READ: &str = "reads of the projections that failed";
pub(super) const ENDED: &str = "processes that ended at a call of the projections";

/// The store; clones are the same store.
#[derive(Clone)]
pub(crate) struct SimProjections {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Mutex<MemoryProjections>,
    state: Mutex<State>,
    planted: Planted,
    life: u64,
    calls: Calls,
}

struct State {
    random: Random,
    /// Writes and flushes so far.
    number: u64,
    /// What was written since the last flush is gone with the error that was told.
    gone: bool,
    /// The read that fails while records are applied, counted down.
    unreadable_in: Option<u64>,
    applying: bool,
}

fn told_to_fail() -> StoreError {
    StoreError("IO error: told to fail".to_owned())
}

impl SimProjections {
    pub(super) fn new(disk: MemoryProjections, planted: Planted, life: u64, calls: Calls, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let unreadable = calls.end().is_none() && life > 0 && random.once_in_1000(60);
        let unreadable_in = unreadable.then(|| random.below(60));
        let state = State { random, number: 0, gone: false, unreadable_in, applying: false };
        let shared = Shared { disk: Mutex::new(disk), state: Mutex::new(state), planted, life, calls };
        Self { shared: Arc::new(shared) }
    }

    /// What the next process finds: all that was flushed, and of what was only written the first part.
    pub(super) fn crash(&self, random: &mut Random) -> MemoryProjections {
        let disk = self.disk();
        disk.crashed_after(random.index(disk.unflushed_writes() + 1))
    }

    /// Records are being applied: only then may a read fail, because a request's would be answered otherwise.
    pub(super) fn set_applying(&self, applying: bool) {
        self.shared.state.lock().unwrap().applying = applying;
    }

    fn disk(&self) -> MemoryProjections {
        self.shared.disk.lock().unwrap().clone()
    }

    fn read(&self) -> Result<MemoryProjections, StoreError> {
        let mut state = self.shared.state.lock().unwrap();
        if state.applying
            && let Some(left) = &mut state.unreadable_in
        {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => {
                    self.shared.calls.count(FAILED_READ);
                    return Err(told_to_fail());
                }
            }
        }
        Ok(self.disk())
    }

    /// What happens to the next write or flush.
    fn fault(&self) -> Option<RowsFault> {
        let mut state = self.shared.state.lock().unwrap();
        let (life, number) = (self.shared.life, state.number);
        state.number += 1;
        if !self.shared.calls.note(Call::Rows { life, number }) {
            return Some(RowsFault::Failed);
        }
        match self.shared.calls.end() {
            Some(End::Rows { life: of, number: at, fault }) => ((of, at) == (life, number)).then_some(fault),
            Some(_) => None,
            None => match state.random.below(1_000) {
                0..50 => Some(RowsFault::Failed),
                50..80 => Some(RowsFault::FailedAndDone),
                80..110 => Some(RowsFault::FailedAndGone),
                110..116 => Some(RowsFault::ProcessEnds),
                _ => None,
            },
        }
    }

    fn change(&self, change: impl FnOnce(&MemoryProjections) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let Some(fault) = self.fault() else { return change(&self.disk()) };
        self.shared.calls.count(FAILED_WRITE);
        match fault {
            RowsFault::Failed => {}
            RowsFault::FailedAndDone => change(&self.disk())?,
            RowsFault::FailedAndGone => self.shared.state.lock().unwrap().gone = true,
            RowsFault::ProcessEnds => {
                self.shared.calls.count(ENDED);
                self.shared.calls.go_down();
            }
        }
        Err(told_to_fail())
    }
}

impl ProjectionStore for SimProjections {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read()?.value(family, key)
    }

    fn last_up_to(&self, family: Family, key: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.read()?.last_up_to(family, key, show)
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
        self.read()?.scan(family, from, show)
    }

    fn write(&self, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> Result<(), StoreError> {
        self.change(|disk| {
            if self.shared.planted == Planted::PruneTakesMore {
                return disk.write(&mut |batch| fill(&mut OneMore { batch, disk }));
            }
            disk.write(fill)
        })
    }

    fn freeze(&self, read: &mut dyn FnMut(&dyn Frozen)) {
        self.disk().freeze(read);
    }

    fn flush(&self) -> Result<(), StoreError> {
        // With the bug it is told that it is flushed, and it is not.
        self.change(|disk| if self.shared.planted == Planted::FlushOnlySaid { Ok(()) } else { disk.flush() })
    }

    fn recover(&self, _from: &StoreError) -> bool {
        let gone = std::mem::take(&mut self.shared.state.lock().unwrap().gone);
        if gone {
            self.shared.calls.count(LOST_WRITE);
            let mut disk = self.shared.disk.lock().unwrap();
            *disk = disk.crashed();
        }
        gone
    }
}

/// The bug of a removal that takes one entry too many.
struct OneMore<'a> {
    batch: &'a mut dyn BatchWriter,
    disk: &'a MemoryProjections,
}

impl BatchWriter for OneMore<'_> {
    fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        self.batch.put(family, key, value);
    }

    fn delete(&mut self, family: Family, key: &[u8]) {
        self.batch.delete(family, key);
    }

    fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]) {
        self.batch.delete_range(family, from, to);
        let mut next = None;
        let read = self.disk.scan(family, to, &mut |key, _| {
            next = Some(key.to_vec());
            ControlFlow::Break(())
        });
        read.unwrap();
        if let Some(next) = next {
            self.batch.delete(family, &next);
        }
    }
}
