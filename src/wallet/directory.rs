//! A directory from 128-bit ids to small cells, made for requests that come by the dozen: who is about to decide many looks
//! at the tables of all of them first, without a lock, so that the processor fetches everything at the same time. Each
//! lock would make it wait for what was asked for before.
//!
//! A shard has one table: groups of eight cells, and a word of eight tags for each group. A tag is zero for an empty cell,
//! otherwise the top bit and seven bits of the hash. A search begins at the group that the hash names and ends at the
//! first group with an empty cell; of a cell with the right tag the look is nearly always at the right one. Nothing is taken out one
//! by one: a table is built anew when some are to go, as it is when it grows. What the cells mean is their owner's
//! business, and so is that two of them are not of one id.
//!
//! - **D1** A table has an empty cell: every search ends.
//! - **D2** A cell is written before its tag: who sees the tag sees the cell.
//! - **D3** Who holds no lock may look at a table that has been replaced meanwhile: what is not there may be elsewhere, and
//!   of what is there only what never changes may be used.

use std::hash::BuildHasher;
use std::sync::Arc;

use crossbeam::utils::CachePadded;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::sync::{AtomicU64, Ordering};

/// Shards of a directory: enough that growing one never stalls the others.
pub const DIRECTORY_SHARDS: usize = 1 << SHARD_BITS;

const SHARD_BITS: u32 = 10;

/// Cells of a group: one byte of a word each.
const GROUP_CELLS: usize = 8;

/// The lowest and the highest bit of every tag of a group.
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = LOW << 7;

const _: () = assert!(GROUP_CELLS * 8 == u64::BITS as usize, "a word has a byte for each cell of a group");
const _: () = assert!(LOW.count_ones() as usize == GROUP_CELLS, "each tag has its lowest bit");
const _: () = assert!(HIGH.count_ones() as usize == GROUP_CELLS, "each tag has its highest bit");

/// What a directory keeps of an id.
pub(crate) trait Cell {
    /// A cell that means nothing.
    fn empty() -> Self;
    /// Takes over what another cell means.
    fn copy_from(&self, other: &Self);
    /// How many groups come after so many, when they are full.
    fn more_groups(groups: usize) -> usize;
}

/// The shards. `R` is what a shard keeps beside its table.
pub(crate) struct Directory<C, R> {
    shards: Box<[Locked<C, R>]>,
    /// The tables of all shards once more, for looks without their locks.
    tables: RwLock<Box<[Arc<Table<C>>]>>,
    hasher: foldhash::fast::RandomState,
}

type Locked<C, R> = CachePadded<RwLock<Shard<C, R>>>;

/// A shard, under its lock.
pub(crate) struct Shard<C, R> {
    table: Arc<Table<C>>,
    used: usize,
    number: usize,
    pub(crate) rest: R,
}

/// Cells and their tags.
pub(crate) struct Table<C> {
    tags: Box<[AtomicU64]>,
    cells: Box<[C]>,
}

/// What an id is looked for by.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Hash(pub(crate) u64);

impl Hash {
    #[inline]
    fn shard(self) -> usize {
        usize::try_from(self.0 >> (u64::BITS.saturating_sub(SHARD_BITS))).unwrap_or(0)
    }

    /// The group at which a search begins: the higher the number, the higher the group.
    #[inline]
    fn group(self, groups: usize) -> usize {
        let number = (self.0 >> 7) & u64::from(u32::MAX);
        let groups = u64::try_from(groups).unwrap_or(u64::MAX);
        usize::try_from(number.wrapping_mul(groups) >> u32::BITS).unwrap_or(0)
    }

    #[inline]
    const fn tag(self) -> u64 {
        0x80 | (self.0 & 0x7f)
    }
}

/// Where in its shard's table a cell is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct At(usize);

impl<C: Cell> Table<C> {
    fn with_groups(groups: usize) -> Self {
        let tags = (0..groups).map(|_| AtomicU64::new(0)).collect();
        let cells = (0..groups.saturating_mul(GROUP_CELLS)).map(|_| C::empty()).collect();
        let table = Self { tags, cells };
        assert!(table.cells.len() == table.tags.len().saturating_mul(GROUP_CELLS), "every cell has its tag");
        assert!(groups == 0 || table.room() < table.cells.len(), "D1: a table has an empty cell");
        table
    }

    /// The cell of an id, or else the empty one where it would be put; none in a table without cells.
    #[inline]
    fn search(&self, hash: Hash, is: impl Fn(&C) -> bool) -> Result<At, Option<At>> {
        let groups = self.tags.len();
        if groups == 0 {
            return Err(None);
        }
        let mut group = hash.group(groups);
        loop {
            let tags = self.tags[group].load(Ordering::Acquire);
            let first = group.wrapping_mul(GROUP_CELLS);
            let differing = tags ^ LOW.wrapping_mul(hash.tag());
            // The lowest of these bits is right; one above it may name another tag, which the look at the cell finds.
            let mut equal = differing.wrapping_sub(LOW) & !differing & HIGH;
            while equal != 0 {
                let at = first.wrapping_add(cell_of(equal));
                if is(&self.cells[at]) {
                    return Ok(At(at));
                }
                equal &= equal.wrapping_sub(1);
            }
            let empty = !tags & HIGH;
            if empty != 0 {
                return Err(Some(At(first.wrapping_add(cell_of(empty)))));
            }
            group = if group.wrapping_add(1) == groups { 0 } else { group.wrapping_add(1) };
        }
    }

    /// Makes an empty cell one of this hash; only with the shard's lock.
    #[inline]
    fn tag(&self, At(at): At, hash: Hash) {
        let tags = &self.tags[at / GROUP_CELLS];
        let shift = u32::try_from(at % GROUP_CELLS).unwrap_or(0).wrapping_mul(8);
        // Relaxed: only who holds the lock changes it.
        let others = tags.load(Ordering::Relaxed);
        assert!((others >> shift) & 0xff == 0, "I5: a cell is given out once");
        tags.store(others | hash.tag() << shift, Ordering::Release);
    }

    /// The cells in use.
    fn used(&self) -> impl Iterator<Item = &C> {
        let full =
            |at: usize| self.tags[at / GROUP_CELLS].load(Ordering::Acquire) >> ((at % GROUP_CELLS) << 3) & 0x80 != 0;
        self.cells.iter().enumerate().filter(move |(at, _)| full(*at)).map(|(_, cell)| cell)
    }

    /// Adds a cell that is not there yet, to a table that has room.
    fn add(&self, hash: Hash, cell: &C) {
        let Err(Some(at)) = self.search(hash, |_| false) else { panic!("D1: a table without an empty cell") };
        assert!(at.0 < self.cells.len(), "D1: an empty cell of this table");
        self.cells[at.0].copy_from(cell);
        self.tag(at, hash);
    }

    const fn room(&self) -> usize {
        room(self.tags.len())
    }
}

/// How many cells of so many groups may be in use (D1).
const fn room(groups: usize) -> usize {
    groups.saturating_mul(GROUP_CELLS.saturating_sub(1))
}

/// The cell of a group that the lowest bit of a mask names.
#[inline]
fn cell_of(mask: u64) -> usize {
    usize::try_from(mask.trailing_zeros() >> 3).unwrap_or(0)
}

impl<C: Cell, R> Shard<C, R> {
    /// A cell.
    #[inline]
    pub(crate) fn cell(&self, At(at): At) -> &C {
        &self.table.cells[at]
    }

    /// The cell of an id.
    #[inline]
    pub(crate) fn find(&self, hash: Hash, is: impl Fn(&C) -> bool) -> Option<At> {
        self.table.search(hash, is).ok()
    }

    /// The cells in use.
    pub(crate) fn used(&self) -> impl Iterator<Item = &C> {
        self.table.used()
    }
}

impl<C: Cell, R: Default> Directory<C, R> {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let tables: Box<[_]> = (0..DIRECTORY_SHARDS).map(|_| Arc::new(Table::with_groups(0))).collect();
        let shard = |(number, table): (usize, &Arc<Table<C>>)| {
            let table = Arc::clone(table);
            CachePadded::new(RwLock::new(Shard { table, used: 0, number, rest: R::default() }))
        };
        let shards: Box<[_]> = tables.iter().enumerate().map(shard).collect();
        assert!(shards.len() == DIRECTORY_SHARDS, "every hash has its shard");
        Self { shards, tables: RwLock::new(tables), hasher: foldhash::fast::RandomState::default() }
    }
}

impl<C: Cell, R> Directory<C, R> {
    #[inline]
    pub(crate) fn hash(&self, id: u128) -> Hash {
        Hash(self.hasher.hash_one(id))
    }

    /// The shard of a hash, for one who only reads.
    #[inline]
    pub(crate) fn read(&self, hash: Hash) -> RwLockReadGuard<'_, Shard<C, R>> {
        self.shards[hash.shard()].read()
    }

    /// The shard of a hash.
    #[inline]
    pub(crate) fn write(&self, hash: Hash) -> RwLockWriteGuard<'_, Shard<C, R>> {
        self.shards[hash.shard()].write()
    }

    /// The shards, one after the other.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &RwLock<Shard<C, R>>> {
        self.shards.iter().map(|shard| &**shard)
    }

    /// The cell of an id, or else an empty one for it, which [`Directory::fill`] makes one.
    pub(crate) fn find_or_room(
        &self,
        shard: &mut Shard<C, R>,
        hash: Hash,
        is: impl Fn(&C) -> bool,
        hash_of: impl Fn(&C) -> Hash,
    ) -> Result<At, At> {
        match shard.table.search(hash, is) {
            Ok(at) => return Ok(at),
            Err(Some(at)) if shard.used < shard.table.room() => return Err(at),
            Err(_) => {}
        }
        let (groups, used) = (C::more_groups(shard.table.tags.len()), shard.used);
        assert!(groups > shard.table.tags.len(), "D1: a table that grows has more room");
        self.rebuild(shard, groups, |_| true, hash_of);
        assert!(shard.used == used, "a table that grows loses nothing");
        match shard.table.search(hash, |_| false) {
            Err(Some(at)) => Err(at),
            _ => panic!("D1: a table without an empty cell"),
        }
    }

    /// Makes the empty cell that was found for a hash one in use, after it has been written (D2).
    #[inline]
    pub(crate) fn fill(&self, shard: &mut Shard<C, R>, at: At, hash: Hash) {
        shard.table.tag(at, hash);
        shard.used = shard.used.saturating_add(1);
        assert!(shard.used <= shard.table.room(), "D1: a table without an empty cell");
    }

    /// Lets go of the cells that are not to stay, and of the room that is too much then.
    pub(crate) fn retain(
        &self,
        shard: &mut Shard<C, R>,
        stays: impl Fn(&C) -> bool,
        hash_of: impl Fn(&C) -> Hash,
    ) -> u64 {
        let left = shard.used().filter(|cell| stays(cell)).count();
        assert!(left <= shard.used, "more cells stay than there are");
        let gone = shard.used.saturating_sub(left);
        if gone > 0 {
            let mut groups = 0;
            while room(groups) < left {
                groups = C::more_groups(groups);
            }
            assert!(room(groups) >= left, "D1: what stays has room");
            self.rebuild(shard, groups, stays, hash_of);
            assert!(shard.used == left, "what stays is there, and nothing else");
        }
        u64::try_from(gone).unwrap_or(u64::MAX)
    }

    /// Puts another table in the place of a shard's.
    fn rebuild(
        &self,
        shard: &mut Shard<C, R>,
        groups: usize,
        stays: impl Fn(&C) -> bool,
        hash_of: impl Fn(&C) -> Hash,
    ) {
        let table = Table::with_groups(groups);
        let mut used: usize = 0;
        for cell in shard.table.used().filter(|cell| stays(cell)) {
            table.add(hash_of(cell), cell);
            used = used.saturating_add(1);
        }
        assert!(used <= table.room(), "D1: a table without an empty cell");
        assert!(used <= shard.used, "more cells stay than there are");
        shard.used = used;
        shard.table = Arc::new(table);
        // The last lock that is taken here; who holds it to read waits for nothing.
        self.tables.write()[shard.number] = Arc::clone(&shard.table);
    }

    /// All tables, to look at without the locks of their shards (D3). Whoever has this must take no lock.
    #[inline]
    pub(crate) fn look(&self) -> Look<'_, C> {
        Look(self.tables.read())
    }
}

/// A look at the tables that waits for nobody.
pub(crate) struct Look<'a, C>(RwLockReadGuard<'a, Box<[Arc<Table<C>>]>>);

impl<C: Cell> Look<'_, C> {
    /// Has the tags fetched at which a search begins, and the first cell beside them.
    #[inline]
    pub(crate) fn touch(&self, hash: Hash, cell: impl Fn(&C) -> u64) -> u64 {
        let table = &*self.0[hash.shard()];
        let group = hash.group(table.tags.len());
        let tags = table.tags.get(group).map_or(0, |tags| tags.load(Ordering::Relaxed));
        tags | table.cells.get(group.wrapping_mul(GROUP_CELLS)).map_or(0, cell)
    }

    /// The cell that is most probably the one of a hash, or the one where it would be put: the first of its tag, or the first
    /// empty one, of the group at which a search begins.
    #[inline]
    pub(crate) fn guess(&self, hash: Hash) -> Option<&C> {
        let table = &*self.0[hash.shard()];
        let group = hash.group(table.tags.len());
        let tags = table.tags.get(group)?.load(Ordering::Acquire);
        let differing = tags ^ LOW.wrapping_mul(hash.tag());
        let equal = differing.wrapping_sub(LOW) & !differing & HIGH;
        let wanted = if equal == 0 { !tags & HIGH } else { equal };
        table.cells.get(group.wrapping_mul(GROUP_CELLS).wrapping_add(cell_of(wanted)))
    }
}

#[cfg(test)]
mod tests;
