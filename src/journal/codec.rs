//! Every call of bincode in this crate. Its format is small and fixed (`config::standard()`: little-endian, integers of
//! variable length), so that another crate with the same bytes can take its place here.
//!
//! Records go into an [`EncodedUnit`] without an allocation, except the lists of cycle rolls and refunds. Reading is
//! strict: a record uses all its bytes, every number is one that this version writes, and a length that the bytes cannot
//! hold makes the reader allocate a megabyte at most.

use bincode::config;
pub(crate) use bincode::de::{BorrowDecoder, Decoder};
pub(crate) use bincode::enc::Encoder;
use bincode::enc::write::Writer;
use bincode::error::DecodeError as BincodeError;
pub(crate) use bincode::error::DecodeError as ReadError;
pub(crate) use bincode::error::EncodeError;
pub use bincode::{BorrowDecode, Decode, Encode};
use wallet::record::Record;

use crate::epoch::EPOCH_RECORD_KIND;
use crate::record::{BadField, Meaning, StoredRecord};
use crate::unit::{EncodedUnit, RECORD_BYTES_MAX, RecordTooLong};

/// Longest stored row: a hold with all the captures and refunds that it may have.
pub const ROW_BYTES_MAX: usize = 8 * 1024 * 1024;

const _: () = assert!(ROW_BYTES_MAX > RECORD_BYTES_MAX + 9, "a command's row has its record and a position");
const _: () = assert!(SHORT_BYTES < RECORD_BYTES_MAX, "what is short fits");

/// Why bytes are not a record or a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than any record or row.
    #[error("{bytes} bytes are more than a record or a row can have")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// The bytes are not of this shape.
    #[error("not readable: {0}")]
    Malformed(String),
    /// Bytes are left over.
    #[error("{bytes} bytes are left over")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A number that this version never writes.
    #[error(transparent)]
    Field(#[from] BadField),
    /// The journal's own record, where one of the wallets was expected.
    #[error("this is an epoch record, which changes no wallet")]
    Epoch,
}

/// Appends records to a unit, in order.
///
/// # Errors
/// [`RecordTooLong`]; the records before the long one are in the unit.
pub fn encode_unit(records: &[Record], out: &mut EncodedUnit) -> Result<(), RecordTooLong> {
    let before = out.records();
    records.iter().try_for_each(|record| encode_record(record, out))?;
    let added = usize::try_from(out.records() - before);
    assert!(added == Ok(records.len()), "every record is in the unit once");
    out.assert_counted();
    Ok(())
}

/// Appends one record to a unit.
///
/// # Errors
/// [`RecordTooLong`]; the unit is as before.
pub fn encode_record(record: &Record, out: &mut EncodedUnit) -> Result<(), RecordTooLong> {
    let before = out.records();
    let pushed = out.push_with(|bytes| {
        let start = bytes.len();
        append(&StoredRecord::from(record), bytes);
        if is_rare(record) {
            assert_read_back(record, &bytes[start..]);
        }
    });
    assert!(out.records() == before + u32::from(pushed.is_ok()), "a record is in the unit, or the unit is as before");
    pushed
}

/// Whether a record may be read again as soon as it is written: those of commands. Of the others the conversions assert
/// what they compute.
const fn is_rare(record: &Record) -> bool {
    wallet::ledger::command_key(record).is_some() || matches!(record, Record::Policy(_) | Record::IdBound { .. })
}

/// I8: a replay reads what was decided. What it could not read would stop every later start, so that it is not journaled.
#[cold]
fn assert_read_back(record: &Record, bytes: &[u8]) {
    assert!(!matches!(bytes.first(), Some(8 | 9 | 27)), "kinds that are only read are not written");
    assert!(bytes.first() != Some(&EPOCH_RECORD_KIND), "the kind of epoch records is the journal's own");
    assert!(
        bytes.len() > RECORD_BYTES_MAX || decode(bytes).as_ref() == Ok(record),
        "a record is read as it was written"
    );
}

/// Reads one record of the wallets.
///
/// # Errors
/// [`DecodeError`]: also for an epoch record, see [`decode_any`].
#[inline]
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    match decode_any(bytes)? {
        Meaning::Record(record) => Ok(record),
        Meaning::Epoch(_) => Err(DecodeError::Epoch),
    }
}

/// Reads one record of any kind.
///
/// # Errors
/// [`DecodeError`].
#[inline]
pub fn decode_any(bytes: &[u8]) -> Result<Meaning, DecodeError> {
    let stored: StoredRecord<'_> = read::<_, RECORD_BYTES_MAX>(bytes)?;
    assert!(!bytes.is_empty(), "a record that was read has the number of its kind");
    assert!(bytes.len() <= RECORD_BYTES_MAX, "I9: a record that was read has a limit");
    Ok(stored.try_into()?)
}

/// Appends the bytes of a stored row.
#[inline]
pub(crate) fn append<T: Encode>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    // Into bytes that are there: a vector that may grow at every field costs as much as the encoding.
    out.resize(start + SHORT_BYTES, 0);
    let mut end = start;
    let short = bincode::encode_into_writer(value, Filling { bytes: out, end: &mut end }, config::standard());
    if short.is_ok() {
        assert!(end <= out.len(), "what was written is there");
        assert!(end > start, "a stored type has bytes");
        out.truncate(end);
    } else {
        out.truncate(start);
        append_long(value, out);
    }
}

#[cold]
fn append_long<T: Encode>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    let written = bincode::encode_into_writer(value, Appending(out), config::standard());
    assert!(written.is_ok(), "a stored type has no shape that bincode refuses");
    assert!(out.len() > start + SHORT_BYTES, "the long way is for what is long");
}

/// Reads a stored row: all of the bytes.
pub(crate) fn read_row<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    read::<T, ROW_BYTES_MAX>(bytes)
}

/// Reads the beginning of a stored row, and leaves the rest.
pub(crate) fn read_head<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    if bytes.len() > ROW_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: bytes.len() });
    }
    let (value, used) = bincode::borrow_decode_from_slice(bytes, config::standard())
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    assert!(used <= bytes.len(), "no more is read than there is");
    Ok(value)
}

#[inline]
fn read<'a, T: BorrowDecode<'a, ()>, const MAX: usize>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    if bytes.len() > MAX {
        return Err(DecodeError::TooLong { bytes: bytes.len() });
    }
    // Without bincode's own limit, which counts every byte: texts are borrowed, so that their length allocates nothing,
    // and a [`List`] asks for a megabyte at most before it has read its elements.
    let (value, used) = bincode::borrow_decode_from_slice(bytes, config::standard())
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    assert!(used <= bytes.len(), "no more is read than there is");
    assert!(used > 0, "a stored type has bytes");
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(DecodeError::Trailing { bytes: left }),
    }
}

/// Longer than the hot records, and than nearly all rows.
const SHORT_BYTES: usize = 256;

struct Filling<'a> {
    bytes: &'a mut [u8],
    end: &'a mut usize,
}

impl Writer for Filling<'_> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let end = *self.end + bytes.len();
        let Some(place) = self.bytes.get_mut(*self.end..end) else { return Err(EncodeError::UnexpectedEnd) };
        place.copy_from_slice(bytes);
        *self.end = end;
        Ok(())
    }
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Writer for Appending<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A list: its length as a `u64`, then its elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> List<T> {
    /// Memory that is asked for because of a length alone.
    const UNREAD_BYTES_MAX: usize = 1024 * 1024;
    const FITS: () = assert!(size_of::<T>() <= Self::UNREAD_BYTES_MAX, "I9: an element is small");

    fn read<E>(length: u64, mut element: impl FnMut() -> Result<T, E>) -> Result<Self, E> {
        const { Self::FITS };
        let room = Self::UNREAD_BYTES_MAX / size_of::<T>().max(1);
        let mut list = Vec::with_capacity(usize::try_from(length).map_or(room, |length| length.min(room)));
        for _ in 0..length {
            list.push(element()?);
        }
        assert!(u64::try_from(list.len()) == Ok(length), "a list has as many elements as it says");
        Ok(Self(list))
    }
}

impl<T: Encode> Encode for List<T> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.len().encode(encoder)?;
        self.0.iter().try_for_each(|element| element.encode(encoder))
    }
}

impl<C, T: Decode<C>> Decode<C> for List<T> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, BincodeError> {
        let length = u64::decode(decoder)?;
        Self::read(length, || T::decode(decoder))
    }
}

impl<'de, C, T: BorrowDecode<'de, C>> BorrowDecode<'de, C> for List<T> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, BincodeError> {
        let length = u64::borrow_decode(decoder)?;
        Self::read(length, || T::borrow_decode(decoder))
    }
}

#[cfg(test)]
mod tests;
