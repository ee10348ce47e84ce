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
/// Violations that one round tells, at most; the rest of them are counted.
const TOLD_MAX: usize = 1_000;
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
    let mut noted = Noted::default();
    let goes_on = |pause: Duration| {
        let told = stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        !told && daemon.phase_now() != Phase::Failed
    };
    while goes_on(interval.saturating_mul(ROUND_PAUSES)) {
        let mut pause = || if goes_on(interval) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let mut found = |violation: Violation| noted.note(&daemon.audit, &violation);
        let audited = daemon.rules.archive().audit(slice, &mut pause, &mut found);
        noted.end_round();
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

/// What was found before, and how much of this round was told.
#[derive(Debug, Default)]
struct Noted {
    known: BTreeSet<Known>,
    told: usize,
    untold: u64,
}

impl Noted {
    /// Counts and tells a violation, as it is found, once. What is more than a round tells is counted (I9).
    fn note(&mut self, counts: &AuditCounts, violation: &Violation) {
        let key = (violation.invariant, violation.account, violation.hold);
        if self.known.contains(&key) {
            return;
        }
        counts.violations[violation.invariant.index()].fetch_add(1, Ordering::Relaxed);
        if self.known.len() < KNOWN_MAX {
            self.known.insert(key);
        }
        if self.told == TOLD_MAX {
            self.untold = self.untold.saturating_add(1);
            return;
        }
        self.told += 1;
        tracing::error!(
            invariant = violation.invariant.number(),
            account = violation.account.map(tracing::field::display),
            hold = violation.hold.map(tracing::field::display),
            what = %violation.what,
            "an invariant does not hold"
        );
    }

    /// A round is over: says how much was not told in it.
    fn end_round(&mut self) {
        let untold = std::mem::take(&mut self.untold);
        self.told = 0;
        if untold > 0 {
            tracing::error!(untold, "more invariants do not hold: they are counted, and not told one by one");
        }
    }
}

#[cfg(test)]
mod tests {
    //! Counting.

    use super::*;

    fn violation(account: u128, what: u32) -> Violation {
        Violation::of_account(Invariant::Conservation, AccountId(account), what.to_string())
    }

    #[test]
    fn a_violation_that_stays_is_counted_and_told_once() {
        let (counts, mut noted) = (AuditCounts::default(), Noted::default());
        for (round, account) in (0..).zip([1, 2, 1, 2, 1]) {
            noted.note(&counts, &violation(account, round));
            noted.end_round();
        }
        noted.note(&counts, &Violation { invariant: Invariant::Debt, ..violation(1, 0) });
        assert_eq!((counts.violations(Invariant::Conservation), counts.violations(Invariant::Debt)), (2, 1));
        assert_eq!(counts.violations(Invariant::Periods), 0);
        assert_eq!((noted.told, noted.untold), (1, 0));
    }

    /// I9: a folder in which everything is wrong.
    #[test]
    fn what_is_kept_and_told_has_a_limit_and_everything_is_counted() {
        let (counts, mut noted) = (AuditCounts::default(), Noted::default());
        let all = KNOWN_MAX + 500;
        let wide = |count: usize| u64::try_from(count).unwrap();
        (1..=wide(all)).for_each(|account| noted.note(&counts, &violation(account.into(), 0)));
        assert_eq!(counts.violations(Invariant::Conservation), wide(all));
        assert_eq!((noted.known.len(), noted.told, noted.untold), (KNOWN_MAX, TOLD_MAX, wide(all - TOLD_MAX)));
        noted.end_round();
        assert_eq!((noted.told, noted.untold), (0, 0));
        (1..=wide(all)).for_each(|account| noted.note(&counts, &violation(account.into(), 1)));
        assert_eq!(counts.violations(Invariant::Conservation), wide(all + 500), "what is not known is counted again");
        assert_eq!((noted.told, noted.untold), (500, 0));
    }
}
