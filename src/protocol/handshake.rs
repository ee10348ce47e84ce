//! The handshake: hello from the client, welcome from the daemon. Nothing else is taken before it.

use crate::codec::Body;
use crate::frame::FrameKind;
use crate::ids::NodeId;
use crate::limits::{AUTH_TOKEN_BYTES_MAX, CLIENT_NAME_BYTES_MAX, SERVER_NAME_BYTES_MAX};
use crate::numbered::numbered;
use crate::text::{Secret, Text};

/// The client's first frame.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hello {
    /// The oldest version that the client speaks.
    pub version_min: u16,
    /// The newest.
    pub version_max: u16,
    /// Who it is, for logs.
    pub client_name: Text<CLIENT_NAME_BYTES_MAX>,
    /// Operations that it would like to have in flight; 0 = whatever the daemon gives.
    pub in_flight_wanted: u32,
    /// Its key; empty where the daemon asks for none.
    pub auth_token: Secret<AUTH_TOKEN_BYTES_MAX>,
}

impl Body for Hello {
    const KIND: FrameKind = FrameKind::Hello;
}

numbered! {
    /// What an answer of the daemon is worth after a power cut.
    pub enum Durability: u8, from_u8 {
        /// Every positive answer is synced first.
        Sync = 1 "sync",
        /// Answers leave before the sync; at most the interval is lost. Answers are not marked `durable`.
        Interval = 2 "interval",
        /// Nothing survives: for tests.
        Memory = 3 "memory",
    }
}

/// The daemon's answer to a hello.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Welcome {
    /// The version that is spoken from here on.
    pub version: u16,
    /// Operations (and commands, and pings) without an answer that the connection may have at most.
    pub in_flight_max: u32,
    /// Operations in one frame at most.
    pub frame_operations_max: u32,
    /// A connection on which nothing comes for so long is closed, in milliseconds; 0 = never.
    pub idle_timeout_ms: u32,
    /// The daemon's clock, milliseconds since 1970: hold ids are judged by it.
    pub server_time_ms: u64,
    /// Name and version of the daemon.
    pub server_name: Text<SERVER_NAME_BYTES_MAX>,
    /// How durable its answers are.
    pub durability: Durability,
    /// Counts the starts of the journal: a higher one means that the daemon has recovered since.
    pub epoch: u64,
    /// The running daemon.
    pub node: NodeId,
}

impl Body for Welcome {
    const KIND: FrameKind = FrameKind::Welcome;
}
