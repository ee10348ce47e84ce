//! Housekeeping that time brings, as timers of the wheel: ids are forgotten (R32), and top-ups whose payment never came are
//! dropped (R14). Each chore has one timer at most, and notes itself when it is due next: nothing is looked at before that.
//!
//! What waits for a disk, a socket or a thread is not in this wheel but with who waits for it (decision 0017).

use parking_lot::Mutex;

use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Now, Timestamp};
use crate::timer_wheel::{TimerId, Timers};

/// A chore that could not be done, or that waits for the projections, is looked at again after so long.
pub(crate) const LOOK_AGAIN_MS: u64 = 1_000;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chore {
    /// [`Engine::forget`]: the bound of forgotten ids can move on, or waits for the projections.
    Forget,
    /// [`Engine::drop_pending`]: the first pending top-up has ended.
    DropPending,
}

impl Chore {
    /// Every chore.
    pub const ALL: &'static [Self] = &[Self::Forget, Self::DropPending];
}

const _: () = assert!(Chore::ALL[0] as usize == 0, "a chore's number is its place");
const _: () = assert!(Chore::ALL[1] as usize == 1, "a chore's number is its place");

/// The timers of the chores. Nothing is waited for under the lock.
#[derive(Debug, Default)]
pub(crate) struct Chores(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    timers: Timers<Chore>,
    noted: [Option<(TimerId, Timestamp)>; Chore::ALL.len()],
}

impl State {
    fn note(&mut self, chore: Chore, at: Timestamp) {
        let place = chore as usize;
        if let Some((id, noted)) = self.noted[place].take() {
            let cancelled = self.timers.cancel(id, |deadline, known| deadline == noted && *known == chore);
            assert!(cancelled, "a chore that is noted has its timer");
        }
        if at != Timestamp::NEVER {
            self.noted[place] = Some((self.timers.insert(at, chore), at));
        }
        let noted = self.noted.iter().filter(|noted| noted.is_some()).count();
        assert!(usize::try_from(self.timers.count()) == Ok(noted), "a chore that is noted has one timer");
    }
}

impl Chores {
    /// Notes when a chore is due, in the place of what was noted before; [`Timestamp::NEVER`] for not at all.
    pub(crate) fn note(&self, chore: Chore, at: Timestamp) {
        self.0.lock().note(chore, at);
    }

    /// Notes that a chore is due at the latest then.
    pub(crate) fn note_by(&self, chore: Chore, at: Timestamp) {
        let mut state = self.0.lock();
        if state.noted[chore as usize].is_none_or(|(_, noted)| at < noted) {
            state.note(chore, at);
        }
        let (_, noted) = state.noted[chore as usize].unwrap_or((TimerId(0), at));
        assert!(noted <= at, "a chore is due at the latest then");
    }

    /// What is due. Each is noted again a little later, in case that it cannot be done now; who does it notes when it is
    /// really due.
    fn due(&self, now: Timestamp) -> Vec<Chore> {
        let mut state = self.0.lock();
        let mut due: Vec<(Timestamp, Chore)> = Vec::new();
        // One step hands out all of them; what is spread only then comes with the next call.
        let _ = state.timers.advance(now, Chore::ALL.len(), &mut due);
        assert!(due.len() <= Chore::ALL.len(), "I9: a chore is due once");
        for (_, chore) in &due {
            state.noted[*chore as usize] = None;
        }
        for (_, chore) in &due {
            state.note(*chore, now.plus_millis(LOOK_AGAIN_MS));
        }
        assert!(state.timers.count() >= due.len() as u64, "a chore that is due is noted again");
        due.into_iter().map(|(_, chore)| chore).collect()
    }

    /// How many timers there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().timers.count()
    }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// The chores whose time has come. They come again a second later, unless they are done.
    pub fn due_chores(&self, now: Now) -> Vec<Chore> {
        self.chores.due(now.daemon)
    }
}

#[cfg(test)]
mod tests {
    //! One timer a chore, and none is lost.

    use super::*;

    #[test]
    fn a_chore_has_one_timer_and_comes_again_until_it_is_done() {
        let chores = Chores::default();
        assert_eq!((chores.count(), chores.due(Timestamp(1_000_000))), (0, vec![]));
        chores.note_by(Chore::DropPending, Timestamp(3_000_000));
        chores.note_by(Chore::DropPending, Timestamp(4_000_000));
        chores.note_by(Chore::DropPending, Timestamp(2_000_000));
        chores.note(Chore::Forget, Timestamp(9_000_000));
        chores.note(Chore::Forget, Timestamp(2_500_000));
        assert_eq!(chores.count(), 2);
        assert_eq!(chores.due(Timestamp(1_999_999)), []);
        assert_eq!(chores.due(Timestamp(2_000_000)), [Chore::DropPending]);
        assert_eq!((chores.count(), chores.due(Timestamp(2_000_999))), (2, vec![]), "not done, and noted again");
        assert_eq!(chores.due(Timestamp(2_001_000)), [Chore::DropPending]);
        chores.note(Chore::DropPending, Timestamp::NEVER);
        assert_eq!(chores.count(), 1);
        assert_eq!(chores.due(Timestamp(30_000_000)), [Chore::Forget], "in place of a later time");
        assert_eq!(chores.count(), 1);
    }

    #[test]
    fn chores_that_are_due_together_are_both_handed_out_and_noted_again() {
        let chores = Chores::default();
        for at in [1_000_000, 1_000_500] {
            chores.note(Chore::Forget, Timestamp(at));
            chores.note(Chore::DropPending, Timestamp(at + 100));
            assert_eq!(chores.due(Timestamp(at + 100)), [Chore::Forget, Chore::DropPending]);
            assert_eq!((chores.count(), chores.due(Timestamp(at + 1_099))), (2, vec![]));
        }
    }
}
