//! The real program and its time: boundaries of the calendar, steps of the wall clock, kills and stops around them.
//!
//! The wall clock of the daemon is moved by libfaketime (Debian package `faketime`), its monotonic clock is the real one:
//! so a step of the wall clock is a step against the monotonic clock, as in life. In most tests the wall clock stands
//! still between two steps. Then the instant of every request is known to the second, and the plain model of `sim`
//! answers each of them too: outcome, split, balances, ends and next reset, and after every step each wallet is compared
//! as a whole ([`twin`]).
//!
//! `CLOCK_SEED=...` repeats the requests of a run, `CLOCK_KILLS=200` is the long form of the kills around a boundary,
//! `CLOCK_STOP_SECONDS=60` stops the daemon for a minute.

mod calendar;
mod daemon;
mod faketime;
mod grace;
mod kill;
mod stop;
mod suspect;
mod traffic;
mod twin;

fn number_from(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

/// `CLOCK_SEED`, or another one each time; printed, and shown by a test that fails.
fn seed(test: &str) -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    let seed = number_from("CLOCK_SEED", (high ^ low) >> 16);
    println!("{test}: CLOCK_SEED={seed}");
    seed
}
