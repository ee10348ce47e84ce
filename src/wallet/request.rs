//! Requests and answers as values: what the server hands to the rules, and what it gets back.

use crate::bucket::{Bucket, Sources, Split};
use crate::credits::Credits;
use crate::ids::{AccountId, CommandId, HoldId, PaymentId, PlanId, Position, Tier, Timestamp, WorkerId};
use crate::outcome::{Field, Outcome};
use crate::record::{Attribution, CaptureRequest, OverCommit, RefundReason, SubscriptionChange};
use crate::subscription::ChangeMode;

/// An operation of the hot path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Set credits aside (R22).
    Reserve(ReserveRequest),
    /// Reserve and commit in one step (R29); the hold time is not used.
    Charge(ReserveRequest),
    /// Capture part or all of a hold (R25).
    Commit {
        /// The account; a hold of another account is `unknown_hold`.
        account: AccountId,
        /// The hold.
        hold: HoldId,
        /// What to capture.
        request: CaptureRequest,
    },
    /// Give back what is left of a hold (R24).
    Release {
        /// The account; a hold of another account is `unknown_hold`.
        account: AccountId,
        /// The hold.
        hold: HoldId,
    },
    /// Give captured credits back (R27).
    Refund {
        /// The account; a hold of another account is `unknown_hold`.
        account: AccountId,
        /// The hold.
        hold: HoldId,
        /// The refund number, the idempotency key within the hold.
        number: u8,
        /// How much; `None` for all that was captured and not refunded.
        amount: Option<Credits>,
        /// Why.
        reason: RefundReason,
    },
    /// Move a hold's end (R23).
    Extend {
        /// The account; a hold of another account is `unknown_hold`.
        account: AccountId,
        /// The hold.
        hold: HoldId,
        /// The new hold time from now, in milliseconds.
        ttl_ms: u32,
    },
    /// What is in the buckets now (R4).
    Balance {
        /// The account.
        account: AccountId,
    },
    /// A request that the edge could not read: it is answered `bad_request` in its place.
    Malformed {
        /// The field that is wrong.
        field: Field,
    },
}

impl Operation {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Reserve(_) => "reserve",
            Self::Charge(_) => "charge",
            Self::Commit { .. } => "commit",
            Self::Release { .. } => "release",
            Self::Refund { .. } => "refund",
            Self::Extend { .. } => "extend",
            Self::Balance { .. } => "balance",
            Self::Malformed { .. } => "malformed",
        }
    }

    /// Whether it may be refused under pressure: settlements never are.
    #[must_use]
    pub const fn takes_new_credits(&self) -> bool {
        matches!(self, Self::Reserve(_) | Self::Charge(_))
    }
}

/// What a reserve or a charge asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReserveRequest {
    /// The account.
    pub account: AccountId,
    /// The id that the caller made.
    pub hold: HoldId,
    /// How much.
    pub amount: Credits,
    /// The buckets that may be drawn from.
    pub sources: Sources,
    /// Whether the model is marked Pro: free credits may not pay (R8).
    pub pro_model: bool,
    /// Whether the daemon is to price it (R18): tool, model, settings and count say what is to be made, and the amount
    /// is the price that is expected, zero for none.
    pub priced: bool,
    /// The least tier (R20).
    pub min_tier: Tier,
    /// The hold time in milliseconds, 1 to the longest (24 h by default).
    pub ttl_ms: u32,
    /// What a commit above the hold does (R26).
    pub over_commit: OverCommit,
    /// What it is for.
    pub attribution: Attribution,
    /// The worker; zero for none.
    pub worker: WorkerId,
    /// The settings of the generation, opaque here.
    pub settings: u32,
}

/// A command of an operator or a billing service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Open an account (R33).
    OpenAccount {
        /// The account.
        account: AccountId,
        /// The IANA name of its time zone; empty for UTC.
        zone: String,
    },
    /// Freeze or unfreeze an account (R33).
    Freeze {
        /// The account.
        account: AccountId,
        /// Frozen from now on, or not.
        frozen: bool,
    },
    /// Open a new period of the subscription bucket and set the tier.
    SetSubscription {
        /// The account.
        account: AccountId,
        /// The credits of the period.
        amount: Credits,
        /// The tier, 1 to 15.
        tier: Tier,
        /// When the period ends and the subscription lapses; zero for never.
        ends_at: Timestamp,
    },
    /// Give credits into one bucket (R33).
    Grant {
        /// The account.
        account: AccountId,
        /// The bucket.
        bucket: Bucket,
        /// How much.
        amount: Credits,
    },
    /// Add bought credits (R14).
    TopUp {
        /// The account.
        account: AccountId,
        /// How much.
        amount: Credits,
    },
    /// Take bought credits back (R16).
    Clawback {
        /// The account.
        account: AccountId,
        /// How much.
        amount: Credits,
    },
    /// Subscribe to a plan (R11).
    Subscribe {
        /// The account.
        account: AccountId,
        /// The plan.
        plan: PlanId,
        /// Whether cycles roll on past what is paid for.
        auto_renew: bool,
        /// Until when it is paid for; zero for one term.
        paid_through: Timestamp,
    },
    /// Record until when a subscription is paid for (R11).
    Renew {
        /// The account.
        account: AccountId,
        /// Until when.
        paid_through: Timestamp,
    },
    /// Cancel a subscription (R11).
    Cancel {
        /// The account.
        account: AccountId,
        /// Whether it lapses at the end of what is paid for, or now.
        at_period_end: bool,
    },
    /// End a subscription at once (R11).
    Lapse {
        /// The account.
        account: AccountId,
    },
    /// Move a subscription to another plan (R12).
    ChangePlan {
        /// The account.
        account: AccountId,
        /// The plan.
        plan: PlanId,
        /// When.
        mode: ChangeMode,
    },
    /// Move an account to another zone (R6, R10).
    SetZone {
        /// The account.
        account: AccountId,
        /// The IANA name of its time zone; empty for UTC.
        zone: String,
    },
    /// Announce bought credits whose payment has not arrived (R14).
    PendingTopUp {
        /// The account.
        account: AccountId,
        /// How much.
        amount: Credits,
    },
    /// Say that the payment of a pending top-up has arrived (R14).
    ConfirmTopUp {
        /// The account.
        account: AccountId,
    },
    /// Add the credits of a bundle, at once or once their payment has arrived (R14).
    TopUpBundle {
        /// The account.
        account: AccountId,
        /// The bundle's name.
        bundle: String,
        /// Whether the payment has yet to arrive.
        pending: bool,
    },
    /// Take credits out of one bucket, at most what is there (R33).
    Correct {
        /// The account.
        account: AccountId,
        /// The bucket.
        bucket: Bucket,
        /// How much.
        amount: Credits,
    },
}

/// A command with its idempotency key and its issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandRequest {
    /// The command's id; for top-ups and their confirmation the payment's.
    pub id: CommandId,
    /// What to do.
    pub command: Command,
    /// The client's name from the handshake.
    pub by: String,
    /// Why, in the caller's words; may be empty.
    pub reason: String,
}

impl CommandRequest {
    /// The payment that a top-up is for.
    #[must_use]
    pub const fn payment(&self) -> PaymentId {
        PaymentId(self.id.0)
    }
}

/// What a command came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandOutcome {
    /// The answer.
    pub answer: Answer,
    /// The state before and after a plan or zone command that took effect, also for its retry (R13).
    pub change: Option<Box<SubscriptionChange>>,
}

/// What a request came to, with everything that the caller is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The outcome.
    pub outcome: Outcome,
    /// A field, a tier, a limit or the first decision's outcome, by the outcome.
    pub detail: u32,
    /// The place of its record, or of the last one that it rests on.
    pub position: Position,
    /// The answer leaves only when this position is durable (I3).
    pub needs: Position,
    /// What was drawn, captured or returned, by bucket.
    pub split: Split,
    /// What a reserve could take now, by bucket.
    pub available: Split,
    /// The next reset that brings credits, a daily one or a new credit cycle; zero for none. Of `insufficient`: into buckets
    /// that may pay.
    pub next_reset_at: Timestamp,
    /// The outcome's amount: required, largest, shortfall, settled, debt.
    pub amount: Credits,
    /// The hold's end, the server's time, or the end of the credit cycle.
    pub time: Timestamp,
    /// What could not go back because its period had ended.
    pub forfeited: Credits,
    /// Whether a commit came after the hold's end.
    pub late: bool,
    /// Whether a top-up would be accepted now.
    pub top_up_allowed: bool,
}

impl Answer {
    /// An answer that says nothing but its outcome.
    #[must_use]
    #[inline]
    pub const fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            detail: 0,
            position: Position::NONE,
            needs: Position::NONE,
            split: Split::ZERO,
            available: Split::ZERO,
            next_reset_at: Timestamp::NONE,
            amount: Credits::ZERO,
            time: Timestamp::NONE,
            forfeited: Credits::ZERO,
            late: false,
            top_up_allowed: false,
        }
    }

    /// A `bad_request` about a field.
    #[must_use]
    pub const fn bad_request(field: Field) -> Self {
        let mut answer = Self::of(Outcome::BadRequest);
        answer.detail = field as u32;
        answer
    }

    /// An identity refusal that names the field that differs.
    #[must_use]
    pub const fn reused(outcome: Outcome, field: Field) -> Self {
        let names_field = matches!(
            outcome,
            Outcome::HoldIdReused
                | Outcome::SettlementReused
                | Outcome::PaymentReused
                | Outcome::CommandIdReused
                | Outcome::Unpriced
        );
        assert!(names_field, "R40: the detail of this outcome is no field");
        let mut answer = Self::of(outcome);
        answer.detail = field as u32;
        answer
    }

    /// This answer with an amount.
    #[must_use]
    pub const fn with_amount(mut self, amount: Credits) -> Self {
        self.amount = amount;
        self
    }

    /// This answer, resting on the record at `position` (I3).
    #[must_use]
    #[inline]
    pub const fn resting_on(mut self, position: Position) -> Self {
        assert!(position.0 > Position::NONE.0, "I3: an answer rests on a record that has a place");
        self.position = position;
        self.needs = position;
        self
    }

    /// This answer as a replay of a first decision (R22).
    #[must_use]
    pub const fn replayed(mut self) -> Self {
        assert!(!matches!(self.outcome, Outcome::Replayed), "R22: a first decision is no replay");
        self.detail = self.outcome.code() as u32;
        self.outcome = Outcome::Replayed;
        self
    }
}
