//! What every subcommand works with: the client, and the ids that a call is repeated with.

use std::io::{self, Write};

use client::{CallError, Client, Options, Unknown};
use protocol::{Answer, Command, CommandAnswer, Operation, OperationKind, PlansView, RatesView, Secret, View};

use crate::again::Again;
use crate::arguments::{Format, Global};
use crate::exit::{self, Failure};
use crate::generation::{Generation, What};
use crate::named::{Named, PlanNames};

/// The client of one run.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) client: Client,
    pub(crate) options: Options,
    format: Format,
}

impl Tool {
    /// Connects with the first call.
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        let options = options(global, &global.address())?;
        Ok(Self { client: Client::new(options.clone()), options, format: global.format() })
    }

    /// Tells people what is going on, at once. Programs wait for the end.
    pub(crate) fn tell(&self, text: &str) {
        if self.format == Format::Table {
            // A pipe that nobody reads is not an error of this program.
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    /// One operation; `again` says how to repeat it if its outcome is unknown.
    pub(crate) async fn operation(&self, operation: Operation, again: Again) -> Result<Answer, Failure> {
        self.client.operation(operation).await.map_err(|error| {
            let again = way_on(&error, &operation, again);
            Failure::from(error).again(again)
        })
    }

    /// One command; the same.
    pub(crate) async fn command(&self, command: &Command, again: Again) -> Result<CommandAnswer, Failure> {
        self.client.command(command).await.map_err(|error| Failure::from(error).again(again))
    }

    /// One command that changes nothing.
    pub(crate) async fn look(&self, command: &Command) -> Result<CommandAnswer, Failure> {
        self.command(command, Again::Anew).await
    }

    /// The daemon's plans and bundles.
    pub(crate) async fn plans(&self) -> Result<PlansView, Failure> {
        let answer = self.look(&Command::ListPlans).await?;
        match answer.view {
            View::Plans(view) => Ok(*view),
            _ => Err(refused(&answer)),
        }
    }

    /// The daemon's rate card.
    pub(crate) async fn rates(&self) -> Result<RatesView, Failure> {
        let answer = self.look(&Command::ListRates).await?;
        match answer.view {
            View::Rates(view) => Ok(*view),
            _ => Err(refused(&answer)),
        }
    }

    /// A plan's number; asks the daemon for its names only if it is named.
    pub(crate) async fn plan_id(&self, plan: &Named) -> Result<u16, Failure> {
        let plans = if plan.number().is_some() { PlansView::default() } else { self.plans().await? };
        plan.find("plan", plans.plans.as_slice().iter().map(|plan| (plan.plan, plan.name.as_str())))
    }

    /// A plan's name; `None` where the daemon does not tell.
    pub(crate) async fn plan_name(&self, plan: u32) -> Option<String> {
        let names = PlanNames::from(&self.plans().await.ok()?);
        u16::try_from(plan).ok().and_then(|plan| names.0.get(&plan).cloned())
    }

    /// The names that an answer needs: none, unless a plan change waits in it.
    pub(crate) async fn plan_names(&self, answer: &CommandAnswer) -> PlanNames {
        let subscription = match &answer.view {
            View::Account(view) => view.plan.as_ref(),
            View::Subscription(view) => view.after.as_ref().or(view.before.as_ref()),
            _ => None,
        };
        match subscription.and_then(|subscription| subscription.pending) {
            // A name that the daemon does not tell is shown as a number.
            Some(_) => self.plans().await.map_or_else(|_| PlanNames::default(), |plans| PlanNames::from(&plans)),
            None => PlanNames::default(),
        }
    }

    /// The numbers of what is to be made; asks the daemon for its names only if something is named.
    pub(crate) async fn generation(&self, what: &What) -> Result<Generation, Failure> {
        let rates = if what.has_names() { self.rates().await? } else { RatesView::default() };
        what.resolve(&rates)
    }
}

/// What to do after an operation without an answer. An id that is taken no more tells nothing of an attempt that was lost,
/// and a repeat would be refused, which looks as if nothing had happened (R22); the hold tells. One that was refused may still
/// come, unless its hold is released (R32); of a commit or an extension nobody is told that, as the work is done or goes on.
pub(crate) fn way_on(error: &CallError, operation: &Operation, again: Again) -> Again {
    let Operation { account, hold, .. } = operation;
    match error {
        CallError::OutcomeUnknown(Unknown::RefusedSince(_)) if sets_aside(operation.kind) => {
            again.ending(*account, *hold)
        }
        CallError::OutcomeUnknown(Unknown::IdExpired) => {
            Again::Look(format!("before a new hold is made, look what became of this one: creditctl hold show {hold}"))
        }
        _ => again,
    }
}

const fn sets_aside(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Reserve | OperationKind::Charge)
}

/// A list that the daemon did not give.
fn refused(answer: &CommandAnswer) -> Failure {
    let outcome = client::decided_command(answer);
    Failure::new(exit::of(outcome), outcome.name(), format!("the daemon refused a list: {outcome}"))
}

/// The client's options for an address.
pub(crate) fn options(global: &Global, address: &str) -> Result<Options, Failure> {
    let token = Secret::new(global.token.as_deref().unwrap_or_default().as_bytes())
        .map_err(|error| Failure::usage(format!("the key is too long: {error}")))?;
    Ok(Options {
        name: concat!("creditctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        token,
        deadline: global.timeout,
        ..Options::new(address)
    })
}
