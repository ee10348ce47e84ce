//! What command frames ask for: a change by the rules, or something that is only shown.

use wallet::bucket::Sources;
use wallet::credits::Credits;
use wallet::estimate::EstimateLine;
use wallet::ids::{AccountId, CommandId, HoldId, PlanId, Tier, Timestamp, WorkerId};
use wallet::quote::QuoteRequest;
use wallet::rate_card::Generation;
use wallet::request::{Command, CommandRequest};
use wallet::subscription::ChangeMode;

use super::bucket;

/// What a command frame asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Something is to change.
    Change(CommandRequest),
    /// An account is to be shown.
    Account(AccountId),
    /// A hold is to be shown.
    Hold(HoldId),
    /// All open holds of a worker are to be released (R31).
    ReleaseWorker {
        /// Those of this account; none for every account.
        account: AccountId,
        /// The worker.
        worker: WorkerId,
    },
    /// Open holds are to be listed (R31).
    Holds {
        /// Those of this account; none for every account.
        account: AccountId,
        /// Those of this worker; none for every worker.
        worker: WorkerId,
        /// Those that are at least so old, in milliseconds.
        older_than_ms: u64,
        /// How many at most.
        limit: usize,
        /// Only ids greater than this one.
        after: HoldId,
    },
    /// Accounts are to be listed (R33).
    Accounts {
        /// Only ids greater than this one.
        after: AccountId,
        /// How many at most.
        limit: usize,
    },
    /// The plans are to be shown.
    Plans,
    /// The prices are to be shown.
    Rates,
    /// A generation is to be priced for an account (R21).
    Quote(QuoteRequest),
    /// The need of some days is to be added up (R21).
    Estimate(EstimateRequest),
    /// Plans and prices are to be read again.
    Reload,
    /// The clock is to be shown, or a step of it believed.
    Clock {
        /// Whether a suspect step is believed.
        confirm: bool,
    },
    /// The next resets and the last are to be shown.
    Resets,
}

/// What an estimate is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimateRequest {
    /// What is made each day.
    pub lines: Vec<EstimateLine>,
    /// How many days.
    pub days: u16,
    /// The smaller and the larger buffer on top, in percent.
    pub buffer_percent: (u8, u8),
}

/// A command of a client by its name in the handshake.
#[must_use]
pub fn command(wire: &protocol::Command, by: &str) -> Asked {
    use protocol::Command as Wire;
    let account = wire.account().map_or(AccountId::NONE, |account| AccountId(account.0));
    let (id, reason, command) = match wire {
        Wire::OpenAccount { command, zone, .. } => {
            (command.0, "", Command::OpenAccount { account, zone: zone.as_str().to_owned() })
        }
        Wire::Freeze { command, frozen, reason, .. } => {
            (command.0, reason.as_str(), Command::Freeze { account, frozen: *frozen })
        }
        Wire::SetSubscription { command, amount, tier, ends_at_ms, .. } => {
            let (amount, tier, ends_at) = (Credits::from_millis(*amount), Tier(*tier), Timestamp(*ends_at_ms));
            (command.0, "", Command::SetSubscription { account, amount, tier, ends_at })
        }
        Wire::Grant { command, bucket: of, amount, reason, .. } => {
            let (bucket, amount) = (bucket(*of), Credits::from_millis(*amount));
            (command.0, reason.as_str(), Command::Grant { account, bucket, amount })
        }
        Wire::TopUp { payment, amount, .. } => {
            (payment.0, "", Command::TopUp { account, amount: Credits::from_millis(*amount) })
        }
        Wire::Clawback { command, amount, reason, .. } => {
            (command.0, reason.as_str(), Command::Clawback { account, amount: Credits::from_millis(*amount) })
        }
        Wire::Subscribe { command, plan, auto_renew, paid_through_ms, .. } => {
            let (plan, paid_through) = (PlanId(*plan), Timestamp(*paid_through_ms));
            (command.0, "", Command::Subscribe { account, plan, auto_renew: *auto_renew, paid_through })
        }
        Wire::Renew { command, paid_through_ms, .. } => {
            (command.0, "", Command::Renew { account, paid_through: Timestamp(*paid_through_ms) })
        }
        Wire::Cancel { command, at_period_end, .. } => {
            (command.0, "", Command::Cancel { account, at_period_end: *at_period_end })
        }
        Wire::Lapse { command, .. } => (command.0, "", Command::Lapse { account }),
        Wire::ChangePlan { command, plan, mode, .. } => {
            (command.0, "", Command::ChangePlan { account, plan: PlanId(*plan), mode: change_mode(*mode) })
        }
        Wire::SetZone { command, zone, .. } => {
            (command.0, "", Command::SetZone { account, zone: zone.as_str().to_owned() })
        }
        Wire::PendingTopUp { payment, amount, .. } => {
            (payment.0, "", Command::PendingTopUp { account, amount: Credits::from_millis(*amount) })
        }
        Wire::ConfirmTopUp { payment, .. } => (payment.0, "", Command::ConfirmTopUp { account }),
        Wire::TopUpBundle { payment, bundle, pending, .. } => {
            let bundle = bundle.as_str().to_owned();
            (payment.0, "", Command::TopUpBundle { account, bundle, pending: *pending })
        }
        Wire::Correct { command, bucket: of, amount, reason, .. } => {
            let (bucket, amount) = (bucket(*of), Credits::from_millis(*amount));
            (command.0, reason.as_str(), Command::Correct { account, bucket, amount })
        }
        Wire::ShowAccount { .. } => return Asked::Account(account),
        Wire::ShowHold { hold } => return Asked::Hold(HoldId(hold.0)),
        Wire::ReleaseWorker { worker, .. } => return Asked::ReleaseWorker { account, worker: WorkerId(worker.0) },
        Wire::ListHolds { worker, older_than_ms, limit, after, .. } => {
            let (worker, after, limit) = (WorkerId(worker.0), HoldId(after.0), usize::from(*limit));
            return Asked::Holds { account, worker, older_than_ms: *older_than_ms, limit, after };
        }
        Wire::ListAccounts { after, limit } => {
            return Asked::Accounts { after: AccountId(after.0), limit: usize::from(*limit) };
        }
        Wire::ListPlans => return Asked::Plans,
        Wire::ListRates => return Asked::Rates,
        Wire::Quote { tool, model, settings, count, sources, .. } => {
            let generation = Generation { tool: *tool, model: *model, settings: *settings, count: *count };
            // The wire has refused masks with other bits.
            let sources = Sources::from_bits(*sources).unwrap_or(Sources::ALL);
            return Asked::Quote(QuoteRequest { account, generation, sources });
        }
        Wire::Estimate { lines, days, buffer_percent_min, buffer_percent_max } => {
            let lines = lines.as_slice().iter().map(estimate_line).collect();
            let buffer_percent = (*buffer_percent_min, *buffer_percent_max);
            return Asked::Estimate(EstimateRequest { lines, days: *days, buffer_percent });
        }
        Wire::Reload => return Asked::Reload,
        Wire::Clock { confirm } => return Asked::Clock { confirm: *confirm },
        Wire::ShowResets => return Asked::Resets,
    };
    Asked::Change(CommandRequest { id: CommandId(id), command, by: by.to_owned(), reason: reason.to_owned() })
}

const fn estimate_line(wire: &protocol::EstimateLine) -> EstimateLine {
    let protocol::EstimateLine { tool, model, settings, per_day } = *wire;
    EstimateLine { tool, model, settings, per_day }
}

const fn change_mode(wire: protocol::ChangeMode) -> ChangeMode {
    match wire {
        protocol::ChangeMode::Default => ChangeMode::Default,
        protocol::ChangeMode::AtRenewal => ChangeMode::AtRenewal,
        protocol::ChangeMode::NowProrated => ChangeMode::NowProrated,
        protocol::ChangeMode::NowNewCycle => ChangeMode::NowNewCycle,
    }
}
