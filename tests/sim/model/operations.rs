//! Operations of the hot path, each to its rules, and balances (R4).

use wallet::outcome::{Field, Outcome};
use wallet::request::{Answer, Operation};

use super::{AMOUNT_MAX, Clock, Expected, Model, NOTHING};

impl Model {
    pub(crate) fn operation(&mut self, operation: &Operation, now: Clock, seen: &Answer) -> Expected {
        match operation {
            Operation::Reserve(request) => self.reserve(request, false, now, seen),
            Operation::Charge(request) => self.reserve(request, true, now, seen),
            Operation::Malformed { field } => Expected::bad(*field),
            Operation::Extend { ttl_ms, .. } if *ttl_ms == 0 || *ttl_ms > self.settings.hold_ttl_max_ms => {
                Expected::bad(Field::TtlMs)
            }
            Operation::Commit { request, .. } if request.amount.is_some_and(|amount| amount.millis() > AMOUNT_MAX) => {
                Expected::bad(Field::Amount)
            }
            Operation::Balance { account } => self.balance(account.0, now),
            Operation::Commit { account, hold, .. }
            | Operation::Release { account, hold }
            | Operation::Refund { account, hold, .. }
            | Operation::Extend { account, hold, .. } => self.settlement((account.0, hold.0), operation, now, seen),
        }
    }

    fn balance(&self, account: u128, now: Clock) -> Expected {
        if !self.wallets.contains_key(&account) {
            return Expected::of(Outcome::UnknownAccount);
        }
        let wallet = self.rolled(account, now);
        Expected {
            amount: wallet.debt,
            detail: u32::from(wallet.tier()),
            time: wallet.due().unwrap_or(0),
            view: Some(self.view(account, now, &NOTHING)),
            tells: true,
            ..Expected::of(Outcome::Done)
        }
    }
}
