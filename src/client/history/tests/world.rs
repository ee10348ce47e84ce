//! Clean histories: a daemon in miniature decides what a load asks of it.

use std::collections::BTreeMap;

use protocol::{
    AccountId, Answer, AnswerFlags, CaptureView, HoldId, HoldState, HoldView, List, MemberId, Operation,
    OperationFlags, OperationKind, Outcome, PerBucket, RefundReason, RefundView, WorkerId,
};

use super::super::*;

pub(super) const SERVER_TIME_MS: u64 = 1_000_000;
pub(super) const TERMS: Terms =
    Terms { entries_max: 1 << 20, durable: true, uninterrupted: true, server_time_ms: SERVER_TIME_MS };

/// A small generator of its own.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub(super) const fn per_bucket(free: u64, subscription: u64, top_up: u64) -> PerBucket {
    PerBucket { free, subscription, top_up }
}

pub(super) fn plus(a: PerBucket, b: PerBucket) -> PerBucket {
    per_bucket(a.free + b.free, a.subscription + b.subscription, a.top_up + b.top_up)
}

pub(super) fn less(a: PerBucket, b: PerBucket) -> PerBucket {
    per_bucket(a.free - b.free, a.subscription - b.subscription, a.top_up - b.top_up)
}

pub(super) fn draw(from: PerBucket, amount: u64) -> PerBucket {
    let free = from.free.min(amount);
    let subscription = from.subscription.min(amount - free);
    per_bucket(free, subscription, from.top_up.min(amount - free - subscription))
}

pub(super) fn sum(amounts: PerBucket) -> u64 {
    amounts.free + amounts.subscription + amounts.top_up
}

pub(super) fn account(number: usize) -> AccountId {
    AccountId(1_000 + number as u128)
}

/// One request of the history, as the load client has it.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) operation: Operation,
    pub(super) answer: Answer,
    pub(super) span: Span,
}

/// A hold in the daemon's books.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) hold: HoldId,
    pub(super) wallet: usize,
    pub(super) amount: PerBucket,
    pub(super) rest: PerBucket,
    pub(super) captured: PerBucket,
    pub(super) open: bool,
}

/// A step that follows an operation's decision.
#[derive(Clone, Copy, Debug)]
pub(super) enum Later {
    Push(usize),
    Give(usize, PerBucket),
    End(usize),
}

/// A daemon in miniature: takes change the wallet first and get their position later, gives get their position first.
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: u64,
    pub(super) openings: Vec<PerBucket>,
    pub(super) wallets: Vec<PerBucket>,
    pub(super) spent: Vec<PerBucket>,
    pub(super) holds: Vec<Held>,
    pub(super) later: BTreeMap<(u64, usize), Later>,
    pub(super) steps: usize,
    pub(super) position: u64,
    pub(super) noted: Vec<Noted>,
    /// The last request of each hold: until it has its place, nobody decides another one.
    pub(super) last: Vec<usize>,
}

impl World {
    pub(super) fn new(seed: u64, wallets: usize, funds: PerBucket) -> Self {
        Self {
            dice: Dice(seed),
            now: 1_000,
            openings: vec![funds; wallets],
            wallets: vec![funds; wallets],
            spent: vec![PerBucket::default(); wallets],
            holds: Vec::new(),
            later: BTreeMap::new(),
            steps: 0,
            position: 100,
            noted: Vec::new(),
            last: Vec::new(),
        }
    }

    pub(super) fn after(&mut self, step: Later, delay: u64) {
        self.steps += 1;
        self.later.insert((self.now + delay, self.steps), step);
    }

    /// Lets time go by, with what is due in it.
    pub(super) fn pass(&mut self, time: u64) {
        let until = self.now + time;
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), step) = entry.remove_entry();
            self.now = at;
            match step {
                Later::Push(number) => {
                    self.position += 1;
                    self.noted[number].answer.position = self.position;
                }
                Later::Give(wallet, amount) => self.wallets[wallet] = plus(self.wallets[wallet], amount),
                Later::End(number) => self.noted[number].span.end_us = self.now + self.dice.roll(5),
            }
        }
        self.now = until;
    }

    pub(super) fn note(
        &mut self,
        operation: Operation,
        answer: Answer,
        push: bool,
        give: Option<(usize, PerBucket)>,
    ) -> usize {
        let number = self.noted.len();
        let start_us = self.now - self.dice.roll(40);
        let flags = AnswerFlags::DURABLE;
        self.noted.push(Noted { operation, answer: Answer { flags, ..answer }, span: Span { start_us, end_us: 0 } });
        let pushed = self.dice.roll(20);
        let applied = pushed + self.dice.roll(20);
        if push {
            self.after(Later::Push(number), pushed);
        }
        if let Some((wallet, amount)) = give {
            self.after(Later::Give(wallet, amount), applied);
        }
        let ends = applied + self.dice.roll(60);
        self.after(Later::End(number), ends);
        number
    }

    pub(super) fn take(&mut self, charge: bool) {
        let wallet = usize::try_from(self.dice.roll(self.wallets.len() as u64)).unwrap();
        let amount = self.dice.roll(40);
        let hold = HoldId::from_time_ms(SERVER_TIME_MS, self.noted.len() as u128 + 1);
        let operation = if charge {
            Operation::charge(hold, account(wallet), amount)
        } else {
            Operation::reserve(hold, account(wallet), amount, 60_000)
        };
        let there = self.wallets[wallet];
        if sum(there) < amount {
            let refused = Answer { available: there, amount, ..Answer::of(Outcome::Insufficient) };
            self.note(operation, refused, false, None);
            return;
        }
        let split = draw(there, amount);
        self.wallets[wallet] = less(there, split);
        let answer = Answer {
            split,
            available: self.wallets[wallet],
            time_ms: SERVER_TIME_MS + 60_000,
            ..Answer::of(Outcome::Granted)
        };
        let number = self.note(operation, answer, true, None);
        let (captured, rest) = if charge { (split, PerBucket::default()) } else { (PerBucket::default(), split) };
        self.spent[wallet] = plus(self.spent[wallet], captured);
        self.holds.push(Held { hold, wallet, amount: split, rest, captured, open: !charge });
        self.last.push(number);
    }

    /// A settlement of a hold that has nothing in flight.
    pub(super) fn settle(&mut self) {
        let placed = |index: &usize| self.noted[self.last[*index]].answer.position > 0;
        let known: Vec<usize> = (0..self.holds.len()).filter(placed).collect();
        if known.is_empty() {
            return;
        }
        let index = known[usize::try_from(self.dice.roll(known.len() as u64)).unwrap()];
        let Held { hold, wallet, rest, captured, open, .. } = self.holds[index];
        let number =
            u8::try_from(self.noted.iter().filter(|noted| noted.operation.hold == hold).count() % 250).unwrap();
        let there = self.wallets[wallet];
        let settle = self.dice.roll(3);
        if open && settle == 0 {
            self.holds[index].open = false;
            self.holds[index].rest = PerBucket::default();
            let answer = Answer { split: rest, available: plus(there, rest), ..Answer::of(Outcome::Done) };
            self.last[index] = self.note(Operation::release(hold, account(wallet)), answer, true, Some((wallet, rest)));
        } else if open {
            let amount = self.dice.roll(sum(rest) + 1);
            let last = settle == 1;
            let split = draw(rest, amount);
            let left = less(rest, split);
            let back = if last { left } else { PerBucket::default() };
            self.holds[index].rest = less(left, back);
            self.holds[index].captured = plus(captured, split);
            self.holds[index].open = !last;
            self.spent[wallet] = plus(self.spent[wallet], split);
            let mut operation = Operation::commit(hold, account(wallet), amount, number);
            operation.flags = if last { OperationFlags::FINAL } else { OperationFlags::NONE };
            let answer = Answer { split, available: plus(there, back), ..Answer::of(Outcome::Done) };
            self.last[index] = self.note(operation, answer, true, Some((wallet, back)));
        } else if sum(captured) > 0 {
            let amount = 1 + self.dice.roll(sum(captured));
            let kept = draw(captured, sum(captured) - amount);
            let split = less(captured, kept);
            self.holds[index].captured = kept;
            self.spent[wallet] = less(self.spent[wallet], split);
            let operation = Operation::refund(hold, account(wallet), amount, number, RefundReason::Timeout);
            let answer = Answer { split, available: plus(there, split), ..Answer::of(Outcome::Done) };
            self.last[index] = self.note(operation, answer, true, Some((wallet, split)));
        }
    }

    pub(super) fn run(mut self, operations: usize) -> Self {
        while self.noted.len() < operations {
            match self.dice.roll(10) {
                0..4 => self.take(false),
                4 => self.take(true),
                5 => {
                    let wallet = usize::try_from(self.dice.roll(self.wallets.len() as u64)).unwrap();
                    let answer = Answer { available: self.wallets[wallet], ..Answer::of(Outcome::Done) };
                    self.note(Operation::balance(account(wallet)), answer, false, None);
                }
                _ => self.settle(),
            }
            let time = self.dice.roll(8);
            self.pass(time);
        }
        self.pass(1_000);
        self
    }

    pub(super) fn standings(&self, available: &[PerBucket], spent: &[PerBucket], open: bool) -> Vec<Standing> {
        let standing = |wallet: usize| {
            let holds = self.holds.iter().filter(|held| open && held.open && held.wallet == wallet);
            Standing {
                account: account(wallet),
                available: available[wallet],
                held: holds.clone().fold(PerBucket::default(), |sum, held| plus(sum, held.rest)),
                spent: spent[wallet],
                debt: 0,
                day: 7,
                period: 1,
                open_holds: holds.count() as u64,
                as_of_position: self.position,
            }
        };
        (0..self.wallets.len()).map(standing).collect()
    }

    pub(super) fn openings(&self) -> Vec<Standing> {
        self.standings(&self.openings, &vec![PerBucket::default(); self.wallets.len()], false)
    }

    pub(super) fn closings(&self) -> Vec<Standing> {
        self.standings(&self.wallets, &self.spent, true)
    }

    pub(super) fn history(&self) -> History {
        history_of(self.openings(), &self.noted)
    }

    /// The first request of a kind that did something, and moved something.
    pub(super) fn find(&self, kind: OperationKind) -> usize {
        let right = |noted: &Noted| {
            noted.operation.kind == kind && noted.answer.outcome.is_success() && sum(noted.answer.split) > 0
        };
        self.noted.iter().position(right).unwrap()
    }

    pub(super) fn view(&self, hold: HoldId) -> HoldView {
        let held = self.holds.iter().find(|held| held.hold == hold).unwrap();
        let of_kind =
            |kind| self.noted.iter().filter(move |noted| noted.operation.hold == hold && noted.operation.kind == kind);
        let captures = of_kind(OperationKind::Commit).map(|noted| CaptureView {
            number: noted.operation.number,
            amount: sum(noted.answer.split),
            position: noted.answer.position,
        });
        let refunds = of_kind(OperationKind::Refund).map(|noted| RefundView {
            number: noted.operation.number,
            reason: RefundReason::Timeout,
            amount: sum(noted.answer.split),
            position: noted.answer.position,
        });
        HoldView {
            hold,
            account: account(held.wallet),
            state: if held.open { HoldState::Open } else { HoldState::Settled },
            amount: held.amount,
            captured: held.captured,
            refunded: 0,
            created_at_ms: SERVER_TIME_MS,
            ends_at_ms: SERVER_TIME_MS + 60_000,
            free_day: 7,
            subscription_period: 1,
            sources: 7,
            member: MemberId::NIL,
            worker: WorkerId::NIL,
            tool: 0,
            model: 0,
            count: 0,
            late: 0,
            shortfall: 0,
            captures: List::new(captures.collect()).unwrap(),
            refunds: List::new(refunds.collect()).unwrap(),
            position: self.position,
        }
    }
}

pub(super) fn history_of(openings: Vec<Standing>, noted: &[Noted]) -> History {
    let mut history = History::new(TERMS, openings);
    noted.iter().for_each(|noted| history.record(&noted.operation, &noted.answer, noted.span));
    history
}
