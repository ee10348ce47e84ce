//! The real engine, timer wheel and group commit under schedules that shuttle chooses: three connections, the ticker and
//! the journal's thread, which may be interrupted at every lock, every access to a directory and every access to a wallet
//! word. What they do is chosen too, out of a few holds of one wallet, so that they meet.
//!
//! The directories are one shard each, no wait ends by its time, and atomics beside the wallet word are no place to be
//! interrupted at: loom and the model of the order look there.
#![forbid(unsafe_code)]
#![cfg(test)]

mod disk;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use journal::{Instants, Published, WriteFailed, WriterEvents};
use parking_lot::planted::{self, Bug};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner, thread};
use wallet::bucket::{Bucket, Sources};
use wallet::credits::Credits;
use wallet::engine::{Engine, Run};
use wallet::ids::{AccountId, CommandId, HoldId, Now, Position, Tier, Timestamp, WorkerId};
use wallet::outcome::Outcome;
use wallet::record::{Attribution, CaptureRequest, OverCommit, RefundReason};
use wallet::request::{Answer, Command, CommandRequest, Operation, ReserveRequest};
use wallet::settings::Settings;

type TestEngine = Engine<Disk, Disk>;

/// 2026-03-10 12:00 UTC.
const START: Timestamp = Timestamp(1_773_144_000_000);
const ACCOUNT: AccountId = AccountId(7);
/// Schedules of each kind in a test run; `SCHEDULES` sets another number.
const SCHEDULES: usize = 5_000;

/// When everything runs that is not early: the subscription has lapsed by then, and holds have ended.
fn later() -> Now {
    Now::at(START.plus_millis(2_000))
}

fn hold(number: u128) -> HoldId {
    HoldId((u128::from(START.0) << 80) | (7 << 76) | (0b10 << 62) | number)
}

fn operation() -> Operation {
    let mut rng = thread_rng();
    let (account, hold) = (ACCOUNT, hold(rng.gen_range(1..=2)));
    let amount = Credits::from_whole(rng.gen_range(1..=4) * 20);
    match rng.gen_range(0..10) {
        0..=3 => Operation::Reserve(ReserveRequest {
            account,
            hold,
            amount: Credits::from_whole(60),
            sources: Sources::ALL,
            pro_model: false,
            priced: false,
            min_tier: Tier::NONE,
            ttl_ms: 1_000,
            over_commit: OverCommit::Draw,
            attribution: Attribution::default(),
            worker: WorkerId::NONE,
            settings: 0,
        }),
        4..=6 => {
            let number = rng.gen_range(1..=2);
            // What a number asks for is the same in every delivery.
            let amount = Credits::from_whole(u64::from(number) * 40);
            let request = CaptureRequest { number, amount: Some(amount), last: number == 2 };
            Operation::Commit { account, hold, request }
        }
        7 => Operation::Release { account, hold },
        8 => Operation::Extend { account, hold, ttl_ms: 3_000 },
        _ => {
            let reason = RefundReason::Timeout;
            Operation::Refund { account, hold, number: 1, amount: Some(amount), reason }
        }
    }
}

/// Runs one chunk as a connection does, and waits until its answers may leave.
fn run(engine: &TestEngine, operations: &[Operation], now: Now) -> Vec<Answer> {
    let mut chunk = engine.chunk();
    loop {
        match engine.run(&mut chunk, operations, now) {
            Run::Done => break,
            Run::Yield => thread::yield_now(),
            Run::Projected(_) => {
                engine.archive().catch_up();
                thread::yield_now();
            }
        }
    }
    wait_durable(engine, chunk.needs());
    chunk.answers().to_vec()
}

fn wait_durable(engine: &TestEngine, needs: Position) {
    let durability = &engine.archive().running.durability;
    while durability.durable().0 < needs.0 {
        durability.wait_past(journal::Position(needs.0 - 1), Duration::from_secs(1));
    }
}

fn command(engine: &TestEngine, id: u128, command: Command, now: Now) -> Answer {
    let request = CommandRequest { id: CommandId(id), command, by: "test".into(), reason: String::new() };
    let answer = engine.command(&request, now);
    wait_durable(engine, answer.needs);
    answer
}

/// What one delivery was told took effect: at most one delivery of each may be.
#[derive(PartialEq, Eq, Hash, Debug)]
enum Effect {
    Reserve(HoldId),
    Commit(HoldId, u8),
    Refund(HoldId, u8),
    Command(u128),
}

fn effect(operation: &Operation, answer: &Answer) -> Option<Effect> {
    let took = matches!(answer.outcome, Outcome::Granted | Outcome::Done | Outcome::Late | Outcome::LateUncovered);
    match operation {
        _ if !took => None,
        Operation::Reserve(request) => Some(Effect::Reserve(request.hold)),
        Operation::Commit { hold, request, .. } => Some(Effect::Commit(*hold, request.number)),
        Operation::Refund { hold, number, .. } => Some(Effect::Refund(*hold, *number)),
        _ => None,
    }
}

/// The life of one connection: two chunks, and then perhaps a command that another connection sends too.
fn connection(engine: &TestEngine) -> Vec<Effect> {
    let mut effects = Vec::new();
    for _ in 0..2 {
        let now = if thread_rng().gen_bool(0.5) { Now::at(START) } else { later() };
        let operations: Vec<Operation> = (0..thread_rng().gen_range(1..=3)).map(|_| operation()).collect();
        let answers = run(engine, &operations, now);
        effects.extend(operations.iter().zip(&answers).filter_map(|(operation, answer)| effect(operation, answer)));
    }
    if thread_rng().gen_bool(0.5) {
        let id = thread_rng().gen_range(1..=2);
        let grant = Command::Grant { account: ACCOUNT, bucket: Bucket::TopUp, amount: Credits::from_whole(5) };
        let told = command(engine, id, grant, later());
        effects.extend((told.outcome == Outcome::Done).then_some(Effect::Command(id)));
    }
    effects
}

struct Events;

impl WriterEvents for Events {
    fn now(&mut self) -> Instants {
        Instants { time_ms: START.0, monotonic_ms: START.0 }
    }

    fn published(&mut self, _published: &Published) {}

    fn failed(&mut self, failure: &WriteFailed) {
        panic!("{failure}");
    }
}

/// One schedule.
fn schedule() {
    let (disk, writer) = Disk::new();
    let writing = thread::spawn(move || writer.run(&mut Events));
    let engine: Arc<TestEngine> = Arc::new(Engine::new(Settings::default(), disk.clone(), disk.clone()));
    engine.ensure_policy(Credits::from_whole(100), false, Now::at(START));
    command(&engine, 10, Command::OpenAccount { account: ACCOUNT, zone: "UTC".into() }, Now::at(START));
    let ends_at = START.plus_millis(1_000);
    let amount = Credits::from_whole(30);
    command(&engine, 11, Command::SetSubscription { account: ACCOUNT, amount, tier: Tier(1), ends_at }, Now::at(START));
    let connections: Vec<_> = (0..3)
        .map(|_| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || connection(&engine))
        })
        .collect();
    let ticking = {
        let engine = Arc::clone(&engine);
        thread::spawn(move || {
            for _ in 0..2 {
                engine.expire_due(&mut engine.chunk(), later());
            }
        })
    };
    let mut effects: HashMap<Effect, u32> = HashMap::new();
    for effect in connections.into_iter().flat_map(|connection| connection.join().unwrap()) {
        *effects.entry(effect).or_default() += 1;
    }
    ticking.join().unwrap();
    for (effect, count) in effects {
        assert_eq!(count, 1, "I5: {effect:?} took effect twice");
    }
    at_rest(&engine, &disk);
    disk.running.queue.close();
    let store = writing.join().unwrap();
    assert_eq!(journal::Store::tail(&store), disk.running.queue.pushed(), "all that was pushed is written");
}

/// I8: the wallet equals its row, and no open hold was forgotten by the wheel.
fn at_rest(engine: &TestEngine, disk: &Disk) {
    let balance = run(engine, &[Operation::Balance { account: ACCOUNT }], later())[0].available;
    let replayed = disk.replayed();
    let row = &replayed.rows[&ACCOUNT];
    let top_up = u64::try_from(row.top_up_net).expect("there are no clawbacks");
    assert_eq!(balance.free, row.free, "I8: free");
    assert_eq!(balance.subscription, row.subscription, "I8: subscription");
    assert_eq!(balance.top_up.millis(), top_up, "I8: top-up");
    let last = Now::at(START.plus_millis(3_600_000));
    while engine.expire_due(&mut engine.chunk(), last) > 0 {}
    for (id, hold) in &disk.replayed().holds {
        assert!(hold.state != wallet::hold::HoldState::Open, "R23: {id:?} never ends");
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 512 * 1024;
    config.max_steps = MaxSteps::FailAfter(50_000);
    config.failure_persistence = FailurePersistence::Print;
    config
}

fn explore(scheduler: impl Scheduler + 'static) {
    Runner::new(scheduler, config()).run(schedule);
}

fn schedules() -> usize {
    std::env::var("SCHEDULES").map_or(SCHEDULES, |count| count.parse().expect("SCHEDULES is a number"))
}

#[test]
fn random_schedules() {
    explore(RandomScheduler::new(schedules()));
}

#[test]
fn schedules_with_few_switches() {
    explore(PctScheduler::new(4, schedules()));
}

/// A bug is found within so many random schedules.
fn is_found(bug: Bug) {
    let exploring = std::thread::spawn(move || {
        planted::plant(bug);
        explore(RandomScheduler::new_from_seed(1, SCHEDULES));
    });
    assert!(exploring.join().is_err(), "{bug:?} is not found in {SCHEDULES} schedules");
}

#[test]
fn a_lost_wake_is_found() {
    is_found(Bug::LostWake);
}

#[test]
fn an_exchange_in_two_steps_is_found() {
    is_found(Bug::TornExchange);
}

#[test]
fn an_entry_in_two_steps_is_found() {
    is_found(Bug::EntryInTwoSteps);
}
