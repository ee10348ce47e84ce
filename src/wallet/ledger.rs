//! The meaning of records: the one path by which a record changes rows and holds, live behind the journal, at
//! replay and in the simulation (I8). It reads no clock, no time zone, no configuration.

use thiserror::Error;

use crate::bucket::{Bucket, Slices, Split};
use crate::credits::Credits;
use crate::hold::{Hold, HoldState};
use crate::ids::{AccountId, CommandId, Day, HoldId, PaymentId, Period, Position, Timestamp};
use crate::policy::FreePolicies;
use crate::record::{
    Capture, Clawback, ConfirmTopUp, Correct, CycleRoll, DropTopUp, Grant, Issuer, LateCapture, Open, PendingTopUp,
    Record, Refund, Reserve, Return, SetSubscription, SubscriptionChange, TopUp,
};
use crate::row::{Pending, Row, add_signed};

/// Where rows and holds are while records are applied: the projections, or plain maps in a test.
pub trait Books {
    /// The row of an account, and the journaled allowances beside it.
    fn row(&mut self, account: AccountId) -> Option<(&mut Row, &FreePolicies)>;
    /// Adds the row of a new account.
    fn insert_row(&mut self, row: Row);
    /// A hold, open or ended.
    fn hold(&mut self, id: HoldId) -> Option<&mut Hold>;
    /// Adds a hold.
    fn insert_hold(&mut self, id: HoldId, hold: Hold);
    /// The journaled allowances.
    fn policies(&self) -> &FreePolicies;
    /// The journaled allowances, to add one.
    fn policies_mut(&mut self) -> &mut FreePolicies;
    /// Notes the bound of forgotten ids (R32).
    fn set_id_bound(&mut self, bound: Timestamp);
    /// Remembers a command or a payment by its id (R13, R14). A payment's later record takes the place of its earlier
    /// one.
    fn remember(&mut self, key: CommandKey, row: CommandRow);
}

/// The idempotency key of a command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CommandKey {
    /// Commands (R13).
    Command(CommandId),
    /// Top-ups (R14).
    Payment(PaymentId),
}

/// What is remembered of a command: its record, which says what it did, and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandRow {
    /// The record.
    pub record: Record,
    /// Its place.
    pub position: Position,
}

/// A record that does not fit what came before it: the journal is not one that this program wrote.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LedgerError {
    #[error("I4: position {position}: no account {account}")]
    UnknownAccount { position: Position, account: AccountId },
    #[error("I4: position {position}: no hold {hold}")]
    UnknownHold { position: Position, hold: HoldId },
    #[error("I5: position {position}: hold {hold} exists")]
    HoldExists { position: Position, hold: HoldId },
    #[error("position {position}: account {account} exists")]
    AccountExists { position: Position, account: AccountId },
    #[error("I6: position {position}: hold {hold} has ended")]
    HoldEnded { position: Position, hold: HoldId },
}

/// Applies the record at `position`.
///
/// # Errors
/// A record that does not fit the rows. Balances that would go below zero panic: see [`crate::credits::Credits`].
pub fn apply(books: &mut impl Books, position: Position, record: &Record) -> Result<(), LedgerError> {
    assert!(position > Position::NONE, "I3: a record has a place");
    match record {
        Record::Policy(policy) => books.policies_mut().add(*policy),
        Record::IdBound { bound } => books.set_id_bound(*bound),
        Record::Open(open) => apply_open(books, position, open)?,
        Record::Freeze(freeze) => {
            with_row(books, position, freeze.account, |row, _| row.frozen = freeze.frozen)?;
        }
        Record::SetSubscription(set) => apply_set_subscription(books, position, set)?,
        Record::Grant(grant) => apply_grant(books, position, grant)?,
        Record::TopUp(top_up) => apply_top_up(books, position, top_up)?,
        Record::Clawback(clawback) => apply_clawback(books, position, clawback)?,
        Record::CycleRoll(rolls) => {
            for roll in rolls {
                apply_cycle_roll(books, position, roll)?;
            }
        }
        Record::Reserve(reserve) => apply_reserve(books, position, reserve, false)?,
        Record::Charge(reserve) => apply_reserve(books, position, reserve, true)?,
        Record::Capture(capture) => apply_capture(books, position, capture)?,
        Record::LateCapture(capture) => apply_late_capture(books, position, capture)?,
        Record::Release(release) => apply_return(books, position, release, HoldState::Released)?,
        Record::Expire(expire) => apply_return(books, position, expire, HoldState::Expired)?,
        Record::Refund(refund) => apply_refund(books, position, refund)?,
        Record::Extend(extend) => {
            let hold = open_hold(books, position, extend.hold)?;
            assert!(extend.ends_at > hold.ends_at, "R23: an end never moves back");
            hold.ends_at = extend.ends_at;
            hold.note_position(position);
        }
        Record::Tombstone { hold, at } => {
            let mut tombstone = Hold::tombstone(*at);
            tombstone.note_position(position);
            insert_new_hold(books, position, *hold, tombstone)?;
        }
        Record::Subscription(change) => apply_subscription(books, position, change)?,
        Record::PendingTopUp(pending) => {
            with_row(books, position, pending.account, |row, _| row.add_pending(Pending::of(pending)))?;
        }
        Record::ConfirmTopUp(confirm) => apply_confirm(books, position, confirm)?,
        Record::DropTopUp(dropped) => {
            with_row(books, position, dropped.account, |row, _| row.drop_pending(dropped.payment))?;
        }
        Record::Correct(correct) => apply_correct(books, position, correct)?,
        Record::ReleaseWorker(end) => apply_return(books, position, end, HoldState::ReleasedByWorker)?,
    }
    if let Some(key) = command_key(record) {
        books.remember(key, CommandRow { record: record.clone(), position });
    }
    Ok(())
}

/// The idempotency key that a record spends, if it is a command's.
#[must_use]
pub const fn command_key(record: &Record) -> Option<CommandKey> {
    match record {
        Record::Open(Open { issuer, .. })
        | Record::Freeze(crate::record::Freeze { issuer, .. })
        | Record::SetSubscription(SetSubscription { issuer, .. })
        | Record::Grant(Grant { issuer, .. })
        | Record::Clawback(Clawback { issuer, .. })
        | Record::Correct(Correct { issuer, .. }) => Some(key_of(issuer)),
        Record::TopUp(TopUp { payment, .. })
        | Record::PendingTopUp(PendingTopUp { payment, .. })
        | Record::ConfirmTopUp(ConfirmTopUp { payment, .. })
        | Record::DropTopUp(DropTopUp { payment, .. }) => Some(CommandKey::Payment(*payment)),
        Record::Subscription(change) => Some(key_of(&change.issuer)),
        _ => None,
    }
}

/// What no record may undo in a row, whatever it does.
struct Before {
    imbalance: [u64; 3],
    granted: [Credits; 3],
    day: Day,
    period: Period,
}

impl Before {
    fn of(row: &Row) -> Self {
        let (imbalance, granted) = (Bucket::ALL.map(|bucket| row.imbalance(bucket)), row.counters.map(|of| of.granted));
        Self { imbalance, granted, day: row.day, period: row.period }
    }

    /// I1: no credits are made or lost. I7: days and periods never go back. What was granted once stays granted.
    fn assert_kept(&self, row: &Row) {
        row.assert_conserved(self.imbalance);
        assert!(row.day >= self.day, "I7: a day that goes back");
        assert!(row.period >= self.period, "I7: a period that goes back");
        for (before, after) in self.granted.iter().zip(&row.counters) {
            assert!(after.granted >= *before, "I1: a grant that is taken back");
        }
    }
}

const fn key_of(issuer: &Issuer) -> CommandKey {
    CommandKey::Command(issuer.command)
}

fn with_row(
    books: &mut impl Books,
    position: Position,
    account: AccountId,
    change: impl FnOnce(&mut Row, &FreePolicies),
) -> Result<(), LedgerError> {
    let (row, policies) = books.row(account).ok_or(LedgerError::UnknownAccount { position, account })?;
    assert!(row.account == account, "I4: the row of another account");
    let before = Before::of(row);
    change(row, policies);
    before.assert_kept(row);
    Ok(())
}

fn open_hold(books: &mut impl Books, position: Position, id: HoldId) -> Result<&mut Hold, LedgerError> {
    let hold = books.hold(id).ok_or(LedgerError::UnknownHold { position, hold: id })?;
    if hold.state == HoldState::Open { Ok(hold) } else { Err(LedgerError::HoldEnded { position, hold: id }) }
}

fn insert_new_hold(books: &mut impl Books, position: Position, id: HoldId, hold: Hold) -> Result<(), LedgerError> {
    if books.hold(id).is_some() {
        return Err(LedgerError::HoldExists { position, hold: id });
    }
    assert!(hold.reserve_position == position, "I4: a hold begins where it is made");
    assert!(hold.settlements.is_empty(), "I5: a new hold has no settlement");
    books.insert_hold(id, hold);
    Ok(())
}

fn apply_open(books: &mut impl Books, position: Position, open: &Open) -> Result<(), LedgerError> {
    if books.row(open.account).is_some() {
        return Err(LedgerError::AccountExists { position, account: open.account });
    }
    let row = Row::new(open.account, open.zone.clone(), open.day, books.policies());
    assert!(Bucket::ALL.iter().all(|bucket| row.imbalance(*bucket) == 0), "I1: an account begins in balance");
    assert!(row.available().total() == row.free, "R7: an account begins with its free credits alone");
    books.insert_row(row);
    Ok(())
}

fn apply_set_subscription(
    books: &mut impl Books,
    position: Position,
    set: &SetSubscription,
) -> Result<(), LedgerError> {
    with_row(books, position, set.account, |row, policies| {
        row.roll_day(set.day, policies);
        row.roll_period(set.period, set.amount, Some(set.subscription()));
        row.pending = None;
        assert!(row.tier == set.tier, "R9: a subscription set by hand has the tier of its record");
        assert!(row.subscription == set.amount, "I7: a period opens with the amount of its record");
        assert!(row.period == set.period, "I7: a period opens with the number of its record");
    })
}

fn apply_cycle_roll(books: &mut impl Books, position: Position, roll: &CycleRoll) -> Result<(), LedgerError> {
    with_row(books, position, roll.account, |row, policies| row.roll_cycle(roll, policies))
}

fn apply_subscription(
    books: &mut impl Books,
    position: Position,
    change: &SubscriptionChange,
) -> Result<(), LedgerError> {
    with_row(books, position, change.account, |row, policies| row.change(change, policies))
}

fn apply_grant(books: &mut impl Books, position: Position, grant: &Grant) -> Result<(), LedgerError> {
    with_row(books, position, grant.account, |row, policies| {
        row.roll_day(grant.day, policies);
        if grant.bucket == Bucket::Free {
            row.open_day(grant.day, policies);
        }
        row.counters_mut(grant.bucket).granted += grant.amount;
        let split = Split::only(grant.bucket, grant.amount);
        assert!(split.total() == grant.amount, "I1: a grant of another amount");
        assert!(row.day >= grant.day, "R5: a grant to a day that the row has come to");
        row.give(&Slices { split, day: grant.day, period: grant.period }, policies);
    })
}

fn apply_top_up(books: &mut impl Books, position: Position, top_up: &TopUp) -> Result<(), LedgerError> {
    with_row(books, position, top_up.account, |row, _| {
        let debt = row.debt();
        row.counters_mut(Bucket::TopUp).granted += top_up.amount;
        row.top_up_net = add_signed(row.top_up_net, top_up.amount, true);
        assert!(row.debt() == debt.saturating_sub(top_up.amount), "R16: what is bought repays debt first");
    })
}

fn apply_confirm(books: &mut impl Books, position: Position, confirm: &ConfirmTopUp) -> Result<(), LedgerError> {
    with_row(books, position, confirm.account, |row, _| {
        let debt = row.debt();
        row.drop_pending(confirm.payment);
        row.counters_mut(Bucket::TopUp).granted += confirm.amount;
        row.top_up_net = add_signed(row.top_up_net, confirm.amount, true);
        assert!(row.debt() == debt.saturating_sub(confirm.amount), "R16: what is bought repays debt first");
        assert!(row.pending_top_ups.iter().all(|of| of.payment != confirm.payment), "R14: a payment arrives once");
    })
}

fn apply_correct(books: &mut impl Books, position: Position, correct: &Correct) -> Result<(), LedgerError> {
    with_row(books, position, correct.account, |row, policies| {
        row.roll_day(correct.day, policies);
        let split = Split::only(correct.bucket, correct.amount);
        row.take(&Slices { split, day: correct.day, period: correct.period }, policies);
        assert!(row.day >= correct.day, "R5: a correction of a day that the row has come to");
        row.counters_mut(correct.bucket).clawed_back += correct.amount;
        assert!(correct.amount <= correct.requested, "R33: a correction takes at most what was asked for");
    })
}

fn apply_clawback(books: &mut impl Books, position: Position, clawback: &Clawback) -> Result<(), LedgerError> {
    with_row(books, position, clawback.account, |row, _| {
        row.counters_mut(Bucket::TopUp).clawed_back += clawback.amount;
        let debt = row.debt();
        row.top_up_net = add_signed(row.top_up_net, clawback.amount, false);
        assert!(row.debt() >= debt, "R16: a clawback repays nothing");
        assert!(row.debt() <= debt + clawback.amount, "R16: debt is what was clawed back and not there");
    })
}

fn apply_reserve(
    books: &mut impl Books,
    position: Position,
    reserve: &Reserve,
    charge: bool,
) -> Result<(), LedgerError> {
    let mut hold = Hold::reserved(reserve, charge);
    hold.note_position(position);
    assert!(hold.reserve_position == position, "I4: a hold begins at its reserve");
    assert!(hold.rest().is_zero() || !charge, "R29: a charge holds nothing");
    insert_new_hold(books, position, reserve.hold, hold)?;
    with_row(books, position, reserve.account, |row, policies| {
        row.take(&reserve.taken, policies);
        if charge {
            count_spent(row, &reserve.taken);
        } else {
            count_held(row, &reserve.taken.split);
            row.open_holds = row.open_holds.saturating_add(1);
        }
    })
}

fn apply_capture(books: &mut impl Books, position: Position, capture: &Capture) -> Result<(), LedgerError> {
    let hold = open_hold(books, position, capture.hold)?;
    let taken = hold.taken;
    hold.capture(capture);
    hold.note_position(position);
    assert!(capture.request.last == (hold.state != HoldState::Open), "I6: the last capture ends a hold");
    assert!(hold.captures().last().is_some_and(|step| step.position == position), "I5: a capture has its place");
    with_row(books, position, capture.account, |row, policies| {
        row.take(&capture.drawn, policies);
        count_spent(row, &capture.drawn);
        uncount_held(row, &capture.captured);
        count_spent(row, &Slices { split: capture.captured, ..taken });
        if capture.request.last {
            give_back(row, policies, &taken, &capture.returned, &capture.forfeited);
            assert!(row.open_holds > 0, "I6: more holds end than were open");
            row.open_holds = row.open_holds.saturating_sub(1);
        }
    })
}

fn apply_late_capture(books: &mut impl Books, position: Position, capture: &LateCapture) -> Result<(), LedgerError> {
    let hold = books.hold(capture.hold).ok_or(LedgerError::UnknownHold { position, hold: capture.hold })?;
    let state = hold.state;
    hold.capture_late(capture);
    hold.note_position(position);
    assert!(hold.state == state, "I6: a late commit ends nothing");
    assert!(hold.captures().last().is_some_and(|step| step.position == position), "I5: a capture has its place");
    with_row(books, position, capture.account, |row, policies| {
        row.take(&capture.taken, policies);
        count_spent(row, &capture.taken);
    })
}

fn apply_return(books: &mut impl Books, position: Position, end: &Return, state: HoldState) -> Result<(), LedgerError> {
    let hold = open_hold(books, position, end.hold)?;
    let taken = hold.taken;
    if state == HoldState::Released {
        hold.release(end);
    } else {
        assert!(hold.rest() == end.returned.plus(&end.forfeited), "I1: the rest of a hold");
        hold.end(state, end.at);
    }
    hold.note_position(position);
    assert!(hold.state != HoldState::Open, "I6: an end ends its hold");
    with_row(books, position, end.account, |row, policies| {
        give_back(row, policies, &taken, &end.returned, &end.forfeited);
        assert!(row.open_holds > 0, "I6: more holds end than were open");
        row.open_holds = row.open_holds.saturating_sub(1);
    })
}

fn apply_refund(books: &mut impl Books, position: Position, refund: &Refund) -> Result<(), LedgerError> {
    let hold = books.hold(refund.hold).ok_or(LedgerError::UnknownHold { position, hold: refund.hold })?;
    hold.refund(refund);
    hold.note_position(position);
    assert!(hold.refunds().last().is_some_and(|step| step.position == position), "I5: a refund has its place");
    assert!(hold.refunded() <= hold.charged(), "I1: more is refunded than was charged");
    with_row(books, position, refund.account, |row, policies| {
        for undone in &refund.undone {
            uncount_spent(row, undone);
        }
        for returned in &refund.returned {
            row.give(returned, policies);
        }
        count_expired(row, &refund.forfeited);
    })
}

fn give_back(row: &mut Row, policies: &FreePolicies, taken: &Slices, returned: &Split, forfeited: &Split) {
    assert!(forfeited.top_up.is_zero(), "R24: top-up credits always come back");
    assert!(returned.total() + forfeited.total() <= taken.split.total(), "I1: more goes back than was held");
    uncount_held(row, returned);
    uncount_held(row, forfeited);
    row.give(&Slices { split: *returned, ..*taken }, policies);
    count_expired(row, forfeited);
}

fn count_held(row: &mut Row, split: &Split) {
    for bucket in Bucket::ALL {
        row.counters_mut(bucket).held += split.of(bucket);
    }
}

fn uncount_held(row: &mut Row, split: &Split) {
    for bucket in Bucket::ALL {
        row.counters_mut(bucket).held -= split.of(bucket);
    }
}

fn count_expired(row: &mut Row, split: &Split) {
    for bucket in Bucket::ALL {
        row.counters_mut(bucket).expired += split.of(bucket);
    }
}

fn count_spent(row: &mut Row, slices: &Slices) {
    for bucket in Bucket::ALL {
        row.counters_mut(bucket).spent += slices.split.of(bucket);
    }
    let part = in_running_period(row, slices);
    assert!(part.total() <= slices.split.total(), "I1: more is spent in a period than is spent");
    row.spent_in_period = row.spent_in_period.plus(&part);
    assert!(
        row.spent_in_period.top_up == row.counters[Bucket::TopUp as usize].spent,
        "R4: top-up credits have no period"
    );
}

/// A refund lowers what was spent; what was spent before the running period stays out of it.
fn uncount_spent(row: &mut Row, slices: &Slices) {
    for bucket in Bucket::ALL {
        row.counters_mut(bucket).spent -= slices.split.of(bucket);
    }
    let part = in_running_period(row, slices);
    assert!(part.total() <= slices.split.total(), "I1: more comes back into a period than comes back");
    row.spent_in_period = row.spent_in_period.minus(&part);
    assert!(
        row.spent_in_period.top_up == row.counters[Bucket::TopUp as usize].spent,
        "R4: top-up credits have no period"
    );
}

fn in_running_period(row: &Row, slices: &Slices) -> Split {
    let mut split = slices.split;
    if slices.day != row.day {
        split.free = Credits::ZERO;
    }
    if slices.period != row.period {
        split.subscription = Credits::ZERO;
    }
    assert!(split.top_up == slices.split.top_up, "R14: top-up credits have no period");
    split
}
