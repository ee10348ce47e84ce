//! A stream of frames, as both sides take it apart: header, body, operations, answers.
//!
//! The first byte says who listens and whether checksums are made right first: without that nothing behind them would be
//! reached.

use protocol::limits::{ANSWER_BYTES, BODY_BYTES_MAX, HEADER_BYTES, OPERATION_BYTES};
use protocol::{Answer, Answers, Expecting, FrameKind, Header, Operation, Operations, Progress};

use super::control;
use super::seeds;

const EXPECTING: [Expecting; 4] = [Expecting::Hello, Expecting::Welcome, Expecting::FromClient, Expecting::FromServer];
const SEAL: u8 = 4;

/// Takes a stream apart.
pub fn run(data: &[u8]) {
    let Some((mode, stream)) = data.split_first() else { return };
    let expecting = EXPECTING[usize::from(*mode) % EXPECTING.len()];
    if mode & SEAL == 0 {
        take(stream, expecting);
    } else {
        take(&sealed(stream.to_vec()), expecting);
    }
}

fn take(mut rest: &[u8], expecting: Expecting) {
    loop {
        match protocol::decode(rest, expecting) {
            Ok(Progress::NeedMore(missing)) => {
                assert!(missing > 0, "what is whole is not waited for");
                let most = HEADER_BYTES + usize::try_from(BODY_BYTES_MAX).unwrap();
                assert!(rest.len() + missing <= most, "no frame is longer than its limit");
                return;
            }
            Ok(Progress::Frame { header, body }) => {
                assert!(expecting.takes(header.kind));
                assert_eq!(header.encode(), rest[..HEADER_BYTES], "a header is encoded as it was");
                assert_eq!(body.start, HEADER_BYTES);
                cut_short(&rest[..body.end], expecting);
                one_body(&header, &rest[body.clone()]);
                rest = &rest[body.end..];
            }
            Err(error) => {
                // What is wrong does not become right by what comes after it, and has a reason to close with.
                let again = protocol::decode(&[rest, &[0; HEADER_BYTES]].concat(), expecting);
                assert_eq!(again.map_err(|error| error.close_reason()), Err(error.close_reason()));
                return;
            }
        }
    }
}

/// Every shorter form of a frame is not whole yet; a few of them are looked at.
fn cut_short(frame: &[u8], expecting: Expecting) {
    for length in [0, 3, HEADER_BYTES - 1, HEADER_BYTES, frame.len() - 1] {
        if length < frame.len() {
            let progress = protocol::decode(&frame[..length], expecting);
            assert!(matches!(progress, Ok(Progress::NeedMore(_))), "cut at {length}: {progress:?}");
        }
    }
}

fn one_body(header: &Header, body: &[u8]) {
    match header.kind {
        FrameKind::Operations => operations(header, body),
        FrameKind::Answers => answers(header, body),
        FrameKind::Ping | FrameKind::Pong => assert!(body.is_empty()),
        kind => control::body(kind, body),
    }
}

fn operations(header: &Header, body: &[u8]) {
    let operations = Operations::of_body(body);
    assert_eq!(operations.len(), usize::try_from(header.count).unwrap());
    for (operation, bytes) in operations.zip(body.chunks(OPERATION_BYTES)) {
        match operation {
            Ok(operation) => {
                assert_eq!(operation.encode(), bytes, "an operation is encoded as it was");
                assert_eq!(operation.check(), Ok(()), "what is decoded was checked");
            }
            Err(bad) => assert!(protocol::Field::from_u16(bad.field.number()).is_some()),
        }
    }
}

fn answers(header: &Header, body: &[u8]) {
    let answers = Answers::of_body(body);
    assert_eq!(answers.len(), usize::try_from(header.count).unwrap());
    for (answer, bytes) in answers.zip(body.chunks(ANSWER_BYTES)) {
        if let Ok(answer) = answer {
            assert_eq!(answer.encode(), bytes, "an answer is encoded as it was");
        }
    }
}

/// The same stream with magic, version and checksums that are right, as far as its lengths go.
fn sealed(mut stream: Vec<u8>) -> Vec<u8> {
    let mut start = 0;
    while let Some(frame) = stream.get_mut(start..).filter(|rest| rest.len() >= HEADER_BYTES) {
        let (header, rest) = frame.split_at_mut(HEADER_BYTES);
        header[..6].copy_from_slice(b"CRDT\x01\0");
        header[7] = 0;
        let length = u32::from_le_bytes([header[20], header[21], header[22], header[23]]);
        let length = usize::try_from(length).unwrap();
        if let Some(body) = rest.get(..length) {
            header[24..28].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        }
        let crc = crc32c::crc32c(&header[..28]);
        header[28..32].copy_from_slice(&crc.to_le_bytes());
        start += HEADER_BYTES + length;
    }
    stream
}

/// Every golden frame, for each of the two sides that could get it, as it is and with checksums made right.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (_, frame) in seeds::frames() {
        for mode in 0..8 {
            all.push([&[mode], frame.as_slice()].concat());
        }
    }
    let (hold, account) = (protocol::HoldId(1), protocol::AccountId(2));
    let (mut asked, mut answered) = (vec![2], vec![3]);
    let some = [Operation::reserve(hold, account, 24_000, 60_000), Operation::commit_all(hold, account, 1)];
    protocol::encode_operations(&mut asked, 1, &some).unwrap();
    protocol::encode_ping(&mut asked, 2);
    protocol::encode_operations(&mut asked, 3, &[Operation::balance(account)]).unwrap();
    protocol::encode_answers(&mut answered, 1, &[Answer::of(protocol::Outcome::Granted); 2]).unwrap();
    protocol::encode_pong(&mut answered, 2);
    all.extend([asked, answered]);
    all
}
