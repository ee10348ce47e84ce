//! Power cuts: the data is on a file system of the project's own (`tests/forgetful`), which forgets at a crash what was not
//! synced. A file whose folder was not synced has no name afterwards; a rename that was not synced has not happened. That
//! is less than a kill leaves, where the system still writes everything.
//!
//! A third of the crashes forget all of it, a third leave the beginning, a third any of its pages and not those before them,
//! as a disk does that was in the middle of writing.
//! It needs the device `/dev/fuse` and the right to mount; without, the tests fail, unless `FORGETFUL_OPTIONAL=1` says that
//! nothing is to be checked where nothing can be mounted.
//! `FORGETFUL_CYCLES=200 cargo test --release --test main -- crash::faults::forgetful::nothing` is the long form.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::super::daemon::{Daemon, Folder};
use super::super::random::Random;
use super::super::round::{Round, Tally};
use super::super::{number_from, seed};
use super::EXIT_WRITE_FAILED;
use super::shim::{Call, Fault, Kind, Shim};

/// Power cuts under load in the short form.
const CYCLES: u64 = 4;
/// Power cuts on one disk; then a new one, so that a long run is not one of long recoveries.
const CYCLES_A_ROUND: u64 = 20;
/// What a power cut leaves of what was not synced: nothing, the beginning, any pages. The seed follows.
const WAYS: [&str; 3] = ["nothing", "", "pages "];
/// Syncs of which one fails, each on its own disk, in the short form.
const SYNCS: u64 = 8;
/// What the program ends with where nothing can be mounted.
const CANNOT_MOUNT: i32 = 3;

/// A mounted disk. Dropping it unmounts it; what was on it is kept when a test fails.
struct Disk {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    mounted_at: PathBuf,
    lost: (u64, u64),
    /// How often each of [`WAYS`] was taken.
    ways: [u64; WAYS.len()],
}

impl Disk {
    /// `None` where nothing can be mounted and nothing has to be.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut command = Command::new(program());
        let mut child = command.arg(at).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut disk = Self { child, input, output, mounted_at: at.to_owned(), lost: (0, 0), ways: [0; WAYS.len()] };
        let said = disk.line();
        if said == "mounted" {
            return Some(disk);
        }
        assert_eq!(disk.child.wait().unwrap().code(), Some(CANNOT_MOUNT), "{said}");
        assert!(
            is_optional(),
            "nothing can be mounted, and nothing was checked (FORGETFUL_OPTIONAL=1 allows that): {said}"
        );
        println!("left out, and nothing was checked: {said}");
        None
    }

    /// The power is cut. Nothing may have it open.
    fn crash(&mut self, random: &mut Random) {
        let way = random.index(WAYS.len());
        let left = match WAYS[way] {
            "nothing" => "nothing".to_owned(),
            way => format!("{way}{}", random.next() >> 1),
        };
        self.ways[way] += 1;
        writeln!(self.input.as_mut().unwrap(), "crash {left}").unwrap();
        let said = self.line();
        let lost = said.strip_prefix("crashed ").unwrap_or_else(|| panic!("{said:?}"));
        let number = |name: &str| -> u64 {
            lost.split(' ').find_map(|word| word.strip_prefix(name)).expect("a number").parse().unwrap()
        };
        self.lost.0 += number("changes=");
        self.lost.1 += number("names=");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.mounted_at.with_extension("kept");
            let copied = Command::new("cp").arg("-r").args([&self.mounted_at, &kept]).status();
            eprintln!("what was on the disk is in {}: {copied:?}", kept.display());
        }
        drop(self.input.take());
        // It ends with its input.
        let _ = self.child.wait();
    }
}

fn is_optional() -> bool {
    std::env::var_os("FORGETFUL_OPTIONAL").is_some_and(|value| value == "1")
}

/// The program of the file system, compiled once by each run of the tests: it is a workspace of its own.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forgetful/Cargo.toml");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forgetful");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .status()
            .unwrap();
        assert!(built.success(), "tests/forgetful does not compile");
        target.join("release/forgetful")
    })
}

/// Flushes come often, so that files are made, renamed and removed all the time; and in every other cycle logs are short.
fn quick(round: &mut Round) -> Vec<(&'static str, PathBuf)> {
    let flushes = vec![("CREDITD_PROJECTION__FLUSH_INTERVAL_MS", "100".into())];
    [flushes, round.environment()].concat()
}

/// A round whose folder is on a disk that forgets, and that has lost power right after accounts were opened.
fn round(seed: u64) -> Option<(Round, Disk)> {
    let mut round = Round::new(seed);
    round.folder = Folder::with_data("disk/creditd/data");
    round.often = true;
    let disk = Disk::mount(&round.folder.path().join("disk"))?;
    round.set_up();
    Some((round, disk))
}

fn cycle(round: &mut Round, disk: &mut Disk, random: &mut Random) {
    let environment = quick(round);
    while random.percent(30) {
        let daemon = Daemon::spawn_in(&round.folder, &environment);
        std::thread::sleep(Duration::from_millis(random.between(0, 150)));
        daemon.kill();
        disk.crash(random);
        round.tally.kills_at_start += 1;
    }
    let mut daemon = Daemon::must_start_in(&round.folder, &environment);
    if random.percent(65) {
        round.check(&mut daemon, 100);
    }
    // Long enough for a log to become full, where it is to.
    let least = if round.is_short() { 200 } else { 20 };
    let delay = random.between(least, 500);
    let in_order = random.percent(15);
    round.load_counted(&daemon.address.clone(), Duration::from_millis(delay), || {
        if in_order {
            assert_eq!(daemon.terminate().code(), Some(0));
        } else {
            daemon.kill();
        }
    });
    disk.crash(random);
}

#[test]
fn nothing_acknowledged_is_lost_by_power_cuts() {
    let seed = seed("power cuts");
    let mut random = Random::new(seed);
    let mut left = number_from("FORGETFUL_CYCLES", CYCLES);
    let (mut tally, mut number, mut lost) = (Tally::default(), 0, (0, 0));
    while left > 0 {
        let cycles = left.min(CYCLES_A_ROUND);
        let Some((mut round, mut disk)) = round(seed.wrapping_add(number)) else { return };
        disk.crash(&mut random);
        while round.tally.kills < cycles {
            cycle(&mut round, &mut disk, &mut random);
        }
        round.finish();
        // What was stopped in order is whole without the system's help.
        disk.crash(&mut random);
        round.finish();
        tally.add(&round.tally);
        lost = (lost.0 + disk.lost.0, lost.1 + disk.lost.1);
        println!("round {number}: {:?}, {:?} forgotten in the ways {:?}", round.tally, disk.lost, disk.ways);
        left -= cycles;
        number += 1;
    }
    println!("all: {tally:?}; {} changes of files and {} of folders were forgotten", lost.0, lost.1);
    assert!(tally.acknowledged > 0 && lost.0 > 0 && lost.1 > 0, "nothing was at stake: {tally:?} {lost:?}");
    // In a few loads of some hundred milliseconds a log need not be full.
    if tally.kills >= CYCLES_A_ROUND {
        tally.changes.assert_all(false);
    }
}

/// A sync fails, and then the power is cut: what was acknowledged around it is there, because the daemon has ended or the
/// sync was of nothing that an answer rests on. A kill would leave everything that the system still had in memory.
#[test]
fn a_failed_sync_before_a_power_cut_loses_nothing() {
    let seed = seed("failed sync");
    let mut random = Random::new(seed);
    let (mut met, mut ended) = (0, 0);
    for at in (1..=number_from("FORGETFUL_SYNCS", SYNCS)).map(|number| 10 + number * 3) {
        let Some((mut round, mut disk)) = round(seed.wrapping_add(at)) else { return };
        disk.crash(&mut random);
        let shim = Shim::over(&round.folder.data(), round.folder.path());
        shim.plan(Fault { kind: Kind::Io, at, times: 1, only: Some(Call::Sync) });
        match Daemon::start_in(&round.folder, &shim.environment()) {
            Ok(mut daemon) => {
                round.workers.iter_mut().for_each(|worker| worker.push_new(8));
                if round.attempt(&daemon.address).is_ok() {
                    daemon.kill();
                } else {
                    ended += 1;
                    assert_eq!(daemon.wait().code(), Some(EXIT_WRITE_FAILED), "{}", round.folder.log());
                }
            }
            Err(refused) => assert_eq!(refused.status.code(), Some(EXIT_WRITE_FAILED), "{}", round.folder.log()),
        }
        met += u64::from(shim.fired().is_some());
        println!("sync {at}: {:?}, {ended} ended", shim.fired());
        disk.crash(&mut random);
        round.finish();
    }
    assert!(met > 0 && ended > 0, "{met} syncs failed, and {ended} times after the start");
}

/// What is planted here must be found, or the above proves nothing: a daemon that says durable and syncs nothing, because
/// the shim swallows its syncs on the way.
#[test]
fn a_daemon_whose_syncs_do_nothing_is_noticed_by_this_harness() {
    let seed = seed("no syncs");
    let Some((mut round, mut disk)) = round(seed) else { return };
    let mut random = Random::new(seed);
    let shim = Shim::over(&round.folder.data(), round.folder.path());
    let daemon = Daemon::start_in(&round.folder, &shim.environment()).unwrap();
    shim.plan(Fault { kind: Kind::Swallow, at: 1, times: u64::MAX >> 1, only: Some(Call::Sync) });
    round.load_until(&daemon.address.clone(), Duration::from_millis(300), || daemon.kill());
    assert!(round.tally.acknowledged > 0);
    // Whatever part of the unsynced is left: not all of it.
    disk.crash(&mut random);
    let mut daemon = Daemon::must_start(&round.folder);
    let mut wire = super::super::wire::Wire::connect(&daemon.address).unwrap();
    let missing = daemon.alive(super::super::check::missing(&mut wire, &round.workers));
    println!("{} missing", missing.len());
    assert!(!missing.is_empty(), "syncs that did nothing were not noticed");
}
