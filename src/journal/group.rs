//! The group: what one sync makes durable. Header, records, and a BLAKE3 hash over both at the end.
//!
//! Each header carries the hash at the end of the group before it, so that the groups form a chain: a group that is
//! missing, replaced or changed is found at its place. The bytes are drawn in `FORMAT.md`.

use std::fmt;

use crate::keys::{Epoch, GroupKey, Position};
use crate::unit::{RECORD_BYTES_MAX, first_record};
use crate::writer::ChainEnd;

/// Length of the header.
pub const HEADER_BYTES: usize = 64;
/// Length of the hash at the end.
pub const HASH_BYTES: usize = 32;
/// Longest body: the records of one group.
pub const BODY_BYTES_MAX: usize = 512 * 1024;
/// Longest group.
pub const GROUP_BYTES_MAX: usize = HEADER_BYTES + BODY_BYTES_MAX + HASH_BYTES;

const _: () = assert!(crate::unit::RECORD_BYTES_MAX + 5 <= BODY_BYTES_MAX, "every record fits into a group");
const _: () = assert!(HEADER_BYTES == 2 + 2 + 4 + 8 + 8 + 8 + HASH_BYTES, "a header is its fields");
const _: () = assert!(HASH_BYTES == blake3::OUT_LEN, "the hash is that of BLAKE3");
const _: () = assert!(BODY_BYTES_MAX <= u32::MAX as usize, "a group's records can be counted by a u32");
const _: () = assert!(FormatVersion::V1 as u16 != 0, "zeros are no group");

/// Versions of the group format. Persisted, keep stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum FormatVersion {
    /// The first: header of 64 bytes, length-prefixed records, BLAKE3 over both.
    V1 = 1,
}

const _: () = assert!(size_of::<Header>() <= HEADER_BYTES, "a header has no field that is not stored");

/// The BLAKE3 hash over a group's header and body.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct GroupHash(pub [u8; HASH_BYTES]);

impl GroupHash {
    /// What the first group of a journal carries as the hash of the one before it.
    pub const NONE: Self = Self([0; HASH_BYTES]);
}

impl fmt::Debug for GroupHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for GroupHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What stands at the beginning of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many records the group has; at least one.
    pub records: u32,
    /// The epoch of the writer.
    pub epoch: Epoch,
    /// The position of the first record.
    pub first: Position,
    /// The daemon's time when the group was written, in milliseconds since 1970. Nothing is decided by it.
    pub time_ms: u64,
    /// The hash of the group before.
    pub previous: GroupHash,
}

impl Header {
    /// The key that the group is stored under.
    #[must_use]
    pub const fn key(&self) -> GroupKey {
        GroupKey { first: self.first, epoch: self.epoch }
    }

    /// The position of the last record.
    #[must_use]
    pub fn last(&self) -> Position {
        assert!(self.records > 0, "a group has records");
        let last = self.first.plus(self.records - 1);
        assert!(last > Position::NONE, "I4: the first record is 1");
        last
    }

    /// I4: a group that is written follows the one before it.
    pub(crate) fn assert_follows(&self, end: &ChainEnd) {
        assert!(self.first == end.last.next(), "no record is left out, and none comes twice");
        assert!(self.previous == end.hash, "it carries the hash of the group before it");
        assert!(self.epoch >= end.epoch, "epochs only go up");
    }

    /// I4: what a writer says of its group, and what [`Header::from_bytes`] lets pass.
    fn assert_possible(&self) {
        assert!(self.records > 0, "a group counts its records");
        assert!(self.first > Position::NONE, "the first record is 1");
        assert!(self.epoch > Epoch::NONE, "a writer has opened its epoch");
    }

    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        self.assert_possible();
        let mut bytes = [0; HEADER_BYTES];
        bytes[..2].copy_from_slice(&(FormatVersion::V1 as u16).to_le_bytes());
        // Bytes 2 and 3 are reserved and 0.
        bytes[4..8].copy_from_slice(&self.records.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.time_ms.to_le_bytes());
        bytes[32..].copy_from_slice(&self.previous.0);
        assert!(Self::from_bytes(&bytes) == Ok(self), "a header is read as it was written");
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, GroupDamage> {
        let mut fields = Fields(bytes);
        let version = fields.u16()?;
        let reserved = fields.u16()?;
        if version != FormatVersion::V1 as u16 || reserved != 0 {
            return Err(GroupDamage::Foreign { version, reserved });
        }
        let header = Self {
            records: fields.u32()?,
            epoch: Epoch(fields.u64()?),
            first: Position(fields.u64()?),
            time_ms: fields.u64()?,
            previous: GroupHash(fields.take()?),
        };
        assert!(fields.0.is_empty(), "a header is all of its bytes");
        let counted = header.records > 0 && header.first.0.checked_add(u64::from(header.records)).is_some();
        let numbered = header.first > Position::NONE && header.epoch > Epoch::NONE;
        if counted && numbered { Ok(header) } else { Err(GroupDamage::Numbers) }
    }
}

/// Reads little-endian fields off the front of a slice.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], GroupDamage> {
        let (field, rest) = self.0.split_first_chunk().ok_or(GroupDamage::Short)?;
        self.0 = rest;
        Ok(*field)
    }

    fn u16(&mut self) -> Result<u16, GroupDamage> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, GroupDamage> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, GroupDamage> {
        self.take().map(u64::from_le_bytes)
    }
}

/// Why bytes are not a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupDamage {
    /// Shorter than header and hash.
    #[error("it is too short to be a group")]
    Short,
    /// Longer than the longest group.
    #[error("it is longer than a group can be")]
    Long,
    /// The hash at the end is not that of the bytes before it.
    #[error("its hash does not match its bytes")]
    Hash,
    /// Whole, but written in a format that this program doesn't know.
    #[error("it has the format version {version} (reserved {reserved}), which this program does not know")]
    Foreign {
        /// The version it names.
        version: u16,
        /// The two reserved bytes.
        reserved: u16,
    },
    /// Position, epoch or count cannot be.
    #[error("its position, epoch or count is impossible")]
    Numbers,
    /// The body is not made of as many records as the header counts.
    #[error("its records are not the {records} that its header counts")]
    Records {
        /// The number in the header.
        records: u32,
    },
    /// The header does not belong to the key it is stored under.
    #[error("it is stored under the key of another group")]
    Key,
}

/// A group that has been checked, or comes from the writer of this process.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    header: Header,
    body: &'a [u8],
    hash: GroupHash,
}

impl<'a> Group<'a> {
    /// Checks the hash, the header and the records of stored bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(bytes: &'a [u8]) -> Result<Self, GroupDamage> {
        let (content, hash) = split(bytes)?;
        if hash_of(content) != hash {
            return Err(GroupDamage::Hash);
        }
        let group = Self::trust(bytes)?;
        let mut rest = group.body;
        let mut found: u32 = 0;
        while let Some(range) = first_record(rest) {
            rest = &rest[range.end..];
            found += 1;
        }
        if rest.is_empty() && found == group.header.records {
            assert!(group.body.len() >= found as usize, "each record has the byte of its length");
            Ok(group)
        } else {
            Err(GroupDamage::Records { records: group.header.records })
        }
    }

    /// Checks a group that was read under `key`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_at(key: GroupKey, bytes: &'a [u8]) -> Result<Self, GroupDamage> {
        let group = Self::check(bytes)?;
        group.header.assert_possible();
        if group.header.key() == key { Ok(group) } else { Err(GroupDamage::Key) }
    }

    /// Reads a group whose bytes were checked or made by this process: the hash is not computed again.
    ///
    /// # Errors
    /// Bytes that cannot be a group at all.
    pub fn trust(bytes: &'a [u8]) -> Result<Self, GroupDamage> {
        let (content, hash) = split(bytes)?;
        assert!(content.len() + HASH_BYTES == bytes.len(), "a group is its content and its hash");
        let (header, body) = content.split_at(HEADER_BYTES);
        assert!(!body.is_empty(), "a group has records");
        let header = Header::from_bytes(header)?;
        header.assert_possible();
        Ok(Self { header, body, hash })
    }

    /// Its header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The position of the last record.
    #[must_use]
    pub fn last(&self) -> Position {
        self.header.last()
    }

    /// The hash at its end, which the next group carries.
    #[must_use]
    pub const fn hash(&self) -> GroupHash {
        self.hash
    }

    /// The records with their positions.
    #[must_use]
    pub const fn records(&self) -> Records<'a> {
        Records { next: self.header.first, rest: self.body }
    }

    /// The records from `from` on; all of them if the group begins later.
    pub fn records_from(&self, from: Position) -> impl Iterator<Item = (Position, &'a [u8])> {
        self.records().skip_while(move |(position, _)| *position < from)
    }
}

/// The records of a group in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    next: Position,
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = (Position, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let range = first_record(self.rest)?;
        let (record, rest) = (&self.rest[range.clone()], &self.rest[range.end..]);
        let position = self.next;
        assert!(rest.len() < self.rest.len(), "a record has at least the byte of its length");
        assert!(record.len() <= RECORD_BYTES_MAX, "I9: a record has a limit");
        self.rest = rest;
        self.next = position.next();
        Some((position, record))
    }
}

/// A buffer that a group can gather in: the header's place is kept free, nothing else is in it.
#[must_use]
pub fn empty_buffer(mut reuse: Vec<u8>) -> Vec<u8> {
    reuse.clear();
    reuse.reserve(GROUP_BYTES_MAX);
    reuse.resize(HEADER_BYTES, 0);
    assert!(reuse.len() == HEADER_BYTES, "nothing but the header's place is in a buffer");
    assert!(reuse.capacity() >= GROUP_BYTES_MAX, "a buffer does not move while a group gathers in it");
    reuse
}

/// Makes a group out of a buffer from [`empty_buffer`] that records were appended to: fills in the header, adds the
/// hash. Returns the hash, which the next group carries.
pub fn seal(buffer: &mut Vec<u8>, header: Header) -> GroupHash {
    assert!(buffer.len() > HEADER_BYTES, "a group has records");
    assert!(buffer.len() <= HEADER_BYTES + BODY_BYTES_MAX, "a group has a limit");
    assert!(buffer.len() - HEADER_BYTES >= header.records as usize, "each record has the byte of its length");
    buffer[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    let hash = hash_of(buffer);
    buffer.extend_from_slice(&hash.0);
    assert!(buffer.len() <= GROUP_BYTES_MAX, "I9: a group has a limit");
    debug_assert!(Group::check_at(header.key(), buffer).is_ok(), "what is written can be read");
    hash
}

fn hash_of(content: &[u8]) -> GroupHash {
    GroupHash(*blake3::hash(content).as_bytes())
}

/// Header with body, and the hash behind them.
fn split(bytes: &[u8]) -> Result<(&[u8], GroupHash), GroupDamage> {
    if bytes.len() > GROUP_BYTES_MAX {
        return Err(GroupDamage::Long);
    }
    let (content, hash) = bytes.split_last_chunk().ok_or(GroupDamage::Short)?;
    if content.len() <= HEADER_BYTES {
        return Err(GroupDamage::Short);
    }
    Ok((content, GroupHash(*hash)))
}

#[cfg(test)]
mod tests;
