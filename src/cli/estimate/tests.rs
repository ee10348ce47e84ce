//! Estimates: what is asked, and how the answer looks (R21).

use clap::Parser;
use protocol::{Outcome, RatesView, Text};

use super::*;
use crate::arguments::{Arguments, Noun};

fn parsed(line: &str) -> Estimate {
    match Arguments::try_parse_from(format!("creditctl estimate {line}").split_whitespace()).unwrap().noun {
        Noun::Estimate(estimate) => estimate,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_estimate_asks_for_its_lines() {
    let estimate = parsed("--line images=30/day@1:115 --line videos=10/day@3:301,duration=8s --days 22 --buffer 20-30");
    let Command::Estimate { lines, days, buffer_percent_min, buffer_percent_max } =
        estimate.command(&RatesView::default()).unwrap()
    else {
        panic!("another command")
    };
    assert_eq!((days, buffer_percent_min, buffer_percent_max), (22, 20, 30));
    let expected = [
        EstimateLine { tool: 1, model: 115, settings: 0, per_day: 30 },
        EstimateLine { tool: 3, model: 301, settings: 80 << 16, per_day: 10 },
    ];
    assert_eq!(lines.as_slice(), expected);
    assert_eq!(parsed("--line 1/day@1:1").buffer, Buffer { least: 20, most: 30 });
}

/// The figures of R21.
#[test]
fn an_estimate_as_it_looks() {
    let estimate = parsed("--line images=30/day@1:115 --line videos=10/day@3:301");
    let view = EstimateView {
        need: 62_040_000,
        with_buffer_min: 74_448_000,
        with_buffer_max: 80_652_000,
        version: 1,
        plan: 41,
        plan_name: Text::cut("ultimate"),
    };
    let answer = CommandAnswer { view: View::Estimate(Box::new(view)), ..CommandAnswer::of(Outcome::Done) };
    let shown = estimate.shown(&answer);
    let text = "\
a day          30 images
a day          10 videos
days           22
need           62040
with buffer    74448 to 80652 (20 to 30 %)
cheapest plan  ultimate
rate card      version 1
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.json["with_buffer"], json!({ "min": "74448", "max": "80652" }));
    assert_eq!(shown.json["plan"], "ultimate");
}

#[test]
fn buffers_are_percentages() {
    assert_eq!("25".parse(), Ok(Buffer { least: 25, most: 25 }));
    assert_eq!("20-30%".parse(), Ok(Buffer { least: 20, most: 30 }));
    for text in ["", "-", "30-20", "20-", "256", "a-b", "1.5"] {
        assert!(text.parse::<Buffer>().is_err(), "{text:?}");
    }
}
