//! A row and a hold that are whole, and every way of breaking them that the checks know.

use jiff::tz::TimeZone;

use super::*;
use crate::bucket::{Slices, Sources, Split};
use crate::ids::{Day, PaymentId, Period, PlanId, Timestamp};
use crate::plan::{BillingTerm, PlanTerms};
use crate::policy::FreePolicies;
use crate::record::{Capture, CaptureRequest, Refund, RefundReason, Reserve, Return, Terms};
use crate::row::Pending;
use crate::subscription::PendingChange;

mod neighbours;
mod records;
mod sums;

const AT: Timestamp = Timestamp(1_795_348_800_000);

fn millis(amount: u64) -> Credits {
    Credits::from_millis(amount)
}

fn subscription() -> Subscription {
    let terms = PlanTerms { plan: PlanId(7), tier: Tier(2), allocation: millis(1_000), term: BillingTerm::Monthly };
    Subscription::opened(&terms, AT, &TimeZone::UTC, true)
}

fn pending(number: u128) -> Pending {
    Pending { payment: PaymentId(number), amount: millis(5), at: AT, ends_at: AT.plus_millis(9) }
}

/// Subscribed, with a top-up that was spent in part and another that waits.
fn a_row() -> Row {
    let mut row = Row::new(AccountId(1), "UTC".to_owned(), Day(20_779), &FreePolicies::new());
    row.roll_period(Period(1), millis(1_000), Some(subscription()));
    row.counters[Bucket::TopUp as usize].granted = millis(30);
    row.counters[Bucket::TopUp as usize].spent = millis(10);
    row.spent_in_period.top_up = millis(10);
    row.top_up_net = 20;
    row.add_pending(pending(1));
    row
}

fn of_row(row: &Row) -> Vec<Invariant> {
    let mut found = Vec::new();
    check_row(row, &mut |violation| {
        assert_eq!((violation.account, violation.hold), (Some(row.account), None));
        found.push(violation.invariant);
    });
    found
}

#[test]
fn everything_that_can_be_wrong_with_a_row_is_found() {
    type Plant = fn(&mut Row);
    assert_eq!(of_row(&a_row()), []);
    let plants: [(Plant, Invariant); 18] = [
        (|row| row.top_up_net = 21, Invariant::Conservation),
        (|row| row.free = Credits::from_millis(1 << 28), Invariant::NoOvershoot),
        (
            |row| {
                row.counters[Bucket::TopUp as usize].held = millis(1);
                row.top_up_net = 19;
            },
            Invariant::Conservation,
        ),
        (|row| row.spent_in_period.top_up = millis(9), Invariant::Conservation),
        (|row| row.spent_in_period.subscription = millis(1), Invariant::Conservation),
        (|row| row.tier = Tier(3), Invariant::Periods),
        (|row| row.ends_at = AT, Invariant::Periods),
        (|row| row.pending_top_ups.push(pending(1)), Invariant::PendingTopUps),
        (|row| row.pending_top_ups[0].amount = Credits::ZERO, Invariant::PendingTopUps),
        (|row| row.pending_top_ups[0].ends_at = Timestamp(AT.0 - 1), Invariant::PendingTopUps),
        (|row| row.pending_top_ups.extend((2..18).map(pending)), Invariant::PendingTopUps),
        (|row| row.subscribed.as_mut().unwrap().granted_max = millis(999), Invariant::Periods),
        (|row| row.subscribed.as_mut().unwrap().anchor = AT.plus_millis(1_000), Invariant::Periods),
        (|row| row.subscribed.as_mut().unwrap().anchor = Timestamp(AT.0 - 1), Invariant::Periods),
        (
            |row| {
                row.set_subscribed(None);
                row.counters[Bucket::Subscription as usize].expired = millis(1_000);
                row.subscription = Credits::ZERO;
                row.pending = Some(PendingChange { plan: PlanId(1), tier: Tier(1), allocation: millis(1) });
            },
            Invariant::Periods,
        ),
        (|row| row.set_subscribed(None), Invariant::Periods),
        (
            |row| {
                row.tier = Tier(16);
                row.subscribed.as_mut().unwrap().tier = Tier(16);
            },
            Invariant::Periods,
        ),
        (
            |row| {
                row.counters[Bucket::TopUp as usize].spent = millis(31);
                row.spent_in_period.top_up = millis(31);
                row.top_up_net = -1;
            },
            Invariant::Debt,
        ),
    ];
    for (number, (plant, expected)) in plants.into_iter().enumerate() {
        let mut row = a_row();
        plant(&mut row);
        assert_eq!(of_row(&row), [expected], "plant {number}");
    }
}

fn slices(top_up: u64) -> Slices {
    Slices { split: Split::only(Bucket::TopUp, millis(top_up)), day: Day(20_779), period: Period(1) }
}

fn part(number: u8, amount: u64) -> Capture {
    Capture {
        account: AccountId(1),
        hold: HoldId(9),
        request: CaptureRequest { number, amount: Some(millis(amount)), last: false },
        captured: slices(amount).split,
        drawn: Slices::default(),
        returned: Split::ZERO,
        forfeited: Split::ZERO,
        late: false,
        attribution: crate::record::Attribution::default(),
        at: AT,
    }
}

fn reserved() -> Reserve {
    Reserve {
        account: AccountId(1),
        hold: HoldId(9),
        taken: slices(100),
        attribution: crate::record::Attribution::default(),
        worker: crate::ids::WorkerId::NONE,
        settings: 0,
        terms: Terms { hold_ms: 60_000, ..Terms::NONE },
        at: AT,
        ends_at: AT.plus_millis(60_000),
    }
}

/// Captured twice, refunded, and released with what was left.
fn a_hold() -> Hold {
    let mut hold = Hold::reserved(&reserved(), false);
    hold.note_position(Position(1));
    hold.capture(&part(1, 40));
    hold.note_position(Position(2));
    hold.capture(&part(2, 20));
    hold.note_position(Position(3));
    hold.refund(&Refund {
        account: AccountId(1),
        hold: HoldId(9),
        number: 1,
        requested: None,
        reason: RefundReason::Timeout,
        undone: vec![slices(30)],
        returned: vec![slices(30)],
        forfeited: Split::ZERO,
        attribution: crate::record::Attribution::default(),
        at: AT,
    });
    hold.note_position(Position(4));
    let (returned, forfeited) = (slices(40).split, Split::ZERO);
    hold.release(&Return { account: AccountId(1), hold: HoldId(9), returned, forfeited, at: AT });
    hold.note_position(Position(5));
    hold
}

fn of_hold(hold: &Hold) -> Vec<Invariant> {
    let mut found = Vec::new();
    check_hold(HoldId(9), hold, &mut |violation| {
        assert_eq!((violation.account, violation.hold), (Some(hold.account), Some(HoldId(9))));
        found.push(violation.invariant);
    });
    found
}

fn capture_of(hold: &mut Hold) -> &mut crate::hold::CaptureStep {
    let Settlement::Capture(step) = &mut hold.settlements[1] else { panic!("the second step is a capture") };
    step
}

fn refund_of(hold: &mut Hold) -> &mut crate::hold::RefundStep {
    let Settlement::Refund(step) = &mut hold.settlements[2] else { panic!("the third step is a refund") };
    step
}

fn release_of(hold: &mut Hold) -> &mut crate::hold::ReleaseStep {
    let Settlement::Release(step) = &mut hold.settlements[3] else { panic!("the last step is a release") };
    step
}

#[test]
fn everything_that_can_be_wrong_with_a_hold_is_found() {
    type Plant = fn(&mut Hold);
    assert_eq!(of_hold(&a_hold()), []);
    assert_eq!(of_hold(&Hold::reserved(&reserved(), false)), []);
    assert_eq!(of_hold(&Hold::reserved(&Reserve { ends_at: AT, ..reserved() }, true)), []);
    assert_eq!(of_hold(&Hold::tombstone(AT)), []);
    use Invariant as I;
    let plants: [(Plant, &[Invariant]); 18] = [
        (|hold| capture_of(hold).captured = slices(19).split, &[I::Conservation]),
        (|hold| hold.captured = slices(61).split, &[I::Conservation; 2]),
        (|hold| refund_of(hold).returned = slices(29).split, &[I::Conservation]),
        (
            |hold| {
                refund_of(hold).undone = vec![slices(61)];
                refund_of(hold).returned = slices(61).split;
            },
            &[I::Conservation],
        ),
        (|hold| release_of(hold).returned = slices(41).split, &[I::Conservation]),
        (|hold| release_of(hold).forfeited = slices(1).split, &[I::Conservation]),
        (|hold| capture_of(hold).request.number = 1, &[I::Once]),
        (|hold| capture_of(hold).position = Position(2), &[I::Once]),
        (|hold| capture_of(hold).position = Position(9), &[I::Once]),
        (|hold| hold.last_position = Position(4), &[I::Prefix]),
        (
            |hold| {
                hold.settlements.truncate(2);
                hold.last_position = Position(3);
                hold.reserve_position = Position(4);
            },
            &[I::Prefix],
        ),
        (|hold| hold.ends_at = Timestamp(AT.0 - 1), &[I::OneEnd]),
        (|hold| hold.ended_at = Timestamp::NONE, &[I::OneEnd]),
        (|hold| hold.state = HoldState::Expired, &[I::OneEnd]),
        (|hold| capture_of(hold).shortfall = millis(1), &[I::LateCommit]),
        (
            |hold| {
                let step = capture_of(hold);
                (step.late, step.shortfall) = (true, millis(1));
            },
            &[I::LateCommit],
        ),
        (
            |hold| {
                hold.terms.sources = Sources::NO_TOP_UP;
                capture_of(hold).drawn = slices(1);
            },
            &[I::NoOvershoot],
        ),
        (
            |hold| {
                hold.captured = slices(40).split;
                let step = capture_of(hold);
                (step.captured, step.late, step.shortfall) = (Split::ZERO, true, millis(101));
                release_of(hold).returned = slices(60).split;
            },
            &[I::LateCommit],
        ),
    ];
    for (number, (plant, expected)) in plants.into_iter().enumerate() {
        let mut hold = a_hold();
        plant(&mut hold);
        assert_eq!(of_hold(&hold), expected, "plant {number}");
    }
    let mut charge = Hold::reserved(&Reserve { ends_at: AT, ..reserved() }, true);
    charge.state = HoldState::Released;
    assert_eq!(of_hold(&charge), [I::OneEnd]);
    let tombstone = Hold { taken: slices(1), ..Hold::tombstone(AT) };
    assert_eq!(of_hold(&tombstone), [I::Once]);
}
