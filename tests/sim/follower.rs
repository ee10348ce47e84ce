//! The real projections of a simulated daemon: the projector that follows the journal, its flushes, what it drops and where a
//! start begins, over a store that fails. What it shows is compared with the plain projections, record by record.

use std::collections::BTreeSet;
use std::time::Duration;

use creditd::pruning::Pruning;
use journal::projections::{
    self, ApplyError, DecodedGroup, EndedHold, Flush, Loaded, OpenError, Options, Projector, Shelf,
};
use journal::{ChainEnd, Group, Journal, Position};
use wallet::engine::Engine;
use wallet::hold::{Hold, HoldState};
use wallet::ids::{HoldId, Now, Timestamp};
use wallet::load::LoadError;
use wallet::row::Row;

use super::disk::entries_of;
use super::ground::{Projection, Rows};
use super::planted::Planted;
use super::random::Random;
use super::rows_store::SimProjections;
use super::store::Calls;

/// What a run counts.
pub(super) const FLUSH: &str = "flushes";
pub(super) const WAITING_FLUSH: &str = "flushes beside which records were applied";
pub(super) const OVERDUE: &str = "flushes that were waited for";
pub(super) const PRUNE: &str = "flushes that dropped old holds";
pub(super) const ON_SHELF: &str = "starts with all rows in memory";
pub(super) const BEHIND: &str = "starts of projections that were behind";

/// The reading side.
pub(super) type Archive = projections::Archive<SimProjections>;

pub(super) struct Follower {
    store: SimProjections,
    projector: Projector<SimProjections>,
    decoded: DecodedGroup,
    /// A flush that is under way while records are applied.
    under_way: Option<Flush<SimProjections>>,
    /// A flush has begun and none has worked since: it is handed out again.
    unfinished: bool,
    pruning: Pruning,
    /// When the process began.
    begun: u64,
    /// The second before which the next flush drops holds.
    wanted: Option<u64>,
    /// What the flush drops that has begun.
    carried: BTreeSet<HoldId>,
    dropped: Dropped,
    planted: Planted,
    calls: Calls,
    random: Random,
}

/// Ended holds that the disk has let go of.
#[derive(Clone, Default)]
pub(super) struct Dropped {
    /// A flush that has worked dropped them.
    sure: BTreeSet<HoldId>,
    /// A flush that did not work may have.
    maybe: BTreeSet<HoldId>,
}

/// Why projections do not follow.
pub(super) enum Stopped {
    /// The disk, or the process has ended: the next start may work.
    Disk,
    /// Something is wrong.
    Wrong(String),
}

impl Stopped {
    fn wrong(error: impl std::fmt::Display) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl From<ApplyError> for Stopped {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Read(projections::ReadError::Store(_)) => Self::Disk,
            error => Self::Wrong(format!("I8: the projections cannot follow the journal: {error}")),
        }
    }
}

impl From<OpenError> for Stopped {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Read(projections::ReadError::Store(_)) => Self::Disk,
            error => Self::wrong(error),
        }
    }
}

impl Follower {
    /// What a start does: opens the projections, catches up with the journal and flushes.
    pub(super) fn open(
        store: SimProjections,
        (journal, end): (&Journal, &ChainEnd),
        (planted, calls, now): (Planted, Calls, u64),
        mut random: Random,
    ) -> Result<Self, Stopped> {
        let small = |random: &mut Random| random.pick(&[1, 4, 64]);
        let options = Options {
            flush_bytes: random.pick(&[4 << 10, 32 << 10, 32 << 20]),
            cached_rows_max: small(&mut random),
            cached_holds_max: small(&mut random),
            check_each_record: true,
            check_new_ids: random.once_in_1000(500),
            ..Options::default()
        };
        let shelf = random.once_in_1000(300).then(|| Shelf::read(&store)).transpose().map_err(|_| Stopped::Disk)?;
        let mut projector = Projector::open(store.clone(), options, end.last)?;
        if let Some(shelf) = shelf.flatten() {
            projector.take_shelf(shelf).map_err(|_| Stopped::Disk)?;
            calls.count(ON_SHELF);
        }
        if projector.next() < end.last {
            calls.count(BEHIND);
        }
        let mut follower = Self {
            store,
            projector,
            decoded: DecodedGroup::default(),
            under_way: None,
            unfinished: false,
            pruning: Pruning::new(),
            begun: now,
            wanted: None,
            carried: BTreeSet::new(),
            dropped: Dropped::default(),
            planted,
            calls,
            random,
        };
        while follower.apply_next(journal)?.is_some() {
            if follower.random.once_in_1000(20) {
                follower.flush(journal, &Rows::default())?;
            }
        }
        follower.under_way = None;
        follower.projector.flush().map_err(|_| Stopped::Disk)?;
        follower.unfinished = false;
        Ok(follower)
    }

    pub(super) fn archive(&self) -> Archive {
        self.projector.archive()
    }

    /// What the next process finds of the store, and what of it was dropped.
    pub(super) fn crash(self) -> (SimProjections, Dropped) {
        let Dropped { sure, mut maybe } = self.dropped;
        maybe.extend(self.carried);
        (self.store, Dropped { sure, maybe })
    }

    /// Applies the next group, where one is synced, and says where it begins.
    fn apply_next(&mut self, journal: &Journal) -> Result<Option<Vec<u8>>, Stopped> {
        let next = self.projector.next();
        // With the bug the projections read what is written and not synced.
        let bytes = if self.planted == Planted::AheadOfTheSync && next <= journal.durability.durable() {
            journal.reader().read(next)
        } else {
            journal.read(next)
        };
        let Some(bytes) = bytes.map_err(Stopped::wrong)? else { return Ok(None) };
        let group = Group::trust(&bytes).map_err(|damage| Stopped::Wrong(damage.to_string()))?;
        self.store.set_applying(true);
        let applied = if self.random.once_in_1000(500) {
            self.projector.apply(&group)
        } else {
            self.decoded.read(&group).and_then(|()| self.projector.apply_decoded(&self.decoded))
        };
        self.store.set_applying(false);
        applied?;
        Ok(Some(bytes.to_vec()))
    }

    /// Follows what is synced, at least so many records, and the plain projections with it.
    pub(super) fn follow(&mut self, journal: &Journal, plain: &Projection, most: u64) -> Result<(), Stopped> {
        let from = self.projector.next().0;
        while self.projector.next().0 - from < most {
            while self.projector.flush_is_overdue() && !self.calls.is_down() {
                self.calls.count(OVERDUE);
                self.flush(journal, &plain.rows())?;
            }
            let next = self.projector.next();
            let Some(bytes) = self.apply_next(journal)? else { break };
            let group = Group::trust(&bytes).map_err(|damage| Stopped::Wrong(damage.to_string()))?;
            for entry in entries_of(&group, next).map_err(Stopped::Wrong)? {
                plain.apply(&entry).map_err(Stopped::Wrong)?;
            }
        }
        Ok(())
    }

    /// Begins a flush, or ends the one that has begun.
    pub(super) fn flush(&mut self, journal: &Journal, plain: &Rows) -> Result<(), Stopped> {
        if let Some(flush) = self.under_way.take() {
            return self.write(flush, journal);
        }
        let Some(flush) = self.projector.begin_flush() else { return Ok(()) };
        if !self.unfinished {
            self.unfinished = true;
            self.carried = self.to_be_dropped(plain);
            self.wanted = None;
        }
        // With the bug the journal is trimmed as far as it was followed.
        if self.planted == Planted::TrimmedTooFar {
            journal.durability.allow_trim(self.projector.reached().position);
        }
        if self.random.once_in_1000(300) {
            self.calls.count(WAITING_FLUSH);
            self.under_way = Some(flush);
            return Ok(());
        }
        self.write(flush, journal)
    }

    fn write(&mut self, flush: Flush<SimProjections>, journal: &Journal) -> Result<(), Stopped> {
        let flushed = flush.write();
        let archive = self.archive();
        let gone = |id: &&HoldId| archive.hold(**id).is_ok_and(|hold| hold.is_none());
        let gone = self.carried.iter().filter(gone).count();
        if gone != 0 && gone != self.carried.len() || gone == 0 && flushed.is_ok() && !self.carried.is_empty() {
            return Err(Stopped::Wrong(format!("R32: {gone} of {} old holds are dropped", self.carried.len())));
        }
        if let Ok(reached) = flushed {
            self.calls.count(FLUSH);
            self.unfinished = false;
            if !self.carried.is_empty() {
                self.calls.count(PRUNE);
            }
            self.dropped.sure.append(&mut self.carried);
            // With the other bug it has been allowed already.
            if self.planted != Planted::AheadOfTheSync {
                journal.durability.allow_trim(reached.position);
            }
        }
        self.dropped.maybe = if gone > 0 { self.carried.clone() } else { BTreeSet::new() };
        Ok(())
    }

    /// The ended holds of whole seconds that the next flush drops: those that were flushed before, by their records.
    fn to_be_dropped(&self, plain: &Rows) -> BTreeSet<HoldId> {
        let Some(before) = self.wanted else { return BTreeSet::new() };
        let flushed = self.archive().flushed().0;
        let old = |(id, hold): &(&HoldId, &Hold)| {
            let second = id.own_time().map_or(0, |own| own.seconds());
            hold.state != HoldState::Open
                && hold.last_position.0 <= flushed
                && (1..before).contains(&second)
                && !self.dropped.sure.contains(id)
        };
        plain.holds.iter().filter(old).map(|(id, _)| *id).collect()
    }

    /// A step of what a daemon does about old holds.
    pub(super) fn prune(&mut self, now: u64, let_go: &mut dyn FnMut() -> Timestamp, pushed: u64) {
        let at = Duration::from_millis(now - self.begun);
        if let Some(before) = self.pruning.step(at, let_go, || Position(pushed), self.projector.next()) {
            self.wanted = self.wanted.max(Some(before));
            self.projector.prune(before);
        }
    }

    /// The holds that readers do not find any more.
    pub(super) fn dropped(&self) -> BTreeSet<HoldId> {
        self.dropped.sure.union(&self.dropped.maybe).copied().collect()
    }

    /// After a crash: what was dropped is gone, and nothing else (R27).
    pub(super) fn find_dropped(&mut self, before: &Dropped, plain: &Rows) -> Result<(), String> {
        let archive = self.archive();
        for (id, hold) in &plain.holds {
            let there = archive.hold(*id).map_err(|error| error.to_string())?.is_some();
            let (sure, maybe) = (before.sure.contains(id), before.maybe.contains(id));
            match (there, hold.state) {
                (true, _) if !sure => {}
                (false, state) if state != HoldState::Open && (sure || maybe) => {
                    self.dropped.sure.insert(*id);
                }
                (there, _) => {
                    return Err(format!("R27: after a start hold {id} is there: {there}, dropped: {sure}: {hold:?}"));
                }
            }
        }
        Ok(())
    }

    /// I8: what readers see is what the plain projections have, of what has changed since a position.
    pub(super) fn agrees(&self, plain: &Projection, seen: u64) -> Result<(), String> {
        let (archive, rows) = (self.archive(), plain.rows());
        let differ = |what: &str, real: String, plain: String| {
            Err(format!("I8: the projections have another {what}\n  {real}\n  plain {plain}"))
        };
        let bad = |error: projections::ReadError| error.to_string();
        if archive.reached().0 != rows.reached {
            return differ("position", archive.reached().to_string(), rows.reached.to_string());
        }
        if (archive.id_bound(), archive.policies()) != (rows.id_bound, rows.policies.clone()) {
            return differ("head", format!("{:?}", archive.id_bound()), format!("{:?}", rows.id_bound));
        }
        for (account, row) in &rows.rows {
            let real = archive.row(*account).map_err(bad)?;
            if real.as_ref() != Some(row) {
                return differ("row", format!("{real:?}"), format!("{row:?}"));
            }
        }
        let dropped = self.dropped();
        let changed = |hold: &Hold| hold.last_position.0 > seen || hold.state == HoldState::Open;
        for (id, hold) in rows.holds.iter().filter(|(id, hold)| changed(hold) || dropped.contains(id)) {
            let real = archive.hold(*id).map_err(bad)?;
            if real.as_ref() != (!dropped.contains(id)).then_some(hold) {
                return differ("hold", format!("{id} {real:?}"), format!("{hold:?}"));
            }
        }
        for (key, row) in rows.commands.iter().filter(|(_, row)| row.position.0 > seen) {
            let real = archive.command(*key).map_err(bad)?;
            if real.as_ref() != Some(row) {
                return differ("command", format!("{real:?}"), format!("{row:?}"));
            }
        }
        match archive.violations() {
            (0, None) => Ok(()),
            violations => Err(format!("I1: {violations:?}")),
        }
    }

    /// Fills memory as a start does, and compares what it is shown with the plain projections: all of it, and nothing else.
    pub(super) fn load<J: wallet::engine::Journal>(
        &mut self,
        engine: &Engine<J, Archive>,
        plain: &Projection,
        now: Now,
    ) -> Result<(), String> {
        let bad = |error: projections::ReadError| error.to_string();
        let mut shown = Shown::default();
        let mut taken: Result<(), LoadError> = Ok(());
        let mut take = |one: Result<(), LoadError>| taken = taken.clone().and(one);
        let loading = self.projector.loading().map_err(bad)?;
        loading
            .head(&mut |loaded| match loaded {
                Loaded::Policy(policy) => engine.load_policy(policy),
                Loaded::IdBound(bound) => {
                    engine.load_id_bound(bound);
                    shown.id_bound = bound;
                }
                other => shown.strange = Some(other),
            })
            .map_err(bad)?;
        let mut load_rows = |loaded| match loaded {
            Loaded::Wallet(row) => {
                take(engine.load_wallet(&row, now));
                shown.rows.push(row);
            }
            other => shown.strange = Some(other),
        };
        loading.wallets(&mut load_rows).map_err(bad)?;
        let mut load_holds = |loaded| match loaded {
            Loaded::Hold(id, hold) => {
                take(engine.load_hold(id, hold.clone()));
                shown.open.push((id, hold));
            }
            Loaded::Ended(ended) => {
                take(engine.load_ended(ended.id, ended.last_position, ended.ended_at));
                shown.ended.push(ended);
            }
            other => shown.strange = Some(other),
        };
        loading.ended_holds(&mut load_holds).map_err(bad)?;
        loading.open_holds(&mut load_holds).map_err(bad)?;
        taken.map_err(|error| error.to_string())?;
        engine.loaded(now);
        self.projector.drop_shelf().map_err(|error| error.to_string())?;
        shown.agrees(&plain.rows(), &self.dropped())
    }
}

/// What a start was shown.
#[derive(Default)]
struct Shown {
    id_bound: Timestamp,
    rows: Vec<Row>,
    open: Vec<(HoldId, Hold)>,
    ended: Vec<EndedHold>,
    /// What does not belong where it was shown.
    strange: Option<Loaded>,
}

impl Shown {
    fn agrees(mut self, plain: &Rows, dropped: &BTreeSet<HoldId>) -> Result<(), String> {
        if let Some(strange) = self.strange {
            return Err(format!("I8: a start is shown {strange:?}"));
        }
        self.rows.sort_by_key(|row| row.account);
        self.ended.sort_by_key(|hold| hold.id);
        let remembered = |id: &HoldId| id.own_time().unwrap_or_default() >= plain.id_bound;
        let ended = plain.holds.iter().filter(|(id, hold)| hold.state != HoldState::Open && remembered(id));
        let ended = ended.filter(|(id, _)| !dropped.contains(id)).map(|(id, hold)| {
            let (last_position, ended_at) = (hold.last_position, hold.ended_at);
            EndedHold { id: *id, last_position, ended_at }
        });
        let open = plain.holds.iter().filter(|(_, hold)| hold.state == HoldState::Open);
        match () {
            () if self.id_bound != plain.id_bound => Err("R32: a start is shown another bound".to_owned()),
            () if !self.rows.iter().eq(plain.rows.values()) => Err("I8: a start is shown other wallets".to_owned()),
            () if !self.open.iter().map(|(id, hold)| (id, hold)).eq(open) => {
                Err("I8: a start is shown other open holds".to_owned())
            }
            () if !self.ended.iter().copied().eq(ended) => Err("I8: a start is shown other ended holds".to_owned()),
            () => Ok(()),
        }
    }
}
