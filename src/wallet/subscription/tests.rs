//! Cycles, roll-over and the commands of a subscription, as tables (R9–R12, R35).

mod commands;
mod properties;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{PendingChange, Rolled, Subscription, boundary, roll_over};
use crate::credits::Credits;
use crate::ids::{PlanId, Tier, Timestamp};
use crate::plan::{BillingTerm, PlanTerms};

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    Timestamp(u64::try_from(at.as_millisecond()).unwrap())
}

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

/// A monthly plan with that many credits; its id and tier go with them.
fn plan(credits: u64) -> PlanTerms {
    let id = u16::try_from((credits / 100).max(1)).unwrap();
    let tier = Tier(u8::try_from(id.min(15)).unwrap());
    PlanTerms { plan: PlanId(id), tier, allocation: Credits::from_whole(credits), term: BillingTerm::Monthly }
}

fn pending(credits: u64) -> PendingChange {
    let PlanTerms { plan, tier, allocation, .. } = plan(credits);
    PendingChange { plan, tier, allocation }
}

fn opened(credits: u64, anchor: &str, zone: &TimeZone) -> Subscription {
    Subscription::opened(&plan(credits), at(anchor), zone, true)
}

fn opened_utc(credits: u64, anchor: &str) -> Subscription {
    opened(credits, anchor, &TimeZone::UTC)
}

/// A table of boundaries: `zone`, `anchor`, then lines of `number instant`.
fn check_boundaries(name: &str, anchor: &str, table: &str) {
    let zone = zone(name);
    for line in table.lines() {
        let (n, expected) = line.trim().split_once(' ').unwrap();
        let found = boundary(at(anchor), &zone, n.parse().unwrap());
        assert_eq!(found, at(expected), "boundary {n} of {anchor} in {name}");
    }
}

// R10: each boundary is computed from the anchor; the day is clamped to the end of the month.

#[test]
fn r10_an_anchor_on_the_31st_is_clamped_and_comes_back() {
    check_boundaries(
        "UTC",
        "2027-01-31T13:14:15Z",
        "0 2027-01-31T13:14:15Z
         1 2027-02-28T13:14:15Z
         2 2027-03-31T13:14:15Z
         3 2027-04-30T13:14:15Z
         4 2027-05-31T13:14:15Z
         11 2027-12-31T13:14:15Z
         12 2028-01-31T13:14:15Z
         13 2028-02-29T13:14:15Z
         14 2028-03-31T13:14:15Z
         25 2029-02-28T13:14:15Z",
    );
}

#[test]
fn r10_anchors_on_the_28th_to_30th_through_leap_and_common_years() {
    check_boundaries("UTC", "2027-01-28T00:00:00Z", "1 2027-02-28T00:00:00Z\n13 2028-02-28T00:00:00Z");
    check_boundaries("UTC", "2027-01-29T00:00:00Z", "1 2027-02-28T00:00:00Z\n13 2028-02-29T00:00:00Z");
    check_boundaries("UTC", "2027-01-30T00:00:00Z", "1 2027-02-28T00:00:00Z\n13 2028-02-29T00:00:00Z");
    check_boundaries("UTC", "2027-01-30T00:00:00Z", "2 2027-03-30T00:00:00Z\n14 2028-03-30T00:00:00Z");
    check_boundaries("UTC", "2028-02-28T00:00:00Z", "1 2028-03-28T00:00:00Z\n12 2029-02-28T00:00:00Z");
    check_boundaries(
        "UTC",
        "2028-02-29T08:00:00Z",
        "1 2028-03-29T08:00:00Z
         12 2029-02-28T08:00:00Z
         13 2029-03-29T08:00:00Z
         48 2032-02-29T08:00:00Z",
    );
}

#[test]
fn r10_a_century_without_a_leap_day() {
    check_boundaries("UTC", "2096-02-29T00:00:00Z", "48 2100-02-28T00:00:00Z\n96 2104-02-29T00:00:00Z");
}

#[test]
fn r10_the_month_is_the_one_of_the_accounts_zone() {
    // 23:30 on 31 January in New York is February in UTC.
    check_boundaries(
        "America/New_York",
        "2026-02-01T04:30:00Z",
        "1 2026-03-01T04:30:00Z
         2 2026-04-01T03:30:00Z
         3 2026-05-01T03:30:00Z",
    );
    check_boundaries("UTC", "2026-02-01T04:30:00Z", "1 2026-03-01T04:30:00Z\n2 2026-04-01T04:30:00Z");
    // 08:00 on 1 March in Tokyo is February in UTC.
    check_boundaries("Asia/Tokyo", "2026-02-28T23:00:00Z", "1 2026-03-31T23:00:00Z\n2 2026-04-30T23:00:00Z");
    check_boundaries("UTC", "2026-02-28T23:00:00Z", "1 2026-03-28T23:00:00Z\n2 2026-04-28T23:00:00Z");
}

#[test]
fn r10_a_skipped_local_time_is_the_first_instant_after_the_gap() {
    // Midnight, and half past it, do not exist: clocks go from 00:00 to 01:00.
    for anchor in ["2018-10-04T03:00:00Z", "2018-10-04T03:30:00Z"] {
        check_boundaries("America/Sao_Paulo", anchor, "1 2018-11-04T03:00:00Z");
    }
    check_boundaries("America/Sao_Paulo", "2018-10-04T03:30:00Z", "2 2018-12-04T02:30:00Z\n5 2019-03-04T03:30:00Z");
    check_boundaries("America/Havana", "2023-02-12T05:00:00Z", "1 2023-03-12T05:00:00Z\n2 2023-04-12T04:00:00Z");
    check_boundaries(
        "Asia/Beirut",
        "2026-01-28T22:00:00Z",
        "1 2026-02-27T22:00:00Z
         2 2026-03-28T22:00:00Z
         3 2026-04-28T21:00:00Z",
    );
    check_boundaries("Africa/Cairo", "2026-03-23T22:00:00Z", "1 2026-04-23T22:00:00Z\n2 2026-05-23T21:00:00Z");
    check_boundaries("America/New_York", "2026-02-08T07:30:00Z", "1 2026-03-08T07:00:00Z\n2 2026-04-08T06:30:00Z");
    // Half an hour is skipped here.
    check_boundaries("Australia/Lord_Howe", "2026-09-03T15:45:00Z", "1 2026-10-03T15:30:00Z\n2 2026-11-03T15:15:00Z");
    // A whole date is skipped here: 30 December 2011.
    check_boundaries("Pacific/Apia", "2011-11-30T20:00:00Z", "1 2011-12-30T10:00:00Z\n2 2012-01-29T20:00:00Z");
}

#[test]
fn r10_a_doubled_local_time_counts_the_first_time() {
    check_boundaries("America/Sao_Paulo", "2018-01-18T01:30:00Z", "1 2018-02-18T01:30:00Z\n2 2018-03-18T02:30:00Z");
    check_boundaries("America/Havana", "2023-10-05T04:00:00Z", "1 2023-11-05T04:00:00Z\n2 2023-12-05T05:00:00Z");
    check_boundaries("Asia/Beirut", "2026-09-24T20:30:00Z", "1 2026-10-24T20:30:00Z\n2 2026-11-24T21:30:00Z");
    check_boundaries("America/New_York", "2026-10-01T05:30:00Z", "1 2026-11-01T05:30:00Z\n2 2026-12-01T06:30:00Z");
    check_boundaries("Australia/Lord_Howe", "2026-03-04T14:45:00Z", "1 2026-04-04T14:45:00Z\n2 2026-05-04T15:15:00Z");
}

#[test]
fn r10_an_anchor_in_the_second_of_two_doubled_hours_is_itself_boundary_0() {
    check_boundaries("America/New_York", "2026-11-01T06:30:00Z", "0 2026-11-01T06:30:00Z\n1 2026-12-01T06:30:00Z");
}

#[test]
fn r10_what_the_calendar_does_not_reach_is_never() {
    let anchor = at("2026-01-01T00:00:00Z");
    assert_eq!(boundary(anchor, &TimeZone::UTC, 100_000), Timestamp::NEVER);
    assert_eq!(boundary(anchor, &TimeZone::UTC, u32::MAX), Timestamp::NEVER);
    let last = Subscription { cycle: 100_000, ends_at: Timestamp::NEVER, ..opened_utc(900, "2026-01-01T00:00:00Z") };
    assert_eq!(roll_over(&last, None, &TimeZone::UTC, Timestamp::NEVER), None);
}

#[test]
fn r10_the_anchor_is_whole_seconds() {
    let sub = opened_utc(900, "2026-01-31T10:00:00.999Z");
    assert_eq!(sub.anchor, at("2026-01-31T10:00:00Z"));
    assert_eq!(sub.starts_at, sub.anchor);
    assert_eq!(sub.ends_at, at("2026-02-28T10:00:00Z"));
}

// R10, R35: rolling over.

fn rolled(sub: &Subscription, change: Option<&PendingChange>, now: &str) -> Option<Rolled> {
    roll_over(sub, change, &TimeZone::UTC, at(now))
}

#[test]
fn r10_cycles_are_half_open() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    assert_eq!(rolled(&sub, None, "2026-02-28T09:59:59.999Z"), None);
    let rolled = rolled(&sub, None, "2026-02-28T10:00:00Z").unwrap();
    let after =
        Subscription { cycle: 1, starts_at: at("2026-02-28T10:00:00Z"), ends_at: at("2026-03-31T10:00:00Z"), ..sub };
    let expected = Rolled { after: Some(after), boundary: after.starts_at, skipped: 0, changed: false };
    assert_eq!(rolled, expected);
}

#[test]
fn r35_missed_cycles_are_left_out_and_counted() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    for (now, cycle, starts_at, ends_at) in [
        ("2026-03-05T00:00:00Z", 1, "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z"),
        ("2026-03-31T10:00:00Z", 2, "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z"),
        ("2026-05-31T09:59:59Z", 3, "2026-04-30T10:00:00Z", "2026-05-31T10:00:00Z"),
        ("2026-05-31T10:00:00Z", 4, "2026-05-31T10:00:00Z", "2026-06-30T10:00:00Z"),
        ("2029-06-30T10:00:00Z", 41, "2029-06-30T10:00:00Z", "2029-07-31T10:00:00Z"),
        ("3026-02-01T00:00:00Z", 12_000, "3026-01-31T10:00:00Z", "3026-02-28T10:00:00Z"),
    ] {
        let rolled = rolled(&sub, None, now).unwrap();
        let after = rolled.after.unwrap();
        assert_eq!((after.cycle, after.starts_at, after.ends_at), (cycle, at(starts_at), at(ends_at)), "{now}");
        assert_eq!((rolled.skipped, rolled.boundary), (cycle - 1, at(starts_at)), "{now}");
    }
}

#[test]
fn r9_quarterly_and_yearly_terms_have_3_and_12_refreshes() {
    for (term, refreshes) in [(BillingTerm::Monthly, 1), (BillingTerm::Quarterly, 3), (BillingTerm::Yearly, 12)] {
        let terms = PlanTerms { term, ..plan(900) };
        let mut sub = Subscription::opened(&terms, at("2026-01-31T10:00:00Z"), &TimeZone::UTC, false);
        let mut grants = 1;
        loop {
            let rolled = roll_over(&sub, None, &TimeZone::UTC, sub.due_at()).unwrap();
            let Some(after) = rolled.after else { break };
            assert_eq!(after.allocation, Credits::from_whole(900));
            sub = after;
            grants += 1;
        }
        assert_eq!(grants, refreshes, "{}", term.name());
        assert_eq!(term.months(), refreshes);
    }
}

#[test]
fn r10_at_one_instant_the_lapse_comes_before_a_new_cycle() {
    let sub = Subscription { auto_renew: false, ..opened_utc(900, "2026-01-31T10:00:00Z") };
    assert_eq!(sub.paid_through, sub.ends_at);
    assert_eq!(rolled(&sub, None, "2026-02-28T09:59:59Z"), None);
    for now in ["2026-02-28T10:00:00Z", "2027-01-01T00:00:00Z"] {
        let lapsed = Rolled { after: None, boundary: sub.ends_at, skipped: 0, changed: false };
        assert_eq!(rolled(&sub, Some(&pending(3_100)), now), Some(lapsed), "{now}");
    }
}

#[test]
fn r11_a_lapse_may_lie_inside_a_cycle() {
    let mut sub = opened_utc(900, "2026-01-31T10:00:00Z");
    sub.auto_renew = false;
    sub.paid_through = at("2026-04-15T00:00:00Z");
    let running = rolled(&sub, None, "2026-04-14T23:59:59Z").unwrap().after.unwrap();
    assert_eq!((running.cycle, running.due_at()), (2, sub.paid_through));
    assert_eq!(rolled(&running, None, "2026-04-14T23:59:59Z"), None);
    let lapsed = rolled(&running, None, "2026-04-15T00:00:00Z").unwrap();
    assert_eq!(lapsed, Rolled { after: None, boundary: sub.paid_through, skipped: 0, changed: false });
    // Two cycles would have been granted on the way there.
    assert_eq!(rolled(&sub, None, "2026-04-15T00:00:00Z").unwrap(), Rolled { skipped: 2, ..lapsed });
}

#[test]
fn r11_with_auto_renewal_nothing_ends_at_paid_through() {
    let sub = opened_utc(900, "2026-01-31T10:00:00Z");
    let after = rolled(&sub, None, "2027-01-31T10:00:00Z").unwrap().after.unwrap();
    assert_eq!((after.cycle, after.paid_through), (12, sub.paid_through));
}

#[test]
fn r12_a_pending_change_is_taken_at_the_first_boundary() {
    let sub = opened_utc(3_100, "2026-01-31T10:00:00Z");
    for (now, cycle) in [("2026-02-28T10:00:00Z", 1), ("2026-05-01T00:00:00Z", 3)] {
        let rolled = rolled(&sub, Some(&pending(900)), now).unwrap();
        assert!(rolled.changed);
        let after = rolled.after.unwrap();
        assert_eq!((after.plan, after.tier, after.cycle), (PlanId(9), Tier(9), cycle));
        assert_eq!((after.allocation, after.granted_max), (Credits::from_whole(900), Credits::from_whole(900)));
        assert_eq!(after.anchor, sub.anchor);
    }
}

#[test]
fn r11_a_subscription_set_by_hand_has_no_cycles() {
    let sub = Subscription::by_hand(Tier(3), Credits::from_whole(50), at("2026-01-31T10:00:00Z"), Timestamp::NONE);
    assert_eq!(sub.due_at(), Timestamp::NEVER);
    assert_eq!(rolled(&sub, None, "2126-01-31T10:00:00Z"), None);

    let ends_at = at("2026-04-15T00:00:00Z");
    let sub = Subscription::by_hand(Tier(3), Credits::from_whole(50), at("2026-01-31T10:00:00Z"), ends_at);
    assert_eq!(sub.due_at(), ends_at);
    assert_eq!(rolled(&sub, None, "2026-04-14T23:59:59Z"), None);
    let lapsed = rolled(&sub, Some(&pending(900)), "2026-06-01T00:00:00Z").unwrap();
    assert_eq!(lapsed, Rolled { after: None, boundary: ends_at, skipped: 0, changed: false });
}
