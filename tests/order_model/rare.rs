//! Families for what single requests meet too seldom: packed rolls over two wallets, debt with chunks, a new policy and a
//! queue that is nearly full.

use super::{
    families::{BOTH, CYCLE, DAY, DAY_HERE, DAY_THERE, clawback, commit, freeze, reserve, top_up},
    record::Op,
    scenario::{Scenario, Start, Ticks},
    step::name,
};

/// A packed roll beside any two of chunks over both wallets, commands and another packed roll.
pub(super) fn packed_rolls() -> Vec<Scenario> {
    let reserves = [reserve(2, 0, 2), reserve(3, 1, 1)];
    let others: Vec<Vec<Op>> = vec![
        reserves.to_vec(),
        vec![reserves[1], reserves[0]],
        vec![commit(0, 0), reserves[1]],
        vec![Op::Upgrade { wallet: 0 }],
        vec![Op::Upgrade { wallet: 1 }],
        vec![Op::ChangeLater { wallet: 1 }],
        vec![Op::Cancel { wallet: 0 }],
        vec![Op::NewCycle { wallet: 1 }],
        vec![clawback(3)],
        vec![Op::PackedRoll { order: [0, 1] }],
        vec![Op::PackedRoll { order: [1, 0] }],
    ];
    let mut scenarios = Vec::new();
    for (i, first) in others.iter().enumerate() {
        for second in &others[i..] {
            for (start, ticks) in
                [(Start::Subscribed, &[CYCLE] as Ticks), (Start::Subscribed, &[BOTH]), (Start::Lapsing, &[BOTH])]
            {
                let frames = vec![vec![Op::PackedRoll { order: [0, 1] }], first.clone(), second.clone()];
                scenarios.push(Scenario::new(start, ticks, frames));
            }
        }
    }
    scenarios
}

/// Clawbacks beside chunks that release and draw, and top-ups.
pub(super) fn debt() -> Vec<Scenario> {
    let chunks: [Vec<Op>; 5] = [
        vec![commit(0, 0), commit(1, 0)],
        vec![Op::Expire { hold: 0 }, commit(0, 3)],
        vec![commit(0, 0), reserve(2, 0, 2)],
        vec![reserve(2, 0, 3), commit(2, 0)],
        vec![reserve(2, 0, 3), commit(2, 2)],
    ];
    let mut others: Vec<Vec<Op>> = chunks.to_vec();
    others.push(vec![top_up(0, 2)]);
    others.push(vec![top_up(1, 1), commit(1, 0)]);
    others.push(vec![clawback(1)]);
    others.push(vec![freeze(true)]);
    let mut scenarios = Vec::new();
    for amount in [1, 3] {
        for chunk in &chunks {
            for other in &others {
                for ticks in [&[] as Ticks, &[DAY]] {
                    let frames = vec![vec![clawback(amount)], chunk.clone(), other.clone()];
                    scenarios.push(Scenario::new(Start::Subscribed, ticks, frames));
                }
            }
        }
    }
    scenarios
}

/// A new allowance beside requests that meet the day's end.
pub(super) fn policies() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    let others = [
        reserve(2, 0, 2),
        commit(0, 1),
        commit(0, 0),
        Op::Expire { hold: 0 },
        Op::Subscribe { wallet: 0 },
        Op::Cancel { wallet: 0 },
        Op::MoveZone { wallet: 0 },
    ];
    for (i, &first) in others.iter().enumerate() {
        for &second in &others[i..] {
            for (start, ticks) in
                [(Start::Free, &[DAY] as Ticks), (Start::Subscribed, &[BOTH]), (Start::Free, &[DAY_THERE, DAY_HERE])]
            {
                let frames = vec![vec![Op::Policy { everybody: false }], vec![first], vec![second]];
                scenarios.push(Scenario::new(start, ticks, frames));
            }
        }
    }
    scenarios
}

/// A queue that is nearly full: room for the largest chunk and nothing beside it.
pub(super) fn scarce_room() -> Vec<Scenario> {
    let reserves = [reserve(2, 0, 2), reserve(3, 1, 1)];
    let chunks: Vec<Vec<Op>> = vec![
        reserves.to_vec(),
        vec![reserves[1], reserves[0]],
        vec![commit(0, 0), reserves[0]],
        vec![reserves[0]],
        vec![commit(2, 1)],
    ];
    let commands = [Op::Upgrade { wallet: 0 }, Op::Cancel { wallet: 0 }, Op::NewCycle { wallet: 0 }, clawback(3)];
    let mut scenarios = Vec::new();
    for first in &chunks {
        for second in &chunks {
            for command in commands {
                let chunk_len = first.len().max(second.len());
                let frames = vec![first.clone(), second.clone(), vec![command]];
                let plenty = Scenario::new(Start::Subscribed, &[CYCLE], frames);
                let room = 2 * name(chunk_len);
                scenarios.push(Scenario { room, ..plenty });
            }
        }
    }
    scenarios
}
