//! Properties of cycles and plan changes over random ones (R10, R12, R35).

use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

use super::{at, pending, plan};
use crate::credits::Credits;
use crate::ids::Timestamp;
use crate::subscription::{
    ChangeMode, PendingChange, Rolled, Subscription, boundary, change_plan, roll_over, set_zone,
};

const DAY_MS: u64 = 86_400_000;

/// A zone of the database, by number.
fn zone(number: usize) -> TimeZone {
    let database = TimeZoneDatabase::bundled();
    let names: Vec<_> = database.available().collect();
    database.get(names[number % names.len()].as_str()).unwrap()
}

/// Instants from 2005 to 2045.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    let from = at("2005-01-01T00:00:00Z").0;
    (from..from + 40 * 365 * DAY_MS).prop_map(Timestamp)
}

fn any_mode() -> impl Strategy<Value = ChangeMode> {
    (0..4_u8).prop_map(|number| ChangeMode::from_number(number).unwrap())
}

/// The subscription as it was opened, or with a lapse: on a boundary, or that many milliseconds beside it.
fn with_lapse(sub: Subscription, lapse: Option<(u32, i64)>, zone: &TimeZone) -> Subscription {
    let Some((n, beside)) = lapse else { return sub };
    let paid_through = Timestamp(boundary(sub.anchor, zone, n).0.saturating_add_signed(beside));
    Subscription { auto_renew: false, paid_through, ..sub }
}

/// The rule to the letter: boundary by boundary.
fn stepped(sub: &Subscription, change: Option<&PendingChange>, zone: &TimeZone, now: Timestamp) -> Option<Rolled> {
    let mut last: Option<Rolled> = None;
    let mut running = *sub;
    let mut change = change.copied();
    loop {
        let crossed = last.map_or(0, |last| last.skipped + 1);
        if !running.auto_renew && running.paid_through <= now && running.paid_through <= running.ends_at {
            return Some(Rolled { after: None, boundary: running.paid_through, skipped: crossed, changed: false });
        }
        if now < running.ends_at {
            return last;
        }
        let changed = change.is_some() || last.is_some_and(|last| last.changed);
        if let Some(PendingChange { plan, tier, allocation }) = change.take() {
            running = Subscription { plan, tier, allocation, ..running };
        }
        let cycle = running.cycle + 1;
        running = Subscription {
            granted_max: running.allocation,
            cycle,
            starts_at: running.ends_at,
            ends_at: boundary(running.anchor, zone, cycle + 1),
            ..running
        };
        last = Some(Rolled { after: Some(running), boundary: running.starts_at, skipped: crossed, changed });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn r35_rolling_in_one_step_is_rolling_boundary_by_boundary(
        number in any::<usize>(),
        anchor in any_instant(),
        months in 0..60_u32,
        beside in prop_oneof![-2_i64..3, -3_600_000_i64..3_600_000, 0..31 * 86_400_000_i64],
        change in prop_oneof![Just(None), Just(Some(pending(500)))],
        lapse in prop_oneof![Just(None), (1..60_u32, prop_oneof![Just(0), -2_000_000_000..2_000_000_000_i64]).prop_map(Some)],
    ) {
        let zone = zone(number);
        let sub = with_lapse(Subscription::opened(&plan(900), anchor, &zone, true), lapse, &zone);
        let now = Timestamp(boundary(sub.anchor, &zone, months).0.saturating_add_signed(beside));
        let whole = roll_over(&sub, change.as_ref(), &zone, now);
        prop_assert_eq!(whole, stepped(&sub, change.as_ref(), &zone, now));
        prop_assert_eq!(whole.is_some(), sub.due_at() <= now);
        if let Some(after) = whole.and_then(|rolled| rolled.after) {
            prop_assert_eq!(roll_over(&after, None, &zone, now), None, "what has rolled is not due");
            prop_assert!(after.starts_at <= now && now < after.due_at());
        }
    }

    #[test]
    fn r35_rolling_in_two_steps_comes_to_the_same(
        number in any::<usize>(),
        anchor in any_instant(),
        first in 0..2_000 * DAY_MS,
        second in 0..2_000 * DAY_MS,
        lapse in prop_oneof![Just(None), (1..60_u32, Just(0)).prop_map(Some)],
    ) {
        let zone = zone(number);
        let sub = with_lapse(Subscription::opened(&plan(900), anchor, &zone, true), lapse, &zone);
        let (half, now) = (sub.anchor.plus_millis(first), sub.anchor.plus_millis(first + second));
        let at_once = roll_over(&sub, None, &zone, now).map_or(Some(sub), |rolled| rolled.after);
        let halfway = roll_over(&sub, None, &zone, half).map_or(Some(sub), |rolled| rolled.after);
        let in_two = halfway.and_then(|sub| roll_over(&sub, None, &zone, now).map_or(Some(sub), |rolled| rolled.after));
        prop_assert_eq!(at_once, in_two);
    }

    #[test]
    fn r10_boundaries_only_go_forward(number in any::<usize>(), anchor in any_instant(), n in 0..600_u32) {
        let zone = zone(number);
        let (this, next) = (boundary(anchor, &zone, n), boundary(anchor, &zone, n + 1));
        prop_assert!(this.plus_millis(26 * DAY_MS) < next && next < this.plus_millis(33 * DAY_MS));
    }

    #[test]
    fn r10_a_move_repeats_no_boundary_and_one_there_and_back_changes_nothing(
        (here, there) in (any::<usize>(), any::<usize>()),
        anchor in any_instant(),
        after in 0..400 * DAY_MS,
        lapse in prop_oneof![Just(None), (1..15_u32, Just(0)).prop_map(Some)],
    ) {
        let (here, there) = (zone(here), zone(there));
        let sub = with_lapse(Subscription::opened(&plan(900), anchor, &here, true), lapse, &here);
        let now = sub.anchor.plus_millis(after);
        let Some(sub) = roll_over(&sub, None, &here, now).map_or(Some(sub), |rolled| rolled.after) else { return Ok(()) };
        let moved = set_zone(Some(&sub), None, &here, &there, now).after.unwrap();
        prop_assert_eq!((moved.cycle, moved.starts_at, moved.anchor), (sub.cycle, sub.starts_at, sub.anchor));
        prop_assert!(moved.starts_at < moved.ends_at);
        if let Some(rolled) = roll_over(&moved, None, &there, now) {
            prop_assert!(rolled.after.is_none_or(|after| after.cycle == sub.cycle + 1));
            prop_assert_eq!(rolled.skipped, 0);
        } else {
            prop_assert_eq!(set_zone(Some(&moved), None, &there, &here, now).after, Some(sub));
        }
        // A lapse at a boundary stays at that boundary: no cycle more, none less.
        if !sub.auto_renew {
            let end = |sub: &Subscription, zone| roll_over(sub, None, zone, sub.paid_through).map(|rolled| rolled.skipped);
            prop_assert_eq!(end(&sub, &here), end(&moved, &there));
        }
    }

    /// R12: within a cycle, what is granted never exceeds the largest allocation of the chain.
    #[test]
    fn r12_no_chain_of_changes_gains_anything(
        first in 0..30_000_u64,
        mut chain in prop::collection::vec((0..31 * DAY_MS, 0..30_000_u64, any_mode()), 0..24),
    ) {
        let zone = TimeZone::UTC;
        let mut sub = Subscription::opened(&plan(first), at("2026-01-31T10:00:00Z"), &zone, true);
        let (mut granted, mut largest) = (sub.allocation, sub.allocation);
        chain.sort_by_key(|(after, ..)| *after);
        for (after, credits, mode) in chain {
            let now = sub.anchor.plus_millis(after);
            if mode == ChangeMode::NowNewCycle || now >= sub.ends_at {
                continue;
            }
            let terms = plan(credits);
            let change = change_plan(Some(&sub), &terms, mode, &zone, now).unwrap();
            prop_assert!(!change.opens_period);
            granted += change.amount;
            sub = change.after.unwrap();
            largest = largest.max(sub.allocation);
            prop_assert!(granted <= largest, "{granted} of {largest}");
            prop_assert!(change.pending.is_none() || change.amount == Credits::ZERO);
        }
    }
}
