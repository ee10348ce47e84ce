//! Top-ups (R14 to R16): credits that were bought, those that wait for their payment, and chargebacks.
//!
//! A payment has one purchase for the life of the account. A pending one needs what a top-up needs when it is
//! announced; its confirmation needs nothing but that it still waits, because the payment was accepted while it was
//! allowed: a lapse in between does not keep the money without the credits.

use std::collections::{BTreeSet, HashMap};

use crate::bucket::{Bucket, Slices, Split};
use crate::chores::{Chore, LOOK_AGAIN_MS};
use crate::command::{Executed, Locked};
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{AccountId, Now, PaymentId, Position, Timestamp};
use crate::ledger::{CommandKey, CommandRow};
use crate::outcome::{Field, Outcome};
use crate::record::{Clawback, ConfirmTopUp, DropTopUp, Issuer, PendingTopUp, Record, TopUp};
use crate::request::{Answer, Command, CommandRequest};
use crate::row::{PENDING_TOP_UPS_MAX, Pending, add_pending};
use crate::settings::DAY_MS;
use crate::slot::SlotIndex;

/// How long a pending top-up waits for its payment, in milliseconds (R14).
pub const PENDING_TOP_UP_MS: u64 = 30 * DAY_MS;

/// Pending top-ups that one call of [`Engine::drop_pending`] ends, at most: as many records.
pub const PENDING_DROPS_MAX: usize = 64;

const _: () = assert!(PENDING_TOP_UPS_MAX <= PENDING_DROPS_MAX, "R14: one call drops all that a wallet can have");

/// The detail of `limit`: too many pending top-ups of one wallet.
pub const LIMIT_PENDING_TOP_UPS: u32 = 6;

/// The pending top-ups of all wallets; few have any.
#[derive(Debug, Default)]
pub(crate) struct PendingTopUps {
    by_wallet: HashMap<SlotIndex, Vec<Pending>>,
    ends: BTreeSet<(Timestamp, PaymentId, SlotIndex)>,
}

impl PendingTopUps {
    /// What waits for its payment at that instant.
    pub(crate) fn of(&self, index: SlotIndex, now: Timestamp) -> Vec<Pending> {
        let known = self.by_wallet.get(&index).map_or(&[][..], Vec::as_slice);
        assert!(known.len() <= PENDING_TOP_UPS_MAX, "R14: a wallet has at most 16 pending top-ups");
        assert!(known.iter().all(|one| one.ends_at >= one.at), "R14: a pending top-up ends after it was announced");
        known.iter().copied().filter(|pending| pending.ends_at > now).collect()
    }

    pub(crate) fn add(&mut self, index: SlotIndex, pending: Pending) {
        let list = self.by_wallet.entry(index).or_default();
        assert!(pending.ends_at >= pending.at, "R14: a pending top-up ends after it was announced");
        for ended in list.iter().filter(|known| known.ends_at <= pending.at) {
            let noted = self.ends.remove(&(ended.ends_at, ended.payment, index));
            assert!(noted, "R14: every pending top-up has its end noted");
        }
        add_pending(list, pending);
        let new = self.ends.insert((pending.ends_at, pending.payment, index));
        assert!(new, "R14: a payment waits once");
        self.assert_noted();
    }

    fn remove(&mut self, index: SlotIndex, payment: PaymentId) {
        let Some(list) = self.by_wallet.get_mut(&index) else { return };
        for gone in list.extract_if(.., |known| known.payment == payment) {
            let noted = self.ends.remove(&(gone.ends_at, payment, index));
            assert!(noted, "R14: every pending top-up has its end noted");
        }
        if list.is_empty() {
            self.by_wallet.remove(&index);
        }
        self.assert_noted();
    }

    /// R14: as far as it can be told at once, what waits has its end noted, and nothing else has.
    fn assert_noted(&self) {
        assert!(self.ends.len() >= self.by_wallet.len(), "R14: a wallet whose pending top-ups have no end");
        assert!(self.ends.is_empty() == self.by_wallet.is_empty(), "R14: an end of a top-up that does not wait");
    }

    /// When the next of them ends; [`Timestamp::NEVER`] without one.
    pub(crate) fn next_end(&self) -> Timestamp {
        self.ends.first().map_or(Timestamp::NEVER, |(ends_at, ..)| *ends_at)
    }

    fn ended(&self, now: Timestamp) -> Vec<(PaymentId, SlotIndex)> {
        let ended = self.ends.iter().take_while(|(ends_at, ..)| *ends_at <= now);
        let ended: Vec<_> = ended.take(PENDING_DROPS_MAX).map(|(_, payment, index)| (*payment, *index)).collect();
        assert!(ended.len() <= PENDING_DROPS_MAX, "I9: what is dropped at once has a limit");
        assert!(!ended.is_empty() || self.next_end() > now, "R14: a pending top-up that has ended is dropped");
        ended
    }
}

/// What is bought: an amount, and the bundle that named it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purchase<'a> {
    amount: Credits,
    bundle: &'a str,
}

impl Purchase<'_> {
    pub(crate) const fn amount(&self) -> Credits {
        self.amount
    }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// What a command buys, a bundle by the catalogue of now; nothing where it buys nothing.
    pub(crate) fn purchase<'a>(&self, command: &'a Command) -> Result<Purchase<'a>, Answer> {
        let (amount, bundle) = match command {
            Command::TopUp { amount, .. } | Command::PendingTopUp { amount, .. } => (Some(*amount), ""),
            Command::TopUpBundle { bundle, .. } => {
                (self.plans.read().bundle(bundle).map(|found| found.credits), bundle.as_str())
            }
            _ => (Some(Credits::ZERO), ""),
        };
        let amount = amount.ok_or_else(|| Answer::bad_request(Field::Bundle))?;
        assert!(amount <= crate::reserve::AMOUNT_MAX, "R14: a purchase that no wallet holds");
        Ok(Purchase { amount, bundle })
    }

    /// Adds bought credits; they repay debt first (R14, R16).
    pub(crate) fn top_up(
        &self,
        mut on: Locked<'_>,
        Purchase { amount, bundle }: Purchase<'_>,
        request: &CommandRequest,
        now: Now,
    ) -> Executed {
        self.allowed(&on, amount)?;
        self.fits(&on, amount)?;
        assert!(!request.payment().is_none(), "R14: a purchase has a payment");
        assert!(!amount.is_zero(), "R14: a purchase of nothing");
        let record = TopUp {
            account: on.slot.account(),
            payment: request.payment(),
            amount,
            bundle: bundle.to_owned(),
            by: request.by.clone(),
            at: now.daemon,
        };
        let row = self.pushed(Record::TopUp(record));
        Ok((row, self.bought(&mut on, amount, now)))
    }

    /// Notes a top-up whose payment has not arrived: listed, not spendable (R14).
    pub(crate) fn announce_top_up(
        &self,
        on: &Locked<'_>,
        Purchase { amount, bundle }: Purchase<'_>,
        request: &CommandRequest,
        now: Now,
    ) -> Executed {
        self.allowed(on, amount)?;
        if self.top_ups.lock().of(on.index, now.daemon).len() >= PENDING_TOP_UPS_MAX {
            return Err(Answer { detail: LIMIT_PENDING_TOP_UPS, ..Answer::of(Outcome::Limit) });
        }
        self.fits(on, amount)?;
        let record = PendingTopUp {
            account: on.slot.account(),
            payment: request.payment(),
            amount,
            bundle: bundle.to_owned(),
            by: request.by.clone(),
            at: now.daemon,
            ends_at: now.daemon.plus_millis(PENDING_TOP_UP_MS),
        };
        assert!(record.ends_at > record.at, "R14: a pending top-up waits for its payment");
        assert!(!record.payment.is_none(), "R14: a purchase has a payment");
        let pending = Pending::of(&record);
        let row = self.pushed(Record::PendingTopUp(record));
        self.top_ups.lock().add(on.index, pending);
        self.chores.note_by(Chore::DropPending, pending.ends_at);
        on.assert_in_step(self.debt_of(on.index));
        Ok((row, Answer::of(Outcome::Done).with_amount(amount)))
    }

    /// The payment of a pending top-up has arrived. It needs no subscription any more: see the head of this file.
    pub(crate) fn confirm_top_up(
        &self,
        mut on: Locked<'_>,
        known: Option<CommandRow>,
        request: &CommandRequest,
        now: Now,
    ) -> Executed {
        let Some(CommandRow { record: Record::PendingTopUp(pending), .. }) = known else {
            return Err(Answer::of(Outcome::UnknownPayment));
        };
        let PendingTopUp { account, payment, amount, bundle, .. } = pending;
        assert!(account == on.slot.account(), "R14: a payment of another account");
        assert!(payment == request.payment(), "R14: the confirmation of another payment");
        self.fits(&on, amount)?;
        let record = ConfirmTopUp { account, payment, amount, bundle, by: request.by.clone(), at: now.daemon };
        let row = self.pushed(Record::ConfirmTopUp(record));
        self.top_ups.lock().remove(on.index, payment);
        Ok((row, self.bought(&mut on, amount, now)))
    }

    /// Whether a top-up of this amount is allowed now: with a subscription whose plan allows it, or to repay debt alone
    /// (R14, R16).
    fn allowed(&self, on: &Locked<'_>, amount: Credits) -> Result<(), Answer> {
        let word = on.slot.word.load();
        assert!(!amount.is_zero(), "R14: a purchase of nothing");
        assert!(word.attention || !on.cold.in_debt, "R16: debt shows the attention bit");
        let allowed = self.top_up_allowed(on.slot, &word) || amount <= self.debt_of(on.index);
        if allowed { Ok(()) } else { Err(Answer::of(Outcome::SubscriptionRequired)) }
    }

    /// What repays debt does not stay, so it needs no place (R16).
    fn fits(&self, on: &Locked<'_>, amount: Credits) -> Result<(), Answer> {
        let (debt, room) = (self.debt_of(on.index), on.room(Bucket::TopUp));
        assert!(on.cold.in_debt || debt.is_zero(), "R16: a debt that the cold side does not know of");
        if amount.saturating_sub(debt) <= room {
            return Ok(());
        }
        assert!(amount > debt, "R16: what repays debt needs no place");
        Err(Answer::of(Outcome::BalanceLimit).with_amount(room + debt))
    }

    fn bought(&self, on: &mut Locked<'_>, amount: Credits, now: Now) -> Answer {
        let split = Split::only(Bucket::TopUp, amount);
        let debt = self.debt_of(on.index);
        self.give_locked(on, &Slices { split, ..Slices::default() }, now);
        assert!(self.debt_of(on.index) == debt.saturating_sub(amount), "R16: what is bought repays debt first");
        let mut answer = Answer::of(Outcome::Done);
        answer.split = split;
        answer
    }

    /// Takes bought credits back; what is not there is debt (R16). A take: word and debt first, then the record.
    pub(crate) fn clawback(&self, on: Locked<'_>, amount: Credits, issuer: Issuer) -> (CommandRow, Answer) {
        assert!(!amount.is_zero(), "R16: a clawback of nothing");
        let taken = on.slot.word.transition(|word| {
            let taken = word.available.top_up.min(amount);
            let mut next = *word;
            next.available.top_up -= taken;
            next.attention |= taken < amount;
            assert!(taken == amount || next.available.top_up.is_zero(), "R16: debt beside top-up credits");
            (Some(next), taken)
        });
        let owed = amount - taken;
        if !owed.is_zero() {
            *self.debts.lock().entry(on.index).or_default() += owed;
            on.cold.in_debt = true;
        }
        let debt = self.debt_of(on.index);
        assert!(debt >= owed, "R16: what is not there is debt");
        on.assert_in_step(debt);
        let row = self.pushed(Record::Clawback(Clawback { account: on.slot.account(), amount, taken, debt, issuer }));
        let mut answer = Answer::of(Outcome::Done).with_amount(debt);
        answer.split = Split::only(Bucket::TopUp, taken);
        (row, answer)
    }

    /// Ends pending top-ups whose time is over, up to [`PENDING_DROPS_MAX`], and says how many (R14). Room for as many
    /// records has been taken before.
    pub fn drop_pending(&self, now: Now) -> usize {
        let ended = self.top_ups.lock().ended(now.daemon);
        let dropped = ended.iter().filter(|(payment, index)| self.drop_top_up(*payment, *index, now)).count();
        assert!(dropped <= PENDING_DROPS_MAX, "I9: what is dropped at once has a limit");
        // What could not be dropped is not tried again at once; one that is announced meanwhile ends later than the rest.
        let retry = if dropped < ended.len() { now.daemon.plus_millis(LOOK_AGAIN_MS) } else { Timestamp::NONE };
        let top_ups = self.top_ups.lock();
        self.chores.note(Chore::DropPending, top_ups.next_end().max(retry));
        drop(top_ups);
        dropped
    }

    fn drop_top_up(&self, payment: PaymentId, index: SlotIndex, now: Now) -> bool {
        // The guard keeps commands about the payment out, as theirs do.
        let key = CommandKey::Payment(payment);
        let entry = self.commands.entry(key);
        let known = match &entry {
            dashmap::Entry::Occupied(known) => Ok(Some(known.get().clone())),
            dashmap::Entry::Vacant(_) => self.archive.command(key),
        };
        // What cannot be read now is looked at again a little later.
        let Ok(known) = known else { return false };
        let Some(CommandRow { record: Record::PendingTopUp(pending), .. }) = known else { return false };
        let PendingTopUp { account, amount, bundle, .. } = pending;
        assert!(pending.payment == payment, "R14: the end of another payment");
        assert!(pending.ends_at <= now.daemon, "R14: a pending top-up waits until its end");
        assert!(account == self.wallets.slot(index).account(), "R14: a payment of another account");
        let row = self.pushed(Record::DropTopUp(DropTopUp { account, payment, amount, bundle, at: now.daemon }));
        self.top_ups.lock().remove(index, payment);
        entry.insert(row);
        true
    }
}

/// What is answered to a confirmation of a payment that is known; nothing for one that waits: it is confirmed now.
pub(crate) fn confirm_again(account: AccountId, first: &CommandRow, now: Timestamp) -> Option<Answer> {
    assert!(first.position > Position::NONE, "I3: what is remembered has a place");
    let purchase = purchase(&first.record)?;
    let answer = match &first.record {
        _ if purchase.account != account => Answer::reused(Outcome::PaymentReused, Field::Account),
        Record::PendingTopUp(pending) if pending.ends_at > now => return None,
        Record::ConfirmTopUp(confirm) => {
            let mut first = Answer::of(Outcome::Done);
            first.split = Split::only(Bucket::TopUp, confirm.amount);
            first.replayed()
        }
        _ => Answer::of(Outcome::NotPending),
    };
    Some(answer.resting_on(first.position))
}

/// What was bought with a payment, whatever has become of it.
struct Known<'a> {
    account: AccountId,
    amount: Credits,
    bundle: &'a str,
    pending: bool,
}

fn purchase(record: &Record) -> Option<Known<'_>> {
    let (account, amount, bundle, pending) = match record {
        Record::TopUp(TopUp { account, amount, bundle, .. }) => (account, amount, bundle, false),
        Record::PendingTopUp(PendingTopUp { account, amount, bundle, .. })
        | Record::ConfirmTopUp(ConfirmTopUp { account, amount, bundle, .. })
        | Record::DropTopUp(DropTopUp { account, amount, bundle, .. }) => (account, amount, bundle, true),
        _ => return None,
    };
    assert!(!account.is_none(), "R14: a purchase is an account's");
    assert!(!amount.is_zero(), "R14: a purchase of nothing");
    Some(Known { account: *account, amount: *amount, bundle, pending })
}

/// What a purchase told first, for its retry; nothing for other commands.
pub(crate) fn bought_again(record: &Record) -> Option<Answer> {
    let first = purchase(record)?;
    let mut answer = Answer::of(Outcome::Done);
    if first.pending {
        answer.amount = first.amount;
    } else {
        answer.split = Split::only(Bucket::TopUp, first.amount);
    }
    Some(answer)
}

/// The field in which a purchase differs from the one that its payment belongs to; the catalogue of now does not matter.
pub(crate) fn differing_purchase(command: &Command, record: &Record) -> Option<Field> {
    let (account, amount, bundle, pending) = match command {
        Command::TopUp { account, amount } => (account, Some(*amount), "", false),
        Command::PendingTopUp { account, amount } => (account, Some(*amount), "", true),
        Command::TopUpBundle { account, bundle, pending } => (account, None, bundle.as_str(), *pending),
        _ => return Some(Field::Command),
    };
    let Some(first) = purchase(record) else { return Some(Field::Command) };
    match () {
        () if first.account != *account => Some(Field::Account),
        () if amount.is_some_and(|amount| first.amount != amount) => Some(Field::Amount),
        () if first.bundle != bundle => Some(Field::Bundle),
        () if first.pending != pending => Some(Field::Pending),
        () => None,
    }
}
