//! What the configuration comes to once it is checked: the daemon runs on this and never looks at the file again.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use journal::projections::Options;
use journal::{DurabilityMode, RoomLimits, store};
use protocol::limits::{FRAME_OPERATIONS_MAX, HOLD_TTL_MS_MAX};
use wallet::credits::Credits;
use wallet::record::RefundReason;
use wallet::settings::DAY_MS;

use super::{Config, DurabilityKey, EndedPeriod, HoldIds, LateCommit, LogPart};

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What was checked.
    pub config: Config,
    /// Threads that run requests.
    pub worker_threads: usize,
    /// How durable answers are.
    pub durability: DurabilityMode,
    /// Room for records on their way.
    pub room: RoomLimits,
    /// When connections are given up.
    pub deadlines: Deadlines,
}

impl Settings {
    /// What of it the rules go by.
    #[must_use]
    pub fn rules(&self) -> wallet::settings::Settings {
        let Config { holds, refunds, recovery, .. } = &self.config;
        let by_reason = [
            (RefundReason::ProviderError, refunds.provider_error),
            (RefundReason::Timeout, refunds.timeout),
            (RefundReason::SafetyBlock, refunds.safety_block),
            (RefundReason::UserCancel, refunds.user_cancel),
            (RefundReason::Duplicate, refunds.duplicate),
            (RefundReason::Goodwill, refunds.goodwill),
        ];
        let restores = |(_, ended): &(RefundReason, EndedPeriod)| *ended == EndedPeriod::RestoreToCurrent;
        wallet::settings::Settings {
            id_window_ms: holds.id_window_ms,
            id_ahead_ms: holds.id_ahead_ms,
            any_hold_ids: holds.ids == HoldIds::Any,
            hold_ttl_default_ms: holds.ttl_default_ms,
            hold_ttl_max_ms: holds.ttl_max_ms,
            hold_age_max_ms: holds.age_max_ms,
            late_redebit: holds.late_commit == LateCommit::Redebit,
            restore_on: by_reason.into_iter().filter(restores).map(|(reason, _)| reason).collect(),
            refund_window_ms: u64::from(refunds.window_days) * DAY_MS,
            hold_grace_ms: recovery.hold_grace_ms,
            holds_max: holds.memory_max,
        }
    }
}

/// When connections are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For the hello.
    pub handshake: Duration,
    /// For the rest of a frame.
    pub frame: Duration,
    /// For the next frame; `None` for never.
    pub idle: Option<Duration>,
    /// For a write that the other side does not take.
    pub write: Duration,
    /// For room in the journal, before a reserve is `overloaded`.
    pub room: Duration,
    /// For what is in flight when the daemon stops.
    pub drain: Duration,
}

/// Values that cannot be, or not together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A value below the least or above the largest that its key takes.
    #[error("{key} = {value} is out of range: {least} to {most}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least value.
        least: u64,
        /// The largest value.
        most: u64,
    },
    /// An address that others can reach, without TLS and authentication.
    #[error("{key} = {address} is not a loopback address: without TLS and authentication only loopback is served")]
    NotLoopback {
        /// The key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// Both ports on one address.
    #[error("server.listen and server.http are both {address}")]
    SameAddress {
        /// The address.
        address: SocketAddr,
    },
    /// The log filter cannot be read.
    #[error("log.filter = {filter:?}: {error}")]
    LogFilter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        error: String,
    },
}

pub(super) fn validate(config: &Config) -> Result<Settings, Contradiction> {
    check_addresses(config)?;
    check_ranges(config)?;
    check_filter(&config.log)?;
    let server = &config.server;
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let millis = |value: u32| Duration::from_millis(u64::from(value));
    Ok(Settings {
        worker_threads: if server.worker_threads == 0 { cores() } else { server.worker_threads },
        durability: match config.journal.durability {
            DurabilityKey::Sync => DurabilityMode::Sync,
            DurabilityKey::Interval => DurabilityMode::Interval { interval_ms: config.journal.interval_ms },
            DurabilityKey::Memory => DurabilityMode::Memory,
        },
        room: RoomLimits {
            journal_room_records: config.journal.room_records,
            settlement_share_records: config.journal.settlement_share_records,
        },
        deadlines: Deadlines {
            handshake: millis(server.handshake_timeout_ms),
            frame: millis(server.frame_timeout_ms),
            idle: (server.idle_timeout_ms > 0).then(|| millis(server.idle_timeout_ms)),
            write: millis(server.write_timeout_ms),
            room: millis(server.overload_wait_ms),
            drain: millis(server.drain_timeout_ms),
        },
        config: config.clone(),
    })
}

fn check_addresses(config: &Config) -> Result<(), Contradiction> {
    let (listen, http) = (config.server.listen, config.server.http);
    for (key, address) in [("server.listen", listen), ("server.http", http)] {
        if !address.ip().is_loopback() {
            return Err(Contradiction::NotLoopback { key, address });
        }
    }
    if listen == http && listen.port() != 0 {
        return Err(Contradiction::SameAddress { address: listen });
    }
    Ok(())
}

fn check_ranges(config: &Config) -> Result<(), Contradiction> {
    let Config { server, journal, projection, free, holds, refunds, clock, audit, .. } = config;
    let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    range("server.worker_threads", wide(server.worker_threads), 0, 1024)?;
    range("server.connections_max", server.connections_max, 1, 65_536)?;
    range("server.handshakes_max", server.handshakes_max, 1, 65_536)?;
    range("server.in_flight_operations_max", server.in_flight_operations_max, FRAME_OPERATIONS_MAX, 1 << 20)?;
    range("server.out_queue_messages", wide(server.out_queue_messages), 1, 65_536)?;
    range("server.handshake_timeout_ms", server.handshake_timeout_ms, 10, u32::MAX)?;
    range("server.frame_timeout_ms", server.frame_timeout_ms, 10, u32::MAX)?;
    range("server.write_timeout_ms", server.write_timeout_ms, 10, u32::MAX)?;
    range("server.overload_wait_ms", server.overload_wait_ms, 0, 60_000_u32)?;
    range("server.overload_retry_after_ms", server.overload_retry_after_ms, 1, 3_600_000_u32)?;
    range("journal.interval_ms", journal.interval_ms, 1, 60_000_u64)?;
    range("journal.room_records", journal.room_records, 32_768, 1 << 26)?;
    // The share must hold the largest chunk, and what is left for reserves too.
    let share_most = journal.room_records - 4_096;
    range("journal.settlement_share_records", journal.settlement_share_records, 4_096, share_most)?;
    range("journal.disk_low_bytes", journal.disk_low_bytes, 0, 1_u64 << 50)?;
    range("journal.file_bytes", journal.file_bytes, wide(store::FILE_BYTES_MIN), wide(store::FILE_BYTES_MAX))?;
    range("journal.sync_max_ms", journal.sync_max_ms, 1, 3_600_000_u64)?;
    range("projection.lag_max", projection.lag_max, 1_024, u64::MAX)?;
    range("projection.yield_max", projection.yield_max, 0, projection.lag_max)?;
    range("projection.flush_interval_ms", projection.flush_interval_ms, 100, Options::FLUSH_INTERVAL_MS_MAX)?;
    range("projection.flush_bytes", projection.flush_bytes, 1 << 20, 256_u64 << 20)?;
    range("free.allowance (millicredits)", free.allowance.millis(), 0, FREE_MAX.millis())?;
    range("holds.id_window_ms", holds.id_window_ms, 10_000, 86_400_000_u64)?;
    range("holds.id_ahead_ms", holds.id_ahead_ms, 0, 3_600_000_u64)?;
    range("holds.ttl_max_ms", holds.ttl_max_ms, 1, HOLD_TTL_MS_MAX)?;
    range("holds.ttl_default_ms", holds.ttl_default_ms, 1, holds.ttl_max_ms)?;
    range("holds.age_max_ms", holds.age_max_ms, u64::from(holds.ttl_max_ms), u64::MAX)?;
    range("holds.memory_max", holds.memory_max, 1_024, u64::MAX)?;
    range("refunds.window_days", refunds.window_days, 1, 3_650_u32)?;
    range("clock.forward_step_max_ms", clock.forward_step_max_ms, 1_000, u64::MAX)?;
    range("clock.start_step_max_ms", clock.start_step_max_ms, 1_000, u64::MAX)?;
    range("audit.interval_ms", audit.interval_ms, 0, 3_600_000_u64)?;
    range("audit.slice_rows", audit.slice_rows, 1, 1_000_000_u64)
}

/// The largest gift that the free field of the wallet word takes: half of its 28 bits, so that returns always fit.
const FREE_MAX: Credits = Credits::from_millis((1 << 27) - 1);

fn range<T: Into<u64>>(key: &'static str, value: T, least: T, most: T) -> Result<(), Contradiction> {
    let (value, least, most) = (value.into(), least.into(), most.into());
    if (least..=most).contains(&value) { Ok(()) } else { Err(Contradiction::OutOfRange { key, value, least, most }) }
}

fn check_filter(log: &LogPart) -> Result<(), Contradiction> {
    match log.directives() {
        Ok(_) => Ok(()),
        Err(error) => Err(Contradiction::LogFilter { filter: log.filter.clone(), error: error.to_string() }),
    }
}
