//! `creditctl rates list|check`.

use std::path::PathBuf;

use clap::Subcommand;
use protocol::{ModelView, RatesView};
use serde_json::{Value, json};
use wallet::rate_card::parse::rate_card;
use wallet::rate_card::{Durations, Generation, Model, RateCard};

use crate::amount::Amount;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::generation::seconds;
use crate::output::{Shown, list, table};
use crate::tool::Tool;

/// What is done with the rate card.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the daemon's tools and models with their base prices.
    List,
    /// Check a rate card's file without a daemon, and list what its settings are numbered; exit code 78 if it is wrong.
    Check {
        /// The file.
        file: PathBuf,
    },
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        match self {
            Self::List => Ok(card(&tool.rates().await?)),
            Self::Check { file } => Ok(checked(&file.display().to_string(), &files::read(&file, rate_card)?)),
        }
    }
}

/// The rate card of the daemon.
fn card(view: &RatesView) -> Shown {
    let version = if view.version == 0 { "none".to_owned() } else { view.version.to_string() };
    let tools: Vec<Vec<String>> =
        (view.tools.as_slice().iter()).map(|tool| vec![tool.key.as_str().to_owned(), tool.tool.to_string()]).collect();
    let models: Vec<Vec<String>> = view.models.as_slice().iter().map(row).collect();
    let text = format!(
        "{}\n{}\n{}",
        list(&[("rate card", version)]),
        table(&["tool", "number"], &tools),
        table(&["model", "number", "price", "for a", "tier", "pro"], &models)
    );
    let json = json!({
        "version": view.version,
        "tools": view.tools.as_slice().iter().map(|tool| json!({
            "id": tool.tool, "name": tool.key.as_str(), "title": tool.name.as_str(),
        })).collect::<Vec<_>>(),
        "models": view.models.as_slice().iter().map(model_json).collect::<Vec<_>>(),
    });
    Shown { json, text, exit: Exit::Ok }
}

fn row(model: &ModelView) -> Vec<String> {
    vec![
        model.key.as_str().to_owned(),
        model.model.to_string(),
        Amount(model.price).to_string(),
        model.unit.as_str().to_owned(),
        model.min_tier.to_string(),
        if model.pro { "pro" } else { "" }.to_owned(),
    ]
}

fn model_json(model: &ModelView) -> Value {
    json!({
        "id": model.model,
        "name": model.key.as_str(),
        "title": model.name.as_str(),
        "price": Amount(model.price),
        "unit": model.unit.as_str(),
        "min_tier": model.min_tier,
        "pro": model.pro,
    })
}

/// A file that is right, with the numbers of its settings.
fn checked(file: &str, card: &RateCard) -> Shown {
    let rows: Vec<Vec<String>> = card.models().iter().map(|model| checked_row(card, model)).collect();
    let (version, tools, models) = (card.version(), card.tools().len(), card.models().len());
    let mut text = table(&["model", "number", "usual price", "tools"], &rows);
    let settings: Vec<(&str, String)> = (card.models().iter())
        .map(|model| (model.name.as_str(), settings(model)))
        .filter(|(_, settings)| !settings.is_empty())
        .collect();
    text.push_str(&format!("\nsettings and their numbers:\n{}\n", list(&settings)));
    text.push_str(&format!("{file} is right: version {version}, {tools} tools, {models} models\n"));
    let models: Vec<Value> = card.models().iter().map(|model| checked_json(card, model)).collect();
    let json = json!({ "file": file, "ok": true, "version": version, "tools": tools, "models": models });
    Shown { json, text, exit: Exit::Ok }
}

fn checked_row(card: &RateCard, model: &Model) -> Vec<String> {
    let price = usual_price(card, model).map_or_else(|| "none".to_owned(), |price| price.to_string());
    vec![model.name.clone(), model.id.to_string(), price, tools(card, model).collect::<Vec<_>>().join(" ")]
}

/// What can be chosen, with the numbers that requests name it by.
fn settings(model: &Model) -> String {
    [
        ("quality", steps(&model.qualities)),
        ("resolution", steps(&model.resolutions)),
        ("duration", durations(&model.durations)),
        ("add-on", files::numbered(model.add_ons.iter().map(|add_on| (add_on.id, add_on.name.as_str())))),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .map(|(name, values)| format!("{name} {values}"))
    .collect::<Vec<_>>()
    .join(" · ")
}

/// What one result of the model's defaults costs; `None` where the card has a price only for others.
fn usual_price(card: &RateCard, model: &Model) -> Option<Amount> {
    let tool = *model.tools.first()?;
    let generation = Generation { tool, model: model.id, settings: 0, count: 1 };
    card.price(&generation).ok().map(|priced| Amount(priced.amount.millis()))
}

fn tools<'a>(card: &'a RateCard, model: &'a Model) -> impl Iterator<Item = &'a str> {
    model.tools.iter().filter_map(|id| card.tool(*id)).map(|tool| tool.name.as_str())
}

fn steps(steps: &[wallet::rate_card::Step]) -> String {
    files::numbered(steps.iter().map(|step| (step.id, step.name.as_str())))
}

fn durations(durations: &Durations) -> String {
    match durations {
        Durations::None => String::new(),
        Durations::Listed { listed, .. } => {
            listed.iter().map(|duration| seconds(duration.tenths)).collect::<Vec<_>>().join(" ")
        }
        Durations::Range { min, max, step, .. } => {
            format!("{} to {} by {}", seconds(*min), seconds(*max), seconds(*step))
        }
    }
}

fn checked_json(card: &RateCard, model: &Model) -> Value {
    let steps = |steps: &[wallet::rate_card::Step]| -> Vec<Value> {
        steps.iter().map(|step| json!({ "id": step.id, "name": step.name })).collect()
    };
    json!({
        "id": model.id,
        "name": model.name,
        "tools": tools(card, model).collect::<Vec<_>>(),
        "usual_price": usual_price(card, model),
        "qualities": steps(&model.qualities),
        "resolutions": steps(&model.resolutions),
        "durations": durations(&model.durations),
        "add_ons": (model.add_ons.iter())
            .map(|add_on| json!({ "id": add_on.id, "name": add_on.name }))
            .collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
