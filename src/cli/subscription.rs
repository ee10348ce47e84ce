//! `creditctl subscription set`.

use clap::{Args, Subcommand};
use protocol::{AccountId, Command, CommandId};

use crate::amount::Amount;
use crate::answer_view;
use crate::exit::Failure;
use crate::output::Shown;
use crate::time::parse_instant;
use crate::tool::Tool;

/// What is done with the subscription.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start a credit cycle with these credits and this tier.
    Set(Set),
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
    /// End of the cycle, like 2027-01-31T00:00:00Z; none if it is left out.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    ends_at: Option<u64>,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let Self::Set(Set { account, amount, tier, ends_at, command_id }) = self;
        let command = command_id.unwrap_or_else(client::command_id);
        let ends_at_ms = ends_at.unwrap_or(0);
        let request = Command::SetSubscription { command, account, amount: amount.0, tier, ends_at_ms };
        let answer = tool.command(&request, "--command-id", command).await?;
        let about = [("account", account.to_string()), ("command_id", command.to_string())];
        Ok(answer_view::command(&about, &answer))
    }
}
