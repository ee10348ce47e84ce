//! Cycles rolled in bulk: one record for many wallets, each wallet once, whoever comes first (R10, R11, R12, R35).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::World;
use super::plan_words::plans;
use super::threads::{TestEngine, engine, request, run};
use super::world::{account, compare_wallets, hold_id, instant};
use crate::credits::Credits;
use crate::cycles::{CycleCount, CycleRolls, RolledCycles};
use crate::ids::{AccountId, CommandId, Now, Period, PlanId, Timestamp};
use crate::outcome::Outcome;
use crate::record::{CycleRoll, Record};
use crate::request::{Command, CommandRequest, Operation};
use crate::resets::ResetTotals;
use crate::settings::Settings;
use crate::subscription::ChangeMode;

/// Each with a plan: `a` renews itself, `b` has a change pending, `c` lapses, `d` lives in Tokyo, `e` has none.
const OPENED: &str = "open a
    open b
    open c
    open d zone=Asia/Tokyo
    open e
    join a 1                      => done
    join b 3                      => done
    change b 2 renewal            => done
    join c 1 once                 => done
    join d 2                      => done";

fn opened() -> World {
    let mut world = World::new(Settings::default());
    world.check(OPENED);
    world
}

/// Rolls in batches until nothing is due.
fn roll(world: &World, limit: usize) -> Vec<RolledCycles> {
    let (mut rolls, mut batches) = (CycleRolls::default(), Vec::new());
    loop {
        let batch = counts(world.engine.roll_cycles(&mut rolls, limit, world.now));
        batches.push(batch);
        if batch.over || batch.rolled == 0 {
            return batches;
        }
    }
}

/// The packed records: how many wallets each rolled.
fn packed(world: &World) -> Vec<Vec<CycleRoll>> {
    let rolls = world.disk.records().into_iter().filter_map(|record| match record {
        Record::CycleRoll(rolls) => Some(rolls),
        _ => None,
    });
    rolls.collect()
}

const OVER: RolledCycles = RolledCycles { rolled: 0, left_out: 0, totals: NO_TOTALS, over: true };
const NO_TOTALS: ResetTotals = ResetTotals {
    days: 0,
    cycles: 0,
    lapses: 0,
    free_granted: Credits::ZERO,
    free_expired: Credits::ZERO,
    subscription_granted: Credits::ZERO,
    subscription_expired: Credits::ZERO,
};

/// A batch without its sums of credits, which agree with how many wallets it rolled.
fn counts(batch: RolledCycles) -> RolledCycles {
    let ResetTotals { cycles, lapses, .. } = batch.totals;
    assert_eq!(usize::try_from(cycles + lapses), Ok(batch.rolled));
    RolledCycles { totals: NO_TOTALS, ..batch }
}

#[test]
fn r10_cycles_that_end_together_are_one_record() {
    let mut world = opened();
    assert_eq!(roll(&world, 100), [OVER], "nothing is due");
    let gauges = world.engine.gauges();
    assert_eq!(gauges.cycle_timers, 4);
    let next = gauges.next_cycle_end.unwrap();
    assert!(next > world.now.daemon && next <= instant("2026-04-10T12:00:00Z"), "{next:?}");
    world.now = Now::at(instant("2026-04-10T11:59:59.999Z"));
    assert_eq!(roll(&world, 100), [OVER], "nothing is due yet");
    world.advance(1);
    assert_eq!(roll(&world, 100), [RolledCycles { rolled: 4, ..OVER }]);
    assert_eq!(roll(&world, 100), [OVER], "each is rolled once");
    let records = packed(&world);
    assert_eq!(records.iter().map(Vec::len).collect::<Vec<_>>(), [4]);
    assert!(records[0].iter().all(|roll| roll.at == world.now.daemon && roll.period == Period(2)));
    assert_eq!(world.engine.gauges().cycle_timers, 3, "what has lapsed has no end");
    world.check(
        "balance a => done left=0/1000/0 tier=1
         balance b => done left=0/3000/0 tier=2
         balance c => done left=0/0/0 tier=0
         balance d => done left=0/3000/0 tier=2
         balance e => done left=100/0/0",
    );
    assert_eq!(packed(&world).len(), 1, "requests find nothing left to roll");
}

#[test]
fn r10_a_batch_has_a_limit_and_the_rest_comes_with_the_next() {
    let mut world = opened();
    world.now = Now::at(instant("2026-05-20T00:00:00Z"));
    let batches: Vec<_> = roll(&world, 3).iter().map(|batch| (batch.rolled, batch.over)).collect();
    assert_eq!(batches, [(3, false), (1, true)]);
    assert_eq!(packed(&world).iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    assert!(packed(&world).iter().flatten().all(|roll| roll.skipped == u32::from(roll.plan != PlanId::NONE)));
    world.check("balance d => done left=0/3000/0 tier=2");
}

/// Not the bulk roll: the request. What it rolled is not rolled again.
#[test]
fn r10_a_request_that_comes_first_rolls_its_wallet_itself() {
    let mut world = opened();
    world.now = Now::at(instant("2026-04-10T12:00:00Z"));
    world.check_line("reserve h1 a 600 => granted left=0/400/0");
    assert_eq!(roll(&world, 100), [RolledCycles { rolled: 3, ..OVER }]);
    world.check("balance a => done left=0/400/0");
    assert_eq!(packed(&world).iter().map(Vec::len).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_wallet_that_somebody_holds_is_left_out_and_comes_again() {
    let mut world = opened();
    world.now = Now::at(instant("2026-04-10T12:00:00Z"));
    let slot = world.engine.wallets.slot(world.engine.wallets.find(account("b")).unwrap());
    let held = slot.lock();
    let mut rolls = CycleRolls::default();
    let batch = counts(world.engine.roll_cycles(&mut rolls, 100, world.now));
    assert_eq!(batch, RolledCycles { rolled: 3, left_out: 1, ..OVER });
    let again = world.engine.roll_cycles(&mut rolls, 100, world.now);
    assert_eq!(again, RolledCycles { left_out: 1, ..OVER });
    drop(held);
    assert_eq!(roll(&world, 100), [RolledCycles { rolled: 1, ..OVER }]);
    world.check("balance b => done left=0/3000/0 tier=2");
}

/// The timer stands where the wallet is next due, whatever moved that, and after a start.
#[test]
fn r11_the_timer_follows_every_change_of_the_subscription() {
    let mut world = World::new(Settings::default());
    for (line, timers) in [
        ("open a => done", 0),
        ("join a 1 => done", 1),
        ("renew a 2026-06-01T00:00:00Z => done", 1),
        ("move a Asia/Tokyo => done", 1),
        ("change a 3 => done", 1),
        ("cancel a => done", 1),
        ("restart", 1),
        ("cancel a now => done", 0),
        ("subscribe a 10 for=2h => done", 1),
        ("subscribe a 10 => done", 0),
        ("join a 1 => already_subscribed", 0),
        ("change a 1 => done", 1),
        ("lapse a => done", 0),
        ("restart", 0),
        ("subscribe a 10 for=2h => done", 1),
    ] {
        world.check_line(line);
        assert_eq!(world.engine.gauges().cycle_timers, timers, "after {line}");
    }
    world.advance(7_199_999);
    assert_eq!(roll(&world, 9), [OVER]);
    world.advance(1);
    assert_eq!(roll(&world, 9), [RolledCycles { rolled: 1, ..OVER }], "R11: a lapse of one that was set by hand");
    world.check("balance a => done left=100/0/0 tier=0");
    assert_eq!(world.engine.gauges().cycle_timers, 0);
}

/// R35: months at once in bulk, and boundary by boundary by requests, come to the same, over a start as well.
#[test]
fn r35_rolled_in_bulk_or_by_requests_wallets_are_the_same() {
    let names = ["a", "b", "c", "d", "e"];
    let views = |world: &World| names.map(|name| world.engine.wallet_view(account(name), world.now).unwrap());
    let (mut bulk, mut single) = (opened(), opened());
    for at in ["2026-04-10T12:00:00Z", "2026-04-30T23:59:59Z", "2026-09-11T00:00:00Z", "2028-02-29T12:00:00Z"] {
        for world in [&mut bulk, &mut single] {
            world.now = Now::at(instant(at));
        }
        roll(&bulk, 2);
        for name in names {
            single.check_line(&format!("balance {name}"));
        }
        assert_eq!(views(&bulk), views(&single), "{at}");
        bulk.check("restart");
    }
    assert!(packed(&bulk).iter().any(|rolls| rolls.len() == 2) && packed(&single).iter().all(|rolls| rolls.len() == 1));
}

#[test]
fn cycles_that_end_in_a_span_are_counted() {
    let mut world = opened();
    world.check("open f\n join f 4\n subscribe e 10 for=2h");
    let count = |from, until| {
        let mut count = CycleCount::new(instant(from), instant(until));
        while !world.engine.count_cycles(&mut count, 2) {}
        count.count()
    };
    assert_eq!(count("2026-03-10T12:00:00Z", "2026-03-11T00:00:00Z"), 1);
    assert_eq!(count("2026-04-10T12:00:00Z", "2026-04-10T12:00:00.001Z"), 5);
    assert_eq!(count("2026-03-10T14:00:00.001Z", "2026-04-10T12:00:00Z"), 0);
}

const WALLETS: u64 = 48;

fn id(number: u64) -> AccountId {
    AccountId(1_000 + u128::from(number))
}

struct Race {
    engine: TestEngine,
    now: AtomicU64,
    commands: AtomicU64,
}

impl Race {
    fn now(&self) -> Now {
        Now { daemon: Timestamp(self.now.load(Ordering::SeqCst)), wall: instant("2026-03-10T12:00:00Z") }
    }

    fn command(&self, command: Command) {
        let id = CommandId(u128::from(self.commands.fetch_add(1, Ordering::SeqCst)));
        let request = CommandRequest { id, command, by: "test".into(), reason: String::new() };
        let outcome = self.engine.command(&request, self.now()).outcome;
        let taken = [Outcome::Done, Outcome::NotSubscribed, Outcome::AlreadySubscribed, Outcome::BalanceLimit];
        assert!(taken.contains(&outcome), "{request:?}: {outcome:?}");
    }

    /// Reserves on every wallet in turn, which roll those that they meet first.
    fn reserves(&self, round: u64) {
        let mut chunk = self.engine.chunk();
        for turn in 0..8 {
            let operations: Vec<_> = (0..WALLETS)
                .map(|number| {
                    let hold = hold_id(self.now().wall, u128::from((round * 8 + turn) * WALLETS + number));
                    Operation::Reserve(request(id(number), hold, 1))
                })
                .collect();
            run(&self.engine, &mut chunk, &operations, self.now());
        }
    }

    /// Commands that move what is due, on every third wallet.
    fn changes(&self, round: u64) {
        for number in (0..WALLETS).filter(|number| (number + round).is_multiple_of(3)) {
            let account = id(number);
            let plan = PlanId(1 + u16::try_from((number + round) % 3).unwrap());
            self.command(match (number / 3 + round) % 5 {
                0 => Command::ChangePlan { account, plan, mode: ChangeMode::AtRenewal },
                1 => Command::ChangePlan { account, plan, mode: ChangeMode::NowNewCycle },
                2 => Command::SetZone {
                    account,
                    zone: ["UTC", "Asia/Tokyo", "America/Lima"][usize::try_from(number % 3).unwrap()].into(),
                },
                3 => Command::Lapse { account },
                _ => Command::Subscribe { account, plan, auto_renew: number % 2 == 0, paid_through: Timestamp::NONE },
            });
        }
    }
}

/// I7, I8: bulk rolls beside requests that roll the same wallets and commands that move their ends: every period is opened
/// once (replay would refuse a second), every wallet equals its row, and the timers are those of the subscriptions.
#[test]
fn i7_a_cycle_is_rolled_once_when_bulk_rolls_race_requests_and_commands() {
    let (engine, disk) = engine();
    engine.set_plans(plans());
    let race = Race { engine, now: AtomicU64::new(instant("2026-03-10T12:00:00Z").0), commands: AtomicU64::new(1) };
    for number in 0..WALLETS {
        race.command(Command::OpenAccount { account: id(number), zone: String::new() });
        let paid_through = Timestamp::NONE;
        race.command(Command::Subscribe { account: id(number), plan: PlanId(1), auto_renew: true, paid_through });
    }
    let (mut in_bulk, mut alone) = (0, 0);
    for round in 0..120 {
        let working = AtomicU64::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                race.reserves(round);
                working.fetch_sub(1, Ordering::SeqCst);
            });
            scope.spawn(|| {
                race.changes(round);
                working.fetch_sub(1, Ordering::SeqCst);
            });
            // The month ends while they are at work.
            race.now.fetch_add(27 * 86_400_000 + round * 3_600_000, Ordering::SeqCst);
            let mut rolls = CycleRolls::default();
            while working.load(Ordering::SeqCst) > 0 {
                let _ = race.engine.roll_cycles(&mut rolls, 1 + usize::try_from(round % 5).unwrap() * 7, race.now());
            }
        });
        let mut rolls = CycleRolls::default();
        while race.engine.roll_cycles(&mut rolls, 100, race.now()).rolled > 0 {}
    }
    let mut replayed = disk.replayed();
    let rolled = disk.records().into_iter().filter_map(|record| match record {
        Record::CycleRoll(rolls) => Some(rolls),
        _ => None,
    });
    let mut cycles: HashMap<AccountId, Period> = HashMap::new();
    for rolls in rolled {
        *(if rolls.len() > 1 { &mut in_bulk } else { &mut alone }) += 1;
        for roll in rolls {
            let before = cycles.insert(roll.account, roll.period);
            assert!(before.is_none_or(|before| before < roll.period), "I7: {roll:?}");
        }
    }
    assert!(in_bulk > 20 && alone > 20, "both ways were taken: {in_bulk} in bulk, {alone} alone");
    let ends = replayed.rows.values().filter(|row| row.ends_at != Timestamp::NONE).count();
    assert_eq!(race.engine.gauges().cycle_timers, u64::try_from(ends).unwrap(), "one timer a subscription with an end");
    compare_wallets(&race.engine, &mut replayed, race.now());
}

/// R10: a day that another request publishes while a wallet is rolled does not come before a lapse at its start.
#[test]
fn r10_a_wallet_is_rolled_by_the_day_that_was_read_first() {
    let mut world = World::new(Settings::default());
    world.check(
        "at 2026-03-10T00:00:00Z
         open a
         open b
         join a 1 once                    => done left=100/1000/0
         at 2026-04-09T23:59:59.999Z
         balance a                        => done left=0/1000/0",
    );
    let engine = &world.engine;
    let slot = engine.wallets.slot(engine.wallets.find(account("a")).unwrap());
    let (today, before) = (engine.today(slot, world.now), world.now);
    // No more than these lines: the replay behind a table rolls every wallet.
    world.check_line("at 2026-04-10T00:00:00Z");
    world.check_line("balance b                   => done left=100/0/0");
    let engine = &world.engine;
    let slot = engine.wallets.slot(engine.wallets.find(account("a")).unwrap());
    assert!(engine.today(slot, before).day > today.day, "the next day is published");
    assert!(engine.due_roll(slot, &mut slot.lock(), &mut Default::default(), (today, before)).is_none());
    engine.roll_to(slot, &mut slot.lock(), today, before);
    world.check("balance a                        => done tier=0 left=100/0/0");
}
