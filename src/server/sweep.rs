//! The ends of days (R5, R6): a thread of its own, so that neither holds nor requests wait for it. It sleeps until the first
//! of them, publishes the days that begin, and sweeps behind. It pushes nothing. Between two slices it pauses, so that no
//! core is taken for long.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use wallet::day_sweep::DaySweep;

use crate::clock::Clock;
use crate::daemon::{Daemon, Phase};
use crate::resets::{ResetKind, Run};

/// How long it sleeps at most: zones come into use, the daemon stops. Requests go by their own time, so nothing waits for
/// this.
const LOOK: Duration = Duration::from_millis(50);
/// Wallets of one slice: a tenth of a millisecond or two, for which a request may find the core taken.
const SLICE_SLOTS: u32 = 2_048;
/// How much the thread gives way to all others.
const NICE: i32 = 19;
/// Between two slices.
const PAUSE: Duration = Duration::from_millis(1);

/// Sweeps until `stop` is closed, or the daemon stops serving: a drain does not wait for a sweep.
pub fn run(daemon: &Arc<Daemon>, stop: &Receiver<()>) {
    // Of this thread alone. Where the system refuses, it merely gives way less.
    let _ = rustix::process::nice(NICE);
    let mut wait = LOOK;
    let mut running = None;
    while stop.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) && daemon.phase_now() < Phase::Draining {
        daemon.rules.end_days(daemon.clock.now());
        running = running.or_else(|| begin(daemon));
        running = running.and_then(|sweep| slice(daemon, sweep));
        wait = if running.is_some() { PAUSE } else { until_next_end(daemon) };
    }
}

/// Until a day may end. What the wheel says of one far ahead is early, so that this comes closer step by step.
fn until_next_end(daemon: &Daemon) -> Duration {
    let Some(next) = daemon.rules.next_day_end() else { return LOOK };
    Duration::from_millis(next.0.saturating_sub(daemon.clock.now().daemon.0)).clamp(PAUSE, LOOK)
}

/// A pass that is under way, and the account of it.
struct Running {
    sweep: DaySweep,
    run: Run,
    watch: crate::clock::Stopwatch,
}

fn begin(daemon: &Daemon) -> Option<Running> {
    let now = daemon.clock.now();
    let sweep = daemon.rules.begin_day_sweep(now)?;
    Some(Running { sweep, run: Run::begun(ResetKind::Day, now.daemon), watch: Clock::stopwatch() })
}

/// One slice; nothing where it was the last.
fn slice(daemon: &Daemon, mut running: Running) -> Option<Running> {
    let over = daemon.rules.sweep_days(&mut running.sweep, SLICE_SLOTS, daemon.clock.now());
    if !over {
        return Some(running);
    }
    let (rolled, left_out) = (running.sweep.rolled(), running.sweep.left_out());
    let run = running.run.came_to(rolled, running.watch.elapsed());
    tracing::info!(wallets = run.wallets, left_out, millis = run.duration_ms(), "wallets were rolled to the new day");
    daemon.resets.note(run);
    None
}
