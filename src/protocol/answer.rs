//! The answer to one operation: 96 fixed bytes, in the order of the operations.
//!
//! ```text
//!  0 outcome u16   2 flags u16   4 detail u32   8 position u64
//! 16 split: free, subscription, top_up u64      40 available: the same
//! 64 next_reset_at u64   72 amount u64   80 time u64   88 forfeited u64
//! ```

use crate::bytes::{put, u16_at, u32_at, u64_at};
use crate::field::Field;
use crate::limits::ANSWER_BYTES;
use crate::outcome::Outcome;

/// An amount for each bucket, in millicredits, in the order in which they are drawn (R3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PerBucket {
    /// Daily free credits.
    pub free: u64,
    /// Credits of the subscription.
    pub subscription: u64,
    /// Credits that were bought.
    pub top_up: u64,
}

impl PerBucket {
    /// The three together; `None` if they do not fit, which no daemon's amounts do.
    #[must_use]
    pub const fn sum(self) -> Option<u64> {
        match self.free.checked_add(self.subscription) {
            Some(sum) => sum.checked_add(self.top_up),
            None => None,
        }
    }
}

/// The flag bits of an answer. Readers ignore bits that they do not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct AnswerFlags(pub u16);

impl AnswerFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// What the answer tells of is synced (I3).
    pub const DURABLE: Self = Self(1);
    /// The settlement came after the hold's end (R28).
    pub const LATE: Self = Self(1 << 1);
    /// With `insufficient`: the account may buy credits.
    pub const TOP_UP_ALLOWED: Self = Self(1 << 2);

    /// Both sets of bits.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    #[must_use]
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One answer. What `detail`, `amount` and `time` mean is said at each [`Outcome`]; 0 where it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What became of the operation.
    pub outcome: Outcome,
    /// Flag bits.
    pub flags: AnswerFlags,
    /// A number that belongs to the outcome: a field, a tier, the first outcome, a limit, milliseconds to wait, a plan.
    pub detail: u32,
    /// The record of the decision, or the last one that it rests on; 0 = none.
    pub position: u64,
    /// What this operation drew (reserve, charge), captured (commit) or gave back (release, refund).
    pub split: PerBucket,
    /// What a reserve could take now.
    pub available: PerBucket,
    /// The next reset that brings credits, milliseconds since 1970; 0 = none.
    pub next_reset_at_ms: u64,
    /// An amount that belongs to the outcome, in millicredits.
    pub amount: u64,
    /// A time that belongs to the outcome, milliseconds since 1970.
    pub time_ms: u64,
    /// Commit, release, refund: what could not go back to where it came from (R24).
    pub forfeited: u64,
}

/// The outcome's number is none that this version knows; the caller treats the operation as `outcome_unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown outcome {number}")]
pub struct UnknownOutcome {
    /// The number.
    pub number: u16,
}

impl Answer {
    /// An answer that says nothing but its outcome.
    #[must_use]
    #[inline]
    pub const fn of(outcome: Outcome) -> Self {
        const NOTHING: PerBucket = PerBucket { free: 0, subscription: 0, top_up: 0 };
        Self {
            outcome,
            flags: AnswerFlags::NONE,
            detail: 0,
            position: 0,
            split: NOTHING,
            available: NOTHING,
            next_reset_at_ms: 0,
            amount: 0,
            time_ms: 0,
            forfeited: 0,
        }
    }

    /// The refusal of an operation with a bad field.
    #[must_use]
    #[inline]
    pub fn bad_request(field: Field) -> Self {
        Self { detail: u32::from(field.number()), ..Self::of(Outcome::BadRequest) }
    }

    /// The 96 bytes.
    #[must_use]
    #[inline]
    pub fn encode(&self) -> [u8; ANSWER_BYTES] {
        let mut record = [0; ANSWER_BYTES];
        put(&mut record, at::OUTCOME, self.outcome.number().to_le_bytes());
        put(&mut record, at::FLAGS, self.flags.0.to_le_bytes());
        put(&mut record, at::DETAIL, self.detail.to_le_bytes());
        put(&mut record, at::POSITION, self.position.to_le_bytes());
        put_buckets(&mut record, at::SPLIT, self.split);
        put_buckets(&mut record, at::AVAILABLE, self.available);
        put(&mut record, at::NEXT_RESET_AT, self.next_reset_at_ms.to_le_bytes());
        put(&mut record, at::AMOUNT, self.amount.to_le_bytes());
        put(&mut record, at::TIME, self.time_ms.to_le_bytes());
        put(&mut record, at::FORFEITED, self.forfeited.to_le_bytes());
        record
    }

    /// Decodes one answer.
    ///
    /// # Errors
    /// The outcome's number is unknown.
    #[inline]
    pub fn decode(record: &[u8; ANSWER_BYTES]) -> Result<Self, UnknownOutcome> {
        let number = u16_at(record, at::OUTCOME);
        let outcome = Outcome::from_u16(number).ok_or(UnknownOutcome { number })?;
        Ok(Self {
            outcome,
            flags: AnswerFlags(u16_at(record, at::FLAGS)),
            detail: u32_at(record, at::DETAIL),
            position: u64_at(record, at::POSITION),
            split: buckets_at(record, at::SPLIT),
            available: buckets_at(record, at::AVAILABLE),
            next_reset_at_ms: u64_at(record, at::NEXT_RESET_AT),
            amount: u64_at(record, at::AMOUNT),
            time_ms: u64_at(record, at::TIME),
            forfeited: u64_at(record, at::FORFEITED),
        })
    }
}

/// The answers of a body that a decoded frame has vouched for.
#[derive(Clone, Debug)]
pub struct Answers<'a> {
    records: core::slice::Iter<'a, [u8; ANSWER_BYTES]>,
}

impl<'a> Answers<'a> {
    /// Iterates over a body of kind `answers`; a rest that is no whole answer is left out.
    #[must_use]
    #[inline]
    pub fn of_body(body: &'a [u8]) -> Self {
        Self { records: body.as_chunks().0.iter() }
    }
}

impl Iterator for Answers<'_> {
    type Item = Result<Answer, UnknownOutcome>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.records.next().map(Answer::decode)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for Answers<'_> {}

/// Offsets within an answer.
mod at {
    pub(super) const OUTCOME: usize = 0;
    pub(super) const FLAGS: usize = 2;
    pub(super) const DETAIL: usize = 4;
    pub(super) const POSITION: usize = 8;
    pub(super) const SPLIT: usize = 16;
    pub(super) const AVAILABLE: usize = 40;
    pub(super) const NEXT_RESET_AT: usize = 64;
    pub(super) const AMOUNT: usize = 72;
    pub(super) const TIME: usize = 80;
    pub(super) const FORFEITED: usize = 88;
}

#[inline(always)]
fn buckets_at(record: &[u8; ANSWER_BYTES], at: usize) -> PerBucket {
    PerBucket { free: u64_at(record, at), subscription: u64_at(record, at + 8), top_up: u64_at(record, at + 16) }
}

#[inline(always)]
fn put_buckets(record: &mut [u8; ANSWER_BYTES], at: usize, buckets: PerBucket) {
    put(record, at, buckets.free.to_le_bytes());
    put(record, at + 8, buckets.subscription.to_le_bytes());
    put(record, at + 16, buckets.top_up.to_le_bytes());
}

#[cfg(test)]
mod tests;
