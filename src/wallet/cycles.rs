//! Cycles that ended, rolled in bulk behind the requests (R10, R35): a request that comes first rolls its wallet itself. The
//! rolls of a batch are one record. Each lock is tried once, so that nothing is waited for while others are held; what is
//! taken is left out, and comes again (design, section 4).

use parking_lot::MutexGuard;

use crate::almanac::Almanac;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Now, Timestamp};
use crate::record::Record;
use crate::resets::ResetTotals;
use crate::roll::DueRoll;
use crate::slot::{Cold, Slot, SlotIndex};
use crate::timer_wheel::Advance;

/// Wallets whose rolls are one record, at most: 18 KiB where all rolled into the same, a quarter of the longest record
/// where no two did. Their locks are held until the record is applied.
pub const PACKED_ROLLS_MAX: usize = 1_024;

const _: () = assert!(PACKED_ROLLS_MAX <= crate::slot::WALLETS_MAX, "I9: no batch is larger than all wallets");

/// What goes from batch to batch: what the calendar said, and memory.
#[derive(Debug, Default)]
pub struct CycleRolls {
    almanac: Almanac,
    due: Vec<u32>,
}

/// What a batch came to.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RolledCycles {
    /// Wallets that were rolled, all in one record.
    pub rolled: usize,
    /// Wallets that somebody else was busy with; they come again, if they are still due.
    pub left_out: usize,
    /// What the rolled ones opened with, and what was left of those before.
    pub totals: ResetTotals,
    /// Whether nothing else was due.
    pub over: bool,
}

/// A count of the cycles that end in a span of time, under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleCount {
    from: Timestamp,
    until: Timestamp,
    next: u32,
    count: u64,
}

impl CycleCount {
    /// From one instant until before another.
    #[must_use]
    pub const fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until, next: 0, count: 0 }
    }

    /// What was found.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

/// A wallet that is being rolled.
struct Rolling<'a> {
    slot: &'a Slot,
    cold: MutexGuard<'a, Cold>,
    due: DueRoll,
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Rolls up to `limit` wallets whose cycle has ended or whose subscription has lapsed, in one record, for which room
    /// has been taken before. A day that has ended leaves no record, and is rolled beside.
    pub fn roll_cycles(&self, rolls: &mut CycleRolls, limit: usize, now: Now) -> RolledCycles {
        rolls.due.clear();
        let advance = self.wallets.due_cycles(now.daemon, limit.min(PACKED_ROLLS_MAX), &mut rolls.due);
        let CycleRolls { almanac, due } = rolls;
        assert!(due.len() <= limit, "I9: no more wallets are due than there is room for");
        let mut left_out: usize = 0;
        let mut rolling: Vec<Rolling<'_>> = Vec::with_capacity(due.len());
        for index in due.iter().copied().map(SlotIndex) {
            let slot = self.wallets.slot(index);
            match slot.try_lock() {
                Some(mut cold) => {
                    if let Some(due) = self.due_roll(slot, &mut cold, almanac, (self.today(slot, now), now)) {
                        rolling.push(Rolling { slot, cold, due });
                    }
                }
                None => left_out = left_out.saturating_add(1),
            }
        }
        if !rolling.is_empty() {
            // Those that roll into the same stand together, which the journal writes in little room.
            rolling.sort_unstable_by_key(|one| one.due.record.alike());
            self.journal.push_in_passing(&[Record::CycleRoll(rolling.iter().map(|one| one.due.record).collect())]);
        }
        let rolled = rolling.len();
        assert!(due.len() <= PACKED_ROLLS_MAX, "I9: a packed roll has a limit");
        assert!(rolled.saturating_add(left_out) <= due.len(), "each wallet is rolled or left out once");
        let granted = rolling.iter().fold(Credits::ZERO, |sum, one| sum + one.due.record.allocation);
        let mut totals = ResetTotals::default();
        for Rolling { slot, mut cold, due, .. } in rolling {
            totals = totals.plus(&self.apply_roll(slot, &mut cold, &due));
            assert!(slot.cycle_ends_at() > due.record.at, "R10: a roll leaves the boundary behind");
            self.roll_day(slot, &mut cold, due.day, now);
        }
        // All that were handed out: the rolled ones with their next end, the others with the one that they have.
        self.wallets.note_cycle_ends(due.iter().copied().map(SlotIndex));
        assert!(
            usize::try_from(totals.cycles.saturating_add(totals.lapses)) == Ok(rolled),
            "R10: each roll is a cycle or a lapse"
        );
        assert!(totals.subscription_granted == granted, "I1: what cycles open with stands in their records");
        RolledCycles { rolled, left_out, totals, over: advance == Advance::Done }
    }

    /// Looks at up to `slots` more wallets for a count, and says whether that was the last of them.
    pub fn count_cycles(&self, count: &mut CycleCount, slots: u32) -> bool {
        let end = count.next.saturating_add(slots);
        while count.next < end {
            let Some(slot) = self.wallets.taken(SlotIndex(count.next)) else { return true };
            let is_in = (count.from..count.until).contains(&slot.cycle_ends_at());
            count.count = count.count.saturating_add(u64::from(is_in));
            count.next = count.next.saturating_add(1);
            assert!(count.count <= u64::from(count.next), "a wallet counts once");
        }
        assert!(count.next == end, "a slice ends where the next begins");
        false
    }
}
