//! `creditctl grant`.

use clap::{Args, ValueEnum};
use protocol::limits::REASON_BYTES_MAX;
use protocol::{AccountId, Bucket, Command, CommandId, Text};

use crate::account::text;
use crate::again::Again;
use crate::amount::Amount;
use crate::answer_view;
use crate::exit::Failure;
use crate::output::Shown;
use crate::tool::Tool;

/// `grant`.
#[derive(Debug, Args)]
pub(crate) struct Grant {
    /// The account.
    account: AccountId,
    /// Credits to give.
    amount: Amount,
    /// Where they go.
    #[arg(long, value_enum)]
    bucket: Source,
    /// Why, for the record.
    #[arg(long, default_value = "", value_parser = text::<REASON_BYTES_MAX>)]
    reason: Text<REASON_BYTES_MAX>,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// A bucket, as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The daily free credits.
    Free,
    /// The credits of the subscription.
    Subscription,
    /// The credits that were bought.
    #[value(name = "top-up", alias = "top_up", alias = "topup")]
    TopUp,
}

impl From<Source> for Bucket {
    fn from(source: Source) -> Self {
        match source {
            Source::Free => Self::Free,
            Source::Subscription => Self::Subscription,
            Source::TopUp => Self::TopUp,
        }
    }
}

impl Grant {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let Self { account, amount, bucket, reason, command_id } = self;
        let command = command_id.unwrap_or_else(client::command_id);
        let request = Command::Grant { command, account, bucket: bucket.into(), amount: amount.0, reason };
        let answer = tool.command(&request, Again::with("--command-id", command_id, command)).await?;
        let about = [("account", account.to_string()), ("command_id", command.to_string())];
        Ok(answer_view::command(&about, &answer))
    }
}
