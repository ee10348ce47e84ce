//! Of every kind of record it is known whose row is read ahead, which open hold is fetched, and which id is new.

use crate::projections::tests::script::a_reserve;
use crate::record::samples::{capture, records, release};

use super::*;

fn about(record: &Record) -> (Option<AccountId>, Option<HoldId>, Option<HoldId>) {
    (account(record), settled_hold(record), new_hold(record))
}

#[test]
fn what_the_records_of_a_hold_are_about_is_known_before_they_are_applied() {
    let reserved = a_reserve(1);
    let (account, hold) = (Some(reserved.account), Some(reserved.hold));
    let (captured, returned) = (capture(&reserved), release(&reserved));
    for begins in [Record::Reserve(reserved), Record::Charge(reserved)] {
        assert_eq!(about(&begins), (account, None, hold));
    }
    for ends in [Record::Capture(captured), Record::Release(returned), Record::Expire(returned)] {
        assert_eq!(about(&ends), (account, hold, None));
    }
    let by_worker = Record::ReleaseWorker(returned);
    let (row, _, new) = about(&by_worker);
    assert_eq!((row, new), (account, None));
    let tombstone = Record::Tombstone { hold: reserved.hold, at: reserved.at };
    assert_eq!(about(&tombstone), (None, None, hold));
}

/// I5: an id that a record does not make is looked for wherever it may be.
#[test]
fn i5_only_what_begins_a_hold_makes_a_new_one() {
    for (name, record) in records() {
        let begins = matches!(record, Record::Reserve(_) | Record::Charge(_) | Record::Tombstone { .. });
        assert_eq!(new_hold(&record).is_some(), begins, "{name}");
    }
}
