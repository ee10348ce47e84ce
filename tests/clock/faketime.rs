//! A wall clock that a test moves: a file that libfaketime reads at every look at the time.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Where Debian's package puts the library; `FAKETIME_LIBRARY` names another place.
const FOLDERS: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib/faketime",
    "/usr/local/lib/faketime",
];
/// The form for programs with threads.
const LIBRARY: &str = "libfaketimeMT.so.1";

fn library() -> PathBuf {
    let named = std::env::var_os("FAKETIME_LIBRARY").map(PathBuf::from);
    let mut places = named.into_iter().chain(FOLDERS.map(|folder| Path::new(folder).join(LIBRARY)));
    places.find(|place| place.exists()).unwrap_or_else(|| {
        panic!("{LIBRARY} is missing, and without it no test moves the time: apt-get install faketime (.ci/setup does)")
    })
}

/// The wall clock of a daemon.
#[derive(Clone, Debug)]
pub(super) struct FakeClock(PathBuf);

impl FakeClock {
    /// A clock whose file lies in a folder, standing at an instant.
    pub(super) fn standing_at(folder: &Path, at_ms: u64) -> Self {
        let clock = Self(folder.join("time"));
        clock.stand_at(at_ms);
        clock
    }

    /// From now on it shows this instant, which is a whole second, and does not go on.
    pub(super) fn stand_at(&self, at_ms: u64) {
        assert!(at_ms.is_multiple_of(1_000), "libfaketime stands at whole seconds");
        self.write(&civil(at_ms));
    }

    /// From now on it goes with the real clock, so many seconds ahead.
    pub(super) fn run_ahead(&self, seconds: u64) {
        self.write(&format!("+{seconds}"));
    }

    /// In one step: the library never reads half a file.
    fn write(&self, text: &str) {
        let beside = self.0.with_extension("next");
        std::fs::write(&beside, format!("{text}\n")).unwrap();
        std::fs::rename(beside, &self.0).unwrap();
    }

    /// What makes a program see this clock. Its monotonic clock stays the real one.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.0.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("TZ", "UTC".to_owned()),
        ]
    }
}

/// An instant as libfaketime, told that the zone is UTC, reads it.
fn civil(at_ms: u64) -> String {
    let at = Timestamp::from_millisecond(i64::try_from(at_ms).unwrap()).unwrap();
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// An instant as people write it, such as `2027-03-28T00:59:59Z`.
pub(super) fn at(text: &str) -> u64 {
    let at: Timestamp = text.parse().unwrap();
    u64::try_from(at.as_millisecond()).unwrap()
}
