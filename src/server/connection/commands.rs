//! Commands, one by one: each is asked of the rules or of the daemon, and answered with what it shows.
//!
//! Room in the journal is taken before anything that may push a record; looking at a wallet is such a thing, because one
//! that is due is rolled. What walks over all accounts goes a bounded slice at a time and lets everybody else on; what walks
//! over all holds does so on the daemon's thread for that. Only one such walk runs in the daemon.

use std::sync::Arc;

use journal::Class;
use protocol::{Command, CommandAnswer, List, Outcome, View};
use wallet::accounts::AccountScan;
use wallet::balance::NoView;
use wallet::engine::{Archive, ArchiveError, Journal, SWEEP_HOLDS_MAX};
use wallet::estimate::{self, EstimateError};
use wallet::ids::{AccountId, HoldId, Position, WorkerId};
use wallet::outcome::Field;
use wallet::outlook::CycleOutlook;
use wallet::quote::{self, QuoteRequest};
use wallet::request::{Answer, CommandOutcome, CommandRequest};
use wallet::workers::{HoldFilter, WORKER_HOLDS_MAX};

use super::End;
use crate::admission::RECORDS_PER_OPERATION;
use crate::daemon::Daemon;
use crate::dispatch::{self, Asked, EstimateRequest};
use crate::link::{Room, counted};
use crate::reload;

/// Records that one command can need: its own, and those of a wallet rolled before and after it.
const RECORDS_PER_COMMAND: u32 = wallet::command::RECORDS_PER_COMMAND_MAX;
/// Wallets that a listing looks at before everybody else has a turn.
const SCAN_SLOTS: u32 = 8_192;

/// An answer, and what must be durable before it leaves (I3).
type Answered = Result<(CommandAnswer, Position), End>;

/// Answers one command of a client by its name in the handshake.
pub(super) async fn answer(daemon: &Arc<Daemon>, command: &Command, client: &str) -> Answered {
    if let Err(bad) = command.check() {
        return Ok((CommandAnswer::bad_request(bad.field), Position::NONE));
    }
    match dispatch::command(command, client) {
        Asked::Change(request) => change(daemon, &request, command.account()).await,
        Asked::Account(account) => show_account(daemon, account).await,
        Asked::Hold(hold) => show_hold(daemon, hold).await,
        Asked::ReleaseWorker { account, worker } => release_worker(daemon, account, worker).await,
        Asked::Holds { account, worker, older_than_ms, limit, after } => {
            let made_by = match older_than_ms {
                0 => wallet::ids::Timestamp::NONE,
                // The first millisecond of 1970 stands in where no hold can be so old: zero would mean all.
                age => daemon.clock.now().daemon.minus_millis(age).max(wallet::ids::Timestamp(1)),
            };
            list_holds(daemon, HoldFilter { account, worker, made_by }, after, limit).await
        }
        Asked::Accounts { after, limit } => list_accounts(daemon, after, limit).await,
        Asked::Plans => Ok(shown(View::Plans(Box::new(dispatch::plans_view(&daemon.rules.plans()))))),
        Asked::Rates => Ok(shown(View::Rates(Box::new(dispatch::rates_view(&daemon.rules.rates()))))),
        Asked::Quote(request) => quote(daemon, &request).await,
        Asked::Estimate(request) => Ok(estimate(daemon, &request)),
        Asked::Reload => {
            let outcome = daemon.reload().await;
            Ok(shown(View::Reload(Box::new(reload::view(&outcome, &daemon.catalogue())))))
        }
        Asked::Clock { confirm } => {
            let face = if confirm { daemon.clock.confirm(client) } else { daemon.clock.face() };
            Ok(shown(View::Clock(dispatch::clock_view(&face))))
        }
        Asked::Resets => Ok(show_resets(daemon).await),
    }
}

/// What is shown and rests on no record.
fn shown(view: View) -> (CommandAnswer, Position) {
    (CommandAnswer { view, ..CommandAnswer::of(Outcome::Done) }, Position::NONE)
}

async fn change(daemon: &Arc<Daemon>, request: &CommandRequest, account: Option<protocol::AccountId>) -> Answered {
    let told = if daemon.rules.looks_at_all_holds(request) {
        let _alone = daemon.walk().await;
        let room = daemon.room(RECORDS_PER_COMMAND, Class::Settlement).await?;
        let (walker, request) = (Arc::clone(daemon), request.clone());
        off_the_workers(daemon, move || execute(&walker, &request, room)).await?
    } else {
        execute(daemon, request, daemon.room(RECORDS_PER_COMMAND, Class::Settlement).await?)
    };
    let view = match (told.change, account) {
        (Some(change), _) => {
            let view = dispatch::subscription_change_view(&change, &daemon.rules.plans());
            View::Subscription(Box::new(view))
        }
        // It has taken effect: where the disk does not give the account's row, it is told without the account.
        (None, Some(account)) => look(daemon, AccountId(account.0)).await?.unwrap_or(View::None),
        (None, None) => View::None,
    };
    Ok((dispatch::command_answer(&told.answer, daemon.is_durable(), view), told.answer.needs))
}

/// Executes a command with the room that was taken for it.
fn execute(daemon: &Daemon, request: &CommandRequest, mut room: Room) -> CommandOutcome {
    let (told, pushed) = counted(|| daemon.rules.command_outcome(request, daemon.clock.now()));
    room.used(pushed);
    told
}

/// The figures that only a projection has are those of all that was pushed when the request came.
async fn show_account(daemon: &Arc<Daemon>, account: AccountId) -> Answered {
    if !daemon.rules.has_account(account) {
        return Ok((CommandAnswer::of(Outcome::UnknownAccount), Position::NONE));
    }
    // Rolled first, so that what the row is waited for includes it.
    let mut room = daemon.room(RECORDS_PER_COMMAND, Class::Settlement).await?;
    let (_, pushed) = counted(|| daemon.rules.wallet_view(account, daemon.clock.now()));
    room.used(pushed);
    drop(room);
    let asked_at = daemon.rules.journal().pushed();
    daemon.projected(asked_at).await?;
    Ok(look(daemon, account).await?.map_or_else(|_| unreadable(daemon), shown))
}

/// What cannot be shown because the projections cannot be read: the projections' own thread reports the disk.
fn unreadable(daemon: &Daemon) -> (CommandAnswer, Position) {
    let protocol::Answer { outcome, detail, .. } = daemon.overloaded();
    (CommandAnswer { detail, ..CommandAnswer::of(outcome) }, Position::NONE)
}

/// Looks at an account with room for the records of rolling it.
async fn look(daemon: &Arc<Daemon>, account: AccountId) -> Result<Result<View, ArchiveError>, End> {
    let mut room = daemon.room(RECORDS_PER_COMMAND, Class::Settlement).await?;
    let (view, pushed) = counted(|| account_view(daemon, account));
    room.used(pushed);
    Ok(view)
}

fn account_view(daemon: &Daemon, account: AccountId) -> Result<View, ArchiveError> {
    let now = daemon.clock.now();
    let Some(wallet) = daemon.rules.wallet_view(account, now) else { return Ok(View::None) };
    let archive = daemon.rules.archive();
    // The position is read first: the row is that of it or of a later one.
    let as_of = archive.reached();
    // Figures that are not known are no zeros. There is no row yet of an account that has just been opened: those are.
    let mut row = archive.row(account)?;
    if let Some(row) = &mut row {
        daemon.rules.roll_row(row, &wallet);
    }
    let plans = daemon.rules.plans();
    Ok(View::Account(Box::new(dispatch::account_view(account, &wallet, (row.as_ref(), as_of), &plans))))
}

async fn show_hold(daemon: &Arc<Daemon>, id: HoldId) -> Answered {
    let chunk = daemon.rules.chunk();
    loop {
        let mut room = daemon.room(RECORDS_PER_OPERATION, Class::Settlement).await?;
        let (found, pushed) = counted(|| daemon.rules.hold_view(&chunk, id, daemon.clock.now()));
        room.used(pushed);
        drop(room);
        match found {
            Ok(Some((hold, needs))) if !hold.account.is_none() => {
                let view = View::Hold(Box::new(dispatch::hold_view(id, &hold)));
                return Ok((CommandAnswer { view, ..CommandAnswer::of(Outcome::Done) }, needs));
            }
            Ok(_) => return Ok((CommandAnswer::of(Outcome::UnknownHold), Position::NONE)),
            Err(NoView::Projected(position)) => daemon.projected(position).await?,
            Err(NoView::Yield) => tokio::task::yield_now().await,
            Err(NoView::Unreadable) => return Ok(unreadable(daemon)),
        }
    }
}

/// Finds up to [`WORKER_HOLDS_MAX`] holds at a time, and releases them as a frame of releases would: a chunk at a time, each
/// with room of its own. The answer says how many holds it were, and leaves when the last of them is durable. No more are
/// released than were open when the command came: a worker that is not dead after all and goes on reserving does not keep it
/// busy for ever.
async fn release_worker(daemon: &Arc<Daemon>, account: AccountId, worker: WorkerId) -> Answered {
    if !account.is_none() && !daemon.rules.has_account(account) {
        return Ok((CommandAnswer::of(Outcome::UnknownAccount), Position::NONE));
    }
    let _alone = daemon.walk().await;
    let records = u32::try_from(SWEEP_HOLDS_MAX).unwrap_or(u32::MAX).saturating_mul(RECORDS_PER_OPERATION);
    let open = usize::try_from(daemon.rules.gauges().holds_open).unwrap_or(usize::MAX);
    let mut released: usize = 0;
    while released < open {
        let walker = Arc::clone(daemon);
        let found = off_the_workers(daemon, move || walker.rules.holds_of_worker(account, worker)).await?;
        let meant = found.len().min(open - released);
        for ids in found[..meant].chunks(SWEEP_HOLDS_MAX) {
            let room = daemon.room(records, Class::Settlement).await?;
            released = released.saturating_add(release_chunk(daemon, ids, (account, worker), room));
            tokio::task::yield_now().await;
        }
        if meant < WORKER_HOLDS_MAX {
            break;
        }
    }
    let detail = u32::try_from(released).unwrap_or(u32::MAX);
    // Whatever was released was pushed before this.
    let told =
        Answer { detail, ..Answer::of(wallet::outcome::Outcome::Done) }.resting_on(daemon.rules.journal().pushed());
    Ok((dispatch::command_answer(&told, daemon.is_durable(), View::None), told.needs))
}

fn release_chunk(daemon: &Daemon, ids: &[HoldId], whose: (AccountId, WorkerId), mut room: Room) -> usize {
    let mut chunk = daemon.rules.chunk();
    let (released, pushed) = counted(|| daemon.rules.release_worker(&mut chunk, ids, whose, daemon.clock.now()));
    room.used(pushed);
    released
}

async fn list_holds(daemon: &Arc<Daemon>, filter: HoldFilter, after: HoldId, limit: usize) -> Answered {
    if !filter.account.is_none() && !daemon.rules.has_account(filter.account) {
        return Ok((CommandAnswer::of(Outcome::UnknownAccount), Position::NONE));
    }
    let _alone = daemon.walk().await;
    let walker = Arc::clone(daemon);
    let holds = off_the_workers(daemon, move || walker.rules.list_holds(&filter, after, limit)).await?;
    // The command's limit is at most that of the list.
    Ok(shown(View::Holds(List::new(holds.iter().map(dispatch::hold_line).collect()).unwrap_or_default())))
}

async fn list_accounts(daemon: &Arc<Daemon>, after: AccountId, limit: usize) -> Answered {
    let _alone = daemon.walk().await;
    let mut scan = AccountScan::new(after, limit);
    while !daemon.rules.scan_accounts(&mut scan, SCAN_SLOTS) {
        tokio::task::yield_now().await;
    }
    let accounts = scan.accounts().map(|account| protocol::AccountId(account.0)).collect();
    Ok(shown(View::Accounts(List::new(accounts).unwrap_or_default())))
}

/// Counts the cycles that end soon a slice at a time; the days are counted already.
async fn show_resets(daemon: &Arc<Daemon>) -> (CommandAnswer, Position) {
    let _alone = daemon.walk().await;
    let now = daemon.clock.now();
    let mut outlook = CycleOutlook::new(now);
    while !daemon.rules.scan_cycles(&mut outlook, SCAN_SLOTS) {
        tokio::task::yield_now().await;
    }
    let view = dispatch::resets_view(now, &daemon.rules.day_boundaries(now), &outlook, &daemon.resets.last());
    shown(View::Resets(Box::new(view)))
}

/// Runs something long on the daemon's thread for it, so that no other connection waits.
async fn off_the_workers<T: Send + 'static>(
    daemon: &Daemon,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, End> {
    // It fails only when the daemon stops: a panic has ended the process.
    daemon.aside.run(run).await.ok_or(End::Gone)
}

async fn quote(daemon: &Arc<Daemon>, request: &QuoteRequest) -> Answered {
    let mut room = daemon.room(RECORDS_PER_COMMAND, Class::Settlement).await?;
    let (quoted, pushed) = counted(|| daemon.rules.quote(request, daemon.clock.now()));
    room.used(pushed);
    Ok(match quoted {
        Ok(quote) => shown(View::Quote(Box::new(dispatch::quote_view(&quote)))),
        Err(refused) => (dispatch::command_answer(&refused, daemon.is_durable(), View::None), Position::NONE),
    })
}

fn estimate(daemon: &Daemon, request: &EstimateRequest) -> (CommandAnswer, Position) {
    let EstimateRequest { lines, days, buffer_percent } = request;
    match estimate::estimate(&daemon.rules.rates(), lines, *days, *buffer_percent) {
        Ok(estimate) => {
            let plans = daemon.rules.plans();
            let plan = quote::cheapest_plan(&plans, &estimate);
            shown(View::Estimate(Box::new(dispatch::estimate_view(&estimate, plan))))
        }
        Err(error) => {
            let refused = match error {
                EstimateError::TooManyLines | EstimateError::Overflow => Answer::bad_request(Field::Lines),
                EstimateError::BufferRange => Answer::bad_request(Field::Buffer),
                EstimateError::Line { error, .. } => quote::refused(error),
            };
            (dispatch::command_answer(&refused, daemon.is_durable(), View::None), Position::NONE)
        }
    }
}

#[cfg(test)]
mod tests;
