//! By position, no bucket of a wallet goes below zero: every prefix of the journal is a valid state (I2, I4).

use super::effects::Effects;
use super::entry::Kind;
use super::signed::Signed;
use super::standing::Standing;
use super::violation::{Verdict, ViolationKind};
use super::{History, order};

pub(super) fn check(history: &History, effects: &mut Effects, closings: &[Standing], verdict: &mut Verdict) {
    assert_eq!(closings.len(), history.openings.len(), "a standing for each wallet");
    for (balance, opening) in effects.balances.iter_mut().zip(&history.openings) {
        *balance = Signed::from(opening.available);
        balance.0[2] -= i128::from(opening.debt);
    }
    let by_position = effects.by_position(history);
    let by_wallet = order::by_key(by_position.into_iter(), |index| u64::from(history.entry(index).wallet));
    for of_wallet in by_wallet.chunk_by(|one, two| history.entry(*one).wallet == history.entry(*two).wallet) {
        walk(history, effects, of_wallet, verdict);
    }
}

fn walk(history: &History, effects: &mut Effects, of_wallet: &[u32], verdict: &mut Verdict) {
    let mut below = false;
    for index in of_wallet.iter().copied() {
        let entry = history.entry(index);
        let wallet = entry.wallet as usize;
        let (taken, given) = effects.moved(history, index);
        let balance = effects.balances[wallet] - taken + given;
        effects.balances[wallet] = balance;
        if below || effects.left_out[wallet] || entry.kind == Kind::Clawback {
            continue;
        }
        let masked = effects.masks[wallet].of(balance);
        below = masked.0.iter().zip(taken.0).any(|(left, taken)| taken > 0 && *left < 0);
        if below {
            verdict.add(ViolationKind::Overspent, || {
                format!("{} took {taken} and left {balance} (free + subscription + top-up)", history.name(index))
            });
        }
    }
}
