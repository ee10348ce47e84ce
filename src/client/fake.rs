//! A daemon for tests: it shakes hands and then does what the test says, frame by frame.

use protocol::{
    Answer, Body, Close, CloseReason, Command, CommandAnswer, Durability, Expecting, FrameKind, Hello, NodeId,
    Operation, Operations, Outcome, Progress, Text, View, Welcome,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A listening daemon.
pub(crate) struct Fake {
    listener: TcpListener,
    pub(crate) address: String,
}

/// One accepted connection.
pub(crate) struct Peer {
    stream: TcpStream,
    inbox: Vec<u8>,
    pub(crate) hello: Option<Hello>,
}

/// A frame from the client.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) kind: FrameKind,
    pub(crate) request_id: u64,
    pub(crate) operations: Vec<Operation>,
    pub(crate) command: Option<Command>,
    pub(crate) close: Option<Close>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { listener, address }
    }

    /// Accepts a connection and welcomes it.
    pub(crate) async fn accept(&self, in_flight_max: u32) -> Peer {
        let mut peer = self.accept_silent().await;
        peer.welcome(in_flight_max).await;
        peer
    }

    /// Accepts a connection, reads its hello, and says nothing.
    pub(crate) async fn accept_silent(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut peer = Peer { stream, inbox: Vec::new(), hello: None };
        let (header, body) = peer.frame(Expecting::Hello).await.unwrap();
        assert_eq!(header.kind, FrameKind::Hello);
        peer.hello = Some(Hello::decode(&body).unwrap());
        peer
    }
}

impl Peer {
    pub(crate) async fn welcome(&mut self, in_flight_max: u32) {
        let welcome = Welcome {
            version: 1,
            in_flight_max,
            frame_operations_max: 8190,
            idle_timeout_ms: 0,
            server_time_ms: 1_700_000_000_000,
            server_name: Text::cut("fake"),
            durability: Durability::Sync,
            epoch: 1,
            node: NodeId(1),
        };
        self.send(&welcome, 0).await;
    }

    /// The next frame; `None` = the client has gone.
    pub(crate) async fn next(&mut self) -> Option<Asked> {
        let (header, body) = self.frame(Expecting::FromClient).await?;
        let kind = header.kind;
        Some(Asked {
            kind,
            request_id: header.request_id,
            operations: match kind {
                FrameKind::Operations => Operations::of_body(&body).map(Result::unwrap).collect(),
                _ => Vec::new(),
            },
            command: (kind == FrameKind::Command).then(|| Command::decode(&body).unwrap()),
            close: (kind == FrameKind::Close).then(|| Close::decode(&body).unwrap()),
        })
    }

    /// The next frame, answered with one outcome for every operation.
    pub(crate) async fn next_answered(&mut self, outcome: Outcome) -> Asked {
        let asked = self.next().await.unwrap();
        self.answer(&asked, &vec![Answer::of(outcome); asked.operations.len()]).await;
        asked
    }

    pub(crate) async fn answer(&mut self, asked: &Asked, answers: &[Answer]) {
        let mut frame = Vec::new();
        protocol::encode_answers(&mut frame, asked.request_id, answers).unwrap();
        self.write(&frame).await;
    }

    pub(crate) async fn answer_command(&mut self, asked: &Asked, outcome: Outcome) {
        self.send(&CommandAnswer::of(outcome), asked.request_id).await;
    }

    /// An answer to a command, as it is.
    pub(crate) async fn say(&mut self, asked: &Asked, answer: &CommandAnswer) {
        self.send(answer, asked.request_id).await;
    }

    pub(crate) async fn answer_view(&mut self, asked: &Asked, view: View) {
        self.send(&CommandAnswer { view, ..CommandAnswer::of(Outcome::Done) }, asked.request_id).await;
    }

    pub(crate) async fn pong(&mut self, asked: &Asked) {
        let mut frame = Vec::new();
        protocol::encode_pong(&mut frame, asked.request_id);
        self.write(&frame).await;
    }

    pub(crate) async fn ping(&mut self) {
        let mut frame = Vec::new();
        protocol::encode_ping(&mut frame, 99);
        self.write(&frame).await;
    }

    pub(crate) async fn close(&mut self, reason: CloseReason) {
        self.send(&Close::new(reason, "as the test says"), 0).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn send<B: Body>(&mut self, body: &B, request_id: u64) {
        let mut frame = Vec::new();
        body.encode(&mut frame, request_id).unwrap();
        self.write(&frame).await;
    }

    async fn frame(&mut self, expecting: Expecting) -> Option<(protocol::Header, Vec<u8>)> {
        loop {
            if let Progress::Frame { header, body } = protocol::decode(&self.inbox, expecting).unwrap() {
                let end = body.end;
                let bytes = self.inbox[body].to_vec();
                self.inbox.drain(..end);
                return Some((header, bytes));
            }
            if self.stream.read_buf(&mut self.inbox).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}
