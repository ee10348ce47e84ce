//! Every metric of the daemon: its name, what it means, and what is counted for it. Base units; no account in a label.
//!
//! Counters and gauges go through the `metrics` facade. Durations are kept in HDR histograms that take many equal values
//! in one step, because a chunk of operations is measured at once; they are shown in Prometheus' form with fixed bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use protocol::{Answer, CloseReason, Outcome};
use wallet::audit::Invariant;
use wallet::resets::ResetTotals;

use crate::resets::{ResetKind, Resets};

mod flows;
mod histogram;
mod tally;

pub use flows::{Flow, Flows};
pub use histogram::Histogram;
pub use tally::{Op, Tally};

/// What kind of metric a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How values are distributed.
    Histogram,
}

macro_rules! metrics {
    ($($name:ident = $text:literal $kind:ident $help:literal,)*) => {
        $(#[doc = $help] pub const $name: &str = $text;)*
        /// Every metric: name, kind, meaning.
        pub const ALL: &[(&str, Kind, &str)] = &[$(($text, Kind::$kind, $help),)*];
    };
}

metrics! {
    BUILD_INFO = "creditd_build_info" Gauge "Always 1; the label says which version runs.",
    REQUESTS = "creditd_requests_total" Counter "Answers given, by operation and outcome.",
    REQUEST_DURATION = "creditd_request_duration_seconds" Histogram "From the arrival of an operation to the writing of its durable answer.",
    CONNECTIONS = "creditd_connections" Gauge "Open connections of the binary protocol.",
    CONNECTIONS_CLOSED = "creditd_connections_closed_total" Counter "Connections that the daemon ended, by the reason of the close.",
    CREDITS = "creditd_credits_total" Counter "Credits that moved since the start, by flow and bucket.",
    HOLDS_OPEN = "creditd_holds_open" Gauge "Holds that are neither settled, released nor expired.",
    OLDEST_HOLD_AGE = "creditd_oldest_hold_age_seconds" Gauge "Age of the oldest open hold; 0 without one.",
    WALLETS = "creditd_wallets" Gauge "Accounts that are open.",
    SYNC_DURATION = "creditd_journal_sync_duration_seconds" Histogram "Appending and syncing one group of the journal.",
    SYNC_RUNNING = "creditd_journal_sync_running_seconds" Gauge "How long the append, sync or removal of files of the journal that is under way has taken so far; 0 while none is.",
    GROUP_RECORDS = "creditd_journal_group_records" Histogram "Records made durable by one sync.",
    JOURNAL_BYTES = "creditd_journal_bytes_total" Counter "Bytes appended to the journal since the start.",
    JOURNAL_POSITION = "creditd_journal_position" Gauge "The last durable record.",
    PROJECTION_LAG = "creditd_projection_lag_records" Gauge "Durable records that a projection has not reached yet.",
    TIMER_LAG = "creditd_timer_lag_seconds" Gauge "How late a tick of the timers was at most, within the last minute.",
    TIMERS = "creditd_timers" Gauge "Live timers: ends of holds, ends of credit cycles, ends of days by zone, housekeeping.",
    RESET_WALLETS = "creditd_reset_wallets_total" Counter "Wallets that were rolled over a boundary since the start, by kind; in bulk, by requests, and at the start.",
    RESET_DURATION = "creditd_reset_duration_seconds" Histogram "Rolling in bulk all wallets that were due, from the first to the last.",
    AUDIT_VIOLATIONS = "creditd_audit_violations_total" Counter "Violations of the invariants that the auditor found, by invariant. Anything but 0 pages.",
    AUDIT_ROUNDS = "creditd_audit_rounds_total" Counter "Rounds of the auditor over all wallets and open holds.",
    OVERLOAD_REFUSED = "creditd_overload_refused_total" Counter "Reserves and charges that the edge refused because the journal or a projection was behind.",
    READ_ONLY = "creditd_read_only" Gauge "1 while reserves and charges are refused because disk space is low.",
    CLOCK_SUSPECT = "creditd_clock_suspect" Gauge "1 while a forward step of the wall clock is not believed.",
    CONFIG_LOADED = "creditd_config_loaded_timestamp_seconds" Gauge "When the configuration was loaded, seconds since 1970.",
}

/// The daemon's metrics; shared by every task.
pub struct Metrics {
    exporter: PrometheusHandle,
    /// By operation and outcome, registered when first counted.
    requests: Vec<OnceLock<Counter>>,
    durations: Vec<Histogram>,
    sync: Histogram,
    group: Histogram,
    journal_bytes: Counter,
    overload_refused: Counter,
    connections: AtomicU64,
    /// By reason.
    closed: Vec<Counter>,
    flows: Arc<Flows>,
}

/// What the gauges show, read when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// Open accounts.
    pub wallets: u64,
    /// Open holds.
    pub holds_open: u64,
    /// Age of the oldest of them, in milliseconds.
    pub oldest_hold_age_ms: u64,
    /// The last durable record.
    pub position: u64,
    /// Durable records that the projections have not reached.
    pub lag: u64,
    /// How late a tick was at most within the last minute, in milliseconds.
    pub timer_lag_ms: u64,
    /// Violations that were found, by invariant.
    pub violations: [u64; Invariant::ALL.len()],
    /// Rounds of the auditor.
    pub audit_rounds: u64,
    /// Whether the wall clock is not believed.
    pub clock_suspect: bool,
    /// What resets came to.
    pub resets: ResetTotals,
    /// Timers of hold ends, of cycle ends, of the ends of days, and of housekeeping.
    pub timers: [u64; 4],
    /// Whether reserves and charges are refused because disk space is low.
    pub read_only: bool,
    /// How long the append or sync that is under way has taken so far, in milliseconds.
    pub sync_running_ms: u64,
}

impl Metrics {
    /// Installs the recorder of this process, or joins the one that is there (tests start several daemons).
    #[must_use]
    pub fn install(loaded_at_seconds: u64) -> Arc<Self> {
        static EXPORTER: OnceLock<PrometheusHandle> = OnceLock::new();
        let exporter = EXPORTER.get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // It fails only where another recorder was installed before; then that one's owner shows the counters.
            drop(metrics::set_global_recorder(recorder));
            describe();
            handle
        });
        gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self::config_loaded(loaded_at_seconds);
        let flows = Arc::new(Flows::default());
        let seconds = Histogram::of_seconds;
        Arc::new(Self {
            exporter: exporter.clone(),
            requests: (0..Op::ALL.len() * Outcome::ALL.len()).map(|_| OnceLock::new()).collect(),
            durations: Op::ALL.iter().map(|_| seconds()).collect(),
            sync: seconds(),
            group: Histogram::of_counts(&histogram::RECORDS),
            journal_bytes: counter!(JOURNAL_BYTES),
            overload_refused: counter!(OVERLOAD_REFUSED),
            connections: AtomicU64::new(0),
            closed: CloseReason::ALL
                .iter()
                .map(|reason| counter!(CONNECTIONS_CLOSED, "reason" => reason.name()))
                .collect(),
            flows,
        })
    }

    /// Adds what a connection has counted, and empties it.
    pub fn add(&self, tally: &mut Tally) {
        tally.drain(|op, outcome, times| {
            let cell = &self.requests[op.index() * Outcome::ALL.len() + outcome];
            let name = Outcome::ALL[outcome].name();
            cell.get_or_init(|| counter!(REQUESTS, "op" => op.name(), "outcome" => name)).increment(times);
        });
    }

    /// Counts a connection that the daemon ended.
    pub fn closed(&self, reason: CloseReason) {
        let place = CloseReason::ALL.iter().position(|known| *known == reason);
        if let Some(counter) = place.and_then(|place| self.closed.get(place)) {
            counter.increment(1);
        }
    }

    /// Notes how long equal operations took, all at once.
    pub fn took(&self, op: Op, duration: Duration, times: u64) {
        self.durations[op.index()].record(micros(duration), times);
    }

    /// Notes a group of the journal.
    pub fn group(&self, records: u32, bytes: usize, duration: Duration) {
        self.sync.record(micros(duration), 1);
        self.group.record(u64::from(records), 1);
        self.journal_bytes.increment(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Notes that a configuration is in force from now on.
    pub fn config_loaded(at_seconds: u64) {
        gauge!(CONFIG_LOADED).set(float(at_seconds));
    }

    /// What the journal's link counts credits with.
    #[must_use]
    pub fn flows(&self) -> Arc<Flows> {
        Arc::clone(&self.flows)
    }

    /// Notes reserves and charges that the edge refused.
    pub fn refused(&self, times: u64) {
        self.overload_refused.increment(times);
    }

    /// Counts a connection for as long as the guard lives.
    #[must_use]
    pub fn connection(self: &Arc<Self>) -> OpenConnection {
        // Relaxed: a figure for people; nothing is decided by it.
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Everything in Prometheus' text form.
    #[must_use]
    pub fn render(&self, levels: &Levels, resets: &Resets) -> String {
        gauge!(CONNECTIONS).set(float(self.connections.load(Ordering::Relaxed)));
        gauge!(WALLETS).set(float(levels.wallets));
        gauge!(HOLDS_OPEN).set(float(levels.holds_open));
        gauge!(OLDEST_HOLD_AGE).set(float(levels.oldest_hold_age_ms) / 1_000.0);
        gauge!(JOURNAL_POSITION).set(float(levels.position));
        projection_lag("state").set(float(levels.lag));
        projection_lag("holds").set(float(levels.lag));
        for (invariant, violations) in Invariant::ALL.into_iter().zip(levels.violations) {
            counter!(AUDIT_VIOLATIONS, "invariant" => invariant.number()).absolute(violations);
        }
        counter!(AUDIT_ROUNDS).absolute(levels.audit_rounds);
        gauge!(TIMER_LAG).set(float(levels.timer_lag_ms) / 1_000.0);
        gauge!(CLOCK_SUSPECT).set(f64::from(u8::from(levels.clock_suspect)));
        for (kind, timers) in ["hold", "cycle", "day", "housekeeping"].into_iter().zip(levels.timers) {
            gauge!(TIMERS, "kind" => kind).set(float(timers));
        }
        let reset = |kind: &'static str, wallets| counter!(RESET_WALLETS, "kind" => kind).absolute(wallets);
        reset("day", levels.resets.days);
        reset("cycle", levels.resets.cycles);
        reset("lapse", levels.resets.lapses);
        gauge!(READ_ONLY).set(f64::from(u8::from(levels.read_only)));
        gauge!(SYNC_RUNNING).set(float(levels.sync_running_ms) / 1_000.0);
        let mut text = self.exporter.render();
        self.flows.render(&mut text, (CREDITS, help(CREDITS)), &levels.resets);
        histogram::head(&mut text, RESET_DURATION, help(RESET_DURATION));
        for kind in ResetKind::ALL {
            let label = format!("kind=\"{}\"", kind.name());
            resets.durations(*kind).render(&mut text, RESET_DURATION, &label);
        }
        histogram::head(&mut text, REQUEST_DURATION, help(REQUEST_DURATION));
        for op in Op::ALL {
            let label = format!("op=\"{}\"", op.name());
            self.durations[op.index()].render(&mut text, REQUEST_DURATION, &label);
        }
        histogram::head(&mut text, SYNC_DURATION, help(SYNC_DURATION));
        self.sync.render(&mut text, SYNC_DURATION, "");
        histogram::head(&mut text, GROUP_RECORDS, help(GROUP_RECORDS));
        self.group.render(&mut text, GROUP_RECORDS, "");
        text
    }
}

/// A connection that is counted until this is dropped.
pub struct OpenConnection(Arc<Metrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tally {
    /// Counts one answer.
    #[inline]
    pub fn count_answer(&mut self, op: Op, answer: &Answer) {
        self.count(op, answer.outcome);
    }
}

fn describe() {
    for (name, kind, help) in ALL {
        match kind {
            Kind::Counter if *name == CREDITS => {}
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram => {}
        }
    }
}

fn help(name: &str) -> &'static str {
    ALL.iter().find(|(known, ..)| *known == name).map_or("", |(_, _, help)| help)
}

fn projection_lag(projection: &'static str) -> Gauge {
    gauge!(PROJECTION_LAG, "projection" => projection)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Gauges are floats by their format; figures beyond 2^53 lose their last digits there.
#[expect(clippy::cast_precision_loss, reason = "the exposition format has no integers")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
