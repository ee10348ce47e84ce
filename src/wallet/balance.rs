//! What people see of a wallet (R4): views of memory, which a crash can undo (I3).

use crate::bucket::Split;
use crate::chunk::Chunk;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal, Wait};
use crate::hold::Hold;
use crate::ids::{AccountId, Day, HoldId, Now, Period, Position, Tier, Timestamp};
use crate::outcome::Outcome;
use crate::request::Answer;
use crate::row::{Pending, Row};
use crate::subscription::{PendingChange, Subscription};

/// A wallet as memory has it now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalletView {
    /// The IANA name of its zone.
    pub zone: String,
    /// What reserves could take now, all of them together.
    pub available: Split,
    /// What it owes.
    pub debt: Credits,
    /// Whether new reserves are refused.
    pub frozen: bool,
    /// The tier.
    pub tier: Tier,
    /// The running day in its zone.
    pub day: Day,
    /// The running period of the subscription bucket.
    pub period: Period,
    /// When the running cycle ends, by a new one or a lapse; zero for never.
    pub cycle_ends_at: Timestamp,
    /// When the next reset that brings credits comes; zero for none.
    pub next_reset_at: Timestamp,
    /// The active subscription.
    pub subscription: Option<Subscription>,
    /// The change of plan that waits for the next boundary (R12).
    pub pending: Option<PendingChange>,
    /// Top-ups that wait for their payment (R14).
    pub pending_top_ups: Vec<Pending>,
}

/// Why a hold cannot be shown yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoView {
    /// Its entry is in flight on another task: let it run, then call again.
    Yield,
    /// Call again when the projections have reached this position.
    Projected(Position),
    /// The projections cannot be read.
    Unreadable,
}

/// What the operator's gauges show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gauges {
    /// Wallets.
    pub wallets: u64,
    /// Open holds.
    pub holds_open: u64,
    /// Holds in memory, ended ones included.
    pub holds_remembered: u64,
    /// An instant before which no open hold comes to its end.
    pub next_hold_end: Option<Timestamp>,
    /// When the oldest open hold was opened, to the second.
    pub oldest_open_hold_at: Option<Timestamp>,
    /// Ids whose own time is earlier are forgotten.
    pub id_bound: Timestamp,
    /// Timers of hold ends: as many as there are open holds, when nothing is under way.
    pub hold_timers: u64,
    /// Timers of cycle ends and lapses: one a subscription that has an end.
    pub cycle_timers: u64,
    /// Timers of the ends of days: one a zone that a wallet has been in since the start.
    pub day_timers: u64,
    /// Timers of housekeeping: see [`crate::chores`].
    pub chore_timers: u64,
    /// An instant before which no cycle ends and no subscription lapses.
    pub next_cycle_end: Option<Timestamp>,
}

impl<J: Journal, A: Archive> Engine<J, A> {
    pub(crate) fn balance(&self, account: AccountId, now: Now) -> Answer {
        let Some(index) = self.wallets.find(account) else { return Answer::of(Outcome::UnknownAccount) };
        let slot = self.wallets.slot(index);
        assert!(slot.account() == account, "the wallet of another account");
        self.roll_if_due(slot, now);
        let word = slot.word.load();
        let mut answer = Answer::of(Outcome::Done);
        // Only a wallet that wants attention can be in debt.
        answer.amount = if word.attention { self.debt_of(index) } else { Credits::ZERO };
        answer.detail = u32::from(word.tier.0);
        answer.time = none_for_never(slot.cycle_ends_at());
        self.tell(answer, slot, &word, now)
    }

    /// A wallet as memory has it now, rolled over every boundary that has passed.
    pub fn wallet_view(&self, account: AccountId, now: Now) -> Option<WalletView> {
        let index = self.wallets.find(account)?;
        let slot = self.wallets.slot(index);
        // The lock is held, so that the word and the cold side are of one moment, but for takes and gives.
        let mut cold = slot.lock();
        self.roll_locked(slot, &mut cold, now);
        let word = slot.word.load();
        let numbers = self.numbers(slot, now);
        let told = self.tell(Answer::of(Outcome::Done), slot, &word, now);
        let mut available = told.available;
        if cold.in_debt {
            // What has come to wait beside the word since the roll above repays debt with the next.
            available.top_up = word.available.top_up;
        }
        assert!(word.available.at_most(&available) == word.available, "I8: what is in the word is there");
        assert!(slot.account() == account, "the wallet of another account");
        slot.assert_in_step(&cold);
        assert!(cold.in_debt != self.debt_of(index).is_zero(), "R16: the cold side knows whether there is debt");
        Some(WalletView {
            zone: self.cohorts.name(slot.cohort()),
            available,
            debt: if cold.in_debt { self.debt_of(index) } else { Credits::ZERO },
            frozen: cold.frozen,
            tier: word.tier,
            day: numbers.day_of(&word),
            period: numbers.period_of(&word),
            cycle_ends_at: none_for_never(slot.cycle_ends_at()),
            next_reset_at: told.next_reset_at,
            subscription: slot.subscription(&cold),
            pending: self.pending_change(slot, &cold),
            pending_top_ups: self.top_ups.lock().of(index, now.daemon),
        })
    }

    /// Rolls a copy of a row to the day of the wallet beside which it is shown: a day that has ended since the row's last
    /// record counts as expired there too.
    pub fn roll_row(&self, row: &mut Row, wallet: &WalletView) {
        row.roll_day(wallet.day, &self.policies.read());
    }

    /// A hold with everything that has become of it, and the position that must be durable before it is told. Room for the
    /// record of rolling its wallet has been taken before.
    ///
    /// # Errors
    /// What to wait for before calling again, or that the disk cannot be read.
    pub fn hold_view(&self, chunk: &Chunk, id: HoldId, now: Now) -> Result<Option<(Hold, Position)>, NoView> {
        let found = self.find(chunk, id, now).map_err(|wait| match wait {
            Wait::Projected(position) => NoView::Projected(position),
            Wait::OwnUnit | Wait::Elsewhere => NoView::Yield,
            Wait::Unreadable => NoView::Unreadable,
        })?;
        let Some((mut held, live)) = found else { return Ok(None) };
        assert!(held.id() == id, "I5: the entry of another hold");
        assert!(live.place == held.place(), "I5: a hold is where its entry says");
        let place = held.place().position().unwrap_or_default();
        let hold = live.hold.clone();
        held.put(live, now.daemon);
        Ok(Some((hold, place)))
    }

    /// The operator's gauges.
    pub fn gauges(&self) -> Gauges {
        let (next_cycle_end, cycle_timers) = self.wallets.next_cycle_end();
        Gauges {
            wallets: self.wallets.count(),
            holds_open: self.holds.open(),
            holds_remembered: self.holds.entries(),
            next_hold_end: self.holds.open_holds.next_end(),
            oldest_open_hold_at: self.holds.oldest_open(),
            // Relaxed: a gauge.
            id_bound: Timestamp(self.id_bound.load(crate::sync::Ordering::Relaxed)),
            hold_timers: self.holds.open_holds.noted(),
            cycle_timers,
            day_timers: self.cohorts.next_day_end().1,
            chore_timers: self.chores.count(),
            next_cycle_end,
        }
    }
}

fn none_for_never(at: Timestamp) -> Timestamp {
    if at == Timestamp::NEVER { Timestamp::NONE } else { at }
}
