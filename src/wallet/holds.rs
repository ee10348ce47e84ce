//! The directory of holds: 32 bytes each, the id included. An open one has a record beside it as long as it is as it was
//! reserved, and is kept whole after that; of an ended one there is no more than that (R32).

use std::collections::btree_map::Entry as BTreeEntry;
use std::collections::{BTreeMap, HashMap};

use parking_lot::{Mutex, RwLockWriteGuard};

use crate::directory::{At, Cell, Directory, Hash, Look, Shard};
use crate::hold::{Hold, HoldState};
use crate::ids::{HoldId, Position, Timestamp};
use crate::open_holds::{OpenHolds, RecordNumber, halves, whole};
use crate::record::{Record, Reserve};
use crate::slot::{SlotIndex, Wallets};
use crate::sync::{AtomicU64, Ordering};

/// Where the last record about a hold is: a place in a unit that is not pushed yet, or a position in the journal.
///
/// The top bit says which. A pending place is the unit's number and the record's index in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(u64);

const PENDING: u64 = 1 << 63;
const INDEX_BITS: u32 = 16;

const _: () = assert!(crate::engine::CHUNK_OPERATIONS_MAX < 1 << INDEX_BITS, "I9: a unit's records have numbers");

/// The number of a unit; unique while the daemon runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct UnitNumber(pub(crate) u64);

impl UnitNumber {
    /// The largest that fits a place beside an index: a million units a second for four years.
    pub(crate) const MAX: u64 = (1 << (63 - INDEX_BITS)) - 1;
}

impl Place {
    #[inline]
    pub(crate) fn pending(unit: UnitNumber, index: usize) -> Self {
        const { assert!(crate::engine::SWEEP_HOLDS_MAX <= u16::MAX as usize, "I9: a unit's records have numbers") }
        let index = u64::from(u16::try_from(index).unwrap_or(u16::MAX));
        Self(PENDING | (unit.0 << INDEX_BITS) | index)
    }

    #[inline]
    pub(crate) const fn pushed(position: Position) -> Self {
        assert!(position.0 & PENDING == 0, "a position leaves the bit of what waits alone");
        Self(position.0)
    }

    #[inline]
    pub(crate) const fn position(self) -> Option<Position> {
        if self.0 & PENDING == 0 { Some(Position(self.0)) } else { None }
    }

    /// Whether the record waits in this unit.
    #[inline]
    pub(crate) const fn is_in(self, unit: UnitNumber) -> bool {
        self.0 & PENDING != 0 && (self.0 & !PENDING) >> INDEX_BITS == unit.0
    }
}

/// A hold with everything: open, or ended and brought back for a moment.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) place: Place,
    /// `None` for a tombstone.
    pub(crate) slot: Option<SlotIndex>,
    /// Its record, while it is open.
    pub(crate) record: Option<RecordNumber>,
    pub(crate) hold: Hold,
    /// Whether the last record ends it: the hold itself is as before then.
    pub(crate) over: bool,
}

/// What the directory has of a hold: the id, the place of its last record, and what it is.
///
/// Never on two cache lines. Written and read under the lock of its shard; who looks without it uses nothing of it (D3). Hence Relaxed everywhere.
#[repr(align(32))]
pub(crate) struct HoldCell {
    id: [AtomicU64; 2],
    place: AtomicU64,
    state: AtomicU64,
}

const _: () = assert!(size_of::<HoldCell>() == 32);

/// What a hold in the directory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Ended: that it did, at this second; the rest can be read on disk.
    Ended(u32),
    /// As it was reserved: all that it is stands in its record.
    Open(RecordNumber),
    /// Kept whole, beside the table; with its record, while it is open.
    Kept(Option<RecordNumber>),
}

const KIND_SHIFT: u32 = 32;
const NO_RECORD: u32 = u32::MAX;

/// What a hold is, as far as a look without the lock tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guessed(u64);

impl Guessed {
    /// The record that it may have.
    #[inline]
    pub(crate) fn record(self) -> Option<RecordNumber> {
        State::unpack(self.0).record()
    }
}

impl State {
    #[inline]
    fn pack(self) -> u64 {
        let (kind, number) = match self {
            Self::Ended(at_s) => (0, at_s),
            Self::Open(record) => (1, record.0),
            Self::Kept(record) => (2, record.map_or(NO_RECORD, |record| record.0)),
        };
        let packed = kind << KIND_SHIFT | u64::from(number);
        assert!(Self::unpack(packed) == self, "a state is read as it was written");
        packed
    }

    #[inline]
    fn unpack(state: u64) -> Self {
        let number = u32::try_from(state & u64::from(u32::MAX)).unwrap_or(NO_RECORD);
        match state >> KIND_SHIFT {
            0 => Self::Ended(number),
            1 => Self::Open(RecordNumber(number)),
            2 => Self::Kept((number != NO_RECORD).then_some(RecordNumber(number))),
            kind => unreachable!("I5: a hold of kind {kind}"),
        }
    }

    #[inline]
    const fn record(self) -> Option<RecordNumber> {
        match self {
            Self::Open(record) => Some(record),
            Self::Kept(record) => record,
            Self::Ended(_) => None,
        }
    }
}

impl Cell for HoldCell {
    fn empty() -> Self {
        Self { id: [const { AtomicU64::new(0) }; 2], place: AtomicU64::new(0), state: AtomicU64::new(0) }
    }

    fn copy_from(&self, other: &Self) {
        self.set_id(other.id());
        self.set(other.place(), other.state());
    }

    /// A fourth, a fifth, a sixth, a seventh more: so little room is empty, and the sizes are those of the allocator.
    fn more_groups(groups: usize) -> usize {
        let power = groups.checked_ilog2().unwrap_or(0);
        let more = groups.saturating_add((1 << power) / 4).max(groups.saturating_add(1));
        assert!(more > groups, "D1: a table that grows has more room");
        more
    }
}

impl HoldCell {
    #[inline]
    fn id(&self) -> HoldId {
        let [high, low] = self.id.each_ref().map(|half| half.load(Ordering::Relaxed));
        HoldId(whole(high, low))
    }

    #[inline]
    fn set_id(&self, id: HoldId) {
        for (half, value) in self.id.iter().zip(halves(id.0)) {
            half.store(value, Ordering::Relaxed);
        }
    }

    #[inline]
    fn is(&self, id: HoldId) -> bool {
        let [high, low] = halves(id.0);
        self.id[1].load(Ordering::Relaxed) == low && self.id[0].load(Ordering::Relaxed) == high
    }

    #[inline]
    fn place(&self) -> Place {
        Place(self.place.load(Ordering::Relaxed))
    }

    #[inline]
    fn state(&self) -> State {
        State::unpack(self.state.load(Ordering::Relaxed))
    }

    #[inline]
    fn set(&self, place: Place, state: State) {
        self.place.store(place.0, Ordering::Relaxed);
        self.state.store(state.pack(), Ordering::Relaxed);
    }
}

#[inline]
pub(crate) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.seconds()).unwrap_or(u32::MAX)
}

/// The holds of a shard that are kept whole.
#[derive(Default)]
pub(crate) struct Kept(HashMap<HoldId, Box<Live>, foldhash::fast::RandomState>);

type HoldShard = Shard<HoldCell, Kept>;

/// All holds that are remembered, and the times at which open ones end.
pub(crate) struct Holds {
    directory: Directory<HoldCell, Kept>,
    pub(crate) open_holds: OpenHolds,
    entries: AtomicU64,
    open: AtomicU64,
    /// How many open holds were opened in which second.
    ages: Mutex<BTreeMap<u64, u64>>,
}

/// A hold in the directory, and the lock of its shard: nobody else has to do with it meanwhile.
pub(crate) struct Held<'a> {
    holds: &'a Holds,
    shard: RwLockWriteGuard<'a, HoldShard>,
    at: At,
}

/// An id that is not in the directory, and the lock of its shard: nobody else can put it there meanwhile.
pub(crate) struct Vacant<'a> {
    holds: &'a Holds,
    shard: RwLockWriteGuard<'a, HoldShard>,
    at: At,
    hash: Hash,
    id: HoldId,
}

impl Held<'_> {
    #[inline]
    fn cell(&self) -> &HoldCell {
        self.shard.cell(self.at)
    }

    #[inline]
    pub(crate) fn id(&self) -> HoldId {
        self.cell().id()
    }

    #[inline]
    pub(crate) fn place(&self) -> Place {
        self.cell().place()
    }

    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.cell().state(), State::Ended(_))
    }

    /// The wallet of a hold that is here with everything; a tombstone has none.
    #[inline]
    pub(crate) fn slot(&self) -> Option<SlotIndex> {
        match self.cell().state() {
            State::Ended(_) => None,
            State::Open(record) => Some(self.holds.open_holds.slot(record)),
            State::Kept(_) => self.shard.rest.0.get(&self.id()).and_then(|live| live.slot),
        }
    }

    /// The hold with everything; none when it has ended and only that is known. A change of it is made when it is put back.
    #[inline]
    pub(crate) fn live(&self, wallets: &Wallets) -> Option<Live> {
        self.holds.live(self.cell(), &self.shard.rest, wallets)
    }

    /// Puts a hold back as the operation left it: what has ended is let go of at once, where its record is pushed or is
    /// the one at hand.
    #[inline]
    pub(crate) fn put(&mut self, live: Live, now: Timestamp) {
        let ended_at = match live.hold.state {
            HoldState::Open if live.over => now,
            HoldState::Open if live.place == self.place() => return,
            HoldState::Open => return self.keep(live),
            _ if live.place.position().is_none() => return self.keep(live),
            _ => live.hold.ended_at,
        };
        self.end(live.place, ended_at);
    }

    /// Keeps a hold whole.
    pub(crate) fn keep(&mut self, live: Live) {
        assert!(!live.over, "what is over is not kept");
        assert!(live.record.is_none() || live.hold.state == HoldState::Open, "I6: a record of a hold that has ended");
        if let Some(record) = live.record {
            self.holds.open_holds.set_end(record, live.hold.ends_at);
        }
        self.cell().set(live.place, State::Kept(live.record));
        let id = self.id();
        self.shard.rest.0.insert(id, Box::new(live));
    }

    #[inline]
    fn end(&mut self, place: Place, at: Timestamp) {
        if matches!(self.cell().state(), State::Kept(_)) {
            let id = self.id();
            let kept = self.shard.rest.0.remove(&id);
            assert!(kept.is_some(), "I5: a hold that is kept whole is there");
        }
        self.cell().set(place, State::Ended(seconds(at)));
    }

    /// Publishes the position of a record that waited at `place`; only the last record of a unit ends the wait.
    #[inline]
    pub(crate) fn mark(&mut self, (record, place): (&Record, Place), position: Position) {
        assert!(position > Position::NONE, "I3: a record has a place");
        assert!(place.position().is_none(), "a record is marked once");
        let last = self.place() == place;
        if last {
            self.cell().place.store(Place::pushed(position).0, Ordering::Relaxed);
        }
        if !matches!(self.cell().state(), State::Kept(_)) {
            return;
        }
        let id = self.id();
        let Some(live) = self.shard.rest.0.get_mut(&id) else { panic!("I5: a hold that is kept whole is there") };
        live.hold.note_position_of(record, position);
        if last {
            live.place = Place::pushed(position);
        }
        let ended_at = match live.hold.state {
            HoldState::Open => return,
            _ if live.place.position().is_none() => return,
            _ => live.hold.ended_at,
        };
        assert!(!live.over, "what is over is not kept");
        let place = live.place;
        self.end(place, ended_at);
    }

    /// Notes the end of an open hold in the wheel once more.
    pub(crate) fn note_again(&self) {
        if let Some(record) = self.cell().state().record() {
            self.holds.open_holds.note(record);
        }
    }
}

impl Vacant<'_> {
    /// Adds a hold that was just reserved.
    #[inline]
    pub(crate) fn open(self, record: RecordNumber, slot: SlotIndex, place: Place, reserve: &Reserve) {
        if self.holds.open_holds.write(record, self.hash, slot, reserve) {
            self.fill(place, State::Open(record));
        } else {
            let hold = Hold::reserved(reserve, false);
            self.keep(Live { place, slot: Some(slot), record: Some(record), hold, over: false });
        }
    }

    /// Adds an open hold that was read from disk: as it was reserved, or whole.
    pub(crate) fn load(self, live: Live) {
        let (Some(slot), Some(record)) = (live.slot, live.record) else { return self.keep(live) };
        let reserve = live.hold.as_reserved(self.id);
        let written = self.holds.open_holds.write(record, self.hash, slot, &reserve);
        assert!(live.hold.state == HoldState::Open, "I6: a hold that is loaded as open has not ended");
        assert!(live.hold.last_position >= live.hold.reserve_position, "I4: a hold begins with its reserve");
        assert!(live.place == Place::pushed(live.hold.last_position), "I4: a hold is loaded where its last record is");
        let position = live.hold.reserve_position;
        let same = Hold { reserve_position: position, last_position: position, ..Hold::reserved(&reserve, false) };
        if written && live.hold == same {
            self.fill(live.place, State::Open(record));
        } else {
            self.keep(live);
        }
    }

    /// Adds a hold that has ended.
    #[inline]
    pub(crate) fn ended(self, place: Place, at: Timestamp) {
        self.fill(place, State::Ended(seconds(at)));
    }

    /// Adds a hold that is kept whole.
    pub(crate) fn keep(mut self, live: Live) {
        let (place, record) = (live.place, live.record);
        let before = self.shard.rest.0.insert(self.id, Box::new(live));
        assert!(before.is_none(), "I5: an id that was vacant is known");
        self.fill(place, State::Kept(record));
    }

    #[inline]
    fn fill(mut self, place: Place, state: State) {
        let cell = self.shard.cell(self.at);
        cell.set_id(self.id);
        cell.set(place, state);
        self.holds.directory.fill(&mut self.shard, self.at, self.hash);
    }
}

impl Holds {
    pub(crate) fn new() -> Self {
        Self {
            directory: Directory::new(),
            open_holds: OpenHolds::new(),
            entries: AtomicU64::new(0),
            open: AtomicU64::new(0),
            ages: Mutex::default(),
        }
    }

    /// The hold of an id.
    #[inline]
    pub(crate) fn find(&self, id: HoldId) -> Option<Held<'_>> {
        let hash = self.directory.hash(id.0);
        let shard = self.directory.write(hash);
        let at = shard.find(hash, |cell| cell.is(id))?;
        Some(Held { holds: self, shard, at })
    }

    /// The hold that a record belongs to by now.
    pub(crate) fn find_by_record(&self, record: RecordNumber) -> Option<Held<'_>> {
        let hash = self.open_holds.hash(record);
        let shard = self.directory.write(hash);
        let at = shard.find(hash, |cell| cell.state().record() == Some(record))?;
        Some(Held { holds: self, shard, at })
    }

    /// The place of an id that is not known; `None` when it is.
    #[inline]
    pub(crate) fn vacant(&self, id: HoldId) -> Option<Vacant<'_>> {
        let hash = self.directory.hash(id.0);
        let mut shard = self.directory.write(hash);
        let hash_of = |cell: &HoldCell| self.directory.hash(cell.id().0);
        let at = self.directory.find_or_room(&mut shard, hash, |cell| cell.is(id), hash_of).err()?;
        Some(Vacant { holds: self, shard, at, hash, id })
    }

    /// Whether memory knows a hold.
    #[inline]
    pub(crate) fn knows(&self, id: HoldId) -> bool {
        let hash = self.directory.hash(id.0);
        self.directory.read(hash).find(hash, |cell| cell.is(id)).is_some()
    }

    /// Every hold that is here with everything, a shard at a time.
    pub(crate) fn each_live(&self, wallets: &Wallets, mut see: impl FnMut(HoldId, &Live)) {
        for shard in self.directory.shards() {
            let shard = shard.read();
            for cell in shard.used() {
                if let Some(live) = self.live(cell, &shard.rest, wallets) {
                    see(cell.id(), &live);
                }
            }
        }
    }

    #[inline]
    fn live(&self, cell: &HoldCell, kept: &Kept, wallets: &Wallets) -> Option<Live> {
        let record = match cell.state() {
            State::Ended(_) => return None,
            State::Kept(_) => {
                let live = kept.0.get(&cell.id());
                assert!(live.is_some(), "I5: a hold that is kept whole is there");
                return live.map(|live| Live::clone(live));
            }
            State::Open(record) => record,
        };
        let slot = self.open_holds.slot(record);
        let account = wallets.slot(slot).account();
        let mut hold = Hold::reserved(&self.open_holds.read(record, account, cell.id()), false);
        let place = cell.place();
        let position = place.position().unwrap_or_default();
        (hold.reserve_position, hold.last_position) = (position, position);
        Some(Live { place, slot: Some(slot), record: Some(record), hold, over: false })
    }

    /// Lets go of ended holds, a shard at a time, and says how many: those whose id, place and end (in seconds) say so.
    pub(crate) fn forget(&self, goes: impl Fn(HoldId, Place, u32) -> bool) -> u64 {
        let stays = |cell: &HoldCell| match cell.state() {
            State::Ended(at_s) => !goes(cell.id(), cell.place(), at_s),
            State::Open(_) | State::Kept(_) => true,
        };
        let hash_of = |cell: &HoldCell| self.directory.hash(cell.id().0);
        let mut forgotten: u64 = 0;
        for shard in self.directory.shards() {
            forgotten = forgotten.saturating_add(self.directory.retain(&mut shard.write(), stays, hash_of));
        }
        let before = self.entries.fetch_sub(forgotten, Ordering::Relaxed);
        assert!(before >= forgotten, "R32: more holds are forgotten than there were");
        forgotten
    }

    /// The hash by which a look ahead finds a hold.
    #[inline]
    pub(crate) fn hash(&self, id: HoldId) -> Hash {
        self.directory.hash(id.0)
    }

    /// The directory, to look at without a lock.
    #[inline]
    pub(crate) fn look(&self) -> Look<'_, HoldCell> {
        self.directory.look()
    }

    /// The first look at what finds a hold.
    #[inline]
    pub(crate) fn touch(&self, look: &Look<'_, HoldCell>, hash: Hash) -> u64 {
        look.touch(hash, |_| 0)
    }

    /// Looks at the cell that is most probably the one of a hold, or the one where it would be put; says what it is.
    #[inline]
    pub(crate) fn guess(&self, look: &Look<'_, HoldCell>, hash: Hash) -> Guessed {
        Guessed(look.guess(hash).map_or(0, |cell| cell.state.load(Ordering::Relaxed)))
    }

    // The counts below are for limits and gauges; Relaxed, because nothing is decided by their order.

    #[inline]
    pub(crate) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn count_entry(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts holds that were opened at one instant, and others that have ended, by the instant of their opening.
    pub(crate) fn count_open(&self, opened: (Timestamp, u64), ended: &mut Vec<Timestamp>) {
        if opened.1 == 0 && ended.is_empty() {
            return;
        }
        self.open.fetch_add(opened.1, Ordering::Relaxed);
        let gone = u64::try_from(ended.len()).unwrap_or(0);
        let before = self.open.fetch_sub(gone, Ordering::Relaxed);
        assert!(before >= gone, "I6: more holds end than were open");
        let mut ages = self.ages.lock();
        if opened.1 > 0 {
            let count = ages.entry(opened.0.seconds()).or_default();
            *count = count.saturating_add(opened.1);
        }
        // Holds of one unit were mostly opened together: one look-up serves a run of equal seconds.
        for run in ended.chunk_by(|a, b| a.seconds() == b.seconds()) {
            let Some(first) = run.first() else { continue };
            if let BTreeEntry::Occupied(mut second) = ages.entry(first.seconds()) {
                let gone = u64::try_from(run.len()).unwrap_or(0);
                assert!(*second.get() >= gone, "I6: more holds end than were opened in their second");
                *second.get_mut() = second.get().saturating_sub(gone);
                if *second.get() == 0 {
                    second.remove();
                }
            }
        }
        assert!(
            opened.1 == 0 || !ended.is_empty() || ages.contains_key(&opened.0.seconds()),
            "an open hold has an age"
        );
        ended.clear();
    }

    /// When the oldest open hold was opened, to the second.
    pub(crate) fn oldest_open(&self) -> Option<Timestamp> {
        self.ages.lock().first_key_value().map(|(second, _)| Timestamp(second.saturating_mul(1_000)))
    }
}
