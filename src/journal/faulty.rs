//! A memory store that fails as told: by a script, or by a seed. The same seed gives the same faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::group::Group;
use crate::keys::{GroupKey, Position};
use crate::memory::{MemoryImage, MemoryStore};
use crate::store::{AppendError, GroupReader, Persist, Start, Store, TrimError};

/// What can happen to one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Refused for lack of space; nothing is written.
    Full,
    /// Reported as failed, and nothing is on disk.
    FailedAndLost,
    /// Reported as failed, and on disk all the same, whole.
    FailedAndThere,
    /// Reported as failed and not there after the next crash, but after the one that follows it (rocksdb#15193).
    FailedAndThereLater,
    /// Reported as failed; so many bytes of it are on disk.
    Torn {
        /// How many; at most all but one are kept.
        bytes: usize,
    },
    /// Succeeds, so much later.
    Slow {
        /// How much, in milliseconds of the caller's clock.
        delay_ms: u64,
    },
    /// Reported as failed; it is on disk but for a part in it, where zeros stand.
    Holed {
        /// Where the part begins; at most the last byte.
        from: usize,
        /// Its length, as far as the group goes.
        bytes: usize,
    },
}

/// What can happen to one sync of groups that were written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncFault {
    /// Reported as failed: a crash may lose any tail of what was written since the last one.
    Failed,
    /// The same, and what the next crash loses of it is there after the one that follows it.
    FailedAndThereLater,
}

/// How often each fault comes, per 10,000 appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRates {
    /// Any failure, of all kinds alike.
    pub failed: u32,
    /// A slow append.
    pub slow: u32,
    /// Longest delay of a slow one.
    pub delay_ms_max: u64,
}

/// What a disk that loses power has written or has not.
const PAGE_BYTES: usize = 4096;
/// What rates are parts of.
const APPENDS: u64 = 10_000;

/// Which appends fail.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    script: BTreeMap<u64, Fault>,
    syncs: BTreeMap<u64, SyncFault>,
    seeded: Option<(SplitMix, FaultRates)>,
}

impl FaultPlan {
    /// Nothing fails.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The append with this number (the first is 0) meets this fault.
    #[must_use]
    pub fn with(mut self, append: u64, fault: Fault) -> Self {
        let other = self.script.insert(append, fault);
        assert!(other.is_none(), "an append meets one fault");
        self
    }

    /// The sync with this number (the first is 0) meets this fault. A synced append is not counted among them.
    #[must_use]
    pub fn with_sync(mut self, sync: u64, fault: SyncFault) -> Self {
        let other = self.syncs.insert(sync, fault);
        assert!(other.is_none(), "a sync meets one fault");
        self
    }

    /// Faults by chance, the same for the same seed.
    #[must_use]
    pub const fn seeded(seed: u64, rates: FaultRates) -> Self {
        assert!(rates.failed as u64 + rates.slow as u64 <= APPENDS, "an append fails or is slow, or neither");
        Self { script: BTreeMap::new(), syncs: BTreeMap::new(), seeded: Some((SplitMix(seed), rates)) }
    }

    fn fault_for(&mut self, append: u64, group_bytes: usize) -> Option<Fault> {
        if let Some(fault) = self.script.get(&append) {
            return Some(*fault);
        }
        let (random, rates) = self.seeded.as_mut()?;
        let drawn = random.below(APPENDS);
        assert!(drawn < APPENDS, "a rate is a part of so many appends");
        assert!(group_bytes > 0, "a torn group keeps fewer bytes than it has");
        if drawn < u64::from(rates.failed) {
            return Some(match random.below(5) {
                0 => Fault::Full,
                1 => Fault::FailedAndLost,
                2 => Fault::FailedAndThere,
                3 => Fault::FailedAndThereLater,
                _ => torn_or_holed(usize::try_from(random.below(group_bytes as u64)).unwrap_or(0)),
            });
        }
        let slow = drawn < u64::from(rates.failed) + u64::from(rates.slow);
        slow.then(|| Fault::Slow { delay_ms: random.below(rates.delay_ms_max.saturating_add(1)) })
    }
}

/// What a power cut leaves of a group: its beginning, or all but a page in it.
const fn torn_or_holed(at: usize) -> Fault {
    if at.is_multiple_of(2) { Fault::Torn { bytes: at } } else { Fault::Holed { from: at, bytes: PAGE_BYTES } }
}

/// What a crash left, with what may still show up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultyImage {
    /// The disk that the next recovery sees.
    pub disk: MemoryImage,
    /// Groups that the recovery after the next one sees.
    pub later: Vec<(GroupKey, Vec<u8>)>,
}

/// The faulty form of the store.
#[derive(Debug)]
pub struct FaultyStore {
    inner: MemoryStore,
    plan: FaultPlan,
    /// Shows up after the next crash.
    next_crash: Vec<(GroupKey, Vec<u8>)>,
    /// Shows up after the crash that follows the next.
    second_crash: Vec<(GroupKey, Vec<u8>)>,
    appends: u64,
    syncs: u64,
    delayed_ms: u64,
    broken: bool,
    /// What the next crash loses shows up after the one that follows it.
    lost_come_later: bool,
}

impl FaultyStore {
    /// A store over what a crash left, with the faults to come.
    #[must_use]
    pub fn open(image: FaultyImage, plan: FaultPlan) -> Self {
        Self {
            inner: MemoryStore::open(image.disk),
            plan,
            next_crash: image.later,
            second_crash: Vec::new(),
            appends: 0,
            syncs: 0,
            delayed_ms: 0,
            broken: false,
            lost_come_later: false,
        }
    }

    /// Crashes: only the first `kept` of the unsynced groups are left.
    #[must_use]
    pub fn crash(self, kept: usize) -> FaultyImage {
        assert!(self.second_crash.len() <= 1, "a store fails once");
        let image = self.inner.image();
        let mut later = self.second_crash;
        if self.lost_come_later {
            let lost = image.unsynced.iter().skip(kept);
            later.extend(lost.filter_map(|key| Some((*key, image.groups.get(key)?.to_vec()))));
        }
        let mut disk = image.after_crash(kept);
        // What was trimmed meanwhile is not looked for any more.
        let shown = self.next_crash.into_iter().filter(|(key, _)| key.first >= disk.start.first);
        disk.groups.extend(shown.map(|(key, bytes)| (key, bytes.into())));
        assert!(disk.unsynced.is_empty(), "what a crash leaves is on the disk");
        FaultyImage { disk, later }
    }

    /// How many groups a crash could lose now.
    #[must_use]
    pub fn unsynced_groups(&self) -> usize {
        self.inner.image().unsynced.len()
    }

    /// Takes the time that slow appends have cost since the last call; the simulator moves its clock by it.
    pub const fn take_delay_ms(&mut self) -> u64 {
        std::mem::replace(&mut self.delayed_ms, 0)
    }

    /// How many appends were asked for.
    #[must_use]
    pub const fn appends(&self) -> u64 {
        self.appends
    }

    /// How many syncs were asked for, those of synced appends left out.
    #[must_use]
    pub const fn syncs(&self) -> u64 {
        self.syncs
    }

    fn fail(&mut self, fault: Fault, group: &[u8]) -> AppendError {
        assert!(!self.broken, "a store fails once");
        self.broken = true;
        let key = match Group::trust(group) {
            Ok(read) => read.header().key(),
            Err(damage) => return AppendError::Unknown(damage.to_string()),
        };
        match fault {
            Fault::Full => return AppendError::Full,
            Fault::FailedAndThere => self.inner.leave_behind(key, group.to_vec()),
            Fault::FailedAndThereLater => self.second_crash.push((key, group.to_vec())),
            Fault::Torn { bytes } => {
                let kept = bytes.min(group.len() - 1);
                assert!(kept < group.len(), "a torn group lacks its end");
                self.inner.leave_behind(key, group[..kept].to_vec());
            }
            Fault::Holed { from, bytes } => {
                let mut holed = group.to_vec();
                let from = from.min(group.len() - 1);
                holed[from..from.saturating_add(bytes).min(group.len())].fill(0);
                assert!(holed.len() == group.len(), "a group with a hole has its length");
                self.inner.leave_behind(key, holed);
            }
            Fault::FailedAndLost | Fault::Slow { .. } => {}
        }
        AppendError::Unknown(format!("{fault:?}"))
    }
}

impl Store for FaultyStore {
    fn append(&mut self, expected_last: Position, group: &[u8], persist: Persist) -> Result<Position, AppendError> {
        assert!(!self.broken, "nothing is appended after a failure");
        let append = self.appends;
        self.appends += 1;
        assert!(expected_last == self.inner.tail(), "the writer knows where the store ends");
        match self.plan.fault_for(append, group.len()) {
            Some(Fault::Slow { delay_ms }) => self.delayed_ms += delay_ms,
            Some(fault) => return Err(self.fail(fault, group)),
            None => {}
        }
        self.inner.append(expected_last, group, persist)
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        assert!(!self.broken, "nothing is synced after a failure");
        let fault = self.plan.syncs.get(&self.syncs).copied();
        self.syncs += 1;
        if let Some(fault) = fault {
            self.broken = true;
            self.lost_come_later = fault == SyncFault::FailedAndThereLater;
            return Err(AppendError::Unknown(format!("a sync: {fault:?}")));
        }
        self.inner.sync()?;
        assert!(self.unsynced_groups() == 0, "I3: a sync covers everything before it");
        Ok(())
    }

    fn tail(&self) -> Position {
        self.inner.tail()
    }

    fn adopt(&mut self, tail: Position, superseded: Vec<GroupKey>) {
        assert!(!self.broken, "a store that failed is recovered after the next crash");
        assert!(self.appends == 0, "what the journal is must be known before the first append");
        self.inner.adopt(tail, superseded);
    }

    fn trim(&mut self, up_to: Position) -> Result<Start, TrimError> {
        self.inner.trim(up_to)
    }

    fn reader(&self) -> Arc<dyn GroupReader> {
        self.inner.reader()
    }
}

/// The small generator behind seeded faults (splitmix64): enough for choices, and the same everywhere.
#[derive(Clone, Debug)]
pub struct SplitMix(pub u64);

const _: () = assert!(SplitMix(0).next_u64() == 0xe220_a839_7b1d_cdaf, "the same numbers everywhere");

impl SplitMix {
    /// The next 64 bits.
    #[must_use]
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 for a limit of 0. The bias of the remainder doesn't matter for faults.
    #[must_use]
    pub const fn below(&mut self, limit: u64) -> u64 {
        match self.next_u64().checked_rem(limit) {
            Some(number) => number,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests;
