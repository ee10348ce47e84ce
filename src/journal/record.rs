//! Records as they are stored: what the codec sees of them, and the conversions from and to the wallet's values.
//!
//! Everything here is persisted: a variant is never moved or removed, a field never changes. `FORMAT.md` draws the
//! bytes. Instants about holds count from the id's own time and optional parts cost one byte, so that a reserve with a
//! member has about 75 bytes.

mod kinds;
mod money;
pub(crate) mod parts;
#[cfg(test)]
pub(crate) mod samples;
mod subscription;

use wallet::ids::{HoldId, Timestamp};
use wallet::record::{CycleRoll, FreePolicy, Record};

use crate::codec::{BorrowDecode, Decode, Encode, List};

pub use kinds::{
    StoredCapture, StoredClawback, StoredCycleRoll, StoredFreeze, StoredGrant, StoredLateCapture, StoredOpen,
    StoredPolicy, StoredRefund, StoredReserve, StoredReturn, StoredSetSubscription, StoredTopUp,
};
pub use subscription::{
    StoredAlikeRolls, StoredPendingChange, StoredPlanRoll, StoredRollInto, StoredRolledWallet, StoredSubscription,
    StoredSubscriptionChange,
};

pub use money::{
    StoredClawbackTold, StoredConfirmTopUp, StoredCorrect, StoredDropTopUp, StoredPendingTopUp, StoredTopUpBundle,
};
pub use parts::{
    AfterId, BadField, StoredAttribution, StoredId, StoredIssuer, StoredRequest, StoredSlices, StoredSplit, StoredTerms,
};

/// Every kind of record. Persisted, keep stable: the number of a variant is its place, counted from 0, and is the
/// first byte of the record. New kinds go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub enum StoredRecord<'a> {
    /// 0: the journal's own first record of a run of the writer ([`crate::epoch::EpochRecord`]).
    Epoch(StoredEpoch),
    /// 1: a free allowance that holds from a date on.
    Policy(StoredPolicy),
    /// 2: ids whose own time lies before this instant (milliseconds) are forgotten.
    IdBound(u64),
    /// 3: a new account.
    Open(StoredOpen<'a>),
    /// 4: an account frozen or unfrozen.
    Freeze(StoredFreeze<'a>),
    /// 5: subscription credits and tier set.
    SetSubscription(StoredSetSubscription<'a>),
    /// 6: credits given by an operator.
    Grant(StoredGrant<'a>),
    /// 7: credits bought.
    TopUp(StoredTopUp<'a>),
    /// 8: credits taken back.
    Clawback(StoredClawback<'a>),
    /// 9: wallets rolled over the end of their cycle.
    CycleRoll(List<StoredCycleRoll>),
    /// 10: credits set aside.
    Reserve(StoredReserve),
    /// 11: credits set aside and captured in one step.
    Charge(StoredReserve),
    /// 12: part or all of a hold captured.
    Capture(StoredCapture),
    /// 13: a commit after expiry.
    LateCapture(StoredLateCapture),
    /// 14: a hold released.
    Release(StoredReturn),
    /// 15: a hold ended by time.
    Expire(StoredReturn),
    /// 16: captured credits given back.
    Refund(StoredRefund),
    /// 17: a hold's end moved.
    Extend(StoredInstant),
    /// 18: a release of an unknown id.
    Tombstone(StoredInstant),
    /// 19: a subscription, or the zone of its boundaries, changed by a command.
    Subscription(StoredSubscriptionChange<'a>),
    /// 20: a top-up that waits for its payment.
    PendingTopUp(StoredPendingTopUp<'a>),
    /// 21: the payment of a pending top-up has arrived.
    ConfirmTopUp(StoredConfirmTopUp<'a>),
    /// 22: a pending top-up ended without its payment.
    DropTopUp(StoredDropTopUp<'a>),
    /// 23: credits taken back by an operator.
    Correct(StoredCorrect<'a>),
    /// 24: a hold ended because its worker is dead.
    ReleaseWorker(StoredReturn),
    /// 25: a bundle of credits bought.
    TopUpBundle(StoredTopUpBundle<'a>),
    /// 26: credits taken back, with what that came to. Takes the place of kind 8, which is only read.
    ClawbackTold(StoredClawbackTold<'a>),
    /// 27: wallets rolled over the end of their cycle into the next one. Takes the place of kind 9; both are only read.
    PlanRoll(List<StoredPlanRoll>),
    /// 28: the same, those that rolled into the same together. Takes the place of kind 27.
    AlikeRolls(List<StoredAlikeRolls>),
}

/// The fields of an epoch record: fixed, so that the chain can be followed without this codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredEpoch {
    /// The epoch, little-endian.
    pub epoch: [u8; 8],
    /// The run of the writer.
    pub writer: [u8; 16],
    /// The last record before, little-endian.
    pub last: [u8; 8],
    /// The hash of the last group before.
    pub last_hash: [u8; 32],
}

const _: () = assert!(size_of::<StoredInstant>() == 24, "an id and an instant");
const _: () = assert!(size_of::<StoredEpoch>() + 1 == crate::epoch::EPOCH_RECORD_BYTES, "the two forms are one");

/// A hold and an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredInstant {
    hold: StoredId,
    at: AfterId,
}

impl StoredInstant {
    fn of(hold: HoldId, at: Timestamp) -> Self {
        Self { hold: hold.into(), at: AfterId::of(hold, at) }
    }

    fn values(self) -> (HoldId, Timestamp) {
        let hold = self.hold.hold();
        let at = self.at.instant(hold);
        assert!(AfterId::of(hold, at) == self.at, "I8: an instant is written as it was read");
        assert!(StoredId::from(hold) == self.hold, "I8: an id is written as it was read");
        (hold, at)
    }
}

impl<'a> From<&'a Record> for StoredRecord<'a> {
    #[inline]
    fn from(record: &'a Record) -> Self {
        match record {
            Record::Policy(policy) => Self::Policy(policy.into()),
            Record::IdBound { bound } => Self::IdBound(bound.0),
            Record::Open(open) => Self::Open(open.into()),
            Record::Freeze(freeze) => Self::Freeze(freeze.into()),
            Record::SetSubscription(set) => Self::SetSubscription(set.into()),
            Record::Grant(grant) => Self::Grant(grant.into()),
            Record::TopUp(top_up) if top_up.bundle.is_empty() => Self::TopUp(top_up.into()),
            Record::TopUp(top_up) => Self::TopUpBundle(top_up.into()),
            Record::Clawback(clawback) => Self::ClawbackTold(clawback.into()),
            Record::CycleRoll(rolls) => Self::AlikeRolls(StoredAlikeRolls::of(rolls)),
            Record::Reserve(reserve) => Self::Reserve(reserve.into()),
            Record::Charge(reserve) => Self::Charge(reserve.into()),
            Record::Capture(capture) => Self::Capture(capture.into()),
            Record::LateCapture(capture) => Self::LateCapture(capture.into()),
            Record::Release(end) => Self::Release(end.into()),
            Record::Expire(end) => Self::Expire(end.into()),
            Record::Refund(refund) => Self::Refund(refund.into()),
            Record::Extend(extend) => Self::Extend(StoredInstant::of(extend.hold, extend.ends_at)),
            Record::Tombstone { hold, at } => Self::Tombstone(StoredInstant::of(*hold, *at)),
            Record::Subscription(change) => Self::Subscription(change.as_ref().into()),
            Record::PendingTopUp(pending) => Self::PendingTopUp(pending.into()),
            Record::ConfirmTopUp(confirm) => Self::ConfirmTopUp(confirm.into()),
            Record::DropTopUp(dropped) => Self::DropTopUp(dropped.into()),
            Record::Correct(correct) => Self::Correct(correct.into()),
            Record::ReleaseWorker(end) => Self::ReleaseWorker(end.into()),
        }
    }
}

/// What a stored record is to the rest of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A record of the wallets.
    Record(Record),
    /// The journal's own: nothing to apply.
    Epoch(StoredEpoch),
}

impl TryFrom<StoredRecord<'_>> for Meaning {
    type Error = BadField;

    #[inline]
    fn try_from(stored: StoredRecord<'_>) -> Result<Self, BadField> {
        Ok(Self::Record(match stored {
            StoredRecord::Epoch(epoch) => return Ok(Self::Epoch(epoch)),
            StoredRecord::Policy(policy) => Record::Policy(FreePolicy::from(policy)),
            StoredRecord::IdBound(bound) => Record::IdBound { bound: Timestamp(bound) },
            StoredRecord::Open(open) => Record::Open(open.into()),
            StoredRecord::Freeze(freeze) => Record::Freeze(freeze.into()),
            StoredRecord::SetSubscription(set) => Record::SetSubscription(set.try_into()?),
            StoredRecord::Grant(grant) => Record::Grant(grant.try_into()?),
            StoredRecord::TopUp(top_up) => Record::TopUp(top_up.into()),
            StoredRecord::Clawback(clawback) => Record::Clawback(clawback.into()),
            StoredRecord::CycleRoll(List(rolls)) => {
                Record::CycleRoll(rolls.into_iter().map(CycleRoll::try_from).collect::<Result<_, _>>()?)
            }
            StoredRecord::Reserve(reserve) => Record::Reserve(reserve.try_into()?),
            StoredRecord::Charge(reserve) => Record::Charge(reserve.try_into()?),
            StoredRecord::Capture(capture) => Record::Capture(capture.try_into()?),
            StoredRecord::LateCapture(capture) => Record::LateCapture(capture.try_into()?),
            StoredRecord::Release(end) => Record::Release(end.into()),
            StoredRecord::Expire(end) => Record::Expire(end.into()),
            StoredRecord::Refund(refund) => Record::Refund(refund.try_into()?),
            StoredRecord::Extend(extend) => {
                let (hold, ends_at) = extend.values();
                Record::Extend(wallet::record::Extend { hold, ends_at })
            }
            StoredRecord::Tombstone(tombstone) => {
                let (hold, at) = tombstone.values();
                Record::Tombstone { hold, at }
            }
            StoredRecord::Subscription(change) => Record::Subscription(Box::new(change.try_into()?)),
            StoredRecord::PendingTopUp(pending) => Record::PendingTopUp(pending.into()),
            StoredRecord::ConfirmTopUp(confirm) => Record::ConfirmTopUp(confirm.into()),
            StoredRecord::DropTopUp(dropped) => Record::DropTopUp(dropped.into()),
            StoredRecord::Correct(correct) => Record::Correct(correct.try_into()?),
            StoredRecord::ReleaseWorker(end) => Record::ReleaseWorker(end.into()),
            StoredRecord::TopUpBundle(top_up) => Record::TopUp(top_up.into()),
            StoredRecord::ClawbackTold(clawback) => Record::Clawback(clawback.into()),
            StoredRecord::PlanRoll(List(rolls)) => {
                Record::CycleRoll(rolls.into_iter().map(CycleRoll::try_from).collect::<Result<_, _>>()?)
            }
            StoredRecord::AlikeRolls(rolls) => Record::CycleRoll(StoredAlikeRolls::rolls(rolls)?),
        }))
    }
}
