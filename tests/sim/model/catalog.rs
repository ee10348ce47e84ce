//! The plans and bundles of a simulated world, as the model reads them (R9, R14).

use super::subscription::Terms;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub(crate) terms: Terms,
    pub(crate) months: u32,
    pub(crate) top_up: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bundle {
    pub(crate) name: &'static str,
    pub(crate) credits: u64,
}

/// What is on offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Catalog {
    pub(crate) plans: &'static [Plan],
    pub(crate) bundles: &'static [Bundle],
}

const fn plan(plan: u16, tier: u8, credits: u64, months: u32, top_up: bool) -> Plan {
    Plan { terms: Terms { plan, tier, credits }, months, top_up }
}

impl Catalog {
    pub(crate) const EMPTY: Self = Self { plans: &[], bundles: &[] };

    /// What the files of a world say one after the other: credits change, plans and bundles come and go.
    pub(crate) const ALL: [Self; 3] = [
        Self {
            plans: &[
                plan(1, 1, 40_000, 1, true),
                plan(2, 2, 90_500, 3, true),
                plan(3, 3, 200_001, 12, true),
                plan(4, 1, 10_000, 1, false),
                // As much as a bucket takes.
                plan(5, 5, (1 << 37) - 1, 1, true),
            ],
            bundles: &[Bundle { name: "small", credits: 5_000 }, Bundle { name: "large", credits: 50_000 }],
        },
        Self {
            plans: &[plan(1, 1, 45_000, 1, true), plan(2, 2, 70_000, 3, false), plan(6, 4, 300_000, 12, true)],
            bundles: &[Bundle { name: "small", credits: 6_000 }],
        },
        Self {
            plans: &[plan(3, 3, 120_000, 1, true), plan(4, 2, 33_333, 3, true), plan(7, 7, 999_999, 12, true)],
            bundles: &[Bundle { name: "large", credits: 40_000 }, Bundle { name: "odd", credits: 73_500 }],
        },
    ];

    pub(crate) fn plan(&self, id: u16) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.terms.plan == id)
    }

    pub(crate) fn bundle(&self, name: &str) -> Option<u64> {
        self.bundles.iter().find(|bundle| bundle.name == name).map(|bundle| bundle.credits)
    }

    /// The plan to move to for so many credits a cycle: the lowest above the tier that has them; where none has as
    /// many, the one above it with the most (R40).
    pub(super) fn upgrade(&self, tier: u8, needed: u64) -> u32 {
        let mut above: Vec<&Plan> = self.plans.iter().filter(|plan| plan.terms.tier > tier).collect();
        above.sort_by_key(|plan| (plan.terms.tier, plan.terms.credits, plan.months, plan.terms.plan));
        let enough = above.iter().find(|plan| plan.terms.credits >= needed);
        let most = above.iter().map(|plan| plan.terms.credits).max();
        let best = enough.or_else(|| above.iter().find(|plan| Some(plan.terms.credits) == most));
        best.map_or(0, |plan| u32::from(plan.terms.plan))
    }
}
