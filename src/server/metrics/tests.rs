//! Names, counting, and the text form.

use super::*;

#[test]
fn names_follow_the_conventions() {
    for (name, kind, help) in ALL {
        assert!(name.starts_with("creditd_"), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}: _total is for counters only");
        assert!(help.ends_with('.'), "{name}: the meaning is a sentence");
    }
}

#[test]
fn what_is_shown_is_what_is_declared() {
    let metrics = Metrics::install(1);
    let mut tally = Tally::default();
    tally.count(Op::Reserve, Outcome::Granted);
    metrics.add(&mut tally);
    let text = metrics.render(&Levels::default(), &Resets::default());
    let shown: std::collections::BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let declared = ALL.iter().map(|(name, ..)| *name).collect();
    assert_eq!(shown, declared);
}

#[test]
fn a_tally_hands_over_each_sum_once() {
    let mut tally = Tally::default();
    for _ in 0..3 {
        tally.count(Op::Commit, Outcome::Done);
    }
    tally.count(Op::Charge, Outcome::NotPending);
    let mut sums = Vec::new();
    tally.drain(|op, outcome, times| sums.push((op, Outcome::ALL[outcome], times)));
    assert_eq!(sums, [(Op::Charge, Outcome::NotPending, 1), (Op::Commit, Outcome::Done, 3)]);
    tally.drain(|_, _, _| panic!("nothing is left"));
}

#[test]
fn a_histogram_counts_up_to_each_bound() {
    let histogram = Histogram::of_micros(&histogram::SECONDS);
    histogram.record(90, 5);
    histogram.record(1_000, 2);
    histogram.record(99_000_000, 1);
    let mut text = String::new();
    histogram.render(&mut text, "h", "op=\"x\"");
    assert!(text.contains("h_bucket{op=\"x\",le=\"0.0001\"} 5\n"), "{text}");
    assert!(text.contains("h_bucket{op=\"x\",le=\"0.001\"} 7\n"), "{text}");
    assert!(text.contains("h_bucket{op=\"x\",le=\"10\"} 7\n"), "{text}");
    assert!(text.contains("h_bucket{op=\"x\",le=\"+Inf\"} 8\n"), "{text}");
    assert!(text.contains("h_count{op=\"x\"} 8\n"), "{text}");
    assert!(text.contains("h_sum{op=\"x\"} 99.00245\n"), "{text}");
}
