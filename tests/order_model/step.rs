//! One step of a connection's task: the frame, its unit, the entries it meets and the answer. Each step is one atomic
//! action of the daemon: one CAS, one push, one look at an entry. A step that cannot be made yet answers `false`.

use super::{
    record::{HOLDS, Op, PAYMENTS, Record, RecordId},
    state::{At, Entry, Phase, Records, Settled, State, Task},
    violation::Kind,
    world::World,
};

/// What a task does about an entry it meets.
enum Meeting {
    /// Decide now.
    Clear,
    /// Not yet, and the own unit was pushed: that was the step.
    Flushed,
    /// Not yet.
    Wait,
}

impl World<'_> {
    pub(super) fn step(&mut self, s: &mut State, me: usize) -> bool {
        match s.tasks[me].at {
            At::Room => self.take_room(s, me),
            At::Start => self.start(s, me),
            At::Decide => self.decide(s, me),
            At::Enter => self.enter_late(s, me),
            At::RollLock => self.lock_to_roll(s, me),
            At::RollPush => self.push_roll(s, me),
            At::RollWord => self.roll_word(s, me),
            At::RollDone => self.finish_roll(s, me),
            At::CommandLock => self.lock_for_command(s, me),
            At::ClawbackWord => self.clawback_word(s, me),
            At::ClawbackBit => self.clawback_bit(s, me),
            At::CommandPush => self.push_command(s, me),
            At::CommandApply => self.apply_command(s, me),
            At::CommandCold => self.finish_command(s, me),
            At::PackLock => self.pack_lock(s, me),
            At::PackPush => self.pack_push(s, me),
            At::PackApply => self.pack_apply(s, me),
            At::Push => self.push_last(s, me),
            At::Merge => self.merge_queue(s, me),
            At::Apply | At::ApplyNet => self.apply_next(s, me),
            At::Done => false,
        }
    }

    pub(super) fn op(&self, s: &State, me: usize) -> Op {
        self.scenario.frames[me][usize::from(s.tasks[me].op)]
    }

    fn frame_len(&self, me: usize) -> u8 {
        u8::try_from(self.scenario.frames[me].len()).expect("frames are short")
    }

    /// Room for the whole chunk at once, or none: who holds a part of what he needs could wait for ever.
    fn take_room(&mut self, s: &mut State, me: usize) -> bool {
        let command = self.op(s, me).is_command();
        let wanted = match (command, self.rules.room_includes_rolls) {
            (true, _) if !self.rules.room_before_lock => 0,
            (_, true) => 2 * self.frame_len(me),
            (_, false) => self.frame_len(me),
        };
        if s.room < wanted {
            return false;
        }
        s.room -= wanted;
        s.tasks[me].room = wanted;
        s.tasks[me].at = At::Start;
        self.say(|| format!("takes room for {wanted} records"));
        true
    }

    fn start(&mut self, s: &mut State, me: usize) -> bool {
        match self.op(s, me) {
            Op::Reserve { hold, .. } => return self.enter(s, me, hold.into()),
            Op::TopUp { payment, .. } if self.rules.payments_have_entries => {
                return self.enter(s, me, HOLDS + usize::from(payment));
            }
            Op::Commit { hold, amount } => return self.settle(s, me, hold.into(), Some(amount)),
            Op::Expire { hold } => return self.settle(s, me, hold.into(), None),
            Op::Extend { hold } => return self.extend(s, me, hold.into()),
            Op::Release { hold } => return self.release(s, me, hold.into()),
            Op::Capture { .. } | Op::Refund { .. } => return self.begin_settlement(s, me),
            Op::TopUp { .. } => s.tasks[me].at = At::Decide,
            // The ticker has nothing to roll before the first boundary.
            Op::PackedRoll { .. } if s.now == 0 => return false,
            Op::PackedRoll { .. } => s.tasks[me].at = At::PackLock,
            op => match self.command_id(op) {
                Some(id) => return self.enter_command(s, me, HOLDS + PAYMENTS + usize::from(id)),
                None => s.tasks[me].at = At::CommandLock,
            },
        }
        s.tasks[me].now = s.now;
        let op = self.op(s, me);
        self.say(|| format!("{op:?} begins at tick {}", s.now));
        true
    }

    /// A request that makes its entry: a reserve or a top-up.
    fn enter(&mut self, s: &mut State, me: usize, index: usize) -> bool {
        match self.meet(s, me, index, false) {
            Meeting::Wait => return false,
            Meeting::Flushed => return true,
            Meeting::Clear => {}
        }
        let op = self.op(s, me);
        if s.entries[index].phase != Phase::Absent {
            self.say(|| format!("{op:?}: replayed"));
            self.tell_of_entry(s, me, index);
            return self.next_op(s, me);
        }
        if self.rules.entry_before_word {
            s.entries[index] = s.entries[index].opened(name(me));
        }
        s.tasks[me].now = s.now;
        s.tasks[me].at = At::Decide;
        let entry = if self.rules.entry_before_word { "makes its" } else { "finds no" };
        self.say(|| format!("{op:?} begins at tick {}, {entry} entry", s.now));
        true
    }

    /// The rule left out: the entry comes after the word.
    fn enter_late(&mut self, s: &mut State, me: usize) -> bool {
        let Op::Reserve { hold, .. } = self.op(s, me) else { unreachable!("only reserves enter late") };
        let take = s.tasks[me].unit.iter().last().expect("the take was just put into the unit");
        let entry = Entry { take, ..s.entries[usize::from(hold)].opened(name(me)) };
        s.entries[usize::from(hold)] = entry;
        self.say(|| format!("hold {hold}: makes its entry"));
        self.next_op(s, me)
    }

    /// A commit (`Some(amount)`) or an expiry (`None`) of a hold.
    fn settle(&mut self, s: &mut State, me: usize, index: usize, captured: Option<u8>) -> bool {
        let phase = s.entries[index].phase;
        let late = phase == Phase::Expired && captured.is_some_and(|amount| amount > 0);
        match self.meet(s, me, index, late) {
            Meeting::Wait => return false,
            Meeting::Flushed => return true,
            Meeting::Clear => {}
        }
        let op = self.op(s, me);
        match (phase, captured) {
            (Phase::Open, None) if s.entries[index].extended => {
                self.say(|| format!("{op:?}: was extended, the timer is set again"));
            }
            (Phase::Open, _) => return self.end_hold(s, me, index, captured),
            (Phase::Expired, Some(1..)) => {
                self.tell_of_entry(s, me, index);
                s.entries[index].owner = Some(name(me));
                s.tasks[me].now = s.now;
                s.tasks[me].at = At::Decide;
                self.say(|| format!("{op:?} is late, begins at tick {}", s.now));
                return true;
            }
            (Phase::Absent, _) => self.say(|| format!("{op:?}: unknown hold")),
            (_, Some(_)) => {
                self.tell_of_entry(s, me, index);
                self.say(|| format!("{op:?}: ended already"));
            }
            (_, None) => self.say(|| format!("{op:?}: nothing to do")),
        }
        self.next_op(s, me)
    }

    /// A command's id: whoever comes with it is kept out until its first delivery is decided and noted.
    fn enter_command(&mut self, s: &mut State, me: usize, index: usize) -> bool {
        let entry = &mut s.entries[index];
        let known = self.rules.commands_have_ids && entry.phase == Phase::Settled;
        if self.rules.commands_have_ids && self.rules.command_id_guarded && entry.owner.is_some_and(|by| by != name(me))
        {
            return false;
        }
        let op = self.op(s, me);
        if known {
            self.say(|| format!("{op:?}: replayed"));
            self.tell_of_entry(s, me, index);
            return self.next_op(s, me);
        }
        if self.rules.command_id_guarded {
            s.entries[index].owner = Some(name(me));
        }
        s.tasks[me].now = s.now;
        s.tasks[me].at = At::CommandLock;
        self.say(|| format!("{op:?} begins at tick {}, its id is new", s.now));
        true
    }

    fn release(&mut self, s: &mut State, me: usize, index: usize) -> bool {
        match self.meet(s, me, index, false) {
            Meeting::Wait => return false,
            Meeting::Flushed => return true,
            Meeting::Clear => {}
        }
        match s.entries[index].phase {
            Phase::Open => return self.end_hold(s, me, index, Some(0)),
            Phase::Absent => self.disown(s, me, index),
            _ => {
                self.tell_of_entry(s, me, index);
                self.say(|| format!("release of hold {index}: ended already"));
            }
        }
        self.next_op(s, me)
    }

    /// A release of an unknown id: a delayed reserve must not come after it.
    fn disown(&mut self, s: &mut State, me: usize, index: usize) {
        if !self.rules.release_leaves_tombstone {
            s.entries[index].disowned = true;
            self.say(|| format!("release of hold {index}: unknown"));
            return;
        }
        let record = self.intern(Record::Tombstone { hold: name(index) });
        s.tasks[me].unit.push(record);
        if self.rules.tombstone_enters_at_once {
            s.entries[index].phase = Phase::Tombstone;
            s.entries[index].owner = Some(name(me));
        }
        self.say(|| format!("release of hold {index}: unknown, leaves a tombstone"));
    }

    /// A capture or a refund reads the time. What it does it decides together with the word.
    fn begin_settlement(&mut self, s: &mut State, me: usize) -> bool {
        if !self.rules.settlement_looks_again {
            match self.look_for_settlement(s, me) {
                Ok(()) => {}
                Err(moved) => return moved,
            }
        }
        s.tasks[me].now = s.now;
        s.tasks[me].at = At::Decide;
        let op = self.op(s, me);
        self.say(|| format!("{op:?} begins at tick {}", s.now));
        true
    }

    /// Meets the entry of a capture or refund: whether it is another task's, and whether the step is known or refused.
    /// The error says whether that was a step.
    pub(super) fn look_for_settlement(&mut self, s: &mut State, me: usize) -> Result<(), bool> {
        let op = self.op(s, me);
        let (hold, bit, has_number) = match op {
            Op::Capture { hold, number, .. } => (hold, Settled::capture_bit(number), self.rules.captures_have_numbers),
            Op::Refund { hold, number, .. } => (hold, Settled::refund_bit(number), self.rules.refunds_have_numbers),
            _ => unreachable!("{op:?} settles otherwise"),
        };
        let index = usize::from(hold);
        match self.meet(s, me, index, false) {
            Meeting::Wait => return Err(false),
            Meeting::Flushed => return Err(true),
            Meeting::Clear => {}
        }
        let (phase, settled) = (s.entries[index].phase, s.entries[index].settled);
        let told = match op {
            _ if has_number && settled.steps & bit != 0 => "replayed",
            _ if phase == Phase::Absent => "unknown hold",
            Op::Refund { amount, .. } if amount > self.refundable(s, index) => "exceeds what was captured",
            Op::Refund { .. } => return Ok(()),
            Op::Capture { amount, last, .. } if phase == Phase::Open => {
                if last || amount <= self.rest(s, index) {
                    return Ok(());
                }
                "exceeds the hold"
            }
            _ => "ended already",
        };
        if phase != Phase::Absent {
            self.tell_of_entry(s, me, index);
        }
        self.say(|| format!("{op:?}: {told}"));
        Err(self.next_op(s, me))
    }

    fn extend(&mut self, s: &mut State, me: usize, index: usize) -> bool {
        match self.meet(s, me, index, false) {
            Meeting::Wait => return false,
            Meeting::Flushed => return true,
            Meeting::Clear => {}
        }
        if s.entries[index].phase != Phase::Open {
            self.say(|| format!("extend hold {index}: refused"));
            self.tell_of_entry(s, me, index);
            return self.next_op(s, me);
        }
        let record = self.intern(Record::Extend { hold: name(index) });
        s.tasks[me].unit.push(record);
        s.entries[index].owner = Some(name(me));
        if self.rules.extend_applied_before_published {
            s.entries[index].extended = true;
        } else {
            s.tasks[me].unapplied.push(record);
        }
        self.say(|| format!("extends hold {index}"));
        self.next_op(s, me)
    }

    /// Who has to wait pushes his own unit first, and applies what that gives.
    fn meet(&mut self, s: &mut State, me: usize, index: usize, wants_returns: bool) -> Meeting {
        let entry = &s.entries[index];
        let own = entry.owner == Some(name(me));
        let unpushed = match entry.owner {
            Some(_) if own => !self.rules.own_entry_not_waited_for,
            Some(_) => self.rules.waits_for_pushed,
            None => false,
        };
        let exempt = own && !self.rules.redebit_waits_for_own_returns;
        let returning = self.rules.redebit_waits_for_returns && wants_returns && !entry.returned && !exempt;
        if !unpushed && !returning {
            return Meeting::Clear;
        }
        let task = &s.tasks[me];
        let in_hand = !task.unit.is_empty() || self.rules.applies_own_before_waiting && !task.unapplied.is_empty();
        if !self.rules.pushes_own_before_waiting || !in_hand {
            return Meeting::Wait;
        }
        self.say(|| format!("meets entry {index} in flight, pushes its own unit"));
        self.push_unit(s, me);
        let gives = self.rules.applies_own_before_waiting && !s.tasks[me].unapplied.is_empty();
        s.tasks[me].at = if gives { At::Apply } else { At::Start };
        Meeting::Flushed
    }

    /// The answer will tell of what another request did to this entry.
    pub(super) fn tell_of_entry(&mut self, s: &mut State, me: usize, index: usize) {
        let entry = &s.entries[index];
        match entry.owner {
            Some(owner) if owner == name(me) => {}
            Some(_) => s.tasks[me].rests_on = u8::MAX,
            None => s.tasks[me].rest_on(entry.position, self.rules.answers_wait_for_entries),
        }
    }

    /// The answer will tell of the command or roll that made the wallet's cold side what it is.
    pub(super) fn tell_of_command(&mut self, s: &mut State, me: usize, wallet: u8) {
        let position = s.colds[usize::from(wallet)].position;
        s.tasks[me].rest_on(position, self.rules.answers_wait_for_commands);
    }

    /// The operation is decided; on to the next one, to the push, or (nothing in hand) to the answer.
    pub(super) fn next_op(&mut self, s: &mut State, me: usize) -> bool {
        let last = s.tasks[me].op + 1 == self.frame_len(me);
        let task = &mut s.tasks[me];
        task.op += 1;
        task.now = 0;
        if !last {
            task.at = At::Start;
        } else if !task.unit.is_empty() {
            task.at = At::Push;
        } else if !task.unapplied.is_empty() {
            task.at = At::Apply;
        } else {
            self.answer(s, me);
        }
        true
    }

    fn push_last(&mut self, s: &mut State, me: usize) -> bool {
        self.push_unit(s, me);
        if s.tasks[me].unapplied.is_empty() {
            self.end_chunk(s, me);
        } else {
            s.tasks[me].at = At::Apply;
        }
        true
    }

    fn end_chunk(&mut self, s: &mut State, me: usize) {
        if s.tasks[me].unit.is_empty() {
            self.answer(s, me);
        } else {
            s.tasks[me].at = At::Merge;
        }
    }

    /// The rule left out: what was pushed into a queue of the task's own reaches the journal some time later.
    fn merge_queue(&mut self, s: &mut State, me: usize) -> bool {
        for record in std::mem::replace(&mut s.tasks[me].unit, Records::EMPTY).iter() {
            self.push_record(s, me, record);
        }
        self.answer(s, me);
        true
    }

    /// The push gives each record of the unit its place and publishes it in the record's entry.
    fn push_unit(&mut self, s: &mut State, me: usize) {
        let unit = s.tasks[me].unit;
        if self.rules.one_queue {
            s.tasks[me].unit = Records::EMPTY;
        } else {
            self.say(|| "pushes its unit into a queue of its own".to_owned());
        }
        for record in unit.iter() {
            if self.rules.one_queue {
                self.push_record(s, me, record);
            }
            if let Some(index) = self.record(record).entry() {
                s.entries[index].position = s.length;
                s.entries[index].owner = None;
                // The rule left out: only now it is there.
                if !self.rules.tombstone_enters_at_once && matches!(self.record(record), Record::Tombstone { .. }) {
                    s.entries[index].phase = Phase::Tombstone;
                }
            }
        }
    }

    /// One record of the task's own: its answer waits for it.
    pub(super) fn push_record(&mut self, s: &mut State, me: usize, record: RecordId) {
        self.append(s, record);
        let task = &mut s.tasks[me];
        task.needs = task.needs.max(s.length);
        if self.telling {
            let record = self.record(record);
            self.say(|| format!("pushes {} {record:?}", s.length));
        }
    }

    /// Applies one pushed record to the word.
    fn apply_next(&mut self, s: &mut State, me: usize) -> bool {
        let record = s.tasks[me].unapplied.first();
        let netting = s.tasks[me].at == At::ApplyNet;
        if !self.apply_to_word(s, me, record) {
            return false;
        }
        if s.tasks[me].at == At::ApplyNet && !netting {
            return true;
        }
        let frame_len = self.frame_len(me);
        let task = &mut s.tasks[me];
        task.unapplied.pop_front();
        if !task.unapplied.is_empty() {
            task.at = At::Apply;
        } else if task.op < frame_len {
            task.at = At::Start;
        } else {
            self.end_chunk(s, me);
        }
        true
    }

    /// The answer leaves when `needs` records are durable. Nothing more is sure to survive a crash, so it must not tell
    /// of anything behind that: this takes the place of a step for each sync.
    pub(super) fn answer(&mut self, s: &mut State, me: usize) {
        let task = &s.tasks[me];
        if task.rests_on > task.needs {
            let detail = format!("waits for {} records, tells of record {}", task.needs, task.rests_on);
            self.violate(Kind::Undurable, &detail);
        }
        s.room += task.room;
        if !self.rules.roll_frees_lock {
            for cold in s.locked_by(me) {
                cold.lock = None;
            }
        }
        // The guard of a command's id ends with the command.
        for entry in &mut s.entries[HOLDS + PAYMENTS..] {
            if entry.owner == Some(name(me)) {
                entry.owner = None;
            }
        }
        s.tasks[me] = Task::DONE;
        self.say(|| "done".to_owned());
    }
}

/// Tasks and holds are named by a byte in the state.
pub(super) fn name(index: usize) -> u8 {
    u8::try_from(index).expect("a scenario has few tasks and holds")
}
