//! The only place that names the standard atomics: loom's stand in for them when its tests are built, and for the locks
//! that those tests take.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::AtomicU64 as NarrowAtomic;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::AtomicU64 as NarrowAtomic;

#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex;

pub(crate) use portable_atomic::AtomicU128 as WideAtomic;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// Loom's lock with the face of the other; a task that panics ends the test.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

#[cfg(loom)]
impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
