//! The store in RocksDB: an instance of its own, one column family, synced writes, no compaction.
//!
//! What it relies on (each is tested): the write-ahead log is read in the mode `TolerateCorruptedTailRecords`, so that a
//! bad record before the end is an error and never a silent stop (one that only the last group has is cut off before, see
//! [`crate::torn`]); the set of log files is verified; files are never
//! rewritten, and trimmed only whole, from the oldest on.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompactionStyle, DBCompressionType, DBRawIterator, DBRecoveryMode,
    FifoCompactOptions, LiveFile, Options, ReadOptions, WriteOptions,
};

use crate::epoch::WriterId;
use crate::group::Group;
use crate::keys::{Epoch, GroupKey, KEY_BYTES, Key, Position};
use crate::made::{MadeError, exists, is_made};
use crate::recovery::{Checked, Recovered, RecoveryError, check, open_epoch};
use crate::store::{
    AppendError, FILE_BYTES, FILE_BYTES_MAX, FILE_BYTES_MIN, GroupBytes, GroupReader, Persist, ReadError, Start, Store,
    TrimError,
};
use crate::torn::{TornEnd, TornError};

mod reading;

use reading::not_opened;

/// Write buffers that may wait to be written: a disk that is slow for a while stops no append.
const WRITE_BUFFERS_MAX: i32 = 4;
/// How much of a file is on its way to the disk at most, beside the syncs of the log, which wait for it (decision 0024).
const BYTES_PER_SYNC: u64 = 64 * 1024;
/// What is on its way has to arrive before more is sent. The crate has no setter for it.
const WRITTEN_OUT_STEP_BY_STEP: &str = "strict_bytes_per_sync=true";
/// Cache for reads of old groups; they are read once, in order.
const BLOCK_CACHE_BYTES: usize = 8 * 1024 * 1024;
/// Open files; the daemon must live with few.
const OPEN_FILES_MAX: i32 = 24;
/// RocksDB's own messages.
const INFO_LOG_BYTES_MAX: usize = 1024 * 1024;
/// "Never by itself" for RocksDB's limits.
const NEVER: i32 = i32::MAX;
const NO_SIZE_LIMIT: u64 = 1 << 62;

const _: () = assert!(WRITE_BUFFERS_MAX >= 2, "one buffer fills while another is written");
const _: () = assert!(BYTES_PER_SYNC <= FILE_BYTES_MIN as u64, "a file is written out while it is written");
const _: () = assert!(NO_SIZE_LIMIT / FILE_BYTES_MAX as u64 > 1 << 32, "no journal reaches it");
const _: () = assert!(BLOCK_CACHE_BYTES > crate::group::GROUP_BYTES_MAX, "a group that is read fits");
const _: () = assert!(OPEN_FILES_MAX > 0, "I9: open files have a limit");

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// RocksDB refuses, for instance because acknowledged data is damaged.
    #[error("the journal's store cannot be opened: {0}")]
    Rocks(String),
    /// There is no store, and none may be made.
    #[error("the journal's store: {0}")]
    Made(#[from] MadeError),
    /// Its newest write-ahead log is damaged, or could not be read or cut.
    #[error("the journal's store: {0}")]
    Torn(#[from] TornError),
    /// The journal in it is refused, or its epoch could not be opened.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
}

impl From<rocksdb::Error> for OpenError {
    fn from(error: rocksdb::Error) -> Self {
        Self::Rocks(error.into_string())
    }
}

impl From<rocksdb::Error> for ReadError {
    fn from(error: rocksdb::Error) -> Self {
        Self::Store(error.into_string())
    }
}

impl From<rocksdb::Error> for AppendError {
    /// RocksDB never says for certain that nothing was written.
    fn from(error: rocksdb::Error) -> Self {
        Self::Unknown(error.into_string())
    }
}

impl From<rocksdb::Error> for TrimError {
    fn from(error: rocksdb::Error) -> Self {
        Self(error.into_string())
    }
}

/// The writing half.
pub struct RocksStore {
    shared: Arc<RocksReader>,
    synced: WriteOptions,
    written: WriteOptions,
    tail: Position,
}

/// The reading half; also a whole store that is open for reading only.
pub struct RocksReader {
    db: DB,
    view: RwLock<View>,
    /// What the newest write-ahead log ends with that is not read; a start cuts it off.
    torn: Option<TornEnd>,
}

/// What of the stored groups is the journal.
#[derive(Debug)]
struct View {
    start: Start,
    superseded: BTreeSet<GroupKey>,
}

/// Opens the journal in `directory`: checks it whole before anything may be rewritten, then opens it for writing, syncs
/// it, and opens the next epoch. A directory without a journal gets a new one.
///
/// # Errors
/// [`OpenError`].
pub fn open_and_recover(
    directory: &Path,
    writer: WriterId,
    now_ms: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(RocksStore, Recovered), OpenError> {
    let is_new = !is_made(directory)?;
    let mut torn = None;
    if !is_new {
        let reader = RocksReader::open(directory)?;
        check(&reader, progress)?;
        torn = reader.torn_end().cloned();
    }
    // Everything before it is a journal, and nothing follows it: now it may go.
    torn.as_ref().map_or(Ok(()), TornEnd::cut)?;
    let mut store = RocksStore::open(directory, is_new)?;
    // What opening for writing made of the files is read as well: the epoch rests on it.
    let found = Checked { torn, ..check(store.reader().as_ref(), progress)? };
    let recovered = open_epoch(&mut store, found, writer, now_ms)?;
    recovered.end.assert_open();
    assert!(store.tail() == recovered.end.last, "I3: the epoch record is the end");
    assert!(store.tail() > recovered.found.end.last, "I4: the journal goes on after what was found");
    Ok((store, recovered))
}

impl RocksStore {
    /// Opens for writing; makes a new store only if `create` says so. Everything that can be read afterwards is synced:
    /// what a killed process had written and not synced must not be served and then be gone after a power cut.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(directory: &Path, create: bool) -> Result<Self, OpenError> {
        Self::open_with_files(directory, create, FILE_BYTES)
    }

    /// As [`RocksStore::open`], with files of so many bytes from now on.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with_files(directory: &Path, create: bool, file_bytes: usize) -> Result<Self, OpenError> {
        assert!(file_bytes >= FILE_BYTES_MIN, "RocksDB takes no less");
        assert!(file_bytes <= FILE_BYTES_MAX, "I9: what is in memory has a limit");
        let mut options = options();
        options.set_write_buffer_size(file_bytes);
        options.create_if_missing(create && !is_made(directory)?);
        let db = DB::open(&options, directory).map_err(|error| not_opened(directory, error))?;
        assert!(exists(directory), "what was opened is there");
        db.flush()?;
        db.flush_wal(true)?;
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        Ok(Self {
            shared: Arc::new(RocksReader::over(db)?),
            synced,
            written: WriteOptions::default(),
            tail: Position::NONE,
        })
    }
}

/// A store that is being made out of the groups of another one.
pub struct NewStore {
    store: RocksStore,
}

impl RocksStore {
    /// Makes a new store in `directory` for the groups of another, from a start on.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn make(directory: &Path, start: Start) -> Result<NewStore, OpenError> {
        assert!(start.first > Position::NONE, "a journal begins with a record");
        let store = Self::open(directory, true)?;
        assert!(store.tail == Position::NONE, "a store that is made has no end that a writer knows");
        if start != Start::NEW {
            store.shared.db.put_opt(Key::Start.to_bytes(), start.to_bytes(), &store.synced)?;
        }
        Ok(NewStore { store })
    }
}

impl NewStore {
    /// Adds a group; [`NewStore::close`] makes it durable.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn put(&mut self, group: &[u8]) -> Result<(), AppendError> {
        let read = Group::trust(group).map_err(|damage| AppendError::Unknown(damage.to_string()))?;
        assert!(self.store.tail == Position::NONE, "what is put is not appended");
        let start = self.store.shared.view.read().start;
        assert!(read.header().first >= start.first, "what is kept begins at the start");
        let key = Key::Group(read.header().key()).to_bytes();
        Ok(self.store.shared.db.put_opt(key, group, &self.store.written)?)
    }

    /// Makes everything durable and closes the store.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn close(mut self) -> Result<(), AppendError> {
        self.store.sync()?;
        assert!(self.store.tail == Position::NONE, "what was put was not appended");
        Ok(self.store.shared.db.flush()?)
    }
}

impl Store for RocksStore {
    fn append(&mut self, expected_last: Position, group: &[u8], persist: Persist) -> Result<Position, AppendError> {
        if expected_last != self.tail {
            return Err(AppendError::Stale { expected: expected_last, actual: self.tail });
        }
        let read = Group::trust(group).map_err(|damage| AppendError::Unknown(damage.to_string()))?;
        assert_eq!(read.header().first, self.tail.next(), "a group follows the last record");
        let options = match persist {
            Persist::Synced => &self.synced,
            Persist::Written => &self.written,
        };
        self.shared.db.put_opt(Key::Group(read.header().key()).to_bytes(), group, options)?;
        self.tail = read.last();
        assert!(self.tail > expected_last, "an append has records");
        Ok(self.tail)
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        Ok(self.shared.db.flush_wal(true)?)
    }

    fn tail(&self) -> Position {
        self.tail
    }

    fn adopt(&mut self, tail: Position, superseded: Vec<GroupKey>) {
        assert!(tail.next() >= self.shared.view.read().start.first, "I4: a journal ends after its start");
        self.tail = tail;
        self.shared.pass_over(superseded);
    }

    fn trim(&mut self, up_to: Position) -> Result<Start, TrimError> {
        let kept = self.shared.view.read().start;
        // With a flush under way the files are about to change. Only this thread appends, so that none can begin now.
        if self.shared.is_flushing()? {
            return Ok(kept);
        }
        let start = match self.shared.plan_trim(up_to.min(self.tail))? {
            Some(plan) => self.trim_files(&plan)?,
            None => kept,
        };
        assert!(start.first >= kept.first, "a start only goes up");
        assert!(start == self.shared.view.read().start, "I4: readers begin at the start that is durable");
        Ok(start)
    }

    fn reader(&self) -> Arc<dyn GroupReader> {
        Arc::<RocksReader>::clone(&self.shared)
    }
}

/// The oldest files, which hold nothing that is still needed.
struct TrimPlan {
    start: Start,
    /// A key that is in these files and not in memory: that of their last group.
    within: Vec<u8>,
    /// The size at which exactly these files are dropped.
    size_limit: u64,
    /// The names of all files that the limit was computed from.
    files: BTreeSet<String>,
}

impl RocksStore {
    /// RocksDB drops whole files of the first level only in its first-in-first-out mode, down to a size. That size is set
    /// for one manual run; at all other times there is no limit and no run.
    ///
    /// A file that was flushed between the plan and the run would count too, and groups that nobody has read yet would be
    /// dropped in its place. So nothing is flushed by the run itself (the one key of its range is in no memory), a flush
    /// that the write of the start has begun puts the run off, and nothing is written before it is over.
    fn trim_files(&self, plan: &TrimPlan) -> Result<Start, TrimError> {
        let db = &self.shared.db;
        assert!(plan.start.first <= self.tail, "I4: a trim keeps the last group");
        assert!(plan.start.first >= self.shared.view.read().start.first, "a start only goes up");
        let kept = Key::Group(GroupKey { first: plan.start.first, epoch: Epoch::NONE }).to_bytes();
        assert!(plan.within.as_slice() < kept.as_slice(), "I4: what is dropped ends before the start");
        db.put_opt(Key::Start.to_bytes(), plan.start.to_bytes(), &self.synced)?;
        {
            let mut view = self.shared.view.write();
            view.start = plan.start;
            view.superseded.retain(|key| key.first >= plan.start.first);
        }
        if self.shared.is_flushing()? || file_names(&db.live_files()?) != plan.files {
            // The files stay until the next trim; what is before the start is not read any more.
            return Ok(plan.start);
        }
        set_size_limit(db, plan.size_limit)?;
        db.compact_range(Some(&plan.within), Some(&plan.within));
        set_size_limit(db, NO_SIZE_LIMIT)?;
        Ok(plan.start)
    }
}

fn set_size_limit(db: &DB, bytes: u64) -> Result<(), rocksdb::Error> {
    assert!(bytes > 0, "a size of nothing would drop every file");
    assert!(bytes <= NO_SIZE_LIMIT, "no limit is beyond the one that no journal reaches");
    let value = format!("{{max_table_files_size={bytes};}}");
    db.set_options(&[("compaction_options_fifo", value.as_str())])
}

impl RocksReader {
    /// Told by a check: these groups are not part of the journal, and [`GroupReader::read`] does not show them.
    pub fn pass_over(&self, superseded: Vec<GroupKey>) {
        let mut view = self.view.write();
        assert!(superseded.iter().all(|key| key.first >= view.start.first), "what is not the journal lies in it");
        view.superseded = superseded.into_iter().collect();
    }

    fn is_flushing(&self) -> Result<bool, rocksdb::Error> {
        for property in ["rocksdb.num-immutable-mem-table", "rocksdb.mem-table-flush-pending"] {
            if self.db.property_int_value(property)?.is_none_or(|number| number > 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Which of the oldest files end before the group that contains `up_to`.
    fn plan_trim(&self, up_to: Position) -> Result<Option<TrimPlan>, TrimError> {
        let read_error = |error: ReadError| TrimError(error.to_string());
        let view = self.view.read();
        if up_to < view.start.first {
            return Ok(None);
        }
        let Some(kept) = self.find(&view, up_to).map_err(read_error)? else {
            return Ok(None);
        };
        let kept = Group::trust(&kept).map_err(|damage| TrimError(damage.to_string()))?;
        let limit = Key::Group(kept.header().key()).to_bytes();
        let mut files = self.db.live_files()?;
        files.sort_by_key(|file| file_number(&file.name));
        let ends_before = |end: &Option<Vec<u8>>| end.as_ref().is_some_and(|end| end.as_slice() < limit.as_slice());
        let dropped = files.iter().take_while(|file| ends_before(&file.end_key)).count();
        let names = file_names(&files);
        let (dropped, kept_files) = files.split_at(dropped);
        let Some(within) = dropped.iter().filter_map(|file| file.end_key.clone()).max() else {
            return Ok(None);
        };
        let Some(first) = self.find_after(&view, &within).map_err(read_error)? else {
            return Ok(None);
        };
        let kept_bytes: u64 = kept_files.iter().map(|file| file.size as u64).sum();
        let newest_dropped = dropped.last().map_or(0, |file| file.size as u64);
        let first = Group::trust(&first).map_err(|damage| TrimError(damage.to_string()))?;
        assert!(dropped.len() + kept_files.len() == names.len(), "every file is kept or dropped");
        assert!(within.as_slice() < limit.as_slice(), "I4: the files end before the group that is kept");
        assert!(first.header().first <= kept.header().first, "I4: the journal begins with what is kept, or before it");
        Ok(Some(TrimPlan {
            start: Start::at(&first),
            within,
            // The largest that drops the newest of them too: the most room for a mistake on the safe side.
            size_limit: (kept_bytes + newest_dropped).saturating_sub(1).max(kept_bytes),
            files: names,
        }))
    }

    /// The group of the journal that contains `from`, or the first one after it.
    fn find(&self, view: &View, from: Position) -> Result<Option<GroupBytes>, ReadError> {
        let highest = Key::Group(last_key(from)).to_bytes();
        let mut cursor = self.db.raw_iterator();
        assert!(from > Position::NONE, "no record has position 0");
        cursor.seek_for_prev(highest);
        while let Some((key, bytes)) = group_under(&cursor)? {
            assert!(key.first <= from, "a search goes down");
            if !view.superseded.contains(&key) {
                if Group::trust(bytes).is_ok_and(|group| group.last() >= from) {
                    return Ok(Some(GroupBytes::from(bytes.to_vec())));
                }
                break;
            }
            cursor.prev();
        }
        self.find_after(view, &highest)
    }

    /// The first group of the journal whose key is higher.
    fn find_after(&self, view: &View, key: &[u8]) -> Result<Option<GroupBytes>, ReadError> {
        let mut cursor = self.db.raw_iterator();
        assert!(key.len() == KEY_BYTES, "a search begins at a key");
        cursor.seek(key);
        while cursor.valid() && cursor.key().is_some_and(|found| found <= key) {
            cursor.next();
        }
        while let Some((found, bytes)) = group_under(&cursor)? {
            assert!(Key::Group(found).to_bytes().as_slice() > key, "a search goes up");
            if !view.superseded.contains(&found) {
                return Ok(Some(GroupBytes::from(bytes.to_vec())));
            }
            cursor.next();
        }
        Ok(None)
    }
}

impl GroupReader for RocksReader {
    fn start(&self) -> Result<Start, ReadError> {
        Ok(self.view.read().start)
    }

    fn read(&self, from: Position) -> Result<Option<GroupBytes>, ReadError> {
        let from = from.max(Position::FIRST);
        let view = self.view.read();
        if from < view.start.first {
            return Err(ReadError::Trimmed { asked: from, first: view.start.first });
        }
        let found = self.find(&view, from)?;
        let header = found.as_ref().and_then(|group| Group::trust(group).ok().map(|group| *group.header()));
        assert!(header.is_none_or(|of| of.first >= view.start.first), "nothing is read that was trimmed");
        assert!(header.is_none_or(|of| !view.superseded.contains(&of.key())), "I4: what was superseded is not read");
        Ok(found)
    }

    fn scan(&self, from: Position, visit: &mut dyn FnMut(GroupKey, &[u8]) -> ControlFlow<()>) -> Result<(), ReadError> {
        let mut read = ReadOptions::default();
        read.fill_cache(false);
        read.set_readahead_size(FILE_BYTES / 16);
        let mut cursor = self.db.raw_iterator_opt(read);
        let first = from.max(Position::FIRST);
        let mut last = None;
        cursor.seek(Key::Group(GroupKey { first, epoch: Epoch::NONE }).to_bytes());
        while let Some((key, bytes)) = group_under(&cursor)? {
            assert!(key.first >= first, "a scan begins where it was asked to");
            assert!(last < Some(key), "a scan goes up");
            last = Some(key);
            if visit(key, bytes).is_break() {
                break;
            }
            cursor.next();
        }
        Ok(())
    }
}

/// The group that a cursor stands on; `None` where there is none, also on the entry before all groups.
fn group_under<'a>(cursor: &'a DBRawIterator<'_>) -> Result<Option<(GroupKey, &'a [u8])>, ReadError> {
    let Some((key, bytes)) = cursor.item() else {
        cursor.status()?;
        return Ok(None);
    };
    match Key::from_bytes(key) {
        Some(Key::Group(key)) => {
            assert!(key.first > Position::NONE, "the key before all groups is the start's");
            Ok(Some((key, bytes)))
        }
        Some(Key::Start) => Ok(None),
        None => Err(ReadError::Foreign(format!("a key of the bytes {key:02x?}"))),
    }
}

/// The highest key that a group at this position can have.
const fn last_key(first: Position) -> GroupKey {
    GroupKey { first, epoch: Epoch(u64::MAX) }
}

fn file_names(files: &[LiveFile]) -> BTreeSet<String> {
    files.iter().map(|file| file.name.clone()).collect()
}

/// Files are numbered in the order in which they were written.
fn file_number(name: &str) -> u64 {
    let digits = name.trim_start_matches('/').trim_end_matches(".sst");
    digits.parse().unwrap_or(u64::MAX)
}

/// Options of a store whose files are written out by so many bytes, each of which arrives before the next is sent.
pub(crate) fn written_out_by(bytes: u64) -> Options {
    assert!(bytes > 0, "a file is written out in steps");
    let mut defaults = Options::default();
    // RocksDB that does not know the name any more sends as it likes: slower beside requests, and no less safe.
    let mut options = defaults.get_options_from_string(WRITTEN_OUT_STEP_BY_STEP).unwrap_or(defaults);
    options.set_bytes_per_sync(bytes);
    options.set_writable_file_max_buffer_size(bytes);
    options
}

fn options() -> Options {
    let mut options = written_out_by(BYTES_PER_SYNC);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);

    // One thread writes, one group at a time: nothing to be concurrent with.
    options.set_allow_concurrent_memtable_write(false);
    options.set_enable_pipelined_write(false);
    options.set_write_buffer_size(FILE_BYTES);
    options.set_max_write_buffer_number(WRITE_BUFFERS_MAX);

    never_compact(&mut options);

    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE_BYTES));
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(INFO_LOG_BYTES_MAX);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

/// Files are dropped by [`RocksStore::trim_files`] and by nothing else.
fn never_compact(options: &mut Options) {
    let mut fifo = FifoCompactOptions::default();
    fifo.set_max_table_files_size(NO_SIZE_LIMIT);
    options.set_compaction_style(DBCompactionStyle::Fifo);
    options.set_fifo_compaction_options(&fifo);
    options.set_num_levels(1);
    options.set_ttl(0);
    options.set_periodic_compaction_seconds(0);
    options.set_disable_auto_compactions(true);
    options.set_level_zero_file_num_compaction_trigger(NEVER);
    options.set_level_zero_slowdown_writes_trigger(NEVER);
    options.set_level_zero_stop_writes_trigger(NEVER);
}

#[cfg(test)]
pub(crate) mod tests;
