//! Where the newest write-ahead log of the store stops being records, and whether that is the end of one that was not
//! finished.
//!
//! A power cut leaves of what was not synced any part: the size of the file may be there and the bytes not, a later page
//! and not the one before. In the mode `sync` a group is written when the one before it is durable, so at most one is in
//! doubt. Where the first bad place belongs to the last record of the newest log, and nothing of a later record stands
//! behind it, everything from the beginning of that record on is cut off. Anything of a later record shows that the damaged one
//! had been synced, or that several were in doubt (mode `interval`): that is refused with its place, and nothing is changed.
//!
//! Damage is not a matter of zeros alone: what a disk that is losing power writes is not known. How a log is made is told in
//! [`crate::fsck::logs`].

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::fsck::logs::{self, BLOCK_BYTES, Fragment, HEADER_BYTES, Kind, Seen};
use crate::group::GROUP_BYTES_MAX;
use crate::keys::KEY_BYTES;

/// What a record of the log begins with: the sequence number of its first entry, and how many it has.
const HEAD_BYTES: usize = 8 + 4;
/// The longest record: head, kind of the entry, key and group with their lengths.
const RECORD_BYTES_MAX: usize = HEAD_BYTES + 1 + 1 + KEY_BYTES + 4 + GROUP_BYTES_MAX;
/// The longest record as it stands in the blocks of a log.
const RECORD_SPAN_MAX: usize =
    RECORD_BYTES_MAX + (RECORD_BYTES_MAX / (BLOCK_BYTES - HEADER_BYTES) + 2) * (2 * HEADER_BYTES - 1);
/// The smallest part of a file that a disk writes or does not write as a whole.
const SECTOR_BYTES: usize = 512;

const _: () = assert!(BLOCK_BYTES.is_multiple_of(SECTOR_BYTES), "the header of a block lies in one sector");
const _: () = assert!(GROUP_BYTES_MAX < 1 << 28, "the length of a group has at most four bytes");
const _: () = assert!(RECORD_SPAN_MAX < RECORD_BYTES_MAX + BLOCK_BYTES, "headers are a small part of a log");

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a whole record.
    Whole,
    /// With what there is of one record that was not finished.
    Torn {
        /// Where the last whole record ends.
        from: usize,
        /// What is wrong behind it.
        what: &'static str,
        /// The number of the last entry that is whole, where the log has one.
        last_entry: Option<u64>,
    },
    /// A record is bad, and something of a later one is there.
    Followed {
        /// The first bad place.
        bad: usize,
        /// What is wrong there.
        what: &'static str,
        /// Where something stands that is of a later record.
        next: usize,
    },
}

/// The end of a log that was not finished. A start cuts it off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornEnd {
    /// The log.
    pub path: PathBuf,
    /// Where its last whole record ends.
    pub from: u64,
    /// How many bytes stand behind it.
    pub bytes: u64,
    /// What is wrong with them.
    pub what: &'static str,
    /// The number of the last entry that is whole, where the log has one.
    pub last_entry: Option<u64>,
}

/// Why the end of a log is not cut off.
#[derive(Debug, thiserror::Error)]
pub enum TornError {
    /// A record is bad and others follow it. Nothing was changed.
    #[error(
        "{} is damaged at byte {bad}: {what}; at byte {next} stands what was written after it, so that it is not the end of a \
         write that a power cut tore",
        path.display()
    )]
    Followed {
        /// The log.
        path: PathBuf,
        /// The first bad place.
        bad: u64,
        /// What is wrong there.
        what: &'static str,
        /// Where something stands that is of a later record.
        next: u64,
    },
    /// An older log is not whole, and the newest was written after it was durable. Nothing was changed.
    #[error(
        "{} is damaged at byte {bad}: {what}; {} was written after it, so that it is not the end of a write that a power cut \
         tore",
        path.display(), newest.display()
    )]
    Older {
        /// The log.
        path: PathBuf,
        /// Where its last whole record ends, or the first bad place behind which others follow.
        bad: u64,
        /// What is wrong there.
        what: &'static str,
        /// The newest log.
        newest: PathBuf,
    },
    /// A log cannot be read, or not be cut. RocksDB says it in the same words.
    #[error("IO error: {}: {error}", path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
}

/// Looks at the end of the newest log of a store, and changes nothing. The older ones must be whole if it is not: nothing is
/// written to a log before those before it are durable.
///
/// # Errors
/// [`TornError`].
pub fn look(directory: &Path) -> Result<Option<TornEnd>, TornError> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| io_error(path, error));
    let paths = logs::paths(directory).map_err(|error| io_error(directory, error))?;
    let Some((newest, older)) = paths.split_last() else { return Ok(None) };
    assert!(!older.contains(newest), "a log is the newest or an older one");
    let bytes = read(newest)?;
    let (from, what, last_entry) = match ending(&bytes) {
        Ending::Whole => return Ok(None),
        Ending::Followed { bad, what, next } => {
            return Err(TornError::Followed { path: newest.clone(), bad: bad as u64, what, next: next as u64 });
        }
        Ending::Torn { from, what, last_entry } => (from, what, last_entry),
    };
    assert!(from < bytes.len(), "something stands behind the last whole record");
    for path in older {
        let (bad, what) = match ending(&read(path)?) {
            Ending::Whole => continue,
            Ending::Torn { from, what, .. } => (from as u64, what),
            Ending::Followed { bad, what, .. } => (bad as u64, what),
        };
        return Err(TornError::Older { path: path.clone(), bad, what, newest: newest.clone() });
    }
    let (from, bytes) = (from as u64, (bytes.len() - from) as u64);
    assert!(!what.is_empty(), "what is dropped is said");
    Ok(Some(TornEnd { path: newest.clone(), from, bytes, what, last_entry }))
}

impl TornEnd {
    /// Cuts it off, durably: the log ends with its last whole record. Only after everything before it was read and checked.
    ///
    /// # Errors
    /// [`TornError::Io`].
    pub fn cut(&self) -> Result<(), TornError> {
        assert!(self.path.extension().is_some_and(|ending| ending == "log"), "nothing but a log is cut");
        let cut = |log: File| {
            let length = log.metadata()?.len();
            assert!(length == self.from + self.bytes, "nobody has written to the log since it was read");
            log.set_len(self.from)?;
            log.sync_all()?;
            assert!(log.metadata()?.len() == self.from, "I4: all before the torn end is kept, and nothing else");
            Ok(())
        };
        OpenOptions::new().write(true).open(&self.path).and_then(cut).map_err(|error| io_error(&self.path, error))
    }
}

/// How the bytes of a log end; any bytes.
#[must_use]
pub fn ending(bytes: &[u8]) -> Ending {
    let Walk { whole, last_entry, bad } = Walk::through(bytes);
    let Some((bad, what)) = bad else { return Ending::Whole };
    assert!(whole <= bad, "what is bad follows what is whole");
    match follower(bytes, whole, bad) {
        Some(next) => {
            assert!(next > whole && next < bytes.len(), "what follows stands in the log, and behind the beginning");
            Ending::Followed { bad, what, next }
        }
        None => Ending::Torn { from: whole, what, last_entry },
    }
}

/// A log as far as it is whole.
struct Walk {
    /// Where the last whole record ends.
    whole: usize,
    /// The number of its last entry.
    last_entry: Option<u64>,
    /// The first bad place; nothing where the log ends with a whole record.
    bad: Option<(usize, &'static str)>,
}

impl Walk {
    fn through(bytes: &[u8]) -> Self {
        let mut walk = Self { whole: 0, last_entry: None, bad: None };
        // What there is of the head of a record that has begun.
        let mut begun: Option<Head> = None;
        let mut at = 0;
        while at < bytes.len() {
            let fragment = match logs::fragment(bytes, at) {
                Seen::Whole(fragment) => fragment,
                Seen::Bad(what) => return Self { bad: Some((at, what)), ..walk },
            };
            assert!(fragment.end > at && fragment.end <= bytes.len(), "a log is read forwards");
            if fragment.kind.begins() == begun.is_some() {
                return Self { bad: Some((at, "a part of a record out of its order")), ..walk };
            }
            let head = begun.take().unwrap_or_default().with(&bytes[at + HEADER_BYTES..fragment.end]);
            if fragment.kind.ends() {
                walk.last_entry = head.last_entry().or(walk.last_entry);
                walk.whole = fragment.end;
            } else {
                begun = Some(head);
            }
            at = after_trailer(fragment.end);
        }
        assert!(walk.whole <= bytes.len(), "what is whole is there");
        walk.bad = begun.map(|_| (bytes.len(), "a record without its end"));
        walk
    }
}

/// The first bytes of a record, as far as they are there.
#[derive(Clone, Copy, Default)]
struct Head {
    bytes: [u8; HEAD_BYTES],
    filled: usize,
}

impl Head {
    fn with(mut self, more: &[u8]) -> Self {
        assert!(self.filled <= HEAD_BYTES, "a head has so many bytes");
        let taken = more.len().min(HEAD_BYTES - self.filled);
        self.bytes[self.filled..self.filled + taken].copy_from_slice(&more[..taken]);
        self.filled += taken;
        assert!(taken == more.len() || self.filled == HEAD_BYTES, "a head is filled before anything is left out");
        self
    }

    /// Nothing where no number is told, as in a record that is too short or has no entry.
    fn last_entry(self) -> Option<u64> {
        assert!(self.filled <= HEAD_BYTES, "a head has so many bytes");
        let (first, count) = self.bytes.split_at(8);
        let (first, count) = (first.try_into().ok()?, count.try_into().ok()?);
        let count = u64::from(u32::from_le_bytes(count));
        let last = u64::from_le_bytes(first).checked_add(count.checked_sub(1)?);
        last.filter(|_| self.filled == HEAD_BYTES)
    }
}

/// Where something stands that was written after the record that begins behind `whole` and is bad at `bad`.
fn follower(bytes: &[u8], whole: usize, bad: usize) -> Option<usize> {
    let begin = after_trailer(whole);
    assert!(whole <= bad, "what is bad stands behind what is whole");
    assert!(begin - whole < HEADER_BYTES, "a record begins in the next block if this one has no room for a header");
    let last = bytes.iter().rposition(|byte| *byte != 0)?;
    if last >= begin + RECORD_SPAN_MAX {
        return Some(begin + RECORD_SPAN_MAX);
    }
    let mut at = after_trailer(bad);
    while at < bytes.len() {
        let Some(fragment) = part(bytes, at) else {
            at = block_end(at);
            continue;
        };
        assert!(fragment.at >= at && fragment.end > fragment.at, "a log is read forwards");
        if fragment.kind.begins() && fragment.at > begin {
            return Some(fragment.at);
        }
        if fragment.kind.ends() {
            return (fragment.end..bytes.len()).find(|place| bytes[*place] != 0);
        }
        at = after_trailer(fragment.end);
    }
    None
}

/// What stands in a block from this place on, where a header is or was: at the beginning of a block, or behind another part. A
/// record that begins in the middle goes before what a header that cannot be checked tells.
fn part(bytes: &[u8], at: usize) -> Option<Fragment> {
    if let Seen::Whole(fragment) = logs::fragment(bytes, at) {
        assert!(fragment.at == at, "a fragment begins with its header");
        return Some(fragment);
    }
    let found = found(bytes, at + 1);
    assert!(found.is_none_or(|found| found.at > at), "what is found stands behind the place");
    found.filter(|found| found.kind.begins()).or_else(|| told(bytes, at)).or(found)
}

/// The fragment that a header tells of which is not whole. A header in two sectors may be there in half.
fn told(bytes: &[u8], at: usize) -> Option<Fragment> {
    let told = logs::header(bytes, at).filter(|told| told.kind != Kind::Other)?;
    if at / SECTOR_BYTES != (at + HEADER_BYTES - 1) / SECTOR_BYTES {
        return None;
    }
    assert!(told.at == at && told.end > at, "a fragment begins with its header");
    let fills_block = told.end == block_end(at);
    let fits = if told.kind.ends() { told.end <= block_end(at) } else { fills_block };
    let told = fits.then_some(told);
    assert!(told.is_none_or(|told| told.end <= block_end(at)), "a part of a record ends in its block");
    told
}

/// The first whole fragment of this block that begins here or later: what stands before it is not known.
fn found(bytes: &[u8], from: usize) -> Option<Fragment> {
    let end = block_end(from.saturating_sub(1)).min(bytes.len());
    assert!(end <= bytes.len(), "a block is looked through as far as it is there");
    let seen = (from..end).find_map(|at| match logs::fragment(bytes, at) {
        Seen::Whole(fragment) => Some(fragment),
        Seen::Bad(_) => None,
    });
    assert!(seen.is_none_or(|fragment| fragment.at >= from), "it is looked for forwards");
    seen
}

/// The beginning of the next block.
const fn block_end(at: usize) -> usize {
    (at / BLOCK_BYTES + 1) * BLOCK_BYTES
}

/// Where the next header is: a block without room for one is filled with zeros.
const fn after_trailer(at: usize) -> usize {
    let end = block_end(at);
    assert!(end > at, "a block has an end");
    let next = if end - at < HEADER_BYTES { end } else { at };
    assert!(next - at < HEADER_BYTES, "what is filled is shorter than a header");
    next
}

fn io_error(path: &Path, error: std::io::Error) -> TornError {
    TornError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
pub(crate) mod tests;
