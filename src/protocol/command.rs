//! Control operations. The order of the variants is their number on the wire (u32, from 0): add at the end, never reorder.

use crate::codec::Body;
use crate::frame::FrameKind;
use crate::ids::{AccountId, CommandId, HoldId, PaymentId, WorkerId};
use crate::limits::{ESTIMATE_LINES_MAX, KEY_BYTES_MAX, REASON_BYTES_MAX, ZONE_BYTES_MAX};
use crate::numbered::numbered;
use crate::text::{List, Text};

mod check;

numbered! {
    /// A source of credits with its own reset rule (R3).
    pub enum Bucket: u8, from_u8 {
        /// Daily free credits.
        Free = 1 "free",
        /// Credits of the subscription.
        Subscription = 2 "subscription",
        /// Credits that were bought.
        TopUp = 3 "top_up",
    }
}

numbered! {
    /// When a plan change takes effect (R12).
    pub enum ChangeMode: u8, from_u8 {
        /// At renewal when the new allocation is smaller or equal, now and prorated when it is larger.
        Default = 0 "default",
        /// The next cycle begins with the new plan; this one keeps its credits.
        AtRenewal = 1 "at_renewal",
        /// Now: the difference for the rest of the cycle is added; the cycle stays as it is.
        NowProrated = 2 "now_prorated",
        /// Now: a new anchor, a new cycle, the whole new allocation.
        NowNewCycle = 3 "now_new_cycle",
    }
}

/// One line of an estimate: so many results a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EstimateLine {
    /// The tool's number, 0 = none.
    pub tool: u16,
    /// The model's number.
    pub model: u32,
    /// The settings word ([`GenerationSettings`](crate::GenerationSettings)).
    pub settings: u32,
    /// Results a day.
    pub per_day: u32,
}

/// One control operation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Command {
    /// 0: opens an account (R33). Answers `account_exists` if it is open.
    OpenAccount {
        /// Idempotency key.
        command: CommandId,
        /// The new account.
        account: AccountId,
        /// IANA zone of its days (R6); empty = UTC.
        zone: Text<ZONE_BYTES_MAX>,
    },
    /// 1: shows an account, changes nothing.
    ShowAccount {
        /// The account.
        account: AccountId,
    },
    /// 2: freezes or unfreezes an account (R33). Settlements go on.
    Freeze {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// To be frozen or not.
        frozen: bool,
        /// Why.
        reason: Text<REASON_BYTES_MAX>,
    },
    /// 3: sets subscription credits and tier, until a time.
    SetSubscription {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Millicredits of the new credit cycle.
        amount: u64,
        /// Tier of the plan, 1 to 15 (R9).
        tier: u8,
        /// End of the credit cycle, milliseconds since 1970; 0 = none.
        ends_at_ms: u64,
    },
    /// 4: gives credits to a bucket (R33).
    Grant {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Where they go.
        bucket: Bucket,
        /// Millicredits.
        amount: u64,
        /// Why.
        reason: Text<REASON_BYTES_MAX>,
    },
    /// 5: credits that were bought (R14).
    TopUp {
        /// Idempotency key.
        payment: PaymentId,
        /// The account.
        account: AccountId,
        /// Millicredits.
        amount: u64,
    },
    /// 6: takes bought credits back; what is not there becomes debt (R16).
    Clawback {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Millicredits.
        amount: u64,
        /// Why.
        reason: Text<REASON_BYTES_MAX>,
    },
    /// 7: shows a hold, changes nothing.
    ShowHold {
        /// The hold.
        hold: HoldId,
    },
    /// 8: subscribes to a plan (R9, R11).
    Subscribe {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// The plan's number.
        plan: u16,
        /// Whether cycles roll on after the paid term.
        auto_renew: bool,
        /// Until when it is paid, milliseconds since 1970; 0 = one billing term from now.
        paid_through_ms: u64,
    },
    /// 9: records that a further term is paid (R11).
    Renew {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Until when it is paid, milliseconds since 1970.
        paid_through_ms: u64,
    },
    /// 10: ends the subscription, now or with the paid term (R11).
    Cancel {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// With the paid term; else now.
        at_period_end: bool,
    },
    /// 11: ends the subscription now, because nobody paid (R11).
    Lapse {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
    },
    /// 12: changes the plan (R12).
    ChangePlan {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// The new plan's number.
        plan: u16,
        /// When it takes effect.
        mode: ChangeMode,
    },
    /// 13: sets the zone of the account's days and cycles (R6, R10).
    SetZone {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// IANA zone, such as `Europe/Berlin` or `UTC`.
        zone: Text<ZONE_BYTES_MAX>,
    },
    /// 14: lists a top-up that cannot be spent until it is confirmed (R14).
    PendingTopUp {
        /// Idempotency key.
        payment: PaymentId,
        /// The account.
        account: AccountId,
        /// Millicredits.
        amount: u64,
    },
    /// 15: confirms a pending top-up (R14).
    ConfirmTopUp {
        /// The payment; also the idempotency key.
        payment: PaymentId,
        /// The account.
        account: AccountId,
    },
    /// 16: a top-up by a bundle of the catalogue (R14). An unknown one is a bad `bundle`.
    TopUpBundle {
        /// Idempotency key.
        payment: PaymentId,
        /// The account.
        account: AccountId,
        /// The bundle's name.
        bundle: Text<KEY_BYTES_MAX>,
        /// Whether it waits for its confirmation.
        pending: bool,
    },
    /// 17: takes at most an amount out of a bucket (R33); counts as clawed back, and leaves no debt.
    Correct {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Where they come from.
        bucket: Bucket,
        /// Millicredits.
        amount: u64,
        /// Why.
        reason: Text<REASON_BYTES_MAX>,
    },
    /// 18: releases every open hold of a worker (R31): those that are open now, so a repetition harms nothing.
    ReleaseWorker {
        /// Names the command in records.
        command: CommandId,
        /// Only holds of this account; nil = of every account.
        account: AccountId,
        /// The worker.
        worker: WorkerId,
    },
    /// 19: lists open holds, changes nothing (R31).
    ListHolds {
        /// Only holds of this account; nil = of every account.
        account: AccountId,
        /// Only holds of this worker; nil = of every worker and of none.
        worker: WorkerId,
        /// Only holds that were made at least so long ago, in milliseconds; 0 = of any age.
        older_than_ms: u64,
        /// How many at most, 1 to 256.
        limit: u16,
        /// Only ids greater than this one; nil = from the start.
        after: HoldId,
    },
    /// 20: lists accounts, changes nothing (R33).
    ListAccounts {
        /// Only ids greater than this one; nil = from the start.
        after: AccountId,
        /// How many at most, 1 to 256.
        limit: u16,
    },
    /// 21: shows the plan catalogue, changes nothing.
    ListPlans,
    /// 22: shows the rate card, changes nothing.
    ListRates,
    /// 23: prices a generation and says whether it would pass and what would fit, changes nothing (R21).
    Quote {
        /// The account.
        account: AccountId,
        /// The tool's number, 0 = none.
        tool: u16,
        /// The model's number.
        model: u32,
        /// The settings word ([`GenerationSettings`](crate::GenerationSettings)).
        settings: u32,
        /// How many results; 0 counts as 1.
        count: u16,
        /// Which buckets may pay, as a mask: 1 free, 2 subscription, 4 top-up; 0 = all.
        sources: u8,
    },
    /// 24: adds up what generations need over some days, changes nothing (R21).
    Estimate {
        /// What is made each day.
        lines: List<EstimateLine, ESTIMATE_LINES_MAX>,
        /// How many days, at least 1.
        days: u16,
        /// The smaller buffer on top, in percent.
        buffer_percent_min: u8,
        /// The larger buffer on top, in percent.
        buffer_percent_max: u8,
    },
    /// 25: reads the plan and rate files again. A file with a mistake changes nothing.
    Reload,
    /// 26: shows how the daemon's time stands to the wall clock, or believes a forward step of it.
    Clock {
        /// Whether a step that is suspect is believed from now on; else nothing changes.
        confirm: bool,
    },
    /// 27: shows the next resets and the last, changes nothing.
    ShowResets,
}

impl Body for Command {
    const KIND: FrameKind = FrameKind::Command;
}

impl Command {
    /// The name of the variant in documents, logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OpenAccount { .. } => "open_account",
            Self::ShowAccount { .. } => "show_account",
            Self::Freeze { .. } => "freeze",
            Self::SetSubscription { .. } => "set_subscription",
            Self::Grant { .. } => "grant",
            Self::TopUp { .. } => "top_up",
            Self::Clawback { .. } => "clawback",
            Self::ShowHold { .. } => "show_hold",
            Self::Subscribe { .. } => "subscribe",
            Self::Renew { .. } => "renew",
            Self::Cancel { .. } => "cancel",
            Self::Lapse { .. } => "lapse",
            Self::ChangePlan { .. } => "change_plan",
            Self::SetZone { .. } => "set_zone",
            Self::PendingTopUp { .. } => "pending_top_up",
            Self::ConfirmTopUp { .. } => "confirm_top_up",
            Self::TopUpBundle { .. } => "top_up_bundle",
            Self::Correct { .. } => "correct",
            Self::ReleaseWorker { .. } => "release_worker",
            Self::ListHolds { .. } => "list_holds",
            Self::ListAccounts { .. } => "list_accounts",
            Self::ListPlans => "list_plans",
            Self::ListRates => "list_rates",
            Self::Quote { .. } => "quote",
            Self::Estimate { .. } => "estimate",
            Self::Reload => "reload",
            Self::Clock { .. } => "clock",
            Self::ShowResets => "show_resets",
        }
    }

    /// The account that is named; `None` where none is, or where nil stands for every account.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::OpenAccount { account, .. }
            | Self::ShowAccount { account }
            | Self::Freeze { account, .. }
            | Self::SetSubscription { account, .. }
            | Self::Grant { account, .. }
            | Self::TopUp { account, .. }
            | Self::Clawback { account, .. }
            | Self::Subscribe { account, .. }
            | Self::Renew { account, .. }
            | Self::Cancel { account, .. }
            | Self::Lapse { account, .. }
            | Self::ChangePlan { account, .. }
            | Self::SetZone { account, .. }
            | Self::PendingTopUp { account, .. }
            | Self::ConfirmTopUp { account, .. }
            | Self::TopUpBundle { account, .. }
            | Self::Correct { account, .. }
            | Self::Quote { account, .. } => Some(*account),
            Self::ReleaseWorker { account, .. } | Self::ListHolds { account, .. } => {
                if account.is_nil() {
                    None
                } else {
                    Some(*account)
                }
            }
            Self::ShowHold { .. }
            | Self::ListAccounts { .. }
            | Self::ListPlans
            | Self::ListRates
            | Self::Estimate { .. }
            | Self::Reload
            | Self::Clock { .. }
            | Self::ShowResets => None,
        }
    }
}

#[cfg(test)]
mod tests;
