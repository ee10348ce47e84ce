//! The wallet word: everything that a reserve decides on, in one integer that changes only by compare-and-swap.
//!
//! | field | bits | meaning |
//! |---|---|---|
//! | free | 28 | free credits left, in millicredits (at most 268,435 credits) |
//! | subscription | 38 | subscription credits left, in millicredits (at most 274,877,906 credits) |
//! | top_up | 38 | top-up credits left, in millicredits |
//! | day | 10 | day of the free credits modulo 1024 |
//! | period | 9 | period of the subscription credits modulo 512 |
//! | tier | 4 | plan tier, 0 without a subscription |
//! | attention | 1 | look at the cold side first: frozen or in debt |
//!
//! The fields lie in this order from the lowest bit up.
//! [`Snapshot`] is the word taken apart, a plain value with pure transitions. [`AtomicWord`] is the shared cell. The
//! code is generic over the integer ([`Form`]), so that loom, which has no 128-bit atomics, checks the same code.

use crate::bucket::{Sources, Split};
use crate::credits::Credits;
use crate::ids::{Day, Period, Tier};
use crate::sync::{NarrowAtomic, Ordering, WideAtomic};

/// How many bits each field has.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the table above says it")]
pub struct Bits {
    pub free: u32,
    pub subscription: u32,
    pub top_up: u32,
    pub day: u32,
    pub period: u32,
    pub tier: u32,
}

impl Bits {
    /// The bits of the wallet word as it runs.
    pub const WIDE: Self = Self { free: 28, subscription: 38, top_up: 38, day: 10, period: 9, tier: 4 };
    /// A form that fits 64 bits, for loom.
    pub const NARROW: Self = Self { free: 8, subscription: 14, top_up: 14, day: 10, period: 9, tier: 4 };

    /// Bits in use, the attention bit included.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "constants, at most 128")]
    #[inline]
    pub const fn total(&self) -> u32 {
        self.free + self.subscription + self.top_up + self.day + self.period + self.tier + 1
    }

    /// The most that each bucket can hold.
    #[must_use]
    #[inline(always)]
    pub const fn most(&self) -> Split {
        Split {
            free: Credits::from_millis(mask(self.free)),
            subscription: Credits::from_millis(mask(self.subscription)),
            top_up: Credits::from_millis(mask(self.top_up)),
        }
    }
}

const _: () = assert!(Bits::WIDE.total() == 128);
const _: () = assert!(Bits::NARROW.day == Bits::WIDE.day && Bits::NARROW.period == Bits::WIDE.period);
const _: () = assert!(mask(Bits::WIDE.tier) == Tier::MAX.0 as u64, "R9: every tier fits, and no other");
const _: () = assert!(mask(Bits::WIDE.day) == 0x3ff, "R6: the short form of a day is as wide as its field");
const _: () = assert!(mask(Bits::WIDE.period) == 0x1ff, "I7: the short form of a period is as wide as its field");
const _: () = assert!(crate::reserve::AMOUNT_MAX.millis() == mask(Bits::WIDE.subscription), "R22: a full field");
const _: () = assert!(Bits::NARROW.total() <= 64);

#[expect(clippy::arithmetic_side_effects, reason = "field widths lie between 1 and 38")]
#[inline]
const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// A wallet word taken apart. Day and period are modulo their fields; see [`Numbers`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Snapshot {
    /// What stands in each bucket.
    pub available: Split,
    /// The day of the free credits, modulo 1024.
    pub day: u16,
    /// The period of the subscription credits, modulo 512.
    pub period: u16,
    /// The plan tier.
    pub tier: Tier,
    /// Whether the cold side must be looked at first.
    pub attention: bool,
}

/// What a take came to.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Take {
    /// The word after it, and what was taken.
    Granted(Snapshot, Split),
    /// The cold side decides.
    Attention,
    /// The tier is too low (R20).
    TierRequired,
    /// The eligible buckets do not hold enough.
    Insufficient,
}

/// What a give came to.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Give {
    /// The word after it; slices of ended periods are left out.
    Given(Snapshot),
    /// Top-up credits meet a word with the attention bit: debt is netted under the lock (R16).
    Attention,
}

impl Snapshot {
    /// The whole decision of a reserve: attention, tier, eligibility, amount, split.
    #[inline]
    pub fn take(&self, amount: Credits, sources: Sources, min_tier: Tier) -> Take {
        if self.attention {
            return Take::Attention;
        }
        if self.tier < min_tier {
            return Take::TierRequired;
        }
        let eligible = self.available.within(sources);
        if eligible.total() < amount {
            return Take::Insufficient;
        }
        let split = eligible.draw_up_to(amount);
        assert!(split.total() == amount, "I2: a take of another amount");
        assert!(split.within(sources) == split, "R3: a take from a bucket that the request left out");
        Take::Granted(self.less(&split), split)
    }

    /// Takes what is there, up to `amount`, past every gate: the work is done (R28).
    #[must_use]
    #[inline]
    pub fn take_up_to(&self, amount: Credits, sources: Sources) -> (Self, Split) {
        let split = self.available.within(sources).draw_up_to(amount);
        assert!(split.total() <= amount, "I2: a take of more than was asked for");
        assert!(split.within(sources) == split, "R3: a take from a bucket that the hold left out");
        (self.less(&split), split)
    }

    /// This word with less in its buckets.
    #[inline(always)]
    fn less(&self, taken: &Split) -> Self {
        let next = Self { available: self.available.minus(taken), ..*self };
        assert!(next.available.total() + taken.total() == self.available.total(), "I1: a take moves credits");
        next
    }

    /// Gives credits back. `running` has been cut to the running periods by the caller.
    #[inline]
    pub fn give(&self, running: &Split, bits: &Bits) -> Give {
        if self.attention && !running.top_up.is_zero() {
            return Give::Attention;
        }
        Give::Given(self.plus(running, bits))
    }

    /// This word with more in its buckets, as much as their fields hold; what is over: [`Snapshot::over`]. Gifts are
    /// refused long before.
    #[must_use]
    #[inline]
    pub fn plus(&self, more: &Split, bits: &Bits) -> Self {
        let available = self.available.plus(more).at_most(&bits.most());
        assert!(available.free >= self.available.free, "I1: a give lowers the free credits");
        assert!(available.subscription >= self.available.subscription, "I1: a give lowers the subscription credits");
        assert!(available.top_up >= self.available.top_up, "I1: a give lowers the top-up credits");
        Self { available, ..*self }
    }

    /// What of a give its fields have no place for. It is not lost: it waits beside the word.
    #[must_use]
    #[inline]
    pub fn over(&self, more: &Split, bits: &Bits) -> Split {
        let sum = self.available.plus(more);
        assert!(self.available.at_most(&bits.most()) == self.available, "a word has no more than its fields hold");
        let over = sum.minus(&sum.at_most(&bits.most()));
        assert!(over.at_most(more) == over, "I1: no more is over than was given");
        over
    }

    /// Puts the fields into one integer. Inlined, so that the widths are constants and the shifts fold.
    #[must_use]
    #[inline(always)]
    pub fn pack(&self, bits: &Bits) -> u128 {
        let Split { free, subscription, top_up } = self.available;
        let most = bits.most();
        assert!(free <= most.free, "the free field overflows");
        assert!(subscription <= most.subscription, "the subscription field overflows");
        assert!(top_up <= most.top_up, "the top-up field overflows");
        assert!(u64::from(self.day) <= mask(bits.day), "the day field overflows");
        assert!(u64::from(self.period) <= mask(bits.period), "the period field overflows");
        assert!(u64::from(self.tier.0) <= mask(bits.tier), "the tier field overflows");
        let mut word = u128::from(self.attention);
        word = (word << bits.tier) | u128::from(self.tier.0);
        word = (word << bits.period) | u128::from(self.period);
        word = (word << bits.day) | u128::from(self.day);
        word = (word << bits.top_up) | u128::from(top_up.millis());
        word = (word << bits.subscription) | u128::from(subscription.millis());
        (word << bits.free) | u128::from(free.millis())
    }

    /// Takes an integer apart. Inlined, so that the widths are constants and the shifts fold.
    #[must_use]
    #[inline(always)]
    pub fn unpack(word: u128, bits: &Bits) -> Self {
        let mut word = word;
        let mut field = |width: u32| {
            let value = low_64(word) & mask(width);
            word >>= width;
            value
        };
        let free = Credits::from_millis(field(bits.free));
        let subscription = Credits::from_millis(field(bits.subscription));
        let top_up = Credits::from_millis(field(bits.top_up));
        let day = low_16(field(bits.day));
        let period = low_16(field(bits.period));
        let tier = Tier(low_16(field(bits.tier)).to_le_bytes()[0]);
        let attention = field(1) == 1;
        assert!(word == 0, "the fields make up the word");
        Self { available: Split { free, subscription, top_up }, day, period, tier, attention }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
#[inline]
const fn low_64(word: u128) -> u64 {
    word as u64
}

#[expect(clippy::cast_possible_truncation, reason = "fields of 10 bits and fewer")]
#[inline]
const fn low_16(value: u64) -> u16 {
    value as u16
}

/// The full numbers that a word's short ones stand for. The references are close to the truth: the cohort's day,
/// and the slot's copy of the period, which is written under the wallet's lock.
///
/// A day is close because no word stays behind for long: at a start wallets are loaded on the day of the start, and the
/// sweep behind each boundary rolls those that nobody asks for ([`crate::day_sweep`]). A word that were left alone for
/// 960 days would be taken for one that is ahead, and stay so until the 1024th.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// The current day of the wallet's zone cohort.
    pub day: Day,
    /// A period close to the word's.
    pub period: Period,
}

/// A word's day may be this much ahead of its cohort's, after a move to the west (R6). The rest of the field's range
/// lies behind.
const DAYS_AHEAD: u32 = 64;

const _: () = assert!(DAYS_AHEAD < low_mask(Bits::WIDE.day), "R6: a day ahead is told from one behind");

impl Numbers {
    /// The full day of a word.
    #[must_use]
    #[inline]
    pub fn day_of(&self, snapshot: &Snapshot) -> Day {
        let day = Day(widen(snapshot.day, 10, self.day.0.saturating_add(DAYS_AHEAD)));
        assert!(Self::short_day(day) == snapshot.day, "a day keeps its short form");
        day
    }

    /// The full period of a word.
    #[must_use]
    #[inline]
    pub fn period_of(&self, snapshot: &Snapshot) -> Period {
        let period = Period(widen(snapshot.period, 9, self.period.0.saturating_add(255)));
        assert!(Self::short_period(period) == snapshot.period, "a period keeps its short form");
        period
    }

    /// The short form of a day.
    #[must_use]
    #[inline]
    pub const fn short_day(day: Day) -> u16 {
        low_16((day.0 & 0x3ff) as u64)
    }

    /// The short form of a period.
    #[must_use]
    #[inline]
    pub const fn short_period(period: Period) -> u16 {
        low_16((period.0 & 0x1ff) as u64)
    }
}

/// The largest number up to `most` whose low bits are `short`; `short` itself where there is none.
#[inline]
fn widen(short: u16, bits: u32, most: u32) -> u32 {
    let behind = most.wrapping_sub(u32::from(short)) & low_mask(bits);
    assert!(behind <= low_mask(bits), "one turn of the field lies behind");
    most.checked_sub(behind).unwrap_or_else(|| u32::from(short))
}

#[expect(clippy::arithmetic_side_effects, reason = "called with 9 and 10")]
#[inline]
const fn low_mask(bits: u32) -> u32 {
    (1 << bits) - 1
}

/// The integer behind a word.
pub trait Form: 'static {
    /// The shared cell.
    type Cell: Cell;
    /// The widths of the fields.
    const BITS: Bits;
}

/// An atomic integer, as the word needs it.
pub trait Cell: Send + Sync {
    /// A cell with a value.
    fn new(value: u128) -> Self;
    /// Reads; everything written before the value was stored is visible.
    fn load(&self) -> u128;
    /// Replaces `current` by `new`, or says what stands there; may fail for no reason.
    fn replace(&self, current: u128, new: u128) -> Result<(), u128>;
}

/// 128 bits: the daemon's form.
#[derive(Debug)]
pub struct Wide;

impl Form for Wide {
    type Cell = WideAtomic;
    const BITS: Bits = Bits::WIDE;
}

impl Cell for WideAtomic {
    fn new(value: u128) -> Self {
        Self::new(value)
    }

    #[inline]
    fn load(&self) -> u128 {
        self.load(Ordering::Acquire)
    }

    #[inline]
    fn replace(&self, current: u128, new: u128) -> Result<(), u128> {
        self.compare_exchange_weak(current, new, Ordering::AcqRel, Ordering::Acquire).map(drop)
    }
}

/// 64 bits: loom's form.
#[derive(Debug)]
pub struct Narrow;

impl Form for Narrow {
    type Cell = NarrowAtomic;
    const BITS: Bits = Bits::NARROW;
}

impl Cell for NarrowAtomic {
    fn new(value: u128) -> Self {
        Self::new(low_64(value))
    }

    #[inline]
    fn load(&self) -> u128 {
        u128::from(self.load(Ordering::Acquire))
    }

    #[inline]
    fn replace(&self, current: u128, new: u128) -> Result<(), u128> {
        self.compare_exchange_weak(low_64(current), low_64(new), Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(u128::from)
    }
}

/// The shared wallet word.
#[derive(Debug)]
pub struct AtomicWord<F: Form> {
    cell: F::Cell,
}

impl<F: Form> AtomicWord<F> {
    /// A word with these fields.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        let packed = snapshot.pack(&F::BITS);
        assert!(Snapshot::unpack(packed, &F::BITS) == snapshot, "a word is packed without a loss");
        Self { cell: F::Cell::new(packed) }
    }

    /// The word now.
    #[must_use]
    #[inline]
    pub fn load(&self) -> Snapshot {
        Snapshot::unpack(self.cell.load(), &F::BITS)
    }

    /// The one CAS loop: `decide` is asked again with the newer word until its change is stored, or it makes none.
    #[inline]
    pub fn transition<T>(&self, decide: impl Fn(&Snapshot) -> (Option<Snapshot>, T)) -> T {
        let mut current = self.cell.load();
        loop {
            let (next, told) = decide(&Snapshot::unpack(current, &F::BITS));
            let Some(next) = next else { return told };
            match self.cell.replace(current, next.pack(&F::BITS)) {
                Ok(()) => return told,
                Err(newer) => current = newer,
            }
        }
    }
}
