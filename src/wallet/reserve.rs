//! Reserve and charge: credits set aside before a generation, or taken at once (R22, R23, R29).

use crate::bucket::{Slices, Sources};
use crate::chunk::Chunk;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal, Wait, overloaded};
use crate::hold::{Hold, HoldState};
use crate::holds::Vacant;
use crate::ids::{HoldId, Now, Tier, Timestamp};
use crate::outcome::{Field, Outcome};
use crate::pricing::NoPrice;
use crate::record::{Record, Reserve, Terms};
use crate::request::{Answer, ReserveRequest};
use crate::slot::{Slot, SlotIndex};
use crate::sync::Ordering;
use crate::word::{Numbers, Snapshot, Take};

/// What a take from a wallet came to.
pub(crate) enum Taken {
    /// The word after it, and what was taken from which periods.
    Granted(Snapshot, Slices),
    /// A boundary has passed, or what waits beside the word finds room: roll first.
    Due,
    /// Frozen or in debt.
    Attention,
    /// The tier is too low.
    TierRequired(Snapshot),
    /// The eligible buckets do not hold enough.
    Insufficient(Snapshot),
    /// The rate card says no.
    NoPrice(Snapshot, NoPrice),
}

impl<J: Journal, A: Archive> Engine<J, A> {
    pub(crate) fn reserve(
        &self,
        chunk: &mut Chunk,
        request: &ReserveRequest,
        charge: bool,
        now: Now,
    ) -> Result<Answer, Wait> {
        if let Some(field) = self.bad_field(request, charge) {
            return Ok(Answer::bad_request(field));
        }
        let Some(index) = chunk.looked().or_else(|| self.wallets.find(request.account)) else {
            let bad = if request.priced { self.asked(chunk, request, charge).err() } else { None };
            return Ok(bad.unwrap_or_else(|| Answer::of(Outcome::UnknownAccount)));
        };
        let slot = self.wallets.slot(index);
        loop {
            // The guard of the vacant entry makes entry and take one step for everybody else who comes with this id.
            let Some(vacant) = self.holds.vacant(request.hold) else {
                return self.reserve_again(chunk, request, charge, (index, now));
            };
            if request.hold.own_time().is_none()
                && let Some(hold) = self.archive.hold(request.hold).map_err(|_| Wait::Unreadable)?
            {
                // Nothing in such an id says that it is old: what the disk remembers of it decides (`hold_ids = any`), and is
                // asked under the guard, because whatever memory has let go of before is there.
                self.put_back(vacant, &hold);
                continue;
            }
            let asked = match self.asked(chunk, request, charge) {
                Ok(asked) => asked,
                Err(bad) => return Ok(bad),
            };
            if self.is_full() || self.bound_is_young(now) {
                return Ok(overloaded());
            }
            if let Some(refused) = self.id_refused(request.hold, now) {
                return Ok(refused);
            }
            let taken = match asked.refused {
                None => self.take(slot, asked.amount, asked.sources, asked.min_tier, now),
                Some(refused) => self.take_nothing(slot, refused, now),
            };
            let (word, taken) = match taken {
                Taken::Granted(word, taken) => (word, taken),
                Taken::Due => {
                    drop(vacant);
                    self.roll(slot, now);
                    continue;
                }
                Taken::Attention => {
                    drop(vacant);
                    match self.attention(index, asked.refused, now) {
                        Some(refused) => return Ok(refused),
                        None => continue,
                    }
                }
                Taken::TierRequired(word) => {
                    let mut refused = Answer::of(Outcome::TierRequired);
                    refused.detail = u32::from(asked.min_tier.0);
                    return Ok(self.tell(refused, slot, &word, now));
                }
                Taken::Insufficient(word) => {
                    return Ok(self.insufficient(asked.amount, asked.sources, slot, (&word, now)));
                }
                Taken::NoPrice(word, refused) => return Ok(self.tell(refused.answer(), slot, &word, now)),
            };
            assert!(taken.split.total() == asked.amount, "I2: a reserve of another amount");
            let record = reserve_record(request, &asked.terms, taken, now);
            assert!(charge || record.ends_at >= record.at, "R23: a hold ends after it began");
            self.add_hold(chunk, vacant, &record, charge, index);
            let mut answer = Answer::of(Outcome::Granted);
            answer.split = taken.split;
            answer.time = record.ends_at;
            return Ok(self.tell(answer, slot, &word, now));
        }
    }

    fn bad_field(&self, request: &ReserveRequest, charge: bool) -> Option<Field> {
        let ttl_fits = if charge { request.ttl_ms == 0 } else { request.ttl_ms <= self.settings.hold_ttl_max_ms };
        let id_fits = !request.hold.is_none() && (self.settings.any_hold_ids || request.hold.own_time().is_some());
        match () {
            () if !id_fits => Some(Field::Hold),
            () if request.account.is_none() => Some(Field::Account),
            () if !ttl_fits => Some(Field::TtlMs),
            () if request.amount > AMOUNT_MAX => Some(Field::Amount),
            () if request.min_tier > Tier::MAX => Some(Field::MinTier),
            () => None,
        }
    }

    /// Ids that are too old, or from the future, are refused unless they are known (R22, R32).
    pub(crate) fn id_refused(&self, id: HoldId, now: Now) -> Option<Answer> {
        let own_time = id.own_time()?;
        let oldest = now.wall.minus_millis(self.settings.id_window_ms);
        let newest = now.wall.plus_millis(self.settings.id_ahead_ms);
        // Acquire: who sees the bound also sees that the ids below it were let go because of it.
        let bound = Timestamp(self.id_bound.load(Ordering::Acquire));
        assert!(oldest <= newest, "R22: the window of ids ends before it begins");
        if own_time >= oldest && own_time >= bound && own_time <= newest {
            return None;
        }
        let mut refused = Answer::of(Outcome::HoldIdExpired);
        refused.time = now.wall;
        Some(refused)
    }

    /// Whether ids from a moment ago are forgotten already: whoever comes with one now cannot be told from a retry, so new
    /// holds wait (R32).
    pub(crate) fn bound_is_young(&self, now: Now) -> bool {
        // Acquire: as in `id_refused`.
        let bound = Timestamp(self.id_bound.load(Ordering::Acquire));
        bound.plus_millis(BOUND_AGE_MIN_MS) > now.wall
    }

    /// The take of a reserve: one CAS, against the periods that run at this request's own `now`.
    pub(crate) fn take(&self, slot: &Slot, amount: Credits, sources: Sources, min_tier: Tier, now: Now) -> Taken {
        let numbers = self.numbers(slot, now);
        let cycle_over = slot.cycle_ends_at() <= now.daemon;
        if !self.beside.is_empty() && self.finds_room(slot, &slot.word.load(), now) {
            return Taken::Due;
        }
        slot.word.transition(|word| {
            let day_over = word.day != Numbers::short_day(numbers.day) && numbers.day_of(word) < numbers.day;
            if cycle_over || day_over {
                return (None, Taken::Due);
            }
            match word.take(amount, sources, min_tier) {
                Take::Granted(next, split) => {
                    let taken = Slices { split, day: numbers.day_of(word), period: numbers.period_of(word) };
                    assert!(taken.day >= numbers.day, "I7: credits of a day that has ended");
                    (Some(next), Taken::Granted(next, taken))
                }
                Take::Attention => (None, Taken::Attention),
                Take::TierRequired => (None, Taken::TierRequired(*word)),
                Take::Insufficient => (None, Taken::Insufficient(*word)),
            }
        })
    }

    /// The wallet as a take of what has no price meets it.
    #[cold]
    fn take_nothing(&self, slot: &Slot, refused: NoPrice, now: Now) -> Taken {
        let word = slot.word.load();
        match () {
            () if self.is_due(slot, &word, now) => Taken::Due,
            () if word.attention => Taken::Attention,
            () => Taken::NoPrice(word, refused),
        }
    }

    /// `insufficient` with the ways out: the plan that would bring enough, and the next reset of a bucket that may pay; a
    /// reset of one that may not is nothing to wait for (R8, R40).
    pub(crate) fn insufficient(
        &self,
        required: Credits,
        sources: Sources,
        slot: &Slot,
        (word, now): (&Snapshot, Now),
    ) -> Answer {
        assert!(word.available.within(sources).total() < required, "R40: what is there is not enough");
        let mut refused = Answer::of(Outcome::Insufficient).with_amount(required);
        refused.detail = self.upgrade_to(word.tier, required);
        assert!(required <= AMOUNT_MAX, "R22: more than a request may name");
        Answer { next_reset_at: self.next_reset(slot, word, sources, now), ..self.tell(refused, slot, word, now) }
    }

    /// What the cold side says to a reserve that met the attention bit; `None` when there is nothing any more.
    fn attention(&self, index: SlotIndex, no_price: Option<NoPrice>, now: Now) -> Option<Answer> {
        let slot = self.wallets.slot(index);
        let cold = *slot.lock();
        let refused = match no_price {
            _ if cold.frozen => Answer::of(Outcome::AccountFrozen),
            Some(refused) => refused.answer(),
            None if cold.in_debt => Answer::of(Outcome::Debt).with_amount(self.debt_of(index)),
            None => return None,
        };
        Some(self.tell(refused, slot, &slot.word.load(), now))
    }

    /// Whether there is no place for another hold. Each counts as soon as it is added: frames beside each other would exceed
    /// the limit by all their operations otherwise (I9).
    pub(crate) fn is_full(&self) -> bool {
        self.holds.entries() >= self.settings.holds_max
    }

    fn add_hold(&self, chunk: &mut Chunk, vacant: Vacant<'_>, reserve: &Reserve, charge: bool, index: SlotIndex) {
        assert!(reserve.ends_at == reserve.at || !charge, "R29: a charge ends at once");
        assert!(!reserve.hold.is_none(), "R22: a hold has an id");
        self.holds.count_entry();
        if charge {
            let place = chunk.add(Record::Charge(*reserve), reserve.hold);
            return vacant.ended(place, reserve.at);
        }
        let place = chunk.add(Record::Reserve(*reserve), reserve.hold);
        let record = self.new_record(chunk);
        chunk.unit.ends.push(record);
        chunk.unit.opened = chunk.unit.opened.saturating_add(1);
        vacant.open(record, index, place, reserve);
    }

    /// A reserve whose id is known: the first decision again, or the field that differs (I5).
    fn reserve_again(
        &self,
        chunk: &Chunk,
        request: &ReserveRequest,
        charge: bool,
        (index, now): (SlotIndex, Now),
    ) -> Result<Answer, Wait> {
        let Some((mut held, live)) = self.find(chunk, request.hold, now)? else {
            // Forgotten meanwhile; where the disk has let go of it before memory, its id is far too old.
            return self.id_refused(request.hold, now).ok_or(Wait::Elsewhere);
        };
        let Some(last) = live.place.position() else { return Err(Wait::OwnUnit) };
        assert!(last >= live.hold.reserve_position, "I3: a hold's last record is its reserve or comes after it");
        assert!(held.id() == request.hold, "I5: the entry of another hold");
        let hold = &live.hold;
        let answer = if hold.state == HoldState::Tombstone {
            Answer::of(Outcome::AlreadyReleased).resting_on(last)
        } else if let Some(field) = differing_field(hold, request, charge) {
            Answer::reused(Outcome::HoldIdReused, field).resting_on(last)
        } else {
            let mut first = Answer::of(Outcome::Granted).resting_on(hold.reserve_position);
            first.split = hold.taken.split;
            first.time = hold.reserved_at.plus_millis(u64::from(hold.terms.hold_ms));
            first.replayed()
        };
        held.put(live, now.daemon);
        drop(held);
        // The hold may be a tombstone or another wallet's: this wallet may not have been rolled yet.
        let slot = self.wallets.slot(index);
        self.roll_if_due(slot, now);
        Ok(self.tell(answer, slot, &slot.word.load(), now))
    }
}

/// How old the bound of forgotten ids must be for new holds to be taken, in milliseconds (R32).
const BOUND_AGE_MIN_MS: u64 = 10_000;

/// The largest amount that one request may name: a full subscription field.
pub const AMOUNT_MAX: Credits = Credits::from_millis((1 << 38) - 1);

const _: () =
    assert!(AMOUNT_MAX.millis() < u64::MAX / 256, "I1: as many amounts as a hold has captures never overflow");

fn reserve_record(request: &ReserveRequest, terms: &Terms, taken: Slices, now: Now) -> Reserve {
    Reserve {
        account: request.account,
        hold: request.hold,
        taken,
        attribution: request.attribution,
        worker: request.worker,
        settings: request.settings,
        terms: *terms,
        at: now.daemon,
        ends_at: now.daemon.plus_millis(u64::from(terms.hold_ms)),
    }
}

/// What a retry must repeat: the request's own fields, whatever the card says by now (R18, R22).
fn differing_field(hold: &Hold, request: &ReserveRequest, charge: bool) -> Option<Field> {
    let terms = &hold.terms;
    let amount = match terms.priced {
        Some(priced) if !priced.expected => Credits::ZERO,
        _ => hold.taken.split.total(),
    };
    match () {
        () if hold.charge != charge => Some(Field::Kind),
        () if hold.account != request.account => Some(Field::Account),
        () if terms.priced.is_some() != request.priced => Some(Field::Flags),
        () if amount != request.amount => Some(Field::Amount),
        () if terms.sources != request.sources => Some(Field::Sources),
        () if terms.pro_model != request.pro_model => Some(Field::Flags),
        () if terms.ttl_ms != request.ttl_ms => Some(Field::TtlMs),
        () if hold.attribution.member != request.attribution.member => Some(Field::Member),
        () if hold.worker != request.worker => Some(Field::Worker),
        () if hold.attribution.model != request.attribution.model => Some(Field::Model),
        () if hold.attribution.tool != request.attribution.tool => Some(Field::Tool),
        () if hold.attribution.count != request.attribution.count => Some(Field::Count),
        () if terms.min_tier != request.min_tier => Some(Field::MinTier),
        () if terms.over_commit != request.over_commit => Some(Field::OverCommit),
        () if hold.settings != request.settings => Some(Field::Settings),
        () => None,
    }
}
