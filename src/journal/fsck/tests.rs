//! Clean journals are clean, planted violations have their numbers, and no flipped byte is missed.

use wallet::bucket::{Bucket, Slices, Sources};
use wallet::credits::Credits;
use wallet::ids::{Day, PaymentId, Period, Tier, Timestamp};
use wallet::record::{
    Capture, CaptureRequest, Clawback, ConfirmTopUp, CycleRoll, Extend, FreePolicy, Grant, LateCapture, Open,
    PendingTopUp, Record, Refund, Reserve, Return, SetSubscription, Terms, TopUp,
};

use super::*;
use crate::codec::encode_unit;
use crate::handle::{Journal, JournalSettings};
use crate::memory::{MemoryImage, MemoryStore};
use crate::projections::rows::Stored;
use crate::projections::store::{BatchWriter, Family};
use crate::projections::{KeyKind, MemoryProjections, Options, Projector};
use crate::record::samples::{HOLD_TIME_MS, attribution, capture, hold_id, issuer, refund, release, reserve, slices};
use crate::recovery::recover;
use crate::store::Store;
use crate::unit::EncodedUnit;
use crate::writer::Writer;
use crate::{Class, WriterId};

mod bytes;
mod compared;
#[cfg(feature = "rocks")]
mod damage;
mod told;

const NONE: Option<&MemoryProjections> = None;

fn account(number: u64) -> AccountId {
    AccountId(0xacc0 + u128::from(number))
}

/// An account with 100 free credits a day, 100 of a subscription, and 500 that were bought.
fn opened(number: u64) -> Vec<Record> {
    let id = u128::from(number) * 10;
    let open =
        Open { account: account(number), zone: "Asia/Tokyo".to_owned(), day: Day(20_779), issuer: issuer(id + 1) };
    let set = SetSubscription {
        account: account(number),
        day: Day(20_779),
        period: Period(3),
        amount: Credits::from_whole(100),
        tier: Tier(3),
        ends_at: Timestamp(HOLD_TIME_MS * 2),
        issuer: issuer(id + 2),
    };
    let top_up = top_up(number, id + 1, Credits::from_whole(500));
    vec![Record::Open(open), Record::SetSubscription(set), Record::TopUp(top_up)]
}

fn top_up(of: u64, payment: u128, amount: Credits) -> TopUp {
    let (bundle, by) = (String::new(), "billing".to_owned());
    TopUp { account: account(of), payment: PaymentId(payment), amount, bundle, by, at: Timestamp(HOLD_TIME_MS) }
}

fn a_reserve(number: u64, of: u64) -> Reserve {
    Reserve { account: account(of), ..reserve(hold_id(HOLD_TIME_MS + number * 20, number), slices(10, 200, 300)) }
}

/// What becomes of a hold, in all ways.
fn life(number: u64, of: u64) -> Vec<Record> {
    let begun = a_reserve(number, of);
    let (captured, returned) = (capture(&begun), release(&begun));
    let expired = Return { at: begun.ends_at, ..returned };
    let charged = Reserve { ends_at: begun.at, terms: Terms { ttl_ms: 0, hold_ms: 0, ..begun.terms }, ..begun };
    let refund = a_refund(&begun);
    let late = LateCapture {
        account: begun.account,
        hold: begun.hold,
        request: captured.request,
        taken: slices(0, 0, 400),
        shortfall: Credits::from_millis(110),
        attribution: attribution(),
        at: expired.at,
    };
    let part = Capture {
        request: CaptureRequest { number: 0, amount: Some(Credits::from_millis(10)), last: false },
        captured: slices(10, 0, 0).split,
        ..captured
    };
    let rest = Capture { captured: slices(0, 200, 300).split, ..captured };
    let extend = Extend { hold: begun.hold, ends_at: begun.ends_at.plus_millis(1) };
    let reserved = Record::Reserve(begun);
    match number % 6 {
        0 => vec![reserved],
        1 => vec![reserved, Record::Capture(captured)],
        2 => vec![reserved, Record::Release(returned)],
        3 => vec![reserved, Record::Expire(expired), Record::LateCapture(late)],
        4 => {
            vec![reserved, Record::Capture(part), Record::Extend(extend), Record::Capture(rest), Record::Refund(refund)]
        }
        _ => vec![Record::Charge(charged), Record::Refund(refund)],
    }
}

fn a_refund(of: &Reserve) -> Refund {
    refund(of, slices(0, 0, 100), of.at)
}

fn script(holds: u64) -> Vec<Record> {
    let policy = FreePolicy { from: Day(20_000), allowance: Credits::from_whole(100), all_accounts: true };
    let mut records = vec![Record::Policy(policy)];
    (0..3).for_each(|number| records.extend(opened(number)));
    (0..holds).for_each(|number| records.extend(life(number, number % 3)));
    records.push(Record::IdBound { bound: Timestamp(HOLD_TIME_MS) });
    records
}

/// A journal with an epoch record and then these records, in groups.
fn journal_of(records: &[Record], group: usize) -> MemoryImage {
    written(MemoryStore::new(), records, group).image()
}

fn written<S: Store>(mut store: S, records: &[Record], group: usize) -> S {
    let recovered = recover(&mut store, WriterId([7; 16]), HOLD_TIME_MS).unwrap();
    let (journal, mut writer) = Journal::start(store, recovered.end, &JournalSettings::default());
    for records in records.chunks(group) {
        push(&journal, &mut writer, records);
    }
    writer.into_store()
}

fn push<S: Store>(journal: &Journal, writer: &mut Writer<S>, records: &[Record]) {
    push_at(journal, writer, records, HOLD_TIME_MS);
}

fn push_at<S: Store>(journal: &Journal, writer: &mut Writer<S>, records: &[Record], now_ms: u64) {
    let mut unit = EncodedUnit::new();
    encode_unit(records, &mut unit).unwrap();
    assert!(journal.queue.try_take_room(unit.records(), Class::Settlement));
    journal.queue.push(&unit);
    writer.write_next(now_ms).unwrap();
}

/// The journal as a later daemon keeps it: from the group of this record on.
fn trimmed(whole: &MemoryImage, from: Position) -> MemoryImage {
    let mut store = MemoryStore::open(whole.clone());
    recover(&mut store, WriterId([8; 16]), HOLD_TIME_MS).unwrap();
    store.trim(from).unwrap();
    store.image()
}

/// Projections that followed the first groups of a journal.
fn followed(image: &MemoryImage, up_to: Position) -> MemoryProjections {
    let store = MemoryProjections::new();
    let mut projector = Projector::open(store.clone(), Options::default(), Position::MAX).unwrap();
    for bytes in image.groups.values() {
        let group = Group::check(bytes).unwrap();
        if group.last() <= up_to {
            projector.apply(&group).unwrap();
        }
    }
    projector.flush().unwrap();
    store
}

fn examined(image: &MemoryImage, projections: Option<&MemoryProjections>) -> Report {
    check(MemoryStore::open(image.clone()).reader().as_ref(), projections, &mut |_, _| {})
}

fn last_of(image: &MemoryImage) -> Position {
    Group::check(image.groups.last_key_value().unwrap().1).unwrap().last()
}

fn numbers(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.invariant.number()).collect()
}

#[test]
fn a_clean_journal_is_clean_wherever_the_projections_are() {
    let image = journal_of(&script(60), 7);
    let last = last_of(&image);
    for up_to in [Position::NONE, Position(1), Position(20), Position(80), last] {
        let report = examined(&image, Some(&followed(&image, up_to)));
        assert_eq!(report.findings, [], "projections at {up_to}");
        assert_eq!(report.counts.applied + 1, last.0);
        assert_eq!(report.counts.in_doubt, 0);
        let compared = if up_to == Position::NONE { Compared::Not } else { Compared::Whole };
        assert_eq!(report.compared, compared, "projections at {up_to}");
        assert!(report.notes.is_empty(), "{:?}", report.notes);
    }
    let report = examined(&image, NONE);
    assert_eq!((report.findings.len(), report.compared), (0, Compared::Not));
}

#[test]
fn a_trimmed_journal_is_checked_from_the_rows_on() {
    let records = script(60);
    let whole = journal_of(&records, 7);
    let last = last_of(&whole);
    for (kept_from, up_to) in [(30, 60), (60, 60), (61, 60), (2, last.0), (last.0, last.0)] {
        let image = trimmed(&whole, Position(kept_from));
        let report = examined(&image, Some(&followed(&whole, Position(up_to))));
        assert_eq!(report.findings, [], "from {kept_from}, projections at {up_to}");
        assert_eq!(report.compared, Compared::Partly);
        assert!(report.counts.applied <= last.0 - report.projections.unwrap().position.0);
        assert!(report.counts.records > 0 || kept_from == last.0);
    }
    // Without projections there is nothing to begin with.
    let image = trimmed(&whole, Position(30));
    let report = examined(&image, NONE);
    assert_eq!((numbers(&report), report.counts.applied), (vec!["I8"], 0));
    let finding = &report.findings[0];
    assert_eq!((finding.advice, finding.place.position), (Advice::Restore, Some(image.start.first)));
    assert!(finding.what.contains("there are no projections"), "{}", finding.what);
}

/// A record that the program never writes, after a clean journal: the number of what it breaks, and where.
#[track_caller]
fn planted(bad: Record, expected: &str) {
    let clean = script(60);
    let at = Position(clean.len() as u64 + 2);
    let mut records = clean.clone();
    records.push(bad.clone());
    // What comes after it about others is checked all the same.
    records.extend(opened(9));
    for projected in [false, true] {
        let image = journal_of(&records, 1);
        let projections = projected.then(|| followed(&image, Position(at.0 - 1)));
        let report = examined(&image, projections.as_ref());
        assert_eq!(numbers(&report), [expected], "{bad:?}: {:?}", report.findings);
        let finding = &report.findings[0];
        assert_eq!(finding.place.position, Some(at), "{bad:?}");
        assert_eq!(
            (finding.place.account, finding.place.hold),
            (wallet::audit::account_of(&bad), wallet::audit::hold_of(&bad))
        );
        assert!(!finding.what.is_empty() && finding.advice == Advice::Record);
        assert_eq!(report.counts.in_doubt, 0);
        assert_eq!(report.counts.records, records.len() as u64);
    }
}

fn roll(of: u64, period: u32, day: u32) -> CycleRoll {
    CycleRoll {
        account: account(of),
        day: Day(day),
        period: Period(period),
        allocation: Credits::from_whole(100),
        tier: Tier(3),
        ends_at: Timestamp(HOLD_TIME_MS * 3),
        at: Timestamp(HOLD_TIME_MS * 2),
        plan: wallet::ids::PlanId(1),
        cycle: 2,
        skipped: 0,
        changed: false,
    }
}

#[test]
fn i2_an_overspend_of_any_bucket_is_found() {
    for (number, amounts) in [(100, (0, 0, 900_000)), (101, (0, 200_000, 0)), (102, (200_000, 0, 0))] {
        let taken = slices(amounts.0, amounts.1, amounts.2);
        let over = Reserve { taken, ..a_reserve(number, 0) };
        planted(Record::Reserve(over), "I2");
        planted(Record::Charge(Reserve { ends_at: over.at, ..over }), "I2");
    }
}

#[test]
fn i2_what_no_request_asked_for_or_no_terms_allow_is_found() {
    let new = a_reserve(100, 0);
    let without_top_up = Terms { sources: Sources::NO_TOP_UP, ..new.terms };
    planted(Record::Reserve(Reserve { terms: without_top_up, ..new }), "I2");
    let open = a_reserve(0, 0);
    let asked = |amount| CaptureRequest { number: 1, amount: Some(Credits::from_millis(amount)), last: true };
    planted(Record::Capture(Capture { request: asked(509), ..capture(&open) }), "I2");
    let refund = Refund { number: 2, requested: Some(Credits::from_millis(99)), ..a_refund(&a_reserve(5, 2)) };
    planted(Record::Refund(refund), "I2");
    let issuer = issuer(999);
    let (amount, taken) = (Credits::from_millis(1), Credits::from_millis(2));
    planted(Record::Clawback(Clawback { account: account(0), amount, taken, debt: Credits::ZERO, issuer }), "I2");
    let allowance = Credits::from_millis(1 << 28);
    planted(Record::Policy(FreePolicy { from: Day(30_000), allowance, all_accounts: true }), "I2");
}

#[test]
fn r14_and_r28_purchases_and_the_mark_of_a_late_commit_are_watched() {
    planted(Record::TopUp(top_up(0, 777, Credits::ZERO)), "R14");
    let open = a_reserve(0, 0);
    planted(Record::Capture(Capture { late: true, ..capture(&open) }), "R28");
    planted(Record::Capture(Capture { at: open.ends_at, ..capture(&open) }), "R28");
}

#[test]
fn i5_a_second_effect_of_one_id_is_found() {
    let settled = a_reserve(1, 1);
    planted(Record::Capture(capture(&settled)), "I5");
    planted(Record::Reserve(settled), "I5");
    planted(Record::Reserve(a_reserve(0, 0)), "I5");
    planted(Record::Tombstone { hold: settled.hold, at: settled.at }, "I5");
    planted(Record::Refund(a_refund(&a_reserve(5, 2))), "I5");
    planted(opened(0)[0].clone(), "I5");
    planted(opened(0)[2].clone(), "I5");
    let Record::Open(open) = opened(0)[0].clone() else { unreachable!() };
    planted(Record::Open(Open { issuer: issuer(999), ..open }), "I5");
}

#[test]
fn i6_a_second_end_is_found() {
    let (settled, released, expired) = (a_reserve(1, 1), a_reserve(2, 2), a_reserve(3, 0));
    planted(Record::Release(release(&settled)), "I6");
    planted(Record::Expire(release(&released)), "I6");
    planted(Record::Release(release(&expired)), "I6");
    planted(Record::ReleaseWorker(release(&released)), "I6");
    planted(Record::Capture(capture(&released)), "I6");
    planted(Record::Extend(Extend { hold: settled.hold, ends_at: settled.ends_at }), "I6");
    // An end that moves back, an expiry before the end, a charge that lasts, a hold that ends before it begins.
    let open = a_reserve(0, 0);
    planted(Record::Extend(Extend { hold: open.hold, ends_at: open.ends_at }), "I6");
    planted(Record::Expire(release(&open)), "I6");
    planted(Record::Charge(a_reserve(100, 0)), "I6");
    let new = a_reserve(100, 0);
    planted(Record::Reserve(Reserve { ends_at: Timestamp(new.at.0 - 1), ..new }), "I6");
}

#[test]
fn i4_a_settlement_without_its_hold_and_a_record_without_its_account_are_found() {
    let unknown = a_reserve(700, 0);
    planted(Record::Capture(capture(&unknown)), "I4");
    planted(Record::Release(release(&unknown)), "I4");
    planted(Record::Refund(a_refund(&unknown)), "I4");
    planted(Record::Extend(Extend { hold: unknown.hold, ends_at: unknown.ends_at }), "I4");
    planted(Record::Reserve(a_reserve(701, 5)), "I4");
    // The hold of another account.
    let other = Reserve { account: account(1), ..a_reserve(0, 0) };
    planted(Record::Capture(capture(&other)), "I4");
}

#[test]
fn i1_a_lost_commit_and_wrong_sums_are_found() {
    // The commit of an open hold was lost: its refund is there.
    planted(Record::Refund(a_refund(&a_reserve(0, 0))), "I1");
    let open = a_reserve(0, 0);
    let short = capture(&open);
    planted(Record::Capture(Capture { captured: slices(10, 200, 299).split, ..short }), "I1");
    planted(Record::Capture(Capture { captured: slices(10, 200, 301).split, ..short }), "I1");
    planted(Record::Release(wallet::record::Return { returned: slices(10, 0, 500).split, ..release(&open) }), "I1");
    let refund = Refund { returned: vec![slices(0, 0, 101)], number: 2, ..a_refund(&a_reserve(5, 2)) };
    planted(Record::Refund(refund), "I1");
    let refund = Refund {
        undone: vec![slices(0, 0, 900)],
        returned: vec![slices(0, 0, 900)],
        number: 2,
        ..a_refund(&a_reserve(5, 2))
    };
    planted(Record::Refund(refund), "I1");
}

#[test]
fn i7_a_period_that_is_used_twice_or_goes_back_is_found() {
    planted(Record::CycleRoll(vec![roll(0, 3, 20_779)]), "I7");
    planted(Record::CycleRoll(vec![roll(0, 2, 20_779)]), "I7");
    planted(Record::CycleRoll(vec![roll(0, 4, 20_778)]), "I7");
    let Record::SetSubscription(set) = opened(0)[1].clone() else { unreachable!() };
    planted(Record::SetSubscription(SetSubscription { issuer: issuer(998), ..set }), "I7");
    let ahead = Slices { period: Period(4), ..slices(0, 1, 0) };
    planted(Record::Reserve(Reserve { taken: ahead, ..a_reserve(103, 0) }), "I7");
    let long_ago = Slices { day: Day(20_700), ..slices(1, 0, 0) };
    planted(Record::Reserve(Reserve { taken: long_ago, ..a_reserve(104, 0) }), "I7");
    let grant = Grant {
        account: account(0),
        bucket: Bucket::Subscription,
        amount: Credits::from_whole(1),
        day: Day(20_779),
        period: Period(4),
        issuer: issuer(997),
    };
    planted(Record::Grant(grant), "I7");
    let ends_at = Timestamp(HOLD_TIME_MS);
    let set = SetSubscription { period: Period(4), ends_at, issuer: issuer(996), ..set };
    planted(Record::SetSubscription(set), "I7");
    planted(Record::CycleRoll(vec![CycleRoll { ends_at: Timestamp(HOLD_TIME_MS * 2), ..roll(0, 4, 20_779) }]), "I7");
}

#[test]
fn r28_and_r32_late_commits_and_the_bound_of_ids_are_watched() {
    let expired = a_reserve(3, 0);
    let late = |hold: &Reserve, number, amount| {
        Record::LateCapture(LateCapture {
            account: hold.account,
            hold: hold.hold,
            request: CaptureRequest { number, amount: None, last: true },
            taken: slices(0, 0, amount),
            shortfall: Credits::ZERO,
            attribution: attribution(),
            at: hold.at,
        })
    };
    planted(late(&expired, 7, 1), "R28");
    planted(late(&a_reserve(0, 0), 7, 1), "R28");
    planted(late(&expired, 1, 1), "I5");
    planted(Record::IdBound { bound: Timestamp(HOLD_TIME_MS - 1) }, "R32");
    planted(Record::IdBound { bound: Timestamp(HOLD_TIME_MS) }, "R32");
}

#[test]
fn one_bad_roll_of_a_packed_record_leaves_the_others_checked() {
    let mut records = script(60);
    records.push(Record::CycleRoll(vec![roll(0, 4, 20_779), roll(1, 3, 20_779), roll(2, 4, 20_779)]));
    records.push(Record::CycleRoll(vec![roll(0, 5, 20_779), roll(1, 5, 20_779), roll(2, 4, 20_779)]));
    let report = examined(&journal_of(&records, 5), NONE);
    assert_eq!(numbers(&report), ["I7", "I7"]);
    let accounts: Vec<_> = report.findings.iter().map(|finding| finding.place.account).collect();
    assert_eq!(accounts, [Some(account(1)), Some(account(2))]);
    assert_eq!(report.counts.in_doubt, 1, "the roll of an account in doubt");
    assert_eq!(report.notes, ["1 records about accounts or holds with a finding were not checked."]);
}

#[test]
fn an_epoch_record_inside_a_group_and_an_unknown_record_stop_the_replay() {
    let (epoch, last, last_hash) = (crate::keys::Epoch(1), Position(1), crate::group::GroupHash::NONE);
    let inside = EpochRecord { epoch, writer: WriterId([7; 16]), last, last_hash };
    for bad in [vec![0_u8; 66], vec![99, 1, 2], inside.to_bytes().to_vec()] {
        let mut store = MemoryStore::new();
        let recovered = recover(&mut store, WriterId([7; 16]), HOLD_TIME_MS).unwrap();
        let (journal, mut writer) = Journal::start(store, recovered.end, &JournalSettings::default());
        push(&journal, &mut writer, &script(6));
        let mut unit = EncodedUnit::new();
        unit.push_record(&bad).unwrap();
        unit.push_record(&bad).unwrap();
        assert!(journal.queue.try_take_room(2, Class::Settlement));
        journal.queue.push(&unit);
        writer.write_next(HOLD_TIME_MS).unwrap();
        let image = writer.into_store().image();
        let report = examined(&image, NONE);
        assert_eq!(numbers(&report), ["I4", "I4"], "{:?}", report.findings);
        assert_eq!(report.findings[0].advice, Advice::Damaged);
        let group = *image.groups.last_key_value().unwrap().0;
        let places = report.findings.iter().map(|finding| (finding.place.group, finding.place.position));
        let expected = [(Some(group), Some(group.first)), (Some(group), Some(group.first.next()))];
        assert_eq!(places.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn findings_beyond_the_limit_are_counted() {
    let mut records = script(6);
    let unknown = |number: u64| Record::Release(release(&a_reserve(number + 100, number + 1_000)));
    records.extend((0..1_500).map(unknown));
    let report = examined(&journal_of(&records, 50), NONE);
    assert_eq!((report.findings.len(), report.more_findings), (FINDINGS_MAX, 500));
    assert!(!report.is_clean());
}

#[test]
fn what_was_looked_at_is_counted() {
    let image = journal_of(&script(60), 7);
    let report = examined(&image, Some(&followed(&image, last_of(&image))));
    let Counts { wallets, open_holds, ended_holds, commands, .. } = report.counts;
    assert_eq!((wallets, open_holds, ended_holds, commands), (3, 10, 50, 9));
}

/// What is in doubt is not compared: one wrong record is one finding.
#[test]
fn a_hold_in_doubt_is_not_told_twice() {
    let mut records = script(60);
    // The ledger takes it; the audit does not.
    records.push(Record::Capture(Capture { late: true, ..capture(&a_reserve(0, 0)) }));
    let image = journal_of(&records, 7);
    let store = followed(&image, last_of(&image));
    let report = examined(&image, Some(&store));
    assert_eq!((numbers(&report), report.compared), (vec!["R28"], Compared::Whole), "{:?}", report.findings);
}

#[test]
fn a_journal_that_cannot_be_followed_to_the_projections_is_told() {
    let image = journal_of(&script(60), 7);
    let store = followed(&image, last_of(&image));
    let mut gap = image.clone();
    let middle = *gap.groups.keys().nth(5).unwrap();
    gap.groups.remove(&middle);
    let report = examined(&gap, Some(&store));
    assert!(!report.is_clean() && report.compared == Compared::Not);
    let told =
        format!("The journal cannot be followed to position {}: the projections were not compared.", last_of(&image));
    assert_eq!(report.notes, [told]);
}

/// A journal of two epochs with a group that the first one left behind at the position of the second's record.
fn with_a_superseded_group() -> (MemoryImage, u64) {
    let (before, after) = (script(30), opened(9));
    let mut extended = before.clone();
    // More of them than the second epoch has.
    extended.extend(opened(8));
    extended.extend(opened(7));
    let left = journal_of(&extended, before.len());
    let mut store = MemoryStore::open(journal_of(&before, before.len()));
    let recovered = recover(&mut store, WriterId([8; 16]), HOLD_TIME_MS).unwrap();
    assert!(recovered.found.superseded.is_empty());
    let (journal, mut writer) = Journal::start(store, recovered.end, &JournalSettings::default());
    push(&journal, &mut writer, &after);
    let mut image = writer.into_store().image();
    let (key, bytes) = left.groups.last_key_value().unwrap();
    assert!(image.groups.insert(*key, bytes.clone()).is_none());
    (image, (before.len() + after.len()) as u64)
}

#[test]
fn what_an_ended_epoch_has_left_is_passed_over() {
    let (image, records) = with_a_superseded_group();
    let report = examined(&image, NONE);
    assert_eq!((report.findings.len(), report.counts.records), (0, records), "{:?}", report.findings);
    assert_eq!(report.journal.unwrap().superseded.len(), 1);
}

/// R32: the bound of a trimmed journal is that of its projections.
#[test]
fn r32_a_bound_that_goes_back_is_found_in_a_trimmed_journal() {
    let mut records = script(60);
    let before = records.len();
    records.extend(opened(9));
    records.push(Record::IdBound { bound: Timestamp(HOLD_TIME_MS - 1_000) });
    let whole = journal_of(&records, 1);
    let flushed = Position(before as u64 + 2);
    let report = examined(&trimmed(&whole, flushed), Some(&followed(&whole, flushed)));
    assert_eq!(numbers(&report), ["R32"], "{:?}", report.findings);
}

/// R14: a payment is remembered by its last record, also where its first is looked for.
#[test]
fn r14_a_confirmed_payment_has_left_its_mark_in_a_trimmed_journal() {
    let mut records = script(30);
    let TopUp { account, payment, amount, bundle, by, at } = top_up(0, 500, Credits::from_whole(1));
    let confirmed = ConfirmTopUp { account, payment, amount, bundle: bundle.clone(), by: by.clone(), at };
    let ends_at = at.plus_millis(1_000);
    records.push(Record::PendingTopUp(PendingTopUp { account, payment, amount, bundle, by, at, ends_at }));
    records.push(Record::ConfirmTopUp(confirmed));
    let whole = journal_of(&records, 1);
    let last = last_of(&whole);
    let report = examined(&trimmed(&whole, Position(20)), Some(&followed(&whole, last)));
    assert_eq!((report.findings.len(), report.compared), (0, Compared::Partly), "{:?}", report.findings);
}
