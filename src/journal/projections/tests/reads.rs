//! What is in memory is not read from the store: counted, because a read that is not needed changes no state.

use super::counting::Counting;
use super::*;

fn opened(counting: &Counting, options: Options) -> Projector<Counting> {
    let mut projector = Projector::open(counting.clone(), options, Position::MAX).unwrap();
    follow(&mut projector, &set_up(), set_up().len(), 9);
    projector
}

fn apply(projector: &mut Projector<Counting>, records: &[Record]) {
    let first = projector.next();
    let last = usize::try_from(first.0).unwrap() + records.len() - 1;
    projector.apply_group(first, records, end(last)).unwrap();
}

/// I5, and what it costs to look.
#[test]
fn new_ids_are_looked_for_in_the_store_with_every_check_and_only_then() {
    for check_new_ids in [false, true] {
        let counting = Counting::default();
        let mut projector = opened(&counting, Options { check_new_ids, ..Options::default() });
        let tombstone = Record::Tombstone { hold: a_reserve(3).hold, at: a_reserve(3).at };
        for record in [Record::Reserve(a_reserve(1)), Record::Charge(a_reserve(2)), tombstone] {
            let before = counting.holds();
            apply(&mut projector, std::slice::from_ref(&record));
            assert_eq!(counting.holds() > before, check_new_ids, "{record:?}");
        }
    }
}

/// Reads of holds when so many, which a flush has taken, are settled.
fn reads_of_settling(holds: u64, cached_holds_max: usize) -> u64 {
    let counting = Counting::default();
    let mut projector = opened(&counting, Options { cached_holds_max, ..Options::default() });
    let begin: Vec<_> = (0..holds).map(|number| Record::Reserve(a_reserve(number))).collect();
    apply(&mut projector, &begin);
    projector.flush().unwrap();
    assert_eq!(counting.holds(), 0);
    let settle: Vec<_> = (0..holds).map(|number| Record::Capture(capture(&a_reserve(number)))).collect();
    apply(&mut projector, &settle);
    let reads = counting.holds();
    for number in 0..holds {
        let hold = projector.archive().hold(a_reserve(number).hold).unwrap().unwrap();
        assert_eq!(hold.state, HoldState::Settled, "hold {number}");
    }
    reads
}

#[test]
fn open_holds_that_were_flushed_are_settled_without_a_read_of_the_store() {
    assert_eq!(reads_of_settling(40, 40), 0);
    assert_eq!(reads_of_settling(40, 1_000), 0);
}

/// I9: the cache of holds has a limit, and what it has no room for is read.
#[test]
fn i9_a_full_cache_of_holds_starts_anew() {
    assert_eq!(reads_of_settling(40, 39), 39, "the last one is in the new cache");
    assert_eq!(reads_of_settling(5, 4), 4);
}

/// I6: a hold that changed while its flush was written is not taken from the cache.
#[test]
fn i6_a_hold_that_changed_while_it_was_flushed_is_not_cached_as_it_was() {
    let counting = Counting::default();
    let mut projector = opened(&counting, Options::default());
    apply(&mut projector, &[Record::Reserve(a_reserve(0)), Record::Reserve(a_reserve(1))]);
    let flush = projector.begin_flush().unwrap();
    apply(&mut projector, &[Record::Capture(capture(&a_reserve(0)))]);
    flush.write().unwrap();
    assert_eq!(counting.holds(), 0, "what is being flushed is in memory");
    apply(&mut projector, &[Record::Release(release(&a_reserve(1)))]);
    assert_eq!(counting.holds(), 0, "what was flushed and did not change is in memory");
    let states = [0, 1].map(|number| projector.archive().hold(a_reserve(number).hold).unwrap().unwrap().state);
    assert_eq!(states, [HoldState::Settled, HoldState::Released]);
}
