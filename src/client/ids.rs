//! Ids that callers make: UUIDv7, from this machine's clock and its randomness.

use protocol::{CommandId, HoldId, PaymentId};
use uuid::Uuid;

/// A new hold id. Its time is judged by the daemon's clock (R22), so this machine's clock must not be minutes off.
#[must_use]
pub fn hold_id() -> HoldId {
    HoldId(Uuid::now_v7().as_u128())
}

/// A new command id.
#[must_use]
pub fn command_id() -> CommandId {
    CommandId(Uuid::now_v7().as_u128())
}

/// A new payment id, for top-ups that no billing service has numbered.
#[must_use]
pub fn payment_id() -> PaymentId {
    PaymentId(Uuid::now_v7().as_u128())
}

/// Random bits that spread the retries of many clients over time.
pub(crate) fn retry_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

#[cfg(test)]
mod tests;
