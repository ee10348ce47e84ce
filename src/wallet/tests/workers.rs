//! Workers: R31, and what a hold that was released in bulk still takes (R28).

use super::threads::request;
use super::world::{account, hold_id};
use super::{World, check, check_with};
use crate::engine::CHUNK_OPERATIONS_MAX;
use crate::hold::HoldState;
use crate::ids::{AccountId, HoldId, WorkerId};
use crate::record::Record;
use crate::request::{Operation, ReserveRequest};
use crate::settings::Settings;
use crate::workers::WORKER_HOLDS_MAX;

#[test]
fn r31_holds_are_listed_by_account_worker_and_age() {
    check(
        "open a
         open b
         holds                          => none
         reserve h1 a 1 worker=7
         after 10s
         reserve h2 a 1 worker=8
         reserve h3 b 1 worker=7
         reserve h4 b 1
         charge c1 a 1 worker=7
         holds                          => h1,h2,h3,h4
         holds account=a                => h1,h2
         holds worker=7                 => h1,h3
         holds worker=7 account=b       => h3
         holds older=10s                => h1
         holds older=10001              => none
         holds limit=2                  => h1,h2
         holds limit=2 after=h2         => h3,h4
         holds limit=2 after=h4         => none
         commit h1 1
         release h3
         commit h2 0.5 more
         holds                          => h2,h4
         after 60s
         expire                         => 2
         holds                          => none",
    );
}

#[test]
fn r31_all_holds_of_a_dead_worker_are_released_in_one_command() {
    let world = check(
        "open a
         open b
         reserve h1 a 10 worker=7
         reserve h2 a 20 worker=7
         reserve h3 a 5 worker=8
         reserve h4 b 10 worker=7
         commit h2 5 n=1 more
         release_worker 7 b             => 1
         balance b                      => done left=100/0/0
         balance a                      => done left=65/0/0
         release_worker 7               => 2
         balance a                      => done left=90/0/0
         release_worker 7               => 0
         release_worker 0               => 0
         holds                          => h3",
    );
    let row = &world.disk.replayed().rows[&super::world::account("a")];
    assert_eq!(row.open_holds, 1);
}

#[test]
fn r31_more_holds_than_a_chunk_are_released_chunk_by_chunk() {
    let mut world = World::new(Settings::default());
    world.check("open a\ngrant a free 2000");
    for number in 0..1_100 {
        world.check_line(&format!("reserve h{number} a 1 worker=7"));
    }
    // One walk finds them all, in the order of their ids.
    let found = world.engine.holds_of_worker(AccountId::NONE, WorkerId(7));
    assert!(found.len() == 1_100 && found.is_sorted());
    world.check("release_worker 7 => 1100\nbalance a => done left=2100/0/0");
    assert_eq!(world.engine.gauges().holds_open, 0);
    let ends = world.disk.records().into_iter().filter(|record| matches!(record, Record::ReleaseWorker(_)));
    assert_eq!(ends.count(), 1_100);
}

#[test]
fn r31_a_bulk_release_forfeits_what_belongs_to_an_ended_period() {
    check(
        "open a
         at 2026-03-10T23:59:30Z
         reserve h1 a 30 worker=7
         at 2026-03-11T00:00:10Z
         release_worker 7               => 1
         balance a                      => done left=100/0/0",
    );
}

#[test]
fn r31_a_bulk_release_repays_debt() {
    check(
        "open a
         subscribe a 1
         topup a 60
         reserve h1 a 120 worker=7      => granted split=100/1/19
         clawback a 60                  => done debt=19
         release_worker 7               => 1
         balance a                      => done debt=0 left=100/1/0",
    );
}

#[test]
fn r28_a_hold_released_by_worker_takes_late_commits_like_an_expired_one() {
    let mut world = check(
        "open a
         reserve h1 a 60 worker=7
         release_worker 7               => 1
         release h1                     => already_released
         extend h1 10s                  => already_released
         reserve h1 a 60 worker=7       => replayed:granted
         reserve h2 a 75                => granted left=25/0/0
         commit h1 20 n=1 more          => late split=20/0/0 late left=5/0/0
         commit h1 20 n=1 more          => replayed:late amount=20
         commit h1 41 n=2               => exceeds_hold amount=40
         commit h1 40 n=2               => late_uncovered split=5/0/0 amount=35
         commit h1 1 n=3                => already_settled amount=25
         refund h1 all                  => done split=25/0/0",
    );
    let hold = world.hold("h1");
    assert_eq!(world.disk.replayed().holds[&hold].state, HoldState::ReleasedByWorker);
    world.restarted().check("commit h1 40 n=2 => replayed:late_uncovered amount=35\nrelease h1 => already_released");
}

#[test]
fn r28_where_late_commits_are_refused_it_was_released_already() {
    check_with(
        Settings { late_redebit: false, ..Settings::default() },
        "open a
         reserve h1 a 60 worker=7 ttl=10s
         reserve h2 a 10 ttl=10s
         commit h1 10 n=1 more
         release_worker 7               => 1
         commit h1 20 n=2               => already_released
         commit h1 10 n=1 more          => replayed:done amount=10
         refund h1 all                  => done amount=10
         after 10s
         expire                         => 1
         commit h2 10                   => hold_expired",
    );
}

/// I9: a walk finds no more than its limit, the first by their ids, and only a full one says that there may be more.
#[test]
fn r31_a_walk_finds_the_first_holds_of_a_worker_up_to_its_limit() {
    let mut world = check("open a\nreserve other a 0 worker=2");
    let ids: Vec<HoldId> = (10..).map(|number| hold_id(world.now.wall, number)).take(WORKER_HOLDS_MAX + 1).collect();
    for some in ids.chunks(CHUNK_OPERATIONS_MAX) {
        let reserve =
            |id: &HoldId| Operation::Reserve(ReserveRequest { worker: WorkerId(1), ..request(account("a"), *id, 0) });
        world.run_all(&some.iter().map(reserve).collect::<Vec<_>>());
    }
    assert!(world.engine.holds_of_worker(account("a"), WorkerId(1)) == ids[..WORKER_HOLDS_MAX]);
}
