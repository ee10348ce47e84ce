//! Refunds: captured credits go back to where they came from, top-up first (R24, R27).

use crate::bucket::{Bucket, Slices, Split};
use crate::chunk::Chunk;
use crate::command::half;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal, Wait, running};
use crate::hold::{Hold, HoldState, RefundStep};
use crate::holds::Live;
use crate::ids::{AccountId, HoldId, Now, Position, Tier};
use crate::outcome::{Field, Outcome};
use crate::record::{Record, Refund, RefundReason};
use crate::request::Answer;
use crate::settle::{LIMIT_REFUNDS, SETTLEMENTS_MAX, rests};
use crate::slot::SlotIndex;
use crate::word::{Numbers, Snapshot};

/// A refund's number, amount (`None` for all) and reason.
pub(crate) type RefundRequest = (u8, Option<Credits>, RefundReason);

impl<J: Journal, A: Archive> Engine<J, A> {
    pub(crate) fn refund(
        &self,
        chunk: &mut Chunk,
        account: AccountId,
        id: HoldId,
        request: RefundRequest,
        now: Now,
    ) -> Result<Answer, Wait> {
        let Some((mut held, mut live)) = self.find(chunk, id, now)? else {
            return Ok(self.refund_unknown(account, id, now));
        };
        assert!(held.id() == id, "I5: the entry of another hold");
        let answer = match self.known_to(&live, account) {
            Ok(index) => self.refund_found(chunk, id, (&mut live, index), request, now),
            Err(refused) => Ok(refused),
        };
        assert!(!live.over, "I6: a refund ends nothing");
        held.put(live, now.daemon);
        answer
    }

    /// A hold that is not even on disk: beyond the refund window that is to be expected of its id (R27).
    fn refund_unknown(&self, account: AccountId, id: HoldId, now: Now) -> Answer {
        let unknown = self.unknown(account);
        let passed = now.wall.minus_millis(self.settings.refund_window_ms);
        let old = id.own_time().is_some_and(|own_time| own_time < passed);
        if old && unknown.outcome == Outcome::UnknownHold { Answer::of(Outcome::RefundWindowPassed) } else { unknown }
    }

    fn refund_found(
        &self,
        chunk: &mut Chunk,
        id: HoldId,
        (live, index): (&mut Live, SlotIndex),
        (number, amount, reason): RefundRequest,
        now: Now,
    ) -> Result<Answer, Wait> {
        let slot = self.wallets.slot(index);
        let hold = &live.hold;
        if let Some(step) = hold.refunds().find(|step| step.number == number) {
            let again = refund_again(live, step, amount, reason)?;
            return Ok(self.tell(again, slot, &slot.word.load(), now));
        }
        assert!(hold.refunded() <= hold.charged(), "I1: more is refunded than was charged");
        assert!(hold.account == slot.account(), "a hold of another wallet");
        let max = hold.charged().saturating_sub(hold.refunded());
        let wanted = amount.unwrap_or(max);
        let window_ends = hold.ended_at.plus_millis(self.settings.refund_window_ms);
        // A hold that ended late, because no daemon ran, may be forgotten before that.
        let passed = window_ends < now.daemon || !self.remembers(id);
        let refused = match () {
            () if hold.state == HoldState::Tombstone => Answer::of(Outcome::UnknownHold),
            () if wanted > max => Answer::of(Outcome::ExceedsCaptured).with_amount(max),
            () if hold.state != HoldState::Open && passed => Answer::of(Outcome::RefundWindowPassed),
            () if hold.refunds().count() >= SETTLEMENTS_MAX => {
                Answer { detail: LIMIT_REFUNDS, ..Answer::of(Outcome::Limit) }
            }
            () => return Ok(self.refund_now(chunk, id, (live, index), (number, amount, reason), wanted, now)),
        };
        let refused = rests(refused, live);
        Ok(self.tell(refused, slot, &slot.word.load(), now))
    }

    fn refund_now(
        &self,
        chunk: &mut Chunk,
        id: HoldId,
        (live, index): (&mut Live, SlotIndex),
        (number, requested, reason): RefundRequest,
        wanted: Credits,
        now: Now,
    ) -> Answer {
        let slot = self.wallets.slot(index);
        let word = slot.word.load();
        let numbers = self.numbers(slot, now);
        let restore = self.settings.restore_on.contains(&reason);
        let undone = undo(&live.hold, wanted);
        assert!(live.hold.refunds().all(|step| step.number != number), "I5: a refund number that is known");
        assert!(undone.iter().all(|part| !part.split.is_zero()), "R27: a refund of nothing");
        let mut returned: Vec<Slices> = Vec::new();
        let mut forfeited = Split::ZERO;
        // Only what is restored has to fit: what comes back to its own period does so in any case (R24).
        let mut there = if restore { there(chunk, index, &word, &numbers) } else { word.available };
        for slices in &undone {
            let (back, lost) = self.place_return(slices, (&word, &there), &numbers, restore);
            there = there.plus(&back.split);
            forfeited = forfeited.plus(&lost);
            if !back.split.is_zero() {
                returned.push(back);
            }
        }
        let record = Refund {
            account: live.hold.account,
            hold: id,
            number,
            requested,
            reason,
            undone,
            returned,
            forfeited,
            attribution: live.hold.attribution,
            at: now.daemon,
        };
        live.hold.refund(&record);
        chunk.unit.gives.extend(record.returned.iter().map(|slices| (index, *slices)));
        let split = record.returned.iter().fold(Split::ZERO, |sum, slices| sum.plus(&slices.split));
        live.place = chunk.add(Record::Refund(record), id);
        assert!(split.total() + forfeited.total() == wanted, "I1: a refund gives back or forfeits what it undoes");
        let mut answer = Answer::of(Outcome::Done);
        answer.split = split;
        answer.amount = wanted;
        answer.forfeited = forfeited.total();
        self.tell(answer, slot, &self.after_give(index, &word, &split), now)
    }

    /// Where one part of a refund goes: to its own period while that runs, to the running one where the reason
    /// restores, else nowhere. Never to a longer-lived bucket (I7). `there` is what the buckets have once everything before
    /// it has come back.
    fn place_return(
        &self,
        slices: &Slices,
        (word, there): (&Snapshot, &Split),
        numbers: &Numbers,
        restore: bool,
    ) -> (Slices, Split) {
        let (day, period) = (numbers.day_of(word), numbers.period_of(word));
        // As gifts: up to half a field, so that returns of the running period fit beside them.
        let fits = |bucket| there.of(bucket) + slices.split.of(bucket) <= half(bucket);
        let free_runs = slices.day == day
            || restore && fits(Bucket::Free) && !self.policies.read().allowance(day, word.tier).is_zero();
        let subscription_runs =
            slices.period == period || restore && fits(Bucket::Subscription) && word.tier > Tier::NONE;
        let mut back = *slices;
        if !free_runs {
            back.split.free = Credits::ZERO;
        }
        if !subscription_runs {
            back.split.subscription = Credits::ZERO;
        }
        back.day = if back.split.free.is_zero() { slices.day } else { day };
        back.period = if back.split.subscription.is_zero() { slices.period } else { period };
        let lost = slices.split.minus(&back.split);
        assert!(lost.plus(&back.split) == slices.split, "I1: what is undone goes back or is forfeited");
        assert!(lost.top_up.is_zero(), "R24: top-up credits always come back");
        assert!(back.split.free.is_zero() || back.day == day, "I7: free credits come back into the running day");
        assert!(back.split.subscription.is_zero() || back.period == period, "I7: a period that does not run");
        (back, lost)
    }
}

/// What the buckets of a word have once the returns of the own unit are in it: those come with its push.
fn there(chunk: &Chunk, index: SlotIndex, word: &Snapshot, numbers: &Numbers) -> Split {
    let own = chunk.unit.gives.iter().filter(|(slot, _)| *slot == index);
    let there = own.fold(word.available, |sum, (_, slices)| sum.plus(&running(word, slices, numbers)));
    assert!(there.at_most(&word.available) == word.available, "I1: a return takes nothing");
    assert!(there.top_up >= word.available.top_up, "R24: top-up credits always come back");
    there
}

fn refund_again(live: &Live, step: &RefundStep, amount: Option<Credits>, reason: RefundReason) -> Result<Answer, Wait> {
    if step.position == Position::NONE {
        return Err(Wait::OwnUnit);
    }
    assert!(step.position <= live.hold.last_position, "I4: a refund after the last record of its hold");
    let differs = match () {
        () if step.requested != amount => Some(Field::Amount),
        () if step.reason != reason => Some(Field::Reason),
        () => None,
    };
    if let Some(field) = differs {
        return Ok(rests(Answer::reused(Outcome::SettlementReused, field), live));
    }
    let mut first = Answer::of(Outcome::Done).resting_on(step.position);
    first.split = step.returned;
    first.amount = step.undone.iter().fold(Credits::ZERO, |sum, slices| sum + slices.split.total());
    first.forfeited = step.forfeited.total();
    assert!(first.split.total() + first.forfeited == first.amount, "I1: a refund gives back or forfeits what it undid");
    Ok(first.replayed())
}

/// The captured slices that a refund of `wanted` undoes: top-up first, then subscription, then free, and within a
/// bucket the latest capture first.
fn undo(hold: &Hold, wanted: Credits) -> Vec<Slices> {
    let parts = hold.refundable();
    assert!(hold.charged() >= wanted, "I1: a refund of more than was charged");
    let mut undone: Vec<Slices> = parts.iter().map(|part| Slices { split: Split::ZERO, ..*part }).collect();
    let mut left = wanted;
    for bucket in Bucket::ALL.into_iter().rev() {
        for (part, undone) in parts.iter().zip(&mut undone).rev() {
            let amount = part.split.of(bucket).min(left);
            undone.split = undone.split.plus(&Split::only(bucket, amount));
            left -= amount;
        }
    }
    assert!(left.is_zero(), "I1: a refund of more than was captured");
    undone.retain(|slices| !slices.split.is_zero());
    undone.reverse();
    undone
}
