//! Frames that do not line up with chunks.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use parking_lot::Mutex;
use protocol::{AccountId, Operation, Progress};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::catalogue::Catalogue;
use crate::config::{Config, DurabilityKey};
use crate::start::{Wanted, start};

/// Runs so many frames of so many operations that have all come at once, and gives the messages that went to the writer:
/// the operations of each frame of answers in each of them, and how many operations leave with it.
fn messages(frames: &[usize]) -> Vec<(Vec<usize>, u32)> {
    let mut config = Config::default();
    config.journal.durability = DurabilityKey::Memory;
    let settings = config.validate().unwrap();
    let catalogue = Catalogue::load(&settings.config.catalog).unwrap();
    let again = config.clone();
    let started =
        start(Wanted { settings, catalogue, config_source: Arc::new(move || Ok(again.clone())) }, None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut bytes = Vec::new();
    for (number, operations) in (1..).zip(frames) {
        let asked = vec![Operation::balance(AccountId(1)); *operations];
        protocol::encode_operations(&mut bytes, number, &asked).unwrap();
    }
    let sent = runtime.block_on(async {
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
            all.push((message.bytes, message.measured.in_flight()));
        }
        all
    });
    started.stop();
    let mut number = 0;
    let in_frames = |(bytes, leaving): (Vec<u8>, u32)| {
        let mut rest = bytes.as_slice();
        let mut counts = Vec::new();
        while let Ok(Progress::Frame { header, body }) = protocol::decode(rest, Expecting::FromServer) {
            number += 1;
            assert_eq!(header.request_id, number, "answers come in the order of the frames");
            counts.push(usize::try_from(header.count).unwrap());
            rest = &rest[body.end..];
        }
        assert!(rest.is_empty(), "a message has whole frames only");
        (counts, leaving)
    };
    sent.into_iter().map(in_frames).collect()
}

#[test]
fn answers_of_whole_frames_leave_with_their_chunk_wherever_its_end_falls() {
    let frames = [500; 30];
    let messages = messages(&frames);
    let counts: Vec<_> = messages.iter().flat_map(|(counts, _)| counts).copied().collect();
    assert_eq!(counts, frames);
    // A chunk of 512 ends one frame of 500, and never more than two.
    assert!(messages.iter().all(|(counts, _)| (1..=2).contains(&counts.len())), "{messages:?}");
    for (counts, leaving) in &messages {
        assert_eq!(
            usize::try_from(*leaving).unwrap(),
            counts.iter().sum::<usize>(),
            "what leaves is what is in flight no more"
        );
    }

    // A frame of several chunks leaves whole, with what ended beside it; small ones before and behind it are not held up.
    let frames = [1, 1, 1_500, 3, 600];
    let messages = self::messages(&frames);
    let by_message: Vec<Vec<usize>> = messages.iter().map(|(counts, _)| counts.clone()).collect();
    assert_eq!(by_message, [vec![1, 1], vec![1_500, 3], vec![600]]);
    assert_eq!(messages.iter().map(|(_, leaving)| leaving).sum::<u32>(), 2_105);
}
