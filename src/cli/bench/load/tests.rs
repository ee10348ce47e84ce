//! The load against a daemon that grants everything at once, on a thread of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use protocol::{Answer, FrameWriter, NodeId, OperationKind, Operations, Outcome, PerBucket, Text};

use super::*;
use crate::bench::keys::Spread;

/// What the daemon allows, and after how many frames it hangs up.
#[derive(Clone, Copy)]
struct Manners {
    in_flight_max: u32,
    frames_max: usize,
}

const POLITE: Manners = Manners { in_flight_max: 1 << 20, frames_max: usize::MAX };

/// Listens, and serves every connection on its own thread. The threads end with their connections.
fn daemon(manners: Manners) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream, manners));
        }
    });
    address
}

fn serve(mut stream: TcpStream, manners: Manners) {
    stream.set_nodelay(true).unwrap();
    let (mut inbox, mut outbox) = (Vec::new(), Vec::new());
    let mut bytes = vec![0; READ_BYTES];
    let (mut expecting, mut frames) = (Expecting::Hello, 0);
    loop {
        let mut at = 0;
        while let Progress::Frame { header, body } = protocol::decode(&inbox[at..], expecting).unwrap() {
            match header.kind {
                FrameKind::Hello => welcome(manners, &mut outbox),
                FrameKind::Operations => answer(header.request_id, &inbox[at + body.start..at + body.end], &mut outbox),
                _ => return,
            }
            expecting = Expecting::FromClient;
            at += body.end;
            frames += 1;
            if frames > manners.frames_max {
                return;
            }
        }
        inbox.drain(..at);
        if stream.write_all(&outbox).is_err() {
            return;
        }
        outbox.clear();
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(read) => inbox.extend_from_slice(&bytes[..read]),
        }
    }
}

fn welcome(manners: Manners, outbox: &mut Vec<u8>) {
    let welcome = Welcome {
        version: 1,
        in_flight_max: manners.in_flight_max,
        frame_operations_max: 8190,
        idle_timeout_ms: 0,
        server_time_ms: 1_700_000_000_000,
        server_name: Text::cut("grants everything"),
        durability: Durability::Memory,
        epoch: 1,
        node: NodeId(1),
    };
    welcome.encode(outbox, 0).unwrap();
}

fn answer(request_id: u64, body: &[u8], outbox: &mut Vec<u8>) {
    let mut frame = FrameWriter::answers(outbox, request_id);
    for operation in Operations::of_body(body) {
        let operation = operation.unwrap();
        let granted = matches!(operation.kind, OperationKind::Reserve | OperationKind::Charge);
        let split = PerBucket { subscription: operation.amount, ..PerBucket::default() };
        let outcome = if granted { Outcome::Granted } else { Outcome::Done };
        frame.push_answer(outbox, &Answer { split, ..Answer::of(outcome) });
    }
    frame.finish(outbox).unwrap();
}

fn load(address: &str, batch: u32, goal: Goal) -> Load {
    Load {
        options: Options::new(address),
        accounts: Accounts { from: 1, count: 1000 },
        connections: 2,
        in_flight: 4,
        batch,
        mix: "reserve=50,commit=50".parse().unwrap(),
        amount: Amount(1000),
        ttl_ms: 60_000,
        goal,
        keys: Keys::of(Spread::Uniform, 1000),
        rate: None,
        openings: None,
    }
}

#[tokio::test]
async fn exactly_as_many_operations_as_asked_for() {
    let address = daemon(POLITE);
    for (batch, operations) in [(1, 101), (64, 10_000), (8190, 100_000)] {
        let measured = load(&address, batch, Goal::Operations(operations)).run().await.unwrap();
        let tally = measured.tally;
        assert_eq!(tally.operations, operations, "batch {batch}");
        assert_eq!((tally.errors, tally.refused()), (0, 0), "{:?}", tally.first_error);
        assert_eq!(tally.of(Outcome::Granted) + tally.of(Outcome::Done), operations);
        assert_eq!(tally.latency_us.len(), tally.frames);
    }
}

#[tokio::test]
async fn a_time_is_kept() {
    let address = daemon(POLITE);
    let time = Duration::from_millis(200);
    let measured = load(&address, 64, Goal::Time(time)).run().await.unwrap();
    assert!(measured.took >= time && measured.took < time * 20, "{:?}", measured.took);
    assert_eq!(measured.tally.errors, 0);
}

#[tokio::test]
async fn an_open_loop_keeps_its_rate_and_counts_latency_from_when_a_frame_was_due() {
    let address = daemon(POLITE);
    let rate = NonZeroU32::new(20_000);
    let open = Load { rate, ..load(&address, 50, Goal::Time(Duration::from_millis(500))) };
    let measured = open.run().await.unwrap();
    // A busy machine is late, and makes up for it.
    assert!((9_000..=10_100).contains(&measured.tally.operations), "{}", measured.tally.operations);
    assert_eq!((measured.tally.errors, measured.tally.refused()), (0, 0));
    // Faster than any machine: what is due waits for room, and its latency shows it.
    let rate = NonZeroU32::new(u32::MAX);
    let flood = Load { rate, ..load(&address, 1, Goal::Operations(100_000)) }.run().await.unwrap();
    assert_eq!(flood.tally.operations, 100_000);
    let took = micros(flood.took);
    assert!(flood.tally.latency_us.max() > took / 2, "{} of {took}", flood.tally.latency_us.max());
}

#[tokio::test]
async fn the_daemon_limit_is_kept() {
    let address = daemon(Manners { in_flight_max: 100, ..POLITE });
    let measured = load(&address, 50, Goal::Operations(1000)).run().await.unwrap();
    assert_eq!(measured.in_flight, 2);
    let failure = load(&address, 101, Goal::Operations(1000)).run().await.unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
}

#[tokio::test]
async fn a_daemon_that_goes_away_ends_the_bench() {
    let address = daemon(Manners { frames_max: 20, ..POLITE });
    let failure = load(&address, 10, Goal::Operations(1_000_000)).run().await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
}
