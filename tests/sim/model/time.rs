//! What time makes of a wallet: days, cycles, lapses (R5, R6, R7, R10, R11, R35).

use super::{Amounts, Clock, Model, View, Wallet, add};

/// What the record of a cycle's end must say.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct CycleRoll {
    pub(crate) period: u32,
    pub(crate) day: u32,
    pub(crate) at: u64,
    pub(crate) allocation: u64,
    pub(crate) tier: u8,
    pub(crate) ends_at: u64,
    pub(crate) plan: u16,
    pub(crate) cycle: u32,
    pub(crate) skipped: u32,
    pub(crate) changed: bool,
}

/// A row whose last record is so many days old is idle.
const IDLE_DAYS: u32 = 512;

impl Model {
    pub(super) fn allowance(&self, day: u32, tier: u8) -> u64 {
        match self.policies.iter().rev().find(|policy| policy.from <= day) {
            Some(policy) if policy.all_accounts || tier == 0 => policy.allowance,
            _ => 0,
        }
    }

    fn roll_day(&self, wallet: &mut Wallet, day: u32) {
        if day <= wallet.day {
            return;
        }
        if wallet.day_used {
            wallet.counters[0].expired += wallet.available[0];
        }
        wallet.available[0] = self.allowance(day, wallet.tier());
        wallet.day = day;
        wallet.day_used = false;
    }

    /// Boundary by boundary; at one instant the lapse comes before a new cycle, and both before the day. Of the grants
    /// only the last one counts, and the bucket's period goes up by one.
    fn roll_cycles(&self, wallet: &mut Wallet, now: Clock) -> Option<CycleRoll> {
        let mut roll = CycleRoll::default();
        let mut opened = 0;
        let mut lapsed = false;
        while let Some(running) = wallet.subscribed.filter(|running| running.due() <= now.daemon) {
            let at = running.due();
            let day = wallet.zone.day(at - 1);
            self.roll_day(wallet, day);
            roll.at = at;
            roll.day = wallet.day;
            wallet.subscribed = if running.lapses() <= at {
                lapsed = true;
                roll.changed = false;
                wallet.pending_change = None;
                None
            } else {
                opened += 1;
                roll.changed |= wallet.pending_change.is_some();
                Some(running.next(wallet.pending_change.take(), wallet.zone))
            };
        }
        if opened == 0 && !lapsed {
            return None;
        }
        wallet.counters[1].expired += wallet.available[1];
        wallet.period += 1;
        let running = wallet.subscribed;
        wallet.available[1] = running.map_or(0, |running| running.terms.credits);
        wallet.counters[1].granted += wallet.available[1];
        roll.skipped = if lapsed { opened } else { opened - 1 };
        roll.period = wallet.period;
        if let Some(running) = running {
            roll.allocation = running.terms.credits;
            roll.tier = running.terms.tier;
            roll.plan = running.terms.plan;
            roll.ends_at = running.ends;
            roll.cycle = running.cycle;
        }
        if self.planted_grants {
            wallet.counters[1].granted += roll.allocation * u64::from(roll.skipped);
        }
        Some(roll)
    }

    pub(super) fn rolled(&self, account: u128, now: Clock) -> Wallet {
        let mut wallet = self.wallets[&account].clone();
        self.roll_cycles(&mut wallet, now);
        let today = wallet.zone.day(now.daemon);
        self.roll_day(&mut wallet, today);
        wallet
    }

    pub(super) fn view(&self, account: u128, now: Clock, more: &Amounts) -> View {
        self.view_into(account, now, more, [true; 3])
    }

    /// What a look at a wallet tells.
    pub(crate) fn view_of_wallet(&self, account: u128, now: Clock) -> View {
        self.view(account, now, &[0; 3])
    }

    /// The view with the next reset that brings credits into one of these buckets.
    pub(super) fn view_into(&self, account: u128, now: Clock, more: &Amounts, sources: [bool; 3]) -> View {
        let wallet = self.rolled(account, now);
        let mut available = add(&wallet.available, more);
        available[2] = wallet.available[2] + more[2].saturating_sub(wallet.debt);
        let next_reset_at = self.next_reset(&wallet, now, sources).unwrap_or(0);
        let top_up_allowed = self.sells_top_ups(&wallet);
        View { available, next_reset_at, top_up_allowed }
    }

    /// A lapse brings nothing by itself: the daily credits come back with the first day that begins at it or later (R7).
    fn next_reset(&self, wallet: &Wallet, now: Clock, [free, subscription, _]: [bool; 3]) -> Option<u64> {
        let lapse = wallet.subscribed.map(|running| running.lapses()).filter(|lapse| Some(*lapse) == wallet.due());
        let daily = wallet.tier() == 0 || self.policies.last().is_some_and(|policy| policy.all_accounts);
        // After a move to the west the wallet may be ahead of the clocks there (R6).
        let next_day = wallet.zone.first_after(wallet.day, now.daemon);
        let day = match lapse {
            _ if daily => Some(next_day),
            Some(lapse) => Some(next_day.max(wallet.zone.day_ends_at(lapse - 1))),
            None => None,
        };
        let day = day.filter(|day| free && self.allowance(wallet.zone.day(*day), 0) > 0);
        let cycle = wallet.due().filter(|_| lapse.is_none() && subscription);
        [day, cycle].into_iter().flatten().min()
    }

    /// A cycle roll that the journal shows: what its record must say, or what is wrong with it.
    /// A start may have moved the day of a wallet that was long idle to its yesterday: nothing was granted in between.
    pub(crate) fn cycle_roll(
        &mut self,
        account: u128,
        now: Clock,
        seen: CycleRoll,
        position: u64,
    ) -> Result<(), String> {
        let wallet = self.wallets.get(&account).ok_or("a cycle roll of no account")?;
        let mut roll = self.roll_cycles(&mut wallet.clone(), now).ok_or("a cycle roll before the end")?;
        roll.day = roll.day.max(wallet.day_at_start);
        if roll != seen {
            return Err(format!("R10, R35: {seen:?}\n  expected {roll:?}"));
        }
        self.remember(Some(account), None);
        self.undo.last_mut().unwrap().position = position;
        let after = self.rolled(account, now);
        self.wallets.insert(account, after);
        Ok(())
    }

    /// A start finds a row whose last record is of that day. One that is long idle goes on from its yesterday, so that
    /// the word can tell its days apart.
    pub(crate) fn started(&mut self, account: u128, day: u32, now: Clock) {
        let wallet = self.wallets.get_mut(&account).unwrap();
        let today = wallet.zone.day(now.daemon);
        wallet.day_at_start = if today.saturating_sub(day) > IDLE_DAYS { today - 1 } else { 0 };
    }

    /// Rolls the wallet before it is changed. The end of a cycle has a record, which has come before.
    pub(super) fn roll(&mut self, account: u128, now: Clock) {
        let wallet = self.rolled(account, now);
        assert!(wallet.period == self.wallets[&account].period, "a request on a wallet whose cycle end has no record");
        self.wallets.insert(account, wallet);
    }

    /// A wallet with everything that has become of it by now.
    pub(crate) fn wallet(&self, account: u128, now: Clock) -> Wallet {
        self.rolled(account, now)
    }
}
