//! The real daemon and the plain model side by side: every request goes to both, and both must say the same.

use std::sync::LazyLock;

use creditd::dispatch::{self, Asked};
use protocol::{AccountId, AccountView, BucketView, ClockState, Command, Operation, PerBucket, Text, View};
use wallet::outcome::Outcome;
use wallet::plan::parse::plan_catalog;
use wallet::request::Answer;
use wallet::settings::Settings;

use super::daemon::{Daemon, Folder, wait_until};
use super::faketime::FakeClock;
use crate::crash::wire::{Reply, Request, Wire};
use crate::sim::model::catalog::{Bundle, Catalog, Plan};
use crate::sim::model::subscription::{NEVER, Subscribed, Terms};
use crate::sim::model::{Amounts, Clock, Effect, Expected, Model, Policy, State, Wallet};
use crate::sim::zones::Zone;

/// Holds end when they end: the grace after a start has tests of its own.
const ENVIRONMENT: [(&str, &str); 2] = [("CREDITD_RECOVERY__HOLD_GRACE_MS", "0"), ("CREDITD_LOG__FILTER", "info")];
/// The daily credits of the default configuration (R5).
const ALLOWANCE: u64 = 100_000;

/// The shipped plans, as the model reads them.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let shipped = plan_catalog("plans.toml", include_str!("../../config/plans.toml")).unwrap();
    let plans = shipped.all().iter().map(|plan| Plan {
        terms: Terms { plan: plan.id.0, tier: plan.tier.0, credits: plan.credits.millis() },
        months: plan.term.months(),
        top_up: plan.top_up,
    });
    let bundles = shipped
        .bundles()
        .iter()
        .map(|bundle| Bundle { name: bundle.name.clone().leak(), credits: bundle.credits.millis() });
    Catalog { plans: plans.collect::<Vec<_>>().leak(), bundles: bundles.collect::<Vec<_>>().leak() }
});

/// A daemon and its model, at one instant. The daemon's wall clock stands still until [`Twin::pass_to`].
pub(super) struct Twin {
    folder: Folder,
    clock: FakeClock,
    pub(super) daemon: Daemon,
    pub(super) wire: Wire,
    pub(super) model: Model,
    pub(super) now: u64,
    pub(super) accounts: Vec<(AccountId, Zone)>,
    /// Requests that both have answered alike.
    pub(super) compared: u64,
    /// Forward steps that an operator had to confirm.
    pub(super) confirmed: u64,
}

impl Twin {
    pub(super) fn new(now: u64) -> Self {
        let folder = Folder::new();
        let clock = FakeClock::standing_at(folder.path(), now);
        let daemon = Daemon::must_start(&folder, Some(&clock), &ENVIRONMENT);
        let wire = Wire::connect(&daemon.address).unwrap();
        let mut model = Model::new(Settings { hold_grace_ms: 0, ..Settings::default() });
        model.catalog = *CATALOG;
        // What the first start of a journal has in it.
        model.policy(Policy { from: 0, allowance: ALLOWANCE, all_accounts: false }, 0);
        Self { folder, clock, daemon, wire, model, now, accounts: Vec::new(), compared: 0, confirmed: 0 }
    }

    pub(super) const fn instant(&self) -> Clock {
        Clock { daemon: self.now, wall: self.now }
    }

    pub(super) fn open(&mut self, account: AccountId, zone: Zone) {
        let command = protocol::CommandId(account.0);
        self.command(&Command::OpenAccount { command, account, zone: Text::new(zone.name()).unwrap() });
        self.accounts.push((account, zone));
    }

    /// Asks both, and compares.
    pub(super) fn command(&mut self, command: &Command) -> Outcome {
        let answer = self.wire.ask(std::slice::from_ref(command)).unwrap().remove(0);
        let expected = self.expected_of_command(command);
        let said = (answer.outcome.number(), answer.amount, answer.time_ms);
        let wanted = (expected.outcome.code(), expected.amount, expected.time);
        assert_eq!(said, wanted, "{command:?}\n  answered {answer:?}\n  expected {expected:?}\n{}", self.place());
        self.take_effect(&expected, answer.position);
        // A zone change moves boundaries into the past (R10).
        self.roll();
        self.compared += 1;
        expected.outcome
    }

    pub(super) fn expected_of_command(&mut self, command: &Command) -> Expected {
        let Asked::Change(request) = dispatch::command(command, "") else { panic!("{command:?} changes nothing") };
        self.model.command(&request, self.instant())
    }

    /// Asks both, and compares.
    pub(super) fn ask(&mut self, operation: Operation) -> Outcome {
        self.wire.send(&Request::Operations(vec![operation])).unwrap();
        let answer = match self.wire.receive().unwrap() {
            Reply::Answers(mut answers) => answers.remove(0),
            Reply::Command(answer) => panic!("{answer:?}"),
        };
        self.agree(&operation, &answer)
    }

    /// What the daemon has answered to an operation at this instant is what the model says.
    pub(super) fn agree(&mut self, operation: &Operation, answer: &protocol::Answer) -> Outcome {
        let expected = self.expected_of(operation, answer);
        let told = Told::by(answer);
        let wanted = Told::expected(&expected, &told);
        assert_eq!(told, wanted, "{operation:?}\n  answered {answer:?}\n  expected {expected:?}\n{}", self.place());
        self.take_effect(&expected, answer.position);
        self.compared += 1;
        expected.outcome
    }

    /// What the model says to an operation; where the rules leave a choice, by what it was answered.
    pub(super) fn expected_of(&mut self, operation: &Operation, answer: &protocol::Answer) -> Expected {
        let seen = Answer::of(Outcome::from_code(answer.outcome.number()).unwrap());
        self.model.operation(&dispatch::operation(operation), self.instant(), &seen)
    }

    pub(super) fn take_effect(&mut self, expected: &Expected, position: u64) {
        if expected.effect != Effect::Nothing {
            self.model.place(position);
        }
        self.model.flush();
        self.model.durable(u64::MAX);
    }

    /// Moves both to an instant: the daemon's wall clock steps there; beyond the limit of a step an operator confirms it.
    pub(super) fn pass_to(&mut self, at: u64) {
        assert!(at >= self.now, "time does not go back here");
        self.clock.stand_at(at);
        let mut state = None;
        wait_until("the daemon sees the step", || {
            let View::Clock(view) = self.ask_clock(false) else { panic!("a clock is shown") };
            state = Some(view.state);
            view.wall_ms == at
        });
        if state == Some(ClockState::Suspect) {
            let View::Clock(view) = self.ask_clock(true) else { panic!("a clock is shown") };
            assert!(view.confirmed && view.daemon_ms == at, "{view:?}");
            self.confirmed += 1;
        }
        self.be_at(at);
        self.wait_for_expiries();
    }

    /// Moves the wall clock, less than an operator would have to confirm, and waits for nothing.
    pub(super) fn step_to(&mut self, at: u64) {
        self.clock.stand_at(at);
        self.be_at(at);
    }

    /// A retry was answered `replayed`: the first decision, at this instant, is that of the model.
    pub(super) fn agree_with_first(&mut self, operation: &Operation, again: &protocol::Answer) {
        let expected = self.expected_of(operation, again);
        assert!(
            expected.effect != Effect::Nothing,
            "{operation:?} left nothing: {expected:?} {again:?} {}",
            self.place()
        );
        let first = (again.detail, amounts(&again.split), again.amount, again.forfeited);
        let wanted = (u32::from(expected.outcome.code()), expected.split, expected.amount, expected.forfeited);
        assert_eq!(first, wanted, "{operation:?}\n  answered {again:?}\n  expected {expected:?}\n{}", self.place());
        self.take_effect(&expected, again.position);
        self.compared += 1;
    }

    /// The daemon has expired what is due; the model's wallets and holds are those of the instant already.
    pub(super) fn wait_for_expiries(&mut self) {
        let open = self.open_holds();
        wait_until(&format!("{open} holds are open"), || self.daemon.metric::<u64>("creditd_holds_open") == open);
    }

    fn open_holds(&self) -> u64 {
        u64::try_from(self.model.holds.values().filter(|hold| hold.state == State::Open).count()).unwrap()
    }

    /// What the instant brings to the model: ends of cycles, then of holds.
    pub(super) fn be_at(&mut self, at: u64) {
        self.now = at;
        self.roll();
        let due = self.model.holds.iter().filter(|(_, hold)| hold.state == State::Open && hold.ends_at <= at);
        let due: Vec<u128> = due.map(|(id, _)| *id).collect();
        for id in due {
            self.model.expire(id, self.instant()).unwrap();
            self.model.place(0);
        }
        self.model.flush();
        self.model.durable(u64::MAX);
    }

    fn roll(&mut self) {
        let now = self.instant();
        let due = self.model.wallets.iter().filter(|(_, wallet)| wallet.due().is_some_and(|due| due <= now.daemon));
        let due: Vec<u128> = due.map(|(account, _)| *account).collect();
        for account in due {
            let rolled = self.model.wallet(account, now);
            self.model.wallets.insert(account, rolled);
        }
    }

    /// SIGKILL, and a start at the same instant or a later one; the model stays where it is.
    pub(super) fn kill_and_restart(&mut self, at: u64) {
        self.daemon.kill();
        self.clock.stand_at(at);
        self.daemon = Daemon::must_start(&self.folder, Some(&self.clock), &ENVIRONMENT);
        self.wire = Wire::connect(&self.daemon.address).unwrap();
    }

    fn ask_clock(&mut self, confirm: bool) -> View {
        self.wire.ask(&[Command::Clock { confirm }]).unwrap().remove(0).view
    }

    /// Every wallet as a whole: balances, counters, day, period, plan.
    pub(super) fn look(&mut self) {
        let accounts = self.accounts.clone();
        let shows: Vec<Command> =
            accounts.iter().map(|(account, _)| Command::ShowAccount { account: *account }).collect();
        let answers = self.wire.ask(&shows).unwrap();
        for ((account, _), answer) in accounts.iter().zip(answers) {
            let View::Account(view) = answer.view else { panic!("{account}: {answer:?}") };
            let wallet = self.model.wallet(account.0, self.instant());
            let next_reset_at = self.model.view_of_wallet(account.0, self.instant()).next_reset_at;
            let held = self.model.holds.values();
            let open = held.filter(|hold| hold.account == account.0 && hold.state == State::Open).count();
            assert_eq!(Seen::shown(&view), Seen::by_model(&wallet, next_reset_at, open), "{account} {}", self.place());
        }
    }

    /// Where a comparison has failed.
    pub(super) fn place(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(self.now).unwrap()).unwrap();
        format!("at {at}, after {} comparisons; {}", self.compared, self.folder.path().display())
    }
}

/// What an answer tells, as far as both sides must tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Told {
    outcome: u16,
    detail: u32,
    split: Amounts,
    amount: u64,
    time: u64,
    forfeited: u64,
    late: bool,
    available: Amounts,
    next_reset_at: u64,
    top_up_allowed: bool,
}

impl Told {
    fn by(answer: &protocol::Answer) -> Self {
        Self {
            outcome: answer.outcome.number(),
            detail: answer.detail,
            split: amounts(&answer.split),
            amount: answer.amount,
            time: answer.time_ms,
            forfeited: answer.forfeited,
            late: answer.flags.contains(protocol::AnswerFlags::LATE),
            available: amounts(&answer.available),
            next_reset_at: answer.next_reset_at_ms,
            top_up_allowed: answer.flags.contains(protocol::AnswerFlags::TOP_UP_ALLOWED),
        }
    }

    /// What a refusal need not tell of a wallet is taken from the answer, if it is silent there.
    fn expected(expected: &Expected, told: &Self) -> Self {
        let silent = (told.available, told.next_reset_at, told.top_up_allowed) == ([0; 3], 0, false);
        let view = expected.view.filter(|_| expected.tells || !silent);
        Self {
            outcome: expected.outcome.code(),
            detail: expected.detail,
            split: expected.split,
            amount: expected.amount,
            time: expected.time,
            forfeited: expected.forfeited,
            late: expected.late,
            available: view.map_or(told.available, |view| view.available),
            next_reset_at: view.map_or(told.next_reset_at, |view| view.next_reset_at),
            top_up_allowed: view.map_or(told.top_up_allowed, |view| view.top_up_allowed),
        }
    }
}

const fn amounts(split: &PerBucket) -> Amounts {
    [split.free, split.subscription, split.top_up]
}

/// A wallet as both sides show it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    zone: String,
    tier: u8,
    frozen: bool,
    debt: u64,
    day: u32,
    period: u32,
    next_reset_at: u64,
    cycle_ends_at: u64,
    open_holds: u64,
    buckets: [Bucket; 3],
    plan: Option<Running>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bucket {
    available: u64,
    held: u64,
    granted: u64,
    spent: u64,
    expired: u64,
    clawed_back: u64,
}

/// A subscription: plan, tier, allocation, anchor, cycle, starts, ends, paid through, renews.
type Running = (u16, u8, u64, u64, u32, u64, u64, u64, bool);

impl Seen {
    fn shown(view: &AccountView) -> Self {
        let bucket = |bucket: &BucketView| Bucket {
            available: bucket.available,
            held: bucket.held,
            granted: bucket.granted,
            spent: bucket.spent,
            expired: bucket.expired,
            clawed_back: bucket.clawed_back,
        };
        let plan = |plan: &protocol::SubscriptionView| {
            let (plan_id, tier, allocation, anchor, cycle) =
                (plan.plan, plan.tier, plan.allocation, plan.anchor_ms, plan.cycle);
            let (starts, ends, paid) = (plan.starts_at_ms, plan.ends_at_ms, plan.paid_through_ms);
            (plan_id, tier, allocation, anchor, cycle, starts, ends, paid, plan.auto_renew)
        };
        Self {
            zone: view.zone.as_str().to_owned(),
            tier: view.tier,
            frozen: view.frozen,
            debt: view.debt,
            day: view.day,
            period: view.period,
            next_reset_at: view.next_reset_at_ms,
            cycle_ends_at: view.cycle_ends_at_ms,
            open_holds: view.open_holds,
            buckets: [bucket(&view.free), bucket(&view.subscription), bucket(&view.top_up)],
            plan: view.plan.as_ref().map(plan),
        }
    }

    fn by_model(wallet: &Wallet, next_reset_at: u64, open: usize) -> Self {
        let bucket = |index: usize| {
            let of = &wallet.counters[index];
            Bucket {
                available: wallet.available[index],
                held: of.held,
                granted: of.granted,
                spent: of.spent,
                expired: of.expired,
                clawed_back: of.clawed_back,
            }
        };
        Self {
            zone: wallet.zone.name().to_owned(),
            tier: wallet.tier(),
            frozen: wallet.frozen,
            debt: wallet.debt,
            day: wallet.day,
            period: wallet.period,
            next_reset_at,
            cycle_ends_at: wallet.due().unwrap_or(0),
            open_holds: u64::try_from(open).unwrap(),
            buckets: [bucket(0), bucket(1), bucket(2)],
            plan: wallet.subscribed.as_ref().map(running),
        }
    }
}

fn running(of: &Subscribed) -> Running {
    let or_none = |at: u64| if at == NEVER { 0 } else { at };
    let Terms { plan, tier, credits } = of.terms;
    let (ends, paid_through) = (or_none(of.ends), or_none(of.paid_through));
    (plan, tier, credits, of.anchor, of.cycle, of.starts, ends, paid_through, of.auto_renew)
}
