//! OUTCOMES.md is checked against the code: every outcome once, its numbers and names, and the rows of precedence.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::vectors::{self, Meaning, Value};
use crate::{OperationKind, precedence};

const PAGE: &str = include_str!("../OUTCOMES.md");

/// An entry of the page.
struct Entry {
    number: u16,
    name: String,
    /// What stands after each label.
    parts: Vec<(String, String)>,
}

impl Entry {
    fn part(&self, label: &str) -> &str {
        let found = self.parts.iter().find(|(found, _)| found == label);
        &found.unwrap_or_else(|| panic!("{} says nothing about {label}", self.name)).1
    }

    fn outcome(&self) -> Outcome {
        Outcome::from_u16(self.number).unwrap()
    }
}

/// `### 35 `insufficient``, and below it `- **Meaning.** …` and so on, each over one line or more.
fn entries() -> Vec<Entry> {
    let sections = PAGE.split("\n### ").skip(1);
    sections
        .map(|section| {
            let section = section.split("\n## ").next().unwrap();
            let (head, body) = section.split_once('\n').unwrap();
            let (number, name) = head.split_once(" `").unwrap();
            let parts = body.split("- **").skip(1).map(|part| {
                let (label, text) = part.split_once(".** ").unwrap();
                (label.to_owned(), text.split_whitespace().collect::<Vec<_>>().join(" "))
            });
            let name = name.strip_suffix('`').unwrap().to_owned();
            Entry { number: number.parse().unwrap(), name, parts: parts.collect() }
        })
        .collect()
}

/// The rows of the precedence table: a request, and its refusals.
fn rows() -> Vec<(String, Vec<String>)> {
    let table = PAGE.split_once("| request |").unwrap().1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let mut names = quoted(line);
        let request = names.remove(0);
        (request, names)
    })
    .collect()
}

/// The numbered lines above the table: the order of the rules.
fn order_of_the_rules() -> Vec<Vec<String>> {
    let start = PAGE.split_once("## Precedence").unwrap().1;
    (1..=5)
        .map(|number| {
            let line = start.lines().find(|line| line.starts_with(&format!("{number}. "))).unwrap();
            quoted(line)
        })
        .collect()
}

/// What stands between backticks.
fn quoted(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// R40: no number is missing, none is there twice, none has another name.
#[test]
fn every_outcome_has_one_entry() {
    let entries: Vec<(u16, String)> = entries().into_iter().map(|entry| (entry.number, entry.name)).collect();
    let outcomes: Vec<(u16, String)> =
        Outcome::ALL.iter().map(|outcome| (outcome.number(), outcome.name().to_owned())).collect();
    assert_eq!(entries, outcomes);
}

/// A number that the page calls free has no outcome, and every other one below the highest has one.
#[test]
fn free_numbers_are_listed() {
    let section = PAGE.split_once("## Numbers without an outcome\n\n").unwrap().1;
    let list = section.split(" are not given").next().unwrap().replace(" and ", " ").replace('\n', " ");
    let mut free = BTreeSet::new();
    for span in list.split(',').map(str::trim) {
        match span.split_once(" to ") {
            Some((first, last)) => free.extend(first.parse::<u16>().unwrap()..=last.parse().unwrap()),
            None => {
                let (number, up) = span.strip_suffix(" up").map_or((span, false), |number| (number, true));
                let number: u16 = number.parse().unwrap();
                free.extend(number..=if up { u16::MAX } else { number });
            }
        }
    }
    for number in 0..=u16::MAX {
        assert_eq!(free.contains(&number), Outcome::from_u16(number).is_none(), "{number}");
    }
}

/// Each entry says four things, and they agree with what the code says of the outcome.
#[test]
fn every_entry_says_what_when_what_next_and_what_it_carries() {
    for entry in entries() {
        let labels: Vec<&str> = entry.parts.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["Meaning", "When", "Next", "Carries"], "{}", entry.name);
        assert!(entry.parts.iter().all(|(_, text)| text.ends_with('.')), "{}: sentences", entry.name);
        let outcome = entry.outcome();
        assert_eq!(entry.part("Next").starts_with("Same id"), outcome.is_retryable(), "{}", entry.name);
        assert_eq!(entry.part("Carries").starts_with("`detail` = field."), outcome.names_field(), "{}", entry.name);
    }
}

/// What WIRE.md says in its short table is no more than what the entry carries.
#[test]
fn entries_carry_what_the_wire_page_says() {
    for row in crate::document::table("Outcomes") {
        let entries = entries();
        let entry = entries.iter().find(|entry| entry.name == row[1]).unwrap();
        for carried in ["detail", "amount", "time"] {
            let said = row[3].contains(&format!("{carried} ="));
            let carries = entry.part("Carries").contains(&format!("`{carried}` ="));
            assert!(carries || !said, "{} does not say what {carried} is", entry.name);
        }
    }
}

#[test]
fn the_rows_of_precedence_are_those_of_the_code() {
    let code: Vec<(String, Vec<String>)> = precedence::ALL
        .iter()
        .map(|(name, outcomes)| {
            ((*name).to_owned(), outcomes.iter().map(|outcome| outcome.name().to_owned()).collect())
        })
        .collect();
    assert_eq!(rows(), code);
}

/// Every operation and command has a row of its own name.
#[test]
fn every_request_has_its_row() {
    let row = |name: &str| precedence::ALL.iter().find(|(found, _)| *found == name).map(|(_, outcomes)| *outcomes);
    let mut named = BTreeSet::new();
    for kind in OperationKind::ALL {
        assert_eq!(row(kind.name()), Some(kind.precedence()));
        named.insert(kind.name());
    }
    for vector in vectors::all() {
        if let Meaning::Frame(_, Value::Command(command)) = vector.meaning {
            assert_eq!(row(command.name()), Some(command.precedence()));
            named.insert(command.name());
        }
    }
    assert_eq!(named.len(), precedence::ALL.len());
}

/// R40: a row never turns the order of the rules around, and no success is in it.
#[test]
fn rows_follow_the_order_of_the_rules() {
    let [every, identity, gates, settlements, commands] = order_of_the_rules().try_into().unwrap();
    for (request, refusals) in rows() {
        let settles = matches!(request.as_str(), "commit" | "release" | "refund" | "extend" | "show_hold");
        let gated = matches!(request.as_str(), "reserve" | "charge" | "quote" | "estimate");
        let own = match () {
            () if settles => &settlements,
            () if gated => &gates,
            () => &commands,
        };
        let order: Vec<&String> = every.iter().chain(&identity).chain(own).collect();
        let mut next = 0;
        for refusal in refusals.iter().filter(|refusal| !(request == "commit" && *refusal == "insufficient")) {
            let found = order[next..].iter().position(|found| *found == refusal);
            next += 1 + found.unwrap_or_else(|| panic!("{request}: {refusal} is out of order"));
        }
    }
}

/// Every refusal can happen somewhere.
#[test]
fn every_refusal_has_a_rank() {
    let ranked: BTreeSet<Outcome> = precedence::ALL.iter().flat_map(|(_, outcomes)| outcomes.iter().copied()).collect();
    for outcome in Outcome::ALL {
        let unranked = outcome.is_success() || *outcome == Outcome::OutcomeUnknown;
        assert_eq!(ranked.contains(outcome), !unranked, "{outcome}");
    }
}
