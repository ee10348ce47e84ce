//! Projections in memory, for tests and simulation: a crash takes back what was not flushed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;

use super::store::{BatchWriter, Family, Frozen, ProjectionStore, Show, StoreError};

type Entries = BTreeMap<(Family, Vec<u8>), Arc<[u8]>>;

/// The store; clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct MemoryProjections {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    visible: Entries,
    /// What a crash leaves.
    flushed: Entries,
    /// What was written after the last flush, write by write.
    unflushed: Vec<Vec<Change>>,
    failing: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Put((Family, Vec<u8>), Arc<[u8]>),
    Delete((Family, Vec<u8>)),
    DeleteRange((Family, Vec<u8>), (Family, Vec<u8>)),
}

impl MemoryProjections {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a start would find if the process ended here: a store of its own, without what was not flushed.
    #[must_use]
    pub fn crashed(&self) -> Self {
        self.crashed_after(0)
    }

    /// The same, with so many of the writes that no flush has followed: some may have reached the disk, the earlier ones
    /// first, and each whole.
    #[must_use]
    pub fn crashed_after(&self, writes: usize) -> Self {
        let disk = self.disk.lock();
        assert!(!disk.unflushed.is_empty() || disk.flushed.len() == disk.visible.len(), "what is flushed is all");
        let mut flushed = disk.flushed.clone();
        disk.unflushed.iter().take(writes).flatten().for_each(|change| apply(change, &mut flushed));
        drop(disk);
        let disk = Disk { visible: flushed.clone(), flushed, ..Disk::default() };
        assert!(disk.unflushed.is_empty(), "what a crash leaves is flushed");
        assert!(!disk.failing, "a disk works after a crash");
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    /// How many writes no flush has followed.
    #[must_use]
    pub fn unflushed_writes(&self) -> usize {
        self.disk.lock().unflushed.len()
    }

    /// From now on, writes and flushes fail and change nothing; or work again.
    pub fn set_failing(&self, failing: bool) {
        self.disk.lock().failing = failing;
    }
}

impl Disk {
    fn check(&self) -> Result<(), StoreError> {
        if self.failing { Err(StoreError("told to fail".to_owned())) } else { Ok(()) }
    }
}

fn apply(change: &Change, entries: &mut Entries) {
    match change {
        Change::Put(key, value) => {
            entries.insert(key.clone(), Arc::clone(value));
        }
        Change::Delete(key) => {
            entries.remove(key);
        }
        Change::DeleteRange(from, to) if from < to => {
            let gone: Vec<_> = entries.range(from..to).map(|(key, _)| key.clone()).collect();
            for key in gone {
                entries.remove(&key);
            }
        }
        Change::DeleteRange(..) => {}
    }
}

impl BatchWriter for Vec<Change> {
    fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        assert!(!key.is_empty(), "a key has its kind");
        assert!(!value.is_empty(), "a row has bytes");
        self.push(Change::Put((family, key.to_vec()), value.into()));
    }

    fn delete(&mut self, family: Family, key: &[u8]) {
        self.push(Change::Delete((family, key.to_vec())));
    }

    fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]) {
        assert!(from <= to, "a range goes up");
        assert!(!from.is_empty(), "a range has a kind");
        self.push(Change::DeleteRange((family, from.to_vec()), (family, to.to_vec())));
    }
}

impl Frozen for Entries {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get(&(family, key.to_vec())).map(|value| value.to_vec()))
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
        let entries = self.range((family, from.to_vec())..).take_while(|((of, _), _)| *of == family);
        for ((_, key), value) in entries {
            assert!(key.as_slice() >= from, "a scan begins where it was asked to");
            if show(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl ProjectionStore for MemoryProjections {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.lock().visible.value(family, key)
    }

    fn last_up_to(&self, family: Family, key: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let last = {
            let disk = self.disk.lock();
            let range = (Bound::Included((family, Vec::new())), Bound::Included((family, key.to_vec())));
            disk.visible.range(range).next_back().map(|((_, key), value)| (key.clone(), Arc::clone(value)))
        };
        if let Some((found, value)) = last {
            assert!(found.as_slice() <= key, "what is found is not above what was asked for");
            show(&found, &value);
        }
        Ok(())
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
        self.disk.lock().visible.scan(family, from, show)
    }

    fn freeze(&self, read: &mut dyn FnMut(&dyn Frozen)) {
        let visible = self.disk.lock().visible.clone();
        read(&visible);
    }

    fn write(&self, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> Result<(), StoreError> {
        let mut changes: Vec<Change> = Vec::new();
        fill(&mut changes);
        assert!(!changes.is_empty(), "a write has entries");
        let mut disk = self.disk.lock();
        disk.check()?;
        let before = disk.unflushed.len();
        for change in &changes {
            apply(change, &mut disk.visible);
        }
        disk.unflushed.push(changes);
        assert!(disk.unflushed.len() == before + 1, "a write is taken whole");
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        let mut disk = self.disk.lock();
        disk.check()?;
        let Disk { flushed, unflushed, .. } = &mut *disk;
        for change in unflushed.drain(..).flatten() {
            apply(&change, flushed);
        }
        assert!(disk.unflushed.is_empty(), "a flush takes every write");
        assert!(disk.flushed.len() == disk.visible.len(), "what was flushed is what is seen");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
