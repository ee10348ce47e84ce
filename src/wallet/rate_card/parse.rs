//! The rate card's file: TOML, read as a whole or refused as a whole, with the line and key of what is wrong (R17).
//!
//! `config/rates.toml` is the page that explains every key.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::price::{Choice, PriceError};
use super::{
    MODELS_MAX, Model, NAME_BYTES_MAX, RateCard, Settings, TOOLS_MAX, Tool, reuse::ForgottenId, reuse::ReusedId,
};
use crate::catalog_error::{CatalogError, Source};
use crate::catalog_section::{Section, Value};
use crate::ids::Tier;
use crate::plan::PlanCatalog;

mod model;

const TOP_KEYS: &[&str] = &["version", "defaults", "retired", "tool", "model"];
const TOOL_KEYS: &[&str] = &["id", "name", "title"];

/// The rate card in a file's text. `file` is how errors name it.
///
/// # Errors
/// Where the text is not TOML, has a key that is not known, or says something that cannot be.
pub fn rate_card(file: &str, text: &str) -> Result<RateCard, CatalogError> {
    parsed(Source { file, text }).map(|(card, _)| card)
}

/// The rate card that is to take the place of `old`: as [`rate_card`], ids keep their meaning, those of models that are
/// gone are retired (R17), and other prices have a higher version, so that a version names one card (R18).
///
/// # Errors
/// As [`rate_card`], and where an id is used again or forgotten or the version is not higher.
pub fn successor(file: &str, text: &str, old: &RateCard) -> Result<RateCard, CatalogError> {
    let source = Source { file, text };
    let (card, places) = parsed(source)?;
    if let Some(reused) = RateCard::reuses_ids(old, &card) {
        return Err(places.about(source, &reused));
    }
    if let Some(forgotten) = RateCard::forgotten_id(old, &card) {
        return Err(places.without(source, &forgotten));
    }
    if card != *old && card.version <= old.version {
        let message = format!("a changed card needs a version above {}", old.version);
        let next = old.version.saturating_add(1);
        return Err(error_in(source, line_of(source, Some(&places.version)), "version", message)
            .hint(format!("version = {next}")));
    }
    let is_kept = |id: u32, name: &str| card.model(id).is_none_or(|model| model.name == name);
    assert!(old.models.iter().all(|model| is_kept(model.id, &model.name)), "R17: a model keeps its id");
    let is_known = |id: u32| card.model(id).is_some() || card.retired.contains(&id);
    assert!(old.models.iter().all(|model| is_known(model.id)), "R17: a model that is gone is retired");
    assert!(old.retired.iter().all(|id| card.retired.contains(id)), "R17: what is retired stays so");
    assert!(
        old.tools.iter().all(|tool| card.tool(tool.id).is_some_and(|now| now.name == tool.name)),
        "R17: a tool keeps its id"
    );
    assert!(card == *old || card.version > old.version, "R18: a version names one card");
    Ok(card)
}

/// That some plan reaches every tier that the card in a file's text names (R20): what no plan reaches nobody could use.
/// Without plans tiers are set by hand, and every one is known.
///
/// # Errors
/// As [`rate_card`], and where a tier is above that of every plan.
pub fn known_tiers(file: &str, text: &str, plans: &PlanCatalog) -> Result<(), CatalogError> {
    let source = Source { file, text };
    let (card, places) = parsed(source)?;
    let Some(highest) = plans.all().iter().map(|plan| plan.tier).max() else { return Ok(()) };
    for model in &card.models {
        if let Some(tier) = tiers(model).find(|tier| *tier > highest) {
            let line = line_of_tier(text, line_of(source, places.models.get(&model.id)), tier);
            let message = format!("no plan has tier {} or a higher one", tier.0);
            let hint = format!("the highest tier of a plan is {}", highest.0);
            return Err(error_in(source, line, "model.min_tier", message).hint(hint));
        }
    }
    Ok(())
}

/// Every least tier that a model names.
fn tiers(model: &Model) -> impl Iterator<Item = Tier> {
    let steps = model.qualities.iter().chain(&model.resolutions).map(|step| step.min_tier);
    [model.min_tier].into_iter().chain(steps).chain(model.add_ons.iter().map(|add_on| add_on.min_tier))
}

/// The first line from that of a model on that names a tier.
fn line_of_tier(text: &str, model: u32, tier: Tier) -> u32 {
    assert!(model > 0, "lines are counted from one");
    let numbered = text.lines().zip(1_u32..).skip_while(|(_, line)| *line < model);
    let names = |line: &str| line.contains("min_tier") && line.contains(&tier.0.to_string());
    let line = numbered.into_iter().find(|(line, _)| names(line)).map_or(model, |(_, line)| line);
    assert!(line >= model, "R20: a model's tier stands below its beginning");
    line
}

/// Where things stand in the file: the bytes of the text before them. Their lines are counted where one is told of, because
/// each count reads the text from its start.
struct Places {
    version: usize,
    retired: Option<usize>,
    tools: BTreeMap<u16, usize>,
    models: BTreeMap<u32, usize>,
}

/// The line of a place; the first where nothing has one.
fn line_of(source: Source<'_>, place: Option<&usize>) -> u32 {
    let line = place.map_or(1, |offset| source.line_of(*offset));
    assert!(line > 0, "lines are counted from one");
    line
}

impl Places {
    fn about(&self, source: Source<'_>, reused: &ReusedId) -> CatalogError {
        let model = |id: &u32| self.models.get(id);
        let place = match reused.what {
            "tool" => u16::try_from(reused.id).ok().and_then(|id| self.tools.get(&id)),
            "model" => model(&reused.id),
            _ => reused.model.as_ref().and_then(model),
        };
        let key = if reused.what == "tool" { "tool.id" } else { "model.id" };
        error_in(source, line_of(source, place), key, reused.to_string()).hint("take an id that was never used")
    }

    fn without(&self, source: Source<'_>, forgotten: &ForgottenId) -> CatalogError {
        match forgotten {
            ForgottenId::Tool { .. } => {
                error_in(source, 1, "tool", forgotten.to_string()).hint("keep it; no model needs to name it")
            }
            ForgottenId::Model(id) => {
                let line = line_of(source, self.retired.as_ref());
                error_in(source, line, "retired", forgotten.to_string()).hint(format!("add {id} to retired"))
            }
            ForgottenId::Part { key, model, id, .. } => {
                let line = line_of(source, self.models.get(model));
                let error = error_in(source, line, &format!("model.{key}"), forgotten.to_string());
                error.hint(format!("add {id} to {key}"))
            }
        }
    }
}

fn error_in(source: Source<'_>, line: u32, key: &str, message: String) -> CatalogError {
    CatalogError { file: source.file.to_owned(), line, key: key.to_owned(), message, hint: None }
}

fn parsed(source: Source<'_>) -> Result<(RateCard, Places), CatalogError> {
    let document = DeTable::parse(source.text).map_err(|error| CatalogError::from_toml(&source, &error))?;
    let top = Section::top(source, &document, TOP_KEYS)?;
    let version = top.required("version")?;
    let mut places = Places {
        version: version.start(),
        retired: top.value("retired").map(|list| list.start()),
        tools: BTreeMap::new(),
        models: BTreeMap::new(),
    };
    let version = version.integer(1..=u64::from(u32::MAX))?;
    let retired = retired(&top)?;
    let defaults = model::Defaults::read(&top)?;
    let tools = tools(&top, &mut places)?;
    let models = models(&top, &tools, (&retired, &defaults), &mut places)?;
    let card = RateCard { version, tools, models, retired };
    card.assert_whole();
    assert!(places.tools.len() == card.tools.len(), "every tool has its place");
    assert!(places.models.len() == card.models.len(), "every model has its place");
    Ok((card, places))
}

fn retired(top: &Section<'_>) -> Result<Vec<u32>, CatalogError> {
    let Some(list) = top.value("retired") else { return Ok(Vec::new()) };
    let mut ids: Vec<u32> = Vec::new();
    for item in list.list()? {
        ids.push(item.integer(model::ID_RANGE)?);
    }
    ids.sort_unstable();
    ids.dedup();
    assert!(
        ids.first().is_none_or(|first| model::ID_RANGE.contains(&u64::from(*first))),
        "R17: an id that no model has"
    );
    Ok(ids)
}

fn tools(top: &Section<'_>, places: &mut Places) -> Result<Vec<Tool>, CatalogError> {
    let sections = top.tables("tool", TOOL_KEYS)?;
    let mut once = Once::new("tool");
    let mut tools: Vec<Tool> = Vec::new();
    for section in limited(&sections, TOOLS_MAX, "tools")? {
        let id = once.id(&section.required("id")?, 1..=u64::from(u16::MAX))?;
        let name = once.name(&section.required("name")?)?;
        let title = title(section, &name)?;
        places.tools.insert(id, section.start());
        tools.push(Tool { id, name, title });
    }
    tools.sort_unstable_by_key(|tool| tool.id);
    assert!(once.names.len() == tools.len(), "R17: a name is one tool's");
    if tools.is_empty() {
        return Err(top.error("no tools").hint("a card has at least one [[tool]] and one [[model]]"));
    }
    Ok(tools)
}

fn models(
    top: &Section<'_>,
    tools: &[Tool],
    (retired, defaults): (&[u32], &model::Defaults),
    places: &mut Places,
) -> Result<Vec<Model>, CatalogError> {
    let sections = top.tables("model", model::KEYS)?;
    let mut once = Once::new("model");
    let mut models: Vec<Model> = Vec::new();
    for section in limited(&sections, MODELS_MAX, "models")? {
        let id_value = section.required("id")?;
        let id = once.id(&id_value, model::ID_RANGE)?;
        if retired.contains(&id) {
            return Err(id_value.error(format!("id {id} is retired")).hint("take an id that was never used"));
        }
        let name = once.name(&section.required("name")?)?;
        let model = model::read(section, id, name, tools, defaults)?;
        has_a_price(section, &model)?;
        places.models.insert(id, section.start());
        models.push(model);
    }
    models.sort_unstable_by_key(|model| model.id);
    assert!(once.names.len() == models.len(), "R17: a name is one model's");
    if models.is_empty() {
        return Err(top.error("no models").hint("a card has at least one [[tool]] and one [[model]]"));
    }
    Ok(models)
}

/// A model that has no price as it is asked for by default is a mistake, not a gap.
fn has_a_price(section: &Section<'_>, model: &Model) -> Result<(), CatalogError> {
    match Choice::of_model(model, Settings::default()).and_then(|choice| choice.per_result()) {
        Ok(_) => Ok(()),
        Err(PriceError::Overflow) => Err(section.error(format!("the price of \"{}\" is too large", model.name))),
        Err(PriceError::Unpriced(_) | PriceError::BadSetting(_)) => {
            let error = section.error(format!("\"{}\" has no price for its default settings", model.name));
            Err(error.hint("give it price = ...; 0 is a price"))
        }
    }
}

fn limited<'s, 'a>(sections: &'s [Section<'a>], most: usize, what: &str) -> Result<&'s [Section<'a>], CatalogError> {
    match sections.get(most) {
        Some(beyond) => Err(beyond.error(format!("more than {most} {what}"))),
        None => Ok(sections),
    }
}

/// The title, which is the name where none is given.
fn title(section: &Section<'_>, name: &str) -> Result<String, CatalogError> {
    section.value("title").map_or_else(|| Ok(name.to_owned()), |value| value.title(NAME_BYTES_MAX))
}

/// Ids and names that may stand in a list once.
struct Once {
    what: &'static str,
    ids: BTreeMap<u64, usize>,
    names: BTreeMap<String, usize>,
}

impl Once {
    const fn new(what: &'static str) -> Self {
        Self { what, ids: BTreeMap::new(), names: BTreeMap::new() }
    }

    fn id<T: TryFrom<u64> + Copy + Into<u64>>(
        &mut self,
        value: &Value<'_>,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<T, CatalogError> {
        let id: T = value.integer(range)?;
        match self.ids.insert(id.into(), value.start()) {
            None => Ok(id),
            Some(place) => {
                let line = value.line_of(place);
                let error = value.error(format!("{} id {} is used twice", self.what, id.into()));
                Err(error.hint(format!("it is that of the {} in line {line}", self.what)))
            }
        }
    }

    fn name(&mut self, value: &Value<'_>) -> Result<String, CatalogError> {
        let name = value.name(NAME_BYTES_MAX)?;
        match self.names.insert(name.to_ascii_lowercase(), value.start()) {
            None => Ok(name),
            Some(place) => {
                let line = value.line_of(place);
                let error = value.error(format!("{} name \"{name}\" is used twice", self.what));
                Err(error.hint(format!("it is that of the {} in line {line}", self.what)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
