//! The same journal makes the same state, whatever was flushed, swapped or lost on the way.

use wallet::audit::Invariant;
use wallet::credits::Credits;
use wallet::hold::HoldState;
use wallet::ids::{AccountId, CommandId, Day, HoldId, Timestamp};
use wallet::ledger::CommandKey;
use wallet::record::{Capture, Open as OpenAccount, Reserve, TopUp};

use super::*;
use crate::group::{GroupHash, Header, empty_buffer, seal};
use crate::keys::Epoch;
use crate::record::samples::{HOLD_TIME_MS, capture, hold_id, issuer, release, reserve, slices};
use crate::unit::EncodedUnit;
use script::*;

pub(in crate::projections) mod counting;
mod losing;
mod reads;
pub(in crate::projections) mod script;
mod seen;

#[test]
fn flushes_leave_the_state_as_it_is() {
    let script = script(60);
    let expected = in_one_go(&script);
    for every in [1, 2, 5, 17] {
        let mut projector = open(MemoryProjections::new());
        for to in (0..=script.len()).step_by(every).chain([script.len()]) {
            follow(&mut projector, &script, to, 3);
            projector.flush().unwrap();
        }
        assert!(projector.archive().canonical().unwrap() == expected, "flush every {every} (I8)");
        assert_eq!(projector.archive().flushed(), projector.reached().position);
    }
}

#[test]
fn a_crash_at_every_record_leads_to_the_same_state() {
    let script = script(40);
    let expected = in_one_go(&script);
    for crash in 0..=script.len() {
        let store = MemoryProjections::new();
        let mut projector = open(store.clone());
        for to in (0..crash).step_by(11) {
            follow(&mut projector, &script, to, 4);
            projector.flush().unwrap();
        }
        follow(&mut projector, &script, crash, 4);
        // A write that no flush followed is lost as well.
        let unflushed = projector.begin_flush();
        drop(unflushed);
        let mut after = open(store.crashed());
        assert_eq!(after.reached().position, projector.archive().flushed());
        assert!(after.reached().position <= projector.reached().position);
        follow(&mut after, &script, script.len(), 5);
        assert!(after.archive().canonical().unwrap() == expected, "crash at {crash} (I8)");
    }
}

fn encoded_group(first: Position, records: &[Record]) -> Vec<u8> {
    let mut unit = EncodedUnit::new();
    crate::codec::encode_unit(records, &mut unit).unwrap();
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(unit.bytes());
    let header =
        Header { records: unit.records(), epoch: Epoch(1), first, time_ms: HOLD_TIME_MS, previous: GroupHash([0; 32]) };
    seal(&mut group, header);
    group
}

#[test]
fn groups_that_were_decoded_ahead_lead_to_the_same_state() {
    let script = script(60);
    let expected = in_one_go(&script);
    let mut projector = open(MemoryProjections::new());
    let mut decoded = DecodedGroup::default();
    for (number, records) in script.chunks(150).enumerate() {
        let first = Position(u64::try_from(number * 150).unwrap() + 1);
        let bytes = encoded_group(first, records);
        decoded.read(&Group::trust(&bytes).unwrap()).unwrap();
        projector.apply_decoded(&decoded).unwrap();
        // A second time: what was applied is skipped.
        projector.apply_decoded(&decoded).unwrap();
    }
    assert!(projector.archive().canonical().unwrap() == expected, "I8");
    let mut by_group = open(MemoryProjections::new());
    for (number, records) in script.chunks(150).enumerate() {
        let bytes = encoded_group(Position(u64::try_from(number * 150).unwrap() + 1), records);
        by_group.apply(&Group::trust(&bytes).unwrap()).unwrap();
        by_group.apply(&Group::trust(&bytes).unwrap()).unwrap();
    }
    // What was given twice counts once where it was not decoded, because its bytes were not read.
    let [counted, decoded_bytes] = [by_group.unflushed_bytes(), projector.unflushed_bytes()];
    assert!(counted > script.len() && decoded_bytes == 2 * counted, "{counted} and {decoded_bytes} bytes");
    decoded.read(&Group::trust(&encoded_group(Position(10_000), &script[..1])).unwrap()).unwrap();
    assert!(matches!(projector.apply_decoded(&decoded), Err(ApplyError::Gap { .. })));
}

#[test]
fn a_group_that_ends_before_its_last_record_is_refused_with_the_place() {
    let script = script(10);
    let mut bytes = encoded_group(Position::FIRST, &script[..5]);
    // One record more than there are.
    bytes[4..8].copy_from_slice(&6_u32.to_le_bytes());
    let group = Group::trust(&bytes).unwrap();
    let missing = |error: &ApplyError| matches!(error, ApplyError::Record { position: Position(6), .. });
    let mut projector = open(MemoryProjections::new());
    let refused = projector.apply(&group).unwrap_err();
    assert!(missing(&refused), "{refused}");
    assert_eq!(projector.apply(&group), Err(refused), "for good");
    let refused = DecodedGroup::default().read(&group).unwrap_err();
    assert!(missing(&refused), "{refused}");
}

#[test]
fn readers_see_everything_while_a_flush_is_under_way() {
    let script = script(60);
    let half = script.len() / 2;
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, half, 3);
    let flush = projector.begin_flush().unwrap();
    assert!(projector.begin_flush().is_none(), "one flush at a time");
    follow(&mut projector, &script, script.len(), 3);
    let archive = projector.archive();
    let expected = in_one_go(&script);
    assert!(archive.canonical().unwrap() == expected, "before the write");
    assert_eq!(archive.flushed(), Position::NONE);
    let reached = flush.write().unwrap();
    assert_eq!(archive.flushed(), reached.position);
    assert!(archive.canonical().unwrap() == expected, "after the write");
    projector.flush().unwrap();
    assert!(archive.canonical().unwrap() == expected, "after the next flush");
    assert_eq!(usize::try_from(archive.flushed().0).unwrap(), script.len());
}

#[test]
fn a_hold_that_ends_while_its_flush_is_written_is_never_open_again() {
    let script = script(24);
    let expected = in_one_go(&script);
    for begun in 1..script.len() {
        let mut projector = open(MemoryProjections::new());
        follow(&mut projector, &script, begun, 3);
        let flush = projector.begin_flush().unwrap();
        // Long enough for the next step of each hold that is open in the flush.
        follow(&mut projector, &script, script.len().min(begun + 12), 3);
        flush.write().unwrap();
        // The next flush takes what has ended out of memory: a refund finds it in the store, or as it was before.
        projector.flush().unwrap();
        follow(&mut projector, &script, script.len(), 3);
        assert!(projector.archive().canonical().unwrap() == expected, "a flush after {begun} records (I6, I8)");
    }
}

#[test]
fn a_failed_flush_is_tried_again() {
    let script = script(20);
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    follow(&mut projector, &script, 20, 3);
    store.set_failing(true);
    assert!(projector.flush().is_err());
    follow(&mut projector, &script, script.len(), 3);
    assert!(projector.flush().is_err());
    store.set_failing(false);
    projector.flush().unwrap();
    assert_eq!(usize::try_from(projector.archive().flushed().0).unwrap(), script.len());
    let again = open(store.crashed());
    assert!(again.archive().canonical().unwrap() == in_one_go(&script));
}

#[test]
fn every_hold_and_command_is_found_after_flushes() {
    let script = script(80);
    let mut projector = open(MemoryProjections::new());
    for to in (0..=script.len()).step_by(13).chain([script.len()]) {
        follow(&mut projector, &script, to, 5);
        projector.flush().unwrap();
    }
    let archive = projector.archive();
    for number in 0..80 {
        let hold = archive.hold(a_reserve(number).hold).unwrap().unwrap();
        let state = match number % 8 {
            0 => HoldState::Open,
            1 | 4 | 5 | 6 => HoldState::Settled,
            2 => HoldState::Released,
            3 => HoldState::Expired,
            _ => HoldState::Tombstone,
        };
        assert_eq!(hold.state, state, "hold {number}");
        let settlements = [0, 1, 1, 1, 2, 3, 1, 0][usize::try_from(number % 8).unwrap()];
        assert_eq!(hold.settlements.len(), settlements, "the newest form of hold {number}");
    }
    assert_eq!(archive.hold(hold_id(HOLD_TIME_MS, 1_000)).unwrap(), None);
    assert_eq!(archive.hold(HoldId(12_345)).unwrap(), None);
    let command = archive.command(CommandKey::Command(CommandId(101))).unwrap().unwrap();
    assert!(matches!(command.record, Record::SetSubscription(_)));
    assert_eq!(command.position.0, 7);
    assert_eq!(archive.row(account(0)).unwrap().unwrap().zone, "Europe/Berlin");
    assert_eq!(archive.row(AccountId(1)).unwrap(), None);
}

#[test]
fn a_row_or_a_command_under_the_key_of_another_is_refused_with_its_key() {
    let script = script(10);
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    follow(&mut projector, &script, script.len(), 5);
    projector.flush().unwrap();
    let command = |number| super::keys::command_key(CommandKey::Command(CommandId(number)));
    for (from, to) in [(wallet_key(account(0)), wallet_key(AccountId(5))), (command(101), command(5_000))] {
        let value = store.value(Family::State, &from).unwrap().unwrap();
        store.write(&mut |batch| batch.put(Family::State, &to, &value)).unwrap();
    }
    let archive = projector.archive();
    let key = |error| match error {
        ReadError::Damaged { key, .. } => key,
        other => panic!("{other}"),
    };
    assert!(key(archive.row(AccountId(5)).unwrap_err()).starts_with("04"));
    assert!(key(archive.command(CommandKey::Command(CommandId(5_000))).unwrap_err()).starts_with("06"));
    assert!(archive.row(account(0)).unwrap().is_some());
}

#[test]
fn pruning_drops_old_seconds_with_the_next_flush() {
    let script = script(40);
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    follow(&mut projector, &script, script.len(), 9);
    projector.flush().unwrap();
    projector.prune(HOLD_TIME_MS / 1_000 + 2);
    projector.flush().unwrap();
    for archive in [projector.archive(), open(store.crashed()).archive()] {
        for number in 0..40 {
            let id = a_reserve(number).hold;
            let old = id.own_time().is_some_and(|time| time.0 < HOLD_TIME_MS + 2_000);
            let gone = old && number % 8 != 0;
            assert_eq!(archive.hold(id).unwrap().is_none(), gone, "hold {number}");
        }
    }
}

#[test]
fn projections_ahead_of_the_journal_and_gaps_are_refused() {
    let script = script(10);
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    follow(&mut projector, &script, script.len(), 9);
    projector.flush().unwrap();
    let reached = projector.reached().position;
    let refused = Projector::open(store, Options::strict(), Position(5)).map(|_| ());
    assert_eq!(refused, Err(OpenError::Ahead { reached, journal: Position(5) }));
    let gap = ApplyError::Gap { expected: reached.next(), found: reached.plus(2) };
    let found = reached.plus(2);
    assert_eq!(projector.apply_group(found, &script[..1], end(99)), Err(gap));
}

#[test]
fn a_record_that_does_not_fit_stops_the_projector_for_good() {
    let script = script(10);
    let bad = [
        Record::Release(release(&a_reserve(500))),
        Record::Reserve(a_reserve(0)),
        // More than the hold has: an amount below zero.
        Record::Capture(Capture { captured: slices(0, 0, 9_000).split, ..capture(&a_reserve(0)) }),
    ];
    for record in bad {
        let mut projector = open(MemoryProjections::new());
        follow(&mut projector, &script, script.len(), 9);
        let next = projector.next();
        let position = usize::try_from(next.0).unwrap();
        let error = projector.apply_group(next, &[record], end(position)).unwrap_err();
        assert_eq!(projector.apply_group(next, &script[..1], end(position)), Err(error));
        assert!(projector.begin_flush().is_none(), "a state in doubt is never flushed");
    }
}

#[test]
fn a_row_that_breaks_an_invariant_is_counted() {
    let mut script = set_up();
    // The sum that was bought is taken twice over: debt that nobody clawed back.
    script.push(Record::Charge(Reserve { account: account(0), ..reserve(HoldId(1), slices(0, 0, 200_000_000)) }));
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, script.len(), 9);
    let archive = projector.archive();
    let (count, first) = archive.violations();
    assert_eq!(count, 1);
    assert_eq!(usize::try_from(first.unwrap().position.0).unwrap(), script.len());
    for invariant in Invariant::ALL {
        assert_eq!(archive.violations_of(invariant), u64::from(invariant == Invariant::Debt), "{invariant}");
    }
}

#[test]
fn a_row_is_checked_before_it_is_flushed() {
    let mut script = set_up();
    script.push(Record::Charge(Reserve { account: account(0), ..reserve(HoldId(1), slices(0, 0, 200_000_000)) }));
    let mut projector = Projector::open(MemoryProjections::new(), Options::default(), Position::MAX).unwrap();
    follow(&mut projector, &script, script.len(), 9);
    assert_eq!(projector.archive().violations().0, 0, "not looked at yet");
    projector.flush().unwrap();
    assert_eq!(projector.archive().violations().0, 1);
}

#[cfg(feature = "rocks")]
#[test]
fn rocksdb_comes_to_the_same_state() {
    let script = script(60);
    let expected = in_one_go(&script);
    let directory = tempfile::tempdir().unwrap();
    for to in (0..=script.len()).step_by(29).chain([script.len()]) {
        // What is applied after the last flush is lost each time.
        let mut projector = open(RocksProjections::open(directory.path()).unwrap());
        follow(&mut projector, &script, to, 4);
        projector.flush().unwrap();
        follow(&mut projector, &script, script.len().min(to + 9), 4);
    }
    let mut projector = open(RocksProjections::open(directory.path()).unwrap());
    assert_eq!(usize::try_from(projector.reached().position.0).unwrap(), script.len());
    assert!(projector.archive().canonical().unwrap() == expected);
    projector.prune(u64::MAX);
    projector.flush().unwrap();
    assert_eq!(projector.archive().hold(a_reserve(1).hold).unwrap(), None);
}

#[test]
fn a_flush_is_due_after_a_minute_or_256_mib_whatever_is_configured() {
    let most = Options { flush_bytes: usize::MAX, flush_interval_ms: u64::MAX, ..Options::strict() };
    let mut projector = Projector::open(MemoryProjections::new(), most, Position::NONE).unwrap();
    assert!(!projector.flush_due(u64::MAX), "nothing is there to be flushed");
    let records = set_up();
    let end = Reached {
        position: Position(u64::try_from(records.len()).unwrap()),
        epoch: Epoch(1),
        hash: GroupHash([7; 32]),
    };
    projector.apply_group(Position::FIRST, &records, end).unwrap();
    assert_eq!([projector.flush_due(59_999), projector.flush_due(60_000)], [false, true]);
    for (bytes, due) in [(256 * 1024 * 1024 - 1, false), (256 * 1024 * 1024, true)] {
        projector.unflushed_bytes = bytes;
        assert_eq!(projector.flush_due(0), due, "{bytes} bytes");
    }
    projector.flush().unwrap();
    assert_eq!(projector.unflushed_bytes(), 0);
    assert!(!projector.flush_due(u64::MAX));
}

#[test]
fn a_record_that_breaks_an_invariant_outright_is_told_in_its_words() {
    let script = script(10);
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, script.len(), 9);
    let next = projector.next();
    let over = Record::Capture(Capture { captured: slices(0, 0, 9_000).split, ..capture(&a_reserve(0)) });
    let error = projector.apply_group(next, &[over], end(usize::try_from(next.0).unwrap())).unwrap_err();
    assert!(
        matches!(&error, ApplyError::Broken { position, what } if *position == next && what.contains("I2")),
        "{error}"
    );
}

/// I5: with every check an id is looked for in the store as well.
#[test]
fn i5_an_id_that_ended_and_was_flushed_is_refused_with_every_check() {
    let script = script(10);
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, script.len(), 9);
    projector.flush().unwrap();
    let next = projector.next();
    let again = Record::Reserve(a_reserve(1));
    let refused = projector.apply_group(next, &[again], end(usize::try_from(next.0).unwrap()));
    assert!(matches!(refused, Err(ApplyError::Ledger(LedgerError::HoldExists { .. }))), "{refused:?}");
}

#[test]
fn what_is_not_flushed_is_counted_by_its_bytes_and_has_a_limit() {
    let options = Options { flush_bytes: 100, ..Options::strict() };
    let mut projector = Projector::open(MemoryProjections::new(), options, Position::NONE).unwrap();
    let records = set_up();
    let mut unit = crate::unit::EncodedUnit::new();
    crate::codec::encode_unit(&records, &mut unit).unwrap();
    let mut bytes = crate::group::empty_buffer(Vec::new());
    bytes.extend_from_slice(unit.bytes());
    let header = crate::group::Header {
        records: unit.records(),
        epoch: Epoch(1),
        first: Position::FIRST,
        time_ms: 0,
        previous: GroupHash::NONE,
    };
    crate::group::seal(&mut bytes, header);
    let group = Group::check(&bytes).unwrap();
    projector.apply(&group).unwrap();
    let sum: usize = group.records().map(|(_, record)| record.len()).sum();
    assert_eq!(projector.unflushed_bytes(), sum);
    for (bytes, overdue) in [(100 * OVERDUE_FLUSHES - 1, false), (100 * OVERDUE_FLUSHES, true)] {
        projector.unflushed_bytes = bytes;
        assert_eq!(projector.flush_is_overdue(), overdue, "{bytes} bytes");
    }
}

#[test]
fn i9_a_flush_is_due_and_overdue_by_the_rows_that_have_changed_too() {
    let records = set_up();
    let end = Reached { position: Position(u64::try_from(records.len()).unwrap()), ..Reached::default() };
    let (mut due, mut overdue) = (Vec::new(), Vec::new());
    for changed_rows_max in 1..20 {
        let options = Options { changed_rows_max, ..Options::strict() };
        let mut projector = Projector::open(MemoryProjections::new(), options, Position::NONE).unwrap();
        projector.apply_group(Position::FIRST, &records, end).unwrap();
        due.push(projector.flush_due(0));
        overdue.push(projector.flush_is_overdue());
        projector.flush().unwrap();
        assert!(!projector.flush_is_overdue(), "what is flushed does not count");
    }
    let rows = due.iter().take_while(|due| **due).count();
    let accounts = records.iter().filter(|record| matches!(record, Record::Open(_))).count();
    assert!(accounts >= OVERDUE_FLUSHES);
    assert_eq!(rows, accounts, "{due:?}");
    assert!(due.iter().skip(rows).all(|due| !due), "{due:?}");
    assert_eq!(overdue.iter().filter(|overdue| **overdue).count(), rows / OVERDUE_FLUSHES);
}

fn a_top_up(account: AccountId, number: u64) -> Record {
    Record::TopUp(TopUp {
        account,
        payment: wallet::ids::PaymentId(u128::from(number) + 1_000),
        amount: Credits::from_whole(1),
        bundle: String::new(),
        by: "billing".to_owned(),
        at: Timestamp(HOLD_TIME_MS),
    })
}

/// I8: with more wallets than rows that stay in memory, slots are used again all the time; no reader finds an older form of
/// a row while the flush that has the newer one is not written, or has failed.
#[test]
fn i8_readers_find_no_older_row_while_its_flush_is_unwritten() {
    const WALLETS: usize = 12;
    let wallet = |number: usize| AccountId(0xbee0 + u128::try_from(number % WALLETS).unwrap());
    let mut opened = set_up();
    opened.truncate(1);
    opened.extend((0..WALLETS).map(|number| {
        let zone = "UTC".to_owned();
        let issuer = issuer(u128::try_from(number).unwrap() + 1);
        Record::Open(OpenAccount { account: wallet(number), zone, day: Day(20_779), issuer })
    }));
    for unwritten in 1..10_usize {
        let store = MemoryProjections::new();
        let options = Options { cached_rows_max: 3, ..Options::strict() };
        let mut projector = Projector::open(store.clone(), options, Position::MAX).unwrap();
        // One by one, or all of them would have a slot from the first flush on.
        for to in 1..=opened.len() {
            follow(&mut projector, &opened, to, 1);
            projector.flush().unwrap();
        }
        let archive = projector.archive();
        let mut bought = [0; WALLETS];
        let mut under_way: Option<(usize, Flush<MemoryProjections>)> = None;
        for step in 0..120 {
            let number = (step * 5 + step / 7) % WALLETS;
            bought[number] += 1;
            let next = projector.next();
            let record = a_top_up(wallet(number), u64::try_from(step).unwrap());
            projector.apply_group(next, &[record], end(usize::try_from(next.0).unwrap())).unwrap();
            under_way = match under_way.take() {
                Some((begun, flush)) if step >= begun + unwritten => {
                    // Every other one fails, and is handed out again.
                    store.set_failing(begun % 2 == 1);
                    let written = flush.write().is_ok();
                    store.set_failing(false);
                    assert_eq!(written, begun % 2 == 0);
                    None
                }
                Some(waits) => Some(waits),
                None => projector.begin_flush().map(|flush| (step, flush)),
            };
            for (number, bought) in bought.iter().enumerate() {
                let row = archive.row(wallet(number)).unwrap().unwrap();
                assert_eq!(row.available().top_up, Credits::from_whole(*bought), "wallet {number} at step {step}");
            }
        }
    }
}

#[test]
fn a_record_about_a_wallet_whose_row_is_that_of_another_stops_the_projector() {
    let script = script(10);
    for with_shelf in [false, true] {
        let store = MemoryProjections::new();
        let mut projector = open(store.clone());
        follow(&mut projector, &script, script.len(), 5);
        projector.flush().unwrap();
        let row = store.value(Family::State, &wallet_key(account(0))).unwrap().unwrap();
        store.write(&mut |batch| batch.put(Family::State, &wallet_key(AccountId(5)), &row)).unwrap();
        let mut again = open(store.clone());
        if with_shelf {
            again.take_shelf(Shelf::read(&store).unwrap().unwrap()).unwrap();
        }
        let next = again.next();
        let refused = again.apply_group(next, &[a_top_up(AccountId(5), 1)], end(usize::try_from(next.0).unwrap()));
        let is_told = |error: &ReadError| matches!(error, ReadError::Damaged { key, .. } if key.starts_with("04"));
        assert!(matches!(&refused, Err(ApplyError::Read(error)) if is_told(error)), "I8: {refused:?}");
        assert!(again.begin_flush().is_none(), "a state in doubt is never flushed");
    }
}

#[test]
fn a_store_is_as_many_records_behind_as_were_not_flushed() {
    let script = script(10);
    let store = MemoryProjections::new();
    assert_eq!(behind(&store, Position(7)), Ok(7), "nothing was flushed");
    let mut projector = open(store.clone());
    follow(&mut projector, &script, script.len(), 9);
    assert_eq!(behind(&store, projector.reached().position).unwrap(), projector.reached().position.0);
    projector.flush().unwrap();
    let reached = projector.reached().position;
    assert_eq!([reached, reached.plus(7), Position(1)].map(|end| behind(&store, end).unwrap()), [0, 7, 0]);
}

#[test]
fn records_that_were_applied_before_are_skipped() {
    let script = script(20);
    let expected = in_one_go(&script);
    for known in [1, script.len() / 2, script.len()] {
        let mut projector = open(MemoryProjections::new());
        follow(&mut projector, &script, known, 3);
        projector.apply_group(Position::FIRST, &script, end(script.len())).unwrap();
        assert_eq!(projector.reached(), end(script.len()));
        assert!(projector.archive().canonical().unwrap() == expected, "{known} were known (I5, I8)");
    }
}

/// I6, I8: a hold is found in its newest form before its flush, while that is not written, and after it.
#[test]
fn i8_readers_find_the_newest_form_of_a_hold_before_and_while_it_is_flushed() {
    let script = script(24);
    let mut flushed = open(MemoryProjections::new());
    let mut projector = open(MemoryProjections::new());
    let mut under_way: Option<Flush<MemoryProjections>> = None;
    for to in 1..=script.len() {
        follow(&mut flushed, &script, to, 1);
        flushed.flush().unwrap();
        follow(&mut projector, &script, to, 1);
        for number in 0..24 {
            let id = a_reserve(number).hold;
            let [found, expected] = [&projector, &flushed].map(|of| of.archive().hold(id).unwrap());
            assert_eq!(found, expected, "hold {number} after {to} records");
        }
        match to % 11 {
            2 => under_way = projector.begin_flush(),
            9 => under_way.take().map(Flush::write).transpose().map(|_| ()).unwrap(),
            _ => {}
        }
    }
}

/// I8: the position that a flush writes is that of a whole group.
#[test]
fn i8_a_group_of_which_a_part_was_applied_is_neither_reached_nor_flushed() {
    let script = script(10);
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, 5, 5);
    for part in 6..script.len() {
        let next = projector.next();
        let from = usize::try_from(next.0).unwrap() - 1;
        projector.apply_group(next, &script[from..part], end(script.len())).unwrap();
        assert_eq!(projector.reached(), end(5), "{part} of {} records", script.len());
        assert_eq!(projector.archive().reached(), projector.next().before(), "readers see them");
        assert!(projector.begin_flush().is_none());
    }
    follow(&mut projector, &script, script.len(), 1);
    assert_eq!(projector.reached(), end(script.len()));
    assert!(projector.flush().is_ok_and(|flushed| flushed == end(script.len()).position));
}

#[test]
#[should_panic(expected = "what is flushed was reached")]
fn a_store_that_is_further_than_what_was_applied_is_noticed() {
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &set_up(), 5, 5);
    projector.shared.flushed.store(6, Ordering::Release);
    let _ = projector.flush_due(0);
}
