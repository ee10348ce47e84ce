//! `creditctl topup`, `topup confirm`, `topup list`.

use clap::{Args, Subcommand};
use protocol::limits::KEY_BYTES_MAX;
use protocol::{AccountId, Command, PaymentId, Text};
use serde_json::json;

use crate::account::text;
use crate::again::Again;
use crate::amount::Amount;
use crate::exit::{Exit, Failure};
use crate::output::Shown;
use crate::tool::Tool;
use crate::{account_view, answer_view};

/// `topup`: of an amount or a bundle, unless a verb says something else.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Topup {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The account.
    #[arg(required = true)]
    account: Option<AccountId>,
    /// Credits that were bought.
    #[arg(required_unless_present = "bundle")]
    amount: Option<Amount>,
    /// The name of a bundle of the daemon's, instead of an amount.
    #[arg(long, value_name = "NAME", conflicts_with = "amount", value_parser = text::<KEY_BYTES_MAX>)]
    bundle: Option<Text<KEY_BYTES_MAX>>,
    /// List the credits only: they can be spent once `topup confirm` says that they are paid for.
    #[arg(long)]
    pending: bool,
    /// The payment's id: the same payment is counted once.
    #[arg(long, value_name = "ID")]
    payment: Option<PaymentId>,
}

/// What else is done with top-ups.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a pending top-up spendable: it is paid for.
    Confirm {
        /// The account.
        account: AccountId,
        /// The payment's id.
        payment: PaymentId,
    },
    /// List the pending top-ups of an account.
    List {
        /// The account.
        account: AccountId,
    },
}

impl Topup {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let (request, account, payment, again) = match self.verb {
            Some(Verb::List { account }) => return list(tool, account).await,
            Some(Verb::Confirm { account, payment }) => {
                (Command::ConfirmTopUp { payment, account }, account, payment, Again::same())
            }
            None => {
                let payment = self.payment.unwrap_or_else(client::payment_id);
                let account = self.account.ok_or_else(|| Failure::usage("the account is missing"))?;
                (self.command(account, payment)?, account, payment, Again::with("--payment", self.payment, payment))
            }
        };
        let answer = tool.command(&request, again).await?;
        let about = [("account", account.to_string()), ("payment_id", payment.to_string())];
        Ok(answer_view::command(&about, &answer))
    }

    fn command(&self, account: AccountId, payment: PaymentId) -> Result<Command, Failure> {
        let pending = self.pending;
        Ok(match (&self.bundle, self.amount) {
            (Some(bundle), _) => Command::TopUpBundle { payment, account, bundle: bundle.clone(), pending },
            (None, Some(amount)) if pending => Command::PendingTopUp { payment, account, amount: amount.0 },
            (None, Some(amount)) => Command::TopUp { payment, account, amount: amount.0 },
            (None, None) => return Err(Failure::usage("the amount or the bundle is missing")),
        })
    }
}

/// The pending top-ups of an account.
async fn list(tool: &Tool, account: AccountId) -> Result<Shown, Failure> {
    let answer = tool.look(&Command::ShowAccount { account }).await?;
    let protocol::View::Account(view) = &answer.view else {
        return Ok(answer_view::command(&[("account", account.to_string())], &answer));
    };
    let json = json!({ "account": account.to_string(), "pending": account_view::pending_json(view) });
    let text = match account_view::pending_table(view) {
        text if text.is_empty() => "no pending top-ups\n".to_owned(),
        text => text,
    };
    Ok(Shown { json, text, exit: Exit::Ok })
}

#[cfg(test)]
mod tests;
