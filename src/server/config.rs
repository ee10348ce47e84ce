//! The configuration: one struct per part, every key with unit, default and least value; `config/default.toml` says the same.
//!
//! The order of precedence: defaults, then the file, then the environment (`CREDITD_JOURNAL__DURABILITY=interval`), then
//! the flags of the command line. A key that nobody knows is an error, with its line and the nearest name.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter;
use wallet::credits::Credits;

mod load;
mod settings;

pub use load::ConfigError;
pub use settings::{Contradiction, Deadlines, Settings};

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Addresses, connections, deadlines.
    pub server: ServerPart,
    /// Where the data is.
    pub data: DataPart,
    /// Group commit.
    pub journal: JournalPart,
    /// What follows the journal.
    pub projection: ProjectionPart,
    /// The daily allowance.
    pub free: FreePart,
    /// Holds.
    pub holds: HoldsPart,
    /// Refunds.
    pub refunds: RefundsPart,
    /// Plans and prices.
    pub catalog: CatalogPart,
    /// What happens at a start.
    pub recovery: RecoveryPart,
    /// The daemon's time.
    pub clock: ClockPart,
    /// What is written to standard error.
    pub log: LogPart,
    /// The check of what is flushed, while the daemon runs.
    pub audit: AuditPart,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerPart {
    /// Address of the binary protocol; port 0 picks one. Loopback only.
    pub listen: SocketAddr,
    /// Address of the HTTP port; port 0 picks one. Loopback only.
    pub http: SocketAddr,
    /// Threads that run requests; 0 = one per core.
    pub worker_threads: usize,
    /// Connections at most; at least 1.
    pub connections_max: u32,
    /// Operations without an answer that one connection may have at most; at least 8190 (one frame).
    pub in_flight_operations_max: u32,
    /// Messages to one connection that wait for their sync or for the network; at least 1.
    pub out_queue_messages: usize,
    /// A hello must have come after so many milliseconds; at least 10.
    pub handshake_timeout_ms: u32,
    /// A frame that has begun must be whole after so many milliseconds; at least 10.
    pub frame_timeout_ms: u32,
    /// A connection on which nothing comes for so many milliseconds is closed; 0 = never.
    pub idle_timeout_ms: u32,
    /// Answers that are not read for so many milliseconds close the connection; at least 10.
    pub write_timeout_ms: u32,
    /// How long new reserves and charges wait for room in the journal before `overloaded`, in milliseconds.
    pub overload_wait_ms: u32,
    /// What `overloaded` tells the caller to wait, in milliseconds; at least 1.
    pub overload_retry_after_ms: u32,
    /// How long a stop waits for what is in flight, in milliseconds; a second signal waits no longer.
    pub drain_timeout_ms: u32,
    /// Connections at most that have not shaken hands yet, until their sockets are closed; at least 1. They take no place of
    /// those that have.
    pub handshakes_max: u32,
}

impl Default for ServerPart {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7411)),
            http: SocketAddr::from(([127, 0, 0, 1], 7412)),
            worker_threads: 0,
            connections_max: 1024,
            in_flight_operations_max: 32_768,
            out_queue_messages: 64,
            handshake_timeout_ms: 5_000,
            frame_timeout_ms: 10_000,
            idle_timeout_ms: 300_000,
            write_timeout_ms: 10_000,
            overload_wait_ms: 200,
            overload_retry_after_ms: 500,
            drain_timeout_ms: 10_000,
            handshakes_max: 256,
        }
    }
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataPart {
    /// The data folder, made by `creditd init`.
    pub dir: PathBuf,
}

impl Default for DataPart {
    fn default() -> Self {
        Self { dir: PathBuf::from("/var/lib/creditd") }
    }
}

/// When a positive answer may leave (I3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurabilityKey {
    /// After its record is synced.
    #[default]
    Sync,
    /// Before the sync, which follows at most `interval_ms` later; every answer says so.
    Interval,
    /// Nothing is kept: for tests.
    Memory,
}

impl DurabilityKey {
    /// The word in the configuration, in the ready line and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Interval => "interval",
            Self::Memory => "memory",
        }
    }
}

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalPart {
    /// When a positive answer may leave.
    pub durability: DurabilityKey,
    /// With `durability = "interval"`: the longest time between two syncs in milliseconds; at least 1.
    pub interval_ms: u64,
    /// Records on their way to the disk at most; at least 32768.
    pub room_records: u32,
    /// Of these, kept for settlements and expiries; less than the whole.
    pub settlement_share_records: u32,
    /// Free bytes on the disk of the data folder below which reserves and charges are `not_durable_now`; 0 = never.
    pub disk_low_bytes: u64,
    /// Bytes of a file of the journal, and of what is in memory until it is one; 64 KiB to 256 MiB.
    pub file_bytes: u64,
    /// How long an append, a sync or a removal of files may be under way before the daemon is not ready, in milliseconds; at least 1.
    pub sync_max_ms: u64,
}

impl Default for JournalPart {
    fn default() -> Self {
        Self {
            durability: DurabilityKey::Sync,
            interval_ms: 10,
            room_records: 262_144,
            settlement_share_records: 65_536,
            disk_low_bytes: 1 << 30,
            file_bytes: 64 * 1024 * 1024,
            sync_max_ms: 5_000,
        }
    }
}

/// `[projection]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectionPart {
    /// Records that a projection may be behind before reserves and charges are refused; at least 1024.
    pub lag_max: u64,
    /// Records that a projection may fall behind while requests keep the cores busy; 0 to `lag_max`.
    pub yield_max: u64,
    /// The longest time between two flushes in milliseconds; 100 to 60000.
    pub flush_interval_ms: u64,
    /// Bytes of journal between two flushes at most; 1 to 256 MiB.
    pub flush_bytes: u64,
}

impl Default for ProjectionPart {
    fn default() -> Self {
        Self { lag_max: 20_000_000, yield_max: 4_000_000, flush_interval_ms: 30_000, flush_bytes: 32 * 1024 * 1024 }
    }
}

/// Who gets the daily allowance (R5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreeEligible {
    /// Accounts without an active subscription.
    #[default]
    Unsubscribed,
    /// Everybody.
    All,
}

/// `[free]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FreePart {
    /// Credits a day, with at most three decimals, at most 134217.727 (R5).
    #[serde(with = "load::credits_text")]
    pub allowance: Credits,
    /// Who gets it.
    pub eligible: FreeEligible,
}

impl Default for FreePart {
    fn default() -> Self {
        Self { allowance: Credits::from_whole(100), eligible: FreeEligible::Unsubscribed }
    }
}

/// Which hold ids are taken (R22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldIds {
    /// UUIDv7: the id's own time bounds how long it must be remembered.
    #[default]
    UuidV7,
    /// Any id but nil: what is still remembered is all the protection against a second charge.
    Any,
}

/// What a commit after the expiry record does (R28).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateCommit {
    /// It takes the amount from the wallet as it is now.
    #[default]
    Redebit,
    /// It is refused with `hold_expired`.
    Reject,
}

/// `[holds]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoldsPart {
    /// Which ids are taken.
    pub ids: HoldIds,
    /// How old an unknown id may be, in milliseconds; at least 10000 (R22).
    pub id_window_ms: u64,
    /// How far ahead of the daemon's clock an id may be, in milliseconds.
    pub id_ahead_ms: u64,
    /// The hold time of a reserve that states none, in milliseconds; 1 to `ttl_max_ms`.
    pub ttl_default_ms: u32,
    /// The longest hold time in milliseconds; at most 24 h (R23).
    pub ttl_max_ms: u32,
    /// The longest age that `extend` can reach, in milliseconds; at least `ttl_max_ms`.
    pub age_max_ms: u64,
    /// Holds in memory at most, open and ended; beyond, reserves are `overloaded`; at least 1024 (R32).
    pub memory_max: u64,
    /// What a commit after expiry does.
    pub late_commit: LateCommit,
}

impl Default for HoldsPart {
    fn default() -> Self {
        Self {
            ids: HoldIds::UuidV7,
            id_window_ms: 300_000,
            id_ahead_ms: 60_000,
            ttl_default_ms: 600_000,
            ttl_max_ms: protocol::limits::HOLD_TTL_MS_MAX,
            age_max_ms: 86_400_000,
            memory_max: 50_000_000,
            late_commit: LateCommit::Redebit,
        }
    }
}

/// What happens to refunded credits of an ended period (R24, R27).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedPeriod {
    /// They are gone.
    #[default]
    Forfeit,
    /// They go to the running period of the same bucket, where it has a grant.
    RestoreToCurrent,
}

/// `[refunds]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefundsPart {
    /// How long after its end a hold can be refunded, in days; at least 1.
    pub window_days: u32,
    /// Credits of an ended period, by reason.
    pub provider_error: EndedPeriod,
    /// As above.
    pub timeout: EndedPeriod,
    /// As above.
    pub safety_block: EndedPeriod,
    /// As above.
    pub user_cancel: EndedPeriod,
    /// As above.
    pub duplicate: EndedPeriod,
    /// As above.
    pub goodwill: EndedPeriod,
}

impl Default for RefundsPart {
    fn default() -> Self {
        Self {
            window_days: 30,
            provider_error: EndedPeriod::Forfeit,
            timeout: EndedPeriod::Forfeit,
            safety_block: EndedPeriod::Forfeit,
            user_cancel: EndedPeriod::Forfeit,
            duplicate: EndedPeriod::Forfeit,
            goodwill: EndedPeriod::Forfeit,
        }
    }
}

/// `[catalog]`: the two files of their own that a reload reads again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogPart {
    /// The plans and bundles; empty = the sample that comes with the program. Relative to the configuration's folder.
    pub plans: PathBuf,
    /// The rate card; empty = the sample that comes with the program. Relative to the configuration's folder.
    pub rates: PathBuf,
}

impl CatalogPart {
    /// Takes relative paths as relative to a folder.
    fn relative_to(&mut self, folder: &Path) {
        for path in [&mut self.plans, &mut self.rates] {
            if !path.as_os_str().is_empty() && path.is_relative() {
                *path = folder.join(&*path);
            }
        }
    }
}

/// `[recovery]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecoveryPart {
    /// After a start no hold expires before so many milliseconds have passed.
    pub hold_grace_ms: u64,
}

impl Default for RecoveryPart {
    fn default() -> Self {
        Self { hold_grace_ms: 60_000 }
    }
}

/// `[clock]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockPart {
    /// A forward step of the wall clock beyond so many milliseconds is not believed; at least 1000.
    pub forward_step_max_ms: u64,
    /// At a start the wall clock may be so many milliseconds ahead of the journal's last group; at least 1000.
    pub start_step_max_ms: u64,
}

impl Default for ClockPart {
    fn default() -> Self {
        Self { forward_step_max_ms: 3_600_000, start_step_max_ms: 30 * 86_400_000 }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogPart {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,journal=debug`.
    pub filter: String,
}

impl LogPart {
    /// The directives of the filter. What they say of a field is text: as a regular expression, a line of the file could
    /// take all memory.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn directives(&self) -> Result<EnvFilter, filter::ParseError> {
        EnvFilter::builder().with_regex(false).parse(&self.filter)
    }
}

impl Default for LogPart {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// `[audit]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditPart {
    /// The pause between two slices in milliseconds; 0 = no audit.
    pub interval_ms: u64,
    /// Wallets or open holds that one slice reads; 1 to 1000000.
    pub slice_rows: u64,
}

impl Default for AuditPart {
    fn default() -> Self {
        Self { interval_ms: 200, slice_rows: 1_000 }
    }
}

impl Config {
    /// The defaults, the file if there is one, and the environment over both.
    ///
    /// # Errors
    /// The file cannot be read, or a key is unknown or has a value that it does not take.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let config = match file {
            Some(path) => load::from_file(path)?,
            None => Self::default(),
        };
        load::with_environment(config, environment)
    }

    /// The defaults and a file's text over them. `name` is how errors name the file; paths stay as they are written.
    ///
    /// # Errors
    /// A key is unknown or has a value that it does not take.
    pub fn from_text(text: &str, name: &str) -> Result<Self, ConfigError> {
        load::from_text(text, name)
    }

    /// The configuration as TOML, every key stated.
    ///
    /// # Errors
    /// Never for a configuration that was loaded.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        load::to_toml(self)
    }

    /// The keys, as `part.key`, whose values differ from those of another configuration.
    ///
    /// # Errors
    /// Never for configurations that were loaded.
    pub fn differing_keys(&self, other: &Self) -> Result<Vec<String>, ConfigError> {
        load::differing_keys(self, other)
    }

    /// Checks least values and contradictions, and resolves what is left open.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn validate(&self) -> Result<Settings, Contradiction> {
        settings::validate(self)
    }
}

#[cfg(test)]
mod tests;
