//! What a call came to when it has no answer: not sent, or sent and unknown. The two are never mixed up.

use std::io;
use std::sync::Arc;

use protocol::{BadField, CloseReason, EncodeError, FrameError, Outcome};

/// A call without an answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// No connection could be made before the deadline. Nothing was sent, nothing happened.
    #[error("the daemon cannot be reached: {0}")]
    Unreachable(#[from] ConnectError),
    /// The request stayed here. Nothing happened.
    #[error("not sent: {0}")]
    NotSent(#[from] NotSent),
    /// The request was sent and nobody here knows whether it was carried out. Call again with the same ids: what was done
    /// is not done twice. The two exceptions are told in the [crate's page](crate).
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(#[from] Unknown),
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The network's answer.
    #[error("{address}: {error}")]
    Io {
        /// Where to.
        address: Arc<str>,
        /// What went wrong.
        error: Arc<io::Error>,
    },
    /// No welcome in time.
    #[error("{address} did not answer in time")]
    TimedOut {
        /// Where to.
        address: Arc<str>,
    },
    /// The connection ended within the handshake.
    #[error("the handshake failed: {0}")]
    Handshake(Lost),
}

impl ConnectError {
    /// Whether the daemon will say the same next time: a wrong key or a version that it does not speak.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.close_reason(), Some(CloseReason::Unauthorized | CloseReason::BadVersion | CloseReason::BadMagic))
    }

    /// The daemon's reason, where it gave one.
    #[must_use]
    pub const fn close_reason(&self) -> Option<CloseReason> {
        match self {
            Self::Handshake(Lost::Closed { reason, .. }) => Some(*reason),
            Self::Handshake(_) | Self::Io { .. } | Self::TimedOut { .. } => None,
        }
    }
}

/// Why a request stayed here.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotSent {
    /// There was no room on the connection before the deadline.
    #[error("the deadline passed while waiting for room on the connection")]
    DeadlinePassed,
    /// The connection was lost before a byte of it was written.
    #[error("the connection was lost before it was written: {0}")]
    ConnectionLost(Lost),
    /// More operations than a frame, or the connection, takes. The client splits nothing: order holds within a frame only.
    #[error("{operations} operations; the connection takes 1 to {max} at once")]
    TooMany {
        /// How many there are.
        operations: usize,
        /// How many it takes.
        max: u32,
    },
    /// The daemon would refuse it for this field, whoever asks.
    #[error("{0}")]
    BadField(BadField),
    /// It has no form on the wire.
    #[error("{0}")]
    Encode(EncodeError),
}

/// Why an outcome is unknown.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unknown {
    /// The deadline passed before the answer came.
    #[error("the deadline passed before the answer came")]
    DeadlinePassed,
    /// The connection was lost before the answer came.
    #[error("the connection was lost before the answer came: {0}")]
    ConnectionLost(Lost),
    /// The id is too old by now, and an earlier attempt has no answer: no retry will tell, `show_hold` does.
    #[error("an attempt has no answer, and its id has expired since")]
    IdExpired,
    /// The daemon itself does not know, because it is failing.
    #[error("the daemon does not know")]
    DaemonSaid,
    /// The answer is none that this version understands.
    #[error("the answer is not one to this request")]
    StrangeAnswer,
    /// A later attempt was refused for a reason that may pass, such as `insufficient`; an earlier one has no answer and may
    /// still be carried out. Of a reserve or a charge a release of the hold's id makes an end: the hold is released, or can
    /// never come.
    #[error("an attempt has no answer and may still be carried out; a later one was refused: {0}")]
    RefusedSince(Outcome),
}

/// How a connection ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Lost {
    /// The other side closed it without a word.
    #[error("closed by the daemon")]
    Eof,
    /// The network's answer.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// The daemon closed it and said why.
    #[error("closed by the daemon: {reason} {text}")]
    Closed {
        /// The reason.
        reason: CloseReason,
        /// More for people.
        text: String,
    },
    /// What came is not a frame.
    #[error("bad frame: {0}")]
    BadFrame(#[from] FrameError),
    /// A frame came that answers nothing that was asked.
    #[error("a frame came that answers no request")]
    OutOfOrder,
    /// Nothing came for too long.
    #[error("nothing came for too long")]
    Silent,
    /// The task that drives the connection has ended with its runtime.
    #[error("the connection's task has ended")]
    Ended,
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
