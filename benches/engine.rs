//! What the engine costs without sockets and disk: reserve and commit through the whole path of decision, directory and
//! marks, as a ratio to a bare 128-bit compare-and-swap measured in the same run.
//!
//! `cargo bench --bench engine`
#![expect(clippy::disallowed_methods, reason = "it measures time")]

#[path = "../src/wallet/examples/support/below.rs"]
mod below;

use std::hint::black_box;
use std::time::Instant;

use below::{Counting, Empty};
use wallet::bucket::{Sources, Split};
use wallet::credits::Credits;
use wallet::engine::{CHUNK_OPERATIONS_MAX, Engine, Run};
use wallet::ids::{AccountId, CommandId, HoldId, Now, Tier, Timestamp, WorkerId};
use wallet::record::{Attribution, CaptureRequest, OverCommit};
use wallet::request::{Command, CommandRequest, Operation, ReserveRequest};
use wallet::settings::Settings;
use wallet::word::{AtomicWord, Snapshot, Wide};

const WALLETS: u128 = 10_000;
const OPERATIONS: usize = 4_000_000;
const START_MS: u64 = 1_800_000_000_000;

fn main() {
    let bare = bare_cas();
    let engine = reserve_and_commit();
    println!("bare 128-bit compare-and-swap {bare:8.1} ns");
    println!("engine, reserve or commit     {engine:8.1} ns an operation, {WALLETS} wallets");
    println!("ratio                         {:8.1}", engine / bare);
}

fn bare_cas() -> f64 {
    let available = Split { subscription: Credits::from_whole(100_000_000), ..Split::ZERO };
    let word = AtomicWord::<Wide>::new(Snapshot { available, ..Snapshot::default() });
    let started = Instant::now();
    for _ in 0..OPERATIONS {
        let amount = Credits::from_millis(1);
        black_box(word.transition(|word| {
            let (next, split) = word.take_up_to(amount, Sources::ALL);
            (Some(next), split)
        }));
    }
    nanoseconds(started) / OPERATIONS as f64
}

fn reserve_and_commit() -> f64 {
    let engine = Engine::new(Settings::default(), Counting::default(), Empty);
    let start = Now::at(Timestamp(START_MS));
    open_wallets(&engine, start);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        u128::from(random)
    };
    let mut chunk = engine.chunk();
    let mut reserved: Vec<(AccountId, HoldId)> = Vec::new();
    let mut done = 0;
    let started = Instant::now();
    while done < OPERATIONS {
        // A millisecond for a thousand operations, so that ends and ids move on as they would.
        let now = Now::at(start.daemon.plus_millis(u64::try_from(done / 1_000).unwrap_or(0)));
        let mut operations = Vec::with_capacity(CHUNK_OPERATIONS_MAX);
        for (account, hold) in reserved.drain(..) {
            let request = CaptureRequest { number: 0, amount: None, last: true };
            operations.push(Operation::Commit { account, hold, request });
        }
        while operations.len() < CHUNK_OPERATIONS_MAX && reserved.len() < CHUNK_OPERATIONS_MAX / 2 {
            let account = account(next() % WALLETS);
            let hold = HoldId((u128::from(now.wall.0) << 80) | (7 << 76) | (2 << 62) | (next() >> 2));
            reserved.push((account, hold));
            operations.push(reserve(account, hold));
        }
        chunk.clear();
        while engine.run(&mut chunk, &operations, now) != Run::Done {}
        done += operations.len();
    }
    nanoseconds(started) / done as f64
}

fn open_wallets(engine: &Engine<Counting, Empty>, now: Now) {
    engine.ensure_policy(Credits::from_whole(100), false, now);
    for number in 0..WALLETS {
        let account = account(number);
        let open = Command::OpenAccount { account, zone: String::new() };
        let amount = Credits::from_whole(100_000_000);
        let fund = Command::SetSubscription { account, amount, tier: Tier(1), ends_at: Timestamp::NONE };
        for (kind, command) in [(1, open), (2, fund)] {
            let id = CommandId((kind << 64) | (number + 1));
            let request = CommandRequest { id, command, by: "bench".to_owned(), reason: String::new() };
            engine.command(&request, now);
        }
    }
}

fn account(number: u128) -> AccountId {
    AccountId((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn reserve(account: AccountId, hold: HoldId) -> Operation {
    Operation::Reserve(ReserveRequest {
        account,
        hold,
        amount: Credits::from_whole(24),
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: 60_000,
        over_commit: OverCommit::Reject,
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
    })
}

fn nanoseconds(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e9
}
