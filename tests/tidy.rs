//! House rules that no compiler checks: how files open, words that must not be there, tables against the code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wallet::outcome::{
    Outcome, PRECEDENCE_COMMANDS, PRECEDENCE_EVERY, PRECEDENCE_GATES, PRECEDENCE_IDENTITY, PRECEDENCE_SETTLEMENTS,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no .{ending} file under {folder}");
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    ["src", "tests", "benches"].iter().flat_map(|folder| files(folder, "rs")).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_file_opens_with_what_it_is() {
    let silent: Vec<_> = sources().into_iter().filter(|path| !read(path).starts_with("//!")).collect();
    assert!(silent.is_empty(), "without //! on top: {silent:?}");
}

#[test]
fn no_unfinished_marks_and_no_private_paths() {
    let words = [
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("#[ign", "ore"),
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/tmp/", "team"),
        concat!("../sha", "red"),
    ];
    let mut all = sources();
    all.extend(["src", "config", "benches"].iter().flat_map(|folder| {
        let texts = ["md", "toml"].iter();
        texts
            .flat_map(|ending| if has(folder, ending) { files(folder, ending) } else { Vec::new() })
            .collect::<Vec<_>>()
    }));
    all.push(root().join("README.md"));
    for path in all {
        let text = read(&path);
        for word in words {
            assert!(!text.contains(word), "{} contains {word:?}", path.display());
        }
    }
}

fn has(folder: &str, ending: &str) -> bool {
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                return true;
            }
        }
    }
    false
}

#[test]
fn only_the_shell_reads_a_clock() {
    let allowed = ["src/server/clock.rs", "src/cli/", "src/client/", "tests/", "benches/", "/examples/"];
    for path in sources() {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if allowed.iter().any(|allowed| name.contains(allowed)) || name.contains("tests") {
            continue;
        }
        let text = read(&path);
        for call in [concat!("SystemTime", "::now"), concat!("Zoned", "::now"), concat!("Timestamp", "::now")] {
            assert!(!text.contains(call), "{name} calls {call}");
        }
    }
}

#[test]
fn outcome_numbers_are_the_same_on_both_sides_of_the_wire() {
    for outcome in Outcome::ALL {
        let wire = protocol::Outcome::from_u16(outcome.code());
        let wire = wire.unwrap_or_else(|| panic!("the protocol does not know {}", outcome.name()));
        assert_eq!(wire.name(), outcome.name());
    }
    for wire in protocol::Outcome::ALL {
        assert!(Outcome::from_code(wire.number()).is_some(), "the rules do not know {}", wire.name());
    }
}

#[test]
fn outcome_numbers_never_change() {
    let listed: Vec<(u16, &str)> = Outcome::ALL.iter().map(|outcome| (outcome.code(), outcome.name())).collect();
    let for_ever = [
        (1, "granted"),
        (2, "done"),
        (3, "late"),
        (4, "late_uncovered"),
        (10, "bad_request"),
        (11, "unauthorized"),
        (12, "overloaded"),
        (13, "not_durable_now"),
        (14, "draining"),
        (15, "unknown_account"),
        (16, "outcome_unknown"),
        (20, "replayed"),
        (21, "hold_id_reused"),
        (22, "settlement_reused"),
        (23, "payment_reused"),
        (24, "command_id_reused"),
        (25, "already_released"),
        (26, "hold_id_expired"),
        (30, "account_frozen"),
        (31, "unpriced"),
        (32, "price_changed"),
        (33, "debt"),
        (34, "tier_required"),
        (35, "insufficient"),
        (36, "balance_limit"),
        (40, "unknown_hold"),
        (41, "already_settled"),
        (42, "hold_expired"),
        (43, "exceeds_hold"),
        (44, "exceeds_captured"),
        (45, "hold_age_limit"),
        (46, "refund_window_passed"),
        (47, "limit"),
        (50, "account_exists"),
        (51, "already_subscribed"),
        (52, "not_subscribed"),
        (53, "unknown_plan"),
        (54, "subscription_required"),
        (55, "unknown_payment"),
        (56, "not_pending"),
    ];
    assert_eq!(listed, for_ever);
}

#[test]
fn every_refusal_has_a_rank() {
    let tables = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_GATES, PRECEDENCE_SETTLEMENTS, PRECEDENCE_COMMANDS];
    for table in tables {
        let once: BTreeSet<u16> = table.iter().map(|outcome| outcome.code()).collect();
        assert_eq!(once.len(), table.len(), "an outcome twice in one table: {table:?}");
    }
    let ranked: BTreeSet<u16> = tables.iter().flat_map(|table| table.iter()).map(|outcome| outcome.code()).collect();
    let success_or_unknown = [1, 2, 3, 4, 16];
    for outcome in Outcome::ALL {
        let ranked = ranked.contains(&outcome.code());
        assert_eq!(!ranked, success_or_unknown.contains(&outcome.code()), "{}", outcome.name());
    }
}

/// Each row of the protocol follows the lists of the rules: what every request checks, identity, then its own refusals.
#[test]
fn rows_of_precedence_follow_the_lists_of_the_rules() {
    let own = [PRECEDENCE_GATES, PRECEDENCE_SETTLEMENTS, PRECEDENCE_COMMANDS];
    for (request, row) in protocol::precedence::ALL {
        // A commit that draws is insufficient where another one exceeds its hold.
        let drawing = protocol::Outcome::Insufficient;
        let row: Vec<&str> = row
            .iter()
            .filter(|outcome| *request != "commit" || **outcome != drawing)
            .map(|outcome| outcome.name())
            .collect();
        let follows = own.iter().any(|own| {
            let mut order = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, own].concat().into_iter();
            row.iter().all(|refusal| order.any(|outcome| outcome.name() == *refusal))
        });
        assert!(follows, "{request}: {row:?}");
    }
}

/// The numbered lines of OUTCOMES.md are the lists of the rules.
#[test]
fn the_page_of_outcomes_has_the_order_of_the_rules() {
    let page = read(&root().join("src/protocol/OUTCOMES.md"));
    let (_, precedence) = page.split_once("## Precedence").unwrap();
    let tables = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_GATES, PRECEDENCE_SETTLEMENTS, PRECEDENCE_COMMANDS];
    for (number, table) in (1..).zip(tables) {
        let line = precedence.lines().find(|line| line.starts_with(&format!("{number}. "))).unwrap();
        let listed: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let expected: Vec<&str> = table.iter().map(|outcome| outcome.name()).collect();
        assert_eq!(listed, expected, "line {number}");
    }
}

#[test]
fn field_numbers_are_the_same_on_both_sides_of_the_wire() {
    for number in 1..=64_u32 {
        let rules = wallet::outcome::Field::from_code(number).map(wallet::outcome::Field::name);
        let wire = u16::try_from(number).ok().and_then(protocol::Field::from_u16).map(protocol::Field::name);
        assert_eq!(rules, wire, "field {number}");
    }
}

#[test]
fn the_wire_page_lists_every_outcome_and_close_reason() {
    let page = read(&root().join("src/protocol/WIRE.md"));
    for outcome in Outcome::ALL {
        let row = format!("`{}`", outcome.name());
        let listed = page
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&row) && line.contains(&outcome.code().to_string()));
        assert!(listed, "WIRE.md has no row for {} {}", outcome.code(), outcome.name());
    }
}

#[test]
fn files_have_one_subject() {
    let most = 620;
    let long: Vec<_> = files("src", "rs")
        .into_iter()
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, path)| *lines > most && !path.ends_with("tests.rs"))
        .collect();
    assert!(long.is_empty(), "files with more than {most} lines: {long:?}");
}

#[test]
fn the_top_level_is_what_the_readme_says() {
    let allowed: BTreeSet<&str> =
        ["Cargo.toml", "Cargo.lock", "README.md", "src", "benches", "config", "tests", "target"].into();
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || allowed.contains(name.as_str()), "{name} at the top level");
    }
}

#[test]
fn limits_are_the_same_on_both_sides_of_the_wire() {
    assert_eq!(wallet::reserve::AMOUNT_MAX.millis(), protocol::limits::AMOUNT_MAX);
    assert_eq!(protocol::LimitKind::Captures.number(), 1);
    assert_eq!(protocol::LimitKind::Refunds.number(), 2);
    assert_eq!(protocol::LimitKind::PendingTopUps.number(), 6);
    assert_eq!(wallet::settle::SETTLEMENTS_MAX, 255);
    assert_eq!(u32::from(protocol::LimitKind::PendingTopUps.number()), wallet::top_up::LIMIT_PENDING_TOP_UPS);
    assert_eq!(wallet::row::PENDING_TOP_UPS_MAX, protocol::limits::PENDING_TOP_UPS_MAX);
    assert_eq!(wallet::plan::PLANS_MAX, protocol::limits::PLANS_MAX);
    assert_eq!(wallet::plan::BUNDLES_MAX, protocol::limits::BUNDLES_MAX);
    assert_eq!(wallet::rate_card::TOOLS_MAX, protocol::limits::TOOLS_MAX);
    assert_eq!(wallet::rate_card::MODELS_MAX, protocol::limits::MODELS_MAX);
    assert_eq!(wallet::estimate::LINES_MAX, protocol::limits::ESTIMATE_LINES_MAX);
}
