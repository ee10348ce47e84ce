//! How far the journal has got: what is written, what is synced, what may be answered; and who waits for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::utils::CachePadded;
use parking_lot::{Condvar, Mutex};

use crate::keys::Position;

/// When a positive answer may leave (I3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DurabilityMode {
    /// After its record is synced.
    #[default]
    Sync,
    /// After its record is written; synced at most so long afterwards. A crash loses at most this much.
    Interval {
        /// Longest time between two syncs while records arrive.
        interval_ms: u64,
    },
    /// There is no disk: for tests.
    Memory,
}

impl DurabilityMode {
    /// Whether an answer that leaves is safe from a power cut; every answer carries it.
    #[must_use]
    pub const fn is_durable(self) -> bool {
        matches!(self, Self::Sync)
    }
}

const _: () = assert!(DurabilityMode::Sync.is_durable(), "I3: an answer of mode `sync` is safe");
const _: () = assert!(!DurabilityMode::Interval { interval_ms: 1 }.is_durable(), "I3: weaker modes say so");
const _: () = assert!(!DurabilityMode::Memory.is_durable(), "I3: weaker modes say so");

/// The progress of one journal. The writer alone moves it; everybody reads it.
#[derive(Debug)]
pub struct Durability {
    mode: DurabilityMode,
    answerable: CachePadded<AtomicU64>,
    synced: CachePadded<AtomicU64>,
    trim_to: AtomicU64,
    failed: AtomicBool,
    waiting: AtomicU64,
    lock: Mutex<()>,
    moved: Condvar,
}

impl Durability {
    /// A journal whose records up to `last` are synced.
    #[must_use]
    pub fn new(last: Position, mode: DurabilityMode) -> Self {
        Self {
            mode,
            answerable: CachePadded::new(AtomicU64::new(last.0)),
            synced: CachePadded::new(AtomicU64::new(last.0)),
            trim_to: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
            lock: Mutex::new(()),
            moved: Condvar::new(),
        }
    }

    /// The mode that it runs in.
    #[must_use]
    pub const fn mode(&self) -> DurabilityMode {
        self.mode
    }

    /// Answers that rest on records up to here may leave: synced in mode `sync`, written in mode `interval`.
    #[must_use]
    pub fn durable(&self) -> Position {
        Position(self.answerable.load(Ordering::Acquire))
    }

    /// Records up to here survive a power cut. Projections read no further.
    #[must_use]
    pub fn synced(&self) -> Position {
        Position(self.synced.load(Ordering::Acquire))
    }

    /// Whether a write has failed: nothing will become durable any more, and the process is about to end.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Sleeps until records after `position` are synced, somebody calls [`wake`](Self::wake), the writer fails, or the
    /// time is over; says how far the journal is synced. For threads that loop over it; connections are woken by the
    /// writer's events.
    pub fn wait_past(&self, position: Position, at_most: Duration) -> Position {
        let before = self.synced();
        // SeqCst here and in `wake`: either the writer sees that somebody waits, or the waiter sees the new position.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock.lock();
        if self.synced.load(Ordering::SeqCst) <= position.0 && !self.has_failed() {
            self.moved.wait_for(&mut guard, at_most);
        }
        drop(guard);
        let waiting = self.waiting.fetch_sub(1, Ordering::SeqCst);
        assert!(waiting > 0, "who waits is counted");
        let synced = self.synced();
        assert!(synced >= before, "I3: what is synced stays synced");
        synced
    }

    /// Wakes everybody in [`wait_past`](Self::wait_past) without a change, so that a thread can be told to stop.
    pub fn wake(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock());
            self.moved.notify_all();
        }
    }

    /// Says that everything that is derived from records up to `position` is flushed: the journal may forget them.
    pub fn allow_trim(&self, position: Position) {
        assert!(position <= self.synced(), "I3: a flush rests on records that are synced");
        self.trim_to.fetch_max(position.0, Ordering::Release);
        assert!(self.trim_allowed() >= position, "what was allowed stays allowed");
    }

    /// How far trimming is allowed.
    #[must_use]
    pub fn trim_allowed(&self) -> Position {
        Position(self.trim_to.load(Ordering::Acquire))
    }

    pub(crate) fn publish_answerable(&self, position: Position) {
        assert!(position >= self.durable(), "durability never goes back");
        assert!(!self.has_failed(), "I3: nothing becomes durable after a failure");
        self.answerable.store(position.0, Ordering::Release);
        assert!(self.durable() == position, "the writer alone moves it");
    }

    pub(crate) fn publish_synced(&self, position: Position) {
        assert!(position >= self.synced(), "durability never goes back");
        assert!(!self.has_failed(), "I3: nothing becomes durable after a failure");
        self.synced.store(position.0, Ordering::SeqCst);
        assert!(self.synced() == position, "the writer alone moves it");
        self.wake();
    }

    pub(crate) fn publish_failed(&self) {
        assert!(self.synced() <= self.durable(), "I3: what is synced may be answered");
        let failed = self.failed.swap(true, Ordering::SeqCst);
        assert!(!failed, "a journal fails once");
        self.wake();
    }
}

#[cfg(test)]
mod tests;
