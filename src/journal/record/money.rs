//! Stored records of bought credits and corrections, 20 to 26 without the ends of holds. Persisted, keep stable: fields
//! are written in the order in which they stand here.

use wallet::credits::Credits;
use wallet::ids::{Day, PaymentId, Period, Timestamp};
use wallet::record::{Clawback, ConfirmTopUp, Correct, DropTopUp, PendingTopUp, TopUp};

use super::kinds::{StoredClawback, StoredTopUp};
use super::parts::{BadField, StoredId, StoredIssuer, assert_kept, bucket, bucket_code};
use crate::codec::{BorrowDecode, Encode};

/// Which payment buys what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
struct StoredPurchase<'a> {
    account: StoredId,
    payment: StoredId,
    amount: u64,
    bundle: &'a str,
}

macro_rules! purchase {
    ($of:expr) => {
        StoredPurchase {
            account: $of.account.into(),
            payment: StoredId::of($of.payment.0),
            amount: $of.amount.millis(),
            bundle: &$of.bundle,
        }
    };
}

/// Credits whose payment has not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredPendingTopUp<'a> {
    purchase: StoredPurchase<'a>,
    by: &'a str,
    at: u64,
    ends_at: u64,
}

impl<'a> From<&'a PendingTopUp> for StoredPendingTopUp<'a> {
    fn from(pending: &'a PendingTopUp) -> Self {
        let PendingTopUp { by, at, ends_at, .. } = pending;
        let stored = Self { purchase: purchase!(pending), by, at: at.0, ends_at: ends_at.0 };
        assert_kept(pending, Ok(stored.into()));
        stored
    }
}

impl From<StoredPendingTopUp<'_>> for PendingTopUp {
    fn from(stored: StoredPendingTopUp<'_>) -> Self {
        let StoredPurchase { account, payment, amount, bundle } = stored.purchase;
        let pending = Self {
            account: account.account(),
            payment: PaymentId(payment.number()),
            amount: Credits::from_millis(amount),
            bundle: bundle.to_owned(),
            by: stored.by.to_owned(),
            at: Timestamp(stored.at),
            ends_at: Timestamp(stored.ends_at),
        };
        assert!(StoredId::from(pending.account) == account, "an account is written as it was read");
        assert!(StoredId::of(pending.payment.0) == payment, "R14: a payment is known by its id");
        pending
    }
}

/// Credits whose payment has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredConfirmTopUp<'a> {
    purchase: StoredPurchase<'a>,
    by: &'a str,
    at: u64,
}

impl<'a> From<&'a ConfirmTopUp> for StoredConfirmTopUp<'a> {
    fn from(confirm: &'a ConfirmTopUp) -> Self {
        Self { purchase: purchase!(confirm), by: &confirm.by, at: confirm.at.0 }
    }
}

impl From<StoredConfirmTopUp<'_>> for ConfirmTopUp {
    fn from(stored: StoredConfirmTopUp<'_>) -> Self {
        let StoredPurchase { account, payment, amount, bundle } = stored.purchase;
        let confirm = Self {
            account: account.account(),
            payment: PaymentId(payment.number()),
            amount: Credits::from_millis(amount),
            bundle: bundle.to_owned(),
            by: stored.by.to_owned(),
            at: Timestamp(stored.at),
        };
        assert!(StoredId::from(confirm.account) == account, "an account is written as it was read");
        assert!(StoredId::of(confirm.payment.0) == payment, "R14: a payment is known by its id");
        confirm
    }
}

/// Credits whose payment never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredDropTopUp<'a> {
    purchase: StoredPurchase<'a>,
    at: u64,
}

impl<'a> From<&'a DropTopUp> for StoredDropTopUp<'a> {
    fn from(dropped: &'a DropTopUp) -> Self {
        Self { purchase: purchase!(dropped), at: dropped.at.0 }
    }
}

impl From<StoredDropTopUp<'_>> for DropTopUp {
    fn from(stored: StoredDropTopUp<'_>) -> Self {
        let StoredPurchase { account, payment, amount, bundle } = stored.purchase;
        let dropped = Self {
            account: account.account(),
            payment: PaymentId(payment.number()),
            amount: Credits::from_millis(amount),
            bundle: bundle.to_owned(),
            at: Timestamp(stored.at),
        };
        assert!(StoredId::from(dropped.account) == account, "an account is written as it was read");
        assert!(StoredId::of(dropped.payment.0) == payment, "R14: a payment is known by its id");
        dropped
    }
}

/// A top-up by a bundle's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredTopUpBundle<'a> {
    top_up: StoredTopUp<'a>,
    bundle: &'a str,
}

impl<'a> From<&'a TopUp> for StoredTopUpBundle<'a> {
    fn from(top_up: &'a TopUp) -> Self {
        Self { top_up: top_up.into(), bundle: &top_up.bundle }
    }
}

impl From<StoredTopUpBundle<'_>> for TopUp {
    fn from(stored: StoredTopUpBundle<'_>) -> Self {
        Self { bundle: stored.bundle.to_owned(), ..stored.top_up.into() }
    }
}

/// A clawback with what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredClawbackTold<'a> {
    clawback: StoredClawback<'a>,
    taken: u64,
    debt: u64,
}

impl<'a> From<&'a Clawback> for StoredClawbackTold<'a> {
    fn from(clawback: &'a Clawback) -> Self {
        Self { clawback: clawback.into(), taken: clawback.taken.millis(), debt: clawback.debt.millis() }
    }
}

impl From<StoredClawbackTold<'_>> for Clawback {
    fn from(stored: StoredClawbackTold<'_>) -> Self {
        let (taken, debt) = (Credits::from_millis(stored.taken), Credits::from_millis(stored.debt));
        Self { taken, debt, ..stored.clawback.into() }
    }
}

/// Credits taken out of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredCorrect<'a> {
    account: StoredId,
    bucket: u8,
    requested: u64,
    amount: u64,
    day: u32,
    period: u32,
    issuer: StoredIssuer<'a>,
}

impl<'a> From<&'a Correct> for StoredCorrect<'a> {
    fn from(correct: &'a Correct) -> Self {
        Self {
            account: correct.account.into(),
            bucket: bucket_code(correct.bucket),
            requested: correct.requested.millis(),
            amount: correct.amount.millis(),
            day: correct.day.0,
            period: correct.period.0,
            issuer: (&correct.issuer).into(),
        }
    }
}

impl TryFrom<StoredCorrect<'_>> for Correct {
    type Error = BadField;

    fn try_from(stored: StoredCorrect<'_>) -> Result<Self, BadField> {
        let correct = Self {
            account: stored.account.account(),
            bucket: bucket(stored.bucket)?,
            requested: Credits::from_millis(stored.requested),
            amount: Credits::from_millis(stored.amount),
            day: Day(stored.day),
            period: Period(stored.period),
            issuer: stored.issuer.into(),
        };
        assert!(bucket_code(correct.bucket) == stored.bucket, "a bucket is written as it was read");
        assert!(StoredId::from(correct.account) == stored.account, "an account is written as it was read");
        Ok(correct)
    }
}
