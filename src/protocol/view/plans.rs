//! Views of plans, of a wallet's subscription, and of what a plan command changed.

use crate::ids::PaymentId;
use crate::limits::{BUNDLES_MAX, KEY_BYTES_MAX, PLANS_MAX, TITLE_BYTES_MAX};
use crate::numbered::numbered;
use crate::text::{List, Text};

numbered! {
    /// How long one payment for a plan lasts (R9). Credit cycles are monthly whatever it is.
    pub enum BillingTerm: u8, from_u8 {
        /// One month.
        Monthly = 1 "monthly",
        /// Three months.
        Quarterly = 2 "quarterly",
        /// Twelve months.
        Yearly = 3 "yearly",
    }
}

/// The plan catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlansView {
    /// The version of the file.
    pub version: u32,
    /// The plans, by number.
    pub plans: List<PlanView, PLANS_MAX>,
    /// What can be bought beside a plan, in the order of the file.
    pub bundles: List<BundleView, BUNDLES_MAX>,
}

/// One plan (R9).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlanView {
    /// Its number.
    pub plan: u16,
    /// Its name, such as `pro`.
    pub name: Text<KEY_BYTES_MAX>,
    /// What people read.
    pub title: Text<TITLE_BYTES_MAX>,
    /// Its tier, 1 to 15.
    pub tier: u8,
    /// Millicredits of one credit cycle.
    pub credits: u64,
    /// How long one payment lasts.
    pub term: BillingTerm,
    /// Whether credits can be bought beside it.
    pub top_up: bool,
}

/// One bundle of credits that can be bought (R14).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BundleView {
    /// Its name.
    pub name: Text<KEY_BYTES_MAX>,
    /// Millicredits.
    pub credits: u64,
}

/// The subscription of an account.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SubscriptionView {
    /// The plan's number; 0 = set by hand.
    pub plan: u16,
    /// The plan's name; empty = not in the catalogue.
    pub plan_name: Text<KEY_BYTES_MAX>,
    /// Its tier.
    pub tier: u8,
    /// Millicredits of one credit cycle.
    pub allocation: u64,
    /// What the boundaries are counted from (R10), milliseconds since 1970.
    pub anchor_ms: u64,
    /// Number of the running cycle, counted from the anchor.
    pub cycle: u32,
    /// Start of the running cycle, milliseconds since 1970.
    pub starts_at_ms: u64,
    /// End of the running cycle, milliseconds since 1970; 0 = none.
    pub ends_at_ms: u64,
    /// Until when it is paid, milliseconds since 1970; 0 = not said.
    pub paid_through_ms: u64,
    /// Whether cycles roll on after that (R11).
    pub auto_renew: bool,
    /// The change that the next cycle begins with (R12).
    pub pending: Option<PendingChangeView>,
}

/// A plan change that waits for the next cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PendingChangeView {
    /// The plan's number.
    pub plan: u16,
    /// Its tier.
    pub tier: u8,
    /// Millicredits of one credit cycle.
    pub allocation: u64,
}

/// What a plan command changed (R13).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SubscriptionChangeView {
    /// The subscription before it.
    pub before: Option<SubscriptionView>,
    /// The subscription after it.
    pub after: Option<SubscriptionView>,
    /// Period number of the subscription's credits after it.
    pub period: u32,
    /// Millicredits that were added to the bucket, or that a new period of it was set to.
    pub amount: u64,
}

/// A top-up that waits for its confirmation (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PendingTopUpView {
    /// The payment.
    pub payment: PaymentId,
    /// Millicredits.
    pub amount: u64,
    /// When it was made, milliseconds since 1970.
    pub at_ms: u64,
    /// When it is dropped, milliseconds since 1970.
    pub ends_at_ms: u64,
}
