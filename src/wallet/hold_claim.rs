//! Who ends a hold (I6, R23). A settlement, an extension and a timer that fires meet at the hold's entry, under its lock,
//! and each decides there by what it finds:
//!
//! - the end of a hold is claimed once, by whoever comes first; who comes later finds that it is over;
//! - a timer is a hold's own record, and says nothing but "look": the end that counts is the hold's. Where that has moved
//!   meanwhile, the end is noted once more, which does no harm beside the note of who moved it;
//! - a record goes back once its timer is out of the wheel: after the push of the unit that ended its hold.
//!
//! All are plain steps on the hold, so that `hold_claim_loom` runs them, and the wheel's lock, in every interleaving.

use crate::hold::HoldState;
use crate::holds::Live;
use crate::ids::Timestamp;
use crate::open_holds::RecordNumber;

/// What a timer that fired finds at its hold.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fired {
    /// The hold is to be ended now.
    Ends,
    /// Not decided yet: its end is to be noted once more.
    Later,
    /// The hold has ended.
    Gone,
}

impl Live {
    /// What a timer finds.
    pub(crate) fn fired(&self, now: Timestamp) -> Fired {
        match () {
            () if !self.is_open() || self.slot.is_none() => Fired::Gone,
            () if self.place.position().is_none() => Fired::Later,
            () if self.hold.ends_at <= now => Fired::Ends,
            // An extension has moved the end; or this caller's time lies behind the wheel's.
            () => Fired::Later,
        }
    }

    /// Whether nobody has ended the hold.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.hold.state == HoldState::Open && !self.over
    }

    /// Claims the end of the hold; its record goes back when that has been pushed.
    #[inline]
    pub(crate) fn claim_end(&mut self) -> Option<RecordNumber> {
        assert!(self.is_open(), "I6: a second end of a hold");
        self.over = true;
        self.record
    }

    /// Moves the end of an open hold, which is to be noted when that has been pushed.
    pub(crate) fn move_end(&mut self, to: Timestamp) -> Option<RecordNumber> {
        assert!(self.is_open(), "I6: a hold is extended after its end");
        assert!(to > self.hold.ends_at, "R23: an end never moves back");
        self.hold.ends_at = to;
        self.record
    }
}
