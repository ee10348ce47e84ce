//! Cycles that are rolled in bulk on a slow disk: what a start decides is synced before it is ready, and a stop in the
//! middle leaves the rest to the next start.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use journal::codec::decode_any;
use journal::record::Meaning;
use journal::rocks::RocksReader;
use journal::{Group, GroupReader, Position};
use protocol::{AccountId, Operation};
use wallet::ids::Timestamp;
use wallet::record::Record;

use super::super::daemon::{Daemon, Folder, now};
use super::super::wire::{Reply, Request, Wire};
use super::shim::Shim;
use super::space::get;
use crate::server::past::Past;

const WALLETS: u128 = 5_000;
const MANY: u128 = 60_000;
/// The plan `basic` of the samples, and its credits a cycle in millicredits.
const PLAN: (u16, u64) = (11, 3_100_000);
/// So long before the cycles end does the daemon's time begin, which runs at half speed: a busy machine needs it to start.
const LEADS_MS: [u64; 4] = [2_000, 5_000, 12_000, 12_000];
pub(super) const DAY_MS: u64 = 86_400_000;

#[expect(clippy::disallowed_methods, reason = "the daemon goes by the real time")]
pub(super) fn four_days_ago() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap()).minus_millis(4 * DAY_MS)
}

/// How often the journal rolls each wallet into which period.
fn rolls(folder: &Folder) -> BTreeMap<(u128, u32), u32> {
    let mut rolls = BTreeMap::new();
    let reader = RocksReader::open(&folder.data().join("journal")).unwrap();
    let seen = reader.scan(Position::FIRST, &mut |_, bytes| {
        for (_, record) in Group::check(bytes).unwrap().records() {
            if let Meaning::Record(Record::CycleRoll(packed)) = decode_any(record).unwrap() {
                packed.iter().for_each(|roll| *rolls.entry((roll.account.0, roll.period.0)).or_default() += 1);
            }
        }
        ControlFlow::Continue(())
    });
    seen.unwrap();
    rolls
}

/// The period after the first of each wallet, once.
fn each_once(wallets: u128) -> BTreeMap<(u128, u32), u32> {
    (1..=wallets).map(|account| ((account, 2), 1)).collect()
}

/// R35, I3: the subscriptions of 5,000 wallets lapsed while no daemon ran, which is five records. Each sync takes a while,
/// so that most of them would be in memory alone when the daemon is ready, and it is killed in that moment.
#[test]
fn what_a_start_has_rolled_is_in_the_journal_when_it_is_ready() {
    let folder = Folder::new();
    let begun = four_days_ago();
    let mut past = Past::beginning(begun);
    for account in 1..=WALLETS {
        past.open(account, "");
        past.subscribe(account, 10, begun.plus_millis(DAY_MS));
    }
    past.write(&folder.data(), begun.plus_millis(1_000));
    let shim = Shim::over(&folder.data(), folder.path());
    shim.delay_syncs(150);
    Daemon::start_in(&folder, &shim.environment()).unwrap().kill();
    assert_eq!(rolls(&folder), each_once(WALLETS), "lapses in the journal of a daemon that was ready");
    shim.delay_syncs(0);
    let mut daemon = Daemon::start_in(&folder, &shim.environment()).unwrap();
    assert_eq!(daemon.terminate().code(), Some(0));
    assert_eq!(rolls(&folder), each_once(WALLETS), "none comes again");
}

/// R10, I7: the cycles of 60,000 wallets end at one instant, which is 59 records on a disk that takes its time. Some are
/// rolled before the stop, the others by the next start, and that is killed when it is ready.
#[test]
fn a_stop_in_the_middle_of_a_bulk_roll_rolls_each_cycle_once() {
    let (folder, shim) =
        LEADS_MS.iter().find_map(|lead_ms| stopped_in_the_middle(*lead_ms)).expect("a stop in the middle");
    let before = rolls(&folder);
    Daemon::start_in(&folder, &shim.environment()).unwrap().kill();
    assert_eq!(rolls(&folder), each_once(MANY), "after {} of them before the stop", before.len());
    let mut daemon = Daemon::start_in(&folder, &shim.environment()).unwrap();
    let mut wire = Wire::connect(&daemon.address).unwrap();
    let accounts: Vec<u128> = (1..=MANY).collect();
    for few in accounts.chunks(4_000) {
        let balances = few.iter().map(|account| Operation::balance(AccountId(*account))).collect();
        wire.send(&Request::Operations(balances)).unwrap();
        let Reply::Answers(answers) = wire.receive().unwrap() else { panic!("answers") };
        for (account, answer) in few.iter().zip(answers) {
            assert_eq!(answer.available.subscription, PLAN.1, "account {account}");
        }
    }
    drop(wire);
    assert_eq!(daemon.terminate().code(), Some(0));
    let checked = std::process::Command::new(env!("CARGO_BIN_EXE_creditd")).arg("fsck").arg(folder.data()).output();
    assert_eq!(checked.unwrap().status.code(), Some(0), "the folder is clean");
}

/// A folder whose daemon was stopped while it rolled; nothing if it had rolled all of them before, or was not ready in time.
fn stopped_in_the_middle(lead_ms: u64) -> Option<(Folder, Shim)> {
    let folder = Folder::new();
    let (begun, ends_at) = cycle_that_ends_soon();
    let mut past = Past::beginning(begun);
    for account in 1..=MANY {
        past.open(account, "");
        past.subscribe_to(account, PLAN.0);
    }
    past.write(&folder.data(), ends_at.minus_millis(lead_ms));
    let shim = Shim::over(&folder.data(), folder.path());
    let mut daemon = Daemon::start_in(&folder, &shim.environment()).unwrap();
    shim.delay_syncs(200);
    let started = now();
    while get(&daemon.http, "/metrics").contains("creditd_reset_wallets_total{kind=\"cycle\"} 0\n") {
        assert!(started.elapsed().as_secs() < 60, "the cycles do not end");
    }
    assert_eq!(daemon.terminate().code(), Some(0));
    shim.delay_syncs(0);
    let rolled = rolls(&folder).len();
    (rolled > 0 && rolled < each_once(MANY).len()).then_some((folder, shim))
}

/// A cycle that began a month before a noon that comes: when it began, and when it ends.
fn cycle_that_ends_soon() -> (Timestamp, Timestamp) {
    let in_four_days = four_days_ago().plus_millis(8 * DAY_MS);
    let at = jiff::Timestamp::from_millisecond(i64::try_from(in_four_days.0).unwrap()).unwrap();
    let mut date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    while date.day() > 28 {
        date = date.tomorrow().unwrap();
    }
    let noon = |date: jiff::civil::Date| {
        let noon = date.at(12, 0, 0, 0).in_tz("UTC").unwrap().timestamp().as_millisecond();
        Timestamp(u64::try_from(noon).unwrap())
    };
    (noon(date.checked_sub(jiff::Span::new().months(1)).unwrap()), noon(date))
}
