//! What a scenario says at its end: figures with the bars beside them, and what must hold whatever the speed.

use serde_json::{Map, Value, json};

use crate::bench::machine::Machine;
use crate::exit::Exit;
use crate::output::{Shown, list};

/// What a figure is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bar {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Bar {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    const fn value(self) -> f64 {
        match self {
            Self::AtMost(value) | Self::AtLeast(value) => value,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::AtMost(_) => "<=",
            Self::AtLeast(_) => ">=",
        }
    }
}

/// One figure. The unit is the end of its name.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    name: &'static str,
    value: f64,
    bar: Option<Bar>,
}

/// The report of a scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    scenario: &'static str,
    parameters: Vec<(&'static str, Value)>,
    figures: Vec<Figure>,
    notes: Vec<String>,
    /// What was not as it must be.
    violations: Vec<String>,
}

impl Figures {
    /// Nothing yet.
    pub(crate) fn of(scenario: &'static str) -> Self {
        Self { scenario, ..Self::default() }
    }

    /// What was asked for; the last word counts.
    pub(crate) fn parameter(&mut self, name: &'static str, value: impl Into<Value>) {
        self.parameters.retain(|(known, _)| *known != name);
        self.parameters.push((name, value.into()));
    }

    /// What was measured.
    pub(crate) fn figure(&mut self, name: &'static str, value: f64) {
        self.figures.push(Figure { name, value, bar: None });
    }

    /// The same with what it is to reach.
    pub(crate) fn with_bar(&mut self, name: &'static str, value: f64, bar: Bar) {
        self.figures.push(Figure { name, value, bar: Some(bar) });
    }

    /// A line for people who want to know more.
    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.notes.push(line.into());
    }

    /// What must hold; a run in which it does not is a failure.
    pub(crate) fn must(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(otherwise());
        }
    }

    /// Whether every bar is met.
    pub(crate) fn met(&self) -> bool {
        self.figures.iter().all(|figure| figure.bar.is_none_or(|bar| bar.is_met(figure.value)))
    }

    /// Both forms. A missed bar is told; only what was wrong makes the run a failure.
    pub(crate) fn shown(&self, machine: &Machine) -> Shown {
        let exit = if self.violations.is_empty() { Exit::Ok } else { Exit::Bug };
        Shown { json: self.json(machine), text: list(&self.rows(machine)), exit }
    }

    fn json(&self, machine: &Machine) -> Value {
        let parameters: Map<_, _> =
            self.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let figures: Map<_, _> =
            self.figures.iter().map(|figure| (figure.name.to_owned(), json!(rounded(figure.value)))).collect();
        let bars = self.figures.iter().filter_map(|figure| {
            let bar = figure.bar?;
            Some(json!({
                "figure": figure.name,
                "value": rounded(figure.value),
                "is": bar.sign(),
                "bar": bar.value(),
                "met": bar.is_met(figure.value),
            }))
        });
        json!({
            "scenario": self.scenario,
            "parameters": parameters,
            "machine": machine,
            "figures": figures,
            "bars": bars.collect::<Vec<_>>(),
            "met": self.met(),
            "violations": self.violations,
            "notes": self.notes,
        })
    }

    fn rows(&self, machine: &Machine) -> Vec<(&'static str, String)> {
        let mut rows = vec![("scenario", self.scenario.to_owned())];
        rows.extend(self.parameters.iter().map(|(name, value)| (*name, plain(value))));
        rows.extend(self.figures.iter().map(|Figure { name, value, bar }| {
            let value = rounded(*value);
            let bar = bar.map_or_else(String::new, |bar| {
                let met = if bar.is_met(value) { "met" } else { "missed" };
                format!("  (bar {} {}: {met})", bar.sign(), bar.value())
            });
            (*name, format!("{value}{bar}"))
        }));
        rows.extend(self.notes.iter().map(|note| ("", note.clone())));
        rows.push(("machine", machine.line()));
        rows.extend(self.violations.iter().map(|violation| ("WRONG", violation.clone())));
        rows
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Thousandths are enough of any figure.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests;
