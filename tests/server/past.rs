//! A data folder whose journal was written at times of a test's choosing: the rules decide, without a daemon, and their
//! records are written as a daemon writes them. So a real daemon can be started after missed days, or a moment before
//! the end of one: its time begins where the journal ends.

use std::path::Path;
use std::sync::Arc;

use creditd::catalogue::Catalogue;
use creditd::config::CatalogPart;
use journal::directory::DataDirectory;
use journal::recovery::{check, open_epoch};
use journal::rocks::RocksStore;
use journal::{Class, DurabilityMode, EncodedUnit, Journal as Writing, JournalSettings, RoomLimits, Store, WriterId};
use parking_lot::Mutex;
use wallet::bucket::Bucket;
use wallet::credits::Credits;
use wallet::engine::{Archive, ArchiveError, Engine, Journal};
use wallet::hold::Hold;
use wallet::ids::{AccountId, CommandId, HoldId, Now, PlanId, Position, Tier, Timestamp};
use wallet::ledger::{CommandKey, CommandRow};
use wallet::record::Record;
use wallet::request::{Command, CommandRequest};
use wallet::settings::Settings;

/// Keeps what is pushed.
#[derive(Clone, Default)]
struct Pushed(Arc<Mutex<Vec<Record>>>);

impl Journal for Pushed {
    fn push(&self, records: &[Record]) -> Position {
        let mut pushed = self.0.lock();
        let first = pushed.len() as u64 + 1;
        pushed.extend_from_slice(records);
        Position(first)
    }

    fn pushed(&self) -> Position {
        Position(self.0.lock().len() as u64)
    }
}

/// Nothing was there before.
struct Nothing;

impl Archive for Nothing {
    fn hold(&self, _: HoldId) -> Result<Option<Hold>, ArchiveError> {
        Ok(None)
    }

    fn command(&self, _: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        Ok(None)
    }

    fn reached(&self) -> Position {
        Position::NONE
    }

    fn flushed(&self) -> Position {
        Position::NONE
    }
}

/// What happened before the daemon is started.
pub(crate) struct Past {
    engine: Engine<Pushed, Nothing>,
    now: Now,
    commands: u128,
}

impl Past {
    /// It begins at this instant, with 100 free credits a day.
    pub(crate) fn beginning(at: Timestamp) -> Self {
        let engine = Engine::new(Settings::default(), Pushed::default(), Nothing);
        let now = Now::at(at);
        engine.ensure_policy(Credits::from_whole(100), false, now);
        engine.set_plans(Catalogue::load(&CatalogPart::default()).unwrap().plans);
        Self { engine, now, commands: 0 }
    }

    fn command(&mut self, command: Command) {
        self.commands += 1;
        let id = CommandId(self.commands);
        let answer =
            self.engine.command(&CommandRequest { id, command, by: "past".into(), reason: String::new() }, self.now);
        assert_eq!(answer.outcome, wallet::outcome::Outcome::Done);
    }

    pub(crate) fn open(&mut self, account: u128, zone: &str) {
        self.command(Command::OpenAccount { account: AccountId(account), zone: zone.into() });
    }

    /// Takes free credits, so that the day leaves a trace (R5).
    pub(crate) fn draw(&mut self, account: u128, whole: u64) {
        let amount = Credits::from_whole(whole);
        self.command(Command::Correct { account: AccountId(account), bucket: Bucket::Free, amount });
    }

    /// A subscription that ends at its time.
    pub(crate) fn subscribe(&mut self, account: u128, whole: u64, ends_at: Timestamp) {
        let (account, amount, tier) = (AccountId(account), Credits::from_whole(whole), Tier(1));
        self.command(Command::SetSubscription { account, amount, tier, ends_at });
    }

    /// A plan of the samples that come with the program, by auto-renewal; its first cycle begins now.
    pub(crate) fn subscribe_to(&mut self, account: u128, plan: u16) {
        let (account, plan, paid_through) = (AccountId(account), PlanId(plan), Timestamp::NONE);
        self.command(Command::Subscribe { account, plan, auto_renew: true, paid_through });
    }

    /// A record that the rules did not make.
    pub(crate) fn push(&self, record: Record) {
        self.engine.journal().push(&[record]);
    }

    /// Writes the journal of a new data folder; its last group has this time. Says how many records it has.
    pub(crate) fn write(self, folder: &Path, last_at: Timestamp) -> u64 {
        creditd::data::init(folder).unwrap();
        let directory = DataDirectory::open(folder).unwrap();
        let mut store = RocksStore::open(&directory.journal(), true).unwrap();
        let found = check(store.reader().as_ref(), &mut |_, _| {}).unwrap();
        let end = open_epoch(&mut store, found, WriterId([7; 16]), self.now.daemon.0).unwrap().end;
        let room = RoomLimits { journal_room_records: 1 << 20, settlement_share_records: 0 };
        let settings = JournalSettings { mode: DurabilityMode::Sync, room, recent_bytes_max: 1 << 20 };
        let (journal, mut writer) = Writing::start(store, end, &settings);
        let records = std::mem::take(&mut *self.engine.journal().0.lock());
        for few in records.chunks(1_000) {
            let mut unit = EncodedUnit::new();
            journal::codec::encode_unit(few, &mut unit).unwrap();
            assert!(journal.queue.try_take_room(unit.records(), Class::Settlement));
            journal.queue.push(&unit);
            while writer.write_next(last_at.0).unwrap().is_some() {}
        }
        records.len() as u64
    }
}
