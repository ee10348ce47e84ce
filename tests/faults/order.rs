//! What is acknowledged was synced before: the order of writes, syncs and sends of a run under load, as the shim has seen it.
//!
//! The journal's log file says at which byte the group of a position ends; the trace says up to which byte the file was
//! synced when an answer was sent. This is the test for what etcd #14370 was.
#![expect(clippy::host_endian_bytes, reason = "the shim writes them on the same machine")]

use std::collections::HashMap;
use std::path::Path;

use protocol::{AnswerFlags, Answers, Body, CommandAnswer, Expecting, FrameKind, Progress};

use super::super::daemon::Daemon;
use super::super::round::Round;
use super::super::seed;
use super::shim::Shim;

/// A line of the trace; the same as `note` in `shim.c` writes.
#[derive(Clone, Debug)]
struct Event {
    kind: u32,
    at: u64,
    file: u64,
    number: u64,
    bytes: Vec<u8>,
}

const WROTE: u32 = 1;
const SYNCED: u32 = 2;
const SENT: u32 = 3;
const OPENED: u32 = 4;
const CLOSED: u32 = 5;

/// Bytes of an event before its own.
const HEAD: usize = 32;

fn events(path: &Path) -> Vec<Event> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let short = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
        // A kill can cut the last entry.
        let Some((own, after)) = after.split_at_checked(short(4) as usize) else { break };
        events.push(Event { kind: short(0), at: long(8), file: long(16), number: long(24), bytes: own.to_vec() });
        rest = after;
    }
    events.sort_by_key(|event| event.at);
    events
}

/// Where the groups of a RocksDB log file end: first position and offset, in order.
fn groups(path: &Path) -> Vec<(u64, u64)> {
    const BLOCK: usize = 32 * 1024;
    let bytes = std::fs::read(path).unwrap();
    let mut groups = Vec::new();
    let mut record: Vec<u8> = Vec::new();
    let mut at = 0;
    loop {
        if BLOCK - at % BLOCK < 7 {
            at += BLOCK - at % BLOCK;
        }
        let Some(head) = bytes.get(at..at + 7) else { break };
        let length = usize::from(u16::from_le_bytes([head[4], head[5]]));
        let Some(fragment) = bytes.get(at + 7..at + 7 + length) else { break };
        at += 7 + length;
        // Whole, first, middle, last; anything else is of the log itself, or space that was set aside.
        match head[6] {
            1 | 2 => record = fragment.to_vec(),
            3 | 4 => record.extend_from_slice(fragment),
            0 => break,
            _ => continue,
        }
        if matches!(head[6], 1 | 4)
            && let Some(first) = first_position(&record)
        {
            groups.push((first, at as u64));
        }
    }
    groups
}

/// The first position of a group in a write batch: sequence and count, then tag, length of the key, key.
fn first_position(batch: &[u8]) -> Option<u64> {
    let entry = batch.get(12..12 + 2 + 16)?;
    let first = u64::from_be_bytes(entry[2..10].try_into().unwrap());
    (entry[0] == 1 && entry[1] == 16 && first > 0).then_some(first)
}

/// What the trace came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Order {
    acknowledged: u64,
    syncs: u64,
    /// Acknowledged before its sync.
    early: u64,
}

/// Follows the events and counts every durable answer that was sent before its group was synced.
fn order(events: &[Event], log: &Path) -> Order {
    let groups = groups(log);
    assert!(groups.len() > 4, "{groups:?}");
    let ends_at = |position: u64| {
        let index = groups.partition_point(|(first, _)| *first <= position);
        groups[index.checked_sub(1).expect("a position of this log")].1
    };
    let name = log.to_str().unwrap().as_bytes();
    let mut order = Order::default();
    let mut file = None;
    let mut synced = 0;
    let mut streams: HashMap<u64, Vec<u8>> = HashMap::new();
    for event in events {
        match event.kind {
            OPENED if event.bytes == name => file = Some(event.file),
            SYNCED if Some(event.file) == file => {
                order.syncs += 1;
                synced = event.number;
            }
            CLOSED => drop(streams.remove(&event.file)),
            SENT => {
                let stream = streams.entry(event.file).or_default();
                stream.extend_from_slice(&event.bytes);
                for position in durable_positions(stream) {
                    order.acknowledged += 1;
                    order.early += u64::from(ends_at(position) > synced);
                }
            }
            OPENED | WROTE | SYNCED => {}
            kind => panic!("an event of kind {kind}"),
        }
    }
    order
}

/// Takes whole frames from what was sent, and says which positions they acknowledge as durable.
fn durable_positions(stream: &mut Vec<u8>) -> Vec<u64> {
    let mut positions = Vec::new();
    loop {
        let Progress::Frame { header, body } = protocol::decode(stream, expected(stream)).unwrap() else {
            return positions;
        };
        let end = body.end;
        // A refusal rests on a record, and has none.
        match header.kind {
            FrameKind::Answers => positions.extend(
                Answers::of_body(&stream[body])
                    .map(Result::unwrap)
                    .filter(|answer| answer.flags.contains(AnswerFlags::DURABLE) && answer.position > 0)
                    .map(|answer| answer.position),
            ),
            FrameKind::CommandAnswer => {
                let answer = CommandAnswer::decode(&stream[body]).unwrap();
                let durable = answer.flags.contains(AnswerFlags::DURABLE) && answer.position > 0;
                positions.extend(durable.then_some(answer.position));
            }
            _ => {}
        }
        stream.drain(..end);
    }
}

/// The first frame of a connection is its welcome.
fn expected(stream: &[u8]) -> Expecting {
    match protocol::decode(stream, Expecting::Welcome) {
        Ok(_) => Expecting::Welcome,
        Err(_) => Expecting::FromServer,
    }
}

#[test]
fn nothing_is_acknowledged_before_its_sync() {
    let mut round = Round::sized(seed("order"), 4, 12);
    let mut shim = Shim::over(&round.folder.data(), round.folder.path());
    let trace = round.folder.path().join("trace");
    shim.trace(trace.clone());
    let mut daemon = Daemon::start_in(&round.folder, &shim.environment()).unwrap();
    round.push_setup();
    round.settle(&mut daemon);
    round.workers.iter_mut().for_each(|worker| worker.push_new(150));
    round.settle(&mut daemon);
    daemon.kill();
    let events = events(&trace);
    let logs = std::fs::read_dir(round.folder.data().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> = logs.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect();
    logs.sort();
    let log = logs.pop().expect("the journal's log");
    let found = order(&events, &log);
    println!("{found:?}, {} told to the workers", round.tally.acknowledged);
    assert!(found.acknowledged >= round.tally.acknowledged, "acknowledgements that the trace has not: {found:?}");
    assert_eq!(found.early, 0, "acknowledged before durable: {found:?}");

    // What must be found, or the above proves nothing: each sync reported one event later than it came, and none at all.
    let mut late = events.clone();
    late.iter_mut().filter(|event| event.kind == SYNCED).for_each(|event| event.at += 40);
    late.sort_by_key(|event| event.at);
    assert!(order(&late, &log).early > 0, "syncs after their answers were not noticed");
    let without: Vec<_> = events.into_iter().filter(|event| event.kind != SYNCED).collect();
    let found = order(&without, &log);
    assert_eq!(found.early, found.acknowledged, "a run without a sync was not noticed");
}
