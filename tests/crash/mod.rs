//! The real program is killed at random moments under load, again and again on the same data, and must not lose, double
//! or make anything up.
//!
//! The load client keeps its own books in the plainest form: what was acknowledged, with the full answers, and what was
//! sent and not answered. After a restart, with everything from the protocol's own side and nothing from inside:
//! - each unacknowledged request is there whole or not at all, and sending it again gives one effect ([`check`]);
//! - each acknowledged request, sent again, is `replayed` with its first split and position, and shown as it was ([`hold`]);
//! - wallets keep I1 by bucket, before and after, and their sums are those of the books to the millicredit;
//! - positions never go back, and none is told twice for different records ([`round`]);
//! - in the end of a round all answers make one history ([`history`]);
//! - the daemon runs until it is killed, and a kill counts if something was acknowledged before it.
//!
//! Every other start has short logs, so that they are full, written and removed beside appends ([`files`]).
//!
//! `CRASH_CYCLES=200 cargo crash` is the long form; `CRASH_SEED=...` repeats the requests of a run, though not the
//! moments of its kills. With `CRASH_PATIENCE=600` it stands being stopped for so many seconds.

mod apart;
mod check;
mod daemon;
mod damage;
#[path = "../faults/mod.rs"]
mod faults;
mod files;
mod fsck;
mod history;
mod hold;
mod load;
mod random;
mod round;
mod stop;
pub(crate) mod wire;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use daemon::Daemon;
use round::{Round, Tally};

/// Kills in the short form.
const CYCLES: u64 = 12;
/// Kills on one data folder; then a new one, so that a long run is not one of long recoveries.
const CYCLES_A_ROUND: u64 = 20;

fn number_from(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

/// `CRASH_SEED`, or another one each time; printed, and shown by a test that fails.
fn seed(test: &str) -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    let seed = number_from("CRASH_SEED", (high ^ low) >> 16);
    println!("{test}: CRASH_SEED={seed}");
    seed
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kills() {
    let seed = seed("kills");
    let mut left = number_from("CRASH_CYCLES", CYCLES);
    let mut tally = Tally::default();
    let mut number = 0;
    while left > 0 {
        let cycles = left.min(CYCLES_A_ROUND);
        let mut round = Round::new(seed.wrapping_add(number));
        round.often = true;
        round.set_up();
        while round.tally.kills < cycles {
            round.cycle();
        }
        round.finish();
        tally.add(&round.tally);
        println!("round {number}: {:?}", round.tally);
        left -= cycles;
        number += 1;
    }
    println!("all: {tally:?}");
    assert!(tally.acknowledged > 0 && tally.in_doubt > 0, "no load: {tally:?}");
    if tally.kills >= CYCLES {
        tally.changes.assert_all(tally.kills < CYCLES_A_ROUND);
    }
    assert!(tally.in_history >= tally.acknowledged / 2, "a history of what was acknowledged: {tally:?}");
}

/// What is planted here must be found, or the above proves nothing: a daemon that ends by itself, under load and before it is
/// killed.
#[test]
fn a_daemon_that_ends_by_itself_is_noticed_by_this_harness() {
    let mut round = Round::sized(seed("ends by itself"), 2, 6);
    round.set_up();
    let mut daemon = Daemon::must_start(&round.folder);
    let address = daemon.address.clone();
    let load = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            assert_eq!(daemon.terminate().code(), Some(0));
        });
        catch_unwind(AssertUnwindSafe(|| round.load_until(&address, Duration::from_secs(5), || ())))
    });
    assert!(load.is_err(), "a daemon that has ended under load was not noticed");
    assert!(catch_unwind(AssertUnwindSafe(|| daemon.kill())).is_err(), "a daemon that has ended was killed");
}
