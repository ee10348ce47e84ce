//! The load beside a boundary: an open loop. Frames are due at a fixed rate, whether those before are answered or not.
//!
//! A frame's latency counts from when it was sent; from when it was due if the sender was late, so that whatever holds up
//! the load shows. Times are kept for every frame: which of them were beside the boundary is known afterwards.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use client::{Options, RawConnection};
use protocol::{Answers, Body, Close, CloseReason, Expecting, FrameKind, Progress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use crate::bench::keys::{Keys, Spread};
use crate::bench::mix::Mix;
use crate::bench::setup::Accounts;
use crate::bench::slot::{HoldIds, Random, Script, Slot, Source};
use crate::bench::tally::Tally;
use crate::bench::time::accounts::lost;
use crate::exit::Failure;

/// Connections of the load.
const CONNECTIONS: u32 = 4;
/// Operations of a frame.
const BATCH: u32 = 100;
/// Millicredits of each reserve or charge: nobody runs out of them.
const AMOUNT: u64 = 10;
/// How long its holds stay open; they are settled in the next frame.
const TTL_MS: u32 = 60_000;
/// A sender is late when it is later than its timer may be.
const LATE: Duration = Duration::from_millis(2);
/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;

/// A frame of the load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// When its latency counts from.
    from: Instant,
    pub(crate) sent: Instant,
    answered: Instant,
    /// The next reset that its first answer tells of.
    pub(crate) next_reset_at_ms: u64,
}

/// What a load has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    frames: Vec<Frame>,
    pub(crate) tally: Tally,
}

/// Latencies of the frames of a span, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Latency {
    pub(crate) frames: u32,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Seen {
    /// The frames that counted from within a span.
    pub(crate) fn within(&self, from: Instant, until: Instant) -> Latency {
        Latency::of(self.took_within(from, until))
    }

    /// What each of them took, in microseconds.
    pub(crate) fn took_within(&self, from: Instant, until: Instant) -> Vec<u64> {
        self.frames.iter().filter(|frame| (from..until).contains(&frame.from)).map(Frame::latency_us).collect()
    }

    /// Every frame.
    pub(crate) fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

impl Latency {
    /// That of frames which took so many microseconds.
    pub(crate) fn of(mut took: Vec<u64>) -> Self {
        took.sort_unstable();
        // The smallest that so many hundredths of all do not exceed.
        let at = |hundredths: usize| took.get((took.len() * hundredths).div_ceil(100).saturating_sub(1)).copied();
        let float = |us: Option<u64>| us.and_then(|us| u32::try_from(us).ok()).map_or(0.0, f64::from);
        Self {
            frames: u32::try_from(took.len()).unwrap_or(u32::MAX),
            p50: float(at(50)),
            p99: float(at(99)),
            max: float(took.last().copied()),
        }
    }
}

impl Frame {
    fn latency_us(&self) -> u64 {
        u64::try_from(self.answered.duration_since(self.from).as_micros()).unwrap_or(u64::MAX)
    }
}

/// A load that is running, on a thread of its own.
pub(crate) struct Live {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Seen, Failure>>,
    settles: bool,
}

impl Live {
    /// Starts it: half reserves and half commits of what was granted, or charges alone.
    pub(crate) fn start(options: Options, accounts: Accounts, rate: u32, settles: bool) -> Result<Self, Failure> {
        let mix = if settles { "reserve=50,commit=50" } else { "charge=1" };
        let mix: Mix = mix.parse().map_err(|error| Failure::bug(&error))?;
        let script =
            Arc::new(Script { accounts_from: accounts.from, batch: BATCH, mix, amount: AMOUNT, ttl_ms: TTL_MS });
        let keys = Keys::of(Spread::Uniform, accounts.count);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("live".to_owned());
        let thread = thread.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| Failure::bug(&error))?.block_on(run(&options, (&script, &keys), rate, &stopped))
        });
        Ok(Self { stop, thread: thread.map_err(|error| Failure::bug(&error))?, settles })
    }

    /// What it is, for the report.
    pub(crate) fn shape(&self) -> String {
        let what = if self.settles { "half reserves, half commits" } else { "charges" };
        format!("open loop, {CONNECTIONS} connections, frames of {BATCH}, {what}")
    }

    /// Waits for what is under way, and ends it.
    pub(crate) fn end(self) -> Result<Seen, Failure> {
        // Relaxed: nothing else is told by it.
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| Failure::bug(&"the load has panicked"))?
    }
}

async fn run(
    options: &Options,
    (script, keys): (&Arc<Script>, &Keys),
    rate: u32,
    stop: &Arc<AtomicBool>,
) -> Result<Seen, Failure> {
    let interval = Duration::from_secs(1) * BATCH * CONNECTIONS / rate;
    let first = Instant::now() + interval;
    let local = tokio::task::LocalSet::new();
    let mut tasks = Vec::new();
    for number in 0..CONNECTIONS {
        let raw = RawConnection::open(options).await.map_err(client::CallError::Unreachable)?;
        let due = first + interval * number / CONNECTIONS;
        let connection = Connection::new((Arc::clone(script), keys.clone()), raw, (due, interval), Arc::clone(stop))?;
        tasks.push(local.spawn_local(connection.drive()));
    }
    let seen = local.run_until(async {
        let mut frames = Vec::new();
        let mut tally = Tally::new()?;
        for task in tasks {
            let seen = task.await.map_err(|error| Failure::bug(&error))??;
            frames.extend(seen.frames);
            tally.join(seen.tally);
        }
        Ok(Seen { frames, tally })
    });
    seen.await
}

/// A frame without an answer.
struct Flight {
    slot: usize,
    from: Instant,
    sent: Instant,
    operations: u32,
}

struct Connection {
    script: Arc<Script>,
    raw: RawConnection,
    due: Instant,
    interval: Duration,
    stop: Arc<AtomicBool>,
    slots: Vec<Slot>,
    idle: Vec<usize>,
    slots_max: usize,
    flights: VecDeque<Flight>,
    source: Source,
    welcomed_at: Instant,
    outbox: Vec<u8>,
    seen: Seen,
}

impl Connection {
    fn new(
        (script, keys): (Arc<Script>, Keys),
        raw: RawConnection,
        (due, interval): (Instant, Duration),
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let (seed, start) = uuid::Uuid::new_v4().as_u64_pair();
        Ok(Self {
            due,
            interval,
            stop,
            slots: Vec::new(),
            idle: Vec::new(),
            slots_max: (raw.welcome.in_flight_max / script.batch) as usize,
            script,
            raw,
            flights: VecDeque::new(),
            // A random state of zero would stay zero.
            source: Source { ids: HoldIds { seed, made: 0 }, random: Random(start | 1), keys },
            welcomed_at: Instant::now(),
            outbox: Vec::new(),
            seen: Seen { frames: Vec::new(), tally: Tally::new()? },
        })
    }

    async fn drive(mut self) -> Result<Seen, Failure> {
        let mut outbox_at = 0;
        loop {
            let stopping = self.stop.load(Ordering::Relaxed);
            if stopping && self.flights.is_empty() {
                return self.say_goodbye().await;
            }
            let has_room = stopping || self.send_due()?;
            self.raw.inbox.reserve(READ_BYTES);
            let (mut read, mut write) = self.raw.stream.split();
            tokio::select! {
                read = read.read_buf(&mut self.raw.inbox) => {
                    if read.map_err(|error| lost(&error))? == 0 {
                        return Err(lost(&"closed by the daemon"));
                    }
                    self.hear()?;
                }
                written = write.write(&self.outbox[outbox_at..]), if outbox_at < self.outbox.len() => {
                    outbox_at += written.map_err(|error| lost(&error))?;
                    if outbox_at == self.outbox.len() {
                        self.outbox.clear();
                        outbox_at = 0;
                    }
                }
                () = sleep_until(self.due), if has_room && !stopping => {}
            }
        }
    }

    /// Writes the frames that are due, and says whether there is room for more.
    fn send_due(&mut self) -> Result<bool, Failure> {
        loop {
            let now = Instant::now();
            if self.due > now {
                return Ok(true);
            }
            let Some(slot) = self.idle_slot() else { return Ok(false) };
            let since = u64::try_from(now.duration_since(self.welcomed_at).as_millis()).unwrap_or(u64::MAX);
            let time_ms = self.raw.welcome.server_time_ms + since;
            let Self { script, slots, source, outbox, .. } = self;
            let operations = slots[slot].write_frame(script, script.batch, 1, time_ms, source, outbox)?;
            let from = if now.duration_since(self.due) > LATE { self.due } else { now };
            self.flights.push_back(Flight { slot, from, sent: now, operations });
            self.due += self.interval;
        }
    }

    fn idle_slot(&mut self) -> Option<usize> {
        self.idle.pop().or_else(|| {
            let next = self.slots.len();
            (next < self.slots_max).then(|| {
                self.slots.push(Slot::default());
                next
            })
        })
    }

    /// Takes every whole frame out of the inbox.
    fn hear(&mut self) -> Result<(), Failure> {
        let mut at = 0;
        while let Progress::Frame { header, body } =
            protocol::decode(&self.raw.inbox[at..], Expecting::FromServer).map_err(|error| lost(&error))?
        {
            if header.kind != FrameKind::Answers {
                return Err(lost(&format!("a {} came", header.kind)));
            }
            self.answered(at + body.start..at + body.end)?;
            at += body.end;
        }
        self.raw.inbox.drain(..at);
        Ok(())
    }

    fn answered(&mut self, body: std::ops::Range<usize>) -> Result<(), Failure> {
        let Some(flight) = self.flights.pop_front() else { return Err(lost(&"an answer to nothing")) };
        let answered = Instant::now();
        let body = &self.raw.inbox[body];
        let Seen { frames, tally } = &mut self.seen;
        self.slots[flight.slot].take_answers(&self.script, body, tally);
        let first = Answers::of_body(body).next().and_then(Result::ok);
        let frame = Frame {
            from: flight.from,
            sent: flight.sent,
            answered,
            next_reset_at_ms: first.map_or(0, |answer| answer.next_reset_at_ms),
        };
        tally.frame(u64::from(flight.operations), frame.latency_us());
        frames.push(frame);
        self.idle.push(flight.slot);
        Ok(())
    }

    async fn say_goodbye(mut self) -> Result<Seen, Failure> {
        let mut frame = Vec::new();
        Close::new(CloseReason::Goodbye, "").encode(&mut frame, 0).map_err(|error| Failure::bug(&error))?;
        // All answers have come; that the farewell may not arrive harms nobody.
        let _ = self.raw.stream.write_all(&frame).await;
        Ok(self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_span() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let frame =
            |due: u64, took: u64| Frame { from: at(due), sent: at(due), answered: at(due + took), next_reset_at_ms: 0 };
        let mut frames: Vec<Frame> = (0..100).map(|number| frame(number, number + 1)).collect();
        frames.push(frame(100, 5_000));
        let seen = Seen { frames, tally: Tally::new().unwrap() };
        let all = seen.within(at(0), at(100));
        assert_eq!(all, Latency { frames: 100, p50: 50_000.0, p99: 99_000.0, max: 100_000.0 });
        assert_eq!(seen.within(at(100), at(101)).max, 5_000_000.0);
        assert_eq!(seen.within(at(200), at(300)), Latency::default());
    }
}
