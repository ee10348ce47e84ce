//! One connection: the handshake, then a half that reads and runs frames, and a half that writes answers once they are
//! durable.
//!
//! ```text
//!  socket ──> reader: frames ──> chunks of at most 64 operations ───> rules ──> frames of answers ──┐
//!                                                                                    out-queue (bounded)
//!  socket <── writer: waits until what the answers rest on is durable <─────────────────────────────┘
//! ```
//!
//! Answers leave in the order of the frames. What bounds a connection (I9): one frame is read at a time, the out-queue
//! holds so many messages, and the operations without an answer are limited by the handshake. Every wait has a deadline
//! or ends with the daemon.

use std::sync::Arc;

use protocol::{Body, Close, CloseReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::daemon::{Daemon, Phase};

mod chunk;
mod commands;
mod frames;
mod handshake;
mod reader;
mod writer;

use frames::Input;
use reader::Reader;
use writer::{Message, Writer};

/// How long the end of a connection waits for the other side to close, so that it reads the reason before a reset.
const LINGER: std::time::Duration = std::time::Duration::from_secs(1);
/// What is read and thrown away meanwhile, at most.
const LINGER_BYTES_MAX: usize = 4 << 20;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The other side has gone, or does not read.
    Gone,
    /// It is closed with a reason.
    Close(CloseReason),
}

impl From<crate::daemon::Failing> for End {
    fn from(_: crate::daemon::Failing) -> Self {
        Self::Close(CloseReason::ServerFailed)
    }
}

/// The way into the daemon: the place of one that nobody knows yet, and where it gets another once it has shaken hands.
pub struct Entry {
    /// Given back with the handshake, or when the socket is closed.
    pub stranger: OwnedSemaphorePermit,
    /// Where the place for what follows comes from.
    pub connections: Arc<Semaphore>,
}

/// Serves a connection until it ends. It has a place until its socket is closed (I9): also while its end is told, and
/// while the other side has a moment to read that.
pub async fn serve(daemon: Arc<Daemon>, stream: TcpStream, entry: Entry) {
    let _counted = daemon.metrics.connection();
    let Entry { stranger, connections } = entry;
    let mut place = stranger;
    serve_in(&mut place, connections, &daemon, stream).await;
    drop(place);
}

/// Serves a connection and closes its socket. `place` is that of one that nobody knows; it becomes that of a connection.
async fn serve_in(
    place: &mut OwnedSemaphorePermit,
    connections: Arc<Semaphore>,
    daemon: &Arc<Daemon>,
    stream: TcpStream,
) {
    // Without it answers would wait for the acknowledgement of those before; a socket that refuses is merely slower.
    drop(stream.set_nodelay(true));
    let (read, mut write) = stream.into_split();
    let mut input = Input::new(read, daemon);
    let end = match handshake::shake(daemon, &mut input, &mut write, connections).await {
        Ok((agreed, connection)) => {
            *place = connection;
            tracing::debug!(client = agreed.client, "connected");
            let (outbox, writer) = Writer::new(daemon, write, agreed.in_flight_max);
            let writing = tokio::spawn(writer.run());
            let mut reader = Reader::new(Arc::clone(daemon), input, outbox, agreed);
            let end = reader.run().await;
            let (input_back, outbox) = reader.into_parts();
            input = input_back;
            if let End::Close(reason) = end {
                let bytes = close_frame(reason);
                // Where the writer has ended there is nobody to tell.
                let _ = outbox.send(Message::unmeasured(bytes)).await;
            }
            drop(outbox);
            match writing.await {
                Ok(Some(unread)) => {
                    daemon.metrics.closed(unread);
                    End::Gone
                }
                // A writer that panicked has ended the process by then.
                Ok(None) | Err(_) => end,
            }
        }
        Err(end) => {
            if let End::Close(reason) = end {
                let told = async {
                    write.write_all(&close_frame(reason)).await?;
                    write.shutdown().await
                };
                let _ = tokio::time::timeout(LINGER, told).await;
            }
            end
        }
    };
    if let End::Close(reason) = end {
        daemon.metrics.closed(reason);
        tracing::debug!(%reason, "connection closed");
        let _ = tokio::time::timeout(LINGER, discard(input.into_half())).await;
    }
}

/// Ends when the daemon drains or fails, with what connections are told then.
async fn stopping(daemon: &Daemon) -> End {
    match daemon.reached(Phase::Draining).await {
        Phase::Failed => End::Close(CloseReason::ServerFailed),
        _ => End::Close(CloseReason::Draining),
    }
}

/// Tells a connection that there is no room for it.
pub async fn turn_away(daemon: &Daemon, mut stream: TcpStream) {
    daemon.metrics.closed(CloseReason::TooManyConnections);
    let told = async {
        stream.write_all(&close_frame(CloseReason::TooManyConnections)).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(LINGER, told).await;
    let (read, _write) = stream.into_split();
    let _ = tokio::time::timeout(LINGER, discard(read)).await;
}

/// The frame that tells the reason of a close.
fn close_frame(reason: CloseReason) -> Vec<u8> {
    let mut bytes = Vec::new();
    // The text is short, so that the frame is always within its limit; without it the socket just closes.
    let _ = Close::new(reason, reason.name()).encode(&mut bytes, 0);
    bytes
}

/// Reads what still comes until the other side has closed too: unread bytes would turn the close into a reset, which can
/// overtake the frame that tells the reason.
async fn discard(mut half: OwnedReadHalf) {
    let mut bytes = vec![0; 16 * 1024];
    let mut left = LINGER_BYTES_MAX;
    while left > 0 {
        match half.read(&mut bytes).await {
            Ok(count) if count > 0 => left = left.saturating_sub(count),
            _ => return,
        }
    }
}
