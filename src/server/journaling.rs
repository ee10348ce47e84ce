//! The journal's thread: it writes and syncs, and tells the daemon how far it is.

use std::sync::Arc;

use journal::{Instants, Published, Store, WriteFailed, Writer, WriterEvents};
use tokio::sync::watch;
use wallet::ids::Position;

use crate::clock::{Clock, Stopwatch};
use crate::daemon::{Daemon, Phase, Progress};
use crate::shutdown::{self, EXIT_WRITE_FAILED};

/// Writes until the queue is closed and empty. A failed write ends the process.
pub fn run<S: Store>(writer: Writer<S>, daemon: Arc<Daemon>, progress: Arc<watch::Sender<Progress>>) {
    let mut events = Events { daemon, progress, begun: Clock::stopwatch(), appending: Clock::stopwatch() };
    // The store closes its files when it is dropped.
    drop(writer.run(&mut events));
}

/// What the journal's thread tells the daemon.
struct Events {
    daemon: Arc<Daemon>,
    progress: Arc<watch::Sender<Progress>>,
    begun: Stopwatch,
    appending: Stopwatch,
}

impl WriterEvents for Events {
    fn now(&mut self) -> Instants {
        let monotonic_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Instants { time_ms: self.daemon.clock.now().daemon.0, monotonic_ms }
    }

    fn appending(&mut self) {
        self.appending = Clock::stopwatch();
        self.daemon.syncing.begins();
    }

    fn settled(&mut self) {
        self.daemon.syncing.ends();
    }

    fn published(&mut self, published: &Published) {
        let durable = Position(published.durable.0);
        self.progress.send_if_modified(|progress| {
            // After the projections have failed nothing more is acknowledged, whatever becomes durable (decision 0019).
            if !progress.failed {
                progress.durable = durable;
            }
            !progress.failed
        });
        if published.records > 0 {
            self.daemon.metrics.group(published.records, published.bytes, self.appending.elapsed());
        }
    }

    fn failed(&mut self, failure: &WriteFailed) {
        // Told last: nobody may take the line.
        shutdown::end_soon(EXIT_WRITE_FAILED);
        self.progress.send_modify(|progress| progress.failed = true);
        self.daemon.enter(Phase::Failed);
        tracing::error!(%failure, "the journal has failed: the process ends, and a recovery decides");
        shutdown::wait_for_the_end();
    }
}
