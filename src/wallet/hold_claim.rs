//! Who ends a hold (I6, R23). A settlement, an extension and a timer that fires meet at the hold's entry, under its lock,
//! and each decides there by what it finds:
//!
//! - the end of a hold is claimed once, by whoever comes first; who comes later finds that it is over;
//! - a timer that was taken out of the wheel stands for the end that it was made for: where the hold ends later by now,
//!   somebody else notes that end, and the timer is of no use;
//! - a note is put into an entry only where it is of the end that the hold has; otherwise its maker takes it back.
//!
//! All three are plain steps on the entry, so that `hold_claim_loom` runs them, and the wheel's lock, in every interleaving.

use crate::hold::HoldState;
use crate::holds::{Entry, Live, Note};
use crate::ids::Timestamp;

/// What a timer that fired finds at its hold.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fired {
    /// The hold is to be ended now.
    Ends,
    /// Not decided yet: the same note again.
    Later,
    /// The hold has ended, or ends at another time.
    Gone,
}

impl Entry {
    /// What a timer for the end `noted` finds.
    pub(crate) fn fired(&self, noted: Timestamp, now: Timestamp) -> Fired {
        let Self::Live(live) = self else { return Fired::Gone };
        match () {
            () if !live.is_open() || live.slot.is_none() => Fired::Gone,
            () if live.place.position().is_none() => Fired::Later,
            () if live.hold.ends_at <= now => Fired::Ends,
            // An extension has put down a note of its own; or this caller's time lies behind the wheel's.
            () if live.hold.ends_at == noted => Fired::Later,
            () => Fired::Gone,
        }
    }

    /// Takes the note of an end, if the hold ends then; otherwise the note is of no use, and comes back.
    pub(crate) fn take_note(&mut self, note: Note, at: Timestamp) -> Option<(Note, Timestamp)> {
        match self {
            Self::Live(live) if live.is_open() && live.hold.ends_at == at => {
                live.note = note;
                None
            }
            _ => Some((note, at)),
        }
    }
}

impl Live {
    /// Whether nobody has ended the hold.
    pub(crate) fn is_open(&self) -> bool {
        self.hold.state == HoldState::Open && !self.over
    }

    /// Claims the end of the hold; the note of it is to be taken back.
    pub(crate) fn claim_end(&mut self) -> (Note, Timestamp) {
        assert!(self.is_open(), "I6: a second end of a hold");
        self.over = true;
        (self.note, self.hold.ends_at)
    }

    /// Moves the end of an open hold; the note of the one before is to be taken back.
    pub(crate) fn move_end(&mut self, to: Timestamp) -> (Note, Timestamp) {
        assert!(self.is_open(), "I6: a hold is extended after its end");
        assert!(to > self.hold.ends_at, "R23: an end never moves back");
        (self.note, std::mem::replace(&mut self.hold.ends_at, to))
    }
}
