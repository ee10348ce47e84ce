//! What `bench --scenario` knows by name.

use clap::ValueEnum;

use crate::arguments::Global;
use crate::bench::{Bench, speed, time};
use crate::exit::Failure;
use crate::output::Shown;

/// A scenario: a load with its circumstances, and the bars that its figures are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// A day ends for 10,000,000 wallets while requests go on.
    Day,
    /// The credit cycles of 1,000,000 wallets end in one moment while requests go on.
    Cycles,
    /// 1,000,000 open holds come to their end in one moment while requests go on.
    HoldEnds,
    /// A start with 10,000,000 wallets after three days without a daemon.
    MissedDays,
    /// Frames of 8190 on 2 connections.
    Peak,
    /// Frames of 100 on 16 connections.
    SmallFrames,
    /// 50 connections with one operation in flight.
    Single,
    /// 50 connections with 16 operations in flight, each in a frame of its own.
    Pipelined,
    /// One connection with one operation in flight.
    Latency,
    /// Half of the rate of frames of 100, or of `--rate`, as an open loop.
    HalfRate,
    /// 10,000,000 wallets, and 100,000 beside them.
    #[value(name = "wallets-10m")]
    Wallets10m,
    /// One wallet for all traffic, and all wallets alike beside it.
    Hot,
    /// Wallets by Zipf's law, and all wallets alike beside it.
    Zipf,
    /// 100,000,000 wallets: whether they load, their memory, their rate and 1,000,000 beside them.
    #[value(name = "wallets-100m")]
    Wallets100m,
    /// A start with 10,000,000 wallets and 1 GiB of journal behind the projections.
    Restart,
    /// The projections under 60 s of full load, and how long they take to catch up.
    Projections,
    /// Bytes written to the disk for each byte of journal, projections apart.
    Disk,
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Cycles => "cycles",
            Self::HoldEnds => "hold-ends",
            Self::MissedDays => "missed-days",
            Self::Peak => "peak",
            Self::SmallFrames => "small-frames",
            Self::Single => "single",
            Self::Pipelined => "pipelined",
            Self::Latency => "latency",
            Self::HalfRate => "half-rate",
            Self::Wallets10m => "wallets-10m",
            Self::Hot => "hot",
            Self::Zipf => "zipf",
            Self::Wallets100m => "wallets-100m",
            Self::Restart => "restart",
            Self::Projections => "projections",
            Self::Disk => "disk",
        }
    }

    /// Runs it.
    pub(crate) async fn run(self, bench: &Bench, global: &Global) -> Result<Shown, Failure> {
        match self {
            Self::Day | Self::Cycles | Self::HoldEnds | Self::MissedDays => time::run(self, bench, global).await,
            _ => speed::run(self, bench, global).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for scenario in Scenario::value_variants() {
            let value = scenario.to_possible_value();
            assert_eq!(value.map(|value| value.get_name().to_owned()).as_deref(), Some(scenario.name()));
        }
    }
}
