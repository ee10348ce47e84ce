//! The invariants as checks that say what is wrong instead of panicking: the same ones for `creditd fsck` and for the
//! auditor of a running daemon. Pure; where rows, holds and records come from is the caller's business.
//!
//! [`check_row`] and [`check_hold`] look at one row, [`Sums`] at what open holds come to, [`Totals`] at all
//! wallets together, [`check_record`] at a record before [`crate::ledger::apply`] takes it.

use std::collections::BTreeMap;
use std::fmt;

use crate::bucket::{Bucket, Split};
use crate::credits::Credits;
use crate::hold::{Hold, HoldState, Settlement};
use crate::ids::{AccountId, HoldId, Position, Tier, Timestamp};
use crate::row::{Counters, PENDING_TOP_UPS_MAX, Row};
use crate::subscription::Subscription;
use crate::word::Bits;

mod record;

pub use record::{Known, account_of, check_record, hold_of};

/// What can be broken. The labels are those of the design and of the rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Invariant {
    /// I1: granted = available + held + spent + expired + clawed back, by wallet and bucket.
    Conservation,
    /// I2: nothing is granted that was not in the buckets.
    NoOvershoot,
    /// I4: what there is is a prefix: no settlement without its hold, no record without its account.
    Prefix,
    /// I5: one id, one effect.
    Once,
    /// I6: a hold ends once.
    OneEnd,
    /// I7: one opening grant a period; periods and days never go back.
    Periods,
    /// I8: a replay comes to the same state as the projections.
    Replay,
    /// R14: at most 16 pending top-ups a wallet.
    PendingTopUps,
    /// R16: a wallet owes at most what was clawed back.
    Debt,
    /// R28: late commits come after an expiry, and to no more than was held.
    LateCommit,
    /// R32: the bound of forgotten ids never goes back.
    IdBound,
}

impl Invariant {
    /// Every one; a closed set, so that it can be a label of a metric.
    pub const ALL: [Self; 11] = [
        Self::Conservation,
        Self::NoOvershoot,
        Self::Prefix,
        Self::Once,
        Self::OneEnd,
        Self::Periods,
        Self::Replay,
        Self::PendingTopUps,
        Self::Debt,
        Self::LateCommit,
        Self::IdBound,
    ];

    /// The number in the design or in the rules.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::Conservation => "I1",
            Self::NoOvershoot => "I2",
            Self::Prefix => "I4",
            Self::Once => "I5",
            Self::OneEnd => "I6",
            Self::Periods => "I7",
            Self::Replay => "I8",
            Self::PendingTopUps => "R14",
            Self::Debt => "R16",
            Self::LateCommit => "R28",
            Self::IdBound => "R32",
        }
    }

    /// What it says, in one sentence for the operator.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Conservation => {
                "Credits were made or lost: granted is not available + held + spent + expired + clawed back."
            }
            Self::NoOvershoot => "More was taken than was there.",
            Self::Prefix => "What is there is not a whole prefix: something before this is missing or damaged.",
            Self::Once => "One id has two effects.",
            Self::OneEnd => "A hold ended twice.",
            Self::Periods => {
                "A day or a period number was used twice, went back, or was drawn from before it was opened."
            }
            Self::Replay => "The projections are not what the journal says.",
            Self::PendingTopUps => "A wallet has more pending top-ups than the limit.",
            Self::Debt => "A wallet owes more than was ever clawed back.",
            Self::LateCommit => "A late commit without an expiry before it, or of more than was held.",
            Self::IdBound => "The bound of forgotten hold ids went back: an old id could be charged again.",
        }
    }

    /// Where it stands in [`Invariant::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

const _: () = {
    let mut at = 0;
    while at < Invariant::ALL.len() {
        assert!(Invariant::ALL[at].index() == at, "the index is the place in the list");
        at = at.wrapping_add(1);
    }
};

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

/// An invariant that does not hold, and whose it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// The account, if it is one account's.
    pub account: Option<AccountId>,
    /// The hold, if it is one hold's.
    pub hold: Option<HoldId>,
    /// The figures, in words.
    pub what: String,
}

impl Violation {
    /// A violation of an account.
    #[must_use]
    pub const fn of_account(invariant: Invariant, account: AccountId, what: String) -> Self {
        Self { invariant, account: Some(account), hold: None, what }
    }

    /// A violation of a hold.
    #[must_use]
    pub const fn of_hold(invariant: Invariant, account: AccountId, hold: HoldId, what: String) -> Self {
        Self { invariant, account: Some(account), hold: Some(hold), what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.invariant)?;
        if let Some(account) = self.account {
            write!(f, "account {account}: ")?;
        }
        if let Some(hold) = self.hold {
            write!(f, "hold {hold}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// Takes what is found.
pub type Found<'a> = dyn FnMut(Violation) + 'a;

/// An amount in sums that no row can overflow, not even a damaged one.
type Wide = u128;

fn wide(amount: Credits) -> Wide {
    Wide::from(amount.millis())
}

fn of_split(split: &Split) -> Wide {
    sum(&[split.free, split.subscription, split.top_up])
}

fn sum(amounts: &[Credits]) -> Wide {
    amounts.iter().fold(0, |sum, amount| sum.saturating_add(wide(*amount)))
}

/// Millicredits as people read them.
fn shown(amount: Wide) -> String {
    u64::try_from(amount)
        .map_or_else(|_| format!("{amount} millicredits"), |millis| Credits::from_millis(millis).to_string())
}

/// What the identity of I1 has on its two sides for one bucket of a row.
struct Sides {
    granted: Wide,
    accounted: Wide,
}

/// The free credits of a day that nothing was drawn from are neither granted nor there (R5); debt is what was clawed
/// back and not there (R16).
fn sides(row: &Row, bucket: Bucket) -> Sides {
    let Counters { granted, held, spent, expired, clawed_back } = row.counters[bucket as usize];
    let untouched_day = bucket == Bucket::Free && row.opened_days & 1 == 0;
    let here = if untouched_day { Credits::ZERO } else { row.available().of(bucket) };
    let debt = if bucket == Bucket::TopUp { row.debt() } else { Credits::ZERO };
    assert!(debt.is_zero() || here.is_zero(), "R16: debt beside top-up credits");
    Sides { granted: sum(&[granted, debt]), accounted: sum(&[here, held, spent, expired, clawed_back]) }
}

/// I1, R14 and R16 for one row. That debt never stands beside top-up credits needs no look: both are one signed number.
pub fn check_row(row: &Row, found: &mut Found<'_>) {
    for bucket in Bucket::ALL {
        let Sides { granted, accounted } = sides(row, bucket);
        if granted != accounted {
            let Counters { held, spent, expired, clawed_back, .. } = row.counters[bucket as usize];
            let what = format!(
                "bucket {bucket:?}: granted {} (debt included) is not {}: available {} + held {held} + spent {spent} + \
                 expired {expired} + clawed back {clawed_back}",
                shown(granted),
                shown(accounted),
                row.available().of(bucket)
            );
            found(Violation::of_account(Invariant::Conservation, row.account, what));
        }
    }
    let (debt, clawed_back) = (row.debt(), row.counters[Bucket::TopUp as usize].clawed_back);
    if debt > clawed_back {
        let what = format!("it owes {debt}, and {clawed_back} was clawed back");
        found(Violation::of_account(Invariant::Debt, row.account, what));
    }
    for bucket in Bucket::ALL {
        let Counters { held, spent, .. } = row.counters[bucket as usize];
        if row.open_holds == 0 && !held.is_zero() {
            let what = format!("bucket {bucket:?}: held {held}, and no hold is open");
            found(Violation::of_account(Invariant::Conservation, row.account, what));
        }
        let in_period = row.spent_in_period.of(bucket);
        if in_period > spent || bucket == Bucket::TopUp && in_period != spent {
            let what = format!("bucket {bucket:?}: spent {spent}, and {in_period} of it in the running period");
            found(Violation::of_account(Invariant::Conservation, row.account, what));
        }
    }
    if row.subscribed.map_or(Tier::NONE, |of| of.tier) != row.tier {
        let what = format!("its tier is {}, and its subscription's is another", row.tier.0);
        found(Violation::of_account(Invariant::Periods, row.account, what));
    }
    let due_at = row.subscribed.map_or(Timestamp::NEVER, |of| of.due_at());
    if row.ends_at != if due_at == Timestamp::NEVER { Timestamp::NONE } else { due_at } {
        let what = format!("its period ends at {}, and its subscription is due at {}", row.ends_at.0, due_at.0);
        found(Violation::of_account(Invariant::Periods, row.account, what));
    }
    // What comes back may come to more than a word holds, and waits beside it; an allowance fits.
    let most = Bits::WIDE.most().free;
    if row.opened_days & 1 == 0 && row.free > most {
        let what = format!("a day begins with {}, and a wallet holds at most {most}", row.free);
        found(Violation::of_account(Invariant::NoOvershoot, row.account, what));
    }
    if let Some(what) = row.subscribed.as_ref().and_then(not_whole) {
        found(Violation::of_account(Invariant::Periods, row.account, what.to_owned()));
    }
    if row.pending_top_ups.iter().any(|pending| pending.ends_at < pending.at || pending.amount.is_zero()) {
        let what = "a pending top-up of nothing, or one that ends before it began".to_owned();
        found(Violation::of_account(Invariant::PendingTopUps, row.account, what));
    }
    if row.subscribed.is_none() && !row.subscription.is_zero() {
        let what = format!("it has {} of a period without a subscription", row.subscription);
        found(Violation::of_account(Invariant::Periods, row.account, what));
    }
    if row.subscribed.is_none() && row.pending.is_some() {
        let what = "a change of plan waits without a subscription".to_owned();
        found(Violation::of_account(Invariant::Periods, row.account, what));
    }
    let mut payments: Vec<_> = row.pending_top_ups.iter().map(|pending| pending.payment).collect();
    payments.sort_unstable();
    if payments.windows(2).any(|pair| pair[0] == pair[1]) {
        let what = "one payment is waited for twice".to_owned();
        found(Violation::of_account(Invariant::PendingTopUps, row.account, what));
    }
    if row.pending_top_ups.len() > PENDING_TOP_UPS_MAX {
        let what = format!("{} top-ups wait for their payment", row.pending_top_ups.len());
        found(Violation::of_account(Invariant::PendingTopUps, row.account, what));
    }
}

/// What is wrong with a subscription by itself (R9, R10, R12): no start loads such a one.
fn not_whole(of: &Subscription) -> Option<&'static str> {
    match () {
        () if of.tier == Tier::NONE || of.tier > Tier::MAX => Some("a subscription with a tier that there is not"),
        () if !of.has_cycles() && of.cycle > 0 => Some("a subscription that was set by hand is in a later cycle"),
        () if !of.has_cycles() => None,
        () if of.granted_max < of.allocation => Some("a cycle that was not granted for its plan"),
        () if of.anchor > of.starts_at || of.starts_at >= of.ends_at => {
            Some("a cycle whose boundaries are out of order")
        }
        () if !of.anchor.0.is_multiple_of(1_000) => Some("an anchor that is no whole second"),
        () => None,
    }
}

/// What a hold says of itself: no more captured than taken (I1), no more refunded than captured (I1), each step once
/// (I5), an end exactly where it has ended (I6).
pub fn check_hold(id: HoldId, hold: &Hold, found: &mut Found<'_>) {
    let mut wrong = |invariant, what: String| found(Violation::of_hold(invariant, hold.account, id, what));
    for bucket in Bucket::ALL {
        let (taken, captured) = (hold.taken.split.of(bucket), hold.captured.of(bucket));
        if captured > taken {
            wrong(Invariant::Conservation, format!("captured {captured} of the {taken} held in {bucket:?}"));
        }
        let drawn = hold.captures().map(|step| step.drawn.split.of(bucket));
        let charged = drawn.fold(wide(captured), |sum, part| sum.saturating_add(wide(part)));
        let undone = hold.refunds().flat_map(|step| &step.undone).map(|slices| slices.split.of(bucket));
        let undone = undone.fold(0, |sum: Wide, part| sum.saturating_add(wide(part)));
        if undone > charged {
            let (undone, charged) = (shown(undone), shown(charged));
            wrong(Invariant::Conservation, format!("refunded {undone} of the {charged} charged to {bucket:?}"));
        }
    }
    if let Some(number) = twice(hold.captures().map(|step| step.request.number)) {
        wrong(Invariant::Once, format!("capture {number} is there twice"));
    }
    if let Some(number) = twice(hold.refunds().map(|step| step.number)) {
        wrong(Invariant::Once, format!("refund {number} is there twice"));
    }
    let captures = hold.captures().map(|step| of_split(&step.captured));
    let captured = captures.fold(0, Wide::saturating_add);
    let of_hold = if hold.charge { hold.taken.split } else { hold.captured };
    let of_hold = sum(&[of_hold.free, of_hold.subscription, of_hold.top_up]);
    if captured != of_hold && !(hold.charge && captured == 0) {
        let (captured, of_hold) = (shown(captured), shown(of_hold));
        wrong(Invariant::Conservation, format!("its captures come to {captured}, and {of_hold} is captured"));
    }
    for step in hold.refunds() {
        let undone = step.undone.iter().fold(0, |sum: Wide, part| sum.saturating_add(of_split(&part.split)));
        let gone = of_split(&step.returned).saturating_add(of_split(&step.forfeited));
        if undone != gone {
            let (undone, gone) = (shown(undone), shown(gone));
            wrong(Invariant::Conservation, format!("refund {} undoes {undone} and gives back {gone}", step.number));
        }
    }
    if let Some(step) = hold.released() {
        let gone = of_split(&step.returned).saturating_add(of_split(&step.forfeited));
        let rest = of_split(&hold.taken.split).saturating_sub(of_split(&hold.captured));
        if gone != rest {
            let (gone, rest) = (shown(gone), shown(rest));
            wrong(Invariant::Conservation, format!("its release gave back {gone}, and {rest} was left"));
        }
    }
    if hold.charge && hold.state != HoldState::Settled {
        wrong(Invariant::OneEnd, format!("it is a charge, and {:?}", hold.state));
    }
    if hold.released().is_some() && !matches!(hold.state, HoldState::Released | HoldState::Settled) {
        wrong(Invariant::OneEnd, format!("it was released, and is {:?}", hold.state));
    }
    let shortfalls = hold.captures().fold(0, |sum: Wide, step| sum.saturating_add(wide(step.shortfall)));
    if shortfalls > of_split(&hold.taken.split) {
        let (shortfalls, held) = (shown(shortfalls), shown(of_split(&hold.taken.split)));
        wrong(Invariant::LateCommit, format!("late commits lacked {shortfalls}, and {held} was held"));
    }
    if hold.state == HoldState::Tombstone && of_split(&hold.taken.split) > 0 {
        wrong(Invariant::Once, format!("it never was, and {} is held", shown(of_split(&hold.taken.split))));
    }
    for step in hold.captures() {
        if !step.shortfall.is_zero() && (!step.late || !step.captured.is_zero()) {
            let what = format!("capture {} has a shortfall, and was no late commit", step.request.number);
            wrong(Invariant::LateCommit, what);
        }
        if step.drawn.split.within(hold.terms.sources()) != step.drawn.split {
            let what = format!("capture {} drew from a bucket that its terms leave out", step.request.number);
            wrong(Invariant::NoOvershoot, what);
        }
    }
    if hold.ends_at < hold.reserved_at {
        wrong(Invariant::OneEnd, "it ends before it began".to_owned());
    }
    let places: Vec<Position> = hold.settlements.iter().map(Settlement::position).collect();
    if !places.is_sorted_by(|one, next| one < next) {
        wrong(Invariant::Once, "two of its settlements have one place, or the wrong order".to_owned());
    }
    let last = places.last().copied().unwrap_or(hold.reserve_position);
    if hold.last_position < last || hold.last_position < hold.reserve_position {
        let what = format!("its last record is at {}, and one about it at {last}", hold.last_position);
        wrong(Invariant::Prefix, what);
    }
    let ended = hold.ended_at != crate::ids::Timestamp::NONE;
    if ended == (hold.state == HoldState::Open) {
        wrong(
            Invariant::OneEnd,
            format!("it is {:?} and {}", hold.state, if ended { "has an end" } else { "has no end" }),
        );
    }
}

/// A number that comes twice.
fn twice(numbers: impl Iterator<Item = u8>) -> Option<u8> {
    const NUMBERS: usize = 256;
    const { assert!(NUMBERS > u8::MAX as usize, "every number has its place") }
    let mut seen = [false; NUMBERS];
    let mut numbers = numbers;
    let found = numbers.find(|number| std::mem::replace(&mut seen[usize::from(*number)], true));
    assert!(found.is_none_or(|number| seen[usize::from(number)]), "I5: what comes twice has come once");
    found
}

/// What the open holds of one wallet come to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Held {
    holds: u64,
    amounts: [Wide; 3],
}

/// Open holds, summed by wallet, to be compared with the wallets' rows of the same moment: for so many wallets at a time, in
/// the order of their ids, so that the memory is bounded (I9).
#[derive(Debug)]
pub struct Sums {
    held: BTreeMap<AccountId, Held>,
    low: AccountId,
    /// The first wallet that did not fit.
    high: Option<AccountId>,
    accounts_max: usize,
}

impl Sums {
    /// For the wallets from `low` on, up to `accounts_max` of those with open holds.
    #[must_use]
    pub fn from(low: AccountId, accounts_max: usize) -> Self {
        Self { held: BTreeMap::new(), low, high: None, accounts_max: accounts_max.max(1) }
    }

    /// Where the next sums begin, once all holds were added; nothing where these are of all that are left.
    #[must_use]
    pub const fn next(&self) -> Option<AccountId> {
        self.high
    }

    /// Adds an open hold.
    pub fn add_hold(&mut self, hold: &Hold) {
        if hold.account < self.low || self.high.is_some_and(|high| hold.account >= high) {
            return;
        }
        let held = self.held.entry(hold.account).or_default();
        held.holds = held.holds.saturating_add(1);
        for bucket in Bucket::ALL {
            // A hold with more captured than taken is reported by `check_hold`.
            let rest = hold.taken.split.of(bucket).saturating_sub(hold.captured.of(bucket));
            let sum = &mut held.amounts[bucket as usize];
            *sum = sum.saturating_add(wide(rest));
        }
        if self.held.len() > self.accounts_max {
            self.high = self.held.pop_last().map(|(account, _)| account);
            assert!(self.high.is_some_and(|high| high >= self.low), "I9: these sums end after they begin");
        }
        assert!(self.held.len() <= self.accounts_max, "I9: what is compared at once has a limit");
    }

    /// Compares a wallet's row, one of these, with its open holds (I1); each row once.
    pub fn compare(&mut self, row: &Row, found: &mut Found<'_>) {
        assert!(row.account >= self.low, "a row that these sums are not about");
        assert!(self.high.is_none_or(|high| row.account < high), "a row that the next sums are about");
        let open = self.held.remove(&row.account).unwrap_or_default();
        let mut wrong = |what| found(Violation::of_account(Invariant::Conservation, row.account, what));
        if u64::from(row.open_holds) != open.holds {
            wrong(format!("its row counts {} open holds, and there are {}", row.open_holds, open.holds));
        }
        for bucket in Bucket::ALL {
            let (counted, there) = (row.counters[bucket as usize].held, open.amounts[bucket as usize]);
            if wide(counted) != there {
                wrong(format!("bucket {bucket:?}: held {counted}, and its open holds come to {}", shown(there)));
            }
        }
    }

    /// After all rows: open holds whose account has none (I4).
    pub fn finish(self, found: &mut Found<'_>) {
        for (account, held) in self.held {
            assert!(held.holds > 0, "what is summed are holds");
            let what = format!("{} open holds of an account that is not there", held.holds);
            found(Violation::of_account(Invariant::Prefix, account, what));
        }
    }
}

/// I1 over all wallets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Granted and accounted for, by bucket.
    sides: [(Wide, Wide); 3],
    rows: u64,
}

impl Totals {
    /// Adds a wallet.
    pub fn add(&mut self, row: &Row) {
        self.rows = self.rows.saturating_add(1);
        for bucket in Bucket::ALL {
            let Sides { granted, accounted } = sides(row, bucket);
            let total = &mut self.sides[bucket as usize];
            *total = (total.0.saturating_add(granted), total.1.saturating_add(accounted));
        }
    }

    /// How many wallets there are.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// After all wallets.
    pub fn finish(&self, found: &mut Found<'_>) {
        for (bucket, (granted, accounted)) in Bucket::ALL.into_iter().zip(self.sides) {
            if granted != accounted {
                let (granted, accounted) = (shown(granted), shown(accounted));
                let what =
                    format!("all {} wallets, bucket {bucket:?}: granted {granted} is not {accounted}", self.rows);
                found(Violation { invariant: Invariant::Conservation, account: None, hold: None, what });
            }
        }
    }
}

#[cfg(test)]
mod tests;
