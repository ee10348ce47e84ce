//! Levels and slots: which one a deadline has, which are occupied, which a step of time passes. Numbers only.

use super::list::Bucket;
use crate::ids::Timestamp;

/// A slot's number has so many bits.
const SLOT_BITS: u32 = 6;

/// Slots of a level: as many as a word of occupancy has bits.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;

/// Levels: enough for every bit of an instant, so that no deadline lies beyond the top.
pub(super) const LEVELS: usize = 11;

const _: () = assert!(LEVELS * SLOT_BITS as usize >= 64, "T1: every deadline has a level");

/// Which slots of which level have timers: one bit each.
#[derive(Debug)]
pub(super) struct Levels {
    occupied: [u64; LEVELS],
}

/// The slots that a step of time passed.
#[derive(Debug)]
pub(super) struct Passed {
    /// Those that are due as a whole.
    due: [u64; LEVELS],
    /// The one that the time has come to, if it is occupied.
    reached: Option<Bucket>,
}

impl Levels {
    pub(super) const fn new() -> Self {
        Self { occupied: [0; LEVELS] }
    }

    /// Marks the slot of a deadline that lies after `now`.
    pub(super) fn occupy(&mut self, now: Timestamp, deadline: Timestamp) -> Bucket {
        let level = level_of(now, deadline);
        let slot = slot_of(deadline, level);
        self.occupied[level] |= bit(slot);
        bucket(level, slot)
    }

    /// Marks a slot as empty; a bucket that is no slot is none of its business.
    pub(super) fn vacate(&mut self, emptied: Bucket) {
        let (level, slot) = (emptied.index() >> SLOT_BITS, emptied.index() & (SLOTS - 1));
        if let Some(occupied) = self.occupied.get_mut(level) {
            *occupied &= !bit(slot);
        }
    }

    /// Takes out every slot that a step from one instant to a later one passes or comes to (T3).
    pub(super) fn pass(&mut self, from: Timestamp, to: Timestamp) -> Passed {
        let top = level_of(from, to);
        let mut due = [0; LEVELS];
        for (occupied, due) in self.occupied.iter_mut().zip(&mut due).take(top) {
            *due = std::mem::take(occupied);
        }
        let reached = slot_of(to, top);
        let before = bit(reached).wrapping_sub(1);
        // A slot of the lowest level is one tick: who comes to it has come to its timers.
        let whole = if top == 0 { before | bit(reached) } else { before };
        let occupied = &mut self.occupied[top];
        due[top] = *occupied & whole;
        let is_reached = *occupied & !whole & bit(reached) != 0;
        *occupied &= !(whole | bit(reached));
        Passed { due, reached: is_reached.then(|| bucket(top, reached)) }
    }

    /// When the first occupied slot begins; none without one.
    pub(super) fn first(&self, now: Timestamp) -> Option<Timestamp> {
        let level = self.occupied.iter().position(|occupied| *occupied != 0)?;
        let slot = u64::from(self.occupied[level].trailing_zeros());
        let shift = shift_of(level);
        let above = !u64::MAX.checked_shr(64_u32.saturating_sub(shift.saturating_add(SLOT_BITS))).unwrap_or(0);
        Some(Timestamp(now.0 & above | slot.wrapping_shl(shift)))
    }
}

impl Passed {
    /// The slots that are due, the earliest first (T2).
    pub(super) fn due(&self) -> impl Iterator<Item = Bucket> {
        self.due.iter().enumerate().flat_map(|(level, slots)| {
            let mut left = *slots;
            std::iter::from_fn(move || {
                let slot = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                usize::try_from(slot).ok().filter(|slot| *slot < SLOTS).map(|slot| bucket(level, slot))
            })
        })
    }

    pub(super) const fn reached(&self) -> Option<Bucket> {
        self.reached
    }
}

/// The highest group of bits in which two different instants differ.
fn level_of(now: Timestamp, at: Timestamp) -> usize {
    let highest = 63_u32.saturating_sub((now.0 ^ at.0).leading_zeros());
    usize::try_from(highest / SLOT_BITS).unwrap_or(usize::MAX)
}

fn shift_of(level: usize) -> u32 {
    u32::try_from(level).unwrap_or(u32::MAX).saturating_mul(SLOT_BITS)
}

fn slot_of(at: Timestamp, level: usize) -> usize {
    usize::try_from(at.0.wrapping_shr(shift_of(level))).unwrap_or(usize::MAX) & (SLOTS - 1)
}

const fn bit(slot: usize) -> u64 {
    1 << (slot & (SLOTS - 1))
}

const fn bucket(level: usize, slot: usize) -> Bucket {
    Bucket::new((level << SLOT_BITS) | slot)
}
