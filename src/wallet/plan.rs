//! The plan catalogue: what can be subscribed to, and the bundles of top-up credits (R9, R14).

use std::fmt;

use crate::bucket::Bucket;
use crate::credits::Credits;
use crate::ids::{PlanId, Tier};

pub mod parse;

/// The most plans of a catalogue.
pub const PLANS_MAX: usize = 256;

/// The most bundles of a catalogue.
pub const BUNDLES_MAX: usize = 64;

/// The longest name of a plan or bundle, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The longest title of a plan, in bytes.
pub const TITLE_BYTES_MAX: usize = 128;

/// How often a plan is paid for. Credits are refreshed monthly whatever the term (R9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BillingTerm {
    /// Paid every month: one refresh a term.
    Monthly = 1,
    /// Paid every three months: three refreshes a term.
    Quarterly = 2,
    /// Paid every year: twelve refreshes a term.
    Yearly = 3,
}

impl BillingTerm {
    /// All terms, shortest first.
    pub const ALL: [Self; 3] = [Self::Monthly, Self::Quarterly, Self::Yearly];

    /// The months, and so the refreshes, of a term.
    #[must_use]
    pub const fn months(self) -> u32 {
        match self {
            Self::Monthly => 1,
            Self::Quarterly => 3,
            Self::Yearly => 12,
        }
    }

    /// The word for it in the catalogue's file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }
}

const _: () = assert!(BillingTerm::ALL[0].months() == 1, "R9: a monthly term is one cycle");
const _: () = assert!(BillingTerm::ALL[0].months() < BillingTerm::ALL[1].months(), "R9: terms stand shortest first");
const _: () = assert!(BillingTerm::ALL[1].months() < BillingTerm::ALL[2].months(), "R9: terms stand shortest first");
const _: () = assert!(PLANS_MAX <= u16::MAX as usize, "R9: every plan has a number");
const _: () = assert!(NAME_BYTES_MAX <= TITLE_BYTES_MAX, "R9: the title is the name where none is given");

/// A plan of the catalogue (R9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The number that requests and records name it by; never reused.
    pub id: PlanId,
    /// The key that people name it by, such as `pro`.
    pub name: String,
    /// What it is called on a page, such as `Pro`.
    pub title: String,
    /// The tier that it gives, 1 to 15.
    pub tier: Tier,
    /// The credits of each monthly cycle.
    pub credits: Credits,
    /// How often it is paid for.
    pub term: BillingTerm,
    /// Whether its subscribers may buy top-up credits (R14).
    pub top_up: bool,
}

impl Plan {
    /// What a subscription takes from the plan.
    #[must_use]
    pub const fn terms(&self) -> PlanTerms {
        PlanTerms { plan: self.id, tier: self.tier, allocation: self.credits, term: self.term }
    }
}

/// What a subscription takes from a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanTerms {
    /// The plan.
    pub plan: PlanId,
    /// Its tier.
    pub tier: Tier,
    /// Its credits a cycle.
    pub allocation: Credits,
    /// How often it is paid for.
    pub term: BillingTerm,
}

/// Top-up credits that are sold together (R14).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle {
    /// The key that it is bought by.
    pub name: String,
    /// What it brings.
    pub credits: Credits,
}

/// What is left of a plan that is no longer on offer: it may still have subscribers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetiredPlan {
    /// Its number, which no other plan gets.
    pub id: PlanId,
    /// Whether its subscribers may buy top-up credits (R14).
    pub top_up: bool,
}

/// The plans and bundles on offer, as [`parse::plan_catalog`] reads them. Ids and names are unique.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PlanCatalog {
    /// By id.
    plans: Vec<Plan>,
    /// In the order of the file.
    bundles: Vec<Bundle>,
    /// Plans that are no longer on offer, by id.
    retired: Vec<RetiredPlan>,
    version: u32,
}

impl PlanCatalog {
    /// The version that the file names.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// All plans, by id.
    #[must_use]
    pub fn all(&self) -> &[Plan] {
        &self.plans
    }

    /// All bundles, in the order of the file.
    #[must_use]
    pub fn bundles(&self) -> &[Bundle] {
        &self.bundles
    }

    /// The plans that are no longer on offer, by id.
    #[must_use]
    pub fn retired(&self) -> &[RetiredPlan] {
        &self.retired
    }

    /// The plans whose subscribers may not buy top-up credits, those that are no longer on offer among them (R14).
    pub fn without_top_up(&self) -> impl Iterator<Item = PlanId> {
        let plans = self.plans.iter().filter(|plan| !plan.top_up).map(|plan| plan.id);
        plans.chain(self.retired.iter().filter(|plan| !plan.top_up).map(|plan| plan.id))
    }

    /// The plan of an id.
    #[must_use]
    pub fn by_id(&self, id: PlanId) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == id)
    }

    /// The plan of a name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name)
    }

    /// The bundle of a name.
    #[must_use]
    pub fn bundle(&self, name: &str) -> Option<&Bundle> {
        self.bundles.iter().find(|bundle| bundle.name == name)
    }

    /// The plan with the fewest credits a month that cover the need, of those whose tier may use what is to be made (R20,
    /// R21). Of equal ones the lowest tier, then the shortest term, then the lowest id: none binds its subscriber longer
    /// than the need asks for.
    #[must_use]
    pub fn cheapest_covering(&self, need: Credits, min_tier: Tier) -> Option<&Plan> {
        self.plans
            .iter()
            .filter(|plan| plan.credits >= need && plan.tier >= min_tier)
            .min_by_key(|plan| (plan.credits, plan.tier, plan.term, plan.id))
    }

    /// The lowest plan above a tier that brings at least `needed` credits a cycle; where none brings as many, the
    /// one above the tier that brings the most (R40, `upgrade_to`).
    #[must_use]
    pub fn upgrade_for(&self, tier: Tier, needed: Credits) -> Option<&Plan> {
        let above = || self.plans.iter().filter(|plan| plan.tier > tier);
        assert!(tier <= Tier::MAX, "R9: a tier that no word holds");
        let enough = above()
            .filter(|plan| plan.credits >= needed)
            .min_by_key(|plan| (plan.tier, plan.credits, plan.term, plan.id));
        assert!(enough.is_none_or(|plan| plan.tier > tier), "R40: an upgrade goes up");
        enough.or_else(|| above().min_by_key(|plan| (std::cmp::Reverse(plan.credits), plan.tier, plan.term, plan.id)))
    }

    /// The first id of `old` that `new` gives to another name, or to a plan although it was retired. `None` means that
    /// the new catalogue may take the old one's place (R9).
    #[must_use]
    pub fn reuses_ids(old: &Self, new: &Self) -> Option<ReusedPlanId> {
        let reused = new.plans.iter().find_map(|plan| {
            let was = match old.by_id(plan.id) {
                Some(known) if known.name != plan.name => Some(known.name.clone()),
                Some(_) => return None,
                None if old.retired_plan(plan.id).is_some() => None,
                None => return None,
            };
            Some(ReusedPlanId { id: plan.id, was, is: plan.name.clone() })
        });
        assert!(reused.as_ref().is_none_or(|of| old.knows(of.id)), "R9: an id that is used again was used before");
        reused
    }

    /// The first id of `old` that `new` does not know any more, neither as a plan nor as a retired one. Each catalogue
    /// keeps all ids of the one before it: so none is used again however many come in between (R9).
    #[must_use]
    pub fn forgotten_id(old: &Self, new: &Self) -> Option<PlanId> {
        let ids = old.plans.iter().map(|plan| plan.id).chain(old.retired.iter().map(|plan| plan.id));
        let forgotten = ids.filter(|id| !new.knows(*id)).min();
        assert!(forgotten.is_none_or(|id| !id.is_none()), "R9: a plan has an id");
        assert!(forgotten.is_none_or(|id| old.knows(id)), "R9: what is forgotten was known");
        forgotten
    }

    /// The first plan without top-ups of `old` that `new` retires with them: its subscribers could buy all at once what
    /// their plan does not allow (R14).
    #[must_use]
    pub fn allows_top_ups(old: &Self, new: &Self) -> Option<PlanId> {
        let without = |id: PlanId| old.by_id(id).is_some_and(|plan| !plan.top_up);
        new.retired.iter().find(|plan| plan.top_up && without(plan.id)).map(|plan| plan.id)
    }

    /// What holds of a catalogue however it was read: ids and names are unique, what a plan gives fits a word (R9).
    pub(crate) fn assert_whole(&self) {
        assert!(self.plans.len() <= PLANS_MAX, "I9: plans have a limit");
        assert!(self.bundles.len() <= BUNDLES_MAX, "I9: bundles have a limit");
        assert!(self.plans.is_sorted_by(|one, next| one.id < next.id), "R9: an id is one plan's");
        assert!(self.retired.is_sorted_by(|one, next| one.id < next.id), "R9: a plan is retired once");
        for plan in &self.plans {
            assert!(!plan.id.is_none(), "R9: a plan has an id");
            assert!(self.retired_plan(plan.id).is_none(), "R9: a retired id is no plan's");
            assert!(self.by_name(&plan.name) == Some(plan), "R9: a name is one plan's");
            assert!((1..=NAME_BYTES_MAX).contains(&plan.name.len()), "R9: a plan has a name, which has a limit");
            assert!((1..=TITLE_BYTES_MAX).contains(&plan.title.len()), "R9: a plan has a title, which has a limit");
            assert!(plan.tier > Tier::NONE, "R9: a plan has a tier");
            assert!(plan.tier <= Tier::MAX, "R9: a tier that no word holds");
            assert!(plan.credits <= crate::command::half(Bucket::Subscription), "R9: credits that no gift may bring");
        }
        for bundle in &self.bundles {
            assert!(!bundle.credits.is_zero(), "R14: a bundle of nothing");
            assert!((1..=NAME_BYTES_MAX).contains(&bundle.name.len()), "R14: a bundle has a name, which has a limit");
            let namesakes = self.bundles.iter().filter(|known| known.name == bundle.name).count();
            assert!(namesakes == 1, "R14: a name is one bundle's");
            assert!(bundle.credits <= crate::command::half(Bucket::TopUp), "R14: credits that no gift may bring");
        }
    }

    fn knows(&self, id: PlanId) -> bool {
        self.by_id(id).is_some() || self.retired_plan(id).is_some()
    }

    fn retired_plan(&self, id: PlanId) -> Option<&RetiredPlan> {
        self.retired.iter().find(|plan| plan.id == id)
    }
}

/// A plan's id that a new catalogue gives to something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReusedPlanId {
    /// The id.
    pub id: PlanId,
    /// The name that it belongs to; none for a plan that was retired.
    pub was: Option<String>,
    /// The name that the new catalogue gives it.
    pub is: String,
}

/// One sentence, for logs and answers.
impl fmt::Display for ReusedPlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, was, is } = self;
        match was {
            Some(was) => write!(f, "plan id {id} belongs to \"{was}\" and cannot be that of \"{is}\""),
            None => write!(f, "plan id {id} was retired and cannot be that of \"{is}\""),
        }
    }
}
