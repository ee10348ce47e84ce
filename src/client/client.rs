//! What programs hold: calls with a deadline, over a connection that comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Answer, Command, CommandAnswer, Operation, Outcome, Welcome};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

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
    /// `overloaded`, `draining` (nothing happened) or `outcome_unknown`. A retry of something that was done says
    /// `replayed`: see [`decided`].
    ///
    /// # Errors
    /// No operation has an answer.
    pub async fn operations(&self, operations: &[Operation]) -> Result<Vec<Answer>, CallError> {
        if let Some(bad) = operations.iter().find_map(|operation| operation.check().err()) {
            return Err(NotSent::BadField(bad).into());
        }
        let mut effort = Effort::new(self);
        let mut answers = Vec::new();
        let mut from = 0;
        loop {
            match effort.exchange(Request::Operations(&operations[from..])).await {
                Ok(Reply::Answers(fresh)) => merge(&mut answers, from, fresh),
                Ok(_) => return Err(Unknown::StrangeAnswer.into()),
                Err(error) => match effort.again_after(error).await {
                    Ok(()) => continue,
                    Err(error) if answers.is_empty() => return Err(error),
                    Err(_) => {}
                },
            }
            let Some((first, seen)) = retry::first_retryable(&answers[from..]) else { return Ok(answers) };
            from += first;
            if !effort.again(seen).await {
                effort.mark_doubtful(&mut answers[from..]);
                return Ok(answers);
            }
        }
    }

    /// Sends one operation.
    ///
    /// # Errors
    /// It has no answer; `outcome_unknown` from the daemon is an error too, with the same meaning as the client's own.
    pub async fn operation(&self, operation: Operation) -> Result<Answer, CallError> {
        let answers = self.operations(std::slice::from_ref(&operation)).await?;
        match answers.first() {
            Some(answer) if answer.outcome == Outcome::OutcomeUnknown => Err(Unknown::DaemonSaid.into()),
            Some(answer) => Ok(*answer),
            None => Err(Unknown::StrangeAnswer.into()),
        }
    }

    /// Sends one command. Its id makes a retry safe, as a hold id does for an operation.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn command(&self, command: &Command) -> Result<CommandAnswer, CallError> {
        command.check().map_err(NotSent::BadField)?;
        let mut effort = Effort::new(self);
        loop {
            match effort.exchange(Request::Command(command)).await {
                Ok(Reply::Command(answer)) => {
                    let Some(seen) = retry::seen(answer.outcome, answer.detail) else { return Ok(*answer) };
                    if effort.again(seen).await {
                        continue;
                    }
                    let unknown = effort.in_doubt.is_some() || answer.outcome == Outcome::OutcomeUnknown;
                    return if unknown { Err(effort.doubt().into()) } else { Ok(*answer) };
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

/// Puts the answers of a retry over those of the attempt before. What had succeeded keeps its first answer, which says
/// more than the retry's `replayed`.
fn merge(answers: &mut Vec<Answer>, from: usize, fresh: Vec<Answer>) {
    if answers.is_empty() {
        *answers = fresh;
        return;
    }
    for (old, new) in answers[from..].iter_mut().zip(fresh) {
        if !old.outcome.is_success() {
            *old = new;
        }
    }
}

/// One call's attempts, up to its deadline.
struct Effort<'a> {
    shared: &'a Shared,
    deadline: Instant,
    attempt: u32,
    connection: Option<Arc<Connection>>,
    /// An attempt was sent and its answer never came. From then on only an answer can say that nothing happened.
    in_doubt: Option<Unknown>,
}

impl<'a> Effort<'a> {
    fn new(client: &'a Client) -> Self {
        let deadline = Instant::now() + client.deadline;
        Self { shared: &client.shared, deadline, attempt: 0, connection: None, in_doubt: None }
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
        }
        if self.again(seen(&error)).await {
            return Ok(());
        }
        Err(self.in_doubt.take().map_or(error, CallError::OutcomeUnknown))
    }

    /// Waits for the next attempt; `false` = there is none.
    async fn again(&mut self, seen: Seen) -> bool {
        if seen == Seen::SaidUnknown {
            self.in_doubt = Some(Unknown::DaemonSaid);
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

    fn doubt(&mut self) -> Unknown {
        self.in_doubt.take().unwrap_or(Unknown::DaemonSaid)
    }

    /// "Nothing happened" is said of one attempt. If an earlier one is in doubt, so is the operation.
    fn mark_doubtful(&self, answers: &mut [Answer]) {
        if self.in_doubt.is_none() {
            return;
        }
        for answer in answers.iter_mut().filter(|answer| answer.outcome.is_retryable()) {
            *answer = Answer::of(Outcome::OutcomeUnknown);
        }
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
