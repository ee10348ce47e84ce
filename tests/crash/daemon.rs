//! The real program as a child process: started, waited for, killed, asked to stop.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::wire::Gone;

/// Seconds that a start or an ordered stop may take, where `CRASH_PATIENCE` says nothing else: a long run may be stopped for
/// a while with everything it has started.
const PATIENCE_SECONDS: u64 = 60;
const SIGKILL: i32 = 9;
/// The daemon's log lines, beside its data.
const LOG_FILE: &str = "log.txt";

/// How long a start or an ordered stop may take, and half of how long a daemon may say nothing.
pub(super) fn patience() -> Duration {
    Duration::from_secs(super::number_from("CRASH_PATIENCE", PATIENCE_SECONDS))
}

/// A folder for one daemon; it stays where it is when a test fails.
pub(super) struct Folder {
    folder: Option<TempDir>,
    /// Where the data is in it.
    data: &'static str,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self::with_data("data")
    }

    /// A folder whose data is in a place of its own, such as another disk.
    pub(super) fn with_data(data: &'static str) -> Self {
        Self { folder: Some(tempfile::Builder::new().prefix("creditd-crash-").tempdir().unwrap()), data }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path().join(self.data)
    }

    /// What the daemons of this folder have logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.path().join(LOG_FILE)).unwrap_or_default()
    }

    /// A second folder with the same data.
    pub(super) fn copy(&self) -> Self {
        let other = Self::new();
        copy_folder(&self.data(), &other.data());
        other
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("the data and the log are left in {}", folder.keep().display());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A daemon that did not become ready.
#[derive(Debug)]
pub(super) struct NotReady {
    pub(super) status: ExitStatus,
}

/// What a daemon finds in its environment beside what the tests have.
pub(super) type Environment = [(&'static str, PathBuf)];

/// A running daemon. Dropping it kills it.
pub(super) struct Daemon {
    child: Child,
    stdout: Option<BufReader<std::process::ChildStdout>>,
    /// Where it listens, once it is ready.
    pub(super) address: String,
    /// Where its HTTP port is.
    pub(super) http: String,
    log: PathBuf,
}

impl Daemon {
    /// Starts the program and does not wait for it.
    pub(super) fn spawn_in(folder: &Folder, environment: &Environment) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(folder.path().join(LOG_FILE)).unwrap();
        Self::spawn_telling(folder, environment, log.into())
    }

    /// The same with a log that goes elsewhere.
    fn spawn_telling(folder: &Folder, environment: &Environment, log: Stdio) -> Self {
        let mut command = command(folder, log);
        command.envs(environment.iter().map(|(name, value)| (*name, value)));
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        Self { child, stdout, address: String::new(), http: String::new(), log: folder.path().join(LOG_FILE) }
    }

    /// Starts the program and waits until it is ready.
    pub(super) fn start(folder: &Folder) -> Result<Self, NotReady> {
        Self::start_in(folder, &[])
    }

    /// The same in an environment of its own.
    pub(super) fn start_in(folder: &Folder, environment: &Environment) -> Result<Self, NotReady> {
        Self::spawn_in(folder, environment).ready(folder)
    }

    /// A start that must succeed, with a log that goes elsewhere.
    pub(super) fn must_start_telling(folder: &Folder, environment: &Environment, log: Stdio) -> Self {
        Self::spawn_telling(folder, environment, log).ready(folder).expect("a daemon that is ready")
    }

    fn ready(self, folder: &Folder) -> Result<Self, NotReady> {
        let mut daemon = self;
        let mut stdout = daemon.stdout.take().unwrap();
        let (ready, readiness) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).unwrap_or(0);
            // Nobody listens any more after the patience is over.
            let _ = ready.send((read > 0).then_some((line, stdout)));
        });
        match readiness.recv_timeout(patience()) {
            Ok(Some((line, stdout))) => {
                daemon.address = field(&line, "address=");
                daemon.http = field(&line, "http=");
                daemon.stdout = Some(stdout);
                Ok(daemon)
            }
            Ok(None) => Err(NotReady { status: daemon.wait() }),
            Err(_) => panic!("the daemon is not ready after {:?}; its log:\n{}", patience(), folder.log()),
        }
    }

    /// A start that must succeed.
    pub(super) fn must_start(folder: &Folder) -> Self {
        Self::must_start_in(folder, &[])
    }

    /// The same in an environment of its own.
    pub(super) fn must_start_in(folder: &Folder, environment: &Environment) -> Self {
        match Self::start_in(folder, environment) {
            Ok(daemon) => daemon,
            Err(refused) => panic!("the daemon refuses its own journal, {}:\n{}", refused.status, folder.log()),
        }
    }

    /// What a connection gave while nobody killed the daemon; if there is nothing, how the daemon is.
    pub(super) fn alive<T>(&mut self, result: Result<T, Gone>) -> T {
        result.unwrap_or_else(|gone| panic!("nobody killed the daemon ({:?}), and {gone}", self.child.try_wait()))
    }

    /// SIGKILL. It runs until then: one that has ended by itself was not killed, and nobody else would notice.
    pub(super) fn kill(mut self) {
        use std::os::unix::process::ExitStatusExt;
        let before = self.ended();
        let status = self.end();
        let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
        assert!(before.is_none(), "the daemon has ended by itself, {status}:\n{}", log());
        assert_eq!(status.signal(), Some(SIGKILL), "the daemon has ended by itself, {status}:\n{}", log());
    }

    /// SIGTERM, and how the process ended.
    pub(super) fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.wait()
    }

    /// SIGHUP.
    pub(super) fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, id.as_str()]).status().unwrap().success());
    }

    /// How the process ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What is mapped may not grow beyond so many bytes from now on.
    pub(super) fn limit_address_space(&self, bytes: u64) {
        let arguments = [format!("--pid={}", self.child.id()), format!("--as={bytes}")];
        assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
    }

    /// The most memory that the process has had, in KiB.
    pub(super) fn memory_peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of the peak");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits until the process ends.
    pub(super) fn wait(&mut self) -> ExitStatus {
        let begun = now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < patience(), "the daemon does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn end(&mut self) -> ExitStatus {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

fn command(folder: &Folder, log: Stdio) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creditd"));
    command
        .args(["run", "--dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
        .arg(folder.data())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    command
}

/// `creditd ready address=... http=... durability=sync`
fn field(line: &str, name: &str) -> String {
    assert!(line.starts_with("creditd ready ") && line.contains(" durability=sync"), "{line:?}");
    let value = line.split(' ').find_map(|word| word.strip_prefix(name));
    value.unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
}

/// Only for measuring how long something takes.
#[expect(clippy::disallowed_methods, reason = "patience with a process is counted in real time")]
pub(super) fn now() -> Instant {
    Instant::now()
}
