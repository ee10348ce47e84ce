//! Measures the path of a hold inside the process: reserves and commits in chunks, over many wallets, without journal and
//! disk. Says what an operation takes, and what memory an open and an ended hold take.
//!
//! `cargo run --release -p wallet --example hold_path [WALLETS [HOLDS]]` (Linux: reads `/proc/self/statm`).
#![expect(clippy::disallowed_methods, reason = "it measures time")]

#[path = "support/below.rs"]
mod below;

use std::process::ExitCode;
use std::time::Instant;

use below::{Counting, Empty};
use wallet::bucket::Sources;
use wallet::chunk::Chunk;
use wallet::credits::Credits;
use wallet::engine::{CHUNK_OPERATIONS_MAX, Engine, Run};
use wallet::ids::{AccountId, Day, HoldId, MemberId, Now, Tier, Timestamp, WorkerId};
use wallet::outcome::Outcome;
use wallet::policy::FreePolicies;
use wallet::record::{Attribution, CaptureRequest, FreePolicy, OverCommit};
use wallet::request::{Operation, ReserveRequest};
use wallet::row::Row;
use wallet::settings::Settings;

/// What a page has on the machines that this is measured on.
const PAGE_BYTES: u64 = 4_096;
const DAY: u32 = 20_522;
const START: Timestamp = Timestamp(DAY as u64 * 86_400_000);

/// The bytes of this process that are in memory.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(PAGE_BYTES)
}

fn account(number: u64) -> AccountId {
    // Ids as random as real ones: an odd constant spreads the numbers over 128 bits.
    AccountId(u128::from(number).saturating_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn load(wallets: u64) -> Result<Engine<Counting, Empty>, String> {
    let settings = Settings { holds_max: u64::MAX, ..Settings::default() };
    let engine = Engine::new(settings, Counting::default(), Empty);
    let policy = FreePolicy { from: Day(0), allowance: Credits::from_whole(100), all_accounts: false };
    engine.load_policy(policy);
    let mut policies = FreePolicies::new();
    policies.add(policy);
    for number in 0..wallets {
        let mut row = Row::new(account(number), "UTC".to_owned(), Day(DAY), &policies);
        row.top_up_net = 100_000_000_000;
        engine.load_wallet(&row, Now::at(START)).map_err(|error| error.to_string())?;
    }
    engine.loaded(Now::at(START));
    Ok(engine)
}

fn reserve(account: AccountId, hold: HoldId, seed: u64) -> Operation {
    Operation::Reserve(ReserveRequest {
        account,
        hold,
        amount: Credits::from_whole(24),
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: 3_600_000,
        over_commit: OverCommit::Reject,
        attribution: Attribution { member: MemberId(u128::from(seed % 5)), tool: 1, model: 12, count: 1 },
        worker: WorkerId(u128::from(seed % 64)),
        settings: 0,
    })
}

fn commit(account: AccountId, hold: HoldId) -> Operation {
    let request = CaptureRequest { number: 0, amount: None, last: true };
    Operation::Commit { account, hold, request }
}

/// What goes through the engine, and what time it is there: a thousand operations a millisecond.
struct Load {
    engine: Engine<Counting, Empty>,
    chunk: Chunk,
    random: Random,
    wallets: u64,
    done: u64,
}

impl Load {
    const fn now(&self) -> Now {
        Now::at(START.plus_millis(self.done / 1_000))
    }

    fn new_hold(&mut self) -> (AccountId, HoldId) {
        let now = self.now().wall;
        let number = self.random.next() % self.wallets;
        let tail = u128::from(self.random.next() >> 2);
        (account(number), HoldId((u128::from(now.0) << 80) | (7 << 76) | (2 << 62) | tail))
    }

    fn run(&mut self, operations: &[Operation]) -> Result<(), String> {
        let now = self.now();
        self.chunk.clear();
        while self.engine.run(&mut self.chunk, operations, now) != Run::Done {}
        self.done = self.done.saturating_add(u64::try_from(operations.len()).unwrap_or(0));
        let good = |outcome| matches!(outcome, Outcome::Granted | Outcome::Done);
        match self.chunk.answers().iter().find(|answer| !good(answer.outcome)) {
            None => Ok(()),
            Some(answer) => Err(format!("refused: {:?}", answer.outcome)),
        }
    }
}

fn told(what: &str, operations: usize, started: Instant, bytes: Option<(u64, u64)>) {
    let each = started.elapsed().as_nanos() / u128::try_from(operations.max(1)).unwrap_or(1);
    let bytes = bytes.map(|(from, to)| to.saturating_sub(from) / u64::try_from(operations.max(1)).unwrap_or(1));
    let bytes = bytes.map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
    println!("{what:<34} {each:>6} ns{bytes}");
}

fn measure(wallets: u64, holds: usize) -> Result<(), String> {
    let before = resident_bytes();
    let started = Instant::now();
    let engine = load(wallets)?;
    let chunk = engine.chunk();
    let mut load = Load { engine, chunk, random: Random(0x9e37_79b9_7f4a_7c15), wallets, done: 0 };
    let loaded = resident_bytes();
    told("load, a wallet", usize::try_from(wallets).unwrap_or(0), started, Some((before, loaded)));

    let mut made: Vec<(AccountId, HoldId)> = vec![(AccountId::NONE, HoldId::NONE); holds];
    let mut operations = Vec::with_capacity(CHUNK_OPERATIONS_MAX);
    let from = resident_bytes();
    let started = Instant::now();
    for run in made.chunks_mut(CHUNK_OPERATIONS_MAX) {
        operations.clear();
        for made in run {
            *made = load.new_hold();
            let seed = load.random.next();
            operations.push(reserve(made.0, made.1, seed));
        }
        load.run(&operations)?;
    }
    let open = resident_bytes();
    told("reserve, every hold stays open", holds, started, Some((from, open)));

    let started = Instant::now();
    for run in made.chunks(CHUNK_OPERATIONS_MAX) {
        operations.clear();
        operations.extend(run.iter().map(|made| commit(made.0, made.1)));
        load.run(&operations)?;
    }
    told("commit, in the same order", holds, started, None);
    println!(
        "{:<34} {:>6} bytes",
        "an ended hold",
        resident_bytes().saturating_sub(from) / u64::try_from(holds.max(1)).unwrap_or(1)
    );

    let half = CHUNK_OPERATIONS_MAX / 2;
    let mut reserved: Vec<(AccountId, HoldId)> = Vec::new();
    let started = Instant::now();
    for _ in 0..holds.div_ceil(half) {
        operations.clear();
        operations.extend(reserved.drain(..).map(|made| commit(made.0, made.1)));
        for _ in 0..half {
            let made = load.new_hold();
            let seed = load.random.next();
            reserved.push(made);
            operations.push(reserve(made.0, made.1, seed));
        }
        load.run(&operations)?;
    }
    told("reserve and commit in turn", holds.saturating_mul(2), started, None);
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().ok());
    let wallets = arguments.next().flatten().unwrap_or(1_000_000);
    let holds = arguments.next().flatten().unwrap_or(2_000_000);
    match measure(wallets, usize::try_from(holds).unwrap_or(usize::MAX)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
