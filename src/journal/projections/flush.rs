//! Flushing: the changes leave the applying thread by a swap of maps, and are written on any thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::archive::Shared;
use super::books::Changes;
use super::disk;
use super::rows::Reached;
use super::store::{ProjectionStore, StoreError};

/// Changes on their way into the store.
#[derive(Clone, Debug)]
pub(crate) struct Flushing {
    pub(crate) changes: Arc<Changes>,
    pub(crate) reached: Reached,
    pub(crate) prune: Option<u64>,
}

/// A flush that has begun. While it is written, the projector goes on and readers find the changes in memory. Dropped
/// without success, it is handed out again by the next [`super::Projector::begin_flush`].
#[must_use = "nothing is flushed before it is written"]
pub struct Flush<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) flushing: Flushing,
}

impl<S: ProjectionStore> Flush<S> {
    /// Writes the changes and the position in one piece, and makes them survive a crash.
    ///
    /// # Errors
    /// [`StoreError`]; it may be tried again.
    pub fn write(self) -> Result<Reached, StoreError> {
        let Flushing { changes, reached, prune } = &self.flushing;
        assert!(self.shared.flush_out.load(Ordering::Acquire), "a flush that is written was begun");
        let store = &self.shared.store;
        let write = || {
            store.write(&mut |batch| disk::write(changes, reached, *prune, batch))?;
            store.flush()
        };
        let before = self.shared.flushed.load(Ordering::Acquire);
        // Readers find the changes in memory all the while, so that the store may lose them and be given them again.
        write().or_else(|error| {
            if !store.recover(&error) {
                return Err(error);
            }
            let Ok(found) = disk::reached(store) else { return Err(error) };
            assert!(found.position.0 >= before, "I8: what was flushed stays");
            write()
        })?;
        let reached = *reached;
        assert!(reached.position.0 >= before, "I4: what a start finds never goes back");
        assert!(reached.position.0 <= self.shared.reached.load(Ordering::Acquire), "what is flushed was applied");
        // The maps go back to the applying thread, which keeps the rows as a cache.
        let mut view = self.shared.view.write();
        // With it: the shelf is asked only for rows that are as new as what was flushed.
        self.shared.flushed.store(reached.position.0, Ordering::Release);
        let flushed = view.flushing.take();
        drop(view);
        assert!(flushed.as_ref().map(|flushed| flushed.reached) == Some(reached), "readers saw the changes until now");
        let left = std::mem::replace(&mut *self.shared.flushed_changes.lock(), flushed);
        assert!(left.is_none(), "the changes of the flush before were taken back");
        Ok(reached)
    }
}

impl<S> Drop for Flush<S> {
    fn drop(&mut self) {
        let out = self.shared.flush_out.swap(false, Ordering::AcqRel);
        assert!(out || std::thread::panicking(), "there is one flush at a time");
    }
}
