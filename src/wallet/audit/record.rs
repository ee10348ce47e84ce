//! A record against what came before it: everything that [`crate::ledger::apply`] would refuse or panic at, and what it
//! takes without a question because the engine never writes it.

use super::{Found, Invariant, Violation, Wide, not_whole, of_split, shown, wide};
use crate::bucket::{Bucket, Slices, Split};
use crate::credits::Credits;
use crate::hold::{Hold, HoldState};
use crate::ids::{AccountId, Day, HoldId, Period, Tier, Timestamp};
use crate::ledger::{Books, CommandKey, CommandRow, command_key};
use crate::policy::FreePolicies;
use crate::record::{
    Capture, ConfirmTopUp, LateCapture, Record, Refund, Reserve, Return, SubscriptionChange, SubscriptionKind, TopUp,
};
use crate::row::{PENDING_TOP_UPS_MAX, Row};
use crate::word::Bits;

/// Days that a row can place: as many as [`Row::opened_days`] has bits.
const PLACED_DAYS: u32 = u64::BITS;

/// Books that also say what was remembered before.
pub trait Known: Books {
    /// What a command or a payment did.
    fn command(&mut self, key: CommandKey) -> Option<CommandRow>;
    /// The bound of forgotten ids.
    fn id_bound(&self) -> Timestamp;
}

/// The account that a record is about; none for those of no account, for a packed roll of several, and for those that
/// name a hold alone.
#[must_use]
pub fn account_of(record: &Record) -> Option<AccountId> {
    match record {
        Record::Policy(_) | Record::IdBound { .. } | Record::Extend(_) | Record::Tombstone { .. } => None,
        Record::Open(open) => Some(open.account),
        Record::Freeze(freeze) => Some(freeze.account),
        Record::SetSubscription(set) => Some(set.account),
        Record::Grant(grant) => Some(grant.account),
        Record::TopUp(top_up) => Some(top_up.account),
        Record::Clawback(clawback) => Some(clawback.account),
        Record::CycleRoll(rolls) => {
            if let [roll] = &rolls[..] {
                Some(roll.account)
            } else {
                None
            }
        }
        Record::Reserve(reserve) | Record::Charge(reserve) => Some(reserve.account),
        Record::Capture(capture) => Some(capture.account),
        Record::LateCapture(capture) => Some(capture.account),
        Record::Release(end) | Record::Expire(end) | Record::ReleaseWorker(end) => Some(end.account),
        Record::Refund(refund) => Some(refund.account),
        Record::Subscription(change) => Some(change.account),
        Record::PendingTopUp(pending) => Some(pending.account),
        Record::ConfirmTopUp(confirm) => Some(confirm.account),
        Record::DropTopUp(dropped) => Some(dropped.account),
        Record::Correct(correct) => Some(correct.account),
    }
}

/// The hold that a record is about.
#[must_use]
pub const fn hold_of(record: &Record) -> Option<HoldId> {
    match record {
        Record::Reserve(reserve) | Record::Charge(reserve) => Some(reserve.hold),
        Record::Capture(capture) => Some(capture.hold),
        Record::LateCapture(capture) => Some(capture.hold),
        Record::Release(end) | Record::Expire(end) | Record::ReleaseWorker(end) => Some(end.hold),
        Record::Refund(refund) => Some(refund.hold),
        Record::Extend(extend) => Some(extend.hold),
        Record::Tombstone { hold, .. } => Some(*hold),
        _ => None,
    }
}

/// A violation without whose it is.
type Wrong = (Invariant, String);

/// Checks a record before it is applied; a packed roll is checked as rolls of one. A record with a violation must not be
/// applied: it would panic, or leave rows that say nothing any more.
pub fn check_record(books: &mut impl Known, record: &Record, found: &mut Found<'_>) {
    if let Record::CycleRoll(rolls) = record
        && rolls.len() > 1
    {
        // Each on its own row: an account is in a packed roll once.
        let mut accounts: Vec<_> = rolls.iter().map(|roll| roll.account).collect();
        accounts.sort_unstable();
        for pair in accounts.windows(2).filter(|pair| pair[0] == pair[1]) {
            let what = "it is rolled twice by one record".to_owned();
            found(Violation::of_account(Invariant::Periods, pair[0], what));
        }
        rolls.iter().for_each(|roll| check_record(books, &Record::CycleRoll(vec![*roll]), found));
        return;
    }
    let (account, hold) = (account_of(record), hold_of(record));
    let wrong = check_id(books, record).and_then(|()| check_account(books, record)).and_then(|()| check(books, record));
    if let Err((invariant, what)) = wrong {
        found(Violation { invariant, account, hold, what });
    }
}

/// A command or a payment has one effect (I5); the second record of a payment ends its wait (R14).
fn check_id(books: &mut impl Known, record: &Record) -> Result<(), Wrong> {
    let Some(key) = command_key(record) else { return Ok(()) };
    let known = books.command(key);
    let ends_a_wait = matches!(record, Record::ConfirmTopUp(_) | Record::DropTopUp(_));
    if let (Some(CommandRow { record: Record::PendingTopUp(pending), .. }), Record::ConfirmTopUp(confirm)) =
        (&known, record)
        && (pending.amount, pending.account) != (confirm.amount, confirm.account)
    {
        let what = format!("a payment of {} is confirmed as one of {}", pending.amount, confirm.amount);
        return Err((Invariant::PendingTopUps, what));
    }
    match (known, ends_a_wait) {
        (None, false) => Ok(()),
        (Some(CommandRow { record: Record::PendingTopUp(_), .. }), true) => Ok(()),
        (None, true) => Err((Invariant::Prefix, "the end of a pending top-up that was never announced".to_owned())),
        (Some(known), _) => {
            let what = format!("its command or payment id took effect at position {} already", known.position);
            Err((Invariant::Once, what))
        }
    }
}

/// Every account is there before its first record and opened once.
fn check_account(books: &mut impl Known, record: &Record) -> Result<(), Wrong> {
    let Some(account) = account_of(record) else { return Ok(()) };
    match (record, books.row(account).is_some()) {
        (Record::Open(_), true) => Err((Invariant::Once, "an account that is open already".to_owned())),
        (Record::Open(_), false) | (_, true) => Ok(()),
        (_, false) => Err((Invariant::Prefix, "a record of an account that was never opened".to_owned())),
    }
}

fn check(books: &mut impl Known, record: &Record) -> Result<(), Wrong> {
    match record {
        Record::IdBound { bound } if *bound <= books.id_bound() => {
            let (before, bound) = (books.id_bound().0, bound.0);
            Err((Invariant::IdBound, format!("the bound is {bound}, and it was {before} before")))
        }
        Record::SetSubscription(set) => with_row(books, set.account, |row, _| {
            if set.ends_at != Timestamp::NONE && set.ends_at <= set.issuer.at {
                return Err((Invariant::Periods, "a subscription that ends before it begins".to_owned()));
            }
            has_tier(Some(set.tier), set.amount)?;
            later_period(row, set.period)?;
            same_or_later_day(row, set.day)
        }),
        Record::CycleRoll(rolls) => rolls.iter().try_for_each(|roll| {
            with_row(books, roll.account, |row, _| {
                let after = row.subscribed.and_then(|before| roll.of(&before)).map(|after| after.tier);
                if after.is_none() && roll.tier > Tier::NONE {
                    return Err((Invariant::Periods, "a cycle of a subscription that is not there".to_owned()));
                }
                if after.is_some() && roll.ends_at <= roll.at {
                    return Err((Invariant::Periods, "a cycle that ends before it begins".to_owned()));
                }
                has_tier(after, roll.allocation)?;
                later_period(row, roll.period)?;
                same_or_later_day(row, roll.day)
            })
        }),
        Record::Subscription(change) => with_row(books, change.account, |row, _| check_change(row, change)),
        Record::Grant(grant) => with_row(books, grant.account, |row, _| {
            if grant.bucket == Bucket::Subscription && row.subscribed.is_none() {
                return Err((Invariant::Periods, "a grant of credits of a subscription that is not there".to_owned()));
            }
            opened_period(row, grant.period, grant.bucket)?;
            placed_day(row, grant.day, grant.bucket)
        }),
        Record::Correct(correct) => with_row(books, correct.account, |row, policies| {
            if correct.amount > correct.requested {
                let (amount, requested) = (correct.amount, correct.requested);
                let what = format!("a correction of {amount}, and {requested} was asked for");
                return Err((Invariant::NoOvershoot, what));
            }
            let split = Split::only(correct.bucket, correct.amount);
            check_take(row, &Slices { split, day: correct.day, period: correct.period }, policies)
        }),
        Record::PendingTopUp(pending) => with_row(books, pending.account, |row, _| {
            let waiting = row.pending_top_ups.iter().filter(|known| known.ends_at > pending.at).count();
            if pending.ends_at < pending.at {
                return Err((Invariant::PendingTopUps, "a pending top-up that ends before it began".to_owned()));
            }
            if waiting < PENDING_TOP_UPS_MAX {
                return Ok(());
            }
            Err((Invariant::PendingTopUps, format!("{waiting} top-ups wait already")))
        }),
        Record::Charge(charge) if charge.ends_at != charge.at => {
            Err((Invariant::OneEnd, "a charge that does not end at once".to_owned()))
        }
        Record::Reserve(reserve) | Record::Charge(reserve) => check_reserve(books, reserve),
        Record::Tombstone { hold, .. } => new_hold(books, *hold),
        Record::Capture(capture) => check_capture(books, capture),
        Record::LateCapture(capture) => check_late_capture(books, capture),
        Record::Expire(end) => {
            check_return(books, end)?;
            match known_hold(books, end.hold, None)? {
                hold if end.at < hold.ends_at => Err((Invariant::OneEnd, "it expires before its end".to_owned())),
                _ => Ok(()),
            }
        }
        Record::Release(end) | Record::ReleaseWorker(end) => check_return(books, end),
        Record::Refund(refund) => check_refund(books, refund),
        Record::Extend(extend) => {
            let hold = open_hold(books, extend.hold, None)?;
            if extend.ends_at > hold.ends_at {
                return Ok(());
            }
            let (before, ends_at) = (hold.ends_at.0, extend.ends_at.0);
            Err((Invariant::OneEnd, format!("its end is moved to {ends_at}, and it was {before}")))
        }
        Record::Policy(policy) if policy.allowance > Bits::WIDE.most().free => {
            Err((Invariant::NoOvershoot, format!("an allowance of {}, which no wallet holds", policy.allowance)))
        }
        Record::TopUp(TopUp { amount, .. }) | Record::ConfirmTopUp(ConfirmTopUp { amount, .. }) if amount.is_zero() => {
            Err((Invariant::PendingTopUps, "a purchase of nothing".to_owned()))
        }
        Record::Clawback(clawback) if clawback.taken > clawback.amount => {
            let (taken, amount) = (clawback.taken, clawback.amount);
            Err((Invariant::NoOvershoot, format!("{taken} was taken for a clawback of {amount}")))
        }
        _ => Ok(()),
    }
}

fn with_row(
    books: &mut impl Known,
    account: AccountId,
    check: impl FnOnce(&Row, &FreePolicies) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    // That it is there was looked at before.
    books.row(account).map_or(Ok(()), |(row, policies)| check(row, policies))
}

/// A subscription has a tier that the word holds; where there is none, there are no credits of it.
fn has_tier(tier: Option<Tier>, amount: Credits) -> Result<(), Wrong> {
    match tier {
        Some(tier) if tier > Tier::NONE && tier <= Tier::MAX => Ok(()),
        None if amount.is_zero() => Ok(()),
        Some(tier) => Err((Invariant::Periods, format!("a subscription with tier {}", tier.0))),
        None => Err((Invariant::Periods, format!("a period with {amount} credits without a subscription"))),
    }
}

fn later_period(row: &Row, period: Period) -> Result<(), Wrong> {
    if period > row.period {
        return Ok(());
    }
    Err((Invariant::Periods, format!("period {} is opened, and the row is in period {}", period.0, row.period.0)))
}

fn same_or_later_day(row: &Row, day: Day) -> Result<(), Wrong> {
    if day >= row.day {
        return Ok(());
    }
    Err((Invariant::Periods, format!("day {} after day {}", day.0, row.day.0)))
}

fn opened_period(row: &Row, period: Period, bucket: Bucket) -> Result<(), Wrong> {
    if bucket != Bucket::Subscription || period <= row.period {
        return Ok(());
    }
    Err((Invariant::Periods, format!("period {} was not opened: the row is in period {}", period.0, row.period.0)))
}

fn placed_day(row: &Row, day: Day, bucket: Bucket) -> Result<(), Wrong> {
    if bucket != Bucket::Free || row.day.0.saturating_sub(day.0) < PLACED_DAYS {
        return Ok(());
    }
    Err((Invariant::Periods, format!("day {} is too long before day {}", day.0, row.day.0)))
}

/// What a command does to the periods: a subscription that begins or ends takes a new number, whatever else the same one.
fn check_change(row: &Row, change: &SubscriptionChange) -> Result<(), Wrong> {
    same_or_later_day(row, change.day)?;
    if let Some(what) = change.after.as_ref().and_then(not_whole) {
        return Err((Invariant::Periods, what.to_owned()));
    }
    let brings = matches!(change.kind, SubscriptionKind::Subscribe | SubscriptionKind::ChangePlan);
    if !brings && !change.amount.is_zero() {
        return Err((Invariant::Conservation, format!("{:?} brings {}", change.kind, change.amount)));
    }
    if change.kind == SubscriptionKind::Lapse && change.after.is_some() {
        return Err((Invariant::Periods, "a lapse that leaves a subscription".to_owned()));
    }
    if change.before != row.subscribed {
        return Err((Invariant::Replay, "it changes another subscription than the row has".to_owned()));
    }
    has_tier(change.after.map(|after| after.tier), change.amount)?;
    if change.after.is_none() && change.pending.is_some() {
        return Err((Invariant::Periods, "a change of plan that waits without a subscription".to_owned()));
    }
    let begins_or_ends = change.before.is_some() != change.after.is_some();
    if begins_or_ends || change.kind == SubscriptionKind::Subscribe {
        return later_period(row, change.period);
    }
    if change.period < row.period {
        return later_period(row, change.period);
    }
    Ok(())
}

/// Whether the buckets have what slices take (I2), in periods that were opened (I7). What was taken of an ended period
/// comes out of what counts as expired.
fn check_take(row: &Row, slices: &Slices, policies: &FreePolicies) -> Result<(), Wrong> {
    let Split { free, subscription, top_up } = slices.split;
    if !free.is_zero() {
        placed_day(row, slices.day, Bucket::Free)?;
        let there = free_of(row, slices.day, policies);
        enough(wide(free), there, Bucket::Free)?;
    }
    if !subscription.is_zero() {
        opened_period(row, slices.period, Bucket::Subscription)?;
        let running = slices.period == row.period;
        let there = if running { row.subscription } else { row.counters[Bucket::Subscription as usize].expired };
        enough(wide(subscription), wide(there), Bucket::Subscription)?;
    }
    if !top_up.is_zero() {
        // A clawback that came first has taken what this record had: that is debt, up to what was clawed back (R16).
        let cover = i128::from(row.counters[Bucket::TopUp as usize].clawed_back.millis());
        let there = i128::from(row.top_up_net).saturating_add(cover).max(0);
        enough(wide(top_up), there.unsigned_abs(), Bucket::TopUp)?;
    }
    Ok(())
}

/// What there is of a day's free credits: the running day's, a later day's allowance, or what counts as expired.
fn free_of(row: &Row, day: Day, policies: &FreePolicies) -> Wide {
    match row.day.0.checked_sub(day.0) {
        None => wide(policies.allowance(day, row.tier)),
        Some(0) => wide(row.free),
        Some(age) => {
            let opened = row.opened_days.checked_shr(age).unwrap_or(0) & 1 == 1;
            let granted = if opened { 0 } else { wide(policies.allowance_of_unsubscribed(day)) };
            wide(row.counters[Bucket::Free as usize].expired).saturating_add(granted)
        }
    }
}

fn enough(taken: Wide, there: Wide, bucket: Bucket) -> Result<(), Wrong> {
    if taken <= there {
        return Ok(());
    }
    Err((Invariant::NoOvershoot, format!("it takes {} of {bucket:?}, and {} is there", shown(taken), shown(there))))
}

fn new_hold(books: &mut impl Known, id: HoldId) -> Result<(), Wrong> {
    match books.hold(id) {
        None => Ok(()),
        Some(hold) => {
            Err((Invariant::Once, format!("the hold was decided at position {} already", hold.reserve_position)))
        }
    }
}

fn check_reserve(books: &mut impl Known, reserve: &Reserve) -> Result<(), Wrong> {
    new_hold(books, reserve.hold)?;
    if reserve.hold.is_none() || reserve.account.is_none() {
        return Err((Invariant::Prefix, "a hold without an id or an account".to_owned()));
    }
    if reserve.ends_at < reserve.at {
        return Err((Invariant::OneEnd, "a hold that ends before it begins".to_owned()));
    }
    if reserve.taken.split.within(reserve.terms.sources()) != reserve.taken.split {
        return Err((Invariant::NoOvershoot, "it takes from a bucket that its terms leave out".to_owned()));
    }
    with_row(books, reserve.account, |row, policies| check_take(row, &reserve.taken, policies))
}

/// The hold of a settlement: there, and of the account that the settlement names.
fn known_hold(books: &mut impl Known, id: HoldId, account: Option<AccountId>) -> Result<Hold, Wrong> {
    let Some(hold) = books.hold(id) else {
        return Err((Invariant::Prefix, "a settlement without its hold".to_owned()));
    };
    match account {
        Some(account) if account != hold.account => {
            Err((Invariant::Prefix, format!("a settlement of a hold of account {}", hold.account)))
        }
        _ => Ok(hold.clone()),
    }
}

fn open_hold(books: &mut impl Known, id: HoldId, account: Option<AccountId>) -> Result<Hold, Wrong> {
    let hold = known_hold(books, id, account)?;
    if hold.state == HoldState::Open {
        return Ok(hold);
    }
    Err((Invariant::OneEnd, format!("the hold is {:?} since position {}", hold.state, hold.last_position)))
}

fn captured_once(hold: &Hold, number: u8) -> Result<(), Wrong> {
    match hold.captures().find(|step| step.request.number == number) {
        None => Ok(()),
        Some(step) => Err((Invariant::Once, format!("capture {number} took effect at position {}", step.position))),
    }
}

fn check_capture(books: &mut impl Known, capture: &Capture) -> Result<(), Wrong> {
    let hold = known_hold(books, capture.hold, Some(capture.account))?;
    captured_once(&hold, capture.request.number)?;
    let hold = open_hold(books, capture.hold, None).map(|_| hold)?;
    let after = parts_of_rest(&hold, &capture.captured)?;
    let charged = of_split(&capture.captured).saturating_add(of_split(&capture.drawn.split));
    asked_for(charged, capture.request.amount)?;
    from_sources(&hold, &capture.drawn)?;
    if capture.late != (capture.at >= hold.ends_at) {
        let when = if capture.late { "before" } else { "after" };
        return Err((Invariant::LateCommit, format!("it says that it came otherwise than {when} the hold's end")));
    }
    if capture.request.last {
        whole_rest(&after, &capture.returned, &capture.forfeited)?;
    } else if !capture.returned.is_zero() || !capture.forfeited.is_zero() {
        return Err((Invariant::Conservation, "a capture that is not the last gives credits back".to_owned()));
    }
    with_row(books, capture.account, |row, policies| check_take(row, &capture.drawn, policies))
}

/// What a settlement takes from the wallet comes from the hold's own sources (R26, R28).
fn from_sources(hold: &Hold, taken: &Slices) -> Result<(), Wrong> {
    if taken.split.within(hold.terms.sources()) == taken.split {
        return Ok(());
    }
    Err((Invariant::NoOvershoot, "it takes from a bucket that the hold's terms leave out".to_owned()))
}

/// No more is charged, or given back, than the request named.
fn asked_for(amount: Wide, requested: Option<Credits>) -> Result<(), Wrong> {
    match requested {
        Some(requested) if amount > wide(requested) => {
            Err((Invariant::NoOvershoot, format!("{} for a request of {requested}", shown(amount))))
        }
        _ => Ok(()),
    }
}

/// What is left of a hold after a capture.
fn parts_of_rest(hold: &Hold, captured: &Split) -> Result<Split, Wrong> {
    let mut after = Split::ZERO;
    for bucket in Bucket::ALL {
        let rest = hold.taken.split.of(bucket).saturating_sub(hold.captured.of(bucket));
        let Some(left) = rest.checked_sub(captured.of(bucket)) else {
            let what = format!("it captures {} of the {rest} that is held in {bucket:?}", captured.of(bucket));
            return Err((Invariant::Conservation, what));
        };
        after = after.plus(&Split::only(bucket, left));
    }
    assert!(after.total() <= hold.taken.split.total(), "I1: more is left than was held");
    Ok(after)
}

/// What an end gives back and forfeits is what is left, bucket by bucket.
fn whole_rest(rest: &Split, returned: &Split, forfeited: &Split) -> Result<(), Wrong> {
    for bucket in Bucket::ALL {
        let gone = wide(returned.of(bucket)).saturating_add(wide(forfeited.of(bucket)));
        if gone != wide(rest.of(bucket)) {
            let what = format!("it gives back {} of {bucket:?}, and {} is held", shown(gone), rest.of(bucket));
            return Err((Invariant::Conservation, what));
        }
    }
    let gone = of_split(returned).saturating_add(of_split(forfeited));
    assert!(gone == of_split(rest), "I1: what is right in each bucket is right in total");
    nothing_bought(forfeited)
}

/// R24: top-up credits always come back.
fn nothing_bought(forfeited: &Split) -> Result<(), Wrong> {
    if forfeited.top_up.is_zero() {
        return Ok(());
    }
    let what = format!("it forfeits {} of top-up credits, which always come back", forfeited.top_up);
    Err((Invariant::Conservation, what))
}

fn check_late_capture(books: &mut impl Known, capture: &LateCapture) -> Result<(), Wrong> {
    let hold = known_hold(books, capture.hold, Some(capture.account))?;
    captured_once(&hold, capture.request.number)?;
    if !hold.takes_late_commits() {
        return Err((Invariant::LateCommit, format!("a late commit of a hold that is {:?}", hold.state)));
    }
    // What the wallet could not cover counts as committed. A step that drew and captured nothing came when nothing was left.
    let of = |taken: &Slices, shortfall| wide(taken.split.total()).saturating_add(wide(shortfall));
    let before = hold.captures().filter(|step| step.captured.is_zero()).map(|step| of(&step.drawn, step.shortfall));
    let late = before.fold(0, Wide::saturating_add);
    let held = wide(hold.taken.split.total());
    let rest = held.saturating_sub(wide(hold.captured.total())).saturating_sub(late);
    let asked = of(&capture.taken, capture.shortfall);
    asked_for(asked, capture.request.amount)?;
    from_sources(&hold, &capture.taken)?;
    if asked > rest {
        let (asked, rest, held) = (shown(asked), shown(rest), shown(held));
        return Err((Invariant::LateCommit, format!("a late commit of {asked}, and {rest} is left of {held}")));
    }
    with_row(books, capture.account, |row, policies| check_take(row, &capture.taken, policies))
}

fn check_return(books: &mut impl Known, end: &Return) -> Result<(), Wrong> {
    known_hold(books, end.hold, Some(end.account))?;
    let hold = open_hold(books, end.hold, None)?;
    let rest = parts_of_rest(&hold, &Split::ZERO)?;
    whole_rest(&rest, &end.returned, &end.forfeited)
}

fn check_refund(books: &mut impl Known, refund: &Refund) -> Result<(), Wrong> {
    let hold = known_hold(books, refund.hold, Some(refund.account))?;
    if let Some(step) = hold.refunds().find(|step| step.number == refund.number) {
        let what = format!("refund {} took effect at position {}", refund.number, step.position);
        return Err((Invariant::Once, what));
    }
    for bucket in Bucket::ALL {
        let of = |slices: &[Slices]| {
            slices.iter().fold(0, |sum: Wide, slices| sum.saturating_add(wide(slices.split.of(bucket))))
        };
        let undone = of(&refund.undone);
        let back = of(&refund.returned).saturating_add(wide(refund.forfeited.of(bucket)));
        if back != undone {
            let (back, undone) = (shown(back), shown(undone));
            let what = format!("it undoes {undone} of {bucket:?} and gives back {back}");
            return Err((Invariant::Conservation, what));
        }
    }
    nothing_bought(&refund.forfeited)?;
    refundable(&hold, refund)?;
    let undone = refund.undone.iter().fold(0, |sum: Wide, part| sum.saturating_add(of_split(&part.split)));
    assert!(undone >= of_split(&refund.forfeited), "I1: what is forfeited is undone");
    asked_for(undone, refund.requested)?;
    with_row(books, refund.account, |row, _| {
        for slices in &refund.returned {
            if !slices.split.subscription.is_zero() {
                opened_period(row, slices.period, Bucket::Subscription)?;
            }
        }
        Ok(())
    })
}

/// No more is undone of a period than was captured of it and is not undone yet.
fn refundable(hold: &Hold, refund: &Refund) -> Result<(), Wrong> {
    let own = Slices { split: hold.captured, ..hold.taken };
    let drawn: Vec<Slices> = hold.captures().map(|step| step.drawn).collect();
    let undone: Vec<Slices> = hold.refunds().flat_map(|step| step.undone.iter().copied()).collect();
    for bucket in Bucket::ALL {
        for slices in refund.undone.iter().filter(|slices| !slices.split.of(bucket).is_zero()) {
            let same = |other: &&Slices| match bucket {
                Bucket::Free => other.day == slices.day,
                Bucket::Subscription => other.period == slices.period,
                Bucket::TopUp => true,
            };
            let of = |parts: &[Slices]| {
                let parts = parts.iter().filter(same);
                parts.fold(0, |sum: Wide, part| sum.saturating_add(wide(part.split.of(bucket))))
            };
            let captured = of(&[own]).saturating_add(of(&drawn));
            let gone = of(&undone).saturating_add(of(&refund.undone));
            if gone > captured {
                let (gone, captured) = (shown(gone), shown(captured));
                let what = format!("refunds come to {gone} of {bucket:?}, and {captured} was captured");
                return Err((Invariant::Conservation, what));
            }
        }
    }
    Ok(())
}
