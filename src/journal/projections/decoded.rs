//! A group decoded ahead: by another thread than the one that applies it.

use wallet::record::Record;

use super::{ApplyError, Reached};
use crate::codec::{DecodeError, decode_any};
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
        let mut last = header.first.before();
        for (position, bytes) in group.records_from(header.first) {
            assert!(position == last.next(), "I4: no record of a group is left out");
            last = position;
            self.bytes += bytes.len();
            self.records.extend(read(position, bytes)?);
        }
        assert!(self.bytes <= BODY_BYTES_MAX, "I9: a group has a limit");
        // It was trusted, not counted, and what is applied of it ends where it says.
        if last == self.end.position { Ok(()) } else { Err(missing(last.next())) }
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
        let (skipped, records) = self.records.split_at(before);
        assert!(skipped.last().is_none_or(|(position, _)| *position < next), "I4: what is skipped was applied");
        assert!(records.first().is_none_or(|(position, _)| *position >= next), "I5: a record is applied once");
        records
    }
}

/// What a group that has fewer records than it says lacks.
pub(super) fn missing(position: Position) -> ApplyError {
    let error = DecodeError::Malformed("its group ends before it".to_owned());
    ApplyError::Record { position, error }
}

/// A record, if it is one of the wallets'.
pub(super) fn read(position: Position, bytes: &[u8]) -> Result<Option<(Position, Record)>, ApplyError> {
    match decode_any(bytes) {
        Ok(Meaning::Record(record)) => Ok(Some((position, record))),
        Ok(Meaning::Epoch(_)) => Ok(None),
        Err(error) => Err(ApplyError::Record { position, error }),
    }
}
