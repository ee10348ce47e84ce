//! Scenarios of time: what a boundary costs, and what the requests beside it feel of it.
//!
//! Each starts a daemon of its own, whose wall clock libfaketime moves (Debian's package `faketime`), so that midnight and
//! the end of a month come when the wallets are there. The monotonic clock stays the real one. The load beside the boundary
//! is open: frames are sent when they are due, and their latency counts from then.

mod accounts;
mod cycles;
mod day;
mod frames;
mod hold_ends;
mod live;
pub(crate) mod metrics;
mod missed_days;
mod probe;
pub(crate) mod process;
mod stage;
pub(crate) mod wall;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::arguments::Global;
use crate::bench::machine::Machine;
use crate::bench::scenario::Scenario;
use crate::bench::{Bench, INTERRUPTED, interrupted};
use crate::duration::parse;
use crate::exit::Failure;
use crate::output::Shown;
use stage::Stage;

/// Flags of these scenarios alone.
#[derive(Clone, Debug, Args)]
pub(crate) struct TimeArguments {
    /// Scenarios of time: operations a second of the load beside the boundary.
    #[arg(long, default_value = "100000", value_name = "OPERATIONS")]
    live_rate: NonZeroU32,
    /// Scenarios of time: how long the load runs before the boundary.
    #[arg(long, default_value = "15s", value_parser = parse, value_name = "DURATION")]
    lead: Duration,
    /// Scenarios `day` and `cycles`: how many boundaries.
    #[arg(long, default_value = "3")]
    boundaries: NonZeroU32,
    /// Scenarios of time: libfaketime, in its form for programs with threads; Debian's if it is left out.
    #[arg(long, value_name = "FILE")]
    faketime_library: Option<PathBuf>,
}

impl TimeArguments {
    /// The library that moves the clock, if one was named.
    pub(crate) fn faketime_library(&self) -> Option<&std::path::Path> {
        self.faketime_library.as_deref()
    }
}

/// Wallets (or holds) of a scenario where the command line names no number.
const fn wallets(scenario: Scenario) -> u32 {
    match scenario {
        Scenario::Day | Scenario::MissedDays => 10_000_000,
        _ => 1_000_000,
    }
}

/// Runs one. Its daemon ends with it, whatever happens.
pub(crate) async fn run(scenario: Scenario, bench: &Bench, global: &Global) -> Result<Shown, Failure> {
    if global.address.is_some() {
        return Err(Failure::usage("a scenario of time moves the clock of a daemon of its own: no --address"));
    }
    let wallets = bench.shape.wallets.map_or_else(|| wallets(scenario), NonZeroU32::get);
    let accounts = match scenario {
        Scenario::Day | Scenario::MissedDays => wallets,
        Scenario::HoldEnds => wallets + hold_ends::BESIDE,
        // They subscribe by commands, at one instant.
        _ => 0,
    };
    let mut stage = Stage::set(scenario, (wallets, accounts), bench, global)?;
    let played = tokio::select! {
        played = play(scenario, &mut stage) => played,
        signal = interrupted() => Err(signal),
    };
    match played {
        Ok(figures) => stage.daemon.stop().map(|()| figures.shown(&Machine::here())),
        Err(failure) if failure.code == INTERRUPTED => Err(failure),
        Err(failure) => Err(stage.daemon.explain(failure)),
    }
}

async fn play(scenario: Scenario, stage: &mut Stage) -> Result<crate::bench::figures::Figures, Failure> {
    match scenario {
        Scenario::Day => day::play(stage).await,
        Scenario::Cycles => cycles::play(stage).await,
        Scenario::HoldEnds => hold_ends::play(stage).await,
        Scenario::MissedDays => missed_days::play(stage).await,
        other => Err(Failure::bug(&format!("{} is no scenario of time", other.name()))),
    }
}

#[cfg(test)]
mod tests;
