//! Log lines about what can happen thousands of times a second: one a minute, with how often it was.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, Stopwatch};

/// Between two lines about the same.
const PAUSE: Duration = Duration::from_secs(60);

/// Counts what happens, and says when it is time for a line.
#[derive(Debug, Default)]
pub struct Seldom {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Stopwatch>,
    untold: u64,
}

impl Seldom {
    /// It has happened. `Some` when a line is due: how often since the last one.
    pub fn happened(&self) -> Option<u64> {
        let mut state = self.state.lock();
        state.untold += 1;
        if state.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return None;
        }
        state.last = Some(Clock::stopwatch());
        Some(std::mem::take(&mut state.untold))
    }
}
