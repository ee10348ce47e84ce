//! What the daemon holds in memory at one moment of a scenario: words, cold sides, entries and what each task is at.
//! All fields are small numbers, so that a state is 200 bytes and its copy is cheap.

use super::record::{HOLDS, NONE, PAYMENTS, RecordId};

pub(super) const WALLETS: usize = 2;
pub(super) const TASKS: usize = 3;
/// Three operations and the rolls that a left-out rule puts among them.
pub(super) const UNIT: usize = 6;

/// The wallet word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Word {
    pub(super) free: u8,
    pub(super) subscription: u8,
    pub(super) top_up: u8,
    pub(super) day: u8,
    pub(super) cycle: u8,
    pub(super) tier: u8,
    pub(super) attention: bool,
    /// Ghosts, read by checks only: periods really opened, and cycle boundaries that the word reflects.
    pub(super) opened: u8,
    pub(super) rolled: u8,
}

/// The cold side: behind the lock, but for the instants that every request compares with its own time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Cold {
    pub(super) debt: u8,
    pub(super) allocation: u8,
    /// Allocation from the next cycle on; 0 = no pending change.
    pub(super) pending: u8,
    /// The largest allocation granted for this cycle.
    pub(super) largest: u8,
    pub(super) auto_renew: bool,
    pub(super) frozen: bool,
    pub(super) zone: u8,
    /// Cycle boundaries behind: stands for the next instant.
    pub(super) boundaries: u8,
    pub(super) lock: Option<u8>,
    /// Position of the last command or roll applied here.
    pub(super) position: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    Absent,
    Open,
    Settled,
    Expired,
    /// Expired, then committed late out of the wallet.
    Redebited,
}

/// A directory entry of a hold or a payment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Entry {
    pub(super) phase: Phase,
    /// Whose unit holds the entry's last record; nobody's once that is pushed.
    pub(super) owner: Option<u8>,
    /// Place of the last record, from 1; 0 = before the scenario.
    pub(super) position: u8,
    /// What its end gives back is in the word.
    pub(super) returned: bool,
    pub(super) extended: bool,
    /// The record of the take: wallet and slices.
    pub(super) take: RecordId,
}

impl Entry {
    pub(super) const ABSENT: Self =
        Self { phase: Phase::Absent, owner: None, position: 0, returned: true, extended: false, take: NONE };
}

/// A short list of records in a fixed place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Records([RecordId; UNIT]);

impl Records {
    pub(super) const EMPTY: Self = Self([NONE; UNIT]);

    pub(super) fn push(&mut self, record: RecordId) {
        let free = self.0.iter_mut().find(|place| **place == NONE);
        *free.expect("a unit has room for three operations and their rolls") = record;
    }

    pub(super) fn pop_front(&mut self) -> RecordId {
        let first = self.0[0];
        self.0.rotate_left(1);
        self.0[UNIT - 1] = NONE;
        first
    }

    pub(super) fn first(&self) -> RecordId {
        self.0[0]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0[0] == NONE
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = RecordId> {
        self.0.into_iter().take_while(|&record| record != NONE)
    }
}

/// What a task does next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum At {
    /// Take room in the queue (only where a scenario limits it).
    Room,
    /// Begin the operation: meet its entry, read the time.
    Start,
    /// Look whether the wallet is due, then decide on the word.
    Decide,
    /// Make the entry after the word (a rule left out).
    Enter,
    RollLock,
    RollPush,
    RollWord,
    RollDone,
    CommandLock,
    ClawbackWord,
    ClawbackBit,
    CommandPush,
    CommandApply,
    /// The cold side after the word, where a command opens a period.
    CommandCold,
    PackLock,
    PackPush,
    PackApply,
    /// Push the unit.
    Push,
    /// Apply what is pushed and not yet in the word.
    Apply,
    /// Bring the own queue into the journal (a rule left out).
    Merge,
    /// Write the debt read a step before (a rule left out).
    ApplyNet,
    Done,
}

/// One connection's task.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Task {
    /// Index of the operation in the frame.
    pub(super) op: u8,
    pub(super) at: At,
    /// The time of the operation: how many ticks had passed when it began.
    pub(super) now: u8,
    /// A roll or command decided and not yet applied.
    pub(super) draft: RecordId,
    /// A small number kept between two steps: a place in a packed roll, a debt or a zone read before.
    pub(super) saved: u8,
    pub(super) room: u8,
    pub(super) unit: Records,
    /// In the unit or pushed, not yet in the word.
    pub(super) unapplied: Records,
    /// The answer leaves when this many records are durable.
    pub(super) needs: u8,
    /// Ghost: the answer tells of effects up to this position.
    pub(super) rests_on: u8,
}

impl Task {
    /// A task that is not there, and what every task becomes: nothing of its way is kept.
    pub(super) const DONE: Self = Self {
        op: 0,
        at: At::Done,
        now: 0,
        draft: NONE,
        saved: 0,
        room: 0,
        unit: Records::EMPTY,
        unapplied: Records::EMPTY,
        needs: 0,
        rests_on: 0,
    };

    /// The answer tells of another request's effect at `position`, and waits for it if the rule is kept.
    pub(super) fn rest_on(&mut self, position: u8, waits: bool) {
        self.rests_on = self.rests_on.max(position);
        if waits {
            self.needs = self.needs.max(position);
        }
    }
}

/// The whole of it. The journal is known by what it replays to: nothing appended later can tell two journals with the
/// same rows apart, and every prefix has been checked when it was made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub(super) words: [Word; WALLETS],
    pub(super) colds: [Cold; WALLETS],
    pub(super) entries: [Entry; HOLDS + PAYMENTS],
    pub(super) tasks: [Task; TASKS],
    /// Interned rows that the journal replays to, and its number of records.
    pub(super) rows: u32,
    pub(super) length: u8,
    /// Ticks passed.
    pub(super) now: u8,
    /// First day of the new allowance; `u8::MAX` = none.
    pub(super) policy: u8,
    pub(super) room: u8,
    /// Credits captured so far, as the answers said.
    pub(super) spent: u8,
}

impl State {
    pub(super) fn wallet_mut(&mut self, wallet: u8) -> (&mut Word, &mut Cold) {
        let index = usize::from(wallet);
        (&mut self.words[index], &mut self.colds[index])
    }

    /// The cold sides that task `me` has locked.
    pub(super) fn locked_by(&mut self, me: usize) -> impl Iterator<Item = &mut Cold> {
        self.colds.iter_mut().filter(move |cold| cold.lock.is_some_and(|holder| usize::from(holder) == me))
    }
}

impl Cold {
    pub(super) fn is_locked_by_another(&self, me: usize) -> bool {
        self.lock.is_some_and(|holder| usize::from(holder) != me)
    }
}
