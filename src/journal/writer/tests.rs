//! Sync before publication, failure for good, the interval mode, and the thread's loop.

use super::*;
use crate::epoch::WriterId;
use crate::faulty::{Fault, FaultPlan, FaultRates, FaultyImage, FaultyStore};
use crate::group::Group;
use crate::handle::{Journal, JournalSettings};
use crate::keys::GroupKey;
use crate::memory::MemoryStore;
use crate::recovery::recover;
use crate::room::Class;
use crate::store::{GroupReader, Start, TrimError};
use crate::unit::EncodedUnit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

fn settings(mode: DurabilityMode) -> JournalSettings {
    JournalSettings { mode, ..JournalSettings::default() }
}

fn start<S: Store>(mut store: S, mode: DurabilityMode) -> (Journal, Writer<S>) {
    let recovered = recover(&mut store, WriterId([1; 16]), 0).unwrap();
    Journal::start(store, recovered.end, &settings(mode))
}

fn push(journal: &Journal, records: u32) -> Position {
    let mut unit = EncodedUnit::new();
    for number in 0..records {
        unit.push_record(&[1, u8::try_from(number % 256).unwrap()]).unwrap();
    }
    assert!(journal.queue.try_take_room(records, Class::Reserve));
    journal.queue.push(&unit)
}

/// Looks at what is published while an append runs: nothing of it may be.
struct Watching {
    inner: MemoryStore,
    durability: Arc<OnceLock<Arc<Durability>>>,
    syncs: usize,
}

impl Store for Watching {
    fn append(&mut self, expected_last: Position, group: &[u8], persist: Persist) -> Result<Position, AppendError> {
        if let Some(durability) = self.durability.get() {
            assert_eq!(durability.durable(), expected_last, "published before it was synced");
            assert_eq!(durability.synced(), expected_last);
        }
        assert_eq!(persist, Persist::Synced);
        self.syncs += 1;
        let last = self.inner.append(expected_last, group, persist)?;
        if let Some(durability) = self.durability.get() {
            assert_eq!(durability.durable(), expected_last, "published before the append returned");
        }
        Ok(last)
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        unreachable!("mode sync syncs with each append")
    }

    fn tail(&self) -> Position {
        self.inner.tail()
    }

    fn adopt(&mut self, tail: Position, superseded: Vec<GroupKey>) {
        self.inner.adopt(tail, superseded);
    }

    fn trim(&mut self, up_to: Position) -> Result<Start, TrimError> {
        self.inner.trim(up_to)
    }

    fn reader(&self) -> Arc<dyn GroupReader> {
        self.inner.reader()
    }
}

#[test]
fn the_sync_comes_before_the_publication() {
    let seen = Arc::new(OnceLock::new());
    let store = Watching { inner: MemoryStore::new(), durability: Arc::clone(&seen), syncs: 0 };
    let (journal, mut writer) = start(store, DurabilityMode::Sync);
    seen.set(Arc::clone(&journal.durability)).unwrap();
    for round in 1..=20 {
        let first = push(&journal, round);
        let published = writer.write_next(9).unwrap().unwrap();
        assert_eq!(published.durable, first.plus(round - 1));
        assert_eq!((published.records, published.synced), (round, published.durable));
    }
    assert_eq!(writer.store().syncs, 21, "one a group and one for the epoch");
    assert_eq!(journal.queue.room_used_records(), 0);
    assert_eq!(writer.write_next(9), Ok(None));
}

#[test]
fn nothing_is_appended_or_published_after_a_failure() {
    let store = FaultyStore::open(FaultyImage::default(), FaultPlan::none().with(2, Fault::FailedAndLost));
    let (journal, mut writer) = start(store, DurabilityMode::Sync);
    push(&journal, 3);
    writer.write_next(1).unwrap();
    push(&journal, 2);
    let failure = writer.write_next(1).unwrap_err();
    assert_eq!(failure.last, Position(4));
    push(&journal, 1);
    assert_eq!(writer.write_next(2), Err(failure.clone()));
    assert_eq!(writer.sync_now(), Err(failure));
    assert_eq!((journal.durability.durable(), writer.store().appends()), (Position(4), 3));
    assert!(journal.read(Position(5)).unwrap().is_none());
    assert_eq!(journal.queue.room_used_records(), 3, "room of what is not durable is not given back");
}

#[test]
fn nothing_is_trimmed_after_a_failure() {
    let store = FaultyStore::open(FaultyImage::default(), FaultPlan::none().with(3, Fault::FailedAndLost));
    let (journal, mut writer) = start(store, DurabilityMode::Sync);
    for _ in 0..2 {
        push(&journal, 1);
        writer.write_next(1).unwrap();
    }
    push(&journal, 1);
    writer.write_next(1).unwrap_err();
    journal.durability.allow_trim(Position(3));
    writer.trim_if_allowed();
    assert_eq!(writer.store().reader().start(), Ok(Start::NEW));
}

#[test]
fn the_last_record_that_is_synced_can_be_read_and_none_after_it() {
    let (journal, mut writer) = start(MemoryStore::new(), DurabilityMode::Sync);
    let pushed = push(&journal, 1);
    assert_eq!(journal.read(pushed), Ok(None));
    writer.write_next(1).unwrap();
    let group = journal.read(pushed).unwrap().unwrap();
    assert_eq!(Group::trust(&group).unwrap().last(), pushed);
    assert_eq!(journal.read(pushed.next()), Ok(None));
}

#[test]
fn interval_mode_answers_before_the_sync_and_loses_at_most_the_interval() {
    let mode = DurabilityMode::Interval { interval_ms: 10 };
    let (journal, mut writer) = start(FaultyStore::open(FaultyImage::default(), FaultPlan::none()), mode);
    for (now, synced) in [(100, 1), (105, 1), (109, 1), (110, 5), (112, 5), (121, 5), (122, 8)] {
        push(&journal, 1);
        let published = writer.write_next(now).unwrap().unwrap();
        assert_eq!(published.durable, journal.queue.pushed());
        assert_eq!(published.synced, Position(synced), "at {now}");
    }
    push(&journal, 1);
    writer.write_next(130).unwrap();
    assert!(journal.read(Position(9)).unwrap().is_none(), "projections read what is synced");
    assert_eq!(writer.write_next(139), Ok(None));
    assert_eq!(writer.write_next(140).unwrap().unwrap().synced, Position(9), "an idle writer syncs too");
    push(&journal, 1);
    writer.write_next(141).unwrap();
    assert_eq!(writer.store().unsynced_groups(), 1);
    let image = writer.into_store().crash(0);
    let (after, _) = start(FaultyStore::open(image, FaultPlan::none()), mode);
    assert_eq!(after.durability.synced(), Position(10), "nine survive, and the epoch record");
}

#[test]
fn the_interval_goes_by_the_monotonic_clock_whatever_the_time_does() {
    let mode = DurabilityMode::Interval { interval_ms: 10 };
    // The daemon's time stands still, goes back, goes at half speed and leaps: the sync comes after ten milliseconds.
    for time_ms in [|_: u64| 5_000, |at| 9_000 - 100 * at, |at| 5_000 + at / 2, |at| 5_000 + 3_600_000 * at] {
        let (journal, mut writer) = start(MemoryStore::new(), mode);
        push(&journal, 1);
        for at in 0..10 {
            let now = Instants { time_ms: time_ms(at), monotonic_ms: 70 + at };
            writer.write_next_at(now).unwrap();
            assert_eq!(journal.durability.synced(), Position(1), "{at} ms after the write, at {now:?}");
        }
        let synced = writer.write_next_at(Instants { time_ms: time_ms(10), monotonic_ms: 80 }).unwrap();
        assert_eq!(synced.map(|published| published.synced), Some(Position(2)));
    }
}

/// Counts; its clock stands still.
#[derive(Default)]
struct Counting {
    records: u64,
    failed: bool,
    asks: bool,
}

impl WriterEvents for Counting {
    fn now(&mut self) -> Instants {
        Instants { time_ms: 7, monotonic_ms: 7 }
    }

    fn appending(&mut self) {
        assert!(!self.asks, "the store has settled before it is asked again");
        self.asks = true;
    }

    fn settled(&mut self) {
        assert!(self.asks, "the store was asked");
        self.asks = false;
    }

    fn published(&mut self, published: &Published) {
        assert!(self.asks, "every append and every sync was asked of the store");
        self.records += u64::from(published.records);
    }

    fn failed(&mut self, _: &WriteFailed) {
        self.failed = true;
    }
}

#[test]
fn the_loop_writes_everything_and_ends_when_the_queue_is_closed() {
    for mode in [DurabilityMode::Sync, DurabilityMode::Interval { interval_ms: 3 }, DurabilityMode::Memory] {
        let (journal, writer) = start(MemoryStore::new(), mode);
        let thread = std::thread::spawn(move || {
            let mut events = Counting::default();
            let store = writer.run(&mut events);
            (store, events)
        });
        for round in 0..500 {
            push(&journal, 1 + round % 7);
        }
        journal.queue.close();
        let (store, events) = thread.join().unwrap();
        assert_eq!(events.records, journal.queue.pushed().0 - 1);
        assert_eq!(journal.durability.synced(), journal.queue.pushed());
        assert!(store.image().unsynced.is_empty() && !events.failed && !events.asks);
    }
}

/// By a clock that goes on.
struct Going(Instant);

impl WriterEvents for Going {
    fn now(&mut self) -> Instants {
        let monotonic_ms = u64::try_from(self.0.elapsed().as_millis()).unwrap();
        Instants { time_ms: monotonic_ms, monotonic_ms }
    }

    fn published(&mut self, _: &Published) {}

    fn failed(&mut self, failure: &WriteFailed) {
        panic!("{failure}");
    }
}

/// Rings for nothing every few milliseconds until something is so; for ten seconds at most.
fn ring_until(journal: &Journal, is_so: impl Fn() -> bool) -> bool {
    (0..2_000).any(|_| {
        journal.queue.ring();
        std::thread::sleep(Duration::from_millis(5));
        is_so()
    })
}

/// A writer that goes by the real time, on a thread of its own.
#[expect(clippy::disallowed_methods, reason = "an interval of the real time is waited for")]
fn going(interval_ms: u64) -> (Journal, std::thread::JoinHandle<MemoryStore>) {
    let (journal, writer) = start(MemoryStore::new(), DurabilityMode::Interval { interval_ms });
    (journal, std::thread::spawn(move || writer.run(&mut Going(Instant::now()))))
}

#[test]
fn an_idle_writer_that_is_rung_for_nothing_syncs_and_trims() {
    let (journal, writing) = going(200);
    for _ in 0..3 {
        let pushed = push(&journal, 1);
        assert!(ring_until(&journal, || journal.durability.synced() == pushed), "nothing is synced");
    }
    journal.durability.allow_trim(journal.durability.synced());
    let is_trimmed = || journal.reader().start().unwrap().first > Position::FIRST;
    assert!(ring_until(&journal, is_trimmed), "nothing is trimmed");
    journal.queue.close();
    writing.join().unwrap();
}

#[test]
fn a_sync_that_is_wanted_waits_for_no_interval() {
    let (journal, writing) = going(60_000);
    // Whether the writer sleeps or has not written yet, what was pushed before is synced.
    for _ in 0..20 {
        push(&journal, 3);
        journal.queue.sync_soon();
        let is_synced = || journal.durability.synced() == journal.queue.pushed();
        assert!(ring_until(&journal, is_synced), "nothing is synced");
    }
    push(&journal, 1);
    assert!(ring_until(&journal, || journal.durability.durable() == journal.queue.pushed()));
    assert!(journal.durability.synced() < journal.queue.pushed(), "the next one waits for its interval");
    journal.queue.close();
    writing.join().unwrap();
}

#[test]
fn a_sleep_ends_when_the_sync_is_due() {
    let (journal, mut writer) = start(MemoryStore::new(), DurabilityMode::Interval { interval_ms: 700 });
    let sleep_ms = |writer: &Writer<MemoryStore>, at| writer.sleep_at_most(|| at).as_millis();
    assert_eq!(sleep_ms(&writer, 100), 1_000, "nothing waits for a sync");
    push(&journal, 1);
    writer.write_next(100).unwrap();
    push(&journal, 1);
    writer.write_next(500).unwrap();
    let sleeps = [500, 799, 800, 9_000, 99].map(|at| sleep_ms(&writer, at));
    assert_eq!(sleeps, [300, 1, 0, 0, 0], "it counts from the first of them, and not from the last");

    let (journal, mut writer) = start(MemoryStore::new(), DurabilityMode::Interval { interval_ms: 60_000 });
    push(&journal, 1);
    writer.write_next(100).unwrap();
    assert_eq!(sleep_ms(&writer, 100), 1_000, "what is pushed in passing is written meanwhile");
}

#[test]
fn the_loop_ends_with_the_failure() {
    let store = FaultyStore::open(FaultyImage::default(), FaultPlan::none().with(1, Fault::Full));
    let (journal, writer) = start(store, DurabilityMode::Sync);
    push(&journal, 1);
    let mut events = Counting::default();
    let store = writer.run(&mut events);
    assert!(events.failed && store.appends() == 2);
}

#[test]
fn a_reader_follows_while_the_writer_writes_and_trims() {
    let small = JournalSettings { recent_bytes_max: 3000, ..JournalSettings::default() };
    let mut store = MemoryStore::new();
    let recovered = recover(&mut store, WriterId([1; 16]), 0).unwrap();
    let (journal, writer) = Journal::start(store, recovered.end, &small);
    let stop = Arc::new(AtomicBool::new(false));
    let reading = {
        let (journal, stop) = (journal.clone(), Arc::clone(&stop));
        std::thread::spawn(move || follow(&journal, &stop))
    };
    let writing = std::thread::spawn(move || writer.run(&mut Counting::default()));
    for round in 0..2000 {
        push(&journal, 1 + round % 9);
    }
    journal.queue.close();
    writing.join().unwrap();
    stop.store(true, Ordering::Release);
    journal.durability.wake();
    assert_eq!(reading.join().unwrap(), journal.queue.pushed());
}

/// Reads every record once, in order, until told to stop and nothing is left.
fn follow(journal: &Journal, stop: &AtomicBool) -> Position {
    let mut done = Position::NONE;
    loop {
        let stopping = stop.load(Ordering::Acquire);
        match journal.read(done.next()).unwrap() {
            Some(bytes) => {
                for (position, _) in Group::check(&bytes).unwrap().records_from(done.next()) {
                    assert_eq!(position, done.next());
                    done = position;
                }
                journal.durability.allow_trim(done);
            }
            None if stopping => return done,
            None => {
                journal.durability.wait_past(done, Duration::from_millis(50));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    let rates = FaultRates { failed: 300, slow: 2000, delay_ms_max: 40 };
    let run = |seed| {
        let mut store = FaultyStore::open(FaultyImage::default(), FaultPlan::seeded(seed, rates));
        let Ok(recovered) = recover(&mut store, WriterId([1; 16]), 0) else {
            return store.crash(0);
        };
        let (journal, mut writer) = Journal::start(store, recovered.end, &settings(DurabilityMode::Sync));
        for round in 0..50 {
            push(&journal, 1 + round % 3);
            if writer.write_next(u64::from(round)).is_err() {
                break;
            }
        }
        writer.into_store().crash(0)
    };
    let images: Vec<_> = (0..30).map(run).collect();
    let again: Vec<_> = (0..30).map(run).collect();
    assert_eq!(images, again);
    assert!(images.windows(2).any(|pair| pair[0] != pair[1]));
}
