//! One stored struct for each kind of record, with its conversions. Persisted, keep stable: fields are written in the
//! order in which they stand here.

use wallet::credits::Credits;
use wallet::ids::{AccountId, Day, PaymentId, Period, PlanId, Tier, Timestamp, WorkerId};
use wallet::record::{
    Capture, Clawback, CycleRoll, FreePolicy, Freeze, Grant, LateCapture, Open, Refund, Reserve, Return,
    SetSubscription, TopUp,
};

use super::parts::{
    AfterId, BadField, StoredAttribution, StoredId, StoredIssuer, StoredRequest, StoredSlices, StoredSplit,
    StoredTerms, assert_kept, bucket, bucket_code, opened, refund_reason, tier,
};
use crate::codec::{BorrowDecode, Decode, Encode, List};

/// A free allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredPolicy {
    from: u32,
    allowance: u64,
    all_accounts: bool,
}

impl From<&FreePolicy> for StoredPolicy {
    fn from(policy: &FreePolicy) -> Self {
        let FreePolicy { from, allowance, all_accounts } = *policy;
        let stored = Self { from: from.0, allowance: allowance.millis(), all_accounts };
        assert_kept(policy, Ok(stored.into()));
        stored
    }
}

impl From<StoredPolicy> for FreePolicy {
    fn from(stored: StoredPolicy) -> Self {
        let StoredPolicy { from, allowance, all_accounts } = stored;
        Self { from: Day(from), allowance: Credits::from_millis(allowance), all_accounts }
    }
}

/// A new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredOpen<'a> {
    account: StoredId,
    zone: &'a str,
    day: u32,
    issuer: StoredIssuer<'a>,
}

impl<'a> From<&'a Open> for StoredOpen<'a> {
    fn from(open: &'a Open) -> Self {
        let Open { account, zone, day, issuer } = open;
        let stored = Self { account: (*account).into(), zone, day: day.0, issuer: issuer.into() };
        assert!(stored.account.account() == *account, "an account is read as it was written");
        stored
    }
}

impl From<StoredOpen<'_>> for Open {
    fn from(stored: StoredOpen<'_>) -> Self {
        Self {
            account: stored.account.account(),
            zone: stored.zone.to_owned(),
            day: Day(stored.day),
            issuer: stored.issuer.into(),
        }
    }
}

/// A freeze or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredFreeze<'a> {
    account: StoredId,
    frozen: bool,
    issuer: StoredIssuer<'a>,
}

impl<'a> From<&'a Freeze> for StoredFreeze<'a> {
    fn from(freeze: &'a Freeze) -> Self {
        let Freeze { account, frozen, issuer } = freeze;
        let stored = Self { account: (*account).into(), frozen: *frozen, issuer: issuer.into() };
        assert!(stored.account.account() == *account, "an account is read as it was written");
        stored
    }
}

impl From<StoredFreeze<'_>> for Freeze {
    fn from(stored: StoredFreeze<'_>) -> Self {
        Self { account: stored.account.account(), frozen: stored.frozen, issuer: stored.issuer.into() }
    }
}

/// A new period of the subscription bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredSetSubscription<'a> {
    account: StoredId,
    day: u32,
    period: u32,
    amount: u64,
    tier: u8,
    ends_at: u64,
    issuer: StoredIssuer<'a>,
}

impl<'a> From<&'a SetSubscription> for StoredSetSubscription<'a> {
    fn from(set: &'a SetSubscription) -> Self {
        let SetSubscription { account, day, period, amount, tier, ends_at, issuer } = set;
        assert!(*tier <= Tier::MAX, "a tier has four bits");
        let stored = Self {
            account: (*account).into(),
            day: day.0,
            period: period.0,
            amount: amount.millis(),
            tier: tier.0,
            ends_at: ends_at.0,
            issuer: issuer.into(),
        };
        assert!(stored.account.account() == *account, "an account is read as it was written");
        stored
    }
}

impl TryFrom<StoredSetSubscription<'_>> for SetSubscription {
    type Error = BadField;

    fn try_from(stored: StoredSetSubscription<'_>) -> Result<Self, BadField> {
        let set = Self {
            account: stored.account.account(),
            day: Day(stored.day),
            period: Period(stored.period),
            amount: Credits::from_millis(stored.amount),
            tier: tier(stored.tier)?,
            ends_at: Timestamp(stored.ends_at),
            issuer: stored.issuer.into(),
        };
        assert!(set.tier <= Tier::MAX, "a tier that was read was checked");
        assert!(StoredId::from(set.account) == stored.account, "an account is written as it was read");
        Ok(set)
    }
}

/// Credits given into one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredGrant<'a> {
    account: StoredId,
    bucket: u8,
    amount: u64,
    day: u32,
    period: u32,
    issuer: StoredIssuer<'a>,
}

impl<'a> From<&'a Grant> for StoredGrant<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self {
            account: grant.account.into(),
            bucket: bucket_code(grant.bucket),
            amount: grant.amount.millis(),
            day: grant.day.0,
            period: grant.period.0,
            issuer: (&grant.issuer).into(),
        }
    }
}

impl TryFrom<StoredGrant<'_>> for Grant {
    type Error = BadField;

    fn try_from(stored: StoredGrant<'_>) -> Result<Self, BadField> {
        let grant = Self {
            account: stored.account.account(),
            bucket: bucket(stored.bucket)?,
            amount: Credits::from_millis(stored.amount),
            day: Day(stored.day),
            period: Period(stored.period),
            issuer: stored.issuer.into(),
        };
        assert!(bucket_code(grant.bucket) == stored.bucket, "a bucket is written as it was read");
        assert!(StoredId::from(grant.account) == stored.account, "an account is written as it was read");
        Ok(grant)
    }
}

/// Credits bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredTopUp<'a> {
    account: StoredId,
    payment: StoredId,
    amount: u64,
    by: &'a str,
    at: u64,
}

impl<'a> From<&'a TopUp> for StoredTopUp<'a> {
    fn from(top_up: &'a TopUp) -> Self {
        let TopUp { account, payment, amount, bundle: _, by, at } = top_up;
        let stored_payment = StoredId::of(payment.0);
        assert!(stored_payment.number() == payment.0, "R14: a payment is known by its id");
        assert!(StoredId::from(*account).account() == *account, "I8: an account is read as it was written");
        Self { account: (*account).into(), payment: stored_payment, amount: amount.millis(), by, at: at.0 }
    }
}

impl From<StoredTopUp<'_>> for TopUp {
    fn from(stored: StoredTopUp<'_>) -> Self {
        Self {
            account: stored.account.account(),
            payment: PaymentId(stored.payment.number()),
            amount: Credits::from_millis(stored.amount),
            bundle: String::new(),
            by: stored.by.to_owned(),
            at: Timestamp(stored.at),
        }
    }
}

/// Credits taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredClawback<'a> {
    account: StoredId,
    amount: u64,
    issuer: StoredIssuer<'a>,
}

impl<'a> From<&'a Clawback> for StoredClawback<'a> {
    fn from(clawback: &'a Clawback) -> Self {
        let Clawback { account, amount, taken: _, debt: _, issuer } = clawback;
        let stored = Self { account: (*account).into(), amount: amount.millis(), issuer: issuer.into() };
        assert!(stored.account.account() == *account, "I8: an account is read as it was written");
        stored
    }
}

impl From<StoredClawback<'_>> for Clawback {
    fn from(stored: StoredClawback<'_>) -> Self {
        let amount = Credits::from_millis(stored.amount);
        let (taken, debt) = (Credits::ZERO, Credits::ZERO);
        let clawback = Self { account: stored.account.account(), amount, taken, debt, issuer: stored.issuer.into() };
        assert!(StoredId::from(clawback.account) == stored.account, "an account is written as it was read");
        clawback
    }
}

/// One wallet rolled over the end of its cycle, by a version without plans: a lapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredCycleRoll {
    account: StoredId,
    day: u32,
    period: u32,
    allocation: u64,
    tier: u8,
    ends_at: u64,
    at: u64,
}

impl TryFrom<StoredCycleRoll> for CycleRoll {
    type Error = BadField;

    fn try_from(stored: StoredCycleRoll) -> Result<Self, BadField> {
        let roll = Self {
            account: AccountId(stored.account.number()),
            day: Day(stored.day),
            period: Period(stored.period),
            allocation: opened(stored.tier, stored.allocation)?,
            tier: tier(stored.tier)?,
            ends_at: Timestamp(stored.ends_at),
            at: Timestamp(stored.at),
            plan: PlanId::NONE,
            cycle: 0,
            skipped: 0,
            changed: false,
        };
        assert!(roll.tier <= Tier::MAX, "a tier that was read was checked");
        assert!(StoredId::from(roll.account) == stored.account, "an account is written as it was read");
        Ok(roll)
    }
}

/// Credits set aside, or charged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredReserve {
    account: StoredId,
    hold: StoredId,
    at: AfterId,
    /// Milliseconds from `at` to the hold's end.
    held_ms: u64,
    taken: StoredSlices,
    attribution: StoredAttribution,
    worker: Option<StoredId>,
    settings: u32,
    terms: StoredTerms,
}

impl From<&Reserve> for StoredReserve {
    #[inline]
    fn from(reserve: &Reserve) -> Self {
        let Reserve { account, hold, taken, attribution, worker, settings, terms, at, ends_at } = *reserve;
        let held_ms = ends_at.0.wrapping_sub(at.0);
        let stored = Self {
            account: account.into(),
            hold: hold.into(),
            at: AfterId::of(hold, at),
            held_ms,
            taken: taken.into(),
            attribution: attribution.into(),
            worker: StoredId::of_worker(worker),
            settings,
            terms: StoredTerms::of(&terms, held_ms),
        };
        assert!(stored.at.instant(hold) == at, "I8: an instant is read as it was written");
        assert!(at.0.wrapping_add(held_ms) == ends_at.0, "I8: a hold's end is read as it was written");
        assert!(stored.worker.is_some() == (worker != WorkerId::NONE), "I8: a worker is read as it was written");
        stored
    }
}

impl TryFrom<StoredReserve> for Reserve {
    type Error = BadField;

    #[inline]
    fn try_from(stored: StoredReserve) -> Result<Self, BadField> {
        let hold = stored.hold.hold();
        let at = stored.at.instant(hold);
        let reserve = Self {
            account: stored.account.account(),
            hold,
            taken: stored.taken.into(),
            attribution: stored.attribution.try_into()?,
            worker: StoredId::worker(stored.worker)?,
            settings: stored.settings,
            terms: stored.terms.terms(stored.held_ms)?,
            at,
            ends_at: Timestamp(at.0.wrapping_add(stored.held_ms)),
        };
        assert!(AfterId::of(hold, at) == stored.at, "an instant is written as it was read");
        assert!(reserve.ends_at.0.wrapping_sub(at.0) == stored.held_ms, "a hold's end is written as it was read");
        Ok(reserve)
    }
}

/// Part or all of a hold captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredCapture {
    account: StoredId,
    hold: StoredId,
    at: AfterId,
    request: StoredRequest,
    captured: StoredSplit,
    drawn: Option<StoredSlices>,
    returned: Option<StoredSplit>,
    forfeited: Option<StoredSplit>,
    late: bool,
    attribution: StoredAttribution,
}

impl From<&Capture> for StoredCapture {
    #[inline]
    fn from(capture: &Capture) -> Self {
        Self {
            account: capture.account.into(),
            hold: capture.hold.into(),
            at: AfterId::of(capture.hold, capture.at),
            request: capture.request.into(),
            captured: capture.captured.into(),
            drawn: StoredSlices::optional(capture.drawn),
            returned: StoredSplit::optional(capture.returned),
            forfeited: StoredSplit::optional(capture.forfeited),
            late: capture.late,
            attribution: capture.attribution.into(),
        }
    }
}

impl TryFrom<StoredCapture> for Capture {
    type Error = BadField;

    #[inline]
    fn try_from(stored: StoredCapture) -> Result<Self, BadField> {
        let hold = stored.hold.hold();
        let capture = Self {
            account: stored.account.account(),
            hold,
            request: stored.request.into(),
            captured: stored.captured.into(),
            drawn: StoredSlices::or_zero(stored.drawn),
            returned: StoredSplit::or_zero(stored.returned),
            forfeited: StoredSplit::or_zero(stored.forfeited),
            late: stored.late,
            attribution: stored.attribution.try_into()?,
            at: stored.at.instant(hold),
        };
        assert!(AfterId::of(hold, capture.at) == stored.at, "an instant is written as it was read");
        assert!(StoredId::from(hold) == stored.hold, "a hold is written as it was read");
        Ok(capture)
    }
}

/// A commit after expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredLateCapture {
    account: StoredId,
    hold: StoredId,
    at: AfterId,
    request: StoredRequest,
    taken: StoredSlices,
    shortfall: u64,
    attribution: StoredAttribution,
}

impl From<&LateCapture> for StoredLateCapture {
    fn from(capture: &LateCapture) -> Self {
        Self {
            account: capture.account.into(),
            hold: capture.hold.into(),
            at: AfterId::of(capture.hold, capture.at),
            request: capture.request.into(),
            taken: capture.taken.into(),
            shortfall: capture.shortfall.millis(),
            attribution: capture.attribution.into(),
        }
    }
}

impl TryFrom<StoredLateCapture> for LateCapture {
    type Error = BadField;

    fn try_from(stored: StoredLateCapture) -> Result<Self, BadField> {
        let hold = stored.hold.hold();
        let capture = Self {
            account: stored.account.account(),
            hold,
            request: stored.request.into(),
            taken: stored.taken.into(),
            shortfall: Credits::from_millis(stored.shortfall),
            attribution: stored.attribution.try_into()?,
            at: stored.at.instant(hold),
        };
        assert!(AfterId::of(hold, capture.at) == stored.at, "an instant is written as it was read");
        assert!(StoredId::from(hold) == stored.hold, "a hold is written as it was read");
        Ok(capture)
    }
}

/// The end of a hold that gives back what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredReturn {
    account: StoredId,
    hold: StoredId,
    at: AfterId,
    returned: StoredSplit,
    forfeited: Option<StoredSplit>,
}

impl From<&Return> for StoredReturn {
    fn from(end: &Return) -> Self {
        Self {
            account: end.account.into(),
            hold: end.hold.into(),
            at: AfterId::of(end.hold, end.at),
            returned: end.returned.into(),
            forfeited: StoredSplit::optional(end.forfeited),
        }
    }
}

impl From<StoredReturn> for Return {
    fn from(stored: StoredReturn) -> Self {
        let hold = stored.hold.hold();
        let end = Self {
            account: stored.account.account(),
            hold,
            returned: stored.returned.into(),
            forfeited: StoredSplit::or_zero(stored.forfeited),
            at: stored.at.instant(hold),
        };
        assert!(AfterId::of(hold, end.at) == stored.at, "an instant is written as it was read");
        assert!(StoredId::from(hold) == stored.hold, "a hold is written as it was read");
        end
    }
}

/// Captured credits given back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredRefund {
    account: StoredId,
    hold: StoredId,
    at: AfterId,
    number: u8,
    requested: Option<u64>,
    reason: u8,
    undone: List<StoredSlices>,
    returned: List<StoredSlices>,
    forfeited: Option<StoredSplit>,
    attribution: StoredAttribution,
}

impl From<&Refund> for StoredRefund {
    fn from(refund: &Refund) -> Self {
        Self {
            account: refund.account.into(),
            hold: refund.hold.into(),
            at: AfterId::of(refund.hold, refund.at),
            number: refund.number,
            requested: refund.requested.map(Credits::millis),
            reason: refund.reason as u8,
            undone: StoredSlices::all(&refund.undone),
            returned: StoredSlices::all(&refund.returned),
            forfeited: StoredSplit::optional(refund.forfeited),
            attribution: refund.attribution.into(),
        }
    }
}

impl TryFrom<StoredRefund> for Refund {
    type Error = BadField;

    fn try_from(stored: StoredRefund) -> Result<Self, BadField> {
        let hold = stored.hold.hold();
        let refund = Self {
            account: stored.account.account(),
            hold,
            number: stored.number,
            requested: stored.requested.map(Credits::from_millis),
            reason: refund_reason(stored.reason)?,
            undone: StoredSlices::values(stored.undone),
            returned: StoredSlices::values(stored.returned),
            forfeited: StoredSplit::or_zero(stored.forfeited),
            attribution: stored.attribution.try_into()?,
            at: stored.at.instant(hold),
        };
        assert!(refund.reason as u8 == stored.reason, "a reason is written as it was read");
        assert!(StoredId::from(hold) == stored.hold, "a hold is written as it was read");
        assert!(AfterId::of(hold, refund.at) == stored.at, "an instant is written as it was read");
        Ok(refund)
    }
}
