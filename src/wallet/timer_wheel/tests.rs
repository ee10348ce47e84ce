//! The wheel against a sorted map, and the edges of its levels.

use std::collections::BTreeSet;

use super::{Advance, SPREAD_MAX, TimerId, Timers};
use crate::ids::Timestamp;

/// The wheel under test, and the same timers in a sorted set.
#[derive(Default)]
struct Pair {
    wheel: Timers<u128>,
    sorted: BTreeSet<(u64, u128)>,
    /// Every timer that there was, by its value.
    all: Vec<One>,
    live: Vec<u128>,
    now: u64,
}

struct One {
    deadline: u64,
    id: TimerId,
    /// Its place in `live`, while it lives.
    place: usize,
}

impl Pair {
    fn insert(&mut self, deadline: u64) {
        let value = u128::try_from(self.all.len()).unwrap();
        let id = self.wheel.insert(Timestamp(deadline), value);
        self.all.push(One { deadline, id, place: self.live.len() });
        self.live.push(value);
        assert!(self.sorted.insert((deadline, value)));
    }

    fn cancel(&mut self, value: u128) {
        let one = &self.all[usize::try_from(value).unwrap()];
        let (deadline, id) = (one.deadline, one.id);
        let lives = self.sorted.contains(&(deadline, value));
        let is_it = |at: Timestamp, of: &u128| at.0 == deadline && *of == value;
        assert_eq!(self.wheel.cancel(id, is_it), lives, "a timer is there until it is handed out or taken back");
        if lives {
            self.forget(value);
        }
    }

    fn forget(&mut self, value: u128) {
        let one = &self.all[usize::try_from(value).unwrap()];
        let (deadline, place) = (one.deadline, one.place);
        assert!(self.sorted.remove(&(deadline, value)), "a timer is handed out once");
        self.live.swap_remove(place);
        if let Some(moved) = self.live.get(place) {
            self.all[usize::try_from(*moved).unwrap()].place = place;
        }
    }

    fn advance(&mut self, by: u64, limit: usize) -> Advance {
        self.now = self.now.saturating_add(by);
        let mut due = Vec::new();
        let advance = self.wheel.advance(Timestamp(self.now), limit, &mut due);
        assert!(due.len() <= limit);
        for (deadline, value) in &due {
            assert!(deadline.0 <= self.now, "nothing is early");
            assert_eq!(deadline.0, self.all[usize::try_from(*value).unwrap()].deadline);
            self.forget(*value);
        }
        let first = self.sorted.first().map(|(deadline, _)| *deadline);
        if advance == Advance::Done {
            assert!(first.is_none_or(|first| first > self.now), "nothing is late");
        } else {
            assert!(first.is_some(), "there is nothing more");
        }
        let next = self.wheel.next().map(|next| next.0);
        assert_eq!(next.is_some(), first.is_some());
        if let (Some(next), Some(first)) = (next, first) {
            assert!(next <= first.max(self.now), "what is next is no later than the first timer");
            assert!(next >= self.now || self.now == 0, "what is next does not lie before what has passed");
        }
        assert_eq!(self.wheel.count(), u64::try_from(self.sorted.len()).unwrap());
        advance
    }

    fn drain(&mut self, limit: usize) {
        while self.advance(0, limit) == Advance::More {}
    }
}

/// A generator of its own: the tests need variety, not quality.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// As likely short as long: up to so many bits.
    fn span(&mut self, bits: u64) -> u64 {
        let wide = (self.roll(1 << 31) << 31) | self.roll(1 << 31);
        wide & ((1 << self.roll(bits + 1)) - 1)
    }
}

fn deadline(dice: &mut Dice, now: u64) -> u64 {
    match dice.roll(32) {
        0 => now.saturating_sub(dice.span(20)),
        1 => u64::MAX - dice.span(40),
        2 => now | 255,
        3 => (now | 65_535) + 1,
        _ => now + dice.span(42),
    }
}

/// Inserts, cancels, and time that stands still, ticks or jumps by years, with every kind of limit.
fn storm(seed: u64, operations: u64) {
    let (mut dice, mut pair) = (Dice(seed), Pair::default());
    if seed.is_multiple_of(2) {
        pair.now = 1_800_000_000_000 + seed;
        pair.wheel.begin_at(Timestamp(pair.now));
    }
    for _ in 0..operations {
        match dice.roll(16) {
            0..=7 => pair.insert(deadline(&mut dice, pair.now)),
            8..=12 if !pair.all.is_empty() => {
                // Mostly a live one, and once in a while one that was handed out or taken back.
                let live = u64::try_from(pair.live.len()).unwrap();
                let value = if live == 0 || dice.roll(20) == 0 {
                    u128::from(dice.roll(u64::try_from(pair.all.len()).unwrap()))
                } else {
                    pair.live[usize::try_from(dice.roll(live)).unwrap()]
                };
                pair.cancel(value);
            }
            _ => {
                let by = if dice.roll(2_000) == 0 { dice.span(44) } else { dice.span(12) };
                let limit = [0, 1, 3, 100, 100_000][usize::try_from(dice.roll(5)).unwrap()];
                let _ = pair.advance(by, limit);
            }
        }
    }
    pair.drain(1_000);
    pair.now = 0;
    let _ = pair.advance(u64::MAX, 0);
    pair.drain(1_000);
    assert_eq!((pair.sorted.len(), pair.wheel.count(), pair.wheel.next()), (0, 0, None));
}

#[test]
fn ten_million_random_operations_agree_with_a_sorted_map() {
    std::thread::scope(|scope| {
        for task in 0..2 {
            scope.spawn(move || (0..8).for_each(|round| storm(task * 8 + round, 640_000)));
        }
    });
}

fn timers(now: u64) -> Timers<u128> {
    let mut timers = Timers::new();
    timers.begin_at(Timestamp(now));
    timers
}

/// What is handed out by one instant, in its order.
fn due(timers: &mut Timers<u128>, now: u64) -> Vec<u128> {
    let mut due = Vec::new();
    while timers.advance(Timestamp(now), 2, &mut due) == Advance::More {}
    due.into_iter().map(|(_, value)| value).collect()
}

/// On every level: the last tick before its slot ends, the first of the next slot, and the tick between.
#[test]
fn a_timer_fires_at_its_tick_and_not_one_before_on_every_level() {
    let start = 1_800_000_000_000_u64;
    for level in 0..=7 {
        for offset in [-1_i64, 0, 1] {
            let edge = ((start >> (8 * level)) + 3) << (8 * level);
            let deadline = edge.checked_add_signed(offset).unwrap();
            if deadline <= start {
                continue;
            }
            for from in [start, deadline - 1] {
                let mut timers = timers(from);
                timers.insert(Timestamp(deadline), 1);
                assert_eq!(due(&mut timers, deadline - 1), [], "level {level}, {offset} beside the edge");
                assert_eq!(due(&mut timers, deadline), [1]);
                assert_eq!(timers.next(), None);
            }
        }
    }
}

/// Ticking through every millisecond, over the edges of three levels: each timer at its own.
#[test]
fn every_tick_hands_out_its_own_timers() {
    let start = 1_800_000_000_000_u64;
    let mut timers = timers(start);
    for at in 1..=70_000 {
        timers.insert(Timestamp(start + at), u128::from(at));
    }
    for at in 1..=70_000 {
        assert_eq!(due(&mut timers, start + at), [u128::from(at)]);
    }
}

#[test]
fn a_deadline_that_has_passed_fires_at_the_next_call() {
    let mut timers = timers(1_000);
    for deadline in [0, 999, 1_000] {
        timers.insert(Timestamp(deadline), u128::from(deadline));
    }
    assert_eq!(timers.next(), Some(Timestamp(1_000)));
    assert_eq!(due(&mut timers, 1_000), [0, 999, 1_000]);
    assert_eq!(timers.count(), 0);
}

#[test]
fn the_last_instant_of_all_has_a_slot() {
    let mut timers = timers(1_800_000_000_000);
    for back in [2, 1, 0] {
        timers.insert(Timestamp(u64::MAX - back), u128::from(back));
    }
    assert_eq!(due(&mut timers, u64::MAX - 3), []);
    assert_eq!(due(&mut timers, u64::MAX - 1), [2, 1]);
    assert_eq!(due(&mut timers, u64::MAX), [0]);
}

#[test]
fn a_timer_that_is_due_and_not_handed_out_can_be_taken_back() {
    let mut timers = timers(0);
    let ids = [5, 6, 7].map(|value: u128| timers.insert(Timestamp(10), value));
    let mut due = Vec::new();
    assert_eq!(timers.advance(Timestamp(20), 1, &mut due), Advance::More);
    assert_eq!(due, [(Timestamp(10), 5)]);
    assert!(!timers.cancel(ids[0], |_, _| true), "it was handed out");
    assert!(!timers.cancel(ids[1], |_, value| *value == 5), "another one's");
    assert!(timers.cancel(ids[1], |at, value| (at.0, *value) == (10, 6)));
    assert!(!timers.cancel(ids[1], |_, _| true), "it was taken back");
    assert_eq!(timers.advance(Timestamp(20), 9, &mut due), Advance::Done);
    assert_eq!(due[1..], [(Timestamp(10), 7)]);
    assert!(!timers.cancel(TimerId(u32::MAX), |_, _| true), "a number that no timer ever had");
}

/// Of one tick: in the order in which they came, also over levels; of several ticks: by tick.
#[test]
fn what_is_due_comes_by_tick_and_then_in_the_order_of_insertion() {
    let mut timers = timers(1_000);
    for value in 0..300_u128 {
        let at = 100_000 + u64::try_from(value % 3).unwrap();
        timers.insert(Timestamp(at), value);
    }
    assert_eq!(due(&mut timers, 99_999), []);
    for value in 300..600_u128 {
        let at = 100_000 + u64::try_from(value % 3).unwrap();
        timers.insert(Timestamp(at), value);
    }
    for tick in 0..3_u64 {
        let expected: Vec<u128> = (0..600).filter(|value| value % 3 == u128::from(tick)).collect();
        assert_eq!(due(&mut timers, 100_000 + tick), expected);
    }
}

/// I9: what is spread is bounded as well; nothing is late for it once the caller has called again.
#[test]
fn a_full_slot_is_spread_over_several_calls() {
    let mut timers = timers(0);
    let count = 3 * SPREAD_MAX + 1;
    for value in 0..count {
        timers.insert(Timestamp(5_000), u128::try_from(value).unwrap());
    }
    let mut due = Vec::new();
    for call in 1..=3 {
        assert_eq!(timers.advance(Timestamp(4_999), 10, &mut due), Advance::More, "call {call}");
        assert_eq!(timers.next(), Some(Timestamp(4_999)));
    }
    assert_eq!(timers.advance(Timestamp(4_999), 10, &mut due), Advance::Done);
    assert_eq!((due.len(), timers.next()), (0, Some(Timestamp(5_000))), "exact, once it is a tick");
    assert_eq!(timers.advance(Timestamp(5_000), count, &mut due), Advance::Done);
    assert_eq!(due.len(), count);
}

#[test]
fn time_never_goes_back() {
    let mut timers = timers(0);
    timers.insert(Timestamp(100), 1);
    assert_eq!(due(&mut timers, 50), []);
    timers.insert(Timestamp(40), 2);
    assert_eq!(due(&mut timers, 10), [2]);
    assert_eq!(due(&mut timers, 100), [1]);
}

/// Memory is that of the live timers: it comes back when they go, and a freed place is used again.
#[test]
fn i9_memory_follows_the_live_timers() {
    let mut timers = timers(0);
    let ids: Vec<_> = (0..100_000_u128).map(|value| timers.insert(Timestamp(1_000_000), value)).collect();
    let full = timers.bytes();
    assert!(full <= 100_000 * 34, "{full} bytes");
    for id in ids.iter().step_by(2) {
        assert!(timers.cancel(*id, |_, value| value % 2 == 0));
    }
    for value in (0..100_000_u128).step_by(2) {
        timers.insert(Timestamp(1_000_000), value);
    }
    assert_eq!(timers.bytes(), full, "freed places are used again");
    assert_eq!(due(&mut timers, 1_000_000).len(), 100_000);
    assert!(timers.bytes() <= 600_000, "{} of {full} bytes are left", timers.bytes());
}

/// T1: when the last chunk of timers has gone, those before it are as full as they were.
#[test]
fn chunks_that_are_full_take_nothing_after_the_last_has_gone() {
    let mut wheel = Timers::<u128>::default();
    let count = 3 * 4096_u128;
    let ids: Vec<TimerId> = (0..count).map(|value| wheel.insert(Timestamp(1_000), value)).collect();
    let last = (2 * 4096..count).zip(&ids[2 * 4096..]);
    for (value, id) in last {
        assert!(wheel.cancel(*id, |_, of| *of == value));
    }
    (2 * 4096..count).for_each(|value| _ = wheel.insert(Timestamp(1_000), value));
    let mut due = Vec::new();
    while wheel.advance(Timestamp(1_000), 1_000, &mut due) == Advance::More {}
    let values: BTreeSet<u128> = due.iter().map(|(_, value)| *value).collect();
    assert_eq!((due.len(), values.len()), (ids.len(), ids.len()), "each is handed out once");
}

/// T1: a place in a chunk beyond the first 64 is that chunk's.
#[test]
fn chunks_beyond_the_first_64_have_timers_of_their_own() {
    let mut wheel = Timers::<u32>::default();
    let count = 64 * 4096 + 2;
    let ids: BTreeSet<u32> = (0..count).map(|value| wheel.insert(Timestamp(1_000), value).0).collect();
    assert_eq!(ids.len(), usize::try_from(count).unwrap());
    let freed = *ids.range(5_000..).next().unwrap();
    assert!(wheel.cancel(TimerId(freed), |_, _| true));
    assert_eq!(wheel.insert(Timestamp(1_000), 5_000), TimerId(freed), "the first place that is free is used first");
    let mut due = Vec::new();
    while wheel.advance(Timestamp(1_000), 1_000, &mut due) == Advance::More {}
    let values: BTreeSet<u32> = due.iter().map(|(_, value)| *value).collect();
    assert_eq!((due.len(), values.len()), (ids.len(), ids.len()), "each is handed out once");
}

/// The memory of a chunk that empties is kept for the next, so that none comes and goes with each frame.
#[test]
fn memory_of_an_empty_chunk_is_kept() {
    let mut wheel = Timers::<u32>::default();
    let id = wheel.insert(Timestamp(1_000), 1);
    let bytes = wheel.bytes();
    assert!(wheel.cancel(id, |_, _| true));
    assert_eq!(wheel.bytes(), bytes, "none goes");
    wheel.insert(Timestamp(1_000), 2);
    assert_eq!(wheel.bytes(), bytes, "none comes");
}
