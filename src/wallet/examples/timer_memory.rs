//! Measures the memory of ten million live timers, as open holds have them. Fails above the bar of 48 bytes a timer, and
//! when the memory does not come back with the timers.
//!
//! `cargo run --release -p wallet --example timer_memory [TIMERS]` (Linux: reads `/proc/self/statm`).

use std::process::ExitCode;

use wallet::ids::Timestamp;
use wallet::timer_wheel::{TimerId, Timers};

/// The most bytes that one live timer may take.
const BYTES_MAX: u64 = 48;
/// What a page has on the machines that this is measured on.
const PAGE_BYTES: u64 = 4_096;
const START_MS: u64 = 1_800_000_000_000;

/// The bytes of this process that are in memory.
fn resident_bytes() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages: u64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).ok_or("no resident pages")?;
    Ok(pages.saturating_mul(PAGE_BYTES))
}

/// Adds the timers, exchanges half of them so that the free places are used, and takes all back.
fn measure(count: u32) -> Result<u64, String> {
    let mut ids: Vec<TimerId> = vec![TimerId(0); usize::try_from(count).map_err(|error| error.to_string())?];
    let before = resident_bytes()?;
    let mut timers = Timers::<u128>::new();
    timers.begin_at(Timestamp(START_MS));
    // Ends over a day, as random as real ones.
    let deadline = |number: u32| Timestamp(START_MS + u64::from(number.wrapping_mul(2_654_435_761) % 86_400_000));
    for (number, id) in (0..).zip(&mut ids) {
        *id = timers.insert(deadline(number), u128::from(number));
    }
    for (number, id) in (0..).zip(&mut ids).step_by(2) {
        timers.cancel(*id, |_, _| true);
        *id = timers.insert(deadline(number), u128::from(number));
    }
    let bytes = resident_bytes()?.saturating_sub(before);
    if timers.count() != u64::from(count) {
        return Err("timers are missing".to_owned());
    }
    for id in ids.drain(..) {
        timers.cancel(id, |_, _| true);
    }
    if timers.bytes() > 1 << 20 {
        return Err(format!("{} bytes are kept without a timer", timers.bytes()));
    }
    Ok(bytes)
}

fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000_000);
    match measure(count) {
        Ok(bytes) => {
            let each = bytes.div_ceil(u64::from(count).max(1));
            println!("{count} timers: {bytes} bytes, {each} a timer (at most {BYTES_MAX})");
            if each <= BYTES_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
