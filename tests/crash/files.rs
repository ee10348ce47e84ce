//! Which files the stores have, and what of that changes while a load runs.
//!
//! With the usual settings a log is full after 64 MiB, which no round reaches: what happens in hours of a busy daemon would
//! happen in no test. So half of the starts of a round have short logs and frequent flushes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Bytes of a log in a start with short ones; the usual size is 64 MiB.
pub(super) const SHORT: u64 = 64 << 10;

/// The environment of a daemon whose logs are full after so many bytes, and whose projections are flushed all the time.
pub(super) fn small_files(bytes: u64) -> Vec<(&'static str, PathBuf)> {
    vec![
        ("CREDITD_JOURNAL__FILE_BYTES", bytes.to_string().into()),
        ("CREDITD_PROJECTION__FLUSH_INTERVAL_MS", "100".into()),
        ("CREDITD_PROJECTION__FLUSH_BYTES", (1_u64 << 20).to_string().into()),
    ]
}

/// The numbers of the files of a data folder.
pub(super) struct Files {
    logs: BTreeSet<u64>,
    journal: BTreeSet<u64>,
    projections: BTreeSet<u64>,
}

impl Files {
    pub(super) fn of(data: &Path) -> Self {
        let of = |part: &str, ending| numbers(&data.join(part), ending);
        Self { logs: of("journal", "log"), journal: of("journal", "sst"), projections: of("projections", "sst") }
    }
}

/// What happened beside requests, in so many loads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// The journal's log was full, and went on in another file.
    pub(super) switched: u64,
    /// Files of the journal were removed.
    pub(super) trimmed: u64,
    /// Files of projections were written.
    pub(super) flushed: u64,
}

impl Changes {
    /// What happened in one load.
    pub(super) fn between(before: &Files, after: &Files) -> Self {
        Self {
            switched: u64::from(after.logs.last() > before.logs.last()),
            trimmed: u64::from(before.journal.iter().any(|number| !after.journal.contains(number))),
            flushed: u64::from(after.projections.last() > before.projections.last()),
        }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.switched += other.switched;
        self.trimmed += other.trimmed;
        self.flushed += other.flushed;
    }

    /// Each of them happened in some load; files are removed in less than every second one, so that few need not have it.
    pub(super) fn assert_all(self, are_few: bool) {
        let Self { switched, trimmed, flushed } = self;
        assert!(switched > 0 && flushed > 0 && (trimmed > 0 || are_few), "not beside a load: {self:?}");
    }
}

fn numbers(folder: &Path, ending: &str) -> BTreeSet<u64> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| PathBuf::from(entry.file_name()));
    let names = names.filter(|name| name.extension().is_some_and(|found| found == ending));
    names.filter_map(|name| name.file_stem()?.to_str()?.parse().ok()).collect()
}
