//! Which scenarios there are: families of them, each enumerated in full.

use super::{
    later, rare,
    record::Op,
    scenario::{Scenario, Start, Tick, Ticks},
};

pub(super) const CYCLE: Tick = tick(true, [false, false]);
pub(super) const DAY: Tick = tick(false, [true, true]);
pub(super) const DAY_HERE: Tick = tick(false, [true, false]);
pub(super) const DAY_THERE: Tick = tick(false, [false, true]);
pub(super) const BOTH: Tick = tick(true, [true, true]);
const BOTH_HERE: Tick = tick(true, [true, false]);
const BOTH_THERE: Tick = tick(true, [false, true]);

const CALENDARS: [Ticks; 5] = [&[CYCLE], &[DAY], &[BOTH], &[CYCLE, DAY], &[DAY, CYCLE]];
const ZONE_CALENDARS: [Ticks; 5] =
    [&[DAY_HERE], &[DAY_THERE, DAY_HERE], &[BOTH_HERE], &[BOTH_THERE, DAY_HERE], &[DAY_HERE, CYCLE]];

/// A set of scenarios with one subject.
#[derive(Clone, Copy, Debug)]
pub(super) enum Family {
    /// Any two single requests.
    Two(Start),
    /// Any three single requests.
    Three(Start),
    /// Two chunks of two operations.
    ChunksOfTwo,
    /// Two chunks of three operations.
    ChunksOfThree,
    /// Three chunks of two operations.
    ThreeChunks,
    PackedRolls,
    Debt,
    Policies,
    ScarceRoom,
    /// Any two single requests, at least one of them a capture, a release or a refund.
    TwoLater(Start),
    /// Any three, at least one of them.
    ThreeLater(Start),
    /// Refunds of a hold that has been captured as a whole, with any other two.
    Refunds(Start),
    /// Any three of all kinds, at least one of them.
    ThreeOfAll(Start),
    /// Two chunks of two operations, with captures, releases and refunds.
    ChunksLater,
    /// Two chunks of three.
    LongChunksLater,
    /// Three chunks of two.
    ThreeChunksLater,
    /// A command that a retry repeats on another connection, beside any other request.
    RetriedCommands(Start),
    /// Policies that come into force while requests run.
    PoliciesInForce,
}

impl Family {
    pub(super) fn scenarios(self) -> Vec<Scenario> {
        match self {
            Self::Two(start) => requests(start, 2),
            Self::Three(start) => requests(start, 3),
            Self::ChunksOfTwo => chunks_of_two(),
            Self::ChunksOfThree => chunks_of_three(),
            Self::ThreeChunks => three_chunks(),
            Self::PackedRolls => rare::packed_rolls(),
            Self::Debt => rare::debt(),
            Self::Policies => rare::policies(),
            Self::ScarceRoom => rare::scarce_room(),
            Self::TwoLater(start) => later::requests(start, 2),
            Self::ThreeLater(start) => later::requests(start, 3),
            Self::Refunds(start) => later::refunds(start),
            Self::ThreeOfAll(start) => later::three_of_all(start),
            Self::ChunksLater => later::chunks_later(),
            Self::LongChunksLater => later::more_chunks_later(3, 2),
            Self::ThreeChunksLater => later::more_chunks_later(2, 3),
            Self::RetriedCommands(start) => later::retried_commands(start),
            Self::PoliciesInForce => later::policies_in_force(),
        }
    }
}

const fn tick(cycle: bool, day_of_zone: [bool; 2]) -> Tick {
    Tick { cycle, day_of_zone }
}

pub(super) const fn reserve(hold: u8, wallet: u8, amount: u8) -> Op {
    Op::Reserve { hold, wallet, amount }
}

pub(super) const fn commit(hold: u8, amount: u8) -> Op {
    Op::Commit { hold, amount }
}

pub(super) const fn top_up(payment: u8, amount: u8) -> Op {
    Op::TopUp { payment, wallet: 0, amount }
}

pub(super) const fn clawback(amount: u8) -> Op {
    Op::Clawback { wallet: 0, amount }
}

pub(super) const fn freeze(frozen: bool) -> Op {
    Op::Freeze { wallet: 0, frozen }
}

/// Every kind of request, on wallet 0. Two of the same kind are a retry on another connection.
pub(super) const KINDS: [Op; 23] = [
    reserve(2, 0, 2),
    reserve(3, 0, 1),
    commit(0, 1),
    commit(0, 3),
    commit(0, 0),
    commit(1, 0),
    commit(2, 1),
    Op::Expire { hold: 0 },
    Op::Extend { hold: 0 },
    top_up(0, 2),
    top_up(1, 1),
    clawback(3),
    clawback(1),
    Op::Subscribe { wallet: 0 },
    Op::Upgrade { wallet: 0 },
    Op::ChangeLater { wallet: 0 },
    Op::NewCycle { wallet: 0 },
    Op::Cancel { wallet: 0 },
    Op::MoveZone { wallet: 0 },
    freeze(true),
    freeze(false),
    Op::PackedRoll { order: [0, 1] },
    Op::PackedRoll { order: [1, 0] },
];

/// Any `count` single requests, each on a connection of its own, beside every calendar.
fn requests(start: Start, count: usize) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for kinds in multisets(KINDS.len(), count) {
        let ops: Vec<Op> = kinds.into_iter().map(|kind| KINDS[kind]).collect();
        for ticks in calendars_for(&ops, start) {
            let frames = ops.iter().map(|&op| vec![op]).collect();
            scenarios.push(Scenario::new(start, ticks, frames));
        }
    }
    scenarios
}

/// All multisets of `count` numbers below `limit`, each in ascending order.
pub(super) fn multisets(limit: usize, count: usize) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let larger = |set: &Vec<usize>| {
            let from = set.last().copied().unwrap_or(0);
            (from..limit).map(|next| [set.as_slice(), &[next]].concat()).collect::<Vec<_>>()
        };
        sets = sets.iter().flat_map(larger).collect();
    }
    sets
}

/// Calendars in which every request has something to meet: no packed roll without a cycle's end, and a lapse needs one.
pub(super) fn calendars_for(ops: &[Op], start: Start) -> Vec<Ticks> {
    let zone = ops.iter().any(|op| matches!(op, Op::MoveZone { .. }));
    let packed = ops.iter().any(|op| matches!(op, Op::PackedRoll { .. }));
    let all = if zone { ZONE_CALENDARS } else { CALENDARS };
    let has_cycle = |ticks: &Ticks| ticks.iter().any(|tick| tick.cycle);
    let has_day = |ticks: &Ticks| ticks.iter().any(|tick| tick.day_of_zone[0]);
    let mut calendars = all.to_vec();
    calendars.retain(|ticks| has_cycle(ticks) || !packed && start != Start::Lapsing);
    calendars.retain(|ticks| has_day(ticks) || start != Start::Free);
    calendars
}

/// Operations that share chunks, over both wallets and on one.
const CHUNKED: [Op; 8] = [
    reserve(2, 0, 3),
    reserve(3, 1, 1),
    commit(2, 1),
    commit(0, 0),
    commit(1, 1),
    Op::Expire { hold: 0 },
    Op::Expire { hold: 1 },
    commit(0, 3),
];

/// All ordered choices of `len` different operations.
pub(super) fn chunks_of(ops: &[Op], len: usize) -> Vec<Vec<Op>> {
    let mut chunks: Vec<Vec<Op>> = vec![Vec::new()];
    for _ in 0..len {
        let longer = |chunk: &Vec<Op>| {
            let rest = ops.iter().copied().filter(|op| !chunk.contains(op));
            rest.map(|op| [chunk.as_slice(), &[op]].concat()).collect::<Vec<_>>()
        };
        chunks = chunks.iter().flat_map(longer).collect();
    }
    chunks
}

/// Chunks of two on two connections, beside a cycle, a day, or both at one instant.
fn chunks_of_two() -> Vec<Scenario> {
    let chunks = chunks_of(&CHUNKED, 2);
    let mut scenarios = Vec::new();
    for pair in multisets(chunks.len(), 2) {
        for ticks in [&[CYCLE] as Ticks, &[DAY], &[BOTH]] {
            scenarios.push(of_chunks(&chunks, &pair, ticks));
        }
    }
    scenarios
}

/// Chunks of three on two connections, beside both boundaries at one instant.
fn chunks_of_three() -> Vec<Scenario> {
    let chunks = chunks_of(&CHUNKED, 3);
    multisets(chunks.len(), 2).iter().map(|pair| of_chunks(&chunks, pair, &[BOTH])).collect()
}

/// Chunks of two on three connections, beside both boundaries at one instant.
fn three_chunks() -> Vec<Scenario> {
    let chunks = chunks_of(&CHUNKED, 2);
    multisets(chunks.len(), 3).iter().map(|triple| of_chunks(&chunks, triple, &[BOTH])).collect()
}

pub(super) fn of_chunks(chunks: &[Vec<Op>], chosen: &[usize], ticks: Ticks) -> Scenario {
    let frames = chosen.iter().map(|&chunk| chunks[chunk].clone()).collect();
    Scenario::new(Start::Subscribed, ticks, frames)
}
