//! The ends of days (R5, R6): a thread of its own, so that neither holds nor requests wait for it. It sleeps until the first
//! of them, publishes the days that begin, and sweeps behind. It pushes nothing. Between two slices it pauses, so that no
//! core is taken for long; where nobody has asked for anything for a while, nobody would gain by a pause.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use wallet::day_sweep::DaySweep;
use wallet::engine::Journal;
use wallet::ids::{Now, Position};

use crate::clock::{Clock, Stopwatch};
use crate::daemon::{Daemon, Phase};
use crate::resets::{ResetKind, Run};

/// How long it sleeps at most: zones come into use, the daemon stops. Requests go by their own time, so nothing waits for
/// this.
const LOOK: Duration = Duration::from_millis(50);
/// Wallets of one slice: a tenth of a millisecond or two, for which a request may find the core taken.
const SLICE_SLOTS: u32 = 2_048;
/// The same where there are no requests, for each of two threads.
const QUIET_SLICE_SLOTS: u32 = 65_536;
/// How much the thread gives way to all others.
const NICE: i32 = 19;
/// Between two slices.
const PAUSE: Duration = Duration::from_millis(1);
/// How long nothing has been journaled where a sweep goes on without pauses.
const QUIET: Duration = Duration::from_millis(50);

/// Sweeps until `stop` is closed, or the daemon stops serving: a drain does not wait for a sweep.
pub fn run(daemon: &Arc<Daemon>, stop: &Receiver<()>) {
    // Of this thread alone. Where the system refuses, it merely gives way less.
    let _ = rustix::process::nice(NICE);
    let mut wait = LOOK;
    let mut running = None;
    let (begun, mut company) = (Clock::stopwatch(), Company::default());
    while stop.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) && daemon.phase_now() < Phase::Draining {
        daemon.rules.end_days(daemon.clock.now());
        running = running.or_else(|| begin(daemon));
        let quiet = company.is_quiet(begun.elapsed(), daemon.rules.journal().pushed());
        running = running.and_then(|sweep| slice(daemon, sweep, quiet));
        let pause = if quiet { Duration::ZERO } else { PAUSE };
        wait = if running.is_some() { pause } else { until_next_end(daemon) };
    }
}

/// Whether there are requests beside the sweep, as far as the journal tells.
#[derive(Debug, Default)]
struct Company {
    pushed: Position,
    /// When the journal was last seen to have moved on, by a clock that goes on by itself.
    moved_at: Duration,
}

impl Company {
    /// Whether nobody has asked for anything for a while.
    fn is_quiet(&mut self, now: Duration, pushed: Position) -> bool {
        if pushed != self.pushed {
            (self.pushed, self.moved_at) = (pushed, now);
        }
        now.saturating_sub(self.moved_at) >= QUIET
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
    watch: Stopwatch,
}

fn begin(daemon: &Daemon) -> Option<Running> {
    let now = daemon.clock.now();
    let sweep = daemon.rules.begin_day_sweep(now)?;
    Some(Running { sweep, run: Run::begun(ResetKind::Day, now.daemon), watch: Clock::stopwatch() })
}

/// One slice; nothing where it was the last.
fn slice(daemon: &Daemon, mut running: Running, quiet: bool) -> Option<Running> {
    let (sweep, now) = (&mut running.sweep, daemon.clock.now());
    let over = if quiet { side_by_side(daemon, sweep, now) } else { daemon.rules.sweep_days(sweep, SLICE_SLOTS, now) };
    if !over {
        return Some(running);
    }
    let (rolled, left_out) = (running.sweep.rolled(), running.sweep.left_out());
    let run = running.run.came_to(rolled, running.watch.elapsed());
    tracing::info!(wallets = run.wallets, left_out, millis = run.duration_ms(), "wallets were rolled to the new day");
    daemon.resets.note(run);
    None
}

/// Two slices at once, where the cores have nothing else to do.
fn side_by_side(daemon: &Daemon, sweep: &mut DaySweep, now: Now) -> bool {
    let mut part = sweep.split_off(QUIET_SLICE_SLOTS);
    let (over, was_beside) = std::thread::scope(|scope| {
        // It gives way as much as the thread that begins it.
        let named = std::thread::Builder::new().name("sweep-beside".to_owned());
        let beside = named.spawn_scoped(scope, || daemon.rules.sweep_days(&mut part, QUIET_SLICE_SLOTS, now));
        (daemon.rules.sweep_days(sweep, QUIET_SLICE_SLOTS, now), beside.is_ok())
    });
    if !was_beside {
        daemon.rules.sweep_days(&mut part, QUIET_SLICE_SLOTS, now);
    }
    sweep.put_back(&part);
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_pauses_beside_requests_and_no_more_once_there_have_been_none_for_a_while() {
        let mut company = Company::default();
        let at = Duration::from_millis;
        assert!(!company.is_quiet(at(1_000), Position(7)));
        assert!(!company.is_quiet(at(1_049), Position(7)));
        assert!(company.is_quiet(at(1_050), Position(7)));
        assert!(!company.is_quiet(at(1_051), Position(8)), "somebody is there again");
        assert!(!company.is_quiet(at(1_100), Position(8)));
        assert!(company.is_quiet(at(1_101), Position(8)));
    }
}
