//! Measures the memory of one million wallets: word, slot and directory. Fails above the bar of 128 bytes a wallet.
//!
//! `cargo run --release -p wallet --example wallet_memory [WALLETS]` (Linux: reads `/proc/self/statm`).

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

/// The most bytes that one wallet may take.
const BYTES_MAX: u64 = 128;
/// What a page has on the machines that this is measured on.
const PAGE_BYTES: u64 = 4_096;

/// The bytes of this process that are in memory.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(PAGE_BYTES)
}

/// Loads the wallets and says how many bytes that took.
fn measure(wallets: u32) -> Result<u64, String> {
    let unreadable = || "cannot read /proc/self/statm".to_owned();
    let before = resident_bytes().ok_or_else(unreadable)?;
    let engine = Engine::new(Settings::default(), Counting::default(), Empty);
    let policy = FreePolicy { from: Day(0), allowance: Credits::from_whole(100), all_accounts: false };
    engine.load_policy(policy);
    let mut policies = FreePolicies::new();
    policies.add(policy);
    for number in 1..=wallets {
        // Ids as random as real ones: an odd constant spreads the numbers over 128 bits.
        let account = AccountId(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let row = Row::new(account, "UTC".to_owned(), Day(20_522), &policies);
        engine.load_wallet(&row, Now::at(Timestamp(20_522 * 86_400_000))).map_err(|error| error.to_string())?;
    }
    engine.loaded(Now::at(Timestamp(20_522 * 86_400_000)));
    let after = resident_bytes().ok_or_else(unreadable)?;
    if engine.gauges().wallets != u64::from(wallets) {
        return Err("wallets are missing".to_owned());
    }
    Ok(after.saturating_sub(before))
}

fn main() -> ExitCode {
    let wallets = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    match measure(wallets) {
        Ok(bytes) => {
            let each = bytes.div_ceil(u64::from(wallets).max(1));
            println!("{wallets} wallets: {bytes} bytes, {each} a wallet (at most {BYTES_MAX})");
            if each <= BYTES_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
