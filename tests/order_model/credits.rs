//! Takes and gives: what a task does to the wallet word.

use super::{
    record::{Back, HOLDS, Op, Record, RecordId, Slices},
    state::{At, Entry, Phase, State, Word},
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
}

impl World<'_> {
    /// Looks whether the wallet is due and decides on its word. One step: instants only move on, so a wallet that was not
    /// due at the request's time stays so until the CAS, and a zone that changes in between changes after the request.
    pub(super) fn decide(&mut self, s: &mut State, me: usize) -> bool {
        let op = self.op(s, me);
        let wallet = match op {
            Op::Reserve { wallet, .. } | Op::TopUp { wallet, .. } => wallet,
            Op::Commit { hold, .. } => self.take(s.entries[usize::from(hold)].take).0,
            _ => unreachable!("{op:?} decides under the lock"),
        };
        if self.rules.looks_whether_due && self.is_due(s, wallet, s.tasks[me].now) {
            self.meet_due(s, me, wallet);
            return true;
        }
        match op {
            Op::Reserve { hold, amount, .. } => self.reserve(s, me, hold, wallet, amount),
            Op::TopUp { payment, amount, .. } => self.top_up(s, me, payment, wallet, amount),
            Op::Commit { hold, amount } => self.redebit(s, me, hold, wallet, amount),
            _ => unreachable!(),
        }
    }

    fn reserve(&mut self, s: &mut State, me: usize, hold: u8, wallet: u8, amount: u8) -> bool {
        let word = &s.words[usize::from(wallet)];
        let slices = word.split(amount);
        let index = usize::from(hold);
        if word.attention || slices.sum() < amount {
            // A refusal leaves no trace.
            if self.rules.entry_before_word {
                s.entries[index] = Entry::ABSENT;
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
        let slices = s.words[usize::from(wallet)].split(amount);
        let entry = &mut s.entries[usize::from(hold)];
        entry.phase = Phase::Redebited;
        if slices.sum() < amount && !entry.returned {
            self.violate(Kind::Uncovered, "late_uncovered, while the hold's own credits are on their way back");
        }
        s.spent += slices.sum();
        self.say(|| format!("late commit of hold {hold}: takes {slices:?}"));
        self.draw(s, me, Record::Take { hold, wallet, slices, redebit: true });
        self.next_op(s, me)
    }

    /// The CAS of a take, and its record into the unit.
    fn draw(&mut self, s: &mut State, me: usize, take: Record) -> RecordId {
        let Record::Take { wallet, slices, .. } = take else { unreachable!() };
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
                s.entries[HOLDS + usize::from(payment)] = Entry::ABSENT;
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
        let back = Back::after(&slices, captured.unwrap_or(0));
        let Some(repaid) = self.carried_repayment(s, me, wallet, back.top_up) else {
            return false;
        };
        let entry = &mut s.entries[index];
        entry.phase = if captured.is_some() { Phase::Settled } else { Phase::Expired };
        entry.owner = Some(name(me));
        entry.returned = back.sum() == 0;
        s.spent += slices.sum() - back.sum();
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
