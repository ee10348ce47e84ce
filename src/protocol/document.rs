//! WIRE.md is checked against the code: its tables, its limits and its worked examples.

#![allow(clippy::unwrap_used)]

use crate::limits::{self, HEADER_BYTES};
use crate::{CloseReason, Field, FrameKind, LimitKind, Outcome, vectors};

const WIRE: &str = include_str!("WIRE.md");

/// The rows of the first table below a heading, without its head; cells without their backticks.
pub(crate) fn table(heading: &str) -> Vec<Vec<String>> {
    let start = WIRE
        .lines()
        .position(|line| line.trim_start_matches('#').trim() == heading && line.starts_with('#'))
        .unwrap_or_else(|| panic!("WIRE.md has no heading {heading}"));
    WIRE.lines()
        .skip(start)
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().replace('`', "")).collect()
        })
        .collect()
}

/// The first two cells of each row: a number and a name.
fn numbers(heading: &str) -> Vec<(u16, String)> {
    table(heading).into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect()
}

#[test]
fn every_number_is_in_the_document() {
    let named = |number: u16, name: &str| (number, name.to_owned());
    let outcomes = Outcome::ALL.iter().map(|it| named(it.number(), it.name()));
    assert_eq!(numbers("Outcomes"), outcomes.collect::<Vec<_>>());
    let fields = Field::ALL.iter().map(|it| named(it.number(), it.name()));
    assert_eq!(numbers("Fields"), fields.collect::<Vec<_>>());
    let limits = LimitKind::ALL.iter().map(|it| named(it.number(), it.name()));
    assert_eq!(numbers("Limits of the domain"), limits.collect::<Vec<_>>());
    let reasons = CloseReason::ALL.iter().map(|it| named(it.number(), it.name()));
    assert_eq!(numbers("Close reasons"), reasons.collect::<Vec<_>>());
    let kinds = FrameKind::ALL.iter().map(|it| named(u16::from(it.number()), it.name()));
    assert_eq!(numbers("Frame kinds"), kinds.collect::<Vec<_>>());
}

#[test]
fn every_command_is_in_the_document() {
    let mut commands: Vec<(u32, String)> = vectors::all()
        .iter()
        .filter_map(|vector| match &vector.meaning {
            vectors::Meaning::Frame(_, vectors::Value::Command(command)) => {
                let number = vector.bytes[HEADER_BYTES..].first_chunk().copied().map(u32::from_le_bytes);
                Some((number.unwrap(), command.name().to_owned()))
            }
            _ => None,
        })
        .collect();
    commands.sort();
    commands.dedup();
    let rows: Vec<(u32, String)> =
        table("Commands").into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect();
    assert_eq!(rows, commands);
}

#[test]
fn every_body_limit_is_in_the_document() {
    for (row, kind) in table("Frame kinds").iter().zip(FrameKind::ALL) {
        assert_eq!(row[3].replace(',', ""), kind.body_bytes_max().to_string(), "{kind}");
    }
}

#[test]
fn every_limit_is_in_the_document() {
    let text = |max: usize| max.to_string();
    let expected = [
        ("operations in a frame", limits::FRAME_OPERATIONS_MAX.to_string()),
        ("body bytes", limits::BODY_BYTES_MAX.to_string()),
        ("client_name bytes", text(limits::CLIENT_NAME_BYTES_MAX)),
        ("server_name bytes", text(limits::SERVER_NAME_BYTES_MAX)),
        ("auth_token bytes", text(limits::AUTH_TOKEN_BYTES_MAX)),
        ("zone bytes", text(limits::ZONE_BYTES_MAX)),
        ("reason bytes", text(limits::REASON_BYTES_MAX)),
        ("name bytes", text(limits::KEY_BYTES_MAX)),
        ("title bytes", text(limits::TITLE_BYTES_MAX)),
        ("unit bytes", text(limits::UNIT_BYTES_MAX)),
        ("change bytes", text(limits::CHANGE_BYTES_MAX)),
        ("reload error bytes", text(limits::RELOAD_ERROR_BYTES_MAX)),
        ("close text bytes", text(limits::CLOSE_TEXT_BYTES_MAX)),
        ("amount", limits::AMOUNT_MAX.to_string()),
        ("ttl_ms", limits::HOLD_TTL_MS_MAX.to_string()),
        ("tier", limits::TIER_MAX.to_string()),
        ("captures of a hold", text(limits::CAPTURES_MAX)),
        ("refunds of a hold", text(limits::REFUNDS_MAX)),
        ("holds in a list", text(limits::HOLDS_LISTED_MAX)),
        ("accounts in a list", text(limits::ACCOUNTS_LISTED_MAX)),
        ("pending top-ups of a wallet", text(limits::PENDING_TOP_UPS_MAX)),
        ("plans", text(limits::PLANS_MAX)),
        ("bundles", text(limits::BUNDLES_MAX)),
        ("tools", text(limits::TOOLS_MAX)),
        ("models", text(limits::MODELS_MAX)),
        ("lines of an estimate", text(limits::ESTIMATE_LINES_MAX)),
        ("lines of a reload", text(limits::CHANGES_MAX)),
    ];
    let rows: Vec<(String, String)> =
        table("Limits of the format").into_iter().map(|row| (row[0].clone(), row[1].replace(',', ""))).collect();
    let expected: Vec<(String, String)> = expected.into_iter().map(|(name, max)| (name.to_owned(), max)).collect();
    assert_eq!(rows, expected);
}

/// The worked examples: blocks that begin with ```` ```hex NAME ````, bytes before the first double space of a line.
fn examples() -> Vec<(String, Vec<u8>)> {
    let mut examples = Vec::new();
    for block in WIRE.split("```hex ").skip(1) {
        let block = block.split("```").next().unwrap();
        let (name, lines) = block.split_once('\n').unwrap();
        let bytes = lines
            .lines()
            .flat_map(|line| line.split("  ").next().unwrap().split_whitespace())
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();
        examples.push((name.to_owned(), bytes));
    }
    examples
}

#[test]
fn every_worked_example_is_a_vector_and_every_kind_has_one() {
    let mut kinds = Vec::new();
    for (name, bytes) in examples() {
        assert_eq!(bytes, vectors::read(&name), "{name}");
        assert!(bytes.len() >= HEADER_BYTES);
        kinds.push(bytes[6]);
    }
    let all: Vec<u8> = FrameKind::ALL.iter().map(|kind| kind.number()).collect();
    assert_eq!(kinds, all);
}
