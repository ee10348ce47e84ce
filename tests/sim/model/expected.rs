//! What an answer must say, and what a retry must hear again.

use wallet::outcome::{Field, Outcome};

use super::subscription::Changed;
use super::{Amounts, NOTHING};

/// What a request leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Effect {
    Nothing,
    Open,
    Freeze,
    SetSubscription,
    Grant,
    TopUp,
    Clawback,
    CycleRoll,
    Policy,
    IdBound,
    Reserve,
    Charge,
    Capture,
    LateCapture,
    Release,
    Expire,
    Refund,
    Extend,
    Tombstone,
    Subscription,
    PendingTopUp,
    ConfirmTopUp,
    DropTopUp,
    Correct,
    ReleaseWorker,
}

/// What an answer must say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Expected {
    pub(crate) outcome: Outcome,
    pub(crate) detail: u32,
    pub(crate) split: Amounts,
    pub(crate) amount: u64,
    pub(crate) time: u64,
    pub(crate) forfeited: u64,
    pub(crate) late: bool,
    pub(crate) effect: Effect,
    /// The state of the wallet after the request.
    pub(crate) view: Option<View>,
    /// Whether the answer must tell that; else it may.
    pub(crate) tells: bool,
    /// The position of a replayed decision.
    pub(crate) position: Option<u64>,
    /// What must be durable before the answer leaves (I3).
    pub(crate) rests_on: u64,
    /// The subscription before and after a plan or zone command (R13).
    pub(crate) change: Option<Changed>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct View {
    pub(crate) available: Amounts,
    pub(crate) next_reset_at: u64,
    pub(crate) top_up_allowed: bool,
}

impl Expected {
    pub(super) const fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            detail: 0,
            split: NOTHING,
            amount: 0,
            time: 0,
            forfeited: 0,
            late: false,
            effect: Effect::Nothing,
            view: None,
            tells: false,
            position: None,
            rests_on: 0,
            change: None,
        }
    }

    pub(super) fn bad(field: Field) -> Self {
        Self { detail: field as u32, ..Self::of(Outcome::BadRequest) }
    }

    /// A gift beyond what there is room for.
    pub(super) const fn too_much(room: u64) -> Self {
        Self { amount: room, ..Self::of(Outcome::BalanceLimit) }
    }

    pub(super) const fn replay(said: &Said) -> Self {
        Self {
            detail: said.outcome as u32,
            split: said.split,
            amount: said.amount,
            time: said.time,
            forfeited: said.forfeited,
            late: said.late,
            position: Some(said.position),
            rests_on: said.position,
            tells: true,
            ..Self::of(Outcome::Replayed)
        }
    }

    pub(super) fn said(&self) -> Said {
        Said {
            outcome: self.outcome.code(),
            split: self.split,
            amount: self.amount,
            time: self.time,
            forfeited: self.forfeited,
            late: self.late,
            position: 0,
        }
    }
}

/// What a request was answered, as far as a retry must hear it again.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Said {
    pub(super) outcome: u16,
    pub(super) split: Amounts,
    pub(super) amount: u64,
    pub(super) time: u64,
    pub(super) forfeited: u64,
    pub(super) late: bool,
    pub(super) position: u64,
}
