//! Rows are found as they are, and slots are used again only when the store has their rows.

use wallet::ids::Day;
use wallet::policy::FreePolicies;

use super::*;
use crate::projections::rows::Stored;
use crate::projections::{MemoryProjections, Shelf};

fn account(number: u64) -> AccountId {
    AccountId(u128::from(number) * 7 + 1)
}

fn a_row(number: u64) -> Row {
    Row::new(account(number), "UTC".to_owned(), Day(20_000), &FreePolicies::new())
}

fn changed(table: &Table) -> Vec<AccountId> {
    table.changed().iter().map(|slot| table.at(*slot).account).collect()
}

fn flush(table: &mut Table) {
    table.begin_flush();
    table.end_flush();
}

#[test]
fn every_row_is_found_in_its_newest_form() {
    let mut table = Table::new(usize::MAX);
    for number in 0..10_000 {
        let slot = table.insert(a_row(number), None);
        table.change(slot).period.0 = u32::try_from(number).unwrap();
    }
    for number in 0..10_000 {
        assert_eq!(table.row(account(number)).map(|row| u64::from(row.period.0)), Some(number));
    }
    assert!(table.row(AccountId(2)).is_none());
    assert_eq!(table.rows().count(), 10_000);
}

#[test]
fn a_row_that_changes_twice_is_flushed_once_and_again_after_that_flush() {
    let mut table = Table::new(usize::MAX);
    let [one, other] = [1, 2].map(|number| table.insert(a_row(number), None));
    assert!(changed(&table).is_empty(), "what the store has is not flushed");
    table.change(other);
    table.change(one);
    table.change(other);
    assert_eq!(changed(&table), [account(2), account(1)]);
    table.begin_flush();
    assert!(changed(&table).is_empty());
    table.change(one);
    assert_eq!(changed(&table), [account(1)]);
    table.end_flush();
    assert_eq!(changed(&table), [account(1)]);
}

#[test]
fn rows_that_the_store_has_make_room_for_others_and_no_others_do() {
    let mut table = Table::new(100);
    for number in 0..300 {
        let slot = table.insert(a_row(number), None);
        if number % 3 == 0 {
            table.change(slot);
        }
    }
    let is_there = |table: &Table, number| table.row(account(number)).is_some();
    assert!((0..300).step_by(3).all(|number| is_there(&table, number)), "what has changed stays");
    assert!(table.rows().count() < 200, "what has not makes room: {} rows", table.rows().count());
    table.begin_flush();
    (300..600).for_each(|number| {
        table.insert(a_row(number), None);
    });
    assert!((0..300).step_by(3).all(|number| is_there(&table, number)), "what is being flushed stays");
    let rows = table.rows().count();
    table.end_flush();
    (600..900).for_each(|number| {
        table.insert(a_row(number), None);
    });
    assert_eq!((0..300).filter(|number| is_there(&table, *number)).count(), 0, "what was flushed makes room");
    assert_eq!(table.rows().count(), rows, "the memory has a limit");
}

#[test]
#[should_panic(expected = "there is one flush at a time")]
fn two_flushes_at_once_are_noticed() {
    let mut table = Table::new(1);
    table.begin_flush();
    table.begin_flush();
}

#[test]
#[should_panic(expected = "an account has one row")]
fn a_second_row_of_an_account_is_noticed() {
    let mut table = Table::new(1);
    table.insert(a_row(1), None);
    flush(&mut table);
    table.insert(a_row(1), None);
}

/// I8: a row is never taken for that of another account, however their hashes meet.
#[test]
fn i8_an_account_is_told_from_another_with_the_same_hash() {
    let mut table = Table::new(usize::MAX);
    let slot = table.insert(a_row(1), None);
    let same = table.hash(account(2));
    table.slots.insert_unique(spread(same), (slot, same), |(_, hash)| spread(*hash));
    assert_eq!(table.likely(account(2)), Some(slot), "as if its hash were the same");
    assert_eq!(table.find(account(2)), None);
    assert_eq!(table.find(account(1)), Some(slot));
}

#[test]
fn a_row_keeps_its_entry_on_the_shelf() {
    let mut table = Table::new(usize::MAX);
    let mut shelf = Shelf::read(&MemoryProjections::new()).unwrap().unwrap();
    let entries = [1, 2].map(|number| {
        let mut bytes = Vec::new();
        a_row(number).encode(&mut bytes);
        shelf.put(account(number), None, &bytes);
        shelf.find(account(number))
    });
    let slots = [1, 2].map(|number| table.insert(a_row(number), entries[usize::from(number == 2)]));
    let new = table.insert(a_row(3), None);
    assert!(entries[0].is_some() && entries[0] != entries[1]);
    assert_eq!(slots.map(|slot| table.on_shelf(slot)), entries);
    assert_eq!(table.on_shelf(new), None);
}

/// I9: slots are used again from so many rows on, and not before.
#[test]
fn i9_as_many_rows_stay_as_were_asked_for() {
    for rows_max in [1, 2, 100] {
        let mut table = Table::new(rows_max);
        for number in 0..300 {
            table.insert(a_row(number), None);
            let rows = usize::try_from(number).unwrap() + 1;
            assert_eq!(table.rows().count(), rows.min(rows_max), "after {rows} rows");
        }
    }
}

#[test]
fn every_row_is_looked_at_that_is_asked_for() {
    let mut table = Table::new(usize::MAX);
    let slots: Vec<Slot> = (0..10).map(|number| table.insert(a_row(number), None)).collect();
    let mut asked = 0;
    table.warm(slots.into_iter().inspect(|_| asked += 1));
    assert_eq!(asked, 10);
}

#[test]
#[should_panic(expected = "every slot has its row, and every row is found")]
fn a_row_that_is_not_found_is_noticed() {
    let mut table = Table::new(1);
    table.insert(a_row(1), None);
    table.slots.clear();
    table.begin_flush();
}
