//! The projections catch up with the journal at a start: everything that is synced, with flushes beside it, so that the
//! memory for what is not flushed has a limit however long the journal is (I9).
//!
//! One thread reads the groups ahead, this one applies them, one writes a flush.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use journal::projections::{ProjectionStore, Projector};
use journal::store::{GroupBytes, ReadError};
use journal::{Group, Journal, Position};

use crate::clock::{Clock, Stopwatch};
use crate::projector::{Flusher, FollowError};

/// Groups that are read ahead: half a megabyte each at most.
const GROUPS_AHEAD: usize = 64;
/// How often a long work says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(3);

/// When to say again how far something is.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    since: Stopwatch,
    times: u32,
}

impl Told {
    /// From now on.
    #[must_use]
    pub fn from_now() -> Self {
        Self { since: Clock::stopwatch(), times: 0 }
    }

    /// The time since the beginning, where it is time to say something.
    pub fn again(&mut self) -> Option<Duration> {
        let passed = self.since.elapsed();
        let due = passed >= TELL_EVERY.saturating_mul(self.times.saturating_add(1));
        if due {
            self.times = u32::try_from(passed.as_secs() / TELL_EVERY.as_secs()).unwrap_or(u32::MAX);
        }
        due.then_some(passed)
    }

    /// The time since the beginning in milliseconds.
    #[must_use]
    pub fn passed_ms(&self) -> u64 {
        u64::try_from(self.passed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The time since the beginning.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.since.elapsed()
    }
}

/// So many a second.
#[must_use]
pub fn rate(count: u64, passed: Duration) -> u64 {
    let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / millis
}

/// Applies everything that is synced, and flushes when so much was applied; the last of it is left to the caller's flush.
///
/// # Errors
/// [`FollowError`].
pub fn catch_up<S: ProjectionStore>(projector: &mut Projector<S>, journal: &Journal) -> Result<(), FollowError> {
    let first = projector.next();
    let end = journal.durability.synced();
    let mut told = Told::from_now();
    let mut flusher = Flusher::new();
    std::thread::scope(|scope| {
        let (sender, groups) = sync_channel(GROUPS_AHEAD);
        // Where there is no thread to give, nothing comes, and what is missing is read below.
        let reading = std::thread::Builder::new().name("read-ahead".to_owned());
        let _ = reading.spawn_scoped(scope, move || read_ahead(journal, first, &sender));
        let mut groups = Ahead { groups, journal };
        while let Some(bytes) = groups.next(projector.next())? {
            let group = Group::trust(&bytes).map_err(|_| FollowError::Group(projector.next().0))?;
            projector.apply(&group)?;
            flusher.flush_if_due(projector, journal)?;
            flusher.hold_back(projector, journal)?;
            if let Some(passed) = told.again() {
                let applied = projector.next().0.saturating_sub(first.0);
                let left = end.0.saturating_sub(projector.next().before().0);
                let rate = rate(applied, passed);
                tracing::info!(applied, left, rate, seconds = passed.as_secs(), "the projections are catching up");
            }
        }
        Ok::<(), FollowError>(())
    })?;
    flusher.wait();
    let applied = projector.next().0.saturating_sub(first.0);
    if applied > 1 {
        tracing::info!(
            applied,
            millis = told.passed_ms(),
            rate = rate(applied, told.passed()),
            "the projections have caught up"
        );
    }
    Ok(())
}

/// Reads groups until nothing more is synced, nobody takes them, or one cannot be read.
fn read_ahead(journal: &Journal, first: Position, sender: &SyncSender<Result<GroupBytes, ReadError>>) {
    let mut next = first;
    let mut step = || match journal.read(next) {
        Ok(Some(bytes)) => {
            let Ok(last) = Group::trust(&bytes).map(|group| group.last()) else { return ControlFlow::Break(()) };
            next = last.next();
            sender.send(Ok(bytes)).map_or(ControlFlow::Break(()), ControlFlow::Continue)
        }
        Ok(None) => ControlFlow::Break(()),
        Err(error) => {
            let _ = sender.send(Err(error));
            ControlFlow::Break(())
        }
    };
    while step().is_continue() {}
}

/// Groups that were read ahead, and the journal behind them.
struct Ahead<'a> {
    groups: Receiver<Result<GroupBytes, ReadError>>,
    journal: &'a Journal,
}

impl Ahead<'_> {
    /// The group that has this position; `None` where nothing more is synced.
    fn next(&mut self, position: Position) -> Result<Option<GroupBytes>, ReadError> {
        match self.groups.recv() {
            Ok(read) => read.map(Some),
            // The end was reached, or what is there cannot be a group: a look at it says which.
            Err(_) => self.journal.read(position),
        }
    }
}

#[cfg(test)]
mod tests;
