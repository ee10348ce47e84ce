//! What is different between two catalogues, in lines that people read.

use std::collections::BTreeMap;

use wallet::plan::{Bundle, Plan};
use wallet::rate_card::{Model, Tool};

use crate::catalogue::Catalogue;

/// The differences: plans, bundles, tools, models, in this order.
pub(super) fn between(before: &Catalogue, after: &Catalogue) -> Vec<String> {
    let mut lines = Vec::new();
    let plan = |plan: &Plan| (plan.id.0, plan.clone());
    compare("plan", before.plans.all().iter().map(plan), after.plans.all().iter().map(plan), &mut lines);
    let bundle = |bundle: &Bundle| (bundle.name.clone(), bundle.clone());
    compare("bundle", before.plans.bundles().iter().map(bundle), after.plans.bundles().iter().map(bundle), &mut lines);
    let tool = |tool: &Tool| (tool.id, tool.clone());
    compare("tool", before.rates.tools().iter().map(tool), after.rates.tools().iter().map(tool), &mut lines);
    let model = |model: &Model| (model.id, model.clone());
    compare("model", before.rates.models().iter().map(model), after.rates.models().iter().map(model), &mut lines);
    lines
}

/// Something of a catalogue that a reload can change.
trait Listed: PartialEq {
    fn name(&self) -> &str;
    /// What of it is different, in a few words.
    fn change(&self, after: &Self) -> String;
}

impl Listed for Plan {
    fn name(&self) -> &str {
        &self.name
    }

    fn change(&self, after: &Self) -> String {
        if self.credits == after.credits {
            return "changed".to_owned();
        }
        format!("{} -> {} credits a cycle", self.credits, after.credits)
    }
}

impl Listed for Bundle {
    fn name(&self) -> &str {
        &self.name
    }

    fn change(&self, after: &Self) -> String {
        format!("{} -> {} credits", self.credits, after.credits)
    }
}

impl Listed for Tool {
    fn name(&self) -> &str {
        &self.name
    }

    fn change(&self, _: &Self) -> String {
        "changed".to_owned()
    }
}

impl Listed for Model {
    fn name(&self) -> &str {
        &self.name
    }

    fn change(&self, after: &Self) -> String {
        match (self.base, after.base) {
            (Some(before), Some(after)) if before != after => format!("price {before} -> {after}"),
            _ if prices(self) != prices(after) => "prices changed".to_owned(),
            _ => "changed".to_owned(),
        }
    }
}

/// Everything of a model that its prices come from.
fn prices(model: &Model) -> impl PartialEq + use<'_> {
    let Model { unit, base, qualities, resolutions, durations, prices, add_ons, .. } = model;
    (unit, base, qualities, resolutions, durations, prices, add_ons)
}

fn compare<K: Ord, T: Listed>(
    what: &str,
    before: impl Iterator<Item = (K, T)>,
    after: impl Iterator<Item = (K, T)>,
    lines: &mut Vec<String>,
) {
    let (before, after): (BTreeMap<K, T>, BTreeMap<K, T>) = (before.collect(), after.collect());
    for (_, gone) in before.iter().filter(|(key, _)| !after.contains_key(key)) {
        lines.push(format!("{what} {} removed", gone.name()));
    }
    for (key, now) in &after {
        match before.get(key) {
            None => lines.push(format!("{what} {} added", now.name())),
            Some(was) if was != now => lines.push(format!("{what} {}: {}", now.name(), was.change(now))),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
