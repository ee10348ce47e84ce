//! Every interleaving of a scenario, breadth first, so that the first trace found of a kind is a shortest one.

use std::fmt::Write as _;

use super::{
    intern::Interner,
    record::HOLDS,
    replay::signed,
    rules::Rules,
    scenario::Scenario,
    state::{At, Phase, State, TASKS},
    violation::{Kind, Violation},
    world::World,
};

/// The steps that led to a violation, one a line.
pub(super) struct Trace {
    pub(super) violation: Violation,
    pub(super) steps: Vec<String>,
}

impl Trace {
    pub(super) fn print(&self, scenario: &Scenario) -> String {
        let mut text = format!("{:?}: {}\n  {scenario}\n", self.violation.kind, self.violation.detail);
        for (number, step) in self.steps.iter().enumerate() {
            let _ = writeln!(text, "  {:>3}  {step}", number + 1);
        }
        text
    }
}

/// Explores one scenario after the other in the same memory.
pub(super) struct Explorer {
    states: Interner<State>,
    parents: Vec<u32>,
    /// The first trace of each kind in this scenario.
    pub(super) traces: Vec<Trace>,
}

impl Explorer {
    pub(super) fn new() -> Self {
        Self { states: Interner::new(), parents: Vec::new(), traces: Vec::new() }
    }

    /// Visits all states and returns their number; what is wrong is in `traces`.
    pub(super) fn run(&mut self, rules: Rules, scenario: &Scenario) -> usize {
        let mut world = World::new(rules, scenario);
        self.states.clear();
        self.parents.clear();
        self.traces.clear();
        self.states.intern(scenario.initial(&mut world));
        self.parents.push(0);
        let mut visited = 0;
        while (visited as usize) < self.states.len() {
            self.visit(&mut world, visited);
            visited += 1;
        }
        self.states.len()
    }

    fn visit(&mut self, world: &mut World<'_>, id: u32) {
        let state = *self.states.at(id);
        for (word, cold) in state.words.iter().zip(&state.colds) {
            if cold.debt > 0 && word.top_up > 0 {
                world.violate(Kind::Debt, "debt stands beside top-up credits");
                self.note(world, id, None);
            }
        }
        let mut moved = false;
        for me in 0..world.scenario.frames.len() {
            if state.tasks[me].at == At::Done {
                continue;
            }
            let mut next = state;
            if world.step(&mut next, me) {
                moved = true;
                self.reach(next, id);
                self.note(world, id, Some(me));
            } else {
                world.found.clear();
            }
        }
        if usize::from(state.now) < world.scenario.ticks.len() && !world.policy_must_come_first(&state) {
            moved = true;
            let mut next = state;
            next.now += 1;
            self.reach(next, id);
        }
        if !moved {
            self.at_rest(world, &state);
            self.note(world, id, None);
        }
    }

    fn reach(&mut self, state: State, from: u32) {
        let (_, new) = self.states.intern(state);
        if new {
            self.parents.push(from);
        }
    }

    /// Keeps what the last step has found, if it is the first of its kind.
    fn note(&mut self, world: &mut World<'_>, id: u32, me: Option<usize>) {
        while let Some(violation) = world.found.pop() {
            if self.traces.iter().all(|trace| trace.violation.kind != violation.kind) {
                let steps = self.retell(world, id, me);
                self.traces.push(Trace { violation, steps });
            }
        }
    }

    /// Nobody can move and time is over: all must be done, and replay must agree with what lives.
    fn at_rest(&mut self, world: &mut World<'_>, state: &State) {
        let stuck = (0..TASKS).filter(|&me| state.tasks[me].at != At::Done);
        let stuck: Vec<String> = stuck.map(|me| format!("{} is at {:?}", letter(me), state.tasks[me].at)).collect();
        if !stuck.is_empty() {
            world.violate(Kind::Deadlock, &stuck.join(", "));
            return;
        }
        if state.colds.iter().any(|cold| cold.lock.is_some()) || state.room != world.scenario.room {
            world.violate(Kind::Deadlock, "all are done, but a lock or room is not given back");
        }
        if let Err((kind, detail)) = compare(world, state) {
            world.violate(kind, &detail);
        }
    }

    fn retell(&self, world: &mut World<'_>, id: u32, last: Option<usize>) -> Vec<String> {
        let mut path = vec![id];
        while path[path.len() - 1] != 0 {
            path.push(self.parents[path[path.len() - 1] as usize]);
        }
        path.reverse();
        let found = std::mem::take(&mut world.found);
        world.telling = true;
        let pairs = path.windows(2);
        let mut steps: Vec<String> = pairs.map(|pair| self.retell_step(world, pair[0], pair[1])).collect();
        if let Some(me) = last {
            steps.push(tell(world, &mut self.states.at(id).clone(), me));
        }
        world.telling = false;
        world.found = found;
        steps
    }

    fn retell_step(&self, world: &mut World<'_>, from: u32, to: u32) -> String {
        for me in 0..world.scenario.frames.len() {
            let mut next = *self.states.at(from);
            let told = tell(world, &mut next, me);
            if next == *self.states.at(to) {
                return told;
            }
        }
        format!("tick {}", self.states.at(to).now)
    }
}

fn tell(world: &mut World<'_>, state: &mut State, me: usize) -> String {
    world.told.clear();
    world.step(state, me);
    format!("{}: {}", letter(me), world.told)
}

fn letter(me: usize) -> char {
    ['A', 'B', 'C'][me]
}

/// I8 and R16 at rest: live and replayed, both rolled to the same day.
fn compare(world: &World<'_>, state: &State) -> Result<(), (Kind, String)> {
    let rows = *world.rows(state.rows);
    for (index, (word, cold)) in state.words.iter().zip(&state.colds).enumerate() {
        if word.attention != (cold.debt > 0 || cold.frozen) {
            let detail = format!("debt {}, frozen {}, attention bit {}", cold.debt, cold.frozen, word.attention);
            return Err((Kind::Debt, detail));
        }
        let (mut live, mut row) = (rows.wallets[index], rows.wallets[index]);
        live.free = signed(word.free);
        live.day = word.day;
        live.subscription = signed(word.subscription);
        live.top_up = signed(word.top_up);
        live.cycle = word.cycle;
        live.tier = word.tier;
        live.debt = signed(cold.debt);
        live.allocation = cold.allocation;
        live.pending = cold.pending;
        live.largest = cold.largest;
        live.auto_renew = cold.auto_renew;
        live.frozen = cold.frozen;
        live.zone = cold.zone;
        live.boundaries = cold.boundaries;
        let day = world.day_at(state.now, cold.zone).max(word.day).max(row.day);
        live.roll_day(day, state.policies);
        row.roll_day(day, rows.policies);
        // What expired and was granted is derived by replay alone.
        (live.expired_free, live.granted, live.days) = (row.expired_free, row.granted, row.days);
        if live != row {
            return Err((Kind::Replay, format!("wallet {index}\n    live     {live:?}\n    replayed {row:?}")));
        }
    }
    for (index, (entry, row)) in state.entries[..HOLDS].iter().zip(&rows.holds).enumerate() {
        if (entry.phase, entry.extended, entry.settled) != (row.phase, row.extended, row.settled) {
            return Err((Kind::Replay, format!("hold {index}: live {entry:?}, replayed {row:?}")));
        }
        if entry.disowned && entry.phase == Phase::Open {
            return Err((Kind::Leaked, format!("hold {index} is open, and its release was told that nobody knows it")));
        }
    }
    if signed(state.spent) != rows.spent || state.policies != rows.policies {
        return Err((Kind::Replay, format!("spent: live {}, replayed {}", state.spent, rows.spent)));
    }
    Ok(())
}
