//! The audit of what is flushed: every wallet and every open hold, as they were at one moment, by the checks of
//! [`wallet::audit`]. For `creditd fsck`, and for the auditor of a running daemon, which takes it a slice at a time.
//!
//! The rows of wallets and the holds are read from a frozen view of the store, so that nothing that is flushed meanwhile
//! can part them. Memory is bounded: where more wallets than [`ACCOUNTS_MAX`] have open holds, the holds are read again
//! for the rest of them.

use std::ops::ControlFlow;

use wallet::audit::{Found, Invariant, Sums, Totals, Violation, check_hold, check_row};
use wallet::hold::{Hold, HoldState};
use wallet::ids::{AccountId, HoldId};
use wallet::row::Row;

use super::archive::Archive;
use super::disk::{ReadError, no_key};
use super::keys::{KeyKind, id_key, id_of};
use super::rows::{Reached, Stored, decode_hold};
use super::store::{Frozen, ProjectionStore};
use crate::codec::DecodeError;
use crate::keys::Position;

/// Wallets with open holds that are summed at a time.
const ACCOUNTS_MAX: usize = 1 << 20;

const _: () = assert!(ACCOUNTS_MAX > 0, "each round sums some");

/// What an audit has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// The position of the moment.
    pub position: Position,
    /// Wallets.
    pub wallets: u64,
    /// Open holds.
    pub open_holds: u64,
}

/// How an audit goes about it.
pub struct Pace<'a> {
    /// Rows and holds that are read in one piece.
    pub slice: usize,
    /// What happens between two slices; whether to go on.
    pub pause: &'a mut dyn FnMut() -> ControlFlow<()>,
}

/// What ends an audit before its end.
enum Stop {
    /// Told to by the pause.
    Told,
    /// The store cannot be read.
    Failed(ReadError),
}

impl<E: Into<ReadError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<S: ProjectionStore> Archive<S> {
    /// Audits what is flushed; `None` where the pause said to stop.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn audit(&self, pace: &mut Pace<'_>, found: &mut Found<'_>) -> Result<Option<Audited>, ReadError> {
        audit(&self.shared.store, pace, found)
    }
}

/// Audits a store; `None` where the pause said to stop.
///
/// # Errors
/// [`ReadError`].
pub fn audit<S: ProjectionStore>(
    store: &S,
    pace: &mut Pace<'_>,
    found: &mut Found<'_>,
) -> Result<Option<Audited>, ReadError> {
    let mut result = Ok(None);
    store.freeze(&mut |frozen| {
        result = match audit_frozen(frozen, pace, ACCOUNTS_MAX, found) {
            Ok(audited) => Ok(Some(audited)),
            Err(Stop::Told) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        };
    });
    result
}

fn audit_frozen(
    frozen: &dyn Frozen,
    pace: &mut Pace<'_>,
    accounts_max: usize,
    found: &mut Found<'_>,
) -> Result<Audited, Stop> {
    let mut audited = Audited { position: reached(frozen)?.position, ..Audited::default() };
    let mut totals = Totals::default();
    let mut low = Some(AccountId(0));
    while let Some(from) = low {
        let mut sums = Sums::from(from, accounts_max);
        let first = from == AccountId(0);
        each(frozen, KeyKind::OpenHold, 0, pace, &mut |id, value| {
            let (id, hold) = (HoldId(id), decode_hold(HoldId(id), value)?);
            sums.add_hold(&hold);
            if first {
                audited.open_holds += 1;
                check_open(id, &hold, audited.position, found);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let next = sums.next();
        each(frozen, KeyKind::Wallet, from.0, pace, &mut |id, value| {
            if next.is_some_and(|next| AccountId(id) >= next) {
                return Ok(ControlFlow::Break(()));
            }
            let row = Row::decode(value)?;
            if row.account != AccountId(id) {
                let what = format!("its row is that of {}", row.account);
                found(Violation::of_account(Invariant::Replay, AccountId(id), what));
            }
            check_row(&row, found);
            sums.compare(&row, found);
            totals.add(&row);
            Ok(ControlFlow::Continue(()))
        })?;
        sums.finish(found);
        assert!(next.is_none_or(|next| next > from), "each round goes further");
        low = next;
    }
    assert!(low.is_none(), "every wallet was looked at");
    totals.finish(found);
    audited.wallets = totals.rows();
    Ok(audited)
}

/// What must be so of a hold under the key of an open one.
fn check_open(id: HoldId, hold: &Hold, reached: Position, found: &mut Found<'_>) {
    check_hold(id, hold, found);
    if hold.state != HoldState::Open {
        let what = format!("it is kept as an open hold and is {:?}", hold.state);
        found(Violation::of_hold(Invariant::OneEnd, hold.account, id, what));
    }
    if hold.last_position.0 > reached.0 || hold.reserve_position > hold.last_position {
        let what = format!("its last record is {}, and the projections have reached {reached}", hold.last_position);
        found(Violation::of_hold(Invariant::Replay, hold.account, id, what));
    }
}

fn reached(frozen: &dyn Frozen) -> Result<Reached, ReadError> {
    let key = [KeyKind::Reached as u8];
    match frozen.value(KeyKind::Reached.family(), &key)? {
        None => Ok(Reached::default()),
        Some(bytes) => Reached::decode(&bytes).map_err(|error| ReadError::damaged(&key, error)),
    }
}

/// Is shown an id and its value, and says whether to go on.
type ShowOne<'a> = dyn FnMut(u128, &[u8]) -> Result<ControlFlow<()>, DecodeError> + 'a;

/// Shows all values of a kind from an id on, a slice at a time.
fn each(
    frozen: &dyn Frozen,
    kind: KeyKind,
    from: u128,
    pace: &mut Pace<'_>,
    show: &mut ShowOne<'_>,
) -> Result<(), Stop> {
    let mut from = Some(from);
    while let Some(first) = from {
        let mut left = pace.slice.max(1);
        let mut result = Ok(());
        from = None;
        let begin = id_key(kind, first);
        // From the first id on: from whatever is of the kind.
        let begin = if first == 0 { &begin[..1] } else { &begin[..] };
        frozen.scan(kind.family(), begin, &mut |key, value| {
            if key.first() != Some(&(kind as u8)) {
                return ControlFlow::Break(());
            }
            let Some(id) = id_of(kind, key) else {
                // Not the end of the kind: what comes after it would not be looked at.
                result = Err(ReadError::damaged(key, no_key()));
                return ControlFlow::Break(());
            };
            if left == 0 {
                from = Some(id);
                return ControlFlow::Break(());
            }
            assert!(id >= first, "a scan begins where it was asked to");
            left -= 1;
            match show(id, value) {
                Ok(go_on) => go_on,
                Err(error) => {
                    result = Err(ReadError::damaged(key, error));
                    ControlFlow::Break(())
                }
            }
        })?;
        result?;
        assert!(from.is_none_or(|from| from > first), "each slice goes further");
        if from.is_some() && (pace.pause)().is_break() {
            return Err(Stop::Told);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
