//! A book over the journal of a run, kept from the records alone: every period of a subscription bucket is opened once,
//! none is left out, and every cycle that has passed was granted or counted as skipped (I7, R10, R35).

use std::collections::BTreeMap;

use wallet::bucket::Bucket;
use wallet::record::{CycleRoll, Record};
use wallet::subscription::Subscription;

use super::ground::Entry;
use super::zones::Zone;

/// What the journal says of one wallet's subscription bucket.
#[derive(Clone, Copy, Default, Debug)]
struct Account {
    /// The period that was opened last: each is opened by the record that follows the one before it.
    period: u32,
    granted: u64,
    running: Option<Running>,
}

/// The subscription that runs, since it began.
#[derive(Clone, Copy, Debug)]
struct Running {
    anchor: u64,
    cycle: u32,
    /// The grants of its cycles, and those that were left out.
    opened: u32,
    skipped: u32,
}

/// What a whole run comes to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Totals {
    pub(crate) openings: u64,
    pub(crate) cycle_rolls: u64,
    pub(crate) skipped: u64,
    pub(crate) lapses: u64,
    pub(crate) granted: u64,
}

#[derive(Default)]
pub(crate) struct Book {
    accounts: BTreeMap<u128, Account>,
    pub(crate) totals: Totals,
}

impl Book {
    /// Reads what comes next of the journal.
    pub(crate) fn read(&mut self, entries: &[Entry]) -> Result<(), String> {
        entries
            .iter()
            .flatten()
            .try_for_each(|record| self.note(record).map_err(|wrong| format!("{wrong}: {record:?}")))
    }

    fn note(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::CycleRoll(rolls) => rolls.iter().try_for_each(|roll| self.rolled(roll)),
            Record::Subscription(change) => {
                let account = self.accounts.entry(change.account.0).or_default();
                let opens = change.period.0 != account.period;
                let amount = change.amount.millis();
                match (opens, change.after) {
                    (true, Some(after)) => account.running = Some(Running::new(&after)),
                    (_, None) => account.running = None,
                    (false, Some(after)) => account.goes_on(&after)?,
                }
                if opens {
                    self.opened(change.account.0, change.period.0, amount)
                } else {
                    self.granted(change.account.0, amount)
                }
            }
            Record::SetSubscription(set) => {
                self.accounts.entry(set.account.0).or_default().running = None;
                self.opened(set.account.0, set.period.0, set.amount.millis())
            }
            Record::Grant(grant) if grant.bucket == Bucket::Subscription => {
                self.granted(grant.account.0, grant.amount.millis())
            }
            _ => Ok(()),
        }
    }

    fn rolled(&mut self, roll: &CycleRoll) -> Result<(), String> {
        let account = self.accounts.entry(roll.account.0).or_default();
        self.totals.cycle_rolls += 1;
        self.totals.skipped += u64::from(roll.skipped);
        let lapsed = roll.ends_at.0 == 0;
        self.totals.lapses += u64::from(lapsed);
        match &mut account.running {
            _ if lapsed => account.running = None,
            Some(running) => {
                if roll.cycle != running.cycle + 1 + roll.skipped {
                    let what = if roll.cycle > running.cycle { "a roll is left out" } else { "a roll comes twice" };
                    return Err(format!("R35: {what}: cycle {} after {running:?}", roll.cycle));
                }
                running.cycle = roll.cycle;
                running.opened += 1;
                running.skipped += roll.skipped;
            }
            None => return Err("R10: a cycle of no subscription".to_owned()),
        }
        self.opened(roll.account.0, roll.period.0, roll.allocation.millis())
    }

    fn opened(&mut self, account: u128, period: u32, amount: u64) -> Result<(), String> {
        let known = self.accounts.entry(account).or_default();
        if period != known.period + 1 {
            return Err(format!("I7: period {period} is opened after {}", known.period));
        }
        known.period = period;
        self.totals.openings += 1;
        self.granted(account, amount)
    }

    fn granted(&mut self, account: u128, amount: u64) -> Result<(), String> {
        self.accounts.entry(account).or_default().granted += amount;
        self.totals.granted += amount;
        Ok(())
    }

    /// What was ever granted to a wallet's subscription bucket.
    pub(crate) fn granted_to(&self, account: u128) -> u64 {
        self.accounts.get(&account).map_or(0, |account| account.granted)
    }

    /// For a wallet that no command has touched since it subscribed: the boundaries that have passed since its anchor,
    /// counted without a look at the cycles in between, are those that the journal has granted or skipped.
    pub(crate) fn every_boundary(&self, account: u128, zone: Zone, now: u64) -> Result<u32, String> {
        let Some(running) = self.accounts.get(&account).and_then(|account| account.running) else { return Ok(0) };
        let mut passed = u32::try_from((now - running.anchor) / 2_678_400_000).unwrap();
        while zone.months_after(running.anchor, passed + 1) <= now {
            passed += 1;
        }
        let counted = running.opened + running.skipped;
        if (counted, running.cycle) == (passed, passed) {
            Ok(passed)
        } else {
            Err(format!("R10: {passed} boundaries have passed by {now}, the journal has {running:?} in {zone:?}"))
        }
    }
}

impl Account {
    /// A command that opens no period leaves the running cycle as it is.
    fn goes_on(&self, after: &Subscription) -> Result<(), String> {
        match self.running {
            Some(running) if after.plan.0 != 0 && running.cycle != after.cycle => {
                Err(format!("R12: a command moved cycle {} to {}", running.cycle, after.cycle))
            }
            _ => Ok(()),
        }
    }
}

impl Running {
    const fn new(opened: &Subscription) -> Self {
        Self { anchor: opened.anchor.0, cycle: opened.cycle, opened: 0, skipped: 0 }
    }
}
