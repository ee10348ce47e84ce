//! Rows as they are stored: wallets, holds, commands, policies, and how far the journal was followed. Persisted, keep
//! stable; `FORMAT.md` draws the bytes.

use wallet::bucket::{Bucket, Split};
use wallet::credits::Credits;
use wallet::hold::{CaptureStep, Hold, HoldState, RefundStep, ReleaseStep, Settlement};
use wallet::ids::{AccountId, Day, HoldId, PaymentId, Period, Position as Place, Tier, Timestamp};
use wallet::ledger::{CommandRow, command_key};
use wallet::policy::FreePolicies;
use wallet::row::{Counters, Pending, Row};

use crate::codec::{
    BorrowDecode, Decode, DecodeError, Encode, EncodeError, Encoder, List, append, read_head, read_row,
};
use crate::group::GroupHash;
use crate::keys::{Epoch, Position};
use crate::record::parts::{refund_reason, tier};
use crate::record::{
    AfterId, BadField, Meaning, StoredAttribution, StoredId, StoredPendingChange, StoredPolicy, StoredRecord,
    StoredRequest, StoredSlices, StoredSplit, StoredSubscription, StoredTerms,
};

/// How far the journal has been followed: the end of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Its last record.
    pub position: Position,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its hash.
    pub hash: GroupHash,
}

#[derive(Encode, Decode)]
struct StoredReached {
    position: u64,
    epoch: u64,
    hash: [u8; 32],
}

const _: () = assert!(Bucket::ALL.len() == 3, "counters of three buckets are stored");
const _: () = assert!(size_of::<Counters>() == 5 * size_of::<u64>(), "every counter is stored");
const _: () = assert!(size_of::<Split>() == Bucket::ALL.len() * size_of::<u64>(), "every bucket is stored");
const _: () = assert!(HoldState::Open as u8 == 1, "persisted, keep stable");
const _: () = assert!(HoldState::ReleasedByWorker as u8 == 6, "persisted, keep stable");
const _: () = assert!(size_of::<Reached>() == 8 + 8 + 32, "how far has no field that is not stored");
const _: () = assert!(size_of::<GroupHash>() == 32, "the hash of a group is stored whole");

/// A value of the projections' store.
pub(crate) trait Stored: Sized {
    fn encode(&self, out: &mut Vec<u8>);
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

impl Stored for Reached {
    fn encode(&self, out: &mut Vec<u8>) {
        append(&StoredReached { position: self.position.0, epoch: self.epoch.0, hash: self.hash.0 }, out);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let StoredReached { position, epoch, hash } = read_row(bytes)?;
        Ok(Self { position: Position(position), epoch: Epoch(epoch), hash: GroupHash(hash) })
    }
}

impl Stored for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        append(&self.0, out);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        read_row(bytes).map(Self)
    }
}

impl Stored for FreePolicies {
    fn encode(&self, out: &mut Vec<u8>) {
        append(&List(self.all().iter().map(StoredPolicy::from).collect()), out);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut policies = Self::new();
        for policy in read_row::<List<StoredPolicy>>(bytes)?.0 {
            policies.add(policy.into());
        }
        Ok(policies)
    }
}

#[derive(Encode, BorrowDecode)]
struct StoredCommand<'a> {
    position: u64,
    record: StoredRecord<'a>,
}

impl Stored for CommandRow {
    fn encode(&self, out: &mut Vec<u8>) {
        assert!(command_key(&self.record).is_some(), "R13: a command is remembered by its own id");
        append(&StoredCommand { position: self.position.0, record: (&self.record).into() }, out);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let StoredCommand { position, record } = read_row(bytes)?;
        match Meaning::try_from(record)? {
            Meaning::Record(record) if command_key(&record).is_none() => {
                Err(DecodeError::Malformed("what no command did (R13)".to_owned()))
            }
            Meaning::Record(record) => Ok(Self { record, position: Place(position) }),
            Meaning::Epoch(_) => Err(DecodeError::Epoch),
        }
    }
}

#[derive(Encode, BorrowDecode)]
struct StoredRow<'a> {
    account: StoredId,
    zone: &'a str,
    frozen: bool,
    tier: u8,
    day: u32,
    opened_days: u64,
    period: u32,
    ends_at: u64,
    free: u64,
    subscription: u64,
    top_up_net: i64,
    spent_in_period: StoredSplit,
    open_holds: u32,
    /// Free, subscription, top-up; each granted, held, spent, expired, clawed back.
    counters: [[u64; 5]; 3],
    pending_top_ups: List<StoredPending>,
    subscribed: Option<StoredSubscription>,
    pending: Option<StoredPendingChange>,
}

#[derive(Encode, Decode)]
struct StoredPending {
    payment: StoredId,
    amount: u64,
    at: u64,
    ends_at: u64,
}

impl From<&Pending> for StoredPending {
    fn from(pending: &Pending) -> Self {
        let Pending { payment, amount, at, ends_at } = *pending;
        let stored = Self { payment: StoredId::of(payment.0), amount: amount.millis(), at: at.0, ends_at: ends_at.0 };
        assert!(stored.payment.number() == payment.0, "R14: a payment is known by its id");
        stored
    }
}

impl From<StoredPending> for Pending {
    fn from(stored: StoredPending) -> Self {
        Self {
            payment: PaymentId(stored.payment.number()),
            amount: Credits::from_millis(stored.amount),
            at: Timestamp(stored.at),
            ends_at: Timestamp(stored.ends_at),
        }
    }
}

impl Stored for Row {
    fn encode(&self, out: &mut Vec<u8>) {
        // What `decode` refuses would stop every later start (I8).
        assert!(self.tier <= Tier::MAX, "a tier has four bits");
        assert!(self.subscribed.is_none_or(|subscribed| subscribed.tier != Tier::NONE), "a subscription has a tier");
        assert!(self.pending.is_none_or(|pending| pending.tier != Tier::NONE), "a subscription has a tier");
        append(
            &StoredRow {
                account: self.account.into(),
                zone: &self.zone,
                frozen: self.frozen,
                tier: self.tier.0,
                day: self.day.0,
                opened_days: self.opened_days,
                period: self.period.0,
                ends_at: self.ends_at.0,
                free: self.free.millis(),
                subscription: self.subscription.millis(),
                top_up_net: self.top_up_net,
                spent_in_period: self.spent_in_period.into(),
                open_holds: self.open_holds,
                counters: Bucket::ALL.map(|bucket| stored_counters(&self.counters[bucket as usize])),
                pending_top_ups: List(self.pending_top_ups.iter().map(StoredPending::from).collect()),
                subscribed: self.subscribed.map(StoredSubscription::from),
                pending: self.pending.map(StoredPendingChange::from),
            },
            out,
        );
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let stored: StoredRow<'_> = read_row(bytes)?;
        let row = Self {
            account: stored.account.account(),
            zone: stored.zone.to_owned(),
            frozen: stored.frozen,
            tier: tier(stored.tier)?,
            day: Day(stored.day),
            opened_days: stored.opened_days,
            period: Period(stored.period),
            ends_at: Timestamp(stored.ends_at),
            free: Credits::from_millis(stored.free),
            subscription: Credits::from_millis(stored.subscription),
            top_up_net: stored.top_up_net,
            spent_in_period: stored.spent_in_period.into(),
            open_holds: stored.open_holds,
            counters: stored.counters.map(counters),
            pending_top_ups: stored.pending_top_ups.0.into_iter().map(Pending::from).collect(),
            subscribed: StoredSubscription::value(stored.subscribed)?,
            pending: StoredPendingChange::value(stored.pending)?,
        };
        assert!(row.tier <= Tier::MAX, "a tier that was read was checked");
        assert!(
            row.subscribed.is_none_or(|subscribed| subscribed.tier != Tier::NONE),
            "a tier that was read was checked"
        );
        assert!(row.pending.is_none_or(|pending| pending.tier != Tier::NONE), "a tier that was read was checked");
        Ok(row)
    }
}

/// Reads the row of an account.
pub(crate) fn decode_row(account: AccountId, bytes: &[u8]) -> Result<Row, DecodeError> {
    let row = Row::decode(bytes)?;
    if row.account == account { Ok(row) } else { Err(DecodeError::Malformed(format!("the row of {}", row.account))) }
}

fn stored_counters(counters: &Counters) -> [u64; 5] {
    let Counters { granted, held, spent, expired, clawed_back } = *counters;
    let stored = [granted, held, spent, expired, clawed_back].map(Credits::millis);
    assert!(self::counters(stored) == *counters, "I1: counters are read as they were written");
    stored
}

fn counters(stored: [u64; 5]) -> Counters {
    let [granted, held, spent, expired, clawed_back] = stored.map(Credits::from_millis);
    Counters { granted, held, spent, expired, clawed_back }
}

/// A hold without its id, which stands in the key or in the block beside it.
#[derive(Encode, Decode)]
struct StoredHold {
    head: StoredHoldHead,
    settlements: List<StoredSettlement>,
}

#[derive(Encode, Decode)]
struct StoredHoldHead {
    account: StoredId,
    state: u8,
    charge: bool,
    reserved_at: AfterId,
    held_ms: u64,
    ended_at: Option<AfterId>,
    taken: StoredSlices,
    captured: Option<StoredSplit>,
    attribution: StoredAttribution,
    worker: Option<StoredId>,
    settings: u32,
    terms: StoredTerms,
    reserve_position: u64,
    /// Records after the reserve's.
    last_position: u64,
}

/// Persisted, keep stable: 0 capture, 1 refund, 2 release.
#[derive(Encode, Decode)]
enum StoredSettlement {
    Capture(StoredCaptureStep),
    Refund(StoredRefundStep),
    Release(StoredReleaseStep),
}

#[derive(Encode, Decode)]
struct StoredReleaseStep {
    returned: Option<StoredSplit>,
    forfeited: Option<StoredSplit>,
    /// Records after the reserve's.
    position: u64,
}

#[derive(Encode, Decode)]
struct StoredCaptureStep {
    request: StoredRequest,
    captured: Option<StoredSplit>,
    drawn: Option<StoredSlices>,
    shortfall: u64,
    late: bool,
    forfeited: Option<StoredSplit>,
    /// Records after the reserve's.
    position: u64,
}

#[derive(Encode, Decode)]
struct StoredRefundStep {
    number: u8,
    requested: Option<u64>,
    reason: u8,
    undone: List<StoredSlices>,
    returned: Option<StoredSplit>,
    forfeited: Option<StoredSplit>,
    /// Records after the reserve's.
    position: u64,
}

/// Appends a hold's bytes.
pub(crate) fn encode_hold(id: HoldId, hold: &Hold, out: &mut Vec<u8>) {
    let held_ms = hold.ends_at.0.wrapping_sub(hold.reserved_at.0);
    let head = StoredHoldHead {
        account: hold.account.into(),
        state: hold.state as u8,
        charge: hold.charge,
        reserved_at: AfterId::of(id, hold.reserved_at),
        held_ms,
        ended_at: (hold.ended_at != Timestamp::NONE).then(|| AfterId::of(id, hold.ended_at)),
        taken: hold.taken.into(),
        captured: StoredSplit::optional(hold.captured),
        attribution: hold.attribution.into(),
        worker: StoredId::of_worker(hold.worker),
        settings: hold.settings,
        terms: StoredTerms::of(&hold.terms, held_ms),
        reserve_position: hold.reserve_position.0,
        last_position: hold.last_position.0.wrapping_sub(hold.reserve_position.0),
    };
    assert!(HoldState::from_code(head.state) == Some(hold.state), "I8: a state is read as it was written");
    assert!(head.reserved_at.instant(id) == hold.reserved_at, "I8: an instant is read as it was written");
    assert!(hold.reserved_at.0.wrapping_add(head.held_ms) == hold.ends_at.0, "I8: an end is read as it was written");
    assert!(head.ended_at.map_or(Timestamp::NONE, |at| at.instant(id)) == hold.ended_at, "I6: so is the end that came");
    let last = hold.reserve_position.0.wrapping_add(head.last_position);
    assert!(last == hold.last_position.0, "I8: a place is read as it was written");
    append(&(head, Steps(hold)), out);
}

/// The settlements of a hold as a [`List`] would be, without the list.
struct Steps<'a>(&'a Hold);

impl Encode for Steps<'_> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.settlements.len().encode(encoder)?;
        let stored = |step| stored_settlement(step, self.0.reserve_position);
        self.0.settlements.iter().map(stored).try_for_each(|step| step.encode(encoder))
    }
}

/// Reads a hold.
pub(crate) fn decode_hold(id: HoldId, bytes: &[u8]) -> Result<Hold, DecodeError> {
    let StoredHold { head: stored, settlements: List(settlements) } = read_row(bytes)?;
    let reserved_at = stored.reserved_at.instant(id);
    let reserve = Place(stored.reserve_position);
    let state = HoldState::from_code(stored.state).ok_or_else(|| BadField::new("hold state", stored.state))?;
    let settlements = settlements.into_iter().map(|step| settlement(step, reserve));
    let hold = Hold {
        account: stored.account.account(),
        state,
        charge: stored.charge,
        taken: stored.taken.into(),
        attribution: stored.attribution.try_into()?,
        worker: StoredId::worker(stored.worker)?,
        settings: stored.settings,
        terms: stored.terms.terms(stored.held_ms)?,
        reserved_at,
        ends_at: Timestamp(reserved_at.0.wrapping_add(stored.held_ms)),
        ended_at: stored.ended_at.map_or(Timestamp::NONE, |at| at.instant(id)),
        reserve_position: reserve,
        last_position: Place(reserve.0.wrapping_add(stored.last_position)),
        captured: StoredSplit::or_zero(stored.captured),
        settlements: settlements.collect::<Result<_, _>>()?,
    };
    assert!(hold.state as u8 == stored.state, "a state is written as it was read");
    assert!(AfterId::of(id, hold.reserved_at) == stored.reserved_at, "an instant is written as it was read");
    assert!(hold.last_position.0.wrapping_sub(reserve.0) == stored.last_position, "a place is written as it was read");
    Ok(hold)
}

/// Reads of a hold that has ended where its last record is, and when it ended: what memory keeps. Its settlements, which
/// come after that, are passed over.
pub(crate) fn decode_end(id: HoldId, bytes: &[u8]) -> Result<(Place, Timestamp), DecodeError> {
    let head: StoredHoldHead = read_head(bytes)?;
    if head.state == HoldState::Open as u8 {
        return Err(DecodeError::Malformed("an open hold among those that have ended (I6)".to_owned()));
    }
    let last = Place(head.reserve_position.wrapping_add(head.last_position));
    Ok((last, head.ended_at.map_or(Timestamp::NONE, |at| at.instant(id))))
}

fn stored_settlement(step: &Settlement, reserve: Place) -> StoredSettlement {
    let position = step.position().0.wrapping_sub(reserve.0);
    assert!(reserve.0.wrapping_add(position) == step.position().0, "I8: a place is read as it was written");
    match step {
        Settlement::Capture(step) => StoredSettlement::Capture(StoredCaptureStep {
            request: step.request.into(),
            captured: StoredSplit::optional(step.captured),
            drawn: StoredSlices::optional(step.drawn),
            shortfall: step.shortfall.millis(),
            late: step.late,
            forfeited: StoredSplit::optional(step.forfeited),
            position,
        }),
        Settlement::Refund(step) => StoredSettlement::Refund(StoredRefundStep {
            number: step.number,
            requested: step.requested.map(Credits::millis),
            reason: step.reason as u8,
            undone: StoredSlices::all(&step.undone),
            returned: StoredSplit::optional(step.returned),
            forfeited: StoredSplit::optional(step.forfeited),
            position,
        }),
        Settlement::Release(step) => StoredSettlement::Release(StoredReleaseStep {
            returned: StoredSplit::optional(step.returned),
            forfeited: StoredSplit::optional(step.forfeited),
            position,
        }),
    }
}

fn settlement(stored: StoredSettlement, reserve: Place) -> Result<Settlement, BadField> {
    let place = |position: u64| Place(reserve.0.wrapping_add(position));
    let amount = |split: Option<StoredSplit>| -> Split { StoredSplit::or_zero(split) };
    Ok(match stored {
        StoredSettlement::Capture(step) => Settlement::Capture(CaptureStep {
            request: step.request.into(),
            captured: amount(step.captured),
            drawn: StoredSlices::or_zero(step.drawn),
            shortfall: Credits::from_millis(step.shortfall),
            late: step.late,
            forfeited: amount(step.forfeited),
            position: place(step.position),
        }),
        StoredSettlement::Refund(step) => Settlement::Refund(RefundStep {
            number: step.number,
            requested: step.requested.map(Credits::from_millis),
            reason: refund_reason(step.reason)?,
            undone: StoredSlices::values(step.undone),
            returned: amount(step.returned),
            forfeited: amount(step.forfeited),
            position: place(step.position),
        }),
        StoredSettlement::Release(step) => Settlement::Release(ReleaseStep {
            returned: amount(step.returned),
            forfeited: amount(step.forfeited),
            position: place(step.position),
        }),
    })
}

#[cfg(test)]
mod tests;
