//! Group commit: one thread takes what has gathered in the queue, appends it, syncs it, and says how far it got.
//!
//! While a sync runs the next group gathers, so that throughput grows with load and latency does not. The writer never
//! waits for a connection and touches no wallet. A failed write or sync is the end of it: what is on disk after one
//! only a recovery can tell, and a second sync that succeeds says nothing about the first one's data.

use std::sync::Arc;
use std::time::Duration;

use crate::durability::{Durability, DurabilityMode};
use crate::group::{GROUP_BYTES_MAX, GroupHash, Header, seal};
use crate::keys::{Epoch, Position};
use crate::queue::{Gathered, Queue, Woken};
use crate::recent::RecentGroups;
use crate::store::{AppendError, Persist, Store};

/// Where the journal ends: what the next group must follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// The last record.
    pub last: Position,
    /// The hash of the last group.
    pub hash: GroupHash,
    /// The epoch in force.
    pub epoch: Epoch,
}

impl ChainEnd {
    /// I4: where a journal ends that may be written: in an epoch, and at a record where there is a group.
    pub(crate) fn assert_open(&self) {
        assert!(self.epoch > Epoch::NONE, "a recovery has opened the epoch");
        assert!((self.last == Position::NONE) == (self.hash == GroupHash::NONE), "a journal ends with a group");
    }
}

/// What one call of [`Writer::write_next`] made known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Records in the group; 0 when only a sync was due.
    pub records: u32,
    /// Bytes of the group.
    pub bytes: usize,
    /// Answers that rest on records up to here may leave.
    pub durable: Position,
    /// Records up to here are synced.
    pub synced: Position,
}

/// The journal takes nothing any more. The process answers `outcome_unknown` for at most a second and ends with 75.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal failed after record {last}: {error}")]
pub struct WriteFailed {
    /// The last record that was appended without an error.
    pub last: Position,
    /// What the store said.
    #[source]
    pub error: AppendError,
}

/// An instant by two clocks. The daemon's time may stand still for a while, go at half speed or leap, so that nothing that
/// is promised as a time is measured by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instants {
    /// The daemon's time in milliseconds since 1970: what groups say.
    pub time_ms: u64,
    /// Milliseconds of a clock that goes on by itself, from any beginning: what the interval is measured by.
    pub monotonic_ms: u64,
}

/// What the shell does for the writer's thread: it has the clocks, the connections and the exit.
pub trait WriterEvents {
    /// What the clocks say.
    fn now(&mut self) -> Instants;
    /// The store is about to be asked, to append a group or to sync if that is due: a place to start a stopwatch.
    fn appending(&mut self) {}
    /// The store has done what was asked of it since then, trims included, and the writer goes on to wait.
    fn settled(&mut self) {}
    /// The positions moved: wake whoever waits for them.
    fn published(&mut self, published: &Published);
    /// The journal has failed; nothing follows. The shell ends the process.
    fn failed(&mut self, failure: &WriteFailed);
}

/// The writer of one journal.
#[derive(Debug)]
pub struct Writer<S> {
    store: S,
    queue: Arc<Queue>,
    durability: Arc<Durability>,
    recent: Arc<RecentGroups>,
    end: ChainEnd,
    /// Mode `interval`: when the first group was written that is not synced yet, by the monotonic clock.
    unsynced_since_ms: Option<u64>,
    trimmed_to: Position,
    failed: Option<WriteFailed>,
}

impl<S: Store> Writer<S> {
    /// A writer that goes on at `end`, as recovery found it. Queue, durability and store must agree with it.
    #[must_use]
    pub fn new(
        store: S,
        end: ChainEnd,
        queue: Arc<Queue>,
        durability: Arc<Durability>,
        recent: Arc<RecentGroups>,
    ) -> Self {
        assert_eq!(store.tail(), end.last, "the store ends where the chain ends");
        assert_eq!(durability.synced(), end.last, "a writer begins with everything synced");
        assert!(durability.durable() == end.last, "I3: nothing is answered that is not in the store");
        assert!(queue.pushed() >= end.last, "I4: what is pushed comes after the end");
        end.assert_open();
        Self {
            store,
            queue,
            durability,
            recent,
            end,
            unsynced_since_ms: None,
            trimmed_to: Position::NONE,
            failed: None,
        }
    }

    /// [`Writer::write_next_at`] for whoever has one clock, which goes evenly: simulations and tools.
    ///
    /// # Errors
    /// [`WriteFailed`].
    pub fn write_next(&mut self, now_ms: u64) -> Result<Option<Published>, WriteFailed> {
        self.write_next_at(Instants { time_ms: now_ms, monotonic_ms: now_ms })
    }

    /// Writes the oldest group that has gathered, or syncs if that is due, and publishes how far the journal got.
    /// `None`: there was nothing to do.
    ///
    /// # Errors
    /// [`WriteFailed`], and from then on always the same one: nothing is ever appended after a failure.
    pub fn write_next_at(&mut self, now: Instants) -> Result<Option<Published>, WriteFailed> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.assert_in_step();
        let before = self.end.last;
        let written = match self.queue.take_group() {
            Some(group) => self.append(group, now),
            None => self.sync_if_due(now.monotonic_ms),
        };
        assert!(self.end.last >= before, "I4: a journal only grows");
        if written.is_ok() {
            self.assert_in_step();
        }
        written.map_err(|error| self.fail(error))
    }

    /// I3, between two calls, as long as nothing has failed: synced, answerable, stored, pushed, in this order.
    fn assert_in_step(&self) {
        let (synced, durable) = (self.durability.synced(), self.durability.durable());
        assert!(synced <= durable, "what is synced may be answered");
        assert!(durable == self.end.last, "what is in the store may be answered, and nothing else");
        assert!(self.store.tail() == self.end.last, "the store counts alike");
        assert!(self.end.last <= self.queue.pushed(), "nothing is written that was not pushed");
        assert!(
            self.unsynced_since_ms.is_some() || synced == durable,
            "a sync is due as long as something waits for it"
        );
        assert!(self.trimmed_to <= synced, "only what is synced is trimmed");
    }

    /// Syncs what mode `interval` has written and not synced. A drain ends with it, and so does a start.
    ///
    /// # Errors
    /// [`WriteFailed`].
    pub fn sync_now(&mut self) -> Result<Option<Published>, WriteFailed> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.assert_in_step();
        if self.unsynced_since_ms.is_none() {
            assert!(self.durability.synced() == self.end.last, "I3: what waits for no sync is synced");
            return Ok(None);
        }
        self.sync_written().map(Some).map_err(|error| self.fail(error))
    }

    /// The loop of the writer's thread: until the queue is closed and empty, or a write fails. Returns the store.
    pub fn run(mut self, events: &mut impl WriterEvents) -> S {
        let ended = loop {
            let at_most = self.sleep_at_most(|| events.now().monotonic_ms);
            let woken = self.queue.wait(at_most);
            events.appending();
            let written = match woken {
                Woken::Pushed | Woken::Idle => self.write_next_at(events.now()),
                Woken::SyncWanted => self.sync_now(),
                Woken::Closed => break self.sync_now(),
            };
            match written {
                Ok(Some(published)) => events.published(&published),
                Ok(None) => {}
                Err(failure) => break Err(failure),
            }
            self.trim_if_allowed();
            events.settled();
        };
        match ended {
            Ok(Some(published)) => events.published(&published),
            Ok(None) => {}
            Err(failure) => events.failed(&failure),
        }
        events.settled();
        assert!(self.failed.is_some() || self.durability.synced() == self.end.last, "I3: a drain ends with a sync");
        assert!(self.failed.is_some() == self.durability.has_failed(), "a failure is known to all");
        self.store
    }

    /// Trims the store as far as the projections allow. A trim that fails is tried again with the next allowance.
    pub fn trim_if_allowed(&mut self) {
        let allowed = self.durability.trim_allowed();
        if allowed <= self.trimmed_to || self.failed.is_some() {
            return;
        }
        self.assert_in_step();
        assert!(allowed <= self.durability.synced(), "I3: a flush rests on records that are synced");
        self.trimmed_to = allowed;
        match self.store.trim(allowed) {
            Ok(start) => {
                assert!(start.first <= self.end.last, "I4: a trim keeps the last group");
                tracing::debug!(first = start.first.0, "the journal was trimmed");
            }
            Err(error) => tracing::warn!(%error, up_to = allowed.0, "the journal was not trimmed"),
        }
    }

    /// Where the journal ends.
    #[must_use]
    pub const fn end(&self) -> ChainEnd {
        self.end
    }

    /// The store, for readers and for the simulator's faults.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Gives the store back, without a sync.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }

    fn append(&mut self, group: Gathered, now: Instants) -> Result<Option<Published>, AppendError> {
        let Gathered { first, records, mut buffer } = group;
        assert_eq!(first, self.end.last.next(), "the queue and the journal count alike");
        let header = Header { records, epoch: self.end.epoch, first, time_ms: now.time_ms, previous: self.end.hash };
        header.assert_follows(&self.end);
        let hash = seal(&mut buffer, header);
        let bytes = buffer.len();
        assert!(bytes <= GROUP_BYTES_MAX, "I9: a group has a limit");
        let last = self.store.append(self.end.last, &buffer, self.persist())?;
        assert_eq!(last, header.last(), "the store counts alike");
        assert!(last > self.end.last, "I4: the journal grows");
        assert!(last <= self.queue.pushed(), "nothing is written that was not pushed");
        self.end.last = last;
        self.end.hash = hash;
        let queue = &self.queue;
        self.recent.push(buffer, |free| queue.recycle(free));
        self.publish(now.monotonic_ms)?;
        assert!(self.durability.durable() == last, "I3: what was appended may be answered, and nothing else");
        self.queue.give_back(records);
        Ok(Some(self.published(records, bytes)))
    }

    /// Publishes the end of the journal. The sync comes before the publication (I3).
    fn publish(&mut self, monotonic_ms: u64) -> Result<(), AppendError> {
        let last = self.end.last;
        assert!(self.store.tail() == last, "I3: what is published is in the store");
        assert!(last > self.durability.durable(), "each group is published once");
        match self.durability.mode() {
            DurabilityMode::Sync | DurabilityMode::Memory => {
                self.durability.publish_answerable(last);
                self.durability.publish_synced(last);
            }
            DurabilityMode::Interval { .. } => {
                self.durability.publish_answerable(last);
                self.unsynced_since_ms.get_or_insert(monotonic_ms);
                self.sync_if_due(monotonic_ms)?;
            }
        }
        Ok(())
    }

    fn sync_if_due(&mut self, monotonic_ms: u64) -> Result<Option<Published>, AppendError> {
        let (DurabilityMode::Interval { interval_ms }, Some(since)) = (self.durability.mode(), self.unsynced_since_ms)
        else {
            return Ok(None);
        };
        self.assert_in_step();
        // A clock that went back against its promise syncs at once rather than late.
        let waited = monotonic_ms.checked_sub(since);
        if waited.is_some_and(|waited| waited < interval_ms) {
            return Ok(None);
        }
        assert!(self.durability.synced() < self.end.last, "a sync is due only where something waits for it");
        self.sync_written().map(Some)
    }

    fn sync_written(&mut self) -> Result<Published, AppendError> {
        assert!(self.persist() == Persist::Written, "what was appended with a sync needs no other");
        assert!(self.durability.synced() <= self.end.last, "nothing is synced that was not written");
        self.store.sync()?;
        self.unsynced_since_ms = None;
        self.durability.publish_synced(self.end.last);
        assert!(self.durability.synced() == self.durability.durable(), "I3: a sync catches up with the answers");
        Ok(self.published(0, 0))
    }

    fn published(&self, records: u32, bytes: usize) -> Published {
        let (durable, synced) = (self.durability.durable(), self.durability.synced());
        assert!((records == 0) == (bytes == 0), "a group has records and bytes");
        assert!(synced <= durable, "what is synced may be answered");
        assert!(durable <= self.end.last, "I3: nothing is answered that was not written");
        Published { records, bytes, durable, synced }
    }

    fn persist(&self) -> Persist {
        match self.durability.mode() {
            DurabilityMode::Sync | DurabilityMode::Memory => Persist::Synced,
            DurabilityMode::Interval { .. } => Persist::Written,
        }
    }

    /// Until a sync is due, counted from what waits the longest for it, or until it is time to look around.
    fn sleep_at_most(&self, monotonic_ms: impl FnOnce() -> u64) -> Duration {
        let (DurabilityMode::Interval { interval_ms }, Some(since)) = (self.durability.mode(), self.unsynced_since_ms)
        else {
            return TRIM_LOOK_INTERVAL;
        };
        // As in `sync_if_due`: where the clock went back the sync is due.
        let left_ms = monotonic_ms().checked_sub(since).map_or(0, |waited| interval_ms.saturating_sub(waited));
        assert!(left_ms <= interval_ms, "what is written is not synced later than was promised");
        Duration::from_millis(left_ms).min(TRIM_LOOK_INTERVAL)
    }

    fn fail(&mut self, error: AppendError) -> WriteFailed {
        assert!(self.failed.is_none(), "nothing is tried after a failure");
        let failure = WriteFailed { last: self.end.last, error };
        self.failed = Some(failure.clone());
        self.durability.publish_failed();
        assert!(self.durability.durable() <= failure.last, "I3: nothing is answered that failed");
        assert!(self.durability.has_failed(), "a failure is known to all");
        failure
    }
}

/// How often an idle writer looks whether it may trim, and whether something was pushed in passing.
const TRIM_LOOK_INTERVAL: Duration = Duration::from_secs(1);

const _: () = assert!(!TRIM_LOOK_INTERVAL.is_zero(), "an idle writer sleeps");

#[cfg(test)]
mod tests;
