//! The life of the process: start, listen, say that it is ready, wait for the end, stop in order.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use journal::directory::DataDirectory;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::daemon::{Daemon, Phase};
use crate::places::{self, Places};
use crate::shutdown::{self, Stops};
use crate::start::{StartError, Started, Wanted, start};
use crate::{http, listener, reload};

/// Why the daemon did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An address cannot be listened on.
    #[error("{key} = {address}: {error}")]
    Listen {
        /// The key of the configuration.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// Something the process needs of the system.
    #[error("{0}")]
    System(#[source] std::io::Error),
}

/// Where a ready daemon listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The binary protocol.
    pub address: SocketAddr,
    /// The HTTP port.
    pub http: SocketAddr,
    /// How durable answers are: `sync`, `interval` or `memory`.
    pub durability: &'static str,
}

impl std::fmt::Display for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "creditd ready address={} http={} durability={}", self.address, self.http, self.durability)
    }
}

/// How long the end waits for tasks that are at work on a thread.
const TASKS_END: Duration = Duration::from_secs(1);

/// Runs a daemon until SIGTERM or SIGINT, then stops it in order. `ready` is called once, when it takes requests. Tasks that
/// do not end are left behind with the process, which ends here then.
///
/// # Errors
/// [`RunError`]: it never became ready.
pub fn run(wanted: Wanted, directory: Option<DataDirectory>, ready: impl FnOnce(Ready)) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(wanted.settings.worker_threads)
        .thread_name("creditd")
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    let lived = live(&runtime, wanted, directory, ready);
    // To drop it would be to wait for them.
    runtime.shutdown_timeout(TASKS_END);
    let daemon = lived?;
    tracing::info!("stopped");
    if daemon.strong_count() > 0 {
        // Everything is written; only such a task is left.
        shutdown::exit_now(0);
    }
    Ok(())
}

/// From the start to the end of the last thread; a task may still have the daemon then.
fn live(
    runtime: &Runtime,
    wanted: Wanted,
    directory: Option<DataDirectory>,
    ready: impl FnOnce(Ready),
) -> Result<Weak<Daemon>, RunError> {
    // The addresses come first: a second daemon on the same port is noticed before the journal gets an epoch.
    let (binary, web) = runtime.block_on(async {
        let server = &wanted.settings.config.server;
        Ok::<_, RunError>((bind("server.listen", server.listen).await?, bind("server.http", server.http).await?))
    })?;
    // From here on a SIGHUP waits until the daemon runs, instead of ending the process.
    let hangups = runtime.block_on(async { reload::hangups() }).map_err(RunError::System)?;
    let started = start(wanted, directory)?;
    let daemon = Arc::downgrade(&started.daemon);
    runtime.spawn(reload::on_hangup(Arc::clone(&started.daemon), hangups));
    runtime.block_on(serve(&started, binary, web, ready))?;
    started.stop();
    Ok(daemon)
}

/// Everything that happens while the daemon runs: connections, HTTP requests, the wish to stop, and the wish to stop now.
async fn serve(
    started: &Started,
    binary: TcpListener,
    web: TcpListener,
    ready: impl FnOnce(Ready),
) -> Result<(), RunError> {
    let daemon = &started.daemon;
    let mut stops = Stops::new().map_err(RunError::System)?;
    let where_ready = Ready {
        address: binary.local_addr().map_err(RunError::System)?,
        http: web.local_addr().map_err(RunError::System)?,
        durability: daemon.settings.config.journal.durability.name(),
    };
    // The stores are open by now: what they have of the process's descriptors is known.
    let places = Places::new(places::of_process(&daemon.settings.config.server));
    let (stop_web, web_stopped) = oneshot::channel::<()>();
    let web = http::Limited::new(web, Arc::clone(&places.http));
    let web = tokio::spawn(http::serve(web, Arc::clone(daemon), async {
        // Sent, or dropped with its owner: either way it is over.
        let _ = web_stopped.await;
    }));
    daemon.enter(Phase::Serving);
    if daemon.phase_now() == Phase::Failed {
        return Err(StartError::Failed.into());
    }
    let connections = tokio::spawn(listener::run(Arc::clone(daemon), binary, places));
    ready(where_ready);
    let signal = stops.next().await;

    daemon.enter(Phase::Draining);
    let limit = daemon.settings.deadlines.drain;
    let abort = connections.abort_handle();
    let cut_off = tokio::select! {
        _ = connections => None,
        () = tokio::time::sleep(limit) => Some("the drain took too long"),
        _ = stops.next() => Some("asked to stop again"),
    };
    // Told once it is over: the line may wait for somebody to take it.
    tracing::info!(signal, ?limit, "asked to stop: drained");
    if let Some(why) = cut_off {
        // Their answers are lost, their effects are not: the same ids again get the first decision.
        abort.abort();
        tracing::warn!("connections were cut off: {why}");
    }
    drop(stop_web);
    web.abort();
    Ok(())
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Listen { key, address, error })
}
