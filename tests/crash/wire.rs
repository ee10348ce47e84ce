//! A blocking connection that sends frames and reads what comes back, and never tries anything again by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use protocol::{
    Answer, Answers, Body, Close, Command, CommandAnswer, Expecting, FrameKind, Hello, Operation, Progress, Text,
    Version, Welcome,
};

/// Commands without an answer at once.
const COMMANDS_IN_FLIGHT: usize = 64;

/// What one frame asks for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Operations(Vec<Operation>),
    Command(Command),
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Reply {
    Answers(Vec<Answer>),
    Command(Box<CommandAnswer>),
}

/// The connection has ended, and how.
#[derive(Debug)]
pub(crate) struct Gone(pub(super) String);

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the connection has ended: {}", self.0)
    }
}

impl From<std::io::Error> for Gone {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        assert!(!matches!(error.kind(), TimedOut | WouldBlock), "the daemon says nothing for {:?}", silence_max());
        Self(error.to_string())
    }
}

/// A daemon that says nothing for so long hangs.
fn silence_max() -> Duration {
    2 * super::daemon::patience()
}

/// A connection after its handshake.
pub(crate) struct Wire {
    stream: TcpStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    sent: u64,
    received: u64,
}

impl Wire {
    pub(crate) fn connect(address: &str) -> Result<Self, Gone> {
        Self::connect_and_welcome(address).map(|(wire, _)| wire)
    }

    pub(crate) fn connect_and_welcome(address: &str) -> Result<(Self, Welcome), Gone> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(silence_max()))?;
        stream.set_write_timeout(Some(silence_max()))?;
        let mut wire = Self { stream, inbox: Vec::new(), outbox: Vec::new(), sent: 0, received: 0 };
        let hello = Hello {
            version_min: Version::V1.number(),
            version_max: Version::NEWEST.number(),
            client_name: Text::cut("crash test"),
            in_flight_wanted: 0,
            auth_token: protocol::Secret::default(),
        };
        hello.encode(&mut wire.outbox, 0).unwrap();
        wire.flush()?;
        let (_, kind, body) = wire.frame(Expecting::Welcome)?;
        assert_eq!(kind, FrameKind::Welcome);
        Ok((wire, Welcome::decode(&body).unwrap()))
    }

    pub(crate) fn send(&mut self, request: &Request) -> Result<(), Gone> {
        self.sent += 1;
        match request {
            Request::Operations(operations) => {
                protocol::encode_operations(&mut self.outbox, self.sent, operations).unwrap();
            }
            Request::Command(command) => {
                command.encode(&mut self.outbox, self.sent).unwrap();
            }
        }
        self.flush()
    }

    /// The next answer; they come in the order of the requests.
    pub(crate) fn receive(&mut self) -> Result<Reply, Gone> {
        let (request, kind, body) = self.frame(Expecting::FromServer)?;
        self.received += 1;
        assert_eq!(request, self.received, "an answer out of order");
        Ok(match kind {
            FrameKind::Answers => Reply::Answers(Answers::of_body(&body).map(Result::unwrap).collect()),
            FrameKind::CommandAnswer => Reply::Command(Box::new(CommandAnswer::decode(&body).unwrap())),
            kind => panic!("a frame of kind {kind} answers nothing"),
        })
    }

    /// Sends commands and reads their answers.
    pub(crate) fn ask(&mut self, commands: &[Command]) -> Result<Vec<CommandAnswer>, Gone> {
        let mut answers = Vec::with_capacity(commands.len());
        for some in commands.chunks(COMMANDS_IN_FLIGHT) {
            for command in some {
                self.send(&Request::Command(command.clone()))?;
            }
            for _ in some {
                match self.receive()? {
                    Reply::Command(answer) => answers.push(*answer),
                    Reply::Answers(_) => panic!("answers to a command"),
                }
            }
        }
        Ok(answers)
    }

    fn flush(&mut self) -> Result<(), Gone> {
        let written = self.stream.write_all(&self.outbox);
        self.outbox.clear();
        Ok(written?)
    }

    fn frame(&mut self, expecting: Expecting) -> Result<(u64, FrameKind, Vec<u8>), Gone> {
        loop {
            if let Progress::Frame { header, body } = protocol::decode(&self.inbox, expecting).unwrap() {
                let end = body.end;
                let bytes = self.inbox[body].to_vec();
                self.inbox.drain(..end);
                if header.kind == FrameKind::Close {
                    let close = Close::decode(&bytes).unwrap();
                    let expected = [protocol::CloseReason::Draining, protocol::CloseReason::ServerFailed];
                    assert!(expected.contains(&close.reason), "closed: {} {}", close.reason, close.text.as_str());
                    return Err(Gone(close.reason.to_string()));
                }
                return Ok((header.request_id, header.kind, bytes));
            }
            let mut some = [0; 64 * 1024];
            match self.stream.read(&mut some) {
                Ok(0) => return Err(Gone("end of stream".to_owned())),
                Ok(read) => self.inbox.extend_from_slice(&some[..read]),
                // A read with a time limit is interrupted when the machine is stopped for a while.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
