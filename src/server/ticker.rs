//! What time brings: holds expire, cycles that ended are rolled in bulk, and housekeeping, each by its timers in the wheel. A
//! thread of its own, so that it never waits for requests. The disk has no timer of the rules: it is looked at now and then.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use journal::Class;
use wallet::chores::Chore;
use wallet::chunk::Chunk;
use wallet::engine::SWEEP_HOLDS_MAX;
use wallet::top_up::PENDING_DROPS_MAX;

use crate::admission::RECORDS_PER_OPERATION;
use crate::clock::{Clock, Stopwatch};
use crate::cycles::Cycles;
use crate::daemon::{Daemon, Phase};
use crate::link::{Room, counted};

/// How often holds are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long is waited between the slices of a bulk roll, and while there are more holds due than one tick ends.
const BUSY_TICK: Duration = Duration::from_micros(500);
/// Every how many ticks free disk space is looked at.
const DISK_EVERY_TICKS: u32 = 20;
/// Slices of holds of one tick, at most: a few milliseconds. What is left comes with the next, which comes soon then.
const SLICES_MAX: u32 = 8;

/// Ticks until `stop` is closed. `begun` is when the first tick was one away.
pub fn run(daemon: &Arc<Daemon>, stop: &Receiver<()>, begun: Stopwatch) {
    let mut chunk = daemon.rules.chunk();
    let mut cycles = Cycles::default();
    let mut busy = false;
    let mut ticks: u32 = 0;
    let mut since = begun;
    let mut ticked = begun;
    // While cycles are being rolled, holds are looked at between the slices, and the other way round.
    while stop.recv_timeout(if busy { BUSY_TICK } else { TICK }) == Err(RecvTimeoutError::Timeout) {
        daemon.timer_lag.note(since.elapsed().saturating_sub(TICK), begun.elapsed());
        since = Clock::stopwatch();
        if daemon.phase_now() == Phase::Failed {
            return;
        }
        let more_holds = expire(daemon, &mut chunk);
        busy = cycles.roll(daemon) || more_holds;
        if busy && ticked.elapsed() < TICK {
            continue;
        }
        ticked = Clock::stopwatch();
        ticks = ticks.wrapping_add(1);
        for chore in daemon.rules.due_chores(daemon.clock.now()) {
            do_chore(daemon, chore);
        }
        if ticks.is_multiple_of(DISK_EVERY_TICKS) {
            daemon.disk.look();
        }
    }
}

/// Ends the holds that are due, a slice at a time, and says whether more may be; without room they wait, and count as
/// expired for every request.
fn expire(daemon: &Arc<Daemon>, chunk: &mut Chunk) -> bool {
    for _ in 0..SLICES_MAX {
        let records = u32::try_from(SWEEP_HOLDS_MAX).unwrap_or(u32::MAX).saturating_mul(RECORDS_PER_OPERATION);
        let Some(mut room) = Room::take(&daemon.queue, records, Class::Settlement) else { return true };
        chunk.clear();
        let now = daemon.clock.now();
        let (expired, pushed) = counted(|| daemon.rules.expire_due(chunk, now));
        room.used(pushed);
        if expired < SWEEP_HOLDS_MAX {
            return false;
        }
    }
    true
}

/// Without room it waits: it is due again a little later.
fn do_chore(daemon: &Daemon, chore: Chore) {
    match chore {
        Chore::Forget => forget(daemon),
        Chore::DropPending => drop_pending(daemon),
    }
}

/// Ends top-ups whose payment never came (R14).
fn drop_pending(daemon: &Daemon) {
    let records = u32::try_from(PENDING_DROPS_MAX).unwrap_or(u32::MAX);
    let Some(mut room) = Room::take(&daemon.queue, records, Class::Settlement) else { return };
    let (dropped, pushed) = counted(|| daemon.rules.drop_pending(daemon.clock.now()));
    room.used(pushed);
    if dropped > 0 {
        tracing::info!(dropped, "pending top-ups were dropped");
    }
}

/// Moves the bound of forgotten ids, and forgets what lies below it (R32).
fn forget(daemon: &Daemon) {
    let Some(mut room) = Room::take(&daemon.queue, 1, Class::Settlement) else { return };
    let (forgotten, pushed) = counted(|| daemon.rules.forget(daemon.clock.now()));
    room.used(pushed);
    if forgotten > 0 {
        tracing::debug!(forgotten, "ended holds left memory");
    }
}
