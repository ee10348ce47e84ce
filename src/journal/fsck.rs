//! The check of a whole journal and of what was derived from it, without changing anything: `creditd fsck`.
//!
//! 1. The chain, by the table of [`crate::recovery`]: versions, epochs, positions, hashes.
//! 2. The projections by themselves, by the audit that a running daemon makes too, and every row that it leaves out.
//! 3. The records: each is decoded, checked against what came before it ([`wallet::audit::check_record`]) and applied by
//!    [`wallet::ledger::apply`], as a start does.
//! 4. At the position that the projections have reached, they are compared with that replay, row by row (I8).
//!
//! A journal that was trimmed does not reach back to the first record. Then the replay begins where a start would, at
//! the rows of the projections, and of the records before it only those are looked for that must have left a mark.
//!
//! What follows a finding about an account or a hold is in doubt: records about it are counted and not reported again.

use crate::epoch::EpochRecord;
use crate::group::Group;
use crate::keys::{GroupKey, Position};
use crate::projections::disk::ReadError;
use crate::projections::{ProjectionStore, Reached};
use crate::recovery::{Checked, DroppedTail, Examined, RecoveryError, examine};
use crate::store::{GroupReader, ReadError as JournalReadError};

use wallet::audit::{Invariant, Violation};
use wallet::ids::{AccountId, HoldId};

mod compare;
#[cfg(feature = "rocks")]
pub mod cut;
pub mod logs;
mod replay;

use replay::Replay;

/// Findings that are told one by one; more are counted.
pub const FINDINGS_MAX: usize = 1_000;

const _: () = assert!(FINDINGS_MAX > 0, "the first finding is told");
const _: () = assert!(PROGRESS_EVERY_GROUPS > 0, "progress is told now and then");

/// Every how many groups the replay says how far it is.
const PROGRESS_EVERY_GROUPS: u64 = 256;

/// Where something was found, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file or folder.
    pub file: Option<String>,
    /// The byte in the file.
    pub offset: Option<u64>,
    /// The record.
    pub position: Option<Position>,
    /// The group.
    pub group: Option<GroupKey>,
    /// The account.
    pub account: Option<AccountId>,
    /// The hold.
    pub hold: Option<HoldId>,
}

/// What an operator can do about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The journal is damaged from a place on.
    Damaged,
    /// A record breaks a rule.
    Record,
    /// The projections are wrong, and the journal can make them again.
    MakeAgain,
    /// The projections are wrong, and the journal does not reach back.
    Restore,
    /// The projections and the journal do not belong together.
    Apart,
}

impl Advice {
    /// The words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Damaged => {
                "Restore the folder from a backup. Without one, `creditd fsck --truncate-at POSITION DIR` gives up every \
                 record from POSITION on and keeps a copy of the journal as it is."
            }
            Self::Record => {
                "Keep a copy of the folder and report it: the program wrote what its rules forbid. Until then freeze the \
                 account, and set its credits right with `creditctl` once it is understood."
            }
            Self::MakeAgain => {
                "Stop the daemon, move the folder `projections` away and start it again: they are made anew from the \
                 journal."
            }
            Self::Restore => "Restore the folder from a backup: the journal was trimmed and cannot make them again.",
            Self::Apart => {
                "Restore `journal` and `projections` from one backup: one of them is of another time or daemon."
            }
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// Which invariant it breaks.
    pub invariant: Invariant,
    /// What is there, with the figures.
    pub what: String,
    /// What to do.
    pub advice: Advice,
}

/// How far the journal and the projections could be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compared {
    /// Not at all: one of them is missing or cannot be read so far.
    #[default]
    Not,
    /// Row by row, from the first record on.
    Whole,
    /// The journal was trimmed: from the rows on, and what is left of the records before.
    Partly,
}

/// What there is in the folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records of the journal that were decoded.
    pub records: u64,
    /// Records that were checked and applied.
    pub applied: u64,
    /// Records about accounts or holds that were in doubt by then.
    pub in_doubt: u64,
    /// Wallets of the projections.
    pub wallets: u64,
    /// Their open holds.
    pub open_holds: u64,
    /// Their ended holds.
    pub ended_holds: u64,
    /// Their commands and payments.
    pub commands: u64,
}

/// What a check has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The journal as far as it can be followed.
    pub journal: Option<Checked>,
    /// How far the projections are.
    pub projections: Option<Reached>,
    /// What was looked at.
    pub counts: Counts,
    /// Whether the two were compared.
    pub compared: Compared,
    /// What is no violation and worth knowing.
    pub notes: Vec<String>,
    /// What is wrong, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// Findings beyond that.
    pub more_findings: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The damaged end that a start would drop.
    #[must_use]
    pub fn dropped(&self) -> Option<&DroppedTail> {
        self.journal.as_ref().and_then(|checked| checked.dropped.as_ref())
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
        assert!(self.findings.len() <= FINDINGS_MAX, "I9: what is told has a limit");
        assert!(
            self.more_findings == 0 || self.findings.len() == FINDINGS_MAX,
            "findings are counted when they are not told"
        );
    }

    fn violation(&mut self, violation: Violation, position: Option<Position>, advice: Advice) {
        let Violation { invariant, account, hold, what } = violation;
        assert!(!what.is_empty(), "what is wrong has its words");
        let place = Place { position, account, hold, ..Place::default() };
        self.add(Finding { place, invariant, what, advice });
    }
}

/// What a check is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Following the chain.
    Chain,
    /// Looking through the projections.
    Projections,
    /// Replaying the records.
    Replay,
}

/// Is told now and then what a check is doing, and how many bytes or rows of it are done.
pub type Progress<'a> = dyn FnMut(Stage, u64) + 'a;

/// Checks a journal, and its projections where there are any.
pub fn check<S: ProjectionStore>(
    journal: &dyn GroupReader,
    projections: Option<&S>,
    progress: &mut Progress<'_>,
) -> Report {
    let mut report = Report::default();
    follow_chain(journal, &mut report, progress);
    if let Some(store) = projections {
        look_through(store, &mut report, progress);
    }
    let Some(checked) = report.journal.clone() else { return report };
    let mut replay = Replay::new(&checked, report.projections.unwrap_or_default(), projections, &mut report);
    replay_groups(journal, &checked, &mut replay, progress);
    replay.finish();
    assert!(report.counts.applied + report.counts.in_doubt == 0 || report.counts.records > 0, "records are counted");
    assert!(report.compared == Compared::Not || report.projections.is_some(), "what is compared is there");
    report
}

fn follow_chain(journal: &dyn GroupReader, report: &mut Report, progress: &mut Progress<'_>) {
    let Examined { checked, refused } = match examine(journal, &mut |_, bytes| progress(Stage::Chain, bytes)) {
        Ok(examined) => examined,
        Err(error) => {
            report.add(unreadable(&error, None));
            return;
        }
    };
    checked.assert_prefix();
    if let Some(refused) = &refused {
        report.add(refusal(refused, checked.end.last.next()));
    }
    if let Some(dropped) = &checked.dropped {
        report.notes.push(format!(
            "The last group ({}, {} bytes) is damaged: {}. It cannot be told from a write that a power cut tore; a start \
             drops it.",
            dropped.key, dropped.bytes, dropped.damage
        ));
    }
    if !checked.superseded.is_empty() {
        let groups = checked.superseded.len();
        report.notes.push(format!("{groups} stored groups belong to epochs that had ended, and are not read."));
    }
    assert!(report.journal.is_none(), "one journal is followed");
    report.journal = Some(checked);
}

fn refusal(refused: &RecoveryError, next: Position) -> Finding {
    match refused {
        RecoveryError::Refused { key, .. } => {
            let place = Place { group: Some(*key), position: Some(next), ..Place::default() };
            Finding { place, invariant: Invariant::Prefix, what: refused.to_string(), advice: Advice::Damaged }
        }
        RecoveryError::Read(error) => unreadable(error, Some(next)),
        RecoveryError::Epoch(_) | RecoveryError::LastEpoch => {
            unreadable(&JournalReadError::Store(refused.to_string()), Some(next))
        }
    }
}

fn unreadable(error: &JournalReadError, position: Option<Position>) -> Finding {
    let place = Place { position, ..Place::default() };
    Finding { place, invariant: Invariant::Prefix, what: error.to_string(), advice: Advice::Damaged }
}

/// The projections by themselves.
fn look_through<S: ProjectionStore>(store: &S, report: &mut Report, progress: &mut Progress<'_>) {
    assert!(report.projections.is_none(), "the projections are looked through once");
    if let Err(error) = compare::look_through(store, report, progress) {
        report.add(unreadable_row(&error, advice(report)));
    }
}

/// What can be done about wrong projections.
fn advice(report: &Report) -> Advice {
    match &report.journal {
        Some(checked) if checked.start.first == Position::FIRST => Advice::MakeAgain,
        _ => Advice::Restore,
    }
}

fn unreadable_row(error: &ReadError, advice: Advice) -> Finding {
    let place = Place { file: Some("projections".to_owned()), ..Place::default() };
    Finding { place, invariant: Invariant::Replay, what: error.to_string(), advice }
}

fn replay_groups<S: ProjectionStore>(
    journal: &dyn GroupReader,
    checked: &Checked,
    replay: &mut Replay<'_, S>,
    progress: &mut Progress<'_>,
) {
    checked.assert_prefix();
    let mut next = checked.start.first;
    let mut bytes_done = 0;
    let mut groups: u64 = 0;
    let scanned = journal.scan(next, &mut |key, bytes| {
        if next > checked.end.last || checked.superseded.contains(&key) || key.first != next {
            return if next > checked.end.last {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            };
        }
        let Ok(group) = Group::trust(bytes) else { return std::ops::ControlFlow::Break(()) };
        next = group.last().next();
        bytes_done += bytes.len() as u64;
        groups += 1;
        if groups.is_multiple_of(PROGRESS_EVERY_GROUPS) {
            progress(Stage::Replay, bytes_done);
        }
        replay.group(&group, EpochRecord::opening(&group).is_some())
    });
    assert!(next <= checked.end.last.next(), "I4: no group goes beyond the end of the journal");
    assert!(groups <= checked.groups, "each group of the journal is replayed once");
    assert!(bytes_done <= checked.bytes, "what is replayed are the bytes of the journal");
    // That it can be read was found out before; what changed since is said all the same.
    if let Err(error) = scanned
        && next <= checked.end.last
    {
        replay.report.add(unreadable(&error, Some(next)));
    }
}

#[cfg(test)]
mod tests;
