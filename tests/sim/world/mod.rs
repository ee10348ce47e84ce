//! One simulated daemon with its clients, its clock and its crashes, compared with the model at every answer.

mod ages;
mod agree;
mod check;
mod crash;
mod daemon;
mod quotes;
mod time;
mod traffic;

pub(crate) use ages::Ages;
pub(crate) use check::{same_memory, view_of};

use std::collections::BTreeMap;

use wallet::chunk::Chunk;
use wallet::engine::Engine;
use wallet::ids::{Now, Timestamp};
use wallet::record::RefundReason;
use wallet::request::{CommandRequest, Operation};
use wallet::settings::Settings;

use super::ground::{Entry, Ground, Rows};
use super::model::{Clock, Effect, Model};
use super::offers::Offers;
use super::planted::Planted;
use super::random::Random;
use super::requests::{ACCOUNTS, Clients};
use super::zones::utc;
use time::Pace;

const CONNECTIONS: usize = 3;

/// What happens in one step; everything else about it comes from the step's own seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Open,
    Frame,
    Burst,
    Command,
    Time,
    Boundary,
    Write,
    Project,
    Flush,
    Expire,
    Forget,
    Policy,
    Reload,
    Worker,
    DropTopUps,
    List,
    Quiet,
    Crash,
    /// From here on one account has very much: see [`super::rich`].
    Rich,
}

/// One step of a run. A list of steps is a whole run: leaving some out gives another valid run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
}

/// The steps of a seed.
pub(crate) fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    let opens = (0..ACCOUNTS).map(|_| Kind::Open);
    let mut kinds: Vec<Kind> = opens.collect();
    for _ in 0..count {
        kinds.push(match random.below(1_000) {
            0..480 => Kind::Frame,
            480..482 => Kind::Burst,
            482..670 => Kind::Command,
            670..770 => Kind::Time,
            770..810 => Kind::Boundary,
            810..816 => Kind::Reload,
            816..824 => Kind::Worker,
            824..830 => Kind::DropTopUps,
            830..836 => Kind::List,
            836..890 => Kind::Write,
            890..940 => Kind::Project,
            940..950 => Kind::Flush,
            950..970 => Kind::Expire,
            970..985 => Kind::Forget,
            985..987 => Kind::Policy,
            987..993 => Kind::Quiet,
            _ => Kind::Crash,
        });
    }
    kinds.push(Kind::Quiet);
    kinds.into_iter().map(|kind| Step { kind, seed: random.next() }).collect()
}

/// What a run has seen.
#[derive(Clone, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) crashes: u64,
    pub(crate) lost_records: u64,
    pub(crate) waits: u64,
    pub(crate) retries: u64,
    pub(crate) dropped: u64,
    pub(crate) quiet: u64,
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    pub(crate) effects: BTreeMap<Effect, u64>,
    /// What the stores and the projections have met.
    pub(crate) events: BTreeMap<&'static str, u64>,
    /// A hash over every answer and record: equal runs have equal ones.
    pub(crate) transcript: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.crashes += other.crashes;
        self.lost_records += other.lost_records;
        self.waits += other.waits;
        self.retries += other.retries;
        self.dropped += other.dropped;
        self.quiet += other.quiet;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        for (effect, count) in &other.effects {
            *self.effects.entry(*effect).or_default() += count;
        }
        for (event, count) in &other.events {
            *self.events.entry(event).or_default() += count;
        }
        self.note(other.transcript);
    }

    fn note(&mut self, value: u64) {
        self.transcript = Random::new(self.transcript ^ value).next();
    }
}

struct Connection {
    chunk: Chunk,
    frame: Vec<Operation>,
    waits_for: Option<u64>,
}

enum Sent {
    Frame(Vec<Operation>),
    Command(CommandRequest),
}

pub(crate) struct World<G: Ground> {
    ground: G,
    /// The rows of what has been trimmed from the journal.
    base: Rows,
    engine: Engine<G::Journal, G::Archive>,
    model: Model,
    now: Clock,
    skew: i64,
    connections: Vec<Connection>,
    clients: Clients,
    unacknowledged: Vec<(u64, Sent)>,
    settings: Settings,
    planted: Planted,
    pace: Pace,
    offers: Offers,
    allowance: u64,
    /// Whether subscribers get the allowance too (R5).
    all_accounts: bool,
    /// When all wallets were last looked at: a daemon sweeps them daily.
    swept: u64,
    checked_holds: u64,
    pub(crate) tally: Tally,
}

/// Years with the changes of clocks, a leap day and the end of a year in them.
const STARTS: [(u64, u64, u64); 8] = [
    (2026, 1, 15),
    (2026, 3, 6),
    (2026, 3, 27),
    (2026, 10, 23),
    (2026, 10, 30),
    (2027, 12, 30),
    (2028, 2, 27),
    (2028, 11, 3),
];

impl<G: Ground> World<G> {
    pub(crate) fn new(seed: u64, planted: Planted) -> Self {
        Self::over(seed, planted, |seed| G::new(seed, planted))
    }

    /// A world on a ground of its own.
    pub(crate) fn over(seed: u64, planted: Planted, ground: impl FnOnce(u64) -> G) -> Self {
        let mut random = Random::new(seed ^ 0x5eed);
        let (year, month, day) = random.pick(&STARTS);
        let start = utc(year, month, day) + random.below(86_400_000);
        let restores = random.once_in_1000(500);
        let mut settings = Settings {
            late_redebit: random.once_in_1000(700),
            restore_on: if restores { vec![RefundReason::ProviderError, RefundReason::Timeout] } else { Vec::new() },
            refund_window_ms: if random.once_in_1000(500) { 3_600_000 } else { 30 * 86_400_000 },
            hold_grace_ms: random.below(120_000),
            any_hold_ids: random.once_in_1000(100),
            ..Settings::default()
        };
        let ground = ground(random.next());
        let mut model = Model::new(settings.clone());
        if planted == Planted::RefundIntoTheNewPeriod {
            model.settings.restore_on.clear();
            settings.restore_on = RefundReason::ALL.to_vec();
        }
        let engine = Engine::new(settings.clone(), ground.journal(), ground.archive());
        model.wrong = planted;
        model.planted = planted == Planted::LostReturn;
        model.planted_grants = planted == Planted::EveryGrant;
        let mut world = Self {
            ground,
            base: Rows::default(),
            engine,
            model,
            now: Clock { daemon: start, wall: start },
            skew: 0,
            pace: random.pick(&Pace::ALL),
            offers: Offers::new(),
            all_accounts: random.once_in_1000(150),
            swept: start,
            connections: Vec::new(),
            clients: Clients::default(),
            unacknowledged: Vec::new(),
            settings,
            planted,
            allowance: 100_000,
            checked_holds: 0,
            tally: Tally::default(),
        };
        world.clients.any_ids = world.settings.any_hold_ids;
        world.connect();
        world.publish();
        world
    }

    /// Runs the steps; says which one failed and why.
    pub(crate) fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        self.engine.loaded(self.clock());
        self.ensure_policy()?;
        for (index, step) in steps.iter().enumerate() {
            let stepped = self.step(*step).and_then(|()| self.after(*step));
            stepped.map_err(|wrong| format!("step {index} {step:?} at {:?}: {wrong}", self.now))?;
        }
        // The last step of a whole run left nothing in flight, unless it met a crash.
        self.tally.events = self.ground.events();
        let quiet = steps.last().is_some_and(|step| step.kind == Kind::Quiet)
            && self.ground.plain().rows().reached == self.ground.pushed();
        if quiet { self.replays_elsewhere() } else { Ok(()) }
    }

    /// A process that has ended at a call of its stores is followed by the next; what slow writes have cost passes.
    fn after(&mut self, step: Step) -> Result<(), String> {
        if self.ground.is_down() {
            self.crash(&mut Random::new(!step.seed))?;
        }
        match self.ground.take_delay_ms() {
            0 => Ok(()),
            delay_ms => self.pass_to(self.now.daemon + delay_ms),
        }
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        let mut random = Random::new(step.seed);
        match step.kind {
            Kind::Open => {
                let account = (1..=ACCOUNTS).find(|account| !self.model.wallets.contains_key(account));
                let request = self.clients.open(&mut random, account.unwrap_or(1));
                self.command(&request)
            }
            Kind::Frame => self.frame(&mut random, false),
            Kind::Burst => self.frame(&mut random, true),
            Kind::Command => {
                for _ in 0..random.between(1, 4) {
                    let request = self.clients.command(&mut random, self.now);
                    self.command(&request)?;
                }
                Ok(())
            }
            Kind::Time => self.pass(&mut random),
            Kind::Boundary => self.pass_to_boundary(&mut random),
            Kind::Write => self.write(&mut random, false),
            Kind::Project => {
                let most = random.below(400);
                self.project(most)?;
                if G::PRUNES { self.prune() } else { Ok(()) }
            }
            Kind::Flush => self.flush(&mut random),
            Kind::Expire => self.expire(),
            Kind::Forget => self.chores(),
            Kind::Policy => {
                self.allowance = random.pick(&[100_000, 80_000, 0]);
                self.ensure_policy()
            }
            // A chunk that waits goes on with the card that it has.
            Kind::Reload if self.connections.iter().any(|connection| connection.waits_for.is_some()) => Ok(()),
            Kind::Reload => {
                self.offers.reload(&mut random);
                self.publish();
                Ok(())
            }
            Kind::Worker => self.release_worker(&mut random),
            Kind::DropTopUps => self.chores(),
            Kind::List => {
                self.list_holds(&mut random)?;
                self.look_around(&mut random)
            }
            Kind::Quiet => self.quiet(&mut random),
            Kind::Crash => self.crash(&mut random),
            Kind::Rich => {
                self.clients.focus.rich = true;
                Ok(())
            }
        }
    }

    const fn clock(&self) -> Now {
        Now { daemon: Timestamp(self.now.daemon), wall: Timestamp(self.now.wall) }
    }

    fn connect(&mut self) {
        let fresh = || Connection { chunk: self.engine.chunk(), frame: Vec::new(), waits_for: None };
        self.connections = (0..CONNECTIONS).map(|_| fresh()).collect();
    }

    /// The journal of this run, as far as it is durable.
    pub(crate) fn recorded(&self) -> Vec<Entry> {
        self.ground.recorded()
    }
}
