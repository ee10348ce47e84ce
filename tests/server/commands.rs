//! Every command of plans, top-ups, prices and lists over the wire.

use protocol::{
    AccountId, Bucket, ChangeMode, Command, CommandAnswer, CommandId, EstimateLine, Field, HoldId, HoldState,
    LimitKind, List, Operation, Outcome, PaymentId, QuoteView, SubscriptionChangeView, Text, View, WorkerId,
};

use super::catalogue::Files;
use super::daemon::Daemon;
use super::requests::{ACCOUNT, hold_id, open_account, outcomes};
use super::wire::Wire;

const BASIC: u16 = 1;
const PRO: u16 = 2;
const FLUX: u32 = 10;
const NOBODY: AccountId = AccountId(0xdead);

pub(super) fn command_id() -> CommandId {
    CommandId(uuid::Uuid::now_v7().as_u128())
}

fn payment_id() -> PaymentId {
    PaymentId(command_id().0)
}

/// An account with the free credits of its first day.
pub(super) fn funded(wire: &mut Wire) {
    open_account(wire);
}

fn subscribe(plan: u16) -> Command {
    Command::Subscribe { command: command_id(), account: ACCOUNT, plan, auto_renew: true, paid_through_ms: 0 }
}

/// A daemon with two plans and two models, and an account on it.
fn ground() -> (Daemon, Wire, Files) {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    funded(&mut wire);
    (daemon, wire, files)
}

fn done(answer: CommandAnswer) -> CommandAnswer {
    assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
    answer
}

fn change_of(answer: CommandAnswer) -> SubscriptionChangeView {
    let View::Subscription(view) = answer.view else { panic!("a change is shown: {answer:?}") };
    *view
}

fn plan_and_credits(view: Option<&protocol::SubscriptionView>) -> Option<(u16, u64)> {
    view.map(|view| (view.plan, view.allocation))
}

/// R11, R13: the answer shows the state before and after, and its retry shows it again.
#[test]
fn a_subscription_from_its_first_day_to_its_last() {
    let (_daemon, mut wire, _files) = ground();
    let first = subscribe(BASIC);
    let view = change_of(done(wire.command(&first)));
    assert_eq!(plan_and_credits(view.before.as_ref()), None);
    assert_eq!(plan_and_credits(view.after.as_ref()), Some((BASIC, 1_000_000)));
    assert_eq!(view.after.as_ref().map(|after| after.plan_name.as_str()), Some("basic"));
    assert_eq!(view.amount, 1_000_000);
    let again = wire.command(&first);
    assert_eq!(again.outcome, Outcome::Replayed);
    assert_eq!(change_of(again), view);
    assert_eq!(wire.command(&subscribe(PRO)).outcome, Outcome::AlreadySubscribed);

    let paid_through_ms = view.after.as_ref().map_or(0, |after| after.paid_through_ms);
    let renew =
        Command::Renew { command: command_id(), account: ACCOUNT, paid_through_ms: paid_through_ms + 86_400_000 };
    let renewed = change_of(done(wire.command(&renew)));
    assert_eq!(renewed.after.map(|after| after.paid_through_ms), Some(paid_through_ms + 86_400_000));

    let at_renewal =
        Command::ChangePlan { command: command_id(), account: ACCOUNT, plan: PRO, mode: ChangeMode::AtRenewal };
    let waiting = change_of(done(wire.command(&at_renewal)));
    assert_eq!(waiting.after.and_then(|after| after.pending).map(|pending| pending.plan), Some(PRO));
    let new_cycle =
        Command::ChangePlan { command: command_id(), account: ACCOUNT, plan: PRO, mode: ChangeMode::NowNewCycle };
    let changed = change_of(done(wire.command(&new_cycle)));
    assert_eq!(plan_and_credits(changed.after.as_ref()), Some((PRO, 5_000_000)));
    assert_eq!(changed.after.and_then(|after| after.pending), None);

    let cancel = Command::Cancel { command: command_id(), account: ACCOUNT, at_period_end: true };
    assert_eq!(change_of(done(wire.command(&cancel))).after.map(|after| after.auto_renew), Some(false));
    let lapse = Command::Lapse { command: command_id(), account: ACCOUNT };
    assert_eq!(change_of(done(wire.command(&lapse))).after, None);
    let lapse = Command::Lapse { command: command_id(), account: ACCOUNT };
    assert_eq!(wire.command(&lapse).outcome, Outcome::NotSubscribed);
}

#[test]
fn a_plan_that_nobody_offers() {
    let (_daemon, mut wire, _files) = ground();
    assert_eq!(wire.command(&subscribe(77)).outcome, Outcome::UnknownPlan);
    let nobody =
        Command::Subscribe { command: command_id(), account: NOBODY, plan: PRO, auto_renew: true, paid_through_ms: 0 };
    assert_eq!(wire.command(&nobody).outcome, Outcome::UnknownAccount);
    let none =
        Command::Subscribe { command: command_id(), account: ACCOUNT, plan: 0, auto_renew: true, paid_through_ms: 0 };
    let answer = wire.command(&none);
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, u32::from(Field::Plan.number())));
}

/// R6: the account says its new zone.
#[test]
fn an_account_moves_to_another_zone() {
    let (_daemon, mut wire, _files) = ground();
    let zone = Text::new("Asia/Tokyo").unwrap();
    done(wire.command(&Command::SetZone { command: command_id(), account: ACCOUNT, zone }));
    let View::Account(account) = wire.command(&Command::ShowAccount { account: ACCOUNT }).view else {
        panic!("an account is shown")
    };
    assert_eq!(account.zone.as_str(), "Asia/Tokyo");
    let zone = Text::new("Mars/Olympus").unwrap();
    let answer = wire.command(&Command::SetZone { command: command_id(), account: ACCOUNT, zone });
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, u32::from(Field::Zone.number())));
}

/// R14: a pending top-up is listed and cannot be spent; a bundle brings what the catalogue says.
#[test]
fn top_ups_that_wait_and_bundles() {
    let (_daemon, mut wire, _files) = ground();
    let payment = payment_id();
    let pending = Command::PendingTopUp { payment, account: ACCOUNT, amount: 7_500 };
    assert_eq!(wire.command(&pending).outcome, Outcome::SubscriptionRequired);
    done(wire.command(&subscribe(BASIC)));
    let View::Account(account) = done(wire.command(&pending)).view else { panic!("an account is shown") };
    assert_eq!(account.top_up.available, 0);
    let listed: Vec<_> = account.pending_top_ups.as_slice().iter().map(|one| (one.payment, one.amount)).collect();
    assert_eq!(listed, [(payment, 7_500)]);
    let confirm = Command::ConfirmTopUp { payment, account: ACCOUNT };
    let View::Account(account) = done(wire.command(&confirm)).view else { panic!("an account is shown") };
    assert_eq!((account.top_up.available, account.pending_top_ups.as_slice().len()), (7_500, 0));
    assert_eq!(wire.command(&confirm).outcome, Outcome::Replayed);
    let unknown = Command::ConfirmTopUp { payment: payment_id(), account: ACCOUNT };
    assert_eq!(wire.command(&unknown).outcome, Outcome::UnknownPayment);

    let bundle = |name: &str| Command::TopUpBundle {
        payment: payment_id(),
        account: ACCOUNT,
        bundle: Text::new(name).unwrap(),
        pending: false,
    };
    let View::Account(account) = done(wire.command(&bundle("small"))).view else { panic!("an account is shown") };
    assert_eq!(account.top_up.available, 307_500);
    let answer = wire.command(&bundle("enormous"));
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, u32::from(Field::Bundle.number())));
}

/// R14: at most 16 pending top-ups a wallet.
#[test]
fn too_many_top_ups_that_wait() {
    let (_daemon, mut wire, _files) = ground();
    done(wire.command(&subscribe(BASIC)));
    let mut pending =
        || wire.command(&Command::PendingTopUp { payment: payment_id(), account: ACCOUNT, amount: 1_000 });
    for _ in 0..16 {
        done(pending());
    }
    let answer = pending();
    assert_eq!(answer.outcome, Outcome::Limit);
    assert_eq!(answer.detail, u32::from(LimitKind::PendingTopUps.number()));
}

/// R33: a correction takes at most what is there.
#[test]
fn a_correction_takes_what_is_there() {
    let (_daemon, mut wire, _files) = ground();
    let correct = Command::Correct {
        command: command_id(),
        account: ACCOUNT,
        bucket: Bucket::Free,
        amount: 150_000,
        reason: Text::new("given twice").unwrap(),
    };
    let answer = done(wire.command(&correct));
    assert_eq!(answer.amount, 100_000);
    assert_eq!(wire.ask(&[Operation::balance(ACCOUNT)])[0].available.free, 0);
}

fn reserve_for(worker: WorkerId) -> Operation {
    let mut operation = Operation::reserve(hold_id(), ACCOUNT, 1_000, 60_000);
    operation.worker = worker;
    operation
}

fn listed(answer: CommandAnswer) -> Vec<HoldId> {
    let View::Holds(holds) = done(answer).view else { panic!("holds are listed") };
    holds.as_slice().iter().map(|line| line.hold).collect()
}

const ALL_HOLDS: Command =
    Command::ListHolds { account: AccountId(0), worker: WorkerId(0), older_than_ms: 0, limit: 256, after: HoldId(0) };

/// R31: open holds by account, worker and age; a dead worker's in one command.
#[test]
fn holds_are_listed_and_a_dead_workers_are_released() {
    let (_daemon, mut wire, _files) = ground();
    let (dead, alive) = (WorkerId(7), WorkerId(8));
    let mut operations: Vec<Operation> = (0..5).map(|_| reserve_for(dead)).collect();
    operations.extend([reserve_for(alive), reserve_for(WorkerId(0))]);
    assert!(wire.ask(&operations).iter().all(|answer| answer.outcome == Outcome::Granted));
    let mut ids: Vec<HoldId> = operations.iter().map(|operation| operation.hold).collect();
    ids.sort_unstable();
    assert_eq!(listed(wire.command(&ALL_HOLDS)), ids);
    let list = |account, worker, older_than_ms, limit, after| Command::ListHolds {
        account,
        worker,
        older_than_ms,
        limit,
        after,
    };
    let none = HoldId(0);
    assert_eq!(listed(wire.command(&list(AccountId(0), WorkerId(0), 0, 2, none))), ids[..2]);
    assert_eq!(listed(wire.command(&list(AccountId(0), WorkerId(0), 0, 2, ids[4]))), ids[5..]);
    assert_eq!(listed(wire.command(&list(ACCOUNT, dead, 0, 256, none))).len(), 5);
    assert_eq!(listed(wire.command(&list(ACCOUNT, WorkerId(0), 3_600_000, 256, none))), []);
    assert_eq!(wire.command(&list(NOBODY, dead, 0, 256, none)).outcome, Outcome::UnknownAccount);

    let release = |account| Command::ReleaseWorker { command: command_id(), account, worker: dead };
    assert_eq!(wire.command(&release(NOBODY)).outcome, Outcome::UnknownAccount);
    let answer = done(wire.command(&release(AccountId(0))));
    assert_eq!(answer.detail, 5);
    assert!(answer.position > 0);
    assert_eq!(done(wire.command(&release(ACCOUNT))).detail, 0, "nothing of it is open any more");
    assert_eq!(listed(wire.command(&ALL_HOLDS)).len(), 2);
    assert_eq!(wire.ask(&[Operation::balance(ACCOUNT)])[0].available.free, 98_000);
    let View::Hold(hold) = wire.command(&Command::ShowHold { hold: operations[0].hold }).view else {
        panic!("a hold is shown")
    };
    assert_eq!(hold.state, HoldState::ReleasedByWorker);
    // R28: the work was done all the same.
    let late = wire.ask(&[Operation::commit_all(operations[0].hold, ACCOUNT, 1)]);
    assert_eq!(outcomes(&late), [Outcome::Late]);
}

/// R31: more holds than one chunk takes.
#[test]
fn a_worker_with_many_holds_is_released_in_chunks() {
    let (_daemon, mut wire, _files) = ground();
    let worker = WorkerId(7);
    let operations: Vec<Operation> = (0..1_500)
        .map(|_| {
            let mut operation = reserve_for(worker);
            operation.amount = 10;
            operation
        })
        .collect();
    wire.ask(&operations);
    let release = Command::ReleaseWorker { command: command_id(), account: ACCOUNT, worker };
    assert_eq!(done(wire.command(&release)).detail, 1_500);
    assert_eq!(wire.ask(&[Operation::balance(ACCOUNT)])[0].available.free, 100_000);
}

#[test]
fn accounts_are_listed_page_by_page() {
    let (_daemon, mut wire, _files) = ground();
    for number in [3_u128, 1, 2] {
        let open = Command::OpenAccount { command: command_id(), account: AccountId(number), zone: Text::default() };
        done(wire.command(&open));
    }
    let mut page = |after, limit| {
        let View::Accounts(accounts) = done(wire.command(&Command::ListAccounts { after, limit })).view else {
            panic!("accounts are listed")
        };
        accounts.as_slice().to_vec()
    };
    assert_eq!(page(AccountId(0), 3), [AccountId(1), AccountId(2), AccountId(3)]);
    assert_eq!(page(AccountId(3), 3), [ACCOUNT]);
    assert_eq!(page(ACCOUNT, 3), []);
    let answer = wire.command(&Command::ListAccounts { after: AccountId(0), limit: 257 });
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, u32::from(Field::Limit.number())));
}

fn quote(wire: &mut Wire, model: u32, count: u16) -> QuoteView {
    let answer = wire.command(&Command::Quote { account: ACCOUNT, tool: 1, model, settings: 0, count, sources: 0 });
    let View::Quote(view) = done(answer).view else { panic!("a quote is shown") };
    *view
}

/// R21: price, split, whether it would pass, and what would fit; nothing is set aside.
#[test]
fn a_quote_says_what_would_pass_and_what_would_fit() {
    let (_daemon, mut wire, _files) = ground();
    let view = quote(&mut wire, FLUX, 3);
    assert_eq!((view.price, view.per_result, view.version, view.would), (72_000, 24_000, 1, Outcome::Granted));
    assert_eq!((view.split.free, view.available.free), (72_000, 100_000));
    assert_eq!((view.largest_count, view.fits_after_reset_at_ms), (4, 0));
    let view = quote(&mut wire, FLUX, 5);
    assert_eq!((view.would, view.split.free, view.largest_count), (Outcome::Insufficient, 0, 4));
    assert_eq!(view.fits_after_reset_at_ms, 0, "no reset brings as much");

    wire.ask(&[Operation::charge(hold_id(), ACCOUNT, 90_000)]);
    let view = quote(&mut wire, FLUX, 3);
    let reset = wire.ask(&[Operation::balance(ACCOUNT)])[0].next_reset_at_ms;
    assert_eq!((view.would, view.largest_count), (Outcome::Insufficient, 0));
    assert_eq!(view.fits_after_reset_at_ms, reset, "the free credits of the next day are enough");
    assert_eq!(wire.ask(&[Operation::balance(ACCOUNT)])[0].available.free, 10_000);
}

/// R19: what the card does not know has no quote.
#[test]
fn a_quote_without_a_price() {
    let (_daemon, mut wire, _files) = ground();
    let of = |account, model, sources| Command::Quote { account, tool: 1, model, settings: 0, count: 1, sources };
    assert_eq!(wire.command(&of(ACCOUNT, 99, 0)).outcome, Outcome::Unpriced);
    assert_eq!(wire.command(&of(NOBODY, FLUX, 0)).outcome, Outcome::UnknownAccount);
    let answer = wire.command(&of(ACCOUNT, FLUX, 8));
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, u32::from(Field::Sources.number())));
}

/// R21: the need of a month, with its buffer, and the cheapest plan that covers it.
#[test]
fn an_estimate_names_the_cheapest_plan() {
    let (_daemon, mut wire, _files) = ground();
    let estimate = |per_day| Command::Estimate {
        lines: List::new(vec![EstimateLine { tool: 1, model: FLUX, settings: 0, per_day }]).unwrap(),
        days: 20,
        buffer_percent_min: 20,
        buffer_percent_max: 30,
    };
    let mut need_and_plan = |per_day| {
        let View::Estimate(view) = done(wire.command(&estimate(per_day))).view else { panic!("an estimate is shown") };
        ([view.need, view.with_buffer_min, view.with_buffer_max], view.plan, view.plan_name.as_str().to_owned())
    };
    assert_eq!(need_and_plan(1), ([480_000, 576_000, 624_000], BASIC, "basic".to_owned()));
    assert_eq!(need_and_plan(2).1, PRO, "1,248 credits are more than the small plan has");
    assert_eq!(need_and_plan(100).1, 0, "no plan covers it");
}

/// R21: the figures of the acceptance, from the card that comes with the program.
#[test]
fn the_estimate_of_a_working_month() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    let View::Rates(rates) = wire.command(&Command::ListRates).view else { panic!("prices are shown") };
    let priced = |price| {
        let found =
            rates.models.as_slice().iter().find(|model| model.price == price && model.unit.as_str() == "result");
        found.map(|model| model.model)
    };
    let (image, video) = (priced(24_000), priced(210_000));
    let tools =
        |wanted: &str| rates.tools.as_slice().iter().find(|tool| tool.key.as_str() == wanted).map(|tool| tool.tool);
    let line = |tool: Option<u16>, model: Option<u32>, per_day| EstimateLine {
        tool: tool.unwrap(),
        model: model.unwrap(),
        settings: 0,
        per_day,
    };
    let lines = vec![line(tools("image"), image, 30), line(tools("video"), video, 10)];
    let command = Command::Estimate {
        lines: List::new(lines).unwrap(),
        days: 22,
        buffer_percent_min: 20,
        buffer_percent_max: 30,
    };
    let View::Estimate(view) = done(wire.command(&command)).view else { panic!("an estimate is shown") };
    let figures = [view.need, view.with_buffer_min, view.with_buffer_max];
    assert_eq!(figures, [62_040_000, 74_448_000, 80_652_000]);
    assert_eq!(view.plan_name.as_str(), "ultimate");
}

/// What became of plans and top-ups survives a kill (I3).
#[test]
fn a_kill_loses_no_subscription_and_no_pending_top_up() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    funded(&mut wire);
    let View::Plans(plans) = wire.command(&Command::ListPlans).view else { panic!("plans are shown") };
    let plan = plans.plans.as_slice()[0].clone();
    let first = subscribe(plan.plan);
    let before = change_of(done(wire.command(&first)));
    let payment = payment_id();
    done(wire.command(&Command::PendingTopUp { payment, account: ACCOUNT, amount: 7_500 }));
    daemon.kill();

    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    let again = wire.command(&first);
    assert_eq!(again.outcome, Outcome::Replayed);
    assert_eq!(change_of(again), before);
    let View::Account(account) = wire.command(&Command::ShowAccount { account: ACCOUNT }).view else {
        panic!("an account is shown")
    };
    assert_eq!(account.plan.map(|plan| (plan.plan, plan.allocation)), Some((plan.plan, plan.credits)));
    assert_eq!(account.pending_top_ups.as_slice().len(), 1);
    let confirm = Command::ConfirmTopUp { payment, account: ACCOUNT };
    assert_eq!(wire.command(&confirm).outcome, Outcome::Done);
}
