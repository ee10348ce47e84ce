//! Commit and release: R24 to R26, R28, R30, R40.

use super::world::{account, only};
use super::{check, check_with};
use crate::bucket::{Bucket, Sources, Split};
use crate::credits::Credits;
use crate::hold::HoldState;
use crate::outcome::Outcome;
use crate::record::{Attribution, Capture, CaptureRequest, OverCommit, Record};
use crate::request::{Operation, ReserveRequest};
use crate::settings::Settings;

#[test]
fn r24_a_release_returns_to_the_slices_it_was_drawn_from() {
    check(
        "open a
         subscribe a 50
         topup a 20
         reserve h1 a 165      => granted split=100/50/15
         release h1            => done split=100/50/15 amount=165 lost=0 left=100/50/20
         release h1            => replayed:done split=100/50/15 left=100/50/20
         commit h1 1           => already_released",
    );
}

#[test]
fn r24_what_a_final_commit_leaves_goes_back_top_up_first() {
    check(
        "open a
         subscribe a 50
         topup a 20
         reserve h1 a 165      => granted split=100/50/15
         commit h1 120         => done split=100/20/0 left=0/30/20",
    );
}

#[test]
fn r25_one_commit_captures_and_gives_the_rest_back() {
    check(
        "open a
         reserve h1 a 30
         commit h1 10          => done split=10/0/0 amount=10 left=90/0/0 position
         commit h1 10          => replayed:done split=10/0/0 amount=10 left=90/0/0
         release h1            => already_settled amount=10
         commit h1 10 n=2      => already_settled amount=10",
    );
}

#[test]
fn r25_several_captures_each_once_up_to_the_hold() {
    check(
        "open a
         reserve h1 a 30
         commit h1 10 n=1 more => done amount=10 left=70/0/0
         commit h1 10 n=2 more => done amount=10
         commit h1 10 n=1 more => replayed:done amount=10
         commit h1 11 n=3 more => exceeds_hold amount=10
         commit h1 5 n=3 more  => done amount=5
         commit h1 all n=4     => done amount=5 left=70/0/0
         commit h1 10 n=2 more => replayed:done amount=10
         commit h1 1 n=5       => already_settled amount=30",
    );
}

#[test]
fn r25_captured_credits_use_the_slices_in_draw_order() {
    check(
        "open a
         subscribe a 50
         topup a 20
         reserve h1 a 165
         commit h1 110 n=1 more => done split=100/10/0
         commit h1 45 n=2 more  => done split=0/40/5
         release h1             => done split=0/0/10 amount=10 left=0/0/15
         release h1             => replayed:done
         commit h1 1 n=3        => already_settled amount=155",
    );
}

#[test]
fn r25_a_number_that_is_reused_names_the_field() {
    check(
        "open a
         reserve h1 a 30
         commit h1 10 n=1 more => done
         commit h1 11 n=1 more => settlement_reused field=Amount
         commit h1 all n=1 more => settlement_reused field=Amount
         commit h1 10 n=1      => settlement_reused field=Flags
         commit h1 all n=2     => done amount=20
         commit h1 20 n=2      => settlement_reused field=Amount position",
    );
}

#[test]
fn r25_captures_are_at_most_255() {
    let mut world = check("open a\nreserve h1 a 100");
    for number in 0..255 {
        world.check(&format!("commit h1 0.1 n={number} more => done amount=0.1"));
    }
    world.check(
        "commit h1 0.1 n=255       => limit detail=1
         commit h1 100 n=255       => exceeds_hold amount=74.5
         commit h1 0.1 n=7 more    => replayed:done
         refund h1 all             => done amount=25.5
         release h1                => done amount=74.5 left=100/0/0",
    );
}

#[test]
fn r26_more_than_held_is_refused_capped_or_drawn() {
    check(
        "open a
         reserve h1 a 30       => granted
         commit h1 31          => exceeds_hold amount=30
         commit h1 30          => done
         reserve h2 a 30 cap
         commit h2 31          => done amount=30 left=40/0/0
         commit h2 31          => replayed:done amount=30
         reserve h3 a 30 draw
         commit h3 41          => insufficient amount=11 left=10/0/0
         commit h3 40          => done split=40/0/0 amount=40 left=0/0/0
         commit h3 40          => replayed:done amount=40
         refund h3 35          => done split=35/0/0 left=35/0/0",
    );
}

#[test]
fn r26_a_draw_uses_the_holds_own_sources() {
    check(
        "open a
         subscribe a 50
         topup a 20
         reserve h1 a 40 pro no_top_up draw => granted split=0/40/0
         commit h1 55          => insufficient amount=15
         commit h1 50          => done split=0/50/0 left=100/0/20",
    );
}

#[test]
fn r26_a_draw_passes_no_gate() {
    check(
        "open a
         subscribe a 50 tier=2
         reserve h1 a 120 tier=2 draw => granted split=100/20/0
         freeze a
         commit h1 130         => done split=100/30/0
         unfreeze a
         reserve h2 a 5 draw
         clawback a 1
         commit h2 10          => done split=0/10/0 left=0/10/0",
    );
}

#[test]
fn r28_between_the_end_and_the_expiry_record_the_holds_own_slices_pay() {
    for late_redebit in [true, false] {
        let settings = Settings { late_redebit, ..Settings::default() };
        check_with(
            settings,
            "open a
             reserve h1 a 30 ttl=10s
             reserve h2 a 30 ttl=10s
             reserve h3 a 40 ttl=10s
             after 10s
             commit h1 20          => late split=20/0/0 amount=20 late left=10/0/0
             commit h1 20          => replayed:late amount=20 late
             release h2            => done left=40/0/0
             extend h3 10s         => hold_expired
             expire                => 1
             balance a             => done left=80/0/0",
        );
    }
}

#[test]
fn r28_after_the_expiry_record_the_wallet_of_now_pays() {
    let world = check(
        "open a
         reserve h1 a 60 ttl=10s
         after 10s
         expire                => 1
         reserve h2 a 75       => granted left=25/0/0
         commit h1 20 n=1 more => late split=20/0/0 amount=20 late left=5/0/0
         commit h1 20 n=1 more => replayed:late amount=20
         commit h1 41 n=2      => exceeds_hold amount=40
         commit h1 40 n=2      => late_uncovered split=5/0/0 amount=35 left=0/0/0
         commit h1 40 n=2      => replayed:late_uncovered split=5/0/0 amount=35
         commit h1 1 n=3       => already_settled amount=25
         release h1            => hold_expired
         refund h1 26          => exceeds_captured amount=25
         refund h1 all         => done split=25/0/0",
    );
    let shortfall = world.disk.records().iter().fold(Credits::ZERO, |sum, record| match record {
        Record::LateCapture(late) => sum + late.shortfall,
        _ => sum,
    });
    assert_eq!(shortfall, Credits::from_whole(35), "recorded for the operator");
}

#[test]
fn r28_never_success_with_nothing_charged() {
    check(
        "open a
         reserve h1 a 60 ttl=10s
         after 10s
         expire                => 1
         commit h1 all         => late amount=60
         commit h1 all n=2     => already_settled amount=60
         commit h1 0 n=3       => already_settled amount=60",
    );
}

#[test]
fn r28_a_redebit_passes_no_gate() {
    check(
        "open a
         subscribe a 50 tier=2 until=2026-03-10T12:05:00Z
         reserve h1 a 30 tier=2 ttl=10s
         after 10s
         expire                => 1
         freeze a
         clawback a 7          => done debt=7
         commit h1 10 n=1 more => late split=10/0/0
         after 1h
         commit h1 10 n=2 more => late split=10/0/0",
    );
}

#[test]
fn r28_a_redebit_after_midnight_takes_from_the_new_day() {
    check(
        "open a
         at 2026-03-10T23:59:30Z
         reserve h1 a 100 ttl=10s
         after 15s
         expire                => 1
         at 2026-03-11T00:00:00Z
         commit h1 40          => late split=40/0/0 left=60/0/0",
    );
}

#[test]
fn r28_by_config_a_commit_after_the_expiry_record_is_refused() {
    check_with(
        Settings { late_redebit: false, ..Settings::default() },
        "open a
         reserve h1 a 60 ttl=10s
         commit h1 10 n=1 more
         after 10s
         expire                => 1
         commit h1 20 n=2      => hold_expired
         commit h1 10 n=1 more => replayed:done amount=10
         release h1            => hold_expired
         extend h1 10s         => hold_expired
         refund h1 all         => done amount=10 left=100/0/0",
    );
}

#[test]
fn r28_a_retry_of_a_commit_in_time_is_not_late_because_the_hold_expired_since() {
    check(
        "open a
         reserve h1 a 10 ttl=10s draw
         commit h1 0 n=1 more  => done
         commit h1 10 n=2 more => done
         commit h1 5 n=3 more  => done split=5/0/0
         after 10s
         expire                => 1
         commit h1 0 n=1 more  => replayed:done late=false
         commit h1 5 n=3 more  => replayed:done late=false",
    );
}

#[test]
fn r40_late_confirm_second_confirm_and_unknown_hold_are_three_outcomes() {
    check(
        "open a
         reserve h1 a 30 ttl=10s
         reserve h2 a 30
         after 10s
         commit h1 30          => late
         commit h2 30          => done
         commit h2 30 n=2      => already_settled amount=30
         commit h3 30          => unknown_hold",
    );
}

#[test]
fn r33_settlements_are_never_stopped_by_a_freeze_or_a_debt() {
    check(
        "open a
         reserve h1 a 10
         reserve h2 a 10
         reserve h3 a 10
         charge c1 a 10
         clawback a 5          => done debt=5
         freeze a
         reserve h4 a 1        => account_frozen
         charge c2 a 1         => account_frozen
         extend h1 90s         => done
         commit h1 10          => done
         release h2            => done
         refund c1 10          => done
         after 60s
         expire                => 1
         balance a             => done left=90/0/0 debt=5",
    );
}

#[test]
fn a_hold_of_another_account_is_unknown() {
    check(
        "open a
         open b
         reserve h1 a 10
         commit h1 10 by=b     => unknown_hold
         release h1 by=b       => unknown_hold
         refund h1 1 by=b      => unknown_hold
         extend h1 10s by=b    => unknown_hold
         commit h1 10 by=z     => unknown_account
         commit h1 10          => done",
    );
}

#[test]
fn i5_a_unit_may_hold_every_step_of_one_hold() {
    let mut world = check("open a");
    let (hold, account) = (world.hold("h1"), account("a"));
    let request = ReserveRequest {
        account,
        hold,
        amount: Credits::from_whole(30),
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: crate::ids::Tier::NONE,
        ttl_ms: 60_000,
        over_commit: OverCommit::Reject,
        attribution: Attribution::default(),
        worker: crate::ids::WorkerId::NONE,
        settings: 0,
    };
    let commit = |number, amount, last| Operation::Commit {
        account,
        hold,
        request: CaptureRequest { number, amount: Some(Credits::from_whole(amount)), last },
    };
    let steps = [
        Operation::Reserve(request),
        Operation::Extend { account, hold, ttl_ms: 90_000 },
        commit(1, 10, false),
        commit(2, 5, false),
    ];
    let answers = world.run_all(&steps);
    let positions: Vec<u64> = answers.iter().map(|answer| answer.position.0).collect();
    assert_eq!(positions, [3, 4, 5, 6]);
    let now = world.now;
    let chunk = world.engine.chunk();
    let (live, _) = world.engine.hold_view(&chunk, hold, now).unwrap().unwrap();
    assert_eq!(live, world.disk.replayed().holds[&hold], "I8: a live hold equals its row");
    let again = world.run_all(&steps);
    let again_positions: Vec<u64> = again.iter().map(|answer| answer.position.0).collect();
    assert_eq!(again_positions, [3, 6, 5, 6], "an extension without effect rests on the last record");
    assert_eq!((again[2].outcome, again[2].position.0, again[2].needs.0), (Outcome::Replayed, 5, 5));
    world.run_all(&[
        commit(3, 15, true),
        commit(3, 15, true),
        commit(4, 1, true),
        Operation::Release { account, hold },
    ]);
    world.check_replay();
    assert_eq!(world.disk.replayed().holds[&hold].state, HoldState::Settled);
}

/// R28: commits after the end count beside those in time.
#[test]
fn r28_late_commits_are_at_most_255() {
    let mut world = check("open a\nreserve h1 a 100 ttl=10s\nafter 10s\nexpire => 1");
    for number in 0..255 {
        world.check_line(&format!("commit h1 0.1 n={number} more => late amount=0.1"));
    }
    world.check("commit h1 0.1 n=255       => limit detail=1");
}

/// I1: a capture that is not the last gives nothing back, into no bucket and to nobody.
#[test]
fn i1_a_capture_before_the_last_gives_nothing_back() {
    let mut world = check("open a\nreserve h1 a 30\ncommit h1 10 n=1 more => done");
    let Some(Record::Capture(known)) = world.disk.records().pop() else { panic!("a capture") };
    let hold = world.disk.replayed().holds[&world.hold("h1")].clone();
    let one = only(Bucket::Free, 1).split;
    let request = CaptureRequest { number: 2, ..known.request };
    for (returned, forfeited) in [(one, Split::ZERO), (Split::ZERO, one)] {
        let capture = Capture { request, returned, forfeited, ..known };
        let applied = std::panic::catch_unwind(|| hold.clone().capture(&capture));
        assert!(applied.is_err(), "{returned:?} {forfeited:?}");
    }
    hold.clone().capture(&Capture { request, ..known });
}

/// R1: as much may be asked of a commit as of a reserve.
#[test]
fn r1_a_commit_may_name_the_largest_amount() {
    check(
        "open a
         reserve h1 a 100
         commit h1 274877906.943      => exceeds_hold amount=100
         commit h1 274877906.944      => bad_request field=Amount",
    );
}
