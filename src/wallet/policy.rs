//! The daily allowance over time: which date has which (R5). Journaled, so that replay reads no configuration (I8).

use crate::credits::Credits;
use crate::ids::{Day, Tier};
use crate::record::FreePolicy;

/// The journaled policies, in the order of their first dates.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FreePolicies {
    policies: Vec<FreePolicy>,
}

impl FreePolicies {
    /// No policy: nobody gets anything.
    #[must_use]
    pub const fn new() -> Self {
        Self { policies: Vec::new() }
    }

    /// Adds a policy; it replaces those that would have begun on the same date or later.
    pub fn add(&mut self, policy: FreePolicy) {
        self.policies.retain(|known| known.from < policy.from);
        assert!(self.policies.last().is_none_or(|last| last.from < policy.from), "R5: policies are in order");
        self.policies.push(policy);
        assert!(self.on(policy.from) == Some(&policy), "R5: a policy holds from its first date");
        assert!(self.policies.is_sorted_by(|one, next| one.from < next.from), "R5: a date has one policy");
    }

    /// The policy that holds on a date.
    #[must_use]
    #[inline]
    pub fn on(&self, day: Day) -> Option<&FreePolicy> {
        self.policies.iter().rev().find(|policy| policy.from <= day)
    }

    /// The last policy, which may begin in the future.
    #[must_use]
    pub fn last(&self) -> Option<&FreePolicy> {
        self.policies.last()
    }

    /// All policies, by date.
    #[must_use]
    pub fn all(&self) -> &[FreePolicy] {
        &self.policies
    }

    /// What an account of this tier gets on a date.
    #[must_use]
    pub fn allowance(&self, day: Day, tier: Tier) -> Credits {
        self.allowance_of(day, tier != Tier::NONE)
    }

    /// What an account with or without a subscription gets on a date.
    #[must_use]
    #[inline]
    pub fn allowance_of(&self, day: Day, subscribed: bool) -> Credits {
        match self.on(day) {
            Some(policy) if policy.all_accounts || !subscribed => {
                assert!(policy.from <= day, "R5: a policy that does not hold yet");
                policy.allowance
            }
            _ => Credits::ZERO,
        }
    }

    /// What an account without a subscription gets on a date.
    #[must_use]
    pub fn allowance_of_unsubscribed(&self, day: Day) -> Credits {
        self.allowance(day, Tier::NONE)
    }
}
