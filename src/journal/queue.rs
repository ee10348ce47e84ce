//! The one FIFO of a partition: pushing gives records their place in the journal, the writer takes them out in groups.
//!
//! It is linearizable because everything happens under one lock, and cheap because the lock is held for one copy of
//! encoded bytes. The proof of the order of memory and journal rests on it (design, section 4).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam::utils::CachePadded;
use parking_lot::{Condvar, Mutex};

use crate::group::{BODY_BYTES_MAX, HEADER_BYTES, empty_buffer};
use crate::keys::Position;
use crate::room::{Class, Room, RoomLimits};
use crate::unit::{EncodedUnit, first_record};

/// Buffers that are kept for the next groups; more are freed.
const SPARE_BUFFERS_MAX: usize = 4;

const _: () = assert!(SPARE_BUFFERS_MAX >= 2, "one group gathers while another is written");

/// The queue between the tasks that decide and the thread that writes.
#[derive(Debug)]
pub struct Queue {
    gathering: Mutex<Gathering>,
    /// Rung when the writer sleeps and something was pushed, a sync is wanted, or the queue was closed.
    doorbell: Condvar,
    /// The last position given out; written under the lock, read without it.
    pushed: CachePadded<AtomicU64>,
    room: Room,
}

/// Records that were pushed one after the other and are written as one group.
#[derive(Debug)]
pub struct Gathered {
    /// The position of the first record.
    pub first: Position,
    /// How many records; at least one.
    pub records: u32,
    /// Kept room for the header, then the records: what [`crate::group::seal`] takes.
    pub buffer: Vec<u8>,
}

impl Gathered {
    /// The position of the last record.
    #[must_use]
    pub fn last(&self) -> Position {
        assert!(self.records > 0, "a group has records");
        assert!(self.first > Position::NONE, "I4: the first record is 1");
        self.first.plus(self.records - 1)
    }

    fn has_space_for(&self, bytes: usize) -> bool {
        assert!(self.buffer.len() >= HEADER_BYTES, "the header's place is kept free");
        assert!(bytes <= BODY_BYTES_MAX, "I9: what no group can hold is cut before");
        self.buffer.len() - HEADER_BYTES + bytes <= BODY_BYTES_MAX
    }
}

/// Why [`Queue::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something can be taken.
    Pushed,
    /// Nothing came in the time given.
    Idle,
    /// Everything that was pushed has been taken, and somebody waits for it to be synced.
    SyncWanted,
    /// Nothing is left and the queue was closed.
    Closed,
}

#[derive(Debug)]
struct Gathering {
    next: Position,
    groups: VecDeque<Gathered>,
    spare: Vec<Vec<u8>>,
    /// Bytes of the records in `groups`.
    bytes: usize,
    /// Somebody waits for what was pushed to be synced.
    sync_wanted: bool,
    closed: bool,
}

impl Queue {
    /// An empty queue whose first record comes after `last`.
    #[must_use]
    pub fn new(last: Position, limits: RoomLimits) -> Self {
        Self {
            gathering: Mutex::new(Gathering {
                next: last.next(),
                groups: VecDeque::new(),
                spare: Vec::new(),
                bytes: 0,
                sync_wanted: false,
                closed: false,
            }),
            doorbell: Condvar::new(),
            pushed: CachePadded::new(AtomicU64::new(last.0)),
            room: Room::new(limits),
        }
    }

    /// Takes room for so many records, or refuses. Room is taken before anything is locked or changed, and comes back
    /// when the records are durable, or by [`give_back`](Self::give_back) when they were not pushed.
    #[must_use]
    pub fn try_take_room(&self, records: u32, class: Class) -> bool {
        self.room.try_take(records, class)
    }

    /// Gives back room that was taken and not used.
    pub fn give_back(&self, records: u32) {
        if records > 0 {
            self.room.give_back(records);
        }
    }

    /// Records for which room is taken: not pushed yet, or not durable yet.
    #[must_use]
    pub fn room_used_records(&self) -> u64 {
        self.room.used()
    }

    /// Gives the records of the unit their places, one after the other, and returns the place of the first. The unit's
    /// room must have been taken. A unit stays in one group if a group can hold it.
    ///
    /// # Panics
    /// When the unit is empty.
    pub fn push(&self, unit: &EncodedUnit) -> Position {
        let first = self.push_in_passing(unit);
        assert!(self.pushed() >= first, "I4: a place that was given out is known");
        self.ring();
        first
    }

    /// The same without waking the writer, for what nobody waits for: it is written with what is pushed next, after the
    /// next [`ring`](Self::ring), or when a writer that sleeps looks around, which it does once a second.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub fn push_in_passing(&self, unit: &EncodedUnit) -> Position {
        assert!(!unit.is_empty(), "a unit has records");
        unit.assert_counted();
        let mut gathering = self.gathering.lock();
        let first = gathering.next;
        if unit.bytes().len() <= BODY_BYTES_MAX {
            gathering.push_whole(unit.bytes(), unit.records());
        } else {
            gathering.push_in_pieces(unit.bytes());
        }
        assert_eq!(gathering.next, first.plus(unit.records()), "every record has its place");
        gathering.assert_consistent();
        assert!(first > self.pushed(), "I4: a place is given out once");
        self.pushed.store(gathering.next.before().0, Ordering::Release);
        first
    }

    /// Wakes the writer, should it sleep beside something that can be taken. Costs one load when it is awake.
    pub fn ring(&self) {
        self.doorbell.notify_one();
    }

    /// The last position that was given out.
    #[must_use]
    pub fn pushed(&self) -> Position {
        Position(self.pushed.load(Ordering::Acquire))
    }

    /// Takes the oldest group that has gathered.
    #[must_use]
    pub fn take_group(&self) -> Option<Gathered> {
        let mut gathering = self.gathering.lock();
        gathering.assert_consistent();
        let group = gathering.groups.pop_front()?;
        assert!(group.records > 0, "a group that has gathered has records");
        assert!(group.buffer.len() > HEADER_BYTES, "a group that has gathered has bytes");
        assert!(group.buffer.len() <= HEADER_BYTES + BODY_BYTES_MAX, "I9: a group has a limit");
        gathering.bytes -= group.buffer.len() - HEADER_BYTES;
        assert!(gathering.groups.front().is_none_or(|after| after.first == group.last().next()), "I4: groups follow");
        gathering.assert_consistent();
        Some(group)
    }

    /// Hands a buffer back for another group. What is in it is forgotten.
    pub fn recycle(&self, buffer: Vec<u8>) {
        let empty = empty_buffer(buffer);
        assert!(empty.len() == HEADER_BYTES, "nothing is left of what was in a buffer");
        let mut gathering = self.gathering.lock();
        if gathering.spare.len() < SPARE_BUFFERS_MAX {
            gathering.spare.push(empty);
        }
        assert!(gathering.spare.len() <= SPARE_BUFFERS_MAX, "I9: spare buffers have a limit");
    }

    /// Sleeps until something can be taken, a sync is wanted, the queue is closed, or the time is over.
    pub fn wait(&self, at_most: Duration) -> Woken {
        // One end for every turn of the loop: a ring that brings nothing does not begin the time anew.
        let until = from_now(at_most);
        let mut gathering = self.gathering.lock();
        loop {
            if !gathering.groups.is_empty() {
                assert!(gathering.bytes > 0, "a group that has gathered has bytes");
                return Woken::Pushed;
            }
            gathering.assert_consistent();
            if gathering.closed {
                return Woken::Closed;
            }
            if std::mem::take(&mut gathering.sync_wanted) {
                assert!(gathering.bytes == 0, "what was pushed before is synced with it");
                return Woken::SyncWanted;
            }
            if self.doorbell.wait_until(&mut gathering, until).timed_out() {
                return if gathering.groups.is_empty() { Woken::Idle } else { Woken::Pushed };
            }
        }
    }

    /// Has what was pushed so far written and synced now, where the writer would leave it for its interval.
    pub fn sync_soon(&self) {
        let mut gathering = self.gathering.lock();
        gathering.assert_consistent();
        gathering.sync_wanted = true;
        drop(gathering);
        self.ring();
    }

    /// Says that nothing more will be pushed: the writer writes what is left and ends.
    pub fn close(&self) {
        let mut gathering = self.gathering.lock();
        gathering.assert_consistent();
        gathering.closed = true;
        drop(gathering);
        self.doorbell.notify_all();
    }

    /// Bytes of records that wait to be taken.
    #[must_use]
    pub fn gathered_bytes(&self) -> usize {
        self.gathering.lock().bytes
    }
}

/// When so much time will have passed.
#[expect(clippy::disallowed_methods, reason = "a sleep has an end; nothing is decided by it")]
fn from_now(time: Duration) -> Instant {
    Instant::now() + time
}

impl Gathering {
    /// What holds between two calls, whoever made them.
    fn assert_consistent(&self) {
        assert!(self.groups.is_empty() == (self.bytes == 0), "no bytes wait without a group");
        assert!(self.groups.back().is_none_or(|group| group.last().next() == self.next), "I4: no place is left out");
        assert!(self.spare.len() <= SPARE_BUFFERS_MAX, "I9: spare buffers have a limit");
    }

    fn push_whole(&mut self, records: &[u8], count: u32) {
        assert!(count > 0, "a unit has records");
        assert!(records.len() >= count as usize, "each record has the byte of its length");
        let first = self.next;
        let open = self.groups.back().is_some_and(|group| group.has_space_for(records.len()));
        if !open {
            let buffer = self.spare.pop().unwrap_or_else(|| empty_buffer(Vec::new()));
            self.groups.push_back(Gathered { first, records: 0, buffer });
        }
        let group = self.groups.back_mut().expect("a group was opened");
        group.buffer.extend_from_slice(records);
        group.records += count;
        self.bytes += records.len();
        assert!(group.buffer.len() <= HEADER_BYTES + BODY_BYTES_MAX, "I9: a group has a limit");
        self.next = first.plus(count);
        assert!(group.first.plus(group.records) == self.next, "I4: the records of a group follow each other");
    }

    /// A unit that no group can hold is cut between records: any prefix of the journal is valid (I4).
    fn push_in_pieces(&mut self, mut rest: &[u8]) {
        assert!(rest.len() > BODY_BYTES_MAX, "a unit that fits stays in one group");
        while let Some(range) = first_record(rest) {
            let (record, after) = rest.split_at(range.end);
            self.push_whole(record, 1);
            rest = after;
        }
        assert!(rest.is_empty(), "a unit is made of whole records");
    }
}

#[cfg(test)]
mod tests;
