//! Which refusal is the answer where several hold (R40): a row for each operation and command, the first one that holds
//! counts. OUTCOMES.md shows the same rows.
//!
//! The order is that of the rules: what every operation checks, then what was decided before under the same id, then the
//! gates of reserve and charge, the refusals of settlements, those of commands. One place differs: a commit that draws is
//! `insufficient` where another one is `exceeds_hold` (R26).

use super::Outcome;
use crate::command::Command;
use crate::operation::OperationKind;

macro_rules! precedence {
    ($($name:ident $text:literal: $($outcome:ident)+;)+) => {
        $(
            #[doc = concat!("Refusals of `", $text, "`, in order.")]
            pub const $name: &[Outcome] = &[$(Outcome::$outcome,)+];
        )+

        /// Every operation and command by name, in the order of their numbers, with its refusals in order.
        pub const ALL: &[(&str, &[Outcome])] = &[$(($text, $name),)+];
    };
}

precedence! {
    RESERVE "reserve": BadRequest Unauthorized Overloaded NotDurableNow Draining UnknownAccount
        Replayed HoldIdReused AlreadyReleased HoldIdExpired
        AccountFrozen Unpriced PriceChanged Debt TierRequired Insufficient BalanceLimit;
    CHARGE "charge": BadRequest Unauthorized Overloaded NotDurableNow Draining UnknownAccount
        Replayed HoldIdReused AlreadyReleased HoldIdExpired
        AccountFrozen Unpriced PriceChanged Debt TierRequired Insufficient BalanceLimit;
    COMMIT "commit": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed SettlementReused
        UnknownHold AlreadySettled AlreadyReleased HoldExpired ExceedsHold Insufficient Limit;
    RELEASE "release": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed
        UnknownHold AlreadySettled AlreadyReleased HoldExpired;
    REFUND "refund": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed SettlementReused
        UnknownHold ExceedsCaptured RefundWindowPassed Limit;
    EXTEND "extend": BadRequest Unauthorized Overloaded Draining UnknownAccount
        UnknownHold AlreadySettled AlreadyReleased HoldExpired HoldAgeLimit;
    BALANCE "balance": BadRequest Unauthorized Overloaded Draining UnknownAccount;

    OPEN_ACCOUNT "open_account": BadRequest Unauthorized Overloaded Draining
        Replayed CommandIdReused
        AccountExists Limit;
    SHOW_ACCOUNT "show_account": BadRequest Unauthorized Overloaded Draining UnknownAccount;
    FREEZE "freeze": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused;
    SET_SUBSCRIPTION "set_subscription": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused
        BalanceLimit;
    GRANT "grant": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused
        NotSubscribed BalanceLimit;
    TOP_UP "top_up": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed PaymentReused
        SubscriptionRequired BalanceLimit;
    CLAWBACK "clawback": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused;
    SHOW_HOLD "show_hold": BadRequest Unauthorized Overloaded Draining
        UnknownHold;
    SUBSCRIBE "subscribe": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused
        AlreadySubscribed UnknownPlan BalanceLimit;
    RENEW "renew": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused
        NotSubscribed;
    CANCEL "cancel": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused
        NotSubscribed;
    LAPSE "lapse": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused
        NotSubscribed;
    CHANGE_PLAN "change_plan": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused
        NotSubscribed UnknownPlan BalanceLimit;
    SET_ZONE "set_zone": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused;
    PENDING_TOP_UP "pending_top_up": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed PaymentReused
        SubscriptionRequired Limit BalanceLimit;
    CONFIRM_TOP_UP "confirm_top_up": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed PaymentReused
        UnknownPayment NotPending BalanceLimit;
    TOP_UP_BUNDLE "top_up_bundle": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed PaymentReused
        SubscriptionRequired Limit BalanceLimit;
    CORRECT "correct": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Replayed CommandIdReused;
    RELEASE_WORKER "release_worker": BadRequest Unauthorized Overloaded Draining UnknownAccount;
    LIST_HOLDS "list_holds": BadRequest Unauthorized Overloaded Draining UnknownAccount;
    LIST_ACCOUNTS "list_accounts": BadRequest Unauthorized Overloaded Draining;
    LIST_PLANS "list_plans": Unauthorized Overloaded Draining;
    LIST_RATES "list_rates": Unauthorized Overloaded Draining;
    QUOTE "quote": BadRequest Unauthorized Overloaded Draining UnknownAccount
        Unpriced;
    ESTIMATE "estimate": BadRequest Unauthorized Overloaded Draining
        Unpriced;
    RELOAD "reload": Unauthorized Overloaded Draining;
    CLOCK "clock": Unauthorized Overloaded Draining;
    SHOW_RESETS "show_resets": Unauthorized Overloaded Draining;
}

impl OperationKind {
    /// The refusals of this kind; the first one that holds is the answer (R40).
    #[must_use]
    pub const fn precedence(self) -> &'static [Outcome] {
        match self {
            Self::Reserve => RESERVE,
            Self::Charge => CHARGE,
            Self::Commit => COMMIT,
            Self::Release => RELEASE,
            Self::Refund => REFUND,
            Self::Extend => EXTEND,
            Self::Balance => BALANCE,
        }
    }
}

impl Command {
    /// The refusals of this command; the first one that holds is the answer (R40).
    #[must_use]
    pub const fn precedence(&self) -> &'static [Outcome] {
        match self {
            Self::OpenAccount { .. } => OPEN_ACCOUNT,
            Self::ShowAccount { .. } => SHOW_ACCOUNT,
            Self::Freeze { .. } => FREEZE,
            Self::SetSubscription { .. } => SET_SUBSCRIPTION,
            Self::Grant { .. } => GRANT,
            Self::TopUp { .. } => TOP_UP,
            Self::Clawback { .. } => CLAWBACK,
            Self::ShowHold { .. } => SHOW_HOLD,
            Self::Subscribe { .. } => SUBSCRIBE,
            Self::Renew { .. } => RENEW,
            Self::Cancel { .. } => CANCEL,
            Self::Lapse { .. } => LAPSE,
            Self::ChangePlan { .. } => CHANGE_PLAN,
            Self::SetZone { .. } => SET_ZONE,
            Self::PendingTopUp { .. } => PENDING_TOP_UP,
            Self::ConfirmTopUp { .. } => CONFIRM_TOP_UP,
            Self::TopUpBundle { .. } => TOP_UP_BUNDLE,
            Self::Correct { .. } => CORRECT,
            Self::ReleaseWorker { .. } => RELEASE_WORKER,
            Self::ListHolds { .. } => LIST_HOLDS,
            Self::ListAccounts { .. } => LIST_ACCOUNTS,
            Self::ListPlans => LIST_PLANS,
            Self::ListRates => LIST_RATES,
            Self::Quote { .. } => QUOTE,
            Self::Estimate { .. } => ESTIMATE,
            Self::Reload => RELOAD,
            Self::Clock { .. } => CLOCK,
            Self::ShowResets => SHOW_RESETS,
        }
    }
}
