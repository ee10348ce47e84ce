//! The real engine under real threads: I1, I2, I5 and I8 at any interleaving. Bounded by operations, not by time.

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::disk::Disk;
use super::world::{account, compare_wallets, hold_id, instant};
use crate::bucket::{Bucket, Sources};
use crate::chunk::Chunk;
use crate::credits::Credits;
use crate::engine::{CHUNK_OPERATIONS_MAX, Engine, Journal, Run};
use crate::hold::HoldState;
use crate::ids::{AccountId, CommandId, Day, HoldId, Now, Position, Tier, Timestamp, WorkerId};
use crate::outcome::Outcome;
use crate::record::{Attribution, CaptureRequest, OverCommit, Record, RefundReason};
use crate::request::{Answer, Command, CommandRequest, Operation, ReserveRequest};
use crate::settings::Settings;
use crate::word::Snapshot;

pub(super) type TestEngine = Engine<Disk, Disk>;

const START: &str = "2026-03-10T12:00:00Z";

pub(super) fn start() -> Now {
    Now::at(instant(START))
}

pub(super) fn id(number: u64) -> HoldId {
    hold_id(instant(START), u128::from(number))
}

pub(super) fn engine() -> (TestEngine, Disk) {
    let disk = Disk::default();
    let engine = Engine::new(Settings::default(), disk.clone(), disk.clone());
    engine.ensure_policy(Credits::from_whole(100), false, start());
    (engine, disk)
}

fn command(engine: &TestEngine, id: u128, command: Command, now: Now) -> Answer {
    let request = CommandRequest { id: CommandId(id), command, by: "test".into(), reason: String::new() };
    engine.command(&request, now)
}

pub(super) fn open(engine: &TestEngine, names: &[&str]) {
    for (index, name) in (1..).zip(names) {
        let zone = if index % 2 == 0 { "Europe/Berlin".into() } else { String::new() };
        let answer = command(engine, 1_000_000 + index, Command::OpenAccount { account: account(name), zone }, start());
        assert_eq!(answer.outcome, Outcome::Done);
    }
}

pub(super) fn request(account: AccountId, hold: HoldId, amount: u64) -> ReserveRequest {
    ReserveRequest {
        account,
        hold,
        amount: Credits::from_whole(amount),
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: 5_000,
        over_commit: OverCommit::Draw,
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
    }
}

/// Runs one chunk to its end, letting others run where it must wait.
pub(super) fn run(engine: &TestEngine, chunk: &mut Chunk, operations: &[Operation], now: Now) -> Vec<Answer> {
    chunk.clear();
    loop {
        match engine.run(chunk, operations, now) {
            Run::Done => return chunk.answers().to_vec(),
            Run::Yield => thread::yield_now(),
            Run::Projected(_) => engine.archive().catch_up(),
        }
    }
}

#[test]
fn i2_of_ten_thousand_reserves_on_a_thousand_credits_exactly_a_thousand_are_granted() {
    for round in 0..8_usize {
        let (engine, disk) = engine();
        open(&engine, &["a"]);
        let grant = Command::Grant { account: account("a"), bucket: Bucket::Free, amount: Credits::from_whole(900) };
        assert_eq!(command(&engine, 1, grant, start()).available.total(), Credits::from_whole(1_000));
        let together = Barrier::new(2);
        let chunk_size = [1, 7, 32, CHUNK_OPERATIONS_MAX][round % 4];
        let task = |task: u64| {
            let (mut chunk, mut granted) = (engine.chunk(), 0_u64);
            together.wait();
            let ids: Vec<u64> = (0..5_000).map(|number| number * 2 + task).collect();
            for ids in ids.chunks(chunk_size) {
                let operations: Vec<_> =
                    ids.iter().map(|number| Operation::Reserve(request(account("a"), id(*number), 1))).collect();
                for answer in run(&engine, &mut chunk, &operations, start()) {
                    let outcomes = [Outcome::Granted, Outcome::Insufficient];
                    assert!(outcomes.contains(&answer.outcome), "{answer:?}");
                    granted += u64::from(answer.outcome == Outcome::Granted);
                }
            }
            granted
        };
        let granted = thread::scope(|scope| {
            let tasks = [0, 1].map(|number| scope.spawn(move || task(number)));
            tasks.map(|task| task.join().unwrap()).iter().sum::<u64>()
        });
        assert_eq!(granted, 1_000, "round {round}");
        compare_wallets(&engine, &mut disk.replayed(), start());
    }
}

#[test]
fn i5_an_id_that_two_tasks_reserve_has_one_decision() {
    let (engine, disk) = engine();
    open(&engine, &["a"]);
    let grant = Command::Grant { account: account("a"), bucket: Bucket::Free, amount: Credits::from_whole(50_000) };
    command(&engine, 1, grant, start());
    let task = |task: u64| {
        let mut chunk = engine.chunk();
        let mut outcomes = HashMap::new();
        let numbers: Vec<u64> = (0..8_000).collect();
        for ids in numbers.chunks(16) {
            // One task goes through each chunk backwards, so that both meet entries of the other's unit.
            let mut ids = ids.to_vec();
            if task == 1 {
                ids.reverse();
            }
            let amount = |number: u64| if number.is_multiple_of(2) { 1 } else { 1 + task };
            let operations: Vec<_> = ids
                .iter()
                .map(|number| Operation::Reserve(request(account("a"), id(*number), amount(*number))))
                .collect();
            let answers = run(&engine, &mut chunk, &operations, start());
            assert!(answers.iter().all(|answer| answer.needs > Position::NONE), "I3: an answer that rests on nothing");
            outcomes.extend(ids.iter().copied().zip(answers.iter().map(|answer| answer.outcome)));
        }
        outcomes
    };
    let [one, two] =
        thread::scope(|scope| [0, 1].map(|number| scope.spawn(move || task(number))).map(|task| task.join().unwrap()));
    for number in 0..8_000 {
        let mut both = [one[&number], two[&number]];
        both.sort_by_key(|outcome| outcome.code());
        let second = if number % 2 == 0 { Outcome::Replayed } else { Outcome::HoldIdReused };
        assert_eq!(both, [Outcome::Granted, second], "id {number}");
    }
    compare_wallets(&engine, &mut disk.replayed(), start());
}

/// A small generator of its own: the tests need variety, not quality.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const IDS: u64 = 40;

/// An operation on an id close to the front, which moves on: so that tasks meet on the same holds.
fn operation(dice: &mut Dice, front: u64) -> Operation {
    let number = front + dice.roll(IDS);
    let hold = id(number);
    let account = account(NAMES[usize::try_from(number % 4).unwrap()]);
    let some = |amount| Some(Credits::from_whole(amount));
    match dice.roll(12) {
        0..=3 => Operation::Reserve(request(account, hold, 1 + number % 30)),
        4 => Operation::Charge(ReserveRequest { ttl_ms: 0, ..request(account, hold, 1 + number % 30) }),
        5 | 6 => {
            let last = dice.roll(2) == 0;
            let step = dice.roll(3);
            let request = CaptureRequest { number: u8::try_from(step).unwrap(), amount: some(dice.roll(12)), last };
            Operation::Commit { account, hold, request }
        }
        7 | 8 => Operation::Release { account, hold },
        9 | 10 => {
            let reason = if dice.roll(2) == 0 { RefundReason::ProviderError } else { RefundReason::Goodwill };
            let number = u8::try_from(dice.roll(3)).unwrap();
            Operation::Refund { account, hold, number, amount: some(dice.roll(6)), reason }
        }
        _ => Operation::Extend { account, hold, ttl_ms: 5_000 },
    }
}

fn storm_command(dice: &mut Dice, now: Now) -> Command {
    let account = account(NAMES[usize::try_from(dice.roll(4)).unwrap()]);
    let amount = Credits::from_whole(1 + dice.roll(60));
    match dice.roll(8) {
        0 | 1 => Command::TopUp { account, amount },
        2 => Command::Clawback { account, amount },
        3 | 4 => {
            let ends_at = now.daemon.plus_millis(1 + dice.roll(40_000_000));
            let ends_at = if dice.roll(4) == 0 { Timestamp::NONE } else { ends_at };
            Command::SetSubscription { account, amount, tier: Tier(1), ends_at }
        }
        5 => Command::Grant { account, bucket: Bucket::ALL[usize::try_from(dice.roll(3)).unwrap()], amount },
        _ => Command::Freeze { account, frozen: dice.roll(4) == 0 },
    }
}

/// The daemon's time moves on by steps; the wall clock stands still, so that ids stay young.
struct Clock(AtomicU64);

impl Clock {
    fn now(&self) -> Now {
        Now { daemon: Timestamp(self.0.load(Ordering::SeqCst)), wall: start().wall }
    }
}

struct Storm {
    engine: TestEngine,
    clock: Clock,
    front: AtomicU64,
    granted: AtomicU64,
    working: AtomicU64,
}

impl Storm {
    fn traffic(&self, seed: u64, chunks: usize) {
        let (mut dice, mut chunk) = (Dice(seed), self.engine.chunk());
        for _ in 0..chunks {
            let front = self.front.fetch_add(1, Ordering::SeqCst);
            let size = 1 + dice.roll(24);
            let operations: Vec<_> = (0..size).map(|_| operation(&mut dice, front)).collect();
            for answer in run(&self.engine, &mut chunk, &operations, self.clock.now()) {
                self.granted.fetch_add(u64::from(answer.outcome == Outcome::Granted), Ordering::SeqCst);
                assert_ne!(answer.outcome, Outcome::BadRequest);
            }
        }
        self.working.fetch_sub(1, Ordering::SeqCst);
    }

    /// Commands, time, expiry and forgetting beside the traffic.
    fn beside(&self, seed: u64) {
        let (mut dice, mut chunk) = (Dice(seed), self.engine.chunk());
        let mut id = 1;
        while self.working.load(Ordering::SeqCst) > 0 {
            let now = self.clock.now();
            command(&self.engine, id, storm_command(&mut dice, now), now);
            id += 1;
            let step = if dice.roll(20) == 0 { 20_000_000 } else { 300 };
            self.clock.0.fetch_add(dice.roll(step), Ordering::SeqCst);
            chunk.clear();
            self.engine.expire_due(&mut chunk, self.clock.now());
            if dice.roll(30) == 0 {
                self.engine.archive().flush();
                self.engine.forget(self.clock.now());
            }
            thread::yield_now();
        }
    }
}

/// Every wallet equals its row, every open hold its row in the archive, and each hold has one decision.
fn check_at_rest(storm: &Storm, disk: &Disk) {
    let now = storm.clock.now();
    let mut replayed = disk.replayed();
    let decisions =
        disk.records().iter().filter(|record| matches!(record, Record::Reserve(_) | Record::Charge(_))).count();
    assert_eq!(u64::try_from(decisions).unwrap(), storm.granted.load(Ordering::SeqCst), "I5: decisions and answers");
    let chunk = storm.engine.chunk();
    disk.catch_up();
    let mut open = 0;
    for (id, row) in replayed.holds.clone() {
        if row.state == HoldState::Tombstone {
            continue;
        }
        let (live, position) = storm.engine.hold_view(&chunk, id, now).unwrap().unwrap();
        assert_eq!(live, row, "I8: hold {id}");
        assert_eq!(position, row.last_position);
        open += u64::from(row.state == HoldState::Open);
    }
    assert_eq!(storm.engine.gauges().holds_open, open);
    replayed.catch_up(&disk.records());
    compare_wallets(&storm.engine, &mut replayed, now);
}

#[test]
fn i1_and_i8_hold_at_rest_after_a_storm() {
    for seed in 0..6 {
        let (engine, disk) = engine();
        open(&engine, &NAMES);
        let storm = Storm {
            engine,
            clock: Clock(AtomicU64::new(start().daemon.0)),
            front: AtomicU64::new(1),
            granted: AtomicU64::new(0),
            working: AtomicU64::new(3),
        };
        thread::scope(|scope| {
            for task in 0..3 {
                let storm = &storm;
                scope.spawn(move || storm.traffic(seed * 100 + task, 1_500));
            }
            scope.spawn(|| storm.beside(seed * 100 + 50));
        });
        check_at_rest(&storm, &disk);
        // Everything that is left expires; then nothing is held.
        storm.clock.0.fetch_add(86_400_000, Ordering::SeqCst);
        let mut chunk = storm.engine.chunk();
        while storm.engine.gauges().next_hold_end.is_some() {
            chunk.clear();
            storm.engine.expire_due(&mut chunk, storm.clock.now());
        }
        check_at_rest(&storm, &disk);
        let replayed = disk.replayed();
        assert!(replayed.rows.values().all(|row| row.open_holds == 0));
        assert!(replayed.rows.values().flat_map(|row| row.counters).all(|counters| counters.held.is_zero()));
        assert_eq!((storm.engine.gauges().holds_open, storm.engine.gauges().hold_timers), (0, 0));
        assert!(storm.engine.journal().pushed() > Position(3_000), "the storm did something");
    }
}

/// I7, R6: between the roll of a grant's wallet and its record another request, with a later time, may publish the next day.
/// The credits are then those of the day that the wallet is on, which ends at once.
#[test]
fn i7_a_grant_at_midnight_beside_a_request_with_a_later_time_goes_to_the_day_of_its_wallet() {
    let (engine, disk) = engine();
    open(&engine, &["a"]);
    let [before, after] = ["2026-03-11T23:59:59.999Z", "2026-03-12T00:00:00Z"].map(|text| Now::at(instant(text)));
    let slot = engine.wallets.slot(engine.wallets.find(account("a")).unwrap());
    let is_rolled = || engine.numbers(slot, before).day_of(&slot.word.load()) == Day(20_523);
    let answer = thread::scope(|scope| {
        // The command asks what its wallet owes once that is rolled, and waits there.
        let debts = engine.debts.lock();
        let grant = scope.spawn(|| {
            let amount = Credits::from_whole(50);
            let grant = Command::Grant { account: account("a"), bucket: Bucket::Free, amount };
            command(&engine, 1, grant, before)
        });
        for _ in 0..60_000 {
            if is_rolled() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        assert!(is_rolled(), "the grant rolls its wallet");
        assert_eq!(engine.today(slot, after).day, Day(20_524), "the other request publishes the next day");
        drop(debts);
        grant.join().expect("the engine goes on")
    });
    assert_eq!((answer.outcome, answer.available.free), (Outcome::Done, Credits::from_whole(100)), "the new day's");
    let records = disk.records();
    let Some(Record::Grant(grant)) = records.last() else { panic!("{records:?}") };
    assert_eq!((grant.day, grant.amount), (Day(20_523), Credits::from_whole(50)), "R5: it ends with its day");
    compare_wallets(&engine, &mut disk.replayed(), after);
}

/// `hold_ids = any`: memory lets go of a hold while its reserve comes again. The disk is asked when no entry can leave any more.
#[test]
fn i5_a_retry_that_meets_forgetting_is_no_second_reserve_without_a_time_in_its_id() {
    const MEETINGS: u64 = 500;
    let disk = Disk::default();
    let engine = Engine::new(Settings { any_hold_ids: true, ..Settings::default() }, disk.clone(), disk.clone());
    engine.ensure_policy(Credits::from_whole(100), false, start());
    open(&engine, &["a"]);
    let (account, hold) = (account("a"), HoldId(5));
    let (mut chunk, reserve) = (engine.chunk(), [Operation::Reserve(request(account, hold, 1))]);
    assert_eq!(run(&engine, &mut chunk, &reserve, start())[0].outcome, Outcome::Granted);
    assert_eq!(run(&engine, &mut chunk, &[Operation::Release { account, hold }], start())[0].outcome, Outcome::Done);
    disk.flush();
    let later = |round: u64| Now::at(start().daemon.plus_millis(3_600_000 + round * 10_000));
    let forgotten = thread::scope(|scope| {
        let forgetting = scope.spawn(|| {
            let mut forgotten = 0;
            for round in 0..MEETINGS {
                // The retry has brought it back; not for ever, should the other thread have failed.
                let is_back = (0..10_000_000).any(|_| {
                    thread::yield_now();
                    engine.holds.knows(hold)
                });
                engine.forget(later(round));
                disk.flush();
                forgotten += engine.forget(later(round));
                if !is_back {
                    break;
                }
            }
            forgotten
        });
        while !forgetting.is_finished() {
            let again = run(&engine, &mut chunk, &reserve, later(0))[0];
            assert_eq!(again.outcome, Outcome::Replayed, "{again:?}");
        }
        forgetting.join().unwrap()
    });
    // While it is being read back it is not let go.
    assert!(forgotten > MEETINGS / 20, "the two meet in nearly every round, unless a thread gets no turn: {forgotten}");
}

/// R16: a reserve that meets a freeze as it is lifted looks again, and is told of no debt.
#[test]
fn r16_a_reserve_that_meets_a_freeze_as_it_is_lifted_is_granted() {
    const ROUNDS: u64 = 500;
    let (engine, _) = engine();
    open(&engine, &["a"]);
    let slot = engine.wallets.slot(engine.wallets.find(account("a")).unwrap());
    let show = |attention| slot.word.transition(|word| (Some(Snapshot { attention, ..*word }), ()));
    let (meet, mut chunk) = (Barrier::new(2), engine.chunk());
    let told = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                // What the word and the lock are while a freeze is lifted.
                let cold = slot.lock();
                show(true);
                meet.wait();
                thread::yield_now();
                show(false);
                drop(cold);
                meet.wait();
            }
        });
        let mut reserve = |number: u64| {
            meet.wait();
            let told = run(&engine, &mut chunk, &[Operation::Reserve(request(account("a"), id(number), 0))], start());
            meet.wait();
            told[0].outcome
        };
        (0..ROUNDS).map(&mut reserve).collect::<Vec<_>>()
    });
    assert!(told.iter().all(|outcome| *outcome == Outcome::Granted), "{told:?}");
}
