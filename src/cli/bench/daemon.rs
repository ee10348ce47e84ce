//! A daemon of the bench's own: the `creditd` beside this program, in a temporary folder, on ports of its own.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::bench::setup::Accounts;
use crate::exit::{Exit, Failure};

/// How long it may take to be ready: ten million wallets and a busy machine are not too many.
const READY: Duration = Duration::from_secs(300);
/// How often it is looked after while it stops, and how many times.
const STOP_POLL: Duration = Duration::from_millis(20);
const STOP_POLLS: u32 = 1500;
/// Lines of its log that a failure shows.
const LOG_LINES: usize = 10;

/// Where a daemon of the bench's own runs, and with what.
#[derive(Debug)]
pub(crate) struct Grounds {
    program: PathBuf,
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Grounds {
    /// A temporary folder, and the program.
    pub(crate) fn new(program: Option<&Path>, parent: Option<&Path>) -> Result<Self, Failure> {
        let program = program.map_or_else(beside_this_program, |program| Ok(program.to_owned()))?;
        let folder = parent.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        let folder = folder.map_err(|error| Failure::configuration(format!("no temporary folder: {error}")))?;
        Ok(Self { program, folder, environment: Vec::new() })
    }

    /// The folder, which the daemon's own lies in.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts accounts into the folder before the daemon starts: opened, given credits, with so many bytes of journal that no
    /// projection has followed.
    pub(crate) fn seed(&self, accounts: Accounts, funds: u64, behind_bytes: u64) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.arg("seed").arg(self.folder.path().join("data"));
        let numbers = [u128::from(accounts.count), accounts.from, u128::from(funds), u128::from(behind_bytes)];
        for (flag, number) in ["--accounts", "--from", "--funds", "--behind-bytes"].into_iter().zip(numbers) {
            command.arg(flag).arg(number.to_string());
        }
        let output = command.stdin(Stdio::null()).output();
        let output = output.map_err(|error| Failure::configuration(format!("no accounts were made: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::new(Exit::Bug, "bug", format!("no accounts were made: {said}")))
    }

    /// With another variable: a key of the configuration, or what makes it see another clock.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }
}

/// A running daemon. Dropping it ends the daemon and removes its folder.
#[derive(Debug)]
pub(crate) struct OwnDaemon {
    pub(crate) address: String,
    /// Where its metrics are.
    pub(crate) http: String,
    child: Child,
    grounds: Grounds,
}

impl OwnDaemon {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start_on(grounds: Grounds) -> Result<Self, Failure> {
        Self::start_within(grounds, READY)
    }

    /// The same where there is much to load.
    pub(crate) fn start_within(grounds: Grounds, patience: Duration) -> Result<Self, Failure> {
        let child = spawn(&grounds)?;
        let mut daemon = Self { address: String::new(), http: String::new(), child, grounds };
        match daemon.wait_until_ready(patience) {
            Ok(()) => Ok(daemon),
            Err(failure) => Err(daemon.explain(failure)),
        }
    }

    /// Ends it and starts it again with what it has: the time from the start of the program until it is ready.
    pub(crate) fn restart(&mut self, between: impl FnOnce() -> Result<(), Failure>) -> Result<Duration, Failure> {
        self.end().map_err(|error| Failure::bug(&format!("the bench's own daemon did not stop: {error}")))?;
        between()?;
        let begun = Instant::now();
        self.child = spawn(&self.grounds)?;
        self.wait_until_ready(READY)?;
        Ok(begun.elapsed())
    }

    /// Its number among the processes.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it and those before it on the same grounds have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(log_path(self.grounds.path())).unwrap_or_default()
    }

    fn wait_until_ready(&mut self, patience: Duration) -> Result<(), Failure> {
        let Some(stdout) = self.child.stdout.take() else { return Err(Failure::bug(&"the daemon has no output")) };
        let (tell, told) = mpsc::channel();
        // The thread ends with the daemon; whatever else it prints is read and dropped, so that it never blocks.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = word_of(&line, "address=") {
                    let http = word_of(&line, "http=").unwrap_or_default();
                    let _ = tell.send((address.to_owned(), http.to_owned()));
                }
            }
        });
        (self.address, self.http) = told.recv_timeout(patience).map_err(|_| {
            Failure::new(Exit::Unreachable, "unreachable", "the bench's own daemon did not become ready")
        })?;
        Ok(())
    }

    /// Ends it as an operator would: SIGTERM, and time for its last sync.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.end().map_err(|error| Failure::bug(&format!("the bench's own daemon did not stop: {error}")))
    }

    fn end(&mut self) -> std::io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).stderr(Stdio::null()).status()?;
        for _ in 0..STOP_POLLS {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(STOP_POLL);
        }
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    /// Adds the end of the daemon's log to a failure, then ends it.
    pub(crate) fn explain(self, failure: Failure) -> Failure {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(LOG_LINES).collect();
        if lines.is_empty() {
            return failure;
        }
        let tail: Vec<&str> = lines.into_iter().rev().collect();
        Failure { message: format!("{}\nthe daemon's log ends with:\n{}", failure.message, tail.join("\n")), ..failure }
    }
}

impl Drop for OwnDaemon {
    fn drop(&mut self) {
        if self.end().is_err() {
            // It cannot be asked politely; the folder is about to go.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn beside_this_program() -> Result<PathBuf, Failure> {
    let this = std::env::current_exe().map_err(|error| Failure::configuration(format!("where am I? {error}")))?;
    let program = this.with_file_name("creditd");
    if program.is_file() {
        return Ok(program);
    }
    let program = program.display();
    Err(Failure::configuration(format!(
        "{program} is missing: build it, name it with --creditd, or bench a running daemon with --address"
    )))
}

fn spawn(grounds: &Grounds) -> Result<Child, Failure> {
    let Grounds { program, folder, environment } = grounds;
    let log = OpenOptions::new().create(true).append(true).open(log_path(folder.path()));
    let spawned = log.and_then(|log| {
        let mut command = Command::new(program);
        command
            .args(["run", "--dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"));
        // Its log goes into a file, and from there into a message.
        command.env("NO_COLOR", "1");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()
    });
    spawned.map_err(|error| Failure::configuration(format!("cannot start {}: {error}", program.display())))
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("daemon.log")
}

/// A word in `creditd ready address=127.0.0.1:PORT http=…`.
fn word_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix("creditd ready ")?.split_whitespace().find_map(|word| word.strip_prefix(name))
}

#[cfg(test)]
mod tests;
