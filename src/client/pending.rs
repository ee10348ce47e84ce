//! A call on its way: from the caller to the connection's task, into the stream, and back.

use std::sync::atomic::{AtomicU8, Ordering};

use protocol::{Answer, CommandAnswer, FrameKind};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::error::{NotSent, Unknown};

/// What came back.
#[derive(Debug)]
pub(crate) enum Reply {
    /// As many answers as there were operations.
    Answers(Vec<Answer>),
    /// The answer to a command.
    Command(Box<CommandAnswer>),
    /// The answer to a ping.
    Pong,
}

/// Why nothing came back.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Definitely not sent.
    NotSent(NotSent),
    /// Sent, in whole or in part.
    Unknown(Unknown),
}

/// A frame that waits for its turn to be written.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request_id: u64,
    pub(crate) frame: Vec<u8>,
    pub(crate) operations: usize,
    pub(crate) expects: FrameKind,
    pub(crate) ticket: std::sync::Arc<Ticket>,
    /// Its room on the connection: given back when the answer has come, not when the caller has lost patience.
    pub(crate) room: OwnedSemaphorePermit,
    pub(crate) reply: oneshot::Sender<Result<Reply, Failure>>,
}

/// A frame that was written, or is in the buffer to be written, and waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) request_id: u64,
    pub(crate) operations: usize,
    pub(crate) expects: FrameKind,
    /// Bytes of the stream before its first one.
    pub(crate) starts_at: u64,
    pub(crate) reply: oneshot::Sender<Result<Reply, Failure>>,
    pub(crate) room: OwnedSemaphorePermit,
}

/// Decides the race between a caller whose deadline passes and the task that is about to write the frame: exactly one
/// of [`Ticket::take`] and [`Ticket::cancel`] succeeds, so "not sent" is never a guess.
#[derive(Debug, Default)]
pub(crate) struct Ticket(AtomicU8);

impl Ticket {
    const QUEUED: u8 = 0;
    const TAKEN: u8 = 1;
    const CANCELLED: u8 = 2;

    /// The task: the frame goes into the stream now. `false` = it must not.
    pub(crate) fn take(&self) -> bool {
        self.leave_queue(Self::TAKEN)
    }

    /// The caller: the frame is not to be sent any more. `false` = it was sent.
    pub(crate) fn cancel(&self) -> bool {
        self.leave_queue(Self::CANCELLED)
    }

    fn leave_queue(&self, to: u8) -> bool {
        self.0.compare_exchange(Self::QUEUED, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
