//! Where projections are kept, as a trait: RocksDB and memory forms are beside it.
//!
//! Three promises are asked for: a write is taken whole or not at all, what a crash leaves is what some flush or later
//! write left, and reads from other threads see whole writes.

use std::ops::ControlFlow;

/// The two parts of the store. Persisted, keep stable: the names are those of the column families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// What a start loads, and commands.
    State,
    /// Ended holds in blocks.
    Holds,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::State, Self::Holds];

    /// Its name on disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Holds => "holds",
        }
    }
}

/// The store of the projections reports an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of the projections: {0}")]
pub struct StoreError(pub String);

/// Is shown entries by key and value, and says when it has seen enough.
pub type Show<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Takes the entries of one write.
pub trait BatchWriter {
    /// Sets a key.
    fn put(&mut self, family: Family, key: &[u8], value: &[u8]);
    /// Removes a key.
    fn delete(&mut self, family: Family, key: &[u8]);
    /// Removes all keys from `from` on that are below `to`.
    fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]);
}

/// The store.
pub trait ProjectionStore: Send + Sync + 'static {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the values of keys, which come in their order, with the number of each key: `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn values(
        &self,
        family: Family,
        keys: &[&[u8]],
        show: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> Result<(), StoreError> {
        for (number, key) in keys.iter().enumerate() {
            show(number, self.value(family, key)?.as_deref());
        }
        Ok(())
    }

    /// Shows the last entry whose key is `key` or lower; nothing where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_up_to(&self, family: Family, key: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError>;

    /// Shows the entries from `from` on, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError>;

    /// Writes what `fill` puts in, all of it or nothing. Later writes survive a crash only with the earlier ones.
    ///
    /// # Errors
    /// [`StoreError`]; the write may come to be all the same, and may be tried again.
    fn write(&self, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> Result<(), StoreError>;

    /// Shows the store as it is now, however long that takes and whatever is written meanwhile.
    fn freeze(&self, read: &mut dyn FnMut(&dyn Frozen));

    /// Whether files are put together in the background. Off for as long as much is written and nearly nothing read.
    ///
    /// # Errors
    /// [`StoreError`].
    fn set_compacting(&self, _on: bool) -> Result<(), StoreError> {
        Ok(())
    }

    /// Makes everything written survive a crash.
    ///
    /// # Errors
    /// [`StoreError`].
    fn flush(&self) -> Result<(), StoreError>;

    /// Ends what an error has left behind where that takes more than another try, and says whether it has: what was written
    /// since the last flush that worked may be gone then, and can be written again at once.
    fn recover(&self, _from: &StoreError) -> bool {
        false
    }
}

/// A store as it was at one moment.
pub trait Frozen {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the entries from `from` on, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError>;
}
