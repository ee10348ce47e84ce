//! Settlements of holds: commits, releases, expiries, extensions (R23 to R28, R31, R32).

use wallet::outcome::{Field, Outcome};
use wallet::record::{CaptureRequest, OverCommit};
use wallet::request::{Answer, Operation};

use super::refund::reused;
use super::{
    Amounts, CaptureStep, Clock, Effect, Expected, Hold, LIMIT_CAPTURES, Model, NOTHING, Part, SETTLEMENTS_MAX, Said,
    State, add, draw, sub, sum, within,
};

impl Model {
    pub(super) fn settlement(
        &mut self,
        (account, id): (u128, u128),
        operation: &Operation,
        now: Clock,
        seen: &Answer,
    ) -> Expected {
        if !self.wallets.contains_key(&account) {
            return Expected::of(Outcome::UnknownAccount);
        }
        let known = self.holds.get(&id).filter(|_| !self.has_dropped(id));
        let Some(hold) = known else { return self.settlement_of_unknown(id, operation, now, seen) };
        let rests_on = hold.last_position;
        if hold.account != account {
            return Expected { rests_on, ..Expected::of(Outcome::UnknownHold) };
        }
        let hold = hold.clone();
        let expected = match operation {
            Operation::Commit { request, .. } => self.commit(id, &hold, request, now),
            Operation::Release { .. } => self.release(id, &hold, now),
            Operation::Refund { number, amount, reason, .. } => {
                self.refund(id, &hold, (*number, amount.map(|amount| amount.millis()), *reason), now)
            }
            Operation::Extend { ttl_ms, .. } => self.extend(id, &hold, *ttl_ms, now),
            _ => unreachable!("a settlement"),
        };
        let view = expected.view.unwrap_or_else(|| self.view(account, now, &NOTHING));
        Expected {
            view: Some(view),
            rests_on: expected.rests_on.max(if expected.position.is_some() { 0 } else { rests_on }),
            ..expected
        }
    }

    /// A release of an unknown id leaves a tombstone while the id could still be reserved (R32).
    pub(super) fn settlement_of_unknown(
        &mut self,
        id: u128,
        operation: &Operation,
        now: Clock,
        seen: &Answer,
    ) -> Expected {
        let unknown = Expected::of(Outcome::UnknownHold);
        let own = wallet::ids::HoldId(id).own_time().map(|at| at.0);
        let release = matches!(operation, Operation::Release { .. });
        let fresh = own.is_some_and(|own| {
            // A bound that is journaled counts for the engine once the projections have it: until then it may or may not.
            let below_bound = own < self.bound && seen.position.0 == 0;
            own + self.settings.id_window_ms >= now.wall && own <= now.wall + self.settings.id_ahead_ms && !below_bound
        });
        // Beyond the refund window that is to be expected of an id (R27).
        let old = own.is_some_and(|own| own < now.wall.saturating_sub(self.settings.refund_window_ms));
        if old && matches!(operation, Operation::Refund { .. }) {
            return Expected::of(Outcome::RefundWindowPassed);
        }
        if !release || !fresh {
            return unknown;
        }
        self.remember(None, Some(id));
        let hold = Hold {
            account: 0,
            state: State::Tombstone,
            ends_at: now.daemon,
            charge: false,
            request: None,
            priced: None,
            taken: Part::default(),
            at: now.daemon,
            ended_at: now.daemon,
            captured: NOTHING,
            refundable: Vec::new(),
            captures: Vec::new(),
            refunds: Vec::new(),
            granted: Said::default(),
            released: None,
            last_position: 0,
        };
        self.holds.insert(id, hold);
        Expected { effect: Effect::Tombstone, ..unknown }
    }

    pub(super) fn commit(&mut self, id: u128, hold: &Hold, request: &CaptureRequest, now: Clock) -> Expected {
        if let Some(step) = hold.captures.iter().find(|step| step.request.number == request.number) {
            return match () {
                () if step.request.amount != request.amount => reused(Field::Amount),
                () if step.request.last != request.last => reused(Field::Flags),
                () => Expected::replay(&step.said),
            };
        }
        match hold.state {
            State::Open => self.capture(id, hold, request, now),
            // The work was settled late, by a commit that said it was the last (R28).
            State::Expired | State::ReleasedByWorker if hold.captures.iter().any(|step| step.request.last) => {
                Expected { amount: hold.charged(), ..Expected::of(Outcome::AlreadySettled) }
            }
            State::Expired if !self.takes_late(id) => Expected::of(Outcome::HoldExpired),
            State::ReleasedByWorker if !self.takes_late(id) => Expected::of(Outcome::AlreadyReleased),
            State::Expired | State::ReleasedByWorker => self.capture_late(id, hold, request, now),
            State::Settled => Expected { amount: hold.charged(), ..Expected::of(Outcome::AlreadySettled) },
            State::Released => Expected::of(Outcome::AlreadyReleased),
            State::Tombstone => Expected::of(Outcome::UnknownHold),
        }
    }

    /// After its expiry a hold takes commits where the config says so, and for as long as something new may be decided about
    /// it (R28, R32).
    fn takes_late(&self, id: u128) -> bool {
        self.settings.late_redebit && self.remembers(id)
    }

    pub(super) fn remembers(&self, id: u128) -> bool {
        wallet::ids::HoldId(id).own_time().is_none_or(|own| own.0 >= self.let_go)
    }

    pub(super) fn capture(&mut self, id: u128, hold: &Hold, request: &CaptureRequest, now: Clock) -> Expected {
        let account = hold.account;
        let rest = hold.rest();
        let wanted = request.amount.map_or(sum(&rest), |amount| amount.millis());
        let above = wanted.saturating_sub(sum(&rest));
        let over_commit = hold.over_commit();
        let eligible = within(&self.rolled(account, now).available, hold.sources());
        let draws = above > 0 && over_commit == Some(OverCommit::Draw);
        if above > 0 && over_commit == Some(OverCommit::Reject) {
            return Expected { amount: sum(&rest), ..Expected::of(Outcome::ExceedsHold) };
        }
        if hold.captures.len() >= SETTLEMENTS_MAX {
            return Expected { detail: LIMIT_CAPTURES, ..Expected::of(Outcome::Limit) };
        }
        if draws && sum(&eligible) < above {
            let detail = self.catalog.upgrade(self.rolled(account, now).tier(), above);
            let view = Some(self.view_into(hold.account, now, &NOTHING, hold.sources()));
            return Expected { amount: above, detail, tells: true, view, ..Expected::of(Outcome::Insufficient) };
        }
        self.remember(Some(account), Some(id));
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        let drawn = Self::take(wallet, &if draws { draw(&eligible, above) } else { NOTHING });
        let captured = draw(&rest, wanted);
        let left = if request.last { sub(&rest, &captured) } else { NOTHING };
        let (returned, forfeited) = Self::running(wallet, &Part { split: left, ..hold.taken });
        for bucket in 0..3 {
            let counters = &mut wallet.counters[bucket];
            counters.held -= captured[bucket] + left[bucket];
            counters.spent += captured[bucket] + drawn.split[bucket];
            counters.expired += forfeited[bucket];
        }
        self.will_give(account, returned);
        let late = now.daemon >= hold.ends_at;
        let split = add(&captured, &drawn.split);
        let expected = Expected {
            split,
            amount: sum(&split),
            forfeited: sum(&forfeited),
            late,
            effect: Effect::Capture,
            view: Some(self.view(account, now, &returned)),
            tells: true,
            ..Expected::of(if late { Outcome::Late } else { Outcome::Done })
        };
        let hold = self.holds.get_mut(&id).unwrap();
        hold.captured = add(&hold.captured, &captured);
        // What is captured of the hold itself is one part however often, and before all of it is captured nothing is drawn.
        if hold.captures.is_empty() {
            hold.refundable.push(Part { split: NOTHING, ..hold.taken });
        }
        hold.refundable[0].split = add(&hold.refundable[0].split, &captured);
        hold.refundable.push(drawn);
        hold.captures.push(CaptureStep { request: *request, drawn, redebited: 0, said: expected.said() });
        if request.last {
            let unused = hold.charged() == 0 && request.amount.is_some_and(|amount| amount.is_zero());
            hold.state = if unused { State::Released } else { State::Settled };
            hold.ended_at = now.daemon;
        }
        expected
    }

    pub(super) fn capture_late(&mut self, id: u128, hold: &Hold, request: &CaptureRequest, now: Clock) -> Expected {
        let account = hold.account;
        let late: u64 = hold.captures.iter().map(|step| step.redebited).sum();
        let rest = sum(&hold.rest()) - late;
        let wanted = request.amount.map_or(rest, |amount| amount.millis());
        if wanted > rest {
            return Expected { amount: rest, ..Expected::of(Outcome::ExceedsHold) };
        }
        if hold.captures.len() >= SETTLEMENTS_MAX {
            return Expected { detail: LIMIT_CAPTURES, ..Expected::of(Outcome::Limit) };
        }
        self.remember(Some(account), Some(id));
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        let split = draw(&within(&wallet.available, hold.sources()), wanted);
        let taken = Self::take(wallet, &split);
        for bucket in 0..3 {
            wallet.counters[bucket].spent += split[bucket];
        }
        let shortfall = wanted - sum(&split);
        let expected = Expected {
            split,
            amount: if shortfall > 0 { shortfall } else { sum(&split) },
            late: true,
            effect: Effect::LateCapture,
            view: Some(self.view(account, now, &NOTHING)),
            tells: true,
            ..Expected::of(if shortfall > 0 { Outcome::LateUncovered } else { Outcome::Late })
        };
        let hold = self.holds.get_mut(&id).unwrap();
        hold.refundable.push(taken);
        hold.captures.push(CaptureStep { request: *request, drawn: taken, redebited: wanted, said: expected.said() });
        expected
    }

    pub(super) fn release(&mut self, id: u128, hold: &Hold, now: Clock) -> Expected {
        match hold.state {
            State::Open => {}
            State::Expired => return Expected::of(Outcome::HoldExpired),
            State::Tombstone => return Expected::of(Outcome::UnknownHold),
            State::ReleasedByWorker => return Expected::of(Outcome::AlreadyReleased),
            State::Settled | State::Released => {
                return match (&hold.released, hold.state) {
                    (Some(said), _) => Expected::replay(said),
                    (None, State::Released) => Expected::of(Outcome::AlreadyReleased),
                    (None, _) => Expected { amount: hold.charged(), ..Expected::of(Outcome::AlreadySettled) },
                };
            }
        }
        let (returned, forfeited) = self.end(id, hold, State::Released, now);
        let expected = Expected {
            split: returned,
            amount: sum(&returned) + sum(&forfeited),
            forfeited: sum(&forfeited),
            effect: Effect::Release,
            view: Some(self.view(hold.account, now, &returned)),
            tells: true,
            ..Expected::of(Outcome::Done)
        };
        let hold = self.holds.get_mut(&id).unwrap();
        hold.released = Some(expected.said());
        if hold.charged() > 0 {
            hold.state = State::Settled;
        }
        expected
    }

    pub(super) fn end(&mut self, id: u128, hold: &Hold, state: State, now: Clock) -> (Amounts, Amounts) {
        self.remember(Some(hold.account), Some(id));
        self.roll(hold.account, now);
        let wallet = self.wallets.get_mut(&hold.account).unwrap();
        let left = hold.rest();
        let (returned, forfeited) = Self::running(wallet, &Part { split: left, ..hold.taken });
        for bucket in 0..3 {
            wallet.counters[bucket].held -= left[bucket];
            wallet.counters[bucket].expired += forfeited[bucket];
        }
        if !self.planted {
            self.will_give(hold.account, returned);
        }
        let hold = self.holds.get_mut(&id).unwrap();
        hold.state = state;
        hold.ended_at = now.daemon;
        (returned, forfeited)
    }

    /// An expiry that the journal shows: what it must have returned and forfeited.
    pub(crate) fn expire(&mut self, id: u128, now: Clock) -> Result<(Amounts, Amounts), String> {
        let hold = self.holds.get(&id).ok_or("an expiry of no hold")?.clone();
        if hold.state != State::Open || hold.ends_at > now.daemon {
            return Err(format!("R23: an expiry of {hold:?} at {now:?}"));
        }
        Ok(self.end(id, &hold, State::Expired, now))
    }

    pub(super) fn extend(&mut self, id: u128, hold: &Hold, ttl_ms: u32, now: Clock) -> Expected {
        let asked = now.daemon + u64::from(ttl_ms);
        match hold.state {
            State::Open => {}
            State::Settled => return Expected { amount: hold.charged(), ..Expected::of(Outcome::AlreadySettled) },
            State::Released | State::ReleasedByWorker => return Expected::of(Outcome::AlreadyReleased),
            State::Expired => return Expected::of(Outcome::HoldExpired),
            State::Tombstone => return Expected::of(Outcome::UnknownHold),
        }
        if now.daemon >= hold.ends_at {
            return Expected::of(Outcome::HoldExpired);
        }
        if asked > hold.at + self.settings.hold_age_max_ms {
            return Expected { time: hold.at + self.settings.hold_age_max_ms, ..Expected::of(Outcome::HoldAgeLimit) };
        }
        let done = Expected { time: hold.ends_at.max(asked), tells: true, ..Expected::of(Outcome::Done) };
        if asked <= hold.ends_at {
            return Expected { position: Some(hold.last_position), rests_on: hold.last_position, ..done };
        }
        self.remember(None, Some(id));
        self.holds.get_mut(&id).unwrap().ends_at = asked;
        Expected { effect: Effect::Extend, ..done }
    }
}
