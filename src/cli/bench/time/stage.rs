//! What every scenario of time plays on: a daemon, its wall clock, and the report.

use std::time::Duration;

use client::{Client, Options};
use protocol::{AccountId, ClockState, Command, HoldId, Operation, ResetsView, View};
use tokio::time::{Instant, sleep};

use crate::arguments::Global;
use crate::bench::Bench;
use crate::bench::daemon::{Grounds, OwnDaemon};
use crate::bench::figures::{Bar, Figures};
use crate::bench::scenario::Scenario;
use crate::bench::setup::{Accounts, DEADLINE};
use crate::bench::time::live::{Latency, Live, Seen};
use crate::bench::time::metrics::Page;
use crate::bench::time::wall::Wall;
use crate::bench::time::{TimeArguments, process};
use crate::exit::{Exit, Failure};

/// How long the daemon may take to be ready, to see its new time, and to bring its projections up to the journal.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);
/// After the set-up the disk has its rest too: so long without more than this written by flushes and compactions.
const QUIET: Duration = Duration::from_secs(2);
const QUIET_BYTES: u64 = 1 << 20;
/// How far apart the clocks of daemon and bench may be.
const APART_MS: u64 = 100;

/// A daemon with a clock of the bench's own.
pub(crate) struct Stage {
    pub(crate) daemon: OwnDaemon,
    pub(crate) wall: Wall,
    pub(crate) arguments: TimeArguments,
    pub(crate) figures: Figures,
    /// Wallets, or holds.
    pub(crate) wallets: u32,
    /// What the folder was made with.
    pub(crate) accounts: Accounts,
    /// When the set-up began.
    pub(crate) begun: Instant,
    global: Global,
}

impl Stage {
    /// Makes the folder with so many accounts, and starts the daemon.
    pub(crate) fn set(
        scenario: Scenario,
        (wallets, accounts): (u32, u32),
        bench: &Bench,
        global: &Global,
    ) -> Result<Self, Failure> {
        let begun = Instant::now();
        let arguments = bench.time.clone();
        let grounds = Grounds::new(bench.creditd.as_deref(), bench.data.as_deref())?;
        let wall = Wall::new(arguments.faketime_library.as_deref(), grounds.path())?;
        // A step of months is the scenario's own doing, and believed.
        let mut grounds = grounds
            .with("CREDITD_CLOCK__FORWARD_STEP_MAX_MS", "31536000000")
            .with("CREDITD_RECOVERY__HOLD_GRACE_MS", "0")
            .with("CREDITD_SERVER__OUT_QUEUE_MESSAGES", "8192");
        for (name, value) in wall.environment() {
            grounds = grounds.with(name, value);
        }
        if let Some(durability) = bench.durability {
            grounds = grounds.with("CREDITD_JOURNAL__DURABILITY", durability.name());
        }
        let accounts = Accounts::new(accounts);
        if accounts.count > 0 {
            grounds.seed(accounts, 0, 0)?;
        }
        let mut figures = Figures::of(scenario.name());
        figures.parameter("wallets", wallets);
        let daemon = OwnDaemon::start_on(grounds)?;
        Ok(Self { daemon, wall, arguments, figures, wallets, accounts, begun, global: global.clone() })
    }

    /// How to reach it.
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        crate::tool::options(&self.global, &self.daemon.address)
    }

    /// A client of it, for commands that wait.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        Ok(Client::connect(self.options()?).await?.with_deadline(DEADLINE))
    }

    /// What it counts.
    pub(crate) fn page(&self) -> Result<Page, Failure> {
        Page::of(&self.daemon.http)
    }

    /// Waits until the daemon has the time of its wall clock.
    pub(crate) async fn see_time(&self) -> Result<(), Failure> {
        let client = self.client().await?;
        let begun = Instant::now();
        loop {
            let answer = client.command(&Command::Clock { confirm: false }).await?;
            let View::Clock(view) = answer.view else { return Err(strange("clock")) };
            if view.state == ClockState::Believed && view.daemon_ms.abs_diff(self.wall.now_ms()) <= APART_MS {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(Failure::bug(&format!("the daemon does not see its new time: {view:?}")));
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until nothing of the set-up is left to do.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.page()?.value("creditd_projection_lag_records{projection=\"state\"}") > 0.0 {
            if begun.elapsed() > PATIENCE {
                return Err(Failure::bug(&"the projections do not reach the end of the journal"));
            }
            sleep(LOOK).await;
        }
        loop {
            let written = process::written_bytes(self.daemon.process());
            sleep(QUIET).await;
            let written = process::written_bytes(self.daemon.process()).saturating_sub(written);
            if written < QUIET_BYTES || begun.elapsed() > PATIENCE {
                return Ok(());
            }
        }
    }

    /// Nothing but time is to come.
    pub(crate) fn is_set(&mut self) {
        self.figures.figure("setup_s", self.begun.elapsed().as_secs_f64());
    }

    /// How many boundaries are played, for the report too.
    pub(crate) fn boundaries(&mut self) -> u32 {
        let boundaries = self.arguments.boundaries.get();
        self.figures.parameter("boundaries", boundaries);
        boundaries
    }

    /// The load beside the boundary.
    pub(crate) fn live(&mut self, accounts: Accounts, settles: bool) -> Result<Live, Failure> {
        let rate = self.arguments.live_rate.get();
        let live = Live::start(self.options()?, accounts, rate, settles)?;
        self.figures.parameter("live_operations_per_second", rate);
        self.figures.parameter("live", live.shape());
        Ok(live)
    }

    /// Ends the load; nothing in it may have been refused.
    pub(crate) fn take_live(&mut self, live: Live) -> Result<Seen, Failure> {
        let seen = live.end()?;
        let (errors, refused, told) = (seen.tally.errors, seen.tally.refused(), seen.tally.first_error.clone());
        self.figures.must(errors == 0, || format!("{errors} wrong answers in the load: {}", told.unwrap_or_default()));
        self.figures.must(refused == 0, || format!("{refused} refusals in the load"));
        Ok(seen)
    }

    /// The latencies before and beside, and their ratio against its bar.
    pub(crate) fn compare(&mut self, before: Latency, beside: Latency, ratio_most: f64) {
        let figures = &mut self.figures;
        figures.figure("live_frames_before", f64::from(before.frames));
        figures.figure("live_p50_before_us", before.p50);
        figures.figure("live_p99_before_us", before.p99);
        figures.figure("live_frames_beside", f64::from(beside.frames));
        figures.figure("live_p50_beside_us", beside.p50);
        figures.figure("live_p99_beside_us", beside.p99);
        figures.figure("live_max_beside_us", beside.max);
        figures.with_bar("live_p99_ratio", beside.p99 / before.p99.max(1.0), Bar::AtMost(ratio_most));
    }

    /// The next resets, and the last runs.
    pub(crate) async fn resets(&self) -> Result<ResetsView, Failure> {
        match self.client().await?.command(&Command::ShowResets).await?.view {
            View::Resets(view) => Ok(*view),
            _ => Err(strange("resets")),
        }
    }

    /// A charge of nothing that is answered once it is durable, and all that was pushed before it is too (I4).
    pub(crate) async fn durable(&self, client: &Client, account: AccountId) -> Result<(), Failure> {
        let hold = HoldId::from_time_ms(self.wall.now_ms(), uuid::Uuid::new_v4().as_u128());
        let answer = client.operation(Operation::charge(hold, account, 0)).await?;
        if answer.outcome.is_success() { Ok(()) } else { Err(strange(answer.outcome.name())) }
    }
}

fn strange(what: &str) -> Failure {
    Failure::new(Exit::Bug, "bug", format!("a strange answer: {what}"))
}

/// Milliseconds of a duration, with what is below them.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
