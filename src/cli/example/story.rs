//! `creditctl example story`: the customer's page, step by step, on a running daemon with the sample plans and rate card.
//!
//! Each step says what it does and then looks: a balance or an answer that is not what it must be ends the story with
//! exit code 70. Two things that take a month in life are brought about by what a platform does in life too: a cycle ends
//! with a change of plan that begins a new one, and a subscription lapses that is paid for three more seconds only.

use std::time::Duration;

use protocol::{
    AccountId, AccountView, Answer, ChangeMode, Command, CommandAnswer, EstimateLine, List, Operation, OperationFlags,
    Outcome, PerBucket, PlansView, QuoteView, RatesView, RefundReason, Text, View,
};
use serde_json::json;

use super::{CREDIT, HOLD_MS, IMAGE, VIDEO, account_view};
use crate::account_view::buckets_table;
use crate::again::Again;
use crate::amount::Amount;
use crate::answer_view::{self, buckets_text};
use crate::exit::{Exit, Failure};
use crate::generation::{Generation, What};
use crate::named::Named;
use crate::output::Shown;
use crate::time::instant_or_none;
use crate::tool::Tool;

mod card;
mod expect;
mod life;
mod paying;

use expect::{Expected, wrong};

/// How long the story waits for what follows the journal, and for a lapse.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Tells the story.
pub(super) async fn run(tool: &Tool) -> Result<Shown, Failure> {
    let mut story = Story::open(tool).await?;
    story.free_user().await?;
    story.subscribes().await?;
    story.makes_images_and_a_video().await?;
    story.runs_out().await?;
    story.tops_up().await?;
    story.upgrades().await?;
    story.cycle_ends().await?;
    story.lapses().await?;
    let need = story.estimates().await?;
    let json = json!({ "workspace": story.account.to_string(), "checks": story.checks, "estimate": need });
    Ok(Shown { json, text: format!("\n{} checks, all as they must be.\n", story.checks), exit: Exit::Ok })
}

/// The workspace of the story.
struct Story<'a> {
    tool: &'a Tool,
    account: AccountId,
    plans: PlansView,
    rates: RatesView,
    /// What must be there now.
    balance: PerBucket,
    checks: u32,
}

impl<'a> Story<'a> {
    /// Opens a workspace in a zone where it is about noon, so that no midnight comes in between.
    async fn open(tool: &'a Tool) -> Result<Self, Failure> {
        let (plans, rates) = (tool.plans().await?, tool.rates().await?);
        let account = AccountId(client::command_id().0);
        let zone = noon(tool.client.welcome().await?.server_time_ms);
        let balance = PerBucket { free: 100 * CREDIT, ..PerBucket::default() };
        let mut story = Self { tool, account, plans, rates, balance, checks: 0 };
        let zone_name = Text::new(&zone).map_err(|error| Failure::bug(&error))?;
        story.command(Command::OpenAccount { command: client::command_id(), account, zone: zone_name }).await?;
        story.tell(&format!("A new workspace, {account}, in {zone}, where it is about noon."));
        story.look("It has the free credits of the day:").await?;
        Ok(story)
    }

    fn tell(&self, text: &str) {
        self.tool.tell(text);
    }

    fn plan(&self, name: &str) -> Result<u16, Failure> {
        Named(name.to_owned())
            .find("plan", self.plans.plans.as_slice().iter().map(|plan| (plan.plan, plan.name.as_str())))
    }

    /// A command that must be done.
    async fn command(&mut self, command: Command) -> Result<CommandAnswer, Failure> {
        let answer = self.tool.command(&command, Again::Anew).await?;
        self.expect(command.name(), client::decided_command(&answer), Outcome::Done)?;
        Ok(answer)
    }

    /// Something must be as it is.
    fn expect<T: PartialEq + std::fmt::Display>(&mut self, what: &str, is: T, must_be: T) -> Result<(), Failure> {
        self.checks += 1;
        if is == must_be { Ok(()) } else { Err(wrong(what, &is, &must_be)) }
    }

    /// Shows the workspace, and its balances must be what they must be.
    async fn look(&mut self, why: &str) -> Result<AccountView, Failure> {
        let view = account_view(self.tool, self.account).await?;
        self.tell(&format!("{why}\n"));
        self.tell(&buckets_table(&view));
        let is = PerBucket {
            free: view.free.available,
            subscription: view.subscription.available,
            top_up: view.top_up.available,
        };
        self.expect("the balance", Expected(is), Expected(self.balance))?;
        Ok(view)
    }

    /// The view once it has reached a record: counters of what expired follow the journal.
    async fn look_at(&mut self, position: u64) -> Result<AccountView, Failure> {
        self.wait("the counters", |view| view.as_of_position >= position).await
    }

    /// Looks until something is so.
    async fn wait(&mut self, what: &str, so: impl Fn(&AccountView) -> bool) -> Result<AccountView, Failure> {
        let mut waited = Duration::ZERO;
        loop {
            let view = account_view(self.tool, self.account).await?;
            if so(&view) {
                return Ok(view);
            }
            if waited >= PATIENCE {
                return Err(Failure::new(Exit::Bug, "wrong", format!("{what} did not come in {PATIENCE:?}")));
            }
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }
}

/// The zone in which it is between 11:30 and 12:30 now. Signs of these zones are turned: Etc/GMT-3 is ahead by three hours.
fn noon(now_ms: u64) -> String {
    let half_hours = now_ms / (30 * 60 * 1000) % 48;
    let hour = half_hours.div_ceil(2) % 24;
    match hour {
        0 => "Etc/GMT-12".to_owned(),
        1..=11 => format!("Etc/GMT-{}", 12 - hour),
        12 => "Etc/GMT".to_owned(),
        _ => format!("Etc/GMT+{}", hour - 12),
    }
}

#[cfg(test)]
mod tests;
