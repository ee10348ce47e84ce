//! The first phase: the story, then work until the daemon is gone.

use std::path::Path;
use std::time::Duration;

use client::{Backoff, Client, Options};
use protocol::{AccountId, Command, CommandAnswer, Text};
use serde_json::json;

use super::{CREDIT, Ended, IMAGE, SHORTER_VIDEO, VIDEO, account_view, perform};
use crate::account_view::buckets_table;
use crate::again::Again;
use crate::amount::Amount;
use crate::example::book::{Book, Step};
use crate::exit::{self, Exit, Failure};
use crate::output::Shown;
use crate::tool::Tool;

/// What the workspace is given beside its 100 free credits a day.
const SUBSCRIPTION: Amount = Amount(1500 * CREDIT);
const TOP_UP: Amount = Amount(500 * CREDIT);
/// The credit cycle of the example.
const CYCLE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

pub(super) async fn run(tool: &Tool, state: &Path, holds: Option<u64>) -> Result<Shown, Failure> {
    let workspace = AccountId(client::command_id().0);
    let mut book = Book::create(state, workspace)?;
    open(tool, workspace).await?;
    tool.tell(&format!("A workspace, {workspace}, with free, subscribed and bought credits:\n"));
    tool.tell(&buckets_table(&account_view(tool, workspace).await?));
    let client = impatient(&tool.options);
    let mut work = Work { client, book: &mut book, workspace, acknowledged: 0 };
    if let Some(lost) = work.tell_story(tool).await? {
        return Ok(shown(&work, Some(&lost)));
    }
    tool.tell("\nThe workspace after that:\n");
    tool.tell(&buckets_table(&account_view(tool, workspace).await?));
    tool.tell("The scheduler and the billing service go on; every acknowledged step is written to the state file.");
    let lost = work.go_on(holds.unwrap_or(u64::MAX)).await?;
    Ok(shown(&work, lost.as_deref()))
}

fn shown(work: &Work<'_>, lost: Option<&str>) -> Shown {
    let Work { workspace, acknowledged, .. } = work;
    let end = lost.map_or_else(String::new, |lost| format!("The daemon is gone: {lost}.\n"));
    let text =
        format!("{end}{acknowledged} steps were acknowledged. `creditctl example after` looks for each of them.\n");
    let json = json!({ "workspace": workspace.to_string(), "acknowledged": acknowledged, "daemon_lost": lost });
    Shown { json, text, exit: Exit::Ok }
}

/// A client that does not try again: the end of the connection is the end of this phase.
fn impatient(options: &Options) -> Client {
    let never = Duration::from_secs(24 * 60 * 60);
    Client::new(Options { backoff: Backoff { first: never, max: never }, ..options.clone() })
}

/// Opens the workspace: 100 free credits at once, which stay for the day when it subscribes (R7), then the others.
async fn open(tool: &Tool, account: AccountId) -> Result<(), Failure> {
    let now_ms = tool.client.welcome().await?.server_time_ms;
    let (command, ends_at_ms) = (client::command_id(), now_ms + CYCLE_MS);
    for request in [
        Command::OpenAccount { command: client::command_id(), account, zone: Text::default() },
        Command::SetSubscription { command, account, amount: SUBSCRIPTION.0, tier: 1, ends_at_ms },
        Command::TopUp { payment: client::payment_id(), account, amount: TOP_UP.0 },
    ] {
        check(&request, &tool.command(&request, Again::Anew).await?)?;
    }
    Ok(())
}

fn check(request: &Command, answer: &CommandAnswer) -> Result<(), Failure> {
    let decided = client::decided_command(answer);
    if decided.is_success() {
        return Ok(());
    }
    Err(Failure::new(exit::of(decided), decided.name(), format!("the daemon refused {}: {decided}", request.name())))
}

/// The scheduler and the billing service.
struct Work<'a> {
    client: Client,
    book: &'a mut Book,
    workspace: AccountId,
    acknowledged: u64,
}

impl Work<'_> {
    /// Sends a step; `Some` = why the daemon counts as gone.
    async fn step(&mut self, step: Step) -> Result<Option<String>, Failure> {
        match perform(&self.client, self.book, self.workspace, step).await? {
            Ended::Done => {
                self.acknowledged += 1;
                Ok(None)
            }
            Ended::NoAnswer(error) => Ok(Some(error.to_string())),
        }
    }

    /// Three images and two videos: in full, in part, given back, refunded.
    async fn tell_story(&mut self, tool: &Tool) -> Result<Option<String>, Failure> {
        let [first, second, third, long, short] = std::array::from_fn(|_| client::hold_id());
        let reserve = |hold, amount| Step::Reserve { hold, amount };
        let commit = |hold, amount| Step::Commit { hold, amount };
        tool.tell("");
        for (step, tale) in [
            (reserve(first, IMAGE), "The scheduler reserves 24 for a first image,"),
            (reserve(second, IMAGE), "24 for a second,"),
            (reserve(third, IMAGE), "24 for a third,"),
            (reserve(long, VIDEO), "210 for a video,"),
            (reserve(short, VIDEO), "and 210 for another one."),
            (commit(first, IMAGE), "The first image is there: the billing service commits its 24."),
            (commit(second, IMAGE), "So is the second, 24;"),
            (Step::Refund { hold: second, amount: IMAGE }, "but it was broken: 24 are refunded."),
            (Step::Release { hold: third }, "The third was cancelled: its hold is released."),
            (commit(long, VIDEO), "The first video is there: 210."),
            (commit(short, SHORTER_VIDEO), "The other one came out shorter: 140.5 are committed, 69.5 go back."),
        ] {
            if let Some(lost) = self.step(step).await? {
                return Ok(Some(lost));
            }
            tool.tell(&format!("  {tale}"));
        }
        Ok(None)
    }

    /// Images and videos in turn, each settled while the next one is held, and refunded so that the credits last.
    async fn go_on(&mut self, holds: u64) -> Result<Option<String>, Failure> {
        let mut before: Option<(protocol::HoldId, Amount)> = None;
        for number in 0..holds {
            let hold = client::hold_id();
            let (amount, captured) = if number % 2 == 0 { (IMAGE, IMAGE) } else { (VIDEO, SHORTER_VIDEO) };
            let mut steps = vec![Step::Reserve { hold, amount }];
            if let Some((hold, amount)) = before.replace((hold, captured)) {
                steps.extend([Step::Commit { hold, amount }, Step::Refund { hold, amount }]);
            }
            for step in steps {
                if let Some(lost) = self.step(step).await? {
                    return Ok(Some(lost));
                }
            }
        }
        Ok(None)
    }
}
