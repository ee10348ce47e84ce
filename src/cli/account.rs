//! `creditctl account open|show|freeze|unfreeze`.

use clap::{Args, Subcommand};
use protocol::limits::{REASON_BYTES_MAX, ZONE_BYTES_MAX};
use protocol::{AccountId, Command, CommandId, Text};

use crate::exit::Failure;
use crate::output::Shown;
use crate::tool::Tool;
use crate::{account_view, answer_view};

/// What is done with the account.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Open an account; it gets the free credits of the day.
    Open(Open),
    /// Show an account: credits by bucket, and all that was ever given.
    Show {
        /// The account.
        account: AccountId,
    },
    /// Refuse new reserves and charges; settlements go on.
    Freeze(Freeze),
    /// Take them again.
    Unfreeze(Freeze),
}

/// `account open`.
#[derive(Debug, Args)]
pub(crate) struct Open {
    /// The new account's id; made up and shown if it is left out.
    account: Option<AccountId>,
    /// Time zone of its days, an IANA name.
    #[arg(long, default_value = "UTC", value_parser = text::<ZONE_BYTES_MAX>)]
    zone: Text<ZONE_BYTES_MAX>,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// `account freeze` and `account unfreeze`.
#[derive(Debug, Args)]
pub(crate) struct Freeze {
    /// The account.
    account: AccountId,
    /// Why, for the record.
    #[arg(long, default_value = "", value_parser = text::<REASON_BYTES_MAX>)]
    reason: Text<REASON_BYTES_MAX>,
    /// Idempotency key, to repeat a command whose outcome is unknown.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

/// Reads a text within its limit.
pub(crate) fn text<const MAX: usize>(text: &str) -> Result<Text<MAX>, protocol::TooLong> {
    Text::new(text)
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        match self {
            Self::Open(open) => open.run(tool).await,
            Self::Show { account } => {
                let answer = tool.command(&Command::ShowAccount { account }, "", "").await?;
                Ok(account_view::account(&[("account", account.to_string())], &answer))
            }
            Self::Freeze(freeze) => freeze.run(tool, true).await,
            Self::Unfreeze(freeze) => freeze.run(tool, false).await,
        }
    }
}

impl Open {
    async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let account = self.account.unwrap_or_else(|| AccountId(client::command_id().0));
        let command = self.command_id.unwrap_or_else(client::command_id);
        let request = Command::OpenAccount { command, account, zone: self.zone };
        let answer = tool.command(&request, "--command-id", format!("{command} {account}")).await?;
        let about = [("account", account.to_string()), ("command_id", command.to_string())];
        Ok(answer_view::command(&about, &answer))
    }
}

impl Freeze {
    async fn run(self, tool: &Tool, frozen: bool) -> Result<Shown, Failure> {
        let Self { account, reason, command_id } = self;
        let command = command_id.unwrap_or_else(client::command_id);
        let answer =
            tool.command(&Command::Freeze { command, account, frozen, reason }, "--command-id", command).await?;
        let about = [("account", account.to_string()), ("command_id", command.to_string())];
        Ok(answer_view::command(&about, &answer))
    }
}
