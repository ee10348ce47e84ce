//! The view of resets: what comes next, and the last runs.

use crate::limits::{BOUNDARIES_SHOWN_MAX, RESET_RUNS_SHOWN_MAX, ZONE_BYTES_MAX};
use crate::numbered::numbered;
use crate::text::{List, Text};

numbered! {
    /// What is reset in bulk.
    pub enum ResetKind: u8, from_u8 {
        /// The free credits of a day (R5).
        Day = 1 "day",
        /// Credit cycles and lapses (R10).
        Cycle = 2 "cycle",
    }
}

/// The next resets, and the last.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ResetsView {
    /// The daemon's time, milliseconds since 1970.
    pub now_ms: u64,
    /// Zones that have wallets; of more than are shown those come first whose day ends first.
    pub zones: u32,
    /// Their next boundaries, soonest first.
    pub days: List<DayBoundaryView, BOUNDARIES_SHOWN_MAX>,
    /// The next end of a credit cycle, by a new one or a lapse, milliseconds since 1970; 0 = none.
    pub next_cycle_end_ms: u64,
    /// Wallets whose cycle ends within an hour; those that are due and not rolled yet count.
    pub cycles_in_hour: u64,
    /// The same within 24 hours.
    pub cycles_in_day: u64,
    /// The last runs in bulk, the latest first.
    pub runs: List<ResetRunView, RESET_RUNS_SHOWN_MAX>,
}

/// The end of the running day in one zone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DayBoundaryView {
    /// IANA zone.
    pub zone: Text<ZONE_BYTES_MAX>,
    /// The running day, days since 1970-01-01.
    pub day: u32,
    /// Its end, milliseconds since 1970.
    pub ends_at_ms: u64,
    /// Wallets in the zone.
    pub wallets: u64,
}

/// One run over the wallets that were due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ResetRunView {
    /// What was reset.
    pub kind: ResetKind,
    /// When it began, milliseconds since 1970.
    pub started_at_ms: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Wallets that it rolled; requests had rolled others before.
    pub wallets: u64,
    /// Millicredits that new cycles opened with; of days what the ended ones had begun with, where something was drawn from
    /// them (R5).
    pub granted: u64,
    /// Millicredits that were left of the ended cycles, or of days that something was drawn from.
    pub expired: u64,
}
