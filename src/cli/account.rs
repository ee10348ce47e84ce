//! `creditctl account open|show|list|zone|freeze|unfreeze`.

use clap::{Args, Subcommand};
use protocol::limits::{ACCOUNTS_LISTED_MAX, REASON_BYTES_MAX, ZONE_BYTES_MAX};
use protocol::{AccountId, Command, CommandId, Text, View};
use serde_json::json;

use crate::again::Again;
use crate::exit::{Exit, Failure};
use crate::output::Shown;
use crate::tool::Tool;
use crate::{account_view, answer_view, subscription_view};

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
    /// List accounts, in the order of their ids.
    List(List),
    /// Set the time zone of an account's days and credit cycles.
    Zone(Zone),
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

/// `account list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many at most.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only accounts after this one: where an earlier list ended.
    #[arg(long, value_name = "ACCOUNT")]
    after: Option<AccountId>,
}

/// `account zone`.
#[derive(Debug, Args)]
pub(crate) struct Zone {
    /// The account.
    account: AccountId,
    /// The zone, an IANA name like Europe/Paris.
    #[arg(value_parser = text::<ZONE_BYTES_MAX>)]
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
                let answer = tool.look(&Command::ShowAccount { account }).await?;
                let names = tool.plan_names(&answer).await;
                Ok(account_view::account(&[("account", account.to_string())], &answer, &names))
            }
            Self::List(list) => list.run(tool).await,
            Self::Zone(zone) => zone.run(tool).await,
            Self::Freeze(freeze) => freeze.run(tool, true).await,
            Self::Unfreeze(freeze) => freeze.run(tool, false).await,
        }
    }
}

impl Open {
    async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let made_up = self.account.is_none();
        let account = self.account.unwrap_or_else(|| AccountId(client::command_id().0));
        let command = self.command_id.unwrap_or_else(client::command_id);
        let again = Again::same().adding(made_up.then(|| account.to_string()));
        let again = again.adding(self.command_id.is_none().then(|| format!("--command-id {command}")));
        let request = Command::OpenAccount { command, account, zone: self.zone };
        let answer = tool.command(&request, again).await?;
        let about = [("account", account.to_string()), ("command_id", command.to_string())];
        Ok(answer_view::command(&about, &answer))
    }
}

impl List {
    /// Asks page by page, until the limit or the end.
    async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut accounts: Vec<AccountId> = Vec::new();
        let mut after = self.after.unwrap_or_default();
        loop {
            let page = (wanted - accounts.len()).min(ACCOUNTS_LISTED_MAX);
            let limit = u16::try_from(page).unwrap_or(u16::MAX);
            let answer = tool.look(&Command::ListAccounts { after, limit }).await?;
            let View::Accounts(found) = &answer.view else { return Ok(answer_view::command(&[], &answer)) };
            accounts.extend(found.as_slice());
            let full = found.as_slice().len() == page;
            let Some(last) = found.as_slice().last().filter(|_| full) else { return Ok(listed(&accounts, None)) };
            after = *last;
            if accounts.len() >= wanted {
                return Ok(listed(&accounts, Some(after)));
            }
        }
    }
}

/// Accounts as a list; `more_after` where the limit cut it.
fn listed(accounts: &[AccountId], more_after: Option<AccountId>) -> Shown {
    let mut text: String = accounts.iter().map(|account| format!("{account}\n")).collect();
    match more_after {
        Some(after) => text.push_str(&format!("listed: {}; there may be more: --after {after}\n", accounts.len())),
        None => text.push_str(&format!("listed: {}\n", accounts.len())),
    }
    let ids: Vec<String> = accounts.iter().map(AccountId::to_string).collect();
    let json = json!({ "accounts": ids, "more_after": more_after.map(|account| account.to_string()) });
    Shown { json, text, exit: Exit::Ok }
}

impl Zone {
    async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let Self { account, zone, command_id } = self;
        let command = command_id.unwrap_or_else(client::command_id);
        let again = Again::with("--command-id", command_id, command);
        let about =
            [("account", account.to_string()), ("zone", zone.as_str().to_owned()), ("command_id", command.to_string())];
        let answer = tool.command(&Command::SetZone { command, account, zone }, again).await?;
        Ok(subscription_view::changed(&about, &answer, &tool.plan_names(&answer).await))
    }
}

impl Freeze {
    async fn run(self, tool: &Tool, frozen: bool) -> Result<Shown, Failure> {
        let Self { account, reason, command_id } = self;
        let command = command_id.unwrap_or_else(client::command_id);
        let again = Again::with("--command-id", command_id, command);
        let answer = tool.command(&Command::Freeze { command, account, frozen, reason }, again).await?;
        let about = [("account", account.to_string()), ("command_id", command.to_string())];
        Ok(answer_view::command(&about, &answer))
    }
}
