//! One simulated daemon with its clients, its clock and its crashes, compared with the model at every answer.

use std::collections::BTreeMap;

use wallet::bucket::Split;
use wallet::credits::Credits;
use wallet::engine::{Archive, Chunk, Engine, Run};
use wallet::hold::HoldState;
use wallet::ids::{AccountId, Day, HoldId, Now, Timestamp};
use wallet::record::{Record, RefundReason};
use wallet::request::{Answer, CommandRequest, Operation};
use wallet::settings::Settings;

use super::ground::{Entry, Ground, Projection, Rows};
use super::model::{Amounts, Clock, Effect, Expected, Model, Policy, State};
use super::random::Random;
use super::requests::{ACCOUNTS, Clients};
use super::zones::{Zone, utc};

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
    Quiet,
    Crash,
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
            0..560 => Kind::Frame,
            560..562 => Kind::Burst,
            562..680 => Kind::Command,
            680..790 => Kind::Time,
            790..820 => Kind::Boundary,
            820..890 => Kind::Write,
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
    pub(crate) quiet: u64,
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    pub(crate) effects: BTreeMap<Effect, u64>,
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
        self.quiet += other.quiet;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        for (effect, count) in &other.effects {
            *self.effects.entry(*effect).or_default() += count;
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

/// What is wrong with the harness on purpose, to prove that it finds bugs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Planted {
    Nothing,
    /// The model forgets what a release gives back.
    LostReturn,
}

pub(crate) struct World<G: Ground> {
    ground: G,
    projection: Projection,
    engine: Engine<G::Journal, Projection>,
    model: Model,
    now: Clock,
    skew: i64,
    connections: Vec<Connection>,
    clients: Clients,
    unacknowledged: Vec<(u64, Sent)>,
    settings: Settings,
    allowance: u64,
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
        let mut random = Random::new(seed ^ 0x5eed);
        let (year, month, day) = random.pick(&STARTS);
        let start = utc(year, month, day) + random.below(86_400_000);
        let restores = random.once_in_1000(500);
        let settings = Settings {
            late_redebit: random.once_in_1000(700),
            restore_on: if restores { vec![RefundReason::ProviderError, RefundReason::Timeout] } else { Vec::new() },
            refund_window_ms: if random.once_in_1000(500) { 3_600_000 } else { 30 * 86_400_000 },
            hold_grace_ms: random.below(120_000),
            ..Settings::default()
        };
        let ground = G::new(random.next());
        let projection = Projection::default();
        let engine = Engine::new(settings.clone(), ground.journal(), projection.clone());
        let mut model = Model::new(settings.clone());
        model.planted = planted == Planted::LostReturn;
        let mut world = Self {
            ground,
            projection,
            engine,
            model,
            now: Clock { daemon: start, wall: start },
            skew: 0,
            connections: Vec::new(),
            clients: Clients::default(),
            unacknowledged: Vec::new(),
            settings,
            allowance: 100_000,
            checked_holds: 0,
            tally: Tally::default(),
        };
        world.connect();
        world
    }

    /// Runs the steps; says which one failed and why.
    pub(crate) fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        self.engine.loaded(self.clock());
        self.ensure_policy()?;
        for (index, step) in steps.iter().enumerate() {
            self.step(*step).map_err(|wrong| format!("step {index} {step:?} at {:?}: {wrong}", self.now))?;
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        let mut random = Random::new(step.seed);
        match step.kind {
            Kind::Open => {
                let account = (1..=ACCOUNTS).find(|account| !self.model.wallets.contains_key(account));
                let request = self.clients.open(&mut random, account.unwrap_or(1));
                self.command(request)
            }
            Kind::Frame => self.frame(&mut random, false),
            Kind::Burst => self.frame(&mut random, true),
            Kind::Command => {
                let request = self.clients.command(&mut random, self.now);
                self.command(request)
            }
            Kind::Time => {
                self.pass(&mut random);
                Ok(())
            }
            Kind::Boundary => {
                self.pass_to_boundary(&mut random);
                Ok(())
            }
            Kind::Write => self.write(&mut random, false),
            Kind::Project => {
                let most = random.below(400);
                self.project(most)
            }
            Kind::Flush => {
                self.projection.flush();
                Ok(())
            }
            Kind::Expire => self.expire(),
            Kind::Forget => self.forget(),
            Kind::Policy => {
                self.allowance = random.pick(&[100_000, 80_000, 0]);
                self.ensure_policy()
            }
            Kind::Quiet => self.quiet(&mut random),
            Kind::Crash => self.crash(&mut random),
        }
    }

    const fn clock(&self) -> Now {
        Now { daemon: Timestamp(self.now.daemon), wall: Timestamp(self.now.wall) }
    }

    fn connect(&mut self) {
        let fresh = || Connection { chunk: self.engine.chunk(), frame: Vec::new(), waits_for: None };
        self.connections = (0..CONNECTIONS).map(|_| fresh()).collect();
    }

    // --- time

    fn pass(&mut self, random: &mut Random) {
        let step = match random.below(100) {
            0..60 => random.below(3_000),
            60..85 => random.below(60_000),
            85..96 => random.below(1_200_000),
            96..99 => random.below(8 * 3_600_000),
            _ => random.below(3 * 86_400_000),
        };
        if random.once_in_1000(30) {
            self.skew = i64::try_from(random.below(90_000)).unwrap() - 45_000;
        }
        self.set_time(self.now.daemon + step);
    }

    fn set_time(&mut self, daemon: u64) {
        self.now = Clock { daemon, wall: daemon.checked_add_signed(self.skew).unwrap() };
    }

    /// To a day's end, a cycle's end or a hold's end, or beside it.
    fn pass_to_boundary(&mut self, random: &mut Random) {
        let wallets: Vec<_> = self.model.wallets.values().collect();
        let target = match random.below(3) {
            0 => Some(random.pick(&Zone::ALL).day_ends_at(self.now.daemon)),
            1 if !wallets.is_empty() => wallets[random.index(wallets.len())].cycle_end,
            _ => {
                self.model.holds.values().rev().filter(|hold| hold.state == State::Open).map(|hold| hold.ends_at).next()
            }
        };
        let target = target.unwrap_or(self.now.daemon) + random.below(3);
        if target > self.now.daemon {
            self.set_time(target - 1);
        }
    }

    // --- requests

    fn frame(&mut self, random: &mut Random, burst: bool) -> Result<(), String> {
        let index = random.index(CONNECTIONS);
        if let Some(position) = self.connections[index].waits_for {
            if self.projection.reached().0 < position {
                if random.once_in_1000(500) {
                    return Ok(());
                }
                self.write(random, true)?;
                self.project(u64::MAX)?;
            }
            // A crash in between has cut the connection.
            return if self.connections[index].waits_for.is_some() { self.go(index) } else { Ok(()) };
        }
        let frame = if burst { self.clients.burst(random) } else { self.clients.frame(random, self.now) };
        if frame.is_empty() {
            return Ok(());
        }
        self.connections[index].chunk.clear();
        self.connections[index].frame = frame;
        self.go(index)
    }

    /// Runs a connection's frame as far as it comes and compares what it was answered.
    fn go(&mut self, index: usize) -> Result<(), String> {
        let before = self.ground.pushed();
        let now = self.clock();
        let connection = &mut self.connections[index];
        let done = connection.chunk.answers().len();
        let run = self.engine.run(&mut connection.chunk, &connection.frame, now);
        let answers: Vec<Answer> = connection.chunk.answers()[done..].to_vec();
        let operations: Vec<Operation> = connection.frame[done..done + answers.len()].to_vec();
        let needs = connection.chunk.needs().0;
        self.compare(&operations, &answers, needs, before)?;
        let connection = &mut self.connections[index];
        connection.waits_for = match run {
            Run::Done => None,
            Run::Projected(position) => Some(position.0),
            Run::Yield => return Err("a yield, and nothing else runs".to_owned()),
        };
        if run == Run::Done {
            self.unacknowledged.push((needs, Sent::Frame(std::mem::take(&mut connection.frame))));
        } else {
            self.tally.waits += 1;
        }
        Ok(())
    }

    fn compare(&mut self, operations: &[Operation], answers: &[Answer], needs: u64, before: u64) -> Result<(), String> {
        let records = self.ground.pushed_after(before);
        let mut used = self.cycle_rolls(&records, before)?;
        for (operation, answer) in operations.iter().zip(answers) {
            let told = |expected: &Expected, wrong: String| {
                format!("{operation:?}\n  answered {answer:?}\n  expected {expected:?}\n  {wrong}")
            };
            let mut expected = self.model.operation(operation, self.now, answer);
            let mut same = agrees(&expected, answer);
            while same.is_err() {
                // Units may have been pushed in between: then their returns are there already.
                if expected.effect != Effect::Nothing {
                    self.model.take_back();
                }
                if !self.model.flush_one() {
                    break;
                }
                expected = self.model.operation(operation, self.now, answer);
                same = agrees(&expected, answer);
            }
            same.map_err(|wrong| told(&expected, wrong))?;
            if expected.effect != Effect::Nothing {
                let effect = self.effect(&expected, answer, &records, before, &mut used);
                effect.map_err(|wrong| told(&expected, wrong))?;
            }
            let own = if expected.rests_on > before { needs } else { answer.needs.0 };
            if own < expected.rests_on {
                return Err(told(&expected, "I3: the answer may leave too early".to_owned()));
            }
            self.count(answer, expected.effect);
            if let (Operation::Reserve(request) | Operation::Charge(request), true) =
                (operation, expected.effect != Effect::Nothing)
            {
                self.clients.granted(request);
            }
        }
        self.model.flush();
        match used.iter().position(|used| !used) {
            Some(index) => Err(format!("I5: a record of nobody: {:?}", records[index])),
            None => Ok(()),
        }
    }

    fn count(&mut self, answer: &Answer, effect: Effect) {
        self.tally.operations += 1;
        *self.tally.outcomes.entry(answer.outcome.name()).or_default() += 1;
        *self.tally.effects.entry(effect).or_default() += 1;
        self.tally.note(u64::from(answer.outcome.code()) ^ answer.position.0 << 16 ^ answer.available.total().millis());
    }

    /// The record of an answer is there, and says what the model says.
    fn effect(
        &mut self,
        expected: &Expected,
        answer: &Answer,
        records: &[Entry],
        before: u64,
        used: &mut [bool],
    ) -> Result<(), String> {
        let position = answer.position.0;
        let index = position.checked_sub(before + 1).and_then(|index| usize::try_from(index).ok());
        let index = index.filter(|index| *index < records.len() && !used[*index]);
        let index = index.ok_or("the answer's position is not that of a new record")?;
        used[index] = true;
        let record = records[index].as_ref().ok_or("the journal's own record")?;
        if kind(record) != expected.effect {
            return Err(format!("its record is {record:?}"));
        }
        if answer.needs.0 < position {
            return Err("I3: the answer may leave before its own record".to_owned());
        }
        self.model.place(position);
        Ok(())
    }

    /// Ends of cycles are pushed by whoever meets them first.
    fn cycle_rolls(&mut self, records: &[Entry], before: u64) -> Result<Vec<bool>, String> {
        let mut used = vec![false; records.len()];
        for (index, record) in records.iter().enumerate() {
            let Some(Record::CycleRoll(rolls)) = record else { continue };
            used[index] = true;
            for roll in rolls {
                let (period, day, at) = self.model.cycle_roll(roll.account.0, self.now, before + 1 + index as u64)?;
                let same = roll.period.0 == period
                    && roll.day.0 == day
                    && roll.at.0 == at
                    && roll.allocation == Credits::ZERO
                    && roll.tier.0 == 0
                    && roll.ends_at == Timestamp::NONE;
                if !same {
                    return Err(format!("{roll:?}, expected period {period}, day {day}, at {at}"));
                }
            }
        }
        Ok(used)
    }

    fn command(&mut self, request: CommandRequest) -> Result<(), String> {
        let before = self.ground.pushed();
        let answer = self.engine.command(&request, self.clock());
        let records = self.ground.pushed_after(before);
        let mut used = self.cycle_rolls(&records, before)?;
        let expected = self.model.command(&request, self.now);
        let told = |wrong: String| format!("{request:?}\n  answered {answer:?}\n  expected {expected:?}\n  {wrong}");
        agrees(&expected, &answer).map_err(told)?;
        if expected.effect != Effect::Nothing {
            let effect = self.effect(&expected, &answer, &records, before, &mut used);
            effect.map_err(told)?;
        }
        if answer.needs.0 < expected.rests_on {
            return Err(told("I3: the answer may leave too early".to_owned()));
        }
        if let Some(index) = used.iter().position(|used| !used) {
            return Err(told(format!("I5: a record of nobody: {:?}", records[index])));
        }
        self.count(&answer, expected.effect);
        self.unacknowledged.push((answer.needs.0, Sent::Command(request)));
        Ok(())
    }

    // --- the daemon's own work

    fn ensure_policy(&mut self) -> Result<(), String> {
        let before = self.ground.pushed();
        let pushed = self.engine.ensure_policy(Credits::from_millis(self.allowance), false, self.clock());
        for record in self.ground.pushed_after(before) {
            let Some(Record::Policy(policy)) = record else { return Err(format!("not a policy: {record:?}")) };
            let policy =
                Policy { from: policy.from.0, allowance: policy.allowance.millis(), all_accounts: policy.all_accounts };
            let first = self.model.policies.is_empty();
            if !first && policy.from < Zone::Kiritimati.day(self.now.daemon) + 2 {
                return Err(format!("R5: a policy that begins too early: {policy:?}"));
            }
            self.model.policy(policy, before + 1);
        }
        let expected = self.model.policies.last().is_some_and(|policy| policy.allowance == self.allowance);
        if expected { Ok(()) } else { Err(format!("R5: the policy was not pushed ({pushed})")) }
    }

    fn expire(&mut self) -> Result<(), String> {
        let mut chunk = self.engine.chunk();
        loop {
            let before = self.ground.pushed();
            chunk.clear();
            let expired = self.engine.expire_due(&mut chunk, self.clock());
            let records = self.ground.pushed_after(before);
            let used = self.cycle_rolls(&records, before)?;
            for (index, record) in records.iter().enumerate().filter(|(index, _)| !used[*index]) {
                let Some(Record::Expire(end)) = record else { return Err(format!("not an expiry: {record:?}")) };
                let (returned, forfeited) = self.model.expire(end.hold.0, self.now)?;
                if amounts(&end.returned) != returned || amounts(&end.forfeited) != forfeited {
                    return Err(format!("R24: {end:?}, expected {returned:?} and {forfeited:?}"));
                }
                self.model.place(before + 1 + index as u64);
                *self.tally.effects.entry(Effect::Expire).or_default() += 1;
            }
            self.model.flush();
            if expired == 0 {
                break;
            }
        }
        Ok(())
    }

    fn forget(&mut self) -> Result<(), String> {
        let before = self.ground.pushed();
        self.engine.forget(self.clock());
        for (index, record) in self.ground.pushed_after(before).into_iter().enumerate() {
            let Some(Record::IdBound { bound }) = record else { return Err(format!("not a bound: {record:?}")) };
            if bound.0 + self.settings.id_window_ms > self.now.wall {
                return Err(format!("R32: bound {bound:?} is younger than the window"));
            }
            self.model.id_bound(bound.0, before + 1 + index as u64)?;
        }
        Ok(())
    }

    fn write(&mut self, random: &mut Random, all: bool) -> Result<(), String> {
        if !self.ground.write(random, all) {
            return self.crash(random);
        }
        self.model.durable(self.ground.durable());
        let durable = self.ground.durable();
        self.unacknowledged.retain(|(needs, _)| *needs > durable);
        Ok(())
    }

    fn project(&mut self, most: u64) -> Result<(), String> {
        let mut rows = self.projection.rows();
        let after = rows.reached;
        self.ground.read(after, most).iter().try_for_each(|record| rows.apply(record))
    }

    // --- crashes and checks

    fn crash(&mut self, random: &mut Random) -> Result<(), String> {
        let pushed = self.ground.pushed();
        let acknowledged = self.ground.durable();
        let (records, kept) = self.ground.crash(random, self.now.daemon)?;
        if kept < acknowledged {
            return Err(format!("I3: {acknowledged} records were acknowledged and {kept} are left"));
        }
        let rows = Rows::of(&records)?;
        self.replays_the_same(&records, &rows)?;
        self.tally.crashes += 1;
        self.tally.lost_records += pushed.saturating_sub(kept);
        self.model.crash(kept);
        self.lose_answers(kept, random);
        if random.once_in_1000(500) {
            self.set_time(self.now.daemon + random.below(600_000));
        }
        self.start(rows)
    }

    /// I8: the records give the projections that were there, bit by bit.
    fn replays_the_same(&self, records: &[Entry], rows: &Rows) -> Result<(), String> {
        let mut live = self.projection.rows().clone();
        let reached = usize::try_from(live.reached).unwrap();
        if reached > records.len() {
            return Err("the projections are ahead of the journal".to_owned());
        }
        records[reached..].iter().try_for_each(|record| live.apply(record))?;
        if live == *rows { Ok(()) } else { Err("I8: a replay gives another state".to_owned()) }
    }

    /// Clients send again what was not acknowledged.
    fn lose_answers(&mut self, kept: u64, random: &mut Random) {
        for connection in &mut self.connections {
            if connection.waits_for.is_some() {
                self.clients.unanswered.append(&mut connection.frame);
            }
        }
        for (_, sent) in self.unacknowledged.drain(..) {
            if random.once_in_1000(100) {
                continue;
            }
            match sent {
                Sent::Frame(mut frame) => self.clients.unanswered.append(&mut frame),
                Sent::Command(command) => self.clients.unanswered_commands.push(command),
            }
        }
        self.clients.unanswered.reverse();
        self.tally.retries += self.clients.unanswered.len() as u64;
        self.checked_holds = self.checked_holds.min(kept);
    }

    fn start(&mut self, rows: Rows) -> Result<(), String> {
        let projection = Projection::of(rows);
        let engine = Engine::new(self.settings.clone(), self.ground.journal(), projection.clone());
        {
            let rows = projection.rows();
            rows.policies.all().iter().for_each(|policy| engine.load_policy(*policy));
            engine.load_id_bound(rows.id_bound);
            for row in rows.rows.values() {
                engine.load_wallet(row, self.clock()).map_err(|error| error.to_string())?;
            }
            for (id, hold) in &rows.holds {
                let remembered = id.own_time().is_none_or(|own| own >= rows.id_bound);
                if hold.state == HoldState::Open || remembered {
                    engine.load_hold(*id, hold.clone()).map_err(|error| error.to_string())?;
                }
            }
        }
        engine.loaded(self.clock());
        self.projection = projection;
        self.engine = engine;
        self.connect();
        self.model.durable(self.ground.durable());
        self.ensure_policy()
    }

    /// Nothing is in flight: memory, rows and model say the same.
    fn quiet(&mut self, random: &mut Random) -> Result<(), String> {
        self.tally.quiet += 1;
        let before = self.ground.pushed();
        let accounts: Vec<u128> = self.model.wallets.keys().copied().collect();
        let views: Vec<_> =
            accounts.iter().map(|account| self.engine.wallet_view(AccountId(*account), self.clock())).collect();
        let records = self.ground.pushed_after(before);
        if self.cycle_rolls(&records, before)?.contains(&false) {
            return Err(format!("a view that leaves records: {records:?}"));
        }
        let crashes = self.tally.crashes;
        self.write(random, true)?;
        if self.tally.crashes > crashes {
            return Ok(());
        }
        self.project(u64::MAX)?;
        let rows = self.projection.rows();
        for (account, view) in accounts.iter().zip(views) {
            let view = view.ok_or("no view of a wallet")?;
            let mut row = rows.rows.get(&AccountId(*account)).ok_or("no row of a wallet")?.clone();
            row.roll_day(Day(view.day.0), &rows.policies);
            row.check()?;
            let model = self.model.wallet(*account, self.now);
            let told = format!("\n  memory {view:?}\n  row {row:?}\n  model {model:?}");
            let same_memory = amounts(&view.available) == model.available
                && view.debt.millis() == model.debt
                && view.day.0 == model.day
                && view.period.0 == model.period
                && view.tier.0 == model.tier
                && view.frozen == model.frozen
                && view.cycle_ends_at.0 == model.cycle_end.unwrap_or(0)
                && view.zone == model.zone.name();
            if !same_memory {
                return Err(format!("memory and model differ{told}"));
            }
            let same_row = amounts(&row.available()) == model.available
                && row.debt().millis() == model.debt
                && (row.day.0, row.period.0, row.tier.0) == (model.day, model.period, model.tier)
                && row.frozen == model.frozen
                && row.ends_at.0 == model.cycle_end.unwrap_or(0);
            if !same_row {
                return Err(format!("row and model differ{told}"));
            }
            for (counters, model) in row.counters.iter().zip(&model.counters) {
                let same = counters.granted.millis() == model.granted
                    && counters.held.millis() == model.held
                    && counters.spent.millis() == model.spent
                    && counters.expired.millis() == model.expired
                    && counters.clawed_back.millis() == model.clawed_back;
                if !same {
                    return Err(format!("I1: counters differ{told}"));
                }
            }
        }
        let mut held = BTreeMap::<AccountId, (u32, Amounts)>::new();
        for (id, hold) in rows.holds.iter().filter(|(_, hold)| hold.state == HoldState::Open) {
            let sums = held.entry(hold.account).or_default();
            sums.0 += 1;
            for (sum, rest) in sums.1.iter_mut().zip(amounts(&hold.rest())) {
                *sum += rest;
            }
            if self.model.holds.get(&id.0).is_none_or(|model| model.state != State::Open) {
                return Err(format!("hold {id} is open on disk and not in the model"));
            }
        }
        for (account, row) in &rows.rows {
            let (open, sums) = held.remove(account).unwrap_or_default();
            let counted: Vec<u64> = row.counters.iter().map(|counters| counters.held.millis()).collect();
            if row.open_holds != open || counted != sums {
                return Err(format!("I1: {open} open holds hold {sums:?}: {row:?}"));
            }
        }
        let seen = self.checked_holds;
        for (id, hold) in rows.holds.iter().filter(|(_, hold)| hold.last_position.0 > seen) {
            let model = self.model.holds.get(&id.0).ok_or_else(|| format!("hold {id} is not in the model"))?;
            if state(hold.state) != model.state || hold.ends_at.0 != model.ends_at {
                return Err(format!("hold {id}: {hold:?} and {model:?}"));
            }
        }
        if rows.holds.len() != self.model.holds.len() {
            return Err("some holds of the model are not on disk".to_owned());
        }
        let ids: Vec<HoldId> = rows.holds.keys().copied().collect();
        let last = rows.reached;
        drop(rows);
        self.checked_holds = last;
        self.views_of_holds(random, &ids)
    }

    fn views_of_holds(&self, random: &mut Random, ids: &[HoldId]) -> Result<(), String> {
        let chunk = self.engine.chunk();
        for _ in 0..4.min(ids.len()) {
            let id = random.pick(ids);
            let account = self.model.holds[&id.0].account;
            let due = self
                .model
                .wallets
                .get(&account)
                .is_some_and(|wallet| wallet.cycle_end.is_some_and(|end| end <= self.now.daemon));
            if due {
                continue;
            }
            match self.engine.hold_view(&chunk, id, self.clock()) {
                Ok(Some((hold, position))) => {
                    let on_disk = self.projection.rows().holds[&id].clone();
                    if hold != on_disk || position != on_disk.last_position {
                        return Err(format!("memory has {hold:?}, the disk {on_disk:?}"));
                    }
                }
                other => return Err(format!("no view of hold {id}: {other:?}")),
            }
        }
        Ok(())
    }

    /// The journal of this run, as far as it is durable.
    pub(crate) fn recorded(&self) -> Vec<Entry> {
        self.ground.read(0, u64::MAX)
    }
}

pub(crate) fn amounts(split: &Split) -> Amounts {
    [split.free.millis(), split.subscription.millis(), split.top_up.millis()]
}

const fn state(state: HoldState) -> State {
    match state {
        HoldState::Open => State::Open,
        HoldState::Settled => State::Settled,
        HoldState::Released => State::Released,
        HoldState::Expired => State::Expired,
        HoldState::Tombstone => State::Tombstone,
    }
}

const fn kind(record: &Record) -> Effect {
    match record {
        Record::Policy(_) => Effect::Policy,
        Record::IdBound { .. } => Effect::IdBound,
        Record::Open(_) => Effect::Open,
        Record::Freeze(_) => Effect::Freeze,
        Record::SetSubscription(_) => Effect::SetSubscription,
        Record::Grant(_) => Effect::Grant,
        Record::TopUp(_) => Effect::TopUp,
        Record::Clawback(_) => Effect::Clawback,
        Record::CycleRoll(_) => Effect::CycleRoll,
        Record::Reserve(_) => Effect::Reserve,
        Record::Charge(_) => Effect::Charge,
        Record::Capture(_) => Effect::Capture,
        Record::LateCapture(_) => Effect::LateCapture,
        Record::Release(_) => Effect::Release,
        Record::Expire(_) => Effect::Expire,
        Record::Refund(_) => Effect::Refund,
        Record::Extend(_) => Effect::Extend,
        Record::Tombstone { .. } => Effect::Tombstone,
    }
}

/// Compares an answer with what the model says. What a refusal need not tell it may tell, if it is true.
fn agrees(expected: &Expected, answer: &Answer) -> Result<(), String> {
    let differ = |what: &str| Err(format!("{what} differs"));
    let told = (amounts(&answer.available), answer.next_reset_at.0, answer.top_up_allowed);
    let silent = told == ([0; 3], 0, false);
    let truth = expected.view.map(|view| (view.available, view.next_reset_at, view.top_up_allowed));
    let split = amounts(&answer.split);
    let position = expected.position.is_none_or(|position| position == answer.position.0);
    match () {
        () if answer.outcome != expected.outcome => differ("outcome"),
        () if answer.detail != expected.detail => differ("detail"),
        () if split != expected.split => differ("split"),
        () if answer.amount.millis() != expected.amount => differ("amount"),
        () if answer.time.0 != expected.time => differ("time"),
        () if answer.forfeited.millis() != expected.forfeited => differ("forfeited"),
        () if answer.late != expected.late => differ("late"),
        () if !position => differ("position"),
        () if (expected.tells || !silent) && truth.is_some_and(|truth| truth != told) => {
            differ("available, next reset or top-up allowed")
        }
        () if expected.tells && truth.is_none() => differ("what it tells of a wallet"),
        () => Ok(()),
    }
}
