//! Whether the fields of a command can be right at all. What a catalogue or a wallet has to know is not asked here.

use super::{Command, EstimateLine};
use crate::field::Field;
use crate::ids::AccountId;
use crate::limits::{ACCOUNTS_LISTED_MAX, AMOUNT_MAX, HOLDS_LISTED_MAX, TIER_MAX};
use crate::operation::{BadField, SOURCES_MASK};

impl Command {
    /// Whether the fields can be right at all: ids are not nil, numbers are in their ranges. Decoding does not ask,
    /// because a wrong field is an answer (`bad_request`), not the end of the connection.
    ///
    /// # Errors
    /// The first bad field: the idempotency key, then the account, then the rest in the order of the body.
    pub fn check(&self) -> Result<(), BadField> {
        self.check_key()?;
        bad(self.account().is_some_and(AccountId::is_nil), Field::Account)?;
        self.check_rest()
    }

    fn check_key(&self) -> Result<(), BadField> {
        match self {
            Self::OpenAccount { command, .. }
            | Self::Freeze { command, .. }
            | Self::SetSubscription { command, .. }
            | Self::Grant { command, .. }
            | Self::Clawback { command, .. }
            | Self::Subscribe { command, .. }
            | Self::Renew { command, .. }
            | Self::Cancel { command, .. }
            | Self::Lapse { command, .. }
            | Self::ChangePlan { command, .. }
            | Self::SetZone { command, .. }
            | Self::Correct { command, .. }
            | Self::ReleaseWorker { command, .. } => bad(command.is_nil(), Field::Command),
            Self::TopUp { payment, .. }
            | Self::PendingTopUp { payment, .. }
            | Self::ConfirmTopUp { payment, .. }
            | Self::TopUpBundle { payment, .. } => bad(payment.is_nil(), Field::Payment),
            Self::ShowHold { hold } => bad(hold.is_nil(), Field::Hold),
            Self::ShowAccount { .. }
            | Self::ListHolds { .. }
            | Self::ListAccounts { .. }
            | Self::ListPlans
            | Self::ListRates
            | Self::Quote { .. }
            | Self::Estimate { .. }
            | Self::Reload
            | Self::Clock { .. }
            | Self::ShowResets => Ok(()),
        }
    }

    fn check_rest(&self) -> Result<(), BadField> {
        match self {
            Self::SetSubscription { amount, tier, .. } => {
                bad(*amount > AMOUNT_MAX, Field::Amount)?;
                bad(*tier == 0 || *tier > TIER_MAX, Field::Tier)
            }
            Self::Grant { amount, .. }
            | Self::TopUp { amount, .. }
            | Self::Clawback { amount, .. }
            | Self::PendingTopUp { amount, .. }
            | Self::Correct { amount, .. } => bad(*amount == 0 || *amount > AMOUNT_MAX, Field::Amount),
            Self::Subscribe { plan, .. } | Self::ChangePlan { plan, .. } => bad(*plan == 0, Field::Plan),
            Self::Renew { paid_through_ms, .. } => bad(*paid_through_ms == 0, Field::PaidThrough),
            Self::SetZone { zone, .. } => bad(zone.as_str().is_empty(), Field::Zone),
            Self::TopUpBundle { bundle, .. } => bad(bundle.as_str().is_empty(), Field::Bundle),
            Self::ReleaseWorker { worker, .. } => bad(worker.is_nil(), Field::Worker),
            Self::ListHolds { limit, .. } => bad_limit(*limit, HOLDS_LISTED_MAX),
            Self::ListAccounts { limit, .. } => bad_limit(*limit, ACCOUNTS_LISTED_MAX),
            Self::Quote { model, sources, .. } => {
                bad(*model == 0, Field::Model)?;
                bad(*sources > SOURCES_MASK, Field::Sources)
            }
            Self::Estimate { lines, days, buffer_percent_min, buffer_percent_max } => {
                bad(lines.as_slice().is_empty(), Field::Lines)?;
                bad(lines.as_slice().iter().any(|EstimateLine { model, .. }| *model == 0), Field::Model)?;
                bad(*days == 0, Field::Days)?;
                bad(buffer_percent_min > buffer_percent_max, Field::Buffer)
            }
            Self::OpenAccount { .. }
            | Self::ShowAccount { .. }
            | Self::Freeze { .. }
            | Self::ShowHold { .. }
            | Self::Cancel { .. }
            | Self::Lapse { .. }
            | Self::ConfirmTopUp { .. }
            | Self::ListPlans
            | Self::ListRates
            | Self::Reload
            | Self::Clock { .. }
            | Self::ShowResets => Ok(()),
        }
    }
}

const fn bad(condition: bool, field: Field) -> Result<(), BadField> {
    if condition { Err(BadField { field }) } else { Ok(()) }
}

const fn bad_limit(limit: u16, max: usize) -> Result<(), BadField> {
    bad(limit == 0 || limit as usize > max, Field::Limit)
}
