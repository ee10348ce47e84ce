//! Frames about resets.

use super::Vector;
use super::valid::{MADE_AT_MS, command, shown};
use crate::{Command, DayBoundaryView, List, ResetKind, ResetRunView, ResetsView, Text, View};

pub(super) fn vectors() -> Vec<Vector> {
    let boundary = |zone: &str, hours: u64, wallets: u64| DayBoundaryView {
        zone: Text::new(zone).unwrap(),
        day: 20_030,
        ends_at_ms: MADE_AT_MS + hours * 3_600_000,
        wallets,
    };
    let day = ResetRunView {
        kind: ResetKind::Day,
        started_at_ms: MADE_AT_MS - 3_600_000,
        duration_ms: 1_850,
        wallets: 9_876_543,
        granted: 4_000_000,
        expired: 1_250_500,
    };
    let cycle = ResetRunView {
        kind: ResetKind::Cycle,
        started_at_ms: MADE_AT_MS - 7_200_000,
        duration_ms: 12,
        wallets: 31,
        granted: 96_100_000,
        expired: 70_000,
    };
    let busy = ResetsView {
        now_ms: MADE_AT_MS,
        zones: 300,
        days: List::new(vec![boundary("Asia/Kathmandu", 5, 70_000), boundary("UTC", 11, 5_000_000_000)]).unwrap(),
        next_cycle_end_ms: MADE_AT_MS + 60_000,
        cycles_in_hour: 12,
        cycles_in_day: 4_321,
        runs: List::new(vec![day, cycle]).unwrap(),
    };
    let none = ResetsView {
        now_ms: MADE_AT_MS,
        zones: 0,
        days: List::default(),
        next_cycle_end_ms: 0,
        cycles_in_hour: 0,
        cycles_in_day: 0,
        runs: List::default(),
    };
    vec![
        command("command-show-resets", "Shows the next resets and the last.", Command::ShowResets),
        shown("command-answer-resets", "Two of 300 zones, and two runs.", View::Resets(Box::new(busy))),
        shown("command-answer-resets-none", "No wallets, and no runs.", View::Resets(Box::new(none))),
    ]
}
