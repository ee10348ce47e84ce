//! The engine: wallets, holds and the order between memory and journal (design, section 4).
//!
//! A *unit* is what one chunk of operations pushes to the journal in one piece. The order of effects is
//!
//! 1. takes change the word, then their record joins the unit;
//! 2. the unit is pushed: every record has its place;
//! 3. gives of the unit change the words;
//! 4. the directory entries of the unit's holds get their positions, which ends the wait of whoever met them.
//!
//! Steps 2 to 4 run without a pause on the caller's task. Nothing here waits: who must wait is told so, with
//! his own unit pushed.

use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};
use thiserror::Error;

use crate::beside::Beside;
use crate::bucket::{Bucket, Slices, Sources, Split};
use crate::calendar::{Cohorts, Today};
use crate::chores::Chores;
use crate::chunk::{Chunk, Unit};
use crate::credits::Credits;
use crate::hold::Hold;
use crate::holds::{Holds, Place, UnitNumber};
use crate::ids::{AccountId, HoldId, Now, Position, Timestamp};
use crate::ledger::{CommandKey, CommandRow};
use crate::offers::WithoutTopUp;
use crate::open_holds::RecordNumber;
use crate::plan::PlanCatalog;
use crate::policy::FreePolicies;
use crate::rate_card::RateCard;
use crate::record::Record;
use crate::request::{Answer, Operation};
use crate::resets::Resets;
use crate::settings::Settings;
use crate::slot::{Cold, Slot, SlotIndex, Wallets};
use crate::subscription::PendingChange;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::top_up::PendingTopUps;
use crate::word::{Bits, Give, Numbers, Snapshot};

/// Operations in a chunk, at most: a big frame yields between chunks.
pub const CHUNK_OPERATIONS_MAX: usize = 64;

/// Holds that time, or one command, ends in one unit at most: nobody waits for these answers, and each unit is a walk or a
/// search of its own.
pub const SWEEP_HOLDS_MAX: usize = 512;

/// Fewer operations than this are decided without a look ahead.
const WARM_OPERATIONS_MIN: usize = 16;

const _: () = assert!(WARM_OPERATIONS_MIN <= CHUNK_OPERATIONS_MAX, "a full chunk is looked at");
const _: () = assert!(CHUNK_OPERATIONS_MAX <= SWEEP_HOLDS_MAX, "I9: what time ends in a unit is more than a chunk");

/// The FIFO of the partition.
pub trait Journal: Send + Sync {
    /// Gives the records their places, in order and in one piece, and says the first. Room has been taken before.
    fn push(&self, records: &[Record]) -> Position;
    /// The same for what nobody waits for: it may lie there until the next push, or until somebody asks for it.
    fn push_in_passing(&self, records: &[Record]) -> Position {
        self.push(records)
    }
    /// The last position given.
    fn pushed(&self) -> Position;
}

/// What the projections know, readable from any thread.
pub trait Archive: Send + Sync {
    /// A hold, open or ended.
    ///
    /// # Errors
    /// The disk cannot be read.
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError>;
    /// A command or a payment.
    ///
    /// # Errors
    /// The disk cannot be read.
    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError>;
    /// The last position whose effects the reads above show.
    fn reached(&self) -> Position;
    /// The last position that a start would find.
    fn flushed(&self) -> Position;
}

/// The projections cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("the projections cannot be read: {0}")]
pub struct ArchiveError(pub String);

/// Why an operation cannot be decided yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// What it rests on is in the own unit, which must be pushed first.
    OwnUnit,
    /// What it rests on is in flight on another task.
    Elsewhere,
    /// What it rests on must be read from the projections, which have not reached this position.
    Projected(Position),
    /// The projections cannot be read, or memory has no room for what they would bring.
    Unreadable,
}

/// How far a chunk has come.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Run {
    /// Every operation has its answer; they may leave when [`Chunk::needs`] is durable.
    Done,
    /// An entry is in flight on another task: let it run, then call again with the same operations.
    Yield,
    /// Call again with the same operations when the projections have reached this position.
    Projected(Position),
}

/// The wallets and holds of one partition, and the rules that change them.
pub struct Engine<J, A> {
    pub(crate) settings: Settings,
    pub(crate) journal: J,
    pub(crate) archive: A,
    pub(crate) wallets: Wallets,
    pub(crate) holds: Holds,
    pub(crate) cohorts: Cohorts,
    pub(crate) policies: RwLock<FreePolicies>,
    pub(crate) debts: Mutex<std::collections::HashMap<SlotIndex, Credits>>,
    /// What the words have no place for.
    pub(crate) beside: Beside,
    /// The plan changes that wait for the next boundary of their accounts (R12).
    pub(crate) pending_changes: Mutex<std::collections::HashMap<AccountId, PendingChange>>,
    pub(crate) plans: RwLock<Arc<PlanCatalog>>,
    pub(crate) without_top_up: WithoutTopUp,
    pub(crate) top_ups: Mutex<PendingTopUps>,
    pub(crate) rates: RwLock<Arc<RateCard>>,
    pub(crate) commands: DashMap<CommandKey, CommandRow>,
    pub(crate) id_bound: AtomicU64,
    /// Nothing new is decided about ended holds whose own time is earlier: the disk drops them.
    pub(crate) remembered_from: AtomicU64,
    pub(crate) bound_on_its_way: Mutex<Option<(Timestamp, Position)>>,
    pub(crate) expire_from: AtomicU64,
    /// Whether the newest allowance goes to subscribed accounts too; Relaxed, because it only tells.
    pub(crate) free_for_all: AtomicBool,
    /// Whether there is a date without an allowance; Relaxed, because it only tells.
    pub(crate) free_can_be_none: AtomicBool,
    pub(crate) resets: Resets,
    pub(crate) chores: Chores,
    units: AtomicU64,
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// An engine without wallets; the `load_*` functions fill it.
    pub fn new(settings: Settings, journal: J, archive: A) -> Self {
        settings.assert_in_range();
        Self {
            settings,
            journal,
            archive,
            wallets: Wallets::new(),
            holds: Holds::new(),
            cohorts: Cohorts::new(),
            policies: RwLock::new(FreePolicies::new()),
            debts: Mutex::default(),
            beside: Beside::default(),
            pending_changes: Mutex::default(),
            plans: RwLock::default(),
            without_top_up: WithoutTopUp::default(),
            top_ups: Mutex::default(),
            rates: RwLock::default(),
            commands: DashMap::new(),
            id_bound: AtomicU64::new(0),
            remembered_from: AtomicU64::new(0),
            bound_on_its_way: Mutex::new(None),
            expire_from: AtomicU64::new(0),
            free_for_all: AtomicBool::new(false),
            free_can_be_none: AtomicBool::new(false),
            resets: Resets::default(),
            chores: Chores::default(),
            units: AtomicU64::new(1),
        }
    }

    /// The state of one connection's chunks.
    pub fn chunk(&self) -> Chunk {
        Chunk::new(self.next_unit())
    }

    /// The journal's push side.
    pub const fn journal(&self) -> &J {
        &self.journal
    }

    /// The projections' read side.
    pub const fn archive(&self) -> &A {
        &self.archive
    }

    /// Runs the operations from where the chunk stands. Never waits, and never returns with records that are not
    /// pushed.
    pub fn run(&self, chunk: &mut Chunk, operations: &[Operation], now: Now) -> Run {
        assert!(operations.len() <= CHUNK_OPERATIONS_MAX, "a chunk is too long");
        assert!(chunk.answers.len() <= operations.len(), "more answers than operations");
        chunk.operations = operations.len();
        self.look_ahead(chunk, operations);
        let mut run = Run::Done;
        while let Some(operation) = operations.get(chunk.answers.len()) {
            match self.decide(chunk, operation, now) {
                Ok(answer) => chunk.answers.push(answer),
                Err(Wait::OwnUnit) => self.push(chunk, now),
                Err(Wait::Unreadable) => chunk.answers.push(overloaded()),
                Err(Wait::Elsewhere) => {
                    run = Run::Yield;
                    break;
                }
                Err(Wait::Projected(position)) => {
                    run = Run::Projected(position);
                    break;
                }
            }
        }
        self.push(chunk, now);
        assert!(chunk.unit.records.is_empty(), "nothing is left that is not pushed");
        assert!(run != Run::Done || chunk.answers.len() >= operations.len(), "every operation has its answer");
        assert!(chunk.answers.len() <= operations.len(), "every operation has one answer");
        assert!(chunk.unit.gives.is_empty(), "nothing is left that is not given");
        run
    }

    /// Looks at the slots and holds of a long run of operations before the first is decided: the processor fetches them
    /// at the same time, where each operation alone would wait for its own.
    fn look_ahead(&self, chunk: &mut Chunk, operations: &[Operation]) {
        chunk.looked.clear();
        chunk.looked_from = chunk.answers.len();
        let operations = operations.get(chunk.looked_from..).unwrap_or_default();
        if operations.len() < WARM_OPERATIONS_MIN {
            return;
        }
        let (wallets, holds) = (self.wallets.look(), self.holds.look());
        let mut seen = 0;
        // What a pass looks at, it has from the pass before: nothing in a pass waits for anything else in it.
        chunk.hashes.clear();
        for operation in operations {
            let (account, hold) = wallet_and_hold(operation);
            let hashes = (account.map(|account| self.wallets.hash(account)), self.holds.hash(hold));
            seen |= self.holds.touch(&holds, hashes.1) | hashes.0.map_or(0, |hash| self.wallets.touch(&wallets, hash));
            chunk.hashes.push(hashes);
        }
        for hashes in &chunk.hashes {
            chunk.looked.push(hashes.0.and_then(|hash| self.wallets.guess(&wallets, hash)));
            chunk.guessed.push(self.holds.guess(&holds, hashes.1));
        }
        drop((wallets, holds));
        assert!(chunk.looked.len() == operations.len(), "every operation is looked at");
        assert!(chunk.guessed.len() == operations.len(), "every operation is looked at");
        for (slot, guessed) in chunk.looked.iter_mut().zip(&chunk.guessed) {
            seen |= slot.and_then(|index| self.wallets.taken(index)).map_or(0, Slot::touch);
            if let (None, Some(record)) = (*slot, guessed.record()) {
                *slot = self.holds.open_holds.look_at(record);
            }
        }
        for ((operation, hashes), slot) in operations.iter().zip(&chunk.hashes).zip(&mut chunk.looked) {
            let guessed = slot.and_then(|index| self.wallets.taken(index));
            if hashes.0.is_none() {
                seen |= guessed.map_or(0, Slot::touch);
            }
            // A slot is an account's for ever (D3): what was guessed right, stays right.
            if guessed.map(Slot::account) != wallet_and_hold(operation).0 {
                *slot = None;
            }
        }
        chunk.guessed.clear();
        std::hint::black_box(seen);
    }

    fn decide(&self, chunk: &mut Chunk, operation: &Operation, now: Now) -> Result<Answer, Wait> {
        match operation {
            Operation::Reserve(request) => self.reserve(chunk, request, false, now),
            Operation::Charge(request) => self.reserve(chunk, request, true, now),
            Operation::Commit { account, hold, request } => self.commit(chunk, *account, *hold, request, now),
            Operation::Release { account, hold } => self.release(chunk, *account, *hold, now),
            Operation::Refund { account, hold, number, amount, reason } => {
                self.refund(chunk, *account, *hold, (*number, *amount, *reason), now)
            }
            Operation::Extend { account, hold, ttl_ms } => self.extend(chunk, *account, *hold, *ttl_ms, now),
            Operation::Balance { account } => Ok(self.balance(*account, now)),
            Operation::Malformed { field } => Ok(Answer::bad_request(*field)),
        }
    }

    /// Pushes the unit, applies its gives, then marks its entries.
    pub(crate) fn push(&self, chunk: &mut Chunk, now: Now) {
        if chunk.unit.records.is_empty() {
            return;
        }
        assert!(chunk.unit.marks.len() == chunk.unit.records.len(), "every record has its mark");
        let first = self.journal.push(&chunk.unit.records);
        assert!(first > Position::NONE, "a record has a place");
        let mut gives = std::mem::take(&mut chunk.unit.gives);
        for (slot, slices) in gives.drain(..) {
            self.give(self.wallets.slot(slot), slot, &slices, now);
        }
        chunk.unit.gives = gives;
        let Unit { ends, ended, spare, .. } = &mut chunk.unit;
        self.holds.open_holds.follow(ends, ended, spare);
        let opened = std::mem::take(&mut chunk.unit.opened);
        self.holds.count_open((now.daemon, opened), &mut chunk.unit.closed);
        let mut position = first;
        for (index, (mark, record)) in chunk.unit.marks.iter().zip(&chunk.unit.records).enumerate() {
            let place = Place::pending(chunk.unit.number, index);
            if let Some(mut held) = self.holds.find(mark.hold) {
                held.mark((record, place), position);
            }
            if let Some(answer) = chunk.answers.get_mut(mark.answer) {
                answer.position = position;
                answer.needs = answer.needs.max(position);
            }
            position = position.plus(1);
        }
        assert!(position > first, "a unit has records, and each has its place");
        assert!(chunk.unit.closed.is_empty(), "every end is counted");
        assert!(chunk.unit.spare.is_empty(), "records that are in no use go back");
        chunk.unit.records.clear();
        chunk.unit.marks.clear();
        chunk.unit.number = self.next_unit();
    }

    /// A record for the hold at hand; more are taken out at once, for the operations that follow.
    pub(crate) fn new_record(&self, chunk: &mut Chunk) -> RecordNumber {
        let to_come = chunk.operations.saturating_sub(chunk.answers.len()).max(1);
        let spare = &mut chunk.unit.spare;
        if spare.is_empty() {
            self.holds.open_holds.allocate(to_come, spare);
        }
        match spare.pop() {
            Some(record) => {
                assert!(spare.len() < CHUNK_OPERATIONS_MAX.max(to_come), "I9: records taken out have a limit");
                record
            }
            None => panic!("a record was taken out"),
        }
    }

    fn next_unit(&self) -> UnitNumber {
        // Relaxed: only the number must be unique.
        let number = self.units.fetch_add(1, Ordering::Relaxed);
        assert!(number <= UnitNumber::MAX, "a unit's number fits a place");
        UnitNumber(number)
    }

    pub(crate) fn today(&self, slot: &Slot, now: Now) -> Today {
        self.cohorts.today(slot.cohort(), now.daemon)
    }

    pub(crate) fn numbers(&self, slot: &Slot, now: Now) -> Numbers {
        Numbers { day: self.today(slot, now).day, period: slot.period() }
    }

    /// Gives slices back; parts of ended periods expire (R24). Meets debt under the lock (R16).
    pub(crate) fn give(&self, slot: &Slot, index: SlotIndex, slices: &Slices, now: Now) {
        let numbers = self.numbers(slot, now);
        let given = slot.word.transition(|word| {
            let back = running(word, slices, &numbers);
            match word.give(&back, &Bits::WIDE) {
                // Nearly always all of it fits, and nothing is over.
                Give::Given(next) if next.available == word.available.plus(&back) => (Some(next), Some(Split::ZERO)),
                Give::Given(next) => (Some(next), Some(word.over(&back, &Bits::WIDE))),
                Give::Attention => (None, None),
            }
        });
        assert!(given.is_none_or(|over| over.at_most(&slices.split) == over), "I1: no more is over than came back");
        match given {
            Some(split) => self.beside.add(slot.account(), &Slices { split, ..*slices }),
            None => self.give_under_lock((index, slot), &mut slot.lock(), slices, now),
        }
    }

    /// A give under the lock: nets debt, and lets the attention bit go with it (R16).
    pub(crate) fn give_under_lock(
        &self,
        (index, slot): (SlotIndex, &Slot),
        cold: &mut Cold,
        slices: &Slices,
        now: Now,
    ) {
        let numbers = self.numbers(slot, now);
        let top_up = slices.split.top_up;
        let repaid = self.repay(index, cold, top_up);
        let attention = cold.frozen || cold.in_debt;
        let rest = Slices { split: slices.split.minus(&Split::only(Bucket::TopUp, repaid)), ..*slices };
        assert!(!cold.in_debt || rest.split.top_up.is_zero(), "R16: top-up credits beside debt");
        assert!(repaid <= top_up, "R16: no more is repaid than comes in");
        let split = slot.word.transition(|word| {
            let back = running(word, &rest, &numbers);
            (Some(Snapshot { attention, ..word.plus(&back, &Bits::WIDE) }), word.over(&back, &Bits::WIDE))
        });
        self.beside.add(slot.account(), &Slices { split, ..rest });
        slot.assert_in_step(cold);
    }

    /// Lowers the debt by at most `amount` and says by how much; call with the lock held.
    pub(crate) fn repay(&self, index: SlotIndex, cold: &mut Cold, amount: Credits) -> Credits {
        let mut debts = self.debts.lock();
        let Some(debt) = debts.get_mut(&index) else { return Credits::ZERO };
        assert!(!debt.is_zero(), "R16: a debt of nothing");
        assert!(cold.in_debt, "R16: a debt that the cold side does not know of");
        let repaid = amount.min(*debt);
        *debt -= repaid;
        if debt.is_zero() {
            debts.remove(&index);
            cold.in_debt = false;
        }
        assert!(repaid == amount || !cold.in_debt, "R16: what comes in repays debt first");
        repaid
    }

    /// The wallet as it is once slices have come back: debt is repaid before anything else (R16). To be told, not to be
    /// stored: it may have more than a word holds.
    pub(crate) fn after_give(&self, index: SlotIndex, word: &Snapshot, returned: &Split) -> Snapshot {
        let mut back = *returned;
        if word.attention {
            back.top_up = back.top_up.saturating_sub(self.debt_of(index));
        }
        assert!(back.top_up <= returned.top_up, "R16: debt lowers what comes back");
        Snapshot { available: word.available.plus(&back), ..*word }
    }

    /// What a wallet owes.
    pub(crate) fn debt_of(&self, index: SlotIndex) -> Credits {
        self.debts.lock().get(&index).copied().unwrap_or_default()
    }

    /// Fills in what every answer about a wallet tells: what is available and when the next reset comes.
    pub(crate) fn tell(&self, answer: Answer, slot: &Slot, word: &Snapshot, now: Now) -> Answer {
        Answer {
            available: self.available(slot, word, now),
            next_reset_at: self.next_reset(slot, word, Sources::ALL, now),
            top_up_allowed: self.top_up_allowed(slot, word),
            ..answer
        }
    }

    /// When the next credits come into one of these buckets; none where waiting brings nothing (R4, R40). A lapse brings
    /// none: after it the daily ones come back, with the first day that begins at it or later (R7).
    pub(crate) fn next_reset(&self, slot: &Slot, word: &Snapshot, sources: Sources, now: Now) -> Timestamp {
        let (due_at, lapses) = (slot.cycle_ends_at(), slot.lapses());
        let daily = word.tier == crate::ids::Tier::NONE || self.free_for_all.load(Ordering::Relaxed);
        let mut free = match () {
            () if !sources.contains(Bucket::Free) => Timestamp::NEVER,
            () if daily => self.next_day(slot, word, self.today(slot, now)),
            () if lapses && due_at != Timestamp::NEVER => {
                let day_ends = self.cohorts.end_of_day_at(slot.cohort(), due_at.minus_millis(1));
                day_ends.max(self.next_day(slot, word, self.today(slot, now)))
            }
            () => Timestamp::NEVER,
        };
        // Relaxed: as with the other flag, it only tells.
        if self.free_can_be_none.load(Ordering::Relaxed) && free != Timestamp::NEVER {
            let day = self.cohorts.day_at(slot.cohort(), free);
            if self.policies.read().allowance_of_unsubscribed(day).is_zero() {
                free = Timestamp::NEVER;
            }
        }
        let brings = !lapses && sources.contains(Bucket::Subscription);
        let next = if brings { free.min(due_at) } else { free };
        assert!(next > Timestamp::NONE, "R4: a reset comes at an instant");
        assert!(daily || !lapses || due_at > Timestamp::NONE, "R11: a lapse comes at an instant");
        if next == Timestamp::NEVER { Timestamp::NONE } else { next }
    }

    /// When the next free credits come: at the end of today, or of the later day that the word already has, after a move
    /// to the west (R6).
    fn next_day(&self, slot: &Slot, word: &Snapshot, today: Today) -> Timestamp {
        if word.day == Numbers::short_day(today.day) {
            return today.ends_at;
        }
        let day = Numbers { day: today.day, period: slot.period() }.day_of(word);
        assert!(day != today.day, "R6: two days with one short form");
        if day > today.day { self.cohorts.end_of(slot.cohort(), day) } else { today.ends_at }
    }
}

/// The account of a request that names a wallet to take from, and the hold of one that is about a hold.
#[inline]
const fn wallet_and_hold(operation: &Operation) -> (Option<AccountId>, HoldId) {
    match operation {
        Operation::Reserve(request) | Operation::Charge(request) => (Some(request.account), request.hold),
        Operation::Commit { hold, .. }
        | Operation::Release { hold, .. }
        | Operation::Refund { hold, .. }
        | Operation::Extend { hold, .. } => (None, *hold),
        Operation::Balance { account } => (Some(*account), HoldId::NONE),
        Operation::Malformed { .. } => (None, HoldId::NONE),
    }
}

/// The part of slices that belongs to the periods that run in this word.
pub(crate) fn running(word: &Snapshot, slices: &Slices, numbers: &Numbers) -> Split {
    let mut split = slices.split;
    if !split.free.is_zero() && numbers.day_of(word) != slices.day {
        split.free = Credits::ZERO;
    }
    if !split.subscription.is_zero() && numbers.period_of(word) != slices.period {
        split.subscription = Credits::ZERO;
    }
    assert!(split.top_up == slices.split.top_up, "R24: top-up credits always come back");
    split
}

/// How long a caller is asked to wait before the same request is sent again.
pub const RETRY_AFTER_MS: u32 = 100;

/// The refusal of a daemon that cannot decide now.
pub(crate) const fn overloaded() -> Answer {
    let mut answer = Answer::of(crate::outcome::Outcome::Overloaded);
    answer.detail = RETRY_AFTER_MS;
    answer
}
