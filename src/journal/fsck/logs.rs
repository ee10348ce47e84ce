//! The write-ahead logs of the journal's store, byte by byte: where the first bad record is. RocksDB says that a log is
//! damaged and not where, and of a bad last record it says nothing.
//!
//! A log is made of blocks of 32 KiB. A record is a masked CRC32C (u32), a length (u16) and a type (u8), all little-endian,
//! then its bytes; the sum is over the type and the bytes. A record is never split over blocks: it is written as
//! several. The rest of a block that has no room for a header is zeros.

use std::io;
use std::path::{Path, PathBuf};

/// Length of a block.
pub(crate) const BLOCK_BYTES: usize = 32 * 1024;
/// Length of what stands before the bytes of a record in a block.
pub(crate) const HEADER_BYTES: usize = 7;
/// What a stored sum is masked with, so that a sum over bytes with sums in them is as good as any.
const MASK_DELTA: u32 = 0xa282_ead8;

const _: () = assert!(HEADER_BYTES == size_of::<u32>() + size_of::<u16>() + 1, "a header is its fields");
const _: () = assert!(BLOCK_BYTES - HEADER_BYTES <= u16::MAX as usize, "the length of a record is a u16");

/// What a part of a log is of its record. The forms of logs that are used again are none of the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All of it.
    Full,
    /// Its beginning.
    First,
    /// Neither.
    Middle,
    /// Its end.
    Last,
    /// A note of RocksDB about the log.
    Other,
}

impl Kind {
    const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Full),
            2 => Some(Self::First),
            3 => Some(Self::Middle),
            4 => Some(Self::Last),
            9 | 10 | 130 => Some(Self::Other),
            _ => None,
        }
    }

    /// Whether a record begins with it.
    pub(crate) const fn begins(self) -> bool {
        matches!(self, Self::Full | Self::First | Self::Other)
    }

    /// Whether a record ends with it.
    pub(crate) const fn ends(self) -> bool {
        matches!(self, Self::Full | Self::Last | Self::Other)
    }
}

/// A part of a record, in one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Where its header is.
    pub(crate) at: usize,
    /// Where it ends; a header that is not checked may tell of an end beyond the file.
    pub(crate) end: usize,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What stands at a place of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A part of a record with the right sum.
    Whole(Fragment),
    /// None.
    Bad(&'static str),
}

/// The part of a record that stands at this place.
pub(crate) fn fragment(bytes: &[u8], at: usize) -> Seen {
    let end = bytes.len().min((at / BLOCK_BYTES + 1) * BLOCK_BYTES);
    assert!(at < end, "a place of a log lies in it");
    let rest = &bytes[at..end];
    let Some((header, rest)) = rest.split_at_checked(HEADER_BYTES) else { return Seen::Bad("half a header") };
    if header.iter().all(|byte| *byte == 0) {
        return Seen::Bad("zeros where a record should be");
    }
    let stored = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
    let Some(kind) = Kind::of(header[6]) else { return Seen::Bad("no known type of record") };
    let Some(content) = rest.get(..length) else {
        return Seen::Bad("a record that is longer than what is left");
    };
    let sum = crc32c::crc32c_append(crc32c::crc32c(&header[6..]), content);
    if masked(sum) != stored {
        return Seen::Bad("a record with a wrong checksum");
    }
    let fragment = Fragment { at, end: at + HEADER_BYTES + length, kind };
    assert!(fragment.end <= end, "a record ends in its block");
    Seen::Whole(fragment)
}

/// The part of a record that a header tells of, without a look at the sum; nothing where there is no header.
pub(crate) fn header(bytes: &[u8], at: usize) -> Option<Fragment> {
    let header = bytes.get(at..at.checked_add(HEADER_BYTES)?)?;
    assert!(header.len() == HEADER_BYTES, "a header is there whole");
    let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
    let fragment = Fragment { at, end: at + HEADER_BYTES + length, kind: Kind::of(header[6])? };
    assert!(fragment.end > at, "a part of a record has its header");
    Some(fragment)
}

/// A log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// The first bad record: its byte, and what is wrong with it.
    pub bad: Option<(u64, &'static str)>,
}

/// Reads the logs of a store in the order in which they were written.
///
/// # Errors
/// A file cannot be read.
pub fn read(directory: &Path) -> io::Result<Vec<Log>> {
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path)?;
        let bad = first_bad(&bytes);
        assert!(bad.is_none_or(|(at, _)| at < bytes.len() as u64), "what is bad lies in its log");
        Ok(Log { path, bytes: bytes.len() as u64, bad })
    };
    paths(directory)?.into_iter().map(read).collect()
}

/// The logs of a store in the order in which they were written: that of their numbers.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn paths(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "log") {
            let number = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
            logs.push((number, path));
        }
    }
    logs.sort();
    let paths: Vec<_> = logs.into_iter().map(|(_, path)| path).collect();
    assert!(paths.iter().all(|path| path.parent() == Some(directory)), "only the store's own logs are read");
    Ok(paths)
}

/// The first bad record.
fn first_bad(bytes: &[u8]) -> Option<(u64, &'static str)> {
    let mut start: u64 = 0;
    for block in bytes.chunks(BLOCK_BYTES) {
        if let Some((at, what)) = first_bad_of_block(block) {
            assert!(at < block.len(), "what is bad lies in its block");
            return Some((start.saturating_add(at as u64), what));
        }
        start = start.saturating_add(block.len() as u64);
    }
    assert!(start == bytes.len() as u64, "every block was looked at");
    None
}

fn first_bad_of_block(block: &[u8]) -> Option<(usize, &'static str)> {
    assert!(block.len() <= BLOCK_BYTES, "a log is read block by block");
    let mut at = 0;
    while block.len() - at >= HEADER_BYTES {
        match fragment(block, at) {
            Seen::Whole(fragment) => at = fragment.end,
            // Room that was set aside for records that never came.
            Seen::Bad(_) if block[at..].iter().all(|byte| *byte == 0) => return None,
            Seen::Bad(_) if block[at..at + HEADER_BYTES] == [0; HEADER_BYTES] => {
                return Some((at, "bytes after the end of a log"));
            }
            Seen::Bad(what) => return Some((at, what)),
        }
        assert!(at <= block.len(), "a record ends in its block");
    }
    let tail = &block[at..];
    // The last block may end anywhere; a whole one ends in zeros.
    tail.iter().any(|byte| *byte != 0).then_some((at, "half a header"))
}

const _: () = assert!(masked(0) == MASK_DELTA, "the mask of RocksDB's logs");
const _: () = assert!(masked(1 << 15) == MASK_DELTA + 1, "the mask of RocksDB's logs");

pub(crate) const fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(MASK_DELTA)
}

#[cfg(test)]
mod tests;
