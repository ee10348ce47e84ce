//! The real program under a clock of the test's own.

use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::faketime::FakeClock;

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for one daemon after the other; it stays where it is when a test fails.
pub(super) struct Folder(Option<TempDir>);

impl Folder {
    pub(super) fn new() -> Self {
        Self(Some(tempfile::Builder::new().prefix("creditd-clock-").tempdir().unwrap()))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }

    fn log_file(&self) -> PathBuf {
        self.path().join("log.txt")
    }

    /// What the daemons of this folder have logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("the data and the log are left in {}", folder.keep().display());
        }
    }
}

/// A running daemon. Dropping it kills it.
pub(super) struct Daemon {
    child: Child,
    /// Kept open: the daemon may say more than its first line.
    _stdout: BufReader<ChildStdout>,
    pub(super) address: String,
    http: String,
}

impl Daemon {
    /// Starts the program and waits until it is ready; a start that is refused gives its exit.
    pub(super) fn start(
        folder: &Folder,
        clock: Option<&FakeClock>,
        environment: &[(&str, &str)],
    ) -> Result<Self, ExitStatus> {
        let log = OpenOptions::new().create(true).append(true).open(folder.log_file()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_creditd"))
            .args(["run", "--dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .envs(clock.map(FakeClock::environment).unwrap_or_default())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        if ready.is_empty() {
            return Err(child.wait().unwrap());
        }
        let (address, http) = (field(&ready, "address="), field(&ready, "http="));
        Ok(Self { child, _stdout: stdout, address, http })
    }

    /// A start that must succeed.
    pub(super) fn must_start(folder: &Folder, clock: Option<&FakeClock>, environment: &[(&str, &str)]) -> Self {
        Self::start(folder, clock, environment)
            .unwrap_or_else(|status| panic!("the daemon does not start ({status}):\n{}", folder.log()))
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.end();
    }

    /// SIGTERM, and that it ends well.
    pub(super) fn terminate(mut self) {
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    pub(super) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The body of an HTTP answer.
    pub(super) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: creditd\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// A metric without labels.
    pub(super) fn metric<T: FromStr<Err: Debug>>(&self, name: &str) -> T {
        let text = self.get("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

/// `creditd ready address=... http=... durability=sync`
fn field(line: &str, name: &str) -> String {
    let value = line.split(' ').find_map(|word| word.strip_prefix(name));
    value.unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
}

/// Looks again and again until it is so.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Only for measuring how long something takes.
#[expect(clippy::disallowed_methods, reason = "patience with a process is counted in real time")]
pub(super) fn now() -> Instant {
    Instant::now()
}
