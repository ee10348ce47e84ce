//! What the load client asks for: frames of 1 to 500 operations on a few dozen wallets, and commands between them.

use protocol::limits::TIER_MAX;
use protocol::{
    AccountId, Bucket, Command, HoldId, MemberId, Operation, OperationFlags, OperationKind, OverCommit, RefundReason,
    Sources, Text, WorkerId,
};

use super::random::Random;
use super::wire::Request;

/// Open holds that one worker keeps about; beyond, it settles.
const OPEN_MOST: usize = 600;
/// Ended holds that may still be refunded.
const REFUNDABLE_MOST: usize = 200;
/// Longer than a round of cycles: no hold ends by time in these tests.
const TTL_MS: (u64, u64) = (3_600_000, 7_200_000);

/// A hold as the worker means to go on with it, whatever becomes of its requests.
#[derive(Clone, Copy, Debug)]
struct Plan {
    hold: HoldId,
    account: AccountId,
    over_commit: OverCommit,
    rest: u64,
    captured: u64,
    captures: u8,
    refunds: u8,
}

/// Makes requests. Ids come from the clock, everything else from the seed.
#[derive(Debug)]
pub(super) struct Load {
    random: Random,
    accounts: Vec<AccountId>,
    open: Vec<Plan>,
    refundable: Vec<Plan>,
}

impl Load {
    pub(super) fn new(seed: u64, accounts: &[AccountId]) -> Self {
        Self { random: Random::new(seed), accounts: accounts.to_vec(), open: Vec::new(), refundable: Vec::new() }
    }

    /// Opens the accounts; two in three have a subscription, the others live on gifts.
    pub(super) fn setup(accounts: &[AccountId]) -> Vec<Request> {
        let mut requests = Vec::new();
        for (number, account) in accounts.iter().enumerate() {
            let (account, amount) = (*account, 400_000);
            requests.push(Command::OpenAccount { command: client::command_id(), account, zone: Text::default() });
            if number % 3 == 0 {
                let (bucket, reason) = (Bucket::TopUp, Text::default());
                requests.push(Command::Grant { command: client::command_id(), account, bucket, amount, reason });
            } else {
                let tier = 1 + u8::try_from(number).unwrap() % TIER_MAX;
                let command = client::command_id();
                requests.push(Command::SetSubscription { command, account, amount, tier, ends_at_ms: 0 });
            }
        }
        requests.into_iter().map(Request::Command).collect()
    }

    /// How many frames may be without an answer at once, this time.
    pub(super) fn window(&mut self) -> usize {
        self.random.pick(&[1, 2, 4, 8])
    }

    pub(super) fn request(&mut self) -> Request {
        if self.random.percent(20) {
            return Request::Command(self.command());
        }
        let size = match self.random.next() % 10 {
            0..4 => 1,
            4..7 => self.random.between(2, 20),
            7..9 => self.random.between(21, 150),
            _ => self.random.between(151, 500),
        };
        Request::Operations((0..size).map(|_| self.operation()).collect())
    }

    fn command(&mut self) -> Command {
        let account = self.random.pick(&self.accounts);
        let amount = self.random.between(1, 60_000);
        let command = client::command_id();
        let reason = Text::cut("crash test");
        match self.random.next() % 20 {
            0..14 => Command::TopUp { payment: client::payment_id(), account, amount },
            14..17 => {
                // From every other account: where something was clawed back, top-up credits and debt are one number, and
                // the history cannot tell whether a bucket went below zero.
                let account = self.accounts[self.random.index(self.accounts.len()) / 2 * 2];
                Command::Clawback { command, account, amount, reason }
            }
            _ => {
                let bucket = self.random.pick(&[Bucket::Free, Bucket::Subscription, Bucket::TopUp]);
                Command::Grant { command, account, bucket, amount, reason }
            }
        }
    }

    fn operation(&mut self) -> Operation {
        let settle = if self.open.len() >= OPEN_MOST { 90 } else { 55 };
        if !self.open.is_empty() && self.random.percent(settle) {
            return self.settlement();
        }
        if !self.refundable.is_empty() && self.random.percent(10) {
            let at = self.random.index(self.refundable.len());
            let mut plan = self.refundable.swap_remove(at);
            return self.refund(&mut plan);
        }
        self.take()
    }

    fn take(&mut self) -> Operation {
        let random = &mut self.random;
        let hold = HoldId::from_time_ms(client::hold_id().time_ms().unwrap(), random.wide());
        let account = random.pick(&self.accounts);
        let amount = random.between(1, 2_000);
        let charge = random.percent(20);
        let mut operation = if charge {
            Operation::charge(hold, account, amount)
        } else {
            let ttl = random.between(TTL_MS.0, TTL_MS.1);
            Operation::reserve(hold, account, amount, u32::try_from(ttl).unwrap())
        };
        if !charge {
            operation.over_commit = random.pick(&[OverCommit::Reject, OverCommit::Cap, OverCommit::Draw]);
        }
        if random.percent(20) {
            operation.sources = random.pick(&[
                Sources::FREE,
                Sources::TOP_UP,
                Sources::SUBSCRIPTION.with(Sources::TOP_UP),
                Sources::FREE.with(Sources::SUBSCRIPTION),
            ]);
        }
        if random.percent(10) {
            operation.flags = OperationFlags::PRO_MODEL;
        }
        if random.percent(10) {
            operation.min_tier = random.pick(&[1, 4, TIER_MAX]);
        }
        operation.member = MemberId(random.wide());
        operation.worker = WorkerId(random.wide());
        let captured = if charge { amount } else { 0 };
        let over_commit = operation.over_commit;
        let plan = Plan { hold, account, over_commit, rest: amount - captured, captured, captures: 0, refunds: 0 };
        if charge {
            self.keep_refundable(plan)
        } else {
            self.open.push(plan)
        }
        operation
    }

    fn settlement(&mut self) -> Operation {
        let at = self.random.index(self.open.len());
        let mut plan = self.open[at];
        let choice = self.random.next() % 20;
        let operation = match choice {
            0..12 => self.commit(&mut plan, choice < 6),
            12..15 => Operation::release(plan.hold, plan.account),
            15..17 => {
                let ttl = self.random.between(TTL_MS.0, TTL_MS.1);
                Operation::extend(plan.hold, plan.account, u32::try_from(ttl).unwrap())
            }
            _ if plan.captured > 0 => self.refund(&mut plan),
            _ => self.commit(&mut plan, false),
        };
        let ends = operation.kind == OperationKind::Release || operation.flags.contains(OperationFlags::FINAL);
        if ends {
            self.open.swap_remove(at);
            self.keep_refundable(plan);
        } else {
            self.open[at] = plan;
        }
        operation
    }

    fn commit(&mut self, plan: &mut Plan, last: bool) -> Operation {
        let number = plan.captures;
        plan.captures += 1;
        let last = last || number > 20;
        let mut operation = if self.random.percent(40) {
            plan.captured += plan.rest;
            plan.rest = 0;
            Operation::commit_all(plan.hold, plan.account, number)
        } else {
            let above = if self.random.percent(15) { 500 } else { 0 };
            let amount = self.random.between(1, plan.rest / 2 + 1) + above;
            let in_hold = amount.min(plan.rest);
            let drawn = if plan.over_commit == OverCommit::Draw { amount - in_hold } else { 0 };
            plan.rest -= in_hold;
            plan.captured += in_hold + drawn;
            Operation::commit(plan.hold, plan.account, amount, number)
        };
        if !last {
            operation.flags = OperationFlags(operation.flags.0 & !OperationFlags::FINAL.0);
        }
        operation
    }

    fn refund(&mut self, plan: &mut Plan) -> Operation {
        let number = plan.refunds;
        plan.refunds = plan.refunds.wrapping_add(1);
        let reason = self.random.pick(RefundReason::ALL);
        let mut operation = Operation::refund(plan.hold, plan.account, 0, number, reason);
        if self.random.percent(30) || plan.captured == 0 {
            operation.flags = OperationFlags::ALL;
        } else {
            operation.amount = self.random.between(1, plan.captured);
        }
        operation
    }

    fn keep_refundable(&mut self, plan: Plan) {
        if self.refundable.len() >= REFUNDABLE_MOST {
            let at = self.random.index(self.refundable.len());
            self.refundable.swap_remove(at);
        }
        self.refundable.push(plan);
    }
}
