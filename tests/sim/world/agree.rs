//! What the engine says and what the model says, compared.

use wallet::bucket::Split;
use wallet::hold::HoldState;
use wallet::record::{CycleRoll, Record, SubscriptionChange};
use wallet::request::Answer;
use wallet::subscription::{PendingChange, Subscription};

use crate::sim::model::subscription::{Changed, Subscribed, Terms};
use crate::sim::model::{Amounts, Effect, Expected, State, time};

pub(super) fn amounts(split: &Split) -> Amounts {
    [split.free.millis(), split.subscription.millis(), split.top_up.millis()]
}

pub(super) const fn state(state: HoldState) -> State {
    match state {
        HoldState::Open => State::Open,
        HoldState::Settled => State::Settled,
        HoldState::Released => State::Released,
        HoldState::Expired => State::Expired,
        HoldState::Tombstone => State::Tombstone,
        HoldState::ReleasedByWorker => State::ReleasedByWorker,
    }
}

pub(super) const fn kind(record: &Record) -> Effect {
    match record {
        Record::Policy(_) => Effect::Policy,
        Record::IdBound { .. } => Effect::IdBound,
        Record::Open(_) => Effect::Open,
        Record::Freeze(_) => Effect::Freeze,
        Record::SetSubscription(_) => Effect::SetSubscription,
        Record::Grant(_) => Effect::Grant,
        Record::TopUp(_) => Effect::TopUp,
        Record::Clawback(_) => Effect::Clawback,
        Record::CycleRoll(_) => Effect::CycleRoll,
        Record::Reserve(_) => Effect::Reserve,
        Record::Charge(_) => Effect::Charge,
        Record::Capture(_) => Effect::Capture,
        Record::LateCapture(_) => Effect::LateCapture,
        Record::Release(_) => Effect::Release,
        Record::Expire(_) => Effect::Expire,
        Record::Refund(_) => Effect::Refund,
        Record::Extend(_) => Effect::Extend,
        Record::Tombstone { .. } => Effect::Tombstone,
        Record::Subscription(_) => Effect::Subscription,
        Record::PendingTopUp(_) => Effect::PendingTopUp,
        Record::ConfirmTopUp(_) => Effect::ConfirmTopUp,
        Record::DropTopUp(_) => Effect::DropTopUp,
        Record::Correct(_) => Effect::Correct,
        Record::ReleaseWorker(_) => Effect::ReleaseWorker,
    }
}

/// Compares an answer with what the model says. What a refusal need not tell it may tell, if it is true.
pub(super) fn agrees(expected: &Expected, answer: &Answer) -> Result<(), String> {
    let differ = |what: &str| Err(format!("{what} differs"));
    let told = (amounts(&answer.available), answer.next_reset_at.0, answer.top_up_allowed);
    let silent = told == ([0; 3], 0, false);
    let truth = expected.view.map(|view| (view.available, view.next_reset_at, view.top_up_allowed));
    let split = amounts(&answer.split);
    let position = expected.position.is_none_or(|position| position == answer.position.0);
    match () {
        () if answer.outcome != expected.outcome => differ("outcome"),
        () if answer.detail != expected.detail => differ("detail"),
        () if split != expected.split => differ("split"),
        () if answer.amount.millis() != expected.amount => differ("amount"),
        () if answer.time.0 != expected.time => differ("time"),
        () if answer.forfeited.millis() != expected.forfeited => differ("forfeited"),
        () if answer.late != expected.late => differ("late"),
        () if !position => differ("position"),
        () if (expected.tells || !silent) && truth.is_some_and(|truth| truth != told) => {
            differ("available, next reset or top-up allowed")
        }
        () if expected.tells && truth.is_none() => differ("what it tells of a wallet"),
        () => Ok(()),
    }
}

pub(super) fn subscribed(of: &Subscription) -> Subscribed {
    Subscribed {
        terms: Terms { plan: of.plan.0, tier: of.tier.0, credits: of.allocation.millis() },
        granted_max: of.granted_max.millis(),
        anchor: of.anchor.0,
        cycle: of.cycle,
        starts: of.starts_at.0,
        ends: of.ends_at.0,
        paid_through: of.paid_through.0,
        auto_renew: of.auto_renew,
    }
}

pub(super) fn waiting_change(of: &PendingChange) -> Terms {
    Terms { plan: of.plan.0, tier: of.tier.0, credits: of.allocation.millis() }
}

pub(super) fn changed(of: &SubscriptionChange) -> Changed {
    Changed {
        before: of.before.as_ref().map(subscribed),
        after: of.after.as_ref().map(subscribed),
        pending: of.pending.as_ref().map(waiting_change),
    }
}

pub(super) fn cycle_roll(of: &CycleRoll) -> time::CycleRoll {
    time::CycleRoll {
        period: of.period.0,
        day: of.day.0,
        at: of.at.0,
        allocation: of.allocation.millis(),
        tier: of.tier.0,
        ends_at: of.ends_at.0,
        plan: of.plan.0,
        cycle: of.cycle,
        skipped: of.skipped,
        changed: of.changed,
    }
}
