//! Catching up: all of the journal, in its order, with flushes on the way.

use journal::memory::MemoryStore;
use journal::projections::{MemoryProjections, Options};
use journal::recovery::recover;
use journal::{Class, EncodedUnit, JournalSettings, WriterId};
use wallet::ids::{AccountId, CommandId, Day, Timestamp};
use wallet::record::{Issuer, Open, Record};

use super::*;

const RECORDS: u32 = 300;

fn open(number: u32) -> Record {
    Record::Open(Open {
        issuer: Issuer {
            command: CommandId(u128::from(number) + 1),
            by: "test".to_owned(),
            reason: String::new(),
            at: Timestamp(1),
        },
        account: AccountId(u128::from(number) + 1),
        zone: "UTC".to_owned(),
        day: Day(20_000),
    })
}

/// A journal in which each record has a group of its own.
pub(crate) fn journal_of(records: u32) -> Journal {
    let mut store = MemoryStore::new();
    let end = recover(&mut store, WriterId([1; 16]), 1).expect("a new store is a journal").end;
    let (journal, mut writer) = Journal::start(store, end, &JournalSettings::default());
    for number in 0..records {
        let mut unit = EncodedUnit::new();
        journal::codec::encode_record(&open(number), &mut unit).expect("a short record");
        assert!(journal.queue.try_take_room(1, Class::Settlement), "one unit is on its way");
        journal.queue.push(&unit);
        while writer.write_next(2).expect("the memory store takes everything").is_some() {}
    }
    journal
}

pub(crate) fn projector(flush_bytes: usize) -> Projector<MemoryProjections> {
    let options = Options { flush_bytes, ..Options::strict() };
    Projector::open(MemoryProjections::new(), options, Position(u64::MAX)).expect("new projections")
}

#[test]
fn everything_that_is_synced_is_applied_in_its_order() {
    let journal = journal_of(RECORDS);
    let mut projector = projector(usize::MAX);
    catch_up(&mut projector, &journal).expect("it catches up");
    assert_eq!(projector.next(), journal.durability.synced().next());
    let archive = projector.archive();
    for number in 0..RECORDS {
        let row = archive.row(AccountId(u128::from(number) + 1)).expect("it can be read");
        assert!(row.is_some(), "account {number} is there");
    }
}

#[test]
fn what_is_not_flushed_has_a_limit() {
    let journal = journal_of(RECORDS);
    let mut projector = projector(100);
    catch_up(&mut projector, &journal).expect("it catches up");
    let (flushed, reached) = (projector.archive().flushed(), projector.archive().reached());
    assert!(flushed.0 > 0, "I9: flushes are not left to the end");
    assert!(!projector.flush_is_overdue(), "I9: {} records are not flushed", reached.0 - flushed.0);
}

#[test]
fn a_start_that_was_interrupted_goes_on_from_its_last_flush() {
    let journal = journal_of(RECORDS);
    let store = MemoryProjections::new();
    let options = Options { flush_bytes: 100, ..Options::strict() };
    let mut first = Projector::open(store.clone(), options, journal.durability.synced()).expect("new projections");
    catch_up(&mut first, &journal).expect("it catches up");
    let mut again = Projector::open(store.crashed(), options, journal.durability.synced()).expect("they can be read");
    assert!(again.next().0 > 1, "something was flushed");
    catch_up(&mut again, &journal).expect("it catches up");
    let bytes = |projector: &Projector<MemoryProjections>| projector.archive().canonical().expect("it can be read");
    assert_eq!(bytes(&first), bytes(&again), "I8");
}

#[test]
fn rates_are_by_the_second() {
    assert_eq!(rate(500, Duration::from_millis(250)), 2_000);
    assert_eq!(rate(500, Duration::ZERO), 500_000, "nothing is divided by zero");
}
