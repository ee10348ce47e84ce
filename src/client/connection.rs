//! One connection: the handshake, and calls that share it.
//!
//! Room is counted in operations, as the daemon counts: a call takes room for all of its operations before it is queued,
//! and the answer gives it back. So the daemon's limit is never exceeded, and what waits here is bounded by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::limits::FRAME_OPERATIONS_MAX;
use protocol::{Body, Command, EncodeError, Expecting, FrameKind, Hello, Operation, Progress, Text, Version, Welcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::driver::{Driver, closed};
use crate::error::{ConnectError, Lost, NotSent, Unknown};
use crate::options::Options;
use crate::pending::{Call, Failure, Reply, Ticket};

/// Calls between their callers and the task. Small: what is behind it waits for room, or with its caller.
const CALLS_QUEUED_MAX: usize = 64;
/// Operations in flight that a client asks for at most, whatever the daemon allows.
const IN_FLIGHT_MAX: u32 = 1 << 20;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'a> {
    /// A frame of operations.
    Operations(&'a [Operation]),
    /// A command.
    Command(&'a Command),
    /// A ping.
    Ping,
}

/// A connection after its handshake. Dropping it lets the calls under way end, then closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) welcome: Welcome,
    calls: mpsc::Sender<Call>,
    room: Arc<Semaphore>,
    operations_max: u32,
    next_request_id: AtomicU64,
}

/// A connection that nobody drives yet: for programs with a loop of their own, such as a load generator.
#[derive(Debug)]
pub struct RawConnection {
    /// The stream, after the welcome.
    pub stream: TcpStream,
    /// What came behind the welcome.
    pub inbox: Vec<u8>,
    /// What the daemon said of itself.
    pub welcome: Welcome,
}

impl RawConnection {
    /// Connects and shakes hands, once, within [`Options::connect_timeout`].
    ///
    /// # Errors
    /// No connection, or no welcome.
    pub async fn open(options: &Options) -> Result<Self, ConnectError> {
        let address: Arc<str> = Arc::from(options.address.as_str());
        match timeout(options.connect_timeout, Self::shake_hands(options, &address)).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::TimedOut { address }),
        }
    }

    async fn shake_hands(options: &Options, address: &Arc<str>) -> Result<Self, ConnectError> {
        let io = |error| ConnectError::Io { address: Arc::clone(address), error: Arc::new(error) };
        let mut stream = TcpStream::connect(&options.address).await.map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let mut inbox = Vec::new();
        let welcome = greet(&mut stream, &mut inbox, options).await.map_err(ConnectError::Handshake)?;
        Ok(Self { stream, inbox, welcome })
    }
}

impl Connection {
    /// Connects, shakes hands, and starts the task that drives the connection.
    pub(crate) async fn open(options: &Options) -> Result<Self, ConnectError> {
        let RawConnection { stream, inbox, welcome } = RawConnection::open(options).await?;
        let wanted = if options.in_flight == 0 { IN_FLIGHT_MAX } else { options.in_flight };
        let in_flight = welcome.in_flight_max.min(wanted).clamp(1, IN_FLIGHT_MAX);
        let operations_max = welcome.frame_operations_max.min(in_flight).clamp(1, FRAME_OPERATIONS_MAX);
        let (calls, queue) = mpsc::channel(CALLS_QUEUED_MAX);
        tokio::spawn(Driver::new(stream, inbox, queue, options.silence_max).run());
        let room = Arc::new(Semaphore::new(in_flight as usize));
        Ok(Self { welcome, calls, room, operations_max, next_request_id: AtomicU64::new(1) })
    }

    /// Whether a call could still be sent.
    pub(crate) fn is_alive(&self) -> bool {
        !self.calls.is_closed()
    }

    /// Sends a request and waits for what comes back, until the deadline.
    pub(crate) async fn exchange(&self, request: Request<'_>, deadline: Instant) -> Result<Reply, Failure> {
        let room = self.room_for(request.operations(), deadline).await?;
        // Relaxed: the number only has to differ from others; the queue to the task orders the frames.
        let request_id = self.next_request_id.fetch_add(1, Ordering::Relaxed);
        let frame = request.encode(request_id).map_err(|error| not_sent(NotSent::Encode(error)))?;
        let ticket = Arc::new(Ticket::default());
        let (reply, mut answer) = oneshot::channel();
        let call = Call {
            request_id,
            frame,
            operations: request.operations(),
            expects: request.expects(),
            ticket: Arc::clone(&ticket),
            room,
            reply,
        };
        match timeout_at(deadline, self.calls.send(call)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(not_sent(NotSent::ConnectionLost(Lost::Ended))),
            Err(_) => return Err(not_sent(NotSent::DeadlinePassed)),
        }
        match timeout_at(deadline, &mut answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) if ticket.cancel() => Err(not_sent(NotSent::ConnectionLost(Lost::Ended))),
            Ok(Err(_)) => Err(Failure::Unknown(Unknown::ConnectionLost(Lost::Ended))),
            Err(_) if ticket.cancel() => Err(not_sent(NotSent::DeadlinePassed)),
            // The answer may have come in this very moment.
            Err(_) => answer.try_recv().unwrap_or(Err(Failure::Unknown(Unknown::DeadlinePassed))),
        }
    }

    async fn room_for(&self, operations: usize, deadline: Instant) -> Result<OwnedSemaphorePermit, Failure> {
        let max = self.operations_max;
        let permits = u32::try_from(operations).ok().filter(|count| (1..=max).contains(count));
        let Some(permits) = permits else { return Err(not_sent(NotSent::TooMany { operations, max })) };
        match timeout_at(deadline, Arc::clone(&self.room).acquire_many_owned(permits)).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) => Err(not_sent(NotSent::ConnectionLost(Lost::Ended))),
            Err(_) => Err(not_sent(NotSent::DeadlinePassed)),
        }
    }
}

impl Request<'_> {
    /// What it counts as in flight: a command or a ping is one, like an operation.
    fn operations(self) -> usize {
        match self {
            Self::Operations(operations) => operations.len(),
            Self::Command(_) | Self::Ping => 1,
        }
    }

    const fn expects(self) -> FrameKind {
        match self {
            Self::Operations(_) => FrameKind::Answers,
            Self::Command(_) => FrameKind::CommandAnswer,
            Self::Ping => FrameKind::Pong,
        }
    }

    fn encode(self, request_id: u64) -> Result<Vec<u8>, EncodeError> {
        let mut frame = Vec::new();
        match self {
            Self::Operations(operations) => protocol::encode_operations(&mut frame, request_id, operations)?,
            Self::Command(command) => command.encode(&mut frame, request_id)?,
            Self::Ping => protocol::encode_ping(&mut frame, request_id),
        };
        Ok(frame)
    }
}

const fn not_sent(cause: NotSent) -> Failure {
    Failure::NotSent(cause)
}

/// Says hello and reads the welcome. What comes after it, if anything, stays in the inbox.
async fn greet(stream: &mut TcpStream, inbox: &mut Vec<u8>, options: &Options) -> Result<Welcome, Lost> {
    let hello = Hello {
        version_min: Version::V1.number(),
        version_max: Version::NEWEST.number(),
        client_name: Text::cut(&options.name),
        in_flight_wanted: options.in_flight,
        auth_token: options.token.clone(),
    };
    let mut frame = Vec::new();
    hello.encode(&mut frame, 0).map_err(|_| Lost::OutOfOrder)?;
    stream.write_all(&frame).await?;
    loop {
        if let Progress::Frame { header, body } = protocol::decode(inbox, Expecting::Welcome)? {
            let end = body.end;
            if header.kind == FrameKind::Close {
                return Err(closed(&inbox[body]));
            }
            let welcome = Welcome::decode(&inbox[body]).map_err(|_| Lost::OutOfOrder)?;
            inbox.drain(..end);
            return Ok(welcome);
        }
        if stream.read_buf(inbox).await? == 0 {
            return Err(Lost::Eof);
        }
    }
}

#[cfg(test)]
mod tests;
