//! The goals of speed, as one table: scenario, figure, and what the figure is to reach.

use crate::bench::figures::Bar::{self, AtLeast, AtMost};
use crate::bench::scenario::Scenario;

/// Daemon and load on the same two cores, synced, 1,000,000 wallets, half reserves and half commits, nothing refused, unless
/// the scenario says otherwise.
pub(crate) const GOALS: &[(Scenario, &str, Bar)] = &[
    (Scenario::Peak, "operations_per_second", AtLeast(3_000_000.0)),
    (Scenario::SmallFrames, "operations_per_second", AtLeast(2_500_000.0)),
    (Scenario::Single, "operations_per_second", AtLeast(100_000.0)),
    (Scenario::Single, "p99_us", AtMost(3_000.0)),
    (Scenario::Pipelined, "operations_per_second", AtLeast(400_000.0)),
    (Scenario::Latency, "p50_us", AtMost(200.0)),
    (Scenario::HalfRate, "p50_us", AtMost(1_000.0)),
    (Scenario::HalfRate, "p99_us", AtMost(5_000.0)),
    (Scenario::HalfRate, "p999_us", AtMost(20_000.0)),
    (Scenario::Wallets10m, "ratio", AtLeast(0.8)),
    (Scenario::Hot, "ratio", AtLeast(0.5)),
    (Scenario::Zipf, "ratio", AtLeast(1.0)),
    (Scenario::Wallets100m, "ratio", AtLeast(0.6)),
    (Scenario::Wallets100m, "resident_before_bytes", AtMost(24.0 * 1_073_741_824.0)),
    (Scenario::Wallets100m, "sweep_seconds", AtMost(2.0)),
    (Scenario::Restart, "ready_seconds", AtMost(10.0)),
    (Scenario::Projections, "caught_up_seconds", AtMost(60.0)),
    (Scenario::Projections, "ratio_to_burst", AtLeast(0.8)),
    (Scenario::Disk, "written_bytes_per_journal_byte", AtMost(2.2)),
];

/// What a figure of a scenario is to reach, if it is one of the table.
pub(crate) fn goal(scenario: Scenario, figure: &str) -> Option<Bar> {
    GOALS.iter().find(|(of, name, _)| *of == scenario && *name == figure).map(|(.., bar)| *bar)
}
