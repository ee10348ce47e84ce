//! Every row is found in its newest form, before and after the table grows.

use wallet::credits::Credits;
use wallet::ids::Day;
use wallet::policy::FreePolicies;

use super::*;
use crate::projections::MemoryProjections;
use crate::projections::bulk::write_rows;
use crate::projections::rows::{Reached, Stored};

/// More than a chapter.
const WALLETS: u64 = 20_000;

fn a_row(number: u64, subscription: u64) -> Row {
    let account = AccountId(u128::from(number) * 3 + 1);
    let row = Row::new(account, "UTC".to_owned(), Day(20_000), &FreePolicies::new());
    Row { subscription: Credits::from_millis(subscription), ..row }
}

fn a_shelf() -> Shelf {
    let store = MemoryProjections::new();
    let reached = Reached { position: Position(7), ..Reached::default() };
    write_rows(&store, &FreePolicies::new(), (0..WALLETS).map(|number| a_row(number, 0)), reached).unwrap();
    Shelf::read(&store).unwrap().expect("so few rows are not too many")
}

fn row_of(shelf: &Shelf, account: AccountId) -> Option<Row> {
    shelf.find(account).map(|entry| shelf.at(entry).unwrap())
}

fn put(shelf: &mut Shelf, row: &Row) {
    let mut bytes = Vec::new();
    row.encode(&mut bytes);
    shelf.put(row.account, None, &bytes);
}

#[test]
fn the_rows_of_a_store_are_found_and_shown_in_its_order() {
    let shelf = a_shelf();
    assert_eq!(shelf.reached, Position(7));
    let shown: Vec<Row> = (0..).map_while(|part| shelf.part(part)).flatten().map(Result::unwrap).collect();
    assert_eq!(shown, (0..WALLETS).map(|number| a_row(number, 0)).collect::<Vec<_>>());
    for number in 0..WALLETS {
        let row = a_row(number, 0);
        assert_eq!(row_of(&shelf, row.account), Some(row));
    }
    assert_eq!(row_of(&shelf, AccountId(2)), None);
    assert!(!shelf.is_empty());
    assert!(Shelf::read(&MemoryProjections::new()).unwrap().is_some_and(|none| none.is_empty()));
}

#[test]
fn the_newest_form_of_every_row_is_found() {
    let mut shelf = a_shelf();
    // As long as before, longer, shorter again, and new ones.
    for subscription in [1, u64::from(u32::MAX), 2] {
        for number in (0..WALLETS + 500).step_by(3) {
            put(&mut shelf, &a_row(number, subscription));
        }
        for number in 0..WALLETS + 500 {
            let form = if number % 3 == 0 { Some(subscription) } else { (number < WALLETS).then_some(0) };
            let expected = form.map(|subscription| a_row(number, subscription));
            assert_eq!(row_of(&shelf, a_row(number, 0).account), expected, "row {number}");
        }
    }
    let shown: usize = (0..).map_while(|part| shelf.part(part)).map(Iterator::count).sum();
    assert_eq!(shelf.len(), shown);
}

/// I9: as long as a row may be.
#[test]
fn i9_a_row_as_long_as_rows_may_be_is_taken_as_it_is() {
    let store = MemoryProjections::new();
    let longest = vec![1; ROW_BYTES_MAX];
    store.write(&mut |batch| batch.put(Family::State, &wallet_key(AccountId(5)), &longest)).unwrap();
    let shelf = Shelf::read(&store).unwrap().unwrap();
    let entry = shelf.find(AccountId(5)).unwrap();
    assert!(shelf.rows.bytes(shelf.entries.at(entry.place()).row) == longest);
}

#[test]
fn a_row_that_no_start_could_read_is_refused_with_its_key() {
    let store = MemoryProjections::new();
    let long = vec![1; ROW_BYTES_MAX + 1];
    store.write(&mut |batch| batch.put(Family::State, &wallet_key(AccountId(5)), &long)).unwrap();
    let refused = Shelf::read(&store).map(|shelf| shelf.map(|shelf| shelf.len()));
    assert!(matches!(&refused, Err(ReadError::Damaged { key, .. }) if key.starts_with("04")), "{refused:?}");
}

#[test]
fn the_row_of_another_is_refused_with_the_key_that_it_lies_under() {
    let mut shelf = a_shelf();
    let mut bytes = Vec::new();
    a_row(1, 0).encode(&mut bytes);
    let account = a_row(2, 0).account;
    shelf.put(account, None, &bytes);
    let entry = shelf.find(account).unwrap();
    let key: String = wallet_key(account).iter().map(|byte| format!("{byte:02x}")).collect();
    for refused in [shelf.at(entry), shelf.part(0).unwrap().nth(2).unwrap()] {
        assert!(matches!(&refused, Err(ReadError::Damaged { key: found, .. }) if *found == key), "{refused:?}");
    }
}

#[test]
fn rows_that_do_not_become_longer_take_no_more_memory() {
    let mut shelf = a_shelf();
    let pieces = shelf.rows.count();
    // In new memory they would fill pieces of their own.
    for subscription in (1..=10).rev() {
        (0..WALLETS).step_by(3).for_each(|number| put(&mut shelf, &a_row(number, subscription)));
    }
    assert_eq!(shelf.rows.count(), pieces);
    assert_eq!(row_of(&shelf, a_row(3, 0).account), Some(a_row(3, 1)));
}

#[test]
fn every_row_is_looked_at_that_is_asked_for() {
    let shelf = a_shelf();
    let mut asked = 0;
    // One of them is not there.
    shelf.warm((0..10).map(|number| AccountId(number * 3 + u128::from(number != 5))).inspect(|_| asked += 1));
    assert_eq!(asked, 10);
}
