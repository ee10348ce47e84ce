//! The reading half: frames in their order, operations in chunks, commands one by one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::{Body, CloseReason, Command, Expecting, FrameKind, FrameWriter, Header};
use wallet::ids::Position;

use super::chunk::Batch;
use super::frames::Input;
use super::handshake::Agreed;
use super::writer::{Measured, Message, Outbox};
use super::{End, commands, stopping};
use crate::clock::{Clock, Stopwatch};
use crate::daemon::Daemon;
use crate::metrics::{Op, Tally};

/// Unused bytes that the buffer of a command's answer may have.
const SPARE_BYTES_MAX: usize = 16 * 1024;

/// The reading half of a connection.
pub(super) struct Reader {
    daemon: Arc<Daemon>,
    input: Input,
    outbox: Outbox,
    agreed: Agreed,
    batch: Batch,
    tally: Tally,
    /// The frame that is being taken apart: its request id, and which of its bytes are left.
    current: Option<Current>,
    /// The answers of frames that are not all decided yet.
    answers: Vec<u8>,
    open: Option<FrameWriter>,
    /// What must be durable before they leave.
    needs: Position,
    measured: Measured,
    /// What the frame that is open has of it.
    measured_open: Measured,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    request_id: u64,
    next: usize,
    end: usize,
    begun: bool,
}

impl Reader {
    pub(super) fn new(daemon: Arc<Daemon>, input: Input, outbox: Outbox, agreed: Agreed) -> Self {
        let batch = Batch::new(&daemon);
        let answers = outbox.buffer();
        Self {
            daemon,
            input,
            outbox,
            agreed,
            batch,
            tally: Tally::default(),
            current: None,
            answers,
            open: None,
            needs: Position::NONE,
            measured: Measured::default(),
            measured_open: Measured::default(),
        }
    }

    /// What is still of use when the reader has ended.
    pub(super) fn into_parts(self) -> (Input, Outbox) {
        (self.input, self.outbox)
    }

    /// Serves frames until the connection is to end. What can come: a whole frame, a deadline, the end of the
    /// connection, a drain, a failure.
    pub(super) async fn run(&mut self) -> End {
        let end = loop {
            if let Err(end) = self.step().await {
                break end;
            }
        };
        self.daemon.metrics.add(&mut self.tally);
        end
    }

    async fn step(&mut self) -> Result<(), End> {
        let arrived = Clock::stopwatch();
        let other = match self.gather() {
            Ok(other) => other,
            // What came before the bad frame is whole and is answered.
            Err(end) => {
                self.run_batch(arrived).await?;
                return Err(end);
            }
        };
        if !self.batch.is_empty() {
            self.run_batch(arrived).await?;
            // Between chunks everybody else on this thread has a turn.
            tokio::task::yield_now().await;
            return Ok(());
        }
        match other {
            Some((header, body)) => self.other_frame(&header, body, arrived).await,
            None => {
                self.daemon.metrics.add(&mut self.tally);
                let Self { daemon, input, outbox, batch, answers, .. } = self;
                let stopped = stopped(daemon, outbox);
                let give_back = || {
                    *batch = Batch::new(daemon);
                    *answers = Vec::new();
                    outbox.forget_buffers();
                };
                input.fill(Expecting::FromClient, stopped, give_back).await
            }
        }
    }

    /// Fills the batch from the frames that are whole. Returns the frame of another kind that it stopped at.
    fn gather(&mut self) -> Result<Option<(Header, std::ops::Range<usize>)>, End> {
        while !self.batch.is_full() {
            let current = match self.current {
                Some(current) => current,
                None => match self.input.whole(Expecting::FromClient)? {
                    Some((header, body)) if header.kind == FrameKind::Operations => {
                        self.count_in(header.count)?;
                        Current { request_id: header.request_id, next: body.start, end: body.end, begun: false }
                    }
                    other => return Ok(other),
                },
            };
            self.take(current);
        }
        Ok(None)
    }

    fn take(&mut self, mut current: Current) {
        let body = self.input.bytes(current.next..current.end);
        current.next += self.batch.take(current.request_id, body, !current.begun);
        current.begun = true;
        self.current = if current.next == current.end {
            self.input.used_up_to(current.end);
            None
        } else {
            Some(current)
        };
    }

    /// Counts operations as in flight; more than agreed ends the connection.
    fn count_in(&self, count: u32) -> Result<(), End> {
        // Relaxed: only this half adds, so that the sum can only be too high.
        let before = self.outbox.in_flight.fetch_add(count, Ordering::Relaxed);
        if before.saturating_add(count) > self.agreed.in_flight_max {
            return Err(End::Close(CloseReason::TooManyInFlight));
        }
        Ok(())
    }

    async fn run_batch(&mut self, arrived: Stopwatch) -> Result<(), End> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch.run(&self.daemon).await?;
        let counted = (&mut self.tally, &mut self.measured, &mut self.measured_open);
        let needs = self.batch.answer(&self.daemon, &mut self.answers, &mut self.open, counted)?;
        self.needs = self.needs.max(needs);
        // A frame of which only a part has run holds up none of those before it.
        if self.open.as_ref().is_none_or(|open| !open.is_first()) { self.send(arrived).await } else { Ok(()) }
    }

    /// Hands the whole frames of answers to the writer, and keeps the one that is open.
    async fn send(&mut self, arrived: Stopwatch) -> Result<(), End> {
        let mut next = self.outbox.buffer();
        if let Some(open) = &mut self.open {
            open.move_to(&mut self.answers, &mut next);
        }
        // I3: what is decided of the open frame leaves later, and rests on it all the same. It waits no longer for that:
        // messages leave in their order.
        let needs = if self.open.is_some() { self.needs } else { std::mem::take(&mut self.needs) };
        let message = Message {
            bytes: std::mem::replace(&mut self.answers, next),
            needs,
            measured: std::mem::take(&mut self.measured),
            arrived: Some(arrived),
            room: None,
        };
        self.outbox.send(message).await
    }

    /// A frame that carries no operations.
    async fn other_frame(
        &mut self,
        header: &Header,
        body: std::ops::Range<usize>,
        arrived: Stopwatch,
    ) -> Result<(), End> {
        match header.kind {
            FrameKind::Command => {
                self.count_in(1)?;
                let command = Command::decode(self.input.bytes(body.clone()));
                self.input.used_up_to(body.end);
                let command = command.map_err(|_| End::Close(CloseReason::MalformedBody))?;
                let (answer, needs) = commands::answer(&self.daemon, &command, &self.agreed.client).await?;
                let op = Op::of_command(&command);
                self.tally.count(op, answer.outcome);
                self.measured.count(op);
                self.needs = self.needs.max(needs);
                answer.encode(&mut self.answers, header.request_id).map_err(|_| End::Gone)?;
                // The queue counts bytes: a long answer has no more memory than those.
                if self.answers.capacity() - self.answers.len() > SPARE_BYTES_MAX {
                    self.answers.shrink_to_fit();
                }
                self.send(arrived).await
            }
            FrameKind::Ping => {
                self.count_in(1)?;
                self.input.used_up_to(body.end);
                protocol::encode_pong(&mut self.answers, header.request_id);
                self.measured.count_only();
                self.send(arrived).await
            }
            FrameKind::Close => Err(End::Gone),
            // A pong answers a ping of ours, and there are none; whatever else there is the decoder has refused.
            _ => {
                self.input.used_up_to(body.end);
                Ok(())
            }
        }
    }
}

/// Ends when the daemon drains or fails, or when nobody reads the answers any more.
async fn stopped(daemon: &Daemon, outbox: &Outbox) -> End {
    tokio::select! {
        end = stopping(daemon) => end,
        () = outbox.closed() => End::Gone,
    }
}

#[cfg(test)]
mod tests;
