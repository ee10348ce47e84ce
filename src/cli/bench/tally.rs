//! What was measured: outcomes by number, and the latency of frames.

use hdrhistogram::Histogram;
use protocol::Outcome;

use crate::exit::Failure;

/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;
/// Outcome numbers are below this.
const OUTCOMES: usize = 64;

/// Counters of one run.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Answers by the outcome's number.
    outcomes: [u64; OUTCOMES],
    /// Answers of frames whose latency was recorded.
    pub(crate) latency_us: Histogram<u64>,
    /// Answers that cannot be right, such as a granted hold that nobody knows.
    pub(crate) errors: u64,
    /// The first such answer.
    pub(crate) first_error: Option<String>,
    pub(crate) operations: u64,
    pub(crate) frames: u64,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, Failure> {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).map_err(|error| Failure::bug(&error))?;
        Ok(Self { outcomes: [0; OUTCOMES], latency_us, errors: 0, first_error: None, operations: 0, frames: 0 })
    }

    /// Counts an answer.
    #[inline]
    pub(crate) fn count(&mut self, outcome: Outcome) {
        if let Some(count) = self.outcomes.get_mut(usize::from(outcome.number())) {
            *count += 1;
        }
    }

    /// Counts a frame with the microseconds that it took.
    pub(crate) fn frame(&mut self, operations: u64, took_us: u64) {
        self.frames += 1;
        self.operations += operations;
        self.latency_us.saturating_record(took_us.max(1));
    }

    /// Counts an answer that cannot be right.
    #[cold]
    pub(crate) fn error(&mut self, what: impl FnOnce() -> String) {
        self.errors += 1;
        self.first_error.get_or_insert_with(what);
    }

    /// Adds what another one has counted.
    pub(crate) fn join(&mut self, other: Self) {
        for (sum, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *sum += more;
        }
        // Both have the same bounds, so that there is nothing that does not fit.
        let _ = self.latency_us.add(&other.latency_us);
        self.errors += other.errors;
        self.operations += other.operations;
        self.frames += other.frames;
        self.first_error = self.first_error.take().or(other.first_error);
    }

    /// How often an outcome came.
    pub(crate) fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(usize::from(outcome.number())).copied().unwrap_or(0)
    }

    /// The outcomes that came, by number.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        Outcome::ALL.iter().map(|outcome| (*outcome, self.of(*outcome))).filter(|(_, count)| *count != 0)
    }

    /// Answers that said no.
    pub(crate) fn refused(&self) -> u64 {
        self.outcomes().filter(|(outcome, _)| !outcome.is_success()).map(|(_, count)| count).sum()
    }
}
