//! A day ends for every wallet (R5, R6): when the first request sees the new one, what the sweep behind the boundary
//! takes of a processor, and how the requests beside it fare.

use std::time::Duration;

use protocol::ResetKind;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bench::figures::{Bar, Figures};
use crate::bench::setup::Accounts;
use crate::bench::time::live::{Latency, Seen};
use crate::bench::time::probe::Probed;
use crate::bench::time::stage::{Stage, millis};
use crate::bench::time::wall::{Boundary, DAY_MS};
use crate::bench::time::{probe, process};
use crate::exit::Failure;

/// How long a sweep may take before the scenario gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the counters are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// What the daemon may need to see its new time.
const SEEN_IN: Duration = Duration::from_secs(3);
/// What stands between the load before and the boundary: the probe begins in it.
const MARGIN: Duration = Duration::from_millis(500);
/// The load beside a sweep is looked at for so long at least.
const BESIDE_LEAST: Duration = Duration::from_millis(200);
/// The load's first second is not counted.
const WARM: Duration = Duration::from_secs(1);

/// One boundary.
#[derive(Clone, Copy, Debug)]
struct Round {
    probed: Probed,
    /// When the sweep began, behind the boundary, and how long it took.
    sweep_after: Duration,
    sweep_took: Duration,
    swept: u64,
    cpu: Duration,
    before: Latency,
    beside: Latency,
}

impl Round {
    fn ratio(&self) -> f64 {
        self.beside.p99 / self.before.p99.max(1.0)
    }
}

/// Plays it.
pub(crate) async fn play(stage: &mut Stage) -> Result<Figures, Failure> {
    let accounts = stage.accounts;
    stage.is_set();
    let mut rounds = Vec::new();
    for _ in 0..stage.boundaries() {
        rounds.push(round(stage, accounts).await?);
    }
    Ok(report(stage, rounds))
}

async fn round(stage: &mut Stage, accounts: Accounts) -> Result<Round, Failure> {
    let lead = stage.arguments.lead;
    stage.settle().await?;
    let lead = lead + SEEN_IN;
    let soonest_ms = stage.wall.now_ms() + u64::try_from(lead.as_millis()).unwrap_or(u64::MAX);
    let boundary = stage.wall.let_come((soonest_ms / DAY_MS + 1) * DAY_MS, lead)?;
    stage.see_time().await?;
    let live = stage.live(accounts, true)?;
    let warm = Instant::now() + WARM;
    sleep_until(boundary.at - MARGIN).await;
    let (rolled, cpu) = (stage.page()?.rolled("day"), sweep_cpu(stage)?);
    let probed = probe::new_day(&stage.options()?, accounts, &stage.wall, boundary).await?;
    let due = rolled + f64::from(stage.wallets);
    while stage.page()?.rolled("day") < due && boundary.at.elapsed() < PATIENCE {
        sleep(LOOK).await;
    }
    // What is too much comes later than what is enough.
    sleep(LOOK * 5).await;
    let cpu = sweep_cpu(stage)?.saturating_sub(cpu);
    let seen = stage.take_live(live)?;
    let rolled = stage.page()?.rolled("day") - rolled;
    let wallets = stage.wallets;
    stage.figures.must((rolled - f64::from(wallets)).abs() < 0.5, || {
        format!("{rolled} wallets of {wallets} were rolled to the new day")
    });
    let late = probed.late_old + late_frames(&seen, stage.wall.boundary(boundary.at_ms));
    stage.figures.must(late == 0, || format!("{late} requests that were sent after the boundary saw the old day"));
    let resets = stage.resets().await?;
    let mut runs = resets.runs.as_slice().iter();
    let run = runs.rfind(|run| run.kind == ResetKind::Day && run.started_at_ms >= boundary.at_ms);
    let Some(run) = run else { return Err(Failure::bug(&"the sweep is not among the last runs")) };
    let sweep_after = Duration::from_millis(run.started_at_ms - boundary.at_ms);
    let sweep_took = Duration::from_millis(run.duration_ms);
    let beside = (sweep_after + sweep_took).max(BESIDE_LEAST);
    Ok(Round {
        probed,
        sweep_after,
        sweep_took,
        swept: run.wallets,
        cpu,
        before: seen.within(warm, boundary.at - MARGIN),
        beside: seen.within(boundary.at, boundary.at + beside),
    })
}

fn sweep_cpu(stage: &Stage) -> Result<Duration, Failure> {
    process::thread_cpu(stage.daemon.process(), "sweep").ok_or_else(|| Failure::bug(&"the daemon has no thread sweep"))
}

fn late_frames(seen: &Seen, boundary: Boundary) -> u32 {
    let late = seen.frames().iter().filter(|frame| frame.sent >= boundary.at);
    let late = late.filter(|frame| frame.next_reset_at_ms <= boundary.at_ms).count();
    u32::try_from(late).unwrap_or(u32::MAX)
}

/// The round in the middle by the ratio of the latencies; the slowest of what has a bar of its own.
fn report(stage: &mut Stage, mut rounds: Vec<Round>) -> Figures {
    for round in &rounds {
        stage.figures.note(format!(
            "boundary: first seen after {:.3} ms; sweep began after {} ms, took {} ms, {:.1} ms of processor time, {} \
             wallets; live p99 {} us before, {} us beside, ratio {:.3}",
            millis(round.probed.first_new),
            round.sweep_after.as_millis(),
            round.sweep_took.as_millis(),
            millis(round.cpu),
            round.swept,
            round.before.p99,
            round.beside.p99,
            round.ratio(),
        ));
    }
    rounds.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
    let most = |of: fn(&Round) -> f64| rounds.iter().map(of).fold(0.0, f64::max);
    let (first_new, cpu) = (most(|round| millis(round.probed.first_new)), most(|round| millis(round.cpu)));
    let took = most(|round| millis(round.sweep_took));
    let middle = rounds[rounds.len() / 2];
    stage.figures.with_bar("first_request_of_the_new_day_ms", first_new, Bar::AtMost(1.0));
    stage.figures.with_bar("sweep_cpu_ms", cpu, Bar::AtMost(500.0));
    stage.figures.figure("sweep_took_ms", took);
    stage.compare(middle.before, middle.beside, 1.2);
    std::mem::take(&mut stage.figures)
}
