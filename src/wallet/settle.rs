//! Commit and release (R24 to R26, R28, R30, R32), and how a settlement finds its hold.

use crate::bucket::{Slices, Split};
use crate::chunk::Chunk;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal, Wait, overloaded, running};
use crate::hold::{CaptureStep, Hold, HoldState};
use crate::holds::{Held, Live, Place, Vacant};
use crate::ids::{AccountId, HoldId, Now, Position, Timestamp};
use crate::outcome::{Field, Outcome};
use crate::record::{Capture, CaptureRequest, LateCapture, OverCommit, Record, Return};
use crate::request::Answer;
use crate::slot::{Slot, SlotIndex};
use crate::sync::Ordering;
use crate::word::Snapshot;

/// A hold in the directory with everything, its wallet rolled; nobody else has a record about it in flight. None: it is not
/// known here and not on disk.
pub(crate) type Found<'a> = Option<(Held<'a>, Live)>;

/// The most captures of one hold, and the most refunds (R25, R27).
pub const SETTLEMENTS_MAX: usize = 255;

// A number is a byte, and each takes effect once: so no more of them fit.
const _: () = assert!(SETTLEMENTS_MAX <= u8::MAX as usize);

/// What is brought back from disk may take memory beyond the most holds by one part in so many (I9).
const BROUGHT_BACK_SHARE: u64 = 8;

/// The detail of `limit`: too many captures of one hold.
pub(crate) const LIMIT_CAPTURES: u32 = 1;
/// The detail of `limit`: too many refunds of one hold.
pub(crate) const LIMIT_REFUNDS: u32 = 2;

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Finds a hold, reads it back from the projections where memory has let it go, and rolls its wallet.
    pub(crate) fn find(&self, chunk: &Chunk, id: HoldId, now: Now) -> Result<Found<'_>, Wait> {
        loop {
            let Some(held) = self.holds.find(id) else {
                if self.bring_back(id)? {
                    continue;
                }
                return Ok(None);
            };
            let place = held.place();
            if place.position().is_none() && !place.is_in(chunk.unit.number) {
                return Err(Wait::Elsewhere);
            }
            if held.has_ended() {
                drop(held);
                if self.read_back(id, place, now)? {
                    continue;
                }
                return Ok(None);
            }
            if let Some(index) = held.slot() {
                let slot = self.wallets.slot(index);
                if self.is_due(slot, &slot.word.load(), now) {
                    drop(held);
                    self.roll(slot, now);
                    continue;
                }
            }
            let Some(live) = held.live(&self.wallets) else { return Err(Wait::Elsewhere) };
            assert!(live.place == place, "I5: a hold is where its entry says");
            assert!(live.hold.state == HoldState::Tombstone || live.slot.is_some(), "I4: a hold without its wallet");
            return Ok(Some((held, live)));
        }
    }

    /// Fills an ended entry from the projections; false where those have dropped it already, because its id is so old.
    fn read_back(&self, id: HoldId, place: Place, now: Now) -> Result<bool, Wait> {
        let position = place.position().ok_or(Wait::OwnUnit)?;
        assert!(position > Position::NONE, "a hold that was pushed has a place");
        if self.archive.reached() < position {
            return Err(Wait::Projected(position));
        }
        let Some(hold) = self.archive.hold(id).map_err(|_| Wait::Unreadable)? else {
            // An id that could be new again, because the wall clock went back by days, is not called unknown either.
            if self.remembers(id) || self.id_refused(id, now).is_none() {
                return Err(Wait::Unreadable);
            }
            assert!(self.archive.flushed() >= position, "R32: what has been dropped had been written");
            return Ok(false);
        };
        assert!(hold.state != HoldState::Open, "I6: a hold that has ended is open on disk");
        assert!(hold.last_position >= position, "I8: the disk knows what memory knows of a hold");
        let slot = self.wallets.find(hold.account);
        if let Some(mut held) = self.holds.find(id)
            && held.has_ended()
            && held.place() == place
        {
            held.keep(Live { place, slot, record: None, hold, over: false });
        }
        Ok(true)
    }

    /// Whether something new may be decided about a hold that has ended: the projections still have it when the record
    /// comes to them (I8). Of ids without a time nothing is dropped.
    pub(crate) fn remembers(&self, id: HoldId) -> bool {
        // Acquire: who drops these holds has published this before.
        let from = Timestamp(self.remembered_from.load(Ordering::Acquire));
        id.own_time().is_none_or(|own_time| own_time >= from)
    }

    /// From here on nothing new is decided about ended holds whose ids are as old as the rules let them become; says below
    /// which own time that is, which never goes back. When what was decided before is applied, the disk may drop them (R32).
    pub fn let_go(&self, now: Now) -> Timestamp {
        let since = self.settings.remembered_since(now);
        // AcqRel: two that let go agree about what is dropped.
        let before = Timestamp(self.remembered_from.fetch_max(since.0, Ordering::AcqRel));
        assert!(since.plus_millis(self.settings.id_window_ms) <= now.wall, "R22: an id that is let go could be new");
        before.max(since)
    }

    /// Looks on disk for a hold that memory has forgotten (R27); says whether it is back in the directory.
    pub(crate) fn bring_back(&self, id: HoldId) -> Result<bool, Wait> {
        let bound = Timestamp(self.id_bound.load(Ordering::Acquire));
        if id.own_time().is_some_and(|own| own >= bound) {
            return Ok(false);
        }
        let Some(hold) = self.archive.hold(id).map_err(|_| Wait::Unreadable)? else { return Ok(false) };
        if self.holds.entries() >= self.settings.holds_max.saturating_add(self.settings.holds_max / BROUGHT_BACK_SHARE)
        {
            return Err(Wait::Unreadable);
        }
        assert!(hold.last_position <= self.archive.reached(), "I4: the disk is ahead of what it was told");
        if let Some(vacant) = self.holds.vacant(id) {
            self.put_back(vacant, &hold);
        }
        Ok(true)
    }

    /// Makes an entry of a hold that only the disk has.
    pub(crate) fn put_back(&self, vacant: Vacant<'_>, hold: &Hold) {
        assert!(hold.state != HoldState::Open, "I6: an open hold that memory does not have");
        assert!(hold.last_position > Position::NONE, "I4: a hold on disk that no record tells of");
        // Counted first: whoever forgets it meanwhile lowers the count.
        self.holds.count_entry();
        vacant.ended(Place::pushed(hold.last_position), hold.ended_at);
    }

    /// The wallet of a hold, when the account is its own; the account is looked up only where it is not.
    pub(crate) fn known_to(&self, live: &Live, account: AccountId) -> Result<SlotIndex, Answer> {
        match live.slot {
            Some(index) if live.hold.account == account => Ok(index),
            _ => Err(rests(self.unknown(account), live)),
        }
    }

    /// The refusal of a hold that this account does not have.
    pub(crate) fn unknown(&self, account: AccountId) -> Answer {
        let known = self.wallets.find(account).is_some();
        Answer::of(if known { Outcome::UnknownHold } else { Outcome::UnknownAccount })
    }

    pub(crate) fn commit(
        &self,
        chunk: &mut Chunk,
        account: AccountId,
        id: HoldId,
        request: &CaptureRequest,
        now: Now,
    ) -> Result<Answer, Wait> {
        if request.amount.is_some_and(|amount| amount > crate::reserve::AMOUNT_MAX) {
            return Ok(Answer::bad_request(Field::Amount));
        }
        let Some((mut held, mut live)) = self.find(chunk, id, now)? else { return Ok(self.unknown(account)) };
        assert!(held.id() == id, "I5: the entry of another hold");
        let answer = match self.known_to(&live, account) {
            Ok(index) => self.commit_found(chunk, id, (&mut live, index), request, now),
            Err(refused) => Ok(refused),
        };
        assert!(!live.over || live.place.is_in(chunk.unit.number), "I6: an end that no record tells");
        held.put(live, now.daemon);
        answer
    }

    fn commit_found(
        &self,
        chunk: &mut Chunk,
        id: HoldId,
        (live, index): (&mut Live, SlotIndex),
        request: &CaptureRequest,
        now: Now,
    ) -> Result<Answer, Wait> {
        if let Some(step) = live.hold.captures().find(|step| step.request.number == request.number) {
            return self.commit_again(live, step, index, request, now);
        }
        let refused = |outcome| Ok(rests(Answer::of(outcome), live));
        match live.hold.state {
            HoldState::Open => Ok(self.capture(chunk, id, (live, index), request, now)),
            // A last capture after the expiry settles as one in time does: never success with nothing charged (R28).
            HoldState::Expired | HoldState::ReleasedByWorker if live.hold.captures().any(|step| step.request.last) => {
                let charged = live.hold.charged();
                refused(Outcome::AlreadySettled).map(|answer| answer.with_amount(charged))
            }
            HoldState::Expired if !self.takes_late(id) => refused(Outcome::HoldExpired),
            HoldState::ReleasedByWorker if !self.takes_late(id) => refused(Outcome::AlreadyReleased),
            HoldState::Expired | HoldState::ReleasedByWorker => {
                Ok(self.capture_late(chunk, id, (live, index), request, now))
            }
            HoldState::Settled => {
                let charged = live.hold.charged();
                refused(Outcome::AlreadySettled).map(|answer| answer.with_amount(charged))
            }
            HoldState::Released => refused(Outcome::AlreadyReleased),
            HoldState::Tombstone => refused(Outcome::UnknownHold),
        }
    }

    /// Whether a commit after the expiry takes the amount from the wallet as it is now: where the config says so, and as long as
    /// the hold is remembered (R28, R32).
    fn takes_late(&self, id: HoldId) -> bool {
        self.settings.late_redebit && self.remembers(id)
    }

    /// A capture number that is known: the first answer again, or the field that differs (I5).
    fn commit_again(
        &self,
        live: &Live,
        step: &CaptureStep,
        index: SlotIndex,
        request: &CaptureRequest,
        now: Now,
    ) -> Result<Answer, Wait> {
        assert!(step.request.number == request.number, "I5: a retry has the number of the first");
        if step.position == Position::NONE {
            return Err(Wait::OwnUnit);
        }
        let differs = match () {
            () if step.request.amount != request.amount => Some(Field::Amount),
            () if step.request.last != request.last => Some(Field::Flags),
            () => None,
        };
        assert!(step.position <= live.hold.last_position, "I4: a capture after the last record of its hold");
        let slot = self.wallets.slot(index);
        assert!(live.hold.account == slot.account(), "a hold of another wallet");
        let answer = match differs {
            Some(field) => rests(Answer::reused(Outcome::SettlementReused, field), live),
            None => capture_answer(step).resting_on(step.position).replayed(),
        };
        Ok(self.tell(answer, slot, &slot.word.load(), now))
    }

    /// A capture of an open hold, in time or before its expiry record (R25, R26, R28).
    fn capture(
        &self,
        chunk: &mut Chunk,
        id: HoldId,
        (live, index): (&mut Live, SlotIndex),
        request: &CaptureRequest,
        now: Now,
    ) -> Answer {
        let slot = self.wallets.slot(index);
        let hold = &mut live.hold;
        assert!(hold.account == slot.account(), "a hold of another wallet");
        let rest = hold.rest();
        let wanted = request.amount.unwrap_or_else(|| rest.total());
        let above = wanted.saturating_sub(rest.total());
        let mut drawn = Slices { split: Split::ZERO, ..hold.taken };
        if !above.is_zero() && hold.terms.over_commit() == OverCommit::Reject {
            let max = rest.total();
            return rests(Answer::of(Outcome::ExceedsHold).with_amount(max), live);
        }
        if hold.captures().count() >= SETTLEMENTS_MAX {
            return rests(Answer { detail: LIMIT_CAPTURES, ..Answer::of(Outcome::Limit) }, live);
        }
        if !above.is_zero() {
            match hold.terms.over_commit() {
                OverCommit::Reject | OverCommit::Cap => {}
                OverCommit::Draw => match self.draw(index, above, hold, now) {
                    Ok(slices) => drawn = slices,
                    Err(refused) => return rests(refused, live),
                },
            }
        }
        let captured = rest.draw_up_to(wanted);
        let left = if request.last { rest.minus(&captured) } else { Split::ZERO };
        let word = slot.word.load();
        let returned = self.returnable(slot, &word, &Slices { split: left, ..hold.taken }, now);
        let forfeited = left.minus(&returned);
        assert!(captured.total() <= wanted, "R25: more is captured than was asked for");
        assert!(!request.last || captured.plus(&left) == rest, "I1: a last capture leaves nothing behind");
        assert!(above.is_zero() || left.is_zero(), "R26: nothing goes back where more was taken than held");
        let record = Capture {
            account: hold.account,
            hold: id,
            request: *request,
            captured,
            drawn,
            returned,
            forfeited,
            late: now.daemon >= hold.ends_at,
            attribution: hold.attribution,
            at: now.daemon,
        };
        live.place = chunk.add(Record::Capture(record), id);
        if request.last {
            self.end(chunk, index, live, &returned);
        } else {
            live.hold.capture(&record);
        }
        let mut answer = Answer::of(if record.late { Outcome::Late } else { Outcome::Done });
        answer.split = captured.plus(&drawn.split);
        answer.amount = answer.split.total();
        answer.forfeited = forfeited.total();
        answer.late = record.late;
        let capped = !above.is_zero() && drawn.split.is_zero();
        assert!(capped || answer.amount == wanted, "R25: what is charged is what was asked for");
        self.tell(answer, slot, &self.after_give(index, &word, &returned), now)
    }

    /// Takes what a commit asks for above the hold from the wallet, past every gate (R26).
    fn draw(&self, index: SlotIndex, above: Credits, hold: &Hold, now: Now) -> Result<Slices, Answer> {
        let slot = self.wallets.slot(index);
        let sources = hold.terms.sources();
        let numbers = self.numbers(slot, now);
        let drawn = slot.word.transition(|word| {
            let (next, split) = word.take_up_to(above, sources);
            if split.total() < above {
                return (None, Err(*word));
            }
            let slices = Slices { split, day: numbers.day_of(word), period: numbers.period_of(word) };
            (Some(next), Ok(slices))
        });
        if let Ok(slices) = &drawn {
            assert!(slices.split.total() == above, "R26: a draw is all or nothing");
            assert!(slices.split.within(sources) == slices.split, "R26: a draw from the hold's own sources");
        }
        drawn.map_err(|word| self.insufficient(above, sources, slot, (&word, now)))
    }

    /// What of the slices goes back: the rest belongs to periods that have ended, and is forfeited (R24).
    pub(crate) fn returnable(&self, slot: &Slot, word: &Snapshot, left: &Slices, now: Now) -> Split {
        if left.split.is_zero() { Split::ZERO } else { running(word, left, &self.numbers(slot, now)) }
    }

    /// Notes the end of a hold and what it gives back. Memory lets go of it at once: who asks again reads it back.
    pub(crate) fn end(&self, chunk: &mut Chunk, index: SlotIndex, live: &mut Live, returned: &Split) {
        assert!(returned.total() <= live.hold.rest().total(), "I1: more goes back than was left");
        chunk.unit.ended.extend(live.claim_end());
        chunk.unit.closed.push(live.hold.reserved_at);
        if !returned.is_zero() {
            chunk.unit.gives.push((index, Slices { split: *returned, ..live.hold.taken }));
        }
    }

    /// A commit after expiry: the work is done, so no gate applies; what is not there is a shortfall (R28).
    fn capture_late(
        &self,
        chunk: &mut Chunk,
        id: HoldId,
        (live, index): (&mut Live, SlotIndex),
        request: &CaptureRequest,
        now: Now,
    ) -> Answer {
        let hold = &mut live.hold;
        assert!(hold.takes_late_commits(), "R28: a late commit of a hold that has not expired");
        let late: Credits = hold
            .captures()
            .filter(|step| step.captured.is_zero())
            .fold(Credits::ZERO, |sum, step| sum + step.drawn.split.total() + step.shortfall);
        let rest = hold.taken.split.total().saturating_sub(hold.captured.total()).saturating_sub(late);
        let wanted = request.amount.unwrap_or(rest);
        if wanted > rest {
            return rests(Answer::of(Outcome::ExceedsHold).with_amount(rest), live);
        }
        if hold.captures().count() >= SETTLEMENTS_MAX {
            return rests(Answer { detail: LIMIT_CAPTURES, ..Answer::of(Outcome::Limit) }, live);
        }
        let slot = self.wallets.slot(index);
        let sources = hold.terms.sources();
        let numbers = self.numbers(slot, now);
        let (word, taken) = slot.word.transition(|word| {
            let (next, split) = word.take_up_to(wanted, sources);
            let taken = Slices { split, day: numbers.day_of(word), period: numbers.period_of(word) };
            (Some(next), (next, taken))
        });
        let record = LateCapture {
            account: hold.account,
            hold: id,
            request: *request,
            taken,
            shortfall: wanted - taken.split.total(),
            attribution: hold.attribution,
            at: now.daemon,
        };
        assert!(taken.split.total() + record.shortfall == wanted, "R28: what is not taken is a shortfall");
        assert!(record.shortfall.is_zero() || word.available.within(sources).is_zero(), "R28: what is there is taken");
        hold.capture_late(&record);
        live.place = chunk.add(Record::LateCapture(record), id);
        let step = live.hold.captures().last().copied();
        let answer = step.map_or_else(|| Answer::of(Outcome::Late), |step| capture_answer(&step));
        self.tell(answer, slot, &word, now)
    }

    pub(crate) fn release(&self, chunk: &mut Chunk, account: AccountId, id: HoldId, now: Now) -> Result<Answer, Wait> {
        let Some((mut held, mut live)) = self.find(chunk, id, now)? else {
            return self.release_unknown(chunk, account, id, now);
        };
        assert!(held.id() == id, "I5: the entry of another hold");
        let answer = match self.known_to(&live, account) {
            Ok(index) => self.release_found(chunk, id, (&mut live, index), now),
            Err(refused) => Ok(refused),
        };
        assert!(!live.over || live.place.is_in(chunk.unit.number), "I6: an end that no record tells");
        held.put(live, now.daemon);
        answer
    }

    fn release_found(
        &self,
        chunk: &mut Chunk,
        id: HoldId,
        (live, index): (&mut Live, SlotIndex),
        now: Now,
    ) -> Result<Answer, Wait> {
        let slot = self.wallets.slot(index);
        assert!(live.hold.account == slot.account(), "a hold of another wallet");
        let by_capture = live.hold.captures().any(|step| step.request.last);
        let answer = match live.hold.state {
            HoldState::Open => return Ok(self.release_open(chunk, id, (live, index), now)),
            HoldState::Expired => rests(Answer::of(Outcome::HoldExpired), live),
            HoldState::Tombstone => rests(Answer::of(Outcome::UnknownHold), live),
            HoldState::Settled if by_capture || live.hold.charge => {
                rests(Answer::of(Outcome::AlreadySettled).with_amount(live.hold.charged()), live)
            }
            HoldState::ReleasedByWorker => rests(Answer::of(Outcome::AlreadyReleased), live),
            HoldState::Released if by_capture => rests(Answer::of(Outcome::AlreadyReleased), live),
            HoldState::Settled | HoldState::Released => {
                let Some(step) = live.hold.released() else { return Err(Wait::OwnUnit) };
                assert!(step.position <= live.hold.last_position, "I4: a release after the last record of its hold");
                let mut first = Answer::of(Outcome::Done).resting_on(step.position);
                first.split = step.returned;
                first.amount = step.returned.plus(&step.forfeited).total();
                first.forfeited = step.forfeited.total();
                first.replayed()
            }
        };
        Ok(self.tell(answer, slot, &slot.word.load(), now))
    }

    fn release_open(&self, chunk: &mut Chunk, id: HoldId, (live, index): (&mut Live, SlotIndex), now: Now) -> Answer {
        let slot = self.wallets.slot(index);
        assert!(live.hold.account == slot.account(), "a hold of another wallet");
        let left = Slices { split: live.hold.rest(), ..live.hold.taken };
        let word = slot.word.load();
        let returned = self.returnable(slot, &word, &left, now);
        let forfeited = left.split.minus(&returned);
        let record = Return { account: live.hold.account, hold: id, returned, forfeited, at: now.daemon };
        live.place = chunk.add(Record::Release(record), id);
        self.end(chunk, index, live, &returned);
        let mut answer = Answer::of(Outcome::Done);
        answer.split = returned;
        answer.amount = left.split.total();
        answer.forfeited = forfeited.total();
        assert!(returned.plus(&forfeited) == left.split, "I1: a release gives back or forfeits what is left");
        self.tell(answer, slot, &self.after_give(index, &word, &returned), now)
    }

    /// A release of an unknown id leaves a tombstone, so that a delayed reserve cannot come after it (R32).
    fn release_unknown(&self, chunk: &mut Chunk, account: AccountId, id: HoldId, now: Now) -> Result<Answer, Wait> {
        let answer = self.unknown(account);
        if answer.outcome == Outcome::UnknownAccount || id.own_time().is_none() || self.id_refused(id, now).is_some() {
            return Ok(answer);
        }
        if self.is_full() {
            return Ok(overloaded());
        }
        let Some(vacant) = self.holds.vacant(id) else { return Err(Wait::Elsewhere) };
        assert!(answer.outcome == Outcome::UnknownHold, "R32: a tombstone of a hold that is known");
        let place = chunk.add(Record::Tombstone { hold: id, at: now.daemon }, id);
        let hold = Hold::tombstone(now.daemon);
        self.holds.count_entry();
        vacant.keep(Live { place, slot: None, record: None, hold, over: false });
        assert!(self.holds.knows(id), "R32: a tombstone is found by who comes after it");
        Ok(answer)
    }
}

/// The answer, resting on the last record about the hold. In the own unit that record leaves with the answer.
pub(crate) fn rests(answer: Answer, live: &Live) -> Answer {
    match live.place.position() {
        Some(position) => answer.resting_on(position),
        None => answer,
    }
}

fn capture_answer(step: &CaptureStep) -> Answer {
    let mut answer = Answer::of(match () {
        () if !step.shortfall.is_zero() => Outcome::LateUncovered,
        () if step.late => Outcome::Late,
        () => Outcome::Done,
    });
    answer.split = step.charged();
    answer.amount = if step.shortfall.is_zero() { answer.split.total() } else { step.shortfall };
    answer.forfeited = step.forfeited.total();
    answer.late = step.late;
    assert!(step.shortfall.is_zero() || step.late, "R28: a shortfall of a commit in time");
    assert!(step.captured.is_zero() || step.shortfall.is_zero(), "R28: a late commit captures nothing of the hold");
    answer
}
