//! One call per request, for programs that read better with names.

use protocol::limits::{REASON_BYTES_MAX, ZONE_BYTES_MAX};
use protocol::{
    AccountId, Answer, Bucket, Command, CommandAnswer, CommandId, HoldId, Operation, PaymentId, RefundReason, Text,
};

use crate::client::Client;
use crate::error::CallError;

mod looks;
mod plans;

#[cfg(test)]
mod tests;

/// Operations: amounts in millicredits, times in milliseconds. Each fails as [`Client::operation`] does.
impl Client {
    /// Sets credits aside. Build it with [`Operation::reserve`] and set what else is wanted.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn reserve(&self, reserve: Operation) -> Result<Answer, CallError> {
        self.operation(reserve).await
    }

    /// Takes credits at once. Build it with [`Operation::charge`].
    ///
    /// # Errors
    /// It has no answer.
    pub async fn charge(&self, charge: Operation) -> Result<Answer, CallError> {
        self.operation(charge).await
    }

    /// The last capture of a hold; the rest goes back.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn commit(&self, hold: HoldId, account: AccountId, amount: u64, number: u8) -> Result<Answer, CallError> {
        self.operation(Operation::commit(hold, account, amount, number)).await
    }

    /// The last capture of a hold, of all that is still held.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn commit_all(&self, hold: HoldId, account: AccountId, number: u8) -> Result<Answer, CallError> {
        self.operation(Operation::commit_all(hold, account, number)).await
    }

    /// Gives a hold back.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn release(&self, hold: HoldId, account: AccountId) -> Result<Answer, CallError> {
        self.operation(Operation::release(hold, account)).await
    }

    /// Gives back what was captured.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn refund(
        &self,
        hold: HoldId,
        account: AccountId,
        amount: u64,
        number: u8,
        reason: RefundReason,
    ) -> Result<Answer, CallError> {
        self.operation(Operation::refund(hold, account, amount, number, reason)).await
    }

    /// Moves a hold's end, counted from now.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn extend(&self, hold: HoldId, account: AccountId, ttl_ms: u32) -> Result<Answer, CallError> {
        self.operation(Operation::extend(hold, account, ttl_ms)).await
    }

    /// What a reserve could take now.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn balance(&self, account: AccountId) -> Result<Answer, CallError> {
        self.operation(Operation::balance(account)).await
    }
}

/// Commands. Each fails as [`Client::command`] does.
impl Client {
    /// Opens an account; an empty zone is UTC.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn open_account(
        &self,
        command: CommandId,
        account: AccountId,
        zone: Text<ZONE_BYTES_MAX>,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::OpenAccount { command, account, zone }).await
    }

    /// Shows an account.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn show_account(&self, account: AccountId) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ShowAccount { account }).await
    }

    /// Freezes or unfreezes an account.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn freeze(
        &self,
        command: CommandId,
        account: AccountId,
        frozen: bool,
        reason: Text<REASON_BYTES_MAX>,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Freeze { command, account, frozen, reason }).await
    }

    /// Sets subscription credits and tier; `ends_at_ms` 0 = no end.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn set_subscription(
        &self,
        command: CommandId,
        account: AccountId,
        amount: u64,
        tier: u8,
        ends_at_ms: u64,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::SetSubscription { command, account, amount, tier, ends_at_ms }).await
    }

    /// Gives credits to a bucket.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn grant(
        &self,
        command: CommandId,
        account: AccountId,
        bucket: Bucket,
        amount: u64,
        reason: Text<REASON_BYTES_MAX>,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Grant { command, account, bucket, amount, reason }).await
    }

    /// Adds credits that were bought.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn top_up(
        &self,
        payment: PaymentId,
        account: AccountId,
        amount: u64,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::TopUp { payment, account, amount }).await
    }

    /// Takes bought credits back.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn clawback(
        &self,
        command: CommandId,
        account: AccountId,
        amount: u64,
        reason: Text<REASON_BYTES_MAX>,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Clawback { command, account, amount, reason }).await
    }

    /// Shows a hold.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn show_hold(&self, hold: HoldId) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ShowHold { hold }).await
    }
}
