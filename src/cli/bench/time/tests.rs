//! The flags of the scenarios.

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Noun};

fn parsed(arguments: &[&str]) -> (Bench, Global) {
    let Arguments { global, noun } = Arguments::parse_from([&["creditctl", "bench"], arguments].concat());
    let Noun::Bench(bench) = noun else { panic!("not a bench") };
    (bench, global)
}

#[test]
fn every_scenario_is_known_by_the_name_that_it_tells() {
    use clap::ValueEnum;
    for scenario in Scenario::value_variants() {
        let (bench, _) = parsed(&["--scenario", scenario.name()]);
        assert_eq!(bench.scenario, Some(*scenario));
    }
}

#[tokio::test]
async fn a_running_daemon_is_left_alone() {
    let (bench, global) = parsed(&["--scenario", "day", "--address", "127.0.0.1:1"]);
    let failure = run(Scenario::Day, &bench, &global).await.unwrap_err();
    assert_eq!(failure.exit, crate::exit::Exit::Usage);
}
