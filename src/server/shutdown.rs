//! The ends of the process: a stop that finishes what was taken, and the two that cannot.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// A failed write or sync of the journal: try again later; a recovery decides what is on disk.
pub const EXIT_WRITE_FAILED: u8 = 75;
/// A panic: a bug.
pub const EXIT_BUG: u8 = 70;
/// The configuration, the data folder or the journal is not what the daemon can start with.
pub const EXIT_CONFIGURATION: u8 = 78;

/// How long a failing daemon answers `outcome_unknown` before it ends.
const FAILING: Duration = Duration::from_millis(500);
/// How long the process may take to end before it is ended the hard way.
const EXIT_AT_MOST: Duration = Duration::from_millis(400);

/// Waits for SIGTERM or SIGINT. The handlers are there when this returns: a signal that comes before anybody waits is not
/// lost, and ends nothing the hard way.
///
/// # Errors
/// The handlers cannot be installed.
pub fn asked_to_stop() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// Ends the process after a failed write or sync. Nothing may be written any more: a second sync that succeeds says
/// nothing about the data of the first (design, section 6). The connections have a moment to say `outcome_unknown`.
pub fn end_after_failed_write() -> ! {
    std::thread::sleep(FAILING);
    exit_now(EXIT_WRITE_FAILED)
}

/// Ends the process without waiting for threads or open files. The exit handlers of C++ libraries run, and could hang on
/// a disk that does not answer: then the process is aborted.
fn exit_now(code: u8) -> ! {
    std::thread::spawn(|| {
        std::thread::sleep(EXIT_AT_MOST);
        std::process::abort();
    });
    std::process::exit(i32::from(code))
}

/// From here on a panic of any thread ends the process: what it left behind in memory cannot be trusted, and what is
/// durable can.
pub fn end_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        exit_now(EXIT_BUG);
    }));
}
