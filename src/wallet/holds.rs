//! The directory of holds: open ones with everything, ended ones in 32 bytes beside their id (R32).

use std::collections::btree_map::Entry as BTreeEntry;
use std::collections::{BTreeMap, HashMap, VecDeque};

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
    /// Where its end is noted, once that is.
    pub(crate) note: Note,
    pub(crate) hold: Box<Hold>,
    /// Whether the last record ends it: the hold itself is as before then.
    pub(crate) over: bool,
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

    /// Lets go of everything that an ended hold does not need in memory: at once when the record at hand ends it, and
    /// when a record about an ended one is pushed.
    pub(crate) fn compact(&mut self, now: Timestamp) {
        let Self::Live(Live { place, hold, over, .. }) = self else { return };
        let ended_at = match hold.state {
            HoldState::Open if *over => now,
            HoldState::Open => return,
            _ if place.position().is_none() => return,
            _ => hold.ended_at,
        };
        *self = Self::Ended(Ended { place: *place, ended_at_s: seconds(ended_at) });
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
        Self {
            map,
            entries: AtomicU64::new(0),
            open: AtomicU64::new(0),
            ends: Mutex::default(),
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

    /// Notes when holds are to end, a whole unit at a time, and says where the first note is; the others follow it.
    pub(crate) fn watch(&self, ends: &mut Vec<(Timestamp, HoldId)>) -> Note {
        if ends.is_empty() { Note::NONE } else { self.ends.lock().add(ends) }
    }

    /// Takes notes back.
    pub(crate) fn unwatch(&self, ended: &mut Vec<(Note, Timestamp, HoldId)>) {
        if ended.is_empty() {
            return;
        }
        let mut ends = self.ends.lock();
        for (note, at, id) in ended.drain(..) {
            ends.cancel(note, at, id);
        }
    }

    /// Takes up to `limit` ids whose noted end has come.
    pub(crate) fn due(&self, now: Timestamp, limit: usize) -> Vec<HoldId> {
        self.ends.lock().due(now, limit)
    }

    /// The earliest noted end, to the second.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.ends.lock().next()
    }
}

/// The number of a note about a hold's end, modulo 2^32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Note(u32);

impl Note {
    /// Not noted yet.
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// The note so many places further on.
    pub(crate) const fn plus(self, places: u32) -> Self {
        Self(self.0.wrapping_add(places))
    }
}

/// How many notes stay in the order in which they came before they are sorted by their end. Most holds are settled
/// before that, and their note costs no look-up.
const YOUNG_NOTES_MAX: usize = 1 << 17;

/// When open holds end. Young notes lie in a row and are found by their number; older ones are sorted by second. A hold
/// that ends otherwise takes its note along, and a second without notes goes.
#[derive(Default)]
struct Ends {
    young: VecDeque<Option<(Timestamp, HoldId)>>,
    /// The number of the first young note.
    first: u32,
    by_second: BTreeMap<u64, Second>,
}

/// The holds that end in one second, each with its exact end. The hasher has no seed: the same requests give the same
/// order of expiry.
type Second = HashMap<HoldId, Timestamp, foldhash::fast::FixedState>;

impl Ends {
    fn add(&mut self, notes: &mut Vec<(Timestamp, HoldId)>) -> Note {
        let length = u32::try_from(self.young.len()).unwrap_or(u32::MAX);
        let first = Note(self.first.wrapping_add(length));
        self.young.extend(notes.drain(..).map(Some));
        while self.young.len() > YOUNG_NOTES_MAX || matches!(self.young.front(), Some(None)) {
            self.first = self.first.wrapping_add(1);
            if let Some(Some((at, id))) = self.young.pop_front() {
                self.by_second.entry(at.seconds()).or_default().insert(id, at);
            }
        }
        first
    }

    /// Takes a note back. Its number says where it is while it is young; after that its second does. The id and the
    /// exact end are compared, because numbers come again and a hold can have another end in the same second.
    fn cancel(&mut self, note: Note, at: Timestamp, id: HoldId) {
        let place = usize::try_from(note.0.wrapping_sub(self.first)).unwrap_or(usize::MAX);
        if let Some(young) = self.young.get_mut(place)
            && *young == Some((at, id))
        {
            *young = None;
            return;
        }
        let BTreeEntry::Occupied(mut second) = self.by_second.entry(at.seconds()) else { return };
        if second.get().get(&id) == Some(&at) {
            second.get_mut().remove(&id);
        }
        if second.get().is_empty() {
            second.remove();
        }
    }

    fn due(&mut self, now: Timestamp, limit: usize) -> Vec<HoldId> {
        let is_due = |note: &&mut Option<(Timestamp, HoldId)>| matches!(**note, Some((at, _)) if at <= now);
        let young = self.young.iter_mut().filter(is_due).take(limit);
        let mut due: Vec<HoldId> = young.filter_map(|note| note.take().map(|(_, id)| id)).collect();
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

    fn next(&self) -> Option<Timestamp> {
        let young = self.young.iter().flatten().map(|(at, _)| *at).min();
        let sorted = self.by_second.first_key_value().map(|(second, _)| Timestamp(second.saturating_mul(1_000)));
        young.into_iter().chain(sorted).min()
    }
}
