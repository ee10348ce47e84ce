//! `creditctl balance`.

use clap::Args;
use protocol::{AccountId, Command};

use crate::account_view;
use crate::exit::Failure;
use crate::output::Shown;
use crate::tool::Tool;

/// `balance`.
#[derive(Debug, Args)]
pub(crate) struct Balance {
    /// The account.
    account: AccountId,
}

impl Balance {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let answer = tool.look(&Command::ShowAccount { account: self.account }).await?;
        Ok(account_view::balance(&[("account", self.account.to_string())], &answer))
    }
}
