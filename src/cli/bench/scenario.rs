//! What `bench --scenario` knows by name.

use clap::ValueEnum;

use crate::arguments::Global;
use crate::bench::{Bench, time};
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
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Cycles => "cycles",
            Self::HoldEnds => "hold-ends",
            Self::MissedDays => "missed-days",
        }
    }

    /// Runs it.
    pub(crate) async fn run(self, bench: &Bench, global: &Global) -> Result<Shown, Failure> {
        match self {
            Self::Day | Self::Cycles | Self::HoldEnds | Self::MissedDays => time::run(self, bench, global).await,
        }
    }
}
