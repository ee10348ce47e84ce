//! Command lines make operations that a daemon takes.

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Noun};

const ID: &str = "01234567-89ab-7def-8123-456789abcdef";

fn verb(line: &str) -> Verb {
    let line = format!("creditctl hold {line}").replace("ID", ID);
    match Arguments::try_parse_from(line.split_whitespace()).unwrap().noun {
        Noun::Hold { verb } => verb,
        other => panic!("{other:?}"),
    }
}

fn numbers(what: &What) -> Generation {
    what.resolve(&protocol::RatesView::default()).unwrap()
}

fn made(line: &str) -> Operation {
    match verb(line) {
        Verb::Reserve(reserve) => reserve.operation(numbers(&reserve.make.what)),
        Verb::Charge(make) => make.operation(OperationKind::Charge, numbers(&make.what)),
        Verb::Commit(commit) => commit.operation(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reserve_says_all_that_was_asked_for() {
    let reserve =
        made("reserve ID 73.5 --hold ID --ttl 10m --sources free,top-up --tool 1 --model 2 --count 3 --min-tier 4");
    assert_eq!(reserve.check(), Ok(()));
    assert_eq!((reserve.amount, reserve.ttl_ms), (73_500, 600_000));
    assert_eq!(reserve.sources, Sources::FREE.with(Sources::TOP_UP));
    assert_eq!((reserve.tool, reserve.model, reserve.count, reserve.min_tier), (1, 2, 3, 4));
    assert_eq!(reserve.hold.to_string(), ID);
}

#[test]
fn a_reserve_without_more_takes_the_defaults_and_a_new_id() {
    let (first, second) = (made("reserve ID 24"), made("reserve ID 24"));
    assert_eq!(first.check(), Ok(()));
    assert_ne!(first.hold, second.hold);
    assert!(first.hold.time_ms().is_some());
    assert_eq!((first.ttl_ms, first.sources), (0, Sources::ALL));
}

#[test]
fn commits_of_all_a_part_and_one_of_several() {
    let all = made("commit ID ID");
    let part = made("commit ID ID 20.5");
    let more = made("commit ID ID 20.5 --number 2 --not-final");
    for commit in [all, part, more] {
        assert_eq!(commit.check(), Ok(()));
    }
    assert!(all.flags.contains(OperationFlags::ALL.with(OperationFlags::FINAL)));
    assert_eq!((part.amount, part.number, part.flags), (20_500, 1, OperationFlags::FINAL));
    assert_eq!((more.number, more.flags), (2, OperationFlags::NONE));
}

#[test]
fn a_charge_of_a_pro_model() {
    let charge = made("charge ID 5 --pro-model");
    assert_eq!(charge.check(), Ok(()));
    assert!(charge.flags.contains(OperationFlags::PRO_MODEL));
}

/// R18: without an amount the daemon prices what is to be made.
#[test]
fn a_reserve_without_an_amount_is_priced_by_the_daemon() {
    let priced = made("reserve ID --tool 3 --model 301 --quality 1 --duration 8s --add-on 2 --count 4");
    assert_eq!(priced.check(), Ok(()));
    assert_eq!((priced.flags, priced.amount), (OperationFlags::PRICED, 0));
    assert_eq!((priced.tool, priced.model, priced.count), (3, 301, 4));
    assert_eq!(priced.settings, 1 | 0b10 << 8 | 80 << 16);
    let expected = made("charge ID --tool 3 --model 301 --expect 210");
    assert_eq!(expected.check(), Ok(()));
    assert_eq!((expected.flags, expected.amount), (OperationFlags::PRICED, 210_000));
}
