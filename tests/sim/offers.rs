//! The plan catalogues and rate cards of a simulated world: for the model as tables, for the engine as files.

use std::fmt::Write as _;
use std::sync::Arc;

use wallet::plan::PlanCatalog;
use wallet::plan::parse::plan_catalog;
use wallet::rate_card::RateCard;
use wallet::rate_card::parse::rate_card;

use super::model::catalog::Catalog;
use super::model::prices::{Card, thousandths};
use super::random::Random;

/// What is on offer now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offers {
    pub(crate) catalog: Catalog,
    pub(crate) card: Card,
    version: u32,
}

impl Offers {
    pub(crate) const fn new() -> Self {
        Self { catalog: Catalog::ALL[0], card: Card { version: 1 }, version: 1 }
    }

    /// Other files are read: another catalogue, a later card, or both.
    pub(crate) fn reload(&mut self, random: &mut Random) {
        self.version += 1;
        if random.once_in_1000(600) {
            self.catalog = random.pick(&Catalog::ALL);
        }
        if random.once_in_1000(600) {
            self.card = Card { version: self.version };
        }
    }

    pub(crate) fn plans(&self) -> Arc<PlanCatalog> {
        let mut text = format!("version = {}\n", self.version);
        for plan in self.catalog.plans {
            let terms = plan.terms;
            let term = match plan.months {
                1 => "monthly",
                3 => "quarterly",
                _ => "yearly",
            };
            writeln!(text, "[[plan]]\nid = {}\nname = \"plan-{}\"\ntier = {}", terms.plan, terms.plan, terms.tier)
                .unwrap();
            writeln!(text, "credits = {}\nterm = \"{term}\"\ntop_up = {}", thousandths(terms.credits), plan.top_up)
                .unwrap();
        }
        for bundle in self.catalog.bundles {
            writeln!(text, "[[bundle]]\nname = \"{}\"\ncredits = {}", bundle.name, thousandths(bundle.credits))
                .unwrap();
        }
        Arc::new(plan_catalog("plans.toml", &text).unwrap())
    }

    pub(crate) fn rates(&self) -> Arc<RateCard> {
        Arc::new(rate_card("rates.toml", &self.card.text()).unwrap())
    }
}
