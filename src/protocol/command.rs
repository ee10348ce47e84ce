//! Control operations. The order of the variants is their number on the wire (u32, from 0): add at the end, never reorder.

use crate::codec::Body;
use crate::field::Field;
use crate::frame::FrameKind;
use crate::ids::{AccountId, CommandId, HoldId, PaymentId};
use crate::limits::{AMOUNT_MAX, REASON_BYTES_MAX, TIER_MAX, ZONE_BYTES_MAX};
use crate::numbered::numbered;
use crate::operation::BadField;
use crate::text::Text;

numbered! {
    /// A source of credits with its own reset rule (R3).
    pub enum Bucket: u8, from_u8 {
        /// Daily free credits.
        Free = 1 "free",
        /// Credits of the subscription.
        Subscription = 2 "subscription",
        /// Credits that were bought.
        TopUp = 3 "top_up",
    }
}

/// One control operation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Command {
    /// 0: opens an account (R33). Answers `account_exists` if it is open.
    OpenAccount {
        /// Idempotency key.
        command: CommandId,
        /// The new account.
        account: AccountId,
        /// IANA zone of its days (R6); empty = UTC.
        zone: Text<ZONE_BYTES_MAX>,
    },
    /// 1: shows an account, changes nothing.
    ShowAccount {
        /// The account.
        account: AccountId,
    },
    /// 2: freezes or unfreezes an account (R33). Settlements go on.
    Freeze {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// To be frozen or not.
        frozen: bool,
        /// Why.
        reason: Text<REASON_BYTES_MAX>,
    },
    /// 3: sets subscription credits and tier, until a time.
    SetSubscription {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Millicredits of the new credit cycle.
        amount: u64,
        /// Tier of the plan, 1 to 15 (R9).
        tier: u8,
        /// End of the credit cycle, milliseconds since 1970; 0 = none.
        ends_at_ms: u64,
    },
    /// 4: gives credits to a bucket (R33).
    Grant {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Where they go.
        bucket: Bucket,
        /// Millicredits.
        amount: u64,
        /// Why.
        reason: Text<REASON_BYTES_MAX>,
    },
    /// 5: credits that were bought (R14).
    TopUp {
        /// Idempotency key.
        payment: PaymentId,
        /// The account.
        account: AccountId,
        /// Millicredits.
        amount: u64,
    },
    /// 6: takes bought credits back; what is not there becomes debt (R16).
    Clawback {
        /// Idempotency key.
        command: CommandId,
        /// The account.
        account: AccountId,
        /// Millicredits.
        amount: u64,
        /// Why.
        reason: Text<REASON_BYTES_MAX>,
    },
    /// 7: shows a hold, changes nothing.
    ShowHold {
        /// The hold.
        hold: HoldId,
    },
}

impl Body for Command {
    const KIND: FrameKind = FrameKind::Command;
}

impl Command {
    /// The name of the variant in documents, logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OpenAccount { .. } => "open_account",
            Self::ShowAccount { .. } => "show_account",
            Self::Freeze { .. } => "freeze",
            Self::SetSubscription { .. } => "set_subscription",
            Self::Grant { .. } => "grant",
            Self::TopUp { .. } => "top_up",
            Self::Clawback { .. } => "clawback",
            Self::ShowHold { .. } => "show_hold",
        }
    }

    /// The account that is named; `None` for a look at a hold.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::OpenAccount { account, .. }
            | Self::ShowAccount { account }
            | Self::Freeze { account, .. }
            | Self::SetSubscription { account, .. }
            | Self::Grant { account, .. }
            | Self::TopUp { account, .. }
            | Self::Clawback { account, .. } => Some(*account),
            Self::ShowHold { .. } => None,
        }
    }

    /// Whether the fields can be right at all: ids are not nil, amount and tier are in their ranges. Decoding does not ask,
    /// because a wrong field is an answer (`bad_request`), not the end of the connection.
    ///
    /// # Errors
    /// The first bad field.
    pub fn check(&self) -> Result<(), BadField> {
        let bad = |condition: bool, field: Field| {
            if condition { Err(BadField { field }) } else { Ok(()) }
        };
        match self {
            Self::OpenAccount { command, .. }
            | Self::Freeze { command, .. }
            | Self::SetSubscription { command, .. }
            | Self::Grant { command, .. }
            | Self::Clawback { command, .. } => bad(command.is_nil(), Field::Command)?,
            Self::TopUp { payment, .. } => bad(payment.is_nil(), Field::Payment)?,
            Self::ShowHold { hold } => bad(hold.is_nil(), Field::Hold)?,
            Self::ShowAccount { .. } => {}
        }
        bad(self.account().is_some_and(AccountId::is_nil), Field::Account)?;
        let (amount_min, amount, tier) = match self {
            Self::SetSubscription { amount, tier, .. } => (0, *amount, *tier),
            Self::Grant { amount, .. } | Self::TopUp { amount, .. } | Self::Clawback { amount, .. } => {
                (1, *amount, TIER_MAX)
            }
            _ => return Ok(()),
        };
        bad(amount < amount_min || amount > AMOUNT_MAX, Field::Amount)?;
        bad(tier == 0 || tier > TIER_MAX, Field::Tier)
    }
}

#[cfg(test)]
mod tests;
