//! Rolls: one wallet's, met by a request that finds it due, and the ticker's packed roll of several.

use super::{
    record::{NONE, Op, Period, Record, RecordId},
    scenario::allowance,
    state::{At, Cold, State},
    step::name,
    violation::Kind,
    world::World,
};

impl Cold {
    fn unlock(&mut self, me: usize) {
        if self.lock == Some(name(me)) {
            self.lock = None;
        }
    }
}

impl World<'_> {
    pub(super) fn is_due(&self, s: &State, wallet: u8, now: u8) -> bool {
        let index = usize::from(wallet);
        self.is_cycle_due(s, wallet, now) || self.day_at(now, s.colds[index].zone) > s.words[index].day
    }

    fn is_cycle_due(&self, s: &State, wallet: u8, now: u8) -> bool {
        let index = usize::from(wallet);
        s.words[index].tier > 0 && self.cycles_at(now) > s.colds[index].boundaries
    }

    /// A request finds its wallet due. What it has seen so far it forgets, but where a rule is left out.
    pub(super) fn meet_due(&mut self, s: &mut State, me: usize, wallet: u8) {
        let now = s.tasks[me].now;
        if !self.rules.rereads_instants {
            s.tasks[me].draft = self.draft_roll(s, wallet, now);
        }
        if !self.rules.rereads_zone {
            s.tasks[me].saved = s.colds[usize::from(wallet)].zone;
        }
        s.tasks[me].at = At::RollLock;
        self.say(|| format!("wallet {wallet} is due"));
    }

    fn draft_roll(&mut self, s: &State, wallet: u8, now: u8) -> RecordId {
        if !self.is_cycle_due(s, wallet, now) {
            return NONE;
        }
        let mut wallets = [None; 2];
        wallets[usize::from(wallet)] = Some(self.next_period(s, wallet, now));
        self.intern(Record::Roll { wallets })
    }

    fn next_period(&self, s: &State, wallet: u8, now: u8) -> Period {
        let (word, cold) = (&s.words[usize::from(wallet)], &s.colds[usize::from(wallet)]);
        let allocation = match cold.pending {
            _ if !cold.auto_renew => 0,
            0 => cold.allocation,
            pending => pending,
        };
        Period {
            day: word.day,
            cycle: word.cycle + 1,
            allocation,
            tier: if cold.auto_renew { word.tier } else { 0 },
            boundaries: self.cycles_at(now),
        }
    }

    /// The wallet of the operation that met the boundary.
    fn rolled_wallet(&self, s: &State, me: usize) -> u8 {
        match self.op(s, me) {
            Op::Commit { hold, .. } | Op::Capture { hold, .. } | Op::Refund { hold, .. } => {
                self.take(s.entries[usize::from(hold)].take).0
            }
            op => op.wallet(),
        }
    }

    pub(super) fn lock_to_roll(&mut self, s: &mut State, me: usize) -> bool {
        let wallet = self.rolled_wallet(s, me);
        if self.rules.rolls_lock {
            let cold = &mut s.colds[usize::from(wallet)];
            if cold.is_locked_by_another(me) {
                return false;
            }
            cold.lock = Some(name(me));
        }
        if self.rules.rereads_instants {
            s.tasks[me].draft = self.draft_roll(s, wallet, s.tasks[me].now);
        }
        s.tasks[me].at = match s.tasks[me].draft {
            NONE => At::RollDone,
            _ if self.rules.rolls_push_first => At::RollPush,
            _ => At::RollWord,
        };
        self.say(|| format!("locks wallet {wallet} to roll it, reads the cold side"));
        true
    }

    pub(super) fn push_roll(&mut self, s: &mut State, me: usize) -> bool {
        let wallet = self.rolled_wallet(s, me);
        let draft = s.tasks[me].draft;
        if self.scenario.room > 0 && !self.rules.room_includes_rolls && s.room == 0 {
            return false;
        }
        if self.rules.roll_pushed_at_once {
            self.push_record(s, me, draft);
            s.colds[usize::from(wallet)].position = s.length;
            if !self.rules.push_marks_only_its_own {
                for entry in s.entries.iter_mut().filter(|entry| entry.owner == Some(name(me))) {
                    (entry.owner, entry.position) = (None, s.length);
                }
            }
        } else {
            s.tasks[me].unit.push(draft);
            self.say(|| format!("puts the roll of wallet {wallet} into its unit"));
        }
        if !self.rules.word_before_instants {
            self.renew_cold(s, wallet, draft);
        }
        if !self.rules.locks_until_applied {
            s.colds[usize::from(wallet)].unlock(me);
        }
        let push_first = self.rules.rolls_push_first;
        s.tasks[me].at = if push_first { At::RollWord } else { At::RollDone };
        true
    }

    pub(super) fn roll_word(&mut self, s: &mut State, me: usize) -> bool {
        let wallet = self.rolled_wallet(s, me);
        self.open_in_word(s, wallet, s.tasks[me].draft);
        let push_first = self.rules.rolls_push_first;
        s.tasks[me].at = if push_first { At::RollDone } else { At::RollPush };
        true
    }

    /// The instants, then the day (cycle and lapse come before it), then the lock is free.
    pub(super) fn finish_roll(&mut self, s: &mut State, me: usize) -> bool {
        let wallet = self.rolled_wallet(s, me);
        let draft = s.tasks[me].draft;
        if draft != NONE && self.rules.word_before_instants {
            self.renew_cold(s, wallet, draft);
        }
        let cold = &s.colds[usize::from(wallet)];
        let zone = if self.rules.rereads_zone { cold.zone } else { s.tasks[me].saved };
        self.roll_day(s, wallet, s.tasks[me].now, zone);
        if self.rules.roll_frees_lock {
            s.colds[usize::from(wallet)].unlock(me);
        }
        let op = self.op(s, me);
        let task = &mut s.tasks[me];
        (task.draft, task.saved) = (NONE, 0);
        task.at = if op.is_command() { At::CommandLock } else { At::Decide };
        true
    }

    fn roll_day(&mut self, s: &mut State, wallet: u8, now: u8, zone: u8) {
        let index = usize::from(wallet);
        let day = self.day_at(now, zone);
        let word = &mut s.words[index];
        if day <= word.day {
            self.say(|| format!("wallet {wallet} stays in its day"));
            return;
        }
        word.free = allowance(day, word.tier, s.policies).cast_unsigned();
        word.day = day;
        self.say(|| format!("wallet {wallet} is rolled to day {day}"));
        if day > self.day_at(s.now, s.colds[index].zone) {
            self.violate(Kind::Period, "a day is rolled that has not begun in the wallet's zone");
        }
    }

    /// A new period of the subscription bucket in the word, by a roll or a command.
    pub(super) fn open_in_word(&mut self, s: &mut State, wallet: u8, record: RecordId) {
        let period = self.period_of(wallet, record);
        let word = &mut s.words[usize::from(wallet)];
        word.subscription = period.allocation;
        word.cycle = period.cycle;
        word.tier = period.tier;
        word.opened += 1;
        word.rolled = period.boundaries;
        self.say(|| format!("wallet {wallet}: its word opens period {}", period.cycle));
    }

    /// The cold side of a new period; with it the next instant is published.
    pub(super) fn renew_cold(&mut self, s: &mut State, wallet: u8, record: RecordId) {
        let period = self.period_of(wallet, record);
        let cold = &mut s.colds[usize::from(wallet)];
        cold.boundaries = period.boundaries;
        cold.allocation = period.allocation;
        cold.largest = period.allocation;
        cold.pending = 0;
        self.say(|| format!("wallet {wallet}: its instants are renewed"));
    }

    fn period_of(&self, wallet: u8, record: RecordId) -> Period {
        match self.record(record) {
            Record::Roll { wallets } => wallets[usize::from(wallet)].expect("the roll is of this wallet"),
            Record::Open { period, .. } => period,
            other => unreachable!("{other:?} opens no period"),
        }
    }

    /// The packed roll tries each lock once: what is taken is being rolled or will be when it is met.
    pub(super) fn pack_lock(&mut self, s: &mut State, me: usize) -> bool {
        let Op::PackedRoll { order } = self.op(s, me) else { unreachable!() };
        let Some(&wallet) = order.get(usize::from(s.tasks[me].saved)) else {
            s.tasks[me].saved = 0;
            s.tasks[me].at = At::PackPush;
            if s.tasks[me].draft == NONE {
                self.answer(s, me);
            }
            return true;
        };
        let index = usize::from(wallet);
        if s.colds[index].is_locked_by_another(me) {
            if !self.rules.bulk_tries_locks {
                return false;
            }
            self.say(|| format!("packed roll leaves out wallet {wallet}"));
        } else if self.is_cycle_due(s, wallet, s.tasks[me].now) {
            s.colds[index].lock = Some(name(me));
            let mut wallets = match s.tasks[me].draft {
                NONE => [None; 2],
                draft => match self.record(draft) {
                    Record::Roll { wallets } => wallets,
                    _ => unreachable!(),
                },
            };
            wallets[index] = Some(self.next_period(s, wallet, s.tasks[me].now));
            s.tasks[me].draft = self.intern(Record::Roll { wallets });
            self.say(|| format!("packed roll locks wallet {wallet}"));
        } else {
            self.say(|| format!("packed roll finds wallet {wallet} not due"));
        }
        s.tasks[me].saved += 1;
        true
    }

    pub(super) fn pack_push(&mut self, s: &mut State, me: usize) -> bool {
        self.push_record(s, me, s.tasks[me].draft);
        let position = s.length;
        for cold in s.locked_by(me) {
            cold.position = position;
            if !self.rules.locks_until_applied {
                cold.lock = None;
            }
        }
        s.tasks[me].at = At::PackApply;
        true
    }

    pub(super) fn pack_apply(&mut self, s: &mut State, me: usize) -> bool {
        let Op::PackedRoll { order } = self.op(s, me) else { unreachable!() };
        let Record::Roll { wallets } = self.record(s.tasks[me].draft) else { unreachable!() };
        let wallet = order[usize::from(s.tasks[me].saved)];
        let index = usize::from(wallet);
        s.tasks[me].saved += 1;
        if wallets[index].is_some() {
            self.open_in_word(s, wallet, s.tasks[me].draft);
            self.renew_cold(s, wallet, s.tasks[me].draft);
            self.roll_day(s, wallet, s.tasks[me].now, s.colds[index].zone);
            s.colds[index].unlock(me);
        }
        if usize::from(s.tasks[me].saved) == order.len() {
            self.answer(s, me);
        }
        true
    }
}
