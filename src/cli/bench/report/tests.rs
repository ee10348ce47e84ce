//! The report has what programs rely on.

use std::time::Duration;

use clap::Parser;
use protocol::Durability;

use super::*;
use crate::arguments::{Arguments, Noun};
use crate::bench::tally::Tally;

fn report(errors: u64, validated: Option<Validated>) -> Report {
    let Noun::Bench(bench) = Arguments::parse_from(["creditctl", "bench"]).noun else { panic!("not a bench") };
    let mut tally = Tally::new().unwrap();
    for took_us in [100, 200, 300] {
        tally.frame(512, took_us);
    }
    tally.count(Outcome::Granted);
    tally.count(Outcome::Insufficient);
    tally.errors = errors;
    let took = Duration::from_millis(500);
    let measured = Measured { tally, took, durability: Durability::Sync, in_flight: 4, books: None };
    Report::new(&bench, &Shape::PLAIN, &measured, validated)
}

#[test]
fn the_json_has_the_members_that_programs_rely_on() {
    let json = report(0, None).shown().json;
    assert_eq!(json["operations"], 1536);
    assert_eq!(json["operations_per_second"], 3072);
    assert_eq!(json["latency_us"], json!({ "p50": 200, "p90": 300, "p99": 300, "p999": 300, "max": 300 }));
    assert_eq!(json["granted"], 1);
    assert_eq!(json["refused"], 1);
    assert_eq!(json["durability"], "sync");
    assert_eq!(json["outcomes"], json!({ "granted": 1, "insufficient": 1 }));
    for member in ["machine", "batch", "connections", "in_flight", "wallets", "mix", "seconds", "errors"] {
        assert!(!json[member].is_null(), "{member}");
    }
}

#[test]
fn wrong_answers_make_it_fail() {
    assert_eq!(report(0, None).shown().exit, Exit::Ok);
    assert_eq!(report(1, None).shown().exit, Exit::Bug);
}

#[test]
fn violations_of_the_history_make_it_fail_and_are_told() {
    let validated =
        |violations| Validated { operations: 10, checked: 9, dropped: 0, violations, told: vec!["sum: one".into()] };
    assert_eq!(report(0, Some(validated(0))).shown().exit, Exit::Ok);
    let shown = report(0, Some(validated(2))).shown();
    assert_eq!(shown.exit, Exit::Bug);
    let expected = json!({ "operations": 10, "checked": 9, "dropped": 0, "violations": 2, "told": ["sum: one"] });
    assert_eq!(shown.json["validated"], expected);
    assert!(shown.text.contains("2 violations, 9 of 10 operations checked"), "{}", shown.text);
    assert!(report(0, None).shown().json.get("validated").is_none());
}
