//! What the daemon holds in memory at one moment of a scenario: words, cold sides, entries and what each task is at.
//! All fields are small numbers, so that a state is 300 bytes and its copy is cheap.

use super::record::{Back, COMMANDS, HOLDS, NONE, PAYMENTS, RecordId};

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
    /// The id was spent by a release that came first.
    Tombstone,
}

/// The policies by the first day that each holds for; `u8::MAX` = never.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Policies {
    /// The allowance is larger.
    pub(super) larger: u8,
    /// Subscribed accounts get it too.
    pub(super) everybody: u8,
}

impl Policies {
    pub(super) const NONE: Self = Self { larger: u8::MAX, everybody: u8::MAX };

    /// Another policy: it takes the place of one of its kind.
    pub(super) fn add(&mut self, from_day: u8, everybody: bool) {
        let place = if everybody { &mut self.everybody } else { &mut self.larger };
        *place = (*place).min(from_day);
    }
}

/// What has become of a hold's credits: as its entry and its row both keep it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Settled {
    /// Captured of the hold's own slices, in draw order.
    pub(super) captured: u8,
    /// The numbers of its captures, one bit each, and of its refunds, from bit 4 on.
    pub(super) steps: u8,
    /// The record that drew beside the hold: a capture above it, or a late commit.
    pub(super) drawn: RecordId,
    /// What refunds have undone: of its own slices, and of what was drawn.
    pub(super) undone: [Back; 2],
}

impl Settled {
    const UNDONE: Back = Back { free: 0, subscription: 0, top_up: 0 };
    pub(super) const NOTHING: Self = Self { captured: 0, steps: 0, drawn: NONE, undone: [Self::UNDONE; 2] };

    /// The bit of a capture's number.
    pub(super) fn capture_bit(number: u8) -> u8 {
        1 << number
    }

    /// The bit of a refund's number.
    pub(super) fn refund_bit(number: u8) -> u8 {
        1 << (number + 4)
    }

    /// Marks a step, and says whether it is the first of its number.
    pub(super) fn mark(&mut self, bit: u8) -> bool {
        let first = self.steps & bit == 0;
        self.steps |= bit;
        first
    }
}

/// A directory entry of a hold, a payment or a command.
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
    pub(super) settled: Settled,
    /// Ghost: a release was told that nobody knows this id, and left no tombstone (a rule left out).
    pub(super) disowned: bool,
}

impl Entry {
    pub(super) const ABSENT: Self = Self {
        phase: Phase::Absent,
        owner: None,
        position: 0,
        returned: true,
        extended: false,
        take: NONE,
        settled: Settled::NOTHING,
        disowned: false,
    };

    /// The entry that a reserve or a top-up makes.
    pub(super) fn opened(&self, owner: u8) -> Self {
        Self { phase: Phase::Open, owner: Some(owner), disowned: self.disowned, ..Self::ABSENT }
    }

    /// A refusal leaves no trace.
    pub(super) fn refused(&self) -> Self {
        Self { disowned: self.disowned, ..Self::ABSENT }
    }
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
    pub(super) entries: [Entry; HOLDS + PAYMENTS + COMMANDS],
    pub(super) tasks: [Task; TASKS],
    /// Interned rows that the journal replays to, and its number of records.
    pub(super) rows: u32,
    pub(super) length: u8,
    /// Ticks passed.
    pub(super) now: u8,
    pub(super) policies: Policies,
    pub(super) room: u8,
    /// Credits captured and not refunded so far, as the answers said.
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
