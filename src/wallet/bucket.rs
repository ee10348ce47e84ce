//! The three buckets, their order, and amounts split over them (R3, R24).

use crate::credits::Credits;
use crate::ids::{Day, Period};

/// A source of credits with its own reset rule, in the order in which they are drawn (R3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Bucket {
    /// Reset daily (R5).
    Free,
    /// Refreshed each credit cycle, unused credits expire (R10).
    Subscription,
    /// Bought; never expires (R14).
    TopUp,
}

impl Bucket {
    /// All buckets, in the order in which they are drawn.
    pub const ALL: [Self; 3] = [Self::Free, Self::Subscription, Self::TopUp];
}

// R3: the order of drawing is that of the numbers, which are places in the counters and bits of the sources.
const _: () = assert!(Bucket::ALL[0] as usize == 0);
const _: () = assert!(Bucket::ALL[1] as usize == 1);
const _: () = assert!(Bucket::ALL[2] as usize == 2);
const _: () = assert!(Sources::FREE_ONLY.contains(Bucket::Free) && !Sources::FREE_ONLY.contains(Bucket::TopUp));
const _: () = assert!(!Sources::NO_TOP_UP.contains(Bucket::TopUp));
const _: () = assert!(!Sources::ALL.without_free().contains(Bucket::Free));
const _: () = assert!(Sources::FREE_ONLY.without_free().bits() == 0, "R8: nothing is left of the free bucket");
const _: () =
    assert!(matches!(Sources::from_bits(0), Some(all) if all.bits() == Sources::ALL.bits()), "R3: zero is all");
const _: () = assert!(Sources::from_bits(Sources::ALL.bits() + 1).is_none(), "R3: no bit is unknown");

/// The buckets that a request may draw from: it narrows them, it never reorders them (R3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sources(u8);

impl Sources {
    /// Every bucket.
    pub const ALL: Self = Self(0b111);
    /// Only the free bucket.
    pub const FREE_ONLY: Self = Self(0b001);
    /// Everything but top-up credits.
    pub const NO_TOP_UP: Self = Self(0b011);

    /// A mask with bit 0 for free, 1 for subscription, 2 for top-up; zero stands for all; `None` for unknown bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::ALL),
            1..=0b111 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The mask.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// These sources without the free bucket (R8).
    #[must_use]
    #[inline]
    pub const fn without_free(self) -> Self {
        Self(self.0 & 0b110)
    }

    /// Whether the bucket may be drawn from.
    #[must_use]
    #[inline]
    pub const fn contains(self, bucket: Bucket) -> bool {
        self.0 & (1 << bucket as u8) != 0
    }
}

/// An amount by bucket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Split {
    /// Free credits.
    pub free: Credits,
    /// Subscription credits.
    pub subscription: Credits,
    /// Top-up credits.
    pub top_up: Credits,
}

impl Split {
    /// Nothing.
    pub const ZERO: Self = Self { free: Credits::ZERO, subscription: Credits::ZERO, top_up: Credits::ZERO };

    /// The sum over the buckets.
    #[must_use]
    #[inline]
    pub fn total(&self) -> Credits {
        self.free + self.subscription + self.top_up
    }

    /// Whether every bucket is zero.
    #[must_use]
    #[inline]
    pub const fn is_zero(&self) -> bool {
        self.free.is_zero() && self.subscription.is_zero() && self.top_up.is_zero()
    }

    /// The amount of one bucket.
    #[must_use]
    #[inline]
    pub const fn of(&self, bucket: Bucket) -> Credits {
        match bucket {
            Bucket::Free => self.free,
            Bucket::Subscription => self.subscription,
            Bucket::TopUp => self.top_up,
        }
    }

    /// What stands in one bucket only.
    #[must_use]
    #[inline]
    pub const fn only(bucket: Bucket, amount: Credits) -> Self {
        let mut split = Self::ZERO;
        match bucket {
            Bucket::Free => split.free = amount,
            Bucket::Subscription => split.subscription = amount,
            Bucket::TopUp => split.top_up = amount,
        }
        split
    }

    /// The part of this split that the sources allow.
    #[must_use]
    #[inline]
    pub fn within(&self, sources: Sources) -> Self {
        let keep = |bucket| if sources.contains(bucket) { self.of(bucket) } else { Credits::ZERO };
        Self { free: keep(Bucket::Free), subscription: keep(Bucket::Subscription), top_up: keep(Bucket::TopUp) }
    }

    /// Up to `amount` in draw order: free, subscription, top-up (R3).
    #[must_use]
    #[inline]
    pub fn draw_up_to(&self, amount: Credits) -> Self {
        let free = self.free.min(amount);
        let subscription = self.subscription.min(amount - free);
        let top_up = self.top_up.min(amount - free - subscription);
        let drawn = Self { free, subscription, top_up };
        assert!(drawn.total() <= amount, "I2: more than was asked for");
        assert!(drawn.total() == amount || drawn == *self, "R3: less is drawn only where there is no more");
        assert!(top_up.is_zero() || (free == self.free && subscription == self.subscription), "R3: top-up comes last");
        drawn
    }

    /// Up to `amount` in the order in which credits go back: top-up, subscription, free (R24).
    #[must_use]
    pub fn return_up_to(&self, amount: Credits) -> Self {
        let top_up = self.top_up.min(amount);
        let subscription = self.subscription.min(amount - top_up);
        let free = self.free.min(amount - top_up - subscription);
        let back = Self { free, subscription, top_up };
        assert!(back.total() <= amount, "I1: more goes back than was asked for");
        assert!(back.total() == amount || back == *self, "R24: less goes back only where there is no more");
        assert!(free.is_zero() || (top_up == self.top_up && subscription == self.subscription), "R24: free comes last");
        back
    }

    /// What of this split no bucket's limit cuts off.
    #[must_use]
    #[inline]
    pub fn at_most(&self, most: &Self) -> Self {
        Self {
            free: self.free.min(most.free),
            subscription: self.subscription.min(most.subscription),
            top_up: self.top_up.min(most.top_up),
        }
    }

    /// The sum, bucket by bucket.
    #[must_use]
    #[inline]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            free: self.free + other.free,
            subscription: self.subscription + other.subscription,
            top_up: self.top_up + other.top_up,
        }
    }

    /// The difference, bucket by bucket; panics where `other` is larger (I1).
    #[must_use]
    #[inline]
    pub fn minus(&self, other: &Self) -> Self {
        Self {
            free: self.free - other.free,
            subscription: self.subscription - other.subscription,
            top_up: self.top_up - other.top_up,
        }
    }
}

/// What one movement took from, or brings back to, each bucket in one period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Slices {
    /// The amounts.
    pub split: Split,
    /// The day of the free credits.
    pub day: Day,
    /// The period of the subscription credits.
    pub period: Period,
}
