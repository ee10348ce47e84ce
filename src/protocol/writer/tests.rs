//! Frames that are written, abandoned and full.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{AccountId, Expecting, Outcome, Progress, decode};

const MOST: usize = FRAME_OPERATIONS_MAX as usize;

#[test]
fn a_frame_is_appended_to_what_is_there() {
    let mut buffer = b"before".to_vec();
    let header = encode_operations(&mut buffer, 5, &[Operation::balance(AccountId(1)); 3]).unwrap();
    assert_eq!(&buffer[..6], b"before");
    assert_eq!(decode(&buffer[6..], Expecting::FromClient), Ok(Progress::Frame { header, body: 32..32 + 3 * 96 }));
}

#[test]
fn a_frame_takes_its_limit_and_not_one_more() {
    let answers = vec![Answer::of(Outcome::Done); MOST + 1];
    let mut buffer = Vec::new();
    assert_eq!(encode_answers(&mut buffer, 1, &answers[1..]).unwrap().count, FRAME_OPERATIONS_MAX);
    assert!(decode(&buffer, Expecting::FromServer).is_ok());
    let len = buffer.len();
    assert_eq!(encode_answers(&mut buffer, 1, &answers), Err(EncodeError::BadCount { count: MOST + 1 }));
    assert_eq!(encode_answers(&mut buffer, 1, &[]), Err(EncodeError::BadCount { count: 0 }));
    assert_eq!(buffer.len(), len, "a refused frame leaves nothing");
}

#[test]
fn an_open_frame_knows_its_count_and_can_be_taken_back() {
    let mut buffer = b"before".to_vec();
    let mut frame = FrameWriter::answers(&mut buffer, 1);
    assert_eq!(frame.count(&buffer), 0);
    for _ in 0..MOST {
        assert!(!frame.is_full(&buffer));
        frame.push_answer(&mut buffer, &Answer::of(Outcome::Done));
    }
    assert!(frame.is_full(&buffer));
    frame.abandon(&mut buffer);
    assert_eq!(buffer, b"before");
}

#[test]
fn an_open_frame_goes_on_in_another_buffer_and_what_came_before_it_can_leave() {
    let mut buffer = Vec::new();
    encode_answers(&mut buffer, 1, &[Answer::of(Outcome::Granted); 2]).unwrap();
    let whole = buffer.clone();
    let mut frame = FrameWriter::answers(&mut buffer, 2);
    assert!(!frame.is_first());
    frame.push_answer(&mut buffer, &Answer::of(Outcome::Done));
    let mut next = Vec::new();
    frame.move_to(&mut buffer, &mut next);
    assert_eq!(buffer, whole);
    assert!(frame.is_first());
    frame.push_answer(&mut next, &Answer::of(Outcome::Late));
    assert_eq!(frame.count(&next), 2);
    frame.finish(&mut next).unwrap();
    let mut expected = Vec::new();
    encode_answers(&mut expected, 2, &[Answer::of(Outcome::Done), Answer::of(Outcome::Late)]).unwrap();
    assert_eq!(next, expected);
}
