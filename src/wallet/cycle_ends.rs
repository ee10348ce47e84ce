//! When cycles end, and subscriptions lapse: a wheel whose timers are the slots themselves (R10, R11). The links lie in the
//! slot, and the deadline is the instant that it publishes, so that a timer takes no memory of its own.
//!
//! Who publishes another instant tells the wheel afterwards, which reads what is published then: whatever the order in which
//! two of them get here, the later call finds the later instant, and none is lost. A slot that was handed out is in no list
//! until somebody notes its end again: whoever rolls it does, and who leaves it out.

use crate::ids::Timestamp;
use crate::slot::{SlotIndex, Wallets};
use crate::sync::Ordering;
use crate::timer_wheel::{Advance, Links, Nodes, TimerWheel};

/// The slots as timers. Relaxed everywhere: links are read and written under the wheel's lock alone, which orders them.
struct Slots<'a>(&'a Wallets);

impl Nodes for Slots<'_> {
    fn deadline(&self, node: u32) -> Timestamp {
        self.0.slot(SlotIndex(node)).cycle_ends_at()
    }

    fn links(&self, node: u32) -> Links {
        let slot = self.0.slot(SlotIndex(node));
        Links { previous: slot.previous.load(Ordering::Relaxed), next: slot.next.load(Ordering::Relaxed) }
    }

    fn set_links(&mut self, node: u32, links: Links) {
        self.set_previous(node, links.previous);
        self.set_next(node, links.next);
    }

    fn set_previous(&mut self, node: u32, previous: u32) {
        self.0.slot(SlotIndex(node)).previous.store(previous, Ordering::Relaxed);
    }

    fn set_next(&mut self, node: u32, next: u32) {
        self.0.slot(SlotIndex(node)).next.store(next, Ordering::Relaxed);
    }
}

impl Wallets {
    /// Notes the instant that a slot publishes, in the place of the one that was noted before.
    pub(crate) fn note_cycle_end(&self, index: SlotIndex) {
        self.note(&mut self.cycle_ends.lock(), index);
    }

    /// The same for many, under one lock.
    pub(crate) fn note_cycle_ends(&self, indexes: impl Iterator<Item = SlotIndex>) {
        let mut wheel = self.cycle_ends.lock();
        indexes.for_each(|index| self.note(&mut wheel, index));
    }

    fn note(&self, wheel: &mut TimerWheel, index: SlotIndex) {
        let nodes = &mut Slots(self);
        wheel.cancel(nodes, index.0);
        assert!(!nodes.links(index.0).linked(), "a timer that was taken back is in no list");
        if self.slot(index).cycle_ends_at() != Timestamp::NEVER {
            wheel.insert(nodes, index.0);
            assert!(nodes.links(index.0).linked(), "a timer that was added is in a list");
        }
    }

    /// Takes out up to `limit` slots whose instant has come, and says whether there are more. Each step of the wheel is
    /// bounded, and between two of them others find the lock free.
    pub(crate) fn due_cycles(&self, now: Timestamp, limit: usize, due: &mut Vec<u32>) -> Advance {
        loop {
            let room = limit.saturating_sub(due.len());
            let advance = self.cycle_ends.lock().advance(&mut Slots(self), now, room, due);
            if advance == Advance::Done || due.len() >= limit {
                assert!(due.len() <= limit, "I9: what is handed out has a limit");
                assert!(due.iter().all(|index| u64::from(*index) < self.count()), "a timer of a slot that nobody has");
                return advance;
            }
        }
    }

    /// Tells the wheel of a time that has come, before there are timers.
    pub(crate) fn begin_cycles_at(&self, now: Timestamp) {
        self.cycle_ends.lock().begin_at(now);
    }

    /// An instant before which no cycle ends, and how many have an end.
    pub(crate) fn next_cycle_end(&self) -> (Option<Timestamp>, u64) {
        let wheel = self.cycle_ends.lock();
        let (next, count) = (wheel.next(), wheel.count());
        assert!(next.is_some() == (count > 0), "a wallet that is due some time has a timer");
        assert!(count <= self.count(), "I9: a wallet has one timer");
        (next, count)
    }
}
