//! `creditctl estimate` (R21).

use std::str::FromStr;

use clap::Args;
use protocol::{Command, CommandAnswer, EstimateLine, EstimateView, List, View};
use serde_json::{Value, json};

use crate::amount::Amount;
use crate::answer_view;
use crate::exit::{Exit, Failure};
use crate::generation::Line;
use crate::output::{Shown, list};
use crate::tool::Tool;

/// `estimate`.
#[derive(Debug, Args)]
pub(crate) struct Estimate {
    /// What is made each day: [LABEL=]NUMBER/day@TOOL:MODEL[,SETTING=VALUE]..., like images=30/day@image:imagen-4 or
    /// 10/day@video:kling-2.6,duration=10s,quality=2. May be given several times.
    #[arg(long = "line", value_name = "LINE", required = true)]
    lines: Vec<Line>,
    /// Working days of a month.
    #[arg(long, default_value_t = 22, value_parser = clap::value_parser!(u16).range(1..))]
    days: u16,
    /// What is added for retries and trials, in percent: 20-30, or 25.
    #[arg(long, value_name = "PERCENT", default_value = "20-30")]
    buffer: Buffer,
}

/// The smaller and the larger buffer, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buffer {
    least: u8,
    most: u8,
}

impl FromStr for Buffer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.strip_suffix('%').unwrap_or(text);
        let (least, most) = text.split_once('-').unwrap_or((text, text));
        match (least.parse(), most.parse()) {
            (Ok(least), Ok(most)) if least <= most => Ok(Self { least, most }),
            _ => Err("a buffer is a percentage of 0 to 255, or a smaller and a larger one, like 20-30".to_owned()),
        }
    }
}

impl Estimate {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let rates =
            if self.lines.iter().any(|line| line.what.has_names()) { tool.rates().await? } else { Default::default() };
        let answer = tool.look(&self.command(&rates)?).await?;
        Ok(self.shown(&answer))
    }

    fn command(&self, rates: &protocol::RatesView) -> Result<Command, Failure> {
        let line = |line: &Line| {
            let numbers = line.what.resolve(rates)?;
            let (tool, model, settings) = (numbers.tool, numbers.model, numbers.settings);
            Ok(EstimateLine { tool, model, settings, per_day: line.per_day })
        };
        let lines = self.lines.iter().map(line).collect::<Result<Vec<_>, Failure>>()?;
        Ok(Command::Estimate {
            lines: List::new(lines).map_err(|error| Failure::usage(format!("too many lines: {error}")))?,
            days: self.days,
            buffer_percent_min: self.buffer.least,
            buffer_percent_max: self.buffer.most,
        })
    }

    fn shown(&self, answer: &CommandAnswer) -> Shown {
        let View::Estimate(view) = &answer.view else { return answer_view::command(&[], answer) };
        Shown { json: self.json(view), text: list(&self.rows(view)), exit: Exit::Ok }
    }

    fn rows(&self, view: &EstimateView) -> Vec<(&'static str, String)> {
        let mut rows: Vec<(&'static str, String)> =
            self.lines.iter().map(|line| ("a day", format!("{} {}", line.per_day, line.label))).collect();
        let buffer = format!("{} to {}", Amount(view.with_buffer_min), Amount(view.with_buffer_max));
        rows.push(("days", self.days.to_string()));
        rows.push(("need", Amount(view.need).to_string()));
        rows.push(("with buffer", format!("{buffer} ({} to {} %)", self.buffer.least, self.buffer.most)));
        rows.push(("cheapest plan", plan(view).unwrap_or_else(|| "none is large enough".to_owned())));
        rows.push(("rate card", format!("version {}", view.version)));
        rows
    }

    fn json(&self, view: &EstimateView) -> Value {
        let lines = |line: &Line| json!({ "label": line.label, "per_day": line.per_day });
        json!({
            "lines": self.lines.iter().map(lines).collect::<Vec<_>>(),
            "days": self.days,
            "need": Amount(view.need),
            "with_buffer": { "min": Amount(view.with_buffer_min), "max": Amount(view.with_buffer_max) },
            "buffer_percent": { "min": self.buffer.least, "max": self.buffer.most },
            "plan_id": if view.plan == 0 { Value::Null } else { json!(view.plan) },
            "plan": plan(view),
            "rates_version": view.version,
        })
    }
}

/// The cheapest plan that covers it.
fn plan(view: &EstimateView) -> Option<String> {
    match (view.plan, view.plan_name.as_str()) {
        (0, _) => None,
        (number, "") => Some(format!("number {number}")),
        (_, name) => Some(name.to_owned()),
    }
}

#[cfg(test)]
mod tests;
