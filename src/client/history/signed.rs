//! An amount for each bucket that may be below zero, as the sums of a check may.

use std::fmt;
use std::ops::{Add, Sub};

use protocol::PerBucket;

/// Free, subscription, top-up. The sum of any history fits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(super) struct Signed(pub(super) [i128; 3]);

impl From<PerBucket> for Signed {
    fn from(amounts: PerBucket) -> Self {
        Self([amounts.free, amounts.subscription, amounts.top_up].map(i128::from))
    }
}

impl Add for Signed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let ([a, b, c], [d, e, f]) = (self.0, other.0);
        Self([a + d, b + e, c + f])
    }
}

impl Sub for Signed {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let ([a, b, c], [d, e, f]) = (self.0, other.0);
        Self([a - d, b - e, c - f])
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [free, subscription, top_up] = self.0;
        write!(f, "{free} + {subscription} + {top_up}")
    }
}

/// Which buckets a check looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mask(pub(super) [bool; 3]);

impl Mask {
    pub(super) fn of(self, amounts: Signed) -> Signed {
        let ([a, b, c], [d, e, f]) = (amounts.0, self.0);
        let keep = |amount, kept| if kept { amount } else { 0 };
        Signed([keep(a, d), keep(b, e), keep(c, f)])
    }

    /// The amounts in these buckets, nothing in the others.
    pub(super) const fn within(self, amounts: PerBucket) -> PerBucket {
        let ([a, b, c], PerBucket { free, subscription, top_up }) = (self.0, amounts);
        PerBucket {
            free: if a { free } else { 0 },
            subscription: if b { subscription } else { 0 },
            top_up: if c { top_up } else { 0 },
        }
    }

    /// The same without the free bucket.
    pub(super) const fn without_free(self) -> Self {
        Self([false, self.0[1], self.0[2]])
    }
}
