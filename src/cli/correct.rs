//! `creditctl correct`.

use clap::Args;
use protocol::limits::REASON_BYTES_MAX;
use protocol::{AccountId, Command, CommandId, Text};

use crate::account::text;
use crate::again::Again;
use crate::amount::Amount;
use crate::answer_view;
use crate::exit::Failure;
use crate::grant::Source;
use crate::output::Shown;
use crate::tool::Tool;

/// `correct`.
#[derive(Debug, Args)]
pub(crate) struct Correct {
    /// The account.
    account: AccountId,
    /// Credits to take; what is not there is not taken. To give credits, `grant`.
    amount: Amount,
    /// Where they are taken.
    #[arg(long, value_enum)]
    bucket: Source,
    /// Why, for the record.
    #[arg(long, value_parser = text::<REASON_BYTES_MAX>)]
    reason: Text<REASON_BYTES_MAX>,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

impl Correct {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let Self { account, amount, bucket, reason, command_id } = self;
        let command = command_id.unwrap_or_else(client::command_id);
        let request = Command::Correct { command, account, bucket: bucket.into(), amount: amount.0, reason };
        let answer = tool.command(&request, Again::with("--command-id", command_id, command)).await?;
        let about = [("account", account.to_string()), ("command_id", command.to_string())];
        Ok(answer_view::command_of("taken", &about, &answer))
    }
}
