//! Replay: what the journal means, record by record, without a clock. Each prefix of each journal passes through
//! [`apply`] once and is checked there, so a crash at any record is covered without a step of its own.

use super::{
    record::{Back, HOLDS, NONE, Period, Record, RecordId, Slices},
    rules::Rules,
    scenario::allowance,
    state::{Phase, WALLETS},
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
}

/// A hold as the journal knows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct HoldRow {
    pub(super) phase: Phase,
    pub(super) extended: bool,
    pub(super) take: RecordId,
}

/// Everything that is replayed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rows {
    pub(super) wallets: [Row; WALLETS],
    pub(super) holds: [HoldRow; HOLDS],
    /// One bit a payment.
    pub(super) payments: u8,
    pub(super) policy: u8,
    pub(super) spent: i8,
}

impl Row {
    /// Rolls the day: by itself at rest, or because a record carries it.
    pub(super) fn roll_day(&mut self, day: u8, policy: u8) {
        if day > self.day {
            self.expired_free += self.free;
            self.free = allowance(day, self.tier, policy);
            self.day = day;
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

    fn debit(&mut self, slices: &Slices, rules: &Rules, policy: u8) -> Result<(), Kind> {
        if slices.free > 0 {
            self.roll_day(slices.day, policy);
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

    fn open(&mut self, period: &Period, carries_day: bool, policy: u8) -> Result<(), Kind> {
        if carries_day {
            if period.day < self.day {
                return Err(Kind::Period);
            }
            self.roll_day(period.day, policy);
        }
        if period.cycle <= self.cycle {
            return Err(Kind::Period);
        }
        self.expired_subscription += self.subscription;
        self.subscription = signed(period.allocation);
        self.cycle = period.cycle;
        self.tier = period.tier;
        self.allocation = period.allocation;
        self.largest = period.allocation;
        self.pending = 0;
        self.boundaries = period.boundaries;
        Ok(())
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

/// Applies one record. `take_of` reads the take of a hold; the error names what makes this prefix invalid.
pub(super) fn apply(
    rows: &mut Rows,
    record: &Record,
    number: RecordId,
    rules: &Rules,
    take_of: impl Fn(RecordId) -> Slices,
) -> Result<(), Kind> {
    let policy = rows.policy;
    match *record {
        Record::Take { hold, wallet, ref slices, redebit } => {
            rows.take(hold, number, slices, redebit)?;
            rows.wallets[usize::from(wallet)].debit(slices, rules, policy)?;
        }
        Record::End { hold, wallet, back, repaid, expiry } => {
            let slices = take_of(rows.holds[usize::from(hold)].take);
            rows.end(hold, expiry)?;
            rows.spent += signed(slices.sum()) - signed(back.sum());
            rows.wallets[usize::from(wallet)].give_back(&slices, &back, repaid, rules);
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
            rows.wallets[usize::from(wallet)].give_top_up(amount, repaid, rules);
        }
        Record::Clawback { wallet, taken, owed } => {
            rows.wallets[usize::from(wallet)].claw_back(taken, owed, rules);
        }
        Record::Roll { ref wallets } => {
            for (row, period) in rows.wallets.iter_mut().zip(wallets) {
                if let Some(period) = period {
                    row.open(period, rules.rolls_carry_day, policy)?;
                }
            }
        }
        Record::Open { wallet, ref period } => {
            rows.wallets[usize::from(wallet)].open(period, rules.commands_carry_day, policy)?;
        }
        Record::Upgrade { wallet, day, cycle, added, allocation } => {
            let row = command_row(rows, wallet, day, rules)?;
            row.subscription += signed(added);
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
        Record::Policy { from_day } => rows.policy = from_day,
    }
    rows.wallets.iter().try_for_each(Row::check)
}

impl Rows {
    fn take(&mut self, hold: u8, number: RecordId, slices: &Slices, redebit: bool) -> Result<(), Kind> {
        let row = &mut self.holds[usize::from(hold)];
        if redebit {
            row.advance(Phase::Expired, Phase::Redebited)?;
            self.spent += signed(slices.sum());
        } else {
            row.advance(Phase::Absent, Phase::Open)?;
            row.take = number;
        }
        Ok(())
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
    pub(super) const ABSENT: Self = Self { phase: Phase::Absent, extended: false, take: NONE };

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
        row.roll_day(day, rows.policy);
    }
    Ok(row)
}

/// Amounts of the model are single digits.
pub(super) fn signed(amount: u8) -> i8 {
    i8::try_from(amount).expect("amounts of the model are small")
}
