//! Commands: they hold the wallet's lock from reading the cold side until their record is pushed and applied.

use super::{
    record::{HOLDS, Op, PAYMENTS, Period, Record},
    scenario::{ALLOCATION, ALLOCATION_LARGE, ALLOCATION_SMALL},
    state::{At, Phase, State},
    step::name,
    world::World,
};

impl Op {
    pub(super) fn is_command(&self) -> bool {
        !matches!(self, Self::Reserve { .. } | Self::Commit { .. } | Self::Expire { .. } | Self::Extend { .. })
            && !matches!(self, Self::Capture { .. } | Self::Release { .. } | Self::Refund { .. })
            && !matches!(self, Self::TopUp { .. } | Self::PackedRoll { .. })
    }

    /// The wallet that the request names.
    pub(super) fn wallet(&self) -> u8 {
        match *self {
            Self::Reserve { wallet, .. } | Self::TopUp { wallet, .. } | Self::Clawback { wallet, .. } => wallet,
            Self::Subscribe { wallet } | Self::Upgrade { wallet } | Self::ChangeLater { wallet } => wallet,
            Self::NewCycle { wallet } | Self::Cancel { wallet } | Self::MoveZone { wallet } => wallet,
            Self::Freeze { wallet, .. } => wallet,
            _ => unreachable!("{self:?} names no wallet"),
        }
    }
}

impl World<'_> {
    fn locks(&self, op: Op) -> bool {
        match op {
            Op::Clawback { .. } => self.rules.clawback_locks,
            Op::Freeze { .. } => self.rules.freeze_locks,
            // It touches no wallet; there is one at a time.
            Op::Policy { .. } => false,
            _ => self.rules.commands_lock,
        }
    }

    /// Takes the lock, reads the cold side, decides. A due wallet is rolled first.
    pub(super) fn lock_for_command(&mut self, s: &mut State, me: usize) -> bool {
        let op = self.op(s, me);
        if let Op::Policy { everybody } = op {
            return self.draft_policy(s, me, everybody);
        }
        let wallet = op.wallet();
        let index = usize::from(wallet);
        if self.locks(op) && s.colds[index].is_locked_by_another(me) {
            return false;
        }
        // The other two touch nothing that a boundary touches.
        let needs_roll = !matches!(op, Op::Clawback { .. } | Op::Freeze { .. });
        if needs_roll && self.is_due(s, wallet, s.tasks[me].now) {
            self.meet_due(s, me, wallet);
            return true;
        }
        if let Op::Clawback { .. } = op {
            s.tasks[me].at = At::ClawbackWord;
        } else if let Some(record) = self.draft_command(s, op, s.tasks[me].now) {
            s.tasks[me].draft = self.intern(record);
            let push_first = self.rules.commands_push_first;
            s.tasks[me].at = if push_first { At::CommandPush } else { At::CommandApply };
        } else {
            // A refusal tells of the command or roll that made the cold side what it is.
            self.tell_of_command(s, me, wallet);
            self.say(|| format!("{op:?}: refused"));
            return self.next_op(s, me);
        }
        if self.locks(op) {
            s.colds[index].lock = Some(name(me));
        }
        let lock = if self.locks(op) { "locks" } else { "does not lock" };
        self.say(|| format!("{op:?}: {lock} wallet {wallet}, decides"));
        true
    }

    /// Names the first date it holds for: a push may take as long as it likes, but not a whole day.
    fn draft_policy(&mut self, s: &mut State, me: usize, everybody: bool) -> bool {
        let from_day = self.policy_date(s.tasks[me].now);
        s.tasks[me].draft = self.intern(Record::Policy { from_day, everybody });
        s.tasks[me].at = At::CommandPush;
        self.say(|| format!("policy from day {from_day} on is decided"));
        true
    }

    /// The record of a plan, zone or freeze command; none if it is refused.
    fn draft_command(&self, s: &State, op: Op, now: u8) -> Option<Record> {
        let wallet = op.wallet();
        let (word, cold) = (&s.words[usize::from(wallet)], &s.colds[usize::from(wallet)]);
        let day = word.day;
        let subscribed = word.tier > 0;
        let open = |allocation: u8, tier: u8| {
            let boundaries = self.cycles_at(now).max(cold.boundaries);
            let period = Period { day, cycle: word.cycle + 1, allocation, tier, boundaries };
            Record::Open { wallet, period }
        };
        let allowed = match op {
            Op::Subscribe { .. } => !subscribed,
            Op::MoveZone { .. } | Op::Freeze { .. } => true,
            _ => subscribed,
        };
        allowed.then(|| match op {
            Op::Subscribe { .. } => open(ALLOCATION, 1),
            Op::NewCycle { .. } => open(ALLOCATION_LARGE, 1),
            Op::Cancel { .. } => open(0, 0),
            Op::Upgrade { .. } => Record::Upgrade {
                wallet,
                day,
                cycle: word.cycle + u8::from(!self.rules.upgrade_keeps_period),
                added: ALLOCATION_LARGE.saturating_sub(cold.largest),
                allocation: ALLOCATION_LARGE,
            },
            Op::ChangeLater { .. } => Record::ChangeLater { wallet, day, allocation: ALLOCATION_SMALL },
            Op::MoveZone { .. } => Record::Zone { wallet, day, zone: 1 - cold.zone },
            Op::Freeze { frozen, .. } => Record::Freeze { wallet, frozen },
            _ => unreachable!("{op:?} is no such command"),
        })
    }

    /// Takes what is there, the rest is debt. Word, debt and attention bit change before the push, like a take.
    pub(super) fn clawback_word(&mut self, s: &mut State, me: usize) -> bool {
        let Op::Clawback { wallet, amount } = self.op(s, me) else { unreachable!() };
        let index = usize::from(wallet);
        let (word, cold) = (&mut s.words[index], &mut s.colds[index]);
        let taken = amount.min(word.top_up);
        let owed = amount - taken;
        s.tasks[me].draft = self.intern(Record::Clawback { wallet, taken, owed });
        if !self.rules.clawback_word_first {
            s.tasks[me].at = At::CommandPush;
            return true;
        }
        word.top_up -= taken;
        if self.rules.bit_in_same_cas {
            word.attention |= owed > 0;
        }
        if self.rules.clawback_locks {
            cold.debt += owed;
        } else {
            s.tasks[me].saved = cold.debt + owed;
        }
        s.tasks[me].at = if self.rules.bit_in_same_cas { At::CommandPush } else { At::ClawbackBit };
        self.say(|| format!("clawback takes {taken}, {owed} become debt"));
        true
    }

    /// The rule left out: the bit follows in a CAS of its own.
    pub(super) fn clawback_bit(&mut self, s: &mut State, me: usize) -> bool {
        let index = usize::from(self.op(s, me).wallet());
        s.words[index].attention = s.colds[index].debt > 0 || s.colds[index].frozen;
        s.tasks[me].at = At::CommandPush;
        self.say(|| "clawback sets the attention bit".to_owned());
        true
    }

    pub(super) fn push_command(&mut self, s: &mut State, me: usize) -> bool {
        let op = self.op(s, me);
        if self.scenario.room > 0 && !self.rules.room_before_lock && s.room == 0 {
            return false;
        }
        let draft = s.tasks[me].draft;
        let id = self.command_id(op);
        let record = match id {
            Some(command) => self.intern(Record::Once { command, of: draft }),
            None => draft,
        };
        self.push_record(s, me, record);
        if let Some(id) = id {
            let entry = &mut s.entries[HOLDS + PAYMENTS + usize::from(id)];
            (entry.phase, entry.position) = (Phase::Settled, s.length);
        }
        if let Op::Policy { .. } = op {
            s.tasks[me].at = At::CommandApply;
            return true;
        }
        let cold = &mut s.colds[usize::from(op.wallet())];
        cold.position = s.length;
        let is_clawback = matches!(op, Op::Clawback { .. }) && self.rules.clawback_word_first;
        if is_clawback && !self.rules.clawback_locks {
            cold.debt = s.tasks[me].saved;
        }
        if (is_clawback || !self.rules.locks_until_applied) && cold.lock == Some(name(me)) {
            cold.lock = None;
        }
        if is_clawback {
            self.answer(s, me);
        } else if !self.rules.commands_push_first {
            self.end_command(s, me);
        } else {
            s.tasks[me].at = At::CommandApply;
        }
        true
    }

    pub(super) fn apply_command(&mut self, s: &mut State, me: usize) -> bool {
        let draft = s.tasks[me].draft;
        match self.record(draft) {
            Record::Policy { from_day, everybody } => s.policies.add(from_day, everybody),
            // The rule left out: pushed before, so it takes what is there by now.
            Record::Clawback { wallet, taken, owed } => {
                let (word, cold) = s.wallet_mut(wallet);
                let taken_now = word.top_up.min(taken + owed);
                word.top_up -= taken_now;
                cold.debt += taken + owed - taken_now;
                word.attention = cold.frozen || cold.debt > 0;
            }
            Record::Open { wallet, .. } => {
                self.open_in_word(s, wallet, draft);
                s.tasks[me].at = At::CommandCold;
                return true;
            }
            Record::Upgrade { wallet, cycle, added, allocation, .. } => {
                let index = usize::from(wallet);
                s.words[index].subscription += added;
                s.words[index].cycle = cycle;
                s.colds[index].allocation = allocation;
                s.colds[index].largest = allocation.max(s.colds[index].largest);
                s.colds[index].pending = 0;
            }
            Record::ChangeLater { wallet, allocation, .. } => s.colds[usize::from(wallet)].pending = allocation,
            Record::Zone { wallet, zone, .. } => s.colds[usize::from(wallet)].zone = zone,
            Record::Freeze { wallet, frozen } => {
                let (word, cold) = s.wallet_mut(wallet);
                cold.frozen = frozen;
                word.attention = frozen || cold.debt > 0;
            }
            other => unreachable!("{other:?} is no command"),
        }
        self.say(|| "applies it".to_owned());
        self.applied_command(s, me);
        true
    }

    pub(super) fn finish_command(&mut self, s: &mut State, me: usize) -> bool {
        let wallet = self.op(s, me).wallet();
        self.renew_cold(s, wallet, s.tasks[me].draft);
        self.applied_command(s, me);
        true
    }

    fn applied_command(&mut self, s: &mut State, me: usize) {
        let is_policy = matches!(self.op(s, me), Op::Policy { .. });
        if self.rules.commands_push_first || is_policy {
            self.end_command(s, me);
        } else {
            s.tasks[me].at = At::CommandPush;
        }
    }

    fn end_command(&mut self, s: &mut State, me: usize) {
        for cold in s.locked_by(me) {
            cold.lock = None;
        }
        self.answer(s, me);
    }
}
