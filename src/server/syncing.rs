//! How long the journal's thread has been asking the disk: a sync that hangs is seen while it hangs, not once it is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Stopwatch};

/// Since when an append or a sync of the journal is under way.
#[derive(Debug)]
pub struct Syncing {
    started: Stopwatch,
    /// Microseconds from `started` to when it began, and one more; 0 while none is under way.
    begun: AtomicU64,
}

impl Default for Syncing {
    fn default() -> Self {
        Self { started: Clock::stopwatch(), begun: AtomicU64::new(0) }
    }
}

impl Syncing {
    /// The journal's thread turns to the disk.
    pub fn begins(&self) {
        // Relaxed here and below: a figure that somebody reads now and then; nothing is ordered by it.
        self.begun.store(self.now().saturating_add(1), Ordering::Relaxed);
    }

    /// The disk has answered, or nothing was asked of it.
    pub fn ends(&self) {
        self.begun.store(0, Ordering::Relaxed);
    }

    /// How long what is under way has taken so far; zero while nothing is.
    #[must_use]
    pub fn running(&self) -> Duration {
        match self.begun.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            begun => Duration::from_micros(self.now().saturating_sub(begun - 1)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    //! A sync that hangs.

    use super::*;

    #[test]
    fn what_is_under_way_grows_until_it_ends() {
        let syncing = Syncing::default();
        assert_eq!(syncing.running(), Duration::ZERO);
        syncing.begins();
        std::thread::sleep(Duration::from_millis(20));
        let running = syncing.running();
        assert!(running >= Duration::from_millis(20), "{running:?}");
        syncing.begins();
        assert!(syncing.running() < running, "another one has begun");
        syncing.ends();
        assert_eq!(syncing.running(), Duration::ZERO);
    }
}
