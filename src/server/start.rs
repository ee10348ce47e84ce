//! From a data folder to a running daemon: recovery, projections, memory, threads.
//!
//! The order matters. The journal is checked, and that the projections are of it, before anything is written; its epoch
//! record is synced before anything is told to anybody; the projections catch up with it and are flushed before memory is
//! filled from them; wallets are rolled with the journaled allowances and terms before the configured allowance and the
//! catalogue are looked at. What that pushed is synced before anybody is served.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use journal::directory::{DataDirectory, DirectoryError};
use journal::made::is_made;
use journal::memory::MemoryStore;
use journal::projections::{
    self, MemoryProjections, Options, ProjectionStore, Projector, RocksProjections, Shelf, check_fit,
};
use journal::recovery::{Checked, adopt, check, open_epoch};
use journal::rocks::{self, RocksReader, RocksStore};
use journal::store::{FILE_BYTES_MAX, is_of_the_disk};
use journal::torn::TornEnd;
use journal::{
    Class, DurabilityMode, Group, GroupReader, Journal, JournalSettings, Position as JournalPosition, Queue,
    RecoveryError, Store, Writer, WriterId,
};
use protocol::NodeId;
use tokio::sync::{Mutex, watch};
use wallet::engine::Journal as _;
use wallet::ids::{Position, Timestamp};
use wallet::load::LoadError;

use crate::archive::ArchiveLink;
use crate::aside::Aside;
use crate::auditor::AuditCounts;
use crate::catalogue::Catalogue;
use crate::catchup::{Told, rate};
use crate::clock::{Clock, StartStep, Steps};
use crate::config::{FreeEligible, Settings};
use crate::cycles::Cycles;
use crate::daemon::{Daemon, Identity, Phase, Progress, Rules};
use crate::disk::DiskWatch;
use crate::lag::Lag;
use crate::link::{JournalLink, Room, counted};
use crate::metrics::Metrics;
use crate::projector::FollowError;
use crate::reclaim::Next;
use crate::reload::ConfigSource;
use crate::resets::Resets;
use crate::syncing::Syncing;
use crate::{auditor, catchup, journaling, loading, places, priority, projector, reclaim, sweep, ticker};

/// Groups that stay in memory for the projections, so that those that follow closely read no disk; a projection that is far
/// behind reads the journal.
const RECENT_BYTES_MAX: usize = 16 << 20;
/// How long a start that waits for room sleeps before looking again.
const ROOM_LOOK: std::time::Duration = std::time::Duration::from_millis(2);

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal's store cannot be opened.
    #[error(transparent)]
    Store(#[from] rocks::OpenError),
    /// The journal is refused.
    #[error(transparent)]
    Journal(#[from] RecoveryError),
    /// The wall clock is far ahead of the journal.
    #[error(transparent)]
    Clock(#[from] StartStep),
    /// The data folder cannot be synced.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The store of the projections cannot be opened.
    #[error("the projections' store: {0}")]
    ProjectionStore(#[from] projections::StoreError),
    /// The projections do not belong to the journal.
    #[error(transparent)]
    Projections(#[from] projections::OpenError),
    /// The projections cannot follow the journal.
    #[error("the projections do not follow the journal: {0}")]
    Follow(#[from] FollowError),
    /// The projections cannot be read.
    #[error("the projections cannot be read: {0}")]
    Read(#[from] projections::ReadError),
    /// What the projections have does not make wallets.
    #[error("the projections do not make a daemon's memory: {0}")]
    Load(#[from] LoadError),
    /// The system has no thread to give.
    #[error("a thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
    /// A thread of the daemon has failed before it was ready; the process is about to end, with the code of that.
    #[error("the daemon has failed before it was ready: its log says why")]
    Failed,
}

impl StartError {
    /// Whether the disk refused a call, so that the same start may work a little later: nothing is wrong with the data.
    #[must_use]
    pub fn is_of_the_disk(&self) -> bool {
        match self {
            Self::Journal(RecoveryError::Epoch(_)) | Self::Directory(_) => true,
            // Of a disk or of a bug: that code says which.
            Self::Clock(_) | Self::Load(_) | Self::Thread(_) | Self::Failed => false,
            Self::Follow(error) => error.is_of_the_disk(),
            Self::Store(_) | Self::Journal(_) | Self::ProjectionStore(_) | Self::Projections(_) | Self::Read(_) => {
                is_of_the_disk(self)
            }
        }
    }
}

/// A daemon with its threads.
pub struct Started {
    /// What the tasks share.
    pub daemon: Arc<Daemon>,
    threads: Threads,
}

struct Threads {
    writer: JoinHandle<()>,
    ticker: Stoppable,
    sweep: Stoppable,
    projector: Stoppable,
    auditor: Stoppable,
    reclaim: Option<Stoppable>,
}

/// A thread that ends when the sender is dropped.
type Stoppable = (mpsc::Sender<()>, JoinHandle<()>);

/// What a daemon is made of, as far as it is read from files and flags.
pub struct Wanted {
    /// The checked configuration.
    pub settings: Settings,
    /// Plans and prices.
    pub catalogue: Catalogue,
    /// Where the configuration came from, for a reload.
    pub config_source: ConfigSource,
}

/// Starts on a folder; without one (`durability = "memory"`) nothing is kept.
///
/// # Errors
/// [`StartError`]; nothing was changed on disk unless the journal could be recovered.
pub fn start(wanted: Wanted, directory: Option<DataDirectory>) -> Result<Started, StartError> {
    let Some(directory) = directory else {
        let store = MemoryStore::new();
        let found = check(store.reader().as_ref(), &mut |_, _| {})?;
        return go_on(wanted, (store, found), (MemoryProjections::new(), None), ArchiveLink::Memory, None);
    };
    let path = directory.journal();
    let files = places::projection_files_of_process();
    let Before { is_new, end, torn } = look(&directory)?;
    if let Some(torn) = &torn {
        drop_end(torn)?;
    }
    // No more than its limit, which is checked: a size that this machine can count.
    let file_bytes = usize::try_from(wanted.settings.config.journal.file_bytes).unwrap_or(FILE_BYTES_MAX);
    let store = RocksStore::open_with_files(&path, is_new, file_bytes)?;
    let open = || RocksProjections::open_with_files(&directory.projections(), files);
    let (found, projections) = std::thread::scope(|scope| {
        let read = || Ok::<_, StartError>(loading::read(open()?, end)?);
        let named = std::thread::Builder::new().name("projections".to_owned());
        let projections = named.spawn_scoped(scope, read).map_err(StartError::Thread)?;
        // What opening for writing made of the files is read as well: the epoch rests on it.
        let found = Checked { torn, ..check(store.reader().as_ref(), &mut report(&path))? };
        let projections = projections.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok::<_, StartError>((found, projections))
    })?;
    priority::lower_rocksdb();
    // Before anything is acknowledged: both stores may just have been made.
    directory.sync()?;
    go_on(wanted, (store, found), projections, ArchiveLink::Rocks, Some(directory))
}

/// What there is in a folder, before anything is opened for writing.
struct Before {
    is_new: bool,
    end: JournalPosition,
    /// What the newest log ends with that is no group.
    torn: Option<TornEnd>,
}

/// Reads the whole journal, and where the projections are in it. To open a store for writing writes it anew and removes what
/// its own list does not name: what does not fit, or is not whole, is refused as it is.
fn look(directory: &DataDirectory) -> Result<Before, StartError> {
    let (path, projections) = (directory.journal(), directory.projections());
    let reached = || RocksProjections::reached_in(&projections).map_err(projections::OpenError::from);
    let is_new = !is_made(&path).map_err(rocks::OpenError::from)?;
    let (found, reader): (Checked, Arc<dyn GroupReader>) = if is_new {
        let reader = MemoryStore::new().reader();
        (check(reader.as_ref(), &mut |_, _| {})?, reader)
    } else {
        let reader = RocksReader::open(&path)?;
        let found = Checked { torn: reader.torn_end().cloned(), ..check(&reader, &mut report(&path))? };
        reader.pass_over(found.outside());
        (found, Arc::new(reader))
    };
    check_fit(&reached()?, &found, reader.as_ref())?;
    Ok(Before { is_new, end: found.end.last, torn: found.torn })
}

/// Cuts off what stands behind the last group. Everything before it was found to be a journal, and nothing was written yet.
fn drop_end(torn: &TornEnd) -> Result<(), StartError> {
    torn.cut().map_err(rocks::OpenError::from)?;
    let place = torn.path.display();
    tracing::warn!(%place, byte = torn.from, bytes = torn.bytes, damage = torn.what, "a torn end was dropped");
    Ok(())
}

fn go_on<S: Store + 'static, P: ProjectionStore>(
    Wanted { settings, catalogue, config_source }: Wanted,
    (mut store, found): (S, Checked),
    (projections, shelf): (P, Option<Shelf>),
    link: impl FnOnce(projections::Archive<P>) -> ArchiveLink,
    directory: Option<DataDirectory>,
) -> Result<Started, StartError> {
    let clock = Arc::new(Clock::start(last_time(&store, &found)?, steps(&settings))?);
    let run = random_bytes();
    let now = clock.now();
    tell(&found);
    // Before the epoch record: with it counted in, projections that are one record ahead would seem to be at the end.
    adopt(&mut store, &found);
    check_fit(&projections::reached(&projections)?, &found, store.reader().as_ref())?;
    let end = open_epoch(&mut store, found, WriterId(run), now.daemon.0)?.end;
    let identity = Identity { node: NodeId::from_bytes(run), epoch: end.epoch.0 };
    let (journal, writer) = Journal::start(store, end, &journal_settings(&settings));

    let mut projector = Projector::open(projections, options(&settings), end.last)?;
    if let Some(shelf) = shelf {
        projector.take_shelf(shelf)?;
    }
    let archive = link(projector.archive());
    catchup::catch_up(&mut projector, &journal)?;
    projector.flush()?;
    let metrics = Metrics::install(now.wall.seconds());
    let link = JournalLink::new(Arc::clone(&journal.queue), metrics.flows());
    let rules = Rules::new(settings.rules(), link, archive);
    loading::load(&rules, &mut projector, clock.now())?;
    projector.drop_shelf()?;
    ensure_policy(&rules, &journal.queue, &settings, &clock);

    let (progress, seen) = watch::channel(Progress { durable: Position(end.last.0), failed: false });
    let progress = Arc::new(progress);
    // The journal's thread alone keeps it: that nothing comes any more is known when that thread has ended.
    let failing = Arc::downgrade(&progress);
    let daemon = Arc::new(Daemon {
        identity,
        rules,
        queue: Arc::clone(&journal.queue),
        durability: Arc::clone(&journal.durability),
        progress: seen,
        phase: watch::Sender::new(Phase::Starting),
        clock,
        metrics,
        projection_wanted: AtomicU64::new(0),
        timer_lag: Lag::default(),
        resets: Resets::default(),
        aside: Aside::start("aside").map_err(StartError::Thread)?,
        reader: Aside::start("reload").map_err(StartError::Thread)?,
        syncing: Syncing::default(),
        config_source,
        audit: AuditCounts::default(),
        reloading: Mutex::new(()),
        walking: Mutex::new(()),
        disk: DiskWatch::new(directory.as_ref(), settings.config.journal.disk_low_bytes),
        folder: directory,
        settings,
    });
    let writer = spawn_writer(writer, Arc::clone(&daemon), progress)?;
    let project = move |daemon: &Arc<Daemon>, stop: &_| projector::run(projector, &journal, daemon, &failing, stop);
    let projector = spawn("projector", &daemon, project)?;
    // The first request must not come before the first look.
    daemon.disk.look();
    // Alone: what another thread had taken out of the wheel, this one would not wait for.
    roll_all(&daemon);
    until_durable(&daemon)?;
    // Before its thread: one that gets no turn for long is late with its first tick.
    let begun = Clock::stopwatch();
    let threads = Threads {
        writer,
        projector,
        ticker: spawn("ticker", &daemon, move |daemon, stop| ticker::run(daemon, stop, begun))?,
        sweep: spawn("sweep", &daemon, sweep::run)?,
        auditor: spawn("auditor", &daemon, |daemon, stop| auditor::run(daemon, stop))?,
        reclaim: daemon.folder.as_ref().map(|directory| spawn_reclaim(&daemon, directory)).transpose()?,
    };
    daemon.rules.set_plans(Arc::clone(&catalogue.plans));
    daemon.rules.set_rates(Arc::clone(&catalogue.rates));
    let (plans, rates) = (catalogue.plans.version(), catalogue.rates.version());
    tracing::info!(plans, rates, "plans and prices are in force");
    Ok(Started { daemon, threads })
}

impl Started {
    /// Ends the threads in the order in which they depend on each other: nothing pushes any more, the journal is written
    /// and synced, the projections follow it to its end and are flushed. The folder's lock goes with the daemon, which tasks
    /// may still have.
    pub fn stop(self) {
        let Threads { writer, ticker, sweep, projector, auditor, reclaim } = self.threads;
        stop(auditor);
        stop(ticker);
        stop(sweep);
        self.daemon.reader.stop();
        // A walk that takes longer than it waits may still push: nobody is told of that, and the journal does not have it.
        self.daemon.aside.stop();
        self.daemon.queue.close();
        // A thread that panicked has ended the process by then.
        let _ = writer.join();
        stop(projector);
        reclaim.into_iter().for_each(stop);
    }
}

fn stop((sender, thread): Stoppable) {
    drop(sender);
    let _ = thread.join();
}

fn spawn(
    name: &str,
    daemon: &Arc<Daemon>,
    run: impl FnOnce(&Arc<Daemon>, &mpsc::Receiver<()>) + Send + 'static,
) -> Result<Stoppable, StartError> {
    let (sender, stopped) = mpsc::channel();
    let daemon = Arc::clone(daemon);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&daemon, &stopped));
    Ok((sender, thread.map_err(StartError::Thread)?))
}

fn spawn_reclaim(daemon: &Arc<Daemon>, directory: &DataDirectory) -> Result<Stoppable, StartError> {
    let folders = vec![(directory.journal(), Next::Oldest), (directory.projections(), Next::Newest)];
    spawn("reclaim", daemon, move |_, stop| reclaim::run(folders, stop))
}

fn spawn_writer<S: Store + 'static>(
    writer: Writer<S>,
    daemon: Arc<Daemon>,
    progress: Arc<watch::Sender<Progress>>,
) -> Result<JoinHandle<()>, StartError> {
    let run = move || journaling::run(writer, daemon, progress);
    std::thread::Builder::new().name("journal".to_owned()).spawn(run).map_err(StartError::Thread)
}

/// Journals the configured allowance where it is not the journaled one.
fn ensure_policy(rules: &Rules, queue: &Arc<Queue>, settings: &Settings, clock: &Clock) {
    let free = &settings.config.free;
    let all_accounts = free.eligible == FreeEligible::All;
    let Some(mut room) = Room::take(queue, 1, Class::Settlement) else { panic!("a new queue has room") };
    let (changed, pushed) = counted(|| rules.ensure_policy(free.allowance, all_accounts, clock.now()));
    room.used(pushed);
    if changed {
        tracing::info!(allowance = %free.allowance, all_accounts, "a new daily allowance was journaled");
    }
}

/// Rolls every wallet whose cycle ended while no daemon ran, with the terms that were journaled; waits for room, and for
/// the journal behind it, as often as it needs to.
fn roll_all(daemon: &Daemon) {
    let mut cycles = Cycles::default();
    while cycles.roll(daemon) {
        if daemon.phase_now() == Phase::Failed {
            return;
        }
        // No request's group comes by that they could go with.
        daemon.queue.ring();
        daemon.durability.wait_past(daemon.durability.synced(), ROOM_LOOK);
    }
    if cycles.rolled() > 0 {
        tracing::info!(wallets = cycles.rolled(), "wallets were rolled over the cycles that ended meanwhile");
    }
}

/// Waits until what this start has decided is synced, as its epoch is: who asks a ready daemon is told nothing that a crash
/// right after takes back, and that a later start might decide another way. No interval is waited out for it.
fn until_durable(daemon: &Daemon) -> Result<(), StartError> {
    daemon.queue.sync_soon();
    let pushed = daemon.rules.journal().pushed().0;
    loop {
        if daemon.durability.has_failed() || daemon.phase_now() == Phase::Failed {
            return Err(StartError::Failed);
        }
        if daemon.durability.synced().0 >= pushed {
            return Ok(());
        }
        daemon.durability.wait_past(daemon.durability.synced(), ROOM_LOOK);
    }
}

/// The time of the journal's last group; zero for a new journal.
fn last_time(store: &impl Store, found: &Checked) -> Result<Timestamp, StartError> {
    if found.groups == 0 {
        return Ok(Timestamp::NONE);
    }
    let group = store.reader().read(found.end.last).map_err(RecoveryError::from)?;
    let time = group.as_deref().and_then(|bytes| Group::trust(bytes).ok()).map_or(0, |group| group.header().time_ms);
    Ok(Timestamp(time))
}

fn tell(found: &Checked) {
    if let Some(dropped) = &found.dropped {
        tracing::warn!(place = %dropped.key, bytes = dropped.bytes, damage = %dropped.damage, "a torn end was dropped");
    }
    let last = found.end.last.0;
    tracing::info!(groups = found.groups, bytes = found.bytes, last, "journal checked");
}

fn steps(settings: &Settings) -> Steps {
    let part = &settings.config.clock;
    Steps { forward_max_ms: part.forward_step_max_ms, start_max_ms: part.start_step_max_ms }
}

fn journal_settings(settings: &Settings) -> JournalSettings {
    JournalSettings { mode: settings.durability, room: settings.room, recent_bytes_max: RECENT_BYTES_MAX }
}

fn options(settings: &Settings) -> Options {
    let part = &settings.config.projection;
    let flush_bytes = usize::try_from(part.flush_bytes).unwrap_or(usize::MAX);
    Options { flush_bytes, flush_interval_ms: part.flush_interval_ms, ..Options::default() }
}

/// Sixteen bytes that no other run has: the standard library keys its hash maps from the system's randomness.
fn random_bytes() -> [u8; 16] {
    let half = |number: u64| u128::from(RandomState::new().hash_one(number));
    ((half(1) << 64) | half(2)).to_le_bytes()
}

/// Says now and then how far a long check of the journal is.
fn report(path: &Path) -> impl FnMut(u64, u64) + use<> {
    let path = PathBuf::from(path);
    let mut told = Told::from_now();
    move |groups, bytes| {
        if let Some(passed) = told.again() {
            let (rate, seconds) = (rate(bytes, passed), passed.as_secs());
            tracing::info!(path = %path.display(), groups, bytes, rate, seconds, "checking the journal");
        }
    }
}

/// Whether a mode keeps anything.
#[must_use]
pub const fn needs_folder(mode: DurabilityMode) -> bool {
    !matches!(mode, DurabilityMode::Memory)
}
