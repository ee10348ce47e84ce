//! A subscription: its credit cycles, how it rolls over them, and what each command makes of it (R9–R12, R35).
//!
//! All of it is arithmetic on values. The caller has rolled the wallet to `now` before it asks for a command, so a
//! state given here has not reached its next boundary.
//!
//! - Boundary `n` is anchor + n months, always computed from the anchor, in the account's zone; 31 January is followed
//!   by 28 February and that by 31 March (R10).
//! - Cycles are half-open: at its boundary the next one runs.
//! - Without auto-renewal the subscription lapses at `paid_through`. At one instant the lapse comes before a new cycle.
//! - `paid_through` is moved by subscribing, by renewing and by cancelling, not by a change of plan (R11). Where it is
//!   a boundary, it moves with its zone like one: a move never brings a cycle that was not paid for.

use jiff::tz::TimeZone;
use jiff::{Span, civil::DateTime};

use crate::calendar::{first_instant_of, instant};
use crate::credits::Credits;
use crate::ids::{PlanId, Tier, Timestamp};
use crate::plan::PlanTerms;

#[cfg(test)]
mod tests;

/// An active subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// The plan; none for a subscription that was set by hand, which has no cycles.
    pub plan: PlanId,
    /// The tier.
    pub tier: Tier,
    /// The credits of each cycle, as journaled: a later catalogue does not change them.
    pub allocation: Credits,
    /// The largest allocation that this cycle has been granted for (R12).
    pub granted_max: Credits,
    /// The instant, a whole second, that all boundaries are computed from; none without cycles.
    pub anchor: Timestamp,
    /// The number of the running cycle, counted from zero at the anchor.
    pub cycle: u32,
    /// When the running cycle began.
    pub starts_at: Timestamp,
    /// When the running cycle ends.
    pub ends_at: Timestamp,
    /// Until when it is paid for; without auto-renewal it lapses there.
    pub paid_through: Timestamp,
    /// Whether cycles roll on past `paid_through` (R11).
    pub auto_renew: bool,
}

/// A plan that takes the place of the running one at the next boundary (R12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PendingChange {
    /// The plan.
    pub plan: PlanId,
    /// Its tier.
    pub tier: Tier,
    /// Its credits a cycle.
    pub allocation: Credits,
}

/// When a plan change takes effect (R12).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum ChangeMode {
    /// [`ChangeMode::NowProrated`] when the new allocation is larger, else [`ChangeMode::AtRenewal`].
    #[default]
    Default = 0,
    /// At the next boundary; this cycle keeps its plan and its credits.
    AtRenewal = 1,
    /// Now; what the larger allocation brings for the rest of the cycle is added, and the boundaries stay.
    NowProrated = 2,
    /// Now; a new cycle begins with the new allocation.
    NowNewCycle = 3,
}

impl ChangeMode {
    /// The mode of a number on the wire.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Default),
            1 => Some(Self::AtRenewal),
            2 => Some(Self::NowProrated),
            3 => Some(Self::NowNewCycle),
            _ => None,
        }
    }
}

// Persisted and on the wire: each number stays with its mode.
const _: () = assert!(matches!(ChangeMode::from_number(ChangeMode::Default as u8), Some(ChangeMode::Default)));
const _: () = assert!(matches!(ChangeMode::from_number(ChangeMode::AtRenewal as u8), Some(ChangeMode::AtRenewal)));
const _: () = assert!(matches!(ChangeMode::from_number(ChangeMode::NowProrated as u8), Some(ChangeMode::NowProrated)));
const _: () = assert!(matches!(ChangeMode::from_number(ChangeMode::NowNewCycle as u8), Some(ChangeMode::NowNewCycle)));

/// What rolling over boundaries led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rolled {
    /// The subscription in the cycle that runs now; none: it lapsed.
    pub after: Option<Subscription>,
    /// The last boundary crossed: where the running cycle began, or where the subscription lapsed.
    pub boundary: Timestamp,
    /// The cycles that began and ended, or lapsed, in between: their grants are left out (R35).
    pub skipped: u32,
    /// Whether `after` is what the pending change asked for.
    pub changed: bool,
}

/// What a command makes of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// The subscription after it; none: it ended.
    pub after: Option<Subscription>,
    /// The pending change after it.
    pub pending: Option<PendingChange>,
    /// Whether the period of the subscription bucket goes up by one, because one opens or ends: the bucket is then
    /// set to `amount`. Otherwise `amount` is added to it.
    pub opens_period: bool,
    /// The credits.
    pub amount: Credits,
}

/// Why a command changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is a subscription: what is wanted is a plan change (R11).
    AlreadySubscribed,
    /// There is no subscription.
    NotSubscribed,
    /// The end of what is paid for is not in the future.
    BadPaidThrough,
}

impl Subscription {
    /// A subscription in its first cycle. The anchor is floored to the second; it is paid through one term.
    #[must_use]
    pub fn opened(terms: &PlanTerms, anchor: Timestamp, zone: &TimeZone, auto_renew: bool) -> Self {
        let anchor = floored(anchor);
        assert!(terms.term.months() > 0, "R9: a term has months");
        assert!(!terms.plan.is_none(), "R9: a subscription with cycles has a plan");
        let opened = Self {
            plan: terms.plan,
            tier: terms.tier,
            allocation: terms.allocation,
            granted_max: terms.allocation,
            anchor,
            cycle: 0,
            starts_at: anchor,
            ends_at: boundary(anchor, zone, 1),
            paid_through: boundary(anchor, zone, terms.term.months()),
            auto_renew,
        };
        assert!(opened.paid_through >= opened.ends_at, "R9: a term has at least one cycle");
        opened.assert_whole();
        opened
    }

    /// What holds of a subscription whatever has become of it: it is granted for, it runs, its boundaries lie in order.
    pub(crate) fn assert_whole(&self) {
        assert!(self.tier > Tier::NONE, "R9: a subscription has a tier");
        assert!(self.tier <= Tier::MAX, "R9: a tier that no word holds");
        assert!(self.granted_max >= self.allocation || !self.has_cycles(), "R12: a cycle is granted for its plan");
        assert!(self.anchor <= self.starts_at || !self.has_cycles(), "R10: a cycle begins at its anchor or after it");
        assert!(self.cycle == 0 || self.has_cycles(), "R10: a subscription set by hand has no cycles");
        assert!(self.anchor.0.is_multiple_of(1_000), "R10: an anchor is a whole second");
        assert!(self.starts_at < self.ends_at || !self.has_cycles(), "R10: a cycle ends after it began");
    }

    /// A subscription set by hand: no plan, no cycles; it lapses at `ends_at`, where none or never means: not by itself.
    #[must_use]
    pub fn by_hand(tier: Tier, allocation: Credits, starts_at: Timestamp, ends_at: Timestamp) -> Self {
        let ends_at = if ends_at == Timestamp::NONE { Timestamp::NEVER } else { ends_at };
        assert!(ends_at > Timestamp::NONE, "R9: an end is an instant, or never");
        assert!(tier > Tier::NONE, "R9: a subscription has a tier");
        Self {
            plan: PlanId::NONE,
            tier,
            allocation,
            granted_max: allocation,
            anchor: Timestamp::NONE,
            cycle: 0,
            starts_at,
            ends_at,
            paid_through: ends_at,
            auto_renew: false,
        }
    }

    /// The next instant at which something happens: the end of the cycle, or the lapse if it comes first.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.ends_at.min(self.lapses_at())
    }

    /// Whether it has credit cycles; one that was set by hand has none.
    #[must_use]
    pub const fn has_cycles(&self) -> bool {
        !self.plan.is_none()
    }

    /// When it lapses, as things stand (R11).
    #[must_use]
    pub fn lapses_at(&self) -> Timestamp {
        let lapses_at = if !self.has_cycles() {
            self.ends_at
        } else if self.auto_renew {
            Timestamp::NEVER
        } else {
            self.paid_through
        };
        assert!(self.has_cycles() || self.paid_through == self.ends_at, "R11: by hand, it is paid for until it ends");
        lapses_at
    }

    /// Whether it lapses when it is next due: at one instant the lapse comes before a new cycle (R10).
    #[must_use]
    pub fn lapses_next(&self) -> bool {
        self.lapses_at() <= self.ends_at
    }

    /// The seconds that are left of the running cycle; the second that runs counts as left.
    #[must_use]
    pub const fn remaining_s(&self, now: Timestamp) -> u64 {
        self.ends_at.seconds().saturating_sub(now.seconds())
    }

    /// The seconds of the running cycle.
    #[must_use]
    pub const fn cycle_s(&self) -> u64 {
        self.ends_at.seconds().saturating_sub(self.starts_at.seconds())
    }

    /// The start of cycle `n`, which has not been reached: the running one's end stays as it was journaled.
    fn start_of(&self, n: u32, boundaries: &mut impl Boundaries) -> Timestamp {
        assert!(n > self.cycle, "R10: a cycle that has been reached");
        let starts_at =
            if n == self.cycle.saturating_add(1) { self.ends_at } else { boundaries.boundary(self.anchor, n) };
        assert!(starts_at > self.starts_at, "R10: cycles begin one after another");
        starts_at
    }

    /// The subscription in cycle `n`, opened with what is pending.
    fn in_cycle(&self, n: u32, pending: Option<&PendingChange>, boundaries: &mut impl Boundaries) -> Self {
        let running = PendingChange { plan: self.plan, tier: self.tier, allocation: self.allocation };
        let PendingChange { plan, tier, allocation } = pending.copied().unwrap_or(running);
        assert!(n > self.cycle, "R10: cycles go up");
        assert!(!plan.is_none(), "R10: a cycle without a plan");
        assert!(tier > Tier::NONE, "R9: a subscription has a tier");
        Self {
            plan,
            tier,
            allocation,
            granted_max: allocation,
            cycle: n,
            starts_at: self.start_of(n, boundaries),
            ends_at: boundaries.boundary(self.anchor, n.saturating_add(1)),
            ..*self
        }
    }
}

/// Boundary `n` of an anchor: n months after it on the clocks of the zone, the day clamped to the end of its month, to
/// the second; a skipped local time: the first instant after the gap; a doubled one: the first (R10). Boundary 0 is
/// the anchor itself; what the calendar does not reach is never.
#[must_use]
pub fn boundary(anchor: Timestamp, zone: &TimeZone, n: u32) -> Timestamp {
    if n == 0 {
        return anchor;
    }
    let local = Span::new().try_months(i64::from(n)).and_then(|months| local(anchor, zone).checked_add(months));
    let at = local.map_or(Timestamp::NEVER, |local| first_instant_of(zone, local));
    assert!(at > anchor, "R10: boundaries lie behind their anchor");
    at
}

/// The boundaries of a zone: computed each time, or remembered where many wallets have the same ones.
pub(crate) trait Boundaries {
    /// The zone.
    fn zone(&self) -> &TimeZone;
    /// See [`boundary`].
    fn boundary(&mut self, anchor: Timestamp, n: u32) -> Timestamp;
}

impl Boundaries for &TimeZone {
    fn zone(&self) -> &TimeZone {
        self
    }

    fn boundary(&mut self, anchor: Timestamp, n: u32) -> Timestamp {
        boundary(anchor, self, n)
    }
}

/// Rolls over every boundary up to and at `now`, in one step: the same as boundary by boundary, with the grants in
/// between left out and counted (R35). None: nothing is due.
#[must_use]
pub fn roll_over(
    sub: &Subscription,
    pending: Option<&PendingChange>,
    mut zone: &TimeZone,
    now: Timestamp,
) -> Option<Rolled> {
    roll_over_by(sub, pending, &mut zone, now)
}

/// The same by boundaries that may be remembered.
pub(crate) fn roll_over_by(
    sub: &Subscription,
    pending: Option<&PendingChange>,
    boundaries: &mut impl Boundaries,
    now: Timestamp,
) -> Option<Rolled> {
    let due_at = sub.due_at();
    if due_at == Timestamp::NEVER || now < due_at {
        return None;
    }
    sub.assert_whole();
    let lapses_at = sub.lapses_at();
    if lapses_at <= now {
        // A boundary at the instant of the lapse opens nothing.
        let last = last_cycle(sub, boundaries, lapses_at.minus_millis(1));
        let skipped = last.saturating_sub(sub.cycle);
        assert!(lapses_at >= due_at, "R10: a lapse that comes before anything is due");
        return Some(Rolled { after: None, boundary: lapses_at, skipped, changed: false });
    }
    let n = last_cycle(sub, boundaries, now);
    let after = sub.in_cycle(n, pending, boundaries);
    assert!(after.starts_at <= now, "R10: a cycle that has not begun");
    assert!(now < after.ends_at, "R35: a cycle that is over");
    assert!(after.anchor == sub.anchor, "R10: boundaries are computed from one anchor");
    after.assert_whole();
    let skipped = n.saturating_sub(sub.cycle).saturating_sub(1);
    Some(Rolled { after: Some(after), boundary: after.starts_at, skipped, changed: pending.is_some() })
}

/// The number of the cycle that runs at `at`: the months between the anchor and it, less what the clocks of the zone
/// make of the first guess.
fn last_cycle(sub: &Subscription, boundaries: &mut impl Boundaries, at: Timestamp) -> u32 {
    if !sub.has_cycles() || at < sub.ends_at {
        return sub.cycle;
    }
    let next = sub.cycle.saturating_add(1);
    if at < boundaries.boundary(sub.anchor, next.saturating_add(1)) {
        return next;
    }
    let zone = boundaries.zone();
    // One more than the calendar says: a doubled hour can show last month's date after this month has begun.
    let mut n = months_between(local(sub.anchor, zone), local(at, zone)).saturating_add(1);
    while n > next {
        let starts_at = boundary(sub.anchor, zone, n);
        if starts_at != Timestamp::NEVER && starts_at <= at {
            break;
        }
        n = n.saturating_sub(1);
    }
    let n = n.max(next);
    assert!(n > sub.cycle, "R10: a cycle that has ended is not the last");
    let ends_at = boundary(sub.anchor, boundaries.zone(), n.saturating_add(1));
    assert!(at < ends_at || ends_at == Timestamp::NEVER, "R35: the last cycle is not over");
    n
}

/// What a larger allocation adds to the rest of a cycle that has been granted `granted_max` (R12): the difference of
/// the two, each scaled to the rest and rounded down; never less than nothing.
#[must_use]
pub fn prorated(new_allocation: Credits, granted_max: Credits, remaining_s: u64, cycle_s: u64) -> Credits {
    let remaining_s = remaining_s.min(cycle_s);
    let scaled = |credits: Credits| {
        let product = u128::from(credits.millis()).saturating_mul(u128::from(remaining_s));
        let scaled = product.checked_div(u128::from(cycle_s)).unwrap_or(0);
        Credits::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX))
    };
    let added = scaled(new_allocation).saturating_sub(scaled(granted_max));
    assert!(added <= new_allocation, "R12: more than the plan brings");
    assert!(new_allocation > granted_max || added.is_zero(), "R12: a smaller plan adds nothing");
    added
}

/// Subscribes (R11): the first cycle begins now. No `paid_through`: one term.
///
/// # Errors
/// There is a subscription, or `paid_through` is not in the future.
pub fn subscribe(
    current: Option<&Subscription>,
    terms: &PlanTerms,
    auto_renew: bool,
    paid_through: Timestamp,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Change, Refusal> {
    if current.is_some() {
        return Err(Refusal::AlreadySubscribed);
    }
    let mut opened = Subscription::opened(terms, now, zone, auto_renew);
    if paid_through != Timestamp::NONE {
        opened.paid_through = future(paid_through, now)?;
    }
    assert!(opened.starts_at <= now, "R11: the first cycle begins now");
    assert!(now < opened.ends_at, "R10: a cycle that is over");
    Ok(Change { after: Some(opened), pending: None, opens_period: true, amount: terms.allocation })
}

/// Records until when the subscription is paid for (R11). Whether it renews itself stays as it is.
///
/// # Errors
/// There is no subscription, or `paid_through` is not in the future.
pub fn renew(
    current: Option<&Subscription>,
    pending: Option<&PendingChange>,
    paid_through: Timestamp,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let mut after = *current.ok_or(Refusal::NotSubscribed)?;
    after.paid_through = future(paid_through, now)?;
    if !after.has_cycles() {
        after.ends_at = after.paid_through;
    }
    assert!(after.lapses_at() > now, "R11: what is paid for does not lapse");
    after.assert_whole();
    Ok(kept(after, pending))
}

/// Cancels (R11): now, or at the end of what is paid for; where that has passed, or is never (a change of plan from a
/// subscription set by hand without an end), at the end of the running cycle. A pending change is dropped. A subscription
/// set by hand without an end has none to wait for, and stays.
///
/// # Errors
/// There is no subscription.
pub fn cancel(current: Option<&Subscription>, at_period_end: bool, now: Timestamp) -> Result<Change, Refusal> {
    if !at_period_end {
        return lapse(current);
    }
    let mut after = *current.ok_or(Refusal::NotSubscribed)?;
    after.auto_renew = false;
    if after.paid_through <= now || after.has_cycles() && after.paid_through == Timestamp::NEVER {
        after.paid_through = after.ends_at;
    }
    let ends = after.paid_through < Timestamp::NEVER || after.ends_at == Timestamp::NEVER;
    assert!(ends || !after.has_cycles(), "R11: a subscription with cycles that is cancelled ends");
    assert!(after.lapses_at() == after.paid_through, "R11: what is cancelled ends with what is paid for");
    assert!(after.tier > Tier::NONE, "R11: until then it is as it was");
    after.assert_whole();
    Ok(kept(after, None))
}

/// Ends the subscription at once, with its credits and what is pending (R11).
///
/// # Errors
/// There is no subscription.
pub fn lapse(current: Option<&Subscription>) -> Result<Change, Refusal> {
    current.ok_or(Refusal::NotSubscribed)?.assert_whole();
    Ok(Change { after: None, pending: None, opens_period: true, amount: Credits::ZERO })
}

/// Changes the plan (R12). It takes the place of a pending change. A subscription set by hand has no cycle to keep: in
/// every mode its first one begins now.
///
/// # Errors
/// There is no subscription.
pub fn change_plan(
    current: Option<&Subscription>,
    terms: &PlanTerms,
    mode: ChangeMode,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let current = current.ok_or(Refusal::NotSubscribed)?;
    if !current.has_cycles() {
        return Ok(changed_in_new_cycle(current, terms, zone, now));
    }
    current.assert_whole();
    let change = match mode {
        ChangeMode::Default if terms.allocation > current.allocation => changed_prorated(current, terms, now),
        ChangeMode::Default | ChangeMode::AtRenewal => changed_at_renewal(current, terms),
        ChangeMode::NowProrated => changed_prorated(current, terms, now),
        ChangeMode::NowNewCycle => changed_in_new_cycle(current, terms, zone, now),
    };
    assert!(change.after.is_some(), "R12: a change of plan ends no subscription");
    assert!(!change.opens_period || change.amount == terms.allocation, "R12: a new cycle has the new allocation");
    Ok(change)
}

/// Moves the boundaries that are not yet reached to another zone (R10). The running cycle keeps its number, so none is
/// repeated; if its new end has passed, it is due at once.
#[must_use]
pub fn set_zone(
    current: Option<&Subscription>,
    pending: Option<&PendingChange>,
    old_zone: &TimeZone,
    new_zone: &TimeZone,
    now: Timestamp,
) -> Change {
    let after = current.map(|sub| if sub.has_cycles() { moved(sub, old_zone, new_zone, now) } else { *sub });
    assert!(after.is_some() || pending.is_none(), "R12: a change that waits without a subscription");
    assert!(after.map(|of| of.cycle) == current.map(|of| of.cycle), "R10: a cycle keeps its number");
    let terms = |sub: &Subscription| (sub.plan, sub.tier, sub.allocation, sub.granted_max, sub.starts_at);
    assert!(after.as_ref().map(terms) == current.map(terms), "R10: a zone moves boundaries to come, and nothing else");
    Change { after, pending: pending.copied(), opens_period: false, amount: Credits::ZERO }
}

fn changed_at_renewal(current: &Subscription, terms: &PlanTerms) -> Change {
    let pending = PendingChange { plan: terms.plan, tier: terms.tier, allocation: terms.allocation };
    assert!(current.has_cycles(), "R12: a change waits for a boundary");
    kept(*current, Some(&pending))
}

fn changed_prorated(current: &Subscription, terms: &PlanTerms, now: Timestamp) -> Change {
    let amount = prorated(terms.allocation, current.granted_max, current.remaining_s(now), current.cycle_s());
    let after = Subscription {
        plan: terms.plan,
        tier: terms.tier,
        allocation: terms.allocation,
        granted_max: current.granted_max.max(terms.allocation),
        ..*current
    };
    assert!(amount <= terms.allocation, "R12: more than the plan brings");
    assert!(after.ends_at == current.ends_at, "R12: the boundaries stay");
    after.assert_whole();
    Change { after: Some(after), pending: None, opens_period: false, amount }
}

fn changed_in_new_cycle(current: &Subscription, terms: &PlanTerms, zone: &TimeZone, now: Timestamp) -> Change {
    let opened = Subscription::opened(terms, now, zone, current.auto_renew);
    let after = Subscription { paid_through: current.paid_through, ..opened };
    assert!(after.cycle == 0, "R12: a new cycle is the first of its anchor");
    after.assert_whole();
    assert!(after.starts_at <= now, "R12: a new cycle begins now");
    Change { after: Some(after), pending: None, opens_period: true, amount: terms.allocation }
}

fn moved(sub: &Subscription, mut old_zone: &TimeZone, new_zone: &TimeZone, now: Timestamp) -> Subscription {
    assert!(sub.has_cycles(), "R10: only boundaries move");
    let next = sub.cycle.saturating_add(1);
    let paid = last_cycle(sub, &mut old_zone, sub.paid_through);
    let at_boundary = now < sub.paid_through && paid >= next && sub.start_of(paid, &mut old_zone) == sub.paid_through;
    let moved = Subscription {
        ends_at: boundary(sub.anchor, new_zone, next),
        paid_through: if at_boundary { boundary(sub.anchor, new_zone, paid) } else { sub.paid_through },
        ..*sub
    };
    assert!(!at_boundary || moved.paid_through >= moved.ends_at, "R11: what is paid for is a cycle at least");
    moved.assert_whole();
    moved
}

/// A change that moves no credits.
fn kept(after: Subscription, pending: Option<&PendingChange>) -> Change {
    Change { after: Some(after), pending: pending.copied(), opens_period: false, amount: Credits::ZERO }
}

fn future(paid_through: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
    if now < paid_through { Ok(paid_through) } else { Err(Refusal::BadPaidThrough) }
}

/// The instant without its fraction of a second.
const fn floored(at: Timestamp) -> Timestamp {
    Timestamp(at.seconds().saturating_mul(1_000))
}

fn local(at: Timestamp, zone: &TimeZone) -> DateTime {
    zone.to_datetime(instant(at))
}

/// From the month of one date to the month of another; zero if that is earlier.
fn months_between(from: DateTime, to: DateTime) -> u32 {
    let months = |at: DateTime| i32::from(at.year()).saturating_mul(12).saturating_add(i32::from(at.month()));
    assert!(from <= to, "R10: months are counted from the anchor on");
    u32::try_from(months(to).saturating_sub(months(from))).unwrap_or(0)
}
