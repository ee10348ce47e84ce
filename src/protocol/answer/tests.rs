//! Answers come back, and every cut of one is refused.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::strategies;

#[test]
fn an_unknown_outcome_is_named() {
    let mut record = Answer::of(Outcome::Granted).encode();
    record[..2].copy_from_slice(&999_u16.to_le_bytes());
    assert_eq!(Answer::decode(&record), Err(UnknownOutcome { number: 999 }));
}

#[test]
fn a_sum_that_does_not_fit_is_none() {
    assert_eq!(PerBucket { free: 1, subscription: 2, top_up: 3 }.sum(), Some(6));
    assert_eq!(PerBucket { free: 1, subscription: u64::MAX, top_up: 0 }.sum(), None);
    assert_eq!(PerBucket { free: 0, subscription: u64::MAX, top_up: 1 }.sum(), None);
}

#[test]
fn flags_that_are_not_known_are_kept() {
    let answer = Answer { flags: AnswerFlags(0x8001), ..Answer::of(Outcome::Done) };
    let decoded = Answer::decode(&answer.encode()).unwrap();
    assert_eq!(decoded, answer);
    assert!(decoded.flags.contains(AnswerFlags::DURABLE));
    assert!(!decoded.flags.contains(AnswerFlags::LATE));
}

#[test]
fn a_bad_request_names_its_field() {
    let answer = Answer::bad_request(Field::Settings);
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, 17));
}

proptest! {
    #[test]
    fn answers_round_trip(answers in prop::collection::vec(strategies::answer(), 0..20)) {
        let body: Vec<u8> = answers.iter().flat_map(Answer::encode).collect();
        let decoded: Result<Vec<Answer>, _> = Answers::of_body(&body).collect();
        prop_assert_eq!(Answers::of_body(&body).len(), answers.len());
        prop_assert_eq!(decoded, Ok(answers));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(Answers::of_body(&bytes).count(), bytes.len() / ANSWER_BYTES);
    }
}
