//! Room in the queue, counted in records: who wants to push takes room first, so that the queue is bounded (I9).

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

/// What the records are for: settlements and expiries have a share that reserves cannot use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reserves, charges and everything else that can be refused with `overloaded`.
    Reserve,
    /// Settlements, expiries and rolls: what must go on when the queue is nearly full.
    Settlement,
}

/// How many records may be on their way, from the taking of room until they are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// Records of all classes (`journal_room_records`).
    pub journal_room_records: u32,
    /// Of these, kept for [`Class::Settlement`].
    pub settlement_share_records: u32,
}

impl Default for RoomLimits {
    /// About 25 MB of records, and a quarter of a second at 1.5 million a second; a quarter of it for settlements.
    fn default() -> Self {
        Self { journal_room_records: 262_144, settlement_share_records: 65_536 }
    }
}

/// The counter of records on their way.
#[derive(Debug)]
pub(crate) struct Room {
    used: CachePadded<AtomicU64>,
    limits: RoomLimits,
}

impl Room {
    pub(crate) fn new(limits: RoomLimits) -> Self {
        assert!(limits.settlement_share_records <= limits.journal_room_records, "a share is part of the whole");
        assert!(limits.journal_room_records > 0, "I9: there is room for a record");
        Self { used: CachePadded::new(AtomicU64::new(0)), limits }
    }

    /// Takes room for `records`, or nothing. Relaxed: the counter guards a size and publishes no data; the queue's
    /// lock orders the records themselves.
    pub(crate) fn try_take(&self, records: u32, class: Class) -> bool {
        let all = u64::from(self.limits.journal_room_records);
        let limit = match class {
            Class::Reserve => all - u64::from(self.limits.settlement_share_records),
            Class::Settlement => all,
        };
        assert!(limit <= all, "a share is part of the whole");
        let wanted = u64::from(records);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(wanted).filter(|&sum| sum <= limit)
            })
            .is_ok_and(|used| {
                assert!(used + wanted <= all, "I9: no more room is taken than there is");
                true
            })
    }

    /// Gives room back. Relaxed for the same reason.
    pub(crate) fn give_back(&self, records: u32) {
        assert!(records > 0, "something is given back");
        let before = self.used.fetch_sub(u64::from(records), Ordering::Relaxed);
        assert!(before >= u64::from(records), "room is given back that was never taken");
        assert!(before <= u64::from(self.limits.journal_room_records), "I9: no more room was taken than there is");
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}
