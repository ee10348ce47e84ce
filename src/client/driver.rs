//! The task that drives one connection: writes calls in their order, reads frames, gives every call its answer.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::{
    Answer, Answers, Body, Close, CloseReason, CommandAnswer, Expecting, FrameKind, Header, Outcome, Progress,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::error::{Lost, NotSent, Unknown};
use crate::pending::{Call, Failure, Reply, Waiting};

/// Calls stay in their queue while so many bytes wait to be written.
const OUTBOX_BYTES_MAX: usize = 1 << 20;
/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;

/// One connection after its handshake.
#[derive(Debug)]
pub(crate) struct Driver {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    calls: mpsc::Receiver<Call>,
    silence_max: Duration,
    /// What was read and is no whole frame yet.
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    /// Bytes at the start of `outbox` that are written.
    outbox_at: usize,
    /// Bytes of the stream that are written.
    written: u64,
    /// In the order of their frames, which is that of the answers.
    waiting: VecDeque<Waiting>,
}

/// Why the loop ended well: nobody can call any more and nobody waits.
struct Idle;

impl Driver {
    pub(crate) fn new(stream: TcpStream, inbox: Vec<u8>, calls: mpsc::Receiver<Call>, silence_max: Duration) -> Self {
        let (read, write) = stream.into_split();
        Self {
            read,
            write,
            calls,
            silence_max,
            inbox,
            outbox: Vec::new(),
            outbox_at: 0,
            written: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Runs until the connection is lost or nobody needs it; then every call that is left gets its failure.
    pub(crate) async fn run(mut self) {
        match self.serve().await {
            Ok(Idle) => self.say_goodbye().await,
            Err(lost) => self.fail(&lost),
        }
    }

    async fn serve(&mut self) -> Result<Idle, Lost> {
        let mut heard_at = Instant::now();
        let mut callers = true;
        self.hear()?;
        loop {
            if !callers && self.waiting.is_empty() && self.unwritten().is_empty() {
                return Ok(Idle);
            }
            let takes_calls = callers && self.unwritten().len() < OUTBOX_BYTES_MAX;
            self.inbox.reserve(READ_BYTES);
            tokio::select! {
                call = self.calls.recv(), if takes_calls => match call {
                    Some(call) => {
                        // The silence of a connection is counted from its first question.
                        if self.waiting.is_empty() {
                            heard_at = Instant::now();
                        }
                        self.take(call);
                    }
                    None => callers = false,
                },
                written = self.write.write(&self.outbox[self.outbox_at..]), if self.outbox_at < self.outbox.len() => {
                    self.wrote(written?);
                }
                read = self.read.read_buf(&mut self.inbox) => {
                    if read? == 0 {
                        return Err(Lost::Eof);
                    }
                    heard_at = Instant::now();
                    self.hear()?;
                }
                () = sleep_until(heard_at + self.silence_max), if !self.waiting.is_empty() => return Err(Lost::Silent),
            }
        }
    }

    fn unwritten(&self) -> &[u8] {
        &self.outbox[self.outbox_at..]
    }

    /// Puts this call's frame into the outbox, and those of the calls behind it while there is room.
    fn take(&mut self, call: Call) {
        let mut next = Some(call);
        while let Some(call) = next {
            self.take_one(call);
            let full = self.unwritten().len() >= OUTBOX_BYTES_MAX;
            next = if full { None } else { self.calls.try_recv().ok() };
        }
    }

    fn take_one(&mut self, call: Call) {
        // Whoever has gone away, or lost patience, before this moment was told that nothing was sent.
        if call.reply.is_closed() || !call.ticket.take() {
            return;
        }
        let starts_at = self.written + self.unwritten().len() as u64;
        self.outbox.extend_from_slice(&call.frame);
        let Call { request_id, operations, expects, reply, room, .. } = call;
        self.waiting.push_back(Waiting { request_id, operations, expects, starts_at, reply, room });
    }

    fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
        self.outbox_at += bytes;
        if self.outbox_at == self.outbox.len() {
            self.outbox.clear();
            self.outbox_at = 0;
        } else if self.outbox_at >= OUTBOX_BYTES_MAX {
            self.outbox.drain(..self.outbox_at);
            self.outbox_at = 0;
        }
    }

    /// Takes every whole frame out of the inbox.
    fn hear(&mut self) -> Result<(), Lost> {
        let inbox = std::mem::take(&mut self.inbox);
        let mut at = 0;
        while let Progress::Frame { header, body } = protocol::decode(&inbox[at..], Expecting::FromServer)? {
            self.frame(&header, &inbox[at + body.start..at + body.end])?;
            at += body.end;
        }
        self.inbox = inbox;
        self.inbox.drain(..at);
        Ok(())
    }

    fn frame(&mut self, header: &Header, body: &[u8]) -> Result<(), Lost> {
        match header.kind {
            FrameKind::Close => Err(closed(body)),
            FrameKind::Ping => {
                protocol::encode_pong(&mut self.outbox, header.request_id);
                Ok(())
            }
            _ => self.answer(header, body),
        }
    }

    /// Gives the oldest call its answer. Anything that does not answer it means that the two sides disagree about the
    /// order, so nothing that follows could be trusted.
    fn answer(&mut self, header: &Header, body: &[u8]) -> Result<(), Lost> {
        let Some(waiting) = self.waiting.pop_front() else { return Err(Lost::OutOfOrder) };
        let reply = (header.kind == waiting.expects && header.request_id == waiting.request_id)
            .then(|| reply(header, body))
            .flatten()
            .filter(|reply| !matches!(reply, Reply::Answers(answers) if answers.len() != waiting.operations));
        let Some(reply) = reply else {
            self.waiting.push_front(waiting);
            return Err(Lost::OutOfOrder);
        };
        drop(waiting.room);
        // A caller that has gone away does not take its answer.
        let _ = waiting.reply.send(Ok(reply));
        Ok(())
    }

    fn fail(mut self, lost: &Lost) {
        self.calls.close();
        for waiting in self.waiting.drain(..) {
            let failure = if waiting.starts_at < self.written {
                Failure::Unknown(Unknown::ConnectionLost(lost.clone()))
            } else {
                Failure::NotSent(NotSent::ConnectionLost(lost.clone()))
            };
            let _ = waiting.reply.send(Err(failure));
        }
        while let Ok(call) = self.calls.try_recv() {
            let _ = call.reply.send(Err(Failure::NotSent(NotSent::ConnectionLost(lost.clone()))));
        }
    }

    /// A polite end; that it may not arrive harms nobody.
    async fn say_goodbye(mut self) {
        let mut frame = Vec::new();
        if Close::new(CloseReason::Goodbye, "").encode(&mut frame, 0).is_ok() {
            let _ = self.write.write_all(&frame).await;
            let _ = self.write.shutdown().await;
        }
    }
}

/// How a close frame ends the connection.
pub(crate) fn closed(body: &[u8]) -> Lost {
    match Close::decode(body) {
        Ok(close) => Lost::Closed { reason: close.reason, text: close.text.as_str().to_owned() },
        Err(_) => Lost::Eof,
    }
}

fn reply(header: &Header, body: &[u8]) -> Option<Reply> {
    match header.kind {
        FrameKind::Answers => Some(Reply::Answers(Answers::of_body(body).map(known_or_unknown).collect())),
        FrameKind::CommandAnswer => Some(Reply::Command(Box::new(command_answer(body)?))),
        FrameKind::Pong => Some(Reply::Pong),
        _ => None,
    }
}

/// An answer to a command. Where its outcome is of a newer daemon, the rest still has to be one.
fn command_answer(body: &[u8]) -> Option<CommandAnswer> {
    if let Ok(answer) = CommandAnswer::decode(body) {
        return Some(answer);
    }
    let number = u16::from_le_bytes(*body.first_chunk()?);
    if Outcome::from_u16(number).is_some() {
        return None;
    }
    let unknown = Outcome::OutcomeUnknown;
    let rest = [&unknown.number().to_le_bytes(), body.get(size_of::<u16>()..)?].concat();
    CommandAnswer::decode(&rest).ok()?;
    Some(CommandAnswer::of(unknown))
}

/// An outcome of a newer daemon: this client does not know what it means, so it does not know what happened.
fn known_or_unknown(answer: Result<Answer, protocol::UnknownOutcome>) -> Answer {
    answer.unwrap_or(Answer::of(Outcome::OutcomeUnknown))
}

#[cfg(test)]
mod tests;
