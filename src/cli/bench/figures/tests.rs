//! A missed bar is told and a violation fails.

use super::*;

fn figures() -> Figures {
    let mut figures = Figures::of("day");
    figures.parameter("wallets", 20_000);
    figures.figure("sweep_ms", 12.345_67);
    figures.with_bar("ratio", 1.25, Bar::AtMost(1.2));
    figures.with_bar("took_ms", 5.0, Bar::AtMost(5.0));
    figures
}

#[test]
fn bars_stand_beside_their_figures_and_a_missed_one_is_told() {
    let shown = figures().shown(&Machine::here());
    assert_eq!(shown.exit, Exit::Ok);
    assert_eq!(shown.json["met"], false);
    assert_eq!(shown.json["figures"]["sweep_ms"], 12.346);
    assert_eq!(
        shown.json["bars"],
        json!([
            { "figure": "ratio", "value": 1.25, "is": "<=", "bar": 1.2, "met": false },
            { "figure": "took_ms", "value": 5.0, "is": "<=", "bar": 5.0, "met": true },
        ])
    );
    assert!(shown.text.contains("1.25  (bar <= 1.2: missed)"), "{}", shown.text);
}

#[test]
fn what_must_hold_and_does_not_makes_the_run_a_failure() {
    let mut figures = figures();
    figures.must(true, || "not told".to_owned());
    assert_eq!(figures.shown(&Machine::here()).exit, Exit::Ok);
    figures.must(false, || "one wallet is missing".to_owned());
    let shown = figures.shown(&Machine::here());
    assert_eq!(shown.exit, Exit::Bug);
    assert_eq!(shown.json["violations"], json!(["one wallet is missing"]));
}
