//! The lines that a reload answers.

use std::sync::Arc;

use wallet::plan::parse::plan_catalog;
use wallet::rate_card::parse::rate_card;

use super::*;

const PLANS: &str = "version = 1\n[[plan]]\nid = 1\nname = \"pro\"\ntier = 1\ncredits = 10\n";
const RATES: &str = "version = 1\n[[tool]]\nid = 1\nname = \"image\"\n[[model]]\nid = 1\nname = \"flux\"\n\
    tools = [\"image\"]\nprice = 24\n";

fn catalogue(plans: &str, rates: &str) -> Catalogue {
    Catalogue {
        plans: Arc::new(plan_catalog("plans.toml", plans).expect("good")),
        rates: Arc::new(rate_card("rates.toml", rates).expect("good")),
    }
}

fn lines(plans: &str, rates: &str) -> Vec<String> {
    between(&catalogue(PLANS, RATES), &catalogue(plans, rates))
}

#[test]
fn nothing_changed() {
    assert_eq!(lines(PLANS, RATES), [""; 0]);
    assert_eq!(lines(&PLANS.replace("version = 1", "version = 2"), RATES), [""; 0]);
}

#[test]
fn plans_and_bundles_that_came_and_went() {
    let bundle = format!("{PLANS}[[bundle]]\nname = \"small\"\ncredits = 300\n");
    assert_eq!(lines(&bundle, RATES), ["bundle small added"]);
    let other = PLANS.replace("id = 1", "id = 2").replace("pro", "ultra");
    assert_eq!(lines(&other, RATES), ["plan pro removed", "plan ultra added"]);
    assert_eq!(
        lines(&PLANS.replace("credits = 10", "credits = 73.5"), RATES),
        ["plan pro: 10 -> 73.5 credits a cycle"]
    );
    assert_eq!(lines(&PLANS.replace("tier = 1", "tier = 2"), RATES), ["plan pro: changed"]);
}

#[test]
fn models_whose_prices_changed() {
    assert_eq!(lines(PLANS, &RATES.replace("price = 24", "price = 30")), ["model flux: price 24 -> 30"]);
    let steps = format!("{RATES}qualities = [{{ id = 1, name = \"high\", times = 2 }}]\n");
    assert_eq!(lines(PLANS, &steps), ["model flux: prices changed"]);
    assert_eq!(lines(PLANS, &format!("{RATES}pro = true\n")), ["model flux: changed"]);
}
