//! The epoch record: the first record of each run of the writer, alone in its group.
//!
//! It says where the run found the end of the journal. With it a group of an earlier run that shows up later (a failed
//! append that is on disk all the same) can be told from the journal.

use crate::group::{Fields, Group, GroupHash, HASH_BYTES};
use crate::keys::{Epoch, Position};
use crate::unit::{EncodedUnit, RECORD_BYTES_MAX};

/// The first byte of every epoch record. Persisted; the codec of the other records never uses it.
pub const EPOCH_RECORD_KIND: u8 = 0;

/// Length of an epoch record.
pub const EPOCH_RECORD_BYTES: usize = 1 + 8 + 16 + 8 + HASH_BYTES;

const _: () = assert!(EPOCH_RECORD_BYTES <= RECORD_BYTES_MAX, "an epoch record is a record");
const _: () = assert!(EPOCH_RECORD_KIND == 0, "persisted, keep stable: the first kind of record");
const _: () = assert!(EPOCH_RECORD_BYTES < 1 << 7, "the length of an epoch record is one byte");

/// Whom a run of the writer is: random bytes given by the caller, so that two runs never write the same record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriterId(pub [u8; 16]);

/// What a recovery writes before anything else is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// The epoch that it opens.
    pub epoch: Epoch,
    /// The run that opened it.
    pub writer: WriterId,
    /// The last record that the recovery found.
    pub last: Position,
    /// The hash of the last group that the recovery found.
    pub last_hash: GroupHash,
}

impl EpochRecord {
    /// The stored form: kind u8, epoch u64, writer 16 bytes, last position u64, hash 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; EPOCH_RECORD_BYTES] {
        assert!(self.epoch > Epoch::NONE, "I4: a recovery opens an epoch");
        let mut bytes = [EPOCH_RECORD_KIND; EPOCH_RECORD_BYTES];
        bytes[1..9].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[9..25].copy_from_slice(&self.writer.0);
        bytes[25..33].copy_from_slice(&self.last.0.to_le_bytes());
        bytes[33..].copy_from_slice(&self.last_hash.0);
        assert!(Self::from_bytes(&bytes).as_ref() == Some(self), "an epoch record is read as it was written");
        assert!(is_epoch_record(&bytes), "an epoch record is known by its first byte");
        bytes
    }

    /// Reads the stored form; `None` for any other record.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; EPOCH_RECORD_BYTES] = bytes.try_into().ok()?;
        let mut fields = Fields(bytes);
        let [kind] = fields.take().ok()?;
        let record = Self {
            epoch: Epoch(fields.u64().ok()?),
            writer: WriterId(fields.take().ok()?),
            last: Position(fields.u64().ok()?),
            last_hash: GroupHash(fields.take().ok()?),
        };
        assert!(fields.0.is_empty(), "an epoch record is all of its bytes");
        (kind == EPOCH_RECORD_KIND).then_some(record)
    }

    /// The record as a unit of its own.
    #[must_use]
    pub fn to_unit(&self) -> EncodedUnit {
        let mut unit = EncodedUnit::new();
        let pushed = unit.push_record(&self.to_bytes());
        assert!(pushed.is_ok(), "an epoch record is short");
        assert!(unit.records() == 1, "an epoch record is alone in its group");
        assert!(unit.bytes().len() == 1 + EPOCH_RECORD_BYTES, "a record is its length and its bytes");
        unit
    }

    /// The epoch record that `group` consists of, if it is such a group and names its own place.
    #[must_use]
    pub fn opening(group: &Group<'_>) -> Option<Self> {
        let header = group.header();
        let (_, first) = group.records().next()?;
        let record = Self::from_bytes(first)?;
        let alone = header.records == 1;
        assert!(header.first > Position::NONE, "a group that was read has a first record");
        let own_place = record.epoch == header.epoch && record.last == header.first.before();
        let opening = (alone && own_place && record.last_hash == header.previous).then_some(record);
        assert!(opening.is_none_or(|record| record.epoch > Epoch::NONE), "I4: an epoch that was opened has a number");
        opening
    }
}

/// Whether a record is an epoch record by its first byte; the codec of the other records skips these.
#[must_use]
pub fn is_epoch_record(record: &[u8]) -> bool {
    record.first() == Some(&EPOCH_RECORD_KIND)
}

#[cfg(test)]
mod tests;
