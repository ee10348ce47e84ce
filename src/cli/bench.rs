//! `creditctl bench`: load against a daemon of its own, or a running one.
//!
//! A closed loop (or, with `--rate`, an open one): every connection keeps so many frames in flight, and each frame in flight is a little client of its own
//! (`slot`): it reserves, waits for the answer, and commits in its next frame what was granted. So a default frame is
//! half reserves and half commits of the holds that the frame before it was granted, and every commit must succeed.
//! Latency is per frame, from handing it to the kernel to its answers being checked.

mod books;
mod daemon;
mod figures;
mod goals;
mod keys;
mod load;
mod machine;
mod mix;
mod pace;
mod place;
mod report;
mod scenario;
mod setup;
mod shape;
mod slot;
mod speed;
mod tally;
mod time;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use crate::amount::Amount;
use crate::arguments::Global;
use crate::bench::load::Load;
use crate::bench::mix::Mix;
use crate::bench::place::{Company, Wanted};
use crate::bench::report::Report;
use crate::bench::scenario::Scenario;
use crate::bench::shape::{Shape, ShapeArguments};
use crate::bench::time::TimeArguments;
use crate::duration::parse_ms;
use crate::exit::{Exit, Failure};
use crate::output::Shown;

/// `bench`. Without `--address` it starts the `creditd` beside this program in a temporary folder, and ends it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    /// A scenario by its name, with the bars that it is held against. It sets what it needs; most flags are for the plain
    /// bench.
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    #[command(flatten)]
    shape: ShapeArguments,
    /// Parts of each operation: reserve, commit, release, refund, charge, balance. Commits and releases settle holds
    /// that the frame before was granted, refunds what the frame before captured.
    #[arg(long, default_value = "reserve=50,commit=50")]
    mix: Mix,
    /// Credits of one reserve or charge.
    #[arg(long, default_value = "1")]
    amount: Amount,
    /// How long a hold may stay open.
    #[arg(long, default_value = "60s", value_parser = parse_ms)]
    ttl: u32,
    /// Credits that each wallet is given.
    #[arg(long, default_value = "100000000")]
    funds: Amount,
    /// Keep every request and answer, and check afterwards that they make one history: nothing granted twice, lost or made
    /// up. The load is slower with it and takes some 160 bytes an operation; without --operations it ends after 10,000,000.
    #[arg(long)]
    validate: bool,
    /// How durable the answers of its own daemon are; a running daemon decides itself.
    #[arg(long, value_enum, conflicts_with = "address")]
    durability: Option<DurabilityMode>,
    /// Where its own daemon's temporary folder is made.
    #[arg(long, conflicts_with = "address", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The daemon's program; the one beside this program if it is left out.
    #[arg(long, conflicts_with = "address", value_name = "FILE")]
    creditd: Option<PathBuf>,
    #[command(flatten)]
    time: TimeArguments,
}

/// How durable an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityMode {
    /// Synced first.
    Sync,
    /// Synced within an interval.
    Interval,
    /// Not at all.
    Memory,
}

impl DurabilityMode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Interval => "interval",
            Self::Memory => "memory",
        }
    }
}

/// The failure of a bench that was told to end.
const INTERRUPTED: &str = "interrupted";

/// Waits for Ctrl-C or a polite end.
async fn interrupted() -> Failure {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Failure::new(Exit::TryLater, INTERRUPTED, "interrupted")
}

/// A bar on a terminal; nothing elsewhere, where it would only fill a log.
fn progress_bar(total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    match ProgressStyle::with_template("{wide_bar} {percent}% {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Bench {
    /// Starts what is needed, measures, and reports. Its own daemon ends with it, whatever happens.
    pub(crate) async fn run(self, global: &Global) -> Result<Shown, Failure> {
        if let Some(scenario) = self.scenario {
            return scenario.run(&self, global).await;
        }
        self.measure(global).await
    }

    async fn measure(&self, global: &Global) -> Result<Shown, Failure> {
        let shape = Shape::PLAIN.with(&self.shape);
        let mut company = Company::new(self, global);
        let measured = tokio::select! {
            measured = self.measure_in(&mut company, &shape) => measured,
            // Its own daemon and folder must not be left behind.
            signal = interrupted() => Err(signal),
        };
        company.end(measured)
    }

    async fn measure_in(&self, company: &mut Company<'_>, shape: &Shape) -> Result<Shown, Failure> {
        let place = company.open(&Wanted::of(shape)).await?;
        if let Some(holds) = self.shape.open_holds {
            company.leave_open(&place, shape, holds).await?;
        }
        let resident_before = company.resident_bytes(&place);
        let openings = if self.validate { Some(books::standings(&place.options, place.accounts).await?) } else { None };
        let mut measured = Load { openings, ..company.load(&place, shape) }.run().await?;
        let resident = company.resident_bytes(&place);
        let validated = match measured.books.take() {
            Some(books) => Some(books.check(&place.options, place.accounts).await?),
            None => None,
        };
        let report = Report::new(self, shape, &measured, validated).with_memory(resident_before.zip(resident));
        Ok(report.shown())
    }
}
