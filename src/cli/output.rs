//! Where results go: tables and JSON to standard output, sentences about failures to standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::again::Again;
use crate::arguments::Format;
use crate::exit::{Exit, Failure};

/// A result in both forms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) json: Value,
    pub(crate) text: String,
    pub(crate) exit: Exit,
}

/// Prints a result and says how to end. A pipe that nobody reads is not an error of this program.
pub(crate) fn print(format: Format, result: Result<Shown, Failure>) -> ExitCode {
    let (exit, standard, error) = match (format, result) {
        (Format::Table, Ok(shown)) => (shown.exit, shown.text, String::new()),
        (Format::Json, Ok(shown)) => (shown.exit, pretty(&shown.json), String::new()),
        (Format::Table, Err(failure)) => (failure.exit, String::new(), failure_text(&failure)),
        (Format::Json, Err(failure)) => (failure.exit, pretty(&failure_json(&failure)), String::new()),
    };
    let _ = io::stdout().write_all(standard.as_bytes());
    let _ = io::stderr().write_all(error.as_bytes());
    ExitCode::from(exit as u8)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A failure in sentences.
pub(crate) fn failure_text(failure: &Failure) -> String {
    let again = advice(failure).map_or_else(String::new, |advice| format!("\n{advice}"));
    format!("creditctl: {}{again}\n", failure.message)
}

fn failure_json(failure: &Failure) -> Value {
    let same_id = failure.again.as_ref().and_then(Again::arguments);
    let advice = advice(failure);
    json!({ "error": { "code": failure.code, "message": failure.message, "same_id": same_id, "advice": advice } })
}

/// What to do where the outcome is unknown; any other failure says it all.
fn advice(failure: &Failure) -> Option<String> {
    failure.again.as_ref().filter(|_| failure.exit == Exit::OutcomeUnknown).map(Again::to_string)
}

/// Labels and values, one a line; the values begin in one column.
pub(crate) fn list(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(label, value)| format!("{label:width$}  {value}\n")).collect()
}

/// A table: the first column to the left, numbers to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&title| title.to_owned()).collect();
    let lines = || std::iter::once(&header).chain(rows);
    let width = |column: usize| lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in lines() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            if column == 0 {
                text.push_str(&format!("{cell:width$}"));
            } else {
                text.push_str(&format!("  {cell:>width$}"));
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
