//! Why a connection is closed: numbered for ever, sent as the last frame where that is still possible.

use crate::codec::Body;
use crate::frame::FrameKind;
use crate::limits::CLOSE_TEXT_BYTES_MAX;
use crate::numbered::numbered;
use crate::text::Text;

numbered! {
    /// The reason of a close. Each line says what the other side did, or what to do next.
    pub enum CloseReason: u16, from_u16 {
        /// The first four bytes are not `CRDT`: something else is speaking.
        BadMagic = 1 "bad_magic",
        /// The version is not the agreed one, or a hello offered none that the daemon knows.
        BadVersion = 2 "bad_version",
        /// The header's checksum is wrong.
        BadHeaderCrc = 3 "bad_header_crc",
        /// The body's checksum is wrong.
        BadBodyCrc = 4 "bad_body_crc",
        /// The body is longer than its kind allows.
        BodyTooLong = 5 "body_too_long",
        /// The count is zero, too large, or not 1 where the body is one thing.
        BadCount = 6 "bad_count",
        /// No such frame kind.
        UnknownKind = 7 "unknown_kind",
        /// A frame that this side does not take, or not now: the handshake comes first, and once.
        UnexpectedFrame = 8 "unexpected_frame",
        /// More operations without an answer than the welcome allows.
        TooManyInFlight = 9 "too_many_in_flight",
        /// No hello came in time.
        HandshakeTimeout = 10 "handshake_timeout",
        /// Nothing came for too long. Ping, or connect when there is something to say.
        IdleTimeout = 11 "idle_timeout",
        /// The body is not what its kind says: too short, bytes left over, a text too long or not UTF-8, an unknown number.
        MalformedBody = 12 "malformed_body",
        /// The daemon is stopping. Everything that it took is answered; connect to its successor.
        Draining = 13 "draining",
        /// The daemon is failing. What has no answer is `outcome_unknown`: the same ids again, after a reconnect.
        ServerFailed = 14 "server_failed",
        /// The hello's token is not accepted.
        Unauthorized = 15 "unauthorized",
        /// The daemon has no room for another connection. Try again later.
        TooManyConnections = 16 "too_many_connections",
        /// A reserved flag of the header is set.
        BadFlags = 17 "bad_flags",
        /// The body's length is not what count and kind make it.
        BadBodyLen = 18 "bad_body_len",
        /// A frame began and was not finished in time.
        FrameTimeout = 19 "frame_timeout",
        /// Answers were not read for too long.
        SlowReader = 20 "slow_reader",
        /// The client has nothing more to say: a polite end, not an error.
        Goodbye = 21 "goodbye",
    }
}

/// The body of a close frame.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Close {
    /// The reason.
    pub reason: CloseReason,
    /// More for people; programs go by the reason.
    pub text: Text<CLOSE_TEXT_BYTES_MAX>,
}

impl Close {
    /// A close with a text, cut at the limit.
    #[must_use]
    pub fn new(reason: CloseReason, text: &str) -> Self {
        Self { reason, text: Text::cut(text) }
    }
}

impl Body for Close {
    const KIND: FrameKind = FrameKind::Close;
}
