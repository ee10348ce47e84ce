//! The sweep behind a day's end, and starts after missed days: R5 to R7, R10, R35.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::check;
use super::disk::Disk;
use super::world::{World, account, compare_wallets, hold_id, instant};
use crate::bucket::{Bucket, Sources};
use crate::credits::Credits;
use crate::engine::{Engine, Run};
use crate::ids::{CommandId, MemberId, Now, Tier, WorkerId};
use crate::outcome::Outcome;
use crate::record::{Attribution, OverCommit, Record};
use crate::request::{Command, CommandRequest, Operation, ReserveRequest};
use crate::resets::ResetTotals;
use crate::settings::Settings;
use crate::word::Numbers;

/// Sweeps to the end, a slice of three wallets at a time; says how many wallets were rolled and how many were left out.
fn sweep(engine: &Engine<Disk, Disk>, now: Now) -> Option<(u64, u64)> {
    let mut sweep = engine.begin_day_sweep(now)?;
    while !engine.sweep_days(&mut sweep, 3, now) {}
    Some((sweep.rolled().days, sweep.left_out()))
}

/// The day, modulo 1024, and the free credits that stand in memory; looking at them rolls nothing.
fn word(world: &World, name: &str) -> (u16, Credits) {
    let index = world.engine.wallets.find(account(name)).unwrap();
    let word = world.engine.wallets.slot(index).word.load();
    (word.day, word.available.free)
}

fn short_day(world: &World, name: &str) -> u16 {
    let slot = world.engine.wallets.slot(world.engine.wallets.find(account(name)).unwrap());
    Numbers::short_day(world.engine.cohorts.today(slot.cohort(), world.now.daemon).day)
}

/// Runs lines without the replay behind a table, which looks at every wallet and so rolls it.
fn lines(world: &mut World, text: &str) {
    for line in text.lines().map(str::trim) {
        world.check_line(line);
    }
}

fn whole(credits: u64) -> Credits {
    Credits::from_whole(credits)
}

#[test]
fn r5_a_part_of_a_sweep_that_another_thread_takes_meets_each_wallet_once() {
    let mut world = World::new(Settings::default());
    let names: Vec<String> = (b'a'..=b'w').map(|letter| char::from(letter).to_string()).collect();
    for (index, name) in names.iter().enumerate() {
        world.check_line(&format!("open {name} => done"));
        world.check_line(&format!("charge h{index} {name} {} => granted", index + 1));
    }
    assert_eq!(sweep(&world.engine, world.now), None, "no day has ended");
    world.check_line("at 2026-03-11T00:00:01Z");
    let (engine, now) = (&world.engine, world.now);
    let mut sweep = engine.begin_day_sweep(now).unwrap();
    assert!(!engine.sweep_days(&mut sweep, 2, now), "there are more");
    let mut parts = 0;
    loop {
        let mut part = sweep.split_off(3);
        parts += 1;
        let over = thread::scope(|scope| {
            scope.spawn(|| engine.sweep_days(&mut part, 3, now));
            engine.sweep_days(&mut sweep, 3, now)
        });
        sweep.put_back(&part);
        if over {
            break;
        }
    }
    // The last of them lies behind the last wallet.
    assert_eq!((sweep.rolled().days, sweep.left_out(), parts), (23, 0, 4));
    assert!(
        names.iter().all(|name| word(&world, name) == (short_day(&world, name), whole(100))),
        "each has its new day"
    );
    assert_eq!(world.engine.reset_totals().days, 23);
}

#[test]
fn r5_wallets_that_nobody_asks_for_are_rolled_behind_the_boundary() {
    let mut world = World::new(Settings::default());
    for (index, name) in ["a", "b", "c", "d", "e", "f", "g"].iter().enumerate() {
        world.check_line(&format!("open {name} => done"));
        world.check_line(&format!("charge h{index} {name} {} => granted", index + 1));
    }
    assert_eq!(sweep(&world.engine, world.now), None, "no day has ended");
    world.check_line("at 2026-03-10T23:59:59Z");
    assert_eq!(sweep(&world.engine, world.now), None);
    world.check_line("at 2026-03-11T00:00:00Z");
    world.check_line("balance b => done left=100/0/0");
    let records = world.disk.records().len();
    assert_eq!(sweep(&world.engine, world.now), Some((6, 0)), "a request has rolled one of seven");
    assert_eq!(sweep(&world.engine, world.now), None, "once a day");
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        assert_eq!(word(&world, name), (short_day(&world, name), whole(100)), "{name}");
    }
    assert_eq!(world.disk.records().len(), records, "a day roll has no record");
    world.check_replay();
}

/// One millisecond decides, with and without a sweep.
#[test]
fn r6_the_first_request_at_the_boundary_sees_the_new_day() {
    check(
        "open a
         charge h1 a 30
         at 2026-03-10T23:59:59.999Z
         balance a                    => done left=70/0/0
         reserve h2 a 71              => insufficient
         at 2026-03-11T00:00:00.000Z
         reserve h3 a 71              => granted split=71/0/0 left=29/0/0",
    );
}

#[test]
fn r6_one_pass_serves_all_zones_whose_day_has_ended_and_no_other() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open a zone=Europe/Berlin
         open b zone=Europe/Madrid
         open c zone=America/New_York
         open d
         charge h1 a 1
         charge h2 b 2
         charge h3 c 3
         charge h4 d 4
         at 2026-03-10T23:00:00Z",
    );
    assert_eq!(sweep(&world.engine, world.now), Some((2, 0)), "Berlin and Madrid");
    assert_eq!(word(&world, "c").1, whole(97));
    assert_eq!(word(&world, "d").1, whole(96));
    world.check_line("at 2026-03-11T00:00:00Z");
    assert_eq!(sweep(&world.engine, world.now), Some((1, 0)), "UTC");
    world.check_line("at 2026-03-11T03:59:59Z");
    assert_eq!(sweep(&world.engine, world.now), None);
    world.check_line("at 2026-03-11T04:00:00Z");
    assert_eq!(sweep(&world.engine, world.now), Some((1, 0)), "New York");
    world.check_replay();
}

#[test]
fn r6_a_wallet_that_is_ahead_after_a_move_to_the_west_is_left_there() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open w zone=Pacific/Pago_Pago
         open a zone=Pacific/Kiritimati
         charge h1 a 30
         move a Pacific/Pago_Pago     => done left=70/0/0
         charge h2 w 1
         at 2026-03-11T11:00:00Z",
    );
    assert_eq!(sweep(&world.engine, world.now), Some((1, 0)));
    assert_eq!(word(&world, "a").1, whole(70), "its day is still to come here");
    world.check_line("at 2026-03-12T11:00:00Z");
    assert_eq!(sweep(&world.engine, world.now), Some((2, 0)));
    assert_eq!(word(&world, "a").1, whole(100));
    world.check_replay();
}

/// R6: a wallet that is a day ahead of the day that begins in its zone keeps its own.
#[test]
fn r6_a_wallet_that_is_ahead_of_the_day_that_begins_is_not_rolled_back() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "at 2026-03-11T10:30:00Z
         open w zone=Pacific/Pago_Pago
         open a zone=Pacific/Kiritimati
         charge h1 a 30
         charge h2 w 1
         move a Pacific/Pago_Pago     => done left=70/0/0
         at 2026-03-11T11:00:00Z",
    );
    assert_eq!(sweep(&world.engine, world.now), Some((1, 0)));
    assert_eq!((word(&world, "a").1, word(&world, "w").1), (whole(70), whole(100)));
    world.check_replay();
}

/// R10: cycle and lapse come before the day, so that the day comes with the tier of after them.
#[test]
fn r10_a_wallet_whose_cycle_has_ended_is_left_to_the_roll_of_its_cycle() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open a
         open b
         subscribe a 50 until=2026-03-12T00:00:00Z
         subscribe b 50 until=2026-03-12T00:00:01Z
         at 2026-03-12T00:00:00Z",
    );
    assert_eq!(sweep(&world.engine, world.now), Some((1, 1)));
    assert_eq!(word(&world, "b").1, whole(0), "still subscribed at the boundary (R7)");
    lines(&mut world, "balance a => done left=100/0/0 tier=0\nbalance b => done left=0/50/0");
}

#[test]
fn a_wallet_whose_lock_is_taken_is_left_to_who_has_it_and_to_the_next_sweep() {
    let mut world = World::new(Settings::default());
    lines(&mut world, "open a\nopen b\ncharge h1 a 30\ncharge h2 b 30\nat 2026-03-11T00:00:00Z");
    {
        let slot = world.engine.wallets.slot(world.engine.wallets.find(account("a")).unwrap());
        let _guard = slot.lock();
        assert_eq!(sweep(&world.engine, world.now), Some((1, 1)));
    }
    assert_eq!(word(&world, "a").1, whole(70));
    world.check_line("at 2026-03-12T00:00:00Z");
    assert_eq!(sweep(&world.engine, world.now), Some((2, 0)));
    assert_eq!(word(&world, "a").1, whole(100));
}

/// The word keeps ten bits of a day: left alone, a wallet would count as ahead from day 960 to day 1024.
#[test]
fn a_wallet_that_nobody_asks_for_in_years_is_on_its_day() {
    let mut swept = World::new(Settings::default());
    lines(&mut swept, "open a\ncharge h1 a 30");
    let mut alone = World::new(Settings::default());
    lines(&mut alone, "open a\ncharge h1 a 30");
    for day in 1..=2_200_u32 {
        swept.advance(86_400_000);
        alone.advance(86_400_000);
        assert_eq!(sweep(&swept.engine, swept.now), Some((1, 0)), "day {day}");
        assert_eq!(word(&swept, "a"), (short_day(&swept, "a"), whole(100)), "day {day}");
        if day == 1_000 {
            lines(&mut alone, "balance a => done left=70/0/0");
        }
    }
    lines(&mut swept, "reserve h2 a 90 => granted split=90/0/0 left=10/0/0");
}

#[test]
fn wallets_are_counted_by_zone() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open a
         open b zone=Europe/Berlin
         open c zone=Europe/Berlin
         open c                       => account_exists
         move b UTC                   => done
         move c europe/berlin         => done
         move a Asia/Tokyo            => done",
    );
    let counts = |world: &World| {
        let cohorts = &world.engine.cohorts;
        let mut counts: Vec<_> = cohorts.in_use().map(|of| (cohorts.name(of), cohorts.wallets(of))).collect();
        counts.sort();
        counts
    };
    let expected = [("Asia/Tokyo".to_owned(), 1), ("Europe/Berlin".to_owned(), 1), ("UTC".to_owned(), 1)];
    assert_eq!(counts(&world), expected);
    assert_eq!(counts(&world.restarted()), expected);
}

/// R5: a day that nothing was drawn from leaves no trace; one that was counts when it ends.
#[test]
fn what_days_and_cycles_granted_and_expired_is_summed() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open a
         open b
         open c
         charge h1 a 30
         charge h2 c 100
         at 2026-03-11T00:00:00Z",
    );
    sweep(&world.engine, world.now).unwrap();
    let totals = ResetTotals { days: 3, free_granted: whole(200), free_expired: whole(70), ..ResetTotals::default() };
    assert_eq!(world.engine.reset_totals(), totals);
    lines(
        &mut world,
        "charge h3 a 10
         subscribe a 50 until=2026-03-12T12:00:00Z
         charge h4 a 110              => granted split=90/20/0
         at 2026-03-12T00:00:00Z
         balance a                    => done left=0/30/0",
    );
    let totals = ResetTotals { days: 4, free_granted: whole(300), ..totals };
    assert_eq!(world.engine.reset_totals(), totals, "the day had begun without the subscription");
    lines(&mut world, "at 2026-03-12T12:00:00Z\nbalance a => done left=0/0/0 tier=0");
    let totals = ResetTotals { lapses: 1, subscription_expired: whole(30), ..totals };
    assert_eq!(world.engine.reset_totals(), totals);
    lines(&mut world, "at 2026-03-13T00:00:00Z\nbalance a => done left=100/0/0");
    let totals = ResetTotals { days: 5, ..totals };
    assert_eq!(world.engine.reset_totals(), totals, "the day had begun with the subscription, and nothing");
    for (name, row) in ["a", "b", "c"].map(|name| (name, world.disk.replayed().rows[&account(name)].clone())) {
        assert_eq!(row.check(), Ok(()), "{name}");
    }
}

/// I1: with every day ended and counted by a record after it, the sums are those of the rows.
#[test]
fn the_sums_of_days_are_those_of_the_rows() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open a
         open b zone=Asia/Kathmandu
         charge h1 a 30
         grant b free 5
         charge h2 b 20
         at 2026-03-12T00:00:00Z",
    );
    sweep(&world.engine, world.now).unwrap();
    lines(&mut world, "charge h3 a 1\ncharge h4 b 2\nat 2026-03-13T00:00:00Z");
    sweep(&world.engine, world.now).unwrap();
    lines(&mut world, "charge h5 a 100\ncharge h6 b 100\nat 2026-03-14T00:00:00Z");
    sweep(&world.engine, world.now).unwrap();
    let rows = world.disk.replayed().rows;
    let sum = |of: fn(&crate::row::Counters) -> Credits| {
        rows.values().map(|row| of(&row.counters[Bucket::Free as usize])).fold(Credits::ZERO, |all, one| all + one)
    };
    let totals = world.engine.reset_totals();
    assert_eq!(totals.free_granted + whole(5), sum(|counters| counters.granted));
    assert_eq!(totals.free_expired, sum(|counters| counters.expired));
}

#[test]
fn r35_a_start_after_missed_days_is_in_the_present_day_without_a_record() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open a
         open b zone=Asia/Tokyo
         open c
         charge h1 a 30
         charge h2 b 40
         subscribe c 50
         charge h3 c 60               => granted split=60/0/0
         at 2026-03-14T09:00:00Z",
    );
    let records = world.disk.records().len();
    let restarted = world.restarted();
    for (name, left) in [("a", 100), ("b", 100), ("c", 0)] {
        assert_eq!(word(&restarted, name), (short_day(&restarted, name), whole(left)), "{name}");
    }
    assert_eq!(sweep(&restarted.engine, restarted.now), None, "nothing is left to do");
    assert_eq!(restarted.disk.records().len(), records);
    let totals = restarted.engine.reset_totals();
    assert_eq!((totals.days, totals.free_granted, totals.free_expired), (3, whole(200), whole(170)));
    restarted.check_replay();
}

#[test]
fn r35_a_start_after_a_missed_cycle_and_days_rolls_the_cycle_first() {
    let mut world = World::new(Settings::default());
    lines(
        &mut world,
        "open a
         subscribe a 50 until=2026-03-12T12:00:00Z
         charge h1 a 120              => granted split=100/20/0
         at 2026-03-14T09:00:00Z
         restart",
    );
    let records = world.disk.records().len();
    let rolled = world.engine.roll_cycles(&mut crate::cycles::CycleRolls::default(), 10, world.now);
    assert_eq!((rolled.rolled, rolled.over), (1, true));
    let totals = ResetTotals { lapses: 1, subscription_expired: whole(30), ..ResetTotals::default() };
    assert_eq!(rolled.totals, totals);
    let rolls: Vec<_> = world.disk.records().drain(records..).collect();
    let [Record::CycleRoll(rolls)] = rolls.as_slice() else { panic!("one record: {rolls:?}") };
    assert_eq!(rolls[0].at, instant("2026-03-12T12:00:00Z"));
    assert_eq!(word(&world, "a"), (short_day(&world, "a"), whole(100)));
    lines(&mut world, "balance a => done left=100/0/0 tier=0");
}

fn reserve(number: u64, name: &str, at: Now) -> Operation {
    Operation::Reserve(ReserveRequest {
        account: account(name),
        hold: hold_id(at.wall, u128::from(number)),
        amount: whole(1),
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: 60_000,
        over_commit: OverCommit::Draw,
        attribution: Attribution { member: MemberId(0), ..Attribution::default() },
        worker: WorkerId::NONE,
        settings: 0,
    })
}

/// I2, I7, I8: sweeps beside requests and zone changes at the boundary; no wallet gives more than a day has.
#[test]
fn sweeps_beside_requests_at_the_boundary_grant_each_day_once() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    const DAYS: u32 = 24;
    const EACH: u64 = 70;
    let disk = Disk::default();
    let engine = Engine::new(Settings::default(), disk.clone(), disk.clone());
    let start = Now::at(instant("2026-03-10T12:00:00Z"));
    engine.ensure_policy(whole(100), false, start);
    let zones = ["UTC", "Europe/Berlin", "Asia/Kathmandu"];
    let command = |id: u128, command: Command, now: Now| {
        engine.command(&CommandRequest { id: CommandId(id), command, by: "test".into(), reason: String::new() }, now)
    };
    for (index, name) in NAMES.iter().enumerate() {
        let zone = zones[index % 3].to_owned();
        let opened = command(1_000_000 + index as u128, Command::OpenAccount { account: account(name), zone }, start);
        assert_eq!(opened.outcome, Outcome::Done);
    }
    let (barrier, granted) = (Barrier::new(4), AtomicU32::new(0));
    let at = |day: u32, millis: u64| Now::at(start.daemon.plus_millis(u64::from(day) * 86_400_000 + millis));
    thread::scope(|scope| {
        let (engine, barrier, granted, command) = (&engine, &barrier, &granted, &command);
        for thread in 0..2_u64 {
            scope.spawn(move || {
                let mut chunk = engine.chunk();
                for day in 1..=DAYS {
                    barrier.wait();
                    for number in 0..EACH {
                        for (index, name) in NAMES.iter().enumerate() {
                            let hold = ((u64::from(day) * 2 + thread) * EACH + number) * 8 + index as u64;
                            chunk.clear();
                            while engine.run(&mut chunk, &[reserve(hold, name, at(day, number))], at(day, number))
                                != Run::Done
                            {}
                            let taken = chunk.answers()[0].outcome == Outcome::Granted;
                            granted.fetch_add(u32::from(taken), Ordering::Relaxed);
                        }
                    }
                    barrier.wait();
                }
            });
        }
        scope.spawn(move || {
            for day in 1..=DAYS {
                barrier.wait();
                let zone = zones[day as usize % 3].to_owned();
                let moved = command(u128::from(day), Command::SetZone { account: account("f"), zone }, at(day, 5));
                assert_eq!(moved.outcome, Outcome::Done);
                barrier.wait();
            }
        });
        for day in 1..=DAYS {
            barrier.wait();
            sweep(engine, at(day, 0));
            barrier.wait();
        }
    });
    let at_end = at(DAYS, 1_000);
    compare_wallets(&engine, &mut disk.replayed(), at_end);
    let granted = granted.into_inner();
    assert!(granted <= DAYS * 6 * 100, "I2: {granted} credits of days that had {}", DAYS * 600);
    assert!(granted >= DAYS * 5 * 100, "every day was drawn to its end: {granted}");
    for row in disk.replayed().rows.values() {
        assert_eq!(row.check(), Ok(()));
    }
}

/// R6: the day of a zone that everybody has left ends for nobody.
#[test]
fn r6_there_is_no_pass_for_a_zone_without_wallets() {
    let mut world = World::new(Settings::default());
    lines(&mut world, "open a zone=America/New_York\nmove a UTC\nat 2026-03-11T00:00:00Z");
    assert_eq!(sweep(&world.engine, world.now), Some((1, 0)));
    world.check_line("at 2026-03-11T04:00:00Z");
    assert_eq!(sweep(&world.engine, world.now), None, "midnight in New York");
}
