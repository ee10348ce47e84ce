//! A hold: credits set aside by a reserve, then settled, released or expired (R23). One value for the live
//! directory and for the rows of the `holds` projection, changed by the same functions.

use crate::bucket::{Bucket, Slices, Split};
use crate::credits::Credits;
use crate::ids::{AccountId, HoldId, Position, Timestamp, WorkerId};
use crate::record::{
    Attribution, Capture, CaptureRequest, LateCapture, Record, Refund, RefundReason, Reserve, Return, Terms,
};

/// How far a hold is (I6: it ends exactly once).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum HoldState {
    /// Credits are set aside.
    Open = 1,
    /// Captured, at least in part.
    Settled = 2,
    /// Given back unused.
    Released = 3,
    /// Ended by time.
    Expired = 4,
    /// Never existed here: the id was spent by a release that came first (R32).
    Tombstone = 5,
    /// Ended in bulk because its worker is dead; takes late commits as an expired one (R28, R31).
    ReleasedByWorker = 6,
}

impl HoldState {
    /// The state with this number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Open),
            2 => Some(Self::Settled),
            3 => Some(Self::Released),
            4 => Some(Self::Expired),
            5 => Some(Self::Tombstone),
            6 => Some(Self::ReleasedByWorker),
            _ => None,
        }
    }
}

// Persisted: each number stays with its state.
const _: () = assert!(matches!(HoldState::from_code(HoldState::Open as u8), Some(HoldState::Open)));
const _: () = assert!(matches!(HoldState::from_code(HoldState::Settled as u8), Some(HoldState::Settled)));
const _: () = assert!(matches!(HoldState::from_code(HoldState::Released as u8), Some(HoldState::Released)));
const _: () = assert!(matches!(HoldState::from_code(HoldState::Expired as u8), Some(HoldState::Expired)));
const _: () = assert!(matches!(HoldState::from_code(HoldState::Tombstone as u8), Some(HoldState::Tombstone)));
const _: () =
    assert!(matches!(HoldState::from_code(HoldState::ReleasedByWorker as u8), Some(HoldState::ReleasedByWorker)));

/// One step of a hold's settlement; a retry of it gets this answer again (I5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// A capture in time, or after the end but before the expiry record.
    Capture(CaptureStep),
    /// A refund.
    Refund(RefundStep),
    /// The release that ended the hold.
    Release(ReleaseStep),
}

/// A release that took effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReleaseStep {
    /// What went back.
    pub returned: Split,
    /// What did not go back because its period had ended.
    pub forfeited: Split,
    /// The place of its record.
    pub position: Position,
}

/// A capture that took effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureStep {
    /// What was asked for.
    pub request: CaptureRequest,
    /// What was captured of the hold's own slices.
    pub captured: Split,
    /// What was taken from the wallet at that moment: drawn on top, or debited again after expiry.
    pub drawn: Slices,
    /// What the wallet could not cover.
    pub shortfall: Credits,
    /// Whether it came after the hold's end.
    pub late: bool,
    /// What did not go back because its period had ended.
    pub forfeited: Split,
    /// The place of its record.
    pub position: Position,
}

impl CaptureStep {
    /// What was charged, over both parts.
    #[must_use]
    pub fn charged(&self) -> Split {
        self.captured.plus(&self.drawn.split)
    }
}

/// A refund that took effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundStep {
    /// The refund number.
    pub number: u8,
    /// What was asked for; `None` for all.
    pub requested: Option<Credits>,
    /// Why.
    pub reason: RefundReason,
    /// The captured slices that it undid.
    pub undone: Vec<Slices>,
    /// What went back, over all periods.
    pub returned: Split,
    /// What did not go back.
    pub forfeited: Split,
    /// The place of its record.
    pub position: Position,
}

/// A hold and everything that has become of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The account; none for a tombstone.
    pub account: AccountId,
    /// How far it is.
    pub state: HoldState,
    /// Whether a charge made it.
    pub charge: bool,
    /// What was set aside, and from which periods.
    pub taken: Slices,
    /// What it is for.
    pub attribution: Attribution,
    /// The worker; zero for none.
    pub worker: WorkerId,
    /// The settings of the generation.
    pub settings: u32,
    /// The terms of its request.
    pub terms: Terms,
    /// When it was made.
    pub reserved_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// When it ended; zero while it is open.
    pub ended_at: Timestamp,
    /// The place of the reserve's record.
    pub reserve_position: Position,
    /// The place of the last record about it.
    pub last_position: Position,
    /// What has been captured of its own slices.
    pub captured: Split,
    /// Captures and refunds, in the order in which they took effect.
    pub settlements: Vec<Settlement>,
}

impl Hold {
    /// The hold that a reserve makes; a charge is settled at once (R29).
    #[must_use]
    #[inline]
    pub fn reserved(record: &Reserve, charge: bool) -> Self {
        Self {
            account: record.account,
            state: if charge { HoldState::Settled } else { HoldState::Open },
            charge,
            taken: record.taken,
            attribution: record.attribution,
            worker: record.worker,
            settings: record.settings,
            terms: record.terms,
            reserved_at: record.at,
            ends_at: record.ends_at,
            ended_at: if charge { record.at } else { Timestamp::NONE },
            reserve_position: Position::NONE,
            last_position: Position::NONE,
            captured: if charge { record.taken.split } else { Split::ZERO },
            settlements: Vec::new(),
        }
    }

    /// The reserve that made it, as far as it says.
    #[must_use]
    #[inline]
    pub const fn as_reserved(&self, id: HoldId) -> Reserve {
        Reserve {
            account: self.account,
            hold: id,
            taken: self.taken,
            attribution: self.attribution,
            worker: self.worker,
            settings: self.settings,
            terms: self.terms,
            at: self.reserved_at,
            ends_at: self.ends_at,
        }
    }

    /// The mark that a release of an unknown id leaves (R32).
    #[must_use]
    pub fn tombstone(at: Timestamp) -> Self {
        Self {
            account: AccountId::NONE,
            state: HoldState::Tombstone,
            charge: false,
            taken: Slices::default(),
            attribution: Attribution::default(),
            worker: WorkerId::NONE,
            settings: 0,
            terms: Terms::NONE,
            reserved_at: at,
            ends_at: at,
            ended_at: at,
            reserve_position: Position::NONE,
            last_position: Position::NONE,
            captured: Split::ZERO,
            settlements: Vec::new(),
        }
    }

    /// What an open hold still sets aside.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> Split {
        self.taken.split.minus(&self.captured)
    }

    /// Applies a capture; the last one ends the hold (R25, R30).
    pub fn capture(&mut self, record: &Capture) {
        assert!(self.state == HoldState::Open, "I6: a capture of a hold that has ended");
        let known = self.captures().any(|step| step.request.number == record.request.number);
        assert!(!known, "I5: a capture number that is known");
        self.captured = self.captured.plus(&record.captured);
        assert!(self.captured.total() <= self.taken.split.total(), "I2: more is captured than is held");
        let gives_back = !record.returned.is_zero() || !record.forfeited.is_zero();
        assert!(record.request.last || !gives_back, "I1: only the last capture gives back");
        // Most holds have one settlement; the list would make room for four.
        self.settlements.reserve_exact(usize::from(self.settlements.is_empty()));
        self.settlements.push(Settlement::Capture(CaptureStep {
            request: record.request,
            captured: record.captured,
            drawn: record.drawn,
            shortfall: Credits::ZERO,
            late: record.late,
            forfeited: record.forfeited,
            position: Position::NONE,
        }));
        if record.request.last {
            assert!(self.rest() == record.returned.plus(&record.forfeited), "I1: the rest of a hold");
            let unused = self.charged().is_zero() && record.request.amount == Some(Credits::ZERO);
            let state = if unused { HoldState::Released } else { HoldState::Settled };
            self.end(state, record.at);
        }
    }

    /// Whether the hold ended on its own, so that a commit may still come (R28).
    #[must_use]
    pub const fn takes_late_commits(&self) -> bool {
        matches!(self.state, HoldState::Expired | HoldState::ReleasedByWorker)
    }

    /// Applies a commit after expiry (R28).
    pub fn capture_late(&mut self, record: &LateCapture) {
        assert!(self.takes_late_commits(), "R28: a second debit of a hold that has not expired");
        let known = self.captures().any(|step| step.request.number == record.request.number);
        assert!(!known, "I5: a capture number that is known");
        self.settlements.push(Settlement::Capture(CaptureStep {
            request: record.request,
            captured: Split::ZERO,
            drawn: record.taken,
            shortfall: record.shortfall,
            late: true,
            forfeited: Split::ZERO,
            position: Position::NONE,
        }));
        assert!(self.ended_at != Timestamp::NONE, "R28: a late commit of a hold that runs");
        let committed = record.taken.split.total() + record.shortfall;
        assert!(committed <= self.taken.split.total(), "R28: late commits come to no more than was held");
    }

    /// Applies a refund (R27).
    pub fn refund(&mut self, record: &Refund) {
        let sum = |parts: &[Slices]| parts.iter().fold(Split::ZERO, |sum, slices| sum.plus(&slices.split));
        let returned = sum(&record.returned);
        assert!(sum(&record.undone) == returned.plus(&record.forfeited), "I1: a refund gives back what it undoes");
        assert!(self.state != HoldState::Tombstone, "R32: a refund of a hold that never was");
        assert!(self.refunds().all(|step| step.number != record.number), "I5: a refund number that is known");
        self.settlements.push(Settlement::Refund(RefundStep {
            number: record.number,
            requested: record.requested,
            reason: record.reason,
            undone: record.undone.clone(),
            returned,
            forfeited: record.forfeited,
            position: Position::NONE,
        }));
    }

    /// Applies a release; what was captured before makes it a settlement (R24).
    pub fn release(&mut self, record: &Return) {
        assert!(self.rest() == record.returned.plus(&record.forfeited), "I1: the rest of a hold");
        let state = if self.charged().is_zero() { HoldState::Released } else { HoldState::Settled };
        self.end(state, record.at);
        assert!(self.released().is_none(), "I6: a hold is released once");
        let Return { returned, forfeited, .. } = *record;
        self.settlements.push(Settlement::Release(ReleaseStep { returned, forfeited, position: Position::NONE }));
    }

    /// Ends the hold (I6).
    pub fn end(&mut self, state: HoldState, at: Timestamp) {
        assert!(self.state == HoldState::Open, "I6: a second end of a hold");
        assert!(state != HoldState::Open, "I6: an end that leaves a hold open");
        assert!(self.ended_at == Timestamp::NONE, "I6: a hold that is open has not ended");
        assert!(state != HoldState::Tombstone, "R32: a hold that was is no tombstone");
        self.state = state;
        self.ended_at = at;
    }

    /// Notes the place of the last record about this hold, where that record left its mark.
    pub fn note_position(&mut self, position: Position) {
        assert!(position > Position::NONE, "I3: a record has a place");
        assert!(position >= self.last_position, "I4: a record about a hold comes after those before it");
        let steps = self.settlements.iter().map(Settlement::position);
        assert!(steps.max().is_none_or(|last| last <= position), "I4: a settlement comes after those before it");
        self.last_position = position;
        if self.reserve_position == Position::NONE {
            self.reserve_position = position;
        }
        match self.settlements.iter_mut().find(|step| step.position() == Position::NONE) {
            Some(Settlement::Capture(step)) => step.position = position,
            Some(Settlement::Refund(step)) => step.position = position,
            Some(Settlement::Release(step)) => step.position = position,
            None => {}
        }
    }

    /// Notes the place of one record out of several that have left their marks already, as a unit's have.
    pub fn note_position_of(&mut self, record: &Record, position: Position) {
        assert!(position > Position::NONE, "I3: a record has a place");
        assert!(position > self.last_position, "I4: a record about a hold comes after those before it");
        self.last_position = position;
        match record {
            Record::Reserve(_) | Record::Charge(_) | Record::Tombstone { .. } => self.reserve_position = position,
            Record::Capture(_) | Record::LateCapture(_) | Record::Refund(_) | Record::Release(_) => {
                self.note_position(position);
            }
            _ => {}
        }
    }

    /// The captures, in order.
    pub fn captures(&self) -> impl Iterator<Item = &CaptureStep> {
        self.settlements.iter().filter_map(|step| match step {
            Settlement::Capture(step) => Some(step),
            Settlement::Refund(_) | Settlement::Release(_) => None,
        })
    }

    /// The refunds, in order.
    pub fn refunds(&self) -> impl Iterator<Item = &RefundStep> {
        self.settlements.iter().filter_map(|step| match step {
            Settlement::Refund(step) => Some(step),
            Settlement::Capture(_) | Settlement::Release(_) => None,
        })
    }

    /// The release that ended the hold, if one did.
    #[must_use]
    pub fn released(&self) -> Option<&ReleaseStep> {
        self.settlements.iter().find_map(|step| match step {
            Settlement::Release(step) => Some(step),
            Settlement::Capture(_) | Settlement::Refund(_) => None,
        })
    }

    /// What has been charged, refunds not counted.
    #[must_use]
    pub fn charged(&self) -> Credits {
        let drawn = self.captures().fold(Credits::ZERO, |sum, step| sum + step.drawn.split.total());
        assert!(self.state != HoldState::Tombstone || drawn.is_zero(), "R32: a tombstone is charged for nothing");
        self.captured.total() + drawn
    }

    /// What has been refunded, forfeited parts included.
    #[must_use]
    pub fn refunded(&self) -> Credits {
        self.refunds().flat_map(|step| &step.undone).fold(Credits::ZERO, |sum, slices| sum + slices.split.total())
    }

    /// The captured slices that no refund has undone, earliest capture first: what was captured of the hold's own slices
    /// is one entry, and what each capture has drawn beyond them another.
    #[must_use]
    pub fn refundable(&self) -> Vec<Slices> {
        let own = Slices { split: self.captured, ..self.taken };
        let mut parts: Vec<Slices> = vec![own];
        for step in &self.settlements {
            match step {
                Settlement::Capture(step) if !step.drawn.split.is_zero() => parts.push(step.drawn),
                Settlement::Refund(step) => step.undone.iter().for_each(|undone| take_back(&mut parts, undone)),
                Settlement::Capture(_) | Settlement::Release(_) => {}
            }
        }
        let left = parts.iter().fold(Credits::ZERO, |sum, part| sum + part.split.total());
        assert!(left + self.refunded() == self.charged(), "I1: what is charged is refunded, or can be");
        parts
    }
}

/// What a refund has undone is of the captures before it, and of the latest of them first (R24).
fn take_back(parts: &mut [Slices], undone: &Slices) {
    for bucket in Bucket::ALL {
        let mut left = undone.split.of(bucket);
        for part in parts.iter_mut().rev().filter(|part| same_period(part, undone, bucket)) {
            let gone = Split::only(bucket, part.split.of(bucket).min(left));
            part.split = part.split.minus(&gone);
            left -= gone.of(bucket);
        }
        assert!(left.is_zero(), "I1: a refund of more than was captured");
    }
}

fn same_period(a: &Slices, b: &Slices, bucket: Bucket) -> bool {
    match bucket {
        Bucket::Free => a.day == b.day,
        Bucket::Subscription => a.period == b.period,
        Bucket::TopUp => true,
    }
}

impl Settlement {
    /// The place of its record.
    #[must_use]
    pub const fn position(&self) -> Position {
        match self {
            Self::Capture(step) => step.position,
            Self::Refund(step) => step.position,
            Self::Release(step) => step.position,
        }
    }
}

/// A hold with its id, as the projections keep it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldRow {
    /// The id.
    pub id: HoldId,
    /// The rest.
    pub hold: Hold,
}
