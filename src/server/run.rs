//! The life of the process: start, listen, say that it is ready, wait for the end, stop in order.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use journal::directory::DataDirectory;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::daemon::Phase;
use crate::places::{self, Places};
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

/// Runs a daemon until `asked_to_stop` is done, then stops it in order. `ready` is called once, when it takes requests.
///
/// # Errors
/// [`RunError`]: it never became ready.
pub fn run<S>(
    wanted: Wanted,
    directory: Option<DataDirectory>,
    asked_to_stop: impl FnOnce() -> S,
    ready: impl FnOnce(Ready),
) -> Result<(), RunError>
where
    S: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(wanted.settings.worker_threads)
        .thread_name("creditd")
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    // The addresses come first: a second daemon on the same port is noticed before the journal gets an epoch.
    let (binary, web) = runtime.block_on(async {
        let server = &wanted.settings.config.server;
        Ok::<_, RunError>((bind("server.listen", server.listen).await?, bind("server.http", server.http).await?))
    })?;
    // From here on a SIGHUP waits until the daemon runs, instead of ending the process.
    let hangups = runtime.block_on(async { reload::hangups() }).map_err(RunError::System)?;
    let started = start(wanted, directory)?;
    runtime.spawn(reload::on_hangup(Arc::clone(&started.daemon), hangups));
    runtime.block_on(async {
        let asked = asked_to_stop();
        serve(&started, binary, web, asked, ready).await
    })?;
    started.stop();
    tracing::info!("stopped");
    Ok(())
}

/// Everything that happens while the daemon runs: connections, HTTP requests, the wish to stop.
async fn serve(
    started: &Started,
    binary: TcpListener,
    web: TcpListener,
    asked_to_stop: impl Future<Output = ()>,
    ready: impl FnOnce(Ready),
) -> Result<(), RunError> {
    let daemon = &started.daemon;
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
    let connections = tokio::spawn(listener::run(Arc::clone(daemon), binary, places));
    ready(where_ready);
    asked_to_stop.await;

    daemon.enter(Phase::Draining);
    let limit = daemon.settings.deadlines.drain;
    tracing::info!(?limit, "draining");
    let abort = connections.abort_handle();
    if tokio::time::timeout(limit, connections).await.is_err() {
        // Their answers are lost, their effects are not: the same ids again get the first decision.
        tracing::warn!("connections were cut off: the drain took too long");
        abort.abort();
    }
    drop(stop_web);
    web.abort();
    Ok(())
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Listen { key, address, error })
}
