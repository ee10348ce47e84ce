//! How late the timers were, as a gauge that somebody can catch: a single late tick is over before anybody looks.

use std::time::Duration;

use parking_lot::Mutex;

/// The worst is remembered for so long at least, and for twice as long at most.
const WINDOW: Duration = Duration::from_secs(30);

/// The worst lateness of the last minute.
#[derive(Debug, Default)]
pub struct Lag(Mutex<Windows>);

impl Lag {
    /// A tick came late by so much; `at` is the time since the first one.
    pub fn note(&self, late: Duration, at: Duration) {
        self.0.lock().note(late, at);
    }

    /// The worst of the last minute.
    #[must_use]
    pub fn worst(&self) -> Duration {
        self.0.lock().worst()
    }
}

/// The worst of the running window and of the one before it.
#[derive(Debug, Default)]
struct Windows {
    number: u64,
    running: Duration,
    before: Duration,
}

impl Windows {
    fn note(&mut self, late: Duration, at: Duration) {
        let number = at.as_secs() / WINDOW.as_secs();
        if number != self.number {
            self.before = if number == self.number + 1 { self.running } else { Duration::ZERO };
            (self.number, self.running) = (number, Duration::ZERO);
        }
        self.running = self.running.max(late);
    }

    fn worst(&self) -> Duration {
        self.running.max(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks at (second, milliseconds late), and the worst after the last of them.
    fn worst(ticks: &[(u64, u64)]) -> u128 {
        let mut windows = Windows::default();
        for (at, late) in ticks {
            windows.note(Duration::from_millis(*late), Duration::from_secs(*at));
        }
        windows.worst().as_millis()
    }

    #[test]
    fn one_late_tick_shows_for_half_a_minute_and_not_for_two() {
        assert_eq!(worst(&[(1, 2), (2, 700), (3, 1)]), 700);
        assert_eq!(worst(&[(29, 700), (30, 1), (59, 1)]), 700);
        assert_eq!(worst(&[(1, 700), (31, 1), (60, 3)]), 3);
    }

    #[test]
    fn a_stop_over_several_windows_shows_with_the_first_tick_after_it() {
        assert_eq!(worst(&[(1, 2), (100, 98_950), (101, 0)]), 98_950);
        assert_eq!(worst(&[(1, 500), (100, 1)]), 1, "what was before the stop is too old");
    }
}
