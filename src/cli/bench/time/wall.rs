//! The wall clock of the bench's own daemon: a file that libfaketime reads, once a second at most.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::exit::Failure;

/// Where Debian's package puts the library.
const FOLDERS: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib/faketime",
    "/usr/local/lib/faketime",
];
/// The form for programs with threads.
const LIBRARY: &str = "libfaketimeMT.so.1";

/// A whole day.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// A clock that is so many seconds ahead of the real one, or stands.
#[derive(Clone, Debug)]
pub(crate) struct Wall {
    library: PathBuf,
    file: PathBuf,
    ahead_s: u64,
}

impl Wall {
    /// A clock whose file lies in a folder; it goes with the real one.
    pub(crate) fn new(library: Option<&Path>, folder: &Path) -> Result<Self, Failure> {
        let places = FOLDERS.iter().map(|folder| Path::new(folder).join(LIBRARY));
        let library = library.map(Path::to_owned).into_iter().chain(places).find(|place| place.is_file());
        let library = library.ok_or_else(|| {
            Failure::configuration(format!(
                "{LIBRARY} is missing: install Debian's package faketime, or --faketime-library"
            ))
        })?;
        let wall = Self { library, file: folder.join("wall"), ahead_s: 0 };
        wall.write("+0")?;
        Ok(wall)
    }

    /// What makes a program see this clock.
    pub(crate) fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("TZ", "UTC".to_owned()),
        ]
    }

    /// From now on it stands at this instant, down to the second; the daemon sees it within a second.
    pub(crate) fn stand_at(&self, at_ms: u64) -> Result<(), Failure> {
        let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let at = at.ok_or_else(|| Failure::bug(&"an instant that no calendar has"))?;
        self.write(&at.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// From now on it goes with the real clock, so far ahead of it that an instant comes in `lead` (a second less, at
    /// most). The daemon sees it within a second.
    pub(crate) fn let_come(&mut self, at_ms: u64, lead: Duration) -> Result<Boundary, Failure> {
        let lead_ms = u64::try_from(lead.as_millis()).unwrap_or(u64::MAX);
        self.run_ahead(at_ms.saturating_sub(real_ms()).saturating_sub(lead_ms).div_ceil(1_000))?;
        Ok(self.boundary(at_ms))
    }

    /// From now on it goes with the real clock, so many seconds ahead.
    pub(crate) fn run_ahead(&mut self, seconds: u64) -> Result<(), Failure> {
        self.ahead_s = seconds;
        self.write(&format!("+{seconds}"))
    }

    /// What it shows while it goes, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        real_ms() + self.ahead_s * 1_000
    }

    /// An instant of this clock on the clock of this program.
    pub(crate) fn boundary(&self, at_ms: u64) -> Boundary {
        let (instant, real_us) = (Instant::now(), real_us());
        let boundary_us = at_ms.saturating_sub(self.ahead_s * 1_000).saturating_mul(1_000);
        let at = if boundary_us >= real_us {
            instant + Duration::from_micros(boundary_us - real_us)
        } else {
            instant - Duration::from_micros(real_us - boundary_us)
        };
        Boundary { at_ms, at }
    }

    /// In one step: the library never reads half a file.
    fn write(&self, text: &str) -> Result<(), Failure> {
        let beside = self.file.with_extension("next");
        std::fs::write(&beside, format!("{text}\n"))
            .and_then(|()| std::fs::rename(&beside, &self.file))
            .map_err(|error| Failure::configuration(format!("{}: {error}", self.file.display())))
    }
}

/// An instant that is to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boundary {
    /// On the daemon's clock, milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// On the monotonic clock of this program.
    pub(crate) at: Instant,
}

/// The real wall clock.
pub(crate) fn real_ms() -> u64 {
    real_us() / 1_000
}

fn real_us() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_comes_when_it_is_let() {
        let folder = tempfile::tempdir().unwrap();
        let mut wall = Wall::new(Some(Path::new("/proc/self/exe")), folder.path()).unwrap();
        let at_ms = (real_ms() / DAY_MS + 40) * DAY_MS;
        let lead = Duration::from_secs(10);
        let boundary = wall.let_come(at_ms, lead).unwrap();
        let comes_in = boundary.at.duration_since(Instant::now());
        assert!(comes_in <= lead && comes_in > lead - Duration::from_millis(1_500), "{comes_in:?}");
        assert!(wall.now_ms().abs_diff(at_ms) <= 10_000);
        let text = std::fs::read_to_string(folder.path().join("wall")).unwrap();
        assert_eq!(text, format!("+{}\n", wall.ahead_s));
        wall.stand_at(DAY_MS).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("wall")).unwrap(), "1970-01-02 00:00:00\n");
    }

    #[test]
    fn without_the_library_it_says_what_to_install() {
        let folder = tempfile::tempdir().unwrap();
        if let Err(failure) = Wall::new(Some(Path::new("/nowhere")), folder.path()) {
            assert!(failure.message.contains("package faketime"), "{}", failure.message);
        }
    }
}
