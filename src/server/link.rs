//! What ties the rules to the journal: records are encoded and pushed on the caller's thread, and counted for its room.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use journal::{Class, EncodedUnit, Queue};
use wallet::engine::Journal;
use wallet::ids::Position;
use wallet::record::Record;

use crate::metrics::Flows;

thread_local! {
    /// Reused from push to push: the rules push from whatever thread a connection runs on.
    static UNIT: RefCell<EncodedUnit> = RefCell::new(EncodedUnit::new());
    /// Records pushed by this thread since [`counted`] began.
    static PUSHED: Cell<u32> = const { Cell::new(0) };
}

/// The rules' side of the journal's queue.
#[derive(Clone, Debug)]
pub struct JournalLink {
    queue: Arc<Queue>,
    flows: Arc<Flows>,
}

impl JournalLink {
    /// A link to this queue.
    #[must_use]
    pub const fn new(queue: Arc<Queue>, flows: Arc<Flows>) -> Self {
        Self { queue, flows }
    }
}

impl Journal for JournalLink {
    fn push(&self, records: &[Record]) -> Position {
        let first = self.push_in_passing(records);
        self.queue.ring();
        first
    }

    fn push_in_passing(&self, records: &[Record]) -> Position {
        self.flows.count(records);
        UNIT.with_borrow_mut(|unit| {
            unit.clear();
            if let Err(error) = journal::codec::encode_unit(records, unit) {
                panic!("the rules bound every record: {error}");
            }
            PUSHED.set(PUSHED.get() + unit.records());
            Position(self.queue.push_in_passing(unit).0)
        })
    }

    fn pushed(&self) -> Position {
        Position(self.queue.pushed().0)
    }
}

/// Runs something that pushes on this thread, and says how many records it pushed.
pub fn counted<T>(run: impl FnOnce() -> T) -> (T, u32) {
    PUSHED.set(0);
    let result = run();
    (result, PUSHED.take())
}

/// Room in the journal that was taken; what is not used goes back when this is dropped.
#[derive(Debug)]
pub struct Room {
    queue: Arc<Queue>,
    left: u32,
}

impl Room {
    /// Takes room for so many records, or nothing.
    #[must_use]
    pub fn take(queue: &Arc<Queue>, records: u32, class: Class) -> Option<Self> {
        queue.try_take_room(records, class).then(|| Self { queue: Arc::clone(queue), left: records })
    }

    /// Says that so many records of the room were pushed: that part comes back when they are durable. Whoever pushed them may
    /// wait for that, so that the writer is woken for those that were pushed in passing.
    ///
    /// # Panics
    /// When more was pushed than there was room for: the queue would not be bounded (I9).
    pub fn used(&mut self, records: u32) {
        self.used_in_passing(records);
        if records > 0 {
            self.queue.ring();
        }
    }

    /// The same where nobody waits for them.
    ///
    /// # Panics
    /// As [`used`](Self::used).
    pub fn used_in_passing(&mut self, records: u32) {
        match self.left.checked_sub(records) {
            Some(left) => self.left = left,
            None => panic!("I9: {records} records pushed with room for {}", self.left),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.queue.give_back(self.left);
    }
}
