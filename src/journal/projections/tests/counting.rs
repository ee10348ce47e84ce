//! A store that counts what it is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::projections::store::Show;
use crate::projections::*;

/// Counts the rows of wallets and the holds that are read one by one, and the reads of many rows together.
#[derive(Clone, Default)]
pub(in crate::projections) struct Counting {
    pub(in crate::projections) store: MemoryProjections,
    rows: Arc<AtomicU64>,
    holds: Arc<AtomicU64>,
    together: Arc<AtomicU64>,
}

impl Counting {
    /// Reads of one row.
    pub(in crate::projections) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Looks for one hold among the open ones, and at one block of ended ones.
    pub(in crate::projections) fn holds(&self) -> u64 {
        self.holds.load(Ordering::Relaxed)
    }

    /// Reads of many rows.
    pub(in crate::projections) fn together(&self) -> u64 {
        self.together.load(Ordering::Relaxed)
    }
}

impl ProjectionStore for Counting {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match key.first() {
            Some(kind) if *kind == KeyKind::Wallet as u8 => self.rows.fetch_add(1, Ordering::Relaxed),
            Some(kind) if *kind == KeyKind::OpenHold as u8 => self.holds.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        self.store.value(family, key)
    }

    fn values(
        &self,
        family: Family,
        keys: &[&[u8]],
        show: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> Result<(), StoreError> {
        self.together.fetch_add(1, Ordering::Relaxed);
        self.store.values(family, keys, show)
    }

    fn last_up_to(&self, family: Family, key: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.holds.fetch_add(1, Ordering::Relaxed);
        self.store.last_up_to(family, key, show)
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
        self.store.scan(family, from, show)
    }

    fn write(&self, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> Result<(), StoreError> {
        self.store.write(fill)
    }

    fn freeze(&self, read: &mut dyn FnMut(&dyn Frozen)) {
        self.store.freeze(read);
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.store.flush()
    }
}
