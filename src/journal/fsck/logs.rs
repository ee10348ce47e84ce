//! The write-ahead logs of the journal's store, byte by byte: where the first bad record is. RocksDB says that a log is
//! damaged and not where, and of a bad last record it says nothing.
//!
//! A log is made of blocks of 32 KiB. A record is a masked CRC32C (u32), a length (u16) and a type (u8), all little-endian,
//! then its bytes; the sum is over the type and the bytes. A record is never split over blocks: it is written as
//! several. The rest of a block that has no room for a header is zeros.

use std::io;
use std::path::{Path, PathBuf};

const BLOCK_BYTES: usize = 32 * 1024;
const HEADER_BYTES: usize = 7;
/// Types of the two forms of records, those of logs that are used again among them.
const TYPES: [u8; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130, 131, 0];
/// What a stored sum is masked with, so that a sum over bytes with sums in them is as good as any.
const MASK_DELTA: u32 = 0xa282_ead8;

const _: () = assert!(HEADER_BYTES == size_of::<u32>() + size_of::<u16>() + 1, "a header is its fields");
const _: () = assert!(BLOCK_BYTES - HEADER_BYTES <= u16::MAX as usize, "the length of a record is a u16");

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
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "log") {
            paths.push(path);
        }
    }
    paths.sort();
    assert!(paths.iter().all(|path| path.parent() == Some(directory)), "only the store's own logs are read");
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path)?;
        let bad = first_bad(&bytes);
        assert!(bad.is_none_or(|(at, _)| at < bytes.len() as u64), "what is bad lies in its log");
        Ok(Log { path, bytes: bytes.len() as u64, bad })
    };
    paths.into_iter().map(read).collect()
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
        let (header, rest) = block[at..].split_at(HEADER_BYTES);
        let stored = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
        let kind = header[6];
        if header.iter().all(|byte| *byte == 0) {
            // Room that was set aside for records that never came.
            return block[at..].iter().any(|byte| *byte != 0).then_some((at, "bytes after the end of a log"));
        }
        if !TYPES.contains(&kind) {
            return Some((at, "no known type of record"));
        }
        if length > rest.len() {
            return Some((at, "a record that is longer than what is left"));
        }
        let sum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), &rest[..length]);
        if masked(sum) != stored {
            return Some((at, "a record with a wrong checksum"));
        }
        at += HEADER_BYTES + length;
        assert!(at <= block.len(), "a record ends in its block");
    }
    let tail = &block[at..];
    // The last block may end anywhere; a whole one ends in zeros.
    tail.iter().any(|byte| *byte != 0).then_some((at, "half a header"))
}

const _: () = assert!(masked(0) == MASK_DELTA, "the mask of RocksDB's logs");
const _: () = assert!(masked(1 << 15) == MASK_DELTA + 1, "the mask of RocksDB's logs");

const fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(MASK_DELTA)
}

#[cfg(test)]
mod tests {
    //! Logs that RocksDB wrote.

    use rocksdb::DB;

    use super::*;

    /// A log with values of a few and of many bytes.
    fn log() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        {
            let db = DB::open_default(folder.path()).unwrap();
            for number in 0..40_u8 {
                db.put([number], vec![number; usize::from(number) * 61]).unwrap();
            }
        }
        let logs = read(folder.path()).unwrap();
        assert!(logs.iter().all(|log| log.bad.is_none()), "{logs:?}");
        std::fs::read(&logs.last().unwrap().path).unwrap()
    }

    #[test]
    fn a_log_that_rocksdb_wrote_is_good_and_every_flipped_bit_is_found_in_its_record() {
        let whole = log();
        assert!(whole.len() > BLOCK_BYTES, "more than a block");
        assert_eq!(first_bad(&whole), None);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let (bad, _) = first_bad(&bytes).unwrap_or_else(|| panic!("byte {at} is not missed"));
            assert!(bad <= at as u64, "byte {at}: {bad}");
        }
    }

    #[test]
    fn room_that_was_set_aside_ends_a_log_and_bytes_after_it_are_bad() {
        let mut bytes = log();
        let end = bytes.len();
        assert!(end % BLOCK_BYTES < BLOCK_BYTES - 64, "in the last block");
        bytes.resize(end + 64, 0);
        assert_eq!(first_bad(&bytes), None);
        bytes[end + 40] = 1;
        assert_eq!(first_bad(&bytes), Some((end as u64, "bytes after the end of a log")));
    }

    #[test]
    fn a_log_that_was_cut_inside_a_record_is_found() {
        let whole = log();
        let bad = (1..whole.len()).filter(|end| first_bad(&whole[..*end]).is_some()).count();
        // Cuts between records, and those that leave zeros of a header, are ends like any other.
        assert!(bad > whole.len() * 9 / 10, "{bad} of {}", whole.len());
    }
}
