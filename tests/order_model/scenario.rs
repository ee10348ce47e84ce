//! One scenario: where it starts, which boundaries pass, and which frames meet.

use std::fmt;

use super::{
    record::{COMMANDS, HOLDS, Op, PAYMENTS, Record, Slices},
    replay::{HoldRow, Row, Rows, signed},
    state::{At, Cold, Entry, Phase, Policies, Settled, State, TASKS, Task, Word},
    step::name,
    world::World,
};

pub(super) const ALLOCATION: u8 = 3;
pub(super) const ALLOCATION_LARGE: u8 = 5;
pub(super) const ALLOCATION_SMALL: u8 = 1;

/// Free credits of a day: only without a subscription, but where a policy gives them to everybody; and one more from the
/// other policy's first day on.
pub(super) fn allowance(day: u8, tier: u8, policies: Policies) -> i8 {
    match (tier == 0 || day >= policies.everybody, day >= policies.larger) {
        (true, false) => 2,
        (true, true) => 3,
        (false, _) => 0,
    }
}

/// The state of wallet 0 at the beginning; wallet 1 is always subscribed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    Subscribed,
    /// Subscribed, and the cycle's end is a lapse.
    Lapsing,
    Free,
}

/// Boundaries that pass in one instant.
#[derive(Clone, Copy)]
pub(super) struct Tick {
    pub(super) cycle: bool,
    /// Wallets begin in zone 0 and may be moved to zone 1.
    pub(super) day_of_zone: [bool; 2],
}

pub(super) type Ticks = &'static [Tick];

/// One scenario: every interleaving of its frames and ticks is visited.
pub(super) struct Scenario {
    pub(super) start: Start,
    pub(super) ticks: Ticks,
    /// One frame a connection, each one chunk.
    pub(super) frames: Vec<Vec<Op>>,
    /// Records that the queue has room for; 0 = more than needed.
    pub(super) room: u8,
    /// Hold 0 has been captured as a whole before.
    pub(super) captured: bool,
    /// Commands have ids: the same command in another frame is a retry on another connection.
    pub(super) retried: bool,
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = match self.day_of_zone {
            [false, false] => "",
            [true, false] => "the day of zone 0",
            [false, true] => "the day of zone 1",
            [true, true] => "the day",
        };
        let cycle = if self.cycle { "the cycle" } else { "" };
        let and = if self.cycle && !days.is_empty() { " and " } else { "" };
        write!(f, "{cycle}{and}{days} ends")
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wallet 0 is {:?}", self.start)?;
        if self.captured {
            write!(f, ", hold 0 is captured")?;
        }
        if self.retried {
            write!(f, ", commands have ids")?;
        }
        for (number, tick) in self.ticks.iter().enumerate() {
            write!(f, ", tick {}: {tick}", number + 1)?;
        }
        for (frame, letter) in self.frames.iter().zip('A'..) {
            write!(f, "\n  {letter}: {frame:?}")?;
        }
        Ok(())
    }
}

impl Scenario {
    pub(super) fn new(start: Start, ticks: Ticks, frames: Vec<Vec<Op>>) -> Self {
        Self { start, ticks, frames, room: 0, captured: false, retried: false }
    }

    /// The first state: holds 0 and 1 are open, their records are in the journal's past.
    pub(super) fn initial(&self, world: &mut World<'_>) -> State {
        let slices = |free, subscription, top_up| Slices { free, subscription, top_up, ..Slices::default() };
        let (words, taken) = match self.start {
            Start::Subscribed | Start::Lapsing => {
                ([word(1, 1, 1, 1), word(0, 2, 0, 1)], [slices(1, 1, 1), slices(0, 1, 1)])
            }
            Start::Free => ([word(0, 0, 1, 0), word(0, 2, 0, 1)], [slices(1, 0, 1), slices(1, 0, 0)]),
        };
        let auto_renew = self.start != Start::Lapsing;
        let colds = words.map(|word| cold(if word.tier > 0 { ALLOCATION } else { 0 }, auto_renew));
        let mut entries = [Entry::ABSENT; HOLDS + PAYMENTS + COMMANDS];
        let mut spent = 0;
        let mut holds = [HoldRow::ABSENT; HOLDS];
        for (hold, slices) in taken.into_iter().enumerate() {
            let take = world.intern(Record::Take { hold: name(hold), wallet: 0, slices, redebit: false });
            let captured = if self.captured && hold == 0 { slices.sum() } else { 0 };
            let phase = if captured > 0 { Phase::Settled } else { Phase::Open };
            let settled = Settled { captured, ..Settled::NOTHING };
            entries[hold] = Entry { phase, take, settled, ..Entry::ABSENT };
            holds[hold] = HoldRow { phase, take, settled, ..HoldRow::ABSENT };
            spent += captured;
        }
        let mut wallets = [row(&words[0], &colds[0]), row(&words[1], &colds[1])];
        wallets[0].granted += taken.iter().map(|slices| signed(slices.sum())).sum::<i8>();
        let policies = Policies::NONE;
        let rows = Rows { wallets, holds, payments: 0, commands: 0, policies, spent: signed(spent) };
        let rows = world.intern_rows(rows);
        let mut tasks = [Task::DONE; TASKS];
        let at = if self.room > 0 { At::Room } else { At::Start };
        for task in &mut tasks[..self.frames.len()] {
            task.at = at;
        }
        State { words, colds, entries, tasks, rows, length: 0, now: 0, policies, room: self.room, spent }
    }
}

fn word(free: u8, subscription: u8, top_up: u8, tier: u8) -> Word {
    Word { free, subscription, top_up, day: 0, cycle: 0, tier, attention: false, opened: 0, rolled: 0 }
}

fn cold(allocation: u8, auto_renew: bool) -> Cold {
    Cold {
        debt: 0,
        allocation,
        pending: 0,
        largest: allocation,
        auto_renew,
        frozen: false,
        zone: 0,
        boundaries: 0,
        lock: None,
        position: 0,
    }
}

fn row(word: &Word, cold: &Cold) -> Row {
    Row {
        free: signed(word.free),
        subscription: signed(word.subscription),
        top_up: signed(word.top_up),
        day: 0,
        cycle: 0,
        tier: word.tier,
        debt: 0,
        allocation: cold.allocation,
        pending: 0,
        largest: cold.largest,
        auto_renew: cold.auto_renew,
        frozen: false,
        zone: 0,
        boundaries: 0,
        expired_free: 0,
        expired_subscription: 0,
        clawed_back: 0,
        granted: signed(word.free) + signed(word.subscription) + signed(word.top_up),
        days: 1,
    }
}
