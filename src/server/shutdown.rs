//! The ends of the process: a stop that finishes what was taken, and the two that cannot.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// A failed write or sync of the journal, or a disk that refuses a start: try again later; a recovery decides what is on disk.
pub const EXIT_WRITE_FAILED: u8 = 75;
/// A panic, or a record that cannot be applied again: a bug.
pub const EXIT_BUG: u8 = 70;
/// The configuration, the data folder or the journal is not what the daemon can start with.
pub const EXIT_CONFIGURATION: u8 = 78;

/// How long a failing daemon answers `outcome_unknown` before it ends.
const FAILING: Duration = Duration::from_millis(500);

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
    end_soon(EXIT_WRITE_FAILED)
}

/// Ends the process with a code, after a moment in which whoever waits is told.
pub fn end_soon(code: u8) -> ! {
    std::thread::sleep(FAILING);
    exit_now(code)
}

/// Ends the process without waiting for threads or open files, by `_exit`: the exit handlers of C++ libraries wait for
/// theirs, which may be waiting for the disk that has failed.
fn exit_now(code: u8) -> ! {
    signal_hook::low_level::exit(i32::from(code))
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
