//! Calls of billing services: plans, subscriptions, top-ups.

use protocol::limits::{KEY_BYTES_MAX, REASON_BYTES_MAX, ZONE_BYTES_MAX};
use protocol::{AccountId, Bucket, ChangeMode, Command, CommandAnswer, CommandId, PaymentId, Text};

use crate::client::Client;
use crate::error::CallError;

/// Commands of billing services. Each fails as [`Client::command`] does.
impl Client {
    /// Subscribes to a plan; `paid_through_ms` 0 = one billing term from now.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn subscribe(
        &self,
        command: CommandId,
        account: AccountId,
        plan: u16,
        auto_renew: bool,
        paid_through_ms: u64,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Subscribe { command, account, plan, auto_renew, paid_through_ms }).await
    }

    /// Records until when the subscription is paid: what a billing service calls after a payment.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn renew(
        &self,
        command: CommandId,
        account: AccountId,
        paid_through_ms: u64,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Renew { command, account, paid_through_ms }).await
    }

    /// Ends the subscription with its paid term, or now.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn cancel(
        &self,
        command: CommandId,
        account: AccountId,
        at_period_end: bool,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Cancel { command, account, at_period_end }).await
    }

    /// Ends the subscription now, because nobody paid.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn lapse(&self, command: CommandId, account: AccountId) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Lapse { command, account }).await
    }

    /// Changes the plan.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn change_plan(
        &self,
        command: CommandId,
        account: AccountId,
        plan: u16,
        mode: ChangeMode,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ChangePlan { command, account, plan, mode }).await
    }

    /// Sets the zone of the account's days and cycles.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn set_zone(
        &self,
        command: CommandId,
        account: AccountId,
        zone: Text<ZONE_BYTES_MAX>,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::SetZone { command, account, zone }).await
    }

    /// Lists a top-up that cannot be spent before [`Client::confirm_top_up`].
    ///
    /// # Errors
    /// It has no answer.
    pub async fn pending_top_up(
        &self,
        payment: PaymentId,
        account: AccountId,
        amount: u64,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::PendingTopUp { payment, account, amount }).await
    }

    /// Confirms a pending top-up.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn confirm_top_up(&self, payment: PaymentId, account: AccountId) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ConfirmTopUp { payment, account }).await
    }

    /// Adds a bundle of the catalogue, at once or pending.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn top_up_bundle(
        &self,
        payment: PaymentId,
        account: AccountId,
        bundle: Text<KEY_BYTES_MAX>,
        pending: bool,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::TopUpBundle { payment, account, bundle, pending }).await
    }

    /// Takes at most an amount out of a bucket.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn correct(
        &self,
        command: CommandId,
        account: AccountId,
        bucket: Bucket,
        amount: u64,
        reason: Text<REASON_BYTES_MAX>,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Correct { command, account, bucket, amount, reason }).await
    }
}
