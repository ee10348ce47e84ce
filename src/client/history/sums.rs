//! What the accounts show in the end is what the history comes to (I1, I3).

use std::collections::{HashMap, HashSet};

use protocol::{HoldId, HoldState, HoldView, OperationKind};

use super::effects::{Effects, total};
use super::entry::{Entry, Kind};
use super::signed::Signed;
use super::standing::Standing;
use super::violation::{Verdict, ViolationKind};
use super::{History, SUSPECTS_MAX};

pub(super) fn check(history: &History, effects: &Effects, closings: &[Standing], verdict: &mut Verdict) {
    let mut wrong = HashSet::new();
    for (wallet, (opening, closing)) in history.openings.iter().zip(closings).enumerate() {
        if effects.left_out[wallet] {
            continue;
        }
        for difference in differences(effects, wallet, opening, closing) {
            wrong.insert(wallet);
            verdict.add(ViolationKind::Sum, || format!("account {}: {difference}", opening.account));
        }
    }
    let of_wrong = history.entries.iter().filter(|entry| wrong.contains(&(entry.wallet as usize)));
    let made = of_wrong.filter(|entry| entry.is(OperationKind::Reserve) || entry.is(OperationKind::Charge));
    let mut once = HashSet::new();
    let holds = made.filter(|entry| entry.took_effect()).map(|entry| entry.hold).filter(|hold| once.insert(*hold));
    verdict.suspects.extend(holds.take(SUSPECTS_MAX));
}

fn differences(effects: &Effects, wallet: usize, opening: &Standing, closing: &Standing) -> Vec<String> {
    let mut mask = effects.masks[wallet];
    // Top-up less debt is one signed number, whatever was clawed back.
    mask.0[2] = true;
    let totals = effects.totals[wallet];
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: Signed, shown: Signed, slack: Signed| {
        let (expected, shown, slack) = (mask.of(expected), mask.of(shown), mask.of(slack));
        let off = expected - shown;
        if off.0.iter().zip(slack.0).any(|(off, slack)| !(0..=slack).contains(off)) {
            found.push(format!("{what} {shown} (free + subscription + top-up), the history comes to {expected}"));
        }
    };
    let mut available = Signed::from(closing.available);
    available.0[2] -= i128::from(closing.debt);
    let exact = Signed::default();
    compare("spent", Signed::from(opening.spent) + totals.spent, Signed::from(closing.spent), exact);
    compare("held", Signed::from(opening.held) + totals.held, Signed::from(closing.held), exact);
    compare("available", effects.balances[wallet], available, totals.on_its_way);
    let open_holds = opening.open_holds.saturating_add(totals.open_holds);
    if open_holds != closing.open_holds {
        found.push(format!("{} open holds, the history comes to {open_holds}", closing.open_holds));
    }
    found
}

/// Compares holds as they are shown with what was acknowledged of them.
pub(super) fn compare(history: &History, verdict: &mut Verdict, holds: &[(HoldId, Option<HoldView>)]) {
    let shown: HashMap<HoldId, Option<&HoldView>> = holds.iter().map(|(hold, view)| (*hold, view.as_ref())).collect();
    for index in history.indices() {
        let entry = history.entry(index);
        let Some(view) = shown.get(&entry.hold).filter(|_| entry.took_effect()) else { continue };
        if !view.is_some_and(|view| is_there(entry, view)) {
            verdict.add(ViolationKind::Lost, || format!("{} was acknowledged and is not there", history.name(index)));
        }
    }
}

fn is_there(entry: &Entry, view: &HoldView) -> bool {
    let amount = total(entry.split());
    let step = |number: u8, shown: u64, position: u64| {
        (number, position) == (entry.number, entry.position)
            && (shown == amount || shown == amount.saturating_add(entry.extra))
    };
    match entry.kind {
        Kind::Operation(OperationKind::Reserve | OperationKind::Charge) => view.amount == entry.split(),
        Kind::Operation(OperationKind::Commit) => {
            view.captures.as_slice().iter().any(|shown| step(shown.number, shown.amount, shown.position))
        }
        Kind::Operation(OperationKind::Refund) => {
            view.refunds.as_slice().iter().any(|shown| step(shown.number, shown.amount, shown.position))
        }
        Kind::Operation(OperationKind::Release) => matches!(view.state, HoldState::Released | HoldState::Settled),
        _ => true,
    }
}
