//! The daemon's own work: policies, expiries, forgetting, reloads, writing and projecting.

use wallet::accounts::AccountScan;
use wallet::chores::Chore;
use wallet::credits::Credits;
use wallet::cycles::CycleRolls;
use wallet::engine::SWEEP_HOLDS_MAX;
use wallet::ids::{AccountId, HoldId, Position, Timestamp, WorkerId};
use wallet::record::Record;
use wallet::workers::HoldFilter;

use super::World;
use super::agree::amounts;
use crate::sim::ground::Ground;
use crate::sim::model::{Effect, Policy};
use crate::sim::planted::Planted;
use crate::sim::random::Random;
use crate::sim::requests::ACCOUNTS;
use crate::sim::zones::Zone;

impl<G: Ground> World<G> {
    pub(super) fn ensure_policy(&mut self) -> Result<(), String> {
        let before = self.ground.pushed();
        let pushed = self.engine.ensure_policy(Credits::from_millis(self.allowance), self.all_accounts, self.clock());
        for record in self.ground.pushed_after(before) {
            let Some(Record::Policy(policy)) = record else { return Err(format!("not a policy: {record:?}")) };
            let policy =
                Policy { from: policy.from.0, allowance: policy.allowance.millis(), all_accounts: policy.all_accounts };
            let first = self.model.policies.is_empty();
            if !first && policy.from < Zone::Kiritimati.day(self.now.daemon) + 2 {
                return Err(format!("R5: a policy that begins too early: {policy:?}"));
            }
            self.model.policy(policy, before + 1);
        }
        let expected = self.model.policies.last().is_some_and(|policy| policy.allowance == self.allowance);
        if expected { Ok(()) } else { Err(format!("R5: the policy was not pushed ({pushed})")) }
    }

    pub(super) fn expire(&mut self) -> Result<(), String> {
        let mut chunk = self.engine.chunk();
        loop {
            let before = self.ground.pushed();
            chunk.clear();
            let expired = self.engine.expire_due(&mut chunk, self.clock());
            let records = self.ground.pushed_after(before);
            let used = self.cycle_rolls(&records, before)?;
            for (index, record) in records.iter().enumerate().filter(|(index, _)| !used[*index]) {
                let Some(Record::Expire(end)) = record else { return Err(format!("not an expiry: {record:?}")) };
                let (returned, forfeited) = self.model.expire(end.hold.0, self.now)?;
                if amounts(&end.returned) != returned || amounts(&end.forfeited) != forfeited {
                    return Err(format!("R24: {end:?}, expected {returned:?} and {forfeited:?}"));
                }
                self.model.place(before + 1 + index as u64);
                *self.tally.effects.entry(Effect::Expire).or_default() += 1;
            }
            self.model.flush();
            if expired == 0 {
                break;
            }
        }
        Ok(())
    }

    /// What the ticker does with what is due; a pending top-up whose time is over is due.
    pub(super) fn chores(&mut self) -> Result<(), String> {
        loop {
            let due = self.engine.due_chores(self.clock());
            if due.is_empty() {
                break;
            }
            for chore in due {
                match chore {
                    Chore::Forget => self.forget()?,
                    Chore::DropPending => self.drop_top_ups()?,
                }
            }
        }
        let now = self.now.daemon;
        let late = self.model.wallets.values().flat_map(|wallet| &wallet.waiting).find(|one| one.ends_at <= now);
        late.map_or(Ok(()), |late| Err(format!("R14: {late:?} still waits")))
    }

    pub(super) fn forget(&mut self) -> Result<(), String> {
        let before = self.ground.pushed();
        self.engine.forget(self.clock());
        for (index, record) in self.ground.pushed_after(before).into_iter().enumerate() {
            let Some(Record::IdBound { bound }) = record else { return Err(format!("not a bound: {record:?}")) };
            if bound.0 + self.settings.id_window_ms > self.now.wall {
                return Err(format!("R32: bound {bound:?} is younger than the window"));
            }
            self.model.id_bound(bound.0, before + 1 + index as u64)?;
        }
        Ok(())
    }

    pub(super) fn write(&mut self, random: &mut Random, all: bool) -> Result<(), String> {
        if !self.ground.write(random, all) {
            return self.crash(random);
        }
        self.model.durable(self.ground.durable());
        let durable = self.ground.durable();
        self.unacknowledged.retain(|(needs, _)| *needs > durable);
        Ok(())
    }

    pub(super) fn project(&mut self, most: u64) -> Result<(), String> {
        let lives = self.ground.project(most)?;
        self.note_dropped();
        if lives {
            return Ok(());
        }
        // What the projections rest on cannot be read: the process ends.
        self.crash(&mut Random::new(self.ground.pushed() ^ self.tally.operations))
    }

    pub(super) fn flush(&mut self, random: &mut Random) -> Result<(), String> {
        self.ground.flush()?;
        self.drop_old_holds(random)
    }

    /// A ground that drops old holds by itself goes a step on.
    pub(super) fn prune(&mut self) -> Result<(), String> {
        let (now, mut since) = (self.clock(), None);
        self.ground.prune(now.daemon.0, &mut || *since.insert(self.engine.let_go(now)));
        if let Some(let_go) = since {
            let expected = self.model.let_go(self.now);
            if let_go.0 != expected {
                return Err(format!("R32: let go before {let_go:?}, expected {expected}"));
            }
        }
        self.note_dropped();
        Ok(())
    }

    /// Tells the model what readers do not find any more, where the ground drops old holds by itself.
    pub(super) fn note_dropped(&mut self) {
        if G::PRUNES {
            self.tally.dropped += self.model.set_dropped(self.ground.dropped().iter().map(|id| id.0).collect());
        }
    }

    /// The disk drops old holds: first nothing new is decided about them, and what was is applied.
    pub(super) fn drop_old_holds(&mut self, random: &mut Random) -> Result<(), String> {
        if G::PRUNES {
            return self.prune();
        }
        let by_window = self.planted == Planted::DroppedByItsWindow;
        if random.once_in_1000(500) && !by_window {
            let (let_go, expected) = (self.engine.let_go(self.clock()).0, self.model.let_go(self.now));
            if let_go != expected {
                return Err(format!("R32: let go before {let_go:?}, expected {expected}"));
            }
        }
        // The planted bug goes by the window alone, whatever is on its way.
        let since = if by_window {
            self.clock().daemon.minus_millis(self.settings.refund_window_ms)
        } else {
            Timestamp(self.model.let_go)
        };
        let applied = |id: HoldId, last: Position| by_window || self.model.last_position(id.0) == last.0;
        let dropped = self.ground.plain().drop_before(since, applied);
        self.tally.dropped += self.model.dropped(dropped.iter().map(|id| id.0));
        Ok(())
    }

    /// Gives engine and model the offers of now.
    pub(super) fn publish(&mut self) {
        self.engine.set_plans(self.offers.plans());
        self.engine.set_rates(self.offers.rates());
        self.model.catalog = self.offers.catalog;
        self.model.card = self.offers.card;
    }

    /// All open holds of a dead worker end (R31).
    pub(super) fn release_worker(&mut self, random: &mut Random) -> Result<(), String> {
        let account = if random.once_in_1000(700) { 1 + u128::from(random.below(10)) } else { 0 };
        let worker = u128::from(random.below(3));
        let mut chunk = self.engine.chunk();
        loop {
            let before = self.ground.pushed();
            chunk.clear();
            let whose = (AccountId(account), WorkerId(worker));
            let mut ids = self.engine.holds_of_worker(whose.0, whose.1);
            ids.truncate(SWEEP_HOLDS_MAX);
            let released = self.engine.release_worker(&mut chunk, &ids, whose, self.clock());
            let records = self.ground.pushed_after(before);
            let used = self.cycle_rolls(&records, before)?;
            let mut seen = 0;
            for (index, record) in records.iter().enumerate().filter(|(index, _)| !used[*index]) {
                let Some(Record::ReleaseWorker(end)) = record else { return Err(format!("not a release: {record:?}")) };
                let (returned, forfeited) = self.model.release_by_worker(end.hold.0, worker, self.now)?;
                if account != 0 && end.account.0 != account {
                    return Err(format!("R31: another account: {end:?}"));
                }
                if amounts(&end.returned) != returned || amounts(&end.forfeited) != forfeited {
                    return Err(format!("R24: {end:?}, expected {returned:?} and {forfeited:?}"));
                }
                self.model.place(before + 1 + index as u64);
                seen += 1;
                *self.tally.effects.entry(Effect::ReleaseWorker).or_default() += 1;
            }
            self.model.flush();
            if released != seen {
                return Err(format!("R31: {released} released and {seen} recorded"));
            }
            if released == 0 {
                break;
            }
        }
        let left = self.model.list_holds((account, worker, 0), 0, 1);
        if worker == 0 || left.is_empty() { Ok(()) } else { Err(format!("R31: {left:?} is still open")) }
    }

    /// Top-ups whose payment has not arrived in time end (R14).
    fn drop_top_ups(&mut self) -> Result<(), String> {
        loop {
            let before = self.ground.pushed();
            let dropped = self.engine.drop_pending(self.clock());
            let records = self.ground.pushed_after(before);
            if records.len() != dropped {
                return Err(format!("R14: {dropped} dropped: {records:?}"));
            }
            for (index, record) in records.iter().enumerate() {
                let Some(Record::DropTopUp(end)) = record else { return Err(format!("not an end: {record:?}")) };
                let position = before + 1 + index as u64;
                let amount = self.model.drop_top_up(end.account.0, end.payment.0, self.now, position)?;
                if end.amount.millis() != amount {
                    return Err(format!("R14: {end:?}, expected {amount}"));
                }
                *self.tally.effects.entry(Effect::DropTopUp).or_default() += 1;
            }
            if dropped == 0 {
                return Ok(());
            }
        }
    }

    pub(super) fn list_holds(&self, random: &mut Random) -> Result<(), String> {
        let account =
            if random.once_in_1000(500) { 1 + u128::from(random.below(u64::try_from(ACCOUNTS).unwrap())) } else { 0 };
        let worker = u128::from(random.below(3));
        let made_by = if random.once_in_1000(500) { self.now.daemon - random.below(600_000) } else { 0 };
        let limit = random.pick(&[1, 5, 256]);
        let filter = HoldFilter { account: AccountId(account), worker: WorkerId(worker), made_by: Timestamp(made_by) };
        let mut after = 0;
        loop {
            let expected = self.model.list_holds((account, worker, made_by), after, limit);
            let listed = self.engine.list_holds(&filter, HoldId(after), limit);
            let listed: Vec<_> = listed.iter().map(|one| (one.hold.0, one.held.millis())).collect();
            if listed != expected {
                return Err(format!("R31: {filter:?} lists {listed:?}, expected {expected:?}"));
            }
            match listed.last() {
                Some((last, _)) if listed.len() == limit => after = *last,
                _ => return Ok(()),
            }
        }
    }

    /// Accounts by their ids (R33), and cycles of wallets that nobody asks for (R10), a few at a time.
    pub(super) fn look_around(&mut self, random: &mut Random) -> Result<(), String> {
        let after = u128::from(random.below(12));
        let mut scan = AccountScan::new(AccountId(after), 4);
        while !self.engine.scan_accounts(&mut scan, 3) {}
        let listed: Vec<u128> = scan.accounts().map(|account| account.0).collect();
        let expected: Vec<u128> = self.model.wallets.keys().copied().filter(|id| *id > after).take(4).collect();
        if listed != expected {
            return Err(format!("R33: {listed:?} are listed, expected {expected:?}"));
        }
        let mut rolls = CycleRolls::default();
        loop {
            let before = self.ground.pushed();
            let batch = self.engine.roll_cycles(&mut rolls, random.pick(&[1, 2, 100]), self.clock());
            let records = self.ground.pushed_after(before);
            let packed = records.iter().flatten().map(|record| match record {
                Record::CycleRoll(rolls) => rolls.len(),
                _ => 0,
            });
            let packed: usize = packed.sum();
            let ill = records.len() > 1 || packed != batch.rolled || batch.left_out > 0;
            if ill || self.cycle_rolls(&records, before)?.contains(&false) {
                return Err(format!("R10: {batch:?} left {records:?}"));
            }
            if batch.rolled == 0 {
                break;
            }
        }
        let now = self.now.daemon;
        let due = self.model.wallets.values().find(|wallet| wallet.due().is_some_and(|due| due <= now));
        due.map_or(Ok(()), |due| Err(format!("R10: {due:?} is still due")))
    }
}
