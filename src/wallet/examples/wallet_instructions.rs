//! Fixed inputs on the hot path, for counting instructions: `benches/instructions` runs it under callgrind, which counts only
//! inside of `measured_*`. It says how many operations that are.
//!
//! `cargo run --release -p wallet --example wallet_instructions frames|single|retry|word|wheel`

#[path = "support/below.rs"]
mod below;

use std::hint::black_box;
use std::process::ExitCode;

use below::{Counting, Empty};
use wallet::bucket::{Sources, Split};
use wallet::chunk::Chunk;
use wallet::credits::Credits;
use wallet::engine::{CHUNK_OPERATIONS_MAX, Engine, Run};
use wallet::ids::{AccountId, Day, HoldId, Now, Tier, Timestamp, WorkerId};
use wallet::outcome::Outcome;
use wallet::policy::FreePolicies;
use wallet::record::{Attribution, CaptureRequest, FreePolicy, OverCommit};
use wallet::request::{Operation, ReserveRequest};
use wallet::row::Row;
use wallet::settings::Settings;
use wallet::timer_wheel::{Advance, TimerId, Timers};
use wallet::word::{AtomicWord, Snapshot, Wide};

const WALLETS: u64 = 10_000;
const OPERATIONS: usize = 100_000;
const DAY: u32 = 20_522;
const START: Timestamp = Timestamp(DAY as u64 * 86_400_000);

struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn account(number: u64) -> AccountId {
    // Ids as random as real ones: an odd constant spreads the numbers over 128 bits.
    AccountId(u128::from(number).saturating_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn loaded() -> Result<Engine<Counting, Empty>, String> {
    let engine = Engine::new(Settings::default(), Counting::default(), Empty);
    let policy = FreePolicy { from: Day(0), allowance: Credits::from_whole(100), all_accounts: false };
    engine.load_policy(policy);
    let mut policies = FreePolicies::new();
    policies.add(policy);
    for number in 0..WALLETS {
        let mut row = Row::new(account(number), "UTC".to_owned(), Day(DAY), &policies);
        row.top_up_net = 100_000_000_000;
        engine.load_wallet(&row, Now::at(START)).map_err(|error| error.to_string())?;
    }
    engine.loaded(Now::at(START));
    Ok(engine)
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

/// Requests that are made before anything is counted: half reserves, half commits of those of the chunk before.
struct Requests {
    random: Random,
    made: u64,
    reserved: Vec<(AccountId, HoldId)>,
}

impl Requests {
    /// As many as `chunks` chunks of `size` operations; of one operation a reserve and its commit by turns.
    fn make(&mut self, chunks: usize, size: usize) -> Vec<(Now, Vec<Operation>)> {
        (0..chunks).map(|_| self.chunk(size)).collect()
    }

    fn chunk(&mut self, size: usize) -> (Now, Vec<Operation>) {
        // A thousand operations a millisecond, so that ends and ids move on as they would.
        let now = Now::at(START.plus_millis(self.made / 1_000));
        let request = CaptureRequest { number: 0, amount: None, last: true };
        let commits = self.reserved.drain(..).map(|(account, hold)| Operation::Commit { account, hold, request });
        let mut operations: Vec<Operation> = commits.collect();
        let reserves = if size == 1 { 1_usize.saturating_sub(operations.len()) } else { size / 2 };
        for _ in 0..reserves {
            let account = account(self.random.next() % WALLETS);
            let tail = u128::from(self.random.next() >> 2);
            let hold = HoldId((u128::from(now.wall.0) << 80) | (7 << 76) | (2 << 62) | tail);
            self.reserved.push((account, hold));
            operations.push(reserve(account, hold));
        }
        self.made = self.made.saturating_add(u64::try_from(operations.len()).unwrap_or(0));
        (now, operations)
    }
}

#[inline(never)]
fn measured_engine(engine: &Engine<Counting, Empty>, chunk: &mut Chunk, requests: &[(Now, Vec<Operation>)]) -> bool {
    let mut good = true;
    for (now, operations) in requests {
        chunk.clear();
        while engine.run(chunk, operations, *now) != Run::Done {}
        good &= chunk
            .answers()
            .iter()
            .all(|answer| matches!(answer.outcome, Outcome::Granted | Outcome::Done | Outcome::Replayed));
    }
    good
}

/// Chunks through the engine; `again` counts retries of their reserves instead, whose holds are open.
fn engine(size: usize, again: bool) -> Result<usize, String> {
    let engine = loaded()?;
    let mut chunk = engine.chunk();
    let mut source = Requests { random: Random(0x9e37_79b9_7f4a_7c15), made: 0, reserved: Vec::new() };
    // Directories have grown, and buffers too, before anything is counted.
    let warm = source.make(OPERATIONS / CHUNK_OPERATIONS_MAX, CHUNK_OPERATIONS_MAX);
    drive(&engine, &mut chunk, &warm);
    let mut requests = source.make(OPERATIONS / size, size);
    if again {
        let is_reserve = |operation: &Operation| matches!(operation, Operation::Reserve(_));
        requests.iter_mut().for_each(|(_, operations)| operations.retain(is_reserve));
        drive(&engine, &mut chunk, &requests);
    }
    if !measured_engine(&engine, &mut chunk, &requests) {
        return Err("an operation was refused".to_owned());
    }
    Ok(requests.iter().map(|(_, operations)| operations.len()).sum())
}

/// The same as [`measured_engine`], not counted.
fn drive(engine: &Engine<Counting, Empty>, chunk: &mut Chunk, requests: &[(Now, Vec<Operation>)]) {
    for (now, operations) in requests {
        chunk.clear();
        while engine.run(chunk, operations, *now) != Run::Done {}
    }
}

#[inline(never)]
fn measured_word(word: &AtomicWord<Wide>) {
    let amount = Credits::from_millis(150);
    for _ in 0..OPERATIONS {
        black_box(word.transition(|word| {
            let (next, split) = word.take_up_to(amount, Sources::ALL);
            (Some(next), split)
        }));
    }
}

fn word() -> usize {
    let available =
        Split { free: Credits::from_whole(100), subscription: Credits::from_whole(1_000_000), ..Split::ZERO };
    measured_word(&AtomicWord::<Wide>::new(Snapshot { available, ..Snapshot::default() }));
    OPERATIONS
}

#[inline(never)]
fn measured_wheel(timers: &mut Timers<u64>, ids: &mut Vec<TimerId>, due: &mut Vec<(Timestamp, u64)>) -> usize {
    let mut found: usize = 0;
    for frame in 0..100_u64 {
        // Frames of holds: all of the one before are taken back but the first, which comes due.
        let now = START.plus_millis(frame * 1_000);
        for id in ids.drain(..).skip(1) {
            found = found.saturating_add(usize::from(timers.cancel(id, |_, _| true)));
        }
        for number in 0..1_000 {
            ids.push(timers.insert(now.plus_millis(10_000 + number % 7), number));
        }
        while timers.advance(now, usize::MAX, due) != Advance::Done {}
        found = found.saturating_add(due.len());
        due.clear();
    }
    found
}

fn wheel() -> Result<usize, String> {
    let mut timers = Timers::default();
    timers.begin_at(START);
    let found = measured_wheel(&mut timers, &mut Vec::with_capacity(1_000), &mut Vec::with_capacity(1_000));
    // Of 99 frames 999 are taken back, and those of the first 90 that were left have come due.
    if found < 99 * 999 + 89 { Err(format!("only {found} timers were found again")) } else { Ok(100_000) }
}

fn main() -> ExitCode {
    let part = std::env::args().nth(1).unwrap_or_default();
    let counted = match part.as_str() {
        "frames" => engine(CHUNK_OPERATIONS_MAX, false),
        "single" => engine(1, false),
        "retry" => engine(CHUNK_OPERATIONS_MAX, true),
        "word" => Ok(word()),
        "wheel" => wheel(),
        _ => Err("frames, single, retry, word or wheel".to_owned()),
    };
    match counted {
        Ok(operations) => {
            println!("{operations}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
