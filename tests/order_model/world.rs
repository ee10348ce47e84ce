//! What all states of one scenario share: the calendar, the interned records and rows, and what a step has found.

use super::{
    intern::{FastMap, Interner},
    record::{NONE, Op, Record, RecordId, Slices},
    replay::{self, Rows},
    rules::Rules,
    scenario::Scenario,
    state::{At, State, Task},
    violation::{Kind, Violation},
};

/// Ticks of a scenario at most.
const TICKS: usize = 2;

/// One exploration, under some rules.
pub(super) struct World<'a> {
    pub(super) rules: Rules,
    pub(super) scenario: &'a Scenario,
    days: [[u8; TICKS + 1]; 2],
    cycles: [u8; TICKS + 1],
    records: Interner<Record>,
    rows: Interner<Rows>,
    /// (rows, record) → the rows after it, and what is wrong with that prefix.
    appended: FastMap<(u32, RecordId), (u32, Option<Kind>)>,
    /// What the step just made has found.
    pub(super) found: Vec<Violation>,
    /// Set while a trace is told: steps then say what they do.
    pub(super) telling: bool,
    pub(super) told: String,
}

impl<'a> World<'a> {
    pub(super) fn new(rules: Rules, scenario: &'a Scenario) -> Self {
        let mut days = [[0; TICKS + 1]; 2];
        let mut cycles = [0; TICKS + 1];
        for (n, tick) in scenario.ticks.iter().enumerate() {
            for (zone, days) in days.iter_mut().enumerate() {
                days[n + 1] = days[n] + u8::from(tick.day_of_zone[zone]);
            }
            cycles[n + 1] = cycles[n] + u8::from(tick.cycle);
        }
        Self {
            rules,
            scenario,
            days,
            cycles,
            records: Interner::new(),
            rows: Interner::new(),
            appended: FastMap::default(),
            found: Vec::new(),
            telling: false,
            told: String::new(),
        }
    }

    /// The calendar date of `zone` after `now` ticks.
    pub(super) fn day_at(&self, now: u8, zone: u8) -> u8 {
        self.days[usize::from(zone)][usize::from(now)]
    }

    /// Cycle boundaries behind after `now` ticks.
    pub(super) fn cycles_at(&self, now: u8) -> u8 {
        self.cycles[usize::from(now)]
    }

    pub(super) fn record(&self, id: RecordId) -> Record {
        *self.records.at(id.into())
    }

    pub(super) fn intern(&mut self, record: Record) -> RecordId {
        let (id, _) = self.records.intern(record);
        let id = RecordId::try_from(id).expect("a scenario has few distinct records");
        assert_ne!(id, NONE);
        id
    }

    pub(super) fn intern_rows(&mut self, rows: Rows) -> u32 {
        self.rows.intern(rows).0
    }

    pub(super) fn rows(&self, id: u32) -> &Rows {
        self.rows.at(id)
    }

    /// Wallet and slices of a take. A take that is not decided yet is met only where a rule is left out: it is empty.
    pub(super) fn take(&self, id: RecordId) -> (u8, Slices) {
        take_in(&self.records, id)
    }

    /// Gives `record` the next place of the journal and checks the prefix that ends with it.
    pub(super) fn append(&mut self, s: &mut State, record: RecordId) {
        let (rows, wrong) = match self.appended.get(&(s.rows, record)) {
            Some(&known) => known,
            None => self.replay(s.rows, record),
        };
        s.rows = rows;
        s.length += 1;
        if let Some(kind) = wrong {
            let detail =
                format!("the prefix of {} records, ending with {:?}, is not valid", s.length, self.record(record));
            self.found.push(Violation { kind, detail });
        }
    }

    fn replay(&mut self, before: u32, record: RecordId) -> (u32, Option<Kind>) {
        let mut rows = *self.rows.at(before);
        let records = &self.records;
        let take_of = |id| take_in(records, id).1;
        let apply =
            |rows: &mut Rows, id: RecordId| replay::apply(rows, records.at(id.into()), id, &self.rules, take_of);
        let applied = match *records.at(record.into()) {
            Record::Once { command, of } => rows.once(command).and_then(|()| apply(&mut rows, of)),
            _ => apply(&mut rows, record),
        };
        let after = (self.rows.intern(rows).0, applied.err());
        self.appended.insert((before, record), after);
        after
    }

    /// The id of a command, where commands have ids: the place of the first frame that has it.
    pub(super) fn command_id(&self, op: Op) -> Option<u8> {
        if !self.scenario.retried || !op.is_command() {
            return None;
        }
        self.scenario.frames.iter().position(|frame| frame[0] == op).map(|first| u8::from(first > 0))
    }

    /// Whether the next tick would begin a date that a decided policy names: its push and what follows may take long, but
    /// not a whole day.
    pub(super) fn policy_must_come_first(&self, s: &State) -> bool {
        let day = |zone| self.day_at(s.now + 1, zone);
        let dates = day(0).max(day(1));
        let begun = |task: &Task| !matches!(task.at, At::Room | At::Start | At::Done);
        let mut tasks = s.tasks.iter().zip(&self.scenario.frames).filter(|(task, _)| begun(task));
        self.rules.policy_day_ahead
            && tasks.any(|(task, frame)| matches!(frame[0], Op::Policy { .. }) && self.policy_date(task.now) <= dates)
    }

    /// The first date of a policy that is decided after `now` ticks: one whole day ahead in the most advanced zone.
    pub(super) fn policy_date(&self, now: u8) -> u8 {
        let most_advanced = self.day_at(now, 0).max(self.day_at(now, 1));
        most_advanced + if self.rules.policy_day_ahead { 2 } else { 1 }
    }

    pub(super) fn violate(&mut self, kind: Kind, detail: &str) {
        self.found.push(Violation { kind, detail: detail.to_owned() });
    }

    /// Says what a step does, while a trace is told.
    pub(super) fn say(&mut self, words: impl FnOnce() -> String) {
        if self.telling {
            if !self.told.is_empty() {
                self.told.push_str("; ");
            }
            self.told.push_str(&words());
        }
    }
}

fn take_in(records: &Interner<Record>, id: RecordId) -> (u8, Slices) {
    if id == NONE {
        return (0, Slices::default());
    }
    match *records.at(id.into()) {
        Record::Take { wallet, slices, .. } | Record::Capture { wallet, drawn: slices, .. } => (wallet, slices),
        ref other => unreachable!("{other:?} is no take"),
    }
}
