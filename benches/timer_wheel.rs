//! What a timer costs: added and taken back as holds are, and handed out as a million come due within an hour of ticks. A
//! plain sorted map does the same in the same run.
//!
//! `cargo bench --bench timer_wheel`
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use wallet::ids::Timestamp;
use wallet::timer_wheel::{Advance, TimerId, Timers};

/// Holds that are open beside those that come and go.
const OPEN: u64 = 1_000_000;
/// Holds that come and go.
const PAIRS: u64 = 4_000_000;
/// Holds of a frame, which are taken back in the order in which they came.
const FRAME: usize = 8_190;
/// Timers that are handed out in a call.
const SLICE: usize = 512;
/// How often time moves on while they are.
const TICK_MS: u64 = 50;
const START_MS: u64 = 1_800_000_000_000;
/// How far ahead holds end.
const TTL_MS: u64 = 60_000;
/// Thousandths of a millisecond that pass with a hold: a million a second.
const HOLDS_A_MS: u64 = 1_000;

/// What both sides do.
trait Wheel {
    type Ticket: Copy;
    fn insert(&mut self, at: Timestamp, hold: u128) -> Self::Ticket;
    fn cancel(&mut self, ticket: Self::Ticket, at: Timestamp, hold: u128);
    /// Moves the time on, in slices, and says how many were due.
    fn advance(&mut self, now: Timestamp) -> usize;
}

impl Wheel for Timers<u128> {
    type Ticket = TimerId;

    fn insert(&mut self, at: Timestamp, hold: u128) -> TimerId {
        self.insert(at, hold)
    }

    fn cancel(&mut self, ticket: TimerId, at: Timestamp, hold: u128) {
        assert!(self.cancel(ticket, |deadline, value| *value == hold && deadline == at));
    }

    fn advance(&mut self, now: Timestamp) -> usize {
        let (mut count, mut due) = (0, Vec::with_capacity(SLICE));
        loop {
            let advance = self.advance(now, SLICE, &mut due);
            count += black_box(&due).len();
            due.clear();
            if advance == Advance::Done {
                return count;
            }
        }
    }
}

/// The same in a sorted map, which finds a timer by its end and its hold.
#[derive(Default)]
struct Sorted(BTreeMap<(u64, u128), ()>);

impl Wheel for Sorted {
    type Ticket = ();

    fn insert(&mut self, at: Timestamp, hold: u128) {
        self.0.insert((at.0, hold), ());
    }

    fn cancel(&mut self, (): (), at: Timestamp, hold: u128) {
        assert!(self.0.remove(&(at.0, hold)).is_some());
    }

    fn advance(&mut self, now: Timestamp) -> usize {
        let mut count = 0;
        while let Some(first) = self.0.first_entry().filter(|first| first.key().0 <= now.0) {
            black_box(first.remove_entry());
            count += 1;
        }
        count
    }
}

fn main() {
    let (sorted_pair, sorted_expiry) = measure(Sorted::default());
    let mut wheel = Timers::new();
    wheel.begin_at(Timestamp(START_MS));
    let (pair, expiry) = measure(wheel);
    println!("timers beside, live                 {OPEN}");
    println!("wheel, insert and cancel            {pair:8.1} ns");
    println!("sorted map, insert and cancel       {sorted_pair:8.1} ns");
    println!("ratio                               {:8.1}", sorted_pair / pair);
    println!("wheel, {OPEN} due and handed out   {expiry:8.1} ms");
    println!("sorted map, the same                {sorted_expiry:8.1} ms");
    println!("ratio                               {:8.1}", sorted_expiry / expiry);
}

/// Nanoseconds for an insert and a cancel, and milliseconds for a million timers that are due.
fn measure<W: Wheel>(mut wheel: W) -> (f64, f64) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..OPEN {
        let (at, hold) = (Timestamp(START_MS + 600_000 + random.below(3_000_000)), random.hold(START_MS));
        wheel.insert(at, hold);
    }
    let mut frame = Vec::with_capacity(FRAME);
    let mut done = 0;
    let started = Instant::now();
    while done < PAIRS {
        let now = START_MS + done / HOLDS_A_MS;
        wheel.advance(Timestamp(now));
        for _ in 0..FRAME {
            let (at, hold) = (Timestamp(now + TTL_MS), random.hold(now));
            frame.push((wheel.insert(at, hold), at, hold));
        }
        done += u64::try_from(frame.len()).unwrap_or(0);
        for (ticket, at, hold) in frame.drain(..) {
            wheel.cancel(ticket, at, hold);
        }
    }
    let pair = started.elapsed().as_secs_f64() * 1e9 / done as f64;
    let started = Instant::now();
    let ticks = (0..=72_000).map(|tick| Timestamp(START_MS + tick * TICK_MS));
    let due: usize = ticks.map(|now| wheel.advance(now)).sum();
    let expiry = started.elapsed().as_secs_f64() * 1e3;
    assert_eq!(u64::try_from(due), Ok(OPEN));
    (pair, expiry)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A hold's id: its time, then chance.
    fn hold(&mut self, now: u64) -> u128 {
        (u128::from(now) << 80) | (7 << 76) | (2 << 62) | u128::from(self.next() >> 2)
    }
}
