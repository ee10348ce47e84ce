//! Encoded records on their way into the journal: each is `length (varint) + bytes`, several make a unit.

use std::ops::Range;

/// Longest record. A policy with thousands of models fits; the hot records are about 90 bytes.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// Longest length prefix: a `u32` in groups of seven bits.
const PREFIX_BYTES_MAX: usize = 5;

const _: () = assert!(PREFIX_BYTES_MAX * 7 >= u32::BITS as usize, "a prefix can say every length");
const _: () = assert!((PREFIX_BYTES_MAX - 1) * 7 < u32::BITS as usize, "no prefix is longer than it must be");
const _: () = assert!(RECORD_BYTES_MAX <= u32::MAX as usize, "the length of a record is a u32");
const _: () = assert!(RECORD_BYTES_MAX < 1 << 21, "the lengths that are written have three bytes at most");

/// One or more encoded records that are pushed together. Reuse it: [`clear`](Self::clear) keeps the memory.
#[derive(Clone, Debug, Default)]
pub struct EncodedUnit {
    bytes: Vec<u8>,
    records: u32,
}

/// A record is longer than [`RECORD_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of {bytes} bytes is longer than the journal takes ({RECORD_BYTES_MAX})")]
pub struct RecordTooLong {
    /// Its length.
    pub bytes: usize,
}

impl EncodedUnit {
    /// An empty unit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.assert_counted();
        self.bytes.clear();
        self.records = 0;
        self.assert_counted();
    }

    /// I4: what is counted is there, and nothing else.
    pub(crate) fn assert_counted(&self) {
        assert!(self.bytes.is_empty() == (self.records == 0), "a unit has bytes as soon as it has a record");
        assert!(self.bytes.len() >= self.records as usize, "each record has the byte of its length");
    }

    /// Number of records in it.
    #[must_use]
    pub const fn records(&self) -> u32 {
        self.records
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The records as they stand in a group's body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds one encoded record.
    ///
    /// # Errors
    /// [`RecordTooLong`]; the unit is as before.
    pub fn push_record(&mut self, record: &[u8]) -> Result<(), RecordTooLong> {
        self.push_with(|bytes| bytes.extend_from_slice(record))
    }

    /// Adds the record that `encode` appends to the buffer: no second copy. `encode` must only append.
    ///
    /// # Errors
    /// [`RecordTooLong`]; the unit is as before.
    pub fn push_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), RecordTooLong> {
        let start = self.bytes.len();
        // Almost every record is shorter than 128 bytes: its prefix is the one byte that is kept free here.
        self.bytes.push(0);
        encode(&mut self.bytes);
        assert!(self.bytes.len() > start, "an encoder only appends");
        let length = self.bytes.len() - start - 1;
        let prefix = match u32::try_from(length) {
            Ok(short) if length <= RECORD_BYTES_MAX => Prefix::of(short),
            _ => {
                self.bytes.truncate(start);
                return Err(RecordTooLong { bytes: length });
            }
        };
        if let [one] = prefix.bytes() {
            self.bytes[start] = *one;
        } else {
            self.bytes.splice(start..=start, prefix.bytes().iter().copied());
        }
        self.records += 1;
        assert!(self.bytes.len() == start + prefix.used + length, "a record is its length and its bytes");
        self.assert_counted();
        Ok(())
    }
}

/// A length as it is written before a record.
struct Prefix {
    bytes: [u8; PREFIX_BYTES_MAX],
    used: usize,
}

impl Prefix {
    fn of(mut length: u32) -> Self {
        let mut bytes = [0; PREFIX_BYTES_MAX];
        let mut used = 0;
        loop {
            let seven = u8::try_from(length & 0x7f).expect("seven bits");
            length >>= 7;
            bytes[used] = if length == 0 { seven } else { seven | 0x80 };
            used += 1;
            if length == 0 {
                assert!(seven != 0 || used == 1, "a prefix has its shortest form");
                return Self { bytes, used };
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

/// Finds the first record in `body`: the range of its bytes, without the prefix. `None` when no whole record with a
/// shortest-form prefix stands there.
pub(crate) fn first_record(body: &[u8]) -> Option<Range<usize>> {
    let mut length: u32 = 0;
    for (index, &byte) in body.iter().enumerate().take(PREFIX_BYTES_MAX) {
        let seven = u32::from(byte & 0x7f);
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        if seven.leading_zeros() < shift {
            return None;
        }
        length |= seven << shift;
        if byte & 0x80 == 0 {
            let overlong = byte == 0 && index > 0;
            let start = index + 1;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            assert!(start <= PREFIX_BYTES_MAX, "a prefix has its limit");
            let whole = !overlong && end <= body.len() && end - start <= RECORD_BYTES_MAX;
            return whole.then_some(start..end);
        }
    }
    None
}

#[cfg(test)]
mod tests;
