//! The only place that reads a clock. The daemon's time never goes back, and does not believe a great leap forward.
//!
//! After a backward step of the wall clock the daemon's time runs at half speed until the wall clock has caught up. A
//! forward step beyond [`Steps::forward_max_ms`] against the monotonic clock is *suspect*: the daemon's time goes on by the
//! monotonic clock, and an alarm is up until the wall clock comes back. The age of hold ids is measured on the raw wall
//! clock, which is handed out beside the daemon's time.

use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use wallet::ids::{Now, Timestamp};

/// How far the wall clock is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The largest forward step against the monotonic clock, in milliseconds.
    pub forward_max_ms: u64,
    /// How far the wall clock may be ahead of the journal at a start, in milliseconds.
    pub start_max_ms: u64,
}

/// The wall clock is too far ahead of the journal's last group: boundaries and expiries would be journaled for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock says {wall} ms, the journal ends at {journal} ms: more than clock.start_step_max_ms = {max_ms} ahead; \
     set the clock, or raise the limit for this start"
)]
pub struct StartStep {
    /// The wall clock, milliseconds since 1970.
    pub wall: u64,
    /// The time of the journal's last group.
    pub journal: u64,
    /// The limit.
    pub max_ms: u64,
}

/// The daemon's clock.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    steps: Steps,
    course: Mutex<Course>,
}

impl Clock {
    /// A clock that goes on from the time of the journal's last group (zero for a new journal).
    ///
    /// # Errors
    /// The wall clock is too far ahead of it.
    pub fn start(journal: Timestamp, steps: Steps) -> Result<Self, StartStep> {
        let wall = wall_ms();
        if journal > Timestamp::NONE && wall > journal.0.saturating_add(steps.start_max_ms) {
            return Err(StartStep { wall, journal: journal.0, max_ms: steps.start_max_ms });
        }
        let course = Course::new(Micros::of_millis(wall.max(journal.0)));
        Ok(Self { started: monotonic(), steps, course: Mutex::new(course) })
    }

    /// One reading: take it once for everything that is decided together.
    pub fn now(&self) -> Now {
        let mut course = self.course.lock();
        // Read under the lock, so that a later reading is never applied before an earlier one.
        let (wall, monotonic) = (wall_ms(), Micros::of(self.started.elapsed()));
        let daemon = course.advance(Micros::of_millis(wall), monotonic, self.steps.forward_max_ms);
        Now { daemon: Timestamp(daemon.millis()), wall: Timestamp(wall) }
    }

    /// Whether the wall clock made a forward step that is not believed.
    pub fn is_suspect(&self) -> bool {
        self.course.lock().suspect
    }

    /// Starts a measurement.
    #[must_use]
    pub fn stopwatch() -> Stopwatch {
        Stopwatch(monotonic())
    }
}

/// A measurement of how long something takes; it decides nothing.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// The time since it was started.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
fn monotonic() -> Instant {
    Instant::now()
}

/// Microseconds: fine enough that half speed loses nothing between two readings in the same millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Micros(u64);

impl Micros {
    const fn of_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    fn of(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }

    const fn millis(self) -> u64 {
        self.0 / 1_000
    }
}

/// The course of the daemon's time: a function of the readings, so that tests need no clock.
#[derive(Debug)]
struct Course {
    daemon: Micros,
    monotonic: Micros,
    suspect: bool,
}

impl Course {
    const fn new(daemon: Micros) -> Self {
        Self { daemon, monotonic: Micros(0), suspect: false }
    }

    fn advance(&mut self, wall: Micros, monotonic: Micros, forward_max_ms: u64) -> Micros {
        let passed = monotonic.0.saturating_sub(self.monotonic.0);
        self.monotonic = monotonic;
        let expected = self.daemon.0.saturating_add(passed);
        let believed = expected.saturating_add(Micros::of_millis(forward_max_ms).0);
        self.suspect = wall.0 > believed;
        self.daemon = if self.suspect {
            Micros(expected)
        } else if wall >= self.daemon {
            wall
        } else {
            Micros(self.daemon.0.saturating_add(passed / 2))
        };
        self.daemon
    }
}

#[cfg(test)]
mod tests;
