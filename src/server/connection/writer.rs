//! The writing half: a message leaves when what it rests on is durable (I3), in the order in which messages came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use protocol::{Answer, Body, CloseReason, CommandAnswer, Expecting, FrameKind, FrameWriter, Outcome, Progress};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use wallet::ids::Position;

use super::End;
use crate::clock::Stopwatch;
use crate::daemon::{self, Daemon};
use crate::metrics::Op;

/// Messages that are ready are written together up to so many bytes.
const WRITE_BYTES: usize = 64 * 1024;
/// Buffers that are kept for the next answers; more are freed.
const SPARE_BUFFERS_MAX: usize = 4;
/// Bytes of answers that one connection may leave unread, beside what the system's buffers hold: an answer can be a
/// thousand times as long as what asked for it.
const OUT_QUEUE_BYTES_MAX: usize = 4 << 20;
/// Bytes that one permit of the queue stands for.
const PERMIT_BYTES: usize = 4096;
const PERMITS: usize = OUT_QUEUE_BYTES_MAX / PERMIT_BYTES;

const _: () = assert!(2 * (protocol::limits::BODY_BYTES_MAX as usize) < OUT_QUEUE_BYTES_MAX, "every message fits");

/// Whole frames on their way out.
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    /// What must be durable before it leaves.
    pub(super) needs: Position,
    pub(super) measured: Measured,
    /// When its first operation was read.
    pub(super) arrived: Option<Stopwatch>,
    /// Its room in the queue, from [`Outbox::send`] until it is written.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Message {
    /// A message that answers nothing and rests on nothing.
    pub(super) fn unmeasured(bytes: Vec<u8>) -> Self {
        Self { bytes, needs: Position::NONE, measured: Measured::default(), arrived: None, room: None }
    }
}

/// How many operations of each kind a message answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    by_op: [u32; Op::ALL.len()],
    in_flight: u32,
}

impl Default for Measured {
    fn default() -> Self {
        Self { by_op: [0; Op::ALL.len()], in_flight: 0 }
    }
}

impl Measured {
    pub(super) fn count(&mut self, op: Op) {
        self.by_op[op.index()] += 1;
        self.in_flight += 1;
    }

    /// Operations that are in flight until it leaves.
    #[cfg(test)]
    pub(super) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Adds another count, and takes everything out of it.
    pub(super) fn take_in(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        self.by_op.iter_mut().zip(other.by_op).for_each(|(sum, times)| *sum += times);
        self.in_flight += other.in_flight;
    }

    /// Counts something that is in flight and has no latency of its own: a ping.
    pub(super) fn count_only(&mut self) {
        self.in_flight += 1;
    }
}

/// The reader's side of the out-queue.
pub(super) struct Outbox {
    pub(super) messages: mpsc::Sender<Message>,
    pub(super) room: Arc<Semaphore>,
    /// Operations without a written answer.
    pub(super) in_flight: Arc<AtomicU32>,
    pub(super) spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Outbox {
    /// Queues a message; waits while the queue is full, by its messages or by their bytes. When the writer ends its
    /// messages are dropped, so that the wait ends with it.
    pub(super) async fn send(&self, mut message: Message) -> Result<(), End> {
        let permits = message.bytes.len().div_ceil(PERMIT_BYTES).min(PERMITS);
        let permits = u32::try_from(permits).unwrap_or(1);
        message.room = Arc::clone(&self.room).acquire_many_owned(permits).await.ok();
        self.messages.send(message).await.map_err(|_| End::Gone)
    }

    /// An empty buffer for answers.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.spare.lock().pop().unwrap_or_default()
    }

    /// Gives the memory of spare buffers back.
    pub(super) fn forget_buffers(&self) {
        *self.spare.lock() = Vec::new();
    }

    /// Ends when the writer has ended.
    pub(super) async fn closed(&self) {
        self.messages.closed().await;
    }
}

/// What became of a write.
enum Written {
    All,
    /// The other side has gone.
    Gone,
    /// The other side does not read.
    Unread,
}

/// The writing half of a connection.
pub(super) struct Writer {
    daemon: Arc<Daemon>,
    output: OwnedWriteHalf,
    messages: mpsc::Receiver<Message>,
    in_flight: Arc<AtomicU32>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    progress: watch::Receiver<daemon::Progress>,
}

impl Writer {
    pub(super) fn new(daemon: &Arc<Daemon>, output: OwnedWriteHalf, in_flight_max: u32) -> (Outbox, Self) {
        debug_assert!(in_flight_max > 0, "a connection may ask for something");
        let (sender, messages) = mpsc::channel(daemon.settings.config.server.out_queue_messages);
        let in_flight = Arc::new(AtomicU32::new(0));
        let spare = Arc::new(Mutex::new(Vec::new()));
        let room = Arc::new(Semaphore::new(PERMITS));
        let outbox = Outbox { messages: sender, room, in_flight: Arc::clone(&in_flight), spare: Arc::clone(&spare) };
        let daemon = Arc::clone(daemon);
        let progress = daemon.progress.clone();
        (outbox, Self { daemon, output, messages, in_flight, spare, progress })
    }

    /// Writes messages until the reader has ended. Then everything that was taken is answered, and the socket's writing
    /// side is closed. An end before that has its reason; it cannot be sent, because half a frame may have left.
    pub(super) async fn run(mut self) -> Option<CloseReason> {
        let mut next = None;
        while let Some(first) = match next.take() {
            Some(message) => Some(message),
            None => self.messages.recv().await,
        } {
            let durable = self.durable(first.needs).await;
            let mut ready = vec![first];
            let mut size = ready[0].bytes.len();
            while size < WRITE_BYTES {
                match self.messages.try_recv() {
                    Ok(message) if message.needs <= durable => {
                        size += message.bytes.len();
                        ready.push(message);
                    }
                    Ok(message) => {
                        next = Some(message);
                        break;
                    }
                    Err(_) => break,
                }
            }
            match self.write(ready, durable).await {
                Written::All => {}
                Written::Gone => return None,
                Written::Unread => return Some(CloseReason::SlowReader),
            }
        }
        let _ = self.output.shutdown().await;
        None
    }

    /// Waits until `needs` is durable or nothing will be any more, and says how far the journal is.
    async fn durable(&mut self, needs: Position) -> Position {
        // It fails when the journal's thread has ended: what that said last is all there will be.
        let _ = self.progress.wait_for(|progress| progress.failed || progress.durable >= needs).await;
        self.progress.borrow().durable
    }

    async fn write(&mut self, messages: Vec<Message>, durable: Position) -> Written {
        let mut out = Vec::new();
        // Most often there is one, which leaves as it is.
        let alone = messages.len() == 1 && messages[0].needs <= durable;
        for message in &messages {
            match message.needs <= durable {
                true if alone => {}
                true => out.extend_from_slice(&message.bytes),
                false => unknown(&message.bytes, &mut out),
            }
        }
        // Before the write: who reads an answer may send the next frame before this task runs again. AcqRel is not
        // needed, because the socket orders both sides.
        let leaving = messages.iter().map(|message| message.measured.in_flight).sum();
        self.in_flight.fetch_sub(leaving, Ordering::Relaxed);
        let bytes = if alone { &messages[0].bytes } else { &out };
        let limit = self.daemon.settings.deadlines.write;
        match tokio::time::timeout(limit, self.output.write_all(bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_gone)) => return Written::Gone,
            Err(_elapsed) => {
                tracing::debug!("answers are not read: the connection is given up");
                return Written::Unread;
            }
        }
        for message in messages {
            self.written(message);
        }
        Written::All
    }

    fn written(&self, message: Message) {
        let Message { mut bytes, measured, arrived, .. } = message;
        if let Some(took) = arrived.map(Stopwatch::elapsed) {
            for op in Op::ALL {
                let times = measured.by_op[op.index()];
                if times > 0 {
                    self.daemon.metrics.took(*op, took, u64::from(times));
                }
            }
        }
        bytes.clear();
        let mut spare = self.spare.lock();
        if spare.len() < SPARE_BUFFERS_MAX {
            spare.push(bytes);
        }
    }
}

/// The same frames with every answer `outcome_unknown`: what a failing daemon can say of decisions that may or may not
/// have reached the disk.
fn unknown(mut frames: &[u8], out: &mut Vec<u8>) {
    while let Ok(Progress::Frame { header, body }) = protocol::decode(frames, Expecting::FromServer) {
        match header.kind {
            FrameKind::Answers => {
                let mut frame = FrameWriter::answers(out, header.request_id);
                for _ in 0..header.count {
                    frame.push_answer(out, &Answer::of(Outcome::OutcomeUnknown));
                }
                // As many answers as in the frame that it stands for.
                let _ = frame.finish(out);
            }
            FrameKind::CommandAnswer => {
                let _ = CommandAnswer::of(Outcome::OutcomeUnknown).encode(out, header.request_id);
            }
            _ => out.extend_from_slice(&frames[..body.end]),
        }
        frames = &frames[body.end..];
    }
}

#[cfg(test)]
mod tests;
