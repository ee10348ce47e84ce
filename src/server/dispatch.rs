//! Between the wire and the rules: operations and commands one way, answers and views the other. No input or output.

use protocol::{AnswerFlags, PerBucket};
use wallet::bucket::{Bucket, Sources, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, HoldId, MemberId, Tier, WorkerId};
use wallet::outcome::{Field, Outcome};
use wallet::record::{Attribution, CaptureRequest, OverCommit, RefundReason};
use wallet::request::{Answer, Operation, ReserveRequest};

mod catalogue;
mod command;
mod resets;
mod views;

pub use catalogue::{estimate_view, plans_view, quote_view, rates_view};
pub use command::{Asked, EstimateRequest, command};
pub use resets::resets_view;
pub use views::{account_view, clock_view, hold_line, hold_view, subscription_change_view};

/// An operation that the wire has checked, as the rules take it.
#[must_use]
#[inline]
pub fn operation(wire: &protocol::Operation) -> Operation {
    use protocol::OperationKind as Kind;
    let hold = HoldId(wire.hold.0);
    let account = AccountId(wire.account.0);
    match wire.kind {
        Kind::Reserve => Operation::Reserve(reserve(wire)),
        Kind::Charge => Operation::Charge(reserve(wire)),
        Kind::Commit => Operation::Commit { account, hold, request: capture(wire) },
        Kind::Release => Operation::Release { account, hold },
        Kind::Refund => match wire.reason.map(refund_reason) {
            Some(reason) => Operation::Refund { account, hold, number: wire.number, amount: refunded(wire), reason },
            None => Operation::Malformed { field: Field::Reason },
        },
        Kind::Extend => Operation::Extend { account, hold, ttl_ms: wire.ttl_ms },
        Kind::Balance => Operation::Balance { account },
    }
}

fn reserve(wire: &protocol::Operation) -> ReserveRequest {
    ReserveRequest {
        account: AccountId(wire.account.0),
        hold: HoldId(wire.hold.0),
        amount: Credits::from_millis(wire.amount),
        // The wire has refused masks with other bits.
        sources: Sources::from_bits(wire.sources.mask()).unwrap_or(Sources::ALL),
        pro_model: wire.flags.contains(protocol::OperationFlags::PRO_MODEL),
        priced: wire.flags.contains(protocol::OperationFlags::PRICED),
        min_tier: Tier(wire.min_tier),
        ttl_ms: wire.ttl_ms,
        over_commit: over_commit(wire.over_commit),
        attribution: Attribution {
            member: MemberId(wire.member.0),
            tool: wire.tool,
            model: wire.model,
            count: wire.count,
        },
        worker: WorkerId(wire.worker.0),
        settings: wire.settings,
    }
}

fn capture(wire: &protocol::Operation) -> CaptureRequest {
    let all = wire.flags.contains(protocol::OperationFlags::ALL);
    CaptureRequest {
        number: wire.number,
        amount: (!all).then(|| Credits::from_millis(wire.amount)),
        last: wire.flags.contains(protocol::OperationFlags::FINAL),
    }
}

/// With `all`, a refund gives back everything that was captured and not refunded.
fn refunded(wire: &protocol::Operation) -> Option<Credits> {
    let all = wire.flags.contains(protocol::OperationFlags::ALL);
    (!all).then(|| Credits::from_millis(wire.amount))
}

const fn over_commit(wire: protocol::OverCommit) -> OverCommit {
    match wire {
        protocol::OverCommit::Reject => OverCommit::Reject,
        protocol::OverCommit::Cap => OverCommit::Cap,
        protocol::OverCommit::Draw => OverCommit::Draw,
    }
}

const fn refund_reason(wire: protocol::RefundReason) -> RefundReason {
    match wire {
        protocol::RefundReason::ProviderError => RefundReason::ProviderError,
        protocol::RefundReason::Timeout => RefundReason::Timeout,
        protocol::RefundReason::SafetyBlock => RefundReason::SafetyBlock,
        protocol::RefundReason::UserCancel => RefundReason::UserCancel,
        protocol::RefundReason::Duplicate => RefundReason::Duplicate,
        protocol::RefundReason::Goodwill => RefundReason::Goodwill,
    }
}

const fn bucket(wire: protocol::Bucket) -> Bucket {
    match wire {
        protocol::Bucket::Free => Bucket::Free,
        protocol::Bucket::Subscription => Bucket::Subscription,
        protocol::Bucket::TopUp => Bucket::TopUp,
    }
}

/// An answer of the rules as the wire carries it. `durable` says whether the daemon syncs before it answers.
#[must_use]
#[inline]
pub fn answer(answer: &Answer, durable: bool) -> protocol::Answer {
    protocol::Answer {
        outcome: outcome(answer.outcome),
        flags: flags(answer, durable),
        detail: detail(answer),
        position: answer.position.0,
        split: per_bucket(&answer.split),
        available: per_bucket(&answer.available),
        next_reset_at_ms: answer.next_reset_at.0,
        amount: answer.amount.millis(),
        time_ms: answer.time.0,
        forfeited: answer.forfeited.millis(),
    }
}

/// The answer to a command, with what it shows.
#[must_use]
pub fn command_answer(answer: &Answer, durable: bool, view: protocol::View) -> protocol::CommandAnswer {
    protocol::CommandAnswer {
        outcome: outcome(answer.outcome),
        flags: flags(answer, durable),
        detail: detail(answer),
        amount: answer.amount.millis(),
        time_ms: answer.time.0,
        position: answer.position.0,
        view,
    }
}

/// What rests on no record was not synced: a balance shows memory (I3).
fn flags(answer: &Answer, durable: bool) -> AnswerFlags {
    let mut flags = AnswerFlags::NONE;
    if durable && answer.needs.0 > 0 {
        flags = flags.with(AnswerFlags::DURABLE);
    }
    if answer.late {
        flags = flags.with(AnswerFlags::LATE);
    }
    if answer.top_up_allowed {
        flags = flags.with(AnswerFlags::TOP_UP_ALLOWED);
    }
    flags
}

/// The two crates number outcomes alike, and a test compares them.
#[inline]
fn outcome(outcome: Outcome) -> protocol::Outcome {
    match protocol::Outcome::from_u16(outcome.code()) {
        Some(wire) => wire,
        None => unreachable!("every outcome of the rules is on the wire: {outcome:?}"),
    }
}

/// Where the detail names a field, the field's number on the wire; any other detail as it is.
#[inline]
fn detail(answer: &Answer) -> u32 {
    match answer.outcome {
        Outcome::BadRequest
        | Outcome::HoldIdReused
        | Outcome::SettlementReused
        | Outcome::PaymentReused
        | Outcome::CommandIdReused => field(answer.detail),
        _ => answer.detail,
    }
}

/// The two crates number fields alike, and a test compares them.
fn field(number: u32) -> u32 {
    let wire = u16::try_from(number).ok().and_then(protocol::Field::from_u16);
    wire.map_or(0, |field| u32::from(field.number()))
}

/// Amounts by bucket as the wire carries them.
#[inline]
fn per_bucket(split: &Split) -> PerBucket {
    PerBucket { free: split.free.millis(), subscription: split.subscription.millis(), top_up: split.top_up.millis() }
}

#[cfg(test)]
mod tests;
