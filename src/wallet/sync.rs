//! The only place that names the standard atomics: loom's stand in for them when its tests are built.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::AtomicU64 as NarrowAtomic;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::AtomicU64 as NarrowAtomic;

pub(crate) use portable_atomic::AtomicU128 as WideAtomic;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
