//! The books of a bench with `--validate`: every request with its answer, checked when the load has ended.

use std::sync::Arc;

use client::history::{History, Standing, Verdict};
use client::{Client, Options};
use protocol::{AccountId, Command, HoldId, HoldView, Outcome, View};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bench::setup::{Accounts, DEADLINE};
use crate::exit::{Exit, Failure};

/// Entries that are kept where `--operations` names no number: about a gigabyte.
pub(crate) const ENTRIES_MAX: u64 = 10_000_000;
/// Questions without an answer.
const ASKED_AT_ONCE: usize = 512;
/// The daemon's clock may be this much ahead of what was reckoned from its welcome.
const CLOCKS_APART_MS: u64 = 1_000;

/// What a validation came to. Members are stable.
#[derive(Debug, Serialize)]
pub(crate) struct Validated {
    /// Requests with an answer.
    pub(crate) operations: u64,
    /// Of them, those that every check looked at.
    pub(crate) checked: u64,
    /// Requests that there was no place for: with any, sums and chains are not looked at.
    pub(crate) dropped: u64,
    /// Violations; the first of each kind are told.
    pub(crate) violations: u64,
    pub(crate) told: Vec<String>,
}

impl Validated {
    fn of(verdict: &Verdict) -> Self {
        Self {
            operations: verdict.operations,
            checked: verdict.checked,
            dropped: verdict.dropped,
            violations: verdict.violations_count,
            told: verdict.violations.iter().map(ToString::to_string).collect(),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let of = format!("{} violations, {} of {} operations checked", self.violations, self.checked, self.operations);
        if self.dropped == 0 { of } else { format!("{of}, {} not recorded: no sums, no chains", self.dropped) }
    }
}

/// Asks for many things at a time, and gives the answers in the order of the questions.
async fn ask<T: Send + 'static>(
    client: &Client,
    commands: impl Iterator<Item = Command>,
    take: fn(Outcome, View) -> Option<T>,
) -> Result<Vec<Option<T>>, Failure> {
    let places = Arc::new(Semaphore::new(ASKED_AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut answers = Vec::new();
    for (index, command) in commands.enumerate() {
        answers.push(None);
        // The semaphore is never closed.
        let place = Arc::clone(&places).acquire_owned().await.map_err(|error| Failure::bug(&error))?;
        let client = client.clone();
        tasks.spawn(async move {
            let answer = client.command(&command).await;
            drop(place);
            answer.map(|answer| (index, take(answer.outcome, answer.view)))
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (index, answer) = done.map_err(|error| Failure::bug(&error))??;
        answers[index] = answer;
    }
    Ok(answers)
}

/// How the accounts stand now.
pub(crate) async fn standings(options: &Options, accounts: Accounts) -> Result<Vec<Standing>, Failure> {
    let client = Client::connect(options.clone()).await?.with_deadline(DEADLINE);
    let commands =
        (0..accounts.count).map(|index| Command::ShowAccount { account: AccountId(accounts.from + u128::from(index)) });
    let standing = |outcome, view| match (outcome, view) {
        (Outcome::Done, View::Account(view)) => Some(Standing::of(&view)),
        _ => None,
    };
    let standings = ask(&client, commands, standing).await?;
    standings
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Failure::new(Exit::Refused, "refused", "an account of the bench is not shown by the daemon"))
}

/// The history of a load, with the instant that it counts from.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) history: History,
    pub(crate) started_at: Instant,
    /// The daemon's time at that instant.
    pub(crate) server_time_ms: u64,
}

impl Books {
    /// Checks the history against what the daemon shows in the end. Other load on the daemon does no harm; other load on
    /// these accounts does.
    pub(crate) async fn check(mut self, options: &Options, accounts: Accounts) -> Result<Validated, Failure> {
        let client = Client::connect(options.clone()).await?.with_deadline(DEADLINE);
        let closings = standings(options, accounts).await?;
        // Whatever time had ended by then is shown as ended now.
        let elapsed_ms = u64::try_from(self.started_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.history.open_at(self.server_time_ms.saturating_add(elapsed_ms).saturating_add(CLOCKS_APART_MS));
        for view in holds(&client, &due).await?.into_iter().filter_map(|(_, view)| view) {
            self.history.shown(&view);
        }
        let mut verdict = self.history.check(&closings);
        if !verdict.suspects.is_empty() {
            let shown = holds(&client, &verdict.suspects).await?;
            self.history.compare(&mut verdict, &shown);
        }
        Ok(Validated::of(&verdict))
    }
}

async fn holds(client: &Client, ids: &[HoldId]) -> Result<Vec<(HoldId, Option<HoldView>)>, Failure> {
    let commands = ids.iter().map(|hold| Command::ShowHold { hold: *hold });
    let view = |outcome, view| match (outcome, view) {
        (Outcome::Done, View::Hold(view)) => Some(*view),
        _ => None,
    };
    Ok(ids.iter().copied().zip(ask(client, commands, view).await?).collect())
}
