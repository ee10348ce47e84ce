//! Open holds by account, worker and age, and the bulk release of a dead worker's (R31).
//!
//! There is no index: memory has nothing for it. To find them walks the directory, a shard at a time, and so belongs on
//! a thread that no request waits for.

use std::collections::{BTreeMap, BTreeSet};

use crate::bucket::{Bucket, Slices, Split};
use crate::chunk::Chunk;
use crate::command::half;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal, SWEEP_HOLDS_MAX, running};
use crate::hold::HoldState;
use crate::holds::Live;
use crate::ids::{AccountId, HoldId, Now, Timestamp, WorkerId};
use crate::record::{Attribution, Record, Return};
use crate::slot::{Slot, SlotIndex};

/// Holds of a worker that one walk over the directory finds, at most: a bulk release walks once for so many.
pub const WORKER_HOLDS_MAX: usize = 65_536;

const _: () = assert!(WORKER_HOLDS_MAX >= SWEEP_HOLDS_MAX, "a walk is for more than one chunk");

/// Whether a gift is so large that what open holds may bring back matters beside it: from a sixteenth of half a field on.
/// Smaller ones would have to be taken out by holds sixteen times over, all of them open at once, before returns could find
/// no place; and returns that find none wait beside the word.
pub(crate) fn is_large((bucket, amount): (Bucket, Credits)) -> bool {
    amount.millis() > half(bucket).millis() / 16
}

/// Which open holds are meant.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct HoldFilter {
    /// Those of this account; none for every account.
    pub account: AccountId,
    /// Those of this worker; none for every worker.
    pub worker: WorkerId,
    /// Those that were made at this instant or before; zero for all.
    pub made_by: Timestamp,
}

impl HoldFilter {
    fn takes(&self, live: &Live) -> bool {
        let hold = &live.hold;
        hold.state == HoldState::Open
            && !live.over
            && (self.account.is_none() || hold.account == self.account)
            && (self.worker.is_none() || hold.worker == self.worker)
            && (self.made_by == Timestamp::NONE || hold.reserved_at <= self.made_by)
    }
}

/// An open hold in a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenHold {
    /// The hold.
    pub hold: HoldId,
    /// Its account.
    pub account: AccountId,
    /// Its worker; none without.
    pub worker: WorkerId,
    /// What it is for.
    pub attribution: Attribution,
    /// What it still holds.
    pub held: Credits,
    /// When it was made.
    pub reserved_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

impl OpenHold {
    fn of(id: HoldId, live: &Live) -> Self {
        let hold = &live.hold;
        assert!(live.is_open(), "R33: a hold that has ended is not listed as open");
        assert!(hold.captured.total() <= hold.taken.split.total(), "I2: more is captured than is held");
        Self {
            hold: id,
            account: hold.account,
            worker: hold.worker,
            attribution: hold.attribution,
            held: hold.rest().total(),
            reserved_at: hold.reserved_at,
            ends_at: hold.ends_at,
        }
    }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// The first `limit` open holds after an id, in the order of their ids, as memory has them now.
    pub fn list_holds(&self, filter: &HoldFilter, after: HoldId, limit: usize) -> Vec<OpenHold> {
        let mut first = BTreeMap::new();
        self.holds.each_live(&self.wallets, |id, live| {
            if id > after && filter.takes(live) {
                first.insert(id, OpenHold::of(id, live));
                if first.len() > limit {
                    first.pop_last();
                }
            }
        });
        assert!(first.len() <= limit, "I9: a listing has a limit");
        assert!(first.keys().next().is_none_or(|first| *first > after), "a listing begins after what was listed");
        first.into_values().collect()
    }

    /// The first of a worker's open holds, of one account or of all, in the order of their ids, so that the same state gives
    /// the same records; at most [`WORKER_HOLDS_MAX`].
    pub fn holds_of_worker(&self, account: AccountId, worker: WorkerId) -> Vec<HoldId> {
        if worker.is_none() {
            return Vec::new();
        }
        let filter = HoldFilter { account, worker, made_by: Timestamp::NONE };
        // What is not pushed yet belongs to a request that is still being answered: the hold is made after this.
        let mut ids = BTreeSet::new();
        self.holds.each_live(&self.wallets, |id, live| {
            if filter.takes(live) && live.place.position().is_some() {
                ids.insert(id);
                if ids.len() > WORKER_HOLDS_MAX {
                    ids.pop_last();
                }
            }
        });
        assert!(ids.len() <= WORKER_HOLDS_MAX, "I9: what one walk finds has a limit");
        assert!(!ids.contains(&HoldId::NONE), "R22: a hold has an id");
        ids.into_iter().collect()
    }

    /// Releases those of at most [`SWEEP_HOLDS_MAX`] holds that are still a worker's and open, of one account or of all, and
    /// says how many. Room for as many has been taken before. The last record is [`Journal::pushed`] at that time or before.
    pub fn release_worker(
        &self,
        chunk: &mut Chunk,
        ids: &[HoldId],
        (account, worker): (AccountId, WorkerId),
        now: Now,
    ) -> usize {
        assert!(ids.len() <= SWEEP_HOLDS_MAX, "I9: a bulk release has a limit");
        assert!(!worker.is_none() || ids.is_empty(), "R31: holds without a worker are not released in bulk");
        let filter = HoldFilter { account, worker, made_by: Timestamp::NONE };
        let released = ids.iter().filter(|id| self.release_dead(chunk, **id, &filter, now)).count();
        self.push(chunk, now);
        assert!(released <= ids.len(), "I6: a hold ends once");
        released
    }

    /// What open holds may bring back into the buckets of a wallet, where a command gives it so much that this matters
    /// ([`is_large`]). It looks at every open hold: before anything is locked, and on a thread that no request waits for, but where the
    /// command's gift has changed meanwhile.
    pub(crate) fn held_beside(&self, gift: Option<(Bucket, Credits)>, slot: &Slot, now: Now) -> Split {
        if !gift.is_some_and(is_large) {
            return Split::ZERO;
        }
        let filter = HoldFilter { account: slot.account(), ..HoldFilter::default() };
        assert!(!filter.account.is_none(), "a wallet has an account");
        self.roll_if_due(slot, now);
        let (word, numbers) = (slot.word.load(), self.numbers(slot, now));
        let mut sum = Split::ZERO;
        self.holds.each_live(&self.wallets, |_, live| {
            if filter.takes(live) {
                let left = Slices { split: live.hold.rest(), ..live.hold.taken };
                assert!(live.slot.is_some(), "I4: an open hold without its wallet");
                sum = sum.plus(&running(&word, &left, &numbers));
            }
        });
        sum
    }

    fn release_dead(&self, chunk: &mut Chunk, id: HoldId, filter: &HoldFilter, now: Now) -> bool {
        // The wallet is rolled first, so that a slice of an ended period is forfeited and not returned (R24).
        let Some(mut held) = self.rolled(|| self.holds.find(id), now) else { return false };
        let Some(mut live) = held.live(&self.wallets) else { return false };
        let Some(index) = live.slot.filter(|_| filter.takes(&live)) else { return false };
        if live.place.position().is_none() {
            return false;
        }
        assert!(live.hold.worker == filter.worker, "R31: a hold of another worker");
        assert!(held.id() == id, "I5: the entry of another hold");
        let record = self.end_record(id, (&live, index), now);
        live.place = chunk.add(Record::ReleaseWorker(record), id);
        self.end(chunk, index, &mut live, &record.returned);
        held.put(live, now.daemon);
        true
    }

    /// The end of an open hold: what is left goes back where its period runs (R24).
    pub(crate) fn end_record(&self, id: HoldId, (live, index): (&Live, SlotIndex), now: Now) -> Return {
        let left = Slices { split: live.hold.rest(), ..live.hold.taken };
        let slot = self.wallets.slot(index);
        let returned = self.returnable(slot, &slot.word.load(), &left, now);
        let forfeited = left.split.minus(&returned);
        assert!(live.hold.account == slot.account(), "a hold of another wallet");
        assert!(returned.top_up == left.split.top_up, "R24: top-up credits always come back");
        Return { account: live.hold.account, hold: id, returned, forfeited, at: now.daemon }
    }
}
