//! The handshake: a hello in time, a version that both speak, and the limits of the connection.

use std::sync::Arc;

use protocol::{Body, CloseReason, Durability, Expecting, Hello, Text, Version, Welcome};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::frames::Input;
use super::{End, stopping};
use crate::config::DurabilityKey;
use crate::daemon::Daemon;

/// What was agreed.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    /// The client's own name: "who did it" in the records of commands.
    pub(super) client: String,
    /// Operations without an answer at most.
    pub(super) in_flight_max: u32,
}

/// Reads the hello and answers it. What was agreed comes with a place among the connections. What can come: a whole hello,
/// the deadline, the end of the connection, a drain, a failure.
pub(super) async fn shake(
    daemon: &Daemon,
    input: &mut Input,
    output: &mut OwnedWriteHalf,
    connections: Arc<Semaphore>,
) -> Result<(Agreed, OwnedSemaphorePermit), End> {
    let deadline = daemon.settings.deadlines.handshake;
    let shaking = async {
        tokio::select! {
            biased;
            end = stopping(daemon) => return Err(end),
            read = input.read_whole(Expecting::Hello) => read?,
        }
        let Some((header, body)) = input.whole(Expecting::Hello)? else { return Err(End::Gone) };
        let hello = Hello::decode(input.bytes(body.clone())).map_err(|_| End::Close(CloseReason::MalformedBody))?;
        input.used_up_to(body.end);
        let Some(version) = Version::agree(hello.version_min, hello.version_max) else {
            return Err(End::Close(CloseReason::BadVersion));
        };
        let Ok(place) = connections.try_acquire_owned() else {
            return Err(End::Close(CloseReason::TooManyConnections));
        };
        let agreed = agree(daemon, &hello);
        let mut bytes = Vec::new();
        let welcome = welcome(daemon, version, agreed.in_flight_max);
        welcome.encode(&mut bytes, header.request_id).map_err(|_| End::Gone)?;
        output.write_all(&bytes).await.map_err(|_| End::Gone)?;
        Ok((agreed, place))
    };
    tokio::time::timeout(deadline, shaking).await.unwrap_or(Err(End::Close(CloseReason::HandshakeTimeout)))
}

fn agree(daemon: &Daemon, hello: &Hello) -> Agreed {
    let most = daemon.settings.config.server.in_flight_operations_max;
    let in_flight_max = if hello.in_flight_wanted == 0 { most } else { hello.in_flight_wanted.min(most) };
    Agreed { client: hello.client_name.as_str().to_owned(), in_flight_max }
}

fn welcome(daemon: &Daemon, version: Version, in_flight_max: u32) -> Welcome {
    Welcome {
        version: version.number(),
        in_flight_max,
        frame_operations_max: protocol::limits::FRAME_OPERATIONS_MAX.min(in_flight_max),
        idle_timeout_ms: daemon.settings.config.server.idle_timeout_ms,
        server_time_ms: daemon.clock.now().wall.0,
        server_name: Text::cut(concat!("creditd ", env!("CARGO_PKG_VERSION"))),
        durability: match daemon.settings.config.journal.durability {
            DurabilityKey::Sync => Durability::Sync,
            DurabilityKey::Interval => Durability::Interval,
            DurabilityKey::Memory => Durability::Memory,
        },
        epoch: daemon.identity.epoch,
        node: daemon.identity.node,
    }
}
