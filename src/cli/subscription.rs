//! `creditctl subscription subscribe|renew|cancel|lapse|change|set`.

use clap::{Args, Subcommand, ValueEnum};
use protocol::{AccountId, ChangeMode, Command, CommandId};

use crate::again::Again;
use crate::amount::Amount;
use crate::exit::Failure;
use crate::moment::Moment;
use crate::named::Named;
use crate::output::Shown;
use crate::time::instant;
use crate::tool::Tool;
use crate::{answer_view, subscription_view};

/// What is done with the subscription.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Subscribe to a plan: its credits at once, then every month.
    Subscribe(Subscribe),
    /// Record that the subscription is paid for until a time.
    Renew(Renew),
    /// End the subscription: now, or when what was paid for is over.
    Cancel(Cancel),
    /// End the subscription now, because nobody paid.
    Lapse(Lapse),
    /// Change to another plan.
    Change(Change),
    /// Set credits and tier by hand, without a plan.
    Set(Set),
}

/// `subscription subscribe`.
#[derive(Debug, Args)]
pub(crate) struct Subscribe {
    /// The account.
    account: AccountId,
    /// The plan's name or number.
    plan: Named,
    /// Paid for until then, like 2027-01-31T00:00:00Z or `+30d`; one billing term if it is left out.
    #[arg(long, value_name = "WHEN")]
    paid_through: Option<Moment>,
    /// Let it lapse when what was paid for is over, instead of going on.
    #[arg(long)]
    no_auto_renew: bool,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// `subscription renew`.
#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The account.
    account: AccountId,
    /// Paid for until then, like 2027-01-31T00:00:00Z or `+30d`.
    #[arg(long, value_name = "WHEN")]
    paid_through: Moment,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// `subscription cancel`.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The account.
    account: AccountId,
    /// End it at once, instead of when what was paid for is over.
    #[arg(long)]
    now: bool,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// `subscription lapse`.
#[derive(Debug, Args)]
pub(crate) struct Lapse {
    /// The account.
    account: AccountId,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// `subscription change`.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// The account.
    account: AccountId,
    /// The new plan's name or number.
    plan: Named,
    /// When it takes effect.
    #[arg(long, value_enum, default_value = "default")]
    mode: Mode,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// When a plan change takes effect (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Prorated at once where the new plan has more credits, at the renewal else.
    Default,
    /// With the next credit cycle; this one keeps its credits.
    AtRenewal,
    /// At once, with the credits of the rest of this cycle added.
    NowProrated,
    /// At once, with a new cycle: what is left of the old one expires.
    NewCycle,
}

impl From<Mode> for ChangeMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Default => Self::Default,
            Mode::AtRenewal => Self::AtRenewal,
            Mode::NowProrated => Self::NowProrated,
            Mode::NewCycle => Self::NowNewCycle,
        }
    }
}

/// `subscription set`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The account.
    account: AccountId,
    /// Credits of the cycle.
    amount: Amount,
    /// Tier of the plan.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=15))]
    tier: u8,
    /// End of the cycle, like 2027-01-31T00:00:00Z or `+30d`; none if it is left out.
    #[arg(long, value_name = "WHEN")]
    ends_at: Option<Moment>,
    /// End of the cycle, counted from now: 2s, 10m, 30d.
    #[arg(long, value_name = "TIME", conflicts_with = "ends_at", value_parser = crate::moment::parse_ahead)]
    ends_in: Option<Moment>,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let now_ms = if self.counts_from_now() { tool.client.welcome().await?.server_time_ms } else { 0 };
        let plan = match self.plan() {
            Some(plan) => tool.plan_id(plan).await?,
            None => 0,
        };
        let (id, account) = (self.id().unwrap_or_else(client::command_id), self.account());
        let request = self.command(id, plan, now_ms);
        let answer = tool.command(&request, self.again(id, &request)).await?;
        let about = [("account", account.to_string()), ("command_id", id.to_string())];
        Ok(match self {
            Self::Set(_) => answer_view::command(&about, &answer),
            _ => subscription_view::changed(&about, &answer, &tool.plan_names(&answer).await),
        })
    }

    /// The request, with the plan's number and the daemon's time.
    fn command(&self, command: CommandId, plan: u16, now_ms: u64) -> Command {
        let at = |moment: &Option<Moment>| moment.map_or(0, |moment| moment.after(now_ms));
        match self {
            Self::Subscribe(Subscribe { account, paid_through, no_auto_renew, .. }) => Command::Subscribe {
                command,
                account: *account,
                plan,
                auto_renew: !no_auto_renew,
                paid_through_ms: at(paid_through),
            },
            Self::Renew(Renew { account, paid_through, .. }) => {
                Command::Renew { command, account: *account, paid_through_ms: paid_through.after(now_ms) }
            }
            Self::Cancel(Cancel { account, now, .. }) => {
                Command::Cancel { command, account: *account, at_period_end: !now }
            }
            Self::Lapse(Lapse { account, .. }) => Command::Lapse { command, account: *account },
            Self::Change(Change { account, mode, .. }) => {
                Command::ChangePlan { command, account: *account, plan, mode: (*mode).into() }
            }
            Self::Set(Set { account, amount, tier, ends_at, ends_in, .. }) => Command::SetSubscription {
                command,
                account: *account,
                amount: amount.0,
                tier: *tier,
                ends_at_ms: at(&ends_at.or(*ends_in)),
            },
        }
    }

    const fn account(&self) -> AccountId {
        match self {
            Self::Subscribe(Subscribe { account, .. })
            | Self::Renew(Renew { account, .. })
            | Self::Cancel(Cancel { account, .. })
            | Self::Lapse(Lapse { account, .. })
            | Self::Change(Change { account, .. })
            | Self::Set(Set { account, .. }) => *account,
        }
    }

    const fn id(&self) -> Option<CommandId> {
        match self {
            Self::Subscribe(Subscribe { command_id, .. })
            | Self::Renew(Renew { command_id, .. })
            | Self::Cancel(Cancel { command_id, .. })
            | Self::Lapse(Lapse { command_id, .. })
            | Self::Change(Change { command_id, .. })
            | Self::Set(Set { command_id, .. }) => *command_id,
        }
    }

    const fn plan(&self) -> Option<&Named> {
        match self {
            Self::Subscribe(Subscribe { plan, .. }) | Self::Change(Change { plan, .. }) => Some(plan),
            _ => None,
        }
    }

    /// What makes a second try the same request: a time from now has become an instant.
    fn again(&self, id: CommandId, request: &Command) -> Again {
        let again = Again::with("--command-id", self.id(), id);
        let (argument, at_ms) = match request {
            Command::Subscribe { paid_through_ms, .. } | Command::Renew { paid_through_ms, .. } => {
                ("--paid-through", *paid_through_ms)
            }
            Command::SetSubscription { ends_at_ms, .. } => ("--ends-at", *ends_at_ms),
            _ => return again,
        };
        let in_place_of = match self {
            Self::Set(Set { ends_in: Some(_), .. }) => "--ends-in",
            _ => argument,
        };
        match instant(at_ms).filter(|_| self.counts_from_now()) {
            Some(instant) => again.saying(format!("{argument} {instant}"), in_place_of),
            None => again,
        }
    }

    fn counts_from_now(&self) -> bool {
        let moment = match self {
            Self::Subscribe(Subscribe { paid_through, .. }) => *paid_through,
            Self::Renew(Renew { paid_through, .. }) => Some(*paid_through),
            Self::Set(Set { ends_at, ends_in, .. }) => ends_at.or(*ends_in),
            _ => None,
        };
        moment.is_some_and(Moment::counts_from_now)
    }
}

#[cfg(test)]
mod tests;
