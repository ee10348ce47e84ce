//! The projections catch up with the journal at a start: everything that is synced, with flushes beside it, so that the
//! memory for what is not flushed has a limit however long the journal is (I9).
//!
//! One thread reads and decodes the groups ahead, this one applies them, one writes a flush.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use journal::projections::{DecodedGroup, ProjectionStore, Projector};
use journal::{Group, Journal, Position};

use crate::clock::{Clock, Stopwatch};
use crate::projector::{Flusher, FollowError};

/// Groups that are read ahead: decoded, they have some two megabytes each at most.
const GROUPS_AHEAD: usize = 16;
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
        let (used, spare) = channel();
        // Where there is no thread to give, nothing comes, and what is missing is read below.
        let reading = std::thread::Builder::new().name("read-ahead".to_owned());
        let _ = reading.spawn_scoped(scope, move || read_ahead(journal, first, &sender, &spare));
        while apply_next(projector, journal, &groups, &used)? {
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

/// Applies the next group; `false` where nothing more is synced.
fn apply_next<S: ProjectionStore>(
    projector: &mut Projector<S>,
    journal: &Journal,
    groups: &Receiver<Result<DecodedGroup, FollowError>>,
    used: &Sender<DecodedGroup>,
) -> Result<bool, FollowError> {
    let Ok(group) = groups.recv() else {
        // The end was reached, or there is no thread, or what is there cannot be a group: a look at it says which.
        let Some(bytes) = journal.read(projector.next())? else { return Ok(false) };
        let group = Group::trust(&bytes).map_err(|_| FollowError::Group(projector.next().0))?;
        projector.apply(&group)?;
        return Ok(true);
    };
    let group = group?;
    projector.apply_decoded(&group)?;
    // Nobody may want its memory any more.
    let _ = used.send(group);
    Ok(true)
}

/// Reads groups until nothing more is synced, nobody takes them, or one cannot be read.
fn read_ahead(
    journal: &Journal,
    first: Position,
    sender: &SyncSender<Result<DecodedGroup, FollowError>>,
    spare: &Receiver<DecodedGroup>,
) {
    let mut next = first;
    let mut step = || {
        let read = read_one(journal, next, spare.try_recv().unwrap_or_default()).transpose()?;
        if let Ok((_, last)) = &read {
            next = last.next();
        }
        let failed = read.is_err();
        let sent = sender.send(read.map(|(group, _)| group));
        (sent.is_ok() && !failed).then_some(())
    };
    while step().is_some() {}
}

/// Reads and decodes the group that has a position, and says what its last one is; `None` where nothing more is synced.
fn read_one(
    journal: &Journal,
    position: Position,
    mut into: DecodedGroup,
) -> Result<Option<(DecodedGroup, Position)>, FollowError> {
    let Some(bytes) = journal.read(position)? else { return Ok(None) };
    let group = Group::trust(&bytes).map_err(|_| FollowError::Group(position.0))?;
    into.read(&group)?;
    Ok(Some((into, group.last())))
}

#[cfg(test)]
pub(crate) mod tests;
