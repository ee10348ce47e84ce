//! What to do about a request whose outcome is unknown: how the very same one is made again, or where to look.

use std::fmt;

use protocol::{AccountId, HoldId};

/// The way on after exit code 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It changes nothing, or begins anew each time.
    Anew,
    /// The same command line is the same request, with these changes.
    Same {
        /// What the tool has made up, and has to be given now.
        add: Vec<String>,
        /// An argument, and the option that it is in place of: a time from now has become an instant.
        say: Option<(String, &'static str)>,
        /// The hold whose release makes an end of it instead: after that the request can do nothing any more.
        end: Option<Box<(AccountId, HoldId)>>,
    },
    /// Making it again may do something else: where to look first.
    Look(String),
}

impl Again {
    /// The same command line.
    pub(crate) const fn same() -> Self {
        Self::Same { add: Vec::new(), say: None, end: None }
    }

    /// The same command line, with the id where it was made up.
    pub(crate) fn with<T>(argument: &str, given: Option<T>, id: impl fmt::Display) -> Self {
        Self::same().adding(given.is_none().then(|| format!("{argument} {id}")))
    }

    /// And with one argument more.
    pub(crate) fn adding(mut self, argument: Option<String>) -> Self {
        if let Self::Same { add, .. } = &mut self {
            add.extend(argument);
        }
        self
    }

    /// And with one argument in place of an option.
    pub(crate) fn saying(mut self, argument: String, instead_of: &'static str) -> Self {
        if let Self::Same { say, .. } = &mut self {
            *say = Some((argument, instead_of));
        }
        self
    }

    /// And with the hold whose release makes an end of it.
    pub(crate) fn ending(mut self, account: AccountId, hold: HoldId) -> Self {
        if let Self::Same { end, .. } = &mut self {
            *end = Some(Box::new((account, hold)));
        }
        self
    }

    /// The arguments that make the same command line the same request, for programs.
    pub(crate) fn arguments(&self) -> Option<String> {
        let Self::Same { add, say, .. } = self else { return None };
        let all: Vec<&str> = add.iter().chain(say.iter().map(|(said, _)| said)).map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (add, say, end) = match self {
            Self::Anew => return f.write_str("try again"),
            Self::Look(where_to) => return f.write_str(where_to),
            Self::Same { add, say, end } => (add.join(" "), say, end),
        };
        let say = say.as_ref().map(|(said, instead_of)| format!("say {said} in place of {instead_of}"));
        let add = (!add.is_empty()).then(|| format!("add {add}"));
        let changes: Vec<String> = [add, say].into_iter().flatten().collect();
        let changes = if changes.is_empty() { "the same command line".to_owned() } else { changes.join(" and ") };
        write!(f, "the same request again: {changes}")?;
        match end.as_deref() {
            Some((account, hold)) => write!(f, "\nor make an end of it: creditctl hold release {account} {hold}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
