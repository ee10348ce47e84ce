//! The projections: by themselves, against a replay, and against single records.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use wallet::audit::{Invariant, Violation, account_of, check_hold, hold_of};
use wallet::bucket::Bucket;
use wallet::hold::{Hold, HoldState};
use wallet::ids::{AccountId, CommandId, HoldId, PaymentId};
use wallet::ledger::{CommandKey, CommandRow};
use wallet::record::Record;
use wallet::row::Row;

use super::replay::{Doubts, Replayed, key_of};
use super::{Advice, Progress, Report, Stage, advice};
use crate::codec::DecodeError;
use crate::keys::Position;
use crate::projections::disk::{self, ReadError};
use crate::projections::rows::{Stored, decode_hold};
use crate::projections::{KeyKind, Pace, ProjectionStore, audit};

/// Rows between two lines of progress.
const SLICE: usize = 65_536;
/// The shortest refund window that can be configured, in milliseconds: younger ended holds are never dropped.
const WINDOW_MS_MIN: u64 = 86_400_000;

const _: () = assert!(SLICE > 0, "each slice has rows");
const _: () = assert!(WINDOW_MS_MIN == 24 * 60 * 60 * 1_000, "the shortest refund window is a day");

/// The projections by themselves: the audit of a running daemon, then what it leaves out.
pub(super) fn look_through<S: ProjectionStore>(
    store: &S,
    report: &mut Report,
    progress: &mut Progress<'_>,
) -> Result<(), ReadError> {
    let reached = disk::reached(store)?;
    report.projections = Some(reached);
    let advice = advice(report);
    let mut found = Vec::new();
    let mut rows: u64 = 0;
    let mut pause = || {
        rows = rows.saturating_add(SLICE as u64);
        progress(Stage::Projections, rows);
        ControlFlow::Continue(())
    };
    let mut pace = Pace { slice: SLICE, pause: &mut pause };
    let audited = audit(store, &mut pace, &mut |violation| found.push(violation));
    found.drain(..).for_each(|violation| report.violation(violation, None, advice));
    if let Some(audited) = audited? {
        report.counts.wallets = audited.wallets;
        report.counts.open_holds = audited.open_holds;
    }
    let mut ended: u64 = 0;
    let looked = disk::all_ended(store, 0, |_, id, hold| {
        ended += 1;
        check_hold(id, &hold, &mut |violation| found.push(violation));
        if hold.state == HoldState::Open {
            let what = "it is kept among the ended holds and is open".to_owned();
            found.push(Violation::of_hold(Invariant::OneEnd, hold.account, id, what));
        }
        if hold.last_position.0 > reached.position.0 {
            let what = format!("its last record is {}, beyond {}", hold.last_position, reached.position);
            found.push(Violation::of_hold(Invariant::Replay, hold.account, id, what));
        }
    });
    report.counts.ended_holds = ended;
    found.into_iter().for_each(|violation| report.violation(violation, None, advice));
    looked?;
    let mut commands: u64 = 0;
    let mut wrong = Vec::new();
    for kind in [KeyKind::Command, KeyKind::Payment] {
        disk::all_of(store, kind, |id, value| {
            commands += 1;
            let row = CommandRow::decode(value)?;
            if key_of(&row.record) != Some(command_of(kind, id)) || row.position.0 > reached.position.0 {
                wrong.push((account_of(&row.record), format!("{kind:?} {id:032x} is remembered as another one")));
            }
            Ok(())
        })?;
    }
    assert!(wrong.len() as u64 <= commands, "each command is wrong once");
    report.counts.commands = commands;
    for (account, what) in wrong {
        report.violation(Violation { invariant: Invariant::Replay, account, hold: None, what }, None, advice);
    }
    Ok(())
}

const fn command_of(kind: KeyKind, id: u128) -> CommandKey {
    match kind {
        KeyKind::Payment => CommandKey::Payment(PaymentId(id)),
        _ => CommandKey::Command(CommandId(id)),
    }
}

/// Compares the projections with the replay at their position, row by row (I8).
pub(super) fn compare<S: ProjectionStore>(
    store: &S,
    books: &Replayed<'_, S>,
    doubts: &Doubts,
    time_ms: u64,
    report: &mut Report,
) -> Result<(), ReadError> {
    let mut differs = |account: Option<AccountId>, hold: Option<HoldId>, what: String| {
        let violation = Violation { invariant: Invariant::Replay, account, hold, what };
        report.violation(violation, None, Advice::MakeAgain);
    };
    if disk::policies(store)? != books.policies {
        differs(None, None, "the journaled allowances are not those of the replay".to_owned());
    }
    let bound = disk::id_bound(store)?;
    if bound != books.id_bound {
        differs(None, None, format!("the bound of forgotten ids is {}, not {}", bound.0, books.id_bound.0));
    }
    let mut seen = HashSet::new();
    disk::all_of(store, KeyKind::Wallet, |id, value| {
        let (account, row) = (AccountId(id), Row::decode(value)?);
        seen.insert(account);
        match books.rows.get(&account) {
            _ if doubts.accounts.contains(&account) => {}
            None => differs(Some(account), None, "the journal never opened it".to_owned()),
            Some(replayed) if *replayed != row => differs(Some(account), None, difference(&row, replayed)),
            Some(_) => {}
        }
        Ok(())
    })?;
    for account in books.rows.keys().filter(|account| !seen.contains(account) && !doubts.accounts.contains(account)) {
        differs(Some(*account), None, "the projections do not have it".to_owned());
    }
    compare_holds(store, books, doubts, time_ms, &mut differs)?;
    compare_commands(store, books, doubts, &mut differs)
}

/// Takes what differs: the account, the hold, the words.
type Differs<'a> = dyn FnMut(Option<AccountId>, Option<HoldId>, String) + 'a;

fn compare_holds<S: ProjectionStore>(
    store: &S,
    books: &Replayed<'_, S>,
    doubts: &Doubts,
    time_ms: u64,
    differs: &mut Differs<'_>,
) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    let mut meet = |id: HoldId, hold: &Hold| {
        if !seen.insert(id) {
            differs(Some(hold.account), Some(id), "it is kept as an open hold and as an ended one".to_owned());
        }
        match books.holds.get(&id) {
            _ if doubts.holds.contains(&id) || doubts.accounts.contains(&hold.account) => {}
            None => differs(Some(hold.account), Some(id), "the journal never made it".to_owned()),
            Some(replayed) if replayed != hold => {
                let what = format!(
                    "it is {:?} with {} captured and {} steps, and by the journal {:?} with {} and {}",
                    hold.state,
                    hold.captured.total(),
                    hold.settlements.len(),
                    replayed.state,
                    replayed.captured.total(),
                    replayed.settlements.len()
                );
                differs(Some(hold.account), Some(id), what);
            }
            Some(_) => {}
        }
    };
    disk::all_of(store, KeyKind::OpenHold, |id, value| {
        meet(HoldId(id), &decode_hold(HoldId(id), value)?);
        Ok(())
    })?;
    // A hold may be in several blocks of its second: the last one counts.
    let mut newest = BTreeMap::new();
    let mut second = 0;
    disk::all_ended(store, 0, |of, id, hold| {
        assert!(of >= second, "blocks come in the order of their seconds");
        if of != second {
            second = of;
            std::mem::take(&mut newest).iter().for_each(|(id, hold)| meet(*id, hold));
        }
        newest.insert(id, hold);
    })?;
    newest.iter().for_each(|(id, hold)| meet(*id, hold));
    let young = time_ms.saturating_sub(WINDOW_MS_MIN);
    for (id, hold) in books.holds.iter().filter(|(id, _)| !seen.contains(*id)) {
        // Ended holds are dropped by the seconds of their ids, once the refund window has passed.
        let dropped = hold.state != HoldState::Open && id.own_time().is_some_and(|time| time.0 < young);
        if !dropped && !doubts.holds.contains(id) && !doubts.accounts.contains(&hold.account) {
            differs(Some(hold.account), Some(*id), "the projections do not have it".to_owned());
        }
    }
    Ok(())
}

fn compare_commands<S: ProjectionStore>(
    store: &S,
    books: &Replayed<'_, S>,
    doubts: &Doubts,
    differs: &mut Differs<'_>,
) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    for kind in [KeyKind::Command, KeyKind::Payment] {
        disk::all_of(store, kind, |id, value| {
            let (key, row) = (command_of(kind, id), CommandRow::decode(value)?);
            seen.insert(key);
            let account = account_of(&row.record);
            if books.commands.get(&key) != Some(&row)
                && !account.is_some_and(|account| doubts.accounts.contains(&account))
            {
                differs(account, None, format!("{kind:?} {id:032x} is not what the journal says"));
            }
            Ok::<_, DecodeError>(())
        })?;
    }
    for (key, row) in books.commands.iter().filter(|(key, _)| !seen.contains(*key)) {
        let account = account_of(&row.record);
        if !account.is_some_and(|account| doubts.accounts.contains(&account)) {
            differs(account, None, format!("the projections do not have {key:?}"));
        }
    }
    Ok(())
}

/// The first field in which two rows of a wallet differ.
fn difference(row: &Row, replayed: &Row) -> String {
    assert!(row != replayed, "what is told differs");
    let (there, right) = (row.available(), replayed.available());
    for bucket in Bucket::ALL {
        let (counters, by_journal) = (&row.counters[bucket as usize], &replayed.counters[bucket as usize]);
        if there.of(bucket) != right.of(bucket) {
            return format!("available in {bucket:?}: {}, by the journal {}", there.of(bucket), right.of(bucket));
        }
        if counters != by_journal {
            return format!("{bucket:?}: {counters:?}, by the journal {by_journal:?}");
        }
    }
    let periods = |row: &Row| (row.day.0, row.period.0, row.tier.0, row.open_holds);
    let (there, right) = (periods(row), periods(replayed));
    if there != right {
        return format!("day, period, tier and open holds are {there:?}, by the journal {right:?}");
    }
    if row.debt() != replayed.debt() {
        return format!("it owes {}, by the journal {}", row.debt(), replayed.debt());
    }
    "its subscription, zone, freeze or pending top-ups are not those of the journal".to_owned()
}

/// What the projections lack of a record that they have reached; nothing where it has left its mark.
pub(super) fn left_no_mark(
    store: &impl ProjectionStore,
    position: Position,
    record: &Record,
) -> Result<Option<String>, ReadError> {
    assert!(position > Position::NONE, "a record has a position");
    if let Some(account) = account_of(record)
        && disk::row(store, account)?.is_none()
    {
        return Ok(Some(format!("the account of record {position} is not there")));
    }
    // An ended hold may have been dropped: the refund window has passed.
    if let Some(id) = hold_of(record)
        && let Some((hold, _)) = disk::hold(store, id)?
        && hold.last_position.0 < position.0
    {
        return Ok(Some(format!("record {position} about it is missing: its last one is {}", hold.last_position)));
    }
    if let Some(key) = key_of(record)
        && disk::command(store, key)?.is_none_or(|row| row.position.0 < position.0)
    {
        return Ok(Some(format!("the command of record {position} is not remembered")));
    }
    Ok(None)
}
