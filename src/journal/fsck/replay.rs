//! The replay of a check: each record is checked, then applied to books in memory by the path of every start.

use std::collections::HashSet;
use std::ops::ControlFlow;

use foldhash::{HashMap, HashMapExt};
use wallet::audit::{Invariant, Known, Violation, account_of, check_record, check_row, hold_of};
use wallet::hold::Hold;
use wallet::ids::{AccountId, HoldId, Position as RecordPlace, Timestamp};
use wallet::ledger::{self, Books, CommandKey, CommandRow, LedgerError, command_key};
use wallet::policy::FreePolicies;
use wallet::record::Record;
use wallet::row::Row;

use super::{Advice, Compared, Finding, Place, Report, advice, compare, unreadable_row};
use crate::caught::caught;
use crate::codec::decode_any;
use crate::group::{Group, GroupHash};
use crate::keys::Position;
use crate::projections::disk::{self, ReadError};
use crate::projections::{ProjectionStore, Reached};
use crate::record::Meaning;
use crate::recovery::Checked;

/// Rows and holds as the records make them; where the journal was trimmed, on top of those in the projections.
pub(super) struct Replayed<'a, S> {
    pub(super) rows: HashMap<AccountId, Row>,
    pub(super) holds: HashMap<HoldId, Hold>,
    pub(super) commands: HashMap<CommandKey, CommandRow>,
    pub(super) policies: FreePolicies,
    pub(super) id_bound: Timestamp,
    base: Option<&'a S>,
    failure: Option<ReadError>,
}

impl<'a, S: ProjectionStore> Replayed<'a, S> {
    fn new() -> Self {
        Self {
            rows: HashMap::new(),
            holds: HashMap::new(),
            commands: HashMap::new(),
            policies: FreePolicies::new(),
            id_bound: Timestamp::NONE,
            base: None,
            failure: None,
        }
    }

    /// On top of what the projections have.
    fn over(store: &'a S) -> Result<Self, ReadError> {
        let (policies, id_bound) = (disk::policies(store)?, disk::id_bound(store)?);
        Ok(Self { policies, id_bound, base: Some(store), ..Self::new() })
    }

    /// Reads from the projections what is not in memory yet.
    fn read<T>(&mut self, read: impl FnOnce(&S) -> Result<Option<T>, ReadError>) -> Option<T> {
        read(self.base?).unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            None
        })
    }
}

impl<S: ProjectionStore> Books for Replayed<'_, S> {
    fn row(&mut self, account: AccountId) -> Option<(&mut Row, &FreePolicies)> {
        if !self.rows.contains_key(&account)
            && let Some(row) = self.read(|store| disk::row(store, account))
        {
            assert!(row.account == account, "I4: a row lies under the key of its account");
            self.rows.insert(account, row);
        }
        Some((self.rows.get_mut(&account)?, &self.policies))
    }

    fn insert_row(&mut self, row: Row) {
        assert!(row.open_holds == 0, "R7: an account begins without holds");
        let before = self.rows.insert(row.account, row);
        assert!(before.is_none(), "I5: an account is opened once");
    }

    fn hold(&mut self, id: HoldId) -> Option<&mut Hold> {
        if !self.holds.contains_key(&id)
            && let Some((hold, _)) = self.read(|store| disk::hold(store, id))
        {
            assert!(hold.last_position >= hold.reserve_position, "I4: a hold begins with its reserve");
            self.holds.insert(id, hold);
        }
        self.holds.get_mut(&id)
    }

    fn insert_hold(&mut self, id: HoldId, hold: Hold) {
        let before = self.holds.insert(id, hold);
        assert!(before.is_none(), "I5: a hold begins once");
    }

    fn policies(&self) -> &FreePolicies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut FreePolicies {
        &mut self.policies
    }

    fn set_id_bound(&mut self, bound: Timestamp) {
        assert!(bound >= self.id_bound, "R32: the bound never goes back");
        assert!(bound.0.is_multiple_of(1_000), "R32: forgetting goes by the second");
        self.id_bound = bound;
    }

    fn remember(&mut self, key: CommandKey, row: CommandRow) {
        assert!(command_key(&row.record) == Some(key), "R13: a command is remembered by its own id");
        let position = row.position;
        let before = self.commands.insert(key, row);
        assert!(
            before.is_none_or(|before| before.position < position),
            "I5: a later record takes an earlier one's place"
        );
    }
}

impl<S: ProjectionStore> Known for Replayed<'_, S> {
    fn command(&mut self, key: CommandKey) -> Option<CommandRow> {
        match self.commands.get(&key) {
            Some(row) => Some(row.clone()),
            None => self.read(|store| disk::command(store, key)),
        }
    }

    fn id_bound(&self) -> Timestamp {
        self.id_bound
    }
}

/// What is not reported again.
#[derive(Default)]
pub(super) struct Doubts {
    pub(super) accounts: HashSet<AccountId>,
    pub(super) holds: HashSet<HoldId>,
}

/// A replay on its way.
pub(super) struct Replay<'a, S> {
    pub(super) report: &'a mut Report,
    pub(super) books: Replayed<'a, S>,
    pub(super) doubts: Doubts,
    /// Where the projections are.
    reached: Reached,
    store: Option<&'a S>,
    /// Records up to here are not applied: what they did is in the rows that the books begin with.
    skipped: Position,
    compared: bool,
    stopped: bool,
}

impl<'a, S: ProjectionStore> Replay<'a, S> {
    pub(super) fn new(checked: &Checked, reached: Reached, store: Option<&'a S>, report: &'a mut Report) -> Self {
        let mut replay = Self {
            report,
            books: Replayed::new(),
            doubts: Doubts::default(),
            reached,
            store,
            skipped: Position::NONE,
            compared: store.is_none() || reached.position == Position::NONE,
            stopped: false,
        };
        if let Some(store) = store {
            replay.begin(checked, store);
        } else if checked.start.first > Position::FIRST {
            let first = checked.start.first;
            let what = format!(
                "the journal begins at {first}, and there are no projections with what was before it: no daemon starts, and \
                 no record was applied"
            );
            let place = Place { position: Some(first), ..Place::default() };
            let invariant = Invariant::Replay;
            replay.report.add(Finding { place, invariant, what, advice: Advice::Restore });
            replay.stopped = true;
        }
        assert!(replay.skipped <= reached.position, "what is skipped is in the rows");
        assert!(
            replay.skipped == Position::NONE || checked.start.first > Position::FIRST,
            "a whole journal is replayed"
        );
        replay
    }

    /// Where the replay begins: at the first record, or at the rows of the projections.
    fn begin(&mut self, checked: &Checked, store: &'a S) {
        let (reached, first, last) = (self.reached.position, checked.start.first, checked.end.last);
        assert!(self.skipped == Position::NONE, "a replay begins once");
        assert!(first <= last.next(), "I4: a journal begins before its end");
        // A journal that is refused ends nowhere: that it is refused was said.
        if reached > last && self.report.is_clean() {
            let what = format!("the projections have reached position {reached}, and the journal ends at {last}");
            self.apart(what);
        }
        if reached < first.before() {
            let what =
                format!("the journal begins at {first}, and the projections have reached position {reached} only");
            self.apart(what);
            self.stopped = true;
        }
        if first == Position::FIRST {
            return;
        }
        self.skipped = reached;
        match Replayed::over(store) {
            Ok(books) => self.books = books,
            Err(error) => {
                self.report.add(unreadable_row(&error, Advice::Restore));
                self.stopped = true;
            }
        }
        if reached == first.before() {
            self.end_of_reached(checked.start.previous, None);
        }
    }

    fn apart(&mut self, what: String) {
        let place = Place { position: Some(self.reached.position), ..Place::default() };
        self.report.add(Finding { place, invariant: Invariant::Prefix, what, advice: Advice::Apart });
        self.compared = true;
    }

    /// The next group of the chain.
    pub(super) fn group(&mut self, group: &Group<'_>, opens: bool) -> ControlFlow<()> {
        for (position, bytes) in group.records() {
            let what = match decode_any(bytes) {
                Ok(Meaning::Record(record)) => {
                    self.report.counts.records += 1;
                    self.record(position, &record);
                    continue;
                }
                Ok(Meaning::Epoch(_)) if opens => continue,
                Ok(Meaning::Epoch(_)) => "an epoch record inside a group of others".to_owned(),
                Err(error) => format!("a record that cannot be read: {error}"),
            };
            let place = Place { position: Some(position), group: Some(group.header().key()), ..Place::default() };
            self.report.add(Finding { place, invariant: Invariant::Prefix, what, advice: Advice::Damaged });
            self.stopped = true;
        }
        if group.last() == self.reached.position {
            self.end_of_reached(group.hash(), Some(group.header().time_ms));
        } else if group.last() > self.reached.position && !self.compared {
            let what = format!(
                "no group of the journal ends at position {}, which they say they have reached",
                self.reached.position
            );
            self.apart(what);
        }
        ControlFlow::Continue(())
    }

    /// The journal is where the projections are.
    fn end_of_reached(&mut self, hash: GroupHash, time_ms: Option<u64>) {
        if self.compared {
            return;
        }
        if hash != self.reached.hash {
            let what =
                format!("the journal's hash at position {} is not the one of the projections", self.reached.position);
            self.apart(what);
            return;
        }
        self.compared = true;
        assert!(self.report.compared == Compared::Not, "the two are compared once");
        let Some(store) = self.store.filter(|_| !self.stopped) else { return };
        if self.skipped > Position::NONE {
            self.report.compared = Compared::Partly;
            return;
        }
        self.report.compared = Compared::Whole;
        let compared = compare::compare(store, &self.books, &self.doubts, time_ms.unwrap_or(0), self.report);
        if let Err(error) = compared {
            self.report.add(unreadable_row(&error, Advice::MakeAgain));
        }
    }

    fn record(&mut self, position: Position, record: &Record) {
        if self.stopped {
            return;
        }
        match record {
            // Each roll by itself: one account in doubt leaves the others to be checked.
            Record::CycleRoll(rolls) if rolls.len() > 1 => {
                let mut accounts = HashSet::new();
                for roll in rolls {
                    if accounts.insert(roll.account) {
                        self.one(position, &Record::CycleRoll(vec![*roll]));
                    } else {
                        let what = "it is rolled twice by one record".to_owned();
                        let violation = Violation::of_account(Invariant::Periods, roll.account, what);
                        self.violation(violation, position);
                    }
                }
            }
            _ => self.one(position, record),
        }
        if let Some(error) = self.books.failure.take() {
            self.report.add(unreadable_row(&error, advice(self.report)));
            self.stopped = true;
        }
    }

    fn one(&mut self, position: Position, record: &Record) {
        assert!(!self.stopped, "nothing is applied after a stop");
        if self.is_in_doubt(record) {
            self.report.counts.in_doubt += 1;
        } else if position <= self.skipped {
            self.has_left_its_mark(position, record);
        } else {
            self.apply(position, record);
        }
    }

    fn is_in_doubt(&self, record: &Record) -> bool {
        account_of(record).is_some_and(|account| self.doubts.accounts.contains(&account))
            || hold_of(record).is_some_and(|hold| self.doubts.holds.contains(&hold))
    }

    fn violation(&mut self, violation: Violation, position: Position) {
        assert!(!self.stopped, "nothing is checked after a stop");
        assert!(position > Position::NONE, "a record has a position");
        self.doubts.accounts.extend(violation.account);
        self.doubts.holds.extend(violation.hold);
        self.report.violation(violation, Some(position), Advice::Record);
    }

    fn apply(&mut self, position: Position, record: &Record) {
        assert!(position > self.skipped, "what the rows have is not applied again");
        let mut violations = Vec::new();
        check_record(&mut self.books, record, &mut |violation| violations.push(violation));
        if violations.is_empty() {
            let place = RecordPlace(position.0);
            let applied = caught(|| ledger::apply(&mut self.books, place, record));
            let refused =
                |(invariant, what)| Violation { invariant, account: account_of(record), hold: hold_of(record), what };
            match applied {
                Ok(Ok(())) => {}
                Ok(Err(error)) => violations.push(refused((invariant_of(&error), error.to_string()))),
                // The checks say it first; this is for what they do not know.
                Err(words) => violations.push(refused((Invariant::NoOvershoot, words))),
            }
            let row = account_of(record).and_then(|account| self.books.rows.get(&account));
            if let Some(row) = row.filter(|_| violations.is_empty()) {
                check_row(row, &mut |violation| violations.push(violation));
            }
            self.report.counts.applied += 1;
        }
        violations.into_iter().for_each(|violation| self.violation(violation, position));
    }

    /// What the projections must have of a record that they have reached, where it cannot be applied any more (I8).
    fn has_left_its_mark(&mut self, position: Position, record: &Record) {
        assert!(position <= self.skipped, "what is looked for is in the rows");
        assert!(position <= self.reached.position, "only what was reached has left a mark");
        let Some(store) = self.store else { return };
        let missing = match compare::left_no_mark(store, position, record) {
            Ok(missing) => missing,
            Err(error) => {
                self.books.failure.get_or_insert(error);
                return;
            }
        };
        let Some(what) = missing else { return };
        let (account, hold) = (account_of(record), hold_of(record));
        self.doubts.holds.extend(hold);
        let violation = Violation { invariant: Invariant::Replay, account, hold, what };
        self.report.violation(violation, Some(position), Advice::Restore);
    }

    /// After the last group.
    pub(super) fn finish(self) {
        let Self { report, reached, compared, stopped, .. } = self;
        assert!(compared || report.compared == Compared::Not, "what is told was compared");
        if !compared && !stopped && reached.position > Position::NONE {
            let note = format!(
                "The journal cannot be followed to position {}: the projections were not compared.",
                reached.position
            );
            report.notes.push(note);
        }
        if report.counts.in_doubt > 0 {
            let note =
                format!("{} records about accounts or holds with a finding were not checked.", report.counts.in_doubt);
            report.notes.push(note);
        }
    }
}

const fn invariant_of(error: &LedgerError) -> Invariant {
    match error {
        LedgerError::UnknownAccount { .. } | LedgerError::UnknownHold { .. } => Invariant::Prefix,
        LedgerError::HoldExists { .. } | LedgerError::AccountExists { .. } => Invariant::Once,
        LedgerError::HoldEnded { .. } => Invariant::OneEnd,
    }
}

/// The key that a record is remembered by.
pub(super) const fn key_of(record: &Record) -> Option<CommandKey> {
    command_key(record)
}
