//! Filling an engine at a start from what the projections know, before there is traffic.

use crate::bucket::Slices;
use crate::calendar::ZoneError;
use crate::chores::Chore;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::hold::{Hold, HoldState};
use crate::holds::{Live, Place};
use crate::ids::{Day, HoldId, Now, Position, Timestamp};
use crate::record::{FreePolicy, Record};
use crate::resets::{DayEnd, ResetTotals};
use crate::row::Row;
use crate::settings::DAY_MS;
use crate::slot::{Cold, NewWallet, NoWallet};
use crate::sync::Ordering;
use crate::word::{Bits, Numbers, Snapshot};
use thiserror::Error;

/// How many days a row may be behind and still be told from one that is ahead.
const IDLE_DAYS_MAX: u32 = 512;

/// A row that does not make a wallet.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LoadError {
    #[error("account {account}: time zone {zone:?}: {error}")]
    Zone { account: crate::ids::AccountId, zone: String, error: ZoneError },
    #[error("account {0} comes twice")]
    Twice(crate::ids::AccountId),
    #[error("more wallets than one partition holds")]
    Full,
    #[error("hold {0} is open on an account that does not exist")]
    Orphan(HoldId),
    #[error("hold {0} comes twice")]
    HoldTwice(HoldId),
}

/// How long after a start nothing is forgotten yet, in milliseconds.
const FORGET_AFTER_START_MS: u64 = 3_000;

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Adds a journaled allowance; before the wallets.
    pub fn load_policy(&self, policy: FreePolicy) {
        assert!(self.wallets.count() == 0, "R5: allowances are loaded before the wallets that they are of");
        let mut policies = self.policies.write();
        assert!(policies.last().is_none_or(|last| last.from < policy.from), "R5: allowances are loaded by their dates");
        policies.add(policy);
        drop(policies);
        self.tell_of_policy(policy);
    }

    fn tell_of_policy(&self, newest: FreePolicy) {
        self.free_for_all.store(newest.all_accounts, Ordering::Relaxed);
        self.free_can_be_none.fetch_or(newest.allowance.is_zero(), Ordering::Relaxed);
    }

    /// Sets the bound of forgotten ids.
    pub fn load_id_bound(&self, bound: Timestamp) {
        self.id_bound.fetch_max(bound.0, Ordering::Release);
    }

    /// Adds a wallet; after the policies, before its holds. It comes with the present day, whatever days were missed (R35).
    /// One whose cycle has ended is left to the roll of its cycle, which comes before the day (R10): the word keeps only
    /// the low bits of a day, so if its row has not moved for long it is loaded as of yesterday, with nothing left of a day
    /// that has ended.
    ///
    /// # Errors
    /// The row does not make a wallet here.
    pub fn load_wallet(&self, row: &Row, now: Now) -> Result<(), LoadError> {
        let cohort = self.cohorts.of(&row.zone).map_err(|error| LoadError::Zone {
            account: row.account,
            zone: row.zone.clone(),
            error,
        })?;
        let debt = row.debt();
        let cold = Cold::of(row.frozen, !debt.is_zero());
        let today = self.cohorts.today(cohort, now.daemon).day;
        let mut available = row.available();
        let mut day = row.day;
        let cycle_has_ended = row.subscribed.is_some_and(|subscription| subscription.due_at() <= now.daemon);
        if row.day < today && !cycle_has_ended {
            available.free = self.roll_loaded(row, today);
            day = today;
        } else if today.0.saturating_sub(row.day.0) > IDLE_DAYS_MAX {
            available.free = Credits::ZERO;
            day = Day(today.0.saturating_sub(1));
        }
        assert!(day <= today || day == row.day, "R6: a wallet is loaded on the present day, or on its own later one");
        assert!(debt.is_zero() || available.top_up.is_zero(), "R16: debt beside top-up credits");
        let in_word = available.at_most(&Bits::WIDE.most());
        let word = Snapshot {
            available: in_word,
            day: Numbers::short_day(day),
            period: Numbers::short_period(row.period),
            tier: row.tier,
            attention: cold.frozen || cold.in_debt,
        };
        self.wallets.begin_cycles_at(now.daemon);
        let new = NewWallet { word, cohort, period: row.period, subscription: row.subscribed, cold };
        self.cohorts.count_wallet(cohort, None);
        let index = self.wallets.add(row.account, || new).map_err(|none| match none {
            NoWallet::Exists => LoadError::Twice(row.account),
            NoWallet::Full => LoadError::Full,
        })?;
        if debt > Credits::ZERO {
            self.debts.lock().insert(index, debt);
        }
        let slot = self.wallets.slot(index);
        let over = Slices { split: available.minus(&in_word), day, period: row.period };
        assert!(slot.word.load().available.plus(&over.split) == available, "I8: a wallet is loaded whole");
        self.beside.add(row.account, &over);
        self.set_pending(slot, &mut slot.lock(), row.pending);
        slot.assert_in_step(&slot.lock());
        assert!(slot.account() == row.account, "I4: the wallet of another account");
        assert!(slot.period() == row.period, "I7: a wallet is loaded in its row's period");
        for pending in &row.pending_top_ups {
            self.top_ups.lock().add(index, *pending);
        }
        let waiting = self.top_ups.lock().of(index, Timestamp::NONE).len();
        assert!(waiting == row.pending_top_ups.len(), "R14: what waits for its payment is loaded whole");
        assert!(self.debt_of(index) == debt, "R16: a debt is loaded as its row has it");
        Ok(())
    }

    /// Counts the end of a row's day, and says what the wallet has of the present one.
    fn roll_loaded(&self, row: &Row, today: Day) -> Credits {
        let policies = self.policies.read();
        let mut rolled = ResetTotals::default();
        rolled.add_day(&DayEnd::of_row(row, &policies));
        self.resets.add(&rolled);
        assert!(row.day < today, "R5: a day that runs is not rolled");
        policies.allowance(today, row.tier)
    }

    /// Adds a hold that has ended, of which only this stays in memory (R32).
    ///
    /// # Errors
    /// It is loaded already.
    pub fn load_ended(&self, id: HoldId, last_position: Position, ended_at: Timestamp) -> Result<(), LoadError> {
        assert!(last_position > Position::NONE, "I3: what has ended has a record with a place");
        assert!(ended_at > Timestamp::NONE, "I6: what has ended did so at an instant");
        let Some(vacant) = self.holds.vacant(id) else { return Err(LoadError::HoldTwice(id)) };
        self.holds.count_entry();
        vacant.ended(Place::pushed(last_position), ended_at);
        Ok(())
    }

    /// Adds a hold.
    ///
    /// # Errors
    /// The hold is open and its account is not loaded.
    pub fn load_hold(&self, id: HoldId, hold: Hold) -> Result<(), LoadError> {
        if hold.state != HoldState::Open {
            return self.load_ended(id, hold.last_position, hold.ended_at);
        }
        assert!(hold.ends_at >= hold.reserved_at, "R23: a hold ends after it began");
        assert!(hold.ended_at == Timestamp::NONE, "I6: a hold that is open has not ended");
        let place = Place::pushed(hold.last_position);
        let slot = self.wallets.find(hold.account).ok_or(LoadError::Orphan(id))?;
        let Some(vacant) = self.holds.vacant(id) else { return Err(LoadError::HoldTwice(id)) };
        self.holds.count_entry();
        self.holds.count_open((hold.reserved_at, 1), &mut Vec::new());
        self.holds.open_holds.begin_at(hold.reserved_at);
        let mut record = Vec::new();
        self.holds.open_holds.allocate(1, &mut record);
        assert!(record.len() == 1, "an open hold has one record");
        if let Some(number) = record.last() {
            let live = Live { place, slot: Some(slot), record: Some(*number), hold, over: false };
            vacant.load(live);
        }
        self.holds.open_holds.follow(&mut record, &mut Vec::new(), &mut Vec::new());
        assert!(self.holds.knows(id), "I5: a hold that was loaded is found");
        Ok(())
    }

    /// Says that loading is over: no hold expires before the grace has passed, and housekeeping begins.
    pub fn loaded(&self, now: Now) {
        self.holds.open_holds.begin_at(now.daemon);
        self.wallets.begin_cycles_at(now.daemon);
        // Who had no answer asks again first, also about ids that have grown old meanwhile.
        self.chores.note(Chore::Forget, now.daemon.plus_millis(FORGET_AFTER_START_MS));
        self.chores.note(Chore::DropPending, self.top_ups.lock().next_end());
        assert!(self.expire_from.load(Ordering::Relaxed) == 0, "loading is over once");
        assert!(self.holds.open_holds.noted() == self.holds.open(), "R23: an open hold has one timer");
        let in_zones = self.cohorts.in_use().map(|cohort| u64::from(self.cohorts.wallets(cohort)));
        assert!(in_zones.sum::<u64>() == self.wallets.count(), "R6: a wallet is in one zone");
        self.expire_from.store(now.daemon.plus_millis(self.settings.hold_grace_ms).0, Ordering::Relaxed);
    }

    /// Makes the configured allowance the journaled one. The first holds from the beginning; a later change begins
    /// at least one whole day ahead in the most advanced zone (UTC+14), so that no running day changes.
    ///
    /// Returns whether that pushed a record.
    pub fn ensure_policy(&self, allowance: Credits, all_accounts: bool, now: Now) -> bool {
        let mut policies = self.policies.write();
        let from = match policies.last() {
            Some(last) if last.allowance == allowance && last.all_accounts == all_accounts => return false,
            Some(_) => {
                let most_advanced = now.daemon.plus_millis(14 * 3_600_000);
                assert!(most_advanced > now.daemon, "R5: the most advanced zone is ahead of UTC");
                Day(u32::try_from(most_advanced.0 / DAY_MS).unwrap_or(0).saturating_add(2))
            }
            None => Day(0),
        };
        let policy = FreePolicy { from, allowance, all_accounts };
        self.journal.push(&[Record::Policy(policy)]);
        policies.add(policy);
        assert!(policies.last() == Some(&policy), "R5: the newest policy comes last");
        self.tell_of_policy(policy);
        true
    }
}
