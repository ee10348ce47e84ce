//! What readers, the engine and comparisons see of the state.

use super::*;

/// I8: the bytes by which states are compared are those of the state.
#[test]
fn another_state_has_other_bytes_and_readers_see_how_far_it_is() {
    let script = script(20);
    for shorter in [1, script.len() / 2, script.len() - 1] {
        assert!(in_one_go(&script[..shorter]) != in_one_go(&script), "after {shorter} records");
    }
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, script.len(), 9);
    let archive = projector.archive();
    let reached = archive.reached();
    assert_eq!((archive.lag(reached), archive.lag(reached.plus(7)), archive.lag(Position::NONE)), (0, 7, 0));
}

/// Of an amount that no hold has, and of a name that only the row of its command has.
#[test]
fn i8_states_that_differ_in_an_amount_or_a_name_have_other_bytes() {
    let bytes = |amount, by: &str| {
        let mut script = set_up();
        let payment = wallet::ids::PaymentId(1_000);
        let (bundle, by, at) = (String::new(), by.to_owned(), Timestamp(HOLD_TIME_MS));
        let amount = Credits::from_whole(amount);
        script.push(Record::TopUp(TopUp { account: account(0), payment, amount, bundle, by, at }));
        let mut projector = open(MemoryProjections::new());
        follow(&mut projector, &script, script.len(), 9);
        let before = projector.archive().canonical().unwrap();
        projector.flush().unwrap();
        assert!(projector.archive().canonical().unwrap() == before);
        before
    };
    let one = bytes(1, "billing");
    assert!(one == bytes(1, "billing"));
    assert!(one != bytes(2, "billing"), "the amount");
    assert!(one != bytes(1, "support"), "the name");
}

#[test]
fn the_engine_reads_the_same_as_all_others() {
    use wallet::engine::Archive as OfEngine;
    let script = script(20);
    let mut projector = open(MemoryProjections::new());
    follow(&mut projector, &script, 15, 9);
    let archive = projector.archive();
    let key = CommandKey::Command(CommandId(101));
    let unflushed = OfEngine::command(&archive, key).unwrap();
    projector.flush().unwrap();
    follow(&mut projector, &script, script.len(), 9);
    let command = OfEngine::command(&archive, key).unwrap();
    assert!(command.is_some() && command == unflushed && command == archive.command(key).unwrap());
    let id = a_reserve(1).hold;
    let hold = OfEngine::hold(&archive, id).unwrap();
    assert!(hold.is_some() && hold == archive.hold(id).unwrap());
    assert_eq!(OfEngine::reached(&archive), Place(projector.reached().position.0));
    assert_eq!(OfEngine::flushed(&archive), Place(15));
}

#[test]
fn readers_see_the_allowances_and_the_bound_of_ids_from_their_record_on() {
    let script = script(10);
    let Record::Policy(policy) = &script[0] else { panic!("the first record is the policy") };
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    let archive = projector.archive();
    assert_eq!((archive.policies().all().len(), archive.id_bound()), (0, Timestamp(0)));
    follow(&mut projector, &script, script.len(), 9);
    projector.flush().unwrap();
    for archive in [archive, open(store.crashed()).archive()] {
        assert_eq!(archive.policies().all(), std::slice::from_ref(policy));
        assert_eq!(archive.id_bound(), Timestamp(HOLD_TIME_MS + 2_000));
    }
}

/// Persisted, as they are in every store that was written.
#[test]
fn the_column_families_keep_their_names() {
    assert_eq!(Family::ALL.map(Family::name), ["state", "holds"]);
}
