//! Planted violations, slices, and the bound of the memory.

use wallet::bucket::Bucket;
use wallet::credits::Credits;
use wallet::ids::Timestamp;

#[cfg(feature = "rocks")]
use super::super::RocksProjections;
use super::super::store::{BatchWriter, Family};
use super::super::{MemoryProjections, wallet_key};
use super::*;
use crate::projections::open_hold_key;
use crate::projections::rows::encode_hold;
use crate::record::samples::{HOLD_TIME_MS, hold_id, reserve, slices};

const POSITION: u64 = 90;

/// A wallet with two open holds of 0.5 credits each out of 10 that were bought.
fn wallet_of(number: u128) -> (Row, Vec<(HoldId, Hold)>) {
    let account = AccountId(number);
    let mut row = Row::new(account, String::new(), wallet::ids::Day(1), &wallet::policy::FreePolicies::new());
    let top_up = row.counters_mut(Bucket::TopUp);
    top_up.granted = Credits::from_whole(10);
    top_up.held = Credits::from_whole(1);
    row.top_up_net = 9_000;
    row.open_holds = 2;
    let id = u64::try_from(number).unwrap() * 2;
    let hold = |id: u64| {
        let reserve = wallet::record::Reserve { account, ..reserve(hold_id(HOLD_TIME_MS, id), slices(0, 0, 500)) };
        let mut hold = Hold::reserved(&reserve, false);
        hold.note_position(wallet::ids::Position(id));
        (reserve.hold, hold)
    };
    (row, vec![hold(id), hold(id + 1)])
}

fn put(batch: &mut dyn BatchWriter, row: &Row, holds: &[(HoldId, Hold)]) {
    let mut bytes = Vec::new();
    row.encode(&mut bytes);
    batch.put(Family::State, &wallet_key(row.account), &bytes);
    for (id, hold) in holds {
        bytes.clear();
        encode_hold(*id, hold, &mut bytes);
        batch.put(Family::State, &open_hold_key(*id), &bytes);
    }
}

fn fill(store: &impl ProjectionStore, wallets: u128) {
    let reached = Reached { position: Position(POSITION), ..Reached::default() };
    let mut bytes = Vec::new();
    reached.encode(&mut bytes);
    let mut fill = |batch: &mut dyn BatchWriter| {
        batch.put(Family::State, &[KeyKind::Reached as u8], &bytes);
        for number in 1..=wallets {
            let (row, holds) = wallet_of(number);
            put(batch, &row, &holds);
        }
    };
    store.write(&mut fill).unwrap();
    store.flush().unwrap();
}

fn audited(store: &impl ProjectionStore, slice: usize, accounts_max: usize) -> (Audited, Vec<Violation>) {
    let mut violations = Vec::new();
    let mut pace = Pace { slice, pause: &mut || ControlFlow::Continue(()) };
    let mut audited = None;
    store.freeze(&mut |frozen| {
        let found: &mut Found<'_> = &mut |violation| violations.push(violation);
        audited = audit_frozen(frozen, &mut pace, accounts_max, found).ok();
    });
    (audited.unwrap(), violations)
}

fn check_clean(store: &impl ProjectionStore) {
    fill(store, 40);
    let whole = Audited { position: Position(POSITION), wallets: 40, open_holds: 80 };
    for slice in [1, 2, 7, 1_000] {
        for accounts_max in [1, 3, 39, 40, 1_000] {
            assert_eq!(audited(store, slice, accounts_max), (whole, vec![]), "slices of {slice}, {accounts_max}");
        }
    }
}

#[test]
fn a_clean_store_is_clean_in_slices_of_any_size_and_with_any_memory() {
    check_clean(&MemoryProjections::new());
}

#[cfg(feature = "rocks")]
#[test]
fn a_clean_store_of_rocksdb_is_clean_in_slices_of_any_size_and_with_any_memory() {
    let directory = tempfile::tempdir().unwrap();
    check_clean(&RocksProjections::open(directory.path()).unwrap());
}

#[test]
fn planted_violations_are_found_with_their_number_and_their_account() {
    type Plant = fn(&mut Row, &mut Vec<(HoldId, Hold)>);
    let plants: [(Plant, &[Invariant]); 9] = [
        (|_, holds| holds[0].1.reserve_position = wallet::ids::Position(80), &[Invariant::Prefix, Invariant::Replay]),
        (|row, _| row.top_up_net += 1, &[Invariant::Conservation, Invariant::Conservation]),
        (|row, _| row.counters[0].spent = Credits::from_millis(u64::MAX), &[Invariant::Conservation; 2]),
        (|row, _| row.open_holds = 3, &[Invariant::Conservation]),
        (|_, holds| drop(holds.pop()), &[Invariant::Conservation, Invariant::Conservation]),
        (
            |row, _| {
                row.counters[2].spent = Credits::from_whole(10);
                row.spent_in_period.top_up = Credits::from_whole(10);
                row.top_up_net = -1_000;
            },
            &[Invariant::Debt],
        ),
        (|_, holds| holds[0].1.state = wallet::hold::HoldState::Released, &[Invariant::OneEnd; 2]),
        (|_, holds| holds[1].1.last_position = wallet::ids::Position(POSITION + 1), &[Invariant::Replay]),
        (|_, holds| holds[0].1.ended_at = Timestamp(5), &[Invariant::OneEnd]),
    ];
    for (number, (plant, expected)) in plants.into_iter().enumerate() {
        let store = MemoryProjections::new();
        fill(&store, 9);
        let (mut row, mut holds) = wallet_of(5);
        store
            .write(&mut |batch| holds.iter().for_each(|(id, _)| batch.delete(Family::State, &open_hold_key(*id))))
            .unwrap();
        plant(&mut row, &mut holds);
        store.write(&mut |batch| put(batch, &row, &holds)).unwrap();
        let (_, violations) = audited(&store, 2, 2);
        let invariants: Vec<_> = violations.iter().map(|violation| violation.invariant).collect();
        assert_eq!(invariants, expected, "plant {number}: {violations:?}");
        let of = |violation: &Violation| violation.account.is_none_or(|account| account == AccountId(5));
        assert!(violations.iter().all(of), "plant {number}: {violations:?}");
    }
    // A wallet is gone: its holds belong to nobody.
    let store = MemoryProjections::new();
    fill(&store, 9);
    store.write(&mut |batch| batch.delete(Family::State, &wallet_key(AccountId(9)))).unwrap();
    let (_, violations) = audited(&store, 2, 2);
    assert_eq!(violations.len(), 1);
    assert_eq!((violations[0].invariant, violations[0].account), (Invariant::Prefix, Some(AccountId(9))));
}

#[cfg(feature = "rocks")]
#[test]
fn writes_beside_an_audit_are_not_seen_by_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = RocksProjections::open(directory.path()).unwrap();
    fill(&store, 30);
    let mut number = 0;
    let mut violations = Vec::new();
    let mut pause = || {
        // Between two slices a wallet loses its holds and their credits are captured: whole, or not at all.
        number += 1;
        let (mut row, holds) = wallet_of(number);
        row.counters[2].spent = std::mem::take(&mut row.counters[2].held);
        row.spent_in_period.top_up = row.counters[2].spent;
        row.open_holds = 0;
        let mut change = |batch: &mut dyn BatchWriter| {
            put(batch, &row, &[]);
            holds.iter().for_each(|(id, _)| batch.delete(Family::State, &open_hold_key(*id)));
        };
        store.write(&mut change).unwrap();
        ControlFlow::Continue(())
    };
    let mut pace = Pace { slice: 4, pause: &mut pause };
    let done = audit(&store, &mut pace, &mut |violation| violations.push(violation)).unwrap().unwrap();
    assert_eq!((done.wallets, done.open_holds, violations), (30, 60, vec![]));
    assert!(number > 10);
    // The next one sees them.
    let (next, violations) = audited(&store, 100, 100);
    assert_eq!((next.open_holds, violations.len()), (60 - 2 * u64::try_from(number).unwrap(), 0));
}

#[test]
fn an_audit_stops_when_it_is_told_and_says_what_it_cannot_read() {
    let store = MemoryProjections::new();
    fill(&store, 9);
    let mut pace = Pace { slice: 4, pause: &mut || ControlFlow::Break(()) };
    assert_eq!(audit(&store, &mut pace, &mut |_| {}), Ok(None));
    store.write(&mut |batch| batch.put(Family::State, &wallet_key(AccountId(3)), b"no row")).unwrap();
    let mut pace = Pace { slice: 4, pause: &mut || ControlFlow::Continue(()) };
    assert!(matches!(audit(&store, &mut pace, &mut |_| {}), Err(ReadError::Damaged { .. })));
}

#[test]
fn the_audit_beside_a_projector_is_of_what_is_flushed() {
    let store = MemoryProjections::new();
    fill(&store, 9);
    let (mut row, _) = wallet_of(5);
    row.open_holds = 3;
    store.write(&mut |batch| put(batch, &row, &[])).unwrap();
    let archive = crate::projections::tests::script::open(store).archive();
    let mut found = Vec::new();
    let mut pace = Pace { slice: 4, pause: &mut || ControlFlow::Continue(()) };
    let audited = archive.audit(&mut pace, &mut |violation| found.push((violation.invariant, violation.account)));
    assert_eq!(audited, Ok(Some(Audited { position: Position(POSITION), wallets: 9, open_holds: 18 })));
    assert_eq!(found, [(Invariant::Conservation, Some(AccountId(5)))]);
    let mut pace = Pace { slice: 4, pause: &mut || ControlFlow::Break(()) };
    assert_eq!(archive.audit(&mut pace, &mut |_| {}), Ok(None));
}

/// A key of a kind that is longer or shorter than those ends no audit unsaid: what comes after it would not be looked at.
#[test]
fn a_key_that_is_none_is_reported() {
    for kind in [KeyKind::Wallet, KeyKind::OpenHold] {
        for bytes in [1, 5, 18] {
            let store = MemoryProjections::new();
            fill(&store, 3);
            let key = [&[kind as u8][..], &vec![0; bytes - 1]].concat();
            store.write(&mut |batch| batch.put(Family::State, &key, b"row")).unwrap();
            let mut pause = || ControlFlow::Continue(());
            let mut found = Vec::new();
            let mut pace = Pace { slice: 2, pause: &mut pause };
            let audited = audit(&store, &mut pace, &mut |violation| found.push(violation));
            assert_eq!(audited, Err(ReadError::damaged(&key, no_key())), "{kind:?} with {bytes} bytes: {found:?}");
        }
    }
}
