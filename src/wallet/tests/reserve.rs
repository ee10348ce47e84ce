//! Reserve and charge: R1 to R4, R8, R20, R22, R23, R29, R30.

use super::world::{account, hold_id, instant, only};
use super::{World, check, check_with};
use crate::bucket::{Bucket, Split};
use crate::credits::Credits;
use crate::ids::{HoldId, Now, Timestamp};
use crate::outcome::Outcome;
use crate::record::Record;
use crate::request::Operation;
use crate::settings::Settings;

#[test]
fn r1_amounts_have_three_decimals() {
    check(
        "open a
         reserve h1 a 73.5    => granted split=73.5/0/0 left=26.5/0/0
         reserve h2 a 0.001   => granted left=26.499/0/0
         commit h1 73.499     => done amount=73.499 left=26.5/0/0
         reserve h3 a 26.501  => insufficient amount=26.501 left=26.5/0/0",
    );
    for text in ["", ".", "1.", ".5", "1.2345", "-1", "+1", "1e3", "18446744073709552", " 1"] {
        assert!(text.parse::<Credits>().is_err(), "{text:?}");
    }
}

#[test]
fn r2_members_draw_from_one_wallet() {
    let world = check(
        "open a
         reserve h1 a 60 member=1  => granted
         reserve h2 a 60 member=2  => insufficient left=40/0/0
         reserve h2 a 40 member=2  => granted left=0/0/0
         reserve h3 z 1            => unknown_account",
    );
    let members = world.disk.records().into_iter().filter_map(|record| match record {
        Record::Reserve(reserve) => Some(reserve.attribution.member.0),
        _ => None,
    });
    assert_eq!(members.collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn r3_buckets_are_drawn_in_order_and_one_request_spans_three() {
    check(
        "open a
         subscribe a 50       => done left=100/50/0
         topup a 20           => done left=100/50/20
         reserve h1 a 40      => granted split=40/0/0 left=60/50/20
         reserve h2 a 70      => granted split=60/10/0 left=0/40/20
         reserve h3 a 45      => granted split=0/40/5 left=0/0/15
         release h1           => done
         release h2           => done
         release h3           => done left=100/50/20
         reserve h4 a 165     => granted split=100/50/15 left=0/0/5",
    );
}

#[test]
fn r3_a_request_narrows_the_sources_but_never_reorders_them() {
    check(
        "open a
         subscribe a 50
         topup a 20
         reserve h1 a 101 free_only    => insufficient amount=101 left=100/50/20
         reserve h1 a 90 free_only     => granted split=90/0/0
         reserve h2 a 61 no_top_up     => insufficient
         reserve h2 a 20 no_top_up     => granted split=10/10/0
         reserve h3 a 60 sources=6     => granted split=0/40/20
         release h1                    => done left=90/0/0
         reserve h4 a 1 sources=6      => insufficient
         reserve h4 a 1 sources=4      => insufficient
         reserve h4 a 1 sources=5      => granted split=1/0/0",
    );
}

#[test]
fn r4_a_held_credit_is_not_a_spent_one() {
    let world = check(
        "open a
         subscribe a 50 tier=3 for=1d
         reserve h1 a 30               => granted
         charge c1 a 20                => granted split=20/0/0
         balance a                     => done left=50/50/0 tier=3 ends=86400s next=129600s debt=0 top_up_allowed",
    );
    let row = &world.disk.replayed().rows[&account("a")];
    let free = row.counters[Bucket::Free as usize];
    assert_eq!((free.held, free.spent), (Credits::from_whole(30), Credits::from_whole(20)));
    assert_eq!(row.spent_in_period, only(Bucket::Free, 20).split);
    assert_eq!(row.open_holds, 1);
}

#[test]
fn r8_free_credits_never_pay_for_a_pro_model() {
    check(
        "open a
         reserve h1 a 1 pro            => insufficient left=100/0/0
         subscribe a 50
         topup a 20
         reserve h1 a 60 pro           => granted split=0/50/10 left=100/0/10
         reserve h2 a 1 pro free_only  => insufficient
         reserve h3 a 0 pro free_only  => granted split=0/0/0",
    );
}

#[test]
fn r20_the_tier_is_checked_with_the_credits() {
    check(
        "open a
         reserve h1 a 1 tier=1   => tier_required tier=1
         subscribe a 10 tier=2
         reserve h1 a 1 tier=3   => tier_required tier=3
         reserve h1 a 1 tier=2   => granted
         reserve h2 a 1 tier=16  => bad_request field=MinTier",
    );
}

#[test]
fn r22_a_retry_gets_the_first_decision_and_the_balance_of_now() {
    check(
        "open a
         reserve h1 a 30         => granted split=30/0/0 left=70/0/0 ends=60s
         reserve h2 a 50         => granted
         after 10s
         reserve h1 a 30         => replayed:granted split=30/0/0 left=20/0/0 ends=50s position
         release h1              => done left=50/0/0
         reserve h1 a 30         => replayed:granted split=30/0/0 left=50/0/0
         charge c1 a 10          => granted
         charge c1 a 10          => replayed:granted split=10/0/0 left=40/0/0
         flush
         charge c1 a 10          => replayed:granted split=10/0/0 left=40/0/0",
    );
}

#[test]
fn r22_a_retry_names_the_field_that_differs() {
    check(
        "open a
         open b
         reserve h1 a 30 ttl=60s => granted
         charge h1 a 30          => hold_id_reused field=Kind
         reserve h1 b 30         => hold_id_reused field=Account
         reserve h1 a 31         => hold_id_reused field=Amount
         reserve h1 a 30 free_only => hold_id_reused field=Sources
         reserve h1 a 30 pro     => hold_id_reused field=Flags
         reserve h1 a 30 ttl=61s => hold_id_reused field=TtlMs
         reserve h1 a 30 member=1 => hold_id_reused field=Member
         reserve h1 a 30 worker=1 => hold_id_reused field=Worker
         reserve h1 a 30 model=1 => hold_id_reused field=Model
         reserve h1 a 30 tool=1  => hold_id_reused field=Tool
         reserve h1 a 30 count=1 => hold_id_reused field=Count
         reserve h1 a 30 tier=1  => hold_id_reused field=MinTier
         reserve h1 a 30 cap     => hold_id_reused field=OverCommit
         reserve h1 a 30 settings=1 => hold_id_reused field=Settings
         commit h1 30            => done
         reserve h1 a 31         => hold_id_reused field=Amount position
         balance a               => done left=70/0/0",
    );
}

#[test]
fn r22_a_retry_is_replayed_on_a_wallet_that_is_empty_frozen_or_lapsed_meanwhile() {
    check(
        "open a
         subscribe a 50 tier=2 for=2m
         reserve h1 a 150 tier=2 => granted split=100/50/0 left=0/0/0
         reserve h1 a 150 tier=2 => replayed:granted split=100/50/0
         freeze a
         reserve h1 a 150 tier=2 => replayed:granted split=100/50/0
         reserve h2 a 1          => account_frozen
         unfreeze a
         clawback a 5            => done debt=5
         reserve h1 a 150 tier=2 => replayed:granted
         reserve h2 a 1          => debt debt=5
         after 3m
         balance a               => done left=0/0/0 tier=0
         reserve h1 a 150 tier=2 => replayed:granted split=100/50/0",
    );
}

#[test]
fn r22_ids_that_are_too_old_or_from_the_future_are_refused_unless_known() {
    check(
        "open a
         reserve old@-301s a 1   => hold_id_expired ends=0s
         reserve edge@-300s a 1  => granted
         reserve next@+60s a 1   => granted
         reserve far@+61s a 1    => hold_id_expired
         after 1h
         reserve edge a 1        => replayed:granted
         reserve far a 1         => hold_id_expired
         charge late@-301s a 1   => hold_id_expired",
    );
}

#[test]
fn r22_the_age_of_ids_goes_by_the_raw_wall_clock() {
    let mut world = World::new(Settings::default());
    world.check("open a");
    world.now = Now { daemon: world.now.daemon, wall: world.now.wall.plus_millis(3_600_000) };
    world.check(
        "reserve old@-301s a 1  => hold_id_expired
         reserve new a 1        => granted",
    );
}

#[test]
fn r22_a_refusal_leaves_no_trace() {
    let world = check(
        "open a
         reserve h1 a 101       => insufficient
         reserve h1 a 1 tier=1  => tier_required
         reserve h1 a 100       => granted",
    );
    assert_eq!(world.disk.records().len(), 3, "the policy, the account, one reserve");
}

#[test]
fn r22_ids_without_a_time_of_their_own_need_a_setting() {
    let mut world = World::new(Settings::default());
    world.check("open a");
    let Operation::Reserve(mut request) = reserve_of(&mut world) else { unreachable!() };
    request.hold.0 = 5;
    let refused = world.run(Operation::Reserve(request));
    assert_eq!((refused.outcome, refused.detail), (Outcome::BadRequest, crate::outcome::Field::Hold as u32));
    let mut world = World::new(Settings { any_hold_ids: true, ..Settings::default() });
    world.check("open a");
    assert_eq!(world.run(Operation::Reserve(request)).outcome, Outcome::Granted);
    assert_eq!(world.run(Operation::Reserve(request)).outcome, Outcome::Replayed);
    world.check_replay();
}

fn reserve_of(world: &mut World) -> Operation {
    let hold = hold_id(instant("2026-03-10T12:00:00Z"), 77);
    world.check("reserve template a 1");
    let records = world.disk.records();
    let Some(Record::Reserve(first)) = records.last() else { unreachable!() };
    Operation::Reserve(crate::request::ReserveRequest {
        account: first.account,
        hold,
        amount: first.taken.split.total(),
        sources: first.terms.sources,
        pro_model: false,
        priced: false,
        min_tier: first.terms.min_tier,
        ttl_ms: first.terms.ttl_ms,
        over_commit: first.terms.over_commit,
        attribution: first.attribution,
        worker: first.worker,
        settings: 0,
    })
}

#[test]
fn r23_a_hold_time_is_mandatory_and_bounded() {
    check(
        "open a
         reserve h1 a 1 ttl=0        => granted ends=600s
         reserve h2 a 1 ttl=1d       => granted ends=86400s
         reserve h3 a 1 ttl=86400001 => bad_request field=TtlMs",
    );
}

#[test]
fn r23_a_hold_counts_as_expired_at_its_end_whether_the_timer_has_fired_or_not() {
    check(
        "open a
         reserve h1 a 30 ttl=60s  => granted
         after 59999
         extend h1 60s            => done ends=60s
         after 60s
         extend h1 60s            => hold_expired
         balance a                => done left=70/0/0
         expire                   => 1
         balance a                => done left=100/0/0
         extend h1 60s            => hold_expired
         expire                   => 0",
    );
}

#[test]
fn r23_extend_keeps_the_later_end_up_to_the_longest_age() {
    check(
        "open a
         reserve h1 a 30 ttl=1h   => granted
         extend h1 10s            => done ends=3600s
         extend h1 2h             => done ends=7200s
         extend h1 1d             => done ends=86400s
         after 1s
         extend h1 1d             => hold_age_limit ends=86399s
         extend h1 0              => bad_request field=TtlMs
         extend h1 86400001       => bad_request field=TtlMs
         extend nobody 10s        => unknown_hold
         after 2h
         expire                   => 0
         commit h1 30             => done
         extend h1 10s            => already_settled amount=30
         reserve h2 a 5
         release h2
         extend h2 10s            => already_released",
    );
}

#[test]
fn r29_a_charge_is_one_record_and_settled() {
    let world = check(
        "open a
         charge c1 a 30           => granted split=30/0/0 left=70/0/0 ends=0s
         commit c1 30             => already_settled amount=30
         release c1               => already_settled amount=30
         refund c1 10             => done split=10/0/0 left=80/0/0
         expire                   => 0",
    );
    let row = &world.disk.replayed().rows[&account("a")];
    assert_eq!((row.spent_in_period, row.open_holds), (only(Bucket::Free, 20).split, 0));
    assert_eq!(world.engine.gauges().holds_open, 0);
}

#[test]
fn r30_zero_is_an_amount() {
    let world = check(
        "open a
         reserve h1 a 100
         reserve h2 a 0           => granted split=0/0/0 left=0/0/0
         commit h2 all            => done amount=0
         charge c1 a 0            => granted
         refund c1 all            => done amount=0
         reserve h3 a 0           => granted
         commit h3 0              => done amount=0
         commit h1 0              => done amount=0 left=100/0/0
         commit h1 1 n=2          => already_released
         release h1               => already_released",
    );
    let hold = world.disk.replayed().holds.into_values().find(|hold| !hold.taken.split.is_zero()).unwrap();
    assert_eq!(hold.state, crate::hold::HoldState::Released);
    assert_eq!(hold.captured, Split::ZERO);
}

#[test]
fn r30_a_free_job_still_meets_the_gates() {
    check_with(
        Settings::default(),
        "open a
         freeze a
         reserve h1 a 0          => account_frozen
         unfreeze a
         clawback a 1
         reserve h1 a 0          => debt debt=1
         reserve h2 a 0 tier=1   => debt",
    );
}

#[test]
fn r22_any_ids_are_protected_by_what_is_still_remembered() {
    let mut world = World::new(Settings { any_hold_ids: true, ..Settings::default() });
    world.check("open a");
    let Operation::Reserve(mut request) = reserve_of(&mut world) else { unreachable!() };
    request.hold.0 = 5;
    assert_eq!(world.run(Operation::Reserve(request)).outcome, Outcome::Granted);
    let (account, hold) = (request.account, request.hold);
    assert_eq!(world.run(Operation::Release { account, hold }).outcome, Outcome::Done);
    world.check("after 1h\nflush\nforget => 0\nflush\nforget");
    assert!(!world.engine.holds.knows(hold), "memory has let it go");
    assert_eq!(world.run(Operation::Reserve(request)).outcome, Outcome::Replayed, "the disk remembers it");
    request.hold.0 = 6;
    let release = Operation::Release { account, hold: request.hold };
    assert_eq!(world.run(release).outcome, Outcome::UnknownHold);
    assert_eq!(world.run(Operation::Reserve(request)).outcome, Outcome::Granted, "R32: no tombstone without a time");
}

/// R22: only a UUIDv7 has a time of its own: its version and its variant are looked at.
#[test]
fn r22_only_a_uuid_of_version_7_has_a_time() {
    let id = |version: u128, variant: u128| HoldId(5_000 << 80 | version << 76 | variant << 62 | 1);
    assert_eq!(id(7, 0b10).own_time(), Some(Timestamp(5_000)));
    for (version, variant) in [(4, 0b10), (7, 0b00), (7, 0b11), (6, 0b01)] {
        assert_eq!(id(version, variant).own_time(), None, "version {version}, variant {variant:b}");
    }
}
