//! The credit cycles of all wallets end in one moment (R10): they have subscribed while the clock stood.

use std::time::Duration;

use protocol::{AccountId, Operation};
use tokio::time::{Instant, sleep, sleep_until};

use crate::bench::figures::{Bar, Figures};
use crate::bench::setup::Accounts;
use crate::bench::time::accounts;
use crate::bench::time::frames::Frames;
use crate::bench::time::live::Latency;
use crate::bench::time::stage::{Stage, millis};
use crate::bench::time::wall::real_ms;
use crate::exit::Failure;

/// The sample plan of 3,100 credits a month.
const PLAN: u16 = 11;
/// How long the rolls may take before the scenario gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the counters are looked at.
const LOOK: Duration = Duration::from_millis(10);
/// What stands between the load before and the boundary.
const MARGIN: Duration = Duration::from_millis(500);
/// The load beside the rolls is looked at for so long at least.
const BESIDE_LEAST: Duration = Duration::from_millis(200);
/// The load's first second is not counted.
const WARM: Duration = Duration::from_secs(1);

/// One boundary.
struct Round {
    rolled_after: Duration,
    durable_after: Duration,
    /// What each frame of the load took, in microseconds.
    before: Vec<u64>,
    beside: Vec<u64>,
}

/// Plays it.
pub(crate) async fn play(stage: &mut Stage) -> Result<Figures, Failure> {
    // Ahead of the clock that the daemon has started with.
    stage.wall.stand_at((real_ms() / 1_000 + 2) * 1_000)?;
    sleep(Duration::from_secs(3)).await;
    let options = stage.options()?;
    let accounts = accounts::subscribe(&options, stage.wallets, PLAN).await?;
    stage.is_set();
    let mut rounds = Vec::new();
    for _ in 0..stage.boundaries() {
        rounds.push(round(stage, accounts).await?);
    }
    Ok(report(stage, rounds))
}

async fn round(stage: &mut Stage, accounts: Accounts) -> Result<Round, Failure> {
    let mut ends = ends(stage, accounts.from).await?;
    ends.dedup();
    let [ends_at_ms] = ends[..] else { return Err(Failure::bug(&format!("cycles that end at {ends:?}"))) };
    stage.settle().await?;
    let boundary = stage.wall.let_come(ends_at_ms, stage.arguments.lead + Duration::from_secs(10))?;
    stage.see_time().await?;
    stage.settle().await?;
    let rolled_before = stage.page()?.rolled("cycle");
    let live = stage.live(accounts, true)?;
    let warm = Instant::now() + WARM;
    sleep_until(boundary.at - MARGIN).await;
    let client = stage.client().await?;
    let boundary = stage.wall.boundary(boundary.at_ms);
    let early = stage.page()?.rolled("cycle") - rolled_before;
    stage.figures.must(early < 0.5, || format!("{early} wallets were rolled before their cycle ended"));
    sleep_until(boundary.at).await;
    let wallets = stage.wallets;
    let due = rolled_before + f64::from(wallets);
    while stage.page()?.rolled("cycle") < due && boundary.at.elapsed() < PATIENCE {
        sleep(LOOK).await;
    }
    let rolled_after = boundary.at.elapsed();
    stage.durable(&client, AccountId(accounts.from)).await?;
    let durable_after = boundary.at.elapsed();
    sleep(Duration::from_secs(1)).await;
    let seen = stage.take_live(live)?;

    let rolled = stage.page()?.rolled("cycle") - rolled_before;
    stage
        .figures
        .must((rolled - f64::from(wallets)).abs() < 0.5, || format!("{rolled} cycles of {wallets} were rolled"));
    let behind = self::ends(stage, accounts.from).await?.into_iter().filter(|end| *end <= ends_at_ms).count();
    stage.figures.must(behind == 0, || format!("{behind} wallets are in the cycle that has ended"));
    let beside = durable_after.max(BESIDE_LEAST);
    Ok(Round {
        rolled_after,
        durable_after,
        before: seen.took_within(warm, boundary.at - MARGIN),
        beside: seen.took_within(boundary.at, boundary.at + beside),
    })
}

/// The slowest boundary, and the latencies of all of them together: a 99th percentile of one second's thousand frames is
/// that of its ten slowest, which a single standstill of the machine decides.
fn report(stage: &mut Stage, rounds: Vec<Round>) -> Figures {
    let most = |of: fn(&Round) -> Duration| rounds.iter().map(of).max().map_or(0.0, millis);
    let rolled_after = most(|round| round.rolled_after);
    let durable_after = most(|round| round.durable_after);
    let (mut before, mut beside) = (Vec::new(), Vec::new());
    for round in rounds {
        let [one, other] = [Latency::of(round.before.clone()), Latency::of(round.beside.clone())];
        stage.figures.note(format!(
            "boundary: rolled after {:.0} ms, durable after {:.0} ms; live p50 {} us before, {} us beside, p99 {} us \
             before, {} us beside, ratio {:.3}",
            millis(round.rolled_after),
            millis(round.durable_after),
            one.p50,
            other.p50,
            one.p99,
            other.p99,
            other.p99 / one.p99.max(1.0),
        ));
        before.extend(round.before);
        beside.extend(round.beside);
    }
    stage.figures.figure("rolled_after_ms", rolled_after);
    stage.figures.with_bar("durable_after_ms", durable_after, Bar::AtMost(1_500.0));
    stage.compare(Latency::of(before), Latency::of(beside), 1.5);
    std::mem::take(&mut stage.figures)
}

/// When the cycle of each wallet ends.
async fn ends(stage: &Stage, from: u128) -> Result<Vec<u64>, Failure> {
    let mut ends = Vec::new();
    let balance = |number: u32| Operation::balance(AccountId(from + u128::from(number)));
    let mut frames = Frames::open(&stage.options()?).await?;
    frames.run(stage.wallets, balance, |_, answer| ends.push(answer.time_ms)).await?;
    Ok(ends)
}
