//! Plans, tools, models and settings as people give them: by name, or by number.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use protocol::PlansView;

use crate::exit::Failure;

/// A name on one of the daemon's lists, or its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named(pub(crate) String);

impl FromStr for Named {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Named {
    /// The number, where it is one: then no list is needed.
    pub(crate) fn number(&self) -> Option<u32> {
        self.0.parse().ok().filter(|_| self.0.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Finds the number on a list of names; a text of digits is a number, unless something has that name.
    pub(crate) fn find<'a, N>(&self, what: &str, list: impl Iterator<Item = (N, &'a str)> + Clone) -> Result<N, Failure>
    where
        N: TryFrom<u32> + PartialEq + Copy,
    {
        if let Some((number, _)) = list.clone().find(|(_, name)| *name == self.0) {
            return Ok(number);
        }
        if let Some(number) = self.number() {
            return N::try_from(number)
                .map_err(|_| Failure::usage(format!("the number {self} is too large for a {what}")));
        }
        Err(Failure::usage(unknown(what, &self.0, list.map(|(_, name)| name))))
    }
}

/// The names of plans by number, as far as the daemon told them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlanNames(pub(crate) BTreeMap<u16, String>);

impl From<&PlansView> for PlanNames {
    fn from(view: &PlansView) -> Self {
        Self(view.plans.as_slice().iter().map(|plan| (plan.plan, plan.name.as_str().to_owned())).collect())
    }
}

impl PlanNames {
    /// A plan, for people.
    pub(crate) fn of(&self, plan: u16) -> String {
        self.0.get(&plan).map_or_else(|| format!("plan number {plan}"), |name| format!("plan {name}"))
    }
}

/// Says what there is instead, the most alike first.
fn unknown<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> String {
    /// Names that a message lists at most.
    const SHOWN: usize = 6;
    let mut names: Vec<&str> = names.collect();
    names.sort_by_key(|other| std::cmp::Reverse(alike(name, other)));
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => format!("no {what} is named {name}: the daemon has none"),
        (false, 0) => format!("no {what} is named {name}; there is {}", names.join(", ")),
        (false, more) => format!("no {what} is named {name}; there is {} and {more} more", names.join(", ")),
    }
}

/// Bytes that two names have in common at their beginning, and whether one is within the other.
fn alike(name: &str, other: &str) -> (usize, bool) {
    let common = name.bytes().zip(other.bytes()).take_while(|(one, two)| one.eq_ignore_ascii_case(two)).count();
    (common, other.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANS: [(u16, &str); 3] = [(1, "basic"), (2, "pro"), (7, "2")];

    fn find(text: &str) -> Result<u16, Failure> {
        Named(text.to_owned()).find("plan", PLANS.into_iter())
    }

    #[test]
    fn names_come_before_numbers() {
        assert_eq!(find("pro"), Ok(2));
        assert_eq!(find("2"), Ok(7));
        assert_eq!(find("3"), Ok(3));
    }

    #[test]
    fn what_is_unknown_is_a_usage_error_that_says_what_there_is() {
        let failure = find("prow").unwrap_err();
        assert_eq!(failure.message, "no plan is named prow; there is pro, basic, 2");
        assert_eq!(failure.exit, crate::exit::Exit::Usage);
        assert_eq!(find("70000").unwrap_err().message, "the number 70000 is too large for a plan");
        let none = Named("x".to_owned()).find::<u16>("plan", std::iter::empty()).unwrap_err();
        assert_eq!(none.message, "no plan is named x: the daemon has none");
    }

    #[test]
    fn plans_are_shown_by_name_where_there_is_one() {
        let names = PlanNames(BTreeMap::from([(31, "pro".to_owned())]));
        assert_eq!((names.of(31), names.of(9)), ("plan pro".to_owned(), "plan number 9".to_owned()));
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(Named("12".to_owned()).number(), Some(12));
        for text in ["", "+1", "4K", "99999999999"] {
            assert_eq!(Named(text.to_owned()).number(), None, "{text}");
        }
    }
}
