//! What programs hold: calls with a deadline, over a connection that comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Answer, Command, CommandAnswer, Operation, Outcome, Welcome};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use crate::batch::Batch;
use crate::connection::{Connection, Request};
use crate::error::{CallError, ConnectError, NotSent, Unknown};
use crate::ids::retry_seed;
use crate::options::Options;
use crate::pending::{Failure, Reply};
use crate::retry::{self, Action, Seen};

/// A client of one daemon. Clones share the connection.
///
/// A call that is dropped before it ends is like one whose deadline has passed: it may have been carried out.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Duration,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    seed: u64,
    /// The present connection. The lock is held while one caller makes a new one, and never during a call.
    connection: Mutex<Option<Arc<Connection>>>,
}

impl Client {
    /// A client that connects with its first call.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let deadline = options.deadline;
        let shared = Shared { options, seed: retry_seed(), connection: Mutex::new(None) };
        Self { shared: Arc::new(shared), deadline }
    }

    /// A client that is connected: tries until the deadline.
    ///
    /// # Errors
    /// [`CallError::Unreachable`].
    pub async fn connect(options: Options) -> Result<Self, CallError> {
        let client = Self::new(options);
        client.welcome().await?;
        Ok(client)
    }

    /// The same client and connection, with another deadline for its calls.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), deadline }
    }

    /// What the daemon said of itself when the present connection was made; connects if there is none.
    ///
    /// # Errors
    /// [`CallError::Unreachable`].
    pub async fn welcome(&self) -> Result<Welcome, CallError> {
        let mut effort = Effort::new(self);
        loop {
            match effort.connection().await {
                Ok(connection) => return Ok(connection.welcome.clone()),
                Err(error) => effort.again_after(error).await?,
            }
        }
    }

    /// Sends 1 to 8190 operations as one frame; they are carried out in their order. Splits nothing: more than the
    /// connection takes is [`NotSent::TooMany`].
    ///
    /// Every operation has an answer of its own. Where the daemon had no room, is stopping or does not know, everything
    /// from that operation on is sent again until the deadline; what is not settled by then stands in the answers as
    /// `overloaded`, `draining` (nothing happened, in no attempt) or `outcome_unknown`. A retry of something that was done
    /// says `replayed`: see [`decided`].
    ///
    /// # Errors
    /// No operation has an answer.
    pub async fn operations(&self, operations: &[Operation]) -> Result<Vec<Answer>, CallError> {
        if let Some(bad) = operations.iter().find_map(|operation| operation.check().err()) {
            return Err(NotSent::BadField(bad).into());
        }
        Ok(self.attempts(operations).await?.0)
    }

    /// Sends one operation.
    ///
    /// # Errors
    /// It has no answer; `outcome_unknown` from the daemon is an error too, with the same meaning as the client's own. A
    /// refusal after an attempt that was lost is [`Unknown::RefusedSince`], where that attempt may still be carried out.
    pub async fn operation(&self, operation: Operation) -> Result<Answer, CallError> {
        operation.check().map_err(NotSent::BadField)?;
        let (answers, doubt) = self.attempts(std::slice::from_ref(&operation)).await?;
        match answers.first() {
            Some(answer) if answer.outcome == Outcome::OutcomeUnknown => Err(doubt.into()),
            Some(answer) => Ok(*answer),
            None => Err(Unknown::StrangeAnswer.into()),
        }
    }

    /// Sends operations until each has its last answer or the deadline comes. Beside the answers: why one is unknown, if
    /// one is.
    async fn attempts(&self, operations: &[Operation]) -> Result<(Vec<Answer>, Unknown), CallError> {
        let mut effort = Effort::new(self);
        let mut batch = Batch::new(operations);
        loop {
            let attempt = effort.exchange(Request::Operations(&operations[batch.from()..])).await;
            let goes_on = match attempt {
                Ok(Reply::Answers(fresh)) => match batch.answered(fresh) {
                    Some(seen) => effort.again(seen).await,
                    None => false,
                },
                Ok(_) => return Err(Unknown::StrangeAnswer.into()),
                Err(error) => {
                    if matches!(error, CallError::OutcomeUnknown(_)) {
                        batch.lost();
                    }
                    match effort.again_after(error).await {
                        Err(error) if batch.is_unanswered() => return Err(error),
                        ended => ended.is_ok(),
                    }
                }
            };
            if !goes_on {
                break;
            }
        }
        let doubt = match batch.refused_in_doubt() {
            _ if batch.is_beyond_retries() => Unknown::IdExpired,
            Some(refused) => Unknown::RefusedSince(refused),
            None => effort.doubt(),
        };
        Ok((batch.into_answers(), doubt))
    }

    /// Sends one command. Its id makes a retry safe, as a hold id does for an operation; one that has no memory of its id
    /// is not sent again once it may have been carried out ([`retry::is_repeatable`]).
    ///
    /// # Errors
    /// It has no answer.
    pub async fn command(&self, command: &Command) -> Result<CommandAnswer, CallError> {
        command.check().map_err(NotSent::BadField)?;
        let mut effort = Effort { is_repeatable: retry::is_repeatable(command), ..Effort::new(self) };
        loop {
            match effort.exchange(Request::Command(command)).await {
                Ok(Reply::Command(answer)) => {
                    if let Some(seen) = retry::seen(answer.outcome, answer.detail)
                        && effort.again(seen).await
                    {
                        continue;
                    }
                    return match effort.in_doubt {
                        Some(_) if !retry::settles_doubt(answer.outcome) => Err(effort.doubt().into()),
                        Some(_) if effort.may_come && retry::command_leaves_open(command, answer.outcome) => {
                            Err(Unknown::RefusedSince(answer.outcome).into())
                        }
                        _ => Ok(*answer),
                    };
                }
                Ok(_) => return Err(Unknown::StrangeAnswer.into()),
                Err(error) => effort.again_after(error).await?,
            }
        }
    }

    /// Asks whether the daemon is there, and measures how long its answer takes.
    ///
    /// # Errors
    /// It is not.
    pub async fn ping(&self) -> Result<Duration, CallError> {
        let mut effort = Effort::new(self);
        loop {
            let asked_at = Instant::now();
            match effort.exchange(Request::Ping).await {
                Ok(Reply::Pong) => return Ok(asked_at.elapsed()),
                Ok(_) => return Err(Unknown::StrangeAnswer.into()),
                Err(error) => effort.again_after(error).await?,
            }
        }
    }
}

/// The decision behind an answer: for `replayed` the first one, else the outcome itself.
#[must_use]
pub fn decided(answer: &Answer) -> Outcome {
    first_outcome(answer.outcome, answer.detail)
}

/// The same for the answer to a command.
#[must_use]
pub fn decided_command(answer: &CommandAnswer) -> Outcome {
    first_outcome(answer.outcome, answer.detail)
}

fn first_outcome(outcome: Outcome, detail: u32) -> Outcome {
    if outcome != Outcome::Replayed {
        return outcome;
    }
    u16::try_from(detail).ok().and_then(Outcome::from_u16).unwrap_or(outcome)
}

/// One call's attempts, up to its deadline.
struct Effort<'a> {
    shared: &'a Shared,
    deadline: Instant,
    attempt: u32,
    connection: Option<Arc<Connection>>,
    /// Why an attempt that may have been carried out has no answer. It stays to the end: what is said of a later attempt,
    /// or that there was none, says nothing of that one ([`retry::settles_doubt`]).
    in_doubt: Option<Unknown>,
    /// Whether one of those was lost on its way, so that it may still be carried out.
    may_come: bool,
    /// Whether it may be sent again after an attempt that may have been carried out.
    is_repeatable: bool,
}

impl<'a> Effort<'a> {
    fn new(client: &'a Client) -> Self {
        let deadline = Instant::now() + client.deadline;
        Self {
            shared: &client.shared,
            deadline,
            attempt: 0,
            connection: None,
            in_doubt: None,
            may_come: false,
            is_repeatable: true,
        }
    }

    async fn exchange(&mut self, request: Request<'_>) -> Result<Reply, CallError> {
        let connection = self.connection().await?;
        self.connection = Some(Arc::clone(&connection));
        connection.exchange(request, self.deadline).await.map_err(|failure| match failure {
            Failure::NotSent(cause) => CallError::NotSent(cause),
            Failure::Unknown(cause) => CallError::OutcomeUnknown(cause),
        })
    }

    /// The present connection, or a new one.
    async fn connection(&self) -> Result<Arc<Connection>, CallError> {
        let connect = async {
            let mut present = self.shared.connection.lock().await;
            match present.as_ref().filter(|connection| connection.is_alive()) {
                Some(connection) => Ok(Arc::clone(connection)),
                None => {
                    let made = Arc::new(Connection::open(&self.shared.options).await?);
                    *present = Some(Arc::clone(&made));
                    Ok(made)
                }
            }
        };
        match timeout_at(self.deadline, connect).await {
            Ok(result) => result.map_err(CallError::Unreachable),
            Err(_) => {
                let address = Arc::from(self.shared.options.address.as_str());
                Err(CallError::Unreachable(ConnectError::TimedOut { address }))
            }
        }
    }

    /// Waits for the next attempt after an error, or gives the error that the call ends with.
    async fn again_after(&mut self, error: CallError) -> Result<(), CallError> {
        if let CallError::OutcomeUnknown(cause) = &error {
            self.in_doubt = Some(cause.clone());
            self.may_come = true;
        }
        if self.again(seen(&error)).await {
            return Ok(());
        }
        Err(self.in_doubt.clone().map_or(error, CallError::OutcomeUnknown))
    }

    /// Waits for the next attempt; `false` = there is none.
    async fn again(&mut self, seen: Seen) -> bool {
        if seen == Seen::SaidUnknown {
            self.in_doubt = Some(Unknown::DaemonSaid);
        }
        if self.in_doubt.is_some() && !self.is_repeatable {
            return false;
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        match retry::decide(self.shared.options.backoff, self.attempt, left, seen, self.shared.seed) {
            Action::GiveUp => false,
            Action::Again { after, reconnect } => {
                self.attempt = self.attempt.saturating_add(1);
                if reconnect {
                    self.leave_connection().await;
                }
                sleep(after).await;
                true
            }
        }
    }

    /// Lets go of the connection, unless another call has made a new one already. Calls under way on it still end.
    async fn leave_connection(&mut self) {
        let Some(mine) = self.connection.take() else { return };
        let mut present = self.shared.connection.lock().await;
        if present.as_ref().is_some_and(|present| Arc::ptr_eq(present, &mine)) {
            *present = None;
        }
    }

    fn doubt(self) -> Unknown {
        self.in_doubt.unwrap_or(Unknown::DaemonSaid)
    }
}

fn seen(error: &CallError) -> Seen {
    match error {
        CallError::Unreachable(error) if error.is_final() => Seen::Rejected,
        CallError::Unreachable(_) => Seen::Unreachable,
        CallError::NotSent(NotSent::ConnectionLost(_)) | CallError::OutcomeUnknown(_) => Seen::Lost,
        CallError::NotSent(_) => Seen::NotSent,
    }
}

#[cfg(test)]
mod tests;
