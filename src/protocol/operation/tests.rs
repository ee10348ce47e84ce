//! Operations come back, and the first bad field is named.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::limits::{AMOUNT_MAX, HOLD_TTL_MS_MAX};
use crate::{document, strategies};

/// What each kind may state, and what it must (marked `!`): the table of WIRE.md.
fn used() -> Vec<(OperationKind, Vec<String>)> {
    let rows = document::table("Used fields");
    assert_eq!(rows.len(), OperationKind::ALL.len());
    rows.into_iter()
        .map(|row| {
            let kind = OperationKind::ALL.iter().find(|kind| kind.name() == row[0]).unwrap();
            (*kind, row[1].split(' ').map(str::to_owned).collect())
        })
        .collect()
}

/// A record of the kind with everything that it must state.
fn least(kind: OperationKind) -> [u8; OPERATION_BYTES] {
    let (hold, account) = (HoldId(1), AccountId(2));
    match kind {
        OperationKind::Reserve => Operation::reserve(hold, account, 0, 0),
        OperationKind::Charge => Operation::charge(hold, account, 0),
        OperationKind::Commit => Operation { flags: OperationFlags::NONE, ..Operation::commit(hold, account, 0, 0) },
        OperationKind::Release => Operation::release(hold, account),
        OperationKind::Refund => Operation::refund(hold, account, 0, 0, RefundReason::Goodwill),
        OperationKind::Extend => Operation::extend(hold, account, 1),
        OperationKind::Balance => Operation::balance(account),
    }
    .encode()
}

/// Where a field is, its bytes, and a byte that every kind that uses it takes at its start.
const PLACES: [(Field, usize, usize); 17] = [
    (Field::Flags, 1, 1),
    (Field::Sources, 2, 1),
    (Field::Number, 3, 1),
    (Field::TtlMs, 4, 4),
    (Field::Hold, 8, 16),
    (Field::Account, 24, 16),
    (Field::Amount, 40, 8),
    (Field::Member, 48, 16),
    (Field::Worker, 64, 16),
    (Field::Model, 80, 4),
    (Field::Tool, 84, 2),
    (Field::Count, 86, 2),
    (Field::MinTier, 88, 1),
    (Field::Reason, 89, 1),
    (Field::OverCommit, 90, 1),
    (Field::Reserved, 91, 1),
    (Field::Settings, 92, 4),
];

fn small_value(field: Field, kind: OperationKind) -> u8 {
    match field {
        Field::Flags if matches!(kind, OperationKind::Reserve | OperationKind::Charge) => OperationFlags::PRO_MODEL.0,
        Field::Flags => OperationFlags::ALL.0,
        _ => 1,
    }
}

#[test]
fn the_places_cover_the_record_without_a_gap() {
    let mut next = 1;
    for (_, at, len) in PLACES {
        assert_eq!(at, next);
        next = at + len;
    }
    assert_eq!(next, OPERATION_BYTES);
}

#[test]
fn a_kind_takes_the_fields_that_it_uses_and_no_other() {
    for (kind, fields) in used() {
        for (field, at, _) in PLACES {
            let used = fields.iter().any(|used| used.trim_end_matches('!') == field.name());
            let mut record = least(kind);
            record[at] = small_value(field, kind);
            let expected = if used { Ok(()) } else { Err(BadField { field }) };
            assert_eq!(Operation::decode(&record).map(drop), expected, "{kind} with {field}");
        }
    }
}

#[test]
fn a_kind_must_state_what_is_marked() {
    for (kind, fields) in used() {
        for (field, at, len) in PLACES {
            let must = fields.iter().any(|used| used.strip_suffix('!') == Some(field.name()));
            let mut record = least(kind);
            record[at..at + len].fill(0);
            let expected = if must { Err(BadField { field }) } else { Ok(()) };
            assert_eq!(Operation::decode(&record).map(drop), expected, "{kind} without {field}");
        }
    }
}

#[test]
fn values_out_of_range_are_named() {
    let cases: [(OperationKind, usize, &[u8], Field); 16] = [
        (OperationKind::Reserve, 1, &[OperationFlags::FINAL.0], Field::Flags),
        (OperationKind::Commit, 1, &[OperationFlags::PRICED.0], Field::Flags),
        (OperationKind::Commit, 1, &[1 << 7], Field::Flags),
        (OperationKind::Refund, 1, &[OperationFlags::FINAL.0], Field::Flags),
        (OperationKind::Reserve, 2, &[8], Field::Sources),
        (OperationKind::Reserve, 4, &86_400_001_u32.to_le_bytes(), Field::TtlMs),
        (OperationKind::Extend, 4, &u32::MAX.to_le_bytes(), Field::TtlMs),
        (OperationKind::Charge, 40, &(AMOUNT_MAX + 1).to_le_bytes(), Field::Amount),
        (OperationKind::Reserve, 88, &[16], Field::MinTier),
        (OperationKind::Refund, 89, &[7], Field::Reason),
        (OperationKind::Refund, 89, &[255], Field::Reason),
        (OperationKind::Reserve, 90, &[3], Field::OverCommit),
        (OperationKind::Balance, 90, &[255], Field::OverCommit),
        (OperationKind::Balance, 0, &[0], Field::Kind),
        (OperationKind::Balance, 0, &[8], Field::Kind),
        (OperationKind::Balance, 91, &[1], Field::Reserved),
    ];
    for (kind, at, bytes, field) in cases {
        let mut record = least(kind);
        record[at..at + bytes.len()].copy_from_slice(bytes);
        assert_eq!(Operation::decode(&record), Err(BadField { field }), "{kind} at {at}");
    }
    let largest = Operation::charge(HoldId(1), AccountId(2), AMOUNT_MAX);
    assert_eq!(Operation::decode(&largest.encode()), Ok(largest));
    let longest = Operation::extend(HoldId(1), AccountId(2), HOLD_TTL_MS_MAX);
    assert_eq!(Operation::decode(&longest.encode()), Ok(longest));
}

#[test]
fn all_and_an_amount_contradict_each_other() {
    let commit = Operation { amount: 1, ..Operation::commit_all(HoldId(1), AccountId(2), 0) };
    assert_eq!(commit.check(), Err(BadField { field: Field::Amount }));
    assert_eq!(Operation::decode(&commit.encode()), Err(BadField { field: Field::Amount }));
}

/// R18: a price may be expected or not.
#[test]
fn what_is_to_be_priced_has_any_amount() {
    for reserve in
        [Operation::reserve(HoldId(1), AccountId(2), 0, 0), Operation::charge(HoldId(1), AccountId(2), 73_500)]
    {
        assert_eq!(reserve.priced(1, 2, 3, 4).check(), Ok(()));
        assert_eq!(reserve.priced(1, 2, 3, 0).check(), Ok(()));
    }
}

#[test]
fn of_several_bad_fields_the_lowest_is_named() {
    let mut record = least(OperationKind::Release);
    record[1..].fill(0xff);
    assert_eq!(Operation::decode(&record), Err(BadField { field: Field::Flags }));
    record[0] = 0xff;
    assert_eq!(Operation::decode(&record), Err(BadField { field: Field::Kind }));
}

#[test]
fn zero_sources_mean_all_of_them() {
    assert_eq!(Sources::ALL.mask(), 7);
    assert_eq!(Sources::FREE.with(Sources::TOP_UP).mask(), 5);
}

#[test]
fn a_bad_operation_harms_no_other() {
    let good = least(OperationKind::Balance);
    let mut bad = good;
    bad[91] = 1;
    let body = [good, bad, good].concat();
    let results: Vec<bool> = Operations::of_body(&body).map(|result| result.is_ok()).collect();
    assert_eq!(results, [true, false, true]);
    assert_eq!(Operations::of_body(&body).len(), 3);
    assert_eq!(Operations::of_body(&body[..200]).len(), 2);
}

proptest! {
    #[test]
    fn operations_round_trip(operation in strategies::operation()) {
        prop_assert_eq!(operation.check(), Ok(()));
        prop_assert_eq!(Operation::decode(&operation.encode()), Ok(operation));
    }

    #[test]
    fn whatever_is_taken_is_written_the_same(mut record in prop::array::uniform32(any::<u8>()), kind in 0..9_u8, zeroed in prop::collection::vec(0..32_usize, 0..32)) {
        record[0] = kind;
        for at in zeroed.into_iter().filter(|at| *at > 0) {
            record[at] = 0;
        }
        let mut bytes = [0; OPERATION_BYTES];
        bytes[..32].copy_from_slice(&record);
        bytes[32..40].copy_from_slice(&record[..8]);
        if let Ok(operation) = Operation::decode(&bytes) {
            prop_assert_eq!(operation.encode(), bytes);
            prop_assert_eq!(operation.check(), Ok(()));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for operation in Operations::of_body(&bytes).flatten() {
            prop_assert_eq!(operation.check(), Ok(()));
        }
    }
}
