//! The row of a wallet: its balances by full period numbers and the counters of I1, as replay derives them.
//!
//! A row is always a little behind the wallet word. It rolls by the records alone: a record that draws from, or
//! names, a later day rolls the row to that day first. Day and period numbers of a row never go back.

use crate::bucket::{Bucket, Slices, Split};
use crate::credits::Credits;
use crate::ids::{AccountId, Day, PaymentId, Period, Tier, Timestamp};
use crate::policy::FreePolicies;
use crate::record::PendingTopUp;
use crate::record::{CycleRoll, SubscriptionChange};
use crate::subscription::{PendingChange, Subscription};

/// How many days back a row remembers which days were drawn from. A record is never that late: it would have to
/// wait that long between its decision and its place in the journal.
const OPENED_DAYS: u32 = 64;

/// What has become of the credits of one bucket since the account was opened (I1).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Ever granted. A day of free credits counts once something draws from it (R5).
    pub granted: Credits,
    /// In open holds.
    pub held: Credits,
    /// Captured and not refunded.
    pub spent: Credits,
    /// Expired or forfeited.
    pub expired: Credits,
    /// Clawed back, debt included.
    pub clawed_back: Credits,
}

/// The most top-ups of one wallet that wait for their payment (R14).
pub const PENDING_TOP_UPS_MAX: usize = 16;

/// A top-up that waits for its payment (R14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The payment.
    pub payment: PaymentId,
    /// How much it brings.
    pub amount: Credits,
    /// When it was announced.
    pub at: Timestamp,
    /// When it ends without its payment.
    pub ends_at: Timestamp,
}

impl Pending {
    /// What a record says of it.
    #[must_use]
    pub const fn of(record: &PendingTopUp) -> Self {
        Self { payment: record.payment, amount: record.amount, at: record.at, ends_at: record.ends_at }
    }
}

/// Adds a pending top-up to a list. Those that have ended by then leave it, whether that has a record or not: so the
/// list is bounded.
pub(crate) fn add_pending(list: &mut Vec<Pending>, pending: Pending) {
    assert!(pending.ends_at >= pending.at, "R14: a pending top-up ends after it was announced");
    list.retain(|known| known.ends_at > pending.at);
    assert!(list.iter().all(|known| known.payment != pending.payment), "R14: a payment waits once");
    list.push(pending);
    assert!(list.len() <= PENDING_TOP_UPS_MAX, "R14: a wallet has at most 16 pending top-ups");
}

/// One wallet, as far as the journal has been applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The account.
    pub account: AccountId,
    /// The IANA name of its time zone.
    pub zone: String,
    /// Whether new reserves are refused.
    pub frozen: bool,
    /// The tier; zero without a subscription.
    pub tier: Tier,
    /// The day of the free credits.
    pub day: Day,
    /// Bit `n` says that something was drawn from, or given to, the free credits of day `day - n`.
    pub opened_days: u64,
    /// The period of the subscription credits.
    pub period: Period,
    /// When that period ends, by a new cycle or a lapse; zero for never.
    pub ends_at: Timestamp,
    /// Free credits left.
    pub free: Credits,
    /// Subscription credits left.
    pub subscription: Credits,
    /// Top-up credits less debt, in millicredits: one signed number (R16).
    pub top_up_net: i64,
    /// Captured and not refunded in the running day, the running period, and ever.
    pub spent_in_period: Split,
    /// How many holds are open.
    pub open_holds: u32,
    /// The counters by bucket, in draw order.
    pub counters: [Counters; 3],
    /// The active subscription.
    pub subscribed: Option<Subscription>,
    /// The change of plan that waits for the next boundary (R12).
    pub pending: Option<PendingChange>,
    /// Top-ups that wait for their payment, in the order in which they came (R14).
    pub pending_top_ups: Vec<Pending>,
}

impl Row {
    /// The row of a new account (R7).
    #[must_use]
    pub fn new(account: AccountId, zone: String, day: Day, policies: &FreePolicies) -> Self {
        Self {
            account,
            zone,
            frozen: false,
            tier: Tier::NONE,
            day,
            opened_days: 0,
            period: Period(0),
            ends_at: Timestamp::NONE,
            free: policies.allowance(day, Tier::NONE),
            subscription: Credits::ZERO,
            top_up_net: 0,
            spent_in_period: Split::ZERO,
            open_holds: 0,
            counters: [Counters::default(); 3],
            subscribed: None,
            pending: None,
            pending_top_ups: Vec::new(),
        }
    }

    /// What stands in each bucket now.
    #[must_use]
    pub fn available(&self) -> Split {
        let top_up = Credits::from_millis(u64::try_from(self.top_up_net).unwrap_or(0));
        assert!(top_up.is_zero() || self.top_up_net > 0, "R16: top-up credits beside debt");
        Split { free: self.free, subscription: self.subscription, top_up }
    }

    /// What the wallet owes (R16).
    #[must_use]
    pub fn debt(&self) -> Credits {
        let debt = match self.top_up_net {
            net if net < 0 => Credits::from_millis(net.unsigned_abs()),
            _ => Credits::ZERO,
        };
        assert!(debt.is_zero() != (self.top_up_net < 0), "R16: debt is what is below nothing");
        debt
    }

    /// By how much the two sides of I1 differ in one bucket: nothing, in a row that is whole. It wraps, so that it can be
    /// asked of a row that is damaged: whether a change keeps the balance is a matter of the change.
    #[must_use]
    pub(crate) fn imbalance(&self, bucket: Bucket) -> u64 {
        let Counters { granted, held, spent, expired, clawed_back } = self.counters[bucket as usize];
        // The free credits of a day that nothing was drawn from are neither granted nor there (R5).
        let here = match bucket {
            Bucket::Free if self.opened_days & 1 == 0 => 0,
            Bucket::Free => self.free.millis(),
            Bucket::Subscription => self.subscription.millis(),
            // What is owed is clawed back and not there: one signed number (R16).
            Bucket::TopUp => self.top_up_net.cast_unsigned(),
        };
        let gone = [held, spent, expired, clawed_back];
        let accounted = gone.iter().fold(here, |sum, part| sum.wrapping_add(part.millis()));
        granted.millis().wrapping_sub(accounted)
    }

    /// I1 of a change: it moves credits from one column to another, and makes and loses none.
    pub(crate) fn assert_conserved(&self, before: [u64; 3]) {
        let [free, subscription, top_up] = Bucket::ALL.map(|bucket| self.imbalance(bucket));
        assert!(free == before[0], "I1: free credits were made or lost");
        assert!(subscription == before[1], "I1: subscription credits were made or lost");
        assert!(top_up == before[2], "I1: top-up credits were made or lost");
    }

    /// The counters of one bucket.
    pub fn counters_mut(&mut self, bucket: Bucket) -> &mut Counters {
        &mut self.counters[bucket as usize]
    }

    /// Adds a pending top-up (R14).
    pub fn add_pending(&mut self, pending: Pending) {
        add_pending(&mut self.pending_top_ups, pending);
    }

    /// A pending top-up was confirmed or has ended (R14).
    pub fn drop_pending(&mut self, payment: PaymentId) {
        let before = self.pending_top_ups.len();
        self.pending_top_ups.retain(|known| known.payment != payment);
        assert!(self.pending_top_ups.len().saturating_add(1) >= before, "R14: a payment waits once");
    }

    /// Rolls the free credits to `day`, if that is later (R5, R6).
    pub fn roll_day(&mut self, day: Day, policies: &FreePolicies) {
        let Some(days) = day.0.checked_sub(self.day.0).filter(|days| *days > 0) else { return };
        let before = self.imbalance(Bucket::Free);
        if self.opened_days & 1 == 1 {
            let left = self.free;
            self.counters_mut(Bucket::Free).expired += left;
        }
        self.opened_days = if days < OPENED_DAYS { self.opened_days << days } else { 0 };
        self.free = policies.allowance(day, self.tier);
        self.spent_in_period.free = Credits::ZERO;
        self.day = day;
        assert!(self.opened_days & 1 == 0, "R5: nothing was drawn from a day that begins");
        assert!(self.imbalance(Bucket::Free) == before, "I1: what is left of a day expires");
        assert!(self.free == policies.allowance(day, self.tier), "R5: a day begins with its allowance");
    }

    /// Ends the running period of the subscription bucket and opens the next with `amount` (R10).
    pub fn roll_period(&mut self, period: Period, amount: Credits, after: Option<Subscription>) {
        assert!(period > self.period, "I7: period {period:?} after {:?}", self.period);
        let before = self.imbalance(Bucket::Subscription);
        let left = self.subscription;
        let counters = self.counters_mut(Bucket::Subscription);
        counters.expired += left;
        counters.granted += amount;
        self.subscription = amount;
        self.spent_in_period.subscription = Credits::ZERO;
        self.period = period;
        self.set_subscribed(after);
        assert!(self.imbalance(Bucket::Subscription) == before, "I1: what is left of a period expires");
        assert!(after.is_some() || amount.is_zero(), "R11: a lapse leaves nothing");
    }

    /// Sets the subscription, and with it the tier and the end of the running period.
    pub fn set_subscribed(&mut self, after: Option<Subscription>) {
        self.tier = after.map_or(Tier::NONE, |subscription| subscription.tier);
        self.ends_at = match after.map(|subscription| subscription.due_at()) {
            None | Some(Timestamp::NEVER) => Timestamp::NONE,
            Some(due_at) => due_at,
        };
        self.subscribed = after;
        assert!(after.is_none_or(|of| of.tier > Tier::NONE), "R9: a subscription has a tier");
        assert!(self.tier <= Tier::MAX, "R9: a tier that no word holds");
    }

    /// Rolls the row over the end of a cycle, or a lapse (R10, R11).
    pub fn roll_cycle(&mut self, roll: &CycleRoll, policies: &FreePolicies) {
        self.roll_day(roll.day, policies);
        let after = self.subscribed.and_then(|before| roll.of(&before));
        self.roll_period(roll.period, roll.allocation, after);
        assert!(self.tier == roll.tier, "R10: a cycle begins with the tier of its record");
        assert!(self.period == roll.period, "I7: a roll opens the period of its record");
        if roll.changed || after.is_none() {
            self.pending = None;
        }
        assert!(self.day >= roll.day, "R6: a roll leaves the row on the day of its record or later");
        assert!(self.pending.is_none() || self.subscribed.is_some(), "R12: nothing waits without a subscription");
    }

    /// Changes the subscription as a command did (R11, R12).
    pub fn change(&mut self, change: &SubscriptionChange, policies: &FreePolicies) {
        self.roll_day(change.day, policies);
        if change.period > self.period {
            self.roll_period(change.period, change.amount, change.after);
        } else {
            assert!(change.period == self.period, "I7: period {:?} after {:?}", change.period, self.period);
            self.counters_mut(Bucket::Subscription).granted += change.amount;
            self.subscription += change.amount;
            self.set_subscribed(change.after);
        }
        assert!(self.period == change.period, "I7: a command leaves the period of its record");
        assert!(self.subscribed == change.after, "R13: a command leaves what its record says");
        self.pending = change.pending;
        assert!(self.pending.is_none() || self.subscribed.is_some(), "R12: nothing waits without a subscription");
        if !change.zone.is_empty() {
            self.zone.clone_from(&change.zone);
        }
    }

    /// Takes slices out of the balances. Credits of an ended period come out of what counts as expired.
    pub fn take(&mut self, slices: &Slices, policies: &FreePolicies) {
        let split = slices.split;
        let before = Bucket::ALL.map(|bucket| self.imbalance(bucket));
        if !split.free.is_zero() {
            self.roll_day(slices.day, policies);
            let running = self.open_day(slices.day, policies);
            if running {
                self.free -= split.free;
            } else {
                self.counters_mut(Bucket::Free).expired -= split.free;
            }
        }
        if !split.subscription.is_zero() {
            assert!(slices.period <= self.period, "I7: a debit of a period that was not opened");
            if slices.period == self.period {
                self.subscription -= split.subscription;
            } else {
                self.counters_mut(Bucket::Subscription).expired -= split.subscription;
            }
        }
        self.top_up_net = add_signed(self.top_up_net, split.top_up, false);
        // What is taken is on no side until its caller counts it.
        self.assert_conserved(lowered(before, &split));
    }

    /// Gives slices back to the balances. Credits of an ended period expire.
    pub fn give(&mut self, slices: &Slices, policies: &FreePolicies) {
        let split = slices.split;
        let before = Bucket::ALL.map(|bucket| self.imbalance(bucket));
        if !split.free.is_zero() {
            self.roll_day(slices.day, policies);
            if slices.day == self.day {
                self.open_day(slices.day, policies);
                self.free += split.free;
            } else {
                self.counters_mut(Bucket::Free).expired += split.free;
            }
        }
        if !split.subscription.is_zero() {
            assert!(slices.period <= self.period, "I7: a return to a period that was not opened");
            if slices.period == self.period {
                self.subscription += split.subscription;
            } else {
                self.counters_mut(Bucket::Subscription).expired += split.subscription;
            }
        }
        self.top_up_net = add_signed(self.top_up_net, split.top_up, true);
        let after = Bucket::ALL.map(|bucket| self.imbalance(bucket));
        assert!(lowered(after, &split) == before, "I1: what is given back is on both sides");
    }

    /// Counts the day as granted, once, and says whether it is the running day.
    pub fn open_day(&mut self, day: Day, policies: &FreePolicies) -> bool {
        let age = self.day.0.saturating_sub(day.0);
        assert!(day <= self.day && age < OPENED_DAYS, "a debit of a day that the row cannot place");
        let before = self.imbalance(Bucket::Free);
        let bit = 1_u64 << age;
        if self.opened_days & bit == 0 {
            self.opened_days |= bit;
            let running = age == 0;
            // What the running day has is its grant; an ended day had the allowance, and what is left of it expired.
            let granted = if running { self.free } else { policies.allowance_of_unsubscribed(day) };
            let counters = self.counters_mut(Bucket::Free);
            counters.granted += granted;
            if !running {
                counters.expired += granted;
            }
        }
        assert!(self.opened_days & bit != 0, "R5: a day that was drawn from counts as granted");
        assert!(self.imbalance(Bucket::Free) == before, "I1: a day is granted with what is there of it");
        age == 0
    }

    /// The first thing that is wrong with this row, or nothing (see [`crate::audit::check_row`]).
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        let mut first = None;
        crate::audit::check_row(self, &mut |violation| {
            first.get_or_insert(violation);
        });
        first.map_or(Ok(()), |violation| Err(violation.to_string()))
    }
}

/// What stands on the one side of I1 less what has left the other: the imbalance after a take of so much that nobody has
/// counted yet.
fn lowered(before: [u64; 3], split: &Split) -> [u64; 3] {
    let mut after = before;
    for bucket in Bucket::ALL {
        let part = &mut after[bucket as usize];
        *part = part.wrapping_add(split.of(bucket).millis());
    }
    after
}

/// `net` and `amount` more or less; panics where the sum leaves the range, which no balance limit allows.
pub(crate) fn add_signed(net: i64, amount: Credits, plus: bool) -> i64 {
    let amount = i64::try_from(amount.millis()).ok();
    let sum = amount.and_then(|amount| if plus { net.checked_add(amount) } else { net.checked_sub(amount) });
    match sum {
        Some(sum) => {
            assert!(if plus { sum >= net } else { sum <= net }, "R16: a gift lowers nothing, a take raises nothing");
            sum
        }
        None => panic!("I1: the top-up balance leaves its range"),
    }
}

const _: () = assert!(OPENED_DAYS == u64::BITS, "R5: one bit a day that a row can place");
const _: () = assert!(Bucket::Free as usize == 0, "the counters stand in draw order");
const _: () = assert!(Bucket::TopUp as usize == 2, "the counters stand in draw order");
