//! Retry decisions, as a table.

use protocol::{AccountId, CommandId, HoldId, PaymentId, RefundReason, Text};

use super::*;

const BACKOFF: Backoff = Backoff { first: Duration::from_millis(20), max: Duration::from_secs(1) };
const LONG: Duration = Duration::from_secs(60);

#[test]
fn what_is_seen_decides() {
    let again = |seen| match decide(BACKOFF, 0, LONG, seen, 7) {
        Action::GiveUp => None,
        Action::Again { reconnect, .. } => Some(reconnect),
    };
    assert_eq!(again(Seen::Rejected), None);
    assert_eq!(again(Seen::NotSent), None);
    assert_eq!(again(Seen::Unreachable), Some(false));
    assert_eq!(again(Seen::Lost), Some(false));
    assert_eq!(again(Seen::SaidUnknown), Some(true));
    assert_eq!(again(Seen::Draining), Some(true));
    assert_eq!(again(Seen::Overloaded { retry_after_ms: 5 }), Some(false));
}

#[test]
fn pauses_double_up_to_the_longest_and_lose_at_most_a_quarter() {
    for (attempt, whole) in [(0, 20), (1, 40), (2, 80), (5, 640), (6, 1000), (31, 1000), (32, 1000), (u32::MAX, 1000)] {
        for seed in [0, 1, u64::MAX] {
            let pause = pause(BACKOFF, attempt, seed);
            let whole = Duration::from_millis(whole);
            assert!(pause <= whole && pause >= whole * 3 / 4, "attempt {attempt}: {pause:?}");
        }
    }
}

#[test]
fn the_daemon_wish_to_wait_is_kept() {
    let action = decide(BACKOFF, 0, LONG, Seen::Overloaded { retry_after_ms: 300 }, 0);
    assert_eq!(action, Action::Again { after: Duration::from_millis(300), reconnect: false });
}

#[test]
fn nobody_waits_beyond_the_deadline() {
    let left = Duration::from_millis(200);
    assert_eq!(decide(BACKOFF, 0, left, Seen::Overloaded { retry_after_ms: 300 }, 0), Action::GiveUp);
    assert_eq!(decide(BACKOFF, 0, Duration::ZERO, Seen::Lost, 0), Action::GiveUp);
}

#[test]
fn the_first_answer_that_may_change_is_found() {
    let answers = [Outcome::Granted, Outcome::Insufficient, Outcome::Overloaded, Outcome::Draining].map(Answer::of);
    assert_eq!(first_retryable(&answers), Some((2, Seen::Overloaded { retry_after_ms: 0 })));
    assert_eq!(first_retryable(&answers[..2]), None);
}

#[test]
fn only_these_outcomes_are_retried() {
    let retried: Vec<Outcome> = Outcome::ALL.iter().copied().filter(|outcome| seen(*outcome, 0).is_some()).collect();
    assert_eq!(retried, [Outcome::Overloaded, Outcome::Draining, Outcome::OutcomeUnknown]);
}

/// R40, R22: an answer tells of an earlier attempt if it is given after the id was looked up, in every request that has one.
/// What no attempt can change (a bad field, an account that is not there) tells of every attempt.
#[test]
fn what_is_said_before_the_id_is_looked_up_settles_no_doubt() {
    let same_of_every_attempt = [Outcome::BadRequest, Outcome::UnknownAccount];
    let mut rows = 0;
    for (request, row) in protocol::precedence::ALL {
        let Some(looked_up) = row.iter().position(|outcome| *outcome == Outcome::Replayed) else { continue };
        for outcome in &row[..looked_up] {
            assert_eq!(settles_doubt(*outcome), same_of_every_attempt.contains(outcome), "{request}: {outcome}");
        }
        for outcome in &row[looked_up..] {
            assert_eq!(settles_doubt(*outcome), *outcome != Outcome::HoldIdExpired, "{request}: {outcome}");
        }
        rows += 1;
    }
    assert!(rows > 15, "{rows} requests with an id");
    assert!(!settles_doubt(Outcome::OutcomeUnknown));
    assert!(!settles_doubt(Outcome::HoldAgeLimit), "an extend has no id");
}

/// R22, R40: the refusals of a retry that say nothing of an attempt that was lost: it may be carried out when the state is
/// another. A row for each request that has a key; what is not named says of every attempt that it does nothing.
#[test]
fn a_refusal_that_may_pass_leaves_a_lost_attempt_open() {
    use Outcome::*;
    let (hold, account, command, payment) = (HoldId(1), AccountId(1), CommandId(1), PaymentId(1));
    let priced = |operation: Operation| Operation { flags: OperationFlags::PRICED, ..operation };
    let gates =
        vec![UnknownAccount, AccountFrozen, Unpriced, PriceChanged, Debt, TierRequired, Insufficient, BalanceLimit];
    let of_card = [vec![BadRequest], gates.clone()].concat();
    for (operation, open) in [
        (Operation::reserve(hold, account, 1, 1), gates.clone()),
        (Operation::charge(hold, account, 1), gates),
        (priced(Operation::reserve(hold, account, 1, 1)), of_card.clone()),
        (priced(Operation::charge(hold, account, 1)), of_card),
        (Operation::commit(hold, account, 1, 1), vec![UnknownAccount, UnknownHold, Insufficient, Limit]),
        (Operation::release(hold, account), vec![UnknownAccount]),
        (
            Operation::refund(hold, account, 1, 1, RefundReason::Timeout),
            vec![UnknownAccount, UnknownHold, ExceedsCaptured, Limit],
        ),
        (Operation::extend(hold, account, 1), vec![UnknownAccount, UnknownHold]),
        (Operation::balance(account), vec![]),
    ] {
        let row = operation.kind.precedence().iter().copied();
        let found: Vec<Outcome> = row.filter(|outcome| leaves_open(&operation, *outcome)).collect();
        assert_eq!(found, open, "{}", operation.kind);
    }
    let bundle = Command::TopUpBundle { payment, account, bundle: Text::default(), pending: false };
    for (command, open) in [
        (Command::OpenAccount { command, account, zone: Text::default() }, vec![Limit]),
        (Command::TopUp { payment, account, amount: 1 }, vec![UnknownAccount, SubscriptionRequired, BalanceLimit]),
        (bundle, vec![BadRequest, UnknownAccount, SubscriptionRequired, Limit, BalanceLimit]),
        (Command::ConfirmTopUp { payment, account }, vec![UnknownAccount, UnknownPayment, BalanceLimit]),
        (Command::Lapse { command, account }, vec![UnknownAccount, NotSubscribed]),
        // They change nothing: the answer is the answer.
        (Command::ShowHold { hold }, vec![]),
        (Command::ShowAccount { account }, vec![]),
    ] {
        let row = command.precedence().iter().copied();
        let found: Vec<Outcome> = row.filter(|outcome| command_leaves_open(&command, *outcome)).collect();
        assert_eq!(found, open, "{}", command.name());
    }
}
