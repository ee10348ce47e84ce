//! The cold side of a wallet: what changes rarely, read and written only under the wallet's lock.

use crate::credits::Credits;
use crate::ids::{PlanId, Tier, Timestamp};
use crate::subscription::Subscription;
use crate::word::Bits;

/// What changes rarely. A subscription is packed: amounts have 38 bits (they fit the word), boundaries are whole seconds,
/// and its plan and next instant stand in the slot, where they are read without the lock. Numbers of more than four bytes
/// are bytes, so that nothing is aligned to eight.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cold {
    allocation: [u8; AMOUNT_BYTES],
    granted_max: [u8; AMOUNT_BYTES],
    paid_through: [u8; 8],
    anchor_s: u32,
    starts_s: u32,
    ends_s: u32,
    cycle: u16,
    /// Bits 0–3 the tier (zero: no subscription), 4 whether it renews itself, 5 whether the day began otherwise.
    terms: u8,
    /// New reserves are refused.
    pub frozen: bool,
    /// The wallet owes credits; how many stands in the side map of debts.
    pub in_debt: bool,
    /// A change of plan waits for the next boundary; which one stands in the side map of pending changes.
    pub has_pending: bool,
}

const _: () = assert!(size_of::<Cold>() <= 36);

const AMOUNT_BYTES: usize = 5;
const TIER_MASK: u8 = 0xf;
const AUTO_RENEW: u8 = 1 << 4;
const DAY_BEGAN_OTHERWISE: u8 = 1 << 5;

const _: () = assert!(TIER_MASK & AUTO_RENEW == 0, "each bit has one meaning");
const _: () = assert!((TIER_MASK | AUTO_RENEW) & DAY_BEGAN_OTHERWISE == 0, "each bit has one meaning");
const _: () = assert!(Tier::MAX.0 <= TIER_MASK, "R9: every tier fits its bits");
const _: () = assert!(Bits::WIDE.subscription as usize <= AMOUNT_BYTES * 8, "what fits the word fits here");

impl Cold {
    /// No subscription, and whether the wallet is frozen and in debt.
    #[must_use]
    pub fn of(frozen: bool, in_debt: bool) -> Self {
        Self { frozen, in_debt, ..Self::default() }
    }

    /// The subscription, given what the slot says of it. Set by hand, it ends when it is due.
    pub(crate) fn subscription(&self, plan: PlanId, due_at: Timestamp) -> Option<Subscription> {
        let tier = Tier(self.terms & TIER_MASK);
        if tier == Tier::NONE {
            return None;
        }
        let allocation = credits(self.allocation);
        assert!(tier <= Tier::MAX, "R9: a tier that no word holds");
        assert!(credits(self.granted_max) >= allocation, "R12: a cycle is granted for its plan");
        let starts_at = instant(self.starts_s);
        if plan.is_none() {
            return Some(Subscription::by_hand(tier, allocation, starts_at, due_at));
        }
        assert!(self.anchor_s <= self.starts_s, "R10: a cycle begins at its anchor or after it");
        assert!(self.starts_s <= self.ends_s, "R10: a cycle ends after it began");
        Some(Subscription {
            plan,
            tier,
            allocation,
            granted_max: credits(self.granted_max),
            anchor: instant(self.anchor_s),
            cycle: u32::from(self.cycle),
            starts_at,
            ends_at: instant(self.ends_s),
            paid_through: Timestamp(u64::from_le_bytes(self.paid_through)),
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
        let was_active = self.terms & TIER_MASK != 0;
        let began_otherwise = self.day_began_otherwise() ^ (was_active != subscription.is_some());
        let terms = if began_otherwise { DAY_BEGAN_OTHERWISE } else { 0 };
        *self = Self { terms, frozen, in_debt, has_pending, ..Self::default() };
        assert!(self.subscription(PlanId::NONE, Timestamp::NEVER).is_none(), "R9: what has ended is gone");
        let Some(of) = subscription else { return };
        self.allocation = amount(of.allocation);
        self.granted_max = amount(of.granted_max);
        self.paid_through = of.paid_through.0.to_le_bytes();
        self.anchor_s = seconds(of.anchor);
        self.starts_s = seconds(of.starts_at);
        self.ends_s = seconds(of.ends_at);
        // What does not fit is seen below: a cycle that has run for 5,000 years, or an amount that no word holds.
        self.cycle = u16::try_from(of.cycle).unwrap_or(u16::MAX);
        self.terms |= of.tier.0 & TIER_MASK | if of.auto_renew { AUTO_RENEW } else { 0 };
        assert!(self.subscription(of.plan, of.due_at()) == Some(*of), "a subscription is packed without a loss");
    }
}

fn amount(credits: Credits) -> [u8; AMOUNT_BYTES] {
    let [a, b, c, d, e, above @ ..] = credits.millis().to_le_bytes();
    assert!(above == [0; 3], "an amount that no word holds");
    assert!(self::credits([a, b, c, d, e]) == credits, "an amount is packed without a loss");
    [a, b, c, d, e]
}

fn credits([a, b, c, d, e]: [u8; AMOUNT_BYTES]) -> Credits {
    Credits::from_millis(u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]))
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
