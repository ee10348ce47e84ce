//! Subscriptions as they are stored, in records and in rows. Persisted, keep stable: fields are written in the order in
//! which they stand here.

use wallet::credits::Credits;
use wallet::ids::{Day, Period, PlanId, Tier, Timestamp};
use wallet::record::{Asked, CycleRoll, SubscriptionChange, SubscriptionKind};
use wallet::subscription::{ChangeMode, PendingChange, Subscription};

use super::parts::{BadField, StoredId, StoredIssuer, assert_kept, opened, tier};
use crate::codec::{BorrowDecode, Decode, Encode, List};

/// A subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredSubscription {
    plan: u16,
    tier: u8,
    allocation: u64,
    granted_max: u64,
    anchor: u64,
    cycle: u32,
    starts_at: u64,
    ends_at: u64,
    paid_through: u64,
    auto_renew: bool,
}

impl From<Subscription> for StoredSubscription {
    fn from(of: Subscription) -> Self {
        Self {
            plan: of.plan.0,
            tier: of.tier.0,
            allocation: of.allocation.millis(),
            granted_max: of.granted_max.millis(),
            anchor: of.anchor.0,
            cycle: of.cycle,
            starts_at: of.starts_at.0,
            ends_at: of.ends_at.0,
            paid_through: of.paid_through.0,
            auto_renew: of.auto_renew,
        }
    }
}

impl TryFrom<StoredSubscription> for Subscription {
    type Error = BadField;

    fn try_from(stored: StoredSubscription) -> Result<Self, BadField> {
        let subscription = Self {
            plan: PlanId(stored.plan),
            tier: some_tier(stored.tier)?,
            allocation: Credits::from_millis(stored.allocation),
            granted_max: Credits::from_millis(stored.granted_max),
            anchor: Timestamp(stored.anchor),
            cycle: stored.cycle,
            starts_at: Timestamp(stored.starts_at),
            ends_at: Timestamp(stored.ends_at),
            paid_through: Timestamp(stored.paid_through),
            auto_renew: stored.auto_renew,
        };
        assert!(subscription.tier != Tier::NONE, "a subscription that was read has a tier");
        assert!(subscription.tier <= Tier::MAX, "a tier that was read was checked");
        Ok(subscription)
    }
}

impl StoredSubscription {
    pub(crate) fn value(stored: Option<Self>) -> Result<Option<Subscription>, BadField> {
        stored.map(Subscription::try_from).transpose()
    }
}

/// A change of plan that waits for the next boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredPendingChange {
    plan: u16,
    tier: u8,
    allocation: u64,
}

impl From<PendingChange> for StoredPendingChange {
    fn from(of: PendingChange) -> Self {
        let PendingChange { plan, tier, allocation } = of;
        let stored = Self { plan: plan.0, tier: tier.0, allocation: allocation.millis() };
        assert_kept(&of, stored.try_into());
        stored
    }
}

impl TryFrom<StoredPendingChange> for PendingChange {
    type Error = BadField;

    fn try_from(stored: StoredPendingChange) -> Result<Self, BadField> {
        let allocation = Credits::from_millis(stored.allocation);
        let change = Self { plan: PlanId(stored.plan), tier: some_tier(stored.tier)?, allocation };
        assert!(change.tier != Tier::NONE, "a change that was read leads to a subscription");
        Ok(change)
    }
}

impl StoredPendingChange {
    pub(crate) fn value(stored: Option<Self>) -> Result<Option<PendingChange>, BadField> {
        stored.map(PendingChange::try_from).transpose()
    }
}

/// A subscription changed by a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredSubscriptionChange<'a> {
    account: StoredId,
    kind: u8,
    asked_plan: u16,
    asked_mode: u8,
    asked_paid_through: u64,
    day: u32,
    before: Option<StoredSubscription>,
    after: Option<StoredSubscription>,
    pending: Option<StoredPendingChange>,
    period: u32,
    amount: u64,
    zone: &'a str,
    issuer: StoredIssuer<'a>,
}

impl<'a> From<&'a SubscriptionChange> for StoredSubscriptionChange<'a> {
    fn from(change: &'a SubscriptionChange) -> Self {
        Self {
            account: change.account.into(),
            kind: change.kind as u8,
            asked_plan: change.asked.plan.0,
            asked_mode: change.asked.mode,
            asked_paid_through: change.asked.paid_through.0,
            day: change.day.0,
            before: change.before.map(StoredSubscription::from),
            after: change.after.map(StoredSubscription::from),
            pending: change.pending.map(StoredPendingChange::from),
            period: change.period.0,
            amount: change.amount.millis(),
            zone: &change.zone,
            issuer: (&change.issuer).into(),
        }
    }
}

impl TryFrom<StoredSubscriptionChange<'_>> for SubscriptionChange {
    type Error = BadField;

    fn try_from(stored: StoredSubscriptionChange<'_>) -> Result<Self, BadField> {
        let kind = SubscriptionKind::from_code(stored.kind);
        if ChangeMode::from_number(stored.asked_mode).is_none() {
            return Err(BadField::new("mode", stored.asked_mode));
        }
        let change = Self {
            account: stored.account.account(),
            kind: kind.ok_or_else(|| BadField::new("subscription kind", stored.kind))?,
            asked: Asked {
                plan: PlanId(stored.asked_plan),
                mode: stored.asked_mode,
                paid_through: Timestamp(stored.asked_paid_through),
            },
            day: Day(stored.day),
            before: StoredSubscription::value(stored.before)?,
            after: StoredSubscription::value(stored.after)?,
            pending: StoredPendingChange::value(stored.pending)?,
            period: Period(stored.period),
            amount: Credits::from_millis(stored.amount),
            zone: stored.zone.to_owned(),
            issuer: stored.issuer.into(),
        };
        assert!(change.kind as u8 == stored.kind, "a kind is written as it was read");
        assert!(StoredId::from(change.account) == stored.account, "an account is written as it was read");
        Ok(change)
    }
}

/// One wallet rolled over the end of its cycle into the next one, as kind 27 has it: only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredPlanRoll {
    account: StoredId,
    day: u32,
    period: u32,
    allocation: u64,
    tier: u8,
    ends_at: u64,
    at: u64,
    plan: u16,
    cycle: u32,
    skipped: u32,
    changed: bool,
}

impl TryFrom<StoredPlanRoll> for CycleRoll {
    type Error = BadField;

    fn try_from(stored: StoredPlanRoll) -> Result<Self, BadField> {
        let StoredPlanRoll { account, day, period, allocation, tier, ends_at, at, plan, cycle, skipped, changed } =
            stored;
        let into = StoredRollInto { day, allocation, tier, ends_at, at, plan, skipped, changed };
        into.roll_of(StoredRolledWallet { account, period, cycle })
    }
}

/// Wallets that one after another rolled into the same: what they share is written once, so that a million rolls at one
/// boundary take 18 bytes a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredAlikeRolls {
    into: StoredRollInto,
    wallets: List<StoredRolledWallet>,
}

/// What wallets rolled into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredRollInto {
    day: u32,
    allocation: u64,
    tier: u8,
    ends_at: u64,
    at: u64,
    plan: u16,
    skipped: u32,
    changed: bool,
}

/// A wallet that rolled, and the two numbers that are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredRolledWallet {
    account: StoredId,
    period: u32,
    cycle: u32,
}

impl StoredRollInto {
    fn of(roll: &CycleRoll) -> Self {
        let CycleRoll { account: _, day, period: _, allocation, tier, ends_at, at, plan, cycle: _, skipped, changed } =
            *roll;
        assert!(tier <= Tier::MAX, "a tier has four bits");
        assert!(tier > Tier::NONE || allocation == Credits::ZERO, "R11: a lapse opens nothing");
        Self {
            day: day.0,
            allocation: allocation.millis(),
            tier: tier.0,
            ends_at: ends_at.0,
            at: at.0,
            plan: plan.0,
            skipped,
            changed,
        }
    }

    fn roll_of(self, wallet: StoredRolledWallet) -> Result<CycleRoll, BadField> {
        let roll = CycleRoll {
            account: wallet.account.account(),
            day: Day(self.day),
            period: Period(wallet.period),
            allocation: opened(self.tier, self.allocation)?,
            tier: tier(self.tier)?,
            ends_at: Timestamp(self.ends_at),
            at: Timestamp(self.at),
            plan: PlanId(self.plan),
            cycle: wallet.cycle,
            skipped: self.skipped,
            changed: self.changed,
        };
        assert!(roll.tier <= Tier::MAX, "a tier that was read was checked");
        assert!(StoredId::from(roll.account) == wallet.account, "an account is written as it was read");
        Ok(roll)
    }
}

impl StoredAlikeRolls {
    /// Rolls in their order, those next to each other that are alike together.
    pub(crate) fn of(rolls: &[CycleRoll]) -> List<Self> {
        let alike = rolls.chunk_by(|one, next| StoredRollInto::of(one) == StoredRollInto::of(next));
        let stored: Vec<_> = alike
            .filter_map(|alike| alike.first().map(|first| Self::of_alike(StoredRollInto::of(first), alike)))
            .collect();
        let wallets: usize = stored.iter().map(|alike| alike.wallets.0.len()).sum();
        assert!(wallets == rolls.len(), "R10: each wallet that rolled is written once");
        assert!(stored.windows(2).all(|pair| pair[0].into != pair[1].into), "what is alike stands together");
        List(stored)
    }

    fn of_alike(into: StoredRollInto, alike: &[CycleRoll]) -> Self {
        let wallet = |roll: &CycleRoll| {
            let wallet = StoredRolledWallet { account: roll.account.into(), period: roll.period.0, cycle: roll.cycle };
            assert_kept(roll, into.roll_of(wallet));
            wallet
        };
        assert!(!alike.is_empty(), "a roll into something has wallets");
        Self { into, wallets: List(alike.iter().map(wallet).collect()) }
    }

    /// The rolls, in their order.
    pub(crate) fn rolls(stored: List<Self>) -> Result<Vec<CycleRoll>, BadField> {
        let count = stored.0.iter().map(|alike| alike.wallets.0.len()).sum();
        let mut rolls = Vec::with_capacity(count);
        for Self { into, wallets: List(wallets) } in stored.0 {
            if wallets.is_empty() {
                return Err(BadField::new("wallets that rolled alike", 0_u8));
            }
            for wallet in wallets {
                rolls.push(into.roll_of(wallet)?);
            }
        }
        assert!(rolls.len() == count, "each wallet that was read rolled once");
        Ok(rolls)
    }
}

/// The tier of an active subscription: not zero.
fn some_tier(code: u8) -> Result<wallet::ids::Tier, BadField> {
    if code == 0 { Err(BadField::new("tier", code)) } else { tier(code) }
}
