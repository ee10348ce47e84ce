//! The cold side of a wallet: what changes rarely, read and written only under the wallet's lock.

use crate::credits::Credits;
use crate::ids::{PlanId, Tier, Timestamp};
use crate::subscription::Subscription;

/// What changes rarely. A subscription is packed: amounts have 38 bits (they fit the word), boundaries are whole seconds,
/// and its plan and next instant stand in the slot, where they are read without the lock.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cold {
    /// Bits 0–39 the allocation, 40–55 the number of the cycle, 56–59 the tier (zero: no subscription), 60 whether it
    /// renews itself, 61 whether the day began otherwise.
    terms: u64,
    granted_max: u64,
    paid_through: u64,
    anchor_s: u32,
    starts_s: u32,
    ends_s: u32,
    /// New reserves are refused.
    pub frozen: bool,
    /// The wallet owes credits; how many stands in the side map of debts.
    pub in_debt: bool,
    /// A change of plan waits for the next boundary; which one stands in the side map of pending changes.
    pub has_pending: bool,
}

const _: () = assert!(size_of::<Cold>() <= 40);

const AMOUNT_MASK: u64 = (1 << 40) - 1;
const CYCLE_SHIFT: u32 = 40;
const TIER_SHIFT: u32 = 56;
const AUTO_RENEW: u64 = 1 << 60;
const DAY_BEGAN_OTHERWISE: u64 = 1 << 61;

impl Cold {
    /// No subscription, and whether the wallet is frozen and in debt.
    #[must_use]
    pub fn of(frozen: bool, in_debt: bool) -> Self {
        Self { frozen, in_debt, ..Self::default() }
    }

    /// The subscription, given what the slot says of it. Set by hand, it ends when it is due.
    pub(crate) fn subscription(&self, plan: PlanId, due_at: Timestamp) -> Option<Subscription> {
        let tier = Tier(low_bits(self.terms >> TIER_SHIFT, 0xf).to_le_bytes()[0]);
        if tier == Tier::NONE {
            return None;
        }
        let allocation = Credits::from_millis(self.terms & AMOUNT_MASK);
        let starts_at = instant(self.starts_s);
        if plan.is_none() {
            return Some(Subscription::by_hand(tier, allocation, starts_at, due_at));
        }
        Some(Subscription {
            plan,
            tier,
            allocation,
            granted_max: Credits::from_millis(self.granted_max),
            anchor: instant(self.anchor_s),
            cycle: low_bits(self.terms >> CYCLE_SHIFT, 0xffff),
            starts_at,
            ends_at: instant(self.ends_s),
            paid_through: Timestamp(self.paid_through),
            auto_renew: self.terms & AUTO_RENEW != 0,
        })
    }

    /// Whether a subscription has begun or ended since the word's day began: what it began with is not what the tier says.
    pub(crate) const fn day_began_otherwise(&self) -> bool {
        self.terms & DAY_BEGAN_OTHERWISE != 0
    }

    /// Notes that the word's day begins with the tier as it is.
    pub(crate) const fn note_day_begins(&mut self) {
        self.terms &= !DAY_BEGAN_OTHERWISE;
    }

    /// Packs a subscription, or none.
    pub(crate) fn pack(&mut self, subscription: Option<&Subscription>) {
        let (frozen, in_debt, has_pending) = (self.frozen, self.in_debt, self.has_pending);
        let was_active = self.terms >> TIER_SHIFT & 0xf != 0;
        let began_otherwise = self.day_began_otherwise() ^ (was_active != subscription.is_some());
        let terms = if began_otherwise { DAY_BEGAN_OTHERWISE } else { 0 };
        *self = Self { terms, frozen, in_debt, has_pending, ..Self::default() };
        let Some(of) = subscription else { return };
        assert!(of.allocation.millis() <= AMOUNT_MASK, "an allocation does not fit the word");
        assert!(of.cycle <= 0xffff, "a subscription has run for 5,000 years");
        let auto_renew = if of.auto_renew { AUTO_RENEW } else { 0 };
        self.terms |= of.allocation.millis()
            | u64::from(of.cycle) << CYCLE_SHIFT
            | u64::from(of.tier.0) << TIER_SHIFT
            | auto_renew;
        self.granted_max = of.granted_max.millis();
        self.paid_through = of.paid_through.0;
        self.anchor_s = seconds(of.anchor);
        self.starts_s = seconds(of.starts_at);
        self.ends_s = seconds(of.ends_at);
        assert!(self.subscription(of.plan, of.due_at()) == Some(*of), "a subscription is packed without a loss");
    }
}

/// Seconds of an instant; the largest number stands for never, which lies in 2106.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.seconds()).unwrap_or(u32::MAX)
}

fn instant(seconds: u32) -> Timestamp {
    match seconds {
        u32::MAX => Timestamp::NEVER,
        seconds => Timestamp(u64::from(seconds).saturating_mul(1_000)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the mask has 32 bits")]
const fn low_bits(value: u64, mask: u32) -> u32 {
    value as u32 & mask
}
