//! Exit codes, as a table.

use client::{ConnectError, Lost, Unknown};
use protocol::{BadField, Field};

use super::*;

#[test]
fn every_outcome_has_its_code() {
    for (outcome, exit) in [
        (Outcome::Granted, Exit::Ok),
        (Outcome::Done, Exit::Ok),
        (Outcome::Late, Exit::Ok),
        (Outcome::LateUncovered, Exit::Ok),
        (Outcome::BadRequest, Exit::Usage),
        (Outcome::Unauthorized, Exit::NotAuthorized),
        (Outcome::Overloaded, Exit::TryLater),
        (Outcome::NotDurableNow, Exit::TryLater),
        (Outcome::Draining, Exit::TryLater),
        (Outcome::UnknownAccount, Exit::Refused),
        (Outcome::OutcomeUnknown, Exit::OutcomeUnknown),
        (Outcome::HoldIdReused, Exit::Refused),
        (Outcome::Insufficient, Exit::Refused),
        (Outcome::UnknownHold, Exit::Refused),
        (Outcome::SubscriptionRequired, Exit::Refused),
    ] {
        assert_eq!(of(outcome), exit, "{outcome}");
    }
}

#[test]
fn every_failure_has_its_code() {
    let closed = |reason| CallError::Unreachable(ConnectError::Handshake(Lost::Closed { reason, text: String::new() }));
    for (error, exit, number) in [
        (closed(CloseReason::Unauthorized), Exit::NotAuthorized, 4),
        (closed(CloseReason::TooManyConnections), Exit::TryLater, 75),
        (closed(CloseReason::BadVersion), Exit::Configuration, 78),
        (closed(CloseReason::BadMagic), Exit::Unreachable, 3),
        (CallError::Unreachable(ConnectError::TimedOut { address: "x".into() }), Exit::Unreachable, 3),
        (CallError::NotSent(NotSent::BadField(BadField { field: Field::Hold })), Exit::Usage, 2),
        (CallError::NotSent(NotSent::DeadlinePassed), Exit::TryLater, 75),
        (CallError::OutcomeUnknown(Unknown::DeadlinePassed), Exit::OutcomeUnknown, 5),
    ] {
        let failure = Failure::from(error);
        assert_eq!(failure.exit, exit, "{failure:?}");
        assert_eq!(failure.exit as u8, number);
    }
    assert_eq!(Exit::Ok as u8, 0);
    assert_eq!(Exit::Refused as u8, 1);
    assert_eq!(Exit::Bug as u8, 70);
}
