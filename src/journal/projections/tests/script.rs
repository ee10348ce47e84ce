//! What tests of the projections are played with: lives of holds that overlap, and a projector that follows them.

use std::collections::BTreeMap;

use wallet::credits::Credits;
use wallet::ids::{AccountId, Day, HoldId, Period, Tier, Timestamp};
use wallet::record::{
    Capture, CaptureRequest, Extend, FreePolicy, LateCapture, Open as OpenAccount, Reserve, SetSubscription, TopUp,
};

use crate::group::GroupHash;
use crate::keys::Epoch;
use crate::projections::*;
use crate::record::samples::{HOLD_TIME_MS, attribution, capture, hold_id, issuer, refund, release, reserve, slices};

const ACCOUNTS: u128 = 3;

pub(in crate::projections) fn account(number: u64) -> AccountId {
    AccountId(0xacc0 + u128::from(number) % ACCOUNTS)
}

pub(in crate::projections) fn set_up() -> Vec<Record> {
    let policy = FreePolicy { from: Day(20_000), allowance: Credits::from_whole(100), all_accounts: true };
    let mut records = vec![Record::Policy(policy)];
    for number in 0..3 {
        records.push(Record::Open(OpenAccount {
            account: account(number),
            zone: "Europe/Berlin".to_owned(),
            day: Day(20_779),
            issuer: issuer(u128::from(number) + 1),
        }));
        records.push(Record::TopUp(TopUp {
            account: account(number),
            payment: wallet::ids::PaymentId(u128::from(number) + 1),
            amount: Credits::from_whole(100_000),
            bundle: String::new(),
            by: "billing".to_owned(),
            at: Timestamp(HOLD_TIME_MS),
        }));
        records.push(Record::SetSubscription(SetSubscription {
            account: account(number),
            day: Day(20_779),
            period: Period(3),
            amount: Credits::from_whole(4_500),
            tier: Tier(3),
            ends_at: Timestamp(HOLD_TIME_MS * 2),
            issuer: issuer(u128::from(number) + 100),
        }));
    }
    records
}

pub(in crate::projections) fn a_reserve(number: u64) -> Reserve {
    // Ten ids a second; the last ones have no time of their own.
    let id =
        if number % 10 == 9 { HoldId(u128::from(number) + 1) } else { hold_id(HOLD_TIME_MS + number * 100, number) };
    Reserve { account: account(number), ..reserve(id, slices(100, 2_000, 3_000)) }
}

/// What becomes of one hold: the reserve, then later records.
pub(in crate::projections) fn life(number: u64) -> Vec<Record> {
    let reserved = a_reserve(number);
    let captured = capture(&reserved);
    let returned = release(&reserved);
    let refund = refund(&reserved, slices(100, 0, 0), captured.at.plus_millis(1_000));
    let part = Capture {
        request: CaptureRequest { number: 0, amount: Some(Credits::from_millis(100)), last: false },
        captured: slices(100, 0, 0).split,
        ..captured
    };
    let rest = Capture { captured: slices(0, 2_000, 3_000).split, ..captured };
    let late = LateCapture {
        account: reserved.account,
        hold: reserved.hold,
        request: captured.request,
        taken: slices(0, 0, 5_000),
        shortfall: Credits::from_millis(100),
        attribution: attribution(),
        at: returned.at.plus_millis(5_000),
    };
    let extend = Extend { hold: reserved.hold, ends_at: reserved.ends_at.plus_millis(60_000) };
    let begin = Record::Reserve(reserved);
    match number % 8 {
        0 => vec![begin],
        1 => vec![begin, Record::Capture(captured)],
        2 => vec![begin, Record::Release(returned)],
        3 => vec![begin, Record::Expire(returned), Record::LateCapture(late)],
        4 => vec![begin, Record::Capture(captured), Record::Refund(refund)],
        5 => vec![begin, Record::Capture(part), Record::Extend(extend), Record::Capture(rest), Record::Refund(refund)],
        6 => vec![Record::Charge(reserved), Record::Refund(refund)],
        _ => vec![Record::Tombstone { hold: reserved.hold, at: reserved.at }],
    }
}

/// Lives that overlap: each step of a hold comes some records after the one before.
pub(in crate::projections) fn script(holds: u64) -> Vec<Record> {
    let mut later: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    for number in 0..holds {
        for (step, record) in (0_u64..).zip(life(number)) {
            later.entry(number + step * 7).or_default().push(record);
        }
    }
    let mut records = set_up();
    records.extend(later.into_values().flatten());
    records.push(Record::IdBound { bound: Timestamp(HOLD_TIME_MS + 2_000) });
    records
}

pub(in crate::projections) fn end(position: usize) -> Reached {
    let position = Position(u64::try_from(position).unwrap());
    Reached { position, epoch: Epoch(1), hash: GroupHash([u8::try_from(position.0 % 251).unwrap(); 32]) }
}

pub(in crate::projections) fn open<S: ProjectionStore>(store: S) -> Projector<S> {
    Projector::open(store, Options::strict(), Position::MAX).unwrap()
}

/// Applies the records from where the projector is to `to`, in groups.
pub(in crate::projections) fn follow<S: ProjectionStore>(
    projector: &mut Projector<S>,
    script: &[Record],
    to: usize,
    group: usize,
) {
    loop {
        let from = usize::try_from(projector.next().0 - 1).unwrap();
        if from >= to {
            return;
        }
        let until = to.min(from + group);
        let first = projector.next();
        projector.apply_group(first, &script[from..until], end(until)).unwrap();
        assert_eq!(usize::try_from(projector.next().0 - 1).unwrap(), until, "what was given is applied");
    }
}

pub(in crate::projections) fn in_one_go(script: &[Record]) -> Vec<u8> {
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, script, script.len(), 1_000);
    let archive = projector.archive();
    assert_eq!(archive.violations(), (0, None), "I1 holds after every record");
    archive.canonical().unwrap()
}
