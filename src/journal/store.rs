//! The store that groups are kept in, as a trait: RocksDB, memory and faulty forms are beside it.
//!
//! One writer appends, one group at a time; any number of readers read meanwhile. A replicated log on an existing
//! engine can be a fourth form: nothing here asks for more than one append in flight.

use std::ops::{ControlFlow, Deref};
use std::sync::Arc;

use crate::epoch::EpochRecord;
use crate::group::{Group, GroupHash, HASH_BYTES};
use crate::keys::{Epoch, GroupKey, Position};

/// Groups are kept in memory up to this size before they are written to a file of their own, where no other is asked for;
/// also the size of those files and of the logs, and so what a trim can forget at a time.
pub const FILE_BYTES: usize = 64 * 1024 * 1024;
/// The least that RocksDB goes by.
pub const FILE_BYTES_MIN: usize = 64 * 1024;
/// The most: several such files are in memory while the disk is slow.
pub const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

const _: () = assert!(FILE_BYTES >= 16 * crate::group::GROUP_BYTES_MAX, "a file has many groups");
const _: () = assert!(FILE_BYTES_MIN <= FILE_BYTES && FILE_BYTES <= FILE_BYTES_MAX, "the usual size is one of those");

/// The bytes of one group, shared between whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBytes(pub Arc<Vec<u8>>);

impl From<Vec<u8>> for GroupBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl Deref for GroupBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// What must be true of a group before [`Store::append`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persist {
    /// It survives a power cut.
    Synced,
    /// It is written; a later [`Store::sync`] makes it durable.
    Written,
}

/// Where a journal begins: position 1 of a new one, later the first group that a trim kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The first position that the store answers for.
    pub first: Position,
    /// The epoch in force before it.
    pub epoch: Epoch,
    /// The hash that its group carries as that of the group before.
    pub previous: GroupHash,
}

/// Length of the stored form of [`Start`].
pub const START_BYTES: usize = 8 + 8 + 8 + HASH_BYTES;

/// Version of the stored form of [`Start`]; it has eight bytes so that the fields stay aligned.
const START_VERSION: u64 = 1;

const _: () = assert!(START_BYTES.is_multiple_of(8), "the fields of a start are aligned");
const _: () = assert!(size_of::<Start>() + size_of::<u64>() == START_BYTES, "a start has no field that is not stored");
const _: () = assert!(Start::NEW.first.0 == 1, "a new journal begins with record 1");

impl Start {
    /// The start of a journal that was never trimmed.
    pub const NEW: Self = Self { first: Position::FIRST, epoch: Epoch::NONE, previous: GroupHash::NONE };

    /// The start of a journal whose first kept group is this one. Its epoch is in force before it unless it opens that
    /// epoch itself; then any lower one is right, and the next lower is taken.
    #[must_use]
    pub fn at(group: &Group<'_>) -> Self {
        let header = group.header();
        let opens = EpochRecord::opening(group).is_some();
        assert!(header.epoch > Epoch::NONE && header.first > Position::NONE, "a group has its place in an epoch");
        let start = Self {
            first: header.first,
            epoch: if opens { Epoch(header.epoch.0 - 1) } else { header.epoch },
            previous: header.previous,
        };
        assert!((start.epoch < header.epoch) == opens, "I4: exactly what opens an epoch begins before it");
        start
    }

    /// The stored form: version u64, first u64, epoch u64, hash 32 bytes; little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; START_BYTES] {
        assert!(self.first > Position::NONE, "a journal begins with a record");
        let mut bytes = [0; START_BYTES];
        bytes[..8].copy_from_slice(&START_VERSION.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[24..].copy_from_slice(&self.previous.0);
        assert!(Self::from_bytes(&bytes).as_ref() == Some(self), "a start is read as it was written");
        bytes
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; START_BYTES] = bytes.try_into().ok()?;
        let mut fields = crate::group::Fields(bytes);
        let version = fields.u64().ok()?;
        let start = Self {
            first: Position(fields.u64().ok()?),
            epoch: Epoch(fields.u64().ok()?),
            previous: GroupHash(fields.take().ok()?),
        };
        assert!(fields.0.is_empty(), "a start is all of its bytes");
        (version == START_VERSION && start.first > Position::NONE).then_some(start)
    }
}

/// Why an append failed. Only the first two say what is on disk: nothing of this group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The store's last record is not the one the writer expects: another writer was here, or this one is confused.
    #[error("the writer expects the journal to end at {expected}, and it ends at {actual}")]
    Stale {
        /// Where the writer thinks the journal ends.
        expected: Position,
        /// Where it ends.
        actual: Position,
    },
    /// There is no space, and nothing was written.
    #[error("the journal's disk is full")]
    Full,
    /// The group may be on disk or not, whole or in part. Only a recovery can tell.
    #[error("the journal may or may not have been written: {0}")]
    Unknown(String),
}

impl AppendError {
    /// Whether it is certain that nothing of the group is on disk.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Full)
    }
}

/// Why the store could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The records asked for were trimmed away.
    #[error("position {asked} was trimmed: the journal begins at {first}")]
    Trimmed {
        /// The position asked for.
        asked: Position,
        /// Where the journal begins.
        first: Position,
    },
    /// A key or a small entry of the store is not what this program writes.
    #[error("the journal's store has an entry that is not its own: {0}")]
    Foreign(String),
    /// The store itself reports an error.
    #[error("the journal's store cannot be read: {0}")]
    Store(String),
}

/// Why a trim was not done; the journal is as before and goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal could not be trimmed: {0}")]
pub struct TrimError(pub String);

/// What RocksDB says where what is stored is wrong. It may name an input/output error too: of a file that is missing it says
/// "Corruption: ... IO error: No such file or directory". What is missing stays missing.
const SIGNS_OF_DAMAGE: [&str; 2] = ["Corruption", "No such file or directory"];
/// What it says where the system refused a call. Of direct I/O, which is not used here, it speaks when it could open a file at
/// the second attempt and not at the first.
const SIGNS_OF_THE_DISK: [&str; 2] = ["IO error: ", "Direct I/O is not supported"];

/// Whether an error of a store says that the system refused a call (no space, input/output error), and not that what is
/// stored is wrong: the same may work a little later. RocksDB's binding tells its kinds of errors by these words itself.
#[must_use]
pub fn is_of_the_disk(error: &impl std::fmt::Display) -> bool {
    let text = error.to_string();
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    !says(&SIGNS_OF_DAMAGE) && says(&SIGNS_OF_THE_DISK)
}

/// The reading half of a store. It can be shared, and reads while the writer appends.
pub trait GroupReader: Send + Sync {
    /// Where the journal begins.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn start(&self) -> Result<Start, ReadError>;

    /// The group of the journal that contains `from`, or else the first one after it; `None` at the end. It was checked
    /// when it was recovered or made by this process, so that [`crate::group::Group::trust`] may read it, once the
    /// caller knows it to be synced.
    ///
    /// # Errors
    /// When the store cannot be read, or `from` was trimmed.
    fn read(&self, from: Position) -> Result<Option<GroupBytes>, ReadError>;

    /// Shows every stored group that begins at `from` or later, in the order of the keys; also those that do not belong
    /// to the journal any more. For recovery, `fsck` and copies.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scan(&self, from: Position, visit: &mut dyn FnMut(GroupKey, &[u8]) -> ControlFlow<()>) -> Result<(), ReadError>;
}

/// The writing half of a store: one owner.
pub trait Store: Send {
    /// Appends one sealed group after the record `expected_last` and returns the position of its last record.
    ///
    /// # Errors
    /// [`AppendError`]; after one that is not definite the store must not be used for appends again.
    fn append(&mut self, expected_last: Position, group: &[u8], persist: Persist) -> Result<Position, AppendError>;

    /// Makes everything that was appended survive a power cut.
    ///
    /// # Errors
    /// [`AppendError::Unknown`]: what is durable only a recovery can tell.
    fn sync(&mut self) -> Result<(), AppendError>;

    /// The position of the last record of the journal, as recovery or this writer left it.
    fn tail(&self) -> Position;

    /// Told by recovery: the journal ends at `tail`, and the groups under `superseded` are not part of it. They stay
    /// where they are, and [`GroupReader::read`] no longer shows them. Must come before the first append.
    fn adopt(&mut self, tail: Position, superseded: Vec<GroupKey>);

    /// Forgets groups that end before `up_to`, as far as that is cheap, and returns where the journal begins now. The
    /// new start is durable before anything is forgotten.
    ///
    /// # Errors
    /// [`TrimError`]; nothing is lost by it, and a later call tries again.
    fn trim(&mut self, up_to: Position) -> Result<Start, TrimError>;

    /// The reading half.
    fn reader(&self) -> Arc<dyn GroupReader>;
}

#[cfg(test)]
mod tests;
