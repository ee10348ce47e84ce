//! Doubt over attempts, as a table: one operation a column, one attempt a line.

use protocol::Outcome::{self, *};
use protocol::{AccountId, HoldId};

use super::*;

/// What one attempt came to.
#[derive(Clone, Copy, Debug)]
enum Attempt {
    /// Sent, and never answered.
    Lost,
    /// Answered, from the first open operation on.
    Says(&'static [Outcome]),
}

use Attempt::{Lost, Says};

/// A reserve, a commit of it, and a release.
fn operations() -> [Operation; 3] {
    let (hold, account) = (HoldId(7), AccountId(1));
    [Operation::reserve(hold, account, 5, 1), Operation::commit(hold, account, 5, 1), Operation::release(hold, account)]
}

fn after<'a>(operations: &'a [Operation], attempts: &[Attempt]) -> Batch<'a> {
    let mut batch = Batch::new(operations);
    for attempt in attempts {
        match attempt {
            Lost => batch.lost(),
            Says(outcomes) => {
                assert_eq!(outcomes.len(), operations.len() - batch.from(), "{attempts:?}");
                batch.answered(outcomes.iter().copied().map(Answer::of).collect());
            }
        }
    }
    batch
}

#[test]
fn what_is_in_doubt_is_unknown_until_an_answer_tells_of_it() {
    for (attempts, expected) in [
        // Nothing is in doubt.
        (&[Says(&[Granted, Overloaded])][..], [Granted, Overloaded]),
        (&[Says(&[Overloaded, Granted]), Says(&[Draining, Insufficient])], [Draining, Granted]),
        (&[Says(&[Overloaded, Insufficient]), Says(&[Granted, Granted])], [Granted, Granted]),
        // The lost attempt may have done what was refused before it; what was done before it stays so.
        (&[Says(&[Overloaded, Insufficient]), Lost], [OutcomeUnknown, OutcomeUnknown]),
        (&[Says(&[Overloaded, Granted]), Lost], [OutcomeUnknown, Granted]),
        (&[Says(&[Granted, Overloaded]), Lost], [Granted, OutcomeUnknown]),
        (&[Says(&[Granted, Overloaded]), Lost, Says(&[Overloaded])], [Granted, OutcomeUnknown]),
        // What is said of a later attempt alone does not tell of the lost one.
        (&[Lost, Says(&[Overloaded, NotDurableNow])], [OutcomeUnknown, OutcomeUnknown]),
        (&[Lost, Says(&[HoldIdExpired, Unauthorized])], [OutcomeUnknown, OutcomeUnknown]),
        (&[Lost, Says(&[HoldAgeLimit, Draining])], [OutcomeUnknown, OutcomeUnknown]),
        (&[Says(&[Overloaded, OutcomeUnknown]), Says(&[Overloaded, Overloaded])], [Overloaded, OutcomeUnknown]),
        // A decision does; a refusal where it is for ever, because the lost attempt may come when credits are there, or the hold.
        (&[Lost, Says(&[Replayed, AlreadySettled])], [Replayed, AlreadySettled]),
        (&[Lost, Says(&[AlreadyReleased, ExceedsHold])], [AlreadyReleased, ExceedsHold]),
        (&[Lost, Says(&[Replayed, Insufficient])], [Replayed, OutcomeUnknown]),
        (&[Lost, Says(&[Granted, UnknownHold])], [Granted, OutcomeUnknown]),
        (&[Lost, Says(&[Insufficient, UnknownHold])], [OutcomeUnknown, OutcomeUnknown]),
        (&[Lost, Says(&[AccountFrozen, UnknownAccount])], [OutcomeUnknown, OutcomeUnknown]),
        // Of an attempt that the daemon has decided nothing comes any more.
        (&[Says(&[OutcomeUnknown, Granted]), Says(&[Insufficient, Replayed])], [Insufficient, Granted]),
        // What was done is not undone by an attempt without room.
        (&[Lost, Says(&[Overloaded, Replayed]), Says(&[Granted, Overloaded])], [Granted, Replayed]),
        (&[Lost, Says(&[Overloaded, Replayed]), Lost], [OutcomeUnknown, Replayed]),
        (&[Says(&[Overloaded, Granted]), Says(&[Overloaded, OutcomeUnknown])], [Overloaded, Granted]),
        // A refusal that was told can be in doubt again.
        (&[Lost, Says(&[Overloaded, Insufficient]), Lost], [OutcomeUnknown, OutcomeUnknown]),
        (&[Lost, Says(&[Overloaded, ExceedsHold]), Says(&[Overloaded, Overloaded])], [OutcomeUnknown, Overloaded]),
        // That the daemon does not know what it decided makes nothing sure of the attempt that was lost.
        (&[Lost, Says(&[OutcomeUnknown, Granted]), Says(&[Debt, Granted])], [OutcomeUnknown, Granted]),
    ] {
        let operations = operations();
        let answers = after(&operations[..2], attempts).into_answers();
        let outcomes: Vec<Outcome> = answers.iter().map(|answer| answer.outcome).collect();
        assert_eq!(outcomes, expected, "{attempts:?}");
    }
}

/// R32: what a release says is for ever: its tombstone keeps a reserve from coming after it.
#[test]
fn a_release_makes_an_end_of_doubt() {
    let operations = operations();
    let batch = after(&operations[2..], &[Lost, Says(&[UnknownHold])]);
    assert_eq!(batch.refused_in_doubt(), None);
    assert_eq!(batch.into_answers()[0].outcome, UnknownHold);
}

#[test]
fn the_refusal_of_what_is_in_doubt_is_known() {
    let operations = operations();
    for (attempts, refused) in [
        (&[Says(&[Insufficient])][..], None),
        (&[Lost, Says(&[Insufficient])], Some(Insufficient)),
        (&[Lost, Says(&[Replayed])], None),
        (&[Lost, Says(&[Overloaded])], None),
    ] {
        assert_eq!(after(&operations[..1], attempts).refused_in_doubt(), refused, "{attempts:?}");
    }
}

#[test]
fn a_retry_begins_at_the_first_open_answer() {
    let operations = operations();
    let mut batch = Batch::new(&operations);
    assert!(batch.is_unanswered());
    assert_eq!(
        batch.answered([Granted, Overloaded, Granted].map(Answer::of).to_vec()),
        Some(Seen::Overloaded { retry_after_ms: 0 })
    );
    assert_eq!(batch.from(), 1);
    assert_eq!(batch.answered([Granted, Replayed].map(Answer::of).to_vec()), None);
    assert!(batch.into_answers().iter().all(|answer| answer.outcome == Granted), "first answers say more");
}

/// R22: an id that has expired tells nothing of the attempt that was lost, and no later one will.
#[test]
fn an_expired_id_in_doubt_is_beyond_retries() {
    for (attempts, beyond) in [
        (&[Says(&[HoldIdExpired])][..], false),
        (&[Lost, Says(&[HoldIdExpired])], true),
        (&[Lost, Says(&[Overloaded])], false),
        (&[Lost, Says(&[Replayed])], false),
    ] {
        assert_eq!(after(&operations()[..1], attempts).is_beyond_retries(), beyond, "{attempts:?}");
    }
}
