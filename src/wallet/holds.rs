//! The directory of holds: open ones with everything, ended ones in 32 bytes beside their id (R32).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as BTreeEntry;

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::hold::{Hold, HoldState};
use crate::hold_ends::HoldEnds;
pub(crate) use crate::hold_ends::Note;
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
    Live(Box<Live>),
    /// Ended: that it did, and where the rest can be read.
    Ended { place: Place, at_s: u32 },
}

#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) place: Place,
    /// `None` for a tombstone.
    pub(crate) slot: Option<SlotIndex>,
    /// Where its end is noted, once that is.
    pub(crate) note: Note,
    pub(crate) hold: Hold,
    /// Whether the last record ends it: the hold itself is as before then.
    pub(crate) over: bool,
}

const _: () = assert!(size_of::<HoldId>() + size_of::<Entry>() <= 32);

impl Entry {
    /// A hold that has ended.
    pub(crate) fn ended(place: Place, at: Timestamp) -> Self {
        Self::Ended { place, at_s: seconds(at) }
    }

    pub(crate) const fn place(&self) -> Place {
        match self {
            Self::Live(live) => live.place,
            Self::Ended { place, .. } => *place,
        }
    }

    pub(crate) const fn set_place(&mut self, to: Place) {
        match self {
            Self::Live(live) => live.place = to,
            Self::Ended { place, .. } => *place = to,
        }
    }

    /// Lets go of everything that an ended hold does not need in memory: at once when the record at hand ends it, and
    /// when a record about an ended one is pushed.
    pub(crate) fn compact(&mut self, now: Timestamp) {
        let Self::Live(live) = self else { return };
        let ended_at = match live.hold.state {
            HoldState::Open if live.over => now,
            HoldState::Open => return,
            _ if live.place.position().is_none() => return,
            _ => live.hold.ended_at,
        };
        *self = Self::ended(live.place, ended_at);
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
    ends: HoldEnds,
    /// How many open holds were opened in which second.
    ages: Mutex<BTreeMap<u64, u64>>,
}

impl Holds {
    pub(crate) fn new() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        let map = DashMap::with_capacity_and_hasher_and_shard_amount(0, hasher, DIRECTORY_SHARDS);
        Self {
            map,
            entries: AtomicU64::new(0),
            open: AtomicU64::new(0),
            ends: HoldEnds::default(),
            ages: Mutex::default(),
        }
    }

    // The counts below are for limits and gauges; Relaxed, because nothing is decided by their order.

    pub(crate) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// A look at an open hold for no more than to have it in the cache.
    pub(crate) fn peek(&self, id: HoldId) -> u64 {
        match self.map.get(&id).as_deref() {
            Some(Entry::Live(live)) => live.hold.ends_at.0 | live.hold.captured.free.millis(),
            _ => 0,
        }
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
        // Holds of one unit were mostly opened together: one look-up serves a run of equal seconds.
        for run in ended.chunk_by(|a, b| a.seconds() == b.seconds()) {
            let Some(first) = run.first() else { continue };
            if let BTreeEntry::Occupied(mut second) = ages.entry(first.seconds()) {
                *second.get_mut() = second.get().saturating_sub(u64::try_from(run.len()).unwrap_or(0));
                if *second.get() == 0 {
                    second.remove();
                }
            }
        }
        ended.clear();
    }

    /// When the oldest open hold was opened, to the second.
    pub(crate) fn oldest_open(&self) -> Option<Timestamp> {
        self.ages.lock().first_key_value().map(|(second, _)| Timestamp(second.saturating_mul(1_000)))
    }

    /// Notes when holds are to end, a whole unit at a time, and the number of each note.
    pub(crate) fn watch(&self, ends: &mut Vec<(Timestamp, HoldId)>, notes: &mut Vec<Note>) {
        self.ends.add(ends, notes);
    }

    /// Notes when a hold is to end that was opened before this start.
    pub(crate) fn watch_loaded(&self, hold: &Hold, id: HoldId) -> Note {
        self.ends.begin_at(hold.reserved_at);
        let mut notes = Vec::new();
        self.ends.add(&mut vec![(hold.ends_at, id)], &mut notes);
        notes.pop().unwrap_or(Note::NONE)
    }

    /// Says what time it is, before there are holds.
    pub(crate) fn begin_at(&self, now: Timestamp) {
        self.ends.begin_at(now);
    }

    /// Puts notes back: see [`HoldEnds::add_again`].
    pub(crate) fn watch_again(
        &self,
        again: Vec<(Timestamp, HoldId)>,
        take: impl FnMut(HoldId, Note, Timestamp) -> Option<(Note, Timestamp)>,
    ) {
        self.ends.add_again(again, take);
    }

    /// Takes notes back.
    pub(crate) fn unwatch(&self, ended: &mut Vec<(Note, Timestamp, HoldId)>) {
        self.ends.cancel(ended);
    }

    /// Takes up to `limit` notes whose end has come.
    pub(crate) fn due(&self, now: Timestamp, limit: usize) -> Vec<(Timestamp, HoldId)> {
        self.ends.due(now, limit)
    }

    /// An instant before which no noted end comes.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.ends.next()
    }

    /// How many ends are noted.
    pub(crate) fn ends_noted(&self) -> u64 {
        self.ends.count()
    }
}
