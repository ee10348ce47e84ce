//! Open holds that come to their end in one moment (R23): each of a wallet of its own, all by the wheel.

use std::time::Duration;

use protocol::{AccountId, HoldId, Operation, Outcome};
use tokio::time::{Instant, sleep, sleep_until};

use crate::bench::figures::{Bar, Figures};
use crate::bench::setup::Accounts;
use crate::bench::time::frames::Frames;
use crate::bench::time::stage::{Stage, millis};
use crate::exit::Failure;

/// What each hold holds, in millicredits.
const AMOUNT: u64 = 1_000;
/// Wallets of the load beside, which has no holds.
pub(crate) const BESIDE: u32 = 10_000;
/// Operations a second that the holds are surely made with.
const MADE_A_SECOND: u32 = 50_000;
/// How long the expiry may take before the scenario gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the counters are looked at.
const LOOK: Duration = Duration::from_millis(10);
/// What stands between the load before and the ends.
const MARGIN: Duration = Duration::from_millis(500);
/// The load beside the ends is looked at for so long at least.
const BESIDE_LEAST: Duration = Duration::from_millis(200);
/// The load's first second is not counted.
const WARM: Duration = Duration::from_secs(1);
/// What holds give back, as the daemon counts it at the push of each record.
const GIVEN_BACK: &str = "creditd_credits_total{flow=\"released\",bucket=\"free\"}";

/// Plays it.
pub(crate) async fn play(stage: &mut Stage) -> Result<Figures, Failure> {
    let all = stage.accounts;
    let accounts = Accounts { count: stage.wallets, ..all };
    let beside = Accounts { from: all.from + u128::from(stage.wallets), count: BESIDE };
    stage.settle().await?;
    let made_in = Duration::from_secs(u64::from(stage.wallets / MADE_A_SECOND) + 10) + stage.arguments.lead;
    let ends_at_ms = stage.wall.now_ms() + u64::try_from(made_in.as_millis()).unwrap_or(u64::MAX);
    let Ends { first_ms, last_ms } = hold(stage, accounts, ends_at_ms).await?;
    stage.settle().await?;
    stage.is_set();
    stage.figures.figure("ends_spread_ms", f64::from(u32::try_from(last_ms - first_ms).unwrap_or(u32::MAX)));

    let live = stage.live(beside, false)?;
    let warm = Instant::now() + WARM;
    let (first, last) = (stage.wall.boundary(first_ms), stage.wall.boundary(last_ms));
    sleep_until(first.at - MARGIN).await;
    let client = stage.client().await?;
    sleep_until(first.at - Duration::from_millis(50)).await;
    let page = stage.page()?;
    let looked = Instant::now();
    let (open, held) = (page.value("creditd_holds_open"), f64::from(stage.wallets));
    let given_back = page.value(GIVEN_BACK);
    stage.figures.must(looked < first.at, || "the look before the first end came too late".to_owned());
    stage.figures.must((open - held).abs() < 0.5 && given_back < 0.5, || {
        format!("{open} holds of {held} are open before the first end, {given_back} credits have come back")
    });
    sleep_until(first.at).await;
    // Each has held one credit.
    while stage.page()?.value(GIVEN_BACK) < held && last.at.elapsed() < PATIENCE {
        sleep(LOOK).await;
    }
    let expired_after = last.at.elapsed();
    stage.durable(&client, AccountId(beside.from)).await?;
    let (durable_after, until) = (last.at.elapsed(), Instant::now().max(first.at + BESIDE_LEAST));
    sleep(Duration::from_secs(1)).await;
    let seen = stage.take_live(live)?;

    let page = stage.page()?;
    let (given_back, open) = (page.value(GIVEN_BACK), page.value("creditd_holds_open"));
    stage.figures.must((given_back - held).abs() < 0.5 && open < 0.5, || {
        format!("{given_back} credits of {held} came back, {open} holds are open")
    });
    let short = short(stage, accounts).await?;
    stage.figures.must(short == 0, || format!("{short} wallets do not have back what was held"));
    stage.figures.figure("expired_after_ms", millis(expired_after));
    stage.figures.with_bar("durable_after_ms", millis(durable_after), Bar::AtMost(1_500.0));
    stage.compare(seen.within(warm, first.at - MARGIN), seen.within(first.at, until), 1.5);
    Ok(std::mem::take(&mut stage.figures))
}

struct Ends {
    first_ms: u64,
    last_ms: u64,
}

/// Makes a hold in each wallet that ends at one instant, or as long after it as its frame was under way.
async fn hold(stage: &Stage, accounts: Accounts, ends_at_ms: u64) -> Result<Ends, Failure> {
    let (seed, wall) = (uuid::Uuid::new_v4().as_u128(), stage.wall.clone());
    let make = |number: u32| {
        let now_ms = wall.now_ms();
        let ttl_ms = u32::try_from(ends_at_ms.saturating_sub(now_ms)).unwrap_or(1);
        let hold = HoldId::from_time_ms(now_ms, seed.wrapping_add(u128::from(number)));
        Operation::reserve(hold, AccountId(accounts.from + u128::from(number)), AMOUNT, ttl_ms)
    };
    let (mut ends, mut refused) = (Ends { first_ms: u64::MAX, last_ms: 0 }, 0);
    let take = |_, answer: &protocol::Answer| {
        refused += u32::from(answer.outcome != Outcome::Granted);
        ends.first_ms = ends.first_ms.min(answer.time_ms);
        ends.last_ms = ends.last_ms.max(answer.time_ms);
    };
    Frames::open(&stage.options()?).await?.run(accounts.count, make, take).await?;
    if refused > 0 || wall.now_ms() >= ends.first_ms {
        return Err(Failure::bug(&format!("{refused} holds were refused, or they took too long to make")));
    }
    Ok(ends)
}

/// Wallets without the whole allowance of the day: 100 credits.
async fn short(stage: &Stage, accounts: Accounts) -> Result<u32, Failure> {
    let mut short = 0;
    let balance = |number: u32| Operation::balance(AccountId(accounts.from + u128::from(number)));
    let take = |_, answer: &protocol::Answer| short += u32::from(answer.available.free != 100_000);
    Frames::open(&stage.options()?).await?.run(accounts.count, balance, take).await?;
    Ok(short)
}
