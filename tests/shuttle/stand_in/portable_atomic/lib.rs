//! The 128-bit atomic of the wallet word: shuttle may let another task go on before and after each access, never within
//! one. All tasks share one thread of the system, so that two halves are one value.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::planted::{Bug, is};
use parking_lot::point;

/// An atomic integer of 128 bits.
#[derive(Debug)]
#[repr(align(16))]
pub struct AtomicU128([AtomicU64; 2]);

impl AtomicU128 {
    /// With a value.
    pub const fn new(value: u128) -> Self {
        Self([AtomicU64::new((value >> 64) as u64), AtomicU64::new(value as u64)])
    }

    fn read(&self) -> u128 {
        let [high, low] = self.0.each_ref().map(|half| u128::from(half.load(Ordering::SeqCst)));
        high << 64 | low
    }

    /// Reads.
    pub fn load(&self, _: Ordering) -> u128 {
        point();
        self.read()
    }

    /// Replaces, where the value is the expected one.
    pub fn compare_exchange_weak(&self, current: u128, new: u128, _: Ordering, _: Ordering) -> Result<u128, u128> {
        point();
        let now = self.read();
        if now != current {
            return Err(now);
        }
        if is(Bug::TornExchange) {
            point();
        }
        self.0[0].store((new >> 64) as u64, Ordering::SeqCst);
        self.0[1].store(new as u64, Ordering::SeqCst);
        point();
        Ok(now)
    }
}
