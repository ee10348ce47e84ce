//! Standard error and standard output that take nothing. Lines of the log are no data: without them a daemon serves, stops
//! and fails as it always does, and tools end with their code.

use std::fs::OpenOptions;
use std::io::{PipeReader, Write, pipe};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use creditd::shutdown;
use protocol::{Operation, Outcome};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::daemon::Daemon;
use super::requests::{ACCOUNT, hold_id, open_account};
use super::wire::Wire;

/// A disk without space.
fn no_space() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe whose reader is gone.
fn gone() -> Stdio {
    pipe().unwrap().1.into()
}

/// A pipe that is full, and that nobody reads as long as the reader is kept: who writes waits for ever.
pub(crate) fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, mut writer) = pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    for bytes in [&[b'x'; 4_096][..], b"x"] {
        while matches!(writer.write(bytes), Ok(1..)) {}
    }
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer.into())
}

/// The two that refuse what is written.
const REFUSING: [fn() -> Stdio; 2] = [no_space, gone];

fn creditd(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creditd"));
    command.args(arguments).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

const RUN: [&str; 7] = ["run", "--dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"];

fn code(mut command: Command) -> Option<i32> {
    command.status().unwrap().code()
}

/// The code of a process that ends and waits for nobody; half a second is what it takes itself.
fn code_soon(mut child: Child) -> Option<i32> {
    let ended = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(10));
        child.try_wait().unwrap()
    });
    let status = ended.take(2_000).flatten().next();
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    status.expect("it ends, whoever reads").code()
}

#[test]
fn a_daemon_that_nobody_hears_serves_and_stops() {
    for refuses in REFUSING {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::telling(folder.path(), refuses(), refuses());
        let mut wire = Wire::connect(&daemon);
        open_account(&mut wire);
        assert_eq!(wire.ask(&[Operation::charge(hold_id(), ACCOUNT, 10)])[0].outcome, Outcome::Granted);
        daemon.terminate();
        assert_eq!(daemon.wait().code(), Some(0));
        let daemon = Daemon::telling(folder.path(), refuses(), refuses());
        assert_eq!(Wire::connect(&daemon).ask(&[Operation::balance(ACCOUNT)])[0].available.free, 99_990);
    }
}

#[test]
fn a_start_that_is_refused_unheard_has_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let _daemon = Daemon::on(folder.path(), &[]);
    for refuses in REFUSING {
        let mut in_use = creditd(&RUN, folder.path());
        in_use.stdout(refuses()).stderr(refuses());
        assert_eq!(code(in_use), Some(78));
        let mut open_to_all = creditd(&["run", "--listen", "0.0.0.0:0", "--data"], folder.path());
        open_to_all.stderr(refuses());
        assert_eq!(code(open_to_all), Some(78));
    }
}

#[test]
fn a_start_that_is_refused_ends_though_nobody_reads_why() {
    let folder = tempfile::tempdir().unwrap();
    let _daemon = Daemon::on(folder.path(), &[]);
    for arguments in [&RUN[..], &["run", "--listen", "0.0.0.0:0", "--data"]] {
        let (_reader, stderr) = full_pipe();
        let refused = creditd(arguments, folder.path()).stderr(stderr).spawn();
        assert_eq!(code_soon(refused.unwrap()), Some(78), "{arguments:?}");
    }
}

/// Says that this process is the one that is to end.
const VARIABLE: &str = "CREDITD_TEST_OF_SINKS";

#[test]
fn a_panic_ends_the_process_though_nobody_reads_of_it() {
    const NAME: &str = "server::sinks::a_panic_ends_the_process_though_nobody_reads_of_it";
    if std::env::var_os(VARIABLE).is_some() {
        shutdown::end_on_panic().unwrap();
        panic!("unheard");
    }
    let (_reader, stderr) = full_pipe();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([NAME, "--exact", "--nocapture"]).env(VARIABLE, "1").stdout(Stdio::null()).stderr(stderr);
    assert_eq!(code_soon(child.spawn().unwrap()), Some(i32::from(shutdown::EXIT_BUG)));
}

/// `creditd fsck -o json DIR | head -1`
#[test]
fn tools_whose_reader_is_gone_end_with_their_code() {
    let folder = tempfile::tempdir().unwrap();
    Daemon::on(folder.path(), &[]).kill();
    for arguments in [&["fsck", "-o", "json"][..], &["fsck"]] {
        for refuses in REFUSING {
            let mut checked = creditd(arguments, folder.path());
            checked.stdout(refuses()).stderr(refuses());
            assert_eq!(code(checked), Some(0), "{arguments:?}");
        }
    }
    let file = folder.path().join("creditd.toml");
    std::fs::write(&file, "").unwrap();
    for arguments in [["config", "show"], ["config", "check"]] {
        let shown = |stdout| {
            let mut shown = creditd(&arguments, &file);
            shown.stdout(stdout);
            code(shown)
        };
        assert_eq!(shown(gone()), Some(0), "{arguments:?}");
        assert_eq!(shown(no_space()), Some(75), "{arguments:?}: what was asked for is not there");
    }
}

/// The name of the folder for the messages of the stores is not known beforehand: what somebody has put in its way would
/// be written into, and removed.
#[test]
fn fsck_leaves_alone_what_others_have_in_the_shared_folder() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Daemon::on(folder.path(), &[]).kill();
    // The shell's process becomes the program's.
    let planted =
        "mkdir \"$TMPDIR/creditd-fsck-$$\" && touch \"$TMPDIR/creditd-fsck-$$/mine\" && exec \"$0\" fsck \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", planted, env!("CARGO_BIN_EXE_creditd")]).arg(folder.path()).env("TMPDIR", shared.path());
    let checked = shell.output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let left: Vec<_> = std::fs::read_dir(shared.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].join("mine").exists(), "{left:?}");
}
