//! The hierarchical timer wheel (design, section 5): hashed slots on cascading levels, 1 ms ticks at the bottom, and at the
//! top every instant that a [`Timestamp`] can name.
//!
//! A timer stands on the level of the highest byte in which its deadline differs from the wheel's time, in
//! the slot that the byte names. Hence three facts, which the functions below rest on:
//!
//! - **T1** On every level the occupied slots lie after the one of the wheel's time.
//! - **T2** Every timer of a lower level is due before every timer of a higher one, and in a level by slots.
//! - **T3** When the time moves on, all levels below the highest changed byte are due as a whole; on its level, all slots
//!   that were passed; and only the slot that the time came to is spread over the levels below it.
//!
//! So a timer is added and taken back in constant time, and moved at most once a level; a jump of any size costs the
//! levels, what is due and what is spread. What is due is one list, spliced a slot at a time and handed out up to a
//! limit; what is to be spread waits in another. The wheel is pure, and keeps no timers itself: they are numbers of
//! [`Nodes`], which are a slab of its own ([`Timers`]) or lie in what the timer is about.

mod level;
mod list;
mod slab;
#[cfg(test)]
mod tests;

pub use list::{Links, Nodes};
pub use slab::{TimerId, Timers};

use crate::ids::Timestamp;
use level::{LEVELS, Levels, SLOTS};
use list::{Bucket, Lists};

/// How many timers one call spreads over lower levels at most: well under a millisecond.
pub const SPREAD_MAX: usize = 8_192;

const BUCKETS: usize = LEVELS.saturating_mul(SLOTS).saturating_add(2);
const DUE: Bucket = Bucket::new(BUCKETS.saturating_sub(2));
const SPREAD: Bucket = Bucket::new(BUCKETS.saturating_sub(1));

const _: () = assert!(DUE.index() == LEVELS * SLOTS, "the lists of the slots come first");
const _: () = assert!(SPREAD.index() == DUE.index() + 1, "each list has its number");
const _: () = assert!(BUCKETS < u16::MAX as usize, "the number of a list leaves the end bit of a link alone");

/// The wheel of timers that lie in `Nodes`; every call gets the same ones.
#[derive(Debug)]
pub struct TimerWheel {
    now: Timestamp,
    levels: Levels,
    lists: Lists<BUCKETS>,
    count: u64,
}

/// Whether a call has done everything that is due.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advance {
    /// Nothing is left that is due.
    Done,
    /// The limit was reached, here or in spreading: call again.
    More,
}

impl Default for TimerWheel {
    fn default() -> Self {
        Self::new()
    }
}

impl TimerWheel {
    /// No timers, at the beginning of time.
    #[must_use]
    pub const fn new() -> Self {
        Self { now: Timestamp::NONE, levels: Levels::new(), lists: Lists::new(), count: 0 }
    }

    /// Moves the time on while there are no timers, so that the first ones find their level at once.
    pub fn begin_at(&mut self, now: Timestamp) {
        let before = self.now;
        if self.count == 0 {
            assert!(self.levels.first(self.now).is_none(), "an occupied slot without a timer");
            self.now = self.now.max(now);
        }
        assert!(self.now >= before, "T3: the wheel's time never goes back");
    }

    /// How many timers there are; those that are due and not handed out yet count.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Adds a timer, which is in no list. A deadline that has passed is due at the next call of [`TimerWheel::advance`].
    pub fn insert(&mut self, nodes: &mut impl Nodes, node: u32) {
        let deadline = nodes.deadline(node);
        self.place(nodes, node, deadline);
        self.count = self.count.saturating_add(1);
    }

    /// Takes a timer back, and says whether there was one.
    pub fn cancel(&mut self, nodes: &mut impl Nodes, node: u32) -> bool {
        if !nodes.links(node).linked() {
            return false;
        }
        self.unlink(nodes, node);
        true
    }

    /// Moves the time on to `now`, spreads up to [`SPREAD_MAX`] timers, and hands out up to `limit` that are due; they are
    /// in no list then. Time never goes back: an earlier `now` counts as the wheel's own.
    pub fn advance(&mut self, nodes: &mut impl Nodes, now: Timestamp, limit: usize, due: &mut Vec<u32>) -> Advance {
        let before = (self.now, self.count, due.len());
        if now > self.now {
            self.turn(nodes, now);
        }
        self.spread(nodes);
        for _ in 0..limit {
            let Some(node) = self.lists.first(DUE) else { break };
            self.unlink(nodes, node);
            due.push(node);
        }
        assert!(self.now >= before.0, "T3: the wheel's time never goes back");
        assert!(self.now >= now, "T3: the wheel's time comes to the caller's");
        let handed_out = due.len().saturating_sub(before.2);
        assert!(handed_out <= limit, "I9: what is handed out has a limit");
        assert!(
            u64::try_from(handed_out).is_ok_and(|out| self.count.saturating_add(out) == before.1),
            "a timer is handed out once"
        );
        let left = [DUE, SPREAD].iter().any(|list| self.lists.first(*list).is_some());
        if left { Advance::More } else { Advance::Done }
    }

    /// An instant before which nothing is due, exact to the slot of the earliest timer; none without timers.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        if [DUE, SPREAD].iter().any(|list| self.lists.first(*list).is_some()) {
            return Some(self.now);
        }
        let next = self.levels.first(self.now);
        assert!(next.is_none_or(|next| next > self.now), "T1: the occupied slots lie after the time");
        assert!(next.is_some() == (self.count > 0), "a timer has a slot");
        next
    }

    /// Splices every slot that the time passes (T3), the earliest first (T2).
    fn turn(&mut self, nodes: &mut impl Nodes, now: Timestamp) {
        assert!(now > self.now, "T3: a turn moves the time on");
        let mut passed = self.levels.pass(self.now, now);
        self.now = now;
        for bucket in passed.due() {
            self.lists.splice(nodes, bucket, DUE);
        }
        if let Some(bucket) = passed.reached() {
            self.lists.splice(nodes, bucket, SPREAD);
        }
        assert!(self.levels.first(now).is_none_or(|next| next > now), "T1: the occupied slots lie after the time");
    }

    fn spread(&mut self, nodes: &mut impl Nodes) {
        for _ in 0..SPREAD_MAX {
            let Some(node) = self.lists.first(SPREAD) else { return };
            let left = self.lists.unlink(nodes, node);
            assert!(left.is_none_or(|emptied| emptied == SPREAD), "the first of a list heads it");
            let deadline = nodes.deadline(node);
            self.place(nodes, node, deadline);
        }
    }

    fn place(&mut self, nodes: &mut impl Nodes, node: u32, deadline: Timestamp) {
        let bucket = if deadline <= self.now { DUE } else { self.levels.occupy(self.now, deadline) };
        self.lists.push(nodes, node, bucket);
    }

    fn unlink(&mut self, nodes: &mut impl Nodes, node: u32) {
        if let Some(emptied) = self.lists.unlink(nodes, node) {
            self.levels.vacate(emptied);
        }
        assert!(self.count > 0, "a timer that is taken out was counted");
        self.count = self.count.saturating_sub(1);
    }
}
