//! Replay: what the journal means, record by record, without a clock. Each prefix of each journal passes through
//! [`apply`] once and is checked there, so a crash at any record is covered without a step of its own.

use super::{
    record::{ANY, Back, HOLDS, NONE, Period, Record, RecordId, Slices},
    rules::Rules,
    scenario::allowance,
    state::{Phase, Policies, Settled, WALLETS},
    violation::Kind,
};

/// A wallet's row of the `state` projection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Row {
    pub(super) free: i8,
    pub(super) subscription: i8,
    pub(super) top_up: i8,
    pub(super) day: u8,
    pub(super) cycle: u8,
    pub(super) tier: u8,
    pub(super) debt: i8,
    pub(super) allocation: u8,
    pub(super) pending: u8,
    pub(super) largest: u8,
    pub(super) auto_renew: bool,
    pub(super) frozen: bool,
    pub(super) zone: u8,
    pub(super) boundaries: u8,
    pub(super) expired_free: i8,
    pub(super) expired_subscription: i8,
    pub(super) clawed_back: i8,
    pub(super) granted: i8,
    /// The days that this row has been granted, one bit each: it passes over those that no record is of.
    pub(super) days: u8,
}

/// A hold as the journal knows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct HoldRow {
    pub(super) phase: Phase,
    pub(super) extended: bool,
    pub(super) take: RecordId,
    pub(super) settled: Settled,
}

/// Everything that is replayed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rows {
    pub(super) wallets: [Row; WALLETS],
    pub(super) holds: [HoldRow; HOLDS],
    /// One bit a payment.
    pub(super) payments: u8,
    /// One bit a command.
    pub(super) commands: u8,
    pub(super) policies: Policies,
    pub(super) spent: i8,
}

impl Row {
    /// Rolls the day: by itself at rest, or because a record carries it.
    pub(super) fn roll_day(&mut self, day: u8, policies: Policies) {
        if day > self.day {
            self.expired_free += self.free;
            self.free = allowance(day, self.tier, policies);
            self.granted += self.free;
            self.day = day;
            self.days |= 1 << day;
        }
    }

    /// A debit of a day that the row has passed over: the day was granted, and what is left of it has expired.
    fn open_ended_day(&mut self, day: u8, policies: Policies) {
        if self.days >> day & 1 == 0 {
            let granted = allowance(day, 0, policies);
            self.granted += granted;
            self.expired_free += granted;
            self.days |= 1 << day;
        }
    }

    /// Where a movement of free credits is booked: those of an ended day are counted as expired.
    fn free_booked(&mut self, ended: bool) -> &mut i8 {
        if ended { &mut self.expired_free } else { &mut self.free }
    }

    fn subscription_booked(&mut self, ended: bool) -> &mut i8 {
        if ended { &mut self.expired_subscription } else { &mut self.subscription }
    }

    /// Debt is derived: top-up − debt is one signed number.
    fn net(&mut self, rules: &Rules) {
        if rules.debt_is_derived {
            let signed = self.top_up - self.debt;
            self.top_up = signed.max(0);
            self.debt = (-signed).max(0);
        }
    }

    fn debit(&mut self, slices: &Slices, rules: &Rules, policies: Policies) -> Result<(), Kind> {
        if slices.free > 0 {
            self.roll_day(slices.day, policies);
            if rules.passed_day_is_granted {
                self.open_ended_day(slices.day, policies);
            }
            let ended = rules.late_debit_from_expired && slices.day < self.day;
            *self.free_booked(ended) -= signed(slices.free);
        }
        if slices.subscription > 0 {
            if slices.cycle > self.cycle {
                return Err(Kind::Period);
            }
            let ended = rules.late_debit_from_expired && slices.cycle < self.cycle;
            *self.subscription_booked(ended) -= signed(slices.subscription);
        }
        self.top_up -= signed(slices.top_up);
        self.net(rules);
        Ok(())
    }

    fn give_back(&mut self, slices: &Slices, back: &Back, repaid: u8, rules: &Rules) {
        let ended = rules.late_return_to_expired && slices.day != self.day;
        *self.free_booked(ended) += signed(back.free);
        let ended = rules.late_return_to_expired && slices.cycle != self.cycle;
        *self.subscription_booked(ended) += signed(back.subscription);
        self.give_top_up(back.top_up, repaid, rules);
    }

    /// One part of a refund. A day that a return is restored to may have no other record.
    fn restore(&mut self, returned: &Slices, rules: &Rules, policies: Policies) -> Result<(), Kind> {
        if returned.free > 0 && returned.day != ANY && rules.returns_carry_day {
            self.roll_day(returned.day, policies);
        }
        let ended = returned.day != ANY && returned.day != self.day;
        *self.free_booked(ended) += signed(returned.free);
        if returned.subscription > 0 && returned.cycle != ANY && returned.cycle > self.cycle {
            return Err(Kind::Period);
        }
        let ended = returned.cycle != ANY && returned.cycle != self.cycle;
        *self.subscription_booked(ended) += signed(returned.subscription);
        Ok(())
    }

    fn give_top_up(&mut self, amount: u8, repaid: u8, rules: &Rules) {
        self.top_up += signed(amount) - signed(repaid);
        self.debt -= signed(repaid);
        self.net(rules);
    }

    fn claw_back(&mut self, taken: u8, owed: u8, rules: &Rules) {
        self.clawed_back += signed(taken) + signed(owed);
        self.top_up -= signed(taken);
        self.debt += signed(owed);
        self.net(rules);
    }

    fn open(&mut self, period: &Period, carries_day: bool, policies: Policies) -> Result<(), Kind> {
        if carries_day {
            if period.day < self.day {
                return Err(Kind::Period);
            }
            self.roll_day(period.day, policies);
        }
        if period.cycle <= self.cycle {
            return Err(Kind::Period);
        }
        self.expired_subscription += self.subscription;
        self.subscription = signed(period.allocation);
        self.granted += self.subscription;
        self.cycle = period.cycle;
        self.tier = period.tier;
        self.allocation = period.allocation;
        self.largest = period.allocation;
        self.pending = 0;
        self.boundaries = period.boundaries;
        Ok(())
    }

    /// Available, expired and clawed back.
    fn counted(&self) -> i8 {
        let available = self.free + self.subscription + self.top_up - self.debt;
        available + self.expired_free + self.expired_subscription + self.clawed_back
    }

    fn check(&self) -> Result<(), Kind> {
        let counters = [self.free, self.subscription, self.top_up, self.expired_free, self.expired_subscription];
        if counters.into_iter().any(|counter| counter < 0) {
            return Err(Kind::Negative);
        }
        if self.debt < 0 || self.debt > self.clawed_back || self.debt > 0 && self.top_up > 0 {
            return Err(Kind::Debt);
        }
        Ok(())
    }
}

/// Applies one record. `take_of` reads what the take of a hold drew, or a capture beside it; the error names what makes
/// this prefix invalid.
pub(super) fn apply(
    rows: &mut Rows,
    record: &Record,
    number: RecordId,
    rules: &Rules,
    take_of: impl Fn(RecordId) -> Slices,
) -> Result<(), Kind> {
    let policies = rows.policies.as_replayed(rules);
    match *record {
        Record::Take { hold, wallet, ref slices, redebit } => {
            rows.take(hold, number, slices, redebit)?;
            rows.wallets[usize::from(wallet)].debit(slices, rules, policies)?;
        }
        Record::End { hold, wallet, back, repaid, expiry } => {
            let slices = take_of(rows.holds[usize::from(hold)].take);
            rows.end(hold, expiry)?;
            let captured = rows.holds[usize::from(hold)].rest(&slices)?.checked_sub(back.sum()).ok_or(Kind::Excess)?;
            rows.capture(hold, captured);
            rows.wallets[usize::from(wallet)].give_back(&slices, &back, repaid, rules);
        }
        Record::Capture { hold, wallet, number: step, amount, ref drawn, ref back, repaid, last } => {
            let row = &mut rows.holds[usize::from(hold)];
            let slices = take_of(row.take);
            row.advance(Phase::Open, if last { Phase::Settled } else { Phase::Open })?;
            row.settled.mark(Settled::capture_bit(step)).then_some(()).ok_or(Kind::Twice)?;
            let rest = row.rest(&slices)?.checked_sub(amount).ok_or(Kind::Excess)?;
            if back.sum() != if last { rest } else { 0 } {
                return Err(Kind::Excess);
            }
            if drawn.sum() > 0 {
                row.settled.drawn = number;
                rows.spent += signed(drawn.sum());
            }
            rows.capture(hold, amount);
            let row = &mut rows.wallets[usize::from(wallet)];
            row.debit(drawn, rules, policies)?;
            row.give_back(&slices, back, repaid, rules);
        }
        Record::Tombstone { hold } => rows.holds[usize::from(hold)].advance(Phase::Absent, Phase::Tombstone)?,
        Record::Refund { hold, wallet, number: step, ref undone, ref returned, repaid } => {
            let row = &mut rows.holds[usize::from(hold)];
            let captured = row.settled.refundable(&take_of(row.take), &take_of(row.settled.drawn))?;
            row.settled.mark(Settled::refund_bit(step)).then_some(()).ok_or(Kind::Twice)?;
            for (part, (captured, undone)) in captured.iter().zip(undone).enumerate() {
                if !undone.is_within(captured) {
                    return Err(Kind::Excess);
                }
                row.settled.undone[part] = row.settled.undone[part].plus(undone);
                rows.spent -= signed(undone.sum());
            }
            let row = &mut rows.wallets[usize::from(wallet)];
            for (returned, undone) in returned.iter().zip(undone) {
                row.restore(returned, rules, policies)?;
                if rules.forfeited_to_expired {
                    row.expired_free += signed(undone.free) - signed(returned.free);
                    row.expired_subscription += signed(undone.subscription) - signed(returned.subscription);
                }
            }
            row.give_top_up(returned[0].top_up + returned[1].top_up, repaid, rules);
        }
        Record::Extend { hold } => {
            let row = &mut rows.holds[usize::from(hold)];
            row.advance(Phase::Open, Phase::Open)?;
            row.extended = true;
        }
        Record::TopUp { payment, wallet, amount, repaid } => {
            if rows.payments >> payment & 1 == 1 {
                return Err(Kind::Twice);
            }
            rows.payments |= 1 << payment;
            let row = &mut rows.wallets[usize::from(wallet)];
            row.granted += signed(amount);
            row.give_top_up(amount, repaid, rules);
        }
        Record::Clawback { wallet, taken, owed } => {
            rows.wallets[usize::from(wallet)].claw_back(taken, owed, rules);
        }
        Record::Roll { ref wallets } => {
            for (row, period) in rows.wallets.iter_mut().zip(wallets) {
                if let Some(period) = period {
                    row.open(period, rules.rolls_carry_day, policies)?;
                }
            }
        }
        Record::Open { wallet, ref period } => {
            rows.wallets[usize::from(wallet)].open(period, rules.commands_carry_day, policies)?;
        }
        Record::Upgrade { wallet, day, cycle, added, allocation } => {
            let row = command_row(rows, wallet, day, rules)?;
            row.subscription += signed(added);
            row.granted += signed(added);
            row.cycle = cycle;
            row.allocation = allocation;
            row.largest = row.largest.max(allocation);
            row.pending = 0;
        }
        Record::ChangeLater { wallet, day, allocation } => {
            command_row(rows, wallet, day, rules)?.pending = allocation;
        }
        Record::Zone { wallet, day, zone } => command_row(rows, wallet, day, rules)?.zone = zone,
        Record::Freeze { wallet, frozen } => rows.wallets[usize::from(wallet)].frozen = frozen,
        Record::Policy { from_day, everybody } => rows.policies.add(from_day, everybody),
        Record::Once { .. } => unreachable!("the record of the command is applied"),
    }
    rows.wallets.iter().try_for_each(Row::check)?;
    rows.conserve(take_of)
}

impl Rows {
    fn take(&mut self, hold: u8, number: RecordId, slices: &Slices, redebit: bool) -> Result<(), Kind> {
        let row = &mut self.holds[usize::from(hold)];
        if redebit {
            row.advance(Phase::Expired, Phase::Redebited)?;
            row.settled.drawn = number;
            self.spent += signed(slices.sum());
        } else {
            row.advance(Phase::Absent, Phase::Open)?;
            row.take = number;
        }
        Ok(())
    }

    /// I1 over all wallets and holds.
    fn conserve(&self, take_of: impl Fn(RecordId) -> Slices) -> Result<(), Kind> {
        let open = self.holds.iter().filter(|hold| hold.phase == Phase::Open);
        let held: i8 = open.map(|hold| signed(take_of(hold.take).sum()) - signed(hold.settled.captured)).sum();
        let there: i8 = self.wallets.iter().map(Row::counted).sum();
        let granted: i8 = self.wallets.iter().map(|row| row.granted).sum();
        if granted == there + held + self.spent { Ok(()) } else { Err(Kind::Conservation) }
    }

    /// The record of a command that has an id.
    pub(super) fn once(&mut self, command: u8) -> Result<(), Kind> {
        let bit = 1 << command;
        let first = self.commands & bit == 0;
        self.commands |= bit;
        first.then_some(()).ok_or(Kind::Twice)
    }

    /// So much more is captured of the hold's own slices.
    fn capture(&mut self, hold: u8, amount: u8) {
        self.holds[usize::from(hold)].settled.captured += amount;
        self.spent += signed(amount);
    }

    fn end(&mut self, hold: u8, expiry: bool) -> Result<(), Kind> {
        let row = &mut self.holds[usize::from(hold)];
        if expiry && row.extended {
            return Err(Kind::Early);
        }
        let after = if expiry { Phase::Expired } else { Phase::Settled };
        row.advance(Phase::Open, after)
    }
}

impl HoldRow {
    pub(super) const ABSENT: Self =
        Self { phase: Phase::Absent, extended: false, take: NONE, settled: Settled::NOTHING };

    /// What the hold still sets aside.
    fn rest(&self, slices: &Slices) -> Result<u8, Kind> {
        slices.sum().checked_sub(self.settled.captured).ok_or(Kind::Excess)
    }

    /// One step of a hold's life. A settlement before its hold is an orphan, any other wrong step a second one.
    fn advance(&mut self, before: Phase, after: Phase) -> Result<(), Kind> {
        if self.phase != before {
            let unopened = self.phase == Phase::Absent;
            let unexpired = before == Phase::Expired && self.phase == Phase::Open;
            return Err(if unopened || unexpired { Kind::Orphan } else { Kind::Twice });
        }
        self.phase = after;
        Ok(())
    }
}

/// The row of a command, rolled to the day that the record carries.
fn command_row<'a>(rows: &'a mut Rows, wallet: u8, day: u8, rules: &Rules) -> Result<&'a mut Row, Kind> {
    let row = &mut rows.wallets[usize::from(wallet)];
    if rules.commands_carry_day {
        if day < row.day {
            return Err(Kind::Period);
        }
        row.roll_day(day, rows.policies.as_replayed(rules));
    }
    Ok(row)
}

impl Settled {
    /// What a refund may undo: what was captured of the hold's own slices and what was drawn, each less earlier refunds.
    pub(super) fn refundable(&self, own: &Slices, drawn: &Slices) -> Result<[Back; 2], Kind> {
        if self.captured > own.sum() {
            return Err(Kind::Excess);
        }
        let captured = Back::of(own).less(&Back::after(own, self.captured));
        let parts = [captured, Back::of(drawn)];
        let left = |part: usize| {
            let within = self.undone[part].is_within(&parts[part]);
            within.then(|| parts[part].less(&self.undone[part])).ok_or(Kind::Excess)
        };
        Ok([left(0)?, left(1)?])
    }
}

impl Policies {
    /// The policies as replay takes them. The rule left out: each holds from its record on.
    fn as_replayed(self, rules: &Rules) -> Self {
        let from = |day| if rules.policy_by_date || day == u8::MAX { day } else { 0 };
        Self { larger: from(self.larger), everybody: from(self.everybody) }
    }
}

/// Amounts of the model are single digits.
pub(super) fn signed(amount: u8) -> i8 {
    i8::try_from(amount).expect("amounts of the model are small")
}
