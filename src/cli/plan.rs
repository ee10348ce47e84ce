//! `creditctl plan list|show|check`.

use std::path::PathBuf;

use clap::Subcommand;
use protocol::{BundleView, PlanView, PlansView};
use serde_json::{Value, json};
use wallet::plan::PlanCatalog;
use wallet::plan::parse::plan_catalog;

use crate::amount::Amount;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::named::Named;
use crate::output::{Shown, list, table};
use crate::tool::Tool;

/// What is done with plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the daemon's plans and bundles.
    List,
    /// Show one plan.
    Show {
        /// Its name or number.
        plan: Named,
    },
    /// Check a file of plans without a daemon; exit code 78 if it is wrong.
    Check {
        /// The file.
        file: PathBuf,
    },
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        match self {
            Self::List => Ok(catalogue(&tool.plans().await?)),
            Self::Show { plan } => show(&tool.plans().await?, &plan),
            Self::Check { file } => Ok(checked(&file.display().to_string(), &files::read(&file, plan_catalog)?)),
        }
    }
}

/// Plans and bundles.
fn catalogue(view: &PlansView) -> Shown {
    let plans: Vec<Vec<String>> = view.plans.as_slice().iter().map(row).collect();
    let bundles: Vec<Vec<String>> = (view.bundles.as_slice().iter())
        .map(|bundle| vec![bundle.name.as_str().to_owned(), Amount(bundle.credits).to_string()])
        .collect();
    let mut text = table(&["plan", "number", "tier", "credits a cycle", "paid", "top-up"], &plans);
    if !bundles.is_empty() {
        text.push_str(&format!("\n{}", table(&["bundle", "credits"], &bundles)));
    }
    let json = json!({
        "version": view.version,
        "plans": view.plans.as_slice().iter().map(plan_json).collect::<Vec<_>>(),
        "bundles": view.bundles.as_slice().iter().map(bundle_json).collect::<Vec<_>>(),
    });
    Shown { json, text, exit: Exit::Ok }
}

fn row(plan: &PlanView) -> Vec<String> {
    vec![
        plan.name.as_str().to_owned(),
        plan.plan.to_string(),
        plan.tier.to_string(),
        Amount(plan.credits).to_string(),
        plan.term.name().to_owned(),
        yes(plan.top_up).to_owned(),
    ]
}

const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn plan_json(plan: &PlanView) -> Value {
    json!({
        "id": plan.plan,
        "name": plan.name.as_str(),
        "title": plan.title.as_str(),
        "tier": plan.tier,
        "credits_per_cycle": Amount(plan.credits),
        "term": plan.term.name(),
        "top_up_allowed": plan.top_up,
    })
}

fn bundle_json(bundle: &BundleView) -> Value {
    json!({ "name": bundle.name.as_str(), "credits": Amount(bundle.credits) })
}

/// One plan out of all of them. One that is not there is refused as the daemon would refuse it.
fn show(view: &PlansView, plan: &Named) -> Result<Shown, Failure> {
    let plans = view.plans.as_slice();
    let id = plan.find("plan", plans.iter().map(|plan| (plan.plan, plan.name.as_str())))?;
    let Some(found) = plans.iter().find(|plan| plan.plan == id) else {
        return Err(Failure::new(Exit::Refused, "unknown_plan", format!("there is no plan with the number {id}")));
    };
    let rows = [
        ("plan", found.name.as_str().to_owned()),
        ("title", found.title.as_str().to_owned()),
        ("number", found.plan.to_string()),
        ("tier", found.tier.to_string()),
        ("credits a cycle", Amount(found.credits).to_string()),
        ("paid", found.term.name().to_owned()),
        ("top-up", yes(found.top_up).to_owned()),
    ];
    Ok(Shown { json: plan_json(found), text: list(&rows), exit: Exit::Ok })
}

/// A file that is right, and what is in it.
fn checked(file: &str, catalog: &PlanCatalog) -> Shown {
    let rows: Vec<Vec<String>> = (catalog.all().iter())
        .map(|plan| {
            let credits = Amount(plan.credits.millis()).to_string();
            vec![
                plan.name.clone(),
                plan.id.0.to_string(),
                plan.tier.0.to_string(),
                credits,
                plan.term.name().to_owned(),
                yes(plan.top_up).to_owned(),
            ]
        })
        .collect();
    let (plans, bundles, version) = (catalog.all().len(), catalog.bundles().len(), catalog.version());
    let mut text = table(&["plan", "number", "tier", "credits a cycle", "paid", "top-up"], &rows);
    text.push_str(&format!("{file} is right: version {version}, {plans} plans, {bundles} bundles\n"));
    let json = json!({ "file": file, "ok": true, "version": version, "plans": plans, "bundles": bundles });
    Shown { json, text, exit: Exit::Ok }
}

#[cfg(test)]
mod tests;
