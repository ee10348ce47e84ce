//! The plan catalogue of an engine: set and read, and what answers tell of it. No record depends on it: what a command
//! takes from a plan is in its record (I8).

use std::sync::Arc;

use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{PlanId, Tier};
use crate::plan::PlanCatalog;
use crate::slot::Slot;
use crate::sync::{AtomicU64, Ordering};
use crate::word::Snapshot;

/// The plans whose subscribers may not buy top-up credits, one bit a plan: read by every answer, without a lock.
pub(crate) struct WithoutTopUp(Box<[AtomicU64]>);

const WORDS: usize = 1 << 10;

const _: () = assert!(WORDS * 64 > u16::MAX as usize, "R14: every plan has its bit");

impl Default for WithoutTopUp {
    fn default() -> Self {
        Self((0..WORDS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl WithoutTopUp {
    fn contains(&self, plan: PlanId) -> bool {
        // Relaxed: each bit is complete in itself.
        let word = self.0.get(usize::from(plan.0 >> 6)).map_or(0, |word| word.load(Ordering::Relaxed));
        word >> (plan.0 & 63) & 1 == 1
    }

    fn set(&self, catalog: &PlanCatalog) {
        let mut words = vec![0_u64; WORDS];
        for plan in catalog.without_top_up() {
            if let Some(word) = words.get_mut(usize::from(plan.0 >> 6)) {
                *word |= 1 << (plan.0 & 63);
            }
        }
        assert!(words.len() == self.0.len(), "R14: every plan has its bit");
        let noted: u32 = words.iter().map(|word| word.count_ones()).sum();
        assert!(usize::try_from(noted) == Ok(catalog.without_top_up().count()), "R14: no other plan is noted");
        for (word, new) in self.0.iter().zip(words) {
            word.store(new, Ordering::Relaxed);
        }
        assert!(catalog.without_top_up().all(|plan| self.contains(plan)), "R14: a plan is found as it was noted");
    }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Sets the plans on offer. Subscriptions keep what they were journaled with until a plan command changes them.
    pub fn set_plans(&self, catalog: Arc<PlanCatalog>) {
        catalog.assert_whole();
        let mut plans = self.plans.write();
        self.without_top_up.set(&catalog);
        *plans = catalog;
    }

    /// The plans on offer.
    pub fn plans(&self) -> Arc<PlanCatalog> {
        Arc::clone(&self.plans.read())
    }

    /// Whether a top-up of any amount would be accepted now (R14): there is a subscription, and its plan allows it.
    pub(crate) fn top_up_allowed(&self, slot: &Slot, word: &Snapshot) -> bool {
        word.tier > Tier::NONE && !self.without_top_up.contains(slot.plan())
    }

    /// The number of the plan that a wallet of this tier would have to move to for so many credits a cycle (R40); zero
    /// for none. For refusals: it reads the catalogue under its lock.
    pub(crate) fn upgrade_to(&self, tier: Tier, needed: Credits) -> u32 {
        self.plans.read().upgrade_for(tier, needed).map_or(0, |plan| u32::from(plan.id.0))
    }
}
