//! Reserves and charges (R18 to R22, R29, R32).

use wallet::outcome::{Field, Outcome};
use wallet::request::{Answer, ReserveRequest};

use super::prices::{CardTerms, NoPrice};
use super::{
    AMOUNT_MAX, Amounts, Clock, Effect, Expected, Hold, Model, NOTHING, State, Wallet, draw, sources, sum, within,
};

impl Model {
    pub(super) fn reserve(&mut self, request: &ReserveRequest, charge: bool, now: Clock, seen: &Answer) -> Expected {
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
            return self.bad_setting(request).unwrap_or(Expected::of(Outcome::UnknownAccount));
        }
        let view = Some(self.view(account, now, &NOTHING));
        let expired = Expected { time: now.wall, ..Expected::of(Outcome::HoldIdExpired) };
        let overloaded = Expected { detail: seen.detail, ..Expected::of(Outcome::Overloaded) };
        // A wall clock that is set back makes the bound of forgotten ids young again (R32).
        let young = self.bound + 10_000 > now.wall;
        if self.has_dropped(id) && seen.outcome == Outcome::HoldIdExpired {
            return expired;
        }
        if let Some(hold) = self.holds.get(&id).filter(|_| !self.has_dropped(id)) {
            let forgettable = hold.state != State::Open && own_time.is_some_and(|own| own < self.bound);
            if forgettable && seen.outcome == Outcome::HoldIdExpired {
                return expired;
            }
            if forgettable && young && seen.outcome == Outcome::Overloaded {
                return overloaded;
            }
            if forgettable
                && seen.outcome == Outcome::BadRequest
                && let Some(bad) = self.bad_setting(request)
            {
                return bad;
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
        if let Some(bad) = self.bad_setting(request) {
            return bad;
        }
        if seen.outcome == Outcome::Overloaded && (young || self.holds.len() as u64 >= self.settings.holds_max) {
            return overloaded;
        }
        if self.id_expired(own_time, now, seen) {
            return expired;
        }
        self.reserve_new(request, charge, now)
    }

    pub(super) fn id_expired(&self, own_time: Option<u64>, now: Clock, seen: &Answer) -> bool {
        let Some(own) = own_time else { return false };
        let below_bound = own < self.bound && seen.outcome == Outcome::HoldIdExpired;
        own + self.settings.id_window_ms < now.wall || own > now.wall + self.settings.id_ahead_ms || below_bound
    }

    pub(super) fn reserve_new(&mut self, request: &ReserveRequest, charge: bool, now: Clock) -> Expected {
        let (account, id) = (request.account.0, request.hold.0);
        let wallet = self.rolled(account, now);
        let priced = match self.gates(&wallet, request) {
            Ok(priced) => priced,
            Err(refused) => {
                let priced = self.priced(request).ok().flatten();
                let sources = match refused.outcome {
                    Outcome::Insufficient => eligible_sources(request, priced),
                    _ => [true; 3],
                };
                let view = self.view_into(account, now, &NOTHING, sources);
                return Expected { view: Some(view), tells: true, ..refused };
            }
        };
        let amount = priced.map_or(request.amount.millis(), |priced| priced.amount);
        let eligible = within(&wallet.available, eligible_sources(request, priced));
        self.remember(Some(account), Some(id));
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        let split = draw(&eligible, amount);
        let taken = Self::take(wallet, &split);
        for bucket in 0..3 {
            let counters = &mut wallet.counters[bucket];
            *(if charge { &mut counters.spent } else { &mut counters.held }) += split[bucket];
        }
        let ends_at = if charge { now.daemon } else { now.daemon + u64::from(self.hold_time(request, priced)) };
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
            priced,
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

    /// What stands before a reserve, in its order (R18 to R20, R40); else what the card says of a priced one.
    fn gates(&self, wallet: &Wallet, request: &ReserveRequest) -> Result<Option<CardTerms>, Expected> {
        if wallet.frozen {
            return Err(Expected::of(Outcome::AccountFrozen));
        }
        let priced = self.priced(request).map_err(no_price)?;
        let amount = priced.map_or(request.amount.millis(), |priced| priced.amount);
        let expected = request.amount.millis();
        let min_tier = request.min_tier.0.max(priced.map_or(0, |priced| priced.min_tier));
        let there = sum(&within(&wallet.available, eligible_sources(request, priced)));
        match () {
            () if priced.is_some() && expected > 0 && expected != amount => {
                Err(Expected { amount, ..Expected::of(Outcome::PriceChanged) })
            }
            () if wallet.debt > 0 => Err(Expected { amount: wallet.debt, ..Expected::of(Outcome::Debt) }),
            () if wallet.tier() < min_tier => {
                Err(Expected { detail: u32::from(min_tier), ..Expected::of(Outcome::TierRequired) })
            }
            () if there < amount => {
                let detail = self.catalog.upgrade(wallet.tier(), amount);
                Err(Expected { amount, detail, ..Expected::of(Outcome::Insufficient) })
            }
            () => Ok(priced),
        }
    }

    /// The hold time: as asked for, or the model's, or the daemon's (R23).
    fn hold_time(&self, request: &ReserveRequest, priced: Option<CardTerms>) -> u32 {
        match priced {
            _ if request.ttl_ms > 0 => request.ttl_ms,
            Some(priced) if priced.ttl_default_ms > 0 => priced.ttl_default_ms,
            _ => self.settings.hold_ttl_default_ms,
        }
    }

    /// What a request would cost by the card of now.
    pub(crate) fn price(&self, request: &ReserveRequest) -> Option<u64> {
        self.card.price(request).ok().map(|priced| priced.amount)
    }

    /// What a quote tells (R21): the price, what a reserve would come to, and its split; nothing without a price.
    pub(crate) fn quoted(&self, request: &ReserveRequest, now: Clock) -> Option<(u64, Outcome, Amounts)> {
        let priced = self.priced(request).ok().flatten()?;
        let wallet = self.rolled(request.account.0, now);
        let there = within(&wallet.available, eligible_sources(request, Some(priced)));
        Some(match self.gates(&wallet, request) {
            Ok(_) => (priced.amount, Outcome::Granted, draw(&there, priced.amount)),
            Err(refused) => (priced.amount, refused.outcome, NOTHING),
        })
    }

    /// What the buckets hold that may pay for a priced request.
    pub(crate) fn eligible(&self, request: &ReserveRequest, now: Clock) -> u64 {
        let priced = self.priced(request).ok().flatten();
        sum(&within(&self.rolled(request.account.0, now).available, eligible_sources(request, priced)))
    }

    fn priced(&self, request: &ReserveRequest) -> Result<Option<CardTerms>, NoPrice> {
        if request.priced { self.card.price(request).map(Some) } else { Ok(None) }
    }

    /// What the model takes no request with. It ranks with the fields that are wrong whatever the card says, behind
    /// the retry of a hold that is known.
    fn bad_setting(&self, request: &ReserveRequest) -> Option<Expected> {
        match self.priced(request) {
            Ok(Some(priced)) if priced.ttl_max_ms > 0 && request.ttl_ms > priced.ttl_max_ms => {
                Some(Expected::bad(Field::TtlMs))
            }
            Err(NoPrice::BadLength) => Some(Expected::bad(Field::Settings)),
            Err(NoPrice::Count | NoPrice::TooMuch) => Some(Expected::bad(Field::Count)),
            _ => None,
        }
    }
}

fn no_price(why: NoPrice) -> Expected {
    let field = match why {
        NoPrice::Tool => Field::Tool,
        NoPrice::Model => Field::Model,
        NoPrice::Settings => Field::Settings,
        NoPrice::Count | NoPrice::BadLength | NoPrice::TooMuch => unreachable!("a bad setting"),
    };
    Expected { detail: field as u32, ..Expected::of(Outcome::Unpriced) }
}

fn eligible_sources(request: &ReserveRequest, priced: Option<CardTerms>) -> [bool; 3] {
    let [free, subscription, top_up] = sources(request);
    [free && !priced.is_some_and(|priced| priced.paid_only), subscription, top_up]
}

fn differing_field(hold: &Hold, request: &ReserveRequest, charge: bool) -> Option<Field> {
    let first = hold.request.as_ref()?;
    let (a, b) = (first.attribution, request.attribution);
    let checks = [
        (hold.charge == charge, Field::Kind),
        (first.account == request.account, Field::Account),
        (first.priced == request.priced, Field::Flags),
        (first.amount == request.amount, Field::Amount),
        (first.sources == request.sources, Field::Sources),
        (first.pro_model == request.pro_model, Field::Flags),
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
