//! What the answer to a command may be.

use protocol::limits::HEADER_BYTES;

use super::*;

/// A body with any number as its outcome.
fn body_of(number: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    let answer = CommandAnswer { position: 7, ..CommandAnswer::of(Outcome::Done) };
    answer.encode(&mut frame, 1).unwrap();
    let mut body = frame.split_off(HEADER_BYTES);
    body[..2].copy_from_slice(&number.to_le_bytes());
    body
}

/// WIRE.md, outcomes: a number that is not known here is `outcome_unknown`, and harms nobody else on the connection.
#[test]
fn an_outcome_of_a_newer_daemon_is_an_unknown_one() {
    let outcome = |number| command_answer(&body_of(number)).map(|answer| answer.outcome);
    assert_eq!(outcome(Outcome::Done.number()), Some(Outcome::Done));
    assert_eq!(outcome(60_000), Some(Outcome::OutcomeUnknown));
    assert_eq!(command_answer(&body_of(60_000)), Some(CommandAnswer::of(Outcome::OutcomeUnknown)));
}

#[test]
fn a_body_that_is_no_answer_is_none_whatever_its_outcome() {
    for number in [Outcome::Done.number(), 60_000] {
        let body = body_of(number);
        for len in 0..body.len() {
            assert_eq!(command_answer(&body[..len]), None, "{len} bytes of {number}");
        }
        assert_eq!(command_answer(&[body, vec![0]].concat()), None, "one byte more than {number}");
    }
}
