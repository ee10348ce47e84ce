//! Commands and their answers come back, and bad fields are named.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::field::Field;
use crate::limits::{AMOUNT_MAX, HEADER_BYTES, TIER_MAX};
use crate::operation::BadField;
use crate::strategies;
use crate::vectors::{self, Meaning, Value};

fn discriminant(command: &Command) -> [u8; 4] {
    let mut buffer = Vec::new();
    command.encode(&mut buffer, 1).unwrap();
    *buffer[HEADER_BYTES..].first_chunk().unwrap()
}

fn list_holds(limit: u16) -> Command {
    let (account, worker, after) = (AccountId::NIL, WorkerId::NIL, HoldId::NIL);
    Command::ListHolds { account, worker, older_than_ms: 0, limit, after }
}

fn quote() -> Command {
    Command::Quote { account: AccountId(2), tool: 0, model: 1, settings: 0, count: 1, sources: 0 }
}

fn estimate() -> Command {
    let line = EstimateLine { tool: 0, model: 1, settings: 0, per_day: 0 };
    let lines = List::new(vec![line]).unwrap();
    Command::Estimate { lines, days: 1, buffer_percent_min: 20, buffer_percent_max: 30 }
}

#[test]
fn the_numbers_of_commands_are_for_ever() {
    let (command, account, reason) = (CommandId(1), AccountId(2), Text::default);
    let all = [
        Command::OpenAccount { command, account, zone: Text::default() },
        Command::ShowAccount { account },
        Command::Freeze { command, account, frozen: true, reason: reason() },
        Command::SetSubscription { command, account, amount: 1, tier: 1, ends_at_ms: 0 },
        Command::Grant { command, account, bucket: Bucket::Free, amount: 1, reason: reason() },
        Command::TopUp { payment: PaymentId(1), account, amount: 1 },
        Command::Clawback { command, account, amount: 1, reason: reason() },
        Command::ShowHold { hold: HoldId(1) },
        Command::Subscribe { command, account, plan: 1, auto_renew: true, paid_through_ms: 0 },
        Command::Renew { command, account, paid_through_ms: 1 },
        Command::Cancel { command, account, at_period_end: true },
        Command::Lapse { command, account },
        Command::ChangePlan { command, account, plan: 1, mode: ChangeMode::Default },
        Command::SetZone { command, account, zone: Text::cut("UTC") },
        Command::PendingTopUp { payment: PaymentId(1), account, amount: 1 },
        Command::ConfirmTopUp { payment: PaymentId(1), account },
        Command::TopUpBundle { payment: PaymentId(1), account, bundle: Text::cut("small"), pending: false },
        Command::Correct { command, account, bucket: Bucket::Free, amount: 1, reason: reason() },
        Command::ReleaseWorker { command, account: AccountId::NIL, worker: WorkerId(1) },
        list_holds(1),
        Command::ListAccounts { after: AccountId::NIL, limit: 256 },
        Command::ListPlans,
        Command::ListRates,
        quote(),
        estimate(),
        Command::Reload,
        Command::Clock { confirm: true },
        Command::ShowResets,
    ];
    assert_eq!(all.len(), 28);
    for (number, command) in (0_u32..).zip(&all) {
        assert_eq!(discriminant(command), number.to_le_bytes(), "{}", command.name());
        assert_eq!(command.check(), Ok(()));
    }
}

#[test]
fn nil_ids_and_values_out_of_range_are_named() {
    let (command, account) = (CommandId(1), AccountId(2));
    let subscription = |tier| Command::SetSubscription { command, account, amount: 1, tier, ends_at_ms: 0 };
    let cases = [
        (
            Command::OpenAccount { command: CommandId::NIL, account: AccountId::NIL, zone: Text::default() },
            Field::Command,
        ),
        (Command::OpenAccount { command, account: AccountId::NIL, zone: Text::default() }, Field::Account),
        (Command::ShowAccount { account: AccountId::NIL }, Field::Account),
        (Command::TopUp { payment: PaymentId::NIL, account, amount: 1 }, Field::Payment),
        (Command::TopUp { payment: PaymentId(1), account: AccountId::NIL, amount: 1 }, Field::Account),
        (Command::ShowHold { hold: HoldId::NIL }, Field::Hold),
        (subscription(0), Field::Tier),
        (subscription(TIER_MAX + 1), Field::Tier),
    ];
    let top_up = |amount| Command::TopUp { payment: PaymentId(1), account, amount };
    for amount in [0, AMOUNT_MAX + 1] {
        let bad = BadField { field: Field::Amount };
        assert_eq!(top_up(amount).check(), Err(bad));
    }
    assert_eq!(top_up(AMOUNT_MAX).check(), Ok(()));
    for (command, field) in cases {
        assert_eq!(command.check(), Err(BadField { field }), "{command:?}");
    }
    assert_eq!(subscription(TIER_MAX).check(), Ok(()));
}

/// R9, R11, R12: plan commands say which plan, until when, and how.
#[test]
fn what_a_plan_command_must_say_is_named() {
    let (command, account) = (CommandId(1), AccountId(2));
    let subscribe = |plan| Command::Subscribe { command, account, plan, auto_renew: true, paid_through_ms: 0 };
    refused(&subscribe(0), Field::Plan);
    assert_eq!(subscribe(u16::MAX).check(), Ok(()));
    refused(&Command::ChangePlan { command, account, plan: 0, mode: ChangeMode::NowProrated }, Field::Plan);
    refused(&Command::Renew { command, account, paid_through_ms: 0 }, Field::PaidThrough);
    refused(&Command::SetZone { command, account, zone: Text::default() }, Field::Zone);
    refused(&Command::Lapse { command: CommandId::NIL, account }, Field::Command);
    refused(&Command::Cancel { command, account: AccountId::NIL, at_period_end: false }, Field::Account);
}

/// R14, R33: what is bought has a payment, and an amount or a bundle; a correction has an amount.
#[test]
fn what_a_top_up_or_correction_must_say_is_named() {
    let (payment, account, bucket) = (PaymentId(1), AccountId(2), Bucket::TopUp);
    let pending = |payment, amount| Command::PendingTopUp { payment, account, amount };
    refused(&pending(PaymentId::NIL, 1), Field::Payment);
    let bundle = |name| Command::TopUpBundle { payment, account, bundle: Text::cut(name), pending: true };
    refused(&bundle(""), Field::Bundle);
    refused(&Command::ConfirmTopUp { payment, account: AccountId::NIL }, Field::Account);
    let reason = Text::default;
    for amount in [0, AMOUNT_MAX + 1] {
        refused(&pending(payment, amount), Field::Amount);
        let command = CommandId(1);
        refused(&Command::Correct { command, account, bucket, amount, reason: reason() }, Field::Amount);
    }
}

/// R31: a worker is named, an account need not be; lists have an end.
#[test]
fn what_a_list_or_bulk_release_must_say_is_named() {
    let (command, account) = (CommandId(1), AccountId::NIL);
    let release = |worker| Command::ReleaseWorker { command, account, worker };
    refused(&release(WorkerId::NIL), Field::Worker);
    assert_eq!(release(WorkerId(1)).account(), None);
    for limit in [0, 257] {
        refused(&list_holds(limit), Field::Limit);
        refused(&Command::ListAccounts { after: AccountId(1), limit }, Field::Limit);
    }
    assert_eq!(list_holds(256).check(), Ok(()));
    assert_eq!(list_holds(256).account(), None);
}

/// R21: a quote and an estimate say what is made.
#[test]
fn what_a_quote_or_estimate_must_say_is_named() {
    let account = AccountId(2);
    let quote = |model, count, sources| Command::Quote { account, tool: 0, model, settings: 0, count, sources };
    refused(&quote(0, 1, 0), Field::Model);
    assert_eq!(quote(1, 0, 0).check(), Ok(()));
    refused(&quote(1, 1, 8), Field::Sources);
    let estimate = |models: &[u32], days, buffer_percent_min| {
        let line = |model: &u32| EstimateLine { tool: 0, model: *model, settings: 0, per_day: 1 };
        let lines = List::new(models.iter().map(line).collect()).unwrap();
        Command::Estimate { lines, days, buffer_percent_min, buffer_percent_max: 30 }
    };
    refused(&estimate(&[], 1, 20), Field::Lines);
    refused(&estimate(&[1, 0], 1, 20), Field::Model);
    refused(&estimate(&[1], 0, 20), Field::Days);
    refused(&estimate(&[1], 1, 31), Field::Buffer);
    assert_eq!(estimate(&[1; 64], u16::MAX, 30).check(), Ok(()));
}

/// The golden frames are requests that a daemon takes.
#[test]
fn the_commands_of_the_vectors_are_good() {
    for vector in vectors::all() {
        if let Meaning::Frame(_, Value::Command(command)) = vector.meaning {
            assert_eq!(command.check(), Ok(()), "{}", vector.name);
        }
    }
}

fn refused(command: &Command, field: Field) {
    assert_eq!(command.check(), Err(BadField { field }), "{command:?}");
}

proptest! {
    #[test]
    fn commands_round_trip(command in strategies::command()) {
        let mut buffer = Vec::new();
        command.encode(&mut buffer, 1).unwrap();
        prop_assert_eq!(Command::decode(&buffer[HEADER_BYTES..]), Ok(command));
    }
}
