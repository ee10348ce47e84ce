//! Places within few descriptors.

use super::*;

fn wanted() -> Limits {
    Limits::wanted(&ServerPart::default())
}

#[test]
fn with_descriptors_for_all_the_configuration_holds() {
    assert_eq!(wanted().within(wanted().sum() + FILES, 40), wanted());
    assert_eq!(wanted().within(u32::MAX, 40), wanted());
}

#[test]
fn the_stores_keep_their_share_and_every_sort_has_a_place() {
    for descriptors in 0..4_096 {
        for in_use in [3, 30, 60, 150] {
            let limits = wanted().within(descriptors, in_use);
            let Limits { connections, strangers, turned_away, http } = limits;
            assert!(connections > 0 && strangers > 0 && turned_away > 0 && http > 0, "{descriptors}: {limits:?}");
            // Below that the system itself refuses what is too much.
            if descriptors >= in_use + FILES_SPARE + 8 {
                let kept = descriptors - limits.sum();
                assert!(kept >= in_use + FILES_SPARE, "{descriptors}: {limits:?} leave {kept} of {in_use}");
            }
        }
    }
}

#[test]
fn more_descriptors_are_never_fewer_places() {
    let mut before = wanted().within(64, 30);
    for descriptors in 65..4_096 {
        let limits = wanted().within(descriptors, 30);
        assert!(limits.sum() >= before.sum(), "{descriptors}: {limits:?} after {before:?}");
        before = limits;
    }
}

#[test]
fn the_projections_keep_few_files_open_where_there_are_few_descriptors() {
    assert_eq!([0, 512, 1_024, 2_048, 4_096, u32::MAX].map(projection_files), [128, 128, 128, 256, 512, 512]);
}
