//! Records of subscriptions: what a plan command did, and a cycle that ended (R9 to R13).

use super::Issuer;
use crate::credits::Credits;
use crate::ids::{AccountId, Day, Period, PlanId, Tier, Timestamp};
use crate::subscription::{PendingChange, Subscription};

/// One wallet rolled over the end of its credit cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleRoll {
    /// The account.
    pub account: AccountId,
    /// The day that the wallet had been rolled to before.
    pub day: Day,
    /// The new period.
    pub period: Period,
    /// The credits of the new period.
    pub allocation: Credits,
    /// The tier from now on; zero after a lapse.
    pub tier: Tier,
    /// When the new cycle ends; zero after a lapse.
    pub ends_at: Timestamp,
    /// The last boundary that was crossed: where the new cycle began, or where the subscription lapsed.
    pub at: Timestamp,
    /// The plan from now on; none after a lapse.
    pub plan: PlanId,
    /// The number of the new cycle, counted from the anchor; zero after a lapse.
    pub cycle: u32,
    /// The cycles that began and ended in between, without a grant (R35).
    pub skipped: u32,
    /// Whether a pending change of plan took effect.
    pub changed: bool,
}

impl CycleRoll {
    /// What the roll makes of the subscription that stood before it; none after a lapse.
    #[must_use]
    pub fn of(&self, before: &Subscription) -> Option<Subscription> {
        (self.tier > Tier::NONE).then_some(Subscription {
            plan: self.plan,
            tier: self.tier,
            allocation: self.allocation,
            granted_max: self.allocation,
            cycle: self.cycle,
            starts_at: self.at,
            ends_at: self.ends_at,
            ..*before
        })
    }

    /// Everything but what is the wallet's own: wallets of one plan at one boundary have it alike.
    pub(crate) fn alike(&self) -> impl Ord + use<> {
        (self.ends_at, self.at, self.plan, self.allocation, self.tier, self.day, self.skipped, self.changed)
    }
}

/// Which command changed a subscription. Persisted, keep stable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum SubscriptionKind {
    /// Subscribed to a plan.
    Subscribe = 1,
    /// Paid for longer.
    Renew = 2,
    /// Cancelled, now or at the end of what is paid for.
    Cancel = 3,
    /// Ended at once.
    Lapse = 4,
    /// Moved to another plan, now or at the next boundary.
    ChangePlan = 5,
    /// The account moved to another zone.
    SetZone = 6,
}

impl SubscriptionKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Subscribe, Self::Renew, Self::Cancel, Self::Lapse, Self::ChangePlan, Self::SetZone];

    /// The kind with this number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Subscribe),
            2 => Some(Self::Renew),
            3 => Some(Self::Cancel),
            4 => Some(Self::Lapse),
            5 => Some(Self::ChangePlan),
            6 => Some(Self::SetZone),
            _ => None,
        }
    }
}

const _: () = {
    let mut at = 0;
    while at < SubscriptionKind::ALL.len() {
        let code = SubscriptionKind::ALL[at] as u8;
        assert!(matches!(SubscriptionKind::from_code(code), Some(of) if of as u8 == code), "a number is read back");
        assert!(code as usize == at.wrapping_add(1), "the numbers go up from one");
        at = at.wrapping_add(1);
    }
};

/// What a plan command asked for: kept to tell a retry from another command under the same id (R13).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Asked {
    /// The plan of a subscribe or a plan change.
    pub plan: PlanId,
    /// The number of a plan change's mode; for a subscribe whether it renews itself, for a cancel whether it waits for
    /// the end of what is paid for, as 0 or 1.
    pub mode: u8,
    /// The instant of a subscribe or a renewal; zero for none.
    pub paid_through: Timestamp,
}

/// A subscription changed by a command, with its state before and after (R13).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubscriptionChange {
    /// The account.
    pub account: AccountId,
    /// By which command.
    pub kind: SubscriptionKind,
    /// What was asked for.
    pub asked: Asked,
    /// The day that the wallet had been rolled to before.
    pub day: Day,
    /// The subscription before; none without.
    pub before: Option<Subscription>,
    /// The subscription after; none once it has ended.
    pub after: Option<Subscription>,
    /// The change that waits for the next boundary after this.
    pub pending: Option<PendingChange>,
    /// The period after. A later one than the row's: the bucket is set to `amount`; the same: `amount` is added.
    pub period: Period,
    /// The credits of the new period, or those that are added.
    pub amount: Credits,
    /// The IANA name of the zone from now on; empty for the one that it was.
    pub zone: String,
    /// Who did it.
    pub issuer: Issuer,
}
