//! Rows and holds on both sides of every bound: what is broken by one step more stands beside what is right.

use super::*;
use crate::hold::{CaptureStep, RefundStep};

const CLEAN: &[Invariant] = &[];

type Plant<T> = (fn(&mut T), &'static [Invariant]);

#[track_caller]
fn rows(plants: &[Plant<Row>]) {
    for (number, (plant, expected)) in plants.iter().enumerate() {
        let mut row = a_row();
        plant(&mut row);
        assert_eq!(of_row(&row), *expected, "plant {number}: {row:?}");
    }
}

fn set_by_hand(row: &mut Row, ends_at: Timestamp) {
    row.set_subscribed(Some(Subscription::by_hand(Tier(2), millis(1_000), AT, ends_at)));
}

/// The subscription has ended, and what was left of it has expired.
fn unsubscribe(row: &mut Row) {
    row.set_subscribed(None);
    row.counters[Bucket::Subscription as usize].expired = millis(1_000);
    row.subscription = Credits::ZERO;
}

/// Changes the cycle, and the end of the period with it.
fn resubscribe(row: &mut Row, change: impl FnOnce(&mut Subscription)) {
    let mut after = subscription();
    change(&mut after);
    row.set_subscribed(Some(after));
}

#[test]
fn i1_every_column_of_every_bucket_counts() {
    type Column = fn(&mut Counters) -> &mut Credits;
    let columns: [Column; 4] = [|of| &mut of.held, |of| &mut of.spent, |of| &mut of.expired, |of| &mut of.clawed_back];
    for bucket in Bucket::ALL {
        for (number, column) in columns.into_iter().enumerate() {
            let mut row = a_row();
            row.open_holds = 1;
            *column(row.counters_mut(bucket)) += millis(7);
            if number == 1 && bucket == Bucket::TopUp {
                row.spent_in_period.top_up += millis(7);
            }
            assert_eq!(of_row(&row), [Invariant::Conservation], "{bucket:?}, column {number}");
            row.counters_mut(bucket).granted += millis(7);
            assert_eq!(of_row(&row), CLEAN, "{bucket:?}, column {number}");
            row.counters_mut(bucket).granted += millis(1);
            assert_eq!(of_row(&row), [Invariant::Conservation], "{bucket:?}, column {number}");
        }
    }
}

#[test]
fn r5_the_free_credits_of_a_day_count_once_it_is_opened() {
    use Invariant as I;
    rows(&[
        (|row| row.free = millis(100), CLEAN),
        (|row| (row.free, row.opened_days) = (millis(100), 0b10), CLEAN),
        (|row| (row.free, row.opened_days) = (millis(100), 0b1), &[I::Conservation]),
        (|row| (row.free, row.opened_days, row.counters[0].granted) = (millis(100), 0b1, millis(100)), CLEAN),
        (
            |row| (row.free, row.opened_days, row.counters[0].granted) = (millis(100), 0b11, millis(99)),
            &[I::Conservation],
        ),
        (|row| row.counters[0].granted = millis(1), &[I::Conservation]),
        // A day begins with what a wallet holds at most; more may come back to it.
        (|row| row.free = Bits::WIDE.most().free, CLEAN),
        (|row| (row.free, row.opened_days) = (Bits::WIDE.most().free + millis(1), 0b10), &[I::NoOvershoot]),
        (
            |row| {
                row.free = Bits::WIDE.most().free + millis(1);
                (row.opened_days, row.counters[0].granted) = (0b1, row.free);
            },
            CLEAN,
        ),
    ]);
}

#[test]
fn r16_a_wallet_owes_at_most_what_was_clawed_back() {
    let owing = |granted, spent, clawed_back, net| {
        let mut row = a_row();
        let [granted, spent, clawed_back] = [granted, spent, clawed_back].map(millis);
        row.counters[Bucket::TopUp as usize] = Counters { granted, spent, clawed_back, ..Counters::default() };
        (row.spent_in_period.top_up, row.top_up_net) = (spent, net);
        of_row(&row)
    };
    assert_eq!(owing(30, 10, 40, -20), CLEAN);
    assert_eq!(owing(30, 30, 20, -20), CLEAN);
    assert_eq!(owing(30, 31, 20, -21), [Invariant::Debt]);
    assert_eq!(owing(30, 30, 20, -21), [Invariant::Conservation, Invariant::Debt]);
    assert_eq!(owing(30, 30, 20, -19), [Invariant::Conservation]);
    assert_eq!(owing(30, 10, 20, 0), CLEAN);
}

#[test]
fn i1_what_is_held_has_an_open_hold_and_a_period_spends_at_most_what_was_ever_spent() {
    use Invariant as I;
    for bucket in Bucket::ALL {
        let mut row = a_row();
        row.counters_mut(bucket).granted += millis(1);
        row.counters_mut(bucket).held = millis(1);
        assert_eq!(of_row(&row), [I::Conservation], "{bucket:?}");
        row.open_holds = 1;
        assert_eq!(of_row(&row), CLEAN, "{bucket:?}");
    }
    let spent = |bucket, in_period| {
        let mut row = a_row();
        let added = millis(10) - row.counters[bucket as usize].spent;
        row.counters_mut(bucket).granted += added;
        row.counters_mut(bucket).spent += added;
        let others = Split { top_up: millis(10), ..Split::ZERO };
        row.spent_in_period =
            if bucket == Bucket::TopUp { Split::ZERO } else { others }.plus(&Split::only(bucket, millis(in_period)));
        of_row(&row)
    };
    for bucket in [Bucket::Free, Bucket::Subscription] {
        assert_eq!([spent(bucket, 0), spent(bucket, 9), spent(bucket, 10)], [CLEAN; 3], "{bucket:?}");
        assert_eq!(spent(bucket, 11), [I::Conservation], "{bucket:?}");
    }
    // The period of top-up credits never ends.
    assert_eq!(spent(Bucket::TopUp, 10), CLEAN);
    assert_eq!([spent(Bucket::TopUp, 9), spent(Bucket::TopUp, 11)], [[I::Conservation]; 2]);
}

#[test]
fn i7_a_period_and_its_tier_are_those_of_the_subscription() {
    use Invariant as I;
    rows(&[
        (unsubscribe, CLEAN),
        (
            |row| {
                unsubscribe(row);
                row.tier = Tier(1);
            },
            &[I::Periods],
        ),
        (
            |row| {
                unsubscribe(row);
                row.ends_at = AT;
            },
            &[I::Periods],
        ),
        (|row| row.tier = Tier::NONE, &[I::Periods]),
        (|row| row.ends_at = Timestamp::NONE, &[I::Periods]),
        (|row| row.ends_at = row.ends_at.plus_millis(1), &[I::Periods]),
        (|row| set_by_hand(row, Timestamp::NONE), CLEAN),
        (
            |row| {
                set_by_hand(row, Timestamp::NONE);
                row.ends_at = Timestamp::NEVER;
            },
            &[I::Periods],
        ),
        (|row| set_by_hand(row, AT.plus_millis(5)), CLEAN),
        (
            |row| {
                set_by_hand(row, AT.plus_millis(5));
                row.ends_at = Timestamp::NONE;
            },
            &[I::Periods],
        ),
        (|row| row.pending = Some(PendingChange { plan: PlanId(1), tier: Tier(1), allocation: millis(1) }), CLEAN),
    ]);
}

#[test]
fn r9_r10_r12_a_subscription_is_whole() {
    use Invariant as I;
    rows(&[
        (|row| resubscribe(row, |of| of.tier = Tier(1)), CLEAN),
        (|row| resubscribe(row, |of| of.tier = Tier::MAX), CLEAN),
        (
            |row| {
                row.tier = Tier::NONE;
                row.subscribed.as_mut().unwrap().tier = Tier::NONE;
            },
            &[I::Periods],
        ),
        (|row| resubscribe(row, |of| of.granted_max = millis(1_000)), CLEAN),
        (|row| resubscribe(row, |of| of.granted_max = millis(1_001)), CLEAN),
        (|row| resubscribe(row, |of| of.allocation = millis(1_001)), &[I::Periods]),
        (|row| resubscribe(row, |of| of.anchor = AT.minus_millis(1_000)), CLEAN),
        (|row| resubscribe(row, |of| of.anchor = AT.minus_millis(999)), &[I::Periods]),
        (|row| resubscribe(row, |of| of.starts_at = AT.plus_millis(1)), CLEAN),
        (|row| resubscribe(row, |of| of.starts_at = AT.minus_millis(1)), &[I::Periods]),
        (|row| resubscribe(row, |of| of.starts_at = of.ends_at.minus_millis(1)), CLEAN),
        (|row| resubscribe(row, |of| of.starts_at = of.ends_at), &[I::Periods]),
        (|row| resubscribe(row, |of| of.starts_at = of.ends_at.plus_millis(1)), &[I::Periods]),
        (|row| resubscribe(row, |of| of.cycle = 1), CLEAN),
        // One that was set by hand has no cycles: nothing of them is looked at, but that there is none.
        (
            |row| {
                set_by_hand(row, AT);
                let of = row.subscribed.as_mut().unwrap();
                (of.granted_max, of.anchor) = (millis(1), AT.plus_millis(1));
            },
            CLEAN,
        ),
        (
            |row| {
                set_by_hand(row, AT.plus_millis(5));
                row.subscribed.as_mut().unwrap().cycle = 1;
            },
            &[I::Periods],
        ),
    ]);
}

#[test]
fn r14_what_waits_is_of_something_for_some_time_and_once() {
    use Invariant as I;
    rows(&[
        (|row| row.pending_top_ups.clear(), CLEAN),
        (|row| row.pending_top_ups[0].ends_at = AT, CLEAN),
        (|row| row.pending_top_ups[0].amount = millis(1), CLEAN),
        (|row| row.pending_top_ups.extend((2..17).map(pending)), CLEAN),
        (|row| row.pending_top_ups.extend((2..16).chain([1]).map(pending)), &[I::PendingTopUps]),
        (|row| row.pending_top_ups.extend([2, 1].map(pending)), &[I::PendingTopUps]),
        (|row| row.pending_top_ups.push(Pending { amount: Credits::ZERO, ..pending(2) }), &[I::PendingTopUps]),
    ]);
}

fn capture_step(number: u8, captured: Split, drawn: Slices) -> CaptureStep {
    let request = CaptureRequest { number, amount: None, last: true };
    let (shortfall, forfeited, position) = (Credits::ZERO, Split::ZERO, Position(u64::from(number) + 1));
    CaptureStep { request, captured, drawn, shortfall, late: false, forfeited, position }
}

fn refund_step(number: u8, undone: Vec<Slices>, returned: Split, forfeited: Split) -> RefundStep {
    let (requested, reason, position) = (None, RefundReason::Timeout, Position(u64::from(number) + 10));
    RefundStep { number, requested, reason, undone, returned, forfeited, position }
}

/// A hold of 100 that has ended so, with these steps.
fn ended(state: HoldState, captured: Split, settlements: Vec<Settlement>) -> Hold {
    let mut hold = Hold::reserved(&reserved(), false);
    (hold.reserve_position, hold.last_position) = (Position(1), Position(20));
    (hold.state, hold.ended_at, hold.captured, hold.settlements) = (state, AT, captured, settlements);
    hold
}

#[test]
fn i1_a_hold_captures_what_it_took_and_refunds_what_it_charged_bucket_by_bucket() {
    let of = |bucket, captured, drawn, undone| {
        let [captured, drawn, undone] = [captured, drawn, undone].map(|amount| Split::only(bucket, millis(amount)));
        let step = capture_step(1, captured, Slices { split: drawn, ..slices(0) });
        let refund = refund_step(1, vec![Slices { split: undone, ..slices(0) }], undone, Split::ZERO);
        let steps = vec![Settlement::Capture(step), Settlement::Refund(refund)];
        let mut hold = ended(HoldState::Settled, captured, steps);
        hold.taken.split = Split::only(bucket, millis(100));
        hold
    };
    for bucket in Bucket::ALL {
        assert_eq!(of_hold(&of(bucket, 100, 20, 120)), CLEAN, "{bucket:?}");
        assert_eq!(of_hold(&of(bucket, 100, 20, 121)), [Invariant::Conservation], "{bucket:?}");
        assert_eq!(of_hold(&of(bucket, 0, 20, 20)), CLEAN, "{bucket:?}");
        assert_eq!(of_hold(&of(bucket, 0, 20, 21)), [Invariant::Conservation], "{bucket:?}");
        assert_eq!(of_hold(&of(bucket, 101, 0, 0)), [Invariant::Conservation], "{bucket:?}");
        // Another bucket has enough.
        let mut hold = of(bucket, 100, 0, 1);
        hold.taken.split = Split { free: millis(100), subscription: millis(100), top_up: millis(100) };
        assert_eq!(of_hold(&hold), CLEAN, "{bucket:?}");
        for other in Bucket::ALL.into_iter().filter(|other| *other != bucket) {
            let Settlement::Refund(step) = &mut hold.settlements[1] else { panic!("the second step is a refund") };
            step.undone[0].split = Split::only(other, millis(1));
            assert_eq!(of_hold(&hold), [Invariant::Conservation], "{bucket:?}, {other:?}");
        }
    }
}

#[test]
fn i1_i5_the_steps_of_a_hold_come_to_what_it_says_and_have_their_numbers() {
    use Invariant as I;
    let plants: [Plant<Hold>; 13] = [
        (|hold| (refund_of(hold).returned, refund_of(hold).forfeited) = (slices(29).split, slices(1).split), CLEAN),
        (
            |hold| (refund_of(hold).returned, refund_of(hold).forfeited) = (slices(30).split, slices(1).split),
            &[I::Conservation],
        ),
        (|hold| (release_of(hold).returned, release_of(hold).forfeited) = (slices(39).split, slices(1).split), CLEAN),
        (|hold| release_of(hold).returned = slices(39).split, &[I::Conservation]),
        (|hold| capture_of(hold).captured = slices(21).split, &[I::Conservation]),
        (|hold| capture_of(hold).request.number = 255, CLEAN),
        (|hold| refund_of(hold).number = 2, CLEAN),
        (
            |hold| {
                refund_of(hold).position = Position(4);
                let again = RefundStep {
                    position: Position(6),
                    undone: vec![],
                    returned: Split::ZERO,
                    ..refund_of(hold).clone()
                };
                hold.settlements.push(Settlement::Refund(again));
                hold.last_position = Position(6);
            },
            &[I::Once],
        ),
        (
            |hold| {
                let undone = vec![slices(30)];
                let more = RefundStep { number: 2, position: Position(6), undone, ..refund_of(hold).clone() };
                hold.settlements.push(Settlement::Refund(more));
                hold.last_position = Position(6);
            },
            CLEAN,
        ),
        (|hold| hold.last_position = Position(6), CLEAN),
        (|hold| hold.reserve_position = Position(5), CLEAN),
        (|hold| hold.reserve_position = Position(6), &[I::Prefix]),
        (|hold| capture_of(hold).position = Position(4), &[I::Once]),
    ];
    for (number, (plant, expected)) in plants.into_iter().enumerate() {
        let mut hold = a_hold();
        plant(&mut hold);
        assert_eq!(of_hold(&hold), expected, "plant {number}: {hold:?}");
    }
    // What is captured has its captures.
    assert_eq!(of_hold(&ended(HoldState::Settled, slices(1).split, vec![])), [I::Conservation]);
}

#[test]
fn a_charge_has_captured_what_it_took_with_one_step_or_none() {
    let mut charge = Hold::reserved(&Reserve { ends_at: AT, ..reserved() }, true);
    (charge.reserve_position, charge.last_position) = (Position(1), Position(2));
    assert_eq!(of_hold(&charge), CLEAN);
    for (amount, expected) in [(99, &[Invariant::Conservation][..]), (100, CLEAN)] {
        charge.settlements = vec![Settlement::Capture(capture_step(1, slices(amount).split, Slices::default()))];
        assert_eq!(of_hold(&charge), expected, "{amount}");
    }
}

#[test]
fn i6_a_hold_has_an_end_where_it_has_ended_and_a_release_where_it_was_released() {
    use HoldState as State;
    let ended_so = |state| of_hold(&ended(state, Split::ZERO, vec![]));
    for state in [State::Settled, State::Released, State::Expired, State::ReleasedByWorker] {
        assert_eq!(ended_so(state), CLEAN, "{state:?}");
    }
    assert_eq!(ended_so(State::Open), [Invariant::OneEnd]);
    let open = Hold { ends_at: AT, ..Hold::reserved(&reserved(), false) };
    assert_eq!(of_hold(&open), CLEAN);
    assert_eq!(of_hold(&Hold { ends_at: Timestamp(AT.0 - 1), ..open.clone() }), [Invariant::OneEnd]);
    assert_eq!(of_hold(&Hold { state: State::Expired, ..open }), [Invariant::OneEnd]);
    let release =
        crate::hold::ReleaseStep { returned: slices(100).split, forfeited: Split::ZERO, position: Position(2) };
    let released = |state| of_hold(&ended(state, Split::ZERO, vec![Settlement::Release(release)]));
    assert_eq!([released(State::Released), released(State::Settled)], [CLEAN; 2]);
    assert_eq!([released(State::Expired), released(State::ReleasedByWorker)], [[Invariant::OneEnd]; 2]);
}

#[test]
fn r28_what_late_commits_lack_is_at_most_what_was_held() {
    use Invariant as I;
    let lacking = |number, captured, late, shortfall| {
        let step = capture_step(number, slices(captured).split, Slices::default());
        Settlement::Capture(CaptureStep { late, shortfall: millis(shortfall), ..step })
    };
    let expired = |captured, steps| of_hold(&ended(HoldState::Expired, slices(captured).split, steps));
    assert_eq!(expired(0, vec![lacking(1, 0, true, 100)]), CLEAN);
    assert_eq!(expired(0, vec![lacking(1, 0, true, 101)]), [I::LateCommit]);
    assert_eq!(expired(0, vec![lacking(1, 0, true, 60), lacking(2, 0, true, 40)]), CLEAN);
    assert_eq!(expired(0, vec![lacking(1, 0, true, 60), lacking(2, 0, true, 41)]), [I::LateCommit]);
    assert_eq!(expired(0, vec![lacking(1, 0, false, 1)]), [I::LateCommit]);
    assert_eq!(expired(1, vec![lacking(1, 1, true, 1)]), [I::LateCommit]);
    assert_eq!(expired(1, vec![lacking(1, 1, false, 1)]), [I::LateCommit]);
    assert_eq!(expired(1, vec![lacking(1, 1, true, 0)]), CLEAN);
    assert_eq!(expired(1, vec![lacking(1, 1, false, 0)]), CLEAN);
}

#[test]
fn r8_a_capture_draws_from_the_sources_of_its_terms() {
    let drawn = |terms: fn(&mut Terms), bucket| {
        let step = capture_step(1, Split::ZERO, Slices { split: Split::only(bucket, millis(1)), ..slices(0) });
        let mut hold = ended(HoldState::Settled, Split::ZERO, vec![Settlement::Capture(step)]);
        terms(&mut hold.terms);
        of_hold(&hold)
    };
    assert_eq!(Bucket::ALL.map(|bucket| drawn(|_| {}, bucket)), [CLEAN; 3]);
    let [free, subscription, top_up] = Bucket::ALL.map(|bucket| drawn(|terms| terms.pro_model = true, bucket));
    assert_eq!((free, subscription, top_up), (vec![Invariant::NoOvershoot], vec![], vec![]));
    let narrow = |bucket| drawn(|terms| terms.sources = Sources::NO_TOP_UP, bucket);
    assert_eq!(Bucket::ALL.map(narrow), [vec![], vec![], vec![Invariant::NoOvershoot]]);
}
