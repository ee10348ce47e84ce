//! How the program ends: one code for each thing that a script would do next.

use std::fmt;

use client::{CallError, NotSent};
use protocol::{CloseReason, Outcome};

use crate::again::Again;

/// The exit codes, stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// A rule says no.
    Refused = 1,
    /// The command line, or a field of the request, is wrong.
    Usage = 2,
    /// No daemon there.
    Unreachable = 3,
    /// The key does not allow it.
    NotAuthorized = 4,
    /// It may have happened: what is printed says how to make the same request again.
    OutcomeUnknown = 5,
    /// This program or the daemon is wrong.
    Bug = 70,
    /// No room, or stopping: later.
    TryLater = 75,
    /// A file or program that is needed is missing or wrong.
    Configuration = 78,
}

/// The end of a command that has no answer to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// A name for programs.
    pub(crate) code: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
    /// What to do if its outcome is unknown, where there is something to say.
    pub(crate) again: Option<Again>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl fmt::Display) -> Self {
        Self { exit, code, message: message.to_string(), again: None }
    }

    pub(crate) fn bug(message: &impl fmt::Display) -> Self {
        Self::new(Exit::Bug, "bug", message)
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    pub(crate) fn configuration(message: impl fmt::Display) -> Self {
        Self::new(Exit::Configuration, "configuration", message)
    }

    /// With what makes a second try the same request.
    pub(crate) fn again(self, again: Again) -> Self {
        Self { again: Some(again), ..self }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let (exit, code) = match &error {
            CallError::Unreachable(cause) => match cause.close_reason() {
                Some(CloseReason::Unauthorized) => (Exit::NotAuthorized, "unauthorized"),
                Some(CloseReason::TooManyConnections | CloseReason::Draining) => (Exit::TryLater, "try_later"),
                Some(CloseReason::BadVersion) => (Exit::Configuration, "bad_version"),
                _ => (Exit::Unreachable, "unreachable"),
            },
            CallError::NotSent(NotSent::BadField(_) | NotSent::TooMany { .. }) => (Exit::Usage, "bad_request"),
            CallError::NotSent(NotSent::Encode(_)) => (Exit::Bug, "bug"),
            CallError::NotSent(NotSent::DeadlinePassed) => (Exit::TryLater, "try_later"),
            CallError::NotSent(NotSent::ConnectionLost(_)) => (Exit::Unreachable, "unreachable"),
            CallError::OutcomeUnknown(_) => (Exit::OutcomeUnknown, "outcome_unknown"),
        };
        Self::new(exit, code, error)
    }
}

/// The code of an answer: the decision's, where it tells of an earlier one.
pub(crate) fn of(outcome: Outcome) -> Exit {
    match outcome {
        outcome if outcome.is_success() => Exit::Ok,
        Outcome::BadRequest => Exit::Usage,
        Outcome::Unauthorized => Exit::NotAuthorized,
        Outcome::Overloaded | Outcome::NotDurableNow | Outcome::Draining => Exit::TryLater,
        Outcome::OutcomeUnknown => Exit::OutcomeUnknown,
        _ => Exit::Refused,
    }
}

#[cfg(test)]
mod tests;
