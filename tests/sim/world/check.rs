//! Nothing is in flight: memory, rows and model say the same.

use std::collections::BTreeMap;

use wallet::balance::WalletView;
use wallet::engine::{Archive, Engine, Journal};
use wallet::hold::HoldState;
use wallet::ids::{AccountId, Day, HoldId, Now};
use wallet::row::{Pending, Row};

use super::World;
use super::agree::{amounts, state, subscribed, waiting_change};
use crate::sim::ground::Ground;
use crate::sim::model::top_ups::Waiting;
use crate::sim::model::{Amounts, State, Wallet};
use crate::sim::random::Random;

impl<G: Ground> World<G> {
    /// Nothing is in flight: memory, rows and model say the same.
    pub(super) fn quiet(&mut self, random: &mut Random) -> Result<(), String> {
        self.tally.quiet += 1;
        let before = self.ground.pushed();
        let accounts: Vec<u128> = self.model.wallets.keys().copied().collect();
        let views: Vec<_> =
            accounts.iter().map(|account| self.engine.wallet_view(AccountId(*account), self.clock())).collect();
        let records = self.ground.pushed_after(before);
        if self.cycle_rolls(&records, before)?.contains(&false) {
            return Err(format!("a view that leaves records: {records:?}"));
        }
        self.quotes(random)?;
        let crashes = self.tally.crashes;
        self.write(random, true)?;
        if self.tally.crashes > crashes {
            return Ok(());
        }
        self.project(u64::MAX)?;
        if self.tally.crashes > crashes || self.ground.is_down() {
            return Ok(());
        }
        self.ground.agrees(self.checked_holds)?;
        let rows = self.ground.plain().rows();
        for (account, view) in accounts.iter().zip(views) {
            let view = view.ok_or("no view of a wallet")?;
            let mut row = rows.rows.get(&AccountId(*account)).ok_or("no row of a wallet")?.clone();
            row.roll_day(Day(view.day.0), &rows.policies);
            row.check()?;
            let model = self.model.wallet(*account, self.now);
            let told = |what: &str| format!("{what}\n  memory {view:?}\n  row {row:?}\n  model {model:?}");
            if !same_memory(&view, &model, self.now.daemon) {
                return Err(told("memory and model differ"));
            }
            if !same_row(&row, &model) {
                return Err(told("row and model differ"));
            }
            if !same_counters(&row, &model) {
                return Err(told("I1: counters differ"));
            }
        }
        let mut held = BTreeMap::<AccountId, (u32, Amounts)>::new();
        for (id, hold) in rows.holds.iter().filter(|(_, hold)| hold.state == HoldState::Open) {
            let sums = held.entry(hold.account).or_default();
            sums.0 += 1;
            for (sum, rest) in sums.1.iter_mut().zip(amounts(&hold.rest())) {
                *sum += rest;
            }
            if self.model.holds.get(&id.0).is_none_or(|model| model.state != State::Open) {
                return Err(format!("hold {id} is open on disk and not in the model"));
            }
        }
        for (account, row) in &rows.rows {
            let (open, sums) = held.remove(account).unwrap_or_default();
            let counted: Vec<u64> = row.counters.iter().map(|counters| counters.held.millis()).collect();
            if row.open_holds != open || counted != sums {
                return Err(format!("I1: {open} open holds hold {sums:?}: {row:?}"));
            }
        }
        let seen = self.checked_holds;
        for (id, hold) in rows.holds.iter().filter(|(_, hold)| hold.last_position.0 > seen) {
            let model = self.model.holds.get(&id.0).ok_or_else(|| format!("hold {id} is not in the model"))?;
            if state(hold.state) != model.state || hold.ends_at.0 != model.ends_at {
                return Err(format!("hold {id}: {hold:?} and {model:?}"));
            }
        }
        if rows.holds.len() != self.model.holds.len() {
            return Err("some holds of the model are not on disk".to_owned());
        }
        let ids: Vec<HoldId> = rows.holds.keys().copied().collect();
        let last = rows.reached;
        drop(rows);
        self.checked_holds = last;
        self.views_of_holds(random, &ids)?;
        if random.once_in_1000(500) {
            self.flush(random)?;
        }
        Ok(())
    }

    /// Holds as an operator sees them; a wallet that is due is rolled for it.
    pub(super) fn views_of_holds(&mut self, random: &mut Random, ids: &[HoldId]) -> Result<(), String> {
        let chunk = self.engine.chunk();
        for _ in 0..4.min(ids.len()) {
            let id = random.pick(ids);
            let before = self.ground.pushed();
            let view = self.engine.hold_view(&chunk, id, self.clock());
            let records = self.ground.pushed_after(before);
            if self.cycle_rolls(&records, before)?.contains(&false) || records.len() > 1 {
                return Err(format!("a view of a hold that leaves records: {records:?}"));
            }
            match view {
                Ok(None) if self.model.has_dropped(id.0) => {}
                Ok(Some((hold, position))) => {
                    let on_disk = self.ground.plain().rows().holds[&id].clone();
                    if hold != on_disk || position != on_disk.last_position {
                        return Err(format!("memory has {hold:?}, the disk {on_disk:?}"));
                    }
                }
                other => return Err(format!("no view of hold {id}: {other:?}")),
            }
        }
        Ok(())
    }
}

fn waiting(of: &Pending) -> Waiting {
    Waiting { payment: of.payment.0, amount: of.amount.millis(), at: of.at.0, ends_at: of.ends_at.0 }
}

/// A wallet as an engine has it.
pub(crate) fn view_of<J: Journal, A: Archive>(engine: &Engine<J, A>, account: u128, now: Now) -> Option<WalletView> {
    engine.wallet_view(AccountId(account), now)
}

pub(crate) fn same_memory(view: &WalletView, model: &Wallet, now: u64) -> bool {
    let waits: Vec<_> = model.waiting.iter().copied().filter(|waiting| waiting.ends_at > now).collect();
    amounts(&view.available) == model.available
        && view.debt.millis() == model.debt
        && view.day.0 == model.day
        && view.period.0 == model.period
        && view.tier.0 == model.tier()
        && view.frozen == model.frozen
        && view.cycle_ends_at.0 == model.due().unwrap_or(0)
        && view.zone == model.zone.name()
        && view.subscription.as_ref().map(subscribed) == model.subscribed
        && view.pending.as_ref().map(waiting_change) == model.pending_change
        && view.pending_top_ups.iter().map(waiting).collect::<Vec<_>>() == waits
}

fn same_row(row: &Row, model: &Wallet) -> bool {
    amounts(&row.available()) == model.available
        && row.debt().millis() == model.debt
        && (row.day.0, row.period.0, row.tier.0) == (model.day, model.period, model.tier())
        && row.frozen == model.frozen
        && row.ends_at.0 == model.due().unwrap_or(0)
        && row.zone == model.zone.name()
        && row.subscribed.as_ref().map(subscribed) == model.subscribed
        && row.pending.as_ref().map(waiting_change) == model.pending_change
        && row.pending_top_ups.iter().map(waiting).collect::<Vec<_>>() == model.waiting
}

fn same_counters(row: &Row, model: &Wallet) -> bool {
    row.counters.iter().zip(&model.counters).all(|(row, model)| {
        row.granted.millis() == model.granted
            && row.held.millis() == model.held
            && row.spent.millis() == model.spent
            && row.expired.millis() == model.expired
            && row.clawed_back.millis() == model.clawed_back
    })
}
