//! Locks that shuttle schedules, as small as parking_lot's: whoever has to wait lets the others run. Under shuttle all
//! tasks share one thread of the system, so that plain cells are enough.
//!
//! Unsafe: `lock_api`'s traits for raw locks are. Each lock below excludes by one atomic integer.

use std::sync::Mutex as Plain;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A place at which another task may go on.
pub fn point() {
    shuttle::thread::sleep(Duration::ZERO);
}

fn wait_until(mut done: impl FnMut() -> bool) {
    point();
    while !done() {
        shuttle::thread::yield_now();
    }
}

/// What is wrong on purpose, so that a test can show that it is found.
pub mod planted {
    use std::cell::Cell;

    /// A bug of the kind that this harness is for.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Bug {
        /// All is well.
        Nothing,
        /// A waiter gives its lock up before it is on the list of those who are woken.
        LostWake,
        /// The exchange of the wallet word looks and stores in two steps.
        TornExchange,
        /// The directory's entry is looked up and made in two steps.
        EntryInTwoSteps,
    }

    thread_local! {
        // All tasks of a schedule share the thread of their test.
        static BUG: Cell<Bug> = const { Cell::new(Bug::Nothing) };
    }

    /// From here on this is wrong, on this thread of the system.
    pub fn plant(bug: Bug) {
        BUG.set(bug);
    }

    /// Whether this is wrong.
    pub fn is(bug: Bug) -> bool {
        BUG.get() == bug
    }
}

/// One byte: nobody or somebody.
pub struct RawMutex(AtomicU8);

// SAFETY: only who has changed the byte from 0 to 1 goes on, and 0 comes back with its unlock.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self(AtomicU8::new(0));
    type GuardMarker = lock_api::GuardSend;

    fn lock(&self) {
        wait_until(|| self.0.compare_exchange(0, 1, SeqCst, SeqCst).is_ok());
    }

    fn try_lock(&self) -> bool {
        point();
        self.0.compare_exchange(0, 1, SeqCst, SeqCst).is_ok()
    }

    unsafe fn unlock(&self) {
        self.0.store(0, SeqCst);
        if !std::thread::panicking() {
            point();
        }
    }
}

const WRITER: u32 = u32::MAX;

/// The number of readers, or the writer.
pub struct RawRwLock(AtomicU32);

impl RawRwLock {
    fn enter(&self, writes: bool) -> bool {
        let now = self.0.load(SeqCst);
        if now == WRITER || writes && now > 0 {
            return false;
        }
        self.0.store(if writes { WRITER } else { now + 1 }, SeqCst);
        true
    }
}

// SAFETY: a writer goes on only where there is nobody, a reader only where there is no writer.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: Self = Self(AtomicU32::new(0));
    type GuardMarker = lock_api::GuardSend;

    fn lock_shared(&self) {
        wait_until(|| self.enter(false));
    }

    fn try_lock_shared(&self) -> bool {
        point();
        self.enter(false)
    }

    unsafe fn unlock_shared(&self) {
        self.0.fetch_sub(1, SeqCst);
        if !std::thread::panicking() {
            point();
        }
    }

    fn lock_exclusive(&self) {
        wait_until(|| self.enter(true));
    }

    fn try_lock_exclusive(&self) -> bool {
        point();
        self.enter(true)
    }

    unsafe fn unlock_exclusive(&self) {
        self.0.store(0, SeqCst);
        if !std::thread::panicking() {
            point();
        }
    }
}

/// A mutex.
pub type Mutex<T> = lock_api::Mutex<RawMutex, T>;
/// Its guard.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// A lock for many readers or one writer.
pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;
/// Its readers' guard.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
/// Its writer's guard.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;

/// A condition variable. Time does not pass here, so that no wait ends by itself: a wake that is lost is a wait for ever.
#[derive(Debug, Default)]
pub struct Condvar {
    tickets: AtomicU64,
    waiting: Plain<Vec<u64>>,
}

/// Whether the time was over: it never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(());

impl WaitTimeoutResult {
    /// Never.
    pub fn timed_out(&self) -> bool {
        false
    }
}

impl Condvar {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self { tickets: AtomicU64::new(0), waiting: Plain::new(Vec::new()) }
    }

    /// Waits until somebody wakes this waiter.
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        let ticket = self.tickets.fetch_add(1, SeqCst);
        let enlist = || self.waiting.lock().unwrap().push(ticket);
        let late = planted::is(planted::Bug::LostWake);
        if !late {
            enlist();
        }
        lock_api::MutexGuard::unlocked(guard, || {
            if late {
                point();
                enlist();
            }
            wait_until(|| !self.waiting.lock().unwrap().contains(&ticket));
        });
    }

    /// The same.
    pub fn wait_for<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, _at_most: Duration) -> WaitTimeoutResult {
        self.wait(guard);
        WaitTimeoutResult(())
    }

    /// The same.
    pub fn wait_until<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>, _until: Instant) -> WaitTimeoutResult {
        self.wait(guard);
        WaitTimeoutResult(())
    }

    /// Wakes the one that waits longest.
    pub fn notify_one(&self) -> bool {
        point();
        let mut waiting = self.waiting.lock().unwrap();
        if waiting.is_empty() {
            return false;
        }
        waiting.remove(0);
        true
    }

    /// Wakes everybody.
    pub fn notify_all(&self) -> usize {
        point();
        std::mem::take(&mut *self.waiting.lock().unwrap()).len()
    }
}
