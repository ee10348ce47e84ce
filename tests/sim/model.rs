//! The plain reference model: what `rules.md` says every request comes to, in numbers and maps, without atomics,
//! packing or haste. Written from the rules; it shares nothing with the engine but the types of requests.
//!
//! The rules leave three things open, and the model takes them from the answer that it is shown: whether a hold that
//! may have left memory has (R32), whether memory is full (R32), and whether returns of the same chunk are there
//! already (design, section 7).

use std::collections::BTreeMap;

use wallet::bucket::{Bucket, Sources};
use wallet::outcome::{Field, Outcome};
use wallet::record::{OverCommit, RefundReason};
use wallet::request::{Answer, Command, CommandRequest, Operation, ReserveRequest};
use wallet::settings::Settings;

use super::zones::Zone;

/// Millicredits by bucket: free, subscription, top-up.
pub(crate) type Amounts = [u64; 3];

const NOTHING: Amounts = [0; 3];
/// The most that a wallet's buckets can hold; gifts are taken up to half of it.
const MOST: Amounts = [(1 << 28) - 1, (1 << 38) - 1, (1 << 38) - 1];
const AMOUNT_MAX: u64 = (1 << 38) - 1;
const SETTLEMENTS_MAX: usize = 255;
/// What `limit` names.
const LIMIT_CAPTURES: u32 = 1;
const LIMIT_REFUNDS: u32 = 2;

fn sum(amounts: &Amounts) -> u64 {
    amounts.iter().sum()
}

fn add(a: &Amounts, b: &Amounts) -> Amounts {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn sub(a: &Amounts, b: &Amounts) -> Amounts {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// Up to `amount` in draw order (R3).
fn draw(from: &Amounts, mut amount: u64) -> Amounts {
    from.map(|there| {
        let drawn = there.min(amount);
        amount -= drawn;
        drawn
    })
}

/// The two clocks of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clock {
    pub(crate) daemon: u64,
    pub(crate) wall: u64,
}

/// Amounts of one day and one period.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Part {
    pub(crate) split: Amounts,
    pub(crate) day: u32,
    pub(crate) period: u32,
}

/// What has become of the credits of one bucket (I1).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counters {
    pub(crate) granted: u64,
    pub(crate) held: u64,
    pub(crate) spent: u64,
    pub(crate) expired: u64,
    pub(crate) clawed_back: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wallet {
    pub(crate) zone: Zone,
    pub(crate) day: u32,
    /// Whether something was drawn from, or given to, the running day's free credits (R5).
    pub(crate) day_used: bool,
    pub(crate) period: u32,
    pub(crate) cycle_end: Option<u64>,
    pub(crate) tier: u8,
    pub(crate) frozen: bool,
    pub(crate) available: Amounts,
    pub(crate) debt: u64,
    pub(crate) counters: [Counters; 3],
    /// Returns whose records have no place in the journal yet.
    pending: Vec<(u64, Amounts)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Open,
    Settled,
    Released,
    Expired,
    Tombstone,
}

/// What a request was answered, as far as a retry must hear it again.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Said {
    outcome: u16,
    split: Amounts,
    amount: u64,
    time: u64,
    forfeited: u64,
    late: bool,
    position: u64,
}

#[derive(Clone, Debug)]
struct CaptureStep {
    request: wallet::record::CaptureRequest,
    drawn: Part,
    /// Drawn after expiry, and what was not there: both count against the hold (R28).
    redebited: u64,
    said: Said,
}

#[derive(Clone, Debug)]
struct RefundStep {
    number: u8,
    amount: Option<u64>,
    reason: RefundReason,
    said: Said,
}

#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) account: u128,
    pub(crate) state: State,
    pub(crate) ends_at: u64,
    charge: bool,
    request: Option<ReserveRequest>,
    taken: Part,
    at: u64,
    ended_at: u64,
    captured: Amounts,
    /// Captured and not refunded, in the order of the captures.
    refundable: Vec<Part>,
    captures: Vec<CaptureStep>,
    refunds: Vec<RefundStep>,
    granted: Said,
    released: Option<Said>,
    last_position: u64,
}

impl Hold {
    fn rest(&self) -> Amounts {
        sub(&self.taken.split, &self.captured)
    }

    fn charged(&self) -> u64 {
        sum(&self.captured) + self.captures.iter().map(|step| sum(&step.drawn.split)).sum::<u64>()
    }

    fn sources(&self) -> [bool; 3] {
        self.request.as_ref().map_or([true; 3], sources)
    }
}

fn sources(request: &ReserveRequest) -> [bool; 3] {
    let allowed = |bucket| request.sources.contains(bucket);
    [allowed(Bucket::Free) && !request.pro_model, allowed(Bucket::Subscription), allowed(Bucket::TopUp)]
}

fn within(available: &Amounts, allowed: [bool; 3]) -> Amounts {
    let keep = |bucket: usize| if allowed[bucket] { available[bucket] } else { 0 };
    [keep(0), keep(1), keep(2)]
}

/// The allowance from a date on (R5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Policy {
    pub(crate) from: u32,
    pub(crate) allowance: u64,
    pub(crate) all_accounts: bool,
}

/// What a request leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Effect {
    Nothing,
    Open,
    Freeze,
    SetSubscription,
    Grant,
    TopUp,
    Clawback,
    CycleRoll,
    Policy,
    IdBound,
    Reserve,
    Charge,
    Capture,
    LateCapture,
    Release,
    Expire,
    Refund,
    Extend,
    Tombstone,
}

/// What an answer must say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Expected {
    pub(crate) outcome: Outcome,
    pub(crate) detail: u32,
    pub(crate) split: Amounts,
    pub(crate) amount: u64,
    pub(crate) time: u64,
    pub(crate) forfeited: u64,
    pub(crate) late: bool,
    pub(crate) effect: Effect,
    /// The state of the wallet after the request.
    pub(crate) view: Option<View>,
    /// Whether the answer must tell that; else it may.
    pub(crate) tells: bool,
    /// The position of a replayed decision.
    pub(crate) position: Option<u64>,
    /// What must be durable before the answer leaves (I3).
    pub(crate) rests_on: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct View {
    pub(crate) available: Amounts,
    pub(crate) next_reset_at: u64,
    pub(crate) top_up_allowed: bool,
}

impl Expected {
    const fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            detail: 0,
            split: NOTHING,
            amount: 0,
            time: 0,
            forfeited: 0,
            late: false,
            effect: Effect::Nothing,
            view: None,
            tells: false,
            position: None,
            rests_on: 0,
        }
    }

    fn bad(field: Field) -> Self {
        Self { detail: field as u32, ..Self::of(Outcome::BadRequest) }
    }

    const fn replay(said: &Said) -> Self {
        Self {
            detail: said.outcome as u32,
            split: said.split,
            amount: said.amount,
            time: said.time,
            forfeited: said.forfeited,
            late: said.late,
            position: Some(said.position),
            rests_on: said.position,
            tells: true,
            ..Self::of(Outcome::Replayed)
        }
    }

    fn said(&self) -> Said {
        Said {
            outcome: self.outcome.code(),
            split: self.split,
            amount: self.amount,
            time: self.time,
            forfeited: self.forfeited,
            late: self.late,
            position: 0,
        }
    }
}

/// The state before a record, so that a crash can take it back.
#[derive(Default)]
struct Undo {
    position: u64,
    wallet: Option<(u128, Option<Wallet>)>,
    hold: Option<(u128, Option<Hold>)>,
    command: Option<(bool, u128)>,
    policies: Option<Vec<Policy>>,
    bound: Option<u64>,
}

pub(crate) struct Model {
    pub(crate) settings: Settings,
    pub(crate) policies: Vec<Policy>,
    pub(crate) wallets: BTreeMap<u128, Wallet>,
    pub(crate) holds: BTreeMap<u128, Hold>,
    commands: BTreeMap<(bool, u128), (CommandRequest, Said)>,
    bound: u64,
    undo: Vec<Undo>,
    /// Counts returns, to give each its place in their order.
    returns: u64,
    /// A wrong rule, planted to prove that the harness finds it.
    pub(crate) planted: bool,
}

impl Model {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            policies: Vec::new(),
            wallets: BTreeMap::new(),
            holds: BTreeMap::new(),
            commands: BTreeMap::new(),
            bound: 0,
            undo: Vec::new(),
            returns: 0,
            planted: false,
        }
    }

    fn allowance(&self, day: u32, tier: u8) -> u64 {
        match self.policies.iter().rev().find(|policy| policy.from <= day) {
            Some(policy) if policy.all_accounts || tier == 0 => policy.allowance,
            _ => 0,
        }
    }

    // --- time (R5, R6, R7, R10, R35)

    fn roll_day(&self, wallet: &mut Wallet, day: u32) {
        if day <= wallet.day {
            return;
        }
        if wallet.day_used {
            wallet.counters[0].expired += wallet.available[0];
        }
        wallet.available[0] = self.allowance(day, wallet.tier);
        wallet.day = day;
        wallet.day_used = false;
    }

    /// As if rolled boundary by boundary; at one instant the lapse comes before the day.
    fn rolled(&self, account: u128, now: Clock) -> Wallet {
        let mut wallet = self.wallets[&account].clone();
        if let Some(end) = wallet.cycle_end.filter(|end| *end <= now.daemon) {
            let day = wallet.zone.day(end - 1);
            self.roll_day(&mut wallet, day);
            wallet.counters[1].expired += wallet.available[1];
            wallet.available[1] = 0;
            wallet.period += 1;
            wallet.tier = 0;
            wallet.cycle_end = None;
        }
        let today = wallet.zone.day(now.daemon);
        self.roll_day(&mut wallet, today);
        wallet
    }

    fn view(&self, account: u128, now: Clock, more: &Amounts) -> View {
        let wallet = self.rolled(account, now);
        let mut available = add(&wallet.available, more);
        available[2] = wallet.available[2] + more[2].saturating_sub(wallet.debt);
        let daily = wallet.tier == 0 || self.allowance(wallet.zone.day(now.daemon), wallet.tier) > 0;
        let day_end = daily.then(|| wallet.zone.day_ends_at(now.daemon));
        let next = [day_end, wallet.cycle_end].into_iter().flatten().min();
        View { available, next_reset_at: next.unwrap_or(0), top_up_allowed: wallet.tier > 0 }
    }

    /// A cycle roll that the journal shows: what its record must say, or what is wrong with it.
    pub(crate) fn cycle_roll(&mut self, account: u128, now: Clock, position: u64) -> Result<(u32, u32, u64), String> {
        let wallet = self.wallets.get(&account).ok_or("a cycle roll of no account")?;
        let end = wallet.cycle_end.filter(|end| *end <= now.daemon).ok_or("a cycle roll before the end")?;
        let day = wallet.day.max(wallet.zone.day(end - 1));
        let before = wallet.clone();
        let after = self.rolled(account, now);
        let period = after.period;
        self.wallets.insert(account, after);
        self.undo.push(Undo { position, wallet: Some((account, Some(before))), ..Undo::default() });
        Ok((period, day, end))
    }

    /// Rolls the wallet before it is changed. The end of a cycle has a record, which has come before.
    fn roll(&mut self, account: u128, now: Clock) {
        let wallet = self.rolled(account, now);
        assert!(wallet.period == self.wallets[&account].period, "a request on a wallet whose cycle end has no record");
        self.wallets.insert(account, wallet);
    }

    // --- movements

    fn take(wallet: &mut Wallet, split: &Amounts) -> Part {
        if split[0] > 0 {
            Self::use_day(wallet);
        }
        wallet.available = sub(&wallet.available, split);
        Part { split: *split, day: wallet.day, period: wallet.period }
    }

    fn use_day(wallet: &mut Wallet) {
        if !wallet.day_used {
            wallet.day_used = true;
            wallet.counters[0].granted += wallet.available[0];
        }
    }

    /// Into the running periods; what comes into top-up repays debt first (R16).
    fn give(wallet: &mut Wallet, split: &Amounts) {
        if split[0] > 0 {
            Self::use_day(wallet);
        }
        let repaid = split[2].min(wallet.debt);
        wallet.debt -= repaid;
        wallet.available = add(&wallet.available, split);
        wallet.available[2] -= repaid;
    }

    /// What of a part goes back to running periods, and what does not (R24).
    fn running(wallet: &Wallet, part: &Part) -> (Amounts, Amounts) {
        let free = if part.day == wallet.day { part.split[0] } else { 0 };
        let subscription = if part.period == wallet.period { part.split[1] } else { 0 };
        let back = [free, subscription, part.split[2]];
        (back, sub(&part.split, &back))
    }

    /// The returns of a chunk are there from its push on.
    pub(crate) fn flush(&mut self) {
        for wallet in self.wallets.values_mut() {
            for (_, split) in std::mem::take(&mut wallet.pending) {
                Self::give(wallet, &split);
            }
        }
    }

    /// The oldest return that may not be there yet is there; says whether there was one.
    pub(crate) fn flush_one(&mut self) -> bool {
        let waiting = self.wallets.values_mut().filter(|wallet| !wallet.pending.is_empty());
        let Some(wallet) = waiting.min_by_key(|wallet| wallet.pending[0].0) else { return false };
        let (_, split) = wallet.pending.remove(0);
        Self::give(wallet, &split);
        true
    }

    /// What comes back with the push of the record at hand.
    fn will_give(&mut self, account: u128, split: Amounts) {
        self.returns += 1;
        if sum(&split) > 0 {
            self.wallets.get_mut(&account).unwrap().pending.push((self.returns, split));
        }
    }

    // --- crashes

    fn remember(&mut self, account: Option<u128>, hold: Option<u128>) {
        self.undo.push(Undo {
            wallet: account.map(|account| (account, self.wallets.get(&account).cloned())),
            hold: hold.map(|id| (id, self.holds.get(&id).cloned())),
            ..Undo::default()
        });
    }

    /// Says where the record of the last effect stands.
    pub(crate) fn place(&mut self, position: u64) {
        let undo = self.undo.last_mut().unwrap();
        undo.position = position;
        if let Some(key) = undo.command {
            self.commands.get_mut(&key).unwrap().1.position = position;
        }
        let Some((id, _)) = undo.hold else { return };
        let hold = self.holds.get_mut(&id).unwrap();
        hold.last_position = position;
        let steps = hold.captures.iter_mut().map(|step| &mut step.said);
        let steps = steps.chain(hold.refunds.iter_mut().map(|step| &mut step.said));
        for said in steps.chain(&mut hold.released).chain([&mut hold.granted]) {
            if said.position == 0 {
                said.position = position;
            }
        }
    }

    fn restore(&mut self, undo: Undo) {
        if let Some((account, before)) = undo.wallet {
            match before {
                Some(wallet) => self.wallets.insert(account, wallet),
                None => self.wallets.remove(&account),
            };
        }
        if let Some((id, before)) = undo.hold {
            match before {
                Some(hold) => self.holds.insert(id, hold),
                None => self.holds.remove(&id),
            };
        }
        if let Some(key) = undo.command {
            self.commands.remove(&key);
        }
        if let Some(policies) = undo.policies {
            self.policies = policies;
        }
        if let Some(bound) = undo.bound {
            self.bound = bound;
        }
    }

    /// Takes back the last effect, which has no place yet.
    pub(crate) fn take_back(&mut self) {
        let undo = self.undo.pop().unwrap();
        self.restore(undo);
    }

    /// A crash: nothing after `cut` ever happened.
    pub(crate) fn crash(&mut self, cut: u64) {
        let mut undo = std::mem::take(&mut self.undo);
        undo.sort_by_key(|undo| undo.position);
        while let Some(last) = undo.pop_if(|undo| undo.position > cut) {
            self.restore(last);
        }
        self.flush();
    }

    /// What is durable is never taken back.
    pub(crate) fn durable(&mut self, position: u64) {
        self.undo.retain(|undo| undo.position > position);
    }

    pub(crate) fn policy(&mut self, policy: Policy, position: u64) {
        self.undo.push(Undo { position, policies: Some(self.policies.clone()), ..Undo::default() });
        self.policies.retain(|known| known.from < policy.from);
        self.policies.push(policy);
    }

    /// Ids below the bound are refused (R32). The bound counts when the projections have it: until then it is only
    /// something that an answer may rest on.
    pub(crate) fn id_bound(&mut self, bound: u64, position: u64) -> Result<(), String> {
        if bound < self.bound {
            return Err(format!("R32: the bound goes back from {} to {bound}", self.bound));
        }
        self.undo.push(Undo { position, bound: Some(self.bound), ..Undo::default() });
        self.bound = bound;
        Ok(())
    }

    // --- operations

    pub(crate) fn operation(&mut self, operation: &Operation, now: Clock, seen: &Answer) -> Expected {
        match operation {
            Operation::Reserve(request) => self.reserve(request, false, now, seen),
            Operation::Charge(request) => self.reserve(request, true, now, seen),
            Operation::Malformed { field } => Expected::bad(*field),
            Operation::Extend { ttl_ms, .. } if *ttl_ms == 0 || *ttl_ms > self.settings.hold_ttl_max_ms => {
                Expected::bad(Field::TtlMs)
            }
            Operation::Commit { request, .. } if request.amount.is_some_and(|amount| amount.millis() > AMOUNT_MAX) => {
                Expected::bad(Field::Amount)
            }
            Operation::Balance { account } => self.balance(account.0, now),
            Operation::Commit { account, hold, .. }
            | Operation::Release { account, hold }
            | Operation::Refund { account, hold, .. }
            | Operation::Extend { account, hold, .. } => self.settlement(account.0, hold.0, operation, now),
        }
    }

    fn balance(&self, account: u128, now: Clock) -> Expected {
        if !self.wallets.contains_key(&account) {
            return Expected::of(Outcome::UnknownAccount);
        }
        let wallet = self.rolled(account, now);
        Expected {
            amount: wallet.debt,
            detail: u32::from(wallet.tier),
            time: wallet.cycle_end.unwrap_or(0),
            view: Some(self.view(account, now, &NOTHING)),
            tells: true,
            ..Expected::of(Outcome::Done)
        }
    }

    fn reserve(&mut self, request: &ReserveRequest, charge: bool, now: Clock, seen: &Answer) -> Expected {
        let (account, id) = (request.account.0, request.hold.0);
        let own_time = request.hold.own_time().map(|at| at.0);
        let ttl_fits = if charge { request.ttl_ms == 0 } else { request.ttl_ms <= self.settings.hold_ttl_max_ms };
        let bad = [
            (id == 0 || own_time.is_none() && !self.settings.any_hold_ids, Field::Hold),
            (account == 0, Field::Account),
            (!ttl_fits, Field::TtlMs),
            (request.amount.millis() > AMOUNT_MAX, Field::Amount),
            (request.min_tier.0 > 15, Field::MinTier),
        ];
        if let Some((_, field)) = bad.into_iter().find(|(bad, _)| *bad) {
            return Expected::bad(field);
        }
        if !self.wallets.contains_key(&account) {
            return Expected::of(Outcome::UnknownAccount);
        }
        let view = Some(self.view(account, now, &NOTHING));
        let expired = Expected { time: now.wall, ..Expected::of(Outcome::HoldIdExpired) };
        if let Some(hold) = self.holds.get(&id) {
            let forgettable = hold.state != State::Open && own_time.is_some_and(|own| own < self.bound);
            if forgettable && seen.outcome == Outcome::HoldIdExpired {
                return expired;
            }
            let rests_on = hold.last_position;
            if hold.state == State::Tombstone {
                return Expected { rests_on, view, ..Expected::of(Outcome::AlreadyReleased) };
            }
            return match differing_field(hold, request, charge) {
                Some(field) => Expected { detail: field as u32, rests_on, view, ..Expected::of(Outcome::HoldIdReused) },
                None => Expected { view, ..Expected::replay(&hold.granted) },
            };
        }
        if seen.outcome == Outcome::Overloaded && self.holds.len() as u64 >= self.settings.holds_max {
            return Expected { detail: seen.detail, ..Expected::of(Outcome::Overloaded) };
        }
        if self.id_expired(own_time, now, seen) {
            return expired;
        }
        self.reserve_new(request, charge, now)
    }

    fn id_expired(&self, own_time: Option<u64>, now: Clock, seen: &Answer) -> bool {
        let Some(own) = own_time else { return false };
        let below_bound = own < self.bound && seen.outcome == Outcome::HoldIdExpired;
        own + self.settings.id_window_ms < now.wall || own > now.wall + self.settings.id_ahead_ms || below_bound
    }

    fn reserve_new(&mut self, request: &ReserveRequest, charge: bool, now: Clock) -> Expected {
        let (account, id) = (request.account.0, request.hold.0);
        let wallet = self.rolled(account, now);
        let amount = request.amount.millis();
        let eligible = within(&wallet.available, sources(request));
        let refused = match () {
            () if wallet.frozen => Some(Expected::of(Outcome::AccountFrozen)),
            () if request.priced => Some(Expected::of(Outcome::Unpriced)),
            () if wallet.debt > 0 => Some(Expected { amount: wallet.debt, ..Expected::of(Outcome::Debt) }),
            () if wallet.tier < request.min_tier.0 => {
                Some(Expected { detail: u32::from(request.min_tier.0), ..Expected::of(Outcome::TierRequired) })
            }
            () if sum(&eligible) < amount => Some(Expected { amount, ..Expected::of(Outcome::Insufficient) }),
            () => None,
        };
        if let Some(refused) = refused {
            return Expected { view: Some(self.view(account, now, &NOTHING)), tells: true, ..refused };
        }
        self.remember(Some(account), Some(id));
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        let split = draw(&eligible, amount);
        let taken = Self::take(wallet, &split);
        for bucket in 0..3 {
            let counters = &mut wallet.counters[bucket];
            *(if charge { &mut counters.spent } else { &mut counters.held }) += split[bucket];
        }
        let ttl = if request.ttl_ms == 0 { self.settings.hold_ttl_default_ms } else { request.ttl_ms };
        let ends_at = if charge { now.daemon } else { now.daemon + u64::from(ttl) };
        let expected = Expected {
            split,
            time: ends_at,
            effect: if charge { Effect::Charge } else { Effect::Reserve },
            view: Some(self.view(account, now, &NOTHING)),
            tells: true,
            ..Expected::of(Outcome::Granted)
        };
        let hold = Hold {
            account,
            state: if charge { State::Settled } else { State::Open },
            ends_at,
            charge,
            request: Some(*request),
            taken,
            at: now.daemon,
            ended_at: if charge { now.daemon } else { 0 },
            captured: if charge { split } else { NOTHING },
            refundable: if charge { vec![taken] } else { Vec::new() },
            captures: Vec::new(),
            refunds: Vec::new(),
            granted: expected.said(),
            released: None,
            last_position: 0,
        };
        self.holds.insert(id, hold);
        expected
    }

    fn settlement(&mut self, account: u128, id: u128, operation: &Operation, now: Clock) -> Expected {
        if !self.wallets.contains_key(&account) {
            return Expected::of(Outcome::UnknownAccount);
        }
        let Some(hold) = self.holds.get(&id) else { return self.settlement_of_unknown(id, operation, now) };
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
    fn settlement_of_unknown(&mut self, id: u128, operation: &Operation, now: Clock) -> Expected {
        let unknown = Expected::of(Outcome::UnknownHold);
        let own = wallet::ids::HoldId(id).own_time().map(|at| at.0);
        let release = matches!(operation, Operation::Release { .. });
        let fresh = own.is_some_and(|own| {
            own + self.settings.id_window_ms >= now.wall && own <= now.wall + self.settings.id_ahead_ms
        });
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

    fn commit(&mut self, id: u128, hold: &Hold, request: &wallet::record::CaptureRequest, now: Clock) -> Expected {
        if let Some(step) = hold.captures.iter().find(|step| step.request.number == request.number) {
            return match () {
                () if step.request.amount != request.amount => reused(Field::Amount),
                () if step.request.last != request.last => reused(Field::Flags),
                () => Expected::replay(&step.said),
            };
        }
        match hold.state {
            State::Open => self.capture(id, hold, request, now),
            State::Expired if !self.settings.late_redebit => Expected::of(Outcome::HoldExpired),
            // The work was settled late, by a commit that said it was the last (R28).
            State::Expired if hold.captures.iter().any(|step| step.request.last) => {
                Expected { amount: hold.charged(), ..Expected::of(Outcome::AlreadySettled) }
            }
            State::Expired => self.capture_late(id, hold, request, now),
            State::Settled => Expected { amount: hold.charged(), ..Expected::of(Outcome::AlreadySettled) },
            State::Released => Expected::of(Outcome::AlreadyReleased),
            State::Tombstone => Expected::of(Outcome::UnknownHold),
        }
    }

    fn capture(&mut self, id: u128, hold: &Hold, request: &wallet::record::CaptureRequest, now: Clock) -> Expected {
        let account = hold.account;
        let rest = hold.rest();
        let wanted = request.amount.map_or(sum(&rest), |amount| amount.millis());
        let above = wanted.saturating_sub(sum(&rest));
        let over_commit = hold.request.map(|request| request.over_commit);
        let eligible = within(&self.rolled(account, now).available, hold.sources());
        let draws = above > 0 && over_commit == Some(OverCommit::Draw);
        if above > 0 && over_commit == Some(OverCommit::Reject) {
            return Expected { amount: sum(&rest), ..Expected::of(Outcome::ExceedsHold) };
        }
        if hold.captures.len() >= SETTLEMENTS_MAX {
            return Expected { detail: LIMIT_CAPTURES, ..Expected::of(Outcome::Limit) };
        }
        if draws && sum(&eligible) < above {
            return Expected { amount: above, tells: true, ..Expected::of(Outcome::Insufficient) };
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
        hold.refundable.push(Part { split: captured, ..hold.taken });
        hold.refundable.push(drawn);
        hold.captures.push(CaptureStep { request: *request, drawn, redebited: 0, said: expected.said() });
        if request.last {
            let unused = hold.charged() == 0 && request.amount.is_some_and(|amount| amount.is_zero());
            hold.state = if unused { State::Released } else { State::Settled };
            hold.ended_at = now.daemon;
        }
        expected
    }

    fn capture_late(
        &mut self,
        id: u128,
        hold: &Hold,
        request: &wallet::record::CaptureRequest,
        now: Clock,
    ) -> Expected {
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

    fn release(&mut self, id: u128, hold: &Hold, now: Clock) -> Expected {
        match hold.state {
            State::Open => {}
            State::Expired => return Expected::of(Outcome::HoldExpired),
            State::Tombstone => return Expected::of(Outcome::UnknownHold),
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

    fn end(&mut self, id: u128, hold: &Hold, state: State, now: Clock) -> (Amounts, Amounts) {
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

    fn refund(&mut self, id: u128, hold: &Hold, request: (u8, Option<u64>, RefundReason), now: Clock) -> Expected {
        let (number, amount, reason) = request;
        if let Some(step) = hold.refunds.iter().find(|step| step.number == number) {
            return match () {
                () if step.amount != amount => reused(Field::Amount),
                () if step.reason != reason => reused(Field::Reason),
                () => Expected::replay(&step.said),
            };
        }
        let max: u64 = hold.refundable.iter().map(|part| sum(&part.split)).sum();
        let wanted = amount.unwrap_or(max);
        if wanted > max {
            return Expected { amount: max, ..Expected::of(Outcome::ExceedsCaptured) };
        }
        if hold.state != State::Open && hold.ended_at + self.settings.refund_window_ms < now.daemon {
            return Expected::of(Outcome::RefundWindowPassed);
        }
        if hold.refunds.len() >= SETTLEMENTS_MAX {
            return Expected { detail: LIMIT_REFUNDS, ..Expected::of(Outcome::Limit) };
        }
        self.remember(Some(hold.account), Some(id));
        self.roll(hold.account, now);
        let restore = self.settings.restore_on.contains(&reason);
        let wallet = self.wallets[&hold.account].clone();
        let current_day = restore && self.allowance(wallet.day, wallet.tier) > 0;
        let current_period = restore && wallet.tier > 0;
        let (mut returned, mut forfeited) = (NOTHING, NOTHING);
        let mut refundable = hold.refundable.clone();
        let mut left = wanted;
        for bucket in [2, 1, 0] {
            for part in refundable.iter_mut().rev() {
                let amount = part.split[bucket].min(left);
                part.split[bucket] -= amount;
                left -= amount;
                let back = match bucket {
                    0 => part.day == wallet.day || current_day,
                    1 => part.period == wallet.period || current_period,
                    _ => true,
                };
                (if back { &mut returned } else { &mut forfeited })[bucket] += amount;
            }
        }
        let wallet = self.wallets.get_mut(&hold.account).unwrap();
        for bucket in 0..3 {
            wallet.counters[bucket].spent -= returned[bucket] + forfeited[bucket];
            wallet.counters[bucket].expired += forfeited[bucket];
        }
        self.will_give(hold.account, returned);
        let expected = Expected {
            split: returned,
            amount: wanted,
            forfeited: sum(&forfeited),
            effect: Effect::Refund,
            view: Some(self.view(hold.account, now, &returned)),
            tells: true,
            ..Expected::of(Outcome::Done)
        };
        let hold = self.holds.get_mut(&id).unwrap();
        hold.refundable = refundable;
        hold.refunds.push(RefundStep { number, amount, reason, said: expected.said() });
        expected
    }

    fn extend(&mut self, id: u128, hold: &Hold, ttl_ms: u32, now: Clock) -> Expected {
        let asked = now.daemon + u64::from(ttl_ms);
        match hold.state {
            State::Open => {}
            State::Settled => return Expected { amount: hold.charged(), ..Expected::of(Outcome::AlreadySettled) },
            State::Released => return Expected::of(Outcome::AlreadyReleased),
            State::Expired => return Expected::of(Outcome::HoldExpired),
            State::Tombstone => return Expected::of(Outcome::UnknownHold),
        }
        if now.daemon >= hold.ends_at {
            return Expected::of(Outcome::HoldExpired);
        }
        if asked > hold.at + self.settings.hold_age_max_ms {
            return Expected::of(Outcome::HoldAgeLimit);
        }
        let done = Expected { time: hold.ends_at.max(asked), tells: true, ..Expected::of(Outcome::Done) };
        if asked <= hold.ends_at {
            return Expected { position: Some(hold.last_position), rests_on: hold.last_position, ..done };
        }
        self.remember(None, Some(id));
        self.holds.get_mut(&id).unwrap().ends_at = asked;
        Expected { effect: Effect::Extend, ..done }
    }

    // --- commands

    pub(crate) fn command(&mut self, request: &CommandRequest, now: Clock) -> Expected {
        if let Some(field) = bad_field(request) {
            return Expected::bad(field);
        }
        let account = account_of(&request.command);
        let opens = matches!(request.command, Command::OpenAccount { .. });
        if !self.wallets.contains_key(&account) && !opens {
            return Expected::of(Outcome::UnknownAccount);
        }
        let payment = matches!(request.command, Command::TopUp { .. });
        let key = (payment, request.id.0);
        let mut expected = match self.commands.get(&key) {
            Some((first, said)) => match command_differs(&first.command, &request.command) {
                // The record of a clawback keeps its amount, not what was there and what became debt.
                None if matches!(first.command, Command::Clawback { .. }) => {
                    Expected { split: NOTHING, amount: 0, ..Expected::replay(said) }
                }
                None => Expected::replay(said),
                Some(field) => {
                    let outcome = if payment { Outcome::PaymentReused } else { Outcome::CommandIdReused };
                    Expected { detail: field as u32, rests_on: said.position, ..Expected::of(outcome) }
                }
            },
            None => self.execute(request, now),
        };
        if self.wallets.contains_key(&account) {
            expected.view = Some(self.view(account, now, &NOTHING));
        }
        if expected.effect != Effect::Nothing {
            self.undo.last_mut().unwrap().command = Some(key);
            self.commands.insert(key, (request.clone(), expected.said()));
        }
        expected
    }

    fn execute(&mut self, request: &CommandRequest, now: Clock) -> Expected {
        let account = account_of(&request.command);
        if let Command::OpenAccount { zone, .. } = &request.command {
            return self.open(account, zone, now);
        }
        let wallet = self.rolled(account, now);
        let half = MOST.map(|most| most / 2);
        let refused = match &request.command {
            Command::SetSubscription { ends_at, .. } if ends_at.0 != 0 && ends_at.0 <= now.daemon => {
                Some(Expected::bad(Field::EndsAt))
            }
            Command::SetSubscription { amount, .. } if amount.millis() > half[1] => {
                Some(Expected::of(Outcome::BalanceLimit))
            }
            Command::Grant { bucket: Bucket::Subscription, .. } if wallet.tier == 0 => {
                Some(Expected::of(Outcome::NotSubscribed))
            }
            Command::Grant { bucket, amount, .. }
                if wallet.available[*bucket as usize] + amount.millis() > half[*bucket as usize] =>
            {
                Some(Expected::of(Outcome::BalanceLimit))
            }
            Command::TopUp { amount, .. } if wallet.tier == 0 && amount.millis() > wallet.debt => {
                Some(Expected::of(Outcome::SubscriptionRequired))
            }
            Command::TopUp { amount, .. }
                if wallet.available[2] + amount.millis().saturating_sub(wallet.debt) > half[2] =>
            {
                Some(Expected::of(Outcome::BalanceLimit))
            }
            _ => None,
        };
        if let Some(refused) = refused {
            return refused;
        }
        self.remember(Some(account), None);
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        let done = Expected { tells: true, ..Expected::of(Outcome::Done) };
        let only = |bucket: usize, amount: u64| {
            let mut split = NOTHING;
            split[bucket] = amount;
            split
        };
        match &request.command {
            Command::OpenAccount { .. } => unreachable!("handled before"),
            Command::Freeze { frozen, .. } => {
                wallet.frozen = *frozen;
                Expected { effect: Effect::Freeze, ..done }
            }
            Command::SetSubscription { amount, tier, ends_at, .. } => {
                wallet.counters[1].expired += wallet.available[1];
                wallet.counters[1].granted += amount.millis();
                wallet.available[1] = amount.millis();
                wallet.period += 1;
                wallet.tier = tier.0;
                wallet.cycle_end = (ends_at.0 > 0).then_some(ends_at.0);
                Expected { effect: Effect::SetSubscription, ..done }
            }
            Command::Grant { bucket, amount, .. } => {
                let split = only(*bucket as usize, amount.millis());
                if *bucket == Bucket::Free {
                    Self::use_day(wallet);
                }
                wallet.counters[*bucket as usize].granted += amount.millis();
                Self::give(wallet, &split);
                Expected { effect: Effect::Grant, split, ..done }
            }
            Command::TopUp { amount, .. } => {
                let split = only(2, amount.millis());
                wallet.counters[2].granted += amount.millis();
                Self::give(wallet, &split);
                Expected { effect: Effect::TopUp, split, ..done }
            }
            Command::Clawback { amount, .. } => {
                let taken = wallet.available[2].min(amount.millis());
                wallet.available[2] -= taken;
                wallet.debt += amount.millis() - taken;
                wallet.counters[2].clawed_back += amount.millis();
                Expected { effect: Effect::Clawback, split: only(2, taken), amount: wallet.debt, ..done }
            }
        }
    }

    fn open(&mut self, account: u128, zone: &str, now: Clock) -> Expected {
        let Some(zone) = Zone::of(zone) else { return Expected::bad(Field::Zone) };
        if self.wallets.contains_key(&account) {
            return Expected::of(Outcome::AccountExists);
        }
        self.remember(Some(account), None);
        let day = zone.day(now.daemon);
        let wallet = Wallet {
            zone,
            day,
            day_used: false,
            period: 0,
            cycle_end: None,
            tier: 0,
            frozen: false,
            available: [self.allowance(day, 0), 0, 0],
            debt: 0,
            counters: [Counters::default(); 3],
            pending: Vec::new(),
        };
        self.wallets.insert(account, wallet);
        Expected { effect: Effect::Open, tells: true, ..Expected::of(Outcome::Done) }
    }

    /// A wallet with everything that has become of it by now.
    pub(crate) fn wallet(&self, account: u128, now: Clock) -> Wallet {
        self.rolled(account, now)
    }
}

fn reused(field: Field) -> Expected {
    Expected { detail: field as u32, ..Expected::of(Outcome::SettlementReused) }
}

fn differing_field(hold: &Hold, request: &ReserveRequest, charge: bool) -> Option<Field> {
    let first = hold.request.as_ref()?;
    let (a, b) = (first.attribution, request.attribution);
    let checks = [
        (hold.charge == charge, Field::Kind),
        (first.account == request.account, Field::Account),
        (first.amount == request.amount, Field::Amount),
        (first.sources == request.sources, Field::Sources),
        (first.pro_model == request.pro_model && first.priced == request.priced, Field::Flags),
        (first.ttl_ms == request.ttl_ms, Field::TtlMs),
        (a.member == b.member, Field::Member),
        (first.worker == request.worker, Field::Worker),
        (a.model == b.model, Field::Model),
        (a.tool == b.tool, Field::Tool),
        (a.count == b.count, Field::Count),
        (first.min_tier == request.min_tier, Field::MinTier),
        (first.over_commit == request.over_commit, Field::OverCommit),
        (first.settings == request.settings, Field::Settings),
    ];
    checks.into_iter().find(|(same, _)| !same).map(|(_, field)| field)
}

fn command_differs(first: &Command, again: &Command) -> Option<Field> {
    use Command as C;
    let account = (account_of(first) == account_of(again), Field::Account);
    let checks = match (first, again) {
        (C::OpenAccount { zone: a, .. }, C::OpenAccount { zone: b, .. }) => {
            vec![account, (Zone::of(a) == Zone::of(b), Field::Zone)]
        }
        (C::Freeze { frozen: a, .. }, C::Freeze { frozen: b, .. }) => vec![account, (a == b, Field::Frozen)],
        (
            C::SetSubscription { amount: a, tier: b, ends_at: c, .. },
            C::SetSubscription { amount: d, tier: e, ends_at: f, .. },
        ) => vec![account, (a == d, Field::Amount), (b == e, Field::Tier), (c == f, Field::EndsAt)],
        (C::Grant { bucket: a, amount: b, .. }, C::Grant { bucket: c, amount: d, .. }) => {
            vec![account, (a == c, Field::Bucket), (b == d, Field::Amount)]
        }
        (C::TopUp { amount: a, .. }, C::TopUp { amount: b, .. })
        | (C::Clawback { amount: a, .. }, C::Clawback { amount: b, .. }) => vec![account, (a == b, Field::Amount)],
        _ => vec![(false, Field::Command)],
    };
    checks.into_iter().find(|(same, _)| !same).map(|(_, field)| field)
}

fn account_of(command: &Command) -> u128 {
    match command {
        Command::OpenAccount { account, .. }
        | Command::Freeze { account, .. }
        | Command::SetSubscription { account, .. }
        | Command::Grant { account, .. }
        | Command::TopUp { account, .. }
        | Command::Clawback { account, .. } => account.0,
    }
}

fn bad_field(request: &CommandRequest) -> Option<Field> {
    let (amount, least) = match &request.command {
        Command::SetSubscription { amount, .. } => (amount.millis(), 0),
        Command::Grant { amount, .. } | Command::TopUp { amount, .. } | Command::Clawback { amount, .. } => {
            (amount.millis(), 1)
        }
        Command::OpenAccount { .. } | Command::Freeze { .. } => (0, 0),
    };
    let payment = matches!(request.command, Command::TopUp { .. });
    let tier = match &request.command {
        Command::SetSubscription { tier, .. } => tier.0,
        _ => 1,
    };
    let checks = [
        (request.id.0 != 0, if payment { Field::Payment } else { Field::Command }),
        (account_of(&request.command) != 0, Field::Account),
        (least <= amount && amount <= AMOUNT_MAX, Field::Amount),
        ((1..=15).contains(&tier), Field::Tier),
    ];
    checks.into_iter().find(|(fits, _)| !fits).map(|(_, field)| field)
}

/// The mask of all sources and some narrower ones, for requests.
pub(crate) const SOURCES: [Sources; 4] = [Sources::ALL, Sources::ALL, Sources::FREE_ONLY, Sources::NO_TOP_UP];
