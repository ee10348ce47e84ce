//! What a client is told once, when it is made.

use std::time::Duration;

use protocol::Secret;
use protocol::limits::AUTH_TOKEN_BYTES_MAX;

/// How a client connects and how long it waits.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host and port of the daemon.
    pub address: String,
    /// Who this is, for the daemon's logs; cut at 64 bytes.
    pub name: String,
    /// The key; empty where the daemon asks for none.
    pub token: Secret<AUTH_TOKEN_BYTES_MAX>,
    /// How long a call may take, retries and waiting for room included.
    pub deadline: Duration,
    /// Operations that may be without an answer at once; 0 = as many as the daemon allows. The daemon's limit holds anyway.
    pub in_flight: u32,
    /// How long one attempt to connect may take, handshake included.
    pub connect_timeout: Duration,
    /// A connection with calls under way on which nothing comes for so long counts as lost.
    pub silence_max: Duration,
    /// The pauses between attempts.
    pub backoff: Backoff,
}

/// Pauses between attempts: they double from `first` up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first attempt.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Options {
    /// The defaults: 5 s for a call, 2 s to connect, 10 s of silence, pauses of 20 ms to 1 s.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            name: "client".to_owned(),
            token: Secret::default(),
            deadline: Duration::from_secs(5),
            in_flight: 0,
            connect_timeout: Duration::from_secs(2),
            silence_max: Duration::from_secs(10),
            backoff: Backoff::default(),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(20), max: Duration::from_secs(1) }
    }
}
