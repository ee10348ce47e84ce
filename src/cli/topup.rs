//! `creditctl topup`.

use clap::Args;
use protocol::{AccountId, Command, PaymentId};

use crate::amount::Amount;
use crate::answer_view;
use crate::exit::Failure;
use crate::output::Shown;
use crate::tool::Tool;

/// `topup`.
#[derive(Debug, Args)]
pub(crate) struct Topup {
    /// The account.
    account: AccountId,
    /// Credits that were bought.
    amount: Amount,
    /// The payment's id: the same payment is counted once.
    #[arg(long, value_name = "ID")]
    payment: Option<PaymentId>,
}

impl Topup {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let payment = self.payment.unwrap_or_else(client::payment_id);
        let request = Command::TopUp { payment, account: self.account, amount: self.amount.0 };
        let answer = tool.command(&request, "--payment", payment).await?;
        let about = [("account", self.account.to_string()), ("payment_id", payment.to_string())];
        Ok(answer_view::command(&about, &answer))
    }
}
