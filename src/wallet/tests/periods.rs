//! Days and credit cycles: R5 to R7, R10, R11, R24, R35.

use std::sync::Arc;

use super::world::{account, compare_wallets, instant};
use super::{World, check};
use crate::calendar::today;
use crate::credits::Credits;
use crate::ids::{CommandId, Day, Now, Period, PlanId, Tier, Timestamp};
use crate::outcome::{Field, Outcome};
use crate::record::Record;
use crate::request::{Command, CommandRequest};
use crate::settings::Settings;

#[test]
fn r5_a_reset_sets_the_bucket_and_adds_nothing() {
    check(
        "open a                       => done left=100/0/0 next=43200s
         reserve h1 a 30              => granted
         commit h1 30
         at 2026-03-10T23:59:59Z
         balance a                    => done left=70/0/0 next=1s
         at 2026-03-11T00:00:00Z
         balance a                    => done left=100/0/0 next=86400s
         grant a free 50              => done left=150/0/0
         at 2026-03-14T08:00:00Z
         balance a                    => done left=100/0/0",
    );
}

#[test]
fn r5_a_day_that_nothing_was_drawn_from_leaves_no_trace() {
    let world = check(
        "open a
         at 2026-03-15T00:00:00Z
         reserve h1 a 30
         at 2026-03-16T00:00:00Z
         balance a                    => done left=100/0/0",
    );
    let row = &world.disk.replayed().rows[&account("a")];
    assert_eq!(row.counters[0].granted, Credits::from_whole(100), "one day of six was granted");
    assert_eq!(row.counters[0].expired, Credits::ZERO);
}

#[test]
fn r5_a_reset_touches_no_other_bucket() {
    check(
        "open a
         subscribe a 50
         topup a 20
         at 2026-03-11T00:00:00Z
         balance a                    => done left=0/50/20",
    );
}

#[test]
fn r5_all_accounts_can_be_made_eligible_one_whole_day_ahead() {
    let world = check(
        "policy 100                   => 0
         open a
         subscribe a 50
         policy 40 all                => 1
         policy 40 all                => 0
         at 2026-03-11T00:00:00Z
         balance a                    => done left=0/50/0
         at 2026-03-12T00:00:00Z
         balance a                    => done left=0/50/0
         at 2026-03-13T00:00:00Z
         open b                       => done left=40/0/0
         balance a                    => done left=40/50/0
         reserve h1 a 45              => granted split=40/5/0",
    );
    let last = world.engine.policies.read().last().copied().unwrap();
    assert!(world.disk.records().contains(&Record::Policy(last)));
}

#[test]
fn r5_a_policy_names_a_date_that_has_begun_in_no_zone() {
    for (now, from) in [("2026-03-10T09:59:59Z", "2026-03-12"), ("2026-03-10T10:00:00Z", "2026-03-13")] {
        let mut world = World::new(Settings::default());
        world.check(&format!("at {now}\npolicy 7 => 1"));
        let last = world.engine.policies.read().last().copied().unwrap();
        let from: jiff::civil::Date = from.parse().unwrap();
        let days = from.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days();
        assert_eq!(last.from, Day(u32::try_from(days).unwrap()), "{now}");
    }
}

#[test]
fn r6_the_day_ends_at_midnight_in_the_accounts_zone() {
    check(
        "open a zone=Pacific/Kiritimati   => done next_at=2026-03-11T10:00:00Z
         open b zone=Pacific/Pago_Pago    => done next_at=2026-03-11T11:00:00Z
         open c zone=Asia/Kathmandu       => done next_at=2026-03-10T18:15:00Z
         open d zone=Mars/Olympus         => bad_request field=Zone
         reserve h1 a 1
         reserve h2 b 2
         reserve h3 c 3
         at 2026-03-10T18:15:00Z
         balance c                        => done left=100/0/0
         at 2026-03-11T10:00:00Z
         balance a                        => done left=100/0/0
         balance b                        => done left=98/0/0
         at 2026-03-11T11:00:00Z
         balance b                        => done left=100/0/0",
    );
}

#[test]
fn r6_a_skipped_midnight_is_the_first_instant_after_it() {
    check(
        "at 2026-04-23T20:00:00Z
         open a zone=Africa/Cairo         => done next_at=2026-04-23T22:00:00Z
         reserve h1 a 40
         at 2026-04-23T21:59:59Z
         balance a                        => done left=60/0/0
         at 2026-04-23T22:00:00Z
         balance a                        => done left=100/0/0 next_at=2026-04-24T21:00:00Z",
    );
}

#[test]
fn r6_a_doubled_midnight_counts_the_first_time() {
    check(
        "at 2024-11-03T03:00:00Z
         open a zone=America/Havana       => done next_at=2024-11-03T04:00:00Z
         reserve h1 a 40
         at 2024-11-03T04:00:00Z
         balance a                        => done left=100/0/0
         reserve h2 a 10
         at 2024-11-03T05:00:00Z
         balance a                        => done left=90/0/0 next_at=2024-11-04T05:00:00Z",
    );
}

#[test]
fn r6_clocks_that_go_back_over_a_midnight_do_not_repeat_the_day() {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get("America/St_Johns").unwrap();
    let before = today(&zone, instant("2010-11-07T02:29:59Z"));
    assert_eq!(before.ends_at, instant("2010-11-07T02:30:00Z"));
    let repeated = today(&zone, instant("2010-11-07T02:45:00Z"));
    assert_eq!(repeated.day, Day(before.day.0 + 1));
    assert_eq!(repeated.ends_at, instant("2010-11-08T03:30:00Z"));
}

#[test]
fn r6_a_date_that_a_zone_skips_is_nobodys_day() {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get("Pacific/Apia").unwrap();
    let before = today(&zone, instant("2011-12-30T09:00:00Z"));
    assert_eq!(before.ends_at, instant("2011-12-30T10:00:00Z"));
    assert_eq!(today(&zone, before.ends_at).day, Day(before.day.0 + 2));
}

#[test]
fn r6_a_day_in_the_journal_never_goes_back() {
    let mut world = World::new(Settings::default());
    world.check("open a\nreserve h1 a 10\nat 2026-03-12T00:00:00Z\nreserve h2 a 5 => granted left=95/0/0");
    let days: Vec<u32> = world.disk.records().iter().filter_map(day_of).collect();
    assert!(days.is_sorted(), "{days:?}");
}

fn day_of(record: &Record) -> Option<u32> {
    match record {
        Record::Open(open) => Some(open.day.0),
        Record::Reserve(reserve) => Some(reserve.taken.day.0),
        _ => None,
    }
}

#[test]
fn r7_free_credits_stay_until_the_boundary_after_subscribing_and_come_back_after_a_lapse() {
    check(
        "open a                           => done left=100/0/0
         reserve h1 a 30
         subscribe a 50 until=2026-03-12T12:00:00Z => done left=70/50/0
         reserve h2 a 5                   => granted split=5/0/0
         at 2026-03-11T00:00:00Z
         balance a                        => done left=0/50/0 next_at=2026-03-13T00:00:00Z
         at 2026-03-12T12:00:00Z
         balance a                        => done left=0/0/0 tier=0 next_at=2026-03-13T00:00:00Z
         at 2026-03-13T00:00:00Z
         balance a                        => done left=100/0/0",
    );
}

#[test]
fn r35_missed_periods_come_out_as_if_rolled_boundary_by_boundary() {
    check(
        "open a
         subscribe a 50 until=2026-03-17T12:00:00Z
         at 2026-03-17T12:30:00Z
         balance a                        => done left=0/0/0 tier=0
         at 2026-03-18T00:00:00Z
         reserve h1 a 10                  => granted split=10/0/0 left=90/0/0",
    );
}

#[test]
fn r10_at_one_instant_the_lapse_comes_before_the_day() {
    check(
        "open a
         subscribe a 50 until=2026-03-12T00:00:00Z
         at 2026-03-12T00:00:00Z
         balance a                        => done left=100/0/0 tier=0",
    );
}

#[test]
fn r11_a_lapse_is_a_record_and_leaves_top_up_credits() {
    let world = check(
        "open a
         subscribe a 50 tier=2 until=2026-03-12T12:00:00Z
         topup a 20
         at 2026-03-12T12:00:01Z
         reserve h1 a 30                  => insufficient left=0/0/20
         reserve h1 a 1 tier=1            => tier_required
         reserve h1 a 20                  => granted split=0/0/20
         topup a 5                        => subscription_required",
    );
    let rolls = world.disk.records().into_iter().filter_map(|record| match record {
        Record::CycleRoll(rolls) => Some(rolls),
        _ => None,
    });
    let rolls: Vec<_> = rolls.flatten().collect();
    assert_eq!(rolls.len(), 1, "one roll, by the first request that found it due");
    assert_eq!((rolls[0].period, rolls[0].tier), (Period(2), Tier::NONE));
    assert_eq!((rolls[0].allocation, rolls[0].ends_at), (Credits::ZERO, Timestamp::NONE));
    assert_eq!(rolls[0].at, instant("2026-03-12T12:00:00Z"));
}

#[test]
fn r24_a_hold_taken_before_a_boundary_returns_into_an_ended_period() {
    check(
        "open a
         subscribe a 50 until=2026-03-11T00:00:00Z
         topup a 20
         at 2026-03-10T23:59:30Z
         reserve h1 a 160                 => granted split=100/50/10
         reserve h2 a 10                  => granted split=0/0/10
         at 2026-03-11T00:00:00Z
         balance a                        => done left=100/0/0
         release h1                       => done split=0/0/10 lost=150 left=100/0/10
         release h2                       => done split=0/0/10 lost=0 left=100/0/20",
    );
}

#[test]
fn r35_the_new_period_is_granted_in_full_beside_an_old_hold() {
    check(
        "open a
         at 2026-03-10T23:59:30Z
         reserve h1 a 70                  => granted
         reserve h2 a 30                  => granted
         at 2026-03-11T00:00:10Z
         commit h1 50                     => done split=50/0/0 lost=20 left=100/0/0
         expire                           => 0
         after 60s
         expire                           => 1
         balance a                        => done left=100/0/0",
    );
}

#[test]
fn i7_a_period_number_is_used_once() {
    let world = check(
        "open a
         subscribe a 50
         reserve h1 a 130                 => granted split=100/30/0
         subscribe a 60                   => done left=0/60/0
         release h1                       => done split=100/0/0 lost=30 left=100/60/0
         subscribe a 70 for=1m
         after 61s
         subscribe a 80                   => done left=100/80/0",
    );
    let row = &world.disk.replayed().rows[&account("a")];
    assert_eq!(row.period, Period(5), "four subscriptions and one lapse");
}

#[test]
fn r6_the_short_day_goes_round_without_losing_a_boundary() {
    let mut world = World::new(Settings::default());
    world.check("open a\nreserve h1 a 10");
    for number in 0..12 {
        world.advance(100 * 86_400_000);
        world.check(&format!("balance a => done left=100/0/0\ncharge later{number} a 1"));
        let view = world.engine.wallet_view(account("a"), world.now).unwrap();
        assert_eq!(u64::from(view.day.0), world.now.daemon.seconds() / 86_400);
    }
}

/// R7, R10: what a request knows of the time may be older than the day that another one has published.
#[test]
fn r10_a_lapse_at_midnight_comes_before_the_day_for_a_request_with_an_older_now_too() {
    let midnight = instant("2026-03-12T00:00:00Z");
    let mut world = World::new(Settings::default());
    world.check(
        "open a
         open b",
    );
    let told = world.command(Command::SetSubscription {
        account: account("a"),
        amount: Credits::from_whole(1_000),
        tier: Tier(2),
        ends_at: midnight,
    });
    assert_eq!(told.outcome, Outcome::Done);
    world.now = Now::at(midnight);
    // A whole table would look at every wallet, and so roll the other one here.
    world.check_line("balance b => done left=100/0/0");
    world.now = Now::at(midnight.minus_millis(1));
    world.check("balance a => done left=100/0/0 tier=0");
    world.now = Now::at(midnight);
    world.check("balance a => done left=100/0/0 tier=0");
    compare_wallets(&world.engine, &mut world.disk.replayed(), world.now);
}

/// R10, R11: the same for a cycle that begins at the midnight.
#[test]
fn r10_a_cycle_at_midnight_comes_before_the_day_for_a_request_with_an_older_now_too() {
    let mut world = World::new(Settings::default());
    world.engine.set_plans(Arc::new(crate::plan::parse::plan_catalog("p.toml", PLAN).unwrap()));
    world.now = Now::at(instant("2026-03-12T00:00:00Z"));
    world.check(
        "open a
         open b",
    );
    let (auto_renew, paid_through) = (true, Timestamp::NONE);
    let told = world.command(Command::Subscribe { account: account("a"), plan: PlanId(1), auto_renew, paid_through });
    assert_eq!(told.outcome, Outcome::Done);
    world.check("reserve h1 a 130 ttl=1000 => granted split=100/30/0");
    let midnight = instant("2026-04-12T00:00:00Z");
    world.now = Now::at(midnight);
    // A whole table would look at every wallet, and so roll the other one here.
    world.check_line("balance b => done left=100/0/0");
    world.now = Now::at(midnight.minus_millis(1));
    world.check("balance a => done left=0/500/0 tier=1");
    compare_wallets(&world.engine, &mut world.disk.replayed(), world.now);
}

const PLAN: &str = "version = 1\n[[plan]]\nid = 1\nname = \"basic\"\ntier = 1\ncredits = 500\n";

/// I9: a zone takes one of the 1,024 cohorts, in whatever case clients write it.
#[test]
fn i9_a_zone_is_one_cohort_however_it_is_spelled() {
    let mut world = World::new(Settings::default());
    world.check(
        "open a zone=europe/berlin    => done
         open b zone=EUROPE/BERLIN    => done
         open c zone=europe/nowhere   => bad_request field=Zone",
    );
    let cohorts = &world.engine.cohorts;
    assert_eq!(cohorts.of("Europe/Berlin"), cohorts.of("europe/Berlin"));
    assert_eq!(cohorts.of(""), cohorts.of("utc"));
    assert_eq!(cohorts.of("Etc/Unknown"), cohorts.of("etc/unknown"));
    for name in ["a", "b"] {
        assert_eq!(world.engine.wallet_view(account(name), world.now).unwrap().zone, "Europe/Berlin");
        assert_eq!(world.disk.replayed().rows[&account(name)].zone, "Europe/Berlin", "as the journal has it");
    }
}

/// I9, R13: a retry may spell the zone otherwise; another zone is another command.
#[test]
fn i9_r13_a_retry_with_another_spelling_is_the_same_command() {
    let world = World::new(Settings::default());
    let (a, by, reason) = (account("a"), String::new(), String::new());
    let told = |id: u128, command: Command| {
        let request = CommandRequest { id: CommandId(id), command, by: by.clone(), reason: reason.clone() };
        let answer = world.engine.command(&request, world.now);
        (answer.outcome, answer.detail)
    };
    let open = |zone: &str| Command::OpenAccount { account: a, zone: zone.into() };
    let moves = |zone: &str| Command::SetZone { account: a, zone: zone.into() };
    let granted = (Outcome::Replayed, u32::from(Outcome::Done.code()));
    let reused = (Outcome::CommandIdReused, Field::Zone as u32);
    assert_eq!(told(1, open("europe/berlin")).0, Outcome::Done);
    assert_eq!(told(1, open("Europe/Berlin")), granted);
    assert_eq!(told(1, open("europe/berlin")), granted);
    assert_eq!(told(1, open("Europe/Paris")), reused);
    assert_eq!(told(2, moves("utc")).0, Outcome::Done);
    assert_eq!(told(2, moves("")), granted);
    assert_eq!(told(2, moves("Europe/Berlin")), reused);
    assert_eq!(told(2, moves("nowhere")), reused);
}

/// R4, R40: a lapse brings nothing; the daily credits come back with the first day that begins at it or later (R7).
#[test]
fn r4_the_next_reset_of_who_is_to_lapse_is_the_day_that_brings_free_credits_again() {
    check(
        "open a
         open b zone=America/Los_Angeles
         open c
         subscribe a 50 until=2026-03-12T12:00:00Z  => done next_at=2026-03-13T00:00:00Z
         subscribe a 50 until=2026-03-12T00:00:00Z  => done next_at=2026-03-12T00:00:00Z
         subscribe b 50 until=2026-03-12T12:00:00Z  => done next_at=2026-03-13T07:00:00Z
         subscribe b 50 until=2026-03-12T12:00:00Z  => done next_at=2026-03-13T07:00:00Z
         subscribe c 50                             => done next=none
         at 2026-03-12T00:00:00Z
         balance a                                  => done left=100/0/0 tier=0 next=86400s
         at 2026-03-13T06:59:59Z
         balance b                                  => done left=0/0/0 tier=0 next=1s
         at 2026-03-13T07:00:00Z
         balance b                                  => done left=100/0/0",
    );
}

#[test]
fn r4_there_is_no_next_reset_where_the_next_day_has_no_allowance() {
    check(
        "open a                       => done next=43200s
         policy 0                     => 1
         balance a                    => done next=43200s
         subscribe a 50 for=1h        => done next=43200s
         at 2026-03-11T00:00:00Z
         balance a                    => done left=100/0/0 tier=0 next=86400s
         at 2026-03-12T00:00:00Z
         balance a                    => done left=100/0/0 tier=0 next=none
         subscribe a 50 for=1h        => done next=none",
    );
}

/// R8, R40: what a reset brings is nothing to wait for where it may not pay.
#[test]
fn r8_r40_insufficient_waits_for_a_reset_of_a_bucket_that_may_pay() {
    let mut world = World::new(Settings::default());
    world.check(
        "open a
         reserve h1 a 101             => insufficient next=43200s
         reserve h1 a 101 pro         => insufficient next=none
         reserve h1 a 101 sources=6   => insufficient next=none
         reserve h1 a 101 sources=5   => insufficient next=43200s
         balance a                    => done next=43200s",
    );
    world.engine.set_plans(Arc::new(crate::plan::parse::plan_catalog("p.toml", PLAN).unwrap()));
    let (auto_renew, paid_through) = (true, Timestamp::NONE);
    let told = world.command(Command::Subscribe { account: account("a"), plan: PlanId(1), auto_renew, paid_through });
    assert_eq!((told.outcome, told.next_reset_at), (Outcome::Done, instant("2026-04-10T12:00:00Z")));
    world.check(
        "reserve h1 a 601             => insufficient next_at=2026-04-10T12:00:00Z
         reserve h1 a 601 pro         => insufficient next_at=2026-04-10T12:00:00Z
         reserve h1 a 601 free_only   => insufficient next=none
         reserve h1 a 601 sources=4   => insufficient next=none
         reserve h2 a 1 draw sources=4 => insufficient next=none
         reserve h2 a 1 draw free_only => granted next_at=2026-04-10T12:00:00Z
         commit h2 601                => insufficient next=none",
    );
    let told = world.command(Command::Cancel { account: account("a"), at_period_end: true });
    assert_eq!((told.outcome, told.next_reset_at), (Outcome::Done, instant("2026-04-11T00:00:00Z")));
    world.check(
        "reserve h1 a 601             => insufficient next_at=2026-04-11T00:00:00Z
         reserve h1 a 601 free_only   => insufficient next_at=2026-04-11T00:00:00Z
         reserve h1 a 601 pro         => insufficient next=none
         restart
         reserve h1 a 601             => insufficient next_at=2026-04-11T00:00:00Z",
    );
}

#[test]
fn r6_the_end_of_a_day_that_is_known_is_that_of_the_calendar() {
    let world = World::new(Settings::default());
    let cohorts = &world.engine.cohorts;
    for name in ["UTC", "Europe/Berlin", "Africa/Cairo", "Pacific/Apia", "Pacific/Kiritimati"] {
        let cohort = cohorts.of(name).unwrap();
        for from in ["2011-12-29T00:00:00Z", "2026-03-28T00:00:00Z", "2026-10-29T18:00:00Z"] {
            for half_hours in (0..200).chain((0..200).rev()) {
                let at = instant(from).plus_millis(half_hours * 1_800_000 + half_hours % 3);
                let expected = today(&cohorts.zone(cohort), at).ends_at;
                assert_eq!(cohorts.end_of_day_at(cohort, at), expected, "{name} {from} {half_hours}");
            }
        }
    }
}
