//! Projections in RocksDB: an instance of its own without a log, whose column families are flushed together.
//!
//! Without a log, a crash leaves what some flush wrote. Flushes are atomic over the column families and take a write
//! whole, so that the position in it and the rows are of one moment, whether RocksDB or [`ProjectionStore::flush`]
//! began the flush.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{RwLock, RwLockReadGuard};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType,
    DBRawIterator, FlushOptions, LruCacheOptions, Options, ReadOptions, Snapshot, WriteBatch, WriteOptions,
    properties::LIVE_SST_FILES_SIZE,
};

use super::disk::ReadError;
use super::rows::Reached;
use super::store::{BatchWriter, Family, Frozen, ProjectionStore, Show, StoreError};
use crate::made::{MadeError, is_made, names};
use crate::rocks::written_out_by;

/// A write buffer of each family: larger than most flushes, so that each becomes one file.
const WRITE_BUFFER_BYTES: usize = 64 * 1024 * 1024;
/// Write buffers a family: one fills while others are written.
const WRITE_BUFFERS_MAX: i32 = 3;
/// A file at most, but for those of the first level: few files are wanted, because few are kept open.
const FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Cache for rows that are not in the projector's own: a part of the store's size, between these, so that it keeps filters and
/// indexes of all files, which are some fifteenth of it. A row at random out of a large store is in no cache; what
/// finds it should be (decision 0025).
const BLOCK_CACHE_BYTES: RangeInclusive<usize> = 64 * 1024 * 1024..=512 * 1024 * 1024;
const BLOCK_CACHE_PART: u64 = 8;
/// The cache is cut into two to the power of this: none of them must be small beside what it keeps.
const BLOCK_CACHE_SHARD_BITS: i32 = 2;
/// Filters and indexes lie in parts of this size. Whole, those of a file with a million rows are a megabyte, which a
/// cache that does not keep them reads, checks and throws away with every row that is asked for.
const FILTER_PART_BYTES: usize = 4096;
/// Bits a key of the filters that tell absent keys without a read.
const FILTER_BITS: f64 = 10.0;
/// Open files, unless more are given; the daemon must live with few. Opening one again costs some hundred microseconds.
const OPEN_FILES: u32 = 128;
/// Open files are kept in one list, and not in 64 with a few places each, of which some overflow while others are empty.
const OPEN_FILES_SHARD_BITS: i32 = 0;
/// Threads for flushes and compactions: the cores belong to requests.
const BACKGROUND_JOBS_MAX: i32 = 2;
/// How much of a file is on its way to the disk at most, beside the syncs of the journal, which wait for it (decision 0024).
const BYTES_PER_SYNC: u64 = 256 * 1024;
/// RocksDB's own messages.
const INFO_LOG_BYTES_MAX: usize = 1024 * 1024;

const _: () = assert!(WRITE_BUFFERS_MAX >= 2, "one buffer fills while another is written");
const _: () =
    assert!(*BLOCK_CACHE_BYTES.start() >> BLOCK_CACHE_SHARD_BITS >= 1 << 20, "a part of the cache is not small");
const _: () = assert!(FILTER_PART_BYTES.is_power_of_two(), "parts are of a size that disks have");
const _: () = assert!(BYTES_PER_SYNC <= WRITE_BUFFER_BYTES as u64, "a file is written out while it is written");
const _: () = assert!(OPEN_FILES > 0, "I9: open files have a limit");
const _: () = assert!(FILE_BYTES >= WRITE_BUFFER_BYTES as u64, "putting files together makes fewer of them");
const _: () = assert!(BACKGROUND_JOBS_MAX > 0, "flushes have a thread");

/// What errors say where the process, or the machine, has no open file left to give.
const NO_DESCRIPTORS: &str = "Too many open files";
/// Descriptors that must be free before a store is closed so as to open it again: closing gives back as many as it had, and
/// who comes in between may take some of them.
const DESCRIPTORS_TO_OPEN: usize = 16;
/// How often, and how long apart, a store is opened again that was closed for it.
const OPEN_TRIES: u32 = 5;
const OPEN_TRY_AGAIN: Duration = Duration::from_millis(100);

const _: () = assert!(OPEN_TRIES > 0, "what was closed is opened");

/// The store.
pub struct RocksProjections {
    /// Nothing only where it was closed, and could not be opened again.
    db: RwLock<Option<DB>>,
    /// Where it is, and with how many open files: nothing for one that is only read.
    place: Option<(PathBuf, u32)>,
    cache: Cache,
    written: WriteOptions,
    /// The length of the last write: the next one gets its memory at once, where growing would copy it again and again.
    last_write_bytes: AtomicUsize,
}

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        Self(error.into_string())
    }
}

impl From<MadeError> for StoreError {
    fn from(error: MadeError) -> Self {
        Self(error.to_string())
    }
}

impl RocksProjections {
    /// What the projections in `directory` have reached, before they are opened for writing: no file of the store is
    /// changed or removed. Nothing where there is no store yet.
    ///
    /// # Errors
    /// [`ReadError`]; also where no store may be made.
    pub fn reached_in(directory: &Path) -> Result<Reached, ReadError> {
        if !is_whole(directory)? {
            return Ok(Reached::default());
        }
        let store = Self::open_to_read(options(), directory)?;
        super::disk::reached(&store)
    }

    /// Opens the store in `directory`, or makes one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with_files(directory, OPEN_FILES)
    }

    /// The same with so many files that are kept open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_with_files(directory: &Path, open_files: u32) -> Result<Self, StoreError> {
        let cache = block_cache();
        let db = open(directory, open_files, &cache, !is_whole(directory)?)?;
        let mut written = WriteOptions::default();
        written.disable_wal(true);
        let store = Self {
            db: RwLock::new(Some(db)),
            place: Some((directory.to_owned(), open_files)),
            cache,
            written,
            last_write_bytes: AtomicUsize::new(0),
        };
        store.fit_cache(store.opened().db()?)?;
        Ok(store)
    }

    /// Gives the cache its part of what the store has come to.
    fn fit_cache(&self, db: &DB) -> Result<(), StoreError> {
        let mut bytes = 0;
        for one in Family::ALL {
            bytes += db.property_int_value_cf(family(db, one), LIVE_SST_FILES_SIZE)?.unwrap_or(0);
        }
        // The handle is one of those that share the cache.
        self.cache.clone().set_capacity(cache_bytes(bytes));
        Ok(())
    }

    /// Opens the store in `directory` for reading without changing any file in it: RocksDB's own messages go to another
    /// folder.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_untouched(directory: &Path, messages: &Path) -> Result<Self, StoreError> {
        let mut options = options();
        options.set_db_log_dir(messages);
        Self::open_to_read(options, directory)
    }

    fn open_to_read(options: Options, directory: &Path) -> Result<Self, StoreError> {
        let cache = block_cache();
        let families = Family::ALL.map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(&cache)));
        let db = DB::open_cf_descriptors_read_only(&options, directory, families, false)?;
        assert!(Family::ALL.iter().all(|family| db.cf_handle(family.name()).is_some()), "both families are opened");
        let (db, written) = (RwLock::new(Some(db)), WriteOptions::default());
        Ok(Self { db, place: None, cache, written, last_write_bytes: AtomicUsize::new(0) })
    }

    /// For reads and writes. Nobody waits for it but while the store is opened again, which waits for nobody.
    fn opened(&self) -> Opened<'_> {
        Opened(self.db.read_recursive())
    }

    /// Closes the store and opens it again. What was written and not flushed may be gone afterwards.
    fn open_again(&self, directory: &Path, open_files: u32) -> Result<(), StoreError> {
        // Who reads for long is not waited for, because all others would wait with it: the next error tries again.
        let Some(mut db) = self.db.try_write() else { return Err(StoreError("it is being read".to_owned())) };
        assert!(open_files > 0, "I9: open files have a limit, and a store has some");
        drop(db.take());
        // None is made in its place.
        let open_it = || open(directory, open_files, &self.cache, false);
        let mut opened = open_it();
        for _ in 1..OPEN_TRIES {
            if opened.is_ok() {
                break;
            }
            std::thread::sleep(OPEN_TRY_AGAIN);
            opened = open_it();
        }
        *db = Some(opened?);
        Ok(())
    }
}

/// A store that is not closed as long as this is held.
struct Opened<'a>(RwLockReadGuard<'a, Option<DB>>);

impl Opened<'_> {
    fn db(&self) -> Result<&DB, StoreError> {
        // An error of the disk: the next start opens it.
        self.0.as_ref().ok_or_else(|| StoreError(format!("IO error: {NO_DESCRIPTORS}: it could not be opened again")))
    }
}

fn open(directory: &Path, open_files: u32, cache: &Cache, create: bool) -> Result<DB, StoreError> {
    assert!(open_files > 0, "I9: open files have a limit, and a store has some");
    let families = Family::ALL.map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(cache)));
    let mut options = options();
    options.set_max_open_files(i32::try_from(open_files).unwrap_or(i32::MAX));
    options.create_if_missing(create);
    options.create_missing_column_families(create);
    let db = DB::open_cf_descriptors(&options, directory, families)?;
    assert!(Family::ALL.iter().all(|family| db.cf_handle(family.name()).is_some()), "both families are opened");
    Ok(db)
}

fn family(db: &DB, family: Family) -> &ColumnFamily {
    db.cf_handle(family.name()).expect("both families are opened")
}

fn iterator(db: &DB, of: Family, fill_cache: bool) -> DBRawIterator<'_> {
    let mut read = ReadOptions::default();
    read.fill_cache(fill_cache);
    db.raw_iterator_cf_opt(family(db, of), read)
}

/// Whether so many files can be opened beside those that are open.
fn has_descriptors(directory: &Path, files: usize) -> bool {
    assert!(files > 0, "who opens a store needs some");
    let opened: std::io::Result<Vec<File>> = (0..files).map(|_| File::open(directory)).collect();
    opened.is_ok()
}

fn options() -> Options {
    let mut options = written_out_by(BYTES_PER_SYNC);
    options.set_atomic_flush(true);
    options.set_max_open_files(i32::try_from(OPEN_FILES).unwrap_or(i32::MAX));
    options.set_table_cache_num_shard_bits(OPEN_FILES_SHARD_BITS);
    options.set_max_background_jobs(BACKGROUND_JOBS_MAX);
    options.set_max_log_file_size(INFO_LOG_BYTES_MAX);
    // A start opens it twice: those of the run before stay.
    options.set_keep_log_file_num(3);
    options
}

/// Whether there is a store with both families; `false` where one may be made. Nothing can have been written before both are
/// there, so that a store with files and without one of them has lost a part of its list.
fn is_whole(directory: &Path) -> Result<bool, StoreError> {
    if !is_made(directory)? {
        return Ok(false);
    }
    let families = DB::list_cf(&Options::default(), directory)?;
    assert!(!families.is_empty(), "every store has the family of RocksDB's own");
    let has = |family: &Family| families.iter().any(|name| name == family.name());
    if Family::ALL.iter().all(has) {
        return Ok(true);
    }
    match names(directory)?.into_iter().find(|name| name.ends_with(".sst")) {
        None => Ok(false),
        Some(file) => Err(StoreError(format!(
            "Corruption: {} has the file {file}, and its MANIFEST does not name the families of rows: nothing was changed; \
             restore the folder from a backup",
            directory.display()
        ))),
    }
}

/// The cache of a store of so many bytes.
fn cache_bytes(store_bytes: u64) -> usize {
    let part = usize::try_from(store_bytes / BLOCK_CACHE_PART).unwrap_or(usize::MAX);
    part.clamp(*BLOCK_CACHE_BYTES.start(), *BLOCK_CACHE_BYTES.end())
}

fn block_cache() -> Cache {
    let mut options = LruCacheOptions::default();
    options.set_capacity(cache_bytes(0));
    options.set_num_shard_bits(BLOCK_CACHE_SHARD_BITS);
    Cache::new_lru_cache_opts(&options)
}

fn family_options(cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_bloom_filter(FILTER_BITS, false);
    table.set_cache_index_and_filter_blocks(true);
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_metadata_block_size(FILTER_PART_BYTES);
    table.set_pin_top_level_index_and_filter(true);
    let mut options = Options::default();
    options.set_target_file_size_base(FILE_BYTES);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_write_buffer_number(WRITE_BUFFERS_MAX);
    // Files of the first two levels are soon written again.
    let [fresh, settled] = [DBCompressionType::None, DBCompressionType::Lz4];
    options.set_compression_per_level(&[fresh, fresh, settled, settled, settled, settled, settled]);
    options.set_block_based_table_factory(&table);
    options
}

fn show_from(mut entries: DBRawIterator<'_>, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
    entries.seek(from);
    assert!(entries.key().is_none_or(|key| key >= from), "a scan begins where it was asked to");
    while let Some((key, value)) = entries.item() {
        if show(key, value).is_break() {
            break;
        }
        entries.next();
    }
    Ok(entries.status()?)
}

/// The store at one moment.
struct At<'a> {
    db: &'a DB,
    snapshot: Snapshot<'a>,
}

impl Frozen for At<'_> {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.snapshot.get_cf(self::family(self.db, family), key)?)
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
        let mut read = ReadOptions::default();
        read.fill_cache(false);
        show_from(self.snapshot.raw_iterator_cf_opt(self::family(self.db, family), read), from, show)
    }
}

/// A store that could not be opened again.
struct Closed(StoreError);

impl Frozen for Closed {
    fn value(&self, _: Family, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Err(self.0.clone())
    }

    fn scan(&self, _: Family, _: &[u8], _: &mut Show<'_>) -> Result<(), StoreError> {
        Err(self.0.clone())
    }
}

struct Batch<'a> {
    db: &'a DB,
    batch: WriteBatch,
}

impl BatchWriter for Batch<'_> {
    fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        assert!(!key.is_empty(), "a key has its kind");
        assert!(!value.is_empty(), "a row has bytes");
        self.batch.put_cf(self::family(self.db, family), key, value);
    }

    fn delete(&mut self, family: Family, key: &[u8]) {
        self.batch.delete_cf(self::family(self.db, family), key);
    }

    fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]) {
        assert!(from <= to, "a range goes up");
        assert!(!from.is_empty(), "a range has a kind");
        self.batch.delete_range_cf(self::family(self.db, family), from, to);
    }
}

impl ProjectionStore for RocksProjections {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let opened = self.opened();
        let db = opened.db()?;
        Ok(db.get_cf(self::family(db, family), key)?)
    }

    fn values(
        &self,
        family: Family,
        keys: &[&[u8]],
        show: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> Result<(), StoreError> {
        assert!(keys.is_sorted(), "keys come in their order");
        let opened = self.opened();
        let db = opened.db()?;
        let found = db.batched_multi_get_cf(self::family(db, family), keys, true);
        assert!(found.len() == keys.len(), "every key has its answer");
        for (number, value) in found.into_iter().enumerate() {
            show(number, value?.as_deref());
        }
        Ok(())
    }

    fn last_up_to(&self, family: Family, key: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let opened = self.opened();
        let mut entries = iterator(opened.db()?, family, true);
        entries.seek_for_prev(key);
        if let Some((found, value)) = entries.item() {
            assert!(found <= key, "what is found is not above what was asked for");
            show(found, value);
        }
        Ok(entries.status()?)
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
        show_from(iterator(self.opened().db()?, family, false), from, show)
    }

    fn freeze(&self, read: &mut dyn FnMut(&dyn Frozen)) {
        match self.opened().db() {
            Ok(db) => read(&At { db, snapshot: db.snapshot() }),
            Err(error) => read(&Closed(error)),
        }
    }

    fn write(&self, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> Result<(), StoreError> {
        let opened = self.opened();
        let db = opened.db()?;
        // Relaxed: a guess, and one write at a time.
        let room = self.last_write_bytes.load(Ordering::Relaxed);
        let mut batch = Batch { db, batch: WriteBatch::with_capacity_bytes(room + room / 8) };
        fill(&mut batch);
        assert!(!batch.batch.is_empty(), "a write has entries");
        self.last_write_bytes.store(batch.batch.size_in_bytes(), Ordering::Relaxed);
        Ok(db.write_opt(batch.batch, &self.written)?)
    }

    fn set_compacting(&self, on: bool) -> Result<(), StoreError> {
        let value = if on { "false" } else { "true" };
        let opened = self.opened();
        let db = opened.db()?;
        for one in Family::ALL {
            db.set_options_cf(family(db, one), &[("disable_auto_compactions", value)])?;
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        let opened = self.opened();
        let db = opened.db()?;
        let families = Family::ALL.map(|one| family(db, one));
        db.flush_cfs_opt(&families, &flush)?;
        self.fit_cache(db)
    }

    /// After a flush that had no file to write to RocksDB refuses everything until it is opened again. From a full disk it
    /// comes back by itself; from all else a start should look at what is there.
    fn recover(&self, from: &StoreError) -> bool {
        let Some((directory, open_files)) = &self.place else { return false };
        assert!(!from.0.is_empty(), "an error says what it is");
        if !from.0.contains(NO_DESCRIPTORS) || !has_descriptors(directory, DESCRIPTORS_TO_OPEN) {
            return false;
        }
        self.open_again(directory, *open_files).is_ok()
    }
}

#[cfg(test)]
mod tests;
