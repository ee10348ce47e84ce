//! The directory of holds: open ones with everything, ended ones in 24 bytes beside their id (R32).

use std::collections::btree_map::Entry as BTreeEntry;
use std::collections::{BTreeMap, HashMap};

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::hold::{Hold, HoldState};
use crate::ids::{HoldId, Position, Timestamp};
use crate::slot::{DIRECTORY_SHARDS, SlotIndex};
use crate::sync::{AtomicU64, Ordering};

/// Where the last record about a hold is: a place in a unit that is not pushed yet, or a position in the journal.
///
/// The top bit says which. A pending place is the unit's number and the record's index in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(u64);

const PENDING: u64 = 1 << 63;
const INDEX_BITS: u32 = 16;

/// The number of a unit; unique while the daemon runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct UnitNumber(pub(crate) u64);

impl Place {
    pub(crate) fn pending(unit: UnitNumber, index: usize) -> Self {
        let index = u64::from(u16::try_from(index).unwrap_or(u16::MAX));
        Self(PENDING | (unit.0 << INDEX_BITS) | index)
    }

    pub(crate) const fn pushed(position: Position) -> Self {
        Self(position.0)
    }

    pub(crate) const fn position(self) -> Option<Position> {
        if self.0 & PENDING == 0 { Some(Position(self.0)) } else { None }
    }

    /// Whether the record waits in this unit.
    pub(crate) const fn is_in(self, unit: UnitNumber) -> bool {
        self.0 & PENDING != 0 && (self.0 & !PENDING) >> INDEX_BITS == unit.0
    }
}

/// A hold in the directory.
#[derive(Debug)]
pub(crate) enum Entry {
    /// With everything: open, or ended and brought back for a moment.
    Live(Live),
    /// Ended: that it did, and where the rest can be read.
    Ended(Ended),
}

#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) place: Place,
    /// `None` for a tombstone.
    pub(crate) slot: Option<SlotIndex>,
    pub(crate) hold: Box<Hold>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) place: Place,
    pub(crate) ended_at_s: u32,
}

const _: () = assert!(size_of::<HoldId>() + size_of::<Entry>() <= 48);

impl Entry {
    pub(crate) const fn place(&self) -> Place {
        match self {
            Self::Live(live) => live.place,
            Self::Ended(ended) => ended.place,
        }
    }

    /// Lets go of everything that an ended hold does not need in memory, once its last record is pushed.
    pub(crate) fn compact(&mut self) {
        if let Self::Live(Live { place, hold, .. }) = self
            && hold.state != HoldState::Open
            && place.position().is_some()
        {
            *self = Self::Ended(Ended { place: *place, ended_at_s: seconds(hold.ended_at) });
        }
    }
}

pub(crate) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.seconds()).unwrap_or(u32::MAX)
}

pub(crate) type Map = DashMap<HoldId, Entry, foldhash::fast::RandomState>;

/// All holds that are remembered, and the times at which open ones end.
pub(crate) struct Holds {
    pub(crate) map: Map,
    entries: AtomicU64,
    open: AtomicU64,
    ends: Mutex<Ends>,
    /// How many open holds were opened in which second.
    ages: Mutex<BTreeMap<u64, u64>>,
}

impl Holds {
    pub(crate) fn new() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        let map = DashMap::with_capacity_and_hasher_and_shard_amount(0, hasher, DIRECTORY_SHARDS);
        Self { map, entries: AtomicU64::new(0), open: AtomicU64::new(0), ends: Mutex::default(), ages: Mutex::default() }
    }

    // The counts below are for limits and gauges; Relaxed, because nothing is decided by their order.

    pub(crate) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn count_entry(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn uncount_entries(&self, count: u64) {
        self.entries.fetch_sub(count, Ordering::Relaxed);
    }

    /// Counts holds that were opened at one instant, and others that have ended, by the instant of their opening.
    pub(crate) fn count_open(&self, opened: (Timestamp, u64), ended: &mut Vec<Timestamp>) {
        if opened.1 == 0 && ended.is_empty() {
            return;
        }
        self.open.fetch_add(opened.1, Ordering::Relaxed);
        self.open.fetch_sub(u64::try_from(ended.len()).unwrap_or(0), Ordering::Relaxed);
        let mut ages = self.ages.lock();
        if opened.1 > 0 {
            let count = ages.entry(opened.0.seconds()).or_default();
            *count = count.saturating_add(opened.1);
        }
        for at in ended.drain(..) {
            if let BTreeEntry::Occupied(mut second) = ages.entry(at.seconds()) {
                *second.get_mut() = second.get().saturating_sub(1);
                if *second.get() == 0 {
                    second.remove();
                }
            }
        }
    }

    /// When the oldest open hold was opened, to the second.
    pub(crate) fn oldest_open(&self) -> Option<Timestamp> {
        self.ages.lock().first_key_value().map(|(second, _)| Timestamp(second.saturating_mul(1_000)))
    }

    /// Notes when holds are to end, and which ends no longer count; a whole unit at a time.
    pub(crate) fn watch(&self, ends: &mut Vec<(Timestamp, HoldId)>, ended: &mut Vec<(Timestamp, HoldId)>) {
        if ends.is_empty() && ended.is_empty() {
            return;
        }
        let mut watched = self.ends.lock();
        for (at, id) in ends.drain(..) {
            watched.add(at, id);
        }
        for (at, id) in ended.drain(..) {
            watched.cancel(at, id);
        }
    }

    /// Takes up to `limit` ids whose noted end has come.
    pub(crate) fn due(&self, now: Timestamp, limit: usize) -> Vec<HoldId> {
        self.ends.lock().due(now, limit)
    }

    /// The earliest noted end, to the second.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.ends.lock().by_second.first_key_value().map(|(second, _)| Timestamp(second.saturating_mul(1_000)))
    }
}

/// When open holds end, by second. A hold that ends otherwise takes its note along, and a second without notes goes.
#[derive(Default)]
struct Ends {
    by_second: BTreeMap<u64, Second>,
}

/// The holds that end in one second, each with its exact end. The hasher has no seed: the same requests give the same
/// order of expiry.
type Second = HashMap<HoldId, Timestamp, foldhash::fast::FixedState>;

impl Ends {
    fn add(&mut self, at: Timestamp, id: HoldId) {
        self.by_second.entry(at.seconds()).or_default().insert(id, at);
    }

    /// Takes a note back. A later end of the same hold in the same second is another note.
    fn cancel(&mut self, at: Timestamp, id: HoldId) {
        let BTreeEntry::Occupied(mut second) = self.by_second.entry(at.seconds()) else { return };
        if second.get().get(&id) == Some(&at) {
            second.get_mut().remove(&id);
        }
        if second.get().is_empty() {
            second.remove();
        }
    }

    fn due(&mut self, now: Timestamp, limit: usize) -> Vec<HoldId> {
        let mut due = Vec::new();
        while let Some(mut first) = self.by_second.first_entry().filter(|first| *first.key() <= now.seconds()) {
            let room = limit.saturating_sub(due.len());
            due.extend(first.get_mut().extract_if(|_, at| *at <= now).take(room).map(|(id, _)| id));
            if !first.get().is_empty() {
                break;
            }
            first.remove();
        }
        due
    }
}
