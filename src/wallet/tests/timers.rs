//! Timers of hold ends: on time, gone with their hold, and once against whatever else ends it (R23, I6).

use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;

use super::threads::{engine, id, open, request, run, start};
use super::world::{account, compare_wallets};
use super::{World, check};
use crate::bucket::Bucket;
use crate::credits::Credits;
use crate::engine::{CHUNK_OPERATIONS_MAX, Journal};
use crate::hold::{Hold, HoldState};
use crate::hold_claim::Fired;
use crate::holds::{Live, Place};
use crate::ids::{HoldId, Now, Position};
use crate::outcome::Outcome;
use crate::record::{CaptureRequest, Record};
use crate::request::{Command, CommandRequest, Operation, ReserveRequest};
use crate::settings::Settings;
use crate::slot::SlotIndex;

fn timers(world: &World) -> u64 {
    world.engine.gauges().hold_timers
}

#[test]
fn r23_a_hold_expires_at_its_end_and_not_before() {
    let mut world = check(
        "open a
         reserve h1 a 10 ttl=10s
         reserve h2 a 10 ttl=10001
         after 9999
         expire                => 0
         after 1
         expire                => 1
         after 1
         expire                => 1",
    );
    assert_eq!(timers(&world), 0);
    world.check("after 30d\n reserve h3 a 10 ttl=1d\n after 86399999\n expire => 0\n after 1\n expire => 1");
}

/// However a hold ends, its timer goes with it; one that moves takes its timer along.
#[test]
fn r23_a_settled_hold_leaves_no_timer_behind() {
    let mut world = World::new(Settings::default());
    world.check("open a");
    for (line, left) in [
        ("reserve h1 a 10 ttl=1h => granted", 1),
        ("extend h1 2h => done", 1),
        ("commit h1 5 n=1 more => done", 1),
        ("commit h1 5 n=2 => done", 0),
        ("reserve h2 a 10 ttl=1h => granted", 1),
        ("reserve h3 a 10 ttl=1h => granted", 2),
        ("release h2 => done", 1),
        ("charge c1 a 10 => granted", 1),
        ("reserve h1 a 10 ttl=1h => replayed:granted", 1),
        ("release h9 => unknown_hold", 1),
        ("extend h3 10s => done", 1),
        ("restart", 1),
        ("extend h3 3h => done", 1),
        ("commit h3 10 => done", 0),
        ("restart", 0),
    ] {
        world.check_line(line);
        assert_eq!(timers(&world), left, "after {line}");
    }
}

/// In one unit, where no note has been made yet when the hold ends or moves.
#[test]
fn r23_a_hold_that_ends_in_its_own_unit_leaves_no_timer_behind() {
    let mut world = check("open a");
    let (hold, other, account) = (world.hold("h1"), world.hold("h2"), account("a"));
    let reserve = |hold| Operation::Reserve(ReserveRequest { ttl_ms: 60_000, ..request(account, hold, 10) });
    let extend = |hold| Operation::Extend { account, hold, ttl_ms: 90_000 };
    let last = CaptureRequest { number: 0, amount: None, last: true };
    let answers = world.run_all(&[
        reserve(hold),
        extend(hold),
        reserve(other),
        Operation::Commit { account, hold, request: last },
        extend(other),
    ]);
    assert!(answers.iter().all(|answer| matches!(answer.outcome, Outcome::Granted | Outcome::Done)), "{answers:?}");
    assert_eq!((timers(&world), world.engine.gauges().holds_open), (1, 1));
    world.check("after 60s\n expire => 0\n after 30s\n expire => 1");
    assert_eq!(timers(&world), 0);
}

/// A caller whose time lies behind the wheel's ends nothing early, and loses no timer.
#[test]
fn r23_a_caller_with_an_earlier_time_ends_nothing_early() {
    let mut world = check("open a\n reserve h1 a 10 ttl=10s\n reserve h2 a 10 ttl=10s");
    let before = world.now;
    world.advance(5_000);
    assert_eq!(world.expire(), 0);
    world.now = before;
    world.check("reserve h3 a 10 ttl=1s\n expire => 0");
    assert_eq!(timers(&world), 3);
    world.check("commit h3 10 => done\n after 10s\n expire => 2");
    assert_eq!(timers(&world), 0);
}

const HOLDS: u64 = 4_096;

/// The end of each hold, by its records.
#[derive(Default, Debug)]
struct Ends {
    settled: u32,
    expired: u32,
    extended: u32,
}

/// I6: thousands of holds reach their end at one instant, while others settle and extend them with the time just before it
/// and at it. Each ends once, one that was extended in time does not expire, and nothing is lost.
#[test]
fn i6_a_hold_ends_once_when_its_timer_races_a_commit_and_an_extension() {
    for round in 0..6_u64 {
        let (engine, disk) = engine();
        open(&engine, &["a"]);
        let amount = Credits::from_whole(200_000);
        let grant = Command::Grant { account: account("a"), bucket: Bucket::TopUp, amount };
        let grant =
            CommandRequest { id: crate::ids::CommandId(1), command: grant, by: "test".into(), reason: String::new() };
        assert_eq!(engine.command(&grant, start()).outcome, Outcome::Done);
        let ids: Vec<HoldId> = (1..=HOLDS).map(id).collect();
        let mut chunk = engine.chunk();
        for ids in ids.chunks(CHUNK_OPERATIONS_MAX) {
            let reserves: Vec<_> = ids.iter().map(|id| Operation::Reserve(request(account("a"), *id, 10))).collect();
            let answers = run(&engine, &mut chunk, &reserves, start());
            assert!(answers.iter().all(|answer| answer.outcome == Outcome::Granted));
        }
        let at = |millis: u64| Now { daemon: start().daemon.plus_millis(millis), wall: start().wall };
        let together = Barrier::new(3);
        let work = |make: &(dyn Fn(HoldId) -> Operation + Sync), now: Now, backwards: bool| {
            let mut chunk = engine.chunk();
            let mut ids = ids.clone();
            if backwards {
                ids.reverse();
            }
            together.wait();
            for ids in ids.chunks(7) {
                run(&engine, &mut chunk, &ids.iter().map(|id| make(*id)).collect::<Vec<_>>(), now);
            }
        };
        let commit = |hold| Operation::Commit {
            account: account("a"),
            hold,
            request: CaptureRequest { number: 0, amount: None, last: true },
        };
        let extend = |hold| Operation::Extend { account: account("a"), hold, ttl_ms: 60_000 };
        thread::scope(|scope| {
            scope.spawn(|| work(&commit, at(4_999 + round % 2), round % 3 == 0));
            scope.spawn(|| work(&extend, at(4_999), round % 3 == 1));
            let mut chunk = engine.chunk();
            together.wait();
            for _ in 0..40 {
                chunk.clear();
                engine.expire_due(&mut chunk, at(5_000));
                thread::yield_now();
            }
        });
        // What is left: due now, or extended.
        let mut drained = engine.chunk();
        for now in [at(5_000), at(4_999 + 60_000)] {
            while engine.gauges().next_hold_end.is_some_and(|next| next <= now.daemon) {
                drained.clear();
                engine.expire_due(&mut drained, now);
            }
        }
        let mut all: HashMap<HoldId, Ends> = HashMap::new();
        for record in disk.records() {
            match record {
                Record::Capture(capture) => all.entry(capture.hold).or_default().settled += 1,
                Record::Expire(expire) => {
                    let ends = all.entry(expire.hold).or_default();
                    let early = ends.extended > 0 && expire.at < at(4_999 + 60_000).daemon;
                    assert!(!early, "it expired although it was extended before");
                    ends.expired += 1;
                }
                Record::Extend(extend) => all.entry(extend.hold).or_default().extended += 1,
                _ => {}
            }
        }
        assert_eq!(u64::try_from(all.len()).unwrap(), HOLDS);
        for (hold, ends) in &all {
            assert_eq!(ends.settled + ends.expired, 1, "I6: hold {hold}: {ends:?}");
        }
        assert_eq!((engine.gauges().hold_timers, engine.gauges().holds_open), (0, 0));
        compare_wallets(&engine, &mut disk.replayed(), at(100_000));
        assert!(engine.journal().pushed().0 >= 2 * HOLDS);
    }
}

/// R23: the first end after a start lies ahead: nobody looks for it at once, and in vain.
#[test]
fn r23_the_first_end_after_a_start_lies_ahead() {
    let world = check("open a\nsubscribe a 50 for=1h\nreserve h1 a 10 ttl=1h");
    let started = world.restarted();
    let now = Some(started.now.daemon);
    assert!(started.engine.holds.open_holds.next_end() > now, "of a hold");
    assert!(started.engine.wallets.next_cycle_end().0 > now, "of a cycle");
}

/// I6: a timer ends no hold that has ended, by its record or by the operation at hand.
#[test]
fn i6_a_timer_finds_that_a_hold_has_ended() {
    let now = start();
    let fired = |hold: Hold, over: bool| {
        let place = Place::pushed(Position(1));
        Live { place, slot: Some(SlotIndex(0)), record: None, hold, over }.fired(now.daemon)
    };
    let open = Hold { state: HoldState::Open, ..Hold::tombstone(now.daemon) };
    assert_eq!(fired(open.clone(), false), Fired::Ends);
    assert_eq!(fired(open, true), Fired::Gone);
    assert_eq!(fired(Hold::tombstone(now.daemon), false), Fired::Gone);
}
