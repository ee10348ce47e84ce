//! The only place that reads a clock. The daemon's time never goes back, and does not believe a great leap forward.
//!
//! After a backward step of the wall clock the daemon's time runs at half speed until the wall clock has caught up. A
//! forward step beyond [`Steps::forward_max_ms`] against the monotonic clock is *suspect*: the daemon's time goes on by the
//! monotonic clock, and an alarm is up until the wall clock comes back or an operator confirms the step.
//!
//! Beside the daemon's time stands the wall clock by which the age of hold ids is judged (R22). It is the raw one, which
//! may lie behind the daemon's time; but a suspect step is left out of it too, and goes on by the monotonic clock
//! (decision 0015). So the suspect time leaves this file for two eyes only: the view of an operator, and the log.

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
    "the wall clock says {}, the journal ends at {}: that is {} s ahead, more than clock.start_step_max_ms = {max_ms}; \
     set the clock, or raise the limit for this start", instant(*.wall), instant(*.journal), (.wall - .journal) / 1_000
)]
pub struct StartStep {
    /// The wall clock, milliseconds since 1970.
    pub wall: u64,
    /// The time of the journal's last group.
    pub journal: u64,
    /// The limit.
    pub max_ms: u64,
}

/// How the daemon's time stands to the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is that of the wall clock.
    Believed,
    /// The wall clock went back: the daemon's time runs at half speed.
    CatchingUp,
    /// The wall clock leapt forward: the daemon's time goes on by the monotonic clock.
    Suspect,
}

/// What the clock shows to an operator. The wall clock in it may be the suspect one: it is for eyes, not for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Face {
    /// What the wall clock says, milliseconds since 1970.
    pub wall_ms: u64,
    /// The daemon's time, milliseconds since 1970.
    pub daemon_ms: u64,
    /// How the two stand to each other.
    pub state: State,
    /// Milliseconds of the forward step that is suspect, or that was just confirmed; 0 = none.
    pub step_ms: u64,
    /// Whether a step was just confirmed.
    pub confirmed: bool,
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
        let course = Course::new(Micros::of_millis(wall.max(journal.0)), Micros::of_millis(wall));
        Ok(Self { started: monotonic(), steps, course: Mutex::new(course) })
    }

    /// One reading: take it once for everything that is decided together.
    pub fn now(&self) -> Now {
        let (_, course, turn) = self.read(|_| ());
        turn.tell(&course);
        Now { daemon: Timestamp(course.daemon.millis()), wall: Timestamp(course.wall.millis()) }
    }

    /// What it shows.
    pub fn face(&self) -> Face {
        let (wall, course, turn) = self.read(|_| ());
        turn.tell(&course);
        course.face(wall)
    }

    /// Believes the wall clock, if a forward step of it is suspect: everything up to its time passes at once. `by` is who
    /// says that it is right.
    pub fn confirm(&self, by: &str) -> Face {
        let (wall, course, turn) = self.read(Course::confirm);
        let face = course.face(wall);
        if face.confirmed {
            let (wall, step_ms) = (instant(face.wall_ms), face.step_ms);
            tracing::warn!(by, wall, step_ms, "the wall clock's forward step was confirmed: time follows it");
        } else {
            turn.tell(&course);
        }
        face
    }

    /// Reads both clocks and goes on by them.
    fn read(&self, then: impl FnOnce(&mut Course)) -> (Micros, Course, Turn) {
        let mut course = self.course.lock();
        // Read under the lock, so that a later reading is never applied before an earlier one.
        let (wall, monotonic) = (Micros::of_millis(wall_ms()), Micros::of(self.started.elapsed()));
        let before = course.state();
        course.advance(wall, monotonic, self.steps.forward_max_ms);
        then(&mut course);
        let turn = Turn { before, wall };
        (wall, *course, turn)
    }

    /// Whether the wall clock made a forward step that is not believed.
    pub fn is_suspect(&self) -> bool {
        self.course.lock().state() == State::Suspect
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

    const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// What a reading changed: told once, when a step becomes suspect and when it no longer is.
struct Turn {
    before: State,
    wall: Micros,
}

impl Turn {
    fn tell(&self, course: &Course) {
        let (wall, daemon) = (instant(self.wall.millis()), instant(course.daemon.millis()));
        match (self.before, course.state()) {
            (State::Suspect, State::Suspect) => {}
            (_, State::Suspect) => tracing::warn!(
                wall,
                daemon,
                step_ms = course.suspect_step.millis(),
                "the wall clock leapt forward and is not believed: time goes on by the monotonic clock until it comes \
                 back, or until `creditctl clock confirm`"
            ),
            (State::Suspect, _) => tracing::warn!(wall, daemon, "the wall clock has come back and is believed again"),
            _ => {}
        }
    }
}

/// An instant as people read it.
fn instant(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| format!("{ms} ms since 1970"), |timestamp| timestamp.to_string())
}

/// The course of the daemon's time: a function of the readings, so that tests need no clock.
#[derive(Clone, Copy, Debug)]
struct Course {
    daemon: Micros,
    /// The wall clock without a step that is suspect.
    wall: Micros,
    monotonic: Micros,
    /// What half speed has left over: readings may come faster than its microseconds.
    half: Micros,
    /// How far a suspect wall clock is ahead; zero = it is believed.
    suspect_step: Micros,
    /// How large the step was that the last reading confirmed; zero = none.
    confirmed_step: Micros,
}

impl Course {
    const fn new(daemon: Micros, wall: Micros) -> Self {
        let none = Micros(0);
        Self { daemon, wall, monotonic: none, half: none, suspect_step: none, confirmed_step: none }
    }

    fn advance(&mut self, wall: Micros, monotonic: Micros, forward_max_ms: u64) {
        let passed = Micros(monotonic.0.saturating_sub(self.monotonic.0));
        self.monotonic = monotonic;
        let expected = self.daemon.plus(passed);
        (self.suspect_step, self.confirmed_step) = (Micros(0), Micros(0));
        if wall > expected.plus(Micros::of_millis(forward_max_ms)) {
            self.suspect_step = Micros(wall.0.saturating_sub(expected.0));
            (self.daemon, self.wall) = (expected, self.wall.plus(passed));
            return;
        }
        self.wall = wall;
        if wall >= self.daemon {
            self.daemon = wall;
        } else {
            let halves = self.half.plus(passed);
            self.half = Micros(halves.0 % 2);
            self.daemon = self.daemon.plus(Micros(halves.0 / 2));
        }
    }

    /// Believes the wall clock of the last reading.
    fn confirm(&mut self) {
        self.confirmed_step = self.suspect_step;
        if self.suspect_step > Micros(0) {
            self.daemon = self.daemon.plus(self.suspect_step);
            self.wall = self.daemon;
        }
        self.suspect_step = Micros(0);
    }

    const fn state(&self) -> State {
        match self {
            Self { suspect_step: Micros(1..), .. } => State::Suspect,
            Self { daemon, wall, .. } if daemon.0 > wall.0 => State::CatchingUp,
            Self { .. } => State::Believed,
        }
    }

    fn face(&self, wall: Micros) -> Face {
        Face {
            wall_ms: wall.millis(),
            daemon_ms: self.daemon.millis(),
            state: self.state(),
            step_ms: self.suspect_step.plus(self.confirmed_step).millis(),
            confirmed: self.confirmed_step > Micros(0),
        }
    }
}

#[cfg(test)]
mod tests;
