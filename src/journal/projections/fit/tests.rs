//! Projections are taken where they have reached a place in the chain, and nowhere else.

use super::*;
use crate::handle::{Journal, JournalSettings};
use crate::keys::{Epoch, GroupKey};
use crate::memory::{MemoryImage, MemoryStore};
use crate::projections::MemoryProjections;
use crate::projections::tests::script::{end, follow, open, set_up};
use crate::recovery::{adopt, check, recover};
use crate::store::Store;
use crate::unit::EncodedUnit;
use crate::{Class, WriterId};

/// Two epochs of groups with two records each: 1 (epoch record), 2 to 3, 4 to 5, 6 (epoch record), 7 to 8, 9 to 10.
fn two_epochs(writer: u8) -> MemoryImage {
    let mut image = MemoryImage::default();
    for _ in 0..2 {
        let mut store = MemoryStore::open(image);
        let end = recover(&mut store, WriterId([writer; 16]), 1).unwrap().end;
        let (journal, mut writer) = Journal::start(store, end, &JournalSettings::default());
        for number in 0..2 {
            let mut unit = EncodedUnit::new();
            unit.push_record(&[100, number]).unwrap();
            unit.push_record(&[101, number]).unwrap();
            assert!(journal.queue.try_take_room(2, Class::Reserve));
            journal.queue.push(&unit);
            writer.write_next(2).unwrap();
        }
        image = writer.store().image();
    }
    image
}

/// Every end of a group.
fn ends(image: &MemoryImage) -> Vec<Reached> {
    let of = |group: Group<'_>| Reached { position: group.last(), epoch: group.header().epoch, hash: group.hash() };
    image.groups.values().map(|bytes| of(Group::check(bytes).unwrap())).collect()
}

fn fit(image: &MemoryImage, reached: &Reached) -> Result<(), OpenError> {
    let mut store = MemoryStore::open(image.clone());
    let reader = store.reader();
    let found = check(reader.as_ref(), &mut |_, _| {}).unwrap();
    adopt(&mut store, &found);
    check_fit(reached, &found, reader.as_ref())
}

#[test]
fn new_projections_and_those_at_the_end_of_any_group_fit() {
    let image = two_epochs(5);
    assert_eq!(fit(&image, &Reached::default()), Ok(()));
    let ends = ends(&image);
    assert_eq!(ends.iter().map(|reached| reached.position.0).collect::<Vec<_>>(), [1, 3, 5, 6, 8, 10]);
    for reached in ends {
        assert_eq!(fit(&image, &reached), Ok(()), "{reached:?}");
    }
}

/// A journal that is one group shorter grows past the projections: its position is theirs again, and its records are others.
#[test]
fn projections_beyond_a_journal_do_not_fit_and_not_either_when_it_has_grown_past_them() {
    let whole = two_epochs(5);
    for reached in &ends(&whole)[1..] {
        let mut short = whole.clone();
        while ends(&short).last().unwrap().position >= reached.position {
            short.groups.pop_last();
        }
        let journal = ends(&short).last().unwrap().position;
        assert_eq!(fit(&short, reached), Err(OpenError::Ahead { reached: reached.position, journal }));
        for _ in 0..12 {
            let mut store = MemoryStore::open(short);
            recover(&mut store, WriterId([6; 16]), 1).unwrap();
            short = store.image();
        }
        assert_eq!(fit(&short, reached), Err(OpenError::Apart { reached: reached.position }), "{reached:?}");
    }
}

#[test]
fn position_epoch_and_hash_must_be_those_of_a_group() {
    let (image, other) = (two_epochs(5), two_epochs(6));
    for reached in ends(&image) {
        assert_eq!(fit(&other, &reached), Err(OpenError::Apart { reached: reached.position }), "another journal");
        let changed = [
            Reached { epoch: Epoch(reached.epoch.0 + 1), ..reached },
            Reached { hash: crate::group::GroupHash([9; 32]), ..reached },
            Reached { position: reached.position.before(), ..reached },
        ];
        for changed in changed {
            assert!(matches!(fit(&image, &changed), Err(OpenError::Apart { .. })), "{changed:?}");
        }
    }
    let inside = Reached { position: Position(2), ..ends(&image)[1] };
    assert_eq!(fit(&image, &inside), Err(OpenError::Apart { reached: Position(2) }), "no group ends there");
}

#[test]
fn a_trimmed_journal_needs_projections_that_reach_its_start() {
    let whole = two_epochs(5);
    for kept in 1..ends(&whole).len() {
        let ends = ends(&whole);
        let mut store = MemoryStore::open(whole.clone());
        let found = check(store.reader().as_ref(), &mut |_, _| {}).unwrap();
        adopt(&mut store, &found);
        let first = store.trim(ends[kept].position).unwrap().first;
        assert_eq!(first, ends[kept - 1].position.next());
        let image = store.image();
        assert_eq!(fit(&image, &ends[kept - 1]), Ok(()), "the start has the hash of the group before it");
        assert_eq!(fit(&image, &ends[kept]), Ok(()));
        let foreign = two_epochs(6);
        let apart = OpenError::Apart { reached: first.before() };
        assert_eq!(fit(&image, &super::tests::ends(&foreign)[kept - 1]), Err(apart));
        let behind = OpenError::Behind { reached: Position::NONE, first };
        assert_eq!(fit(&image, &Reached::default()), Err(behind));
    }
}

/// A group that an ended epoch has left at a later position is not the one that the projections have followed.
#[test]
fn what_was_superseded_is_passed_over() {
    let mut image = two_epochs(5);
    let left = image.groups.values().nth(1).cloned().unwrap();
    image.groups.insert(GroupKey { first: Position(8), epoch: Epoch(1) }, left);
    for reached in ends(&two_epochs(5)) {
        assert_eq!(fit(&image, &reached), Ok(()), "{reached:?}");
    }
}

#[test]
fn a_store_has_reached_what_was_flushed_into_it() {
    let store = MemoryProjections::new();
    let mut projector = open(store.clone());
    follow(&mut projector, &set_up(), 5, 2);
    assert_eq!(super::reached(&store), Ok(Reached::default()));
    projector.flush().unwrap();
    assert_eq!(super::reached(&store), Ok(end(5)));
}
