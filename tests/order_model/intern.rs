//! Values kept once and named by a small number: states, records and replayed rows. A table of our own, because a run
//! looks up tens of millions of states and needs neither removal nor protection against chosen keys.

#![allow(clippy::cast_possible_truncation, reason = "a hash may lose its upper half: it only picks a slot")]

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// For the few ordinary maps beside the interner.
pub(super) type FastMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FoldHasher>>;

const EMPTY: u32 = u32::MAX;
const SLOTS_MIN: usize = 1 << 10;

/// Every distinct value once, in the order of arrival.
pub(super) struct Interner<T> {
    items: Vec<T>,
    /// Open addressing; a power of two, at most half full.
    slots: Vec<u32>,
}

impl<T: Copy + Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        Self { items: Vec::new(), slots: vec![EMPTY; SLOTS_MIN] }
    }

    /// Forgets all values; the memory stays for the next scenario.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.slots.clear();
        self.slots.resize(SLOTS_MIN, EMPTY);
    }

    /// The number of `item`, and whether it is new.
    pub(super) fn intern(&mut self, item: T) -> (u32, bool) {
        if (self.items.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mut slot = self.home(&item);
        while self.slots[slot] != EMPTY {
            let id = self.slots[slot];
            if self.items[id as usize] == item {
                return (id, false);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        let id = self.items.len() as u32;
        assert!(id < EMPTY);
        self.slots[slot] = id;
        self.items.push(item);
        (id, true)
    }

    pub(super) fn at(&self, id: u32) -> &T {
        &self.items[id as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    fn home(&self, item: &T) -> usize {
        let mut hasher = FoldHasher::default();
        item.hash(&mut hasher);
        hasher.finish() as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        let slots = self.slots.len() * 4;
        self.slots.clear();
        self.slots.resize(slots, EMPTY);
        for id in 0..self.items.len() {
            let mut slot = self.home(&self.items[id]);
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = id as u32;
        }
    }
}

/// Gathers the small fields of a state into 64-bit words and folds each by one multiplication.
#[derive(Default)]
pub(super) struct FoldHasher {
    folded: u64,
    gathered: u64,
    bits: u32,
}

impl FoldHasher {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

    #[inline]
    fn gather(&mut self, value: u64, bits: u32) {
        if self.bits + bits > 64 {
            self.fold();
        }
        self.gathered |= value << self.bits;
        self.bits += bits;
    }

    #[inline]
    fn fold(&mut self) {
        self.folded = (self.folded.rotate_left(23) ^ self.gathered).wrapping_mul(Self::ODD);
        self.gathered = 0;
        self.bits = 0;
    }
}

impl Hasher for FoldHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.gather(byte.into(), 8);
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.gather(value.into(), 8);
    }

    #[inline]
    fn write_i8(&mut self, value: i8) {
        self.gather(value.cast_unsigned().into(), 8);
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.gather(value.into(), 16);
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.gather(value.into(), 32);
    }

    /// What `derive(Hash)` writes for the variant of an enum: always small here.
    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.gather(value.cast_unsigned() as u64 & 0xFF, 8);
    }

    #[inline]
    fn finish(&self) -> u64 {
        let last = (self.folded.rotate_left(23) ^ self.gathered).wrapping_mul(Self::ODD);
        last ^ (last >> 29)
    }
}
