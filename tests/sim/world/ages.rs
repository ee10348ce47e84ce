//! Years of a daemon's life with many wallets in all zones of the database: sparse traffic, mostly beside boundaries,
//! what time brings in bulk, restarts, steps of the clock.

use std::collections::VecDeque;

use wallet::cycles::{CycleRolls, PACKED_ROLLS_MAX};
use wallet::ids::{AccountId, CommandId, PlanId, Timestamp};
use wallet::record::Record;
use wallet::request::{Command, CommandRequest};

use super::World;
use crate::sim::book::{Book, Totals};
use crate::sim::ground::{Ground, PlainGround};
use crate::sim::model::{Amounts, DAY_MS};
use crate::sim::planted::Planted;
use crate::sim::random::Random;
use crate::sim::requests::Focus;
use crate::sim::zones::{HOUR_MS, Zone, utc};

/// Wallets that one call of the sweep of days looks at.
const DAY_SLICE: u32 = 8_192;
/// Ended holds and commands stay on disk for so many days.
const KEPT_DAYS: u64 = 40;
/// How often the journal is trimmed.
const TRIM_EVERY_DAYS: u64 = 30;
/// Every wallet with this divisor is left alone by commands once it has subscribed.
const LEFT_ALONE: u128 = 4;
/// What one moment is about, at most.
const FOCUS: usize = 10;

/// How long a run lasts and how much it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    pub(crate) days: u64,
    pub(crate) wallets: u64,
    pub(crate) frames_a_day: u64,
}

/// What a run has seen, beside what every run sees.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Course {
    pub(crate) zones: usize,
    pub(crate) restarts: u64,
    pub(crate) days_stopped: u64,
    pub(crate) steps_forward: u64,
    pub(crate) steps_back: u64,
    pub(crate) wallets_compared: u64,
    pub(crate) boundaries_counted: u64,
    pub(crate) journal: Totals,
    pub(crate) granted: Amounts,
    pub(crate) expired: Amounts,
}

/// What a run keeps beside the world.
struct Life {
    ages: Ages,
    random: Random,
    zones: Vec<Zone>,
    book: Book,
    course: Course,
    /// Where the journal stood at the ends of days.
    marks: VecDeque<(u64, u64)>,
    next_check: u64,
    next_trim: u64,
}

impl World<PlainGround> {
    /// Lives through so many days; nothing is missed, nothing doubled, and every answer is the model's.
    pub(crate) fn live(&mut self, seed: u64, ages: Ages) -> Result<Course, String> {
        let zones = Zone::every();
        let mut life = Life {
            ages,
            random: Random::new(seed ^ 0xa6e5),
            course: Course { zones: zones.len().min(usize::try_from(ages.wallets).unwrap()), ..Course::default() },
            zones,
            book: Book::default(),
            marks: VecDeque::new(),
            next_check: 0,
            next_trim: 0,
        };
        self.skew = 0;
        let begin = utc(2026, 1, 1);
        self.set_time(begin);
        self.engine.loaded(self.clock());
        self.ensure_policy()?;
        let wrong = |now: u64, wrong: String| format!("day {}: {wrong}", (now - begin) / DAY_MS);
        self.move_in(&mut life).map_err(|text| wrong(self.now.daemon, text))?;
        for day in 0..ages.days {
            let end = begin + (day + 1) * DAY_MS;
            if self.now.daemon < end {
                self.live_a_day(end, &mut life).map_err(|text| wrong(self.now.daemon, text))?;
            }
        }
        self.settle_up(&mut life)?;
        Ok(life.course)
    }

    /// Accounts open all over the first month, which has 31 days, at all times of the day, and most subscribe at once.
    fn move_in(&mut self, life: &mut Life) -> Result<(), String> {
        let begin = self.now.daemon;
        let random = &mut life.random;
        let mut arrivals: Vec<(u64, u128)> = Vec::new();
        for account in 1..=u128::from(life.ages.wallets) {
            let at = begin + random.below(31 * DAY_MS);
            let midnight = zone_of(&life.zones, account).day_ends_at(at);
            arrivals.push(match random.below(8) {
                // The hours at which clocks are changed, and the instant at which a day begins.
                0 => (midnight, account),
                1 => (midnight + 2 * HOUR_MS + random.below(HOUR_MS), account),
                _ => (at, account),
            });
        }
        arrivals.sort_unstable();
        for (at, account) in arrivals {
            self.set_time(at.max(self.now.daemon));
            let zone = zone_of(&life.zones, account).name().to_owned();
            self.ask(&mut life.random, Command::OpenAccount { account: AccountId(account), zone })?;
            let alone = account % LEFT_ALONE == 0;
            if alone || life.random.once_in_1000(850) {
                let plan = PlanId(u16::try_from(life.random.between(1, if alone { 4 } else { 5 })).unwrap());
                let auto_renew = alone || life.random.once_in_1000(800);
                let account = AccountId(account);
                let paid_through = Timestamp(0);
                self.ask(&mut life.random, Command::Subscribe { account, plan, auto_renew, paid_through })?;
            }
            if account % 512 == 0 {
                self.catch_up(&mut life.random)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self, random: &mut Random, command: Command) -> Result<(), String> {
        let id = CommandId(u128::from(random.next()) << 1 | 1);
        self.command(&CommandRequest { id, command, by: "billing".to_owned(), reason: String::new() })
    }

    /// All that was pushed is durable and in the projections.
    fn catch_up(&mut self, random: &mut Random) -> Result<(), String> {
        self.write(random, true)?;
        self.project(u64::MAX)?;
        self.ground.flush()
    }

    fn live_a_day(&mut self, end: u64, life: &mut Life) -> Result<(), String> {
        let moments = self.moments(end, life);
        let frames = life.ages.frames_a_day.div_ceil(moments.len() as u64);
        for at in moments {
            if at < self.now.daemon {
                // A stop has passed over it.
                continue;
            }
            self.pass_slowly_to(at);
            // The ticker may come late: then the requests meet what is due.
            if life.random.once_in_1000(600) {
                self.advance_time()?;
            }
            self.requests(frames, life)?;
            self.maybe_step_clock(life);
            if life.random.once_in_1000(5) {
                self.restart(life)?;
            }
        }
        self.pass_slowly_to(end.max(self.now.daemon));
        self.advance_time()?;
        self.chores()?;
        self.catch_up(&mut life.random)?;
        self.nothing_is_due()?;
        if self.now.daemon >= life.next_check {
            life.next_check = self.now.daemon + life.random.between(1, 40) * DAY_MS;
            self.compare_all(life)?;
        }
        if self.now.daemon >= life.next_trim {
            life.next_trim = self.now.daemon + TRIM_EVERY_DAYS * DAY_MS;
            self.trim(life)?;
        }
        if life.random.once_in_1000(3) {
            self.offers.reload(&mut life.random);
            self.publish();
        }
        Ok(())
    }

    /// The instants of a day at which something is asked: any, and those beside the ends of cycles and of days.
    fn moments(&self, end: u64, life: &mut Life) -> Vec<u64> {
        let now = self.now.daemon;
        let random = &mut life.random;
        let mut moments: Vec<u64> = (0..random.between(1, 3)).map(|_| random.between(now, end)).collect();
        let due: Vec<u64> =
            self.model.wallets.values().filter_map(|wallet| wallet.due()).filter(|due| *due < end).collect();
        for _ in 0..due.len().min(2) {
            let due = random.pick(&due);
            moments.extend([due - 1, due]);
        }
        let midnight = random.pick(&life.zones).day_ends_at(now);
        moments.extend([midnight - 1, midnight]);
        moments.retain(|at| (now..end).contains(at));
        moments.push(end - 1);
        moments.sort_unstable();
        moments
    }

    /// After a backward step the daemon's time runs at half speed until the wall clock has caught up.
    fn pass_slowly_to(&mut self, at: u64) {
        if self.skew < 0 {
            let passed = i64::try_from(at - self.now.daemon).unwrap();
            self.skew = (self.skew + passed).min(0);
        }
        self.set_time(at);
    }

    /// What a daemon does by itself as time passes: holds end, and cycles of wallets that nobody asks for. Days of such
    /// wallets have no record and wait for a look at them.
    fn advance_time(&mut self) -> Result<(), String> {
        self.expire()?;
        if self.planted == Planted::MissedCycles {
            return Ok(());
        }
        let mut rolls = CycleRolls::default();
        loop {
            let before = self.ground.pushed();
            let batch = self.engine.roll_cycles(&mut rolls, PACKED_ROLLS_MAX, self.clock());
            let records = self.ground.pushed_after(before);
            if records.len() > 1 || batch.left_out > 0 || self.cycle_rolls(&records, before)?.contains(&false) {
                return Err(format!("R10: {batch:?} left {records:?}"));
            }
            if batch.rolled == 0 && batch.over {
                return self.sweep_days();
            }
        }
    }

    /// Days end for the wallets that nobody asks for too, and leave no record.
    fn sweep_days(&mut self) -> Result<(), String> {
        let before = self.ground.pushed();
        if let Some(mut sweep) = self.engine.begin_day_sweep(self.clock()) {
            while !self.engine.sweep_days(&mut sweep, DAY_SLICE, self.clock()) {}
            if sweep.left_out() > 0 {
                return Err(format!("R6: {} wallets were left out", sweep.left_out()));
            }
        }
        let records = self.ground.pushed_after(before);
        if records.is_empty() { Ok(()) } else { Err(format!("R5: a day that leaves records: {records:?}")) }
    }

    fn nothing_is_due(&self) -> Result<(), String> {
        let now = self.now.daemon;
        let missed = self.model.wallets.iter().find(|(_, wallet)| wallet.due().is_some_and(|due| due <= now));
        missed.map_or(Ok(()), |missed| Err(format!("R10: missed: {missed:?}")))
    }

    /// Traffic about some wallets, those at a boundary among them.
    fn requests(&mut self, frames: u64, life: &mut Life) -> Result<(), String> {
        self.look_at(life);
        for _ in 0..frames {
            if life.random.once_in_1000(400) {
                let request = self.clients.command(&mut life.random, self.now);
                self.command(&request)?;
            }
            self.frame(&mut life.random, false)?;
            if life.random.once_in_1000(100) {
                self.write(&mut life.random, false)?;
                self.project(u64::MAX)?;
            }
        }
        let waits: Vec<AccountId> = self.clients.focus.commands.clone();
        let free = waits.into_iter().find(|account| self.model.wallets[&account.0].subscribed.is_none());
        if let Some(account) = free.filter(|_| life.random.once_in_1000(150)) {
            let plan = life.random.pick(self.offers.catalog.plans).terms.plan;
            let auto_renew = life.random.once_in_1000(700);
            let command = Command::Subscribe { account, plan: PlanId(plan), auto_renew, paid_through: Timestamp(0) };
            self.ask(&mut life.random, command)?;
        }
        Ok(())
    }

    fn look_at(&mut self, life: &mut Life) {
        let near = self.now.daemon..=self.now.daemon + 1;
        let is_near = |due: Option<u64>| due.is_some_and(|due| near.contains(&due));
        let due = self.model.wallets.iter().filter(|(_, wallet)| is_near(wallet.due()));
        let mut operations: Vec<AccountId> = due.map(|(account, _)| AccountId(*account)).take(FOCUS / 2).collect();
        while operations.len() < FOCUS {
            operations.push(AccountId(1 + u128::from(life.random.below(life.ages.wallets))));
        }
        let mut commands = operations.clone();
        commands.retain(|account| account.0 % LEFT_ALONE != 0);
        if commands.is_empty() {
            commands.push(AccountId(1));
        }
        let nobody = AccountId(u128::from(life.ages.wallets) + 1);
        self.clients.focus = Focus { operations, commands, nobody, zones: life.zones.clone(), rich: false };
    }

    /// The wall clock is set back, or ahead of what the daemon believes; or what it was ahead is confirmed.
    fn maybe_step_clock(&mut self, life: &mut Life) {
        let random = &mut life.random;
        match random.below(400) {
            0 => {
                life.course.steps_back += 1;
                self.skew = -i64::try_from(random.between(1_000, 2 * HOUR_MS)).unwrap();
            }
            1 => {
                life.course.steps_forward += 1;
                self.skew = i64::try_from(random.between(HOUR_MS, DAY_MS)).unwrap();
            }
            2..100 if self.skew > 0 => {
                let at = self.now.wall;
                self.skew = 0;
                self.set_time(at);
            }
            _ => {}
        }
        self.set_time(self.now.daemon);
    }

    /// A stop, mostly in the middle of something; the next start comes at once, or days later.
    fn restart(&mut self, life: &mut Life) -> Result<(), String> {
        let random = &mut life.random;
        if random.once_in_1000(300) {
            self.catch_up(random)?;
        }
        let rows = self.stop(random)?;
        let stopped = match random.below(30) {
            0..12 => random.below(2_000),
            12..21 => random.below(HOUR_MS),
            21..28 => random.below(3 * DAY_MS),
            28 => random.below(30 * DAY_MS),
            // Whole cycles are missed: more than a start takes without being told to.
            _ => random.below(120 * DAY_MS),
        };
        life.course.restarts += 1;
        life.course.days_stopped += stopped / DAY_MS;
        // Where the wall clock is behind what was journaled, the daemon goes on from that.
        self.skew = (self.skew + i64::try_from(stopped).unwrap()).min(0);
        let wall_at = self.now.wall + stopped;
        self.set_time(wall_at.max(self.now.daemon));
        self.start(rows)
    }

    /// All wallets, in memory, on disk and in the model.
    fn compare_all(&mut self, life: &mut Life) -> Result<(), String> {
        life.course.wallets_compared += self.model.wallets.len() as u64;
        self.quiet(&mut life.random)
    }

    /// The journal is trimmed, and what the disk keeps of ended holds and commands. The book reads what goes.
    fn trim(&mut self, life: &mut Life) -> Result<(), String> {
        // What memory still has must be on disk too: it forgets first, the second time what the first bound was for.
        for _ in 0..2 {
            self.forget()?;
            self.catch_up(&mut life.random)?;
        }
        self.forget()?;
        self.catch_up(&mut life.random)?;
        let durable = self.ground.durable();
        life.marks.push_back((self.now.daemon, durable));
        let old = |mark: &(u64, u64)| mark.0 + KEPT_DAYS * DAY_MS < self.now.daemon;
        while let Some((_, up_to)) = life.marks.pop_front_if(|mark| old(mark)) {
            self.model.forget(up_to);
            self.ground.plain().rows().forget(up_to);
        }
        self.base = self.ground.plain().rows().clone();
        let mut trimmed = self.ground.trim(durable);
        let roll = trimmed.iter().position(|entry| matches!(entry, Some(Record::CycleRoll(_))));
        match (self.planted, roll) {
            (Planted::LostRoll, Some(roll)) => drop(trimmed.remove(roll)),
            (Planted::DoubledRoll, Some(roll)) => trimmed.insert(roll, trimmed[roll].clone()),
            _ => {}
        }
        life.book.read(&trimmed)
    }

    /// What the whole run comes to, counted in three ways that have nothing in common.
    fn settle_up(&mut self, life: &mut Life) -> Result<(), String> {
        self.advance_time()?;
        self.catch_up(&mut life.random)?;
        self.compare_all(life)?;
        self.trim(life)?;
        let rows = self.ground.plain().rows();
        for (account, row) in &rows.rows {
            let wallet = &self.model.wallets[&account.0];
            let granted = row.counters[1].granted.millis();
            if life.book.granted_to(account.0) != granted || wallet.counters[1].granted != granted {
                return Err(format!("I7: {granted} were granted to {account}, and the journal's sum is another"));
            }
            for bucket in 0..3 {
                life.course.granted[bucket] += wallet.counters[bucket].granted;
                life.course.expired[bucket] += wallet.counters[bucket].expired;
            }
            if account.0 % LEFT_ALONE == 0 {
                let passed = life.book.every_boundary(account.0, wallet.zone, self.now.daemon)?;
                life.course.boundaries_counted += u64::from(passed);
            }
        }
        life.course.journal = life.book.totals;
        Ok(())
    }
}

/// The zone that an account begins in: one after the other, so that all of them are used.
fn zone_of(zones: &[Zone], account: u128) -> Zone {
    zones[usize::try_from(account).unwrap() % zones.len()]
}
