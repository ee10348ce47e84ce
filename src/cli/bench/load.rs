//! The load: every connection keeps its frames in flight until the goal is reached, then waits for what is under way. In an
//! open loop it sends them when they are due (`pace`), as long as the daemon allows more in flight.
//!
//! All connections run on one thread, so that the load takes at most one core of the daemon's machine, and share their
//! counters without locks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use client::history::{History, Span, Standing, Terms};
use client::{Options, RawConnection};
use protocol::{Body, Close, CloseReason, Durability, Expecting, FrameKind, Progress, Welcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{Instant, interval, timeout};

use crate::amount::Amount;
use crate::bench::books::{Books, ENTRIES_MAX};
use crate::bench::keys::Keys;
use crate::bench::mix::Mix;
use crate::bench::pace::{Pacer, Schedule};
use crate::bench::progress_bar;
use crate::bench::setup::Accounts;
use crate::bench::slot::{HoldIds, Random, Script, Slot, Source};
use crate::bench::tally::Tally;
use crate::exit::{Exit, Failure};

/// Bytes that one read asks for.
const READ_BYTES: usize = 256 << 10;
/// How long the daemon may take to answer what is under way.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// After so many operations.
    Operations(u64),
    /// After a time.
    Time(Duration),
}

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) options: Options,
    pub(crate) accounts: Accounts,
    pub(crate) connections: u32,
    pub(crate) in_flight: u32,
    pub(crate) batch: u32,
    pub(crate) mix: Mix,
    pub(crate) amount: Amount,
    pub(crate) ttl_ms: u32,
    pub(crate) goal: Goal,
    /// Which account an operation is for.
    pub(crate) keys: Keys,
    /// Operations a second of an open loop; a closed loop without it.
    pub(crate) rate: Option<NonZeroU32>,
    /// How the accounts stand, if the load is to keep books.
    pub(crate) openings: Option<Vec<Standing>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    /// From the first frame to the last answer.
    pub(crate) took: Duration,
    pub(crate) durability: Durability,
    /// Frames in flight on each connection, as far as the daemon allowed.
    pub(crate) in_flight: u32,
    pub(crate) books: Option<Books>,
}

/// What all connections share.
struct Run {
    script: Script,
    goal: Goal,
    started_at: Instant,
    /// Operations that have been sent.
    sent: Cell<u64>,
    /// Operations that may be sent in all, where the goal is a time.
    most: u64,
    books: Option<RefCell<Books>>,
    tally: RefCell<Tally>,
}

impl Load {
    /// Connects, runs, and waits for the last answer.
    pub(crate) async fn run(self) -> Result<Measured, Failure> {
        // An open loop has as much in flight as it needs, up to the daemon's limit.
        let wanted = if self.rate.is_some() { 0 } else { self.in_flight.saturating_mul(self.batch) };
        let options = Options { in_flight: wanted, ..self.options.clone() };
        let mut raw = Vec::new();
        for _ in 0..self.connections {
            raw.push(RawConnection::open(&options).await.map_err(client::CallError::Unreachable)?);
        }
        let Some(welcome) = raw.first().map(|connection| connection.welcome.clone()) else {
            return Err(Failure::usage("a bench needs a connection"));
        };
        let in_flight = self.frames_in_flight(&welcome)?;
        let (pacer, schedules) = match self.rate {
            Some(rate) => {
                let (pacer, schedules) = Pacer::start(self.connections, self.batch, rate.get())?;
                (Some(pacer), schedules.into_iter().map(Some).collect())
            }
            None => (None, vec![None; raw.len()]),
        };
        let keys = self.keys;
        let script = Script {
            accounts_from: self.accounts.from,
            batch: self.batch,
            mix: self.mix,
            amount: self.amount.0,
            ttl_ms: self.ttl_ms,
        };
        let tally = RefCell::new(Tally::new()?);
        let started_at = Instant::now();
        let books = self.openings.map(|openings| RefCell::new(new_books(openings, self.goal, &welcome, started_at)));
        let most = if books.is_some() { ENTRIES_MAX } else { u64::MAX };
        let run = Rc::new(Run { script, goal: self.goal, started_at, sent: Cell::new(0), most, books, tally });
        let connections = raw.into_iter().zip(schedules);
        let took = run_all(&run, &keys, connections, in_flight).await?;
        drop(pacer);
        let run = Rc::try_unwrap(run).map_err(|_| Failure::bug(&"a connection is still running"))?;
        let (tally, books) = (run.tally.into_inner(), run.books.map(RefCell::into_inner));
        Ok(Measured { tally, took, durability: welcome.durability, in_flight, books })
    }

    /// The daemon closes a connection with more in flight than its limit.
    fn frames_in_flight(&self, welcome: &Welcome) -> Result<u32, Failure> {
        let most = if self.rate.is_some() { u32::MAX } else { self.in_flight };
        let frames = (welcome.in_flight_max / self.batch).min(most);
        if frames == 0 || self.batch > welcome.frame_operations_max {
            let most = welcome.in_flight_max.min(welcome.frame_operations_max);
            return Err(Failure::usage(format!(
                "the daemon takes at most {most} operations at once: a smaller --batch"
            )));
        }
        Ok(frames)
    }
}

/// Books that have place for every operation.
fn new_books(openings: Vec<Standing>, goal: Goal, welcome: &Welcome, started_at: Instant) -> Books {
    let operations = match goal {
        Goal::Operations(operations) => operations,
        Goal::Time(_) => ENTRIES_MAX,
    };
    let terms = Terms {
        entries_max: usize::try_from(operations).unwrap_or(usize::MAX),
        durable: welcome.durability == Durability::Sync,
        uninterrupted: true,
        server_time_ms: welcome.server_time_ms,
    };
    let server_time_ms = welcome.server_time_ms;
    Books { history: History::new(terms, openings), started_at, server_time_ms }
}

/// Runs every connection to its end; the first failure ends all of them.
async fn run_all(
    run: &Rc<Run>,
    keys: &Keys,
    connections: impl Iterator<Item = (RawConnection, Option<Schedule>)>,
    in_flight: u32,
) -> Result<Duration, Failure> {
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for (raw, schedule) in connections {
        let connection = Connection::new(Rc::clone(run), (raw, schedule), keys, in_flight);
        tasks.push(local.spawn_local(connection.drive()));
    }
    let bar = local.spawn_local(show_progress(Rc::clone(run)));
    let result = local
        .run_until(async {
            for task in tasks {
                task.await.map_err(|error| Failure::bug(&error))??;
            }
            Ok(())
        })
        .await;
    let took = run.started_at.elapsed();
    bar.abort();
    // The bar's task still holds the run; it is gone when it has been polled once more.
    let _ = local.run_until(bar).await;
    result.map(|()| took)
}

/// A bar with the throughput so far, on a terminal only.
async fn show_progress(run: Rc<Run>) {
    let total = match run.goal {
        Goal::Operations(operations) => operations,
        Goal::Time(time) => millis(time),
    };
    let bar = progress_bar(total);
    let mut tick = interval(Duration::from_millis(200));
    loop {
        tick.tick().await;
        let done = run.tally.borrow().operations;
        let elapsed_ms = millis(run.started_at.elapsed()).max(1);
        bar.set_message(format!("{} operations/s", done.saturating_mul(1000) / elapsed_ms));
        bar.set_position(match run.goal {
            Goal::Operations(_) => done,
            Goal::Time(_) => elapsed_ms,
        });
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Run {
    /// Operations that may still be sent.
    fn room(&self, now: Instant) -> u32 {
        match self.goal {
            Goal::Operations(operations) => {
                u32::try_from(operations - self.sent.get().min(operations)).unwrap_or(u32::MAX)
            }
            Goal::Time(time) if now.duration_since(self.started_at) < time => {
                u32::try_from(self.most.saturating_sub(self.sent.get())).unwrap_or(u32::MAX)
            }
            Goal::Time(_) => 0,
        }
    }
}

/// A frame under way.
struct Flight {
    slot: usize,
    request_id: u64,
    /// What its latency counts from: when it was sent, or due.
    counts_from: Instant,
    sent_at: Instant,
    operations: u32,
}

/// One connection with its slots.
struct Connection {
    run: Rc<Run>,
    raw: RawConnection,
    slots: Vec<Slot>,
    /// Slots whose frame was answered.
    idle: Vec<usize>,
    /// In the order of their frames.
    flights: VecDeque<Flight>,
    source: Source,
    /// When its frames are due, in an open loop.
    schedule: Option<Schedule>,
    /// The daemon's clock when the connection was made, and this machine's: hold ids carry the daemon's time.
    server_time_ms: u64,
    welcomed_at: Instant,
    next_request_id: u64,
    outbox: Vec<u8>,
    outbox_at: usize,
    inbox_at: usize,
}

impl Connection {
    fn new(run: Rc<Run>, (raw, schedule): (RawConnection, Option<Schedule>), keys: &Keys, in_flight: u32) -> Self {
        let (seed, start) = uuid::Uuid::new_v4().as_u64_pair();
        // A random state of zero would stay zero.
        let mut random = Random(start | 1);
        let keys = keys.begun(&mut random);
        Self {
            server_time_ms: raw.welcome.server_time_ms,
            welcomed_at: Instant::now(),
            run,
            raw,
            slots: (0..in_flight).map(|_| Slot::default()).collect(),
            idle: (0..in_flight as usize).collect(),
            flights: VecDeque::new(),
            source: Source { ids: HoldIds { seed, made: 0 }, random, keys },
            schedule,
            next_request_id: 1,
            outbox: Vec::new(),
            outbox_at: 0,
            inbox_at: 0,
        }
    }

    async fn drive(mut self) -> Result<(), Failure> {
        loop {
            self.fill()?;
            let has_sent_all = self.has_sent_all();
            if self.flights.is_empty() && has_sent_all {
                return self.say_goodbye().await;
            }
            let bell = self.schedule.as_ref().filter(|_| !has_sent_all).map(Schedule::bell);
            self.raw.inbox.reserve(READ_BYTES);
            let (mut read, mut write) = self.raw.stream.split();
            tokio::select! {
                () = due(bell.as_deref()), if bell.is_some() => {}
                read = timeout(LAST_ANSWERS, read.read_buf(&mut self.raw.inbox)) => {
                    match read {
                        Ok(Ok(0)) => return Err(lost(&"closed by the daemon")),
                        Ok(Ok(_)) => self.hear()?,
                        Ok(Err(error)) => return Err(lost(&error)),
                        Err(_) => return Err(lost(&"no answer for half a minute")),
                    }
                }
                written = write.write(&self.outbox[self.outbox_at..]), if self.outbox_at < self.outbox.len() => {
                    self.outbox_at += written.map_err(|error| lost(&error))?;
                    if self.outbox_at == self.outbox.len() {
                        self.outbox.clear();
                        self.outbox_at = 0;
                    }
                }
            }
        }
    }

    /// Whether nothing is left to send.
    fn has_sent_all(&self) -> bool {
        self.schedule.is_none() || self.run.room(Instant::now()) == 0
    }

    /// Writes a frame for every idle slot, as long as there is something left to send; in an open loop, those that are due.
    fn fill(&mut self) -> Result<(), Failure> {
        while let Some(slot) = self.idle.last().copied() {
            let now = Instant::now();
            let room = self.run.room(now);
            if room == 0 {
                return Ok(());
            }
            let counts_from = match &mut self.schedule {
                None => now,
                Some(schedule) if schedule.due() > now => return Ok(()),
                Some(schedule) => {
                    let due = schedule.due();
                    schedule.advance();
                    due
                }
            };
            self.idle.pop();
            let request_id = self.next_request_id;
            self.next_request_id += 1;
            let time_ms = self.server_time_ms + millis(now.duration_since(self.welcomed_at));
            let Self { run, slots, source, outbox, .. } = self;
            let operations = slots[slot].write_frame(&run.script, room, request_id, time_ms, source, outbox)?;
            run.sent.set(run.sent.get() + u64::from(operations));
            self.flights.push_back(Flight { slot, request_id, counts_from, sent_at: now, operations });
        }
        Ok(())
    }

    /// Takes every whole frame out of the inbox.
    fn hear(&mut self) -> Result<(), Failure> {
        loop {
            let input = &self.raw.inbox[self.inbox_at..];
            let frame = protocol::decode(input, Expecting::FromServer).map_err(|error| lost(&error))?;
            let Progress::Frame { header, body } = frame else { break };
            let (start, end) = (self.inbox_at + body.start, self.inbox_at + body.end);
            match header.kind {
                FrameKind::Answers => self.answered(header.request_id, start..end)?,
                FrameKind::Close => {
                    let close = Close::decode(&self.raw.inbox[start..end]).map_err(|error| lost(&error))?;
                    return Err(lost(&format!("closed by the daemon: {} {}", close.reason, close.text)));
                }
                FrameKind::Ping => {
                    protocol::encode_pong(&mut self.outbox, header.request_id);
                }
                kind => return Err(lost(&format!("a {kind} came that nobody asked for"))),
            }
            self.inbox_at = end;
        }
        self.raw.inbox.drain(..self.inbox_at);
        self.inbox_at = 0;
        Ok(())
    }

    fn answered(&mut self, request_id: u64, body: std::ops::Range<usize>) -> Result<(), Failure> {
        let Some(flight) = self.flights.pop_front().filter(|flight| flight.request_id == request_id) else {
            return Err(lost(&"an answer came out of order"));
        };
        let mut tally = self.run.tally.borrow_mut();
        let body = &self.raw.inbox[body];
        let slot = &mut self.slots[flight.slot];
        slot.take_answers(&self.run.script, body, &mut tally);
        tally.frame(u64::from(flight.operations), micros(flight.counts_from.elapsed()));
        if let Some(books) = &self.run.books {
            let mut books = books.borrow_mut();
            let since = |at: Instant| micros(at.duration_since(books.started_at));
            let span = Span { start_us: since(flight.sent_at), end_us: since(Instant::now()) + 1 };
            slot.record(&self.run.script, body, &mut books.history, span);
        }
        self.idle.push(flight.slot);
        Ok(())
    }

    async fn say_goodbye(mut self) -> Result<(), Failure> {
        let mut frame = Vec::new();
        Close::new(CloseReason::Goodbye, "").encode(&mut frame, 0).map_err(|error| Failure::bug(&error))?;
        // All answers have come; that the farewell may not arrive harms nobody.
        let _ = self.raw.stream.write_all(&frame).await;
        Ok(())
    }
}

/// Ends when a frame is due.
async fn due(bell: Option<&Notify>) {
    match bell {
        Some(bell) => bell.notified().await,
        None => std::future::pending().await,
    }
}

fn lost(cause: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Unreachable, "unreachable", format!("the bench lost its connection: {cause}"))
}

#[cfg(test)]
mod tests;
