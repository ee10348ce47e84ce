//! The numbered outcomes of every operation and command. Numbers are for ever and say nothing about rank:
//! precedence is a table per operation (R40). OUTCOMES.md has an entry for each number, and the tables.

use crate::numbered::numbered;

pub mod precedence;

numbered! {
    /// What became of a request. Each line says: what it means, what comes with it, what the caller does next.
    pub enum Outcome: u16, from_u16 {
        /// The credits are set aside and durable. `time` is the hold's end. Start the generation.
        Granted = 1 "granted",
        /// The request was carried out. Nothing more to do.
        Done = 2 "done",
        /// A commit after the hold's end was still paid in full. Nothing more to do; hold times may be too short.
        Late = 3 "late",
        /// A commit after the hold's end was paid in part; `amount` is the shortfall, recorded for the operator. Do not retry.
        LateUncovered = 4 "late_uncovered",

        /// A field is wrong; `detail` is its number ([`Field`](crate::Field)). Mend the request; a retry changes nothing.
        BadRequest = 10 "bad_request",
        /// The caller's key does not allow this operation or account. Get a key that does.
        Unauthorized = 11 "unauthorized",
        /// No room; nothing happened. Send the same id again after `detail` milliseconds.
        Overloaded = 12 "overloaded",
        /// Disk space is low: reserves and charges are refused, settlements pass. The same id again, later.
        NotDurableNow = 13 "not_durable_now",
        /// The daemon is stopping; nothing happened. The same id again, to its successor.
        Draining = 14 "draining",
        /// No such account. Open it first.
        UnknownAccount = 15 "unknown_account",
        /// Nobody knows whether it happened. Send the same id again, unchanged: it takes effect once at most.
        OutcomeUnknown = 16 "outcome_unknown",

        /// This id was decided before; `detail` is the first outcome's number, amount, split and position are as then,
        /// available and next reset as now. Take the first outcome for the answer.
        Replayed = 20 "replayed",
        /// This hold id was used with other content; `detail` names the field that differs. A mistake of the caller: make a new id.
        HoldIdReused = 21 "hold_id_reused",
        /// This capture or refund number was used with other content; `detail` names the field. Use a new number.
        SettlementReused = 22 "settlement_reused",
        /// This payment id was used with other content; `detail` names the field. Look into the billing service.
        PaymentReused = 23 "payment_reused",
        /// This command id was used with other content; `detail` names the field. Use a new command id.
        CommandIdReused = 24 "command_id_reused",
        /// The hold was released before. There is nothing left to settle.
        AlreadyReleased = 25 "already_released",
        /// The id's own time is too old or too far ahead; `time` is the daemon's. Never executed: make a new id, check the clock.
        HoldIdExpired = 26 "hold_id_expired",

        /// The account is frozen. An operator has to unfreeze it.
        AccountFrozen = 30 "account_frozen",
        /// The rate card does not know what was asked for, or there is none; `detail` names the field. Name an amount, or extend
        /// the card.
        Unpriced = 31 "unpriced",
        /// The price is another than expected; `amount` is the price. Ask the person, then send it with the new one.
        PriceChanged = 32 "price_changed",
        /// The wallet is in debt; `amount` is the debt. A top-up repays it first.
        Debt = 33 "debt",
        /// The plan's tier is too low; `detail` is the tier that is needed. Upgrade.
        TierRequired = 34 "tier_required",
        /// Not enough credits: `amount` is required, `available` is there, `next_reset_at` says when more comes, the flag
        /// `top_up_allowed` whether credits can be bought, `detail` to which plan to upgrade. Wait, top up or upgrade.
        Insufficient = 35 "insufficient",
        /// The bucket could not hold the result; `amount` is what would still fit. Give less.
        BalanceLimit = 36 "balance_limit",

        /// No such hold. If the reserve's answer is still open, send the reserve first; else a mistake of the caller.
        UnknownHold = 40 "unknown_hold",
        /// The hold is settled; `amount` was captured. There is nothing left to settle.
        AlreadySettled = 41 "already_settled",
        /// The hold has ended. Reserve or charge again with a new id.
        HoldExpired = 42 "hold_expired",
        /// More than is held; `amount` is the most that can be committed. Commit at most that.
        ExceedsHold = 43 "exceeds_hold",
        /// More than was captured; `amount` is the most that can be refunded. Refund at most that.
        ExceedsCaptured = 44 "exceeds_captured",
        /// The hold may not live longer; `time` is the latest end. Commit before it.
        HoldAgeLimit = 45 "hold_age_limit",
        /// The hold ended too long ago for a refund. Grant credits instead.
        RefundWindowPassed = 46 "refund_window_passed",
        /// A limit was reached; `detail` is its number ([`LimitKind`](crate::LimitKind)).
        Limit = 47 "limit",

        /// The account exists. Nothing to do, unless it was to be another one.
        AccountExists = 50 "account_exists",
        /// There is an active subscription. Use a plan change.
        AlreadySubscribed = 51 "already_subscribed",
        /// There is no active subscription.
        NotSubscribed = 52 "not_subscribed",
        /// No such plan.
        UnknownPlan = 53 "unknown_plan",
        /// A top-up needs an active subscription. Subscribe first.
        SubscriptionRequired = 54 "subscription_required",
        /// No such payment.
        UnknownPayment = 55 "unknown_payment",
        /// The top-up is not pending.
        NotPending = 56 "not_pending",
    }
}

impl Outcome {
    /// Whether the request took effect.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Granted | Self::Done | Self::Late | Self::LateUncovered)
    }

    /// Whether the same request, with the same id, may get another answer by waiting alone.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Overloaded | Self::NotDurableNow | Self::Draining | Self::OutcomeUnknown)
    }

    /// Whether `detail` is the number of a [`Field`](crate::Field).
    #[must_use]
    pub const fn names_field(self) -> bool {
        matches!(
            self,
            Self::BadRequest
                | Self::HoldIdReused
                | Self::SettlementReused
                | Self::PaymentReused
                | Self::CommandIdReused
        )
    }
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
