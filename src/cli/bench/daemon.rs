//! A daemon of the bench's own: the `creditd` beside this program, in a temporary folder, on ports of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::bench::DurabilityMode;
use crate::exit::{Exit, Failure};

/// How long it may take to be ready.
const READY: Duration = Duration::from_secs(30);
/// How often it is looked after while it stops, and how many times.
const STOP_POLL: Duration = Duration::from_millis(20);
const STOP_POLLS: u32 = 1500;
/// Lines of its log that a failure shows.
const LOG_LINES: usize = 10;

/// A running daemon. Dropping it ends the daemon and removes its folder.
#[derive(Debug)]
pub(crate) struct OwnDaemon {
    pub(crate) address: String,
    child: Child,
    folder: TempDir,
}

impl OwnDaemon {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(
        program: Option<&Path>,
        parent: Option<&Path>,
        durability: Option<DurabilityMode>,
    ) -> Result<Self, Failure> {
        let program = program.map_or_else(beside_this_program, |program| Ok(program.to_owned()))?;
        let folder = parent.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        let folder = folder.map_err(|error| Failure::configuration(format!("no temporary folder: {error}")))?;
        let child = spawn(&program, folder.path(), durability)
            .map_err(|error| Failure::configuration(format!("cannot start {}: {error}", program.display())))?;
        let mut daemon = Self { address: String::new(), child, folder };
        match daemon.wait_until_ready() {
            Ok(address) => daemon.address = address,
            Err(failure) => return Err(daemon.explain(failure)),
        }
        Ok(daemon)
    }

    fn wait_until_ready(&mut self) -> Result<String, Failure> {
        let Some(stdout) = self.child.stdout.take() else { return Err(Failure::bug(&"the daemon has no output")) };
        let (tell, told) = mpsc::channel();
        // The thread ends with the daemon; whatever else it prints is read and dropped, so that it never blocks.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = address_of(&line) {
                    let _ = tell.send(address.to_owned());
                }
            }
        });
        told.recv_timeout(READY)
            .map_err(|_| Failure::new(Exit::Unreachable, "unreachable", "the bench's own daemon did not become ready"))
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
        let log = std::fs::read_to_string(log_path(self.folder.path())).unwrap_or_default();
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

fn spawn(program: &Path, folder: &Path, durability: Option<DurabilityMode>) -> std::io::Result<Child> {
    let log = File::create(log_path(folder))?;
    let mut command = Command::new(program);
    command
        .args(["run", "--dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
        .arg(folder.join("data"));
    // Its log goes into a file, and from there into a message.
    command.env("NO_COLOR", "1");
    if let Some(durability) = durability {
        command.env("CREDITD_JOURNAL__DURABILITY", durability.name());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("daemon.log")
}

/// The address in `creditd ready address=127.0.0.1:PORT http=…`.
fn address_of(line: &str) -> Option<&str> {
    line.strip_prefix("creditd ready ")?.split_whitespace().find_map(|word| word.strip_prefix("address="))
}

#[cfg(test)]
mod tests;
