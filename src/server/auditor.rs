//! The auditor: while the daemon runs, it checks what the projections have flushed, a slice at a time, with the checks of
//! `creditd fsck`. It finds and tells; it never stops or mends anything.
//!
//! What is in memory is not compared with the rows: a wallet's word is ahead of its row by everything that is pushed and
//! not projected yet, and only a wallet that nobody uses could be compared without stopping it. The simulator and the
//! crash tests compare the two at rest.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use wallet::audit::{Invariant, Violation};
use wallet::ids::{AccountId, HoldId};

use crate::daemon::{Daemon, Phase};
use crate::priority;

/// Violations that are told once: beyond, each round counts them again.
const KNOWN_MAX: usize = 10_000;
/// Pauses between two rounds, counted in those between two slices.
const ROUND_PAUSES: u32 = 10;

/// What was told before. The figures of a wallet in use change from round to round.
type Known = (Invariant, Option<AccountId>, Option<HoldId>);

/// What the auditor has found and done.
#[derive(Debug, Default)]
pub struct AuditCounts {
    violations: [AtomicU64; Invariant::ALL.len()],
    rounds: AtomicU64,
}

impl AuditCounts {
    /// Violations of one invariant.
    #[must_use]
    pub fn violations(&self, invariant: Invariant) -> u64 {
        // Relaxed here and below: counts for people; nothing is decided by them.
        self.violations[invariant.index()].load(Ordering::Relaxed)
    }

    /// Rounds over all wallets and open holds.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }
}

/// Audits round after round until `stop` is closed.
pub fn run(daemon: &Daemon, stop: &Receiver<()>) {
    let part = &daemon.settings.config.audit;
    if part.interval_ms == 0 {
        return;
    }
    priority::lower_this_thread();
    let interval = Duration::from_millis(part.interval_ms);
    let slice = usize::try_from(part.slice_rows).unwrap_or(usize::MAX);
    let mut known = BTreeSet::new();
    let goes_on = |pause: Duration| {
        let told = stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        !told && daemon.phase_now() != Phase::Failed
    };
    while goes_on(interval.saturating_mul(ROUND_PAUSES)) {
        let mut found = Vec::new();
        let mut pause = || if goes_on(interval) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let audited = daemon.rules.archive().audit(slice, &mut pause, &mut |violation| found.push(violation));
        found.iter().for_each(|violation| note(&daemon.audit, &mut known, violation));
        match audited {
            Ok(None) => return,
            Ok(Some(audited)) => {
                daemon.audit.rounds.fetch_add(1, Ordering::Relaxed);
                let (wallets, open_holds) = (audited.wallets, audited.open_holds);
                tracing::debug!(wallets, open_holds, position = audited.position.0, "audited");
            }
            Err(error) => tracing::error!(%error, "the audit cannot read the projections"),
        }
    }
}

/// Counts and tells a violation, once.
fn note(counts: &AuditCounts, known: &mut BTreeSet<Known>, violation: &Violation) {
    let key = (violation.invariant, violation.account, violation.hold);
    if known.contains(&key) {
        return;
    }
    counts.violations[violation.invariant.index()].fetch_add(1, Ordering::Relaxed);
    tracing::error!(
        invariant = violation.invariant.number(),
        account = violation.account.map(tracing::field::display),
        hold = violation.hold.map(tracing::field::display),
        what = %violation.what,
        "an invariant does not hold"
    );
    if known.len() < KNOWN_MAX {
        known.insert(key);
    }
}

#[cfg(test)]
mod tests {
    //! Counting.

    use super::*;

    #[test]
    fn a_violation_that_stays_is_counted_and_told_once() {
        let (counts, mut known) = (AuditCounts::default(), BTreeSet::new());
        let violation =
            |account, what: u32| Violation::of_account(Invariant::Conservation, AccountId(account), what.to_string());
        for (round, account) in (0..).zip([1, 2, 1, 2, 1]) {
            note(&counts, &mut known, &violation(account, round));
        }
        note(&counts, &mut known, &Violation { invariant: Invariant::Debt, ..violation(1, 0) });
        assert_eq!((counts.violations(Invariant::Conservation), counts.violations(Invariant::Debt)), (2, 1));
        assert_eq!(counts.violations(Invariant::Periods), 0);
    }
}
