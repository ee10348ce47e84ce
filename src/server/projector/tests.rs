//! Whose turn it is: the projections', or the requests' (decision 0016); and what the process ends with.

use journal::projections::{ApplyError, Options, Reached};
use wallet::bucket::{Slices, Sources, Split};
use wallet::credits::Credits;
use wallet::hold::HoldState;
use wallet::ids::{AccountId, CommandId, Day, HoldId, MemberId, Now, PaymentId, Period, Tier, Timestamp, WorkerId};
use wallet::record::{
    Attribution, Capture, CaptureRequest, FreePolicy, Issuer, Open, OverCommit, Record, Refund, RefundReason, Reserve,
    Terms, TopUp,
};
use wallet::settings::{DAY_MS, Settings};

use super::*;
use crate::catchup::tests::{journal_of, projector};

const BURST: Turn = Turn { lag: 1_000, busy: true, wanted: false, draining: false };

#[test]
fn projections_stand_back_in_a_burst() {
    assert!(BURST.is_of_requests(4_000_000));
}

#[test]
fn a_burst_lasts_until_its_rate_has_been_low_for_a_while() {
    let ms = Duration::from_millis;
    let mut pressure = Pressure::new(Position(1_000));
    assert!(!pressure.is_busy(ms(10), Position(3_000)), "too short a time to tell");
    assert!(!pressure.is_busy(ms(50), Position(5_999)), "fewer than 100 a millisecond");
    assert!(pressure.is_busy(ms(100), Position(10_999)), "100 a millisecond");
    // The machine stands still: no record comes, and nobody has paused.
    assert!(pressure.is_busy(ms(160), Position(10_999)));
    assert!(pressure.is_busy(ms(599), Position(10_999)));
    assert!(!pressure.is_busy(ms(600), Position(10_999)));
    assert!(pressure.is_busy(ms(650), Position(20_000)));
}

#[test]
fn the_lag_is_bounded() {
    assert!(!BURST.is_of_requests(1_000));
    assert!(!BURST.is_of_requests(0), "0 turns it off");
}

#[test]
fn without_a_burst_projections_follow() {
    assert!(!Turn { busy: false, ..BURST }.is_of_requests(4_000_000));
}

#[test]
fn who_waits_for_a_position_ends_the_rest() {
    let wanted = Turn { wanted: true, ..BURST };
    assert!(wanted.is_urgent());
    assert!(!wanted.is_of_requests(4_000_000));
}

#[test]
fn a_drain_ends_the_rest() {
    let draining = Turn { draining: true, ..BURST };
    assert!(draining.is_urgent());
    assert!(!draining.is_of_requests(4_000_000));
}

#[test]
fn who_stands_back_is_there_for_the_next_flush() {
    let at_most = |since_ms| {
        let part = ProjectionPart { flush_interval_ms: 60_000, ..ProjectionPart::default() };
        stand_back_at_most(&part, Duration::from_millis(since_ms)).as_millis()
    };
    assert_eq!([at_most(0), at_most(49_000), at_most(50_001)], [10_000, 10_000, 9_999]);
    assert_eq!(
        [at_most(59_999), at_most(60_000), at_most(70_000)],
        [1, 0, 0],
        "a minute, and not a minute and ten seconds"
    );
}

#[test]
fn a_disk_that_fails_may_work_later_and_a_record_that_does_not_fit_never_will() {
    let gap = ApplyError::Gap { expected: Position(7), found: Position(9) };
    assert_eq!(FollowError::Apply(gap).exit_code(), EXIT_BUG);
    assert_eq!(FollowError::Group(7).exit_code(), EXIT_BUG);
    assert_eq!(FollowError::NoFlush.exit_code(), EXIT_WRITE_FAILED);
}

#[test]
fn damage_of_the_projections_is_no_disk_that_may_work_later() {
    let store = |text: &str| StoreError(text.to_owned());
    let damage = "Corruption: IO error: No such file or directory: While open a file for random read: 000009.sst";
    assert_eq!(FollowError::Store(store(damage)).exit_code(), EXIT_CONFIGURATION);
    let read = journal::projections::ReadError::Store(store(damage));
    assert_eq!(FollowError::Apply(ApplyError::Read(read)).exit_code(), EXIT_CONFIGURATION);
    assert_eq!(
        FollowError::Store(store("IO error: No space left on device: While append")).exit_code(),
        EXIT_WRITE_FAILED
    );
}

#[test]
fn a_flush_that_failed_is_tried_again_after_a_second_and_not_after_an_interval() {
    let journal = journal_of(300);
    let mut projector = projector(usize::MAX);
    while apply(&mut projector, &journal, Epoch(0), 7).expect("it follows") > 0 {}
    // What failed has taken out what was counted.
    drop(projector.begin_flush().expect("there is something to flush"));
    let mut flusher = Flusher::new();
    flusher.failed.store(true, Ordering::Relaxed);
    flusher.flush_if_due(&mut projector, &journal).expect("no minute has passed");
    assert!(flusher.thread.is_none(), "not at once");
    std::thread::sleep(FLUSH_RETRY);
    assert!(!projector.flush_due(1_000), "neither the interval has passed nor is there much");
    flusher.flush_if_due(&mut projector, &journal).expect("no minute has passed");
    flusher.wait();
    assert_eq!(projector.archive().flushed(), projector.reached().position);
}

#[test]
fn groups_from_the_store_lead_to_the_same_state_and_no_other_epoch_is_taken() {
    let journal = journal_of(300);
    let [mut one_by_one, mut in_a_row] = [projector(usize::MAX), projector(usize::MAX)];
    while apply(&mut one_by_one, &journal, Epoch(0), 7).expect("it follows") > 0 {}
    assert_eq!(
        apply_stored(&mut in_a_row, &journal, Epoch(1), 1_000).expect("it follows"),
        0,
        "its epoch is not reached"
    );
    assert_eq!(apply(&mut in_a_row, &journal, Epoch(1), 1).expect("it follows"), 1);
    let epoch = in_a_row.reached().epoch;
    assert_eq!(apply_stored(&mut in_a_row, &journal, Epoch(epoch.0 + 1), 1_000).expect("it follows"), 0);
    assert_eq!(apply_stored(&mut in_a_row, &journal, epoch, 1).expect("it follows"), 1, "as much as it was told");
    while apply_stored(&mut in_a_row, &journal, epoch, 1_000).expect("it follows") > 0 {}
    assert_eq!(in_a_row.reached(), one_by_one.reached());
    let bytes = |projector: &Projector<_>| projector.archive().canonical().expect("it can be read");
    assert_eq!(bytes(&in_a_row), bytes(&one_by_one), "I8");
}

#[test]
fn a_flush_that_gets_no_thread_has_failed_and_is_left_alone_for_a_while() {
    let mut flusher = Flusher::new();
    flusher.writing.store(true, Ordering::Release);
    flusher.note_begun(Err(std::io::Error::from(std::io::ErrorKind::WouldBlock)));
    assert!(!flusher.writing.load(Ordering::Acquire), "it can be begun again");
    assert!(flusher.waits_after_failure(Duration::ZERO).expect("no minute has passed"));
    assert!(!flusher.waits_after_failure(FLUSH_RETRY).expect("no minute has passed"));
    assert!(flusher.failing.is_some(), "failures that last end the process");
}

const OWN_TIME: Timestamp = Timestamp(1_795_348_800_000);
const HOLD: HoldId = HoldId((OWN_TIME.0 as u128) << 80 | 7 << 76 | 0b10 << 62 | 1);
const OWNER: AccountId = AccountId(1);

/// An account with a hold that came as late and was open for as long as the rules allow, and its refund at the last instant
/// of the window.
fn life_of_a_long_hold(rules: &Settings) -> Vec<Record> {
    let amount = Credits::from_whole(5);
    let taken = Slices { split: Split { top_up: amount, ..Split::ZERO }, day: Day(20_779), period: Period(0) };
    let reserved_at = OWN_TIME.plus_millis(rules.id_window_ms);
    let ends_at = reserved_at.plus_millis(rules.hold_age_max_ms);
    let captured_at = Timestamp(ends_at.0 - 1);
    let attribution = Attribution { member: MemberId(1), tool: 0, model: 0, count: 1 };
    let issuer = Issuer { command: CommandId(1), by: String::new(), reason: String::new(), at: OWN_TIME };
    let terms = Terms {
        sources: Sources::ALL,
        pro_model: false,
        min_tier: Tier::NONE,
        over_commit: OverCommit::Reject,
        ttl_ms: rules.hold_ttl_max_ms,
        priced: None,
        hold_ms: rules.hold_ttl_max_ms,
    };
    vec![
        Record::Policy(FreePolicy { from: Day(20_000), allowance: Credits::ZERO, all_accounts: true }),
        Record::Open(Open { account: OWNER, zone: "UTC".to_owned(), day: Day(20_779), issuer }),
        Record::TopUp(TopUp {
            account: OWNER,
            payment: PaymentId(1),
            amount: Credits::from_whole(9),
            bundle: String::new(),
            by: String::new(),
            at: OWN_TIME,
        }),
        Record::Reserve(Reserve {
            account: OWNER,
            hold: HOLD,
            taken,
            attribution,
            worker: WorkerId::NONE,
            settings: 0,
            terms,
            at: reserved_at,
            ends_at,
        }),
        Record::Capture(Capture {
            account: OWNER,
            hold: HOLD,
            request: CaptureRequest { number: 1, amount: None, last: true },
            captured: taken.split,
            drawn: Slices::default(),
            returned: Split::ZERO,
            forfeited: Split::ZERO,
            late: false,
            attribution,
            at: captured_at,
        }),
        Record::Refund(Refund {
            account: OWNER,
            hold: HOLD,
            number: 1,
            requested: None,
            reason: RefundReason::Timeout,
            undone: vec![taken],
            returned: vec![taken],
            forfeited: Split::ZERO,
            attribution,
            at: captured_at.plus_millis(rules.refund_window_ms),
        }),
    ]
}

/// R27, I8: a hold is there until its window has ended, by both clocks, and until what was decided in the window is applied. After
/// that it is dropped.
#[test]
fn r27_a_hold_is_dropped_after_its_refund_window_and_no_earlier() {
    let rules = Settings::default();
    let records = life_of_a_long_hold(&rules);
    let (before, refund) = records.split_at(records.len() - 1);
    let window_ends = OWN_TIME.plus_millis(rules.id_window_ms + rules.hold_age_max_ms + rules.refund_window_ms);
    let end = |position: usize| Reached {
        position: Position(u64::try_from(position).expect("a few records")),
        ..Reached::default()
    };
    for (daemon_ahead, wall_ahead) in [(0, 0), (0, 10 * DAY_MS), (40 * DAY_MS, 0)] {
        let mut projector =
            Projector::open(journal::projections::MemoryProjections::new(), Options::strict(), Position::MAX)
                .expect("new projections");
        let since = |late_ms| {
            rules.remembered_since(Now {
                daemon: window_ends.plus_millis(late_ms + daemon_ahead),
                wall: window_ends.plus_millis(late_ms + wall_ahead),
            })
        };
        projector.apply_group(Position::FIRST, before, end(before.len())).expect("they fit");
        projector.flush().expect("the memory store takes everything");
        projector.prune(since(999).seconds());
        projector.flush().expect("the memory store takes everything");
        // The refund is in the journal since the window's last instant, and is not applied yet.
        projector.apply_group(projector.next(), refund, end(records.len())).expect("I8: what was decided is applied");
        projector.flush().expect("the memory store takes everything");
        let hold = projector.archive().hold(HOLD).expect("it can be read").expect("it is there");
        assert_eq!((hold.state, hold.settlements.len()), (HoldState::Settled, 2));
        projector.prune(since(1_000).seconds());
        projector.flush().expect("the memory store takes everything");
        assert!(projector.archive().hold(HOLD).expect("it can be read").is_none(), "I9: old holds are dropped");
    }
}
