//! What a record is about.

use wallet::ids::{AccountId, HoldId};
use wallet::record::Record;

/// Whose row a record of the hot kinds changes.
pub(super) fn account(record: &Record) -> Option<AccountId> {
    match record {
        Record::Reserve(reserve) | Record::Charge(reserve) => Some(reserve.account),
        Record::Capture(capture) => Some(capture.account),
        Record::Release(end) | Record::Expire(end) | Record::ReleaseWorker(end) => Some(end.account),
        _ => None,
    }
}

/// Which open hold a record of the hot kinds settles.
pub(super) fn settled_hold(record: &Record) -> Option<HoldId> {
    match record {
        Record::Capture(capture) => Some(capture.hold),
        Record::Release(end) | Record::Expire(end) => Some(end.hold),
        _ => None,
    }
}

/// Which hold a record makes.
pub(super) fn new_hold(record: &Record) -> Option<HoldId> {
    match record {
        Record::Reserve(reserve) | Record::Charge(reserve) => Some(reserve.hold),
        Record::Tombstone { hold, .. } => Some(*hold),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
