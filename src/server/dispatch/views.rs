//! What commands show of accounts and holds.

use protocol::{
    AccountView, BucketView, CaptureView, ClockView, HoldLine, HoldState, HoldView, List, PendingChangeView,
    PendingTopUpView, RefundView, SubscriptionChangeView, SubscriptionView, Text,
};
use wallet::balance::WalletView;
use wallet::bucket::Bucket;
use wallet::credits::Credits;
use wallet::hold::{self, Hold};
use wallet::ids::{AccountId, HoldId, Position, Timestamp};
use wallet::plan::PlanCatalog;
use wallet::record::{RefundReason, SubscriptionChange};
use wallet::row::{Pending, Row};
use wallet::subscription::{PendingChange, Subscription};
use wallet::workers::OpenHold;

use super::per_bucket;
use crate::clock::{Face, State};

/// An account: what can be spent from memory, what became of the rest from its row, as of the row's position. The catalogue
/// names its plan.
#[must_use]
pub fn account_view(
    account: AccountId,
    wallet: &WalletView,
    (row, as_of): (Option<&Row>, Position),
    plans: &PlanCatalog,
) -> AccountView {
    let bucket = |bucket| bucket_view(wallet, row, bucket);
    AccountView {
        account: protocol::AccountId(account.0),
        zone: Text::cut(&wallet.zone),
        tier: wallet.tier.0,
        frozen: wallet.frozen,
        debt: wallet.debt.millis(),
        next_reset_at_ms: wallet.next_reset_at.0,
        cycle_ends_at_ms: wallet.cycle_ends_at.0,
        day: wallet.day.0,
        period: wallet.period.0,
        open_holds: row.map_or(0, |row| u64::from(row.open_holds)),
        as_of_position: as_of.0,
        free: bucket(Bucket::Free),
        subscription: bucket(Bucket::Subscription),
        top_up: bucket(Bucket::TopUp),
        plan: wallet.subscription.map(|active| subscription_view(&active, wallet.pending.as_ref(), plans)),
        // The rules allow no more than the list takes.
        pending_top_ups: List::new(wallet.pending_top_ups.iter().map(pending_top_up).collect()).unwrap_or_default(),
    }
}

fn subscription_view(
    subscription: &Subscription,
    pending: Option<&PendingChange>,
    plans: &PlanCatalog,
) -> SubscriptionView {
    SubscriptionView {
        plan: subscription.plan.0,
        plan_name: Text::cut(plans.by_id(subscription.plan).map_or("", |plan| &plan.name)),
        tier: subscription.tier.0,
        allocation: subscription.allocation.millis(),
        anchor_ms: subscription.anchor.0,
        cycle: subscription.cycle,
        starts_at_ms: subscription.starts_at.0,
        ends_at_ms: zero_for_never(subscription.ends_at),
        paid_through_ms: zero_for_never(subscription.paid_through),
        auto_renew: subscription.auto_renew,
        pending: pending.map(|pending| PendingChangeView {
            plan: pending.plan.0,
            tier: pending.tier.0,
            allocation: pending.allocation.millis(),
        }),
    }
}

fn zero_for_never(at: Timestamp) -> u64 {
    if at == Timestamp::NEVER { 0 } else { at.0 }
}

const fn pending_top_up(pending: &Pending) -> PendingTopUpView {
    PendingTopUpView {
        payment: protocol::PaymentId(pending.payment.0),
        amount: pending.amount.millis(),
        at_ms: pending.at.0,
        ends_at_ms: pending.ends_at.0,
    }
}

/// What a plan or zone command changed (R13).
#[must_use]
pub fn subscription_change_view(change: &SubscriptionChange, plans: &PlanCatalog) -> SubscriptionChangeView {
    let view = |subscription: &Subscription, pending| subscription_view(subscription, pending, plans);
    SubscriptionChangeView {
        before: change.before.as_ref().map(|before| view(before, None)),
        after: change.after.as_ref().map(|after| view(after, change.pending.as_ref())),
        period: change.period.0,
        amount: change.amount.millis(),
    }
}

/// The daemon's clock.
#[must_use]
pub const fn clock_view(face: &Face) -> ClockView {
    let state = match face.state {
        State::Believed => protocol::ClockState::Believed,
        State::CatchingUp => protocol::ClockState::CatchingUp,
        State::Suspect => protocol::ClockState::Suspect,
    };
    let Face { wall_ms, daemon_ms, step_ms, confirmed, .. } = *face;
    ClockView { wall_ms, daemon_ms, state, step_ms, confirmed }
}

/// One line of a listing of open holds.
#[must_use]
pub fn hold_line(open: &OpenHold) -> HoldLine {
    HoldLine {
        hold: protocol::HoldId(open.hold.0),
        account: protocol::AccountId(open.account.0),
        worker: protocol::WorkerId(open.worker.0),
        member: protocol::MemberId(open.attribution.member.0),
        amount: open.held.millis(),
        created_at_ms: open.reserved_at.0,
        ends_at_ms: open.ends_at.0,
        model: open.attribution.model,
        tool: open.attribution.tool,
        count: open.attribution.count,
    }
}

fn bucket_view(wallet: &WalletView, row: Option<&Row>, bucket: Bucket) -> BucketView {
    let available = wallet.available.of(bucket).millis();
    let Some(row) = row else { return BucketView { available, ..BucketView::default() } };
    let counters = &row.counters[bucket as usize];
    BucketView {
        available,
        held: counters.held.millis(),
        spent_in_period: spent_in_period(wallet, row, bucket).millis(),
        granted: counters.granted.millis(),
        spent: counters.spent.millis(),
        expired: counters.expired.millis(),
        clawed_back: counters.clawed_back.millis(),
    }
}

/// A row is rolled by its next record only: what it has of an earlier period was not spent in the running one.
fn spent_in_period(wallet: &WalletView, row: &Row, bucket: Bucket) -> Credits {
    let running = match bucket {
        Bucket::Free => row.day == wallet.day,
        Bucket::Subscription => row.period == wallet.period,
        Bucket::TopUp => true,
    };
    if running { row.spent_in_period.of(bucket) } else { Credits::ZERO }
}

/// A hold, from its reserve to its last refund.
#[must_use]
pub fn hold_view(id: HoldId, hold: &Hold) -> HoldView {
    let late = hold.captures().filter(|step| step.late);
    let late = late.fold(Credits::ZERO, |sum, step| sum + step.charged().total());
    let shortfall = hold.captures().fold(Credits::ZERO, |sum, step| sum + step.shortfall);
    let captured = hold.captures().fold(hold.captured, |sum, step| sum.plus(&step.drawn.split));
    HoldView {
        hold: protocol::HoldId(id.0),
        account: protocol::AccountId(hold.account.0),
        state: state(hold.state),
        amount: per_bucket(&hold.taken.split),
        captured: per_bucket(&captured),
        refunded: hold.refunded().millis(),
        created_at_ms: hold.reserved_at.0,
        ends_at_ms: hold.ends_at.0,
        free_day: hold.taken.day.0,
        subscription_period: hold.taken.period.0,
        sources: hold.terms.sources.bits(),
        member: protocol::MemberId(hold.attribution.member.0),
        worker: protocol::WorkerId(hold.worker.0),
        tool: hold.attribution.tool,
        model: hold.attribution.model,
        count: hold.attribution.count,
        late: late.millis(),
        shortfall: shortfall.millis(),
        captures: captures(hold),
        refunds: refunds(hold),
        position: hold.last_position.0,
    }
}

const fn state(state: hold::HoldState) -> HoldState {
    match state {
        hold::HoldState::Open => HoldState::Open,
        hold::HoldState::Settled => HoldState::Settled,
        hold::HoldState::Released => HoldState::Released,
        hold::HoldState::Expired => HoldState::Expired,
        hold::HoldState::Tombstone => HoldState::Tombstone,
        hold::HoldState::ReleasedByWorker => HoldState::ReleasedByWorker,
    }
}

/// The rules allow no more steps than a list takes.
fn captures<const MAX: usize>(hold: &Hold) -> List<CaptureView, MAX> {
    let steps = hold.captures().take(MAX).map(|step| CaptureView {
        number: step.request.number,
        amount: step.charged().total().millis(),
        position: step.position.0,
    });
    List::new(steps.collect()).unwrap_or_default()
}

fn refunds<const MAX: usize>(hold: &Hold) -> List<RefundView, MAX> {
    let steps = hold.refunds().take(MAX).map(|step| RefundView {
        number: step.number,
        reason: reason(step.reason),
        amount: (step.returned.total() + step.forfeited.total()).millis(),
        position: step.position.0,
    });
    List::new(steps.collect()).unwrap_or_default()
}

const fn reason(reason: RefundReason) -> protocol::RefundReason {
    match reason {
        RefundReason::ProviderError => protocol::RefundReason::ProviderError,
        RefundReason::Timeout => protocol::RefundReason::Timeout,
        RefundReason::SafetyBlock => protocol::RefundReason::SafetyBlock,
        RefundReason::UserCancel => protocol::RefundReason::UserCancel,
        RefundReason::Duplicate => protocol::RefundReason::Duplicate,
        RefundReason::Goodwill => protocol::RefundReason::Goodwill,
    }
}
