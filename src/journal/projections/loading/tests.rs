//! What a start reads: each wallet, hold and row on the shelf once, and under its own key.

use std::collections::BTreeMap;

use wallet::hold::HoldState;
use wallet::ids::{AccountId, Timestamp};

use crate::projections::tests::script::*;
use crate::projections::*;
use crate::record::samples::{HOLD_TIME_MS, capture};

/// What a start shows, part after part.
fn in_order(projector: &mut Projector<MemoryProjections>) -> Vec<Loaded> {
    let loading = projector.loading().unwrap();
    let mut loaded = Vec::new();
    loading.head(&mut |one| loaded.push(one)).unwrap();
    loading.wallets(&mut |one| loaded.push(one)).unwrap();
    loading.open_holds(&mut |one| loaded.push(one)).unwrap();
    loading.ended_holds(&mut |one| loaded.push(one)).unwrap();
    loaded
}

/// What a start shows, whatever the order inside a kind.
fn loaded(projector: &mut Projector<MemoryProjections>) -> Vec<String> {
    let mut loaded: Vec<String> = in_order(projector).iter().map(|one| format!("{one:?}")).collect();
    loaded.sort();
    loaded
}

#[test]
fn a_start_with_all_rows_in_memory_leads_to_the_same_state() {
    let script = script(60);
    let expected = in_one_go(&script);
    let mut plain = open(MemoryProjections::new());
    follow(&mut plain, &script, script.len(), 4);
    let expected_load = loaded(&mut plain);
    for (start, every) in [(0, 1), (1, 7), (11, 3), (script.len() / 2, 5), (script.len() / 2, 40)] {
        let store = MemoryProjections::new();
        let mut before = open(store.clone());
        follow(&mut before, &script, start, 4);
        before.flush().unwrap();
        let store = store.crashed();
        let shelf = Shelf::read(&store).unwrap().unwrap();
        let mut projector = open(store);
        projector.take_shelf(shelf).unwrap();
        let mut under_way = None;
        for to in (start..=script.len()).step_by(every).chain([script.len()]) {
            follow(&mut projector, &script, to, 3);
            // Written one step later: rows change meanwhile, and are asked for again after it.
            if let Some(flush) = std::mem::replace(&mut under_way, projector.begin_flush()) {
                Flush::write(flush).unwrap();
                under_way = projector.begin_flush();
            }
        }
        under_way.map(Flush::write).transpose().unwrap();
        assert!(projector.archive().canonical().unwrap() == expected, "from {start}, every {every} (I8)");
        assert_eq!(loaded(&mut projector), expected_load, "from {start}, every {every}");
    }
}

#[test]
fn a_start_loads_no_row_and_no_open_hold_under_a_key_of_another_kind() {
    let script = script(10);
    let hold = a_reserve(0).hold;
    let ended = || {
        let mut bytes = Vec::new();
        rows::encode_hold(hold, &wallet::hold::Hold::reserved(&a_reserve(0), true), &mut bytes);
        bytes
    };
    let row = |store: &MemoryProjections| store.value(Family::State, &wallet_key(account(0))).unwrap().unwrap();
    let open_key = open_hold_key(hold).to_vec();
    for wallet in [true, false] {
        let store = MemoryProjections::new();
        let mut projector = open(store.clone());
        follow(&mut projector, &script, script.len(), 5);
        projector.flush().unwrap();
        let (key, value) =
            if wallet { (wallet_key(AccountId(5)).to_vec(), row(&store)) } else { (open_key.clone(), ended()) };
        store.write(&mut |batch| batch.put(Family::State, &key, &value)).unwrap();
        let loading = projector.loading().unwrap();
        let loaded = if wallet { loading.wallets(&mut |_| {}) } else { loading.open_holds(&mut |_| {}) };
        assert!(matches!(&loaded, Err(ReadError::Damaged { .. })), "{loaded:?}");
        if !wallet {
            let mut again = open(store);
            let found = again.archive().hold(hold);
            assert!(matches!(&found, Err(ReadError::Damaged { .. })), "I6: {found:?}");
            let next = again.next();
            let end = end(usize::try_from(next.0).unwrap());
            let settled = again.apply_group(next, &[Record::Capture(capture(&a_reserve(0)))], end);
            assert!(matches!(settled, Err(ApplyError::Read(_))), "I6: {settled:?}");
        }
    }
}

#[test]
fn what_was_applied_before_is_not_given_a_shelf() {
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    follow(&mut projector, &script(10), 5, 5);
    projector.flush().unwrap();
    let shelf = || Shelf::read(&store).unwrap().unwrap();
    projector.take_shelf(shelf()).unwrap();
    let twice = caught(|| projector.take_shelf(shelf()).is_ok());
    assert!(twice.unwrap_err().contains("an entry is one of the shelf that is there"));
}

#[test]
fn a_start_loads_rows_open_holds_and_what_ended_above_the_bound() {
    let script = script(80);
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, script.len(), 9);
    let loaded = in_order(&mut projector);
    let bound = Timestamp(HOLD_TIME_MS + 2_000);
    assert!(matches!(loaded[0], Loaded::Policy(_)));
    assert_eq!(loaded[1], Loaded::IdBound(bound));
    let wallets = loaded.iter().filter(|one| matches!(one, Loaded::Wallet(_))).count();
    assert_eq!(wallets, 3);
    let holds: BTreeMap<_, _> = loaded
        .iter()
        .filter_map(|one| match one {
            Loaded::Hold(id, hold) => Some((*id, (hold.last_position, hold.ended_at))),
            Loaded::Ended(ended) => Some((ended.id, (ended.last_position, ended.ended_at))),
            _ => None,
        })
        .collect();
    let all = loaded.iter().filter(|one| matches!(one, Loaded::Hold(..) | Loaded::Ended(_))).count();
    assert_eq!(holds.len(), all, "each hold once");
    let archive = projector.archive();
    for number in 0..80 {
        let id = a_reserve(number).hold;
        let hold = archive.hold(id).unwrap().unwrap();
        let wanted = hold.state == HoldState::Open || id.own_time().is_some_and(|time| time >= bound);
        let kept = (hold.last_position, hold.ended_at);
        assert_eq!(holds.get(&id).copied(), wanted.then_some(kept), "hold {number}");
    }
}

#[test]
fn a_shelf_that_was_given_back_is_gone() {
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    for _ in 0..2 {
        projector.take_shelf(Shelf::read(&store).unwrap().unwrap()).unwrap();
        projector.drop_shelf().unwrap();
        projector.drop_shelf().unwrap();
    }
}

#[test]
fn whoever_asks_second_is_shown_no_wallet_again() {
    let script = script(10);
    for with_shelf in [false, true] {
        let store = MemoryProjections::new();
        let mut projector = open(store.clone());
        follow(&mut projector, &script, script.len(), 9);
        projector.flush().unwrap();
        if with_shelf {
            projector.take_shelf(Shelf::read(&store).unwrap().unwrap()).unwrap();
        }
        let loading = projector.loading().unwrap();
        let counted = [(), ()].map(|()| {
            let mut count = 0;
            loading.wallets(&mut |_| count += 1).unwrap();
            count
        });
        assert_eq!(counted, [3, 0]);
    }
}

#[test]
fn a_start_without_a_bound_loads_all_holds_that_ended_with_a_time_of_their_own_or_without() {
    let script: Vec<Record> =
        script(80).into_iter().filter(|record| !matches!(record, Record::IdBound { .. })).collect();
    let mut projector = open(MemoryProjections::new());
    for to in (0..script.len()).step_by(17).chain([script.len()]) {
        follow(&mut projector, &script, to, 9);
        projector.flush().unwrap();
    }
    let mut shown = Vec::new();
    projector.loading().unwrap().ended_holds(&mut |one| shown.push(one)).unwrap();
    let ended: Vec<EndedHold> =
        shown.into_iter().map(|one| if let Loaded::Ended(ended) = one { ended } else { panic!("{one:?}") }).collect();
    let archive = projector.archive();
    let expected = (0..80).filter(|number| number % 8 != 0).map(|number| {
        let id = a_reserve(number).hold;
        let hold = archive.hold(id).unwrap().unwrap();
        (id, (hold.last_position, hold.ended_at))
    });
    let found: BTreeMap<_, _> = ended.iter().map(|one| (one.id, (one.last_position, one.ended_at))).collect();
    assert_eq!(found.len(), ended.len(), "each hold once");
    assert_eq!(found, expected.collect());
}
