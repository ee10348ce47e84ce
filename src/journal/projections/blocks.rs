//! Blocks of ended holds: many rows in one value, sorted by id, found by binary search.
//!
//! `count u32, count × (id 16 bytes big-endian, end of its row u32), rows`. Numbers are little-endian; the ends count
//! from the first byte of the rows.

use wallet::hold::Hold;
use wallet::ids::{HoldId, Position, Timestamp};

use super::keys::{BlockKey, second_of};
use super::rows::{decode_end, decode_hold};
use crate::codec::DecodeError;

/// A block is closed before it would be longer than this; a row that is longer alone has a block of its own.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;

const COUNT_BYTES: usize = 4;
const ENTRY_BYTES: usize = 16 + 4;

const _: () = assert!(COUNT_BYTES == size_of::<u32>(), "the count is a u32");
const _: () = assert!(ENTRY_BYTES == size_of::<u128>() + size_of::<u32>(), "an entry is an id and an end");
const _: () = assert!(BLOCK_BYTES_MAX > COUNT_BYTES + ENTRY_BYTES, "a block can have a row");
const _: () = assert!(BLOCK_BYTES_MAX <= u32::MAX as usize, "ends are u32");

/// Writes rows of ended holds, sorted by second and id, as blocks.
pub(crate) fn write_blocks(rows: &[(HoldId, &[u8])], flushed: u64, mut put: impl FnMut(BlockKey, &[u8])) {
    let mut value = Vec::with_capacity(BLOCK_BYTES_MAX);
    let mut rest = rows;
    while let Some((first, _)) = rest.first() {
        let second = second_of(*first);
        let (block, after) = rest.split_at(block_length(rest, second));
        assert!(!block.is_empty(), "a block has rows");
        assert!(block.is_sorted_by(|(one, _), (other, _)| one < other), "rows are found by binary search");
        write_block(block, &mut value);
        assert!(value.len() <= BLOCK_BYTES_MAX || block.len() == 1, "I9: a block has a limit");
        put(BlockKey { second, flushed, first: *first }, &value);
        assert!(after.len() < rest.len(), "each block takes rows");
        assert!(after.first().is_none_or(|(id, _)| (second_of(*id), *id) > (second, *first)), "blocks ascend");
        rest = after;
    }
}

/// How many of the first rows make a block: those of one second that fit, and at least one.
fn block_length(rows: &[(HoldId, &[u8])], second: u64) -> usize {
    assert!(rows.first().is_some_and(|(id, _)| second_of(*id) == second), "a block begins with a row of its second");
    let mut bytes = COUNT_BYTES;
    let fits = rows.iter().take_while(|(id, row)| {
        bytes += ENTRY_BYTES + row.len();
        bytes <= BLOCK_BYTES_MAX && second_of(*id) == second
    });
    let length = fits.count().max(1);
    assert!(length <= rows.len(), "a block has rows that are there");
    length
}

pub(super) fn write_block(rows: &[(HoldId, &[u8])], value: &mut Vec<u8>) {
    value.clear();
    value.extend_from_slice(&number(rows.len()));
    let mut end = 0;
    for (id, row) in rows {
        assert!(!row.is_empty(), "a row has bytes");
        end += row.len();
        value.extend_from_slice(&id.0.to_be_bytes());
        value.extend_from_slice(&number(end));
    }
    for (_, row) in rows {
        value.extend_from_slice(row);
    }
    assert!(value.len() == COUNT_BYTES + rows.len() * ENTRY_BYTES + end, "a block is its directory and its rows");
}

fn number(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a block is short").to_le_bytes()
}

/// A block that was read: its ids ascend, begin with the one of its key, and are all of its second; its rows lie one after
/// another and fill it. Otherwise a search would miss a hold that is there.
pub(crate) struct Rows<'a> {
    entries: &'a [[u8; ENTRY_BYTES]],
    rows: &'a [u8],
}

impl<'a> Rows<'a> {
    pub(crate) fn read(key: &BlockKey, value: &'a [u8]) -> Result<Self, DecodeError> {
        let (count, rest) = value.split_first_chunk().ok_or_else(|| bad("its length"))?;
        let count = usize::try_from(u32::from_le_bytes(*count)).map_err(|_| bad("its length"))?;
        let directory = count.checked_mul(ENTRY_BYTES).filter(|bytes| *bytes <= rest.len());
        let (directory, rows) = rest.split_at(directory.ok_or_else(|| bad("its length"))?);
        let (entries, _) = directory.as_chunks();
        if entries.first().map(id_of) != Some(key.first) {
            return Err(bad("it lies under the key of another"));
        }
        let read = Self { entries, rows };
        read.check(key.second)?;
        assert!(!read.entries.is_empty(), "a block that was checked has rows");
        assert!(read.entries.last().map(end_of) == Some(read.rows.len()), "the rows fill a block that was checked");
        Ok(read)
    }

    fn check(&self, second: u64) -> Result<(), DecodeError> {
        let mut end = 0;
        for (index, pair) in (1..).zip(self.entries.windows(2)) {
            if id_of(&pair[0]) >= id_of(&pair[1]) {
                return Err(bad(&format!("row {index} is out of order")));
            }
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if second_of(id_of(entry)) != second {
                return Err(bad(&format!("row {index} is of another second")));
            }
            if end_of(entry) <= end || end_of(entry) > self.rows.len() {
                return Err(bad(&format!("row {index} ends where it cannot")));
            }
            end = end_of(entry);
        }
        match self.rows.len() - end {
            0 => Ok(()),
            over => Err(bad(&format!("{over} bytes are left over after its last row"))),
        }
    }

    pub(crate) fn find(&self, id: HoldId) -> Result<Option<Hold>, DecodeError> {
        match self.entries.binary_search_by_key(&id, id_of) {
            Ok(index) => decode_hold(id, self.row(index)).map(Some),
            Err(_) => Ok(None),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Result<(HoldId, Hold), DecodeError>> {
        (0..self.entries.len()).map(|index| {
            let id = id_of(&self.entries[index]);
            Ok((id, decode_hold(id, self.row(index))?))
        })
    }

    /// Of each row where and when the hold ended.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Result<(HoldId, (Position, Timestamp)), DecodeError>> {
        (0..self.entries.len()).map(|index| {
            let id = id_of(&self.entries[index]);
            Ok((id, decode_end(id, self.row(index))?))
        })
    }

    /// The ends were checked.
    fn row(&self, index: usize) -> &'a [u8] {
        let start = index.checked_sub(1).map_or(0, |before| end_of(&self.entries[before]));
        let end = end_of(&self.entries[index]);
        assert!(start < end, "a row has bytes");
        assert!(end <= self.rows.len(), "a row ends in its block");
        &self.rows[start..end]
    }
}

fn bad(what: &str) -> DecodeError {
    DecodeError::Malformed(format!("a block of ended holds: {what}"))
}

fn id_of(entry: &[u8; ENTRY_BYTES]) -> HoldId {
    HoldId(u128::from_be_bytes(*entry.first_chunk().expect("an entry begins with its id")))
}

fn end_of(entry: &[u8; ENTRY_BYTES]) -> usize {
    let end = u32::from_le_bytes(*entry.last_chunk().expect("an entry ends with the end of its row"));
    usize::try_from(end).expect("a place in memory")
}

#[cfg(test)]
mod tests;
