//! All kinds of harm at once beside good clients: how long those wait for their answers, with and without the crowd.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use protocol::{CloseReason, FrameKind, Header, Operation, Outcome};

use super::super::daemon::Daemon;
use super::super::requests::{ACCOUNT, hold_id, open_account};
use super::super::wire::{Wire, operations_frame};
use super::raw::Raw;
use super::{long_form, memory_kib, metric, need_descriptors, now, until};

/// Good clients at the same time.
const GOOD: u32 = 4;
/// What the daemon's memory may grow by beside the idle connections, whatever the crowd does: some 50 MiB are usual.
const GROWTH_KIB_MAX: u64 = 128 << 10;
/// And for each idle connection, of which 20 are usual.
const IDLE_KIB_MAX: u64 = 32;

/// How long reserve and release took, in the order of their length.
struct Waits(Vec<Duration>);

impl Waits {
    fn quantile(&self, thousandths: usize) -> Duration {
        self.0[(self.0.len() - 1) * thousandths / 1_000]
    }
}

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [half, p99, most] = [500, 990, 1_000].map(|thousandths| self.quantile(thousandths));
        write!(f, "{} holds, p50 {half:?}, p99 {p99:?}, longest {most:?}", self.0.len())
    }
}

/// Good clients for so long: a hold of a millicredit each time, released at once.
fn good_clients(daemon: &Daemon, time: Duration) -> Waits {
    let begun = now();
    let mut all: Vec<Duration> = std::thread::scope(|scope| {
        let run = || {
            let mut wire = Wire::connect(daemon);
            let mut waits = Vec::new();
            while begun.elapsed() < time {
                let (hold, asked) = (hold_id(), now());
                let reserved = wire.ask(&[Operation::reserve(hold, ACCOUNT, 1, 60_000)]);
                let released = wire.ask(&[Operation::release(hold, ACCOUNT)]);
                waits.push(asked.elapsed());
                assert_eq!((reserved[0].outcome, released[0].outcome), (Outcome::Granted, Outcome::Done));
            }
            waits
        };
        let clients: Vec<_> = (0..GOOD).map(|_| scope.spawn(run)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    all.sort_unstable();
    assert!(!all.is_empty(), "good clients are served");
    Waits(all)
}

/// Does one kind of harm once, and says how many connections the daemon has met it on.
type Act = fn(&Daemon, &AtomicBool) -> usize;

/// Everybody who means harm, until they are told to stop.
struct Crowd {
    stop: Arc<AtomicBool>,
    attacks: Vec<(&'static str, Arc<AtomicU64>)>,
    threads: Vec<std::thread::JoinHandle<()>>,
    _idle: Vec<Raw>,
}

impl Crowd {
    fn gather(daemon: &Arc<Daemon>, idle: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let idle: Vec<Raw> = (0..idle).map(|_| Raw::shaken(daemon)).collect();
        let acts: [(&'static str, Act); 5] = [
            ("bombs", bomb),
            ("half frames", half_frames),
            ("drips", drip),
            ("deaf readers", never_read),
            ("strangers", strangers),
        ];
        let attacks: Vec<_> = acts.iter().map(|(name, _)| (*name, Arc::new(AtomicU64::new(0)))).collect();
        let threads = acts
            .into_iter()
            .zip(&attacks)
            .map(|((_, act), (_, met))| {
                let (daemon, stop, met) = (Arc::clone(daemon), Arc::clone(&stop), Arc::clone(met));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        met.fetch_add(u64::try_from(act(&daemon, &stop)).unwrap(), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self { stop, attacks, threads, _idle: idle }
    }

    /// How often each kind of harm was done.
    fn disperse(self) -> Vec<(&'static str, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.attacks.iter().map(|(name, met)| (*name, met.load(Ordering::Relaxed))).collect()
    }
}

fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A frame that promises four gigabytes.
fn bomb(daemon: &Daemon, _: &AtomicBool) -> usize {
    let met = Raw::try_shaken(daemon).is_some_and(|mut raw| {
        let header = Header { kind: FrameKind::Operations, request_id: 1, count: 1, body_len: u32::MAX, body_crc: 0 };
        raw.send(&header.encode());
        raw.end() == Some(CloseReason::BodyTooLong)
    });
    pause();
    usize::from(met)
}

/// Fifty that begin a frame and say no more.
fn half_frames(daemon: &Daemon, _: &AtomicBool) -> usize {
    let mut all: Vec<Raw> = (0..50).filter_map(|_| Raw::try_shaken(daemon)).collect();
    let header =
        Header { kind: FrameKind::Operations, request_id: 1, count: 8_190, body_len: 8_190 * 96, body_crc: 0 }.encode();
    for raw in &mut all {
        raw.send(&header);
    }
    all.into_iter().filter_map(Raw::end).filter(|reason| *reason == CloseReason::FrameTimeout).count()
}

/// Fifty that send a byte at a time.
fn drip(daemon: &Daemon, stop: &AtomicBool) -> usize {
    let mut all: Vec<Raw> = (0..50).filter_map(|_| Raw::try_shaken(daemon)).collect();
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT)]);
    let met = all.len();
    for byte in frame {
        all.retain_mut(|raw| raw.send(&[byte]));
        if all.is_empty() || stop.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    met
}

/// Ten that send the longest frames and read no answer.
fn never_read(daemon: &Daemon, stop: &AtomicBool) -> usize {
    let mut all: Vec<Raw> = (0..10).filter_map(|_| Raw::try_shaken(daemon)).collect();
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT); 1_000]);
    for raw in &mut all {
        raw.set_write_timeout(Duration::from_millis(50));
        while !stop.load(Ordering::Relaxed) && raw.send(&frame) {}
    }
    // What each has not read stays with the daemon until its deadline.
    std::thread::sleep(Duration::from_millis(500));
    all.len()
}

/// A hundred that connect and do not say who they are.
fn strangers(daemon: &Daemon, _: &AtomicBool) -> usize {
    let all: Vec<Raw> = (0..100).map(|_| Raw::connect(daemon)).collect();
    std::thread::sleep(Duration::from_millis(200));
    let met = all.len();
    all.into_iter().for_each(Raw::reset);
    met
}

#[test]
fn good_clients_are_served_beside_a_hostile_crowd_and_memory_is_bounded() {
    let time = long_form().unwrap_or(Duration::from_secs(3));
    let idle: u32 = if long_form().is_some() { 10_000 } else { 300 };
    need_descriptors(u64::from(idle) + 1_500);
    let folder = tempfile::tempdir().unwrap();
    let daemon = Arc::new(Daemon::on(
        folder.path(),
        &[
            ("CREDITD_SERVER__CONNECTIONS_MAX", "12000"),
            ("CREDITD_SERVER__FRAME_TIMEOUT_MS", "1000"),
            ("CREDITD_SERVER__HANDSHAKE_TIMEOUT_MS", "1000"),
            ("CREDITD_SERVER__WRITE_TIMEOUT_MS", "1000"),
        ],
    ));
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let alone = good_clients(&daemon, time);
    let before = memory_kib(&daemon);
    let crowd = Crowd::gather(&daemon, idle);
    let with_idle = memory_kib(&daemon);
    let beside = good_clients(&daemon, time);
    let after = memory_kib(&daemon);
    let attacks = crowd.disperse();
    println!("alone:  {alone}\nbeside: {beside}\n{idle} idle, {attacks:?}; KiB: {before}, {with_idle}, {after}");
    let growth = after.saturating_sub(before);
    let bound = GROWTH_KIB_MAX + IDLE_KIB_MAX * u64::from(idle);
    assert!(growth < bound, "memory grew by {growth} KiB");
    assert!(attacks.iter().all(|(_, met)| *met > 0), "harm that nobody has met: {attacks:?}");
    if long_form().is_some() {
        let (alone, beside) = (alone.quantile(990), beside.quantile(990));
        assert!(beside <= 2 * alone, "p99 is {beside:?} beside the crowd, {alone:?} without it");
    }
    until("nobody of the crowd is left", || metric(&daemon, "creditd_connections") == 1);
}
