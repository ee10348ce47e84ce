//! Commands and their answers come back, and bad fields are named.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::limits::{AMOUNT_MAX, HEADER_BYTES};
use crate::strategies;

fn discriminant(command: &Command) -> [u8; 4] {
    let mut buffer = Vec::new();
    command.encode(&mut buffer, 1).unwrap();
    *buffer[HEADER_BYTES..].first_chunk().unwrap()
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
    ];
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

proptest! {
    #[test]
    fn commands_round_trip(command in strategies::command()) {
        let mut buffer = Vec::new();
        command.encode(&mut buffer, 1).unwrap();
        prop_assert_eq!(Command::decode(&buffer[HEADER_BYTES..]), Ok(command));
    }
}
