//! The file between the two phases: a line for everything that was asked, and one for everything that was acknowledged.
//!
//! A line that the writer could not finish has no line feed and is left out.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use protocol::{AccountId, HoldId};

use crate::amount::Amount;
use crate::exit::Failure;

/// One request of the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The scheduler sets credits aside.
    Reserve { hold: HoldId, amount: Amount },
    /// The billing service captures; the rest goes back.
    Commit { hold: HoldId, amount: Amount },
    /// The scheduler gives the hold back.
    Release { hold: HoldId },
    /// The billing service gives back what was captured.
    Refund { hold: HoldId, amount: Amount },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserve { hold, amount } => write!(f, "reserve {hold} {amount}"),
            Self::Commit { hold, amount } => write!(f, "commit {hold} {amount}"),
            Self::Release { hold } => write!(f, "release {hold}"),
            Self::Refund { hold, amount } => write!(f, "refund {hold} {amount}"),
        }
    }
}

impl FromStr for Step {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let (name, hold, amount) = match words[..] {
            ["release", hold] => return Ok(Self::Release { hold: hold.parse().map_err(drop)? }),
            [name, hold, amount] => (name, hold.parse().map_err(drop)?, amount.parse().map_err(drop)?),
            _ => return Err(()),
        };
        match name {
            "reserve" => Ok(Self::Reserve { hold, amount }),
            "commit" => Ok(Self::Commit { hold, amount }),
            "refund" => Ok(Self::Refund { hold, amount }),
            _ => Err(()),
        }
    }
}

/// The file, being written.
#[derive(Debug)]
pub(crate) struct Book {
    file: File,
}

impl Book {
    /// Begins a book about a workspace.
    pub(crate) fn create(path: &Path, workspace: AccountId) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| cannot(path, &error))?;
        let mut book = Self { file };
        book.write(&format!("workspace {workspace}\n"))?;
        book.sync()?;
        Ok(book)
    }

    /// A step is about to be sent.
    pub(crate) fn asked(&mut self, step: Step) -> Result<(), Failure> {
        self.write(&format!("asked {step}\n"))
    }

    /// A step was acknowledged: from here on it must survive.
    pub(crate) fn done(&mut self, step: Step) -> Result<(), Failure> {
        self.write(&format!("done {step}\n"))?;
        self.sync()
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        self.file.write_all(line.as_bytes()).map_err(|error| Failure::configuration(format!("the state file: {error}")))
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.file.sync_data().map_err(|error| Failure::configuration(format!("the state file: {error}")))
    }
}

/// What a book says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) workspace: AccountId,
    /// What was acknowledged, in its order.
    pub(crate) done: Vec<Step>,
    /// What was asked last and never acknowledged.
    pub(crate) in_doubt: Option<Step>,
}

impl Told {
    /// Reads a book.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| cannot(path, &error))?;
        Self::parse(&text)
            .ok_or_else(|| Failure::configuration(format!("{} is no state file of an example", path.display())))
    }

    fn parse(text: &str) -> Option<Self> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.lines();
        let workspace = lines.next()?.strip_prefix("workspace ")?.parse().ok()?;
        let mut told = Self { workspace, done: Vec::new(), in_doubt: None };
        for line in lines {
            if let Some(step) = line.strip_prefix("asked ") {
                told.in_doubt = Some(step.parse().ok()?);
            } else {
                told.done.push(line.strip_prefix("done ")?.parse().ok()?);
                told.in_doubt = None;
            }
        }
        Some(told)
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::configuration(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
