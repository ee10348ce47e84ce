//! The ends of the process: a stop that finishes what was taken, and the two that cannot.
//!
//! What fails ends the process first and tells of it then. A line of the log may wait for ever, where it goes into a pipe
//! that is full and that nobody reads. So there is a thread that does nothing else: once it has a code, the process ends
//! with that code half a second later, whatever becomes of the thread that gave it.

use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::Thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A failed write or sync of the journal, or a disk that refuses a start: try again later; a recovery decides what is on disk.
pub const EXIT_WRITE_FAILED: u8 = 75;
/// A panic, or a record that cannot be applied again: a bug.
pub const EXIT_BUG: u8 = 70;
/// The configuration, the data folder or the journal is not what the daemon can start with.
pub const EXIT_CONFIGURATION: u8 = 78;

/// How long a failing daemon answers `outcome_unknown` before it ends.
const FAILING: Duration = Duration::from_millis(500);

/// In place of a code: the process goes on.
const GOES_ON: u8 = 0;
/// What the process is about to end with; it is set once.
static CODE: AtomicU8 = AtomicU8::new(GOES_ON);
/// The thread that ends it.
static ENDER: OnceLock<Thread> = OnceLock::new();

/// SIGTERM and SIGINT, as they come.
#[derive(Debug)]
pub struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    /// The handlers are there when this returns: a signal that comes before anybody waits is not lost, and ends nothing the
    /// hard way.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// From here on the process ends with this code after a moment, in which whoever waits is told; with an earlier one, if it
/// is about to end already. Who calls this may go on to tell of it. After a failed write nothing may be written any more:
/// a second sync that succeeds says nothing about the data of the first (design, section 6).
pub fn end_soon(code: u8) {
    // Relaxed where there is a code already: nothing of this call is looked at then.
    let _ = CODE.compare_exchange(GOES_ON, code, Ordering::Release, Ordering::Relaxed);
    // Where the system has no thread to give, `wait_for_the_end` ends the process.
    if let Ok(ender) = ender() {
        ender.unpark();
    }
}

/// Waits until [`end_soon`] has ended the process.
pub fn wait_for_the_end() -> ! {
    std::thread::sleep(FAILING);
    exit_now(code_of_the_end().unwrap_or(EXIT_BUG))
}

/// What the process is about to end with.
#[must_use]
pub fn code_of_the_end() -> Option<u8> {
    Some(CODE.load(Ordering::Acquire)).filter(|code| *code != GOES_ON)
}

/// The thread that ends the process; made by the first call.
fn ender() -> std::io::Result<&'static Thread> {
    if let Some(thread) = ENDER.get() {
        return Ok(thread);
    }
    let made = std::thread::Builder::new().name("end".to_owned()).spawn(end_when_told)?;
    // Of two that are made at the same time the one that is kept is woken.
    Ok(ENDER.get_or_init(|| made.thread().clone()))
}

fn end_when_told() {
    while code_of_the_end().is_none() {
        std::thread::park();
    }
    wait_for_the_end()
}

/// Ends the process without waiting for threads or open files, by `_exit`: the exit handlers of C++ libraries wait for
/// theirs, which may be waiting for the disk that has failed, and take away what those still use that nobody waits for.
pub fn exit_now(code: u8) -> ! {
    signal_hook::low_level::exit(i32::from(code))
}

/// From here on a panic of any thread ends the process: what it left behind in memory cannot be trusted, and what is
/// durable can. A panic that is caught for its words is none ([`journal::caught`]).
///
/// # Errors
/// The thread that ends the process cannot be made.
pub fn end_on_panic() -> std::io::Result<()> {
    // Beforehand: who panics may have no memory for a thread.
    ender()?;
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        if journal::caught::note(panic) {
            return;
        }
        end_soon(EXIT_BUG);
        print(panic);
        exit_now(EXIT_BUG);
    }));
    Ok(())
}
