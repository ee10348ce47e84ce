//! What each part costs by itself, as a ratio to something plain that is measured in the same run: the wallet word, the
//! directory, holds, the codec, the group commit, replay. The timer wheel has a program of its own (`timer_wheel`).
//!
//! `cargo bench --bench parts [-- WALLETS]`; 10,000,000 wallets without a number.
#![expect(clippy::disallowed_methods, reason = "it measures time")]

#[path = "../src/wallet/examples/support/below.rs"]
mod below;

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use below::{Counting, Empty};
use journal::memory::MemoryStore;
use journal::projections::{MemoryProjections, Options, Projector};
use journal::recovery::recover;
use journal::rocks::RocksStore;
use journal::{Class, EncodedUnit, Group, Journal, JournalSettings, Store, WriterId};
use wallet::bucket::{Slices, Sources, Split};
use wallet::credits::Credits;
use wallet::engine::{CHUNK_OPERATIONS_MAX, Engine, Run};
use wallet::ids::{AccountId, Day, HoldId, Now, Period, Tier, Timestamp, WorkerId};
use wallet::outcome::Outcome;
use wallet::policy::FreePolicies;
use wallet::record::{
    Attribution, Capture, CaptureRequest, FreePolicy, Issuer, Open, OverCommit, Record, Reserve, Terms,
};
use wallet::request::{Operation, ReserveRequest};
use wallet::row::Row;
use wallet::settings::Settings;
use wallet::word::{AtomicWord, Snapshot, Wide};

const START_MS: u64 = 1_800_000_000_000;
const DAY: Day = Day(20_833);
/// Transitions of one word, and look-ups in the directory.
const STEPS: u32 = 4_000_000;
/// Reserves, and commits of them.
const PAIRS: usize = 2_000_000;
/// Records of the journal's parts.
const RECORDS: u32 = 1_000_000;
/// Records that the disk is given in synced groups.
const SYNCED: u32 = 200_000;
/// Records of a unit, as a chunk pushes them.
const UNIT: u32 = 64;

fn main() {
    let wallets = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(10_000_000);
    println!("{:<44} {:>10} {:>10} {:>7}", "part", "ns", "beside", "ratio");
    word();
    directory_and_holds(wallets);
    codec();
    commit_to_memory();
    commit_to_disk();
    replay();
}

fn tell(part: &str, nanoseconds: f64, beside: (&str, f64)) {
    let ratio = nanoseconds / beside.1;
    println!("{part:<44} {nanoseconds:>10.1} {:>10.1} {ratio:>7.2}  (beside: {})", beside.1, beside.0);
}

/// Nanoseconds of each of so many steps.
fn time(steps: u32, mut run: impl FnMut()) -> f64 {
    let started = Instant::now();
    run();
    started.elapsed().as_secs_f64() * 1e9 / f64::from(steps)
}

fn word() {
    let available = Split { subscription: Credits::from_whole(100_000_000), ..Split::ZERO };
    let start = Snapshot { available, ..Snapshot::default() };
    let bare = portable();
    let word = AtomicWord::<Wide>::new(start);
    let amount = Credits::from_millis(1);
    let take = time(STEPS, || {
        for _ in 0..STEPS {
            black_box(word.transition(|word| {
                let (next, split) = word.take_up_to(black_box(amount), Sources::ALL);
                (Some(next), split)
            }));
        }
    });
    tell("word: take", take, ("8-byte compare-and-swap", bare));
    let load = time(STEPS, || {
        for _ in 0..STEPS {
            black_box(word.load());
        }
    });
    tell("word: load", load, ("8-byte compare-and-swap", bare));
}

fn portable() -> f64 {
    let number = AtomicU64::new(0);
    time(STEPS, || {
        for step in 0..u64::from(STEPS) {
            let _ = black_box(number.compare_exchange(step, step + 1, Ordering::AcqRel, Ordering::Acquire));
        }
    })
}

/// A random load that misses, each after the one before it has come.
fn miss(random: &mut Random) -> f64 {
    let size = 1_usize << 25;
    let mut table: Vec<u32> = (0..u32::try_from(size).unwrap_or(0)).collect();
    // One cycle through all of it.
    for at in (1..size).rev() {
        table.swap(at, random.below(at));
    }
    time(STEPS / 4, || {
        let mut at = 0;
        for _ in 0..STEPS / 4 {
            at = table[at as usize];
        }
        black_box(at);
    })
}

fn directory_and_holds(wallets: u32) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let missed = miss(&mut random);
    let engine = loaded(wallets);
    let some: Vec<AccountId> = (0..STEPS).map(|_| account(random.below(wallets as usize))).collect();
    let found = time(STEPS, || {
        for account in &some {
            assert!(black_box(engine.has_account(*account)));
        }
    });
    drop(some);
    let beside = ("dependent load that misses", missed);
    tell(&format!("directory: find one of {wallets}"), found, beside);

    let (mut reserving, mut committing) = (0.0, 0.0);
    let mut chunk = engine.chunk();
    // A frame of 8190 reserves, then the commits of its holds, as the load of the daemon's bench does.
    let frame = 128 * CHUNK_OPERATIONS_MAX;
    let rounds = PAIRS / frame;
    for round in 0..rounds {
        let now = Now::at(Timestamp(START_MS + u64::try_from(round).unwrap_or(0)));
        let holds: Vec<(AccountId, HoldId)> =
            (0..frame).map(|_| (account(random.below(wallets as usize)), random.hold(now.wall.0))).collect();
        let reserves: Vec<Operation> = holds.iter().map(|(account, hold)| reserve(*account, *hold)).collect();
        let request = CaptureRequest { number: 1, amount: None, last: true };
        let commits: Vec<Operation> =
            holds.iter().map(|(account, hold)| Operation::Commit { account: *account, hold: *hold, request }).collect();
        reserving += run(&engine, &mut chunk, &reserves, now);
        committing += run(&engine, &mut chunk, &commits, now);
    }
    let each = |nanoseconds: f64| nanoseconds / (rounds * frame) as f64;
    tell(&format!("reserve, {wallets} wallets (goal: 150 ns)"), each(reserving), beside);
    tell("holds: commit of a hold of the frame before", each(committing), beside);
}

fn run(engine: &Engine<Counting, Empty>, chunk: &mut wallet::chunk::Chunk, operations: &[Operation], now: Now) -> f64 {
    let mut nanoseconds = 0.0;
    for part in operations.chunks(CHUNK_OPERATIONS_MAX) {
        chunk.clear();
        let started = Instant::now();
        while engine.run(chunk, part, now) != Run::Done {}
        nanoseconds += started.elapsed().as_secs_f64() * 1e9;
        let granted = |outcome| matches!(outcome, Outcome::Granted | Outcome::Done);
        assert!(chunk.answers().iter().all(|answer| granted(answer.outcome)), "nothing is refused");
    }
    nanoseconds
}

fn loaded(wallets: u32) -> Engine<Counting, Empty> {
    let engine = Engine::new(Settings::default(), Counting::default(), Empty);
    let policy = FreePolicy { from: Day(0), allowance: Credits::from_whole(100), all_accounts: false };
    engine.load_policy(policy);
    let mut policies = FreePolicies::new();
    policies.add(policy);
    let now = Now::at(Timestamp(START_MS));
    for number in 0..wallets {
        let row = Row::new(account(number as usize), "UTC".to_owned(), DAY, &policies);
        if let Err(error) = engine.load_wallet(&row, now) {
            panic!("a new row is loaded: {error}");
        }
    }
    engine.loaded(now);
    engine
}

fn account(number: usize) -> AccountId {
    AccountId((number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn reserve(account: AccountId, hold: HoldId) -> Operation {
    Operation::Reserve(ReserveRequest {
        account,
        hold,
        amount: Credits::from_millis(1),
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

/// Operations in and answers out, and records into the journal, beside a copy of the same bytes.
fn codec() {
    let operation = protocol::Operation::reserve(protocol::HoldId(7), protocol::AccountId(9), 24_000, 60_000);
    let mut frame = Vec::new();
    let encoded = time(RECORDS, || {
        for _ in 0..RECORDS / 8_000 {
            frame.clear();
            let mut writer = protocol::FrameWriter::operations(&mut frame, 1);
            for _ in 0..8_000 {
                writer.push_operation(&mut frame, black_box(&operation));
            }
            assert!(writer.finish(&mut frame).is_ok());
        }
    });
    let copied = time(RECORDS, || {
        let mut copy = Vec::with_capacity(frame.len());
        for _ in 0..RECORDS / 8_000 {
            copy.clear();
            copy.extend_from_slice(black_box(&frame));
            black_box(&copy);
        }
    });
    tell("codec: encode an operation, checksum included", encoded, ("copy", copied));
    let body = &frame[protocol::limits::HEADER_BYTES..];
    let decoded = time(RECORDS, || {
        for _ in 0..RECORDS / 8_000 {
            for operation in protocol::Operations::of_body(black_box(body)) {
                assert!(black_box(operation).is_ok());
            }
        }
    });
    tell("codec: decode an operation", decoded, ("copy", copied));
    let [reserve, capture] = pair(1);
    let mut unit = EncodedUnit::new();
    let records = [reserve, capture];
    let encoded = time(RECORDS, || {
        for _ in 0..RECORDS / UNIT {
            unit.clear();
            for record in records.iter().cycle().take(UNIT as usize) {
                assert!(journal::codec::encode_record(black_box(record), &mut unit).is_ok());
            }
        }
    });
    let bytes = unit.bytes().to_vec();
    let copied = time(RECORDS, || {
        let mut copy = Vec::with_capacity(bytes.len());
        for _ in 0..RECORDS / UNIT {
            copy.clear();
            copy.extend_from_slice(black_box(&bytes));
            black_box(&copy);
        }
    });
    tell("codec: encode a record", encoded, ("copy", copied));
}

/// A reserve and its capture, by the number of the hold, of one of a thousand accounts.
fn pair(number: u32) -> [Record; 2] {
    let (account, hold) = (
        account(number as usize % 1_000),
        HoldId((u128::from(START_MS) << 80) | (7 << 76) | (2 << 62) | u128::from(number)),
    );
    let split = Split { free: Credits::from_millis(1), ..Split::ZERO };
    let taken = Slices { split, day: DAY, period: Period(0) };
    let (at, ends_at) = (Timestamp(START_MS), Timestamp(START_MS + 60_000));
    let attribution = Attribution::default();
    let request = CaptureRequest { number: 1, amount: None, last: true };
    let terms = Terms { ttl_ms: 60_000, hold_ms: 60_000, ..Terms::NONE };
    let worker = WorkerId::NONE;
    let reserve = Reserve { account, hold, taken, attribution, worker, settings: 0, terms, at, ends_at };
    let drawn = Slices { split: Split::ZERO, ..taken };
    let (returned, forfeited, late) = (Split::ZERO, Split::ZERO, false);
    let captured = split;
    let capture = Capture { account, hold, request, captured, drawn, returned, forfeited, late, attribution, at };
    [Record::Reserve(reserve), Record::Capture(capture)]
}

/// Units as chunks push them, so many records in all.
fn units(records: u32) -> Vec<EncodedUnit> {
    (0..records / UNIT)
        .map(|number| {
            let mut unit = EncodedUnit::new();
            for hold in 0..UNIT / 2 {
                for record in pair(number * UNIT / 2 + hold) {
                    assert!(journal::codec::encode_record(&record, &mut unit).is_ok());
                }
            }
            unit
        })
        .collect()
}

/// Pushes and writes all units, so many to a group, and gives the journal back.
fn commit<S: Store>(mut store: S, units: &[EncodedUnit], at_once: usize) -> (Journal, f64) {
    let recovered = match recover(&mut store, WriterId([1; 16]), START_MS) {
        Ok(recovered) => recovered,
        Err(error) => panic!("a new store is recovered: {error}"),
    };
    let settings = JournalSettings { recent_bytes_max: 1 << 30, ..JournalSettings::default() };
    let (journal, mut writer) = Journal::start(store, recovered.end, &settings);
    let records = u32::try_from(units.len()).unwrap_or(0) * UNIT;
    let each = time(records, || {
        for units in units.chunks(at_once) {
            for unit in units {
                assert!(journal.queue.try_take_room(unit.records(), Class::Settlement));
                journal.queue.push(unit);
            }
            while matches!(writer.write_next(START_MS), Ok(Some(_))) {}
        }
    });
    (journal, each)
}

fn commit_to_memory() {
    let units = units(RECORDS);
    let hashed = time(RECORDS, || {
        for unit in &units {
            black_box(blake3::hash(unit.bytes()));
        }
    });
    let (_, each) = commit(MemoryStore::new(), &units, 128);
    tell("group commit: a record, no disk", each, ("BLAKE3 of its bytes", hashed));
}

fn commit_to_disk() {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => panic!("a temporary folder: {error}"),
    };
    let units = units(SYNCED);
    let at_once = 64;
    let mut file = match File::create(folder.path().join("plain")) {
        Ok(file) => file,
        Err(error) => panic!("a file: {error}"),
    };
    let plain = time(SYNCED, || {
        for units in units.chunks(at_once) {
            for unit in units {
                assert!(file.write_all(unit.bytes()).is_ok());
            }
            assert!(file.sync_data().is_ok());
        }
    });
    let store = match RocksStore::open(&folder.path().join("journal"), true) {
        Ok(store) => store,
        Err(error) => panic!("a new journal: {error}"),
    };
    let (_, each) = commit(store, &units, at_once);
    tell("group commit: a record, groups of 4096, synced", each, ("plain file, synced alike", plain));
}

/// Groups applied to rows and holds, as a start does.
fn replay() {
    let mut first = EncodedUnit::new();
    for number in 0..1_000 {
        let issuer = Issuer {
            command: wallet::ids::CommandId(number),
            by: "bench".to_owned(),
            reason: String::new(),
            at: Timestamp(START_MS),
        };
        let account = account(usize::try_from(number).unwrap_or(0));
        let open = Record::Open(Open { account, zone: "UTC".to_owned(), day: DAY, issuer });
        assert!(journal::codec::encode_record(&open, &mut first).is_ok());
    }
    let policy = FreePolicy { from: Day(0), allowance: Credits::from_whole(100), all_accounts: false };
    let mut whole = EncodedUnit::new();
    assert!(journal::codec::encode_record(&Record::Policy(policy), &mut whole).is_ok());
    let mut all = vec![whole, first];
    all.extend(units(RECORDS));
    let store = MemoryStore::new();
    let reader = store.reader();
    let (_, _) = commit(store, &all, 64);
    let mut groups = Vec::new();
    let scanned = reader.scan(journal::Position::FIRST, &mut |_, bytes| {
        groups.push(bytes.to_vec());
        std::ops::ControlFlow::Continue(())
    });
    assert!(scanned.is_ok());
    let parsed: Vec<Group<'_>> = groups.iter().filter_map(|bytes| Group::trust(bytes).ok()).collect();
    let decoded = time(RECORDS, || {
        for group in &parsed {
            for (_, record) in group.records() {
                assert!(black_box(journal::codec::decode_any(record)).is_ok());
            }
        }
    });
    let end = parsed.last().map_or(journal::Position::NONE, Group::last);
    let mut projector = match Projector::open(MemoryProjections::new(), Options::default(), end) {
        Ok(projector) => projector,
        Err(error) => panic!("new projections: {error}"),
    };
    let applied = time(RECORDS, || {
        for group in &parsed {
            if let Err(error) = projector.apply(group) {
                panic!("a record of a replay: {error}");
            }
        }
    });
    tell("replay: a record", applied, ("decoding it", decoded));
    let hashed = time(RECORDS, || {
        for bytes in &groups {
            assert!(black_box(Group::check(bytes)).is_ok());
        }
    });
    tell("recovery: checking a record's part of its group", hashed, ("decoding it", decoded));
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end as u64)).unwrap_or(0)
    }

    fn hold(&mut self, now: u64) -> HoldId {
        HoldId((u128::from(now) << 80) | (7 << 76) | (2 << 62) | u128::from(self.next() >> 2))
    }
}
