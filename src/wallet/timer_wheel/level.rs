//! Levels and slots: which one a deadline has, which are occupied, which a step of time passes. Numbers only.

use super::list::Bucket;
use crate::ids::Timestamp;

/// A slot's number has so many bits: a quarter of a second, a minute, five hours, two months. So most holds are spread once
/// or twice in their life.
const SLOT_BITS: u32 = 8;

/// Slots of a level.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;

/// Levels: enough for every bit of an instant, so that no deadline lies beyond the top.
pub(super) const LEVELS: usize = 8;

const _: () = assert!(LEVELS * SLOT_BITS as usize >= 64, "T1: every deadline has a level");
const _: () = assert!((LEVELS - 1) * (SLOT_BITS as usize) < 64, "T1: every level has deadlines");
const _: () = assert!(SLOTS.is_multiple_of(64), "a set of slots is whole words");

/// Which slots of which level have timers.
#[derive(Debug)]
pub(super) struct Levels {
    occupied: [Slots; LEVELS],
}

/// The slots that a step of time passed.
#[derive(Debug)]
pub(super) struct Passed {
    /// Those that are due as a whole.
    due: [Slots; LEVELS],
    /// The one that the time has come to, if it is occupied.
    reached: Option<Bucket>,
}

impl Levels {
    pub(super) const fn new() -> Self {
        Self { occupied: [Slots::NONE; LEVELS] }
    }

    /// Marks the slot of a deadline that lies after `now`.
    pub(super) fn occupy(&mut self, now: Timestamp, deadline: Timestamp) -> Bucket {
        assert!(deadline > now, "T1: the occupied slots lie after the time");
        let level = level_of(now, deadline);
        let slot = slot_of(deadline, level);
        assert!(slot > slot_of(now, level), "T1: on its level a deadline lies after the time");
        self.occupied[level].insert(slot);
        bucket(level, slot)
    }

    /// Marks a slot as empty; a bucket that is no slot is none of its business.
    pub(super) fn vacate(&mut self, emptied: Bucket) {
        let (level, slot) = (emptied.index() >> SLOT_BITS, emptied.index() & (SLOTS - 1));
        if let Some(occupied) = self.occupied.get_mut(level) {
            let was = occupied.remove(slot);
            assert!(was, "a slot that is emptied was occupied");
        }
    }

    /// Takes out every slot that a step from one instant to a later one passes or comes to (T3).
    pub(super) fn pass(&mut self, from: Timestamp, to: Timestamp) -> Passed {
        assert!(from < to, "T3: a step moves the time on");
        let top = level_of(from, to);
        let mut due = [Slots::NONE; LEVELS];
        for (occupied, due) in self.occupied.iter_mut().zip(&mut due).take(top) {
            *due = std::mem::replace(occupied, Slots::NONE);
        }
        let reached = slot_of(to, top);
        let occupied = &mut self.occupied[top];
        due[top] = occupied.take_before(reached);
        let mut passed = Passed { due, reached: None };
        if occupied.remove(reached) {
            // A slot of the lowest level is one tick: who comes to it has come to its timers.
            if top == 0 {
                passed.due[top].insert(reached);
            } else {
                passed.reached = Some(bucket(top, reached));
            }
        }
        assert!(passed.reached.is_none() || top > 0, "T3: the lowest level has nothing to spread");
        passed
    }

    /// When the first occupied slot begins; none without one.
    pub(super) fn first(&self, now: Timestamp) -> Option<Timestamp> {
        let (level, slot) = (0..).zip(&self.occupied).find_map(|(level, slots)| Some((level, slots.first()?)))?;
        let shift = shift_of(level);
        let above = !u64::MAX.checked_shr(64_u32.saturating_sub(shift.saturating_add(SLOT_BITS))).unwrap_or(0);
        let slot = u64::try_from(slot).unwrap_or(u64::MAX);
        assert!(slot >> SLOT_BITS == 0, "T1: a slot has its number's bits");
        Some(Timestamp(now.0 & above | slot.wrapping_shl(shift)))
    }
}

impl Passed {
    /// The slots that are due, the earliest first (T2).
    pub(super) fn due(&mut self) -> impl Iterator<Item = Bucket> {
        self.due.iter_mut().enumerate().flat_map(|(level, slots)| {
            std::iter::from_fn(move || {
                let slot = slots.first()?;
                slots.remove(slot);
                Some(bucket(level, slot))
            })
        })
    }

    pub(super) const fn reached(&self) -> Option<Bucket> {
        self.reached
    }
}

/// A set of slots: one bit each.
#[derive(Clone, Copy, Debug)]
struct Slots([u64; SLOTS / 64]);

impl Slots {
    const NONE: Self = Self([0; SLOTS / 64]);

    const fn insert(&mut self, slot: usize) {
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    /// Whether it was there.
    const fn remove(&mut self, slot: usize) -> bool {
        let (word, bit) = (&mut self.0[slot / 64], 1 << (slot % 64));
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }

    fn first(&self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        let bit = usize::try_from(self.0[word].trailing_zeros()).unwrap_or(usize::MAX);
        assert!(bit < 64, "a word that is not empty has a bit");
        Some((word << 6) | bit)
    }

    /// Takes out those that come before one.
    fn take_before(&mut self, slot: usize) -> Self {
        let mut taken = Self::NONE;
        for (index, (word, taken)) in self.0.iter_mut().zip(&mut taken.0).enumerate() {
            let mask = match index.cmp(&(slot / 64)) {
                std::cmp::Ordering::Less => u64::MAX,
                std::cmp::Ordering::Equal => !(u64::MAX << (slot % 64)),
                std::cmp::Ordering::Greater => 0,
            };
            *taken = *word & mask;
            *word &= !mask;
        }
        assert!(self.first().is_none_or(|first| first >= slot), "T2: what comes before a slot is taken out");
        taken
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

const fn bucket(level: usize, slot: usize) -> Bucket {
    Bucket::new((level << SLOT_BITS) | slot)
}
