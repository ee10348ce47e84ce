//! `creditctl bench`: load against a daemon of its own, or a running one.
//!
//! A closed loop: every connection keeps so many frames in flight, and each frame in flight is a little client of its own
//! (`slot`): it reserves, waits for the answer, and commits in its next frame what was granted. So a default frame is
//! half reserves and half commits of the holds that the frame before it was granted, and every commit must succeed.
//! Latency is per frame, from handing it to the kernel to its answers being checked.

mod books;
mod daemon;
mod figures;
mod load;
mod machine;
mod mix;
mod report;
mod scenario;
mod setup;
mod slot;
mod tally;
mod time;

use std::io::IsTerminal;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::limits::FRAME_OPERATIONS_MAX;
use tokio::signal::unix::{SignalKind, signal};

use crate::amount::Amount;
use crate::arguments::Global;
use crate::bench::daemon::OwnDaemon;
use crate::bench::load::{Goal, Load};
use crate::bench::mix::Mix;
use crate::bench::report::Report;
use crate::bench::scenario::Scenario;
use crate::bench::time::TimeArguments;
use crate::duration::{parse, parse_ms};
use crate::exit::{Exit, Failure};
use crate::output::Shown;

/// `bench`. Without `--address` it starts the `creditd` beside this program in a temporary folder, and ends it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    /// A scenario by its name, with the bars that it is held against. It sets what it needs; most flags are for the plain
    /// bench.
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    /// Accounts; each operation picks one, uniformly. 10000, or what the scenario says.
    #[arg(long)]
    wallets: Option<NonZeroU32>,
    /// Connections.
    #[arg(long, default_value = "4")]
    connections: NonZeroU32,
    /// Operations in a frame.
    #[arg(long, default_value = "512", value_parser = batch)]
    batch: u32,
    /// Frames without an answer, for each connection.
    #[arg(long, default_value = "4")]
    in_flight: NonZeroU32,
    /// How long to measure.
    #[arg(long, default_value = "10", value_parser = parse, conflicts_with = "operations", value_name = "DURATION")]
    seconds: Duration,
    /// How many operations to send, instead of a time.
    #[arg(long)]
    operations: Option<NonZeroU64>,
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

fn batch(text: &str) -> Result<u32, String> {
    let count: Option<u32> = text.parse().ok().filter(|count| (1..=FRAME_OPERATIONS_MAX).contains(count));
    count.ok_or_else(|| format!("a frame takes 1 to {FRAME_OPERATIONS_MAX} operations"))
}

/// Accounts where the command line names no number.
const WALLETS: NonZeroU32 = match NonZeroU32::new(10_000) {
    Some(wallets) => wallets,
    None => NonZeroU32::MIN,
};

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
        let mut own = None;
        let address = match &global.address {
            Some(address) => address.clone(),
            None => {
                let daemon = OwnDaemon::start(self.creditd.as_deref(), self.data.as_deref(), self.durability)?;
                own.insert(daemon).address.clone()
            }
        };
        let result = tokio::select! {
            result = self.measure(global, &address) => result,
            // Its own daemon and folder must not be left behind.
            signal = interrupted() => Err(signal),
        };
        let Some(own) = own else { return result };
        match result {
            Ok(shown) => own.stop().map(|()| shown),
            Err(failure) if failure.code == INTERRUPTED => Err(failure),
            Err(failure) => Err(own.explain(failure)),
        }
    }

    /// Accounts of the plain bench.
    fn wallets(&self) -> NonZeroU32 {
        self.wallets.unwrap_or(WALLETS)
    }

    async fn measure(&self, global: &Global, address: &str) -> Result<Shown, Failure> {
        let options = crate::tool::options(global, address)?;
        let accounts = setup::open_accounts(&options, self.wallets(), self.funds).await?;
        let goal = match self.operations {
            Some(operations) => Goal::Operations(operations.get()),
            None => Goal::Time(self.seconds),
        };
        let openings = if self.validate { Some(books::standings(&options, accounts).await?) } else { None };
        let load = Load {
            options: options.clone(),
            accounts,
            connections: self.connections.get(),
            in_flight: self.in_flight.get(),
            batch: self.batch,
            mix: self.mix.clone(),
            amount: self.amount,
            ttl_ms: self.ttl,
            goal,
            openings,
        };
        let mut measured = load.run().await?;
        let validated = match measured.books.take() {
            Some(books) => Some(books.check(&options, accounts).await?),
            None => None,
        };
        Ok(Report::new(self, &measured, validated).shown())
    }
}
