//! Calls against a daemon that does what the test says: deadlines, retries, doubt.

use protocol::{AccountId, CloseReason, HoldId, Secret, WorkerId};

use super::*;
use crate::command_id;
use crate::fake::Fake;

mod orders;

const ACCOUNT: AccountId = AccountId(1);

fn options(fake: &Fake, deadline_ms: u64) -> Options {
    Options { deadline: Duration::from_millis(deadline_ms), ..Options::new(&fake.address) }
}

fn reserve(hold: u128) -> Operation {
    Operation::reserve(HoldId(hold), ACCOUNT, 1000, 60_000)
}

#[tokio::test]
async fn one_operation_gets_its_answer() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let (answer, asked) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        peer.next_answered(Outcome::Granted).await
    });
    assert_eq!(answer.unwrap().outcome, Outcome::Granted);
    assert_eq!(asked.operations, [reserve(7)]);
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_is_not_retried() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let (answer, _peer) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        peer.next_answered(Outcome::Insufficient).await;
        peer
    });
    assert_eq!(answer.unwrap().outcome, Outcome::Insufficient);
}

#[tokio::test]
async fn the_deadline_makes_the_outcome_unknown() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 100));
    let (answer, peer) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        peer.next().await.unwrap();
        peer
    });
    assert!(matches!(answer, Err(CallError::OutcomeUnknown(Unknown::DeadlinePassed))), "{answer:?}");
    drop(peer);
}

#[tokio::test]
async fn a_lost_connection_is_retried_with_the_same_id() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let (answer, ()) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        let first = peer.next().await.unwrap();
        drop(peer);
        let mut peer = fake.accept(100).await;
        let second = peer.next().await.unwrap();
        assert_eq!(first.operations, second.operations);
        let replayed = Answer { detail: u32::from(Outcome::Granted.number()), ..Answer::of(Outcome::Replayed) };
        peer.answer(&second, &[replayed]).await;
    });
    let answer = answer.unwrap();
    assert_eq!(answer.outcome, Outcome::Replayed);
    assert_eq!(decided(&answer), Outcome::Granted);
}

#[tokio::test]
async fn doubt_stays_when_the_daemon_does_not_come_back() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 300));
    let (answer, ()) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        peer.next().await.unwrap();
        drop((peer, fake));
    });
    assert!(matches!(answer, Err(CallError::OutcomeUnknown(Unknown::ConnectionLost(_)))), "{answer:?}");
}

#[tokio::test]
async fn an_unreachable_daemon_is_not_doubt() {
    let fake = Fake::start().await;
    let options = options(&fake, 100);
    drop(fake);
    let answer = Client::new(options).reserve(reserve(7)).await;
    assert!(matches!(answer, Err(CallError::Unreachable(ConnectError::Io { .. }))), "{answer:?}");
}

#[tokio::test]
async fn a_daemon_that_says_no_welcome_is_unreachable() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 100));
    let (answer, _peer) = tokio::join!(client.reserve(reserve(7)), fake.accept_silent());
    assert!(matches!(answer, Err(CallError::Unreachable(ConnectError::TimedOut { .. }))), "{answer:?}");
}

#[tokio::test]
async fn a_wrong_key_is_final() {
    let fake = Fake::start().await;
    let options = Options { token: Secret::new(b"wrong").unwrap(), ..options(&fake, 60_000) };
    let client = Client::new(options);
    let (answer, peer) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept_silent().await;
        peer.close(CloseReason::Unauthorized).await;
        peer
    });
    assert_eq!(peer.hello.unwrap().auth_token.expose(), b"wrong");
    let Err(CallError::Unreachable(error)) = answer else { panic!("{answer:?}") };
    assert_eq!(error.close_reason(), Some(CloseReason::Unauthorized));
}

#[tokio::test]
async fn overloaded_is_asked_again_on_the_same_connection() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let (answer, ()) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        peer.next_answered(Outcome::Overloaded).await;
        peer.next_answered(Outcome::Granted).await;
    });
    assert_eq!(answer.unwrap().outcome, Outcome::Granted);
}

#[tokio::test]
async fn overloaded_to_the_end_means_that_nothing_happened() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 200));
    let (answer, _peer) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        let asked = peer.next().await.unwrap();
        peer.answer(&asked, &[Answer { detail: 60_000, ..Answer::of(Outcome::Overloaded) }]).await;
        peer
    });
    assert_eq!(answer.unwrap().outcome, Outcome::Overloaded);
}

#[tokio::test]
async fn overloaded_after_doubt_does_not_mean_that_nothing_happened() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 500));
    let (answer, _peer) = tokio::join!(client.reserve(reserve(7)), async {
        let mut peer = fake.accept(100).await;
        peer.next().await.unwrap();
        drop(peer);
        let mut peer = fake.accept(100).await;
        let asked = peer.next().await.unwrap();
        peer.answer(&asked, &[Answer { detail: 60_000, ..Answer::of(Outcome::Overloaded) }]).await;
        peer
    });
    assert!(matches!(answer, Err(CallError::OutcomeUnknown(_))), "{answer:?}");
}

/// R22: the first attempt lies in a buffer and is carried out when there are credits; the second was refused before that.
#[tokio::test]
async fn a_refusal_after_a_lost_attempt_does_not_mean_that_nothing_will_happen() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 2000));
    let charge = Operation::charge(HoldId(7), ACCOUNT, 1000);
    let (answers, ()) = tokio::join!(
        async {
            let charged = client.charge(charge).await;
            (charged, client.release(HoldId(7), ACCOUNT).await, client.charge(charge).await)
        },
        async {
            let mut peer = fake.accept(100).await;
            peer.next().await.unwrap();
            drop(peer);
            let mut peer = fake.accept(100).await;
            peer.next_answered(Outcome::Insufficient).await;
            // The release makes an end of it: whatever comes after it is refused.
            peer.next_answered(Outcome::UnknownHold).await;
            peer.next_answered(Outcome::AlreadyReleased).await;
        }
    );
    let (charged, released, again) = answers;
    let Err(CallError::OutcomeUnknown(Unknown::RefusedSince(outcome))) = charged else { panic!("{charged:?}") };
    assert_eq!(outcome, Outcome::Insufficient);
    assert_eq!(released.unwrap().outcome, Outcome::UnknownHold);
    assert_eq!(again.unwrap().outcome, Outcome::AlreadyReleased);
}

#[tokio::test]
async fn draining_and_outcome_unknown_are_asked_again_on_a_new_connection() {
    for outcome in [Outcome::Draining, Outcome::OutcomeUnknown] {
        let fake = Fake::start().await;
        let client = Client::new(options(&fake, 5000));
        let (answer, ()) = tokio::join!(client.reserve(reserve(7)), async {
            let mut first = fake.accept(100).await;
            first.next_answered(outcome).await;
            let mut second = fake.accept(100).await;
            second.next_answered(Outcome::Granted).await;
        });
        assert_eq!(answer.unwrap().outcome, Outcome::Granted);
    }
}

#[tokio::test]
async fn a_retry_of_a_batch_starts_at_the_first_open_answer_and_keeps_what_was_done() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let batch = [reserve(1), reserve(2), reserve(3)];
    let (answers, ()) = tokio::join!(client.operations(&batch), async {
        let mut peer = fake.accept(100).await;
        let asked = peer.next().await.unwrap();
        let [done, full] = [Outcome::Granted, Outcome::Overloaded].map(Answer::of);
        peer.answer(&asked, &[done, full, done]).await;
        let asked = peer.next().await.unwrap();
        assert_eq!(asked.operations, batch[1..]);
        peer.answer(&asked, &[done, Answer::of(Outcome::Replayed)]).await;
    });
    let outcomes: Vec<Outcome> = answers.unwrap().iter().map(|answer| answer.outcome).collect();
    assert_eq!(outcomes, [Outcome::Granted; 3]);
}

#[tokio::test]
async fn commands_are_retried_with_the_same_id() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let id = command_id();
    let (answer, ()) = tokio::join!(client.open_account(id, ACCOUNT, protocol::Text::default()), async {
        let mut peer = fake.accept(100).await;
        let first = peer.next().await.unwrap();
        drop(peer);
        let mut peer = fake.accept(100).await;
        let second = peer.next().await.unwrap();
        assert_eq!(first.command, second.command);
        peer.answer_command(&second, Outcome::Done).await;
    });
    assert_eq!(answer.unwrap().outcome, Outcome::Done);
}

/// R31: nothing remembers the id of this command, so a second one would take what a worker has reserved after the first.
#[tokio::test]
async fn a_release_of_a_worker_is_not_sent_again_once_it_may_have_been_carried_out() {
    for answered in [false, true] {
        let fake = Fake::start().await;
        let client = Client::new(options(&fake, 1000));
        let (answer, _) = tokio::join!(client.release_worker(command_id(), AccountId::NIL, WorkerId(5)), async {
            let mut peer = fake.accept(100).await;
            let asked = peer.next().await.unwrap();
            if answered {
                peer.answer_command(&asked, Outcome::OutcomeUnknown).await;
            }
        });
        assert!(matches!(answer, Err(CallError::OutcomeUnknown(_))), "{answer:?}");
        let again = tokio::time::timeout(Duration::from_millis(300), fake.accept(100)).await;
        assert!(again.is_err(), "there was another attempt");
    }
}

#[tokio::test]
async fn a_release_of_a_worker_that_did_nothing_is_sent_again() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let (answer, ()) = tokio::join!(client.release_worker(command_id(), AccountId::NIL, WorkerId(5)), async {
        let mut peer = fake.accept_silent().await;
        peer.close(CloseReason::TooManyConnections).await;
        let mut peer = fake.accept(100).await;
        let asked = peer.next().await.unwrap();
        peer.answer_command(&asked, Outcome::Draining).await;
        let mut peer = fake.accept(100).await;
        for outcome in [Outcome::Overloaded, Outcome::Done] {
            let asked = peer.next().await.unwrap();
            peer.answer_command(&asked, outcome).await;
        }
    });
    assert_eq!(answer.unwrap().outcome, Outcome::Done);
}

#[tokio::test]
async fn what_the_daemon_would_refuse_anyway_stays_here() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let answer = client.reserve(Operation::reserve(HoldId::NIL, ACCOUNT, 1, 1)).await;
    assert!(matches!(answer, Err(CallError::NotSent(NotSent::BadField(_)))), "{answer:?}");
}

#[tokio::test]
async fn a_ping_is_answered() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let (took, ()) = tokio::join!(client.ping(), async {
        let mut peer = fake.accept(100).await;
        let asked = peer.next().await.unwrap();
        peer.pong(&asked).await;
    });
    assert!(took.unwrap() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_last_client_says_goodbye() {
    let fake = Fake::start().await;
    let client = Client::new(options(&fake, 5000));
    let (welcome, mut peer) = tokio::join!(client.welcome(), fake.accept(100));
    assert_eq!(welcome.unwrap().server_name.as_str(), "fake");
    drop(client);
    let close = peer.next().await.unwrap().close.unwrap();
    assert_eq!(close.reason, CloseReason::Goodbye);
}
