//! Families of what comes after a reserve or comes again: several captures of one hold, draws, releases of unknown ids,
//! refunds, retries of commands, and policies that come into force.

use super::{
    families::{
        BOTH, CYCLE, DAY, DAY_HERE, DAY_THERE, KINDS, calendars_for, chunks_of, commit, freeze, multisets, of_chunks,
        reserve,
    },
    record::Op,
    scenario::{Scenario, Start, Ticks},
};

const fn capture(hold: u8, number: u8, amount: u8, last: bool) -> Op {
    Op::Capture { hold, number, amount, last }
}

const fn refund(number: u8, amount: u8, restore: bool) -> Op {
    Op::Refund { hold: 0, number, amount, restore }
}

/// The later requests. Two of the same kind are a retry on another connection.
const LATER: [Op; 8] = [
    capture(0, 0, 1, false),
    capture(0, 1, 2, false),
    capture(0, 2, 1, true),
    // One more than the hold has: drawn from the wallet.
    capture(0, 3, 4, true),
    Op::Release { hold: 0 },
    Op::Release { hold: 2 },
    refund(0, 1, false),
    refund(1, 3, true),
];

/// What the later requests meet: of every kind of request those that touch the same hold, word or period.
const OTHERS: [Op; 14] = [
    reserve(2, 0, 2),
    commit(0, 3),
    commit(0, 0),
    commit(2, 1),
    Op::Expire { hold: 0 },
    Op::Extend { hold: 0 },
    Op::TopUp { payment: 0, wallet: 0, amount: 2 },
    Op::Clawback { wallet: 0, amount: 3 },
    Op::Subscribe { wallet: 0 },
    Op::Upgrade { wallet: 0 },
    Op::NewCycle { wallet: 0 },
    Op::Cancel { wallet: 0 },
    Op::MoveZone { wallet: 0 },
    Op::PackedRoll { order: [0, 1] },
];

/// Any `count` single requests with at least one later one, beside every calendar.
pub(super) fn requests(start: Start, count: usize) -> Vec<Scenario> {
    with_a_later_one(&OTHERS, start, count)
}

/// Any three of all kinds with at least one later one, beside every calendar.
pub(super) fn three_of_all(start: Start) -> Vec<Scenario> {
    with_a_later_one(&KINDS, start, 3)
}

fn with_a_later_one(others: &[Op], start: Start, count: usize) -> Vec<Scenario> {
    let ops = [LATER.as_slice(), others].concat();
    let mut scenarios = Vec::new();
    for set in multisets(ops.len(), count) {
        if set[0] < LATER.len() {
            let chosen: Vec<Op> = set.into_iter().map(|op| ops[op]).collect();
            beside_calendars(&mut scenarios, start, &chosen, |_| {});
        }
    }
    scenarios
}

/// Refunds and their retries, with one more request of any kind, of a hold that is captured.
pub(super) fn refunds(start: Start) -> Vec<Scenario> {
    let refunds =
        [refund(0, 3, true), refund(0, 3, false), refund(1, 2, true), refund(1, 2, false), refund(2, 1, true)];
    let mut scenarios = Vec::new();
    for pair in multisets(refunds.len(), 2) {
        // One number is one refund: with other content it would be refused before anything else.
        let [Op::Refund { number: one, .. }, Op::Refund { number: two, .. }] = [refunds[pair[0]], refunds[pair[1]]]
        else {
            unreachable!()
        };
        if one == two && pair[0] != pair[1] {
            continue;
        }
        for other in KINDS {
            let chosen = [refunds[pair[0]], refunds[pair[1]], other];
            beside_calendars(&mut scenarios, start, &chosen, |scenario| scenario.captured = true);
        }
    }
    scenarios
}

fn beside_calendars(scenarios: &mut Vec<Scenario>, start: Start, ops: &[Op], change: impl Fn(&mut Scenario)) {
    for ticks in calendars_for(ops, start) {
        let mut scenario = Scenario::new(start, ticks, ops.iter().map(|&op| vec![op]).collect());
        change(&mut scenario);
        scenarios.push(scenario);
    }
}

/// Operations that share chunks.
const CHUNKED: [Op; 8] = [
    capture(0, 0, 1, false),
    capture(0, 1, 2, false),
    capture(0, 3, 4, true),
    refund(0, 2, true),
    Op::Release { hold: 2 },
    reserve(2, 0, 3),
    commit(0, 1),
    Op::Expire { hold: 0 },
];

/// Longer chunks or more connections, beside both boundaries at one instant.
pub(super) fn more_chunks_later(len: usize, connections: usize) -> Vec<Scenario> {
    let chunks = chunks_of(&CHUNKED, len);
    let sets = multisets(chunks.len(), connections);
    sets.iter().map(|set| of_chunks(&chunks, set, &[BOTH])).collect()
}

/// Chunks of two on two connections, beside a cycle, a day, or both at one instant.
pub(super) fn chunks_later() -> Vec<Scenario> {
    let chunks = chunks_of(&CHUNKED, 2);
    let mut scenarios = Vec::new();
    for pair in multisets(chunks.len(), 2) {
        for ticks in [&[CYCLE] as Ticks, &[DAY], &[BOTH]] {
            scenarios.push(of_chunks(&chunks, &pair, ticks));
        }
    }
    scenarios
}

/// Every command twice under one id, and any other request.
pub(super) fn retried_commands(start: Start) -> Vec<Scenario> {
    let commands = KINDS.into_iter().filter(Op::is_command).chain([Op::Policy { everybody: false }]);
    let mut scenarios = Vec::new();
    for command in commands {
        for other in KINDS {
            let chosen = [command, command, other];
            beside_calendars(&mut scenarios, start, &chosen, |scenario| scenario.retried = true);
        }
    }
    scenarios
}

/// Two days pass: a policy that is decided before the first holds from the second on.
pub(super) fn policies_in_force() -> Vec<Scenario> {
    const CALENDARS: [Ticks; 3] = [&[DAY, DAY], &[DAY, BOTH], &[DAY_THERE, DAY_HERE]];
    let others = [
        reserve(2, 0, 2),
        reserve(2, 0, 1),
        commit(0, 1),
        Op::Expire { hold: 0 },
        refund(0, 1, true),
        Op::Subscribe { wallet: 0 },
        Op::Cancel { wallet: 0 },
        Op::NewCycle { wallet: 0 },
        Op::MoveZone { wallet: 0 },
        freeze(true),
        Op::Policy { everybody: false },
        Op::Policy { everybody: true },
    ];
    let mut scenarios = Vec::new();
    for pair in multisets(others.len(), 2) {
        for everybody in [false, true] {
            for (start, ticks) in
                [Start::Free, Start::Subscribed].into_iter().flat_map(|of| CALENDARS.map(|at| (of, at)))
            {
                let policy = vec![Op::Policy { everybody }];
                let frames = vec![policy, vec![others[pair[0]]], vec![others[pair[1]]]];
                let captured = frames.iter().flatten().any(|op| matches!(op, Op::Refund { .. }));
                scenarios.push(Scenario { captured, ..Scenario::new(start, ticks, frames) });
            }
        }
    }
    scenarios
}
