//! What `creditctl resets` prints.

use protocol::{List, Outcome, ResetKind, Text};

use super::*;

const NOW_MS: u64 = 1_795_392_000_000;

fn shown(days: Vec<DayBoundaryView>, runs: Vec<ResetRunView>) -> Shown {
    let view = ResetsView {
        now_ms: NOW_MS,
        zones: 2,
        days: List::new(days).unwrap(),
        next_cycle_end_ms: 0,
        cycles_in_hour: 3,
        cycles_in_day: 44,
        runs: List::new(runs).unwrap(),
    };
    resets(&CommandAnswer { view: View::Resets(Box::new(view)), ..CommandAnswer::of(Outcome::Done) })
}

#[test]
fn the_next_resets_and_the_last_are_tables() {
    let zone = |name: &str, in_ms: u64, wallets| DayBoundaryView {
        zone: Text::new(name).unwrap(),
        day: 20_780,
        ends_at_ms: NOW_MS + in_ms,
        wallets,
    };
    let run = ResetRunView {
        kind: ResetKind::Day,
        started_at_ms: NOW_MS - 60_000,
        duration_ms: 1_850,
        wallets: 9_000_000,
        granted: 4_000_500,
        expired: 70_000,
    };
    let shown = shown(vec![zone("Asia/Kathmandu", 18_429_000, 12), zone("UTC", 86_400_000, 7_000_000)], vec![run]);
    let text = "\
daemon's time      2026-11-23T00:00:00Z
zones              2
next cycle end     none
cycles in an hour  3
cycles in a day    44

zone                   day               ends at        in  wallets
Asia/Kathmandu  2026-11-23  2026-11-23T05:07:09Z   5:07:09       12
UTC             2026-11-23  2026-11-24T00:00:00Z  24:00:00  7000000

run               started     took  wallets  granted  expired
day  2026-11-22T23:59:00Z  1.850 s  9000000   4000.5       70
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.json["days"][1]["zone"], "UTC");
    assert_eq!(shown.json["runs"][0]["granted"], "4000.5");
    assert_eq!(shown.json["runs"][0]["duration_ms"], 1_850);
    assert_eq!(shown.json["next_cycle_end_at"], Value::Null);
}

#[test]
fn without_zones_and_runs_there_are_no_tables() {
    let shown = shown(Vec::new(), Vec::new());
    assert_eq!(shown.text.lines().count(), 5, "{}", shown.text);
    assert_eq!(shown.json["days"], json!([]));
}
