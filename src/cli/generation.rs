//! What is to be made: a tool, a model and its settings, as people give them and as numbers of the rate card.

use std::str::FromStr;

use clap::Args;
use protocol::{GenerationSettings, RatesView};

use crate::exit::Failure;
use crate::named::Named;

/// The arguments that reserve, charge and quote have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct What {
    /// The tool's name or number on the rate card.
    #[arg(long, value_name = "TOOL")]
    pub(crate) tool: Option<Named>,
    /// The model's name or number on the rate card.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<Named>,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// How many results are made.
    #[arg(long, default_value_t = 0)]
    pub(crate) count: u16,
}

/// How it is to be made. What is left out is the model's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Settings {
    /// The quality's number for the model; `rates check` lists them.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true, value_parser = id)]
    pub(crate) quality: u8,
    /// The resolution's number for the model.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true, value_parser = id)]
    pub(crate) resolution: u8,
    /// How long the result is, like 5s or 7.5s.
    #[arg(long, value_name = "SECONDS", default_value = "0s", hide_default_value = true)]
    pub(crate) duration: Tenths,
    /// The number of an add-on; may be given several times.
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) add_on: Vec<u8>,
}

/// A duration in tenths of a second; 0 = the model's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tenths(pub(crate) u16);

impl FromStr for Tenths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a duration is seconds with at most one decimal, like 5s or 7.5s".to_owned();
        let number = text.strip_suffix('s').unwrap_or(text);
        let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(tenth) || tenth.len() != 1 {
            return Err(wrong());
        }
        format!("{whole}{tenth}").parse().map(Self).map_err(|_| "the duration is too long: at most 6553.5s".to_owned())
    }
}

/// Tenths of a second, as people read them.
pub(crate) fn seconds(tenths: u16) -> String {
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if tenth == 0 { format!("{whole}s") } else { format!("{whole}.{tenth}s") }
}

/// Reads the number of a quality or a resolution.
fn id(text: &str) -> Result<u8, String> {
    let max = GenerationSettings::ID_MAX;
    text.parse().ok().filter(|id| *id <= max).ok_or_else(|| {
        format!("it is a number of 1 to {max}, or 0 for the model's default; `creditctl rates check` lists them")
    })
}

/// What is to be made, in the protocol's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) tool: u16,
    pub(crate) model: u32,
    pub(crate) settings: u32,
    pub(crate) count: u16,
}

impl What {
    /// Whether the daemon has to be asked for its names.
    pub(crate) fn has_names(&self) -> bool {
        [&self.tool, &self.model].into_iter().flatten().any(|named| named.number().is_none())
    }

    /// The numbers; `rates` may be empty where nothing is named.
    pub(crate) fn resolve(&self, rates: &RatesView) -> Result<Generation, Failure> {
        let tools = rates.tools.as_slice().iter().map(|tool| (tool.tool, tool.key.as_str()));
        let models = rates.models.as_slice().iter().map(|model| (model.model, model.key.as_str()));
        let tool = self.tool.as_ref().map_or(Ok(0), |tool| tool.find("tool", tools))?;
        let model = self.model.as_ref().map_or(Ok(0), |model| model.find("model", models))?;
        Ok(Generation { tool, model, settings: self.settings.word()?, count: self.count })
    }
}

impl Settings {
    /// The settings word.
    pub(crate) fn word(&self) -> Result<u32, Failure> {
        let add_ons = self.add_on.iter().fold(0, |mask, id| mask | 1 << (id - 1));
        GenerationSettings { quality: self.quality, resolution: self.resolution, add_ons, duration_ds: self.duration.0 }
            .pack()
            .ok_or_else(|| Failure::usage("a quality or resolution has a number that is too large"))
    }

    /// One setting of an estimate's line, like `duration=10s`.
    fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no setting: it is NAME=VALUE"))?;
        match name {
            "quality" => self.quality = id(value)?,
            "resolution" => self.resolution = id(value)?,
            "duration" => self.duration = value.parse()?,
            "add-on" => self.add_on.push(
                value
                    .parse()
                    .ok()
                    .filter(|id| (1..=8).contains(id))
                    .ok_or_else(|| "an add-on is a number of 1 to 8".to_owned())?,
            ),
            _ => return Err(format!("{name:?} is no setting; there is quality, resolution, duration, add-on")),
        }
        Ok(())
    }
}

/// A line of an estimate: `[LABEL=]NUMBER/day@TOOL:MODEL[,SETTING=VALUE]...`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it is called in tables; the model's name if nothing is said.
    pub(crate) label: String,
    pub(crate) per_day: u32,
    pub(crate) what: What,
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no line: it is [LABEL=]NUMBER/day@TOOL:MODEL[,SETTING=VALUE]..., like images=30/day@image:imagen-4"
            )
        };
        let (head, tail) = text.split_once('@').ok_or_else(wrong)?;
        let (label, per_day) = match head.split_once('=') {
            Some((label, per_day)) => (Some(label), per_day),
            None => (None, head),
        };
        let per_day = per_day.strip_suffix("/day").and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
        let mut parts = tail.split(',');
        let name = parts.next().unwrap_or_default();
        let (tool, model) = name.split_once(':').ok_or_else(wrong)?;
        if model.is_empty() || tool.is_empty() || label == Some("") {
            return Err(wrong());
        }
        let mut settings = Settings::default();
        parts.try_for_each(|part| settings.set(part))?;
        let named = |name: &str| Named(name.to_owned());
        let what = What { tool: Some(named(tool)), model: Some(named(model)), settings, count: 1 };
        Ok(Self { label: label.unwrap_or(model).to_owned(), per_day, what })
    }
}

#[cfg(test)]
mod tests;
