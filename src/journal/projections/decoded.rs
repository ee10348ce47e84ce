//! A group decoded ahead: by another thread than the one that applies it.

use wallet::record::Record;

use super::{ApplyError, Reached};
use crate::codec::decode_any;
use crate::group::{BODY_BYTES_MAX, Group};
use crate::keys::Position;
use crate::record::Meaning;

/// The records of a group. Its memory is used again for the next.
#[derive(Debug, Default)]
pub struct DecodedGroup {
    first: Position,
    end: Reached,
    bytes: usize,
    records: Vec<(Position, Record)>,
}

impl DecodedGroup {
    /// Reads a group that is durable.
    ///
    /// # Errors
    /// [`ApplyError::Record`].
    pub fn read(&mut self, group: &Group<'_>) -> Result<(), ApplyError> {
        let header = group.header();
        self.first = header.first;
        self.end = Reached { position: group.last(), epoch: header.epoch, hash: group.hash() };
        self.bytes = 0;
        self.records.clear();
        for (position, bytes) in group.records_from(header.first) {
            self.bytes += bytes.len();
            self.records.extend(read(position, bytes)?);
        }
        assert!(self.bytes <= BODY_BYTES_MAX, "I9: a group has a limit");
        Ok(())
    }

    pub(crate) const fn first(&self) -> Position {
        self.first
    }

    /// The last record: position, epoch and hash.
    pub(crate) const fn end(&self) -> Reached {
        self.end
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The records from a position on, without those that change no wallet.
    pub(crate) fn records_from(&self, next: Position) -> &[(Position, Record)] {
        let before = self.records.partition_point(|(position, _)| *position < next);
        &self.records[before..]
    }
}

/// A record, if it is one of the wallets'.
pub(super) fn read(position: Position, bytes: &[u8]) -> Result<Option<(Position, Record)>, ApplyError> {
    match decode_any(bytes) {
        Ok(Meaning::Record(record)) => Ok(Some((position, record))),
        Ok(Meaning::Epoch(_)) => Ok(None),
        Err(error) => Err(ApplyError::Record { position, error }),
    }
}
