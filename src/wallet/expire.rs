//! The ends that time brings: holds expire (R23), ended ones are forgotten (R32).

use crate::chores::{Chore, LOOK_AGAIN_MS};
use crate::engine::{Archive, Chunk, Engine, Journal, SWEEP_HOLDS_MAX};
use crate::hold::HoldState;
use crate::hold_claim::Fired;
use crate::holds::{Entry, seconds};
use crate::ids::{HoldId, Now, Position, Timestamp};
use crate::record::Record;
use crate::slot::SlotIndex;
use crate::sync::Ordering;

/// How far the bound of forgotten ids moves at a time, in milliseconds: each move is a record and a sweep.
const BOUND_STEP_MS: u64 = 10_000;

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Ends up to one chunk of holds whose time has come, and says how many records that pushed. Room for a chunk has
    /// been taken before.
    pub fn expire_due(&self, chunk: &mut Chunk, now: Now) -> usize {
        // Relaxed: set once at the start, before the first call.
        if now.daemon.0 < self.expire_from.load(Ordering::Relaxed) {
            return 0;
        }
        let due = self.holds.due(now.daemon, SWEEP_HOLDS_MAX);
        let mut again = Vec::new();
        let mut expired: usize = 0;
        for (noted, id) in due {
            match self.expire(chunk, (noted, id), now) {
                Fired::Ends => expired = expired.saturating_add(1),
                Fired::Later => again.push((noted, id)),
                Fired::Gone => {}
            }
        }
        self.push(chunk, now);
        self.note_again(again);
        expired
    }

    /// Puts notes back for the next call, where the hold still ends at that time.
    fn note_again(&self, again: Vec<(Timestamp, HoldId)>) {
        self.holds.watch_again(again, |id, note, at| match self.holds.map.get_mut(&id) {
            Some(mut entry) => entry.take_note(note, at),
            None => Some((note, at)),
        });
    }

    fn expire(&self, chunk: &mut Chunk, (noted, id): (Timestamp, HoldId), now: Now) -> Fired {
        // The wallet is rolled first, so that a slice of an ended period is forfeited and not returned (R24).
        if let Some(index) = self.slot_of_open(id) {
            self.roll_if_due(self.wallets.slot(index), now);
        }
        let Some(mut entry) = self.holds.map.get_mut(&id) else { return Fired::Gone };
        let fired = entry.fired(noted, now.daemon);
        let Entry::Live(live) = entry.value_mut() else { return fired };
        let (Fired::Ends, Some(index)) = (fired, live.slot) else { return fired };
        let record = self.end_record(id, (live, index), now);
        live.place = chunk.add(Record::Expire(record), id);
        self.end(chunk, index, (id, live), &record.returned);
        entry.compact(now.daemon);
        fired
    }

    pub(crate) fn slot_of_open(&self, id: HoldId) -> Option<SlotIndex> {
        let entry = self.holds.map.get(&id)?;
        match entry.value() {
            Entry::Live(live) if live.hold.state == HoldState::Open => live.slot,
            _ => None,
        }
    }

    /// Forgets ended holds (R32): their end is one id window ago, their own time lies below the bound, and a flushed
    /// projection knows them. The bound itself is a record, and counts only once the projections have it.
    ///
    /// Returns how many holds were forgotten. Room for one record has been taken before.
    pub fn forget(&self, now: Now) -> u64 {
        let flushed = self.archive.flushed();
        self.commands.retain(|_, row| row.position > flushed);
        let forgotten = self.move_bound(now, flushed);
        self.chores.note(Chore::Forget, self.next_forget(now));
        forgotten
    }

    fn move_bound(&self, now: Now, flushed: Position) -> u64 {
        let bound = Timestamp(self.id_bound.load(Ordering::Acquire));
        let mut on_its_way = self.bound_on_its_way.lock();
        match *on_its_way {
            Some((next, position)) if position <= flushed => {
                *on_its_way = None;
                // Release: who sees ids missing from the directory also sees the bound that refuses them.
                self.id_bound.fetch_max(next.0, Ordering::Release);
                drop(on_its_way);
                self.sweep(next, now)
            }
            Some(_) => 0,
            None => {
                let horizon = now.wall.min(now.daemon).minus_millis(self.settings.id_window_ms);
                let next = Timestamp(horizon.0.saturating_sub(horizon.0 % 1_000));
                if next >= bound.plus_millis(BOUND_STEP_MS) {
                    let position = self.journal.push(&[Record::IdBound { bound: next }]);
                    *on_its_way = Some((next, position));
                }
                0
            }
        }
    }

    /// When the bound can move on; while it waits for the projections, or for the wall clock, a little later.
    fn next_forget(&self, now: Now) -> Timestamp {
        let again = now.daemon.plus_millis(LOOK_AGAIN_MS);
        if self.bound_on_its_way.lock().is_some() {
            return again;
        }
        let bound = Timestamp(self.id_bound.load(Ordering::Acquire));
        bound.plus_millis(BOUND_STEP_MS).plus_millis(self.settings.id_window_ms).max(again)
    }

    fn sweep(&self, bound: Timestamp, now: Now) -> u64 {
        let flushed = self.archive.flushed();
        let ended_before = seconds(now.daemon.minus_millis(self.settings.id_window_ms));
        let mut forgotten: u64 = 0;
        self.holds.map.retain(|id, entry| {
            let Entry::Ended { place, at_s } = entry else { return true };
            let known_on_disk = place.position().is_some_and(|position| position <= flushed);
            let old = id.own_time().is_none_or(|own| own < bound);
            let gone = known_on_disk && old && *at_s <= ended_before;
            forgotten = forgotten.saturating_add(u64::from(gone));
            !gone
        });
        self.holds.uncount_entries(forgotten);
        forgotten
    }
}
