//! A start after days without a daemon (R35): the time from the program's start until it is ready.

use protocol::{AccountId, HoldId, Operation, Outcome};
use tokio::time::Instant;

use crate::bench::figures::{Bar, Figures};
use crate::bench::setup::Accounts;
use crate::bench::time::frames::Frames;
use crate::bench::time::process;
use crate::bench::time::stage::Stage;
use crate::bench::time::wall::DAY_MS;
use crate::exit::Failure;

/// Days without a daemon.
const MISSED: u64 = 3;
/// One wallet in so many was drawn from before.
const DRAWN_EVERY: u32 = 100;
/// What was drawn, in millicredits.
const DRAWN: u64 = 1_000;

/// Plays it.
pub(crate) async fn play(stage: &mut Stage) -> Result<Figures, Failure> {
    let accounts = stage.accounts;
    draw(stage, accounts).await?;
    stage.is_set();
    stage.figures.parameter("days", MISSED);
    stage.settle().await?;
    let logged = stage.daemon.log().len();
    let begun = Instant::now();
    let Stage { daemon, wall, .. } = stage;
    let mut stopped = begun.elapsed();
    let ready = daemon.restart(|| {
        stopped = begun.elapsed();
        wall.run_ahead(MISSED * DAY_MS / 1_000)
    })?;
    stage.figures.figure("stop_s", stopped.as_secs_f64());
    stage.figures.with_bar("ready_after_s", ready.as_secs_f64(), Bar::AtMost(15.0));
    stage.figures.figure(
        "resident_mib",
        f64::from(u32::try_from(process::resident_bytes(stage.daemon.process()) >> 20).unwrap_or(u32::MAX)),
    );
    let log = stage.daemon.log();
    for line in log.get(logged..).unwrap_or_default().lines() {
        stage.figures.note(line);
    }
    let page = stage.page()?;
    let (there, wallets) = (page.value("creditd_wallets"), stage.wallets);
    stage.figures.must((there - f64::from(wallets)).abs() < 0.5, || format!("{there} wallets of {wallets} are there"));
    let behind = behind(stage, accounts).await?;
    stage.figures.must(behind == 0, || format!("{behind} wallets are not in the present day with its allowance"));
    Ok(std::mem::take(&mut stage.figures))
}

/// Charges some of the wallets, so that their day leaves a trace.
async fn draw(stage: &Stage, accounts: Accounts) -> Result<(), Failure> {
    let (seed, now_ms) = (uuid::Uuid::new_v4().as_u128(), stage.wall.now_ms());
    let charge = |number: u32| {
        let hold = HoldId::from_time_ms(now_ms, seed.wrapping_add(u128::from(number)));
        Operation::charge(hold, AccountId(accounts.from + u128::from(number * DRAWN_EVERY)), DRAWN)
    };
    let mut refused = 0;
    let take = |_, answer: &protocol::Answer| refused += u32::from(answer.outcome != Outcome::Granted);
    Frames::open(&stage.options()?).await?.run(accounts.count.div_ceil(DRAWN_EVERY), charge, take).await?;
    if refused > 0 { Err(Failure::bug(&format!("{refused} charges were refused"))) } else { Ok(()) }
}

/// Wallets whose next reset is not the coming midnight, or that lack the allowance of 100 credits.
async fn behind(stage: &Stage, accounts: Accounts) -> Result<u32, Failure> {
    let midnight_ms = (stage.wall.now_ms() / DAY_MS + 1) * DAY_MS;
    let mut behind = 0;
    let balance = |number: u32| Operation::balance(AccountId(accounts.from + u128::from(number)));
    let take = |_, answer: &protocol::Answer| {
        let present = answer.next_reset_at_ms == midnight_ms && answer.available.free == 100_000;
        behind += u32::from(!present);
    };
    Frames::open(&stage.options()?).await?.run(accounts.count, balance, take).await?;
    Ok(behind)
}
