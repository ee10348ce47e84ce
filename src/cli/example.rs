//! `creditctl example story|before|after`: the worked example.
//!
//! `story` tells the customer's page: a free user, a subscription, prices from the card, running out and the three ways
//! out, a cycle's end, a lapse, an estimate.
//!
//! `before` and `after` prove that nothing is lost, in two phases with a power cut between them. A workspace has 100 free
//! credits of the day, 1,500 of its subscription and 500 that it bought. A scheduler reserves images at 24 and videos at
//! 210; a billing service commits them in full or in part, refunds and releases. `before` tells that once and then goes on
//! settling and refunding until the daemon is gone, writing every answer that it gets to a file. `after`, on the restarted
//! daemon, looks for every acknowledged step of that file.

mod after;
mod before;
mod book;
mod story;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use client::CallError;
use protocol::{AccountId, AccountView, Answer, Command, Operation, Outcome, RefundReason, View};

use crate::amount::Amount;
use crate::example::book::{Book, Step};
use crate::exit::{self, Failure};
use crate::output::Shown;
use crate::tool::Tool;

/// Credits, in the protocol's unit.
pub(crate) const CREDIT: u64 = 1000;
/// An image.
const IMAGE: Amount = Amount(24 * CREDIT);
/// A video.
const VIDEO: Amount = Amount(210 * CREDIT);
/// What is captured of a video that came out shorter.
const SHORTER_VIDEO: Amount = Amount(140 * CREDIT + CREDIT / 2);
/// How long the credits of a generation stay set aside.
const HOLD_MS: u32 = 10 * 60 * 1000;

/// What is told.
#[derive(Debug, Subcommand)]
pub(crate) enum Phase {
    /// The customer's story, checked step by step; the daemon needs the sample plans and rate card.
    Story,
    /// A scheduler and a billing service at work, until the daemon is gone.
    Before(Before),
    /// Look for everything that was acknowledged, and finish the rest.
    After {
        /// The file of `before`.
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
    },
}

/// `example before`.
#[derive(Debug, Args)]
pub(crate) struct Before {
    /// Where every acknowledged step is written, synced; a file that is there already is replaced.
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Stop after so many more holds, instead of going on until the daemon is gone.
    #[arg(long)]
    holds: Option<u64>,
}

impl Phase {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        match self {
            Self::Story => story::run(tool).await,
            Self::Before(Before { state, holds }) => before::run(tool, &state, holds).await,
            Self::After { state } => after::run(tool, &state).await,
        }
    }
}

impl Step {
    /// The request of this step. It is the same every time, so that a repeat is one.
    fn operation(self, account: AccountId) -> Operation {
        match self {
            Self::Reserve { hold, amount } => Operation::reserve(hold, account, amount.0, HOLD_MS),
            Self::Commit { hold, amount } => Operation::commit(hold, account, amount.0, 1),
            Self::Release { hold } => Operation::release(hold, account),
            Self::Refund { hold, amount } => Operation::refund(hold, account, amount.0, 1, RefundReason::ProviderError),
        }
    }
}

/// How a step ended.
enum Ended {
    /// Acknowledged, and in the book.
    Done,
    /// No answer.
    NoAnswer(CallError),
}

/// Sends a step: what is asked stands in the book before, what is acknowledged after, synced.
async fn perform(client: &client::Client, book: &mut Book, account: AccountId, step: Step) -> Result<Ended, Failure> {
    book.asked(step)?;
    let answer = match client.operation(step.operation(account)).await {
        Ok(answer) => answer,
        Err(error) => return Ok(Ended::NoAnswer(error)),
    };
    if answer.outcome == Outcome::Draining {
        return Ok(Ended::NoAnswer(client::Unknown::DaemonSaid.into()));
    }
    check_success(step, &answer)?;
    book.done(step)?;
    Ok(Ended::Done)
}

fn check_success(step: Step, answer: &Answer) -> Result<(), Failure> {
    let decided = client::decided(answer);
    if decided.is_success() {
        return Ok(());
    }
    Err(Failure::new(exit::of(decided), decided.name(), format!("the daemon refused to {step}: {decided}")))
}

/// The account as it is now.
async fn account_view(tool: &Tool, account: AccountId) -> Result<AccountView, Failure> {
    let answer = tool.look(&Command::ShowAccount { account }).await?;
    match answer.view {
        View::Account(view) => Ok(*view),
        _ => Err(Failure::new(
            exit::of(answer.outcome),
            answer.outcome.name(),
            format!("the workspace: {}", answer.outcome),
        )),
    }
}
