//! When open holds end: a timer a hold in the wheel (R23). A hold that ends otherwise takes its timer along.

use crate::ids::{HoldId, Timestamp};
use crate::sync::Mutex;
use crate::timer_wheel::{Advance, TimerId, Timers};

/// The number of the timer of a hold's end. Timers that fired leave theirs to others: so one is taken back only with the
/// end and the hold that it was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Note(TimerId);

impl Note {
    /// Not noted yet.
    pub(crate) const NONE: Self = Self(TimerId(u32::MAX));
}

/// The timers of open holds. The lock is taken once for the holds of a unit, and nothing else is waited for under it.
#[derive(Default)]
pub(crate) struct HoldEnds(Mutex<Box<Timers<HoldId>>>);

impl HoldEnds {
    /// With timers that were made elsewhere: a wheel has no room on the small stacks of loom.
    #[cfg(test)]
    pub(crate) fn of(timers: Box<Timers<HoldId>>) -> Self {
        Self(Mutex::new(timers))
    }

    /// Tells the wheel of a time that has come, before there are timers.
    pub(crate) fn begin_at(&self, now: Timestamp) {
        self.0.lock().begin_at(now);
    }

    /// Notes when holds are to end, and the number of each note.
    pub(crate) fn add(&self, ends: &mut Vec<(Timestamp, HoldId)>, notes: &mut Vec<Note>) {
        if ends.is_empty() {
            return;
        }
        let mut timers = self.0.lock();
        notes.extend(ends.drain(..).map(|(at, id)| Note(timers.insert(at, id))));
    }

    /// Takes notes back. One that has fired, or was never made, is none of its business.
    pub(crate) fn cancel(&self, ended: &mut Vec<(Note, Timestamp, HoldId)>) {
        if ended.is_empty() {
            return;
        }
        let mut timers = self.0.lock();
        for (note, at, id) in ended.drain(..) {
            timers.cancel(note.0, |deadline, hold| deadline == at && *hold == id);
        }
    }

    /// Puts notes back that fired too early to be decided. `take` offers one to the entry of its hold, and says whether it
    /// is of no use there.
    pub(crate) fn add_again(
        &self,
        mut again: Vec<(Timestamp, HoldId)>,
        mut take: impl FnMut(HoldId, Note, Timestamp) -> Option<(Note, Timestamp)>,
    ) {
        let (mut notes, mut idle) = (Vec::new(), Vec::new());
        let noted = again.clone();
        self.add(&mut again, &mut notes);
        for ((at, id), note) in noted.into_iter().zip(notes) {
            idle.extend(take(id, note, at).map(|(note, at)| (note, at, id)));
        }
        self.cancel(&mut idle);
    }

    /// Takes out up to `limit` notes whose end has come. Each step of the wheel is bounded, and between two of them units
    /// find the lock free.
    pub(crate) fn due(&self, now: Timestamp, limit: usize) -> Vec<(Timestamp, HoldId)> {
        let mut due = Vec::new();
        while due.len() < limit {
            let room = limit.saturating_sub(due.len());
            if self.0.lock().advance(now, room, &mut due) == Advance::Done {
                break;
            }
        }
        due
    }

    /// An instant before which no noted end comes.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.lock().next()
    }

    /// How many notes there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().count()
    }
}
