//! A client that sees every byte: it can say what a well-behaved one cannot.

use std::io::{Read, Write};
use std::net::TcpStream;

use protocol::{
    Answer, Answers, Body, Close, CloseReason, Command, CommandAnswer, Expecting, FrameKind, Header, Hello, Operation,
    Progress, Secret, Text, Welcome,
};

use super::daemon::{Daemon, PATIENCE};

pub(super) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    /// Connects and says nothing.
    pub(super) fn silent(daemon: &Daemon) -> Self {
        let stream = TcpStream::connect(daemon.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, received: Vec::new() }
    }

    /// Connects and shakes hands.
    pub(super) fn connect(daemon: &Daemon) -> Self {
        Self::connect_wanting(daemon, 0).0
    }

    /// Connects, wanting so many operations in flight.
    pub(super) fn connect_wanting(daemon: &Daemon, in_flight_wanted: u32) -> (Self, Welcome) {
        let mut wire = Self::silent(daemon);
        wire.send(&hello(1, 1, in_flight_wanted));
        let (header, body) = wire.frame(Expecting::Welcome).unwrap();
        assert_eq!(header.kind, FrameKind::Welcome);
        (wire, Welcome::decode(&body).unwrap())
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame; nothing when the daemon has closed the connection.
    pub(super) fn frame(&mut self, expecting: Expecting) -> Option<(Header, Vec<u8>)> {
        loop {
            if let Progress::Frame { header, body } = protocol::decode(&self.received, expecting).unwrap() {
                let bytes = self.received[body.clone()].to_vec();
                self.received.drain(..body.end);
                return Some((header, bytes));
            }
            let mut bytes = [0; 65_536];
            match self.stream.read(&mut bytes).unwrap() {
                0 => return None,
                count => self.received.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// The reason of the close that comes next, and that nothing comes after it.
    pub(super) fn closed(&mut self) -> CloseReason {
        let (header, body) = self.frame(Expecting::FromServer).expect("a close before the end");
        assert_eq!(header.kind, FrameKind::Close);
        assert!(self.frame(Expecting::FromServer).is_none(), "nothing comes after a close");
        Close::decode(&body).unwrap().reason
    }

    /// The same before the handshake is over.
    pub(super) fn closed_early(&mut self) -> CloseReason {
        let (header, body) = self.frame(Expecting::Welcome).expect("a close before the end");
        assert_eq!(header.kind, FrameKind::Close);
        assert!(self.frame(Expecting::Welcome).is_none(), "nothing comes after a close");
        Close::decode(&body).unwrap().reason
    }

    /// The next frame of answers, with its request id.
    pub(super) fn answers(&mut self) -> (u64, Vec<Answer>) {
        let (header, body) = self.frame(Expecting::FromServer).expect("answers before the end");
        assert_eq!(header.kind, FrameKind::Answers);
        (header.request_id, Answers::of_body(&body).map(Result::unwrap).collect())
    }

    /// Sends one frame and waits for its answers.
    pub(super) fn ask(&mut self, operations: &[Operation]) -> Vec<Answer> {
        self.send(&operations_frame(1, operations));
        self.answers().1
    }

    /// Sends a command and waits for its answer.
    pub(super) fn command(&mut self, command: &Command) -> CommandAnswer {
        let mut bytes = Vec::new();
        command.encode(&mut bytes, 1).unwrap();
        self.send(&bytes);
        let (header, body) = self.frame(Expecting::FromServer).expect("an answer before the end");
        assert_eq!(header.kind, FrameKind::CommandAnswer);
        CommandAnswer::decode(&body).unwrap()
    }
}

pub(super) fn hello(version_min: u16, version_max: u16, in_flight_wanted: u32) -> Vec<u8> {
    let hello = Hello {
        version_min,
        version_max,
        client_name: Text::new("tests").unwrap(),
        in_flight_wanted,
        auth_token: Secret::default(),
    };
    let mut bytes = Vec::new();
    hello.encode(&mut bytes, 1).unwrap();
    bytes
}

pub(super) fn operations_frame(request_id: u64, operations: &[Operation]) -> Vec<u8> {
    let mut bytes = Vec::new();
    protocol::encode_operations(&mut bytes, request_id, operations).unwrap();
    bytes
}
