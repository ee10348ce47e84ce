//! Frames that do not line up with chunks: which messages they leave in, and what each of those rests on.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use parking_lot::Mutex;
use protocol::{AccountId, Answer, Answers, Body, CommandId, HoldId, Operation, Progress, Text};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use wallet::engine::CHUNK_OPERATIONS_MAX;

use super::*;
use crate::in_memory;

const ACCOUNT: AccountId = AccountId(1);

/// A message that went to the writer.
struct Sent {
    /// Its frames: request ids, and the answers of those that have some.
    frames: Vec<(u64, Vec<Answer>)>,
    /// Operations that leave with it.
    leaving: u32,
    needs: Position,
}

impl Sent {
    fn new(bytes: &[u8], leaving: u32, needs: Position) -> Self {
        let mut rest = bytes;
        let mut frames = Vec::new();
        while let Ok(Progress::Frame { header, body }) = protocol::decode(rest, Expecting::FromServer) {
            let answers = match header.kind {
                FrameKind::Answers => Answers::of_body(&rest[body.clone()]).map(Result::unwrap).collect(),
                _ => Vec::new(),
            };
            frames.push((header.request_id, answers));
            rest = &rest[body.end..];
        }
        assert!(rest.is_empty(), "a message has whole frames only");
        Self { frames, leaving, needs }
    }

    fn numbers(&self) -> Vec<u64> {
        self.frames.iter().map(|(number, _)| *number).collect()
    }

    fn counts(&self) -> Vec<usize> {
        self.frames.iter().map(|(_, answers)| answers.len()).collect()
    }

    /// The last record that an answer in it tells of.
    fn last_record(&self) -> Position {
        let positions = self.frames.iter().flat_map(|(_, answers)| answers).map(|answer| answer.position);
        Position(positions.max().unwrap_or_default())
    }
}

/// Serves these bytes, which have all come at once, and gives the messages that went to the writer.
fn served(bytes: Vec<u8>) -> Vec<Sent> {
    let started = in_memory::started();
    let sent = in_memory::runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        drop(client);
        let daemon = Arc::clone(&started.daemon);
        let input = Input::new(stream.into_split().0, &daemon).holding(bytes);
        let (messages, mut sent) = mpsc::channel(1_000);
        let (room, in_flight) = (Arc::new(Semaphore::new(1_000)), Arc::new(AtomicU32::new(0)));
        let outbox = Outbox { messages, room, in_flight, spare: Arc::new(Mutex::new(Vec::new())) };
        let agreed = Agreed { client: "test".to_owned(), in_flight_max: u32::MAX };
        let mut reader = Reader::new(daemon, input, outbox, agreed);
        assert_eq!(reader.run().await, End::Gone, "the other side has closed");
        drop(reader);
        let mut all = Vec::new();
        while let Some(message) = sent.recv().await {
            all.push(Sent::new(&message.bytes, message.measured.in_flight(), message.needs));
        }
        all
    });
    started.stop();
    let numbers: Vec<u64> = sent.iter().flat_map(Sent::numbers).collect();
    assert!(numbers.is_sorted(), "answers come in the order of the frames: {numbers:?}");
    sent
}

/// The messages of these frames, numbered from 1, of an account that is opened before them.
fn messages(frames: &[Vec<Operation>]) -> Vec<Sent> {
    let mut bytes = Vec::new();
    let open = Command::OpenAccount { command: CommandId(1), account: ACCOUNT, zone: Text::default() };
    open.encode(&mut bytes, 0).unwrap();
    for (number, operations) in (1..).zip(frames) {
        protocol::encode_operations(&mut bytes, number, operations).unwrap();
    }
    let mut sent = served(bytes);
    let opened = sent.remove(0);
    assert_eq!((opened.numbers(), opened.leaving), (vec![0], 1));
    assert!(opened.needs > Position::NONE, "it has a record");
    sent
}

fn balances(count: usize) -> Vec<Operation> {
    vec![Operation::balance(ACCOUNT); count]
}

/// Reserves of a millicredit; their ids follow the first.
fn reserves(first: u128, count: u128) -> Vec<Operation> {
    (first..first + count).map(|hold| Operation::reserve(HoldId(hold), ACCOUNT, 1, 60_000)).collect()
}

fn releases(first: u128, count: u128) -> Vec<Operation> {
    (first..first + count).map(|hold| Operation::release(HoldId(hold), ACCOUNT)).collect()
}

#[test]
fn answers_of_whole_frames_leave_with_their_chunk_wherever_its_end_falls() {
    let frames = [500; 30];
    let sent = messages(&frames.map(balances));
    let counts: Vec<_> = sent.iter().flat_map(Sent::counts).collect();
    assert_eq!(counts, frames);
    // A chunk is shorter than a frame, so that it ends one at most.
    assert!(sent.iter().all(|message| message.frames.len() == 1));
    for message in &sent {
        let answered = message.counts().iter().sum::<usize>();
        assert_eq!(usize::try_from(message.leaving).unwrap(), answered, "what leaves is what is in flight no more");
    }

    // A frame of several chunks leaves whole, with what ended beside it; small ones before and behind it are not held up.
    let sent = messages(&[1, 1, 1_500, 3, 600].map(balances));
    let by_message: Vec<_> = sent.iter().map(Sent::counts).collect();
    assert_eq!(by_message, [vec![1, 1], vec![1_500, 3], vec![600]]);
    assert_eq!(sent.iter().map(|message| message.leaving).sum::<u32>(), 2_105);
}

/// I3: the chunk that ends a frame may have no record, and the earlier one may have left with other frames.
#[test]
fn a_frame_rests_on_what_its_earlier_chunks_decided_although_another_message_left_in_between() {
    let too_much = vec![Operation::reserve(HoldId(900), ACCOUNT, 1 << 30, 60_000); 8];
    let nobody = vec![Operation::balance(AccountId(7)); 8];
    for last in [balances(8), too_much, nobody, releases(900, 8)] {
        let begun = reserves(41, 24);
        assert_eq!(40 + begun.len(), CHUNK_OPERATIONS_MAX, "the chunk ends inside the second frame");
        let sent = messages(&[reserves(1, 40), [begun, last].concat()]);
        assert_eq!(sent.iter().map(Sent::numbers).collect::<Vec<_>>(), [[1], [2]], "the first does not wait");
        assert_eq!(sent.iter().map(|message| message.leaving).collect::<Vec<_>>(), [40, 32]);
        assert!(sent[1].last_record() > sent[0].last_record());
        for message in &sent {
            assert!(message.needs >= message.last_record(), "{} {}", message.needs, message.last_record());
        }
    }
}

/// A refused settlement has no record of its own and tells of another's (I3).
#[test]
fn a_refusal_that_rests_on_a_record_keeps_it_over_chunks() {
    let holds = reserves(1, 64);
    // The releases are in the chunk before; what tells of them again is decided in it too, and leaves with the next.
    let commits = (1..25).map(|hold| Operation::commit_all(HoldId(hold), ACCOUNT, 1)).collect();
    let again = [commits, balances(8)].concat();
    let sent = messages(&[holds, releases(1, 40), again]);
    assert_eq!(sent.iter().map(Sent::numbers).collect::<Vec<_>>(), [[1], [2], [3]]);
    let (_, answers) = &sent[2].frames[0];
    assert!(answers[..24].iter().all(|answer| answer.outcome == protocol::Outcome::AlreadyReleased), "{answers:?}");
    let released = &sent[1].frames[0].1[..24];
    let last = released.iter().map(|answer| answer.position).max().unwrap();
    assert!(sent[2].needs.0 >= last, "{} is what it tells of, {} what it waits for", last, sent[2].needs);
}

#[test]
fn what_rests_on_nothing_waits_for_nothing_once_the_open_frame_has_left() {
    let frames = [reserves(1, 40), [reserves(41, 24), balances(8)].concat(), balances(56), balances(64)];
    let sent = messages(&frames);
    assert_eq!(sent.iter().map(Sent::numbers).collect::<Vec<_>>(), [vec![1], vec![2, 3], vec![4]]);
    assert_eq!(sent[2].needs, Position::NONE);
    assert_eq!(sent[1].needs, sent[0].needs, "both parts are of one chunk");
}

#[test]
fn every_message_rests_on_its_records_however_frames_lie_over_chunks() {
    let mut frames = Vec::new();
    let mut hold = 1;
    for size in [1, 8, 24, 40, 63, 64, 65, 100, 130, 200] {
        for part in [0, 1, 2, 3, 4] {
            let taking = size * part / 4;
            let others = usize::try_from(size - taking).unwrap();
            let mixed =
                [[reserves(hold, taking), balances(others)], [balances(others), reserves(hold + 1_000, taking)]];
            frames.extend(mixed.map(|parts| parts.concat()).into_iter().filter(|frame| !frame.is_empty()));
            hold += 2_000;
        }
    }
    let sent = messages(&frames);
    let counts: Vec<_> = sent.iter().flat_map(Sent::counts).collect();
    assert_eq!(counts, frames.iter().map(Vec::len).collect::<Vec<_>>());
    assert!(sent.iter().any(|message| message.frames.len() > 1) && sent.len() > 50, "frames lie in every way");
    for message in &sent {
        assert!(message.needs >= message.last_record(), "frames {:?}", message.numbers());
    }
}

#[test]
fn the_answer_of_a_command_and_a_pong_rest_on_what_is_theirs() {
    let mut bytes = Vec::new();
    let open = Command::OpenAccount { command: CommandId(1), account: ACCOUNT, zone: Text::default() };
    open.encode(&mut bytes, 1).unwrap();
    let frame = [reserves(1, 64), balances(8)].concat();
    protocol::encode_operations(&mut bytes, 2, &reserves(101, 10)).unwrap();
    protocol::encode_operations(&mut bytes, 3, &frame).unwrap();
    // A retry of a command tells of its record again.
    open.encode(&mut bytes, 4).unwrap();
    protocol::encode_ping(&mut bytes, 5);
    let sent = served(bytes);
    assert_eq!(sent.iter().map(Sent::numbers).collect::<Vec<_>>(), [[1], [2], [3], [4], [5]]);
    assert!(sent[2].needs >= sent[2].last_record());
    assert_eq!(sent[3].needs, sent[0].needs, "the record of the first time");
    assert_eq!(sent[4].needs, Position::NONE);
}
