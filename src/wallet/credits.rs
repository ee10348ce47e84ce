//! Amounts of credits: whole millicredits, checked arithmetic, no floats (R1).

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use thiserror::Error;

/// Millicredits in one credit.
pub const MILLICREDITS_PER_CREDIT: u64 = 1_000;

/// An amount of credits, counted in millicredits.
///
/// `+` and `-` panic when the result cannot be represented: inside the rules that would be a broken invariant (I1).
/// Amounts that come from outside go through [`Credits::checked_add`] and [`Credits::checked_sub`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Credits(u64);

impl Credits {
    /// No credits.
    pub const ZERO: Self = Self(0);

    /// An amount in millicredits.
    #[must_use]
    #[inline]
    pub const fn from_millis(millicredits: u64) -> Self {
        Self(millicredits)
    }

    /// An amount in whole credits; saturates at the largest amount.
    #[must_use]
    #[inline]
    pub const fn from_whole(credits: u64) -> Self {
        Self(credits.saturating_mul(MILLICREDITS_PER_CREDIT))
    }

    /// The amount in millicredits.
    #[must_use]
    #[inline]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whether the amount is zero.
    #[must_use]
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` when it does not fit.
    #[must_use]
    #[inline]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` when `other` is larger.
    #[must_use]
    #[inline]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// The difference, or zero when `other` is larger.
    #[must_use]
    #[inline]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Credits {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        match self.checked_add(other) {
            Some(sum) => sum,
            None => panic!("credits overflow: {self} + {other}"),
        }
    }
}

impl Sub for Credits {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        match self.checked_sub(other) {
            Some(rest) => rest,
            None => panic!("credits below zero: {self} - {other}"),
        }
    }
}

impl AddAssign for Credits {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Credits {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// Credits with up to three decimals, as people read them: `73.5`.
impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0 / MILLICREDITS_PER_CREDIT;
        let rest = self.0 % MILLICREDITS_PER_CREDIT;
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{rest:03}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl fmt::Debug for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is not an amount of credits.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not an amount of credits: {0:?} (expected digits with at most three decimals, such as 73.5)")]
pub struct ParseCreditsError(String);

impl FromStr for Credits {
    type Err = ParseCreditsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseCreditsError(text.to_owned());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
            return Err(bad());
        }
        let whole: u64 = whole.parse().map_err(|_| bad())?;
        let rest: u64 = format!("{decimals:0<3}").parse().map_err(|_| bad())?;
        assert!(rest < MILLICREDITS_PER_CREDIT, "R1: three decimals are less than one");
        whole.checked_mul(MILLICREDITS_PER_CREDIT).and_then(|millis| millis.checked_add(rest)).map(Self).ok_or_else(bad)
    }
}
