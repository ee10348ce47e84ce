//! Projections that are not what the journal says (I4, I8).

use super::*;

/// Projections of a clean journal with one entry changed.
fn changed(change: impl Fn(&mut dyn BatchWriter, &MemoryProjections)) -> (MemoryImage, MemoryProjections) {
    let image = journal_of(&script(60), 7);
    let store = followed(&image, last_of(&image));
    store.write(&mut |batch| change(batch, &store)).unwrap();
    (image, store)
}

fn put_row(batch: &mut dyn BatchWriter, row: &wallet::row::Row) {
    let mut bytes = Vec::new();
    row.encode(&mut bytes);
    batch.put(Family::State, &crate::projections::wallet_key(row.account), &bytes);
}

fn row_of(store: &MemoryProjections, number: u64) -> wallet::row::Row {
    crate::projections::disk::row(store, account(number)).unwrap().unwrap()
}

#[test]
fn i8_projections_that_are_not_what_the_journal_says_are_found() {
    // A grant that nobody journaled; I1 holds.
    let (image, store) = changed(|batch, store| {
        let mut row = row_of(store, 1);
        row.top_up_net += 5_000;
        row.counters_mut(Bucket::TopUp).granted += Credits::from_millis(5_000);
        put_row(batch, &row);
    });
    let report = examined(&image, Some(&store));
    assert_eq!(numbers(&report), ["I8"]);
    assert!(report.findings[0].what.starts_with("available in TopUp: "), "{:?}", report.findings);
    assert_eq!(report.findings[0].place.account, Some(account(1)));
    assert_eq!(report.findings[0].advice, Advice::MakeAgain);

    // The same without its counter breaks I1 as well, for the wallet and in total.
    let (image, store) = changed(|batch, store| {
        let mut row = row_of(store, 1);
        row.top_up_net += 5_000;
        put_row(batch, &row);
    });
    assert_eq!(numbers(&examined(&image, Some(&store))), ["I1", "I1", "I8"]);

    // A wallet is gone, and its open holds with nothing to belong to.
    let (image, store) = changed(|batch, _| batch.delete(Family::State, &crate::projections::wallet_key(account(0))));
    let report = examined(&image, Some(&store));
    assert_eq!(numbers(&report), ["I4", "I8"]);

    // A hold is gone.
    let open = a_reserve(0, 0).hold;
    let (image, store) = changed(|batch, _| batch.delete(Family::State, &crate::projections::open_hold_key(open)));
    let report = examined(&image, Some(&store));
    assert!(numbers(&report).contains(&"I1") && numbers(&report).contains(&"I8"), "{:?}", report.findings);
    assert!(report.findings.iter().any(|finding| finding.place.hold == Some(open)));

    // Bytes that are no row.
    let (image, store) =
        changed(|batch, _| batch.put(Family::State, &crate::projections::wallet_key(account(0)), b"?"));
    assert!(numbers(&examined(&image, Some(&store))).contains(&"I8"));

    // A command is gone, and the bound of ids.
    let (image, store) = changed(|batch, _| {
        batch.delete(Family::State, &crate::projections::id_key(KeyKind::Command, 2));
        batch.delete(Family::State, &[KeyKind::IdBound as u8]);
    });
    assert_eq!(numbers(&examined(&image, Some(&store))), ["I8", "I8"]);
}

#[test]
fn i4_projections_that_say_they_are_at_the_end_of_all_numbers_are_found() {
    let (image, store) = changed(|batch, _| {
        let mut bytes = Vec::new();
        Reached { position: Position::MAX, ..Reached::default() }.encode(&mut bytes);
        batch.put(Family::State, &[KeyKind::Reached as u8], &bytes);
    });
    let report = examined(&image, Some(&store));
    assert!(numbers(&report).contains(&"I4"), "{:?}", report.findings);
}

#[test]
fn i4_a_lost_end_of_the_journal_is_found_by_the_projections() {
    let image = journal_of(&script(60), 7);
    let store = followed(&image, last_of(&image));
    let mut short = image.clone();
    short.groups.pop_last();
    let report = examined(&short, Some(&store));
    assert_eq!(numbers(&report), ["I4"]);
    assert_eq!(report.findings[0].advice, Advice::Apart);
    assert_eq!(report.findings[0].place.position, Some(last_of(&image)), "where the projections are");
    // A journal of another daemon, as long as this one.
    let mut other = MemoryStore::new();
    recover(&mut other, WriterId([9; 16]), 5).unwrap();
    let other = written_again(other, &script(60));
    assert_eq!(numbers(&examined(&other, Some(&store))), ["I4"]);
}

fn written_again(store: MemoryStore, records: &[Record]) -> MemoryImage {
    written(store, records, 7).image()
}

#[test]
fn i8_a_trimmed_journal_finds_what_the_projections_lost() {
    let whole = journal_of(&script(60), 7);
    let store = followed(&whole, last_of(&whole));
    let image = trimmed(&whole, Position(100));
    assert_eq!(examined(&image, Some(&store)).findings, []);
    store.write(&mut |batch| batch.delete(Family::State, &crate::projections::wallet_key(account(2)))).unwrap();
    let report = examined(&image, Some(&store));
    assert!(numbers(&report).contains(&"I8"), "{:?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.place.account == Some(account(2))), "{:?}", report.findings);
}

/// I8: how a row differs is told by its first field that does.
#[test]
fn i8_a_row_that_differs_is_told_by_what_differs() {
    type Plant = fn(&mut wallet::row::Row);
    let plants: [(Plant, &str); 3] = [
        (
            |row| {
                row.counters_mut(Bucket::Free).granted += Credits::from_millis(5);
                row.counters_mut(Bucket::Free).expired += Credits::from_millis(5);
            },
            "Free: Counters",
        ),
        (|row| row.day = Day(row.day.0 + 1), "day, period, tier and open holds are "),
        (|row| row.zone = "Asia/Seoul".to_owned(), "its subscription, zone, freeze or pending top-ups are not"),
    ];
    for (plant, told) in plants {
        let (image, store) = changed(|batch, store| {
            let mut row = row_of(store, 1);
            plant(&mut row);
            put_row(batch, &row);
        });
        let report = examined(&image, Some(&store));
        assert_eq!(numbers(&report), ["I8"], "{told}");
        assert!(report.findings[0].what.starts_with(told), "{:?}", report.findings);
    }
}

/// I8: ended holds may be gone once the shortest refund window has passed, and not before.
#[test]
fn i8_ended_holds_are_missed_while_they_can_be_refunded() {
    const WINDOW_MS: u64 = 86_400_000;
    for young in [0, 1, 20, 21, 600, 10_000] {
        let mut store = MemoryStore::new();
        let recovered = recover(&mut store, WriterId([7; 16]), HOLD_TIME_MS).unwrap();
        let (journal, mut writer) = Journal::start(store, recovered.end, &JournalSettings::default());
        for records in script(60).chunks(7) {
            push_at(&journal, &mut writer, records, HOLD_TIME_MS + WINDOW_MS + young);
        }
        let image = writer.into_store().image();
        let store = MemoryProjections::new();
        let mut projector = Projector::open(store.clone(), Options::default(), Position::MAX).unwrap();
        for bytes in image.groups.values() {
            projector.apply(&Group::check(bytes).unwrap()).unwrap();
        }
        projector.flush().unwrap();
        projector.prune(u64::MAX);
        projector.flush().unwrap();
        let missed = (0..60).filter(|number| number % 6 != 0 && number * 20 >= young).count();
        let report = examined(&image, Some(&store));
        assert_eq!(report.findings.len(), missed, "{young}: {:?}", report.findings);
        assert!(report.findings.iter().all(|finding| finding.what == "the projections do not have it"));
    }
}

/// I8: a hold is compared with all that the journal says of it.
#[test]
fn i8_a_hold_that_differs_is_found() {
    let open = a_reserve(0, 0).hold;
    let (image, store) = changed(|batch, store| {
        let (mut hold, _) = crate::projections::disk::hold(store, open).unwrap().unwrap();
        hold.attribution.count += 1;
        let mut bytes = Vec::new();
        crate::projections::rows::encode_hold(open, &hold, &mut bytes);
        batch.put(Family::State, &crate::projections::open_hold_key(open), &bytes);
    });
    let report = examined(&image, Some(&store));
    assert_eq!(numbers(&report), ["I8"], "{:?}", report.findings);
    let finding = &report.findings[0];
    assert_eq!((finding.place.hold, finding.place.account), (Some(open), Some(account(0))));
    assert!(finding.what.starts_with("it is Open with 0 captured and 0 steps, and by the journal Open"), "{finding:?}");
}

/// I8: what is in doubt is not compared, be it the account or the hold alone.
#[test]
fn i8_holds_and_commands_of_an_account_in_doubt_are_not_told() {
    let mut records = script(60);
    records.push(Record::TopUp(top_up(0, 777, Credits::ZERO)));
    // The projections have what the replay leaves out from here on: a commit, a purchase, a reserve.
    records.push(Record::Capture(capture(&a_reserve(0, 0))));
    records.push(Record::TopUp(top_up(0, 778, Credits::from_whole(5))));
    records.push(Record::Reserve(a_reserve(100, 0)));
    let image = journal_of(&records, 7);
    let report = examined(&image, Some(&followed(&image, last_of(&image))));
    assert_eq!((numbers(&report), report.compared), (vec!["R14"], Compared::Whole), "{:?}", report.findings);
    assert_eq!(report.counts.in_doubt, 3);
}

/// I8: a command is found to be another one by its id, and by a position that was not reached.
#[test]
fn i8_commands_that_are_not_those_of_their_keys_are_found() {
    let row_of = |store: &MemoryProjections, id| {
        crate::projections::disk::command(store, wallet::ledger::CommandKey::Command(wallet::ids::CommandId(id)))
            .unwrap()
            .unwrap()
    };
    let put = |batch: &mut dyn BatchWriter, id: u128, row: &wallet::ledger::CommandRow| {
        let mut bytes = Vec::new();
        row.encode(&mut bytes);
        batch.put(Family::State, &crate::projections::id_key(KeyKind::Command, id), &bytes);
    };
    let (image, store) = changed(|batch, store| put(batch, 1, &row_of(store, 2)));
    let another = examined(&image, Some(&store));
    let (image, store) = changed(|batch, store| {
        let mut row = row_of(store, 1);
        row.position.0 += 100_000;
        put(batch, 1, &row);
    });
    let beyond = examined(&image, Some(&store));
    for report in [another, beyond] {
        let told: Vec<_> = report.findings.iter().map(|finding| finding.what.as_str()).collect();
        let id = "Command 00000000000000000000000000000001";
        assert_eq!(told, [format!("{id} is remembered as another one"), format!("{id} is not what the journal says")]);
    }
}

/// I8: what a trimmed journal does not tell is taken from the rows: the holds of before, and the allowances.
#[test]
fn i8_a_trimmed_journal_goes_on_from_every_record() {
    let mut records = script(24);
    let next_day = Slices { day: Day(20_780), ..slices(100_000, 0, 0) };
    records.push(Record::Reserve(Reserve { taken: next_day, ..a_reserve(30, 0) }));
    let whole = journal_of(&records, 1);
    assert_eq!(examined(&whole, NONE).findings, [], "the whole journal");
    for at in 3..=last_of(&whole).0 {
        let report = examined(&trimmed(&whole, Position(at)), Some(&followed(&whole, Position(at))));
        assert_eq!((report.findings, report.compared), (vec![], Compared::Partly), "trimmed at {at}");
    }
}
