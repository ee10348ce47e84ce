//! Takes and gives: what a task does to the wallet word.

use super::{
    record::{ANY, Back, HOLDS, Op, Record, RecordId, Slices},
    scenario::allowance,
    state::{At, Phase, Policies, Settled, State, Word},
    step::name,
    violation::Kind,
    world::World,
};

impl Word {
    /// Splits at most `amount` over the buckets in draw order.
    fn split(&self, amount: u8) -> Slices {
        let free = self.free.min(amount);
        let subscription = self.subscription.min(amount - free);
        let top_up = self.top_up.min(amount - free - subscription);
        Slices { free, day: self.day, subscription, cycle: self.cycle, top_up, opened: self.opened }
    }

    /// Where one part of a refund goes: to its own period while that runs, to the running one where it restores and there
    /// is a grant, else nowhere.
    fn place(&self, part: &Slices, undone: &Back, restore: bool, policies: Policies) -> Slices {
        let free_goes = part.day == self.day || restore && allowance(self.day, self.tier, policies) > 0;
        let subscription_goes = part.cycle == self.cycle || restore && self.tier > 0;
        Slices {
            free: if free_goes { undone.free } else { 0 },
            day: self.day,
            subscription: if subscription_goes { undone.subscription } else { 0 },
            cycle: self.cycle,
            top_up: undone.top_up,
            opened: self.opened,
        }
    }
}

/// The parts of `captured` that a refund of `amount` undoes: top-up first, and what was drawn before the hold's own.
fn undo(captured: &[Back; 2], amount: u8) -> [Back; 2] {
    let mut left = amount;
    let mut take = |from: u8| {
        let taken = from.min(left);
        left -= taken;
        taken
    };
    let [own, drawn] = captured;
    let top_up = [take(drawn.top_up), take(own.top_up)];
    let subscription = [take(drawn.subscription), take(own.subscription)];
    let free = [take(drawn.free), take(own.free)];
    let part = |of: usize| Back { free: free[of], subscription: subscription[of], top_up: top_up[of] };
    [part(1), part(0)]
}

impl World<'_> {
    /// Looks whether the wallet is due and decides on its word. One step: instants only move on, so a wallet that was not
    /// due at the request's time stays so until the CAS, and a zone that changes in between changes after the request.
    pub(super) fn decide(&mut self, s: &mut State, me: usize) -> bool {
        let op = self.op(s, me);
        let wallet = match op {
            Op::Reserve { wallet, .. } | Op::TopUp { wallet, .. } => wallet,
            Op::Commit { hold, .. } => self.take(s.entries[usize::from(hold)].take).0,
            Op::Capture { hold, .. } | Op::Refund { hold, .. } => {
                if self.rules.settlement_looks_again {
                    match self.look_for_settlement(s, me) {
                        Ok(()) => {}
                        Err(moved) => return moved,
                    }
                }
                self.take(s.entries[usize::from(hold)].take).0
            }
            _ => unreachable!("{op:?} decides under the lock"),
        };
        let looks = match op {
            Op::Refund { .. } => self.rules.refund_looks_whether_due,
            _ => self.rules.looks_whether_due,
        };
        if looks && self.is_due(s, wallet, s.tasks[me].now) {
            self.meet_due(s, me, wallet);
            return true;
        }
        match op {
            Op::Reserve { hold, amount, .. } => self.reserve(s, me, hold, wallet, amount),
            Op::TopUp { payment, amount, .. } => self.top_up(s, me, payment, wallet, amount),
            Op::Commit { hold, amount } => self.redebit(s, me, hold, wallet, amount),
            Op::Capture { hold, .. } => self.capture(s, me, hold.into(), wallet),
            Op::Refund { hold, .. } => self.refund(s, me, hold.into(), wallet),
            _ => unreachable!(),
        }
    }

    /// What the hold still sets aside.
    pub(super) fn rest(&self, s: &State, index: usize) -> u8 {
        self.take(s.entries[index].take).1.sum().saturating_sub(s.entries[index].settled.captured)
    }

    /// What is captured and not refunded. More than was held can be captured only where a rule is left out.
    pub(super) fn refundable(&self, s: &State, index: usize) -> u8 {
        self.captured_parts(s, index).iter().map(Back::sum).sum()
    }

    fn captured_parts(&self, s: &State, index: usize) -> [Back; 2] {
        let entry = &s.entries[index];
        let (own, drawn) = (self.take(entry.take).1, self.take(entry.settled.drawn).1);
        entry.settled.refundable(&own, &drawn).unwrap_or_default()
    }

    /// One capture of several. What it asks for above the hold comes out of the word at once, or it is refused.
    fn capture(&mut self, s: &mut State, me: usize, index: usize, wallet: u8) -> bool {
        let Op::Capture { number, amount, last, .. } = self.op(s, me) else { unreachable!() };
        let (_, slices) = self.take(s.entries[index].take);
        let rest = self.rest(s, index);
        let own = amount.min(rest);
        let drawn = match amount - own {
            0 => Slices::default(),
            above => s.words[usize::from(wallet)].split(above),
        };
        if own + drawn.sum() < amount {
            self.say(|| format!("capture {number} of hold {index}: the wallet does not have what is above"));
            self.tell_of_entry(s, me, index);
            return self.next_op(s, me);
        }
        let captured = s.entries[index].settled.captured;
        let back = if last { Back::after(&slices, captured + own) } else { Back::default() };
        let Some(repaid) = self.carried_repayment(s, me, wallet, back.top_up) else {
            return false;
        };
        let hold = name(index);
        let capture = Record::Capture { hold, wallet, number, amount: own, drawn, back, repaid, last };
        let record = if drawn.sum() > 0 { self.draw(s, me, capture) } else { self.intern(capture) };
        let entry = &mut s.entries[index];
        entry.owner = Some(name(me));
        entry.settled.mark(Settled::capture_bit(number));
        if drawn.sum() > 0 {
            entry.settled.drawn = record;
        }
        if last {
            entry.phase = Phase::Settled;
            entry.returned = back.sum() == 0;
        }
        if self.rules.captures_count_at_decision {
            entry.settled.captured += own;
        }
        s.spent += amount;
        self.say(|| {
            format!("capture {number} of hold {index}: {own} of its own, draws {drawn:?}, gives back {back:?}")
        });
        let counts_late = !self.rules.captures_count_at_decision;
        if back.sum() > 0 && !counts_late {
            return self.give(s, me, capture);
        }
        if drawn.sum() == 0 {
            s.tasks[me].unit.push(record);
        }
        if counts_late {
            s.tasks[me].unapplied.push(record);
        }
        self.next_op(s, me)
    }

    /// Captured credits go back: where to is decided by the word as it is, once, and carried in the record.
    fn refund(&mut self, s: &mut State, me: usize, index: usize, wallet: u8) -> bool {
        let Op::Refund { number, amount, restore, .. } = self.op(s, me) else { unreachable!() };
        let settled = s.entries[index].settled;
        let parts = [self.take(s.entries[index].take).1, self.take(settled.drawn).1];
        let captured = self.captured_parts(s, index);
        let undone = undo(&captured, amount);
        let word = s.words[usize::from(wallet)];
        let mut returned = [0, 1].map(|of| word.place(&parts[of], &undone[of], restore, s.policies));
        self.check_place(s, me, wallet, &returned);
        if restore && !self.rules.restore_names_period {
            for returned in &mut returned {
                (returned.day, returned.cycle) = (ANY, ANY);
            }
        }
        for returned in &mut returned {
            forget_unused(returned);
        }
        let top_up = returned[0].top_up + returned[1].top_up;
        let Some(repaid) = self.carried_repayment(s, me, wallet, top_up) else {
            return false;
        };
        let entry = &mut s.entries[index];
        entry.owner = Some(name(me));
        entry.settled.mark(Settled::refund_bit(number));
        for (all, undone) in entry.settled.undone.iter_mut().zip(&undone) {
            *all = all.plus(undone);
        }
        let sum: u8 = undone.iter().map(Back::sum).sum();
        s.spent -= sum;
        self.say(|| format!("refund {number} of hold {index}: undoes {undone:?}, gives back {returned:?}"));
        let refund = Record::Refund { hold: name(index), wallet, number, undone, returned, repaid };
        if returned[0].sum() + returned[1].sum() > 0 {
            return self.give(s, me, refund);
        }
        let record = self.intern(refund);
        s.tasks[me].unit.push(record);
        self.next_op(s, me)
    }

    /// A return must not go to a period that has ended by the request's own time.
    fn check_place(&mut self, s: &State, me: usize, wallet: u8, returned: &[Slices; 2]) {
        let now = s.tasks[me].now;
        let word = &s.words[usize::from(wallet)];
        let old_day = self.day_at(now, s.colds[usize::from(wallet)].zone) > word.day;
        let old_cycle = self.cycles_at(now) > word.rolled;
        if returned.iter().any(|part| part.free > 0 && old_day || part.subscription > 0 && old_cycle) {
            self.violate(Kind::Stale, "a refund past a boundary gives credits to the ended period");
        }
    }

    fn reserve(&mut self, s: &mut State, me: usize, hold: u8, wallet: u8, amount: u8) -> bool {
        let word = &s.words[usize::from(wallet)];
        let slices = word.split(amount);
        let index = usize::from(hold);
        if word.attention || slices.sum() < amount {
            // A refusal leaves no trace.
            if self.rules.entry_before_word {
                s.entries[index] = s.entries[index].refused();
            }
            self.say(|| format!("reserve {hold}: refused"));
            return self.next_op(s, me);
        }
        self.say(|| format!("reserve {hold}: takes {slices:?}"));
        let take = self.draw(s, me, Record::Take { hold, wallet, slices, redebit: false });
        if !self.rules.entry_before_word {
            s.tasks[me].at = At::Enter;
            return true;
        }
        s.entries[index].take = take;
        self.next_op(s, me)
    }

    /// A late commit after the expiry: takes what there is, passes no gate.
    fn redebit(&mut self, s: &mut State, me: usize, hold: u8, wallet: u8, amount: u8) -> bool {
        // At most what the hold had left.
        let amount = amount.min(self.rest(s, hold.into()));
        let slices = s.words[usize::from(wallet)].split(amount);
        let entry = &mut s.entries[usize::from(hold)];
        entry.phase = Phase::Redebited;
        if slices.sum() < amount && !entry.returned {
            self.violate(Kind::Uncovered, "late_uncovered, while the hold's own credits are on their way back");
        }
        s.spent += slices.sum();
        self.say(|| format!("late commit of hold {hold}: takes {slices:?}"));
        let record = self.draw(s, me, Record::Take { hold, wallet, slices, redebit: true });
        s.entries[usize::from(hold)].settled.drawn = record;
        self.next_op(s, me)
    }

    /// The CAS of a take, and its record into the unit.
    fn draw(&mut self, s: &mut State, me: usize, take: Record) -> RecordId {
        let (Record::Take { wallet, slices, .. } | Record::Capture { wallet, drawn: slices, .. }) = take else {
            unreachable!("{take:?} takes nothing")
        };
        let now = s.tasks[me].now;
        let zone = s.colds[usize::from(wallet)].zone;
        let word = &s.words[usize::from(wallet)];
        let old_day = slices.free > 0 && self.day_at(now, zone) > word.day;
        let old_cycle = slices.subscription > 0 && self.cycles_at(now) > word.rolled;
        if old_day || old_cycle {
            self.violate(Kind::Stale, "a request past a boundary draws credits of the ended period");
        }
        let record = self.intern(take);
        s.tasks[me].unit.push(record);
        if self.rules.takes_word_first {
            subtract(&mut s.words[usize::from(wallet)], &slices);
        } else {
            s.tasks[me].unapplied.push(record);
        }
        record
    }

    fn top_up(&mut self, s: &mut State, me: usize, payment: u8, wallet: u8, amount: u8) -> bool {
        let word = &s.words[usize::from(wallet)];
        if word.tier == 0 && !word.attention {
            self.say(|| format!("top-up {payment}: needs a subscription"));
            self.tell_of_command(s, me, wallet);
            if self.rules.payments_have_entries {
                let entry = &mut s.entries[HOLDS + usize::from(payment)];
                *entry = entry.refused();
            }
            return self.next_op(s, me);
        }
        let Some(repaid) = self.carried_repayment(s, me, wallet, amount) else {
            return false;
        };
        self.say(|| format!("top-up {payment}: is accepted"));
        self.give(s, me, Record::TopUp { payment, wallet, amount, repaid })
    }

    /// Ends an open hold: by a commit, a release (nothing captured) or its expiry.
    pub(super) fn end_hold(&mut self, s: &mut State, me: usize, index: usize, captured: Option<u8>) -> bool {
        let (wallet, slices) = self.take(s.entries[index].take);
        let before = s.entries[index].settled.captured;
        let back = Back::after(&slices, before + captured.unwrap_or(0));
        // Less than nothing only where a rule is left out.
        let own = slices.sum().saturating_sub(back.sum() + before);
        let Some(repaid) = self.carried_repayment(s, me, wallet, back.top_up) else {
            return false;
        };
        let entry = &mut s.entries[index];
        entry.phase = if captured.is_some() { Phase::Settled } else { Phase::Expired };
        entry.owner = Some(name(me));
        entry.returned = back.sum() == 0;
        entry.settled.captured += own;
        s.spent += own;
        let op = self.op(s, me);
        self.say(|| format!("{op:?}: ends the hold, gives back {back:?}"));
        let end = Record::End { hold: name(index), wallet, back, repaid, expiry: captured.is_none() };
        if back.sum() > 0 {
            return self.give(s, me, end);
        }
        let end = self.intern(end);
        s.tasks[me].unit.push(end);
        self.next_op(s, me)
    }

    /// A give's record goes into the unit; the word has to wait for the push.
    fn give(&mut self, s: &mut State, me: usize, give: Record) -> bool {
        let record = self.intern(give);
        s.tasks[me].unit.push(record);
        if self.rules.gives_push_first {
            s.tasks[me].unapplied.push(record);
        } else if !self.apply_to_word(s, me, record) {
            return false;
        }
        self.next_op(s, me)
    }

    /// The rule left out: what a give repays is decided, taken off the debt and carried in its record.
    fn carried_repayment(&self, s: &mut State, me: usize, wallet: u8, amount: u8) -> Option<u8> {
        let (word, cold) = s.wallet_mut(wallet);
        if self.rules.debt_is_derived || !word.attention {
            return Some(0);
        }
        if cold.is_locked_by_another(me) {
            return None;
        }
        let repaid = amount.min(cold.debt);
        cold.debt -= repaid;
        word.attention = cold.debt > 0 || cold.frozen;
        Some(repaid)
    }

    /// The CAS of a give, once its record is pushed.
    pub(super) fn apply_to_word(&mut self, s: &mut State, me: usize, record: RecordId) -> bool {
        match self.record(record) {
            Record::End { hold, wallet, back, repaid, .. } => {
                if !self.give_top_up(s, me, wallet, back.top_up - repaid) {
                    return false;
                }
                if s.tasks[me].at == At::ApplyNet {
                    return true;
                }
                self.give_back(s, usize::from(hold), wallet, back);
            }
            // The rule left out: what is captured counts from here on.
            Record::Capture { hold, amount, .. } if !self.rules.captures_count_at_decision => {
                s.entries[usize::from(hold)].settled.captured += amount;
            }
            Record::Capture { wallet, ref drawn, back, .. } if back.sum() == 0 => {
                subtract(&mut s.words[usize::from(wallet)], drawn);
            }
            Record::Capture { hold, wallet, back, repaid, .. } => {
                if !self.give_top_up(s, me, wallet, back.top_up - repaid) {
                    return false;
                }
                if s.tasks[me].at == At::ApplyNet {
                    return true;
                }
                self.give_back(s, usize::from(hold), wallet, back);
            }
            Record::Refund { wallet, ref returned, repaid, .. } => {
                if !self.give_top_up(s, me, wallet, returned[0].top_up + returned[1].top_up - repaid) {
                    return false;
                }
                if s.tasks[me].at == At::ApplyNet {
                    return true;
                }
                for returned in returned {
                    self.restore(s, wallet, returned);
                }
            }
            Record::TopUp { wallet, amount, repaid, .. } => return self.give_top_up(s, me, wallet, amount - repaid),
            Record::Take { wallet, ref slices, .. } => subtract(&mut s.words[usize::from(wallet)], slices),
            Record::Extend { hold } => s.entries[usize::from(hold)].extended = true,
            ref other => unreachable!("{other:?} is applied under the lock"),
        }
        true
    }

    fn give_back(&mut self, s: &mut State, index: usize, wallet: u8, back: Back) {
        let (_, slices) = self.take(s.entries[index].take);
        let word = &mut s.words[usize::from(wallet)];
        if slices.day == word.day {
            word.free += back.free;
        }
        if slices.cycle == word.cycle {
            word.subscription += back.subscription;
        }
        let lost = back.subscription > 0 && slices.cycle != word.cycle && slices.opened == word.opened;
        s.entries[index].returned = true;
        self.say(|| format!("returns of hold {index} are in the word"));
        if lost {
            self.violate(Kind::Lost, "a return of the running cycle is forfeited");
        }
    }

    /// One part of a refund, into the periods that it names while they run.
    fn restore(&mut self, s: &mut State, wallet: u8, returned: &Slices) {
        let word = &mut s.words[usize::from(wallet)];
        if returned.day == word.day || returned.day == ANY {
            word.free += returned.free;
        }
        let runs = returned.cycle == word.cycle || returned.cycle == ANY;
        if runs {
            word.subscription += returned.subscription;
        }
        let lost = returned.subscription > 0 && !runs && returned.opened == word.opened;
        self.say(|| format!("a refund is in the word of wallet {wallet}"));
        if lost {
            self.violate(Kind::Lost, "a return of the running cycle is forfeited");
        }
    }

    /// Into top-up. The attention bit at the CAS sends it under the lock, where debt is repaid first.
    fn give_top_up(&mut self, s: &mut State, me: usize, wallet: u8, amount: u8) -> bool {
        let netting = s.tasks[me].at == At::ApplyNet;
        let (word, cold) = s.wallet_mut(wallet);
        if amount == 0 || !netting && (!word.attention || !self.rules.debt_is_derived) {
            word.top_up += amount;
            return true;
        }
        if self.rules.netting_locks {
            if cold.is_locked_by_another(me) {
                return false;
            }
            let debt = cold.debt;
            self.net(s, wallet, amount, debt);
        } else if netting {
            s.tasks[me].at = At::Apply;
            let debt = std::mem::take(&mut s.tasks[me].saved);
            self.net(s, wallet, amount, debt);
        } else {
            s.tasks[me].saved = cold.debt;
            s.tasks[me].at = At::ApplyNet;
            self.say(|| "reads the debt without the lock".to_owned());
        }
        true
    }

    /// Repays `debt`, as it was read, with what comes in.
    fn net(&mut self, s: &mut State, wallet: u8, amount: u8, debt: u8) {
        let (word, cold) = s.wallet_mut(wallet);
        let repaid = (word.top_up + amount).min(debt);
        word.top_up = word.top_up + amount - repaid;
        cold.debt = debt - repaid;
        word.attention = cold.debt > 0 || cold.frozen;
        self.say(|| format!("top-up +{amount}, of it {repaid} repay debt"));
    }
}

/// Period numbers of buckets that nothing goes to say nothing, and would tell records apart.
fn forget_unused(returned: &mut Slices) {
    if returned.free == 0 {
        returned.day = 0;
    }
    if returned.subscription == 0 {
        (returned.cycle, returned.opened) = (0, 0);
    }
}

/// The CAS of a take. It saturates only where takes push first: there the credits may be gone by now.
fn subtract(word: &mut Word, slices: &Slices) {
    if slices.day == word.day {
        word.free = word.free.saturating_sub(slices.free);
    }
    if slices.cycle == word.cycle {
        word.subscription = word.subscription.saturating_sub(slices.subscription);
    }
    word.top_up = word.top_up.saturating_sub(slices.top_up);
}
