//! Where wallets are: slots that never move, and the directory that finds them.

use std::sync::OnceLock;

use parking_lot::{Mutex, MutexGuard};

use crate::calendar::{Cohort, ZONES_MAX};
use crate::directory::{Cell, Directory, Hash, Look};
use crate::ids::{AccountId, Day, Period, PlanId, Tier, Timestamp};
use crate::subscription::Subscription;
use crate::sync::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use crate::timer_wheel::{Links, TimerWheel};
use crate::word::{AtomicWord, Numbers, Snapshot, Wide};

pub use crate::directory::DIRECTORY_SHARDS;

const SEGMENT_SLOTS: usize = 1 << 14;
const SEGMENTS: usize = 1 << 16;

/// The most wallets that one partition can hold.
pub const WALLETS_MAX: usize = SEGMENT_SLOTS.saturating_mul(SEGMENTS);

/// In the cell of the cohort: what comes when the wallet is next due is a lapse.
const LAPSES: u16 = 1 << 15;

const _: () = assert!(ZONES_MAX < LAPSES as usize);
const _: () = assert!(WALLETS_MAX <= 1 << 31, "a slot is a node of the wheel, whose links keep a bit");

/// The number of a slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotIndex(pub u32);

/// One wallet in memory: the word, and beside it what is read without the lock. What every request reads lies in the
/// first half of a cache line.
#[derive(Debug)]
#[repr(C, align(32))]
pub struct Slot {
    /// The spendable state.
    pub word: AtomicWord<Wide>,
    cycle_ends_at: AtomicU64,
    period: AtomicU32,
    cohort: AtomicU16,
    plan: AtomicU16,
    account: [AtomicU64; 2],
    /// The neighbours in the wheel of cycle ends: see [`crate::cycle_ends`].
    pub(crate) previous: AtomicU32,
    pub(crate) next: AtomicU32,
    cold: Mutex<Cold>,
}

const _: () = assert!(size_of::<Slot>() <= 96);
const _: () = assert!(std::mem::offset_of!(Slot, account) == 32);

pub use crate::cold::Cold;

impl Slot {
    fn empty() -> Self {
        Self {
            word: AtomicWord::new(Snapshot::default()),
            cycle_ends_at: AtomicU64::new(u64::MAX),
            period: AtomicU32::new(0),
            cohort: AtomicU16::new(0),
            plan: AtomicU16::new(0),
            account: [AtomicU64::new(0), AtomicU64::new(0)],
            previous: AtomicU32::new(Links::NONE.previous),
            next: AtomicU32::new(Links::NONE.next),
            cold: Mutex::new(Cold::default()),
        }
    }

    /// The account.
    #[must_use]
    #[inline]
    pub fn account(&self) -> AccountId {
        // Relaxed: written once, before the directory publishes the slot.
        let [high, low] = self.account.each_ref().map(|half| u128::from(half.load(Ordering::Relaxed)));
        AccountId((high << 64) | low)
    }

    /// A look at it for no more than to have it in the cache.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        self.cycle_ends_at.load(Ordering::Relaxed)
    }

    /// The zone cohort.
    #[must_use]
    #[inline]
    pub fn cohort(&self) -> Cohort {
        // Relaxed: a change is made under the lock, and who finds the wallet due reads it again there.
        Cohort(self.cohort.load(Ordering::Relaxed) & !LAPSES)
    }

    /// Whether the subscription lapses when the wallet is next due, and no cycle begins there.
    #[must_use]
    #[inline]
    pub fn lapses(&self) -> bool {
        // Relaxed: outside of the lock it only tells.
        self.cohort.load(Ordering::Relaxed) & LAPSES != 0
    }

    /// When the running credit cycle ends, by a new one or a lapse; [`Timestamp::NEVER`] without an end.
    #[must_use]
    #[inline]
    pub fn cycle_ends_at(&self) -> Timestamp {
        Timestamp(self.cycle_ends_at.load(Ordering::Acquire))
    }

    /// A period close to the word's; see [`crate::word::Numbers`].
    #[must_use]
    #[inline]
    pub fn period(&self) -> Period {
        Period(self.period.load(Ordering::Acquire))
    }

    /// Sets the full period number; call with the lock held.
    pub fn set_period(&self, period: Period) {
        let before = self.period.swap(period.0, Ordering::Release);
        assert!(period.0 >= before, "I7: periods never go back");
    }

    /// The plan; none without a subscription, or with one that was set by hand.
    #[must_use]
    #[inline]
    pub fn plan(&self) -> PlanId {
        // Relaxed: outside of the lock it only tells.
        PlanId(self.plan.load(Ordering::Relaxed))
    }

    /// The active subscription; the guard shows that the caller holds the lock.
    #[must_use]
    pub fn subscription(&self, cold: &Cold) -> Option<Subscription> {
        cold.subscription(self.plan(), self.cycle_ends_at())
    }

    /// Sets the subscription and publishes the instant at which the wallet is next due; call with the lock held, after
    /// the word has changed, and tell the wheel of it afterwards: `Wallets::note_cycle_end`.
    pub fn set_subscription(&self, cold: &mut Cold, subscription: Option<&Subscription>) {
        assert!(
            subscription.is_none_or(|of| of.tier == self.word.load().tier),
            "R9: the word's tier is its subscription's"
        );
        if let Some(subscription) = subscription {
            subscription.assert_whole();
        }
        cold.pack(subscription);
        self.plan.store(subscription.map_or(PlanId::NONE, |of| of.plan).0, Ordering::Relaxed);
        let lapses = if subscription.is_some_and(Subscription::lapses_next) { LAPSES } else { 0 };
        self.cohort.store(self.cohort().0 | lapses, Ordering::Relaxed);
        let due_at = subscription.map_or(Timestamp::NEVER, Subscription::due_at);
        assert!(due_at > Timestamp::NONE, "R10: a wallet is due at an instant, or never");
        self.cycle_ends_at.store(due_at.0, Ordering::Release);
    }

    /// Moves the wallet to another zone; call with the lock held.
    pub fn set_cohort(&self, cohort: Cohort) {
        assert!(cohort.0 < LAPSES, "a cohort leaves the bit of the lapse alone");
        // Relaxed: who finds the wallet due by either zone reads it again under the lock.
        let lapses = self.cohort.load(Ordering::Relaxed) & LAPSES;
        self.cohort.store(cohort.0 | lapses, Ordering::Relaxed);
        assert!(self.cohort() == cohort, "R6: a wallet is in the zone that it was moved to");
        assert!(self.lapses() == (lapses != 0), "R11: a move leaves a lapse as it is");
    }

    /// What word, slot and cold side say of one wallet is one thing, whenever its lock is free or was just taken.
    pub(crate) fn assert_in_step(&self, cold: &Cold) {
        let (word, subscription) = (self.word.load(), self.subscription(cold));
        let numbers = Numbers { day: Day(0), period: self.period() };
        assert!(numbers.period_of(&word) == self.period(), "I7: the slot has the word's period");
        assert!(subscription.map_or(Tier::NONE, |of| of.tier) == word.tier, "R9: a tier is its subscription's");
        assert!(word.attention == (cold.frozen || cold.in_debt), "R33: the word shows a freeze, and debt");
        assert!(!cold.in_debt || word.available.top_up.is_zero(), "R16: debt beside top-up credits");
        let due_at = subscription.map_or(Timestamp::NEVER, |of| of.due_at());
        assert!(self.cycle_ends_at() == due_at, "R10: a wallet is due when its subscription is");
        assert!(self.lapses() == subscription.is_some_and(|of| of.lapses_next()), "R11: the slot tells a lapse");
        assert!(subscription.is_some() || !cold.has_pending, "R12: a change that waits without a subscription");
    }

    /// Takes the wallet's lock. Nobody waits for anything else while holding it.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, Cold> {
        self.cold.lock()
    }

    /// Takes the wallet's lock, unless somebody has it.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Cold>> {
        self.cold.try_lock()
    }
}

/// All slots of a partition, and the directory from accounts to them.
pub struct Wallets {
    segments: Box<[OnceLock<Box<[Slot]>>]>,
    used: AtomicU32,
    directory: Directory<AtomicU32, ()>,
    /// When the cycles end. The lock is the last that anyone takes: nothing is waited for under it.
    pub(crate) cycle_ends: Mutex<TimerWheel>,
}

/// The slot of an account in the directory. The account itself stands in the slot.
impl Cell for AtomicU32 {
    fn empty() -> Self {
        Self::new(0)
    }

    fn copy_from(&self, other: &Self) {
        // Relaxed: the tag publishes it (D2).
        self.store(other.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Twice as many: each time the account of every cell is read from its slot.
    fn more_groups(groups: usize) -> usize {
        groups.saturating_mul(2).max(1)
    }
}

/// Relaxed: written once, before the tag publishes it (D2).
#[inline]
fn index_of(cell: &AtomicU32) -> SlotIndex {
    SlotIndex(cell.load(Ordering::Relaxed))
}

/// Why no wallet was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoWallet {
    /// The account has one.
    Exists,
    /// [`WALLETS_MAX`] are in use.
    Full,
}

/// What a new wallet starts with.
#[derive(Clone, Copy, Debug)]
pub struct NewWallet {
    /// The word.
    pub word: Snapshot,
    /// The zone cohort.
    pub cohort: Cohort,
    /// The full period number of the word.
    pub period: Period,
    /// The active subscription.
    pub subscription: Option<Subscription>,
    /// The rest of the rare state.
    pub cold: Cold,
}

impl Default for Wallets {
    fn default() -> Self {
        Self::new()
    }
}

impl Wallets {
    /// No wallets.
    #[must_use]
    pub fn new() -> Self {
        let segments = (0..SEGMENTS).map(|_| OnceLock::new()).collect();
        Self { segments, used: AtomicU32::new(0), directory: Directory::new(), cycle_ends: Mutex::default() }
    }

    /// The slot of an account.
    #[must_use]
    #[inline]
    pub fn find(&self, account: AccountId) -> Option<SlotIndex> {
        let hash = self.directory.hash(account.0);
        let shard = self.directory.read(hash);
        shard.find(hash, |cell| self.is_of(cell, account)).map(|at| index_of(shard.cell(at)))
    }

    #[inline]
    fn is_of(&self, cell: &AtomicU32, account: AccountId) -> bool {
        self.slot(index_of(cell)).account() == account
    }

    /// The hash by which a look ahead finds an account.
    #[inline]
    pub(crate) fn hash(&self, account: AccountId) -> Hash {
        self.directory.hash(account.0)
    }

    /// The directory, to look at without a lock.
    #[inline]
    pub(crate) fn look(&self) -> Look<'_, AtomicU32> {
        self.directory.look()
    }

    /// The first look at what finds an account.
    #[inline]
    pub(crate) fn touch(&self, look: &Look<'_, AtomicU32>, hash: Hash) -> u64 {
        look.touch(hash, |cell| u64::from(cell.load(Ordering::Relaxed)))
    }

    /// The slot that is most probably the one of an account, for one who looks without a lock.
    #[inline]
    pub(crate) fn guess(&self, look: &Look<'_, AtomicU32>, hash: Hash) -> Option<SlotIndex> {
        look.guess(hash).map(index_of)
    }

    /// A slot that [`Wallets::find`] or [`Wallets::add`] named.
    #[must_use]
    #[inline]
    pub fn slot(&self, index: SlotIndex) -> &Slot {
        let index = usize::try_from(index.0).unwrap_or(usize::MAX);
        let segment = self.segments.get(index / SEGMENT_SLOTS).and_then(OnceLock::get);
        match segment.and_then(|slots| slots.get(index % SEGMENT_SLOTS)) {
            Some(slot) => slot,
            None => panic!("slot {index} was never given out"),
        }
    }

    /// The slot of a number; `None` where none was taken yet.
    #[must_use]
    #[inline]
    pub fn taken(&self, index: SlotIndex) -> Option<&Slot> {
        if index.0 >= self.used.load(Ordering::Acquire) {
            return None;
        }
        let index = usize::try_from(index.0).unwrap_or(usize::MAX);
        self.segments.get(index / SEGMENT_SLOTS).and_then(OnceLock::get)?.get(index % SEGMENT_SLOTS)
    }

    /// Slots in a row, from a number on: at most so many, and none where none was taken yet.
    #[must_use]
    pub fn taken_from(&self, index: SlotIndex, most: u32) -> &[Slot] {
        let end = self.used.load(Ordering::Acquire).min(index.0.saturating_add(most));
        let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let (at, count) = (place(index.0), place(end.saturating_sub(index.0)));
        let from = at % SEGMENT_SLOTS;
        let to = from.saturating_add(count).min(SEGMENT_SLOTS);
        let segment = self.segments.get(at / SEGMENT_SLOTS).and_then(OnceLock::get);
        let slots = segment.and_then(|slots| slots.get(from..to)).unwrap_or_default();
        assert!(slots.len() <= count, "I9: no more slots than were asked for");
        slots
    }

    /// Adds a wallet. `make` runs while nobody else can see or add the account: it pushes the record and says what
    /// the wallet starts with.
    ///
    /// # Errors
    /// The account exists, or no slot is left; `make` is not called then.
    pub fn add(&self, account: AccountId, make: impl FnOnce() -> NewWallet) -> Result<SlotIndex, NoWallet> {
        let hash = self.directory.hash(account.0);
        let shard = &mut *self.directory.write(hash);
        let hash_of = |cell: &AtomicU32| self.directory.hash(self.slot(index_of(cell)).account().0);
        let Err(vacant) = self.directory.find_or_room(shard, hash, |cell| self.is_of(cell, account), hash_of) else {
            return Err(NoWallet::Exists);
        };
        // Relaxed: only the number must be unique.
        let index = self.used.fetch_add(1, Ordering::Relaxed);
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(segment) = self.segments.get(at / SEGMENT_SLOTS) else {
            self.used.fetch_sub(1, Ordering::Relaxed);
            return Err(NoWallet::Full);
        };
        let slots = segment.get_or_init(|| (0..SEGMENT_SLOTS).map(|_| Slot::empty()).collect());
        let Some(slot) = slots.get(at % SEGMENT_SLOTS) else { return Err(NoWallet::Full) };
        assert!(slot.account().is_none(), "a slot is given out once");
        let new = make();
        assert!(Numbers::short_period(new.period) == new.word.period, "I7: the word's period is its short form");
        assert!(new.cohort.0 < LAPSES, "a cohort leaves the bit of the lapse alone");
        // Who walks over the slots finds one without an account, or one that is complete.
        let mut cold = slot.lock();
        let half = |shift: u32| u64::try_from((account.0 >> shift) & u128::from(u64::MAX)).unwrap_or(0);
        slot.account[0].store(half(64), Ordering::Relaxed);
        slot.account[1].store(half(0), Ordering::Relaxed);
        slot.cohort.store(new.cohort.0, Ordering::Relaxed);
        slot.set_period(new.period);
        slot.word.transition(|_| (Some(new.word), ()));
        *cold = new.cold;
        slot.set_subscription(&mut cold, new.subscription.as_ref());
        cold.note_day_begins();
        slot.assert_in_step(&cold);
        drop(cold);
        if new.subscription.is_some() {
            self.note_cycle_end(SlotIndex(index));
        }
        shard.cell(vacant).store(index, Ordering::Relaxed);
        self.directory.fill(shard, vacant, hash);
        assert!(slot.account() == account, "an account is read as it was written");
        Ok(SlotIndex(index))
    }

    /// How many wallets there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.used.load(Ordering::Relaxed))
    }

    /// Every slot, in the order in which they were added.
    pub fn all(&self) -> impl Iterator<Item = SlotIndex> {
        (0..self.used.load(Ordering::Acquire)).map(SlotIndex)
    }
}
