//! `creditd seed`: a new data folder with many accounts, for measurements.
//!
//! It is the folder of a daemon that has opened and funded the accounts, has flushed their rows and has trimmed the journal
//! behind them; so it takes a microsecond or two an account. What is to be behind the projections is journaled like all
//! records. `creditd fsck` finds nothing wrong.

use std::path::{Path, PathBuf};

use journal::made::is_made;
use journal::projections::{self, Reached, RocksProjections, write_rows};
use journal::recovery::{check, open_epoch};
use journal::rocks::{self, RocksStore};
use journal::store::{AppendError, Start};
use journal::{
    Class, EncodedUnit, Epoch, GroupHash, Journal, JournalSettings, Position, RecoveryError, Store, WriteFailed,
    Writer, WriterId,
};
use wallet::bucket::{Slices, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, Day, HoldId, Now, Period, Tier, Timestamp, WorkerId};
use wallet::policy::FreePolicies;
use wallet::record::{Attribution, Capture, CaptureRequest, FreePolicy, Record, Reserve, Terms};
use wallet::row::Row;
use wallet::settings::DAY_MS;
use wallet::subscription::Subscription;

use crate::clock::{Clock, StartStep, Steps};
use crate::config::{FreeEligible, FreePart};
use crate::data::{self, DataError};

/// Records that are pushed in one piece.
const UNIT_RECORDS: u32 = 1_024;
/// How long a hold of the records behind the projections would have stayed open, in milliseconds.
const HOLD_MS: u32 = 60_000;
/// Records that would have made an account: it was opened, and funded.
const RECORDS_PER_ACCOUNT: u64 = 2;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// The id of the first account; the others follow.
    pub from: u128,
    /// How many accounts.
    pub accounts: u32,
    /// Credits of a subscription by hand that each account is given; zero for none.
    pub funds: Credits,
    /// Bytes of reserves and commits that the journal has and the projections have not, as after a crash.
    pub behind_bytes: u64,
    /// The free allowance.
    pub free: FreePolicy,
}

impl Seed {
    /// The allowance that a daemon with this configuration journals at its first start.
    #[must_use]
    pub const fn allowance(free: &FreePart) -> FreePolicy {
        let all_accounts = matches!(free.eligible, FreeEligible::All);
        FreePolicy { from: Day(0), allowance: free.allowance, all_accounts }
    }
}

/// Why there is no such folder.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Something was journaled in it.
    #[error("{} has a journal; `creditd seed` makes a folder of its own", path.display())]
    NotNew {
        /// The folder.
        path: PathBuf,
    },
    /// The journal's store cannot be opened.
    #[error(transparent)]
    Store(#[from] rocks::OpenError),
    /// The journal is refused.
    #[error(transparent)]
    Journal(#[from] RecoveryError),
    /// The journal takes nothing.
    #[error(transparent)]
    Write(#[from] WriteFailed),
    /// The clock cannot be used.
    #[error(transparent)]
    Clock(#[from] StartStep),
    /// The store of the projections cannot be opened.
    #[error("the projections' store: {0}")]
    ProjectionStore(#[from] projections::StoreError),
    /// The journal cannot be begun.
    #[error(transparent)]
    Begin(#[from] AppendError),
}

/// Makes the folder.
///
/// # Errors
/// [`SeedError`]; the folder is then of no use.
pub fn run(path: &Path, seed: &Seed) -> Result<(), SeedError> {
    data::init(path)?;
    let directory = data::open(path)?;
    if is_made(&directory.journal()).map_err(rocks::OpenError::from)? {
        return Err(SeedError::NotNew { path: path.to_owned() });
    }
    let now = Clock::start(Timestamp::NONE, Steps { forward_max_ms: u64::MAX, start_max_ms: u64::MAX })?.now();
    let before = seed.before();
    let mut policies = FreePolicies::new();
    policies.add(seed.free);
    let rows = seed.accounts().map(|account| seed.row(account, &policies, now));
    write_rows(&RocksProjections::open(&directory.projections())?, &policies, rows, before)?;

    let start = Start { first: before.position.next(), epoch: before.epoch, previous: before.hash };
    RocksStore::make(&directory.journal(), start)?.close()?;
    let mut store = RocksStore::open(&directory.journal(), false)?;
    let found = check(store.reader().as_ref(), &mut |_, _| {})?;
    let end = open_epoch(&mut store, found, WriterId(seed.from.to_le_bytes()), now.daemon.0)?.end;
    directory.sync().map_err(DataError::from)?;
    let (journal, writer) = Journal::start(store, end, &JournalSettings::default());
    Pen { journal, writer, unit: EncodedUnit::new(), now, bytes: 0 }.write_behind(seed)
}

impl Seed {
    fn accounts(&self) -> impl Iterator<Item = AccountId> + Clone + use<> {
        let from = self.from;
        (0..self.accounts).map(move |number| AccountId(from.wrapping_add(u128::from(number))))
    }

    /// Where the journal would have been, the record of the allowance included.
    fn before(&self) -> Reached {
        let position = Position(u64::from(self.accounts) * RECORDS_PER_ACCOUNT + 1);
        Reached {
            position,
            epoch: Epoch(1),
            hash: GroupHash(self.from.to_le_bytes().repeat(2).try_into().unwrap_or_default()),
        }
    }

    fn row(&self, account: AccountId, policies: &FreePolicies, now: Now) -> Row {
        let mut row = Row::new(account, "UTC".to_owned(), day(now), policies);
        if self.funds > Credits::ZERO {
            let starts_at = Timestamp(now.daemon.seconds().saturating_mul(1_000));
            let subscription = Subscription::by_hand(Tier(1), self.funds, starts_at, Timestamp::NONE);
            row.roll_period(Period(1), self.funds, Some(subscription));
        }
        row
    }
}

fn day(now: Now) -> Day {
    Day(u32::try_from(now.daemon.0 / DAY_MS).unwrap_or(u32::MAX))
}

/// What writes the journal.
struct Pen<S> {
    journal: Journal,
    writer: Writer<S>,
    unit: EncodedUnit,
    now: Now,
    /// Bytes of groups that were written.
    bytes: u64,
}

impl<S: Store> Pen<S> {
    fn write(&mut self, record: &Record) -> Result<(), SeedError> {
        if let Err(error) = journal::codec::encode_record(record, &mut self.unit) {
            unreachable!("a record of a seed is short: {error}");
        }
        if self.unit.records() >= UNIT_RECORDS { self.flush() } else { Ok(()) }
    }

    /// Everything that was written so far is synced.
    fn flush(&mut self) -> Result<(), SeedError> {
        if self.unit.is_empty() {
            return Ok(());
        }
        let room = self.journal.queue.try_take_room(self.unit.records(), Class::Settlement);
        assert!(room, "I9: one unit is on its way");
        self.journal.queue.push(&self.unit);
        self.unit.clear();
        while let Some(published) = self.writer.write_next(self.now.daemon.0)? {
            self.bytes = self.bytes.saturating_add(u64::try_from(published.bytes).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Reserves and commits of all accounts in turn, which no projection follows.
    fn write_behind(&mut self, seed: &Seed) -> Result<(), SeedError> {
        let mut accounts = seed.accounts().cycle();
        let mut number: u128 = 0;
        while self.bytes < seed.behind_bytes
            && let Some(account) = accounts.next()
        {
            number += 1;
            let hold = HoldId((u128::from(self.now.wall.0) << 80) | (7 << 76) | (2 << 62) | number);
            let [reserve, capture] = settled(account, hold, seed.funds > Credits::ZERO, self.now);
            self.write(&reserve)?;
            self.write(&capture)?;
        }
        self.flush()
    }
}

/// A hold of a millicredit, and its commit.
fn settled(account: AccountId, hold: HoldId, funded: bool, now: Now) -> [Record; 2] {
    let amount = Credits::from_millis(1);
    let split =
        if funded { Split { subscription: amount, ..Split::ZERO } } else { Split { free: amount, ..Split::ZERO } };
    let period = Period(u32::from(funded));
    let taken = Slices { split, day: day(now), period };
    let reserve = Reserve {
        account,
        hold,
        taken,
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
        terms: Terms { ttl_ms: HOLD_MS, hold_ms: HOLD_MS, ..Terms::NONE },
        at: now.daemon,
        ends_at: now.daemon.plus_millis(u64::from(HOLD_MS)),
    };
    let capture = Capture {
        account,
        hold,
        request: CaptureRequest { number: 1, amount: Some(amount), last: true },
        captured: split,
        drawn: Slices { split: Split::ZERO, ..taken },
        returned: Split::ZERO,
        forfeited: Split::ZERO,
        late: false,
        attribution: Attribution::default(),
        at: now.daemon,
    };
    [Record::Reserve(reserve), Record::Capture(capture)]
}

#[cfg(test)]
mod tests;
