//! Outcomes and their numbers.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;

#[test]
fn numbers_round_trip_and_all_others_are_unknown() {
    let known: BTreeSet<u16> = Outcome::ALL.iter().map(|outcome| outcome.number()).collect();
    assert_eq!(known.len(), Outcome::ALL.len());
    for number in 0..=u16::MAX {
        let outcome = Outcome::from_u16(number);
        assert_eq!(outcome.is_some(), known.contains(&number));
        assert_eq!(outcome.map_or(number, Outcome::number), number);
    }
}

#[test]
fn names_are_snake_case_and_unique() {
    let names: BTreeSet<&str> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
    assert_eq!(names.len(), Outcome::ALL.len());
    assert!(names.iter().all(|name| { name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') }));
    for outcome in Outcome::ALL {
        let variant = format!("{outcome:?}").to_lowercase();
        assert_eq!(outcome.name().replace('_', ""), variant);
    }
}

#[test]
fn what_succeeded_is_not_retried() {
    assert!(Outcome::ALL.iter().all(|outcome| !(outcome.is_success() && outcome.is_retryable())));
    assert!(Outcome::ALL.iter().all(|outcome| outcome.is_success() == (outcome.number() < 10)));
}
