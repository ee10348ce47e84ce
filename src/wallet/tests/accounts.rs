//! Every account in turn: listings, and cycles of wallets that nobody asks for.

use std::sync::Arc;

use super::world::{World, account, instant};
use crate::accounts::{AccountScan, RollRound};
use crate::ids::{AccountId, Now, PlanId, Timestamp};
use crate::outcome::Outcome;
use crate::plan::parse::plan_catalog;
use crate::request::Command;
use crate::settings::Settings;

const PLANS: &str = "version = 1\n[[plan]]\nid = 1\nname = \"basic\"\ntier = 1\ncredits = 100\n";

fn world(accounts: &[&str]) -> World {
    let mut world = World::new(Settings::default());
    world.engine.set_plans(Arc::new(plan_catalog("plans.toml", PLANS).unwrap()));
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

/// R10, R35: a round rolls those whose cycle has ended, a slice at a time, and each once.
#[test]
fn idle_wallets_are_rolled_in_slices() {
    let mut world = world(&["a", "b", "c", "d", "e"]);
    for name in ["a", "b", "d", "e"] {
        let (account, plan) = (account(name), PlanId(1));
        let command = Command::Subscribe { account, plan, auto_renew: name != "e", paid_through: Timestamp::NONE };
        assert_eq!(world.command(command).outcome, Outcome::Done);
    }
    let mut round = RollRound::default();
    let slice = world.engine.roll_idle(&mut round, (100, 100), world.now);
    assert_eq!((slice.rolled, slice.over), (0, true), "nothing is due");
    world.now = Now::at(instant("2026-05-20T00:00:00Z"));
    let mut slices = Vec::new();
    loop {
        let slice = world.engine.roll_idle(&mut round, (3, 1), world.now);
        slices.push(slice.rolled);
        if slice.over {
            break;
        }
    }
    assert_eq!(slices, [1, 1, 1, 1, 0]);
    let slice = world.engine.roll_idle(&mut round, (100, 100), world.now);
    assert_eq!((slice.rolled, slice.over), (0, true), "each is rolled once");
    world.check("balance d => done left=0/100/0\n balance e => done left=100/0/0");
}
