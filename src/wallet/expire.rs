//! The ends that time brings: holds expire (R23), ended ones are forgotten (R32).

use crate::chores::{Chore, LOOK_AGAIN_MS};
use crate::chunk::Chunk;
use crate::directory::Hash;
use crate::engine::{Archive, Engine, Journal, SWEEP_HOLDS_MAX};
use crate::hold_claim::Fired;
use crate::holds::{Held, seconds};
use crate::ids::{Now, Position, Timestamp};
use crate::open_holds::RecordNumber;
use crate::record::Record;
use crate::slot::{Slot, SlotIndex};
use crate::sync::Ordering;

/// How far the bound of forgotten ids moves at a time, in milliseconds: each move is a record and a sweep.
const BOUND_STEP_MS: u64 = 10_000;

const _: () = assert!(BOUND_STEP_MS.is_multiple_of(1_000), "R32: forgetting goes by the second");
const _: () = assert!(LOOK_AGAIN_MS <= BOUND_STEP_MS, "R32: the bound is looked at before its next step");

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Ends up to one chunk of holds whose time has come, and says how many records that pushed. Room for a chunk has
    /// been taken before.
    pub fn expire_due(&self, chunk: &mut Chunk, now: Now) -> usize {
        // Relaxed: set once at the start, before the first call.
        if now.daemon.0 < self.expire_from.load(Ordering::Relaxed) {
            return 0;
        }
        let due = self.holds.open_holds.due(now.daemon, SWEEP_HOLDS_MAX);
        assert!(due.len() <= SWEEP_HOLDS_MAX, "I9: what expires at once has a limit");
        self.look_at_due(&due);
        let mut again = Vec::new();
        let mut expired: usize = 0;
        for record in due {
            match self.expire(chunk, record, now) {
                Fired::Ends => expired = expired.saturating_add(1),
                Fired::Later => again.push(record),
                Fired::Gone => {}
            }
        }
        self.push(chunk, now);
        assert!(expired.saturating_add(again.len()) <= SWEEP_HOLDS_MAX, "R23: an end is decided once");
        for record in again {
            // Whose it is by now, it is an open hold's: those of others are noted already, and once more does no harm.
            if let Some(held) = self.holds.find_by_record(record) {
                held.note_again();
            }
        }
        expired
    }

    /// Looks at what the ends of holds touch before the first is decided, in passes that wait for nothing of their own: the
    /// processor fetches it at the same time.
    fn look_at_due(&self, due: &[RecordNumber]) {
        let open = &self.holds.open_holds;
        let slots: Vec<Option<SlotIndex>> = due.iter().map(|record| open.look_at(*record)).collect();
        let hashes: Vec<Hash> = due.iter().map(|record| open.hash(*record)).collect();
        assert!(slots.len() == hashes.len(), "every record is looked at");
        assert!(slots.len() <= SWEEP_HOLDS_MAX, "I9: what expires at once has a limit");
        let holds = self.holds.look();
        let mut seen = 0;
        for (slot, hash) in slots.into_iter().zip(&hashes) {
            seen |= self.holds.touch(&holds, *hash);
            seen |= slot.and_then(|index| self.wallets.taken(index)).map_or(0, Slot::touch);
        }
        for hash in hashes {
            seen |= u64::from(self.holds.guess(&holds, hash).record().is_some());
        }
        drop(holds);
        std::hint::black_box(seen);
    }

    fn expire(&self, chunk: &mut Chunk, record: RecordNumber, now: Now) -> Fired {
        // The wallet is rolled first, so that a slice of an ended period is forfeited and not returned (R24).
        let Some(mut held) = self.rolled(|| self.holds.find_by_record(record), now) else { return Fired::Gone };
        let Some(mut live) = held.live(&self.wallets) else { return Fired::Gone };
        let fired = live.fired(now.daemon);
        let (Fired::Ends, Some(index)) = (fired, live.slot) else { return fired };
        let id = held.id();
        assert!(live.hold.ends_at <= now.daemon, "R23: a hold expires at its end or later");
        assert!(live.record == Some(record), "I6: the timer of another hold");
        let record = self.end_record(id, (&live, index), now);
        live.place = chunk.add(Record::Expire(record), id);
        self.end(chunk, index, &mut live, &record.returned);
        held.put(live, now.daemon);
        fired
    }

    /// A hold whose wallet has been rolled.
    pub(crate) fn rolled<'a>(&'a self, find: impl Fn() -> Option<Held<'a>>, now: Now) -> Option<Held<'a>> {
        loop {
            let held = find()?;
            let Some(index) = held.slot() else { return Some(held) };
            let slot = self.wallets.slot(index);
            if !self.is_due(slot, &slot.word.load(), now) {
                return Some(held);
            }
            drop(held);
            self.roll(slot, now);
        }
    }

    /// Forgets ended holds (R32): their end is one id window ago, their own time lies below the bound, and a flushed
    /// projection knows them. The bound itself is a record, and counts only once the projections have it.
    ///
    /// Returns how many holds were forgotten. Room for one record has been taken before.
    pub fn forget(&self, now: Now) -> u64 {
        let flushed = self.archive.flushed();
        self.commands.retain(|_, row| row.position > flushed);
        let before = self.id_bound.load(Ordering::Acquire);
        let forgotten = self.move_bound(now, flushed);
        let bound = self.id_bound.load(Ordering::Acquire);
        assert!(bound >= before, "R32: the bound never goes back");
        assert!(forgotten == 0 || bound > 0, "R32: holds are forgotten below a bound");
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
                assert!(next.0.is_multiple_of(1_000), "R32: forgetting goes by the second");
                assert!(next <= now.wall, "R32: ids to come are not forgotten");
                if next >= bound.plus_millis(BOUND_STEP_MS) {
                    let position = self.journal.push(&[Record::IdBound { bound: next }]);
                    assert!(position > flushed, "R32: a bound counts once the projections have it");
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
        let next = bound.plus_millis(BOUND_STEP_MS).plus_millis(self.settings.id_window_ms).max(again);
        assert!(next > bound, "R32: the bound moves on");
        next
    }

    fn sweep(&self, bound: Timestamp, now: Now) -> u64 {
        assert!(bound.0 <= self.id_bound.load(Ordering::Acquire), "R32: the bound comes before the sweep");
        assert!(bound <= now.daemon, "R32: ids to come are not forgotten");
        let flushed = self.archive.flushed();
        let ended_before = seconds(now.daemon.minus_millis(self.settings.id_window_ms));
        self.holds.forget(|id, place, at_s| {
            let known_on_disk = place.position().is_some_and(|position| position <= flushed);
            let old = id.own_time().is_none_or(|own| own < bound);
            known_on_disk && old && at_s <= ended_before
        })
    }
}
