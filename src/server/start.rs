//! From a data folder to a running daemon: recovery, projections, memory, threads.
//!
//! The order matters. The journal is checked and its epoch record synced before anything is told to anybody; the
//! projections catch up with it and are flushed before memory is filled from them; wallets are rolled with the journaled
//! allowances before the configured one is looked at.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use journal::directory::DataDirectory;
use journal::memory::MemoryStore;
use journal::recovery::{Checked, check, open_epoch};
use journal::rocks::{OpenError, RocksReader, RocksStore};
use journal::{
    Class, Durability, DurabilityMode, Group, Published, Queue, RecentGroups, RecoveryError, Store, WriteFailed, Writer,
    WriterEvents, WriterId,
};
use protocol::NodeId;
use tokio::sync::watch;
use wallet::ids::{Position, Timestamp};

use crate::archive::ArchiveLink;
use crate::clock::{Clock, StartStep, Steps, Stopwatch};
use crate::config::{FreeEligible, Settings};
use crate::daemon::{Daemon, Identity, Phase, Progress, Rules};
use crate::link::{JournalLink, Room, counted};
use crate::metrics::Metrics;
use crate::{shutdown, ticker};

/// Groups that stay in memory for the projections, so that they need not be read from the disk again.
const RECENT_BYTES: usize = 32 << 20;
/// Every how many groups a long recovery says how far it is.
const PROGRESS_EVERY_GROUPS: u64 = 16_384;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal's store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The journal itself.
    #[error(transparent)]
    Journal(#[from] RecoveryError),
    /// The wall clock.
    #[error(transparent)]
    Clock(#[from] StartStep),
    /// The projections.
    #[error("the projections: {0}")]
    Projections(String),
    /// What is to be in memory.
    #[error("the projections do not make a daemon's memory: {0}")]
    Load(#[from] wallet::load::LoadError),
    /// The system has no thread to give.
    #[error("a thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// A daemon with its threads.
pub struct Started {
    /// What the tasks share.
    pub daemon: Arc<Daemon>,
    threads: Threads,
    /// Locked as long as the daemon runs.
    _directory: Option<DataDirectory>,
}

struct Threads {
    writer: JoinHandle<()>,
    ticker: (mpsc::Sender<()>, JoinHandle<()>),
    projector: (mpsc::Sender<()>, JoinHandle<()>),
}

/// Starts on a folder; without one (`durability = "memory"`) nothing is kept.
///
/// # Errors
/// [`StartError`]; nothing was changed on disk unless the journal could be recovered.
pub fn start(settings: Settings, directory: Option<DataDirectory>) -> Result<Started, StartError> {
    let watch = Clock::stopwatch();
    match directory {
        Some(directory) => {
            let path = directory.journal();
            let is_new = !RocksReader::exists(&path);
            if !is_new {
                check(&RocksReader::open(&path)?, &mut Report::new(&path, watch).sink())?;
            }
            let store = RocksStore::open(&path, is_new)?;
            // What opening for writing made of the files is read as well: the epoch rests on it.
            let found = check(store.reader().as_ref(), &mut Report::new(&path, watch).sink())?;
            go_on(settings, store, found, Some(directory))
        }
        None => {
            let store = MemoryStore::new();
            let found = check(store.reader().as_ref(), &mut |_, _| {})?;
            go_on(settings, store, found, None)
        }
    }
}

fn go_on<S: Store + 'static>(
    settings: Settings,
    mut store: S,
    found: Checked,
    directory: Option<DataDirectory>,
) -> Result<Started, StartError> {
    let part = &settings.config.clock;
    let steps = Steps { forward_max_ms: part.forward_step_max_ms, start_max_ms: part.start_step_max_ms };
    let clock = Arc::new(Clock::start(last_time(&store, &found)?, steps)?);
    if let Some(dropped) = &found.dropped {
        tracing::warn!(place = %dropped.key, bytes = dropped.bytes, damage = %dropped.damage, "a torn end was dropped");
    }
    let run = random_bytes();
    let now = clock.now();
    let recovered = open_epoch(&mut store, found, WriterId(run), now.daemon.0)?;
    let end = recovered.end;
    tracing::info!(
        groups = recovered.found.groups, bytes = recovered.found.bytes, last = end.last.0, epoch = end.epoch.0,
        "journal recovered"
    );
    let queue = Arc::new(Queue::new(end.last, settings.room));
    let durability = Arc::new(Durability::new(end.last, settings.durability));
    let recent = Arc::new(RecentGroups::new(RECENT_BYTES));
    let metrics = Metrics::install(now.wall.seconds());

    let archive = ArchiveLink::default();
    let reader = store.reader();
    catch_up(&archive, reader.as_ref(), end.last);
    let rules = Rules::new(settings.rules(), JournalLink::new(Arc::clone(&queue)), archive.clone());
    {
        let maps = archive.maps.lock();
        for policy in maps.policies.all() {
            rules.load_policy(*policy);
        }
        rules.load_id_bound(maps.bound);
        for row in maps.rows.values() {
            rules.load_wallet(row)?;
        }
        for (id, hold) in &maps.holds {
            rules.load_hold(*id, hold.clone())?;
        }
    }
    rules.loaded(clock.now());
    ensure_policy(&rules, &queue, &settings, &clock);

    let first = Progress { durable: Position(end.last.0), failed: false };
    let (progress, progress_seen) = watch::channel(first);
    let daemon = Arc::new(Daemon {
        identity: Identity { node: NodeId::from_bytes(run), epoch: end.epoch.0 },
        rules,
        queue: Arc::clone(&queue),
        durability: Arc::clone(&durability),
        progress: progress_seen,
        phase: watch::Sender::new(Phase::Starting),
        clock,
        metrics,
        timer_lag_ms: AtomicU64::new(0),
        settings,
    });
    let writer = Writer::new(store, end, queue, durability, recent);
    let threads = Threads {
        writer: spawn_writer(writer, &daemon, progress)?,
        projector: spawn("projector", &daemon, {
            let archive = archive.clone();
            move |daemon, stop| {
                loop {
                    let stopped = stop.try_recv() != Err(mpsc::TryRecvError::Empty);
                    let reached = archive.reached.load(std::sync::atomic::Ordering::Acquire);
                    let synced = daemon.durability.wait_past(journal::Position(reached), std::time::Duration::from_millis(50));
                    catch_up(&archive, reader.as_ref(), synced);
                    if stopped { return; }
                }
            }
        })?,
        ticker: spawn("ticker", &daemon, |daemon, stop| ticker::run(&daemon, &stop))?,
    };
    Ok(Started { daemon, threads, _directory: directory })
}

fn catch_up(archive: &ArchiveLink, reader: &dyn journal::GroupReader, to: journal::Position) {
    loop {
        let reached = archive.reached.load(std::sync::atomic::Ordering::Acquire);
        if reached >= to.0 { return; }
        let from = journal::Position(reached + 1);
        let Ok(Some(bytes)) = reader.read(from) else { return };
        let group = Group::trust(&bytes).expect("group");
        let mut last = reached;
        for (position, record) in group.records_from(from) {
            match journal::codec::decode_any(record).expect("record") {
                journal::record::Meaning::Record(record) => archive.apply(Position(position.0), &record),
                journal::record::Meaning::Epoch(_) => {}
            }
            last = position.0;
        }
        archive.reached.store(last, std::sync::atomic::Ordering::Release);
    }
}

impl Started {
    /// Ends the threads in the order in which they depend on each other: nothing pushes any more, the journal is written
    /// and synced, the projections follow it to its end and are flushed.
    pub fn stop(self) {
        let Threads { writer, ticker, projector } = self.threads;
        join(ticker);
        self.daemon.queue.close();
        // A thread that panicked has ended the process by then.
        let _ = writer.join();
        self.daemon.durability.wake();
        join(projector);
    }
}

fn join((stop, thread): (mpsc::Sender<()>, JoinHandle<()>)) {
    drop(stop);
    let _ = thread.join();
}

fn spawn(
    name: &str,
    daemon: &Arc<Daemon>,
    run: impl FnOnce(Arc<Daemon>, mpsc::Receiver<()>) + Send + 'static,
) -> Result<(mpsc::Sender<()>, JoinHandle<()>), StartError> {
    let (stop, stopped) = mpsc::channel();
    let daemon = Arc::clone(daemon);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(daemon, stopped));
    Ok((stop, thread.map_err(StartError::Thread)?))
}

fn spawn_writer<S: Store + 'static>(
    writer: Writer<S>,
    daemon: &Arc<Daemon>,
    progress: watch::Sender<Progress>,
) -> Result<JoinHandle<()>, StartError> {
    let mut events = Events { daemon: Arc::clone(daemon), progress, appending: Clock::stopwatch() };
    std::thread::Builder::new()
        .name("journal".to_owned())
        // The store closes its files when the thread ends.
        .spawn(move || drop(writer.run(&mut events)))
        .map_err(StartError::Thread)
}

/// What the journal's thread tells the daemon.
struct Events {
    daemon: Arc<Daemon>,
    progress: watch::Sender<Progress>,
    appending: Stopwatch,
}

impl WriterEvents for Events {
    fn now_ms(&mut self) -> u64 {
        self.daemon.clock.now().daemon.0
    }

    fn appending(&mut self) {
        self.appending = Clock::stopwatch();
    }

    fn published(&mut self, published: &Published) {
        let durable = Position(published.durable.0);
        self.progress.send_replace(Progress { durable, failed: false });
        if published.records > 0 {
            self.daemon.metrics.group(published.records, published.bytes, self.appending.elapsed());
        }
    }

    fn failed(&mut self, failure: &WriteFailed) {
        tracing::error!(%failure, "the journal has failed: the process ends, and a recovery decides");
        self.progress.send_modify(|progress| progress.failed = true);
        self.daemon.enter(Phase::Failed);
        shutdown::end_after_failed_write();
    }
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

/// The time of the journal's last group; zero for a new journal.
fn last_time(store: &impl Store, found: &Checked) -> Result<Timestamp, StartError> {
    if found.groups == 0 {
        return Ok(Timestamp::NONE);
    }
    let group = store.reader().read(found.end.last).map_err(RecoveryError::from)?;
    let time = group.as_deref().and_then(|bytes| Group::trust(bytes).ok()).map_or(0, |group| group.header().time_ms);
    Ok(Timestamp(time))
}

/// Sixteen bytes that no other run has: the standard library keys its hash maps from the system's randomness.
fn random_bytes() -> [u8; 16] {
    let half = |number: u64| u128::from(RandomState::new().hash_one(number));
    ((half(1) << 64) | half(2)).to_le_bytes()
}

/// Says now and then how far a long check of the journal is.
struct Report {
    path: PathBuf,
    watch: Stopwatch,
    next: u64,
}

impl Report {
    fn new(path: &std::path::Path, watch: Stopwatch) -> Self {
        Self { path: path.to_owned(), watch, next: PROGRESS_EVERY_GROUPS }
    }

    fn sink(mut self) -> impl FnMut(u64, u64) {
        move |groups, bytes| {
            if groups >= self.next {
                self.next = groups + PROGRESS_EVERY_GROUPS;
                let seconds = self.watch.elapsed().as_secs();
                tracing::info!(path = %self.path.display(), groups, bytes, seconds, "checking the journal");
            }
        }
    }
}

/// Whether a mode keeps anything.
#[must_use]
pub const fn needs_folder(mode: DurabilityMode) -> bool {
    !matches!(mode, DurabilityMode::Memory)
}
