//! Every order of what may become of three attempts: "nothing happened" is said only where nothing can have happened.

use protocol::{CommandAnswer, CommandId, PaymentId};

use super::*;
use crate::fake::{Asked, Peer};

/// What becomes of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Answered that nothing happened: the daemon is stopping, or (of the last attempt) has no room for a minute.
    Refused,
    /// Received, and the connection is lost.
    Lost,
    /// No connection is made.
    NotSent,
    /// Received, and never answered: the deadline passes.
    Silent,
    /// Answered that the id is too old.
    Expired,
    /// Answered: it is done.
    Done,
    /// Answered: a rule refuses it.
    Ruled,
}

use Step::{Done, Expired, Lost, NotSent, Refused, Ruled, Silent};

const ATTEMPTS: usize = 3;

impl Step {
    /// Whether there may be another attempt after it.
    fn goes_on(self) -> bool {
        matches!(self, Refused | Lost | NotSent)
    }
}

/// Every order of at most three steps.
fn orders() -> Vec<Vec<Step>> {
    let mut orders = vec![Vec::new()];
    let mut ended = Vec::new();
    for _ in 0..ATTEMPTS {
        let longer = orders.into_iter().flat_map(|order: Vec<Step>| {
            [Refused, Lost, NotSent, Silent, Expired, Done, Ruled].map(|step| [order.as_slice(), &[step]].concat())
        });
        let (open, closed): (Vec<_>, Vec<_>) =
            longer.partition(|order| order.last().is_some_and(|step| step.goes_on()));
        ended.extend(closed);
        orders = open;
    }
    ended.extend(orders);
    ended
}

/// What the caller must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Unknown,
    /// Unknown, and no retry will tell.
    UnknownForGood,
    /// Unknown, though a later attempt was refused.
    RefusedSince(Outcome),
    Unreachable,
    Outcome(Outcome),
}

/// The table's right side: whether anything may have happened that no answer tells of, and else the last word.
fn expected(order: &[Step], ruled: Outcome) -> Told {
    let may_have_happened = order.iter().any(|step| matches!(step, Lost | Silent));
    match order.last() {
        Some(Done) => Told::Outcome(Outcome::Done),
        // A lost attempt may still come, and an account be subscribed or have credits by then; it will not be another one.
        Some(Ruled) if may_have_happened && ruled != Outcome::AccountExists => Told::RefusedSince(ruled),
        Some(Ruled) => Told::Outcome(ruled),
        Some(Expired) if may_have_happened => Told::UnknownForGood,
        _ if may_have_happened => Told::Unknown,
        Some(Expired) => Told::Outcome(Outcome::HoldIdExpired),
        Some(Refused) => Told::Outcome(Outcome::Overloaded),
        // Nobody was there in the end. Of an operation the last answer stands; a command has none to show.
        _ => Told::Unreachable,
    }
}

/// Answers one frame, of operations or a command.
async fn say(peer: &mut Peer, asked: &Asked, outcome: Outcome, detail: u32) {
    match asked.command {
        Some(_) => peer.say(asked, &CommandAnswer { detail, ..CommandAnswer::of(outcome) }).await,
        None => peer.answer(asked, &[Answer { detail, ..Answer::of(outcome) }]).await,
    }
}

/// Plays the daemon. Every attempt comes over a connection of its own; the last one is kept open to the end.
async fn play(fake: Fake, order: &[Step], ruled: Outcome) -> Option<(Fake, Peer)> {
    let mut sent = Vec::new();
    for (at, step) in order.iter().enumerate() {
        let is_last = at + 1 == order.len();
        let mut peer = fake.accept_silent().await;
        if *step == NotSent {
            peer.close(CloseReason::TooManyConnections).await;
            continue;
        }
        peer.welcome(100).await;
        let asked = peer.next().await.unwrap();
        sent.push((asked.operations.clone(), asked.command.clone()));
        assert!(sent.iter().all(|other| *other == sent[0]), "{order:?}: an attempt sent something else");
        match step {
            Lost => drop(peer),
            Silent => return Some((fake, peer)),
            Refused if is_last => {
                say(&mut peer, &asked, Outcome::Overloaded, 60_000).await;
                return Some((fake, peer));
            }
            Refused => say(&mut peer, &asked, Outcome::Draining, 0).await,
            Expired => say(&mut peer, &asked, Outcome::HoldIdExpired, 0).await,
            Done => say(&mut peer, &asked, Outcome::Done, 0).await,
            Ruled => say(&mut peer, &asked, ruled, 0).await,
            NotSent => {}
        }
    }
    None
}

fn told<A>(result: Result<A, CallError>, outcome: impl Fn(&A) -> Outcome) -> Told {
    match result {
        Ok(answer) => Told::Outcome(outcome(&answer)),
        Err(CallError::OutcomeUnknown(Unknown::IdExpired)) => Told::UnknownForGood,
        Err(CallError::OutcomeUnknown(Unknown::RefusedSince(outcome))) => Told::RefusedSince(outcome),
        Err(CallError::OutcomeUnknown(_)) => Told::Unknown,
        Err(CallError::Unreachable(_)) => Told::Unreachable,
        Err(error) => panic!("{error}"),
    }
}

/// Runs all of the orders at once: most of their time is waiting.
async fn check_all<F>(cases: impl Fn(Client, Vec<Step>) -> F, ruled: Outcome, without: &[Step])
where
    F: Future<Output = (Told, Told)> + Send + 'static,
{
    let mut tasks = tokio::task::JoinSet::new();
    for order in orders().into_iter().filter(|order| !order.iter().any(|step| without.contains(step))) {
        let fake = Fake::start().await;
        let called = cases(Client::new(options(&fake, 1500)), order.clone());
        tasks.spawn(async move {
            let (told, _kept) = tokio::join!(called, play(fake, &order, ruled));
            (order, told)
        });
    }
    assert!(tasks.len() >= 27, "{} orders", tasks.len());
    while let Some(done) = tasks.join_next().await {
        let (order, (told, expected)) = done.unwrap();
        assert_eq!(told, expected, "{order:?}");
    }
}

#[tokio::test]
async fn an_operation_tells_what_may_have_happened() {
    let call = async |client: Client, order: Vec<Step>| {
        let answer = client.operation(reserve(7)).await;
        (told(answer, |answer| answer.outcome), of_operation(&order, Outcome::Insufficient))
    };
    check_all(call, Outcome::Insufficient, &[]).await;
}

#[tokio::test]
async fn a_batch_tells_what_may_have_happened() {
    let call = async |client: Client, order: Vec<Step>| {
        let answers = client.operations(&[reserve(7)]).await;
        let told = told(answers, |answers| answers[0].outcome);
        // A batch with an answer in it is no error: its doubt stands in the answers.
        let unknown = |told| match told {
            Told::UnknownForGood | Told::RefusedSince(_) | Told::Outcome(Outcome::OutcomeUnknown) => Told::Unknown,
            other => other,
        };
        (unknown(told), unknown(of_operation(&order, Outcome::Insufficient)))
    };
    check_all(call, Outcome::Insufficient, &[]).await;
}

#[tokio::test]
async fn a_command_tells_what_may_have_happened() {
    let call = async |client: Client, order: Vec<Step>| {
        let answer = client.open_account(CommandId(7), ACCOUNT, protocol::Text::default()).await;
        (told(answer, |answer| answer.outcome), expected(&order, Outcome::AccountExists))
    };
    // No command is refused for the age of its id.
    check_all(call, Outcome::AccountExists, &[Expired]).await;
    let call = async |client: Client, order: Vec<Step>| {
        let answer = client.top_up(PaymentId(7), ACCOUNT, 1000).await;
        (told(answer, |answer| answer.outcome), expected(&order, Outcome::SubscriptionRequired))
    };
    check_all(call, Outcome::SubscriptionRequired, &[Expired]).await;
}

/// An operation that was refused keeps that answer when nobody is there any more.
fn of_operation(order: &[Step], ruled: Outcome) -> Told {
    match expected(order, ruled) {
        Told::Unreachable if order.contains(&Refused) => Told::Outcome(Outcome::Draining),
        told => told,
    }
}

/// The steps of one connection: there is no room, then there is, and the answer never comes.
#[tokio::test]
async fn overloaded_before_a_lost_attempt_does_not_mean_that_nothing_happened() {
    for batch in [false, true] {
        let fake = Fake::start().await;
        let client = Client::new(options(&fake, 400));
        let call = async {
            let charge = Operation::charge(HoldId(7), ACCOUNT, 1000);
            if batch {
                client.operations(&[charge]).await.map(|answers| answers[0].outcome)
            } else {
                client.charge(charge).await.map(|answer| answer.outcome)
            }
        };
        let (answer, _peer) = tokio::join!(call, async {
            let mut peer = fake.accept(100).await;
            peer.next_answered(Outcome::Overloaded).await;
            peer.next().await.unwrap();
            peer
        });
        match answer {
            Ok(outcome) => assert!(batch && outcome == Outcome::OutcomeUnknown, "{outcome}"),
            Err(error) => assert!(matches!(error, CallError::OutcomeUnknown(Unknown::DeadlinePassed)), "{error}"),
        }
    }
}
