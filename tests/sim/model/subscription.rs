//! Subscriptions and what commands make of them (R9 to R13). Cycles are stepped over one by one.

use wallet::outcome::{Field, Outcome};
use wallet::request::Command;
use wallet::subscription::ChangeMode;

use super::catalog::Plan;
use super::{Clock, Effect, Expected, MOST, Model, Wallet};
use crate::sim::zones::Zone;

pub(crate) const NEVER: u64 = u64::MAX;

/// What a subscription takes from its plan. Plan 0 is a subscription by hand, without cycles.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Terms {
    pub(crate) plan: u16,
    pub(crate) tier: u8,
    pub(crate) credits: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Subscribed {
    pub(crate) terms: Terms,
    /// The largest allocation that the cycle was granted for (R12).
    pub(crate) granted_max: u64,
    pub(crate) anchor: u64,
    pub(crate) cycle: u32,
    pub(crate) starts: u64,
    pub(crate) ends: u64,
    pub(crate) paid_through: u64,
    pub(crate) auto_renew: bool,
}

/// The subscription before and after a command, and the change that waits after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Changed {
    pub(crate) before: Option<Subscribed>,
    pub(crate) after: Option<Subscribed>,
    pub(crate) pending: Option<Terms>,
}

/// The second that an instant lies in.
const fn floor(at: u64) -> u64 {
    at - at % 1_000
}

impl Subscribed {
    fn opened(plan: &Plan, now: u64, zone: Zone, auto_renew: bool) -> Self {
        let anchor = floor(now);
        Self {
            terms: plan.terms,
            granted_max: plan.terms.credits,
            anchor,
            cycle: 0,
            starts: anchor,
            ends: zone.months_after(anchor, 1),
            paid_through: zone.months_after(anchor, plan.months),
            auto_renew,
        }
    }

    pub(super) fn by_hand(tier: u8, credits: u64, now: u64, ends: u64) -> Self {
        let ends = if ends == 0 { NEVER } else { ends };
        Self {
            terms: Terms { plan: 0, tier, credits },
            granted_max: credits,
            anchor: 0,
            cycle: 0,
            starts: floor(now),
            ends,
            paid_through: ends,
            auto_renew: false,
        }
    }

    /// When it ends for good, as things stand (R11).
    pub(crate) fn lapses(&self) -> u64 {
        match () {
            () if self.terms.plan == 0 => self.ends,
            () if self.auto_renew => NEVER,
            () => self.paid_through,
        }
    }

    pub(crate) fn due(&self) -> u64 {
        self.ends.min(self.lapses())
    }

    /// The next cycle, which begins where this one ends.
    pub(super) fn next(&self, pending: Option<Terms>, zone: Zone) -> Self {
        let terms = pending.unwrap_or(self.terms);
        Self {
            terms,
            granted_max: terms.credits,
            cycle: self.cycle + 1,
            starts: self.ends,
            ends: zone.months_after(self.anchor, self.cycle + 2),
            ..*self
        }
    }

    /// In another zone the boundaries to come lie elsewhere, and so does the end of what is paid for if it is one (R10).
    fn moved(&self, from: Zone, to: Zone, now: u64) -> Self {
        if self.terms.plan == 0 {
            return *self;
        }
        let mut moved = *self;
        moved.ends = to.months_after(self.anchor, self.cycle + 1);
        if self.paid_through <= now || self.paid_through == NEVER {
            return moved;
        }
        let mut boundary = self.cycle + 1;
        let mut at = self.ends;
        while at < self.paid_through {
            boundary += 1;
            at = from.months_after(self.anchor, boundary);
        }
        if at == self.paid_through {
            moved.paid_through = to.months_after(self.anchor, boundary);
        }
        moved
    }
}

/// floor(credits × rest / whole), the two in seconds.
fn scaled(credits: u64, rest: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(credits) * u128::from(rest) / u128::from(whole)).unwrap()
}

/// What a command makes of a wallet: the new period's credits, or those that are added.
struct Made {
    after: Option<Subscribed>,
    pending: Option<Terms>,
    new_period: bool,
    amount: u64,
}

impl Made {
    fn kept(after: Subscribed, pending: Option<Terms>) -> Self {
        Self { after: Some(after), pending, new_period: false, amount: 0 }
    }

    fn opened(after: Subscribed) -> Self {
        Self { after: Some(after), pending: None, new_period: true, amount: after.terms.credits }
    }

    fn ended() -> Self {
        Self { after: None, pending: None, new_period: true, amount: 0 }
    }
}

impl Model {
    /// A plan or zone command, on a wallet that nothing is due of.
    pub(super) fn change_subscription(&mut self, account: u128, command: &Command, now: Clock) -> Expected {
        let wallet = self.rolled(account, now);
        let made = match self.made(&wallet, command, now.daemon) {
            Ok(made) => made,
            Err(refused) => return refused,
        };
        let half = MOST[1] / 2;
        // All that a plan has is measured, however little of it a change adds.
        let plan = match command {
            Command::ChangePlan { plan, .. } => self.catalog.plan(plan.0),
            _ => None,
        };
        let large = plan.is_some_and(|plan| Self::is_large(1, plan.terms.credits));
        let room = if made.new_period { half } else { self.room(account, &wallet, 1, large) };
        if made.amount > room || made.pending.is_some_and(|pending| pending.credits > half) {
            return Expected::too_much(room);
        }
        self.remember(Some(account), None);
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        let changed = Changed { before: wallet.subscribed, after: made.after, pending: made.pending };
        if made.new_period {
            wallet.counters[1].expired += wallet.available[1];
            wallet.available[1] = 0;
            wallet.period += 1;
        }
        wallet.counters[1].granted += made.amount;
        wallet.available[1] += made.amount;
        wallet.subscribed = made.after;
        wallet.pending_change = made.pending;
        if let Command::SetZone { zone, .. } = command {
            wallet.zone = Zone::of(zone).unwrap();
        }
        Expected {
            effect: Effect::Subscription,
            split: [0, made.amount, 0],
            change: Some(changed),
            tells: true,
            ..Expected::of(Outcome::Done)
        }
    }

    fn made(&self, wallet: &Wallet, command: &Command, now: u64) -> Result<Made, Expected> {
        let pending = wallet.pending_change;
        let subscribed = wallet.subscribed.ok_or_else(|| Expected::of(Outcome::NotSubscribed));
        let known = |id: u16| self.catalog.plan(id).ok_or_else(|| Expected::of(Outcome::UnknownPlan));
        match command {
            Command::Subscribe { paid_through, .. } if paid_through.0 != 0 && paid_through.0 <= now => {
                Err(Expected::bad(Field::PaidThrough))
            }
            Command::Subscribe { .. } if subscribed.is_ok() => Err(Expected::of(Outcome::AlreadySubscribed)),
            Command::Subscribe { plan, auto_renew, paid_through, .. } => {
                let mut opened = Subscribed::opened(known(plan.0)?, now, wallet.zone, *auto_renew);
                if paid_through.0 != 0 {
                    opened.paid_through = paid_through.0;
                }
                Ok(Made::opened(opened))
            }
            Command::Renew { paid_through, .. } if paid_through.0 <= now => Err(Expected::bad(Field::PaidThrough)),
            Command::Renew { paid_through, .. } => {
                let mut after = subscribed?;
                after.paid_through = paid_through.0;
                if after.terms.plan == 0 {
                    after.ends = paid_through.0;
                }
                Ok(Made::kept(after, pending))
            }
            Command::Cancel { at_period_end: true, .. } => {
                let mut after = subscribed?;
                after.auto_renew = false;
                let endless = after.terms.plan != 0 && after.paid_through == NEVER;
                if after.paid_through <= now || endless {
                    after.paid_through = after.ends;
                }
                Ok(Made::kept(after, None))
            }
            Command::Cancel { .. } | Command::Lapse { .. } => subscribed.map(|_| Made::ended()),
            Command::ChangePlan { plan, mode, .. } => {
                let subscribed = subscribed?;
                Ok(Self::plan_changed(&subscribed, known(plan.0)?, *mode, wallet.zone, now))
            }
            Command::SetZone { zone, .. } => {
                let to = Zone::of(zone).ok_or_else(|| Expected::bad(Field::Zone))?;
                let after = wallet.subscribed.map(|subscribed| subscribed.moved(wallet.zone, to, now));
                Ok(Made { after, pending, new_period: false, amount: 0 })
            }
            _ => unreachable!("a plan or zone command"),
        }
    }

    fn plan_changed(now_on: &Subscribed, plan: &Plan, mode: ChangeMode, zone: Zone, now: u64) -> Made {
        let larger = plan.terms.credits > now_on.terms.credits;
        match mode {
            _ if now_on.terms.plan == 0 => Self::new_cycle(now_on, plan, zone, now),
            ChangeMode::NowNewCycle => Self::new_cycle(now_on, plan, zone, now),
            ChangeMode::AtRenewal => Made::kept(*now_on, Some(plan.terms)),
            ChangeMode::Default if !larger => Made::kept(*now_on, Some(plan.terms)),
            ChangeMode::Default | ChangeMode::NowProrated => {
                let whole = (now_on.ends - now_on.starts) / 1_000;
                let rest = now_on.ends / 1_000 - now / 1_000;
                let new = scaled(plan.terms.credits, rest, whole);
                let amount = new.saturating_sub(scaled(now_on.granted_max, rest, whole));
                let granted_max = now_on.granted_max.max(plan.terms.credits);
                let after = Subscribed { terms: plan.terms, granted_max, ..*now_on };
                Made { after: Some(after), pending: None, new_period: false, amount }
            }
        }
    }

    fn new_cycle(now_on: &Subscribed, plan: &Plan, zone: Zone, now: u64) -> Made {
        let opened = Subscribed::opened(plan, now, zone, now_on.auto_renew);
        Made::opened(Subscribed { paid_through: now_on.paid_through, ..opened })
    }
}
