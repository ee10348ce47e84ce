//! The store in memory, for tests and simulation: it knows what would survive a crash, and can be cloned like a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::group::Group;
use crate::keys::{Epoch, GroupKey, Position};
use crate::store::{AppendError, GroupBytes, GroupReader, Persist, ReadError, Start, Store, TrimError};

/// What is on the imagined disk. A clone shares the groups' bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryImage {
    /// The start that a trim left.
    pub start: Start,
    /// The groups by key.
    pub groups: BTreeMap<GroupKey, GroupBytes>,
    /// Groups that are written and not synced, oldest first: a crash may lose a tail of them.
    pub unsynced: Vec<GroupKey>,
}

impl Default for MemoryImage {
    fn default() -> Self {
        Self { start: Start::NEW, groups: BTreeMap::new(), unsynced: Vec::new() }
    }
}

impl MemoryImage {
    /// What a crash leaves when only the first `kept` of the unsynced groups reached the disk.
    #[must_use]
    pub fn after_crash(mut self, kept: usize) -> Self {
        let (before, unsynced) = (self.groups.len(), self.unsynced.len());
        assert!(unsynced <= self.groups.len(), "what is not synced is among what is there");
        for lost in self.unsynced.drain(..).skip(kept) {
            let group = self.groups.remove(&lost);
            assert!(group.is_some(), "I4: what a crash takes was there");
        }
        assert!(
            self.groups.len() + unsynced.saturating_sub(kept) == before,
            "I3: a crash takes what is not synced alone"
        );
        self
    }

    /// Replaces the bytes of a group, for tests of damage.
    pub fn replace(&mut self, key: GroupKey, bytes: Vec<u8>) {
        self.groups.insert(key, bytes.into());
    }

    /// Length of all groups.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.groups.values().map(|group| group.len()).sum()
    }
}

/// The store over a [`MemoryImage`].
#[derive(Debug)]
pub struct MemoryStore {
    shared: Arc<MemoryReader>,
    tail: Position,
}

/// The reading half of [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryReader {
    disk: RwLock<Disk>,
}

#[derive(Debug)]
struct Disk {
    image: MemoryImage,
    superseded: BTreeSet<GroupKey>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// A store without groups.
    #[must_use]
    pub fn new() -> Self {
        Self::open(MemoryImage::default())
    }

    /// A store over what a crash left. What is read from here on counts as synced: an open syncs first.
    #[must_use]
    pub fn open(mut image: MemoryImage) -> Self {
        assert!(image.start.first > Position::NONE, "a journal begins with a record");
        assert!(image.unsynced.len() <= image.groups.len(), "what is not synced is among what is there");
        image.unsynced.clear();
        let disk = Disk { image, superseded: BTreeSet::new() };
        Self { shared: Arc::new(MemoryReader { disk: RwLock::new(disk) }), tail: Position::NONE }
    }

    /// The disk as it is, with what is not synced.
    #[must_use]
    pub fn image(&self) -> MemoryImage {
        self.shared.disk.read().image.clone()
    }

    /// Puts a group on the disk behind the store's back: what a failed append can leave.
    pub(crate) fn leave_behind(&self, key: GroupKey, bytes: Vec<u8>) {
        assert!(key.first == self.tail.next(), "a failed append leaves what comes next");
        let image = &mut self.shared.disk.write().image;
        assert!(!image.groups.contains_key(&key), "a key is written once");
        image.replace(key, bytes);
        // The log is one file: what is lost of it is lost from some place on.
        if !image.unsynced.is_empty() {
            image.unsynced.push(key);
        }
    }
}

impl Store for MemoryStore {
    fn append(&mut self, expected_last: Position, group: &[u8], persist: Persist) -> Result<Position, AppendError> {
        if expected_last != self.tail {
            return Err(AppendError::Stale { expected: expected_last, actual: self.tail });
        }
        let read = Group::trust(group).map_err(|damage| AppendError::Unknown(damage.to_string()))?;
        let key = read.header().key();
        assert_eq!(key.first, self.tail.next(), "a group follows the last record");
        assert!(key.epoch > Epoch::NONE, "a group has its epoch");
        let mut disk = self.shared.disk.write();
        let replaced = disk.image.groups.insert(key, GroupBytes::from(group.to_vec()));
        assert!(replaced.is_none(), "a key is written once");
        match persist {
            Persist::Synced => disk.image.unsynced.clear(),
            Persist::Written => disk.image.unsynced.push(key),
        }
        drop(disk);
        self.tail = read.last();
        assert!(self.tail > expected_last, "an append has records");
        Ok(self.tail)
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        let mut disk = self.shared.disk.write();
        assert!(disk.image.unsynced.len() <= disk.image.groups.len(), "what is not synced is among what is there");
        disk.image.unsynced.clear();
        assert!(
            disk.image.groups.keys().all(|key| key.first >= disk.image.start.first),
            "nothing is kept that was trimmed"
        );
        Ok(())
    }

    fn tail(&self) -> Position {
        self.tail
    }

    fn adopt(&mut self, tail: Position, superseded: Vec<GroupKey>) {
        let mut disk = self.shared.disk.write();
        assert!(tail.next() >= disk.image.start.first, "I4: a journal ends after its start");
        assert!(superseded.iter().all(|key| disk.image.groups.contains_key(key)), "what is not the journal is there");
        self.tail = tail;
        disk.superseded = superseded.into_iter().collect();
    }

    fn trim(&mut self, up_to: Position) -> Result<Start, TrimError> {
        let mut disk = self.shared.disk.write();
        let Some(start) = disk.start_for(up_to.min(self.tail)) else {
            return Ok(disk.image.start);
        };
        assert!(start.first > disk.image.start.first, "a start only goes up");
        assert!(start.first <= self.tail, "I4: a trim keeps the last group");
        assert!(start.first <= up_to.max(Position::FIRST), "I4: a trim keeps the group that it reaches into");
        disk.image.start = start;
        disk.image.groups.retain(|key, _| key.first >= start.first);
        disk.superseded.retain(|key| key.first >= start.first);
        let is_there = |key: &GroupKey| disk.image.groups.contains_key(key);
        assert!(disk.image.unsynced.iter().all(is_there), "I3: what is trimmed was synced");
        Ok(start)
    }

    fn reader(&self) -> Arc<dyn GroupReader> {
        Arc::<MemoryReader>::clone(&self.shared)
    }
}

impl GroupReader for MemoryReader {
    fn start(&self) -> Result<Start, ReadError> {
        Ok(self.disk.read().image.start)
    }

    fn read(&self, from: Position) -> Result<Option<GroupBytes>, ReadError> {
        let from = from.max(Position::FIRST);
        let disk = self.disk.read();
        let first = disk.image.start.first;
        if from < first {
            return Err(ReadError::Trimmed { asked: from, first });
        }
        let found = disk.containing_or_after(from);
        assert!(found.is_none_or(|(key, _)| key.first >= first), "nothing is read that was trimmed");
        Ok(found.map(|(_, group)| group.clone()))
    }

    fn scan(&self, from: Position, visit: &mut dyn FnMut(GroupKey, &[u8]) -> ControlFlow<()>) -> Result<(), ReadError> {
        let image = self.disk.read().image.clone();
        for (key, group) in image.groups.range(first_key(from)..) {
            assert!(key.first >= from, "a scan begins where it was asked to");
            if visit(*key, group).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Disk {
    /// The group of the journal that contains `from`, or the first one after it.
    fn containing_or_after(&self, from: Position) -> Option<(&GroupKey, &GroupBytes)> {
        assert!(from > Position::NONE, "no record has position 0");
        let ours = |(key, _): &(&GroupKey, &GroupBytes)| !self.superseded.contains(key);
        let before = self.image.groups.range(..=last_key(from)).rev().find(ours);
        let contains = |group: &GroupBytes| Group::trust(group).is_ok_and(|group| group.last() >= from);
        let found = before.filter(|(_, group)| contains(group)).or_else(|| {
            let after = (Bound::Excluded(last_key(from)), Bound::Unbounded);
            self.image.groups.range(after).find(ours)
        });
        assert!(found.is_none_or(|(key, _)| !self.superseded.contains(key)), "I4: what was superseded is not read");
        found
    }

    /// The start that a trim up to `up_to` makes: the group that contains it is kept.
    fn start_for(&self, up_to: Position) -> Option<Start> {
        let (key, group) = self.containing_or_after(up_to.max(Position::FIRST))?;
        let group = Group::trust(group).ok()?;
        assert!(!self.superseded.contains(key), "I4: a journal begins with a group of its own");
        assert!(group.header().key() == *key, "a group lies under its own key");
        (key.first > self.image.start.first).then(|| Start::at(&group))
    }
}

/// The lowest key that a group at this position can have.
fn first_key(first: Position) -> GroupKey {
    GroupKey { first, epoch: Epoch::NONE }
}

/// The highest key that a group at this position can have.
fn last_key(first: Position) -> GroupKey {
    GroupKey { first, epoch: Epoch(u64::MAX) }
}

#[cfg(test)]
mod tests;
