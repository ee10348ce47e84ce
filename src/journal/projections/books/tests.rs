//! What is left of an earlier flush is noticed before it is flushed a second time.

use wallet::ids::{CommandId, Day, Position};

use super::*;
use crate::record::samples::{ACCOUNT, HOLD_TIME_MS, hold_id, records, reserve, slices};

#[test]
fn what_is_left_of_an_earlier_flush_is_noticed_whatever_it_is() {
    Changes::new().assert_empty();
    let id = hold_id(HOLD_TIME_MS, 1);
    let hold = |ended| Hold::reserved(&reserve(id, slices(0, 0, 1)), ended);
    let row = Row::new(ACCOUNT, "UTC".to_owned(), Day(20_779), &FreePolicies::new());
    let (_, record) = records().into_iter().find(|(_, record)| command_key(record).is_some()).unwrap();
    let command = CommandRow { record, position: Position(1) };
    let left: [&dyn Fn(&mut Changes); 7] = [
        &|changes| {
            changes.rows.add(&row);
        },
        &|changes| {
            changes.open.insert(id, OpenHold { hold: hold(false), stored: false, begun: true });
        },
        &|changes| changes.ended.add(id, &hold(true)),
        &|changes| changes.closed.push(id),
        &|changes| changes.commands.extend([(CommandKey::Command(CommandId(1)), command.clone())]),
        &|changes| changes.policies = Some(FreePolicies::new()),
        &|changes| changes.id_bound = Some(Timestamp(1)),
    ];
    for (number, leave) in left.into_iter().enumerate() {
        let mut changes = Changes::new();
        leave(&mut changes);
        let noticed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| changes.assert_empty()));
        assert!(noticed.is_err(), "what is left, number {number}");
    }
}
