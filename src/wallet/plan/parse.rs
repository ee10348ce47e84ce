//! The catalogue's file: TOML, read as a whole or refused as a whole, with the line and key of what is wrong (R9).
//!
//! `config/plans.toml` is the page that explains every key.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::{
    BUNDLES_MAX, BillingTerm, Bundle, NAME_BYTES_MAX, PLANS_MAX, Plan, PlanCatalog, RetiredPlan, TITLE_BYTES_MAX,
};
use crate::bucket::Bucket;
use crate::catalog_error::{CatalogError, Source};
use crate::catalog_section::{Section, Value};
use crate::command::half;
use crate::ids::{PlanId, Tier};

#[cfg(test)]
mod tests;

const TOP_KEYS: &[&str] = &["version", "retired", "plan", "bundle"];
const PLAN_KEYS: &[&str] = &["id", "name", "title", "tier", "credits", "term", "top_up"];
const RETIRED_KEYS: &[&str] = &["id", "top_up"];
const BUNDLE_KEYS: &[&str] = &["name", "credits"];
const ID_RANGE: std::ops::RangeInclusive<u64> = 1..=u16::MAX as u64;
const TERMS: &[(&str, BillingTerm)] = &[
    (BillingTerm::Monthly.name(), BillingTerm::Monthly),
    (BillingTerm::Quarterly.name(), BillingTerm::Quarterly),
    (BillingTerm::Yearly.name(), BillingTerm::Yearly),
];

/// The catalogue in a file's text. `file` is how errors name it.
///
/// # Errors
/// Where the text is not TOML, has a key that is not known, or says something that cannot be.
pub fn plan_catalog(file: &str, text: &str) -> Result<PlanCatalog, CatalogError> {
    parsed(Source { file, text }).map(|(catalog, _)| catalog)
}

/// The catalogue that is to take the place of `old`: as [`plan_catalog`], every id stays with its name, and those that are
/// gone are retired (R9), with what they allow (R14).
///
/// # Errors
/// As [`plan_catalog`], and where an id is used again or forgotten, or retired with top-ups that its plan did not allow.
pub fn successor(file: &str, text: &str, old: &PlanCatalog) -> Result<PlanCatalog, CatalogError> {
    let (catalog, lines) = parsed(Source { file, text })?;
    let error = |line: Option<u32>, key: &str, message: String| {
        let (file, key, line) = (file.to_owned(), key.to_owned(), line.unwrap_or(1));
        CatalogError { file, line, key, message, hint: None }
    };
    if let Some(reused) = PlanCatalog::reuses_ids(old, &catalog) {
        let line = lines.plans.get(&reused.id).copied();
        return Err(error(line, "plan.id", reused.to_string()).hint("take an id that was never used"));
    }
    if let Some(id) = PlanCatalog::forgotten_id(old, &catalog) {
        let error = error(lines.retired, "retired", format!("plan {id} is gone"));
        let entry = if old.by_id(id).is_some_and(|plan| !plan.top_up) { without_top_up(id) } else { id.to_string() };
        return Err(error.hint(format!("add {entry} to retired")));
    }
    if let Some(id) = PlanCatalog::allows_top_ups(old, &catalog) {
        let message = format!("the subscribers of plan {id} may not buy top-ups");
        let error = error(lines.retired, "retired", message);
        return Err(error.hint(format!("retire it as {}", without_top_up(id))));
    }
    assert!(old.plans.iter().all(|plan| catalog.knows(plan.id)), "R9: every id stays known");
    assert!(old.retired.iter().all(|plan| catalog.retired_plan(plan.id).is_some()), "R9: what is retired stays so");
    let is_kept = |id: PlanId, name: &str| catalog.by_id(id).is_none_or(|plan| plan.name == name);
    assert!(old.plans.iter().all(|plan| is_kept(plan.id, &plan.name)), "R9: a plan keeps its id");
    Ok(catalog)
}

/// How such a plan stands in the list of the retired ones.
fn without_top_up(id: PlanId) -> String {
    format!("{{ id = {id}, top_up = false }}")
}

/// Where things stand in the file.
struct Lines {
    plans: BTreeMap<PlanId, u32>,
    retired: Option<u32>,
}

fn parsed(source: Source<'_>) -> Result<(PlanCatalog, Lines), CatalogError> {
    let document = DeTable::parse(source.text).map_err(|error| CatalogError::from_toml(&source, &error))?;
    let top = Section::top(source, &document, TOP_KEYS)?;
    let version = top.required("version")?.integer(1..=u64::from(u32::MAX))?;
    let retired = retired(&top)?;
    let (plans, lines) = plans(&top, &retired)?;
    let bundles = bundles(&top)?;
    let lines = Lines { plans: lines, retired: top.value("retired").map(|list| list.line()) };
    let catalog = PlanCatalog { plans, bundles, retired, version };
    catalog.assert_whole();
    assert!(lines.plans.len() == catalog.plans.len(), "every plan has its line");
    Ok((catalog, lines))
}

/// A retired plan is its number, or a table where its subscribers may not buy top-ups (R14).
fn retired(top: &Section<'_>) -> Result<Vec<RetiredPlan>, CatalogError> {
    let Some(list) = top.value("retired") else { return Ok(Vec::new()) };
    let mut plans: BTreeMap<PlanId, RetiredPlan> = BTreeMap::new();
    for item in list.list()? {
        let plan = if item.is_table() {
            let section = item.table(RETIRED_KEYS)?;
            let id = PlanId(section.required("id")?.integer(ID_RANGE)?);
            RetiredPlan { id, top_up: section.value("top_up").map_or(Ok(true), |value| value.flag())? }
        } else {
            RetiredPlan { id: PlanId(item.integer(ID_RANGE)?), top_up: true }
        };
        if plans.insert(plan.id, plan).is_some_and(|known| known != plan) {
            return Err(item.error(format!("plan {} is retired with top_up and without", plan.id)));
        }
    }
    Ok(plans.into_values().collect())
}

fn plans(top: &Section<'_>, retired: &[RetiredPlan]) -> Result<(Vec<Plan>, BTreeMap<PlanId, u32>), CatalogError> {
    let sections = top.tables("plan", PLAN_KEYS)?;
    let mut names = BTreeMap::new();
    let mut lines = BTreeMap::new();
    let mut plans: Vec<Plan> = Vec::new();
    for section in limited(&sections, PLANS_MAX, "plans")? {
        let id = id(&section.required("id")?, retired, &mut lines)?;
        let name = name(&section.required("name")?, "plan", &mut names)?;
        plans.push(plan(section, id, name)?);
    }
    plans.sort_unstable_by_key(|plan| plan.id);
    assert!(names.len() == plans.len(), "R9: a name is one plan's");
    assert!(plans.len() <= PLANS_MAX, "I9: plans have a limit");
    Ok((plans, lines))
}

fn plan(section: &Section<'_>, id: PlanId, name: String) -> Result<Plan, CatalogError> {
    let title = section.value("title").map_or_else(|| Ok(name.clone()), |value| value.title(TITLE_BYTES_MAX))?;
    let tier = Tier(section.required("tier")?.integer(1..=u64::from(Tier::MAX.0))?);
    let credits = section.required("credits")?.credits(half(Bucket::Subscription))?;
    let term = section.value("term").map_or(Ok(BillingTerm::Monthly), |value| value.choice(TERMS))?;
    let top_up = section.value("top_up").map_or(Ok(true), |value| value.flag())?;
    Ok(Plan { id, name, title, tier, credits, term, top_up })
}

fn bundles(top: &Section<'_>) -> Result<Vec<Bundle>, CatalogError> {
    let sections = top.tables("bundle", BUNDLE_KEYS)?;
    let mut names = BTreeMap::new();
    let mut bundles: Vec<Bundle> = Vec::new();
    for section in limited(&sections, BUNDLES_MAX, "bundles")? {
        let name = name(&section.required("name")?, "bundle", &mut names)?;
        let value = section.required("credits")?;
        let credits = value.credits(half(Bucket::TopUp))?;
        if credits.is_zero() {
            return Err(value.error("a bundle brings more than 0 credits"));
        }
        bundles.push(Bundle { name, credits });
    }
    assert!(names.len() == bundles.len(), "R14: a name is one bundle's");
    Ok(bundles)
}

/// An id that is neither retired nor taken.
fn id(value: &Value<'_>, retired: &[RetiredPlan], lines: &mut BTreeMap<PlanId, u32>) -> Result<PlanId, CatalogError> {
    let id = PlanId(value.integer(ID_RANGE)?);
    if retired.iter().any(|plan| plan.id == id) {
        return Err(value.error(format!("id {id} is retired")).hint("take an id that was never used"));
    }
    match lines.insert(id, value.line()) {
        None => Ok(id),
        Some(line) => {
            let error = value.error(format!("plan id {id} is used twice"));
            Err(error.hint(format!("it is that of the plan in line {line}")))
        }
    }
}

/// A name that is not taken; names that differ in case only are one.
fn name(value: &Value<'_>, what: &str, names: &mut BTreeMap<String, u32>) -> Result<String, CatalogError> {
    let name = value.name(NAME_BYTES_MAX)?;
    match names.insert(name.to_ascii_lowercase(), value.line()) {
        None => Ok(name),
        Some(line) => {
            let error = value.error(format!("{what} name \"{name}\" is used twice"));
            Err(error.hint(format!("it is that of the {what} in line {line}")))
        }
    }
}

fn limited<'s, 'a>(sections: &'s [Section<'a>], most: usize, what: &str) -> Result<&'s [Section<'a>], CatalogError> {
    match sections.get(most) {
        Some(beyond) => Err(beyond.error(format!("more than {most} {what}"))),
        None => Ok(sections),
    }
}
