//! The projector's thread: it follows what is synced, and flushes now and then beside that.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use journal::projections::{ApplyError, Flush, ProjectionStore, Projector, StoreError};
use journal::store::{ReadError, is_of_the_disk};
use journal::{Epoch, Group, GroupKey, Journal, Position};
use tokio::sync::watch;
use wallet::engine::{Archive, Journal as _};

use crate::clock::{Clock, Stopwatch};
use crate::config::ProjectionPart;
use crate::daemon::{Daemon, Phase, Progress};
use crate::priority;
use crate::pruning::Pruning;
use crate::shutdown::{self, EXIT_BUG, EXIT_CONFIGURATION, EXIT_WRITE_FAILED};

/// How long the thread sleeps at most before it looks whether it is to stop, or to flush.
const LOOK: Duration = Duration::from_millis(50);
/// How long it rests between two looks at the journal: many small groups are applied together.
const REST: Duration = Duration::from_millis(2);
/// How long it stands back at a stretch, and never beyond the next flush: at least once a minute (design, section 6).
const STAND_BACK_MAX: Duration = Duration::from_secs(10);
/// Records a millisecond from which on requests keep the cores busy.
const BUSY_RECORDS_PER_MS: u64 = 100;
/// What that rate is an average of.
const RATE_WINDOW: Duration = Duration::from_millis(50);
/// How long requests count as busy after such a rate: a disk or a machine that stands still for a moment is no pause of
/// theirs, and what has queued up meanwhile needs the cores most.
const BUSY_AFTERWARDS: Duration = Duration::from_millis(500);
/// How long a flush that failed is left alone before it is tried again.
const FLUSH_RETRY: Duration = Duration::from_secs(1);
/// How long flushes may fail: what is not flushed stays in memory, and the journal is not trimmed (I9).
const FLUSH_FAILING_MAX: Duration = Duration::from_secs(60);

/// Why the projections cannot follow the journal.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A group is none.
    #[error("the group at position {0} cannot be read")]
    Group(u64),
    /// A record does not fit.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The store takes nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store has taken nothing for a while: some errors of a disk end for RocksDB only when it is opened again.
    #[error("no flush has worked for {FLUSH_FAILING_MAX:?}")]
    NoFlush,
}

impl FollowError {
    /// Whether the disk is the cause, so that a start a little later may work.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::NoFlush) || is_of_the_disk(self)
    }

    /// What the process ends with.
    fn exit_code(&self) -> u8 {
        match self {
            _ if self.is_of_the_disk() => EXIT_WRITE_FAILED,
            // What is stored is wrong, as the next start finds it too.
            Self::Store(_) | Self::Read(_) | Self::Apply(ApplyError::Read(_)) => EXIT_CONFIGURATION,
            _ => EXIT_BUG,
        }
    }
}

/// Groups that are applied before the thread looks whether to flush or to stop.
const GROUPS_AT_ONCE: u64 = 16;

/// Bytes of groups that are read from the store in a row: many beside what is read ahead of them, few beside a flush.
const STORED_BYTES_AT_ONCE: usize = 16 << 20;
/// Records behind the journal from which on groups are read from its store: those in memory are newer.
const FAR_BEHIND: u64 = 100_000;

/// Applies what is synced, up to a number of groups, and says how many it was.
fn apply<S: ProjectionStore>(
    projector: &mut Projector<S>,
    journal: &Journal,
    epoch: Epoch,
    groups_max: u64,
) -> Result<u64, FollowError> {
    let behind = journal.durability.synced().0.saturating_sub(projector.next().0);
    let mut groups =
        if behind > FAR_BEHIND { apply_stored(projector, journal, epoch, STORED_BYTES_AT_ONCE)? } else { 0 };
    while groups < groups_max
        && let Some(bytes) = journal.read(projector.next())?
    {
        let group = Group::trust(&bytes).map_err(|_| FollowError::Group(projector.next().0))?;
        projector.apply(&group)?;
        groups += 1;
    }
    Ok(groups)
}

/// Applies groups of this process's own epoch as the store shows them in a row: to look for each of them alone, and to copy
/// it, costs as much as to apply it. Above that epoch there is none that could have taken the place of one of them.
fn apply_stored<S: ProjectionStore>(
    projector: &mut Projector<S>,
    journal: &Journal,
    epoch: Epoch,
    bytes_max: usize,
) -> Result<u64, FollowError> {
    if projector.reached().epoch != epoch {
        return Ok(0);
    }
    let (synced, from) = (journal.durability.synced(), projector.next());
    let (mut groups, mut applied) = (0, 0);
    let mut failed = None;
    let mut show = |key: GroupKey, bytes: &[u8]| {
        if key.epoch != epoch {
            return ControlFlow::Continue(());
        }
        let next = projector.next();
        let Ok(group) = Group::trust(bytes) else { return ControlFlow::Break(()) };
        if key.first != next || group.last() > synced {
            return ControlFlow::Break(());
        }
        if let Err(error) = projector.apply(&group) {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        groups += 1;
        applied += bytes.len();
        if applied < bytes_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    journal.reader().scan(from, &mut show)?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(groups),
    }
}

/// Follows the journal until it is told to stop and has reached its end, then flushes. Projections that cannot follow end
/// the process. Nothing that was acknowledged is lost by that, because the journal has everything; but where a record cannot
/// be applied again, a start stops there too, and whatever was acknowledged after it would be lost with it (I8). So nothing
/// more is run or acknowledged, as when the journal fails, and whoever waits for the projections is told.
pub fn run<S: ProjectionStore>(
    mut projector: Projector<S>,
    journal: &Journal,
    daemon: &Daemon,
    progress: &Weak<watch::Sender<Progress>>,
    stop: &Receiver<()>,
) {
    if let Err(error) = follow(&mut projector, journal, daemon, stop) {
        // Told last: nobody may take the line.
        shutdown::end_soon(error.exit_code());
        // Without the journal's thread nobody waits for it any more.
        if let Some(progress) = progress.upgrade() {
            progress.send_modify(|progress| progress.failed = true);
        }
        daemon.enter(Phase::Failed);
        if error.is_of_the_disk() {
            tracing::error!(%error, "the projections have failed: the process ends, and the next start makes up for it");
        } else {
            tracing::error!(%error, "the projections cannot follow the journal: the process ends; creditd fsck says more");
        }
        shutdown::wait_for_the_end();
    }
}

fn follow<S: ProjectionStore>(
    projector: &mut Projector<S>,
    journal: &Journal,
    daemon: &Daemon,
    stop: &Receiver<()>,
) -> Result<(), FollowError> {
    let mut flusher = Flusher::new();
    let (begun, mut pruning) = (Clock::stopwatch(), Pruning::new());
    let mut pace = Pace::new(journal);
    loop {
        // Looked at before catching up: what was synced before the stop is applied.
        let stopping = stop.try_recv() != Err(TryRecvError::Empty);
        if !stopping {
            journal.durability.wait_past(projector.next().before(), LOOK);
            pace.rest(daemon, stand_back_at_most(&daemon.settings.config.projection, flusher.since.elapsed()));
        }
        // Under lasting load there is always more: a few groups at a time, so that flushes bound what is kept.
        let applied = apply(projector, journal, Epoch(daemon.identity.epoch), GROUPS_AT_ONCE)?;
        if stopping && applied == 0 {
            flusher.wait();
            let flushed = projector.flush()?;
            journal.durability.allow_trim(flushed);
            return Ok(());
        }
        let let_go = || daemon.rules.let_go(daemon.clock.now());
        let pushed = || Position(daemon.rules.journal().pushed().0);
        if let Some(before) = pruning.step(begun.elapsed(), let_go, pushed, projector.next()) {
            projector.prune(before);
        }
        flusher.flush_if_due(projector, journal)?;
        if !stopping {
            flusher.hold_back(projector, journal)?;
        }
    }
}

/// When the projections follow: soon while there is little to do, and behind the requests while those keep the cores busy,
/// as long as nobody waits for a position and the lag is bounded.
struct Pace {
    begun: Stopwatch,
    pressure: Pressure,
}

impl Pace {
    fn new(journal: &Journal) -> Self {
        Self { begun: Clock::stopwatch(), pressure: Pressure::new(journal.durability.synced()) }
    }

    /// Rests until it is the projections' turn, but no longer than this.
    fn rest(&mut self, daemon: &Daemon, at_most: Duration) {
        let yield_max = daemon.settings.config.projection.yield_max;
        let rested = Clock::stopwatch();
        loop {
            let synced = daemon.durability.synced();
            let reached = daemon.rules.archive().reached();
            let turn = Turn {
                lag: synced.0.saturating_sub(reached.0),
                busy: self.pressure.is_busy(self.begun.elapsed(), synced) || daemon.resets.keep_the_cores_busy(),
                // Relaxed: who asked looks again and again, and so does this.
                wanted: daemon.projection_wanted.load(Ordering::Relaxed) > reached.0,
                draining: daemon.phase_now() >= Phase::Draining,
            };
            if turn.is_urgent() {
                return;
            }
            std::thread::sleep(REST);
            if !turn.is_of_requests(yield_max) || rested.elapsed() >= at_most {
                return;
            }
        }
    }
}

/// Whether records come at a high rate, or did so a moment ago.
#[derive(Debug)]
struct Pressure {
    /// When the rate was last looked at, by a clock that goes on by itself, and how far the journal was then.
    looked_at: Duration,
    synced: Position,
    /// When it was last high.
    high_at: Option<Duration>,
}

impl Pressure {
    const fn new(synced: Position) -> Self {
        Self { looked_at: Duration::ZERO, synced, high_at: None }
    }

    fn is_busy(&mut self, now: Duration, synced: Position) -> bool {
        let passed = now.saturating_sub(self.looked_at);
        // Shorter than this, one group more or less decides.
        if passed >= RATE_WINDOW {
            let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            let records = synced.0.saturating_sub(self.synced.0);
            if records >= passed_ms.saturating_mul(BUSY_RECORDS_PER_MS) {
                self.high_at = Some(now);
            }
            (self.looked_at, self.synced) = (now, synced);
        }
        self.high_at.is_some_and(|high_at| now.saturating_sub(high_at) < BUSY_AFTERWARDS)
    }
}

/// How long the projections stand back, so long after the last flush.
fn stand_back_at_most(part: &ProjectionPart, since: Duration) -> Duration {
    Duration::from_millis(part.flush_interval_ms).saturating_sub(since).min(STAND_BACK_MAX)
}

/// What decides whose turn it is.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Records that are synced and not projected.
    lag: u64,
    /// Requests keep the cores busy, or cycles that are rolled beside them.
    busy: bool,
    /// Somebody waits for a position that is not reached.
    wanted: bool,
    /// The daemon is about to end.
    draining: bool,
}

impl Turn {
    const fn is_urgent(self) -> bool {
        self.wanted || self.draining
    }

    /// Whether the projections stand back for now (decision 0016).
    const fn is_of_requests(self, yield_max: u64) -> bool {
        self.busy && self.lag < yield_max && !self.is_urgent()
    }
}

/// Writes flushes on a thread of their own, one at a time, so that the projections go on meanwhile.
pub(crate) struct Flusher {
    since: Stopwatch,
    writing: Arc<AtomicBool>,
    /// The last flush has failed.
    failed: Arc<AtomicBool>,
    /// Since when every flush has failed.
    failing: Option<Stopwatch>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(crate) fn new() -> Self {
        Self {
            since: Clock::stopwatch(),
            writing: Arc::new(AtomicBool::new(false)),
            failed: Arc::new(AtomicBool::new(false)),
            failing: None,
            thread: None,
        }
    }

    /// Begins a flush where one is due.
    ///
    /// # Errors
    /// No flush has worked for long.
    pub(crate) fn flush_if_due<S: ProjectionStore>(
        &mut self,
        projector: &mut Projector<S>,
        journal: &Journal,
    ) -> Result<(), FollowError> {
        let since = self.since.elapsed();
        let since_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        if self.writing.load(Ordering::Acquire) || self.waits_after_failure(since)? {
            return Ok(());
        }
        // What a failed flush had is not counted again; it is tried again whether or not more was applied since.
        if self.failing.is_none() && !projector.flush_due(since_ms) {
            return Ok(());
        }
        let Some(flush) = projector.begin_flush() else { return Ok(()) };
        self.since = Clock::stopwatch();
        self.writing.store(true, Ordering::Release);
        let (writing, failed, journal) = (Arc::clone(&self.writing), Arc::clone(&self.failed), journal.clone());
        let write = move || {
            priority::lower_this_thread();
            failed.store(!write(flush, &journal), Ordering::Relaxed);
            writing.store(false, Ordering::Release);
        };
        self.note_begun(std::thread::Builder::new().name("flush".to_owned()).spawn(write));
        Ok(())
    }

    fn note_begun(&mut self, thread: std::io::Result<JoinHandle<()>>) {
        match thread {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => {
                // The flush is handed out again: a little later, as after every failure, and not for ever.
                tracing::warn!(%error, "no thread for a flush");
                // Relaxed: no other thread is there to read or store it.
                self.failed.store(true, Ordering::Relaxed);
                self.writing.store(false, Ordering::Release);
            }
        }
    }

    /// Waits for flushes that are slower than what is applied beside them: what is not flushed has a limit (I9).
    ///
    /// # Errors
    /// As [`Self::flush_if_due`].
    pub(crate) fn hold_back<S: ProjectionStore>(
        &mut self,
        projector: &mut Projector<S>,
        journal: &Journal,
    ) -> Result<(), FollowError> {
        while projector.flush_is_overdue() {
            self.wait();
            // Relaxed: the thread that stored it has been joined.
            if self.failed.load(Ordering::Relaxed) {
                std::thread::sleep(LOOK);
            }
            self.flush_if_due(projector, journal)?;
        }
        Ok(())
    }

    /// Whether the last flush failed just now; an error if none has worked for long.
    fn waits_after_failure(&mut self, since: Duration) -> Result<bool, FollowError> {
        // Relaxed: it was stored before `writing`, which has been acquired.
        if !self.failed.load(Ordering::Relaxed) {
            self.failing = None;
            return Ok(false);
        }
        let failing = self.failing.get_or_insert_with(Clock::stopwatch);
        if failing.elapsed() > FLUSH_FAILING_MAX {
            return Err(FollowError::NoFlush);
        }
        Ok(since < FLUSH_RETRY)
    }

    /// Waits for the flush that is being written.
    pub(crate) fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended the process by then.
            let _ = thread.join();
        }
    }
}

/// Whether it worked.
fn write<S: ProjectionStore>(flush: Flush<S>, journal: &Journal) -> bool {
    match flush.write() {
        Ok(reached) => {
            journal.durability.allow_trim(reached.position);
            tracing::debug!(position = reached.position.0, "projections flushed");
            true
        }
        Err(error) => {
            tracing::error!(%error, "a flush failed; it is tried again");
            false
        }
    }
}

#[cfg(test)]
mod tests;
