//! The answer to a command, with a view of the account or hold after it.

use crate::answer::{AnswerFlags, PerBucket};
use crate::codec::Body;
use crate::field::Field;
use crate::frame::FrameKind;
use crate::ids::{AccountId, HoldId, MemberId, WorkerId};
use crate::limits::{
    ACCOUNTS_LISTED_MAX, CAPTURES_MAX, HOLDS_LISTED_MAX, PENDING_TOP_UPS_MAX, REFUNDS_MAX, ZONE_BYTES_MAX,
};
use crate::numbered::numbered;
use crate::operation::RefundReason;
use crate::outcome::Outcome;
use crate::text::{List, Text};

mod clock;
mod plans;
mod rates;
mod resets;

pub use clock::{ClockState, ClockView};
pub use plans::{
    BillingTerm, BundleView, PendingChangeView, PendingTopUpView, PlanView, PlansView, SubscriptionChangeView,
    SubscriptionView,
};
pub use rates::{EstimateView, ModelView, QuoteView, RatesView, ReloadView, ToolView};
pub use resets::{DayBoundaryView, ResetKind, ResetRunView, ResetsView};

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CommandAnswer {
    /// What became of it.
    pub outcome: Outcome,
    /// Flag bits.
    pub flags: AnswerFlags,
    /// A number that belongs to the outcome.
    pub detail: u32,
    /// An amount that belongs to the outcome, in millicredits.
    pub amount: u64,
    /// A time that belongs to the outcome, milliseconds since 1970.
    pub time_ms: u64,
    /// The record of the decision, or the last one that it rests on; 0 = none.
    pub position: u64,
    /// What the command shows.
    pub view: View,
}

impl CommandAnswer {
    /// An answer that says nothing but its outcome.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        Self { outcome, flags: AnswerFlags::NONE, detail: 0, amount: 0, time_ms: 0, position: 0, view: View::None }
    }

    /// The refusal of a command with a bad field.
    #[must_use]
    pub fn bad_request(field: Field) -> Self {
        Self { detail: u32::from(field.number()), ..Self::of(Outcome::BadRequest) }
    }
}

impl Body for CommandAnswer {
    const KIND: FrameKind = FrameKind::CommandAnswer;
}

/// What a command shows. The order of the variants is their number on the wire (u32, from 0).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum View {
    /// 0: nothing.
    None,
    /// 1: an account.
    Account(Box<AccountView>),
    /// 2: a hold.
    Hold(Box<HoldView>),
    /// 3: open holds, in the order of their ids. As many as were asked for: there may be more after the last one.
    Holds(List<HoldLine, HOLDS_LISTED_MAX>),
    /// 4: accounts, in the order of their ids. As many as were asked for: there may be more after the last one.
    Accounts(List<AccountId, ACCOUNTS_LISTED_MAX>),
    /// 5: the plan catalogue.
    Plans(Box<PlansView>),
    /// 6: the rate card.
    Rates(Box<RatesView>),
    /// 7: a quote.
    Quote(Box<QuoteView>),
    /// 8: an estimate.
    Estimate(Box<EstimateView>),
    /// 9: what a plan command changed.
    Subscription(Box<SubscriptionChangeView>),
    /// 10: what a reload changed.
    Reload(Box<ReloadView>),
    /// 11: the daemon's clock.
    Clock(ClockView),
    /// 12: the next resets and the last.
    Resets(Box<ResetsView>),
}

/// An account (R4): what can be spent is shown as memory has it now, what became of the rest as of one position.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccountView {
    /// The account.
    pub account: AccountId,
    /// IANA zone of its days.
    pub zone: Text<ZONE_BYTES_MAX>,
    /// Tier of the plan; 0 = no active subscription.
    pub tier: u8,
    /// Whether reserves and charges are refused.
    pub frozen: bool,
    /// Debt in millicredits (R16).
    pub debt: u64,
    /// The next daily reset, milliseconds since 1970; 0 = none.
    pub next_reset_at_ms: u64,
    /// The end of the credit cycle, milliseconds since 1970; 0 = none.
    pub cycle_ends_at_ms: u64,
    /// Date of the free credits, days since 1970-01-01 in the account's zone.
    pub day: u32,
    /// Period number of the subscription's credits.
    pub period: u32,
    /// Open holds.
    pub open_holds: u64,
    /// The position that the open holds and, but for `available`, the buckets are of.
    pub as_of_position: u64,
    /// Free credits.
    pub free: BucketView,
    /// Subscription credits.
    pub subscription: BucketView,
    /// Bought credits.
    pub top_up: BucketView,
    /// The active subscription.
    pub plan: Option<SubscriptionView>,
    /// Top-ups that wait for their confirmation, in the order in which they were made.
    pub pending_top_ups: List<PendingTopUpView, PENDING_TOP_UPS_MAX>,
}

/// A bucket, in millicredits. Granted = available + held + spent + expired + clawed back (I1), as soon as the view's position
/// has reached the account's last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BucketView {
    /// What a reserve could take now.
    pub available: u64,
    /// In open holds.
    pub held: u64,
    /// Spent in the running day or cycle; for bought credits, ever.
    pub spent_in_period: u64,
    /// Given, ever.
    pub granted: u64,
    /// Spent, ever.
    pub spent: u64,
    /// Expired, ever.
    pub expired: u64,
    /// Clawed back, ever.
    pub clawed_back: u64,
}

numbered! {
    /// Where a hold is in its life (R23).
    pub enum HoldState: u8, from_u8 {
        /// Credits are set aside.
        Open = 1 "open",
        /// Captured, in whole or in part.
        Settled = 2 "settled",
        /// Given back.
        Released = 3 "released",
        /// Ended by time.
        Expired = 4 "expired",
        /// Never made here: a release came first and used the id up (R32).
        Tombstone = 5 "tombstone",
        /// Given back together with all other holds of its worker (R31); late commits are as after an expiry (R28).
        ReleasedByWorker = 6 "released_by_worker",
    }
}

/// A hold, from its reserve to its last refund.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HoldView {
    /// The hold.
    pub hold: HoldId,
    /// Its account.
    pub account: AccountId,
    /// Where it is in its life.
    pub state: HoldState,
    /// What was set aside.
    pub amount: PerBucket,
    /// What was captured, late captures included.
    pub captured: PerBucket,
    /// What was refunded, all together.
    pub refunded: u64,
    /// When it was made, milliseconds since 1970.
    pub created_at_ms: u64,
    /// Its end, milliseconds since 1970.
    pub ends_at_ms: u64,
    /// Date of the free credits that it drew.
    pub free_day: u32,
    /// Period number of the subscription credits that it drew.
    pub subscription_period: u32,
    /// Which buckets could pay, as a mask: 1 free, 2 subscription, 4 top-up.
    pub sources: u8,
    /// Who is counted.
    pub member: MemberId,
    /// Where the generation runs.
    pub worker: WorkerId,
    /// The tool's number.
    pub tool: u16,
    /// The model's number.
    pub model: u32,
    /// How many results.
    pub count: u16,
    /// Captured after the hold's end (R28).
    pub late: u64,
    /// What late commits could not take (R28).
    pub shortfall: u64,
    /// Its captures, in their order.
    pub captures: List<CaptureView, CAPTURES_MAX>,
    /// Its refunds, in their order.
    pub refunds: List<RefundView, REFUNDS_MAX>,
    /// Its last record.
    pub position: u64,
}

/// One line of a listing of open holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HoldLine {
    /// The hold.
    pub hold: HoldId,
    /// Its account.
    pub account: AccountId,
    /// Where the generation runs.
    pub worker: WorkerId,
    /// Who is counted.
    pub member: MemberId,
    /// Millicredits that are still held.
    pub amount: u64,
    /// When it was made, milliseconds since 1970.
    pub created_at_ms: u64,
    /// Its end, milliseconds since 1970.
    pub ends_at_ms: u64,
    /// The model's number.
    pub model: u32,
    /// The tool's number.
    pub tool: u16,
    /// How many results.
    pub count: u16,
}

/// One capture of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CaptureView {
    /// Its number.
    pub number: u8,
    /// Millicredits.
    pub amount: u64,
    /// Its record.
    pub position: u64,
}

/// One refund of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RefundView {
    /// Its number.
    pub number: u8,
    /// Why.
    pub reason: RefundReason,
    /// Millicredits.
    pub amount: u64,
    /// Its record.
    pub position: u64,
}
