//! Measures the sweep behind a day's end over ten million wallets that nobody asked for. Fails above the bar of 0.5 s of
//! processor time for ten million.
//!
//! `cargo run --release -p wallet --example day_sweep [WALLETS]` (Linux: reads `/proc/self/schedstat`).

#[path = "support/below.rs"]
mod below;

use std::process::ExitCode;

use below::{Counting, Empty};
use wallet::credits::Credits;
use wallet::engine::Engine;
use wallet::ids::{AccountId, Day, Now, Timestamp};
use wallet::policy::FreePolicies;
use wallet::record::FreePolicy;
use wallet::row::Row;
use wallet::settings::Settings;

/// The most processor time for a wallet.
const NANOSECONDS_MAX: u64 = 50;
/// Days that are swept.
const DAYS: u64 = 10;
/// Wallets that one slice looks at, as the daemon does it.
const SLICE_SLOTS: u32 = 2_048;
const DAY_MS: u64 = 86_400_000;

/// Processor time of this process so far, in nanoseconds.
fn processor_time() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn load(wallets: u32, now: Now) -> Result<Engine<Counting, Empty>, String> {
    let engine = Engine::new(Settings::default(), Counting::default(), Empty);
    let policy = FreePolicy { from: Day(0), allowance: Credits::from_whole(100), all_accounts: false };
    engine.load_policy(policy);
    let mut policies = FreePolicies::new();
    policies.add(policy);
    let day = Day(u32::try_from(now.daemon.0 / DAY_MS).unwrap_or(0));
    for number in 1..=wallets {
        let account = AccountId(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let mut row = Row::new(account, "UTC".to_owned(), day, &policies);
        row.free = Credits::from_whole(u64::from(number % 100));
        engine.load_wallet(&row, now).map_err(|error| error.to_string())?;
    }
    engine.loaded(now);
    Ok(engine)
}

/// Sweeps one day, and says how many wallets were rolled and how long that took.
fn sweep(engine: &Engine<Counting, Empty>, now: Now) -> Result<(u64, u64), String> {
    let unreadable = || "cannot read /proc/self/schedstat".to_owned();
    let before = processor_time().ok_or_else(unreadable)?;
    let mut sweep = engine.begin_day_sweep(now).ok_or("no day has ended")?;
    while !engine.sweep_days(&mut sweep, SLICE_SLOTS, now) {}
    let after = processor_time().ok_or_else(unreadable)?;
    Ok((sweep.rolled().days, after.saturating_sub(before)))
}

fn measure(wallets: u32) -> Result<u64, String> {
    let start = Now::at(Timestamp(DAY_MS.saturating_mul(20_522)));
    let engine = load(wallets, start)?;
    let mut best = u64::MAX;
    for day in 1..=DAYS {
        let now = Now::at(start.daemon.plus_millis(DAY_MS.saturating_mul(day)));
        let (rolled, nanoseconds) = sweep(&engine, now)?;
        if rolled != u64::from(wallets) {
            return Err(format!("{rolled} of {wallets} wallets were rolled"));
        }
        println!("day {day}: {rolled} wallets, {} ms of processor time", nanoseconds / 1_000_000);
        best = best.min(nanoseconds);
    }
    Ok(best.div_ceil(u64::from(wallets).max(1)))
}

fn main() -> ExitCode {
    let wallets = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000_000);
    match measure(wallets) {
        Ok(each) => {
            println!("{wallets} wallets: {each} ns a wallet at best (at most {NANOSECONDS_MAX})");
            if each <= NANOSECONDS_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
