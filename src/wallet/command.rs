//! Commands of operators and billing services (R13 to R16, R33): under the wallet's lock, each once by its id.

use dashmap::mapref::entry::Entry as MapEntry;

use crate::bucket::{Bucket, Slices, Split};
use crate::calendar::{ZONE_NAME_BYTES_MAX, same_zone};
use crate::correct::corrected;
use crate::credits::Credits;
use crate::engine::{Archive, ArchiveError, Engine, Journal, overloaded};
use crate::ids::{AccountId, CommandId, Now, Period, Position, Tier, Timestamp};
use crate::ledger::{CommandKey, CommandRow, command_key};
use crate::outcome::{Field, Outcome};
use crate::record::{Freeze, Grant, Issuer, Open, Record, SetSubscription, SubscriptionChange};
use crate::request::{Answer, Command, CommandOutcome, CommandRequest};
use crate::slot::{Cold, NewWallet, NoWallet, Slot, SlotIndex};
use crate::top_up::{Purchase, bought_again, confirm_again, differing_purchase};
use crate::word::{Bits, Numbers, Snapshot};
use crate::workers::is_large;

/// The longest name of a client and the longest reason of a command, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// The most records that a command pushes: a roll before it, its own, and a roll over a boundary that a new zone has
/// moved into the past.
pub const RECORDS_PER_COMMAND_MAX: u32 = 3;

/// A command that took effect: its record with its place, and what the caller is told.
pub(crate) type Executed = Result<(CommandRow, Answer), Answer>;

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Executes a command as [`Engine::command_outcome`] does, for callers that only want the answer.
    pub fn command(&self, request: &CommandRequest, now: Now) -> Answer {
        self.command_outcome(request, now).answer
    }

    /// Executes a command, once by its id. Room for [`RECORDS_PER_COMMAND_MAX`] records has been taken before. The answer
    /// may leave when [`Answer::needs`] is durable.
    pub fn command_outcome(&self, request: &CommandRequest, now: Now) -> CommandOutcome {
        let mut change = None;
        let answer = self.answer_command(request, &mut change, now);
        let took_effect = matches!(answer.outcome, Outcome::Done | Outcome::Replayed);
        assert!(change.is_none() || took_effect, "R13: a refusal that changed a subscription");
        assert!(change.is_none() || answer.needs > Position::NONE, "I3: what took effect rests on its record");
        CommandOutcome { answer, change }
    }

    fn answer_command(
        &self,
        request: &CommandRequest,
        change: &mut Option<Box<SubscriptionChange>>,
        now: Now,
    ) -> Answer {
        if let Some(field) = bad_field(request) {
            return Answer::bad_request(field);
        }
        let account = account_of(&request.command);
        let index = self.wallets.find(account);
        let bought = self.purchase(&request.command);
        if index.is_none() && !matches!(request.command, Command::OpenAccount { .. }) {
            return bought.err().unwrap_or_else(|| Answer::of(Outcome::UnknownAccount));
        }
        let key = key_of(request);
        assert!(request.id != CommandId::NONE, "R13: a command has an id");
        assert!(!account.is_none(), "R33: a command is about an account");
        // The disk, and all open holds beside a large gift, are looked at before anybody is kept out.
        let before = self.look_before(request, index, bought.as_ref().ok(), now);
        // The guard makes a command one step for everybody who comes with the same id; it is always taken before a
        // wallet's lock.
        let entry = self.commands.entry(key);
        let known = match &entry {
            MapEntry::Occupied(known) => Ok(Some(known.get().clone())),
            // Only what is flushed leaves memory: as long as no flush came in between, the disk still knows the same.
            MapEntry::Vacant(_) if self.archive.flushed() == before.flushed => before.known,
            MapEntry::Vacant(_) => self.archive.command(key),
        };
        let first = known.as_ref().ok().and_then(Option::as_ref).and_then(|first| again(request, first, now));
        let answer = match (known, first) {
            (Err(_), _) => overloaded(),
            (Ok(known), Some(first)) => {
                if first.outcome == Outcome::Replayed {
                    *change = known.as_ref().and_then(change_of);
                }
                first
            }
            (Ok(known), None) => match self.execute(request, index, (known, bought, &before.beside), now) {
                Ok((row, answer)) => {
                    let position = row.position;
                    assert!(command_key(&row.record) == Some(key), "R13: a command's record has its key");
                    *change = change_of(&row);
                    entry.insert(row);
                    answer.resting_on(position)
                }
                // A refusal rests on what other commands did: it leaves when all that was pushed is durable.
                Err(refused) => Answer { needs: self.journal.pushed(), ..refused },
            },
        };
        match self.wallets.find(account) {
            Some(index) => {
                let slot = self.wallets.slot(index);
                self.roll_if_due(slot, now);
                self.tell(answer, slot, &slot.word.load(), now)
            }
            None => answer,
        }
    }

    /// What is known of a command, and what open holds may bring back beside its gift, with nothing locked. A retry gives
    /// nothing.
    fn look_before(
        &self,
        request: &CommandRequest,
        index: Option<SlotIndex>,
        bought: Option<&Purchase<'_>>,
        now: Now,
    ) -> Before {
        // Read first: what is forgotten after this was flushed after this.
        let flushed = self.archive.flushed();
        let known = self.known_command(key_of(request));
        let row = known.as_ref().ok().and_then(Option::as_ref);
        let is_new = known.is_ok() && row.and_then(|row| again(request, row, now)).is_none();
        let gift = is_new.then(|| self.gift(&request.command, row, bought)).flatten();
        let held = index.map_or(Split::ZERO, |index| self.held_beside(gift, self.wallets.slot(index), now));
        assert!(gift.is_some() || held == Split::ZERO, "nothing is held beside nothing");
        assert!(self.archive.flushed() >= flushed, "I4: what is flushed stays");
        Before { flushed, known, beside: Beside { gift, held } }
    }

    /// Whether a command looks at all open holds before it gives: who calls does so on a thread that no request waits for.
    #[must_use]
    pub fn looks_at_all_holds(&self, request: &CommandRequest) -> bool {
        if bad_field(request).is_some() {
            return false;
        }
        let known = match request.command {
            // Its amount was said when it was announced.
            Command::ConfirmTopUp { .. } => self.known_command(key_of(request)).ok().flatten(),
            _ => None,
        };
        let bought = self.purchase(&request.command);
        let gift = self.gift(&request.command, known.as_ref(), bought.as_ref().ok());
        assert!(
            gift.is_none_or(|(_, amount)| amount <= crate::reserve::AMOUNT_MAX),
            "R33: a gift that no request may name"
        );
        gift.is_some_and(is_large)
    }

    /// What a command gives into which bucket.
    fn gift(
        &self,
        command: &Command,
        known: Option<&CommandRow>,
        bought: Option<&Purchase<'_>>,
    ) -> Option<(Bucket, Credits)> {
        assert!(!account_of(command).is_none(), "R33: a command is about an account");
        gift_of(command, known, bought).or_else(|| self.gift_of_plan(command))
    }

    /// A command that took effect, in memory or on disk.
    fn known_command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        // The guard must be gone before the disk is read: else everybody with an id beside this one would wait for it.
        let in_memory = self.commands.get(&key).map(|known| known.value().clone());
        let known = match in_memory {
            Some(known) => Some(known),
            None => self.archive.command(key)?,
        };
        let own = |row: &CommandRow| command_key(&row.record) == Some(key);
        assert!(known.as_ref().is_none_or(own), "R13: a command is remembered by its own id");
        assert!(known.as_ref().is_none_or(|row| row.position > Position::NONE), "I3: what is remembered has a place");
        Ok(known)
    }

    fn execute(
        &self,
        request: &CommandRequest,
        index: Option<SlotIndex>,
        (known, bought, beside): (Option<CommandRow>, Result<Purchase<'_>, Answer>, &Beside),
        now: Now,
    ) -> Executed {
        let issuer =
            Issuer { command: request.id, by: request.by.clone(), reason: request.reason.clone(), at: now.daemon };
        match (&request.command, index) {
            (Command::OpenAccount { account, zone }, _) => self.open(*account, zone, issuer, now),
            (_, None) => Err(Answer::of(Outcome::UnknownAccount)),
            (command, Some(index)) => {
                let moves_to = self.zone_of_command(command)?;
                let slot = self.wallets.slot(index);
                let gift = self.gift(command, known.as_ref(), bought.as_ref().ok());
                // A payment that was announced since then is another gift than the one that was looked at.
                let held = if gift == beside.gift { beside.held } else { self.held_beside(gift, slot, now) };
                let mut cold = slot.lock();
                self.roll_locked(slot, &mut cold, now);
                assert!(slot.account() == account_of(command), "a command about another wallet");
                let on = Locked { index, slot, cold: &mut cold, held };
                on.assert_in_step(self.debt_of(index));
                match command {
                    Command::OpenAccount { .. } => Err(Answer::of(Outcome::AccountExists)),
                    Command::Freeze { frozen, .. } => Ok(self.freeze(on, *frozen, issuer)),
                    Command::SetSubscription { amount, tier, ends_at, .. } => {
                        self.set_subscription(on, (*amount, *tier, *ends_at), issuer, now)
                    }
                    Command::Grant { bucket, amount, .. } => self.grant(on, (*bucket, *amount), issuer, now),
                    Command::TopUp { .. } | Command::TopUpBundle { pending: false, .. } => {
                        self.top_up(on, bought?, request, now)
                    }
                    Command::Clawback { amount, .. } => Ok(self.clawback(on, *amount, issuer)),
                    Command::PendingTopUp { .. } | Command::TopUpBundle { pending: true, .. } => {
                        self.announce_top_up(&on, bought?, request, now)
                    }
                    Command::ConfirmTopUp { .. } => self.confirm_top_up(on, known, request, now),
                    Command::Correct { bucket, amount, .. } => self.correct(&on, (*bucket, *amount), issuer, now),
                    Command::Subscribe { .. }
                    | Command::Renew { .. }
                    | Command::Cancel { .. }
                    | Command::Lapse { .. }
                    | Command::ChangePlan { .. }
                    | Command::SetZone { .. } => self.change_subscription(on, (command, moves_to), issuer, now),
                }
            }
        }
    }

    pub(crate) fn pushed(&self, record: Record) -> CommandRow {
        let position = self.journal.push(std::slice::from_ref(&record));
        assert!(position > Position::NONE, "a record has a place");
        assert!(position <= self.journal.pushed(), "I3: a place that was given out");
        CommandRow { record, position }
    }

    /// Opens an account (R7): nobody sees the wallet before its record has a place.
    fn open(&self, account: AccountId, zone: &str, issuer: Issuer, now: Now) -> Executed {
        let Ok(cohort) = self.cohorts.of(zone) else { return Err(Answer::bad_request(Field::Zone)) };
        let day = self.cohorts.today(cohort, now.daemon).day;
        assert!(!account.is_none(), "R2: an account has an id");
        let free = self.policies.read().allowance(day, Tier::NONE);
        let mut row = None;
        let added = self.wallets.add(account, || {
            let zone = self.cohorts.name(cohort);
            // Counted before anybody can see the wallet, and so before it can leave for another zone.
            self.cohorts.count_wallet(cohort, None);
            row = Some(self.pushed(Record::Open(Open { account, zone, day, issuer })));
            let available = Split { free, ..Split::ZERO };
            let word = Snapshot { available, day: Numbers::short_day(day), ..Snapshot::default() };
            NewWallet { word, cohort, period: Period(0), subscription: None, cold: Cold::default() }
        });
        assert!(added.is_ok() == row.is_some(), "R7: an account is opened by its record, and by nothing else");
        match (added, row) {
            (Ok(index), Some(row)) => {
                assert!(self.wallets.slot(index).account() == account, "R7: an account has its own wallet");
                Ok((row, Answer::of(Outcome::Done)))
            }
            (Err(NoWallet::Full), _) => Err(overloaded()),
            _ => Err(Answer::of(Outcome::AccountExists)),
        }
    }

    /// Freezes or unfreezes: push, then apply. Settlements are never stopped by it (R33).
    fn freeze(&self, on: Locked<'_>, frozen: bool, issuer: Issuer) -> (CommandRow, Answer) {
        let row = self.pushed(Record::Freeze(Freeze { account: on.slot.account(), frozen, issuer }));
        on.cold.frozen = frozen;
        on.show_attention();
        assert!(on.slot.word.load().attention || !frozen, "R33: a freeze is shown by the word");
        on.assert_in_step(self.debt_of(on.index));
        (row, Answer::of(Outcome::Done))
    }

    fn set_subscription(
        &self,
        on: Locked<'_>,
        (amount, tier, ends_at): (Credits, Tier, Timestamp),
        issuer: Issuer,
        now: Now,
    ) -> Executed {
        if ends_at != Timestamp::NONE && ends_at <= now.daemon {
            return Err(Answer::bad_request(Field::EndsAt));
        }
        let most = half(Bucket::Subscription);
        if amount > most {
            return Err(Answer::of(Outcome::BalanceLimit).with_amount(most));
        }
        let (slot, word, numbers) = (on.slot, on.slot.word.load(), self.numbers(on.slot, now));
        assert!(numbers.period == numbers.period_of(&word), "I7: the slot has the word's period while it is locked");
        let period = numbers.period_of(&word).next();
        let day = numbers.day_of(&word);
        let account = slot.account();
        assert!(tier > Tier::NONE && tier <= Tier::MAX, "R9: a subscription has a tier");
        assert!(period > slot.period(), "I7: a period that was used before");
        let record = SetSubscription { account, day, period, amount, tier, ends_at, issuer };
        let after = record.subscription();
        let row = self.pushed(Record::SetSubscription(record));
        let left = slot.word.transition(|word| {
            let mut next = *word;
            next.available.subscription = amount;
            next.period = Numbers::short_period(period);
            next.tier = tier;
            (Some(next), word.available.subscription)
        });
        self.resets.add_ended_period(left);
        slot.set_period(period);
        self.set_pending(slot, on.cold, None);
        slot.set_subscription(on.cold, Some(&after));
        self.wallets.note_cycle_end(on.index);
        assert!(slot.subscription(on.cold) == Some(after), "R9: a subscription is kept as its record says");
        after.assert_whole();
        on.assert_in_step(self.debt_of(on.index));
        Ok((row, Answer::of(Outcome::Done)))
    }

    fn grant(&self, mut on: Locked<'_>, (bucket, amount): (Bucket, Credits), issuer: Issuer, now: Now) -> Executed {
        let word = on.slot.word.load();
        if bucket == Bucket::Subscription && word.tier == Tier::NONE {
            return Err(Answer::of(Outcome::NotSubscribed));
        }
        let room = on.room(bucket);
        if amount > room {
            return Err(Answer::of(Outcome::BalanceLimit).with_amount(room));
        }
        let numbers = self.numbers(on.slot, now);
        let (day, period) = (numbers.day_of(&word), numbers.period_of(&word));
        // Who came with a later time may have published the next day meanwhile.
        assert!(day.0.saturating_add(1) >= numbers.day.0, "I7: a grant to a day that has ended");
        assert!(period == on.slot.period(), "I7: a grant to another period");
        assert!(!amount.is_zero(), "R33: a grant of nothing");
        let record = Grant { account: on.slot.account(), bucket, amount, day, period, issuer };
        let row = self.pushed(Record::Grant(record));
        self.give_locked(&mut on, &Slices { split: Split::only(bucket, amount), day, period }, now);
        let mut answer = Answer::of(Outcome::Done);
        answer.split = Split::only(bucket, amount);
        Ok((row, answer))
    }

    /// Gives a gift to running periods, under the lock.
    pub(crate) fn give_locked(&self, on: &mut Locked<'_>, slices: &Slices, now: Now) {
        let debt = self.debt_of(on.index);
        self.give_under_lock((on.index, on.slot), on.cold, slices, now);
        let owed = self.debt_of(on.index);
        assert!(owed == debt.saturating_sub(slices.split.top_up), "R16: what comes in repays debt first");
        on.assert_in_step(owed);
    }
}

/// What was looked up before a command's guard was taken.
struct Before {
    /// What was flushed before the rest was looked up.
    flushed: Position,
    known: Result<Option<CommandRow>, ArchiveError>,
    beside: Beside,
}

/// A gift, and what open holds may bring back beside it.
struct Beside {
    gift: Option<(Bucket, Credits)>,
    held: Split,
}

/// A wallet whose lock the caller holds.
pub(crate) struct Locked<'a> {
    pub(crate) index: SlotIndex,
    pub(crate) slot: &'a Slot,
    pub(crate) cold: &'a mut Cold,
    /// What open holds may bring back, where the command's gift is large enough for that to matter.
    pub(crate) held: Split,
}

impl Locked<'_> {
    /// The wallet is in step with itself and with what it owes: before a command, and after it.
    pub(crate) fn assert_in_step(&self, debt: Credits) {
        self.slot.assert_in_step(self.cold);
        assert!(self.cold.in_debt != debt.is_zero(), "R16: the cold side knows whether there is debt");
    }

    /// The largest gift that is taken: it fills the field up to its half, and together with what open holds may bring back
    /// never more than the field.
    pub(crate) fn room(&self, bucket: Bucket) -> Credits {
        let available = self.slot.word.load().available.of(bucket);
        let beside_holds = Bits::WIDE.most().of(bucket).saturating_sub(available + self.held.of(bucket));
        let room = half(bucket).saturating_sub(available).min(beside_holds);
        assert!(available + room <= half(bucket).max(available), "R33: a gift beyond half a field");
        assert!(room <= crate::reserve::AMOUNT_MAX, "R33: a gift that no request may name");
        room
    }

    fn show_attention(&self) {
        let attention = self.cold.frozen || self.cold.in_debt;
        self.slot.word.transition(|word| (Some(Snapshot { attention, ..*word }), ()));
    }
}

/// What a command gives into which bucket, if it gives an amount that somebody chose.
fn gift_of(command: &Command, known: Option<&CommandRow>, bought: Option<&Purchase<'_>>) -> Option<(Bucket, Credits)> {
    match (command, known.map(|row| &row.record)) {
        (Command::Grant { bucket, amount, .. }, _) => Some((*bucket, *amount)),
        (Command::ConfirmTopUp { .. }, Some(Record::PendingTopUp(pending))) => Some((Bucket::TopUp, pending.amount)),
        (Command::TopUp { .. } | Command::PendingTopUp { .. } | Command::TopUpBundle { .. }, _) => {
            bought.map(|bought| (Bucket::TopUp, bought.amount()))
        }
        _ => None,
    }
}

/// Gifts are taken up to half a field, so that returns of the running period always fit beside them.
pub(crate) fn half(bucket: Bucket) -> Credits {
    Credits::from_millis(Bits::WIDE.most().of(bucket).millis() / 2)
}

fn key_of(request: &CommandRequest) -> CommandKey {
    match request.command {
        _ if pays(&request.command) => CommandKey::Payment(request.payment()),
        _ => CommandKey::Command(request.id),
    }
}

/// Whether a command is known by its payment (R14), not by an id of its own.
const fn pays(command: &Command) -> bool {
    matches!(
        command,
        Command::TopUp { .. }
            | Command::PendingTopUp { .. }
            | Command::ConfirmTopUp { .. }
            | Command::TopUpBundle { .. }
    )
}

pub(crate) const fn account_of(command: &Command) -> AccountId {
    match command {
        Command::OpenAccount { account, .. }
        | Command::Freeze { account, .. }
        | Command::SetSubscription { account, .. }
        | Command::Grant { account, .. }
        | Command::TopUp { account, .. }
        | Command::Clawback { account, .. }
        | Command::PendingTopUp { account, .. }
        | Command::ConfirmTopUp { account }
        | Command::TopUpBundle { account, .. }
        | Command::Correct { account, .. }
        | Command::Subscribe { account, .. }
        | Command::Renew { account, .. }
        | Command::Cancel { account, .. }
        | Command::Lapse { account }
        | Command::ChangePlan { account, .. }
        | Command::SetZone { account, .. } => *account,
    }
}

fn bad_field(request: &CommandRequest) -> Option<Field> {
    let payment = pays(&request.command);
    let amount = match &request.command {
        Command::SetSubscription { amount, .. } => Some((*amount, Credits::ZERO)),
        Command::Grant { amount, .. }
        | Command::TopUp { amount, .. }
        | Command::Clawback { amount, .. }
        | Command::PendingTopUp { amount, .. }
        | Command::Correct { amount, .. } => Some((*amount, Credits::from_millis(1))),
        Command::OpenAccount { .. }
        | Command::Freeze { .. }
        | Command::ConfirmTopUp { .. }
        | Command::TopUpBundle { .. }
        | Command::Subscribe { .. }
        | Command::Renew { .. }
        | Command::Cancel { .. }
        | Command::Lapse { .. }
        | Command::ChangePlan { .. }
        | Command::SetZone { .. } => None,
    };
    let tier_fits = match &request.command {
        Command::SetSubscription { tier, .. } => *tier > Tier::NONE && *tier <= Tier::MAX,
        _ => true,
    };
    let zone_fits = match &request.command {
        Command::OpenAccount { zone, .. } | Command::SetZone { zone, .. } => zone.len() <= ZONE_NAME_BYTES_MAX,
        _ => true,
    };
    let plan_fits = match &request.command {
        Command::Subscribe { plan, .. } | Command::ChangePlan { plan, .. } => !plan.is_none(),
        _ => true,
    };
    let id_field = if payment { Field::Payment } else { Field::Command };
    match () {
        () if request.id == CommandId::NONE => Some(id_field),
        () if account_of(&request.command).is_none() => Some(Field::Account),
        () if amount.is_some_and(|(amount, least)| amount < least || amount > crate::reserve::AMOUNT_MAX) => {
            Some(Field::Amount)
        }
        () if !tier_fits => Some(Field::Tier),
        () if !zone_fits => Some(Field::Zone),
        () if !plan_fits => Some(Field::Plan),
        () if request.reason.len() > TEXT_BYTES_MAX || request.by.len() > TEXT_BYTES_MAX => Some(Field::Reason),
        () => None,
    }
}

/// A command id that is known: the first answer again, or the field that differs (R13). Nothing for a confirmation that
/// is to be executed now.
fn again(request: &CommandRequest, row: &CommandRow, now: Now) -> Option<Answer> {
    assert!(row.position > Position::NONE, "I3: what is remembered has a place");
    if let Command::ConfirmTopUp { account } = request.command {
        return confirm_again(account, row, now.daemon);
    }
    let answer = match differing_field(request, &row.record) {
        None => first_answer(&row.record).replayed(),
        Some(field) if pays(&request.command) => Answer::reused(Outcome::PaymentReused, field),
        Some(field) => Answer::reused(Outcome::CommandIdReused, field),
    };
    Some(answer.resting_on(row.position))
}

fn change_of(row: &CommandRow) -> Option<Box<SubscriptionChange>> {
    match &row.record {
        Record::Subscription(change) => Some(change.clone()),
        _ => None,
    }
}

/// What a command told first (R13).
fn first_answer(record: &Record) -> Answer {
    let mut answer = Answer::of(Outcome::Done);
    match record {
        Record::Grant(grant) => answer.split = Split::only(grant.bucket, grant.amount),
        Record::Clawback(clawback) => {
            answer.split = Split::only(Bucket::TopUp, clawback.taken);
            answer.amount = clawback.debt;
        }
        Record::Correct(correct) => answer = corrected(correct.bucket, correct.amount),
        Record::Subscription(change) => answer.split = Split::only(Bucket::Subscription, change.amount),
        other => answer = bought_again(other).unwrap_or(answer),
    }
    assert!(answer.outcome == Outcome::Done, "R13: what is remembered took effect");
    answer
}

fn differing_field(request: &CommandRequest, record: &Record) -> Option<Field> {
    let account = account_of(&request.command);
    let pick = |checks: &[(bool, Field)]| checks.iter().find(|(same, _)| !same).map(|(_, field)| *field);
    match (&request.command, record) {
        (Command::OpenAccount { zone, .. }, Record::Open(first)) => {
            pick(&[(account == first.account, Field::Account), (same_zone(zone, &first.zone), Field::Zone)])
        }
        (Command::Freeze { frozen, .. }, Record::Freeze(first)) => {
            pick(&[(account == first.account, Field::Account), (*frozen == first.frozen, Field::Frozen)])
        }
        (Command::SetSubscription { amount, tier, ends_at, .. }, Record::SetSubscription(first)) => pick(&[
            (account == first.account, Field::Account),
            (*amount == first.amount, Field::Amount),
            (*tier == first.tier, Field::Tier),
            (*ends_at == first.ends_at, Field::EndsAt),
        ]),
        (Command::Grant { bucket, amount, .. }, Record::Grant(first)) => pick(&[
            (account == first.account, Field::Account),
            (*bucket == first.bucket, Field::Bucket),
            (*amount == first.amount, Field::Amount),
        ]),
        (Command::Clawback { amount, .. }, Record::Clawback(first)) => {
            pick(&[(account == first.account, Field::Account), (*amount == first.amount, Field::Amount)])
        }
        (Command::Correct { bucket, amount, .. }, Record::Correct(first)) => pick(&[
            (account == first.account, Field::Account),
            (*bucket == first.bucket, Field::Bucket),
            (*amount == first.requested, Field::Amount),
        ]),
        (command, record) if pays(command) => differing_purchase(command, record),
        (command, Record::Subscription(first)) => crate::plan_command::differing_field(command, first),
        _ => Some(Field::Command),
    }
}
