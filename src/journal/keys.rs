//! Positions, epochs and the keys under which the store holds what the journal writes.
//!
//! Keys are persisted: sixteen bytes, big-endian, so that their byte order is the order of the journal.

use std::fmt;

/// The number of a record in the journal. The first record is 1; 0 means "nothing yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before the first record.
    pub const NONE: Self = Self(0);
    /// The first record of a journal.
    pub const FIRST: Self = Self(1);
    /// The highest that a key can hold.
    pub const MAX: Self = Self(u64::MAX);

    /// The position `records` further on. A journal would have to run for thousands of years to leave 64 bits,
    /// so that leaving them is a bug and ends the program.
    #[must_use]
    pub fn plus(self, records: u32) -> Self {
        let further = Self(self.0.checked_add(u64::from(records)).expect("positions end at 2^64"));
        assert!(further >= self, "I4: positions only rise");
        further
    }

    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        let next = self.plus(1);
        assert!(next > self, "I4: positions only rise");
        assert!(next.before() == self, "nothing stands between a position and the next");
        next
    }

    /// The position before this one; of [`Position::NONE`] it is itself.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a run of the writer: each recovery opens the next one. 0 means "before the first recovery".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Before the first recovery of a new journal.
    pub const NONE: Self = Self(0);

    /// The epoch that the next recovery opens; none after the last.
    #[must_use]
    pub const fn following(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a group is stored under. Two epochs may each have a group at one position: an append that failed and is on
/// disk all the same, and the one that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Position of the group's first record.
    pub first: Position,
    /// Epoch of the writer that appended it.
    pub epoch: Epoch,
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "position {}, epoch {}", self.first, self.epoch)
    }
}

const _: () = assert!(size_of::<GroupKey>() == 16, "a key is a position and an epoch");

/// Length of every key of the journal's store.
pub const KEY_BYTES: usize = 16;

const _: () = assert!(KEY_BYTES == size_of::<Position>() + size_of::<Epoch>(), "a key is a position and an epoch");
const _: () = assert!(Position::NONE.before().0 == Position::NONE.0, "nothing stands before nothing");
const _: () = assert!(Position::FIRST.0 == Position::NONE.0 + 1, "nothing stands between nothing and the first record");

/// All kinds of keys in the journal's store. Persisted, keep stable: no group has position 0, so that the one other
/// key has its place before all groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `00 × 16`: where the journal starts after a trim ([`crate::store::Start`]).
    Start,
    /// first position u64, epoch u64: one group.
    Group(GroupKey),
}

impl Key {
    /// The stored form.
    #[must_use]
    pub fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        if let Self::Group(key) = self {
            bytes[..8].copy_from_slice(&key.first.0.to_be_bytes());
            bytes[8..].copy_from_slice(&key.epoch.0.to_be_bytes());
            assert!(key.first > Position::NONE, "no group has position 0: that key is the start's");
            // Only a search begins below all epochs.
            assert!(
                key.epoch == Epoch::NONE || Self::from_bytes(&bytes) == Some(self),
                "a key is read as it was written"
            );
        }
        assert!((bytes == [0; KEY_BYTES]) == (self == Self::Start), "the start's key stands before all groups");
        bytes
    }

    /// Reads the stored form; `None` for bytes that no version of the journal wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; KEY_BYTES] = bytes.try_into().ok()?;
        let (first, epoch) = bytes.split_at(8);
        let first = u64::from_be_bytes(first.try_into().ok()?);
        let epoch = u64::from_be_bytes(epoch.try_into().ok()?);
        match (first, epoch) {
            (0, 0) => Some(Self::Start),
            (0, _) | (_, 0) => None,
            _ => Some(Self::Group(GroupKey { first: Position(first), epoch: Epoch(epoch) })),
        }
    }
}

#[cfg(test)]
mod tests;
