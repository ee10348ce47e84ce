//! One run: connections on one thread, each with its flight; a latency is a flight's, from its writing to its last answer.

#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::answers::{self, Told};
use crate::flight::Flight;

/// What a run is like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Accounts, picked uniformly.
    pub wallets: u32,
    /// Connections.
    pub connections: u32,
    /// Calls in flight on each.
    pub calls: usize,
    /// Operations of a call.
    pub frame: usize,
    /// How long flights are sent.
    pub time: Duration,
}

struct Connection {
    stream: TcpStream,
    flight: Flight,
    outbox: Vec<u8>,
    outbox_at: usize,
    inbox: Vec<u8>,
    inbox_at: usize,
    /// Answers of the flight that have come.
    told: Vec<Told>,
    /// Answers of the flight that have not.
    missing: usize,
    sent_at: Instant,
}

/// Runs, and tells what came of it as JSON.
pub fn run(address: &str, shape: Shape) -> Result<String, Box<dyn Error>> {
    let run = u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() & 0xffff_ffff)?;
    let mut poll = Poll::new()?;
    let mut connections = Vec::new();
    for number in 0..shape.connections {
        connections.push(Connection::open(address, Flight::new(run, number, shape.wallets), number, &poll)?);
    }
    let mut latencies_us: Vec<u64> = Vec::new();
    let started_at = Instant::now();
    for connection in &mut connections {
        connection.send(shape)?;
    }
    let mut flying = connections.len();
    let mut events = Events::with_capacity(1024);
    while flying > 0 {
        poll.poll(&mut events, Some(Duration::from_secs(30)))?;
        if events.is_empty() {
            return Err("no answer for half a minute".into());
        }
        for event in &events {
            let connection = connections.get_mut(event.token().0).ok_or("an event of no connection")?;
            connection.flush()?;
            if !connection.hear()? {
                continue;
            }
            latencies_us.push(u64::try_from(connection.sent_at.elapsed().as_micros())?);
            if started_at.elapsed() < shape.time {
                connection.send(shape)?;
            } else {
                flying -= 1;
            }
        }
    }
    Ok(report(&connections, started_at.elapsed(), latencies_us))
}

fn report(connections: &[Connection], took: Duration, mut latencies_us: Vec<u64>) -> String {
    let reserves: u64 = connections.iter().map(|connection| connection.flight.reserves).sum();
    let commits: u64 = connections.iter().map(|connection| connection.flight.commits).sum();
    let operations = reserves + commits;
    let per_second = u128::from(operations) * 1_000_000 / took.as_micros().max(1);
    latencies_us.sort_unstable();
    let at = |part: usize| latencies_us.get(latencies_us.len().saturating_sub(1) * part / 1000).copied().unwrap_or(0);
    format!(
        r#"{{"operations": {operations}, "operations_per_second": {per_second}, "reserves": {reserves}, "commits": {commits}, "seconds": {}.{:06}, "latency_us": {{"p50": {}, "p99": {}, "p999": {}, "max": {}}}}}"#,
        took.as_secs(),
        took.subsec_micros(),
        at(500),
        at(990),
        at(999),
        at(1000),
    )
}

impl Connection {
    fn open(address: &str, flight: Flight, number: u32, poll: &Poll) -> Result<Self, Box<dyn Error>> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let token = Token(usize::try_from(number)?);
        poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            flight,
            outbox: Vec::new(),
            outbox_at: 0,
            inbox: Vec::new(),
            inbox_at: 0,
            told: Vec::new(),
            missing: 0,
            sent_at: Instant::now(),
        })
    }

    fn send(&mut self, shape: Shape) -> Result<(), Box<dyn Error>> {
        self.outbox.clear();
        self.outbox_at = 0;
        self.flight.write(shape.calls, shape.frame, &mut self.outbox);
        self.told.clear();
        self.missing = self.flight.answers(shape.frame);
        self.sent_at = Instant::now();
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Box<dyn Error>> {
        while self.outbox_at < self.outbox.len() {
            match self.stream.write(&self.outbox[self.outbox_at..]) {
                Ok(0) => return Err("closed by the server".into()),
                Ok(written) => self.outbox_at += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what is there; whether the flight's last answer was in it.
    fn hear(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut chunk = [0; 64 << 10];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err("closed by the server".into()),
                Ok(read) => self.inbox.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let waited = self.missing > 0;
        while self.missing > 0 {
            let Some((value, length)) = answers::parse(&self.inbox[self.inbox_at..])? else { break };
            self.inbox_at += length;
            self.missing -= 1;
            answers::told(&value, &mut self.told)?;
        }
        self.inbox.drain(..self.inbox_at);
        self.inbox_at = 0;
        if waited && self.missing == 0 {
            self.flight.take(&self.told)?;
            return Ok(true);
        }
        Ok(false)
    }
}
