//! Open holds in memory: a record of a fixed size each, in segments that never move, so that it has a number of four bytes
//! and is a timer of the wheel itself (R23). What a hold is beyond its reserve, captures and an end that was moved, has no
//! place here: such a hold is kept whole, and its record is only its timer then.
//!
//! A record belongs to one hold from the reserve until the unit is pushed that ends it. Its words are written and read under
//! the lock of the hold's shard, its links under the wheel's, which is the last lock that anyone takes. Records that are
//! free are used again, the last one first; the memory of the most holds that were ever open at once stays.
//!
//! Relaxed everywhere: the two locks order what is written here.

use std::sync::OnceLock;

use crate::bucket::{Slices, Sources, Split};
use crate::credits::Credits;
use crate::directory::Hash;
use crate::ids::{AccountId, Day, HoldId, MemberId, Period, Tier, Timestamp, WorkerId};
use crate::record::{Attribution, OverCommit, PricedTerms, Reserve, Terms};
use crate::slot::SlotIndex;
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering};
use crate::timer_wheel::{Advance, Links, Nodes, TimerWheel};
use crate::word::Bits;

/// Few in a test, so that it comes to the next segment.
const SEGMENT_BITS: u32 = if cfg!(test) { 6 } else { 13 };
const SEGMENT_RECORDS: usize = 1 << SEGMENT_BITS;
const SEGMENTS: usize = if cfg!(test) { 1 << 11 } else { 1 << 16 };

/// The number of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordNumber(pub(crate) u32);

impl RecordNumber {
    #[inline]
    fn place(self) -> (usize, usize) {
        let number = usize::try_from(self.0).unwrap_or(usize::MAX);
        (number >> SEGMENT_BITS, number & (SEGMENT_RECORDS - 1))
    }
}

/// One open hold.
#[repr(C)]
struct OpenHold {
    ends_at: AtomicU64,
    previous: AtomicU32,
    next: AtomicU32,
    words: [AtomicU64; WORDS],
}

const WORDS: usize = 12;

const _: () = assert!(size_of::<OpenHold>() <= 112);

impl OpenHold {
    fn empty() -> Self {
        Self {
            ends_at: AtomicU64::new(0),
            previous: AtomicU32::new(Links::NONE.previous),
            next: AtomicU32::new(Links::NONE.next),
            words: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    /// A look at it for no more than to have it in the cache.
    #[inline]
    fn touch(&self) -> u64 {
        self.ends_at.load(Ordering::Relaxed) | self.word(NUMBERS + 1) | self.word(WORDS - 1)
    }

    #[inline]
    fn word(&self, index: usize) -> u64 {
        self.words[index].load(Ordering::Relaxed)
    }
}

/// All records.
pub(crate) struct OpenHolds {
    segments: Segments,
    ends: Mutex<Box<Ends>>,
}

struct Segments(Box<[OnceLock<Box<[OpenHold]>>]>);

/// When holds end, and which records are free.
pub(crate) struct Ends {
    wheel: TimerWheel,
    free: Vec<u32>,
    /// Records with a higher number were never in use.
    used: u32,
}

impl Segments {
    #[inline]
    fn record(&self, number: RecordNumber) -> &OpenHold {
        self.look(number).unwrap_or_else(|| panic!("record {} was never given out", number.0))
    }

    /// A record for one who looks without a lock.
    #[inline]
    fn look(&self, number: RecordNumber) -> Option<&OpenHold> {
        let (segment, at) = number.place();
        self.0.get(segment).and_then(OnceLock::get).and_then(|records| records.get(at))
    }

    fn make(&self, number: RecordNumber) {
        let Some(segment) = self.0.get(number.place().0) else { panic!("I9: more open holds than can be numbered") };
        segment.get_or_init(|| (0..SEGMENT_RECORDS).map(|_| OpenHold::empty()).collect());
    }
}

impl Nodes for &Segments {
    fn deadline(&self, node: u32) -> Timestamp {
        Timestamp(self.record(RecordNumber(node)).ends_at.load(Ordering::Relaxed))
    }

    fn links(&self, node: u32) -> Links {
        let record = self.record(RecordNumber(node));
        Links { previous: record.previous.load(Ordering::Relaxed), next: record.next.load(Ordering::Relaxed) }
    }

    fn set_links(&mut self, node: u32, links: Links) {
        self.set_previous(node, links.previous);
        self.set_next(node, links.next);
    }

    fn set_previous(&mut self, node: u32, previous: u32) {
        self.record(RecordNumber(node)).previous.store(previous, Ordering::Relaxed);
    }

    fn set_next(&mut self, node: u32, next: u32) {
        self.record(RecordNumber(node)).next.store(next, Ordering::Relaxed);
    }
}

impl OpenHolds {
    pub(crate) fn new() -> Self {
        Self::with_ends(Box::new(Ends::new()))
    }

    /// With a wheel that was made elsewhere: one has no room on the small stacks of loom.
    pub(crate) fn with_ends(ends: Box<Ends>) -> Self {
        Self { segments: Segments((0..SEGMENTS).map(|_| OnceLock::new()).collect()), ends: Mutex::new(ends) }
    }

    /// Takes out records that are to be used, the next one last.
    pub(crate) fn allocate(&self, count: usize, spare: &mut Vec<RecordNumber>) {
        let mut ends = self.ends.lock();
        assert!(spare.is_empty(), "records are taken out when none are left");
        let kept = ends.free.len().saturating_sub(count);
        spare.extend(ends.free.drain(kept..).map(RecordNumber));
        let new = u32::try_from(count.saturating_sub(spare.len())).unwrap_or(u32::MAX);
        let first = ends.used;
        assert!(first.checked_add(new).is_some(), "I9: more open holds than can be numbered");
        ends.used = first.saturating_add(new);
        drop(ends);
        let new = (first..first.saturating_add(new)).rev().map(RecordNumber);
        spare.extend(new.inspect(|number| self.segments.make(*number)));
        assert!(spare.len() >= count, "as many records as were asked for");
        // A look at all of them before the first is written: the processor fetches them at the same time.
        let seen = spare.iter().map(|number| self.segments.record(*number).touch());
        std::hint::black_box(seen.fold(0, |all, part| all | part));
    }

    /// What follows the push of a unit: its holds are timers from now on, those that it ended are none any more, and
    /// records that are in no use go back.
    pub(crate) fn follow(
        &self,
        opened: &mut Vec<RecordNumber>,
        ended: &mut Vec<RecordNumber>,
        spare: &mut Vec<RecordNumber>,
    ) {
        if opened.is_empty() && ended.is_empty() && spare.is_empty() {
            return;
        }
        let mut ends = self.ends.lock();
        for number in opened.drain(..) {
            ends.note(&self.segments, number);
        }
        for number in ended.drain(..) {
            assert!(number.0 < ends.used, "a record goes back that was never given out");
            ends.wheel.cancel(&mut &self.segments, number.0);
            ends.free.push(number.0);
        }
        ends.free.extend(spare.drain(..).map(|number| number.0));
        let used = usize::try_from(ends.used).unwrap_or(usize::MAX);
        assert!(ends.free.len() <= used, "a record goes back once");
        assert!(ends.wheel.count() <= u64::from(ends.used), "R23: a record is one timer");
    }

    /// Notes the end of a hold, in the place of what was noted before; whoever calls has the lock of its shard, so that
    /// the record is still its own.
    pub(crate) fn note(&self, number: RecordNumber) {
        self.ends.lock().note(&self.segments, number);
    }

    /// Takes out up to `limit` records whose end has come. Each step of the wheel is bounded, and between two of them units
    /// find the lock free.
    pub(crate) fn due(&self, now: Timestamp, limit: usize) -> Vec<RecordNumber> {
        let mut due = Vec::new();
        while due.len() < limit {
            let room = limit.saturating_sub(due.len());
            if self.ends.lock().wheel.advance(&mut &self.segments, now, room, &mut due) == Advance::Done {
                break;
            }
        }
        assert!(due.len() <= limit, "I9: what expires at once has a limit");
        due.into_iter().map(RecordNumber).collect()
    }

    /// Says what time it is, before there are holds.
    pub(crate) fn begin_at(&self, now: Timestamp) {
        self.ends.lock().wheel.begin_at(now);
    }

    /// An instant before which no noted end comes.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.ends.lock().wheel.next()
    }

    /// How many ends are noted.
    pub(crate) fn noted(&self) -> u64 {
        self.ends.lock().wheel.count()
    }

    #[inline]
    pub(crate) fn set_end(&self, number: RecordNumber, ends_at: Timestamp) {
        self.segments.record(number).ends_at.store(ends_at.0, Ordering::Relaxed);
    }

    /// The hash of the id that a record belongs to; any number, where it belongs to none by now.
    #[inline]
    pub(crate) fn hash(&self, number: RecordNumber) -> Hash {
        let record = self.segments.record(number);
        Hash(record.word(HASH_SLOT) & HIGH_HALF | record.word(HASH_FREE) >> 32)
    }

    #[inline]
    pub(crate) fn slot(&self, number: RecordNumber) -> SlotIndex {
        SlotIndex(low(self.segments.record(number).word(HASH_SLOT)))
    }

    /// A look at a record for no more than to have it in the cache; says which slot it names.
    #[inline]
    pub(crate) fn look_at(&self, number: RecordNumber) -> Option<SlotIndex> {
        let record = self.segments.look(number)?;
        std::hint::black_box(record.touch());
        Some(SlotIndex(low(record.word(HASH_SLOT))))
    }

    /// Writes down a hold that was just reserved, and says whether it finds its place.
    #[inline]
    pub(crate) fn write(&self, number: RecordNumber, hash: Hash, slot: SlotIndex, reserve: &Reserve) -> bool {
        let record = self.segments.record(number);
        record.ends_at.store(reserve.ends_at.0, Ordering::Relaxed);
        let words = pack(reserve);
        let [.., hash_slot, hash_free] = words.unwrap_or_default();
        for (word, value) in record.words.iter().zip(words.unwrap_or_default()) {
            word.store(value, Ordering::Relaxed);
        }
        record.words[HASH_SLOT].store(hash_slot | hash.0 & HIGH_HALF | u64::from(slot.0), Ordering::Relaxed);
        record.words[HASH_FREE].store(hash_free | hash.0 << 32, Ordering::Relaxed);
        assert!(self.slot(number) == slot, "a record names its hold's wallet");
        assert!(self.hash(number) == hash, "a record names its hold's place");
        words.is_some()
    }

    /// The reserve of a hold that found its place.
    #[inline]
    pub(crate) fn read(&self, number: RecordNumber, account: AccountId, hold: HoldId) -> Reserve {
        let record = self.segments.record(number);
        let mut words = [0; WORDS];
        for (value, word) in words.iter_mut().zip(&record.words) {
            *value = word.load(Ordering::Relaxed);
        }
        unpack(&words, Timestamp(record.ends_at.load(Ordering::Relaxed)), account, hold)
    }
}

impl Ends {
    /// No records yet.
    pub(crate) const fn new() -> Self {
        Self { wheel: TimerWheel::new(), free: Vec::new(), used: 0 }
    }

    fn note(&mut self, segments: &Segments, number: RecordNumber) {
        let nodes = &mut &*segments;
        assert!(number.0 < self.used, "a record that was never given out");
        self.wheel.cancel(nodes, number.0);
        self.wheel.insert(nodes, number.0);
    }
}

// The words of a record. Amounts have the bits of the wallet word, so that what a reserve took always fits.
const MEMBER: usize = 0;
const WORKER: usize = 2;
/// Day, period.
const NUMBERS: usize = 4;
/// 38 bits subscription credits; count, and what the request allowed.
const SUBSCRIPTION: usize = 5;
/// 38 bits top-up credits; tool, and what the card added.
const TOP_UP: usize = 6;
/// Model, settings.
const MODEL: usize = 7;
/// The hold time asked for, the version of the card.
const TTL: usize = 8;
const RESERVED_AT: usize = 9;
/// The upper half of the hash, the slot.
const HASH_SLOT: usize = 10;
/// The lower half of the hash; 28 bits free credits.
const HASH_FREE: usize = 11;

const HIGH_HALF: u64 = u64::MAX << 32;
const FREE_BITS: u32 = Bits::WIDE.free;
const AMOUNT_BITS: u32 = Bits::WIDE.subscription;

const _: () = assert!(Bits::WIDE.top_up == AMOUNT_BITS, "one form for both amounts");
const _: () = assert!(FREE_BITS <= 32, "free credits lie beside half a hash");
const _: () = assert!(AMOUNT_BITS + 16 == 54, "an amount, a number of 16 bits, and what was allowed or added");
const _: () = assert!(HASH_SLOT == WORDS - 2 && HASH_FREE == WORDS - 1, "the hash stands in the last two words");
const _: () = assert!(SEGMENTS * SEGMENT_RECORDS <= 1 << 31, "a record is a node of the wheel, whose links keep a bit");

#[inline]
fn pack(reserve: &Reserve) -> Option<[u64; WORDS]> {
    let Reserve { taken, attribution, worker, settings, terms, at, ends_at, .. } = reserve;
    let [free, subscription, top_up] =
        [taken.split.free, taken.split.subscription, taken.split.top_up].map(Credits::millis);
    let fits = free >> FREE_BITS == 0
        && subscription >> AMOUNT_BITS == 0
        && top_up >> AMOUNT_BITS == 0
        && terms.min_tier <= Tier::MAX
        && terms.sources.bits() != 0
        && ends_at.0.checked_sub(at.0) == Some(u64::from(terms.hold_ms));
    if !fits {
        return None;
    }
    let allowed = u64::from(terms.sources.bits())
        | u64::from(terms.pro_model) << 3
        | u64::from(terms.min_tier.0) << 4
        | u64::from(terms.over_commit as u8) << 8;
    let added = terms.priced.map_or(0, |priced| {
        1 | u64::from(priced.expected) << 1
            | u64::from(priced.pro_model) << 2
            | u64::from(priced.over_commit as u8) << 3
    });
    assert!(allowed >> 10 == 0, "what the request allowed has ten bits");
    assert!(added >> 10 == 0, "what the card added has ten bits");
    let version = terms.priced.map_or(0, |priced| priced.version);
    let both = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let mut words = [0; WORDS];
    [words[MEMBER], words[MEMBER + 1]] = halves(attribution.member.0);
    [words[WORKER], words[WORKER + 1]] = halves(worker.0);
    words[NUMBERS] = both(taken.day.0, taken.period.0);
    words[SUBSCRIPTION] = subscription | u64::from(attribution.count) << AMOUNT_BITS | allowed << 54;
    words[TOP_UP] = top_up | u64::from(attribution.tool) << AMOUNT_BITS | added << 54;
    words[MODEL] = both(attribution.model, *settings);
    words[TTL] = both(terms.ttl_ms, version);
    words[RESERVED_AT] = at.0;
    words[HASH_FREE] = free;
    Some(words)
}

#[inline]
fn unpack(words: &[u64; WORDS], ends_at: Timestamp, account: AccountId, hold: HoldId) -> Reserve {
    let amount = |word: u64, bits: u32| Credits::from_millis(word & !(u64::MAX << bits));
    let half_word = |word: u64| u16::try_from((word >> AMOUNT_BITS) & 0xffff).unwrap_or(0);
    let (allowed, added) = (words[SUBSCRIPTION] >> 54, words[TOP_UP] >> 54);
    let over_commit = |code: u64| OverCommit::from_code(u8::try_from(code & 0b11).unwrap_or(0)).unwrap_or_default();
    let at = Timestamp(words[RESERVED_AT]);
    assert!(allowed & 0b111 != 0, "R3: what was written down has its sources");
    assert!(ends_at >= at, "R23: a hold ends after it began");
    let split = Split {
        free: amount(words[HASH_FREE], FREE_BITS),
        subscription: amount(words[SUBSCRIPTION], AMOUNT_BITS),
        top_up: amount(words[TOP_UP], AMOUNT_BITS),
    };
    let priced = PricedTerms {
        version: low(words[TTL]),
        expected: added & 0b10 != 0,
        pro_model: added & 0b100 != 0,
        over_commit: over_commit(added >> 3),
    };
    Reserve {
        account,
        hold,
        taken: Slices { split, day: Day(high(words[NUMBERS])), period: Period(low(words[NUMBERS])) },
        attribution: Attribution {
            member: MemberId(whole(words[MEMBER], words[MEMBER + 1])),
            tool: half_word(words[TOP_UP]),
            model: high(words[MODEL]),
            count: half_word(words[SUBSCRIPTION]),
        },
        worker: WorkerId(whole(words[WORKER], words[WORKER + 1])),
        settings: low(words[MODEL]),
        terms: Terms {
            sources: u8::try_from(allowed & 0b111).ok().and_then(Sources::from_bits).unwrap_or(Sources::ALL),
            pro_model: allowed & 0b1000 != 0,
            min_tier: Tier(u8::try_from((allowed >> 4) & 0xf).unwrap_or(0)),
            over_commit: over_commit(allowed >> 8),
            ttl_ms: high(words[TTL]),
            priced: (added & 1 != 0).then_some(priced),
            hold_ms: u32::try_from(ends_at.0.saturating_sub(at.0)).unwrap_or(u32::MAX),
        },
        at,
        ends_at,
    }
}

/// The upper and the lower half of an id.
#[inline]
pub(crate) fn halves(id: u128) -> [u64; 2] {
    let half = |part: u128| u64::try_from(part & u128::from(u64::MAX)).unwrap_or(0);
    [half(id >> 64), half(id)]
}

/// The id of two halves.
#[inline]
pub(crate) fn whole(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[inline]
fn high(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or(0)
}

#[inline]
fn low(word: u64) -> u32 {
    u32::try_from(word & !HIGH_HALF).unwrap_or(0)
}

#[cfg(test)]
mod tests;
