//! One connection: room, order, and which failures mean "not sent".

use std::time::Duration;

use protocol::{AccountId, Answer, CloseReason, HoldId, Outcome};

use super::*;
use crate::fake::{Fake, Peer};

fn reserve(hold: u128) -> Operation {
    Operation::reserve(HoldId(hold), AccountId(1), 1000, 60_000)
}

fn within(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

async fn connected(in_flight_max: u32) -> (Arc<Connection>, Peer) {
    connected_with(in_flight_max, |_| {}).await
}

async fn connected_with(in_flight_max: u32, change: impl FnOnce(&mut Options)) -> (Arc<Connection>, Peer) {
    let fake = Fake::start().await;
    let mut options = Options::new(&fake.address);
    change(&mut options);
    let (connection, peer) = tokio::join!(Connection::open(&options), fake.accept(in_flight_max));
    (Arc::new(connection.unwrap()), peer)
}

/// A call of these operations in a task of its own.
fn call(
    connection: &Arc<Connection>,
    operations: Vec<Operation>,
    ms: u64,
) -> tokio::task::JoinHandle<Result<Reply, Failure>> {
    let connection = Arc::clone(connection);
    tokio::spawn(async move { connection.exchange(Request::Operations(&operations), within(ms)).await })
}

fn first_amount(reply: Result<Reply, Failure>) -> u64 {
    match reply {
        Ok(Reply::Answers(answers)) => answers[0].amount,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn calls_share_the_connection_and_each_gets_its_own_answer() {
    let (connection, mut peer) = connected(100).await;
    let calls: Vec<_> = (1..=10).map(|hold| call(&connection, vec![reserve(hold)], 5000)).collect();
    let mut asked = Vec::new();
    for _ in &calls {
        asked.push(peer.next().await.unwrap());
    }
    for asked in &asked {
        let amount = u64::try_from(asked.operations[0].hold.0).unwrap();
        peer.answer(asked, &[Answer { amount, ..Answer::of(Outcome::Granted) }]).await;
    }
    for (at, call) in calls.into_iter().enumerate() {
        assert_eq!(first_amount(call.await.unwrap()), at as u64 + 1);
    }
}

#[tokio::test]
async fn never_more_in_flight_than_the_daemon_allows() {
    let (connection, mut peer) = connected(4).await;
    let calls: Vec<_> =
        (0..4).map(|at| call(&connection, vec![reserve(at * 2 + 1), reserve(at * 2 + 2)], 5000)).collect();
    let first = peer.next().await.unwrap();
    let second = peer.next().await.unwrap();
    // The third frame waits for room: it must not come before an answer.
    assert!(tokio::time::timeout(Duration::from_millis(100), peer.next()).await.is_err());
    for asked in [first, second] {
        peer.answer(&asked, &[Answer::of(Outcome::Granted); 2]).await;
    }
    peer.next_answered(Outcome::Granted).await;
    peer.next_answered(Outcome::Granted).await;
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_call_that_lost_patience_keeps_its_room_until_the_answer() {
    let (connection, mut peer) = connected(1).await;
    let slow = call(&connection, vec![reserve(1)], 50).await.unwrap();
    assert!(matches!(slow, Err(Failure::Unknown(Unknown::DeadlinePassed))), "{slow:?}");
    let waits = call(&connection, vec![reserve(2)], 50).await.unwrap();
    assert!(matches!(waits, Err(Failure::NotSent(NotSent::DeadlinePassed))), "{waits:?}");
    peer.next_answered(Outcome::Granted).await;
    let next = call(&connection, vec![reserve(3)], 5000);
    assert_eq!(peer.next_answered(Outcome::Granted).await.operations[0].hold, HoldId(3));
    assert!(next.await.unwrap().is_ok());
}

#[tokio::test]
async fn nothing_is_split() {
    let (connection, _peer) = connected(4).await;
    let reply = call(&connection, (1..=5).map(reserve).collect(), 5000).await.unwrap();
    assert!(matches!(reply, Err(Failure::NotSent(NotSent::TooMany { operations: 5, max: 4 }))), "{reply:?}");
}

#[tokio::test]
async fn a_close_frame_tells_every_call_why() {
    let (connection, mut peer) = connected(10).await;
    let waiting = call(&connection, vec![reserve(1)], 5000);
    peer.next().await.unwrap();
    peer.close(CloseReason::ServerFailed).await;
    let reply = waiting.await.unwrap();
    let Err(Failure::Unknown(Unknown::ConnectionLost(Lost::Closed { reason, .. }))) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(reason, CloseReason::ServerFailed);
    assert!(!connection.is_alive());
    let late = call(&connection, vec![reserve(2)], 5000).await.unwrap();
    assert!(matches!(late, Err(Failure::NotSent(NotSent::ConnectionLost(_)))), "{late:?}");
}

#[tokio::test]
async fn an_answer_to_something_else_ends_the_connection() {
    let (connection, mut peer) = connected(10).await;
    let waiting = call(&connection, vec![reserve(1)], 5000);
    let mut asked = peer.next().await.unwrap();
    asked.request_id += 1;
    peer.answer(&asked, &[Answer::of(Outcome::Granted)]).await;
    let reply = waiting.await.unwrap();
    assert!(matches!(reply, Err(Failure::Unknown(Unknown::ConnectionLost(Lost::OutOfOrder)))), "{reply:?}");
}

#[tokio::test]
async fn too_few_answers_end_the_connection() {
    let (connection, mut peer) = connected(10).await;
    let waiting = call(&connection, vec![reserve(1), reserve(2)], 5000);
    let asked = peer.next().await.unwrap();
    peer.answer(&asked, &[Answer::of(Outcome::Granted)]).await;
    let reply = waiting.await.unwrap();
    assert!(matches!(reply, Err(Failure::Unknown(Unknown::ConnectionLost(Lost::OutOfOrder)))), "{reply:?}");
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_the_connection() {
    let (connection, mut peer) = connected(10).await;
    let waiting = call(&connection, vec![reserve(1)], 5000);
    peer.next().await.unwrap();
    peer.write(b"HTTP/1.1 400").await;
    let reply = waiting.await.unwrap();
    assert!(matches!(reply, Err(Failure::Unknown(Unknown::ConnectionLost(Lost::BadFrame(_))))), "{reply:?}");
}

#[tokio::test]
async fn silence_ends_the_connection() {
    let (connection, mut peer) = connected_with(10, |options| options.silence_max = Duration::from_millis(50)).await;
    let waiting = call(&connection, vec![reserve(1)], 5000);
    peer.next().await.unwrap();
    let reply = waiting.await.unwrap();
    assert!(matches!(reply, Err(Failure::Unknown(Unknown::ConnectionLost(Lost::Silent)))), "{reply:?}");
}

#[tokio::test]
async fn the_daemon_may_ping_too() {
    let (connection, mut peer) = connected(10).await;
    peer.ping().await;
    let pong = peer.next().await.unwrap();
    assert_eq!((pong.kind, pong.request_id), (FrameKind::Pong, 99));
    drop(connection);
}

#[tokio::test]
async fn an_answer_in_pieces_is_one_answer() {
    let (connection, mut peer) = connected(10).await;
    let waiting = call(&connection, vec![reserve(1)], 5000);
    let asked = peer.next().await.unwrap();
    let mut frame = Vec::new();
    protocol::encode_answers(&mut frame, asked.request_id, &[Answer::of(Outcome::Granted)]).unwrap();
    for piece in frame.chunks(5) {
        peer.write(piece).await;
        tokio::task::yield_now().await;
    }
    assert!(waiting.await.unwrap().is_ok());
}

#[test]
fn a_ticket_is_taken_or_cancelled_and_never_both() {
    let ticket = Ticket::default();
    assert!(ticket.take());
    assert!(!ticket.cancel());
    let ticket = Ticket::default();
    assert!(ticket.cancel());
    assert!(!ticket.take());
}
