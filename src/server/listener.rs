//! Accepting connections, up to a cap.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::connection;
use crate::daemon::{Daemon, Phase};

/// Connections beyond the cap that are told so at the same time; more are dropped without a word.
const TURNED_AWAY_MAX: usize = 64;
/// How long to wait after a failed accept: it fails again until somebody else closes a file.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until the daemon drains, then waits for those that are open. What can happen: a connection comes,
/// one ends, the phase changes.
pub async fn run(daemon: Arc<Daemon>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(usize::try_from(daemon.settings.config.server.connections_max).unwrap_or(1)));
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = daemon.reached(Phase::Draining) => break,
            Some(_ended) = open.join_next(), if !open.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        let daemon = Arc::clone(&daemon);
                        open.spawn(async move {
                            connection::serve(daemon, stream).await;
                            drop(place);
                        });
                    }
                    Err(_full) => {
                        if let Ok(one) = Arc::clone(&turned_away).try_acquire_owned() {
                            open.spawn(async move {
                                connection::turn_away(stream).await;
                                drop(one);
                            });
                        }
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}
