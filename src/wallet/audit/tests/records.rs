//! Records against a journal that is whole: each table has a record that is right, and what is changed in it. Beside
//! what breaks an invariant stands what leaves another right record: a check is met on both sides of its bound.

use std::collections::HashSet;

use super::*;
use crate::ids::{CommandId, WorkerId};
use crate::ledger;
use crate::ledger::{CommandRow, command_key};
use crate::record::{
    Asked, Attribution, Clawback, ConfirmTopUp, Correct, CycleRoll, DropTopUp, Extend, FreePolicy, Freeze, Grant,
    Issuer, LateCapture, Open, PendingTopUp, Record, SetSubscription, SubscriptionChange, SubscriptionKind, TopUp,
};
use crate::tests::disk::Maps;

mod payments;
mod settlements;
mod subscriptions;

/// Subscribed in its second period, with some of everything.
const A: AccountId = AccountId(1);
/// Opened, and nothing more.
const B: AccountId = AccountId(2);
/// Never opened.
const NOBODY: AccountId = AccountId(3);

const TODAY: Day = Day(20_779);
const END: Timestamp = AT.plus_millis(60_000);

const UNKNOWN: HoldId = HoldId(99);
const OPEN: HoldId = HoldId(1);
/// Open; its first capture took 10, 5 and 0 of it, and drew 3 of the period before and 7 of top-up.
const PART: HoldId = HoldId(2);
/// Captured whole with 5 of top-up drawn, and 10 of top-up refunded.
const SETTLED: HoldId = HoldId(3);
const RELEASED: HoldId = HoldId(4);
/// Captured in part with a draw, expired, and committed late once: 30 of 60 are left.
const EXPIRED: HoldId = HoldId(5);
/// Released with its worker: 10, 20 and 0, and nothing of top-up by its terms.
const DEAD: HoldId = HoldId(6);
const CHARGED: HoldId = HoldId(7);
const TOMBSTONE: HoldId = HoldId(8);
/// Open: 1, 2 and 0, and nothing of top-up by its terms.
const NARROW: HoldId = HoldId(9);

/// A change of a right record, and what it breaks.
type Plant<R> = (fn(&mut R), Option<Invariant>);

fn day(offset: i32) -> Day {
    Day(TODAY.0.checked_add_signed(offset).unwrap())
}

fn earlier(at: Timestamp) -> Timestamp {
    at.minus_millis(1)
}

fn later(at: Timestamp) -> Timestamp {
    at.plus_millis(1)
}

fn split(free: u64, subscription: u64, top_up: u64) -> Split {
    Split { free: millis(free), subscription: millis(subscription), top_up: millis(top_up) }
}

/// Of today and the running period.
fn taken(free: u64, subscription: u64, top_up: u64) -> Slices {
    Slices { split: split(free, subscription, top_up), day: TODAY, period: Period(2) }
}

fn issuer(command: u128) -> Issuer {
    Issuer { command: CommandId(command), by: String::new(), reason: String::new(), at: AT }
}

fn open(account: AccountId, command: u128) -> Open {
    Open { account, zone: "UTC".to_owned(), day: day(-2), issuer: issuer(command) }
}

fn top_up(payment: u128, amount: u64) -> TopUp {
    let (bundle, by) = (String::new(), String::new());
    TopUp { account: A, payment: PaymentId(payment), amount: millis(amount), bundle, by, at: AT }
}

fn pending_top_up(payment: u128) -> PendingTopUp {
    let TopUp { account, payment, amount, bundle, by, at } = top_up(payment, 5);
    PendingTopUp { account, payment, amount, bundle, by, at, ends_at: at.plus_millis(1_000) }
}

fn confirm(payment: u128) -> ConfirmTopUp {
    let TopUp { account, payment, amount, bundle, by, at } = top_up(payment, 5);
    ConfirmTopUp { account, payment, amount, bundle, by, at }
}

fn drop_top_up(payment: u128) -> DropTopUp {
    let TopUp { account, payment, amount, bundle, at, .. } = top_up(payment, 5);
    DropTopUp { account, payment, amount, bundle, at }
}

fn clawback(command: u128) -> Clawback {
    Clawback { account: A, amount: millis(50), taken: millis(50), debt: Credits::ZERO, issuer: issuer(command) }
}

fn set_subscription() -> SetSubscription {
    SetSubscription {
        account: A,
        day: TODAY,
        period: Period(3),
        amount: millis(10),
        tier: Tier(1),
        ends_at: Timestamp::NONE,
        issuer: issuer(900),
    }
}

fn grant(bucket: Bucket) -> Grant {
    Grant { account: A, bucket, amount: millis(5), day: TODAY, period: Period(2), issuer: issuer(900) }
}

fn correct() -> Correct {
    Correct {
        account: A,
        bucket: Bucket::TopUp,
        requested: millis(5),
        amount: millis(5),
        day: TODAY,
        period: Period(2),
        issuer: issuer(900),
    }
}

fn freeze() -> Freeze {
    Freeze { account: A, frozen: true, issuer: issuer(900) }
}

fn roll() -> CycleRoll {
    CycleRoll {
        account: A,
        day: TODAY,
        period: Period(3),
        allocation: millis(1_000),
        tier: Tier(2),
        ends_at: AT.plus_millis(9_000),
        at: AT.plus_millis(5_000),
        plan: PlanId(7),
        cycle: 2,
        skipped: 0,
        changed: false,
    }
}

fn lapse(account: AccountId) -> CycleRoll {
    let roll = CycleRoll { account, allocation: Credits::ZERO, tier: Tier::NONE, ..roll() };
    CycleRoll { ends_at: Timestamp::NONE, plan: PlanId::NONE, cycle: 0, ..roll }
}

fn rolled(roll: CycleRoll) -> Record {
    Record::CycleRoll(vec![roll])
}

/// The subscription of [`A`].
fn running() -> Subscription {
    CycleRoll { cycle: 1, at: AT, ends_at: AT.plus_millis(5_000), ..roll() }.of(&subscription()).unwrap()
}

fn renewed() -> SubscriptionChange {
    SubscriptionChange {
        account: A,
        kind: SubscriptionKind::Renew,
        asked: Asked::default(),
        day: TODAY,
        before: Some(running()),
        after: Some(running()),
        pending: None,
        period: Period(2),
        amount: Credits::ZERO,
        zone: String::new(),
        issuer: issuer(900),
    }
}

fn subscribed(account: AccountId, command: u128) -> SubscriptionChange {
    SubscriptionChange {
        account,
        kind: SubscriptionKind::Subscribe,
        before: None,
        after: Some(subscription()),
        period: Period(1),
        amount: millis(1_000),
        issuer: issuer(command),
        ..renewed()
    }
}

fn changed(change: SubscriptionChange) -> Record {
    Record::Subscription(Box::new(change))
}

fn reserve(hold: HoldId) -> Reserve {
    let taken = taken(10, 20, 30);
    Reserve { account: A, hold, taken, worker: WorkerId(5), at: AT, ends_at: END, ..reserved() }
}

fn narrow(hold: HoldId, taken: Slices) -> Reserve {
    Reserve { taken, terms: Terms { sources: Sources::NO_TOP_UP, ..Terms::NONE }, ..reserve(hold) }
}

/// All of a hold in time, by its ninth capture.
fn capture(hold: HoldId) -> Capture {
    let request = CaptureRequest { number: 9, amount: None, last: true };
    Capture { account: A, hold, request, captured: split(10, 20, 30), ..part(9, 0) }
}

fn late(hold: HoldId) -> LateCapture {
    LateCapture {
        account: A,
        hold,
        request: CaptureRequest { number: 9, amount: None, last: true },
        taken: taken(0, 0, 30),
        shortfall: Credits::ZERO,
        attribution: Attribution::default(),
        at: END,
    }
}

fn give_back(hold: HoldId) -> Return {
    Return { account: A, hold, returned: split(10, 20, 30), forfeited: Split::ZERO, at: END }
}

fn refund(hold: HoldId) -> Refund {
    let parts = vec![taken(0, 0, 25)];
    Refund {
        account: A,
        hold,
        number: 9,
        requested: None,
        reason: RefundReason::Goodwill,
        undone: parts.clone(),
        returned: parts,
        forfeited: Split::ZERO,
        attribution: Attribution::default(),
        at: END,
    }
}

/// The allowances, and what has become of the two accounts up to today.
fn accounts() -> Vec<Record> {
    let policy =
        |from, amount, all_accounts| Record::Policy(FreePolicy { from, allowance: millis(amount), all_accounts });
    let charge = |hold, taken| Record::Charge(Reserve { taken, ends_at: AT, ..reserve(HoldId(hold)) });
    vec![
        policy(Day(0), 100, true),
        policy(day(10), 77, false),
        Record::Open(open(A, 1)),
        Record::Open(open(B, 2)),
        charge(50, Slices { day: day(-1), ..taken(30, 0, 0) }),
        changed(subscribed(A, 3)),
        charge(51, Slices { period: Period(1), ..taken(0, 400, 0) }),
        rolled(CycleRoll { period: Period(2), cycle: 1, at: AT, ends_at: AT.plus_millis(5_000), ..roll() }),
        Record::TopUp(top_up(63, 500)),
        Record::Clawback(clawback(4)),
        Record::PendingTopUp(pending_top_up(60)),
        Record::PendingTopUp(pending_top_up(61)),
        Record::PendingTopUp(pending_top_up(62)),
        Record::ConfirmTopUp(confirm(61)),
        Record::DropTopUp(drop_top_up(62)),
        Record::IdBound { bound: AT },
    ]
}

/// What has become of the holds.
fn holds() -> Vec<Record> {
    let request = |amount, last| CaptureRequest { number: 1, amount: Some(millis(amount)), last };
    let of_part = Capture {
        request: request(25, false),
        captured: split(10, 5, 0),
        drawn: Slices { period: Period(1), ..taken(0, 3, 7) },
        ..capture(PART)
    };
    let of_settled = Capture { request: request(65, true), drawn: taken(0, 0, 5), ..capture(SETTLED) };
    let parts = vec![taken(0, 0, 10)];
    let of_refund = Refund { number: 1, undone: parts.clone(), returned: parts, ..refund(SETTLED) };
    let in_time =
        Capture { request: request(17, false), captured: split(0, 0, 10), drawn: taken(0, 0, 7), ..capture(EXPIRED) };
    let after = LateCapture {
        request: CaptureRequest { number: 2, ..request(20, true) },
        taken: taken(0, 0, 15),
        shortfall: millis(5),
        ..late(EXPIRED)
    };
    vec![
        Record::Reserve(reserve(OPEN)),
        Record::Reserve(reserve(PART)),
        Record::Capture(of_part),
        Record::Reserve(reserve(SETTLED)),
        Record::Capture(of_settled),
        Record::Refund(of_refund),
        Record::Reserve(reserve(RELEASED)),
        Record::Release(give_back(RELEASED)),
        Record::Reserve(reserve(EXPIRED)),
        Record::Capture(in_time),
        Record::Expire(Return { returned: split(10, 20, 20), ..give_back(EXPIRED) }),
        Record::LateCapture(after),
        Record::Reserve(narrow(DEAD, taken(10, 20, 0))),
        Record::ReleaseWorker(Return { returned: split(10, 20, 0), at: AT, ..give_back(DEAD) }),
        Record::Charge(Reserve { ends_at: AT, ..reserve(CHARGED) }),
        Record::Tombstone { hold: TOMBSTONE, at: AT },
        Record::Reserve(narrow(NARROW, taken(1, 2, 0))),
    ]
}

/// Follows the journal, which is found clean.
fn books() -> Maps {
    let mut books = Maps::default();
    books.catch_up(&[accounts(), holds()].concat());
    books
}

fn found_in(books: &Maps, record: &Record) -> Vec<Violation> {
    let mut found = Vec::new();
    check_record(&mut books.clone(), record, &mut |violation| found.push(violation));
    found
}

/// A record that breaks this, or that is right: then it is applied, and leaves a row and a hold that are whole.
#[track_caller]
fn met(books: &Maps, record: &Record, broken: Option<Invariant>) {
    let found = found_in(books, record);
    let whose: Vec<_> = found.iter().map(|of| (of.invariant, of.account, of.hold)).collect();
    let expected: Vec<_> = broken.map(|of| (of, account_of(record), hold_of(record))).into_iter().collect();
    assert_eq!(whose, expected, "{record:?}: {found:?}");
    if broken.is_some() {
        return;
    }
    let mut books = books.clone();
    ledger::apply(&mut books, Position(1_000), record).unwrap();
    if let Some(row) = account_of(record).and_then(|account| books.rows.get(&account)) {
        check_row(row, &mut |violation| panic!("after {record:?}: {violation}"));
    }
    if let Some((id, hold)) = hold_of(record).and_then(|id| Some((id, books.holds.get(&id)?))) {
        check_hold(id, hold, &mut |violation| panic!("after {record:?}: {violation}"));
    }
}

/// A right record, and what is changed in it.
#[track_caller]
fn planted<R: Clone>(books: &Maps, right: &R, record: impl Fn(R) -> Record, plants: &[Plant<R>]) {
    met(books, &record(right.clone()), None);
    for (plant, broken) in plants {
        let mut changed = right.clone();
        plant(&mut changed);
        met(books, &record(changed), *broken);
    }
}

/// Every kind of record, and whose it is.
fn kinds() -> [(Record, Option<AccountId>, Option<HoldId>); 26] {
    let of_a = |record| (record, Some(A), None);
    let of_hold = |record| (record, Some(A), Some(OPEN));
    let policy = FreePolicy { from: TODAY, allowance: millis(1), all_accounts: true };
    [
        (Record::Policy(policy), None, None),
        (Record::IdBound { bound: END }, None, None),
        of_a(Record::Open(open(A, 900))),
        of_a(Record::Freeze(freeze())),
        of_a(Record::SetSubscription(set_subscription())),
        of_a(Record::Grant(grant(Bucket::TopUp))),
        of_a(Record::TopUp(top_up(900, 5))),
        of_a(Record::Clawback(clawback(900))),
        of_a(rolled(roll())),
        (Record::CycleRoll(vec![roll(), lapse(B)]), None, None),
        (Record::CycleRoll(vec![]), None, None),
        of_hold(Record::Reserve(reserve(OPEN))),
        of_hold(Record::Charge(reserve(OPEN))),
        of_hold(Record::Capture(capture(OPEN))),
        of_hold(Record::LateCapture(late(OPEN))),
        of_hold(Record::Release(give_back(OPEN))),
        of_hold(Record::Expire(give_back(OPEN))),
        of_hold(Record::ReleaseWorker(give_back(OPEN))),
        of_hold(Record::Refund(refund(OPEN))),
        (Record::Extend(Extend { hold: OPEN, ends_at: END }), None, Some(OPEN)),
        (Record::Tombstone { hold: OPEN, at: AT }, None, Some(OPEN)),
        of_a(changed(renewed())),
        of_a(Record::PendingTopUp(pending_top_up(900))),
        of_a(Record::ConfirmTopUp(confirm(60))),
        of_a(Record::DropTopUp(drop_top_up(60))),
        of_a(Record::Correct(correct())),
    ]
}

#[test]
fn the_account_and_the_hold_of_every_kind_of_record_are_told() {
    let mut told = HashSet::new();
    for (record, account, hold) in kinds() {
        assert_eq!((account_of(&record), hold_of(&record)), (account, hold), "{record:?}");
        told.insert(std::mem::discriminant(&record));
    }
    assert_eq!(told.len(), 24, "every kind is there");
}

#[test]
fn what_the_tables_rest_on_is_there() {
    let books = books();
    let row = &books.rows[&A];
    assert_eq!((row.day, row.period, row.opened_days), (TODAY, Period(2), 0b11));
    assert_eq!((row.free, row.subscription, row.top_up_net), (millis(59), millis(918), 301));
    assert_eq!(row.counters.map(|of| of.expired), [millis(70), millis(597), millis(0)]);
    assert_eq!(row.counters[Bucket::TopUp as usize].clawed_back, millis(50));
    assert_eq!((row.subscribed, row.open_holds), (Some(running()), 3));
    let [open, part, narrow] = [OPEN, PART, NARROW].map(|hold| books.holds[&hold].rest());
    assert_eq!((open, part, narrow), (split(10, 20, 30), split(0, 15, 30), split(1, 2, 0)));
    assert_eq!(books.holds[&EXPIRED].state, HoldState::Expired);
    assert_eq!(books.holds[&DEAD].state, HoldState::ReleasedByWorker);
}

#[test]
fn i4_a_record_of_an_account_that_was_never_opened_is_found() {
    let books = books();
    for record in [
        Record::Freeze(Freeze { account: NOBODY, ..freeze() }),
        Record::SetSubscription(SetSubscription { account: NOBODY, ..set_subscription() }),
        Record::Grant(Grant { account: NOBODY, ..grant(Bucket::TopUp) }),
        Record::TopUp(TopUp { account: NOBODY, ..top_up(900, 5) }),
        Record::Clawback(Clawback { account: NOBODY, ..clawback(900) }),
        rolled(CycleRoll { account: NOBODY, ..roll() }),
        rolled(lapse(NOBODY)),
        Record::Reserve(Reserve { account: NOBODY, ..reserve(UNKNOWN) }),
        Record::Charge(Reserve { account: NOBODY, ends_at: AT, ..reserve(UNKNOWN) }),
        Record::Capture(Capture { account: NOBODY, ..capture(OPEN) }),
        changed(SubscriptionChange { account: NOBODY, ..renewed() }),
        Record::PendingTopUp(PendingTopUp { account: NOBODY, ..pending_top_up(900) }),
        Record::DropTopUp(DropTopUp { account: NOBODY, ..drop_top_up(60) }),
        Record::Correct(Correct { account: NOBODY, ..correct() }),
    ] {
        met(&books, &record, Some(Invariant::Prefix));
    }
    met(&books, &Record::Freeze(freeze()), None);
    met(&books, &Record::CycleRoll(vec![]), None);
    met(&books, &Record::Open(open(NOBODY, 900)), None);
    met(&books, &Record::Open(open(A, 900)), Some(Invariant::Once));
}

#[test]
fn i5_an_id_of_a_command_has_one_effect() {
    let books = books();
    let by = |command| {
        let issuer = issuer(command);
        [
            Record::Open(open(NOBODY, command)),
            Record::Freeze(Freeze { issuer: issuer.clone(), ..freeze() }),
            Record::SetSubscription(SetSubscription { issuer: issuer.clone(), ..set_subscription() }),
            Record::Grant(Grant { issuer: issuer.clone(), ..grant(Bucket::TopUp) }),
            Record::Clawback(clawback(command)),
            Record::Correct(Correct { issuer: issuer.clone(), ..correct() }),
            changed(SubscriptionChange { issuer, ..renewed() }),
        ]
    };
    by(900).iter().for_each(|record| met(&books, record, None));
    by(4).iter().for_each(|record| met(&books, record, Some(Invariant::Once)));
}

#[test]
fn r32_the_bound_of_ids_goes_up() {
    let (books, wrong) = (books(), Some(Invariant::IdBound));
    for (bound, broken) in [(earlier(AT), wrong), (AT, wrong), (later(AT), None)] {
        met(&books, &Record::IdBound { bound }, broken);
    }
}

#[test]
fn i2_an_allowance_and_a_clawback_are_no_more_than_there_can_be() {
    let (books, wrong) = (books(), Some(Invariant::NoOvershoot));
    let policy = FreePolicy { from: day(20), allowance: Bits::WIDE.most().free, all_accounts: true };
    planted(
        &books,
        &policy,
        Record::Policy,
        &[(|policy| policy.allowance = Credits::ZERO, None), (|policy| policy.allowance += millis(1), wrong)],
    );
    planted(
        &books,
        &clawback(900),
        Record::Clawback,
        &[(|clawback| clawback.taken = millis(49), None), (|clawback| clawback.taken = millis(51), wrong)],
    );
}

#[test]
fn i2_a_correction_takes_at_most_what_is_there_and_what_was_asked_for() {
    let (books, wrong) = (books(), Some(Invariant::NoOvershoot));
    planted(
        &books,
        &correct(),
        Record::Correct,
        &[
            (|correct| correct.requested = millis(6), None),
            (|correct| correct.requested = millis(4), wrong),
            (|correct| (correct.requested, correct.amount) = (millis(1_000), millis(351)), None),
            (|correct| (correct.requested, correct.amount) = (millis(1_000), millis(352)), wrong),
            (|correct| (correct.bucket, correct.period) = (Bucket::Subscription, Period(3)), Some(Invariant::Periods)),
            (|correct| (correct.bucket, correct.day) = (Bucket::Free, day(-63)), None),
            (|correct| (correct.bucket, correct.day) = (Bucket::Free, day(-64)), Some(Invariant::Periods)),
            (|correct| (correct.day, correct.period) = (day(-64), Period(3)), None),
        ],
    );
}

#[test]
fn i7_a_grant_is_to_a_period_that_was_opened_and_a_day_that_is_remembered() {
    let (books, wrong) = (books(), Some(Invariant::Periods));
    planted(
        &books,
        &grant(Bucket::Subscription),
        Record::Grant,
        &[
            (|grant| grant.period = Period(1), None),
            (|grant| grant.period = Period(3), wrong),
            (|grant| grant.day = day(-64), None),
            (|grant| (grant.account, grant.period) = (B, Period(0)), wrong),
        ],
    );
    planted(
        &books,
        &grant(Bucket::Free),
        Record::Grant,
        &[
            (|grant| grant.day = day(1), None),
            (|grant| grant.day = day(-63), None),
            (|grant| grant.day = day(-64), wrong),
            (|grant| grant.period = Period(3), None),
            (|grant| (grant.account, grant.period) = (B, Period(0)), None),
        ],
    );
    planted(
        &books,
        &grant(Bucket::TopUp),
        Record::Grant,
        &[
            (|grant| (grant.day, grant.period) = (day(-64), Period(3)), None),
            (|grant| (grant.account, grant.period) = (B, Period(0)), None),
        ],
    );
}
