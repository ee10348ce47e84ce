//! What the client knows of one hold: what was acknowledged, kept in the plainest form, and what must follow from it.

use protocol::{Answer, HoldState, HoldView, Operation, OperationFlags, OperationKind, Outcome, OverCommit, PerBucket};

/// One hold in the books.
#[derive(Debug)]
pub(super) struct HoldBook {
    /// The reserve or charge.
    pub(super) made_by: Operation,
    /// Its answer, once it is granted.
    pub(super) granted: Option<Answer>,
    /// Accepted commits.
    pub(super) captures: Vec<(Operation, Answer)>,
    /// Accepted refunds.
    pub(super) refunds: Vec<(Operation, Answer)>,
    /// The accepted release.
    pub(super) released: Option<Answer>,
    /// What is still set aside.
    pub(super) rest: PerBucket,
    ended: bool,
    ends_at_ms: u64,
    /// An extend took effect, or not, before an end that did.
    end_in_doubt: bool,
    last_position: u64,
    /// A release came before the hold was granted: its id is used up (R32).
    tombstone: bool,
}

impl HoldBook {
    pub(super) fn new(made_by: Operation) -> Self {
        Self {
            made_by,
            granted: None,
            captures: Vec::new(),
            refunds: Vec::new(),
            released: None,
            rest: PerBucket::default(),
            ended: false,
            ends_at_ms: 0,
            end_in_doubt: false,
            last_position: 0,
            tombstone: false,
        }
    }

    /// Enters a decision and checks that it follows from those before it. `true` = it was accepted, with a record.
    ///
    /// A resent operation may meet what was sent after it: that was accepted the first time, and it was not. So it may
    /// be decided on more than the books have at this point; what the hold comes to is compared at the end. That the hold
    /// is unknown is never right once it was granted.
    pub(super) fn enter(&mut self, operation: &Operation, answer: &Answer, resent: bool) -> bool {
        let first = client::decided(answer);
        let accepted = match operation.kind {
            OperationKind::Reserve | OperationKind::Charge => self.enter_made(operation, answer, first),
            OperationKind::Commit => self.enter_commit(operation, answer, first, resent),
            OperationKind::Release => self.enter_release(answer, first),
            OperationKind::Refund => self.enter_refund(operation, answer, first, resent),
            OperationKind::Extend => self.enter_extend(answer, first),
            OperationKind::Balance => panic!("a balance is about no hold"),
        };
        let late_refusal = resent && may_come_from_later(first);
        self.end_in_doubt |= late_refusal && operation.kind == OperationKind::Extend;
        let accepted = if late_refusal { accepted.or(Some(false)) } else { accepted };
        assert!(accepted.is_some(), "{answer:?}\nto {operation:?}\ndoes not follow from {self:?}");
        if accepted == Some(true) {
            self.last_position = self.last_position.max(answer.position);
        }
        accepted == Some(true) && operation.kind != OperationKind::Extend
    }

    fn enter_made(&mut self, operation: &Operation, answer: &Answer, first: Outcome) -> Option<bool> {
        match first {
            Outcome::Granted => {
                let sources = operation.sources.mask();
                let split = answer.split;
                let not_free = operation.flags.contains(OperationFlags::PRO_MODEL) || sources & 1 == 0;
                let barred = not_free && split.free > 0
                    || sources & 2 == 0 && split.subscription > 0
                    || sources & 4 == 0 && split.top_up > 0;
                if self.granted.is_some() || total(split) != operation.amount || barred || self.tombstone {
                    return None;
                }
                self.granted = Some(*answer);
                self.ended = operation.kind == OperationKind::Charge;
                self.rest = if self.ended { PerBucket::default() } else { split };
                self.ends_at_ms = answer.time_ms;
                Some(true)
            }
            Outcome::AlreadyReleased => self.tombstone.then_some(false),
            Outcome::Insufficient | Outcome::Debt | Outcome::TierRequired => self.granted.is_none().then_some(false),
            _ => None,
        }
    }

    fn enter_commit(&mut self, operation: &Operation, answer: &Answer, first: Outcome, resent: bool) -> Option<bool> {
        let rest = total(self.rest);
        let wanted = self.wanted(operation, rest);
        let over_commit = self.made_by.over_commit;
        match first {
            Outcome::Done if self.is_open() => {
                let captured = draw(self.rest, wanted);
                let right = match over_commit {
                    _ if resent => operation.amount == 0 || total(answer.split) <= operation.amount,
                    _ if wanted <= rest => answer.split == captured,
                    OverCommit::Cap => answer.split == self.rest,
                    OverCommit::Draw => total(answer.split) == wanted,
                    OverCommit::Reject => false,
                };
                if !right || answer.amount != total(answer.split) {
                    return None;
                }
                self.rest = minus(self.rest, captured);
                if operation.flags.contains(OperationFlags::FINAL) {
                    self.end();
                }
                self.captures.push((*operation, *answer));
                Some(true)
            }
            Outcome::ExceedsHold => {
                (self.is_open() && wanted > rest && over_commit == OverCommit::Reject && answer.amount == rest)
                    .then_some(false)
            }
            Outcome::Insufficient => {
                (self.is_open() && wanted > rest && over_commit == OverCommit::Draw).then_some(false)
            }
            _ => self.refused_for_its_state(first),
        }
    }

    fn enter_release(&mut self, answer: &Answer, first: Outcome) -> Option<bool> {
        match first {
            Outcome::Done if self.is_open() => {
                if total(answer.split) + answer.forfeited != total(self.rest) {
                    return None;
                }
                self.end();
                self.released = Some(*answer);
                Some(true)
            }
            Outcome::UnknownHold if self.granted.is_none() => {
                self.tombstone = true;
                Some(false)
            }
            _ => self.refused_for_its_state(first),
        }
    }

    fn enter_refund(&mut self, operation: &Operation, answer: &Answer, first: Outcome, resent: bool) -> Option<bool> {
        let refunded: u64 = self.refunds.iter().map(|(_, answer)| answer.amount).sum();
        let most = total(self.captured()).saturating_sub(refunded);
        let wanted = self.wanted(operation, most);
        match first {
            Outcome::Done if self.granted.is_some() => {
                let right = resent || wanted <= most && answer.amount == wanted;
                if !right || total(answer.split) + answer.forfeited != answer.amount {
                    return None;
                }
                self.refunds.push((*operation, *answer));
                Some(true)
            }
            Outcome::ExceedsCaptured => {
                (self.granted.is_some() && wanted > most && answer.amount == most).then_some(false)
            }
            Outcome::UnknownHold => self.granted.is_none().then_some(false),
            _ => None,
        }
    }

    fn enter_extend(&mut self, answer: &Answer, first: Outcome) -> Option<bool> {
        match first {
            Outcome::Done if self.is_open() && answer.time_ms >= self.ends_at_ms => {
                self.ends_at_ms = answer.time_ms;
                Some(true)
            }
            _ => self.refused_for_its_state(first),
        }
    }

    /// The refusals of settlements that rest on nothing but how far the hold is.
    fn refused_for_its_state(&self, first: Outcome) -> Option<bool> {
        let right = match first {
            Outcome::UnknownHold => self.granted.is_none(),
            Outcome::AlreadySettled => self.ended && self.state() == HoldState::Settled,
            Outcome::AlreadyReleased => self.ended && self.released.is_some(),
            _ => false,
        };
        right.then_some(false)
    }

    fn wanted(&self, operation: &Operation, all: u64) -> u64 {
        if operation.flags.contains(OperationFlags::ALL) { all } else { operation.amount }
    }

    const fn end(&mut self) {
        self.ended = true;
        self.rest = PerBucket { free: 0, subscription: 0, top_up: 0 };
    }

    pub(super) const fn is_open(&self) -> bool {
        self.granted.is_some() && !self.ended
    }

    fn is_charge(&self) -> bool {
        self.made_by.kind == OperationKind::Charge
    }

    /// Whether a charge or a final commit has ended it.
    pub(super) fn is_captured(&self) -> bool {
        self.is_charge() || self.captures.iter().any(|(asked, _)| asked.flags.contains(OperationFlags::FINAL))
    }

    /// What was captured, refunds not counted.
    fn captured(&self) -> PerBucket {
        let charged = self.granted.filter(|_| self.is_charge()).map(|answer| answer.split).unwrap_or_default();
        self.captures.iter().fold(charged, |sum, (_, answer)| plus(sum, answer.split))
    }

    /// What was captured and not refunded. No period ends during these tests, so nothing is forfeited.
    pub(super) fn spent(&self) -> PerBucket {
        self.refunds.iter().fold(self.captured(), |sum, (_, answer)| minus(sum, answer.split))
    }

    fn state(&self) -> HoldState {
        match () {
            () if !self.ended => HoldState::Open,
            () if self.released.is_some() && total(self.captured()) == 0 => HoldState::Released,
            () => HoldState::Settled,
        }
    }

    /// Whether the daemon shows exactly what was acknowledged. Only for a hold of which everything is decided.
    pub(super) fn compare(&self, view: &HoldView) {
        let granted = self.granted.expect("a hold that was granted");
        let captures = by_position(&self.captures);
        let refunds = by_position(&self.refunds);
        let shown_captures: Vec<_> =
            view.captures.as_slice().iter().map(|step| (step.number, step.amount, step.position)).collect();
        let shown_refunds: Vec<_> =
            view.refunds.as_slice().iter().map(|step| (step.number, step.amount, step.position)).collect();
        let refunded: u64 = refunds.iter().map(|(_, amount, _)| amount).sum();
        let same = view.account == self.made_by.account
            && view.amount == granted.split
            && view.state == self.state()
            && view.captured == self.captured()
            && view.refunded == refunded
            && shown_captures == captures
            && shown_refunds == refunds
            && (view.ends_at_ms == self.ends_at_ms || self.end_in_doubt && view.ends_at_ms > self.ends_at_ms)
            && view.position == self.last_position
            && view.member == self.made_by.member
            && view.worker == self.made_by.worker;
        assert!(same, "acknowledged: {self:?}\nshown: {view:?}");
    }
}

fn may_come_from_later(first: Outcome) -> bool {
    use Outcome::{AlreadyReleased, AlreadySettled, ExceedsCaptured, ExceedsHold};
    [AlreadyReleased, AlreadySettled, ExceedsCaptured, ExceedsHold].contains(&first)
}

/// Number, amount and position of each step, in the order in which they took effect.
fn by_position(steps: &[(Operation, Answer)]) -> Vec<(u8, u64, u64)> {
    let mut steps: Vec<_> =
        steps.iter().map(|(asked, answer)| (asked.number, answer.amount, answer.position)).collect();
    steps.sort_unstable_by_key(|(_, _, position)| *position);
    steps
}

pub(super) const fn total(split: PerBucket) -> u64 {
    split.free + split.subscription + split.top_up
}

pub(super) const fn plus(a: PerBucket, b: PerBucket) -> PerBucket {
    PerBucket { free: a.free + b.free, subscription: a.subscription + b.subscription, top_up: a.top_up + b.top_up }
}

/// The tests are built with overflow checks: a negative bucket is a failure here.
pub(super) const fn minus(a: PerBucket, b: PerBucket) -> PerBucket {
    PerBucket { free: a.free - b.free, subscription: a.subscription - b.subscription, top_up: a.top_up - b.top_up }
}

/// The part of `from` that is drawn first (R3), at most all of it.
fn draw(from: PerBucket, amount: u64) -> PerBucket {
    let free = from.free.min(amount);
    let subscription = from.subscription.min(amount - free);
    let top_up = from.top_up.min(amount - free - subscription);
    PerBucket { free, subscription, top_up }
}
