//! A daemon in a child process, in a folder of its own; it is killed when the test ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A user that nobody is.
const OTHER_USER: u32 = 54_321;

pub(super) struct Daemon {
    child: Child,
    /// Kept open: the daemon may say more than its first line.
    _stdout: Option<BufReader<ChildStdout>>,
    pub(super) address: SocketAddr,
    pub(super) http: SocketAddr,
    pub(super) ready: String,
}

impl Daemon {
    /// A daemon that keeps nothing.
    pub(super) fn in_memory(environment: &[(&str, &str)]) -> Self {
        Self::run(Path::new("."), &["--durability", "memory"], environment)
    }

    /// A daemon on a folder, made if it is missing.
    pub(super) fn on(folder: &Path, environment: &[(&str, &str)]) -> Self {
        Self::run(folder, &["--dev"], environment)
    }

    /// A daemon that keeps nothing and goes by a configuration file.
    pub(super) fn configured(file: &Path) -> Self {
        let file = file.to_str().unwrap();
        Self::run(Path::new("."), &["--durability", "memory", "--config", file], &[])
    }

    /// A daemon on a folder that may have so many files open, and that logs to a file.
    pub(super) fn with_files(folder: &Path, files: u32, log: File, environment: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &files.to_string(), env!("CARGO_BIN_EXE_creditd")]);
        shell.stderr(log);
        Self::launch(shell, folder, &["--dev"], environment)
    }

    /// A daemon that keeps nothing and whose user is not root: the system's limits of processes bind all others.
    pub(super) fn of_a_user() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let arguments = ["--durability", "memory"];
        if !is_root() {
            return Self::run(Path::new("."), &arguments, &[]);
        }
        // Where another user finds it.
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("creditd");
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_creditd")).arg(&program).status().unwrap();
        assert!(copied.success());
        let mut command = as_other_user(&program);
        command.current_dir(folder.path());
        Self::launch(command, Path::new("."), &arguments, &[])
    }

    /// From here on the system gives it no thread any more. It is one [`of_a_user`](Self::of_a_user).
    pub(super) fn deny_threads(&self) {
        let prlimit = Path::new("prlimit");
        let mut command = if is_root() { as_other_user(prlimit) } else { Command::new(prlimit) };
        command.args([format!("--pid={}", self.id()), "--nproc=1".to_owned()]);
        assert!(command.status().unwrap().success());
    }

    fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::launch(Command::new(env!("CARGO_BIN_EXE_creditd")), folder, arguments, environment)
    }

    fn launch(mut command: Command, folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = command
            .args(["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
            .arg(folder)
            .args(arguments)
            .env("CREDITD_LOG__FILTER", "warn")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        let ready = ready.trim_end().to_owned();
        let address = field(&ready, "address=").parse().unwrap();
        let http = field(&ready, "http=").parse().unwrap();
        Self { child, _stdout: Some(stdout), address, http, ready }
    }

    /// A daemon on a folder whose words go elsewhere. It does not say where it listens: it is told.
    pub(super) fn telling(folder: &Path, stdout: Stdio, stderr: Stdio) -> Self {
        let (address, http) = (free_address(), free_address());
        let mut child = Command::new(env!("CARGO_BIN_EXE_creditd"))
            .args(["run", "--dev", "--listen", &address.to_string(), "--http", &http.to_string(), "--data"])
            .arg(folder)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        while TcpStream::connect(address).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "it does not get as far as listening");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, _stdout: None, address, http, ready: String::new() }
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, by the signal that a service manager sends.
    pub(super) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Asks it to read its configuration again, by the signal that a service manager sends.
    pub(super) fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(super) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// An HTTP request: its status and its body.
    pub(super) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: creditd\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        (status, body.to_owned())
    }
}

fn as_other_user(program: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(program);
    command.uid(OTHER_USER);
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens on.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(name).unwrap_or_else(|| panic!("{name} in {line:?}"));
    rest.split(' ').next().unwrap()
}
