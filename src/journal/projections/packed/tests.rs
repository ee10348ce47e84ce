//! Every row leaves whole, once, in the order of the accounts, and none of an earlier flush with it.

use wallet::credits::Credits;
use wallet::ids::Day;
use wallet::policy::FreePolicies;

use super::*;

/// More than a piece has room for.
const ROWS: u64 = 20_000;

fn a_row(number: u64) -> Row {
    // In another order than that of the accounts.
    let account = AccountId(u128::from(number * 7_919 % ROWS) + 1);
    let row = Row::new(account, "UTC".to_owned(), Day(20_000), &FreePolicies::new());
    Row { subscription: Credits::from_millis(number), ..row }
}

#[test]
fn every_row_leaves_whole_and_once_in_the_order_of_the_accounts() {
    let mut packed = PackedRows::default();
    for rows in [ROWS, 100] {
        assert!(packed.is_empty());
        let mut expected: Vec<Row> = (0..rows).map(a_row).collect();
        for row in &expected {
            let shown = Row::decode(packed.add(row)).unwrap();
            assert!(shown == *row, "the row of {}", row.account);
        }
        expected.sort_by_key(|row| row.account);
        assert_eq!(u64::try_from(packed.len()).unwrap(), rows);
        let left = packed.in_order();
        assert_eq!(left.len(), expected.len());
        for ((account, bytes), row) in left.into_iter().zip(&expected) {
            assert_eq!(account, row.account);
            assert!(Row::decode(bytes).unwrap() == *row, "the row of {account}");
        }
        packed.clear();
    }
    assert!(packed.in_order().is_empty(), "what was flushed is not flushed again");
}

#[test]
#[should_panic(expected = "every row is written once")]
fn a_second_row_of_an_account_is_noticed() {
    let mut packed = PackedRows::default();
    packed.add(&a_row(1));
    packed.add(&a_row(1));
    let _ = packed.in_order();
}

#[test]
fn whether_there_are_rows_is_told() {
    let mut packed = PackedRows::default();
    for number in 0..3 {
        packed.add(&a_row(number));
        assert!(!packed.is_empty());
    }
    packed.clear();
    assert!(packed.is_empty());
}
