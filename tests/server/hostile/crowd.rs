//! All kinds of harm at once beside good clients: how long those wait for their answers, with and without the crowd.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use protocol::{FrameKind, Header, Operation, Outcome};

use super::super::daemon::Daemon;
use super::super::requests::{ACCOUNT, hold_id, open_account};
use super::super::wire::{Wire, operations_frame};
use super::raw::Raw;
use super::{long_form, memory_kib, metric, now, raise_descriptors, until};

/// Good clients at the same time.
const GOOD: u32 = 4;
/// What the daemon's memory may grow by beside the idle connections, whatever the crowd does.
const GROWTH_KIB_MAX: u64 = 400 << 10;

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

/// Everybody who means harm, until they are told to stop.
struct Crowd {
    stop: Arc<AtomicBool>,
    attacks: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<()>>,
    _idle: Vec<Raw>,
}

impl Crowd {
    fn gather(daemon: &Arc<Daemon>, idle: usize) -> Self {
        let (stop, attacks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let idle: Vec<Raw> = (0..idle).map(|_| Raw::shaken(daemon)).collect();
        let acts: [fn(&Daemon, &AtomicBool); 5] = [bomb, half_frames, drip, never_read, strangers];
        let threads = acts
            .into_iter()
            .map(|act| {
                let (daemon, stop, attacks) = (Arc::clone(daemon), Arc::clone(&stop), Arc::clone(&attacks));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        act(&daemon, &stop);
                        attacks.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self { stop, attacks, threads, _idle: idle }
    }

    fn disperse(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.attacks.load(Ordering::Relaxed)
    }
}

fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A frame that promises four gigabytes.
fn bomb(daemon: &Daemon, _: &AtomicBool) {
    if let Some(mut raw) = Raw::try_shaken(daemon) {
        let header = Header { kind: FrameKind::Operations, request_id: 1, count: 1, body_len: u32::MAX, body_crc: 0 };
        raw.send(&header.encode());
        raw.end();
    }
    pause();
}

/// Fifty that begin a frame and say no more.
fn half_frames(daemon: &Daemon, _: &AtomicBool) {
    let mut all: Vec<Raw> = (0..50).filter_map(|_| Raw::try_shaken(daemon)).collect();
    let header =
        Header { kind: FrameKind::Operations, request_id: 1, count: 8_190, body_len: 8_190 * 96, body_crc: 0 }.encode();
    for raw in &mut all {
        raw.send(&header);
    }
    for raw in all {
        raw.end();
    }
}

/// Fifty that send a byte at a time.
fn drip(daemon: &Daemon, stop: &AtomicBool) {
    let mut all: Vec<Raw> = (0..50).filter_map(|_| Raw::try_shaken(daemon)).collect();
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT)]);
    for byte in frame {
        all.retain_mut(|raw| raw.send(&[byte]));
        if all.is_empty() || stop.load(Ordering::Relaxed) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Ten that send the longest frames and read no answer.
fn never_read(daemon: &Daemon, stop: &AtomicBool) {
    let mut all: Vec<Raw> = (0..10).filter_map(|_| Raw::try_shaken(daemon)).collect();
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT); 1_000]);
    for raw in &mut all {
        raw.set_write_timeout(Duration::from_millis(50));
        while !stop.load(Ordering::Relaxed) && raw.send(&frame) {}
    }
    // What each has not read stays with the daemon until its deadline.
    std::thread::sleep(Duration::from_millis(500));
}

/// A hundred that connect and do not say who they are.
fn strangers(daemon: &Daemon, _: &AtomicBool) {
    let all: Vec<Raw> = (0..100).map(|_| Raw::connect(daemon)).collect();
    std::thread::sleep(Duration::from_millis(200));
    all.into_iter().for_each(Raw::reset);
}

#[test]
fn good_clients_are_served_beside_a_hostile_crowd_and_memory_is_bounded() {
    let time = long_form().unwrap_or(Duration::from_secs(3));
    let wanted: u32 = if long_form().is_some() { 10_000 } else { 300 };
    let idle = usize::try_from(raise_descriptors(u64::from(wanted) + 1_500).saturating_sub(1_500)).unwrap();
    let idle = idle.min(usize::try_from(wanted).unwrap());
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
    println!("alone:  {alone}\nbeside: {beside}\n{idle} idle, {attacks} attacks; KiB: {before}, {with_idle}, {after}");
    let growth = after.saturating_sub(before);
    let bound = GROWTH_KIB_MAX + 64 * u64::try_from(idle).unwrap();
    assert!(growth < bound, "memory grew by {growth} KiB");
    if long_form().is_some() {
        let (alone, beside) = (alone.quantile(990), beside.quantile(990));
        assert!(beside <= 2 * alone, "p99 is {beside:?} beside the crowd, {alone:?} without it");
    }
    until("nobody of the crowd is left", || metric(&daemon, "creditd_connections") == 1);
}
