//! What a check comes to.

use std::fmt;

use protocol::HoldId;

/// Violations that are told in words; more are only counted.
const TOLD_MAX: usize = 20;

/// What a violation is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ViolationKind {
    /// A positive answer without a position, or without the mark that it is synced (I3).
    NotDurable,
    /// One position was told for two requests.
    PositionReused,
    /// A request that was sent after another's answer has an earlier position.
    PositionsGoBack,
    /// A hold, or a capture or refund of it, took effect twice (I5).
    Doubled,
    /// A hold ended twice, or was settled after its end (I6).
    SecondEnd,
    /// A settlement whose hold was not granted before it (I4).
    NoGrant,
    /// An answer with another amount or split than the rules give.
    Amount,
    /// A bucket below zero: more was granted than was there (I2, I4).
    Overspent,
    /// The takes of a wallet do not link up in any order that real time allows (I2).
    Chain,
    /// An account shows something else in the end than the history comes to (I1).
    Sum,
    /// An acknowledged operation is not there in the end (I3).
    Lost,
}

impl ViolationKind {
    /// The name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotDurable => "not_durable",
            Self::PositionReused => "position_reused",
            Self::PositionsGoBack => "positions_go_back",
            Self::Doubled => "doubled",
            Self::SecondEnd => "second_end",
            Self::NoGrant => "no_grant",
            Self::Amount => "amount",
            Self::Overspent => "overspent",
            Self::Chain => "chain",
            Self::Sum => "sum",
            Self::Lost => "lost",
        }
    }
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What it is of.
    pub kind: ViolationKind,
    /// A sentence that names the operation.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

/// What a check comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Requests with an answer.
    pub operations: u64,
    /// Of them, those that every check looked at.
    pub checked: u64,
    /// Requests that the history had no place for. Where there are any, floors, sums and chains were not looked at.
    pub dropped: u64,
    /// The first violations of each check.
    pub violations: Vec<Violation>,
    /// All of them.
    pub violations_count: u64,
    /// Holds of wallets whose sums are wrong: asking for them tells which operation it is.
    pub suspects: Vec<HoldId>,
}

impl Verdict {
    pub(super) const fn new(operations: u64) -> Self {
        Self { operations, checked: 0, dropped: 0, violations: Vec::new(), violations_count: 0, suspects: Vec::new() }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.violations_count == 0
    }

    pub(super) fn add(&mut self, kind: ViolationKind, message: impl FnOnce() -> String) {
        self.violations_count += 1;
        let of_kind = self.violations.iter().filter(|violation| violation.kind == kind).count();
        if of_kind < TOLD_MAX {
            self.violations.push(Violation { kind, message: message() });
        }
    }

    pub(super) fn take(&mut self, violations: Vec<Violation>) {
        for Violation { kind, message } in violations {
            self.add(kind, || message);
        }
    }
}
