//! What to do after an attempt: pure decisions of (attempt, time left, what was seen). Nothing here waits or sends.
//!
//! A retry sends the same ids, so it is safe after anything that was seen, but for one command ([`is_repeatable`]); what is
//! decided here is mostly whether it is of use. Refusals are answers and are never retried.

use std::time::Duration;

use protocol::{Answer, Command, Operation, OperationFlags, OperationKind, Outcome};

use crate::options::Backoff;

/// What an attempt came to, as far as a retry is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No connection; the daemon will say the same next time.
    Rejected,
    /// No connection, this time.
    Unreachable,
    /// The request stayed here because of itself: too large, a bad field, or no room before the deadline.
    NotSent,
    /// The connection was lost, before or after the request was written.
    Lost,
    /// The daemon does not know the outcome.
    SaidUnknown,
    /// The daemon had no room; nothing happened.
    Overloaded {
        /// When it wants to be asked again, in milliseconds; 0 = it did not say.
        retry_after_ms: u32,
    },
    /// The daemon is stopping; nothing happened.
    Draining,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Give the caller what there is.
    GiveUp,
    /// Wait, then send the same again.
    Again {
        /// How long to wait.
        after: Duration,
        /// Whether over a new connection, because this one's daemon is going away.
        reconnect: bool,
    },
}

/// Decides after attempt number `attempt` (from 0), with `left` until the deadline.
/// `seed` is the client's own, so that the clients of a restarted daemon do not come back all at once.
#[must_use]
pub fn decide(backoff: Backoff, attempt: u32, left: Duration, seen: Seen, seed: u64) -> Action {
    let pause = pause(backoff, attempt, seed);
    let (after, reconnect) = match seen {
        Seen::Rejected | Seen::NotSent => return Action::GiveUp,
        Seen::Unreachable | Seen::Lost => (pause, false),
        // A daemon that does not know is about to end: its successor knows.
        Seen::SaidUnknown | Seen::Draining => (pause, true),
        Seen::Overloaded { retry_after_ms } => (pause.max(Duration::from_millis(u64::from(retry_after_ms))), false),
    };
    if after >= left { Action::GiveUp } else { Action::Again { after, reconnect } }
}

/// The pause after an attempt: doubled each time up to the longest, less up to a quarter.
#[must_use]
pub fn pause(backoff: Backoff, attempt: u32, seed: u64) -> Duration {
    let doubled = 1_u32.checked_shl(attempt).map_or(backoff.max, |factor| backoff.first.saturating_mul(factor));
    let whole = doubled.min(backoff.max);
    whole - spread(whole / 4, attempt, seed)
}

/// A part of `most` that depends on seed and attempt alone (the mixing step of splitmix64).
fn spread(most: Duration, attempt: u32, seed: u64) -> Duration {
    let mixed = (seed ^ u64::from(attempt)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let parts = u32::from(mixed.to_be_bytes()[0]);
    most * parts / 256
}

/// The first answer that a retry may better, and what it says. Later operations of the frame may have rested on it
/// (a commit on its reserve), so a retry sends everything from there on again.
#[must_use]
pub fn first_retryable(answers: &[Answer]) -> Option<(usize, Seen)> {
    answers.iter().enumerate().find_map(|(at, answer)| Some((at, seen(answer.outcome, answer.detail)?)))
}

/// What an outcome means for a retry; `None` = it is the answer. `not_durable_now` is the answer too: disk space does
/// not come back within a call's deadline.
#[must_use]
pub const fn seen(outcome: Outcome, detail: u32) -> Option<Seen> {
    match outcome {
        Outcome::OutcomeUnknown => Some(Seen::SaidUnknown),
        Outcome::Overloaded => Some(Seen::Overloaded { retry_after_ms: detail }),
        Outcome::Draining => Some(Seen::Draining),
        _ => None,
    }
}

/// Whether an answer tells of an earlier attempt too that has been carried out or never will. Not what the daemon says before it looks
/// the id up (R40), however definite; nor that it does not take the id any more (R22); nor the limit of an extend, which has
/// no id, and may have met it because an earlier attempt moved the end.
#[must_use]
pub const fn settles_doubt(outcome: Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::Unauthorized
            | Outcome::Overloaded
            | Outcome::NotDurableNow
            | Outcome::Draining
            | Outcome::OutcomeUnknown
            | Outcome::HoldIdExpired
            | Outcome::HoldAgeLimit
    )
}

/// Whether a refusal that was given to a later attempt leaves it open what becomes of an earlier one that has no answer: that
/// one may lie in a buffer and be carried out when the state is another. A refusal leaves no trace (R22); what does is a
/// `release` of a hold id: it ends the hold, or keeps a reserve from coming after it (R32).
#[must_use]
pub fn leaves_open(operation: &Operation, refused: Outcome) -> bool {
    match operation.kind {
        OperationKind::Balance => false,
        // A card may take tomorrow what it does not know today.
        OperationKind::Reserve | OperationKind::Charge if operation.flags.contains(OperationFlags::PRICED) => {
            rests_on_state(refused) || refused == Outcome::BadRequest
        }
        OperationKind::Release => refused == Outcome::UnknownAccount,
        _ => rests_on_state(refused),
    }
}

/// The same for a command. One without a key changes nothing, or is not sent again ([`is_repeatable`]).
#[must_use]
pub fn command_leaves_open(command: &Command, refused: Outcome) -> bool {
    let has_key = command.precedence().contains(&Outcome::Replayed);
    // A bundle may be in the catalogue of tomorrow.
    let of_catalogue = matches!(command, Command::TopUpBundle { .. }) && refused == Outcome::BadRequest;
    has_key && (of_catalogue || rests_on_state(refused))
}

/// Whether a refusal may give way to another answer without anything being done under its id. The others are for ever: what
/// is settled or released stays so, and what is held only becomes less.
const fn rests_on_state(refused: Outcome) -> bool {
    match refused {
        Outcome::UnknownAccount
        | Outcome::AccountFrozen
        | Outcome::Unpriced
        | Outcome::PriceChanged
        | Outcome::Debt
        | Outcome::TierRequired
        | Outcome::Insufficient
        | Outcome::BalanceLimit
        | Outcome::UnknownHold
        | Outcome::ExceedsCaptured
        | Outcome::AlreadySubscribed
        | Outcome::NotSubscribed
        | Outcome::UnknownPlan
        | Outcome::SubscriptionRequired
        | Outcome::UnknownPayment
        | Outcome::Limit => true,
        Outcome::BadRequest
        | Outcome::HoldIdReused
        | Outcome::SettlementReused
        | Outcome::PaymentReused
        | Outcome::CommandIdReused
        | Outcome::AlreadyReleased
        | Outcome::AlreadySettled
        | Outcome::HoldExpired
        | Outcome::ExceedsHold
        | Outcome::RefundWindowPassed
        | Outcome::AccountExists
        | Outcome::NotPending => false,
        // No refusals, or such as tell of one attempt alone (`settles_doubt`).
        Outcome::Granted
        | Outcome::Done
        | Outcome::Late
        | Outcome::LateUncovered
        | Outcome::Replayed
        | Outcome::Unauthorized
        | Outcome::Overloaded
        | Outcome::NotDurableNow
        | Outcome::Draining
        | Outcome::OutcomeUnknown
        | Outcome::HoldIdExpired
        | Outcome::HoldAgeLimit => false,
    }
}

/// Whether a command may be sent again after an attempt that may have been carried out. A release of a worker's holds may
/// not: nothing remembers its id, so the second one would also take what the worker, alive again, has reserved since.
#[must_use]
pub const fn is_repeatable(command: &Command) -> bool {
    !matches!(command, Command::ReleaseWorker { .. })
}

#[cfg(test)]
mod tests;
