//! Ids: of version 7, and never twice.

use std::collections::HashSet;

use super::*;

#[test]
fn hold_ids_are_uuids_with_a_time_and_differ() {
    let ids: HashSet<HoldId> = (0..1000).map(|_| hold_id()).collect();
    assert_eq!(ids.len(), 1000);
    assert!(ids.iter().all(|id| id.time_ms().is_some()));
}

#[test]
fn command_and_payment_ids_are_never_nil() {
    assert!(!command_id().is_nil());
    assert!(!payment_id().is_nil());
}
