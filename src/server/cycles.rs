//! Cycles that ended, rolled in bulk behind the requests: room before locks, and never more on the way into the journal than
//! the requests beside it bear.

use std::collections::VecDeque;
use std::time::Duration;

use journal::Class;
use wallet::cycles::{CycleRolls, PACKED_ROLLS_MAX};
use wallet::engine::Journal;
use wallet::ids::Position;
use wallet::resets::ResetTotals;

use crate::clock::{Clock, Stopwatch};
use crate::daemon::Daemon;
use crate::link::{Room, counted};
use crate::resets::{ResetKind, Run};

/// Packed rolls that may be on their way into the journal: they go with the groups of the requests beside them, and no more of
/// them than a group bears.
const PACKED_ROLLS_ON_THEIR_WAY_MAX: usize = 2;
/// How long a packed roll waits for a group to go with before it gets one of its own: a sync more takes from the requests what
/// a few kilobytes more in one of theirs do not.
const GROUP_OF_ITS_OWN_AFTER: Duration = Duration::from_millis(1);

/// Cycles that are rolled in bulk (R10), a packed record at a time.
#[derive(Debug, Default)]
pub struct Cycles {
    rolls: CycleRolls,
    /// The positions of the packed records that are not known to be durable.
    on_their_way: VecDeque<(Position, Stopwatch)>,
    rolled: usize,
    /// The run that is under way: it ends when nothing is due.
    running: Option<Running>,
}

/// A run, what it has come to, and since when.
#[derive(Debug)]
struct Running {
    run: Run,
    totals: ResetTotals,
    watch: Stopwatch,
}

impl Cycles {
    /// How many wallets were rolled so far.
    #[must_use]
    pub const fn rolled(&self) -> usize {
        self.rolled
    }

    /// Rolls a packed record's worth, unless as many are on their way as may be, and says whether more is due.
    pub fn roll(&mut self, daemon: &Daemon) -> bool {
        let more = self.roll_batch(daemon);
        daemon.resets.cycles_are_rolled(more);
        if !more && let Some(Running { run, totals, watch }) = self.running.take() {
            daemon.resets.note(run.came_to(&totals, watch.elapsed()));
        }
        more
    }

    fn roll_batch(&mut self, daemon: &Daemon) -> bool {
        let durable = daemon.progress.borrow().durable;
        while self.on_their_way.pop_front_if(|(position, _)| *position <= durable).is_some() {}
        if self.on_their_way.front().is_some_and(|(_, watch)| watch.elapsed() >= GROUP_OF_ITS_OWN_AFTER) {
            daemon.queue.ring();
        }
        if self.on_their_way.len() >= PACKED_ROLLS_ON_THEIR_WAY_MAX {
            return true;
        }
        let Some(mut room) = Room::take(&daemon.queue, 1, Class::Settlement) else { return true };
        let now = daemon.clock.now();
        let (batch, pushed) = counted(|| daemon.rules.roll_cycles(&mut self.rolls, PACKED_ROLLS_MAX, now));
        room.used_in_passing(pushed);
        self.rolled = self.rolled.saturating_add(batch.rolled);
        if batch.rolled == 0 {
            // This is looked at on every tick: a journal that has written everything is left alone.
            if daemon.rules.journal().pushed() > durable {
                daemon.queue.ring();
            }
            return false;
        }
        let running = self.running.get_or_insert_with(|| Running {
            run: Run::begun(ResetKind::Cycle, now.daemon),
            totals: ResetTotals::default(),
            watch: Clock::stopwatch(),
        });
        running.totals = running.totals.plus(&batch.totals);
        self.on_their_way.push_back((daemon.rules.journal().pushed(), Clock::stopwatch()));
        if batch.over {
            daemon.queue.ring();
        }
        !batch.over
    }
}
