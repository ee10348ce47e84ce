//! The records of the journal, as values: effects, never policy (design: order between memory and journal).
//!
//! Applying a record needs the rows of its wallet and its hold and the policies journaled before it, nothing else.
//! How records look on disk is the journal's business.

use crate::bucket::{Bucket, Slices, Split};
use crate::credits::Credits;
use crate::ids::{AccountId, CommandId, Day, HoldId, MemberId, PaymentId, Period, Tier, Timestamp, WorkerId};
use crate::subscription::Subscription;

mod subscription;

pub use subscription::{Asked, CycleRoll, SubscriptionChange, SubscriptionKind};

/// One decision that took effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// A free allowance that holds from a date on (R5).
    Policy(FreePolicy),
    /// Ids whose own time lies before this instant are forgotten; never goes back (R32).
    IdBound {
        /// The end of the newest forgotten second.
        bound: Timestamp,
    },
    /// A new account (R33).
    Open(Open),
    /// An account frozen or unfrozen (R33).
    Freeze(Freeze),
    /// Subscription credits and tier set: a new period of the bucket.
    SetSubscription(SetSubscription),
    /// Credits given by an operator (R33).
    Grant(Grant),
    /// Credits bought (R14).
    TopUp(TopUp),
    /// Credits taken back after a chargeback; the row nets what was not there into debt (R16).
    Clawback(Clawback),
    /// Wallets rolled over the end of their credit cycle; one, or many packed.
    CycleRoll(Vec<CycleRoll>),
    /// Credits set aside (R22).
    Reserve(Reserve),
    /// Credits set aside and captured in one step (R29).
    Charge(Reserve),
    /// Part or all of a hold captured (R25).
    Capture(Capture),
    /// A commit after expiry, taken from the wallet as it is then (R28).
    LateCapture(LateCapture),
    /// A hold released (R24).
    Release(Return),
    /// A hold ended by time (R23).
    Expire(Return),
    /// Captured credits given back (R27).
    Refund(Refund),
    /// A hold's end moved (R23).
    Extend(Extend),
    /// A release of an unknown id: a delayed reserve of it can no longer come after (R32).
    Tombstone {
        /// The id that is now spent.
        hold: HoldId,
        /// When.
        at: Timestamp,
    },
    /// A subscription, or the zone that its boundaries lie in, changed by a command (R11, R12).
    Subscription(Box<SubscriptionChange>),
    /// A top-up that waits for its payment (R14).
    PendingTopUp(PendingTopUp),
    /// The payment of a pending top-up has arrived: its credits are spendable (R14).
    ConfirmTopUp(ConfirmTopUp),
    /// A pending top-up ended without its payment (R14).
    DropTopUp(DropTopUp),
    /// Credits taken back by an operator (R33).
    Correct(Correct),
    /// A hold ended because its worker is dead; late commits are taken as after an expiry (R28, R31).
    ReleaseWorker(Return),
}

/// A daily allowance and who gets it, from a date on, in every zone (R5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FreePolicy {
    /// The first date that it holds for.
    pub from: Day,
    /// Credits a day.
    pub allowance: Credits,
    /// Whether subscribed accounts get it too.
    pub all_accounts: bool,
}

/// Who gave a command, and under which id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuer {
    /// The command's idempotency key (R13).
    pub command: CommandId,
    /// The client's name from the handshake.
    pub by: String,
    /// Why, in the caller's words; may be empty.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A new account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// The account.
    pub account: AccountId,
    /// The IANA name of its time zone.
    pub zone: String,
    /// The current day there.
    pub day: Day,
    /// Who opened it.
    pub issuer: Issuer,
}

/// A freeze or its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Freeze {
    /// The account.
    pub account: AccountId,
    /// Frozen from now on, or not.
    pub frozen: bool,
    /// Who did it.
    pub issuer: Issuer,
}

/// A new period of the subscription bucket, set by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetSubscription {
    /// The account.
    pub account: AccountId,
    /// The day that the wallet had been rolled to before.
    pub day: Day,
    /// The new period.
    pub period: Period,
    /// The credits of the new period.
    pub amount: Credits,
    /// The tier from now on.
    pub tier: Tier,
    /// When the period ends; zero for never.
    pub ends_at: Timestamp,
    /// Who did it.
    pub issuer: Issuer,
}

impl SetSubscription {
    /// The subscription that it sets.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        let starts_at = Timestamp(self.issuer.at.seconds().saturating_mul(1_000));
        Subscription::by_hand(self.tier, self.amount, starts_at, self.ends_at)
    }
}

/// Credits given into one bucket's current period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The account.
    pub account: AccountId,
    /// The bucket.
    pub bucket: Bucket,
    /// How much.
    pub amount: Credits,
    /// The current day.
    pub day: Day,
    /// The current period.
    pub period: Period,
    /// Who did it.
    pub issuer: Issuer,
}

/// Credits bought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopUp {
    /// The account.
    pub account: AccountId,
    /// The payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Credits,
    /// The bundle that was bought; empty for a free amount.
    pub bundle: String,
    /// The client's name from the handshake.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Credits whose payment has not arrived yet: listed, not spendable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingTopUp {
    /// The account.
    pub account: AccountId,
    /// The payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Credits,
    /// The bundle that was bought; empty for a free amount.
    pub bundle: String,
    /// The client's name from the handshake.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it ends, if its payment has not arrived before.
    pub ends_at: Timestamp,
}

/// The payment of a pending top-up has arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfirmTopUp {
    /// The account.
    pub account: AccountId,
    /// The payment.
    pub payment: PaymentId,
    /// How much: what the pending top-up named.
    pub amount: Credits,
    /// The bundle that was bought; empty for a free amount.
    pub bundle: String,
    /// The client's name from the handshake.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A pending top-up ended without its payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DropTopUp {
    /// The account.
    pub account: AccountId,
    /// The payment.
    pub payment: PaymentId,
    /// How much it would have brought: a retry of the pending top-up is compared with it.
    pub amount: Credits,
    /// The bundle that was to be bought; empty for a free amount.
    pub bundle: String,
    /// When it was noticed.
    pub at: Timestamp,
}

/// Credits taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clawback {
    /// The account.
    pub account: AccountId,
    /// The whole amount: what is not in top-up becomes debt.
    pub amount: Credits,
    /// What was in top-up then. Told again to a retry (R13); nothing is derived from it.
    pub taken: Credits,
    /// The debt after it. Told again to a retry (R13); nothing is derived from it.
    pub debt: Credits,
    /// Who did it.
    pub issuer: Issuer,
}

/// Credits taken out of one bucket's current period: at most what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correct {
    /// The account.
    pub account: AccountId,
    /// The bucket.
    pub bucket: Bucket,
    /// How much was asked for.
    pub requested: Credits,
    /// How much was taken.
    pub amount: Credits,
    /// The current day.
    pub day: Day,
    /// The current period.
    pub period: Period,
    /// Who did it.
    pub issuer: Issuer,
}

/// What a request is for: carried for statements and usage.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Attribution {
    /// The member; zero for none.
    pub member: MemberId,
    /// The tool, by its rate-card number.
    pub tool: u16,
    /// The model, by its rate-card number.
    pub model: u32,
    /// How many results.
    pub count: u16,
}

/// Credits set aside: the request and what it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reserve {
    /// The account.
    pub account: AccountId,
    /// The hold.
    pub hold: HoldId,
    /// What was taken, and from which periods.
    pub taken: Slices,
    /// What it is for.
    pub attribution: Attribution,
    /// The worker; zero for none.
    pub worker: WorkerId,
    /// The settings of the generation, opaque here.
    pub settings: u32,
    /// The sources that the request allowed, and its other terms.
    pub terms: Terms,
    /// When.
    pub at: Timestamp,
    /// When the hold ends; equal to `at` for a charge.
    pub ends_at: Timestamp,
}

/// The terms of a hold, as its request gave them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The mask of sources, free already taken out where the model is Pro.
    pub sources: crate::bucket::Sources,
    /// Whether the model is marked Pro (R8).
    pub pro_model: bool,
    /// The least tier (R20).
    pub min_tier: Tier,
    /// What a commit above the hold does (R26).
    pub over_commit: OverCommit,
    /// The hold time that was asked for, in milliseconds; zero for none and for a charge.
    pub ttl_ms: u32,
    /// What the rate card added, where it priced the request (R18).
    pub priced: Option<PricedTerms>,
    /// The hold time that was granted, in milliseconds; zero for a charge.
    pub hold_ms: u32,
}

/// What the rate card added to the terms of a hold. A reload of the card leaves it as it is (R18).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PricedTerms {
    /// The version of the card.
    pub version: u32,
    /// Whether the request named the price that it expected.
    pub expected: bool,
    /// Whether free credits may not pay for the model (R8).
    pub pro_model: bool,
    /// What a commit above the hold does (R26).
    pub over_commit: OverCommit,
}

impl Terms {
    /// The terms of no request.
    pub const NONE: Self = Self {
        sources: crate::bucket::Sources::ALL,
        pro_model: false,
        min_tier: Tier::NONE,
        over_commit: OverCommit::Reject,
        ttl_ms: 0,
        priced: None,
        hold_ms: 0,
    };

    /// What a commit above the hold does: by the card where it priced the hold (R26).
    #[must_use]
    #[inline]
    pub const fn over_commit(&self) -> OverCommit {
        match self.priced {
            Some(priced) => priced.over_commit,
            None => self.over_commit,
        }
    }

    /// The buckets that the hold draws from: not the free one where request or card mark the model Pro (R8).
    #[must_use]
    #[inline]
    pub const fn sources(&self) -> crate::bucket::Sources {
        let by_card = match self.priced {
            Some(priced) => priced.pro_model,
            None => false,
        };
        if self.pro_model || by_card { self.sources.without_free() } else { self.sources }
    }
}

/// What a commit of more than is held does (R26).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(u8)]
pub enum OverCommit {
    /// It is refused.
    #[default]
    Reject = 0,
    /// It takes what is held.
    Cap = 1,
    /// It takes the difference from the wallet, or is refused.
    Draw = 2,
}

impl OverCommit {
    /// The policy with this number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Reject),
            1 => Some(Self::Cap),
            2 => Some(Self::Draw),
            _ => None,
        }
    }
}

// Persisted: each number stays with its policy.
const _: () = assert!(matches!(OverCommit::from_code(OverCommit::Reject as u8), Some(OverCommit::Reject)));
const _: () = assert!(matches!(OverCommit::from_code(OverCommit::Cap as u8), Some(OverCommit::Cap)));
const _: () = assert!(matches!(OverCommit::from_code(OverCommit::Draw as u8), Some(OverCommit::Draw)));

/// Why captured credits are given back (R27).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum RefundReason {
    /// The provider failed.
    ProviderError = 1,
    /// The generation took too long.
    Timeout = 2,
    /// A safety filter blocked the result.
    SafetyBlock = 3,
    /// The user cancelled.
    UserCancel = 4,
    /// The same result was charged twice.
    Duplicate = 5,
    /// Good will.
    Goodwill = 6,
}

impl RefundReason {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::ProviderError, Self::Timeout, Self::SafetyBlock, Self::UserCancel, Self::Duplicate, Self::Goodwill];

    /// The reason with this number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::ProviderError),
            2 => Some(Self::Timeout),
            3 => Some(Self::SafetyBlock),
            4 => Some(Self::UserCancel),
            5 => Some(Self::Duplicate),
            6 => Some(Self::Goodwill),
            _ => None,
        }
    }
}

// Persisted: each number stays with its reason.
const _: () = {
    let mut at = 0;
    while at < RefundReason::ALL.len() {
        let code = RefundReason::ALL[at] as u8;
        assert!(matches!(RefundReason::from_code(code), Some(of) if of as u8 == code), "a number is read back");
        assert!(code as usize == at.wrapping_add(1), "the numbers go up from one");
        at = at.wrapping_add(1);
    }
};

/// What was asked for by a commit: kept to tell a retry from another request under the same number (R25).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureRequest {
    /// The capture number, the idempotency key within the hold.
    pub number: u8,
    /// The amount; `None` for all that is left.
    pub amount: Option<Credits>,
    /// Whether the rest goes back.
    pub last: bool,
}

/// Part or all of a hold captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capture {
    /// The account.
    pub account: AccountId,
    /// The hold.
    pub hold: HoldId,
    /// What was asked for.
    pub request: CaptureRequest,
    /// What is captured of the hold's own slices.
    pub captured: Split,
    /// What is drawn from the wallet on top (R26, `draw`).
    pub drawn: Slices,
    /// What goes back, when this capture is the last.
    pub returned: Split,
    /// What would have gone back to an ended period.
    pub forfeited: Split,
    /// Whether it came after the hold's end.
    pub late: bool,
    /// What it is for.
    pub attribution: Attribution,
    /// When.
    pub at: Timestamp,
}

/// A commit after expiry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LateCapture {
    /// The account.
    pub account: AccountId,
    /// The hold.
    pub hold: HoldId,
    /// What was asked for.
    pub request: CaptureRequest,
    /// What is taken from the wallet.
    pub taken: Slices,
    /// What the wallet did not have.
    pub shortfall: Credits,
    /// What it is for.
    pub attribution: Attribution,
    /// When.
    pub at: Timestamp,
}

/// The end of a hold that gives back what is left of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Return {
    /// The account.
    pub account: AccountId,
    /// The hold.
    pub hold: HoldId,
    /// What goes back to the hold's own slices.
    pub returned: Split,
    /// What would have gone back to an ended period.
    pub forfeited: Split,
    /// When.
    pub at: Timestamp,
}

/// Captured credits given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// The account.
    pub account: AccountId,
    /// The hold.
    pub hold: HoldId,
    /// The refund number, the idempotency key within the hold.
    pub number: u8,
    /// The amount that was asked for; `None` for all that was captured and not refunded.
    pub requested: Option<Credits>,
    /// Why.
    pub reason: RefundReason,
    /// The captured slices that it undoes, latest first.
    pub undone: Vec<Slices>,
    /// What goes back, by the period that it goes back to.
    pub returned: Vec<Slices>,
    /// What would have gone back to an ended period.
    pub forfeited: Split,
    /// What it was for.
    pub attribution: Attribution,
    /// When.
    pub at: Timestamp,
}

/// A hold's end moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extend {
    /// The hold.
    pub hold: HoldId,
    /// Its new end.
    pub ends_at: Timestamp,
}
