//! Rows that no cache has are read together, and once.

use wallet::ids::{Day, HoldId, Period, Timestamp};
use wallet::policy::FreePolicies;
use wallet::record::Reserve;

use crate::projections::tests::counting::Counting;
use crate::projections::tests::script::*;
use crate::projections::*;
use crate::record::samples::{reserve, slices};

#[test]
fn rows_that_no_cache_has_are_read_together_and_once() {
    let records = script(60);
    let set_up = set_up().len();
    let counting = Counting::default();
    {
        let mut projector = open(counting.store.clone());
        follow(&mut projector, &records, set_up, set_up);
        projector.flush().unwrap();
    }
    let mut projector = Projector::open(counting.clone(), Options::default(), Position::MAX).unwrap();
    follow(&mut projector, &records, set_up + CHUNK_RECORDS, CHUNK_RECORDS);
    assert_eq!(counting.rows(), 0, "every account of the records is known before");
    assert_eq!(counting.together(), 1);
    follow(&mut projector, &records, records.len(), CHUNK_RECORDS);
    assert_eq!(counting.together(), 1, "what is there is not read again");
    assert!(projector.archive().canonical().unwrap() == in_one_go(&records), "I8");
}

/// The account of a wallet that the store has.
fn wallet(number: u64) -> AccountId {
    AccountId(0xbee0 + u128::from(number))
}

/// A chunk of one record, about this wallet.
fn charge(projector: &mut Projector<Counting>, number: u64) {
    let next = projector.next();
    let charged = Reserve { account: wallet(number), ..reserve(HoldId(u128::from(next.0)), slices(0, 0, 1)) };
    projector.apply_group(next, &[Record::Charge(charged)], end(usize::try_from(next.0).unwrap())).unwrap();
}

fn a_store_of(wallets: u64) -> Counting {
    let counting = Counting::default();
    let rows = (0..wallets).map(|number| {
        let row = Row::new(wallet(number), "UTC".to_owned(), Day(20_779), &FreePolicies::new());
        Row { day: Day(20_779), period: Period(3), ..row }
    });
    write_rows(&counting.store, &FreePolicies::new(), rows, end(1)).unwrap();
    counting
}

/// Nobody looks for rows that are not in memory for some chunks after all were: they are read one by one meanwhile, for no
/// more chunks than all were there before, and never for many.
#[test]
fn where_rows_are_missing_again_they_are_soon_read_together_again() {
    const MISSING: u64 = 40;
    for (known, alone) in [(0, 0..=0), (1, 1..=1), (2, 0..=1), (10, 0..=8), (11, 8..=8), (300, 0..=16), (309, 16..=16)]
    {
        let counting = a_store_of(1 + MISSING);
        let mut projector = Projector::open(counting.clone(), Options::default(), Position::MAX).unwrap();
        (0..=known).for_each(|_| charge(&mut projector, 0));
        assert_eq!([counting.rows(), counting.together()], [0, 1], "one row is read once");
        for number in 1..=MISSING {
            let before = counting.rows();
            charge(&mut projector, number);
            let alone_until_now = counting.rows() == number;
            assert!(counting.rows() == before || alone_until_now, "wallet {number} after {known}: then together");
        }
        assert!(alone.contains(&counting.rows()), "{} alone after {known}", counting.rows());
        assert_eq!(counting.rows() + counting.together(), MISSING + 1, "each row is read once");
    }
}

/// I9: the memory for what is read together has a limit.
#[test]
#[should_panic(expected = "every record has a place for what was found")]
fn i9_more_records_than_a_chunk_are_not_looked_at_ahead() {
    let record = Record::IdBound { bound: Timestamp(1) };
    warm(&Table::new(1), None, &vec![(Position(1), record); CHUNK_RECORDS + 1]);
}
