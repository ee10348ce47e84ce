//! Refunds after a commit (R24, R27).

use wallet::outcome::{Field, Outcome};
use wallet::record::RefundReason;

use super::{
    Clock, Effect, Expected, Hold, LIMIT_REFUNDS, MOST, Model, NOTHING, RefundStep, SETTLEMENTS_MAX, State, add, sum,
};

impl Model {
    pub(super) fn refund(
        &mut self,
        id: u128,
        hold: &Hold,
        request: (u8, Option<u64>, RefundReason),
        now: Clock,
    ) -> Expected {
        let (number, amount, reason) = request;
        if let Some(step) = hold.refunds.iter().find(|step| step.number == number) {
            return match () {
                () if step.amount != amount => reused(Field::Amount),
                () if step.reason != reason => reused(Field::Reason),
                () => Expected::replay(&step.said),
            };
        }
        let max: u64 = hold.refundable.iter().map(|part| sum(&part.split)).sum();
        let wanted = amount.unwrap_or(max);
        if wanted > max {
            return Expected { amount: max, ..Expected::of(Outcome::ExceedsCaptured) };
        }
        let passed = hold.ended_at + self.settings.refund_window_ms < now.daemon || !self.remembers(id);
        if hold.state != State::Open && passed {
            return Expected::of(Outcome::RefundWindowPassed);
        }
        if hold.refunds.len() >= SETTLEMENTS_MAX {
            return Expected { detail: LIMIT_REFUNDS, ..Expected::of(Outcome::Limit) };
        }
        self.remember(Some(hold.account), Some(id));
        self.roll(hold.account, now);
        let restore = self.settings.restore_on.contains(&reason);
        let wallet = self.wallets[&hold.account].clone();
        let current_day = restore && self.allowance(wallet.day, wallet.tier()) > 0;
        let current_period = restore && wallet.tier() > 0;
        let (mut returned, mut forfeited) = (NOTHING, NOTHING);
        // Whether its returns are there already, or come with the push of this chunk, is all one to a restored return.
        let to_come = wallet.pending.iter().fold(NOTHING, |sum, (_, split)| add(&sum, split));
        let mut refundable = hold.refundable.clone();
        let mut left = wanted;
        for bucket in [2, 1, 0] {
            for part in refundable.iter_mut().rev() {
                let amount = part.split[bucket].min(left);
                part.split[bucket] -= amount;
                left -= amount;
                // As a gift: a restored return fits into half of what the bucket takes, or is forfeited.
                let there = wallet.available[bucket] + to_come[bucket] + returned[bucket];
                let fits = there + amount <= MOST[bucket] / 2;
                let back = match bucket {
                    0 => part.day == wallet.day || current_day && fits,
                    1 => part.period == wallet.period || current_period && fits,
                    _ => true,
                };
                (if back { &mut returned } else { &mut forfeited })[bucket] += amount;
            }
        }
        let wallet = self.wallets.get_mut(&hold.account).unwrap();
        for bucket in 0..3 {
            wallet.counters[bucket].spent -= returned[bucket] + forfeited[bucket];
            wallet.counters[bucket].expired += forfeited[bucket];
        }
        self.will_give(hold.account, returned);
        let expected = Expected {
            split: returned,
            amount: wanted,
            forfeited: sum(&forfeited),
            effect: Effect::Refund,
            view: Some(self.view(hold.account, now, &returned)),
            tells: true,
            ..Expected::of(Outcome::Done)
        };
        let hold = self.holds.get_mut(&id).unwrap();
        hold.refundable = refundable;
        hold.refunds.push(RefundStep { number, amount, reason, said: expected.said() });
        expected
    }
}

pub(super) fn reused(field: Field) -> Expected {
    Expected { detail: field as u32, ..Expected::of(Outcome::SettlementReused) }
}
