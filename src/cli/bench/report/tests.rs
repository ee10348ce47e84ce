//! The report has what programs rely on.

use std::time::Duration;

use clap::Parser;
use protocol::Durability;

use super::*;
use crate::arguments::{Arguments, Noun};
use crate::bench::tally::Tally;

fn report(errors: u64) -> Report {
    let Noun::Bench(bench) = Arguments::parse_from(["creditctl", "bench"]).noun else { panic!("not a bench") };
    let mut tally = Tally::new().unwrap();
    for took_us in [100, 200, 300] {
        tally.frame(512, took_us);
    }
    tally.count(Outcome::Granted);
    tally.count(Outcome::Insufficient);
    tally.errors = errors;
    let measured = Measured { tally, took: Duration::from_millis(500), durability: Durability::Sync, in_flight: 4 };
    Report::new(&bench, &measured)
}

#[test]
fn the_json_has_the_members_that_programs_rely_on() {
    let json = report(0).shown().json;
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
    assert_eq!(report(0).shown().exit, Exit::Ok);
    assert_eq!(report(1).shown().exit, Exit::Bug);
}
