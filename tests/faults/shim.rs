//! The harness's side of `shim.c`: compiled once, told what to do, asked what it has seen.
#![expect(clippy::host_endian_bytes, reason = "the shim writes them on the same machine")]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The numbers of the shared page; the same as `enum slot`.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Seen = 0,
    FailAt = 1,
    Kind = 2,
    Fired = 3,
    Times = 4,
    SyncDelayUs = 5,
    Limit = 6,
    Used = 7,
    DelayUs = 8,
    Only = 9,
    Place = 10,
    Counts = 16,
}

/// What becomes of the N-th call; the same as `enum kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It fails: input/output error.
    Io = 1,
    /// It fails: no space left.
    NoSpace = 2,
    /// A write writes half, and says so.
    Short = 3,
    /// It is late.
    Delay = 4,
    /// The process is killed instead.
    Kill = 5,
    /// A write writes half, and the process is killed.
    Torn = 6,
    /// A sync does nothing, and says that all is well.
    Swallow = 7,
    /// It fails: too many open files.
    NoFiles = 8,
}

/// What is counted; the same as `enum call`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Open = 1,
    Write = 2,
    Sync = 3,
    Rename = 4,
    Truncate = 5,
    Range = 6,
    Allocate = 7,
    Unlink = 8,
}

impl Call {
    pub(super) const ALL: [Self; 8] =
        [Self::Open, Self::Write, Self::Sync, Self::Rename, Self::Truncate, Self::Range, Self::Allocate, Self::Unlink];
}

/// Where a write or a sync was; the same as `enum place`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Elsewhere = 0,
    /// A log of the journal.
    JournalLog = 1,
    /// The folder that has the journal's logs by their names.
    JournalFolder = 2,
}

impl Place {
    const ALL: [Self; 3] = [Self::Elsewhere, Self::JournalLog, Self::JournalFolder];
}

/// What is to go wrong: from the `at`-th call on, `times` calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) at: u64,
    pub(super) times: u64,
    /// Only calls of this kind are counted for `at`.
    pub(super) only: Option<Call>,
}

/// A shim over one folder.
pub(super) struct Shim {
    page: File,
    page_path: PathBuf,
    folder: PathBuf,
    trace: Option<PathBuf>,
}

impl Shim {
    /// A shim over the calls on `folder`, with its own files in `beside`.
    pub(super) fn over(folder: &Path, beside: &Path) -> Self {
        let page_path = beside.join("shim-page");
        let page = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&page_path).unwrap();
        page.set_len(4096).unwrap();
        Self { page, page_path, folder: folder.to_owned(), trace: None }
    }

    pub(super) fn plan(&self, fault: Fault) {
        self.set(Slot::Times, fault.times);
        self.set(Slot::Kind, fault.kind as u64);
        self.set(Slot::Only, fault.only.map_or(0, |only| only as u64));
        self.set(Slot::DelayUs, 100_000);
        self.set(Slot::FailAt, fault.at);
    }

    /// From now on every call of this kind meets this, until [`Shim::heal`].
    pub(super) fn ail(&self, kind: Kind, only: Call) {
        self.plan(Fault { kind, at: self.seen() + 1, times: u64::MAX >> 1, only: Some(only) });
    }

    /// The next call of this kind takes so long.
    pub(super) fn stall(&self, only: Call, ms: u64) {
        self.plan(Fault { kind: Kind::Delay, at: 0, times: 1, only: Some(only) });
        self.set(Slot::DelayUs, ms * 1_000);
        self.set(Slot::FailAt, self.seen() + 1);
    }

    /// Nothing goes wrong any more.
    pub(super) fn heal(&self) {
        self.set(Slot::FailAt, 0);
    }

    /// Everything written, synced and sent from the next start on is noted in this file.
    pub(super) fn trace(&mut self, path: PathBuf) {
        self.trace = Some(path);
    }

    /// Every sync takes so much longer from now on.
    pub(super) fn delay_syncs(&self, ms: u64) {
        self.set(Slot::SyncDelayUs, ms * 1_000);
    }

    /// The disk has so many bytes from now on, of which the folder's are used.
    pub(super) fn limit(&self, bytes: u64) {
        if self.number(Slot::Limit, 0) == 0 {
            self.set(Slot::Used, bytes_in(&self.folder));
        }
        self.set(Slot::Limit, bytes);
    }

    pub(super) fn used(&self) -> u64 {
        self.number(Slot::Used, 0)
    }

    /// Calls that were counted so far.
    pub(super) fn seen(&self) -> u64 {
        self.number(Slot::Seen, 0)
    }

    /// Which call the fault has met, and where, if it has met one.
    pub(super) fn fired(&self) -> Option<(Call, Place)> {
        let (fired, place) = (self.number(Slot::Fired, 0), self.number(Slot::Place, 0));
        let place = Place::ALL.into_iter().find(|known| *known as u64 == place).expect("a place");
        Call::ALL.into_iter().find(|call| *call as u64 == fired).map(|call| (call, place))
    }

    pub(super) fn count(&self, call: Call) -> u64 {
        self.number(Slot::Counts, call as u64)
    }

    /// What a program's environment needs.
    pub(super) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut all = vec![
            ("LD_PRELOAD", library().to_owned()),
            ("CREDITD_SHIM_FOLDER", self.folder.clone()),
            ("CREDITD_SHIM_PAGE", self.page_path.clone()),
        ];
        all.extend(self.trace.iter().map(|trace| ("CREDITD_SHIM_TRACE", trace.clone())));
        all
    }

    fn number(&self, slot: Slot, further: u64) -> u64 {
        let mut bytes = [0; 8];
        self.page.read_exact_at(&mut bytes, (slot as u64 + further) * 8).unwrap();
        u64::from_ne_bytes(bytes)
    }

    fn set(&self, slot: Slot, value: u64) {
        self.page.write_all_at(&value.to_ne_bytes(), slot as u64 * 8).unwrap();
    }
}

/// The shared library, compiled once by each run of the tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}.so", std::process::id()));
        let made = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(made.expect("a C compiler").success());
        library
    })
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
