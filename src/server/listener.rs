//! Accepting connections, up to a cap.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::connection;
use crate::daemon::{Daemon, Phase};
use crate::places::Places;
use crate::seldom::Seldom;

/// How long to wait after a failed accept: it fails again until somebody else closes a file.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until the daemon drains, then waits for those that are open. What can happen: a connection comes,
/// one ends, the phase changes.
pub async fn run(daemon: Arc<Daemon>, listener: TcpListener, places: Places) {
    let mut open = JoinSet::new();
    let (refused, failed) = (Seldom::default(), Seldom::default());
    loop {
        tokio::select! {
            biased;
            _ = daemon.reached(Phase::Draining) => break,
            Some(_ended) = open.join_next(), if !open.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => {
                    if let Some(stream) = begin(&daemon, &places, &mut open, stream) {
                        if let Some(times) = refused.happened() {
                            tracing::warn!(times, "no place for a connection");
                        }
                        turn_away(&daemon, &places, &mut open, stream);
                    }
                }
                Err(error) => {
                    if let Some(times) = failed.happened() {
                        tracing::warn!(%error, times, "a connection could not be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Serves a connection; gives it back where there is no place for it. Those that have not shaken hands have places of
/// their own, so that who only connects keeps nobody out who is in.
fn begin(daemon: &Arc<Daemon>, places: &Places, open: &mut JoinSet<()>, stream: TcpStream) -> Option<TcpStream> {
    if places.connections.available_permits() == 0 {
        return Some(stream);
    }
    let Ok(stranger) = Arc::clone(&places.strangers).try_acquire_owned() else { return Some(stream) };
    let entry = connection::Entry { stranger, connections: Arc::clone(&places.connections) };
    open.spawn(connection::serve(Arc::clone(daemon), stream, entry));
    None
}

/// Tells a connection that there is no place; of more than a few at once, the rest are dropped without a word.
fn turn_away(daemon: &Arc<Daemon>, places: &Places, open: &mut JoinSet<()>, stream: TcpStream) {
    let Ok(one) = Arc::clone(&places.turned_away).try_acquire_owned() else { return };
    let daemon = Arc::clone(daemon);
    open.spawn(async move {
        connection::turn_away(&daemon, stream).await;
        drop(one);
    });
}
