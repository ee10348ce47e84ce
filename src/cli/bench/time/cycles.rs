//! The credit cycles of all wallets end in one moment (R10): they have subscribed while the clock stood.

use std::time::Duration;

use protocol::{AccountId, Operation};
use tokio::time::{Instant, sleep, sleep_until};

use crate::bench::figures::{Bar, Figures};
use crate::bench::time::accounts;
use crate::bench::time::frames::Frames;
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

/// Plays it.
pub(crate) async fn play(stage: &mut Stage) -> Result<Figures, Failure> {
    // Ahead of the clock that the daemon has started with.
    stage.wall.stand_at((real_ms() / 1_000 + 2) * 1_000)?;
    sleep(Duration::from_secs(3)).await;
    let options = stage.options()?;
    let accounts = accounts::subscribe(&options, stage.wallets, PLAN).await?;
    stage.is_set();
    let mut ends = ends(stage, accounts.from).await?;
    ends.dedup();
    let [ends_at_ms] = ends[..] else { return Err(Failure::bug(&format!("cycles that end at {ends:?}"))) };

    stage.settle().await?;
    let boundary = stage.wall.let_come(ends_at_ms, stage.arguments.lead + Duration::from_secs(10))?;
    stage.see_time().await?;
    stage.settle().await?;
    let live = stage.live(accounts, true)?;
    let warm = Instant::now() + WARM;
    sleep_until(boundary.at - MARGIN).await;
    let client = stage.client().await?;
    let boundary = stage.wall.boundary(boundary.at_ms);
    let before = stage.page()?.rolled("cycle");
    stage.figures.must(before < 0.5, || format!("{before} wallets were rolled before their cycle ended"));
    sleep_until(boundary.at).await;
    let due = f64::from(stage.wallets);
    while stage.page()?.rolled("cycle") < due && boundary.at.elapsed() < PATIENCE {
        sleep(LOOK).await;
    }
    let rolled_after = boundary.at.elapsed();
    stage.durable(&client, AccountId(accounts.from)).await?;
    let durable_after = boundary.at.elapsed();
    sleep(Duration::from_secs(1)).await;
    let seen = stage.take_live(live)?;

    let rolled = stage.page()?.rolled("cycle");
    let wallets = stage.wallets;
    stage.figures.must((rolled - due).abs() < 0.5, || format!("{rolled} cycles of {wallets} were rolled"));
    let behind = self::ends(stage, accounts.from).await?.into_iter().filter(|end| *end <= ends_at_ms).count();
    stage.figures.must(behind == 0, || format!("{behind} wallets are in the cycle that has ended"));
    stage.figures.figure("rolled_after_ms", millis(rolled_after));
    stage.figures.with_bar("durable_after_ms", millis(durable_after), Bar::AtMost(1_500.0));
    let beside = seen.within(boundary.at, boundary.at + durable_after.max(BESIDE_LEAST));
    stage.compare(seen.within(warm, boundary.at - MARGIN), beside, 1.5);
    Ok(std::mem::take(&mut stage.figures))
}

/// When the cycle of each wallet ends.
async fn ends(stage: &Stage, from: u128) -> Result<Vec<u64>, Failure> {
    let mut ends = Vec::new();
    let balance = |number: u32| Operation::balance(AccountId(from + u128::from(number)));
    let mut frames = Frames::open(&stage.options()?).await?;
    frames.run(stage.wallets, balance, |_, answer| ends.push(answer.time_ms)).await?;
    Ok(ends)
}
