//! What each command makes of a subscription (R10–R12).

use jiff::tz::TimeZone;

use super::{at, opened, opened_utc, pending, plan, zone};
use crate::credits::Credits;
use crate::ids::{PlanId, Tier, Timestamp};
use crate::plan::{BillingTerm, PlanTerms};
use crate::subscription::{
    Change, ChangeMode, Refusal, Subscription, boundary, cancel, change_plan, lapse, prorated, renew, roll_over,
    set_zone, subscribe,
};

const ENDED: Change = Change { after: None, pending: None, opens_period: true, amount: Credits::ZERO };

fn whole(credits: u64) -> Credits {
    Credits::from_whole(credits)
}

/// Changes the plan in UTC.
fn change(sub: &Subscription, credits: u64, mode: ChangeMode, now: &str) -> Change {
    change_plan(Some(sub), &plan(credits), mode, &TimeZone::UTC, at(now)).unwrap()
}

#[test]
fn r11_subscribing_opens_a_period_with_the_whole_allocation() {
    let now = at("2026-01-31T10:00:00.250Z");
    let terms = PlanTerms { term: BillingTerm::Quarterly, ..plan(900) };
    let change = subscribe(None, &terms, true, Timestamp::NONE, &TimeZone::UTC, now).unwrap();
    assert_eq!((change.opens_period, change.amount, change.pending), (true, whole(900), None));
    let after = change.after.unwrap();
    assert_eq!(after.paid_through, at("2026-04-30T10:00:00Z"), "one term");
    assert_eq!((after.cycle, after.ends_at), (0, at("2026-02-28T10:00:00Z")));
}

#[test]
fn r11_subscribing_may_name_what_is_paid_for_if_it_lies_ahead() {
    let now = at("2026-01-31T10:00:00Z");
    let until = |paid_through| subscribe(None, &plan(900), false, paid_through, &TimeZone::UTC, now);
    let after = until(at("2026-03-01T00:00:00Z")).unwrap().after.unwrap();
    assert_eq!((after.paid_through, after.auto_renew), (at("2026-03-01T00:00:00Z"), false));
    assert_eq!(until(now), Err(Refusal::BadPaidThrough));
    assert_eq!(until(Timestamp(1)), Err(Refusal::BadPaidThrough));
}

#[test]
fn r11_subscribing_while_subscribed_is_refused() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    let again = subscribe(Some(&sub), &plan(3_100), true, Timestamp::NONE, &TimeZone::UTC, at("2026-02-01T00:00:00Z"));
    assert_eq!(again, Err(Refusal::AlreadySubscribed));
}

#[test]
fn r11_without_a_subscription_there_is_nothing_to_command() {
    let now = at("2026-02-01T00:00:00Z");
    let missing = Err(Refusal::NotSubscribed);
    assert_eq!(renew(None, None, at("2027-01-01T00:00:00Z"), now), missing);
    assert_eq!(cancel(None, true, now), missing);
    assert_eq!(cancel(None, false, now), missing);
    assert_eq!(lapse(None), missing);
    assert_eq!(change_plan(None, &plan(900), ChangeMode::Default, &TimeZone::UTC, now), missing);
}

#[test]
fn r11_renewing_records_the_term_and_nothing_else() {
    let sub = Subscription { auto_renew: false, ..opened_utc(900, "2026-01-31T10:00:00Z") };
    let now = at("2026-02-20T00:00:00Z");
    let until = at("2026-03-31T10:00:00Z");
    let change = renew(Some(&sub), Some(&pending(500)), until, now).unwrap();
    assert_eq!(change.after, Some(Subscription { paid_through: until, ..sub }));
    assert_eq!((change.pending, change.opens_period, change.amount), (Some(pending(500)), false, Credits::ZERO));
    let next = roll_over(&change.after.unwrap(), None, &TimeZone::UTC, sub.ends_at).unwrap().after.unwrap();
    assert_eq!(next.cycle, 1, "it rolls on into what is paid for");
    assert_eq!(renew(Some(&sub), None, now, now), Err(Refusal::BadPaidThrough));
}

#[test]
fn r11_cancelling_at_the_end_lapses_where_what_is_paid_for_ends() {
    let terms = PlanTerms { term: BillingTerm::Quarterly, ..plan(900) };
    let sub = Subscription::opened(&terms, at("2026-01-31T10:00:00Z"), &TimeZone::UTC, true);
    let change = cancel(Some(&sub), true, at("2026-02-01T00:00:00Z")).unwrap();
    assert_eq!((change.opens_period, change.pending), (false, None));
    let after = change.after.unwrap();
    assert_eq!(after, Subscription { auto_renew: false, ..sub });
    let lapsed = roll_over(&after, None, &TimeZone::UTC, at("2027-01-01T00:00:00Z")).unwrap();
    assert_eq!((lapsed.after, lapsed.boundary, lapsed.skipped), (None, at("2026-04-30T10:00:00Z"), 2));
}

#[test]
fn r11_cancelling_what_is_not_paid_for_lapses_at_the_end_of_the_cycle() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    let now = at("2026-06-10T00:00:00Z");
    let running = roll_over(&sub, None, &TimeZone::UTC, now).unwrap().after.unwrap();
    let after = cancel(Some(&running), true, now).unwrap().after.unwrap();
    assert_eq!((after.due_at(), after.lapses_at()), (running.ends_at, running.ends_at));
    assert_eq!(roll_over(&after, None, &TimeZone::UTC, running.ends_at).unwrap().after, None);
}

#[test]
fn r11_renewing_after_a_cancel_moves_the_lapse() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    let now = at("2026-02-10T00:00:00Z");
    let cancelled = cancel(Some(&sub), true, now).unwrap().after.unwrap();
    let until = at("2026-04-30T10:00:00Z");
    let renewed = renew(Some(&cancelled), None, until, now).unwrap().after.unwrap();
    assert_eq!((renewed.lapses_at(), renewed.auto_renew), (until, false));
    let again = cancel(Some(&renewed), true, now).unwrap().after.unwrap();
    assert_eq!(again, renewed, "to cancel twice changes nothing");
}

#[test]
fn r11_cancelling_now_and_lapsing_end_it_at_once() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    assert_eq!(cancel(Some(&sub), false, at("2026-02-10T00:00:00Z")), Ok(ENDED));
    assert_eq!(lapse(Some(&sub)), Ok(ENDED));
}

#[test]
fn r11_subscribing_anew_has_a_new_anchor() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    let now = at("2026-02-10T00:00:00Z");
    let ended = cancel(Some(&sub), false, now).unwrap().after;
    let change = subscribe(ended.as_ref(), &plan(900), true, Timestamp::NONE, &TimeZone::UTC, now).unwrap();
    assert_eq!((change.after.unwrap().anchor, change.opens_period), (now, true));
}

#[test]
fn r11_a_subscription_set_by_hand_can_be_renewed_and_cancelled() {
    let start = at("2026-01-31T10:00:00Z");
    let sub = Subscription::by_hand(Tier(3), whole(50), start, at("2026-04-15T00:00:00Z"));
    let until = at("2026-06-01T00:00:00Z");
    let renewed = renew(Some(&sub), None, until, start).unwrap().after.unwrap();
    assert_eq!((renewed.due_at(), renewed.paid_through), (until, until));
    assert_eq!(cancel(Some(&sub), true, start).unwrap().after, Some(sub));
    assert_eq!(cancel(Some(&sub), false, start), Ok(ENDED));
}

// R12: plan changes.

#[test]
fn r12_a_smaller_or_equal_plan_waits_for_the_boundary_by_default() {
    let sub = opened_utc(3_100, "2026-04-01T00:00:00Z");
    for credits in [900, 3_100] {
        let change = change(&sub, credits, ChangeMode::Default, "2026-04-16T00:00:00Z");
        let expected =
            Change { after: Some(sub), pending: Some(pending(credits)), opens_period: false, amount: Credits::ZERO };
        assert_eq!(change, expected);
    }
}

#[test]
fn r12_a_larger_plan_adds_the_rest_of_the_cycle_by_default() {
    let sub = opened_utc(900, "2026-04-01T00:00:00Z");
    let change = change(&sub, 3_100, ChangeMode::Default, "2026-04-16T00:00:00Z");
    assert_eq!((change.amount, change.opens_period, change.pending), (whole(1_100), false, None));
    let after = change.after.unwrap();
    assert_eq!((after.plan, after.allocation, after.granted_max), (PlanId(31), whole(3_100), whole(3_100)));
    assert_eq!((after.anchor, after.cycle, after.ends_at), (sub.anchor, 0, sub.ends_at), "the boundaries stay");
    assert_eq!((after.paid_through, after.auto_renew), (sub.paid_through, sub.auto_renew));
}

#[test]
fn r12_a_larger_plan_can_wait_and_a_smaller_one_can_come_at_once_without_taking_credits() {
    let sub = opened_utc(900, "2026-04-01T00:00:00Z");
    let waits = change(&sub, 3_100, ChangeMode::AtRenewal, "2026-04-16T00:00:00Z");
    assert_eq!((waits.after, waits.pending, waits.amount), (Some(sub), Some(pending(3_100)), Credits::ZERO));

    let sub = opened_utc(3_100, "2026-04-01T00:00:00Z");
    let comes = change(&sub, 900, ChangeMode::NowProrated, "2026-04-16T00:00:00Z");
    let after = comes.after.unwrap();
    assert_eq!((comes.amount, comes.opens_period), (Credits::ZERO, false));
    assert_eq!((after.tier, after.allocation, after.granted_max), (Tier(9), whole(900), whole(3_100)));
}

#[test]
fn r12_late_in_the_cycle_little_is_added() {
    let sub = opened_utc(900, "2026-04-01T00:00:00Z");
    for (now, millis) in [
        // 30 days are 2,592,000 seconds.
        ("2026-04-01T00:00:00Z", 2_200_000),
        ("2026-04-01T00:00:00.999Z", 2_200_000),
        ("2026-04-01T00:00:01Z", 3_099_998 - 899_999),
        ("2026-04-30T00:00:00Z", 103_333 - 30_000),
        ("2026-04-30T23:59:59Z", 1),
        ("2026-04-30T23:59:59.999Z", 1),
    ] {
        let change = change(&sub, 3_100, ChangeMode::Default, now);
        assert_eq!(change.amount, Credits::from_millis(millis), "{now}");
    }
}

#[test]
fn r12_proration_is_exact_in_integers() {
    for (new, granted, remaining_s, cycle_s, added) in [
        (1_000, 0, 1, 3, 333),
        (1_000, 500, 2, 3, 666 - 333),
        (1_000, 1_000, 3, 3, 0),
        (500, 1_000, 3, 3, 0),
        (1_000, 0, 4, 3, 1_000),
        (1_000, 0, 0, 3, 0),
        (1_000, 0, 0, 0, 0),
        (1_000, 0, 7, 0, 0),
        (u64::MAX, 0, u64::MAX, u64::MAX, u64::MAX),
        (u64::MAX, 1, 1, 2, u64::MAX / 2),
    ] {
        let found = prorated(Credits::from_millis(new), Credits::from_millis(granted), remaining_s, cycle_s);
        assert_eq!(found, Credits::from_millis(added), "{new} over {granted}, {remaining_s} of {cycle_s}");
    }
}

#[test]
fn r12_changing_up_and_down_in_turn_gains_nothing() {
    let mut sub = opened_utc(900, "2026-04-01T00:00:00Z");
    let mut granted = whole(900);
    for day in 1..=30 {
        let credits = if day % 2 == 1 { 10_500 } else { 900 };
        let mode = if day % 3 == 0 { ChangeMode::Default } else { ChangeMode::NowProrated };
        let change = change(&sub, credits, mode, &format!("2026-04-{day:02}T06:00:00Z"));
        granted += change.amount;
        sub = change.after.unwrap();
    }
    let first = prorated(whole(10_500), whole(900), 30 * 86_400 - 6 * 3_600, 30 * 86_400);
    assert_eq!(granted, whole(900) + first, "only the first change adds");
}

#[test]
fn r12_a_new_cycle_sets_the_bucket_and_moves_the_anchor() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    let change = change(&sub, 3_100, ChangeMode::NowNewCycle, "2026-02-10T07:08:09.500Z");
    assert_eq!((change.amount, change.opens_period, change.pending), (whole(3_100), true, None));
    let after = change.after.unwrap();
    let now = at("2026-02-10T07:08:09Z");
    assert_eq!((after.anchor, after.starts_at, after.cycle, after.ends_at), (now, now, 0, at("2026-03-10T07:08:09Z")));
    assert_eq!((after.granted_max, after.auto_renew), (whole(3_100), true));
    assert_eq!(after.paid_through, sub.paid_through, "only a payment moves what is paid for");
}

#[test]
fn r12_a_later_change_takes_the_place_of_a_pending_one() {
    let sub = opened_utc(3_100, "2026-04-01T00:00:00Z");
    let now = "2026-04-16T00:00:00Z";
    assert_eq!(change(&sub, 900, ChangeMode::Default, now).pending, Some(pending(900)));
    assert_eq!(change(&sub, 500, ChangeMode::Default, now).pending, Some(pending(500)));
    assert_eq!(change(&sub, 10_500, ChangeMode::Default, now).pending, None);
    assert_eq!(change(&sub, 900, ChangeMode::NowNewCycle, now).pending, None);
    assert_eq!(cancel(Some(&sub), true, at(now)).unwrap().pending, None);
    assert_eq!(lapse(Some(&sub)).unwrap().pending, None);
}

#[test]
fn r12_the_next_cycle_counts_what_it_was_granted_afresh() {
    let sub = opened_utc(900, "2026-04-01T00:00:00Z");
    let up = change(&sub, 10_500, ChangeMode::Default, "2026-04-10T00:00:00Z").after.unwrap();
    let down = change(&up, 900, ChangeMode::NowProrated, "2026-04-11T00:00:00Z").after.unwrap();
    let next = roll_over(&down, None, &TimeZone::UTC, at("2026-05-01T00:00:00Z")).unwrap().after.unwrap();
    assert_eq!((next.allocation, next.granted_max), (whole(900), whole(900)));
    let change = change(&next, 10_500, ChangeMode::Default, "2026-05-01T00:00:00Z");
    assert_eq!(change.amount, whole(9_600));
}

#[test]
fn r12_a_subscription_set_by_hand_changes_into_a_first_cycle() {
    let start = at("2026-01-31T10:00:00Z");
    let by_hand = Subscription::by_hand(Tier(3), whole(50), start, at("2026-04-15T00:00:00Z"));
    for mode in [ChangeMode::Default, ChangeMode::AtRenewal, ChangeMode::NowProrated, ChangeMode::NowNewCycle] {
        let change = change(&by_hand, 900, mode, "2026-02-10T00:00:00Z");
        let after = change.after.unwrap();
        assert_eq!((change.opens_period, change.amount, after.cycle), (true, whole(900), 0));
        assert_eq!((after.auto_renew, after.lapses_at()), (false, by_hand.ends_at), "it ends when it would have");
    }
}

#[test]
fn r12_modes_have_the_numbers_of_the_wire() {
    for mode in [ChangeMode::Default, ChangeMode::AtRenewal, ChangeMode::NowProrated, ChangeMode::NowNewCycle] {
        assert_eq!(ChangeMode::from_number(mode as u8), Some(mode));
    }
    assert_eq!(ChangeMode::from_number(4), None);
}

// R10: moving to another zone.

fn moved(sub: &Subscription, from: &str, to: &str, now: &str) -> Subscription {
    let change = set_zone(Some(sub), Some(&pending(500)), &zone(from), &zone(to), at(now));
    assert_eq!((change.pending, change.opens_period, change.amount), (Some(pending(500)), false, Credits::ZERO));
    change.after.unwrap()
}

#[test]
fn r10_a_zone_change_moves_the_end_of_the_running_cycle_and_keeps_its_number() {
    let berlin = zone("Europe/Berlin");
    // 12:00 on the 31st in Berlin, 20:00 in Tokyo, 06:00 in New York: only the clocks' changes show.
    let sub = opened(900, "2026-01-31T11:00:00Z", &berlin);
    let now = at("2026-03-10T00:00:00Z");
    let running = roll_over(&sub, None, &berlin, now).unwrap().after.unwrap();
    assert_eq!((running.cycle, running.ends_at), (1, at("2026-03-31T10:00:00Z")));
    let east = moved(&running, "Europe/Berlin", "Asia/Tokyo", "2026-03-10T00:00:00Z");
    assert_eq!(east, Subscription { ends_at: at("2026-03-31T11:00:00Z"), ..running });
    let west = moved(&running, "Europe/Berlin", "America/New_York", "2026-03-10T00:00:00Z");
    assert_eq!(west, Subscription { ends_at: at("2026-03-31T10:00:00Z"), ..running });
}

#[test]
fn r10_a_move_east_over_a_boundary_makes_it_due_at_once() {
    let sub = opened_utc(900, "2026-03-30T12:00:00Z");
    assert_eq!(sub.ends_at, at("2026-04-30T12:00:00Z"));
    // In Kiritimati the anchor is 02:00 on 31 March, so the boundary is 02:00 on 30 April: a day before.
    let east = moved(&sub, "UTC", "Pacific/Kiritimati", "2026-04-30T00:00:00Z");
    assert_eq!((east.cycle, east.ends_at), (0, at("2026-04-29T12:00:00Z")));
    let rolled = roll_over(&east, None, &zone("Pacific/Kiritimati"), at("2026-04-30T00:00:00Z")).unwrap();
    let after = rolled.after.unwrap();
    assert_eq!((after.cycle, rolled.boundary, rolled.skipped), (1, east.ends_at, 0));
    // Back again: the boundary that has been crossed is not repeated.
    let back = moved(&after, "Pacific/Kiritimati", "UTC", "2026-04-30T00:00:01Z");
    assert_eq!((back.cycle, back.ends_at), (1, at("2026-05-30T12:00:00Z")));
    assert_eq!(roll_over(&back, None, &TimeZone::UTC, at("2026-04-30T12:00:00Z")), None);
}

#[test]
fn r10_a_move_west_can_bring_the_boundary_later() {
    let kiritimati = zone("Pacific/Kiritimati");
    let sub = opened(900, "2026-03-30T12:00:00Z", &kiritimati);
    assert_eq!(sub.ends_at, at("2026-04-29T12:00:00Z"));
    let west = moved(&sub, "Pacific/Kiritimati", "Pacific/Pago_Pago", "2026-04-29T11:59:59Z");
    assert_eq!((west.cycle, west.ends_at), (0, at("2026-04-30T12:00:00Z")));
    let rolled = roll_over(&west, None, &zone("Pacific/Pago_Pago"), west.ends_at).unwrap();
    assert_eq!(rolled.after.unwrap().ends_at, boundary(sub.anchor, &zone("Pacific/Pago_Pago"), 2));
}

#[test]
fn r10_a_lapse_at_a_boundary_moves_with_it() {
    let sub = opened_utc(900, "2026-03-30T12:00:00Z");
    let cancelled = cancel(Some(&sub), true, at("2026-04-10T00:00:00Z")).unwrap().after.unwrap();
    let east = moved(&cancelled, "UTC", "Pacific/Kiritimati", "2026-04-12T00:00:00Z");
    assert_eq!((east.ends_at, east.paid_through), (at("2026-04-29T12:00:00Z"), at("2026-04-29T12:00:00Z")));
    let rolled = roll_over(&east, None, &zone("Pacific/Kiritimati"), east.ends_at).unwrap();
    assert_eq!(rolled.after, None, "a move brings no cycle that was not paid for");
}

#[test]
fn r10_a_lapse_beside_the_boundaries_is_an_instant() {
    let mut sub = opened_utc(900, "2026-03-30T12:00:00Z");
    sub.auto_renew = false;
    sub.paid_through = at("2026-06-15T00:00:00Z");
    let east = moved(&sub, "UTC", "Pacific/Kiritimati", "2026-04-12T00:00:00Z");
    assert_eq!(east.paid_through, sub.paid_through);
}

#[test]
fn r10_a_zone_change_leaves_what_has_no_cycles() {
    let start = at("2026-01-31T10:00:00Z");
    let by_hand = Subscription::by_hand(Tier(3), whole(50), start, at("2026-04-15T00:00:00Z"));
    assert_eq!(moved(&by_hand, "UTC", "Pacific/Kiritimati", "2026-02-12T00:00:00Z"), by_hand);
    let none = set_zone(None, None, &TimeZone::UTC, &zone("Asia/Tokyo"), start);
    assert_eq!(none, Change { after: None, pending: None, opens_period: false, amount: Credits::ZERO });
}
