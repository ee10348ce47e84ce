//! A connection that says whatever it is told to and notices how it ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use protocol::limits::HEADER_BYTES;
use protocol::{Body, Close, CloseReason, FrameKind};
use socket2::SockRef;

use super::super::daemon::{Daemon, PATIENCE};
use super::super::wire::hello;

pub(super) struct Raw(TcpStream);

impl Raw {
    /// Connects and says nothing.
    pub(super) fn connect(daemon: &Daemon) -> Self {
        let stream = TcpStream::connect(daemon.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Connects and shakes hands.
    pub(super) fn shaken(daemon: &Daemon) -> Self {
        let mut raw = Self::connect(daemon);
        assert!(raw.send(&hello(1, 1, 0)), "a hello is taken");
        let kind = raw.read_frame().map(|(kind, _)| kind);
        assert_eq!(kind, Some(FrameKind::Welcome));
        raw
    }

    /// Connects and shakes hands; `None` where there is no place.
    pub(super) fn try_shaken(daemon: &Daemon) -> Option<Self> {
        let mut raw = Self(TcpStream::connect(daemon.address).ok()?);
        raw.0.set_read_timeout(Some(PATIENCE)).ok()?;
        raw.send(&hello(1, 1, 0)).then_some(())?;
        let (kind, _) = raw.read_frame()?;
        (kind == FrameKind::Welcome).then_some(raw)
    }

    /// Sends bytes; `false` when the connection has ended.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// How long a read waits, where [`PATIENCE`] is shorter than the deadline that is waited for.
    pub(super) fn set_read_timeout(&self, timeout: Duration) {
        self.0.set_read_timeout(Some(timeout)).unwrap();
    }

    pub(super) fn set_write_timeout(&self, timeout: Duration) {
        self.0.set_write_timeout(Some(timeout)).unwrap();
    }

    /// The next frame; `None` at the end of the connection.
    pub(super) fn read_frame(&mut self) -> Option<(FrameKind, Vec<u8>)> {
        let mut header = [0; HEADER_BYTES];
        self.0.read_exact(&mut header).ok()?;
        let length = u32::from_le_bytes([header[20], header[21], header[22], header[23]]);
        let mut body = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut body).ok()?;
        Some((FrameKind::from_u8(header[6]).unwrap(), body))
    }

    /// Reads until the end, and says which reason the daemon gave; `None` for an end without one.
    pub(super) fn end(mut self) -> Option<CloseReason> {
        while let Some((kind, body)) = self.read_frame() {
            if kind == FrameKind::Close {
                return Some(Close::decode(&body).unwrap().reason);
            }
        }
        None
    }

    /// Ends as a process does that is killed with unread bytes: by a reset.
    pub(super) fn reset(self) {
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
