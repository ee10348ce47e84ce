//! The last resets in bulk: what operators ask for, and how long each took.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use wallet::credits::Credits;
use wallet::ids::Timestamp;
use wallet::resets::ResetTotals;

use crate::metrics::Histogram;

/// Runs that are kept (I9).
pub const RUNS_MAX: usize = 32;

/// What is reset in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// The free credits of a day.
    Day,
    /// Credit cycles and lapses, which come with one pass.
    Cycle,
}

impl ResetKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Day, Self::Cycle];

    /// The label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Cycle => "cycle",
        }
    }
}

/// One run over the wallets that were due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// What was reset.
    pub kind: ResetKind,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, from its first slice to its last.
    pub duration: Duration,
    /// Wallets that it rolled.
    pub wallets: u64,
    /// Cycles: what they opened with. Days: what the ended ones had begun with, where something was drawn from them (R5).
    pub granted: Credits,
    /// What was left of the ended days or cycles; untouched days do not count.
    pub expired: Credits,
}

impl Run {
    /// A run that begins.
    #[must_use]
    pub const fn begun(kind: ResetKind, started_at: Timestamp) -> Self {
        let (granted, expired) = (Credits::ZERO, Credits::ZERO);
        Self { kind, started_at, duration: Duration::ZERO, wallets: 0, granted, expired }
    }

    /// The run with what came of it.
    #[must_use]
    pub fn came_to(self, totals: &ResetTotals, duration: Duration) -> Self {
        let (wallets, granted, expired) = match self.kind {
            ResetKind::Day => (totals.days, totals.free_granted, totals.free_expired),
            ResetKind::Cycle => {
                let wallets = totals.cycles.saturating_add(totals.lapses);
                (wallets, totals.subscription_granted, totals.subscription_expired)
            }
        };
        Self { duration, wallets, granted, expired, ..self }
    }

    /// Its duration in whole milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The last runs, and how long all of them took.
pub struct Resets {
    last: Mutex<VecDeque<Run>>,
    durations: [Histogram; ResetKind::ALL.len()],
    cycles_are_rolled: AtomicBool,
}

impl Default for Resets {
    fn default() -> Self {
        let durations = std::array::from_fn(|_| Histogram::of_seconds());
        let last = Mutex::new(VecDeque::with_capacity(RUNS_MAX));
        Self { last, durations, cycles_are_rolled: AtomicBool::new(false) }
    }
}

impl Resets {
    /// Keeps a run that has ended.
    pub fn note(&self, run: Run) {
        self.durations[run.kind as usize].record(u64::try_from(run.duration.as_micros()).unwrap_or(u64::MAX), 1);
        let mut last = self.last.lock();
        last.truncate(RUNS_MAX - 1);
        last.push_front(run);
    }

    /// The last runs, the latest first.
    #[must_use]
    pub fn last(&self) -> Vec<Run> {
        self.last.lock().iter().copied().collect()
    }

    /// Says whether cycles are being rolled in bulk.
    pub fn cycles_are_rolled(&self, they_are: bool) {
        // Relaxed: whoever gives way to it looks again and again.
        self.cycles_are_rolled.store(they_are, Ordering::Relaxed);
    }

    /// Whether cycles are being rolled in bulk, which keeps the cores busy however few requests there are.
    #[must_use]
    pub fn keep_the_cores_busy(&self) -> bool {
        self.cycles_are_rolled.load(Ordering::Relaxed)
    }

    /// How long the runs of a kind took.
    #[must_use]
    pub const fn durations(&self, kind: ResetKind) -> &Histogram {
        &self.durations[kind as usize]
    }
}

#[cfg(test)]
mod tests;
