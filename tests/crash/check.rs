//! What must be so after a restart.

use std::collections::{HashMap, HashSet};

use protocol::{
    AccountId, AccountView, Answer, Bucket, BucketView, Command, CommandAnswer, HoldId, HoldState, HoldView, Operation,
    OperationFlags, OperationKind, Outcome, PerBucket, View,
};

use super::hold::{plus, total};
use super::random::Random;
use super::wire::{Gone, Reply, Request, Wire};
use super::worker::Worker;

/// Free credits a day, in millicredits: the default of the configuration.
const ALLOWANCE: u64 = 100_000;
/// Operations in a frame of retries.
const RETRIED_AT_ONCE: usize = 500;

/// What is shown of holds, `None` = unknown.
pub(super) type Shown = HashMap<HoldId, Option<Box<HoldView>>>;

/// Accounts as they are shown.
pub(super) fn show_accounts(wire: &mut Wire, accounts: &[AccountId]) -> Result<Vec<AccountView>, Gone> {
    let commands: Vec<_> = accounts.iter().map(|account| Command::ShowAccount { account: *account }).collect();
    let views = wire.ask(&commands)?.into_iter().filter_map(|answer| match (answer.outcome, answer.view) {
        (Outcome::Done, View::Account(view)) => Some(*view),
        (Outcome::UnknownAccount, _) => None,
        (outcome, view) => panic!("{outcome} {view:?}"),
    });
    Ok(views.collect())
}

/// I1, by bucket, from what is shown.
pub(super) fn conservation(view: &AccountView) {
    let buckets = [view.free, view.subscription, view.top_up];
    for (number, bucket) in buckets.into_iter().enumerate() {
        let BucketView { available, held, granted, spent, expired, clawed_back, .. } = bucket;
        let debt = if number == 2 { view.debt } else { 0 };
        let gone = held + spent + expired + clawed_back;
        // A day that nothing was drawn from leaves no trace (R5).
        let untouched = number == 0 && granted + debt == gone;
        assert!(granted + debt == available + gone || untouched, "I1: bucket {number} of {view:?}");
    }
    assert!(view.debt == 0 || view.top_up.available == 0, "R16: debt beside credits: {view:?}");
    assert!(view.debt <= view.top_up.clawed_back, "R16: {view:?}");
}

pub(super) fn show_holds(wire: &mut Wire, holds: &[HoldId]) -> Result<Shown, Gone> {
    let commands: Vec<_> = holds.iter().map(|hold| Command::ShowHold { hold: *hold }).collect();
    let answers = wire.ask(&commands)?;
    let shown = holds.iter().zip(answers).map(|(hold, answer)| match (answer.outcome, answer.view) {
        (Outcome::Done, View::Hold(view)) => (*hold, Some(view)),
        (Outcome::UnknownHold, _) => (*hold, None),
        (outcome, view) => panic!("{outcome} {view:?}"),
    });
    Ok(shown.collect())
}

/// Looks at what is left of unacknowledged requests: each is there whole or not at all, and what was acknowledged of the
/// same holds is there.
pub(super) fn unacknowledged(wire: &mut Wire, workers: &[Worker]) -> Result<Shown, Gone> {
    let mut all = Shown::new();
    for worker in workers {
        let mut in_doubt: HashMap<HoldId, Vec<Operation>> = HashMap::new();
        let open = worker.pending.iter().filter(|pending| pending.resent);
        for operation in open.flat_map(|pending| match &pending.request {
            Request::Operations(operations) => operations.as_slice(),
            Request::Command(_) => &[],
        }) {
            in_doubt.entry(operation.hold).or_default().push(*operation);
        }
        let holds: Vec<_> = in_doubt.keys().copied().collect();
        for (hold, view) in show_holds(wire, &holds)? {
            whole_or_not_at_all(worker, hold, &in_doubt[&hold], view.as_deref());
            all.insert(hold, view);
        }
    }
    Ok(all)
}

fn whole_or_not_at_all(worker: &Worker, hold: HoldId, in_doubt: &[Operation], view: Option<&HoldView>) {
    let book = worker.holds.get(&hold);
    let granted = book.is_some_and(|book| book.granted.is_some());
    let Some(view) = view else {
        assert!(!granted, "an acknowledged hold is lost: {book:?}");
        return;
    };
    let of_kind = |kind| in_doubt.iter().filter(move |operation| operation.kind == kind);
    let made_by = book.filter(|_| granted).map(|book| book.made_by).or_else(|| {
        in_doubt.iter().find(|made| matches!(made.kind, OperationKind::Reserve | OperationKind::Charge)).copied()
    });
    let made_by = made_by.unwrap_or_else(|| panic!("{view:?} was never asked for"));
    assert_eq!((view.account, total(view.amount)), (made_by.account, made_by.amount), "half a reserve: {view:?}");
    let captures = book.map(|book| book.captures.as_slice()).unwrap_or_default();
    for step in view.captures.as_slice() {
        let known = captures.iter().find(|(asked, _)| asked.number == step.number);
        let right = match known {
            Some((_, answer)) => (answer.amount, answer.position) == (step.amount, step.position),
            None => of_kind(OperationKind::Commit).any(|asked| {
                let all = asked.flags.contains(OperationFlags::ALL);
                asked.number == step.number && (all || step.amount <= asked.amount)
            }),
        };
        assert!(right, "capture {} of {view:?}; acknowledged: {book:?}", step.number);
    }
    let refunds = book.map(|book| book.refunds.as_slice()).unwrap_or_default();
    for step in view.refunds.as_slice() {
        let known = refunds.iter().find(|(asked, _)| asked.number == step.number);
        let right = match known {
            Some((_, answer)) => (answer.amount, answer.position) == (step.amount, step.position),
            None => of_kind(OperationKind::Refund).any(|asked| {
                let all = asked.flags.contains(OperationFlags::ALL);
                asked.number == step.number && (all || step.amount == asked.amount)
            }),
        };
        assert!(right, "refund {} of {view:?}; acknowledged: {book:?}", step.number);
    }
    let shown = |(asked, _): &(Operation, _)| view.captures.as_slice().iter().any(|step| step.number == asked.number);
    assert!(captures.iter().all(shown), "an acknowledged capture is lost: {book:?}\n{view:?}");
    let shown = |(asked, _): &(Operation, _)| view.refunds.as_slice().iter().any(|step| step.number == asked.number);
    assert!(refunds.iter().all(shown), "an acknowledged refund is lost: {book:?}\n{view:?}");
}

/// A retry was a replay exactly where the effect had been shown before it: one effect, never two, never none. What was in
/// doubt was all looked at, so that no retry is left out but those of operations on holds that were refused.
pub(super) fn one_effect(workers: &mut [Worker], shown: &Shown) {
    for worker in workers {
        for (operation, answer) in std::mem::take(&mut worker.again) {
            let view =
                shown.get(&operation.hold).unwrap_or_else(|| panic!("{operation:?} was not looked at")).as_deref();
            let Some(book) = worker.holds.get(&operation.hold).filter(|book| book.granted.is_some()) else { continue };
            let numbered = |numbers: Vec<u8>| numbers.contains(&operation.number);
            let was_there = match operation.kind {
                OperationKind::Reserve | OperationKind::Charge => view.is_some(),
                OperationKind::Commit => {
                    view.is_some_and(|view| numbered(view.captures.as_slice().iter().map(|step| step.number).collect()))
                }
                OperationKind::Refund => {
                    view.is_some_and(|view| numbered(view.refunds.as_slice().iter().map(|step| step.number).collect()))
                }
                OperationKind::Release => view.is_some_and(|view| view.state != HoldState::Open) && !book.is_captured(),
                OperationKind::Extend => {
                    extended_once(&operation, &answer, view);
                    false
                }
                OperationKind::Balance => panic!("a balance is about no hold"),
            };
            let replayed = answer.outcome == Outcome::Replayed;
            assert_eq!(was_there, replayed, "{operation:?}\nwas answered {answer:?}\nand shown before as {view:?}");
        }
    }
}

/// An extension that comes again is decided again, and no end moves back; an ended hold has none.
fn extended_once(operation: &Operation, answer: &Answer, view: Option<&HoldView>) {
    if let Some(view) = view
        && answer.outcome == Outcome::Done
    {
        let goes_on = view.state == HoldState::Open && answer.time_ms >= view.ends_at_ms;
        assert!(goes_on, "{operation:?}\nwas answered {answer:?}\nand shown before as {view:?}");
    }
}

/// Sends everything again that was accepted since the last time: the first answers come back (I5).
pub(super) fn acknowledged(wire: &mut Wire, workers: &mut [Worker]) -> Result<u64, Gone> {
    let mut count = 0;
    for worker in workers {
        for some in worker.accepted.chunks(RETRIED_AT_ONCE) {
            wire.send(&Request::Operations(some.iter().map(|(operation, _)| *operation).collect()))?;
            let Reply::Answers(answers) = wire.receive()? else { panic!("operations have answers") };
            for ((operation, first), again) in some.iter().zip(answers) {
                let first_outcome = u32::from(client::decided(first).number());
                let same = again.outcome == Outcome::Replayed
                    && again.detail == first_outcome
                    && again.split == first.split
                    && again.position == first.position
                    && again.forfeited == first.forfeited
                    && (again.amount == first.amount || first.outcome == Outcome::Replayed);
                assert!(same, "{operation:?}\nfirst {first:?}\nagain {again:?}");
                count += 1;
            }
        }
        worker.accepted.clear();
    }
    Ok(count)
}

/// Sends some of the accepted commands again.
pub(super) fn commands_again(wire: &mut Wire, workers: &[Worker], random: &mut Random) -> Result<(), Gone> {
    for worker in workers.iter().filter(|worker| !worker.commands.is_empty()) {
        let some: Vec<_> = (0..50).map(|_| &worker.commands[random.index(worker.commands.len())]).collect();
        let commands: Vec<_> = some.iter().map(|(command, _)| command.clone()).collect();
        for ((command, first), again) in some.into_iter().zip(wire.ask(&commands)?) {
            let CommandAnswer { outcome, position, .. } = again;
            assert_eq!((outcome, position), (Outcome::Replayed, first.position), "{command:?}");
        }
    }
    Ok(())
}

/// Compares holds with the books: so many of each worker, drawn at random.
pub(super) fn holds(wire: &mut Wire, workers: &[Worker], most: usize, random: &mut Random) -> Result<(), Gone> {
    for worker in workers {
        let mut ids: Vec<_> = worker.holds.keys().copied().collect();
        while ids.len() > most {
            ids.swap_remove(random.index(ids.len()));
        }
        for (hold, view) in show_holds(wire, &ids)? {
            let book = &worker.holds[&hold];
            match view {
                Some(view) => book.compare(&view),
                None => assert!(book.granted.is_none(), "an acknowledged hold is lost: {book:?}"),
            }
        }
    }
    Ok(())
}

/// What the books say of one account.
#[derive(Debug, Default)]
struct Expected {
    granted: [u64; 3],
    held: PerBucket,
    spent: PerBucket,
    clawed_back: u64,
    open_holds: u64,
    free_touched: bool,
}

fn expect(workers: &[Worker]) -> HashMap<AccountId, Expected> {
    let mut all: HashMap<AccountId, Expected> = HashMap::new();
    for book in workers.iter().flat_map(|worker| worker.holds.values()) {
        let Some(granted) = book.granted else { continue };
        let expected = all.entry(book.made_by.account).or_default();
        expected.held = plus(expected.held, book.rest);
        expected.spent = plus(expected.spent, book.spent());
        expected.open_holds += u64::from(book.is_open());
        let drew = granted.split.free > 0 || book.captures.iter().any(|(_, answer)| answer.split.free > 0);
        expected.free_touched |= drew;
    }
    let mut once = HashSet::new();
    for (command, answer) in workers.iter().flat_map(|worker| &worker.commands) {
        assert!(once.insert(answer.position), "accepted twice: {command:?}");
        let Some(account) = command.account() else { continue };
        let expected = all.entry(account).or_default();
        match command {
            Command::Grant { bucket: Bucket::Free, amount, .. } => {
                expected.granted[0] += amount;
                expected.free_touched = true;
            }
            Command::SetSubscription { amount, .. } | Command::Grant { bucket: Bucket::Subscription, amount, .. } => {
                expected.granted[1] += amount;
            }
            Command::TopUp { amount, .. } | Command::Grant { bucket: Bucket::TopUp, amount, .. } => {
                expected.granted[2] += amount;
            }
            Command::Clawback { amount, .. } => expected.clawed_back += amount,
            _ => {}
        }
    }
    all
}

/// Every accepted amount, and no other, is in the accounts. Free credits are compared while the day is that of the setup.
pub(super) fn books(views: &[AccountView], workers: &[Worker], day: u32) {
    let mut all = expect(workers);
    for view in views {
        conservation(view);
        let expected = all.remove(&view.account).unwrap_or_default();
        let shown = |pick: fn(&BucketView) -> u64| PerBucket {
            free: pick(&view.free),
            subscription: pick(&view.subscription),
            top_up: pick(&view.top_up),
        };
        assert_eq!(shown(|bucket| bucket.held), expected.held, "held: {view:?}\n{expected:?}");
        assert_eq!(shown(|bucket| bucket.spent), expected.spent, "spent: {view:?}\n{expected:?}");
        assert_eq!(view.open_holds, expected.open_holds, "open holds: {view:?}");
        assert_eq!(view.subscription.granted, expected.granted[1], "{view:?}\n{expected:?}");
        assert_eq!(view.top_up.granted, expected.granted[2], "{view:?}\n{expected:?}");
        assert_eq!(view.top_up.clawed_back, expected.clawed_back, "{view:?}\n{expected:?}");
        assert_eq!((view.subscription.expired, view.top_up.expired), (0, 0), "{view:?}");
        if view.day == day {
            let allowance = if expected.free_touched { ALLOWANCE } else { 0 };
            assert_eq!(view.free.granted, allowance + expected.granted[0], "{view:?}\n{expected:?}");
            assert_eq!(view.free.expired, 0, "{view:?}");
        }
    }
    assert!(all.is_empty(), "accounts that were opened and are not there: {all:?}");
}

/// Whether a hold is shown as it was asked to be left: for a daemon on a damaged journal.
pub(super) fn shows(view: Option<&HoldView>, operation: &Operation) -> bool {
    let Some(view) = view else { return false };
    match operation.kind {
        OperationKind::Commit => view.captures.as_slice().iter().any(|step| step.number == operation.number),
        OperationKind::Refund => view.refunds.as_slice().iter().any(|step| step.number == operation.number),
        OperationKind::Release => view.state != HoldState::Open,
        _ => true,
    }
}

/// Which of the accepted operations a daemon does not show: their positions.
pub(super) fn missing(wire: &mut Wire, workers: &[Worker]) -> Result<Vec<u64>, Gone> {
    let mut missing = Vec::new();
    for worker in workers {
        let holds: HashSet<_> = worker.accepted.iter().map(|(operation, _)| operation.hold).collect();
        let shown = show_holds(wire, &holds.into_iter().collect::<Vec<_>>())?;
        for (operation, answer) in &worker.accepted {
            if !shows(shown[&operation.hold].as_deref(), operation) {
                missing.push(answer.position);
            }
        }
    }
    Ok(missing)
}
