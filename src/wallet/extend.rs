//! Extend: a hold's end moves, up to the longest age (R23).

use crate::chunk::Chunk;
use crate::engine::{Archive, Engine, Journal, Wait};
use crate::hold::HoldState;
use crate::holds::Live;
use crate::ids::{AccountId, HoldId, Now};
use crate::outcome::{Field, Outcome};
use crate::record::{Extend, Record};
use crate::request::Answer;
use crate::settle::rests;

impl<J: Journal, A: Archive> Engine<J, A> {
    pub(crate) fn extend(
        &self,
        chunk: &mut Chunk,
        account: AccountId,
        id: HoldId,
        ttl_ms: u32,
        now: Now,
    ) -> Result<Answer, Wait> {
        if ttl_ms == 0 || ttl_ms > self.settings.hold_ttl_max_ms {
            return Ok(Answer::bad_request(Field::TtlMs));
        }
        let Some((mut held, mut live)) = self.find(chunk, id, now)? else { return Ok(self.unknown(account)) };
        assert!(held.id() == id, "I5: the entry of another hold");
        let answer = match self.known_to(&live, account) {
            Ok(index) => {
                let slot = self.wallets.slot(index);
                let answer = self.extend_found(chunk, id, &mut live, ttl_ms, now);
                answer.map(|answer| self.tell(answer, slot, &slot.word.load(), now))
            }
            Err(refused) => Ok(refused),
        };
        assert!(!live.over, "I6: an extension ends nothing");
        held.put(live, now.daemon);
        answer
    }

    fn extend_found(
        &self,
        chunk: &mut Chunk,
        id: HoldId,
        live: &mut Live,
        ttl_ms: u32,
        now: Now,
    ) -> Result<Answer, Wait> {
        let asked = now.daemon.plus_millis(u64::from(ttl_ms));
        assert!(asked > now.daemon, "R23: an end that has passed is not asked for");
        let latest = live.hold.reserved_at.plus_millis(self.settings.hold_age_max_ms);
        assert!(live.hold.ends_at >= live.hold.reserved_at, "R23: a hold ends before it was reserved");
        let refused = match live.hold.state {
            HoldState::Open if now.daemon >= live.hold.ends_at => Answer::of(Outcome::HoldExpired),
            HoldState::Open if asked > latest => Answer { time: latest, ..Answer::of(Outcome::HoldAgeLimit) },
            HoldState::Open => return move_end(chunk, id, live, asked),
            HoldState::Settled => Answer::of(Outcome::AlreadySettled).with_amount(live.hold.charged()),
            HoldState::Released | HoldState::ReleasedByWorker => Answer::of(Outcome::AlreadyReleased),
            HoldState::Expired => Answer::of(Outcome::HoldExpired),
            HoldState::Tombstone => Answer::of(Outcome::UnknownHold),
        };
        Ok(rests(refused, live))
    }
}

/// Sets the later of both ends. The entry is pending from here on, so nobody sees the new end before its record has
/// a place.
fn move_end(chunk: &mut Chunk, id: HoldId, live: &mut Live, asked: crate::ids::Timestamp) -> Result<Answer, Wait> {
    let mut answer = Answer::of(Outcome::Done);
    answer.time = live.hold.ends_at.max(asked);
    if asked <= live.hold.ends_at {
        // It rests on the record before: a positive answer needs its position (I3).
        let last = live.place.position().ok_or(Wait::OwnUnit)?;
        return Ok(answer.resting_on(last));
    }
    assert!(asked > live.hold.ends_at, "R23: an end never moves back");
    chunk.unit.ends.extend(live.move_end(asked));
    live.place = chunk.add(Record::Extend(Extend { hold: id, ends_at: asked }), id);
    assert!(live.hold.ends_at == answer.time, "R23: the answer tells the end that counts");
    Ok(answer)
}
