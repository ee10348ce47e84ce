//! The outcomes of requests: numbered for ever, never reused (R40). Refusals are outcomes, not errors.

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal,)*) => {
        /// What a request came to. The number is for ever and says nothing about rank.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        pub enum Outcome { $($(#[$doc])* $name = $code,)* }

        impl Outcome {
            /// Every outcome, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the wire and on disk.
            #[must_use]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The outcome with this number.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// The name in logs, metrics and JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        // R40: a number is one outcome's for ever. In order, so that none is there twice.
        const _: () = {
            let mut at = 0;
            while at < Outcome::ALL.len() {
                let code = Outcome::ALL[at].code();
                assert!(at == 0 || Outcome::ALL[at.wrapping_sub(1)].code() < code, "R40: the numbers go up");
                assert!(matches!(Outcome::from_code(code), Some(of) if of.code() == code), "R40: a number is read back");
                assert!(!Outcome::ALL[at].name().is_empty(), "R40: an outcome has a name");
                at = at.wrapping_add(1);
            }
        };
    };
}

outcomes! {
    /// The credits are set aside, or charged.
    Granted = 1 "granted",
    /// The request took effect.
    Done = 2 "done",
    /// A commit after the hold's end: charged all the same (R28).
    Late = 3 "late",
    /// A commit after expiry that the wallet could not cover in full (R28).
    LateUncovered = 4 "late_uncovered",
    /// A field has a value that the operation does not take.
    BadRequest = 10 "bad_request",
    /// The caller may not do this.
    Unauthorized = 11 "unauthorized",
    /// A limit of the daemon is reached; try again later.
    Overloaded = 12 "overloaded",
    /// The disk is nearly full: reserves and charges wait, settlements pass.
    NotDurableNow = 13 "not_durable_now",
    /// The daemon is stopping.
    Draining = 14 "draining",
    /// No such account.
    UnknownAccount = 15 "unknown_account",
    /// Nobody knows yet whether it took effect: send the same id again.
    OutcomeUnknown = 16 "outcome_unknown",
    /// The same request was decided before; here is that decision.
    Replayed = 20 "replayed",
    /// The hold id belongs to another request.
    HoldIdReused = 21 "hold_id_reused",
    /// The capture or refund number belongs to another request.
    SettlementReused = 22 "settlement_reused",
    /// The payment id belongs to another top-up.
    PaymentReused = 23 "payment_reused",
    /// The command id belongs to another command.
    CommandIdReused = 24 "command_id_reused",
    /// The hold was released.
    AlreadyReleased = 25 "already_released",
    /// The hold id is too old, or from the future.
    HoldIdExpired = 26 "hold_id_expired",
    /// The account is frozen.
    AccountFrozen = 30 "account_frozen",
    /// The rate card has no price for this.
    Unpriced = 31 "unpriced",
    /// The price is not the expected one.
    PriceChanged = 32 "price_changed",
    /// The wallet owes credits.
    Debt = 33 "debt",
    /// The model needs a higher tier.
    TierRequired = 34 "tier_required",
    /// The eligible buckets do not hold enough.
    Insufficient = 35 "insufficient",
    /// The balance would not fit.
    BalanceLimit = 36 "balance_limit",
    /// No such hold.
    UnknownHold = 40 "unknown_hold",
    /// The hold was settled.
    AlreadySettled = 41 "already_settled",
    /// The hold has expired.
    HoldExpired = 42 "hold_expired",
    /// More than the hold has left.
    ExceedsHold = 43 "exceeds_hold",
    /// More than was captured and not refunded.
    ExceedsCaptured = 44 "exceeds_captured",
    /// The hold would grow too old.
    HoldAgeLimit = 45 "hold_age_limit",
    /// The refund window has passed.
    RefundWindowPassed = 46 "refund_window_passed",
    /// A count is exhausted.
    Limit = 47 "limit",
    /// The account exists.
    AccountExists = 50 "account_exists",
    /// A subscription is active.
    AlreadySubscribed = 51 "already_subscribed",
    /// No subscription is active.
    NotSubscribed = 52 "not_subscribed",
    /// No such plan.
    UnknownPlan = 53 "unknown_plan",
    /// A top-up needs an active subscription (R14).
    SubscriptionRequired = 54 "subscription_required",
    /// No such payment.
    UnknownPayment = 55 "unknown_payment",
    /// The payment is not pending.
    NotPending = 56 "not_pending",
}

use Outcome as O;

/// What every operation checks first, in this order.
pub const PRECEDENCE_EVERY: &[Outcome] =
    &[O::BadRequest, O::Unauthorized, O::Overloaded, O::NotDurableNow, O::Draining, O::UnknownAccount];
/// Identity: what was decided before about the same id.
pub const PRECEDENCE_IDENTITY: &[Outcome] = &[
    O::Replayed,
    O::HoldIdReused,
    O::SettlementReused,
    O::PaymentReused,
    O::CommandIdReused,
    O::AlreadyReleased,
    O::HoldIdExpired,
];
/// The gates of reserve and charge.
pub const PRECEDENCE_GATES: &[Outcome] =
    &[O::AccountFrozen, O::Unpriced, O::PriceChanged, O::Debt, O::TierRequired, O::Insufficient, O::BalanceLimit];
/// Settlements: commit, release, refund, extend.
pub const PRECEDENCE_SETTLEMENTS: &[Outcome] = &[
    O::UnknownHold,
    O::AlreadySettled,
    O::AlreadyReleased,
    O::HoldExpired,
    O::ExceedsHold,
    O::ExceedsCaptured,
    O::HoldAgeLimit,
    O::RefundWindowPassed,
    O::Limit,
];
/// Commands of operators and billing services.
pub const PRECEDENCE_COMMANDS: &[Outcome] = &[
    O::AccountExists,
    O::AlreadySubscribed,
    O::NotSubscribed,
    O::UnknownPlan,
    O::SubscriptionRequired,
    O::UnknownPayment,
    O::NotPending,
    O::Limit,
    O::BalanceLimit,
];

/// Whether no outcome comes twice: a rank is one rank.
const fn ranks(order: &[Outcome]) -> bool {
    let mut at = 0;
    while at < order.len() {
        let mut other = 0;
        while other < at {
            if order[other].code() == order[at].code() {
                return false;
            }
            other = other.wrapping_add(1);
        }
        at = at.wrapping_add(1);
    }
    true
}

const _: () = assert!(ranks(PRECEDENCE_EVERY), "R40: an outcome has one rank");
const _: () = assert!(ranks(PRECEDENCE_IDENTITY), "R40: an outcome has one rank");
const _: () = assert!(ranks(PRECEDENCE_GATES), "R40: an outcome has one rank");
const _: () = assert!(ranks(PRECEDENCE_SETTLEMENTS), "R40: an outcome has one rank");
const _: () = assert!(ranks(PRECEDENCE_COMMANDS), "R40: an outcome has one rank");

macro_rules! fields {
    ($($name:ident = $code:literal $text:literal,)*) => {
        /// Which part of a request a refusal is about. The numbers are for ever and the same on the wire.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u32)]
        #[expect(missing_docs, reason = "each variant is the name of a request's field")]
        pub enum Field { $($name = $code,)* }

        impl Field {
            /// The field with this number.
            #[must_use]
            pub const fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// The name in logs and JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        // R40: a number is one field's for ever.
        const _: () = {
            $(
                assert!(matches!(Field::from_code($code), Some(of) if of as u32 == $code), "R40: a number is read back");
                assert!(!Field::$name.name().is_empty(), "R40: a field has a name");
            )*
        };
    };
}

fields! {
    Kind = 1 "kind",
    Flags = 2 "flags",
    Sources = 3 "sources",
    Number = 4 "number",
    TtlMs = 5 "ttl_ms",
    Hold = 6 "hold",
    Account = 7 "account",
    Amount = 8 "amount",
    Member = 9 "member",
    Worker = 10 "worker",
    Model = 11 "model",
    Tool = 12 "tool",
    Count = 13 "count",
    MinTier = 14 "min_tier",
    Reason = 15 "reason",
    OverCommit = 16 "over_commit",
    Settings = 17 "settings",
    Reserved = 18 "reserved",
    Command = 19 "command",
    Zone = 20 "zone",
    Tier = 21 "tier",
    EndsAt = 22 "ends_at",
    Bucket = 23 "bucket",
    Frozen = 24 "frozen",
    Payment = 25 "payment",
    Plan = 26 "plan",
    Mode = 27 "mode",
    PaidThrough = 28 "paid_through",
    Bundle = 29 "bundle",
    Limit = 30 "limit",
    After = 31 "after",
    OlderThan = 32 "older_than",
    Lines = 33 "lines",
    Days = 34 "days",
    Buffer = 35 "buffer",
    AutoRenew = 36 "auto_renew",
    AtPeriodEnd = 37 "at_period_end",
    Pending = 38 "pending",
    PerDay = 39 "per_day",
}
