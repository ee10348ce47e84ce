//! Calls that list, show and price, and the two that work on everything at once.

use protocol::limits::ESTIMATE_LINES_MAX;
use protocol::{AccountId, Command, CommandAnswer, CommandId, EstimateLine, HoldId, List, Sources, WorkerId};

use crate::client::Client;
use crate::error::CallError;

/// Lists, prices, and what is done to many. Each fails as [`Client::command`] does.
impl Client {
    /// Gives back what every open hold of a dead worker holds; a nil account = of every account.
    ///
    /// It is not sent again once it may have been carried out: unlike other commands it would have a second effect, on what
    /// the worker has reserved since.
    ///
    /// # Errors
    /// It has no answer. After [`CallError::OutcomeUnknown`] look at the worker's holds ([`Client::list_holds`]) first.
    pub async fn release_worker(
        &self,
        command: CommandId,
        account: AccountId,
        worker: WorkerId,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ReleaseWorker { command, account, worker }).await
    }

    /// Lists open holds after an id; nil account and worker = of every one, `older_than_ms` 0 = of any age.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn list_holds(
        &self,
        account: AccountId,
        worker: WorkerId,
        older_than_ms: u64,
        limit: u16,
        after: HoldId,
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ListHolds { account, worker, older_than_ms, limit, after }).await
    }

    /// Lists accounts after an id.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn list_accounts(&self, after: AccountId, limit: u16) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ListAccounts { after, limit }).await
    }

    /// Shows the plan catalogue.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn list_plans(&self) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ListPlans).await
    }

    /// Shows the rate card.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn list_rates(&self) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ListRates).await
    }

    /// Prices what an account would make, and says whether it would pass and what would fit. The settings word is made
    /// with [`GenerationSettings::pack`](protocol::GenerationSettings::pack).
    ///
    /// # Errors
    /// It has no answer.
    pub async fn quote(
        &self,
        account: AccountId,
        tool: u16,
        model: u32,
        settings: u32,
        count: u16,
        sources: Sources,
    ) -> Result<CommandAnswer, CallError> {
        let Sources(sources) = sources;
        self.command(&Command::Quote { account, tool, model, settings, count, sources }).await
    }

    /// Adds up what generations need over some days, with the two buffers in percent on top.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn estimate(
        &self,
        lines: List<EstimateLine, ESTIMATE_LINES_MAX>,
        days: u16,
        (buffer_percent_min, buffer_percent_max): (u8, u8),
    ) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Estimate { lines, days, buffer_percent_min, buffer_percent_max }).await
    }

    /// Makes the daemon read its plan and rate files again; the view says what became of it.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn reload(&self) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Reload).await
    }

    /// Shows how the daemon's time stands to the wall clock; with `confirm`, believes a forward step of it that is suspect.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn clock(&self, confirm: bool) -> Result<CommandAnswer, CallError> {
        self.command(&Command::Clock { confirm }).await
    }

    /// Shows the next resets and the last.
    ///
    /// # Errors
    /// It has no answer.
    pub async fn resets(&self) -> Result<CommandAnswer, CallError> {
        self.command(&Command::ShowResets).await
    }
}
