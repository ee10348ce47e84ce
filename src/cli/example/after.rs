//! The second phase: everything that was acknowledged must be there, once.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::{AccountId, AccountView, Command, HoldId, HoldState, HoldView, Outcome, View};
use serde_json::json;

use super::{account_view, check_success};
use crate::account_view::buckets_table;
use crate::again::Again;
use crate::amount::Amount;
use crate::example::book::{Step, Told};
use crate::exit::{Exit, Failure};
use crate::output::Shown;
use crate::refusal::total;
use crate::tool::Tool;

/// What the acknowledged steps made of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    amount: Amount,
    captured: Amount,
    refunded: Amount,
    state: HoldState,
}

pub(super) async fn run(tool: &Tool, state: &Path) -> Result<Shown, Failure> {
    let mut told = Told::read(state)?;
    tool.tell(&format!("Workspace {}: {} steps were acknowledged.", told.workspace, told.done.len()));
    if let Some(step) = told.in_doubt {
        settle_doubt(tool, &mut told, step).await?;
    }
    let holds = expected(&told.done);
    let mut wrong = missing(tool, told.workspace, &holds).await?;
    tool.tell(&format!("{} holds looked up: {} wrong.", holds.len(), wrong.len()));
    wrong.extend(repeat_last(tool, &told).await?);
    let before = account_view(tool, told.workspace).await?;
    tool.tell("\nThe workspace after the restart:\n");
    tool.tell(&buckets_table(&before));
    wrong.extend(check_totals(&before, &holds));
    let finished = finish(tool, &mut told, &holds).await?;
    let after = account_view(tool, told.workspace).await?;
    tool.tell(&format!("The {finished} holds that were still open are committed:\n"));
    tool.tell(&buckets_table(&after));
    wrong.extend(check_totals(&after, &expected(&told.done)));
    Ok(shown(&told, holds.len(), finished, &wrong))
}

fn shown(told: &Told, holds: usize, finished: usize, wrong: &[String]) -> Shown {
    let text = if wrong.is_empty() {
        "Every acknowledged step is there, once.\n".to_owned()
    } else {
        wrong.iter().map(|line| format!("WRONG: {line}\n")).collect()
    };
    let json = json!({
        "workspace": told.workspace.to_string(), "acknowledged": told.done.len(), "holds": holds,
        "finished": finished, "wrong": wrong,
    });
    // What was acknowledged and is not there is a bug of the daemon, whatever the reason.
    Shown { json, text, exit: if wrong.is_empty() { Exit::Ok } else { Exit::Bug } }
}

/// The step whose answer never came: the same id again, and the daemon says what became of it.
async fn settle_doubt(tool: &Tool, told: &mut Told, step: Step) -> Result<(), Failure> {
    let answer = tool.client.operation(step.operation(told.workspace)).await?;
    let name = format!("The answer to \"{step}\" never came. The same request again says");
    if answer.outcome == Outcome::HoldIdExpired {
        tool.tell(&format!("{name} {}: it never happened.", answer.outcome));
        return Ok(());
    }
    check_success(step, &answer)?;
    let when = if answer.outcome == Outcome::Replayed { "it had happened before the cut" } else { "it happens now" };
    tool.tell(&format!("{name} {}: {when}.", answer.outcome));
    told.done.push(step);
    Ok(())
}

/// What every hold must look like.
pub(super) fn expected(done: &[Step]) -> BTreeMap<HoldId, Expected> {
    let mut holds = BTreeMap::new();
    for step in done {
        match *step {
            Step::Reserve { hold, amount } => {
                let none = Amount(0);
                holds.insert(hold, Expected { amount, captured: none, refunded: none, state: HoldState::Open });
            }
            Step::Commit { hold, amount } => {
                holds.entry(hold).and_modify(|expected| {
                    expected.captured = amount;
                    expected.state = HoldState::Settled;
                });
            }
            Step::Release { hold } => {
                holds.entry(hold).and_modify(|expected| expected.state = HoldState::Released);
            }
            Step::Refund { hold, amount } => {
                holds.entry(hold).and_modify(|expected| expected.refunded = amount);
            }
        }
    }
    holds
}

/// Looks every hold up.
async fn missing(tool: &Tool, account: AccountId, holds: &BTreeMap<HoldId, Expected>) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    for (&hold, expected) in holds {
        let answer = tool.look(&Command::ShowHold { hold }).await?;
        match &answer.view {
            View::Hold(view) if view.account == account && seen(view) == *expected => {}
            View::Hold(view) => wrong.push(format!("hold {hold} is {:?}, acknowledged was {expected:?}", seen(view))),
            _ => wrong.push(format!("hold {hold} is missing ({}), acknowledged was {expected:?}", answer.outcome)),
        }
    }
    Ok(wrong)
}

fn seen(view: &HoldView) -> Expected {
    Expected {
        amount: total(view.amount),
        captured: total(view.captured),
        refunded: Amount(view.refunded),
        state: view.state,
    }
}

/// The last acknowledged reserve once more: it must get its first decision, and no second effect.
async fn repeat_last(tool: &Tool, told: &Told) -> Result<Option<String>, Failure> {
    let last = told.done.iter().rev().copied().find(|step| matches!(step, Step::Reserve { .. }));
    let Some(step) = last else { return Ok(None) };
    let answer = tool.client.operation(step.operation(told.workspace)).await?;
    tool.tell(&format!("The last reserve once more says {}: it is not taken twice.", answer.outcome));
    let right = answer.outcome == Outcome::Replayed && client::decided(&answer) == Outcome::Granted;
    Ok((!right).then(|| format!("{step} once more says {}, not replayed", answer.outcome)))
}

/// Per bucket granted = available + held + spent + expired + clawed back (I1), and spent is what the book says.
pub(super) fn check_totals(view: &AccountView, holds: &BTreeMap<HoldId, Expected>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut spent = 0_u64;
    for (name, bucket) in [("free", &view.free), ("subscription", &view.subscription), ("top_up", &view.top_up)] {
        let used =
            [bucket.available, bucket.held, bucket.spent, bucket.expired, bucket.clawed_back].iter().sum::<u64>();
        if used != bucket.granted {
            wrong.push(format!("{name}: granted {} but accounted for {}", Amount(bucket.granted), Amount(used)));
        }
        spent += bucket.spent;
    }
    let net = |expected: &Expected| expected.captured.0.saturating_sub(expected.refunded.0);
    let acknowledged: u64 = holds.values().map(net).sum();
    if spent != acknowledged {
        wrong.push(format!("spent is {}, acknowledged was {}", Amount(spent), Amount(acknowledged)));
    }
    wrong
}

/// Commits what was still open.
async fn finish(tool: &Tool, told: &mut Told, holds: &BTreeMap<HoldId, Expected>) -> Result<usize, Failure> {
    let open: Vec<Step> = holds
        .iter()
        .filter(|(_, expected)| expected.state == HoldState::Open)
        .map(|(&hold, expected)| Step::Commit { hold, amount: expected.amount })
        .collect();
    for step in &open {
        let answer = tool.operation(step.operation(told.workspace), Again::Anew).await?;
        check_success(*step, &answer)?;
        told.done.push(*step);
    }
    Ok(open.len())
}

#[cfg(test)]
mod tests;
