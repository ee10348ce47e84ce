//! Clients that mean harm, or are broken as if they did: length bombs, half frames, a byte at a time, readers that never
//! read, thousands that say nothing, clients that die at any step of a hold, and a daemon with few descriptors.
//!
//! What must hold: each of them is ended by its deadline with its reason, memory stays flat, whoever behaves is served
//! all the while, and no credit stays held.
//!
//! `HOSTILE_SECONDS=60 cargo hostile` is the long form of all: ten thousand idle connections, and the p99 of good clients with and
//! without the crowd, which may be twice as long.

mod crowd;
mod descriptors;
mod hold;
mod raw;
mod strangers;

use std::time::{Duration, Instant};

use super::daemon::Daemon;

/// What a deadline may be late on a busy machine.
const LATE: Duration = Duration::from_secs(10);

/// Seconds of the long form; nothing for the short one.
fn long_form() -> Option<Duration> {
    let text = std::env::var("HOSTILE_SECONDS").ok()?;
    let seconds = text.parse().unwrap_or_else(|_| panic!("HOSTILE_SECONDS={text} is not a number"));
    Some(Duration::from_secs(seconds))
}

/// Only for measuring how long something takes.
#[expect(clippy::disallowed_methods, reason = "deadlines are kept in real time")]
fn now() -> Instant {
    Instant::now()
}

/// Resident memory of a daemon, in KiB.
fn memory_kib(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Processor time that a daemon has used so far.
fn processor_time(daemon: &Daemon) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.id())).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = |place: usize| fields.split(' ').nth(place).unwrap().parse::<u64>().unwrap();
    // Fields 14 and 15 of the line, of which two stand before: hundredths of a second on Linux.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// What a line of the metrics says.
fn metric(daemon: &Daemon, name: &str) -> u64 {
    let (_, text) = daemon.get("/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
}

/// How many connections a daemon has ended for a reason.
fn ended(daemon: &Daemon, reason: &str) -> u64 {
    metric(daemon, &format!("creditd_connections_closed_total{{reason=\"{reason}\"}}"))
}

/// Looks again and again until it holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Lets this process have so many descriptors. Fewer connections than a test says would be another test.
fn need_descriptors(wanted: u64) {
    let allowed = raise_descriptors(wanted);
    assert!(allowed >= wanted, "the test needs {wanted} open files and may have {allowed} (ulimit -n)");
}

/// Lets this process have so many descriptors, or as many as the system allows; says how many those are.
fn raise_descriptors(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.map_or(wanted, |most| most.min(wanted)).max(limit.current.unwrap_or(wanted));
    // Where it is refused, the limit is what it was.
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(_) => limit.current.unwrap_or(wanted),
    }
}
