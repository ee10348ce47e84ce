//! Every account in turn: listings.

use super::world::{World, account};
use crate::accounts::AccountScan;
use crate::ids::AccountId;
use crate::settings::Settings;

fn world(accounts: &[&str]) -> World {
    let mut world = World::new(Settings::default());
    for name in accounts {
        world.check_line(&format!("open {name} => done"));
    }
    world
}

fn listed(world: &World, after: AccountId, limit: usize) -> Vec<AccountId> {
    let mut scan = AccountScan::new(after, limit);
    while !world.engine.scan_accounts(&mut scan, 2) {}
    scan.accounts().collect()
}

/// R33: by id, page by page, whatever the order in which they were opened.
#[test]
fn accounts_are_listed_by_id() {
    let world = world(&["d", "a", "c", "b", "e"]);
    let names = |names: &[&str]| names.iter().map(|name| account(name)).collect::<Vec<_>>();
    assert_eq!(listed(&world, AccountId::NONE, 2), names(&["a", "b"]));
    assert_eq!(listed(&world, account("b"), 2), names(&["c", "d"]));
    assert_eq!(listed(&world, account("d"), 2), names(&["e"]));
    assert_eq!(listed(&world, account("e"), 2), names(&[]));
    assert_eq!(listed(&world, AccountId::NONE, 9), names(&["a", "b", "c", "d", "e"]));
    assert!(world.engine.has_account(account("a")));
    assert!(!world.engine.has_account(account("z")));
}
