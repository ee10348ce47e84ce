//! A round: one data folder, a number of kills, and the client's books beside it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use client::history::{History, Standing};
use protocol::AccountId;

use super::check;
use super::daemon::{Daemon, Folder};
use super::files::{Changes, Files, SHORT, small_files};
use super::history;
use super::load::Load;
use super::random::Random;
use super::wire::{Gone, Wire};
use super::worker::{Until, Worker};

const WORKERS: usize = 5;
const ACCOUNTS: u128 = 36;
/// Holds of each worker that are compared at a restart; at the end of a round it is all of them.
const COMPARED_AT_A_RESTART: usize = 100;
/// Kills before anything was acknowledged, which are not counted: so many of a round, and one more for each that is.
const IDLE_MOST: u64 = 5;

/// What a round has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Kills of a daemon that had acknowledged something.
    pub(super) kills: u64,
    pub(super) kills_at_start: u64,
    /// Kills of a daemon that had acknowledged nothing.
    pub(super) idle: u64,
    /// Loads beside which files were made and removed.
    pub(super) changes: Changes,
    pub(super) acknowledged: u64,
    pub(super) in_doubt: u64,
    pub(super) retried: u64,
    /// Requests in the histories that were checked in the end.
    pub(super) in_history: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.kills_at_start += other.kills_at_start;
        self.idle += other.idle;
        self.changes.add(other.changes);
        self.acknowledged += other.acknowledged;
        self.in_doubt += other.in_doubt;
        self.retried += other.retried;
        self.in_history += other.in_history;
    }
}

/// A data folder and everything that is known of what must be in it.
pub(super) struct Round {
    pub(super) folder: Folder,
    pub(super) workers: Vec<Worker>,
    pub(super) tally: Tally,
    random: Random,
    accounts: Vec<AccountId>,
    day: u32,
    /// Who was told which position: nobody else may be.
    pub(super) told: HashMap<u64, String>,
    pub(super) highest: u64,
    /// From the end of the set-up on.
    pub(super) history: Option<History>,
    /// Every other cycle has short logs and frequent flushes.
    pub(super) often: bool,
    cycles: u64,
}

impl Round {
    pub(super) fn new(seed: u64) -> Self {
        Self::sized(seed, WORKERS, ACCOUNTS)
    }

    /// A round of another size.
    pub(super) fn sized(seed: u64, workers: usize, accounts: u128) -> Self {
        let mut random = Random::new(seed);
        let accounts: Vec<_> = (1..=accounts).map(|number| AccountId((7 << 100) | number)).collect();
        let workers = (0..workers).map(|_| Worker::new(random.next(), &accounts)).collect();
        Self {
            folder: Folder::new(),
            workers,
            tally: Tally::default(),
            random,
            accounts,
            day: 0,
            told: HashMap::new(),
            highest: 0,
            history: None,
            often: false,
            cycles: 0,
        }
    }

    /// The first start: accounts are opened, nobody is killed.
    pub(super) fn set_up(&mut self) {
        let mut daemon = Daemon::must_start(&self.folder);
        self.push_setup();
        self.settle(&mut daemon);
        let mut wire = Wire::connect(&daemon.address).unwrap();
        let views = daemon.alive(check::show_accounts(&mut wire, &self.accounts));
        self.day = views[0].day;
        check::books(&views, &self.workers, self.day);
        self.history = Some(history::begin(views.iter().map(Standing::of).collect()));
        daemon.kill();
    }

    /// Makes the requests that open the accounts, and sends none.
    pub(super) fn push_setup(&mut self) {
        for request in Load::setup(&self.accounts) {
            self.workers[0].push(request);
        }
    }

    /// Starts, checks, loads, kills.
    pub(super) fn cycle(&mut self) {
        let environment = self.environment();
        while self.random.percent(25) {
            let daemon = Daemon::spawn_in(&self.folder, &environment);
            let delay = self.random.between(0, 120);
            std::thread::sleep(Duration::from_millis(delay));
            daemon.kill();
            self.tally.kills_at_start += 1;
        }
        let mut daemon = Daemon::must_start_in(&self.folder, &environment);
        // Sometimes the next kill comes while what the last one left open is still being sent again.
        if self.random.percent(65) {
            self.check(&mut daemon, COMPARED_AT_A_RESTART);
        }
        // Long enough for a log to become full, where it is to.
        let least = if self.is_short() { 200 } else { 20 };
        let delay = self.random.between(least, 400);
        self.load_counted(&daemon.address.clone(), Duration::from_millis(delay), || daemon.kill());
    }

    /// What the daemons of the next cycle find in their environment.
    pub(super) fn environment(&mut self) -> Vec<(&'static str, PathBuf)> {
        self.cycles += 1;
        if self.is_short() { small_files(SHORT) } else { Vec::new() }
    }

    /// Whether the logs of this cycle are short.
    pub(super) const fn is_short(&self) -> bool {
        self.often && self.cycles.is_multiple_of(2)
    }

    /// The last start: everything is compared, and the daemon stops in order.
    pub(super) fn finish(&mut self) {
        let mut daemon = Daemon::must_start(&self.folder);
        self.check(&mut daemon, usize::MAX);
        let status = daemon.terminate();
        assert_eq!(status.code(), Some(0), "{}", self.folder.log());
        let log = self.folder.log();
        assert!(!log.contains("panicked"), "{log}");
    }

    /// [`Round::load_until`] of a cycle: it counts among the kills if it did something.
    pub(super) fn load_counted(&mut self, address: &str, time: Duration, end: impl FnOnce()) {
        let (before, files) = (self.tally.acknowledged, Files::of(&self.folder.data()));
        self.load_until(address, time, end);
        let tally = &mut self.tally;
        tally.changes.add(Changes::between(&files, &Files::of(&self.folder.data())));
        if tally.acknowledged > before {
            tally.kills += 1;
        } else {
            tally.idle += 1;
        }
        assert!(tally.idle <= IDLE_MOST + tally.kills, "most kills meet a daemon that has done nothing: {tally:?}");
    }

    /// Load from all workers for so long, and while `end` runs, which ends their connections: until then none ends.
    pub(super) fn load_until(&mut self, address: &str, time: Duration, end: impl FnOnce()) {
        let ending = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for worker in &mut self.workers {
                scope.spawn(|| {
                    let gone = worker.run(address, Until::Gone).unwrap_err();
                    assert!(ending.load(Ordering::Acquire), "nobody has ended the daemon, and {gone}");
                });
            }
            std::thread::sleep(time);
            ending.store(true, Ordering::Release);
            end();
        });
        self.take_positions();
        let open = self.workers.iter().flat_map(|worker| &worker.pending).filter(|pending| pending.resent);
        self.tally.in_doubt += u64::try_from(open.count()).unwrap();
    }

    /// Brings everything that is open to a decision.
    pub(super) fn settle(&mut self, daemon: &mut Daemon) {
        let address = daemon.address.clone();
        daemon.alive(self.attempt(&address));
        assert!(self.workers.iter().all(|worker| worker.pending.is_empty()));
    }

    /// Sends everything that is open, until it is decided or the daemon is gone.
    pub(super) fn attempt(&mut self, address: &str) -> Result<(), Gone> {
        let ran: Vec<_> = std::thread::scope(|scope| {
            let workers = self.workers.iter_mut();
            let threads: Vec<_> = workers.map(|worker| scope.spawn(|| worker.run(address, Until::Settled))).collect();
            threads.into_iter().map(|thread| thread.join().expect("what the worker has said")).collect()
        });
        self.take_positions();
        ran.into_iter().collect()
    }

    /// The day of the accounts, of which free credits are compared: for a round that was not set up in peace.
    pub(super) fn note_day(&mut self, daemon: &mut Daemon) {
        let mut wire = Wire::connect(&daemon.address).unwrap();
        let views = daemon.alive(check::show_accounts(&mut wire, &self.accounts));
        self.day = views.first().map_or(0, |view| view.day);
    }

    /// All that must be so after a restart.
    pub(super) fn check(&mut self, daemon: &mut Daemon, compared: usize) {
        let mut wire = Wire::connect(&daemon.address).unwrap();
        for view in daemon.alive(check::show_accounts(&mut wire, &self.accounts)) {
            check::conservation(&view);
        }
        self.workers.iter_mut().for_each(|worker| worker.again.clear());
        let shown = daemon.alive(check::unacknowledged(&mut wire, &self.workers));
        self.settle(daemon);
        check::one_effect(&mut self.workers, &shown);
        self.tally.retried += daemon.alive(check::acknowledged(&mut wire, &mut self.workers));
        daemon.alive(check::commands_again(&mut wire, &self.workers, &mut self.random));
        daemon.alive(check::holds(&mut wire, &self.workers, compared, &mut self.random));
        let views = daemon.alive(check::show_accounts(&mut wire, &self.accounts));
        check::books(&views, &self.workers, self.day);
        if compared == usize::MAX
            && let Some(history) = &self.history
        {
            let closings: Vec<_> = views.iter().map(Standing::of).collect();
            let verdict = daemon.alive(history::verdict(&mut wire, history, &closings));
            history::must_be_one_history(&verdict);
            self.tally.in_history = verdict.operations;
        }
    }

    /// How the accounts stand now.
    pub(super) fn standings(&self, daemon: &mut Daemon) -> Vec<Standing> {
        let mut wire = Wire::connect(&daemon.address).unwrap();
        let views = daemon.alive(check::show_accounts(&mut wire, &self.accounts));
        views.iter().map(Standing::of).collect()
    }

    /// No position is told twice for different records, and every new one is above all that were told by daemons before.
    fn take_positions(&mut self) {
        let before = self.highest;
        let seen: Vec<_> = self.workers.iter_mut().map(|worker| std::mem::take(&mut worker.seen)).collect();
        let replayed = seen.iter().map(|seen| seen.highest_replayed).max().unwrap_or(0);
        if let Some(first) = seen.iter().filter_map(|seen| seen.first_new).min() {
            assert!(first > replayed, "position {first} is new, and {replayed} is of an earlier start");
            // Within one start two sessions of the client follow each other, and the second's are higher too.
            assert!(first > before, "positions go back: {first} after {before}");
        }
        for worker in &mut self.workers {
            let notes = worker.notes.drain(..);
            if let Some(history) = &mut self.history {
                history::add(history, notes);
            }
            for (position, what) in worker.positions.drain(..) {
                self.highest = self.highest.max(position);
                self.tally.acknowledged += 1;
                if let Some(other) = self.told.insert(position, what.clone()) {
                    panic!("position {position} was told for {other} and for {what}");
                }
            }
        }
    }
}
