//! What a seed makes is what a daemon would have made: it starts from it, and the check of the folder finds nothing.

use journal::projections::{Options, Projector};
use journal::recovery::check as check_journal;
use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::fsck;

fn seeded(accounts: u32, funds: u64, behind_bytes: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let seed = Seed {
        from: 7 << 64,
        accounts,
        funds: Credits::from_whole(funds),
        behind_bytes,
        free: Seed::allowance(&Config::default().free),
    };
    run(&folder.path().join("data"), &seed).unwrap();
    folder
}

fn check(folder: &TempDir) -> fsck::Done {
    fsck::run(&folder.path().join("data"), None, &mut |_, _| {}).unwrap()
}

#[test]
fn a_seeded_folder_is_clean_to_the_check() {
    for (accounts, funds, behind) in [(1, 0, 0), (3_000, 1_000, 0), (2_000, 0, 300_000), (500, 10, 300_000)] {
        let folder = seeded(accounts, funds, behind);
        let done = check(&folder);
        assert_eq!(done.exit_code(), fsck::EXIT_CLEAN, "{accounts} {funds} {behind}: {}", fsck::text(&done));
        let text = fsck::text(&done);
        assert!(text.contains(&format!("{accounts} wallets")), "{text}");
    }
}

#[test]
fn what_is_to_be_behind_the_projections_is() {
    let folder = seeded(100, 10, 200_000);
    let path = folder.path().join("data");
    let store = RocksStore::open(&path.join("journal"), false).unwrap();
    let journal_end = check_journal(store.reader().as_ref(), &mut |_, _| {}).unwrap().end.last;
    drop(store);
    let projections = RocksProjections::open(&path.join("projections")).unwrap();
    let projector = Projector::open(projections, Options::default(), journal_end).unwrap();
    // Two records an account, and the allowance.
    assert_eq!(projector.reached().position.0, 201);
    assert!(journal_end.0 > 1_500, "{journal_end:?}");
}

#[test]
fn a_folder_with_a_journal_is_left_alone() {
    let folder = seeded(1, 0, 0);
    let seed = Seed {
        from: 1,
        accounts: 1,
        funds: Credits::ZERO,
        behind_bytes: 0,
        free: Seed::allowance(&Config::default().free),
    };
    let refused = run(&folder.path().join("data"), &seed).unwrap_err();
    assert!(matches!(refused, SeedError::NotNew { .. }), "{refused}");
}
